"""A received invoice as the rows of a draft in an ERP that multiplies quantity by price itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, DecimalException
from typing import Final

from formats.model import Invoice
from formats.model.invoice import CREDIT_NOTE_TYPES
from formats.model.line import Line
from formats.model.vat import AllowanceCharge

__all__ = ["Row", "rows"]

_CENT: Final = Decimal("0.01")
_LONGEST: Final = 500


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
