"""How single values stand in FatturaPA: texts of Basic Latin or Latin-1, decimals of fixed length, numbers in
two elements.

Texts come cut and transliterated from `fatturapa_text`; what reading back does not give is named as lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from lxml import etree

from formats.errors import MalformedDocument
from formats.syntaxes.fatturapa_text import basic, latin
from formats.syntaxes.kinds import DATE, XML_BLANKS, Decimals, Surrounding, put_text, text_of

# Letters stand for digits where two people would have the same.
_FISCAL_CODE: Final = re.compile(r"[A-Z]{6}(?:[0-9LMNP-V]{2}[A-Z]){2}[0-9LMNP-V]{3}[A-Z]")

__all__ = [
    "AMOUNT",
    "MOMENT_DAY",
    "PRICE",
    "RATE",
    "TAX_NUMBER",
    "Basic",
    "Exact",
    "Latin",
    "own_text",
    "split_tax_number",
    "text_in",
]

_BLANKS: Final = re.compile(r"\s+")
_MOMENT: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T")
_GREECE: Final = ("EL", "GR")


def own_text(element: etree._Element) -> str | None:
    """The text of an element without its outer blanks, None where there is none."""
    return text_of(element).strip(XML_BLANKS) or None


def text_in(element: etree._Element, path: str) -> str | None:
    """The same of an element below."""
    found = element.find(path)
    return None if found is None else own_text(found)


@dataclass(frozen=True)
class Latin:
    """A text of Latin-1 with at most `longest` characters; what is longer is cut."""

    longest: int

    def read(self, element: etree._Element) -> str | None:
        return text_of(element).strip(XML_BLANKS) or None

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        put_text(element, latin(value)[: self.longest].strip())


@dataclass(frozen=True)
class Basic(Latin):
    """The same of Basic Latin only."""

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        put_text(element, basic(value)[: self.longest].strip())


@dataclass(frozen=True)
class Exact(Latin):
    """The same with its outer blanks, for texts that go on in the next element."""

    def read(self, element: etree._Element) -> str | None:
        text = text_of(element)
        return text if text.strip(XML_BLANKS) else None

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        put_text(element, latin(value)[: self.longest])


class _TaxNumber:
    """A VAT number with its country in front, as IdPaese and IdCodice."""

    def read(self, element: etree._Element) -> str | None:
        country = (element.findtext("IdPaese") or "").strip(XML_BLANKS)
        code = (element.findtext("IdCodice") or "").strip(XML_BLANKS)
        if not code:
            return None
        return f"{'EL' if country == 'GR' else country}{code}"

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        country, code = split_tax_number(value)
        put_text(etree.SubElement(element, "IdPaese"), country)
        put_text(etree.SubElement(element, "IdCodice"), code[:28])


def split_tax_number(value: str) -> tuple[str, str]:
    """Country and number; Italian numbers come without their country, too."""
    plain = _BLANKS.sub("", basic(value))
    if plain[:2].isalpha() and plain[:2].isupper() and not _is_fiscal_code(plain):
        return ("GR" if plain[:2] in _GREECE else plain[:2]), plain[2:]
    return "IT", plain


def _is_fiscal_code(text: str) -> bool:
    """A person's fiscal code begins with letters, too: RSSMRA80A01H501U."""
    return _FISCAL_CODE.fullmatch(text) is not None


class _Day:
    """A day where the schema has a moment; the time is not kept."""

    def read(self, element: etree._Element) -> date | None:
        text = text_of(element).strip(XML_BLANKS)
        found = _MOMENT.match(text)
        if found is None:
            return DATE.read(element)
        try:
            return date.fromisoformat(found[1])
        except ValueError:
            raise MalformedDocument(
                f"{text[:40]!r} is not a moment", where="date", fix="write it as 2026-11-22T10:00:00"
            ) from None

    def write(self, element: etree._Element, value: date, surrounding: Surrounding) -> None:
        element.text = f"{value.isoformat()}T00:00:00"


_LARGEST: Final = Decimal(10**11)
AMOUNT: Final = Decimals(2, 2, below=_LARGEST, blanks=True)
RATE: Final = AMOUNT
PRICE: Final = Decimals(2, 8, below=_LARGEST, blanks=True)
TAX_NUMBER: Final = _TaxNumber()
MOMENT_DAY: Final = _Day()
