"""IDocs in flat files: records of fixed width, as SAP's file port writes them, to and from the XML form.

A file holds one or several IDocs, each a control record EDI_DC40 (524 characters) and data records EDI_DD40
(63 characters of header, up to 1000 of data). Width counts characters, not bytes. Records end with a line
break, where trailing blanks may be cut off, or follow each other in full width without one. The XML form made
here has the elements that SAP's own XML port would write, so one mapping reads both.

Source: SAP IDoc record types for port version 3 (EDI_DC40, EDI_DD40), and `connectors.erp.sap_segments`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from lxml import etree

from connectors.erp.sap_segments import CONTROL, PARENTS, SEGMENTS, Layout
from formats.errors import MalformedDocument
from formats.syntaxes.kinds import XML_BLANKS

__all__ = ["BreaksOff", "FlatForm", "is_flat", "read_flat", "write_flat"]

_CONTROL_LENGTH: Final = sum(length for _, length in CONTROL)
_HEADER: Final = (("SEGNAM", 30), ("MANDT", 3), ("DOCNUM", 16), ("SEGNUM", 6), ("PSGNUM", 6), ("HLEVEL", 2))
_HEADER_LENGTH: Final = sum(length for _, length in _HEADER)
_RECORD_LENGTH: Final = _HEADER_LENGTH + 1000
_CONTROL_NAME: Final = "EDI_DC40"
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{1,29}\Z")
# Characters that XML cannot hold; SAP pads with them where a field was never filled.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_VERSION: Final = re.compile(r"([A-Z]+2[A-Z0-9_]*?)([0-9]{3})\Z")


# Each field's name, its first character and the one behind its last.
Places = tuple[tuple[str, int, int], ...]


class BreaksOff(MalformedDocument):
    """The file ends in the middle of a record: the rest may still come."""


@dataclass(frozen=True, slots=True)
class FlatForm:
    """How flat files are written here: their character set, and the layout of each segment by its type."""

    encoding: str
    segments: Mapping[str, Layout]

    @classmethod
    def of(cls, encoding: str, own: Mapping[str, Layout]) -> FlatForm:
        """The known segments with a customer's own on top."""
        return cls(encoding, {**SEGMENTS, **own})


def is_flat(content: bytes, form: FlatForm) -> bool:
    """Whether the file begins as a flat IDoc does, in the character set of the form."""
    start = _decoded(content[:400], form, errors="replace")
    return start.lstrip("\r\n").startswith("EDI_DC")


def read_flat(content: bytes, form: FlatForm, where: str) -> tuple[etree._Element, ...]:
    """The IDocs of one file, each an element IDOC as in SAP's XML files.

    Raises BreaksOff where the last record is not whole, MalformedDocument for anything that is not a flat
    IDoc in this form; both name the record.
    """
    try:
        text = _decoded(content, form)
    except UnicodeDecodeError as error:
        raise MalformedDocument(
            f"the file is not written in {form.encoding}: byte {error.start + 1} does not fit",
            where=where,
            fix="set flat_encoding to the character set of the file port in SAP",
        ) from error
    # Characters of the same width each, so that all positions stay.
    text = _FORBIDDEN.sub(" ", text)
    places = {kind: _places(fields) for kind, fields in form.segments.items()}
    builder: _Builder | None = None
    idocs = []
    for number, record in enumerate(_records(text, where), 1):
        place = f"{where}, record {number}"
        if record.startswith(_CONTROL_NAME):
            if builder is not None:
                idocs.append(builder.finished(place))
            builder = _Builder(places, record)
        elif builder is None or record.startswith("EDI_DC"):
            raise _not_flat(f"it begins with {record[:10].strip()!r}", place)
        else:
            builder.add(record, place)
    if builder is None:
        raise BreaksOff("the file is empty", where=where, fix="send the IDoc again from SAP")
    return (*idocs, builder.finished(where))


def write_flat(idoc: etree._Element, form: FlatForm) -> bytes:
    """One IDoc as records with line breaks, for SAP to read; segment names have no version (`E2STATS`).

    A value that is longer than its field is cut; characters that the set does not have become question marks.
    """
    control = idoc.find(_CONTROL_NAME)
    number = "" if control is None else control.findtext("DOCNUM") or ""
    client = "" if control is None else control.findtext("MANDT") or ""
    lines = [_record(CONTROL, control)]
    position = 0
    for segment in idoc.iterchildren(etree.Element):
        name = str(segment.tag)
        if name == _CONTROL_NAME:
            continue
        position += 1
        header = dict(_HEADER)
        values = {
            "SEGNAM": f"{name[0]}2{name[2:]}",
            "MANDT": client,
            "DOCNUM": number,
            "SEGNUM": f"{position:06}",
            "PSGNUM": "000000",
            "HLEVEL": "01",
        }
        start = "".join(values[field][:length].ljust(length) for field, length in header.items())
        lines.append((start + _record(form.segments[name], segment)).ljust(_RECORD_LENGTH))
    return "".join(f"{line}\r\n" for line in lines).encode(form.encoding, "replace")


def _decoded(content: bytes, form: FlatForm, errors: str = "strict") -> str:
    encoding = form.encoding
    if content.startswith(codecs.BOM_UTF8) and codecs.lookup(encoding).name == "utf-8":
        encoding = "utf-8-sig"
    return content.decode(encoding, errors).removeprefix("\ufeff")


def _records(text: str, where: str) -> Iterator[str]:
    """Records without their line ends. Without line breaks the width alone tells where each one ends."""
    if "\n" in text or "\r" in text:
        # Not splitlines: it would also split at characters that may stand in a name.
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        yield from (line for line in lines if line.strip())
        return
    start, width = 0, 0
    while start < len(text):
        control = text.startswith(_CONTROL_NAME, start)
        width = _RECORD_LENGTH
        if control and not text.startswith(" " * (_RECORD_LENGTH - _CONTROL_LENGTH), start + _CONTROL_LENGTH):
            width = _CONTROL_LENGTH
        yield text[start : start + width]
        start += width


class _Builder:
    """One IDoc in the making."""

    def __init__(self, places: Mapping[str, Places], control: str) -> None:
        self._places = places
        self._root = etree.Element("IDOC", BEGIN="1")
        element = etree.SubElement(self._root, _CONTROL_NAME, SEGMENT="1")
        _fill(element, control, _CONTROL_PLACES)
        self._by_number: dict[str, etree._Element] = {}
        self._last: dict[str, etree._Element] = {}
        self._short = len(control.rstrip()) < len("EDI_DC40") + 21

    def add(self, record: str, place: str) -> None:
        header = {}
        start = 0
        for name, length in _HEADER:
            header[name] = record[start : start + length].strip(" ")
            start += length
        kind = _kind(header["SEGNAM"])
        if not _NAME.match(kind):
            raise _not_flat(f"{header['SEGNAM'][:30]!r} is no segment", place)
        if len(record) < _HEADER_LENGTH - 2:
            raise BreaksOff(
                f"the record of segment {kind} ends after {len(record)} characters",
                where=place,
                fix="send the IDoc again from SAP; if it fails again, have IT see the transfer",
            )
        element = etree.SubElement(self._parent(kind, header["PSGNUM"]), kind, SEGMENT="1")
        data = record[_HEADER_LENGTH:]
        places = self._places.get(kind)
        if places is not None:
            _fill(element, data, places)
        elif data.strip():
            # A segment that nobody described is kept as it is, so that nothing of the IDoc is lost.
            etree.SubElement(element, "SDATA").text = data.strip(XML_BLANKS)
        self._by_number[header["SEGNUM"]] = element
        self._last[kind] = element

    def finished(self, place: str) -> etree._Element:
        if self._short or len(self._root) < 2:
            raise BreaksOff(
                "an IDoc has a control record, but no segments",
                where=place,
                fix="send the IDoc again from SAP; if it fails again, have IT see the transfer",
            )
        return self._root

    def _parent(self, kind: str, number: str) -> etree._Element:
        """The element that this segment stands in, as in the XML form.

        For standard segments the basic type says it: in flat files their parent may be E1EDK01, in XML not.
        """
        named = self._by_number.get(number)
        if kind.startswith("E1"):
            wanted = PARENTS.get(kind)
            if wanted is None:
                return self._root
            if named is not None and named.tag == wanted:
                return named
            return self._last.get(wanted, self._root)
        return self._root if named is None else named


def _kind(name: str) -> str:
    """The segment type of a segment definition: E2EDK01005 is E1EDK01, Z2EINVKA000 is Z1EINVKA."""
    if name.startswith("E2ED"):
        return f"E1{name[2:7]}"
    match = _VERSION.match(name)
    stem = match[1] if match else name
    return f"{stem[:1]}1{stem[2:]}" if stem[1:2] == "2" else stem


def _places(layout: Layout) -> Places:
    ends = tuple(accumulate(length for _, length in layout))
    return tuple((name, end - length, end) for (name, length), end in zip(layout, ends, strict=True))


def _fill(element: etree._Element, data: str, places: Places) -> None:
    filled = len(data.rstrip())
    for name, start, end in places:
        if start >= filled:
            return
        value = data[start:end].strip(XML_BLANKS)
        if value:
            etree.SubElement(element, name).text = value


_CONTROL_PLACES: Final = _places(CONTROL)


def _record(layout: Layout, element: etree._Element | None) -> str:
    values = (
        ("" if element is None else " ".join((element.findtext(name) or "").split()))[:length].ljust(length)
        for name, length in layout
    )
    return "".join(values)


def _not_flat(what: str, place: str) -> MalformedDocument:
    return MalformedDocument(
        f"this is not a flat IDoc of record type EDI_DC40: {what}",
        where=place,
        fix="set the port version in SAP to 3 (IDoc record types SAP Release 4.x), or have IT see the file",
    )
