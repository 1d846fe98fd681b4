"""The invoices in a file: a table, JSON, XML, or an e-invoice as it is.

JSON and XML are handed over in the bytes they came in: of a list of invoices each one's own bytes. A table
becomes one JSON document for each invoice (`connectors.erp.files_table`).
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from lxml import etree

from connectors.base import SourceDocument
from connectors.erp.files_format import FormatSettings
from connectors.erp.files_keys import key_of, key_problem
from connectors.erp.files_table import csv_rows, invoices
from connectors.erp.files_xlsx import xlsx_rows
from formats.detection import detect
from formats.errors import DocumentError, MalformedDocument
from formats.registry import SYNTAXES
from formats.syntaxes import xml

__all__ = ["Found", "read_file"]

_JSON: Final = "application/json"
_XML: Final = "application/xml"
_MOST: Final = 200_000
_MOST_PLACES: Final = 60
_BLANKS: Final = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Found:
    """One invoice of a file, or why it cannot be taken. `key` is "" where the invoice does not say it."""

    key: str
    media_type: str
    content: bytes = field(repr=False)
    fingerprint: str = ""
    problem: DocumentError | None = None

    def document(self, file_key: str, revision: str, origin: str) -> SourceDocument:
        """As connectors hand it over; an invoice without a key goes by its file."""
        return SourceDocument(
            self.key or file_key, revision, self.media_type, self.content, 0, origin, self.fingerprint
        )


def read_file(content: bytes, form: FormatSettings, *, file: str, where: str) -> Iterator[Found]:
    """The invoices of one file in their order.

    Raises MalformedDocument where the file as a whole is not what it should be; a single invoice that cannot
    be taken has its `problem` instead. Two different invoices under one number are both such.
    """
    found: list[Found] = []
    problem: DocumentError | None = None
    try:
        found.extend(_storable(_found(content, form, file, where), where))
    except DocumentError as error:
        # What was read before the damage is good; that the file has one is told behind it.
        problem = error
    yield from _distinct(found, where)
    if problem is not None:
        raise problem


def _storable(found: Iterable[Found], where: str) -> Iterator[Found]:
    for one in found:
        problem = key_problem(one.key, where)
        yield one if problem is None else replace(one, key="", problem=problem)


def _distinct(found: list[Found], where: str) -> Iterator[Found]:
    """With a problem for invoices that differ although their keys do not: which one counts, nobody knows."""
    versions: defaultdict[str, set[str]] = defaultdict(set)
    for one in found:
        versions[one.key].add(one.fingerprint or hashlib.sha256(one.content).hexdigest())
    for one in found:
        if one.key and len(versions[one.key]) > 1 and one.problem is None:
            problem = DocumentError(
                f"{len(versions[one.key])} different invoices in it have the number {one.key[:100]}",
                where=where,
                fix="give each its own number, or send the right one only",
            )
            yield replace(one, problem=problem)
        else:
            yield one


def _found(content: bytes, form: FormatSettings, file: str, where: str) -> Iterator[Found]:
    if not content.strip():
        raise MalformedDocument("the file is empty", where=where, fix="send it again")
    if form.kind in ("csv", "xlsx"):
        digest = hashlib.sha256(content).hexdigest()
        rows = csv_rows if form.kind == "csv" else xlsx_rows
        for invoice in invoices(rows(content, form, where), form, file=file, digest=digest, where=where):
            yield Found(invoice.key, _JSON, invoice.content, invoice.fingerprint, invoice.problem)
    elif form.kind == "json":
        yield from _from_json(content, form, where)
    elif form.kind == "xml":
        yield from _from_xml(content, form, where)
    else:
        yield _from_einvoice(content, where)


def _from_json(content: bytes, form: FormatSettings, where: str) -> Iterator[Found]:
    try:
        text = content.decode("utf-8-sig")
        for piece in _pieces(text, form.records):
            data = json.loads(piece, parse_float=_decimal, object_pairs_hook=_once)
            if not isinstance(data, dict):
                raise ValueError("an invoice must be an object in braces")
            found = Found(_key(data, form), _JSON, piece.encode())
            # Only escapes can bring what is not in UTF-8; most files have none.
            if "\\u" in piece and not _storable_texts(data) and key_problem(found.key, where) is None:
                problem = DocumentError(
                    f"a text of invoice {found.key[:100]} holds half of a sign, or a zero character",
                    where=where,
                    fix="correct the text in the system that wrote it",
                )
                found = replace(found, problem=problem)
            yield found
    except (UnicodeDecodeError, ValueError, ArithmeticError, RecursionError) as error:
        said = str(error)
        if isinstance(error, RecursionError):
            said = "it is nested too deep"
        elif isinstance(error, ArithmeticError):
            said = "a number in it is too large"
        raise MalformedDocument(
            f"this is not JSON in UTF-8 with invoices: {said[:200]}", where=where, fix="export it again"
        ) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which each name stands once. Raises ValueError otherwise: of two, readers take either."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)[:60]!r} stands in it twice")
    return found


def _decimal(text: str) -> Decimal:
    """Raises ValueError for a number that would fill the memory when written out."""
    number = Decimal(text)
    if abs(number.adjusted()) > _MOST_PLACES:
        raise ValueError(f"a number in it is too large: {text[:40]}")
    return number


def _storable_texts(data: Any) -> bool:
    """Whether no text in it, at any depth, holds a surrogate or NUL."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value):
            return False
    return True


def _pieces(text: str, records: str) -> Iterator[str]:
    """The text of each invoice, exactly as it stands there. Raises ValueError."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    start = _skip(text, 0)
    _, end = decoder.raw_decode(text, start)
    if _skip(text, end) < len(text):
        raise ValueError("something follows behind the end")
    for name in filter(None, records.split(".")):
        start = _member(text, start, name, decoder)
    if text[start : start + 1] != "[":
        if records:
            raise ValueError(f"there is no list at {records}")
        yield text[start:end]
        return
    position = _skip(text, start + 1)
    for _ in range(_MOST):
        if text[position] == "]":
            return
        _, after = decoder.raw_decode(text, position)
        yield text[position:after]
        position = _skip(text, after)
        if text[position] == ",":
            position = _skip(text, position + 1)
    raise ValueError(f"it holds more than {_MOST} invoices")


def _member(text: str, start: int, name: str, decoder: json.JSONDecoder) -> int:
    """Where the value of a member of the object at `start` begins; the text is known to be JSON."""
    found: int | None = None
    if text[start : start + 1] == "{":
        position = _skip(text, start + 1)
        while text[position] != "}":
            key, position = decoder.raw_decode(text, position)
            position = _skip(text, _skip(text, position) + 1)
            if key == name and found is not None:
                raise ValueError(f"{name[:60]!r} stands in it twice")
            if key == name:
                found = position
            _, position = decoder.raw_decode(text, position)
            position = _skip(text, position)
            if text[position] == ",":
                position = _skip(text, position + 1)
    if found is None:
        raise ValueError(f"there is no {name}")
    return found


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _BLANKS:
        position += 1
    return position


def _key(data: dict[str, Any], form: FormatSettings) -> str:
    """The values at the places of `key`; "" where one is missing or no plain value."""
    parts = []
    for place in form.key:
        value: Any = data
        for name in place.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value is None or value == "" or isinstance(value, dict | list | bool):
            return ""
        parts.append(str(value))
    return key_of(parts)


def _from_xml(content: bytes, form: FormatSettings, where: str) -> Iterator[Found]:
    try:
        root = xml.parse(content)
    except MalformedDocument as error:
        raise MalformedDocument(error.what, where=f"{where}, {error.where}", fix=error.fix) from error
    if not form.records:
        yield Found(_xml_key(root, form), _XML, content)
        return
    records = [element for element in root.iter(etree.Element) if _local(element) == form.records]
    if any(_local(above) == form.records for record in records for above in record.iterancestors()):
        raise MalformedDocument(
            f"an element {form.records[:60]} stands within another one",
            where=where,
            fix="name the element that stands for one invoice as records in the format of this source",
        )
    if not records:
        raise MalformedDocument(
            f"there is no element {form.records[:60]}",
            where=where,
            fix="correct records in the format of this source, or export the file again",
        )
    for record in records:
        alone = copy.deepcopy(record)
        alone.tail = None
        yield Found(_xml_key(record, form), _XML, xml.serialize(alone))


def _xml_key(record: etree._Element, form: FormatSettings) -> str:
    parts = []
    for place in form.key:
        found: etree._Element | None = record
        for name in place.split("."):
            children = () if found is None else found.iterchildren(etree.Element)
            found = next((child for child in children if _local(child) == name), None)
        text = "" if found is None else _text(found)
        if not text:
            return ""
        parts.append(text)
    return key_of(parts)


def _text(element: etree._Element) -> str:
    """The text of an element without children; comments in it are no end of it."""
    parts = [element.text or "", *(child.tail or "" for child in element if not isinstance(child.tag, str))]
    return "".join(parts).strip()


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _from_einvoice(content: bytes, where: str) -> Found:
    """UBL, Cross Industry Invoice, or a PDF that carries one; its key is its kind and number (BT-3, BT-1)."""
    seen = detect(content)
    if seen.syntax is None:
        raise MalformedDocument(seen.reason, where=where, fix="send UBL 2.1, or a Cross Industry Invoice")
    root = xml.parse(seen.document)
    binding = SYNTAXES[seen.syntax]
    number, kind = binding.value(root, "BT-1"), binding.value(root, "BT-3")
    key = key_of((kind or seen.root, number)) if number else ""
    media_type = "application/pdf" if seen.embedded_name else _XML
    return Found(key, media_type, content)
