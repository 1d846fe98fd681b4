"""What national vocabularies need to bring an invoice into their shape and back: texts cut to their lengths,
a credit note as a negative correction, values that follow from others left out."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar

from formats.model.invoice import Invoice
from formats.model.line import Line
from formats.model.vat import AllowanceCharge, Totals, VatBreakdown

__all__ = ["cut", "negated", "said", "without_the_given"]

_T = TypeVar("_T")


def cut(text: str | None, longest: int) -> str | None:
    """The text with blanks collapsed at its ends, at most so long; None where nothing is left."""
    return ((text or "").strip()[:longest].rstrip()) or None


def said(value: _T) -> _T | None:
    """A group, or None where all its fields are empty."""
    if is_dataclass(value) and all(getattr(value, one.name) in (None, ()) for one in fields(value)):
        return None
    return value


def negated(invoice: Invoice) -> Invoice:
    """Every quantity and amount with the other sign, prices and rates as they are; its own inverse."""
    return replace(
        invoice,
        lines=tuple(_negated_line(line) for line in invoice.lines),
        allowances=tuple(_negated_allowance(one) for one in invoice.allowances),
        charges=tuple(_negated_allowance(one) for one in invoice.charges),
        totals=None if invoice.totals is None else _negated_totals(invoice.totals),
        vat_breakdown=tuple(_negated_vat(one) for one in invoice.vat_breakdown),
    )


def without_the_given(value: Any, given: Any) -> Any:
    """`value` without what `given` says, too: fields that are equal become None, groups within likewise.

    Tuples stay as they are unless they are equal. None where nothing is left.
    """
    if value is None or value == given:
        return None
    if not is_dataclass(value) or isinstance(value, type) or type(value) is not type(given):
        return value
    kept: dict[str, Any] = {}
    for one in fields(value):
        mine, theirs = getattr(value, one.name), getattr(given, one.name)
        if isinstance(mine, tuple):
            kept[one.name] = () if mine == theirs else mine
        else:
            kept[one.name] = without_the_given(mine, theirs)
    return said(replace(value, **kept))


def _minus(value: Decimal | None) -> Decimal | None:
    """Zero keeps its sign: "-0.00" is refused by schemas and rules."""
    return value if value is None or not value else -value


def _negated_line(line: Line) -> Line:
    return replace(
        line,
        quantity=_minus(line.quantity),
        net_amount=_minus(line.net_amount),
        allowances=tuple(_negated_allowance(one) for one in line.allowances),
        charges=tuple(_negated_allowance(one) for one in line.charges),
    )


def _negated_allowance(one: AllowanceCharge) -> AllowanceCharge:
    return replace(one, amount=_minus(one.amount), base_amount=_minus(one.base_amount))


def _negated_totals(totals: Totals) -> Totals:
    return Totals(**{one.name: _minus(getattr(totals, one.name)) for one in fields(totals)})


def _negated_vat(row: VatBreakdown) -> VatBreakdown:
    return replace(row, taxable_amount=_minus(row.taxable_amount), tax_amount=_minus(row.tax_amount))
