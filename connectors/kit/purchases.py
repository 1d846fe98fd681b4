"""Received invoices as drafts of an ERP: made once, with the original beside them, for a person to book.

The draft carries the key of the received invoice in brackets, so it is found before another is made. Its
rows are those of an ERP that multiplies quantity by price itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, DecimalException
from typing import Any, Final, Protocol, TypeVar

from connectors.base import PurchaseInvoice, WriteBack
from formats.errors import RemoteBlocked
from formats.model import Invoice
from formats.model.invoice import CREDIT_NOTE_TYPES
from formats.model.line import Line
from formats.model.vat import AllowanceCharge

__all__ = ["Draft", "DraftBook", "Row", "rows", "take_once", "the_one"]

_Found = TypeVar("_Found")

_CENT: Final = Decimal("0.01")
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft as the ERP has it: where people find it, and the total with VAT that the ERP comes to."""

    id: int
    where: str
    total: Any = None


class DraftBook(Protocol):
    """Where drafts are kept. Suppliers and accounts are never made: whom a company pays is for people."""

    def find_draft(self, mark: str) -> Draft | None:
        """The draft that holds this mark (`[key]`)."""
        ...

    def make_draft(self, purchase: PurchaseInvoice, mark: str) -> None:
        """A new one that holds it. RemoteBlocked where a person has to arrange something before."""
        ...

    def has_file(self, key: int, name: str) -> bool:
        """Whether a file of this name is beside the draft with this id."""
        ...

    def add_file(self, key: int, name: str, content: bytes) -> None:
        """Put it there."""
        ...


def take_once(book: DraftBook, purchase: PurchaseInvoice, *, system: str) -> WriteBack:
    """As TakesPurchaseInvoices.take_purchase: once, however often it is called and whatever answer is
    lost."""
    mark, original = f"[{purchase.key}]", purchase.original
    draft = book.find_draft(mark)
    existed = draft is not None
    if draft is None:
        book.make_draft(purchase, mark)
        draft = the_one(
            [one for one in [book.find_draft(mark)] if one],
            none=f"the draft of {purchase.invoice.number} that was just made is not to be seen",
            many="",
            where=system,
            fix="let the gateway's user read what it makes; it is tried again by itself",
        )
    if not book.has_file(draft.id, original.filename):
        book.add_file(draft.id, original.filename, original.content)
        existed = False
    return WriteBack(f"{draft.where}{_compared(draft, purchase)}", existed)


def the_one(found: Sequence[_Found], *, none: str, many: str, where: str, fix: str) -> _Found:
    """The only one that was found; else RemoteBlocked says `none` or `many`."""
    if len(found) == 1:
        return found[0]
    raise RemoteBlocked(many if found else none, where=where, fix=fix)


def _compared(draft: Draft, purchase: PurchaseInvoice) -> str:
    """What to look at first, where the ERP comes to another total than the invoice."""
    totals = purchase.invoice.totals
    said = totals.with_vat if totals is not None else None
    if said is None or draft.total is None or abs(Decimal(str(draft.total))) == abs(said):
        return ""
    return f" (it comes to {Decimal(str(draft.total)):f}, the invoice says {said:f}: look at the taxes)"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `quantity` times `price`, rounded to cents, is exactly what the invoice says without VAT.

    `rate` is the VAT rate in per cent, None where none is said; `category` is UNTDID 5305.
    """

    text: str
    quantity: Decimal
    price: Decimal
    rate: Decimal | None
    category: str

    @property
    def amount(self) -> Decimal:
        """Without VAT, in the currency of the invoice."""
        return (self.quantity * self.price).quantize(_CENT, ROUND_HALF_UP)


def rows(invoice: Invoice, *, price_digits: int) -> tuple[Row, ...]:
    """Lines, then allowances and charges of the document; a credit note's count backwards.

    A line whose price cannot be said with so many decimals is one piece at its net amount.
    """
    sign = -1 if invoice.type_code in CREDIT_NOTE_TYPES else 1
    found = [_line(line, sign, price_digits) for line in invoice.lines]
    found += _extras(invoice.allowances, -sign, "Allowance")
    found += _extras(invoice.charges, sign, "Charge")
    return tuple(found)


def _line(line: Line, sign: int, digits: int) -> Row:
    item, vat = line.item, line.vat
    text = (item.name if item is not None else None) or line.note or line.identifier or "?"
    net = line.net_amount if line.net_amount is not None else Decimal(0)
    quantity, price = line.quantity, _unit_price(line)
    rate, category = (vat.rate, vat.category or "") if vat is not None else (None, "")
    if quantity is not None and price is not None:
        row = Row(text[:_LONGEST], sign * quantity, price, rate, category)
        try:
            fits = price == price.quantize(Decimal(1).scaleb(-digits)) and row.amount == sign * net
        except DecimalException:  # more digits than anybody invoices
            fits = False
        if fits:
            return row
        text = f"{text} ({quantity.normalize():f} x {price.normalize():f})"
    return Row(text[:_LONGEST], Decimal(sign), net, rate, category)


def _unit_price(line: Line) -> Decimal | None:
    price = line.price
    if price is None or price.net is None:
        return None
    if price.base_quantity is None or price.base_quantity == 1:
        return price.net
    return price.net / price.base_quantity if price.base_quantity else None


def _extras(found: tuple[AllowanceCharge, ...], sign: int, name: str) -> Iterator[Row]:
    for one in found:
        if one.amount is not None:
            text = (one.reason or name)[:_LONGEST]
            yield Row(text, Decimal(sign), one.amount, one.vat_rate, one.vat_category or "")
