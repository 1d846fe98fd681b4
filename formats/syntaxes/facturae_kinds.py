"""How single values stand in Facturae: numbers with the decimals that the schema wants, one value in two
elements.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from lxml import etree

from formats.model.invoice import Note
from formats.syntaxes.kinds import WIDE, XML_BLANKS, Decimals, Surrounding, put_text, text_of
from formats.syntaxes.place import Scope
from formats.syntaxes.reading import Reader

__all__ = [
    "AMOUNT_2",
    "AMOUNT_8",
    "EVENT",
    "LITERAL",
    "WHOLE",
    "amount_in",
    "pass_over",
    "put",
    "text_in",
    "two_decimals",
]

_CENT: Final = Decimal("0.01")
AMOUNT_2: Final = Decimals(2, 2)
AMOUNT_8: Final = Decimals(2, 8)


def two_decimals(value: Decimal) -> Decimal:
    """Rounded half away from zero."""
    return value.quantize(_CENT, rounding=ROUND_HALF_UP, context=WIDE)


class _Whole:
    """xs:double for a line number."""

    def read(self, element: etree._Element) -> str | None:
        text = text_of(element).strip(XML_BLANKS)
        return text.removesuffix(".0") or None

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        put_text(element, value)


class _Event:
    """SpecialTaxableEvent as "01 reason", which the shape of the invoice translates to the VAT category."""

    def read(self, element: etree._Element) -> str | None:
        code = (element.findtext("SpecialTaxableEventCode") or "").strip()
        reason = (element.findtext("SpecialTaxableEventReason") or "").strip()
        return f"{code} {reason}".strip() or None

    def write(self, element: etree._Element, value: str, surrounding: Surrounding) -> None:
        code, _, reason = value.partition(" ")
        put_text(etree.SubElement(element, "SpecialTaxableEventCode"), code)
        put_text(etree.SubElement(element, "SpecialTaxableEventReason"), reason)


class _Literal:
    """A mention that the law wants, a note with the subject code ABL."""

    def read(self, element: etree._Element) -> Note | None:
        text = text_of(element).strip(XML_BLANKS)
        return Note(subject_code="ABL", text=text) if text else None

    def write(self, element: etree._Element, value: Note, surrounding: Surrounding) -> None:
        put_text(element, value.text or "")


WHOLE: Final = _Whole()
LITERAL: Final = _Literal()
EVENT: Final = _Event()


def put(parent: etree._Element, path: str, text: str | None) -> bool:
    """One element per step; nothing for None."""
    if text is None:
        return False
    for step in path.split("/"):
        parent = etree.SubElement(parent, step)
    put_text(parent, text)
    return True


def text_in(parent: etree._Element | None, path: str) -> str | None:
    """The text of an element below, None where there is none."""
    found = None if parent is None else parent.findtext(path)
    return (found or "").strip(XML_BLANKS) or None


def amount_in(parent: etree._Element, path: str) -> Decimal | None:
    """The number in an element below, None where there is none."""
    element = parent.find(path)
    return None if element is None else AMOUNT_8.read(element)


def pass_over(*paths: str) -> Callable[[etree._Element, Reader, Scope], None]:
    """Reading what says nothing of its own: the elements count as read."""

    def read(parent: etree._Element, reader: Reader, scope: Scope) -> None:
        for path in paths:
            for found in parent.iterfind(path):
                reader.used.update(found.iter())

    return read
