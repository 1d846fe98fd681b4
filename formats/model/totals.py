"""Totals (BG-22) and VAT breakdown (BG-23): filling in what an ERP leaves out, and showing sums.

The arithmetic is that of EN 16931-1 section 6.4: amounts are rounded to the decimals of their currency, half
away from zero, and VAT once for each category and rate, never for each line. A sum that needs the third
decimal of its currency stops the invoice, for EN 16931 has room for two. `complete` fills gaps and overrides
nothing; `calculate` makes all sums anew, for an invoice that is ours to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation, Overflow
from types import MappingProxyType
from typing import Final

from formats.errors import MalformedDocument
from formats.model.invoice import Invoice
from formats.model.vat import AllowanceCharge, Totals, VatBreakdown
from formats.money import fitted, round_amount

__all__ = [
    "AMOUNTS",
    "COMPLETIONS",
    "calculate",
    "calculate_breakdown",
    "complete",
    "tax_of",
    "taxable_amounts",
]

# The terms that are amounts in the invoice currency (BT-111: in that of VAT), by BR-DEC-01 to BR-DEC-28.
# Prices are none: they have as many decimals as were agreed.
AMOUNTS: Final = frozenset(
    {
        *("BT-92", "BT-93", "BT-99", "BT-100"),
        *("BT-106", "BT-107", "BT-108", "BT-109", "BT-110", "BT-111", "BT-112", "BT-113", "BT-114", "BT-115"),
        *("BT-116", "BT-117"),
        *("BT-131", "BT-136", "BT-137", "BT-141", "BT-142"),
    }
)

_NONE: Final = Totals()
_Value = Decimal | tuple[VatBreakdown, ...] | None


def complete(invoice: Invoice, names: Sequence[str]) -> tuple[Invoice, tuple[str, ...]]:
    """Fill the named values where the invoice leaves them out; return it with the model paths filled.

    `names` are keys of `COMPLETIONS`, in any order; they are worked off so that each finds what it builds on.
    A value that is there stays as it is, and one that lacks an operand stays missing: missing is never zero.
    Doing it twice changes nothing more. Raises KeyError for an unknown name (the caller checks its own file)
    and MalformedDocument where an amount is too long to calculate with, or does not fit into an e-invoice.
    """
    unknown = [name for name in names if name not in COMPLETIONS]
    if unknown:
        raise KeyError(f"no completion is called {unknown[0]!r}")
    filled = []
    for name, (path, calculate) in COMPLETIONS.items():
        if name in names and _missing(invoice, path):
            try:
                value = _fitting(calculate(invoice), invoice.currency)
            except (InvalidOperation, Overflow) as error:
                raise MalformedDocument(
                    "an amount has more digits than an invoice can carry",
                    where=f"invoice {invoice.number or 'without number'}, {path}",
                    fix="correct the amount in the ERP",
                ) from error
            except MalformedDocument as error:
                raise MalformedDocument(
                    f"{_NAMES[name]}: {error.what}",
                    where=f"invoice {invoice.number or 'without number'}, {path}",
                    fix=error.fix,
                ) from error
            if value not in (None, ()):
                invoice = _with(invoice, path, value)
                filled.append(path)
    return invoice, tuple(filled)


def calculate(invoice: Invoice) -> Invoice:
    """The invoice with BG-22 and BG-23 made anew from its lines, allowances and charges.

    What cannot be calculated stays as it was said: the amount already paid (BT-113), the rounding (BT-114),
    the total in the VAT accounting currency (BT-111), and the exemption reasons (BT-120, BT-121) of each
    category. All else in the two groups is replaced. Doing it twice changes nothing more. Raises
    MalformedDocument where there is no line, or a line, allowance or charge has no amount or VAT category.
    """
    for place, category, amount in _parts(invoice):
        if category is None or amount is None:
            what = "amount" if amount is None else "VAT category"
            raise MalformedDocument(
                f"{place} has no {what}, so the totals cannot be calculated",
                where=f"invoice {invoice.number or 'without number'}",
                fix="fill it in the ERP",
            )
    if not invoice.lines:
        raise MalformedDocument(
            "there is no line, so there are no totals",
            where=f"invoice {invoice.number or 'without number'}",
            fix="add the lines in the ERP",
        )
    said = invoice.totals or _NONE
    kept = Totals(paid=said.paid, rounding=said.rounding, vat_in_vat_currency=said.vat_in_vat_currency)
    reasons = tuple(replace(row, taxable_amount=None, tax_amount=None) for row in invoice.vat_breakdown)
    return complete(replace(invoice, totals=kept, vat_breakdown=reasons), tuple(COMPLETIONS))[0]


def calculate_breakdown(invoice: Invoice) -> tuple[VatBreakdown, ...]:
    """BG-23 from lines and document allowances and charges, one row for each category and rate; empty where
    an amount or a category is missing.

    Amounts that the invoice says already (BT-116, BT-117) stay as they were said: only what is missing beside
    them is calculated, rows of one category and rate are put together (an ERP may have two tax codes for it),
    and they come first. Rows without any amount lend their exemption reasons (BT-120, BT-121) to the row of
    their category.
    """
    bases = taxable_amounts(invoice)
    if bases is None:
        return ()
    said: dict[tuple[str | None, Decimal | None], list[VatBreakdown]] = {}
    for row in invoice.vat_breakdown:
        if row.taxable_amount is not None or row.tax_amount is not None:
            said.setdefault((row.category, row.rate), []).append(row)
    reasons = {row.category: row for row in reversed(invoice.vat_breakdown) if _has_reason(row)}
    found = []
    currency = invoice.currency
    for category, rate in dict.fromkeys((*said, *bases)):
        rows, reason = said.get((category, rate), []), reasons.get(category)
        base = None if category is None else bases.get((category, rate))
        found.append(
            VatBreakdown(
                taxable_amount=_first_of(
                    _sum((row.taxable_amount for row in rows), currency),
                    None if base is None else round_amount(base, currency),
                ),
                tax_amount=_first_of(
                    _sum((row.tax_amount for row in rows), currency),
                    None if base is None else tax_of(base, rate, currency),
                ),
                category=category,
                rate=rate,
                exemption_reason=reason.exemption_reason if reason else None,
                exemption_reason_code=reason.exemption_reason_code if reason else None,
            )
        )
    return tuple(found)


def _has_reason(row: VatBreakdown) -> bool:
    return row.exemption_reason is not None or row.exemption_reason_code is not None


def _first_of(said: Decimal | None, calculated: Decimal | None) -> Decimal | None:
    return calculated if said is None else said


def taxable_amounts(invoice: Invoice) -> dict[tuple[str, Decimal | None], Decimal] | None:
    """The unrounded base of each VAT category and rate; None where an amount or a category is missing."""
    bases: dict[tuple[str, Decimal | None], Decimal] = {}
    for category, rate, amount in _taxed(invoice):
        if category is None or amount is None:
            return None
        bases[category, rate] = bases.get((category, rate), Decimal(0)) + amount
    return bases


def tax_of(base: Decimal, rate: Decimal | None, currency: str | None = None) -> Decimal:
    """BT-117 of one row: the rounded base times the rate (a percentage), rounded; without a rate it is 0."""
    return round_amount(round_amount(base, currency) * (rate or Decimal(0)) / 100, currency)


def _fitting(value: _Value, currency: str | None) -> _Value:
    """The value with the decimals that an e-invoice has room for. Raises MalformedDocument."""
    if isinstance(value, tuple):
        return tuple(
            replace(
                row,
                taxable_amount=_fitted(row.taxable_amount, currency),
                tax_amount=_fitted(row.tax_amount, currency),
            )
            for row in value
        )
    return _fitted(value, currency)


def _fitted(value: Decimal | None, currency: str | None) -> Decimal | None:
    return None if value is None else fitted(value, currency)


def _taxed(invoice: Invoice) -> Iterable[tuple[str | None, Decimal | None, Decimal | None]]:
    for line in invoice.lines:
        vat = line.vat
        yield (vat.category, vat.rate, line.net_amount) if vat else (None, None, line.net_amount)
    for allowance in invoice.allowances:
        amount = None if allowance.amount is None else -allowance.amount
        yield allowance.vat_category, allowance.vat_rate, amount
    for charge in invoice.charges:
        yield charge.vat_category, charge.vat_rate, charge.amount


def _parts(invoice: Invoice) -> Iterable[tuple[str, str | None, Decimal | None]]:
    """Everything that the totals are made of: its name for people, VAT category and amount."""
    for position, line in enumerate(invoice.lines, 1):
        name = f"line {line.identifier or position}"
        yield name, line.vat.category if line.vat else None, line.net_amount
    for position, allowance in enumerate(invoice.allowances, 1):
        yield f"document allowance {position}", allowance.vat_category, allowance.amount
    for position, charge in enumerate(invoice.charges, 1):
        yield f"document charge {position}", charge.vat_category, charge.amount


def _sum(amounts: Iterable[Decimal | None], currency: str | None) -> Decimal | None:
    """The rounded sum; None where there is nothing to add or one amount is missing."""
    known = list(amounts)
    if not known or None in known:
        return None
    return round_amount(sum((amount for amount in known if amount is not None), Decimal(0)), currency)


def _line_total(invoice: Invoice) -> Decimal | None:
    return _sum((line.net_amount for line in invoice.lines), invoice.currency)


def _allowance_total(invoice: Invoice) -> Decimal | None:
    return _sum((allowance.amount for allowance in invoice.allowances), invoice.currency)


def _charge_total(invoice: Invoice) -> Decimal | None:
    return _sum((charge.amount for charge in invoice.charges), invoice.currency)


def _without_vat(invoice: Invoice) -> Decimal | None:
    totals = invoice.totals or _NONE
    allowances = _or_nothing(totals.allowances, invoice.allowances)
    charges = _or_nothing(totals.charges, invoice.charges)
    if totals.lines is None or allowances is None or charges is None:
        return None
    return round_amount(totals.lines - allowances + charges, invoice.currency)


def _or_nothing(total: Decimal | None, parts: tuple[AllowanceCharge, ...]) -> Decimal | None:
    """A total that is left out counts as zero only where there is nothing to total."""
    return Decimal(0) if total is None and not parts else total


def _vat_total(invoice: Invoice) -> Decimal | None:
    return _sum((row.tax_amount for row in invoice.vat_breakdown), invoice.currency)


def _with_vat(invoice: Invoice) -> Decimal | None:
    totals = invoice.totals or _NONE
    return _sum((totals.without_vat, totals.vat), invoice.currency)


def _due(invoice: Invoice) -> Decimal | None:
    totals = invoice.totals or _NONE
    if totals.with_vat is None:
        return None
    return round_amount(totals.with_vat - (totals.paid or 0) + (totals.rounding or 0), invoice.currency)


_Calculation = Callable[[Invoice], _Value]

# Name in a mapping file -> model path and calculation, each after those it builds on.
COMPLETIONS: Final[Mapping[str, tuple[str, _Calculation]]] = MappingProxyType(
    {
        "line_total": ("totals.lines", _line_total),  # BT-106
        "allowance_total": ("totals.allowances", _allowance_total),  # BT-107
        "charge_total": ("totals.charges", _charge_total),  # BT-108
        "without_vat": ("totals.without_vat", _without_vat),  # BT-109
        "vat_breakdown": ("vat_breakdown", calculate_breakdown),  # BG-23
        "vat_total": ("totals.vat", _vat_total),  # BT-110
        "with_vat": ("totals.with_vat", _with_vat),  # BT-112
        "due": ("totals.due", _due),  # BT-115
    }
)
# For people.
_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "line_total": "sum of the lines (BT-106)",
        "allowance_total": "sum of the allowances (BT-107)",
        "charge_total": "sum of the charges (BT-108)",
        "without_vat": "total without VAT (BT-109)",
        "vat_breakdown": "base or VAT of one rate (BT-116, BT-117)",
        "vat_total": "total VAT (BT-110)",
        "with_vat": "total with VAT (BT-112)",
        "due": "amount due (BT-115)",
    }
)


def _missing(invoice: Invoice, path: str) -> bool:
    if path == "vat_breakdown":
        # Rows without any amount only bring exemption reasons; those with one of two lack the other.
        rows = invoice.vat_breakdown
        return not rows or any(row.taxable_amount is None or row.tax_amount is None for row in rows)
    return getattr(invoice.totals or _NONE, path.removeprefix("totals.")) is None


def _with(invoice: Invoice, path: str, value: Decimal | tuple[VatBreakdown, ...]) -> Invoice:
    if isinstance(value, tuple):
        return replace(invoice, vat_breakdown=value)
    field = path.removeprefix("totals.")
    return replace(invoice, totals=replace(invoice.totals or _NONE, **{field: value}))
