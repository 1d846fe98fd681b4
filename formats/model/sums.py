"""The arithmetic behind the totals rules, shown with the invoice's own numbers for whoever has to correct it.

Source of the rules: EN 16931-1 sections 6.4.2 and 6.4.3 (BR-CO-10 to BR-CO-17, and the rules that end in
-08), Peppol BIS Billing (PEPPOL-EN16931-R120). Nothing here decides whether a rule is broken; it shows the
sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

from formats.model.invoice import Invoice
from formats.model.line import Line
from formats.model.totals import tax_of, taxable_amounts
from formats.model.vat import AllowanceCharge, Totals
from formats.money import round_amount, text

__all__ = ["EXPLAINED", "explain"]

_SHOWN: Final = 6
_EMPTY: Final = Totals()


def explain(rule: str, invoice: Invoice, *, line: int = 0) -> str | None:
    """The sum that the rule is about, with the invoice's numbers, in one or two sentences.

    `line` is the position of the invoice line (from 0) for rules about a line. None for a rule without a sum
    and where the invoice lacks a number that the sum needs.
    """
    calculate = EXPLAINED.get(rule)
    try:
        if calculate is not None:
            return calculate(invoice)
        if rule == "PEPPOL-EN16931-R120" and 0 <= line < len(invoice.lines):
            return _line_net(invoice.lines[line], invoice)
    except InvalidOperation:  # numbers of thirty digits; the rule's own text has to do
        return None
    return None


def _line_total(invoice: Invoice) -> str | None:
    nets = [line.net_amount for line in invoice.lines]
    return _sum_of(invoice, "The net amounts of the lines", nets, "total of the lines (BT-106)", "lines")


def _allowance_total(invoice: Invoice) -> str | None:
    amounts = [part.amount for part in invoice.allowances]
    return _sum_of(invoice, "The allowances", amounts, "total of allowances (BT-107)", "allowances")


def _charge_total(invoice: Invoice) -> str | None:
    amounts = [part.amount for part in invoice.charges]
    return _sum_of(invoice, "The charges", amounts, "total of charges (BT-108)", "charges")


def _vat_total(invoice: Invoice) -> str | None:
    amounts = [row.tax_amount for row in invoice.vat_breakdown]
    return _sum_of(invoice, "The VAT amounts of the breakdown", amounts, "total VAT (BT-110)", "vat")


def _sum_of(
    invoice: Invoice, parts: str, amounts: Sequence[Decimal | None], name: str, field: str
) -> str | None:
    known = [amount for amount in amounts if amount is not None]
    if len(known) != len(amounts):
        return None
    expected = sum(known, Decimal(0))
    shown = f" ({_addition(known)})" if len(known) > 1 else ""
    sum_text = f"{parts} make {_money(expected, invoice)}{shown}"
    return _compare(sum_text, expected, name, getattr(invoice.totals or _EMPTY, field), invoice)


def _without_vat(invoice: Invoice) -> str | None:
    totals = invoice.totals or _EMPTY
    if totals.lines is None:
        return None
    less, plus = totals.allowances or Decimal(0), totals.charges or Decimal(0)
    expected = totals.lines - less + plus
    changes = _minus("allowances", totals.allowances) + _plus("charges", totals.charges)
    sum_text = f"Lines {text(totals.lines)}{changes} make {_money(expected, invoice)}"
    return _compare(sum_text, expected, "total without VAT (BT-109)", totals.without_vat, invoice)


def _with_vat(invoice: Invoice) -> str | None:
    """BT-112 is BT-109 plus BT-110, exactly: both are already rounded amounts (BR-CO-15)."""
    totals = invoice.totals or _EMPTY
    if totals.without_vat is None or totals.vat is None:
        return None
    expected = totals.without_vat + totals.vat
    sum_text = (
        f"The total without VAT {text(totals.without_vat)} and the VAT {text(totals.vat)} "
        f"make {_money(expected, invoice)}"
    )
    return _compare(sum_text, expected, "total with VAT (BT-112)", totals.with_vat, invoice)


def _due(invoice: Invoice) -> str | None:
    totals = invoice.totals or _EMPTY
    if totals.with_vat is None:
        return None
    expected = totals.with_vat - (totals.paid or Decimal(0)) + (totals.rounding or Decimal(0))
    sum_text = (
        f"The total with VAT {text(totals.with_vat)}{_minus('already paid', totals.paid)}"
        f"{_plus('rounding', totals.rounding)} makes {_money(expected, invoice)}"
    )
    return _compare(sum_text, expected, "amount due (BT-115)", totals.due, invoice)


def _tax_of_rows(invoice: Invoice) -> str | None:
    """BR-CO-17: VAT is the base times the rate, rounded to two decimals."""
    told = []
    for row in invoice.vat_breakdown:
        if row.taxable_amount is None or row.rate is None:
            continue
        expected = tax_of(row.taxable_amount, row.rate)
        if expected != row.tax_amount:
            product = f"{text(row.rate)} % of {text(row.taxable_amount)} is {_money(expected, invoice)}"
            sum_text = f"{product} (VAT category {row.category})"
            told.append(_compare(sum_text, expected, "VAT amount (BT-117)", row.tax_amount, invoice))
    return " ".join(told) or None


def _bases_of(category: str) -> Callable[[Invoice], str | None]:
    """BR-S-08 and its siblings: the base of each rate is lines minus allowances plus charges of that rate."""

    def explain_bases(invoice: Invoice) -> str | None:
        expected = taxable_amounts(invoice)
        if expected is None:
            return None
        told = []
        stated = {(row.category, row.rate): row for row in invoice.vat_breakdown if row.category == category}
        for key in dict.fromkeys((*(key for key in expected if key[0] == category), *stated)):
            base, row = round_amount(expected.get(key, Decimal(0))), stated.get(key)
            if row is None or row.taxable_amount != base:
                rate = "without a rate" if key[1] is None else f"at {text(key[1])} %"
                sum_text = (
                    f"The lines, allowances and charges of VAT category {category} {rate} "
                    f"make {_money(base, invoice)}"
                )
                amount = row.taxable_amount if row else None
                told.append(_compare(sum_text, base, "taxable amount (BT-116)", amount, invoice))
        return " ".join(told) or None

    return explain_bases


def _line_net(line: Line, invoice: Invoice) -> str | None:
    """PEPPOL-EN16931-R120: quantity times net price for one, plus charges, minus allowances; 0.02 slack."""
    price = line.price
    if line.quantity is None or price is None or price.net is None or price.base_quantity == 0:
        return None
    base = price.base_quantity
    charges, allowances = _total(line.charges), _total(line.allowances)
    expected = round_amount(line.quantity * price.net / (base or 1) + charges - allowances)
    per = f" for {text(base)}" if base is not None and base != 1 else ""
    sum_text = (
        f"{text(line.quantity)} times the price {text(price.net)}{per}"
        f"{_minus('allowances', allowances or None)}{_plus('charges', charges or None)} "
        f"is {_money(expected, invoice)}"
    )
    return _compare(sum_text, expected, "line amount (BT-131)", line.net_amount, invoice)


EXPLAINED: Final[Mapping[str, Callable[[Invoice], str | None]]] = MappingProxyType(
    {
        "BR-CO-10": _line_total,
        "BR-CO-11": _allowance_total,
        "BR-CO-12": _charge_total,
        "BR-CO-13": _without_vat,
        "BR-CO-14": _vat_total,
        "BR-CO-15": _with_vat,
        "BR-CO-16": _due,
        "BR-CO-17": _tax_of_rows,
        "BR-S-08": _bases_of("S"),
        "BR-Z-08": _bases_of("Z"),
        "BR-E-08": _bases_of("E"),
        "BR-AE-08": _bases_of("AE"),
        "BR-IC-08": _bases_of("K"),
        "BR-G-08": _bases_of("G"),
        "BR-O-08": _bases_of("O"),
        "BR-AF-08": _bases_of("L"),
        "BR-AG-08": _bases_of("M"),
    }
)


def _compare(sum_text: str, expected: Decimal, name: str, stated: Decimal | None, invoice: Invoice) -> str:
    if stated is None:
        return f"{sum_text}, but the {name} is missing."
    difference = stated - expected
    if not difference:
        return f"{sum_text}, and so does the {name}."
    direction = "too much" if difference > 0 else "too little"
    return (
        f"{sum_text}, but the {name} says {_money(stated, invoice)}: "
        f"{_money(abs(difference), invoice)} {direction}."
    )


def _money(amount: Decimal, invoice: Invoice) -> str:
    return f"{text(amount)} {invoice.currency}" if invoice.currency else text(amount)


def _addition(amounts: Sequence[Decimal]) -> str:
    if len(amounts) > _SHOWN:
        return f"{len(amounts)} amounts, from {text(amounts[0])} to {text(amounts[-1])}"
    return " + ".join(text(amount) for amount in amounts)


def _minus(name: str, amount: Decimal | None) -> str:
    return "" if amount is None else f" minus {name} {text(amount)}"


def _plus(name: str, amount: Decimal | None) -> str:
    return "" if amount is None else f" plus {name} {text(amount)}"


def _total(parts: Sequence[AllowanceCharge]) -> Decimal:
    return sum((part.amount for part in parts if part.amount is not None), Decimal(0))
