"""What a table cannot say of the body of a FatturaPA: references of each kind, codes of an article,
discounts for one unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from lxml import etree

from formats.identifiers import Identifier
from formats.model.line import Classification, Line
from formats.syntaxes.fatturapa_kinds import PRICE, RATE, own_text
from formats.syntaxes.fatturapa_references import KINDS
from formats.syntaxes.fatturapa_text import basic, latin
from formats.syntaxes.kinds import DATE, XML_BLANKS, put_text
from formats.syntaxes.place import Scope
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Part
from formats.syntaxes.writing import Writer

__all__ = ["CODES", "DISCOUNTS", "REFERENCES", "derived"]

_CENT: Final = Decimal("0.01")
_EIGHT: Final = Decimal("0.00000001")


def derived(**places: str) -> Part:
    """Terms without an element of their own, at the place that they are derived from: `BT_118="Natura"`."""
    named = {name.replace("_", "-"): path for name, path in places.items()}
    return Part(named, lambda parent, writer, scope: False, lambda parent, reader, scope: None)


def _write_references(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    references = writer.invoice.italy.references if writer.invoice.italy else ()
    for kind, tag in KINDS.items():
        for one in references:
            if one.kind != kind:
                continue
            element = etree.SubElement(parent, tag)
            lines = [("RiferimentoNumeroLinea", number) for number in (one.lines or "").split()]
            day = one.issued.isoformat() if one.issued else None
            document = basic(one.document or "")[:20]
            if kind == "despatch":
                said: list[tuple[str, str | None]] = [("NumeroDDT", document), ("DataDDT", day), *lines]
            else:
                said = [
                    *lines,
                    ("IdDocumento", document),
                    ("Data", day),
                    ("NumItem", basic(one.item or "")[:20]),
                    ("CodiceCommessaConvenzione", latin(one.project or "")[:100]),
                    ("CodiceCUP", basic(one.cup or "")[:15]),
                    ("CodiceCIG", basic(one.cig or "")[:15]),
                ]
            for name, text in said:
                if text:
                    put_text(etree.SubElement(element, name), text)
    return bool(references)


def _read_references(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for kind, tag in KINDS.items():
        for element in parent.iterchildren(tag):
            inner = reader.open("IT-G3", scope)
            reader.say(element, "IT-24", kind, inner)
            numbers = [own_text(one) or "" for one in element.iterchildren("RiferimentoNumeroLinea")]
            reader.say(element, "IT-25", " ".join(numbers) or None, inner)
            for child in element.iterchildren(etree.Element):
                name = _REFERENCE.get(str(child.tag))
                if name in ("IT-27",):
                    reader.say(child, name, DATE.read(child), inner)
                elif name is not None:
                    reader.say(child, name, own_text(child), inner)


_REFERENCE: Final = {
    "IdDocumento": "IT-26",
    "NumeroDDT": "IT-26",
    "Data": "IT-27",
    "DataDDT": "IT-27",
    "NumItem": "IT-28",
    "CodiceCommessaConvenzione": "IT-29",
    "CodiceCUP": "IT-30",
    "CodiceCIG": "IT-31",
}


def _write_codes(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    item = scope["BG-25"].item
    if item is None:
        return False
    for kind, value in _codes_of(item):
        element = etree.SubElement(parent, "CodiceArticolo")
        put_text(etree.SubElement(element, "CodiceTipo"), basic(kind)[:35] or "ALTRO")
        put_text(etree.SubElement(element, "CodiceValore"), latin(value)[:35])
    return True


def _codes_of(item: Any) -> Iterator[tuple[str, str]]:
    if item.seller_identifier:
        yield "FORNITORE", item.seller_identifier
    if item.buyer_identifier:
        yield "CLIENTE", item.buyer_identifier
    if item.standard_identifier is not None:
        scheme = item.standard_identifier.scheme or ""
        yield ("EAN" if scheme == "0160" else scheme), item.standard_identifier.value
    for one in item.classifications:
        yield one.scheme, one.code


def _read_codes(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    for element in parent.iterchildren("CodiceArticolo"):
        kind = (element.findtext("CodiceTipo") or "").strip(XML_BLANKS)
        value = (element.findtext("CodiceValore") or "").strip(XML_BLANKS)
        if not value:
            continue
        said: tuple[str, Any] = ("BT-158", Classification(code=value, scheme=kind))
        if kind == "FORNITORE":
            said = ("BT-155", value)
        elif kind == "CLIENTE":
            said = ("BT-156", value)
        elif kind.upper() in ("EAN", "GTIN") or (len(kind) == 4 and kind.isdigit()):
            scheme = kind if kind.isdigit() else "0160"
            said = ("BT-157", Identifier(value, scheme))
        reader.say(element, said[0], said[1], scope)


def _write_discounts(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    """BG-27 and BG-28 as amounts for one unit, or as a percentage where that gives the same amount."""
    line: Line = scope["BG-25"]
    quantity = line.quantity or Decimal(1)
    price = line.price.net if line.price else None
    for kind, parts in (("SC", line.allowances), ("MG", line.charges)):
        for part in parts:
            if part.amount is None:
                continue
            element = etree.SubElement(parent, "ScontoMaggiorazione")
            put_text(etree.SubElement(element, "Tipo"), kind)
            rate = part.percentage
            if rate is not None and price is not None and _of(price * rate / 100 * quantity) == part.amount:
                RATE.write(etree.SubElement(element, "Percentuale"), rate, writer.surrounding)
            else:
                unit = (part.amount / quantity).quantize(_EIGHT, ROUND_HALF_UP)
                PRICE.write(etree.SubElement(element, "Importo"), unit, writer.surrounding)
    return bool(line.allowances or line.charges)


def _read_discounts(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    quantity = _number(parent, "Quantita") or Decimal(1)
    price = _number(parent, "PrezzoUnitario")
    for element in parent.iterchildren("ScontoMaggiorazione"):
        group = "BG-28" if (element.findtext("Tipo") or "").strip() == "MG" else "BG-27"
        unit, rate = _number(element, "Importo"), _number(element, "Percentuale")
        inner = reader.open(group, scope)
        amount = None
        if unit is not None:
            amount = _of(unit * quantity)
        elif rate is not None and price is not None:
            amount = _of(price * rate / 100 * quantity)
        reader.say(element, "BT-141" if group == "BG-28" else "BT-136", amount, inner)
        reader.say(element, "BT-143" if group == "BG-28" else "BT-138", rate, inner)


def _number(parent: etree._Element, name: str) -> Decimal | None:
    found = parent.find(name)
    return None if found is None else PRICE.read(found)


def _of(value: Decimal) -> Decimal:
    return value.quantize(_CENT, ROUND_HALF_UP)


REFERENCES: Final = Part(
    {
        "IT-G3": "DatiOrdineAcquisto",
        **{name: f"DatiOrdineAcquisto/{tag}" for tag, name in _REFERENCE.items() if "DDT" not in tag},
        "IT-24": "DatiOrdineAcquisto",
        "IT-25": "DatiOrdineAcquisto/RiferimentoNumeroLinea",
    },
    _write_references,
    _read_references,
)
CODES: Final = Part(
    dict.fromkeys(("BT-155", "BT-156", "BT-157", "BT-158"), "CodiceArticolo/CodiceValore"),
    _write_codes,
    _read_codes,
)
DISCOUNTS: Final = Part(
    {
        "BG-27": "ScontoMaggiorazione",
        "BT-136": "ScontoMaggiorazione/Importo",
        "BT-138": "ScontoMaggiorazione/Percentuale",
        "BG-28": "ScontoMaggiorazione",
        "BT-141": "ScontoMaggiorazione/Importo",
        "BT-143": "ScontoMaggiorazione/Percentuale",
    },
    _write_discounts,
    _read_discounts,
)
