"""How one value stands in an XML element: text, dates, numbers, amounts, identifiers, embedded files.

A kind reads an element into a value (None where the element says nothing) and writes a value into an element.
A value that XML cannot carry as it stands is refused with MalformedDocument; characters that XML forbids are
written as blanks, which `losses` of the syntax then names.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final, Protocol

from lxml import etree

from formats import money
from formats.errors import MalformedDocument
from formats.identifiers import Identifier
from formats.model.invoice import Note
from formats.model.line import Classification

__all__ = [
    "AMOUNT",
    "BINARY",
    "CLASSIFICATION",
    "DATE",
    "IDENTIFIER",
    "NOTE",
    "NUMBER",
    "SEPA_CREDITOR",
    "TEXT",
    "VAT_AMOUNT",
    "WIDE",
    "WORD",
    "XML_BLANKS",
    "Decimals",
    "Kind",
    "Surrounding",
    "UnderScheme",
    "put_attribute",
    "put_text",
    "text_of",
]

_FORBIDDEN_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DATE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?\Z")
_CODED_NOTE: Final = re.compile(r"#([A-Z]{3})#(.*)\Z", re.DOTALL)
XML_BLANKS: Final = " \t\r\n"
#: A product of two long numbers has more digits than decimals usually have.
WIDE: Final = Context(prec=80)


@dataclass(frozen=True, slots=True)
class Surrounding:
    """What a value's writing depends on outside its own element: the kind of document and its currencies."""

    credit_note: bool = False
    currency: str | None = None  # BT-5
    vat_currency: str | None = None  # BT-6


class Kind(Protocol):
    """One way of writing a value into an element and reading it back."""

    def read(self, element: etree._Element) -> Any:
        """The value, or None; raises MalformedDocument (without a place, the binding adds it)."""
        ...

    def write(self, element: etree._Element, value: Any, surrounding: Surrounding) -> None: ...


def text_of(element: etree._Element) -> str:
    """The element's text as it stands, across comments; "" when empty."""
    return (element.text or "") if len(element) == 0 else str(element.xpath("string()"))


def put_text(element: etree._Element, text: str) -> None:
    element.text = _FORBIDDEN_IN_XML.sub(" ", text)


def put_attribute(element: etree._Element, name: str, value: str | None) -> None:
    if value:
        element.set(name, _FORBIDDEN_IN_XML.sub(" ", value))


class _Text:
    """Free text, line breaks and outer blanks kept (the German SKONTO lines end with a line feed)."""

    def read(self, element: etree._Element) -> str | None:
        text = text_of(element)
        return text if text.strip(XML_BLANKS) else None

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        put_text(element, value)


class _Word:
    """A name, number or code: outer blanks are layout, not content."""

    def read(self, element: etree._Element) -> str | None:
        return text_of(element).strip(XML_BLANKS) or None

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        put_text(element, value)


class _Date:
    """xs:date. A time zone, which EN 16931 does not know, is left out on reading."""

    def read(self, element: etree._Element) -> date | None:
        text = text_of(element).strip(XML_BLANKS)
        if not text:
            return None
        found = _DATE.match(text)
        try:
            return date.fromisoformat(found[1] if found else "")
        except ValueError:
            raise MalformedDocument(
                f"{text[:40]!r} is not a date", where="date", fix="write it as 2026-11-22"
            ) from None

    def write(self, element: etree._Element, value: date, surrounding: Surrounding) -> None:
        element.text = value.isoformat()


class _Number:
    def read(self, element: etree._Element) -> Decimal | None:
        text = text_of(element).strip(XML_BLANKS)
        return money.parse(text) if text else None

    def write(self, element: etree._Element, value: Decimal, surrounding: Surrounding) -> None:
        if not value.is_finite():
            raise MalformedDocument(
                f"{value} is not a number an invoice can carry",
                where=etree.QName(element).localname,
                fix="correct the value in the ERP",
            )
        element.text = self.text(value)

    def text(self, value: Decimal) -> str:
        return money.text(value)


@dataclass(frozen=True)
class Decimals(_Number):
    """A number with `least` to `most` decimals, rounded half away from zero; never minus zero.

    `below` is what its amount must stay below; with `blanks` those of other programs between its digits are
    passed over.
    """

    least: int
    most: int
    below: Decimal | None = None
    blanks: bool = False

    def read(self, element: etree._Element) -> Decimal | None:
        text = text_of(element)
        text = "".join(text.split()) if self.blanks else text.strip(XML_BLANKS)
        return money.parse(text) if text else None

    def write(self, element: etree._Element, value: Decimal, surrounding: Surrounding) -> None:
        if self.below is not None and value.is_finite() and abs(value) >= self.below:
            raise MalformedDocument(
                f"{value} is not a number that this format can carry",
                where=etree.QName(element).localname,
                fix="correct the value in the ERP",
            )
        super().write(element, value, surrounding)

    def text(self, value: Decimal) -> str:
        exponent = value.as_tuple().exponent
        places = min(self.most, max(self.least, -exponent if isinstance(exponent, int) else 0))
        value = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=WIDE)
        return money.text(value if value else abs(value))


class _Amount(_Number):
    """An amount in the invoice currency (BT-5)."""

    def write(self, element: etree._Element, value: Decimal, surrounding: Surrounding) -> None:
        super().write(element, value, surrounding)
        put_attribute(element, "currencyID", surrounding.currency)


class _VatAmount(_Number):
    """An amount in the VAT accounting currency (BT-6)."""

    def write(self, element: etree._Element, value: Decimal, surrounding: Surrounding) -> None:
        super().write(element, value, surrounding)
        put_attribute(element, "currencyID", surrounding.vat_currency)


class _Identifier:
    """An identifier whose scheme stands in `schemeID`."""

    def read(self, element: etree._Element) -> Identifier | None:
        value = text_of(element).strip(XML_BLANKS)
        scheme = (element.get("schemeID") or "").strip(XML_BLANKS)
        return Identifier(value, scheme or None) if value else None

    def write(self, element: etree._Element, value: Identifier, surrounding: Surrounding) -> None:
        put_text(element, value.value)
        put_attribute(element, "schemeID", value.scheme)


@dataclass(frozen=True)
class UnderScheme(_Word):
    """A word whose meaning is told from others of the same name by a constant `schemeID`."""

    scheme: str

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        super().write(element, value, surrounding)
        element.set("schemeID", self.scheme)


class _Classification:
    """BT-158 with `listID` and `listVersionID`."""

    def read(self, element: etree._Element) -> Classification | None:
        code = text_of(element).strip(XML_BLANKS)
        scheme = (element.get("listID") or "").strip(XML_BLANKS)
        version = (element.get("listVersionID") or "").strip(XML_BLANKS)
        return Classification(code=code, scheme=scheme, scheme_version=version or None) if code else None

    def write(self, element: etree._Element, value: Classification, surrounding: Surrounding) -> None:
        put_text(element, value.code)
        put_attribute(element, "listID", value.scheme)
        put_attribute(element, "listVersionID", value.scheme_version)


class _Note:
    """BG-1 in one text, the subject code in front between number signs: `#AAI#General information`."""

    def read(self, element: etree._Element) -> Note | None:
        text = text_of(element)
        if not text.strip(XML_BLANKS):
            return None
        coded = _CODED_NOTE.match(text.lstrip(XML_BLANKS))
        return Note(subject_code=coded[1], text=coded[2] or None) if coded else Note(text=text)

    def write(self, element: etree._Element, value: Note, surrounding: Surrounding) -> None:
        code = f"#{value.subject_code}#" if value.subject_code else ""
        put_text(element, code + (value.text or ""))


class _Binary:
    """An embedded file in Base64."""

    def read(self, element: etree._Element) -> bytes | None:
        text = "".join(text_of(element).split())
        try:
            return base64.b64decode(text, validate=True) or None
        except (binascii.Error, ValueError):
            raise MalformedDocument(
                "the embedded file is not valid Base64", where="attachment", fix="attach the file again"
            ) from None

    def write(self, element: etree._Element, value: bytes, surrounding: Surrounding) -> None:
        element.text = base64.b64encode(value).decode("ascii")


TEXT: Final = _Text()
WORD: Final = _Word()
DATE: Final = _Date()
NUMBER: Final = _Number()
AMOUNT: Final = _Amount()
VAT_AMOUNT: Final = _VatAmount()
IDENTIFIER: Final = _Identifier()
SEPA_CREDITOR: Final = UnderScheme("SEPA")
CLASSIFICATION: Final = _Classification()
NOTE: Final = _Note()
BINARY: Final = _Binary()
