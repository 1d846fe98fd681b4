"""FA(3): additional descriptions, footers, and what stands in a line beside its terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from lxml import etree

from formats.model.invoice import Invoice
from formats.model.line import Classification
from formats.syntaxes import ksef_codes as codes
from formats.syntaxes.kinds import NOTE, XML_BLANKS, text_of
from formats.syntaxes.ksef_kinds import collapsed, f, find, put, tag, text_in
from formats.syntaxes.place import Scope, value_of
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Part
from formats.syntaxes.writing import Writer

__all__ = ["CLASSES", "DESCRIPTIONS", "DESCRIPTIONS_READ", "FOOTERS", "POSITION"]

_MOST_FOOTERS: Final = 3


# Additional descriptions: terms that have no element, under keys of ours; other keys become notes and item
# attributes.


def _descriptions(invoice: Invoice) -> Iterator[tuple[str | None, str, str]]:
    """Position of the line or None, key, text."""
    for term, key in codes.WORDS.items():
        value = value_of(invoice, term, {})
        if value:
            yield None, key, str(value)
    for note in invoice.notes[_MOST_FOOTERS:]:
        yield None, "Uwagi", note.text or ""
    for number, line in enumerate(invoice.lines, start=1):
        for term, key in codes.LINE_WORDS.items():
            value = value_of(invoice, term, {"BG-25": line})
            if value:
                yield str(number), key, str(value)
        for attribute in line.item.attributes if line.item else ():
            yield str(number), attribute.name or "-", attribute.value or "-"


def _write_descriptions(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    for number, key, text in _descriptions(writer.invoice):
        if not text.strip():
            continue
        inner = etree.SubElement(parent, tag("DodatkowyOpis"))
        put(inner, "NrWiersza", number)
        put(inner, "Klucz", collapsed(key, 256))
        put(inner, "Wartosc", collapsed(text, 256))
    return True


def _read_descriptions(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    terms = {key: term for term, key in codes.WORDS.items()}
    line_terms = {key: term for term, key in codes.LINE_WORDS.items()}
    lines = reader.root.values.get("lines", [])
    positions = [text_in(line, "NrWierszaFa") for line in parent.iterchildren(tag("FaWiersz"))]
    if not positions:
        order = find(parent, "Zamowienie")
        rows = () if order is None else order.iterchildren(tag("ZamowienieWiersz"))
        positions = [text_in(line, "NrWierszaZam") for line in rows]
    for inner in parent.iterchildren(tag("DodatkowyOpis")):
        key, text = text_in(inner, "Klucz") or "", text_in(inner, "Wartosc")
        number = text_in(inner, "NrWiersza")
        if number in positions and positions.index(number) < len(lines):
            below = {**scope, "BG-25": lines[positions.index(number)]}
            if key in line_terms:
                reader.say(inner, line_terms[key], text, below)
            else:
                below = reader.open("BG-32", below)
                reader.say(inner, "BT-160", None if key == "-" else key, below)
                reader.say(inner, "BT-161", None if text == "-" else text, below)
        elif key in terms:
            reader.say(inner, terms[key], text, scope)
        else:
            below = reader.open("BG-1", scope)
            reader.say(inner, "BT-22", text if key == "Uwagi" else f"{key}: {text}", below)


def _nothing_to_read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    """Read by the part behind the lines, to which some descriptions belong."""


def _nothing_to_write(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    return False


DESCRIPTIONS: Final = Part(
    {term: f("DodatkowyOpis/Wartosc") for term in (*codes.WORDS, *codes.LINE_WORDS)}
    | {"BT-160": f("DodatkowyOpis/Klucz"), "BT-161": f("DodatkowyOpis/Wartosc")},
    _write_descriptions,
    _nothing_to_read,
)
DESCRIPTIONS_READ: Final = Part({}, _nothing_to_write, _read_descriptions)


def _write_footers(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    for note in writer.invoice.notes[:_MOST_FOOTERS]:
        if note.text or note.subject_code:
            inner = etree.SubElement(parent, tag("Informacje"))
            NOTE.write(etree.SubElement(inner, tag("StopkaFaktury")), note, writer.surrounding)
    return bool(writer.invoice.notes)


def _read_footers(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for inner in parent.iterchildren(tag("Informacje")):
        found = find(inner, "StopkaFaktury")
        if found is not None:
            reader.say(found, "BG-1", NOTE.read(found), scope)


FOOTERS: Final = Part(
    {"BT-21": f("Informacje/StopkaFaktury"), "BT-22": f("Informacje/StopkaFaktury")},
    _write_footers,
    _read_footers,
)


# Lines.


def _write_position(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    order = etree.QName(parent).localname == "ZamowienieWiersz"
    number = str(1 + next(n for n, line in enumerate(writer.invoice.lines) if line is scope["BG-25"]))
    put(parent, "NrWierszaZam" if order else "NrWierszaFa", number)
    identifier = scope["BG-25"].identifier
    if identifier and identifier != number:
        put(parent, "UU_IDZ" if order else "UU_ID", collapsed(identifier, 50))
    return True


def _read_position(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for own, position in (("UU_ID", "NrWierszaFa"), ("UU_IDZ", "NrWierszaZam")):
        identifier, number = find(parent, own), find(parent, position)
        if number is not None:
            reader.used.add(number)
        chosen = number if identifier is None else identifier
        if chosen is not None:
            reader.say(chosen, "BT-126", text_of(chosen).strip(XML_BLANKS) or None, scope)


POSITION: Final = Part({"BT-126": f("UU_ID")}, _write_position, _read_position)

# Element -> the scheme of BT-158 and, where the code list has none, its name as the version.
_CLASSES: Final = (("PKWiU", "ZZZ", "PKWiU"), ("CN", "HS", None), ("PKOB", "ZZZ", "PKOB"))


def _write_classes(ending: str) -> Callable[[etree._Element, Writer, Scope], bool]:
    def write(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
        found: tuple[Classification, ...] = value_of(writer.invoice, "BT-158", scope) or ()
        said = False
        for name, scheme, version in _CLASSES:
            one = next((c for c in found if (c.scheme, c.scheme_version) == (scheme, version)), None)
            if one is not None:
                said |= put(parent, f"{name}{ending}", collapsed(one.code, 50)) is not None
        return said

    return write


def _read_classes(ending: str) -> Callable[[etree._Element, Reader, Scope], None]:
    def read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
        for name, scheme, version in _CLASSES:
            found = find(parent, f"{name}{ending}")
            text = None if found is None else text_in(parent, f"{name}{ending}")
            if found is not None and text:
                one = Classification(code=text, scheme=scheme, scheme_version=version)
                reader.say(found, "BT-158", one, scope)

    return read


CLASSES: Final = {
    ending: Part({"BT-158": f(f"CN{ending}")}, _write_classes(ending), _read_classes(ending))
    for ending in ("", "Z")
}
