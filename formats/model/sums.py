"""The arithmetic behind the totals rules, shown with the invoice's own numbers for whoever has to correct it.

Source of the rules: EN 16931-1 sections 6.4.2 and 6.4.3 (BR-CO-10 to BR-CO-17, and the rules that end in
-08 and -09), Peppol BIS Billing (PEPPOL-EN16931-R120). Nothing here decides whether a rule is broken; it
shows the sum.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

from formats.model.invoice import Invoice
from formats.model.line import Line
from formats.model.names import name_of
from formats.model.totals import tax_of, taxable_amounts
from formats.model.vat import AllowanceCharge, Totals
from formats.money import round_amount
from formats.phrases import number, say

__all__ = ["EXPLAINED", "Sum", "explain", "sums"]

_SHOWN: Final = 6
_EMPTY: Final = Totals()
_NOTHING: Final = Decimal(0)
_CATEGORY_RULE: Final = re.compile(r"BR-(S|Z|E|AE|IC|G|O|AF|AG|B)-0([89])\Z")
# PINT has the same sums under its own names: ibr-co-10, aligned-ibrp-s-08.
_PINT_PREFIX: Final = re.compile(r"\A(ALIGNED-)?IBRP?-")
# The letters in rule ids -> the code of the VAT category (UNTDID 5305), where they differ.
_CODES: Final = MappingProxyType({"IC": "K", "AF": "L", "AG": "M"})

# One operand: its sign, the business term that it is or a message that names it ("" for none), its value.
Part = tuple[str, str, Decimal]


@dataclass(frozen=True, slots=True)
class Sum:
    """One sum: what is added up, what that makes, and what the document says (`stated`, None where it is
    missing) in `term`. `category` and `rate` say of which VAT breakdown it is, where it is of one; `of` is
    the term that is added up, where it is one."""

    parts: tuple[Part, ...]
    expected: Decimal
    term: str
    stated: Decimal | None
    category: str = ""
    rate: Decimal | None = None
    of: str = ""

    @property
    def difference(self) -> Decimal | None:
        """What the document says too much (too little if negative); None where it says nothing."""
        return None if self.stated is None else self.stated - self.expected

    def sentence(self, currency: str, language: str = "en") -> str:
        """The sum in one sentence, amounts in the way of the language."""
        told = self._parts(language) or say("sum.nothing", language)
        if self.category:
            message = "sum.category_without_rate" if self.rate is None else "sum.category"
            rate = "" if self.rate is None else number(self.rate, language)
            told = say(message, language, category=self.category, rate=rate, sum=told)
        if self.of:
            told = say("sum.of", language, name=name_of(self.of, language), sum=told)
        difference = self.difference
        if difference is None:
            message = "sum.missing"
        else:
            message = "sum.too_much" if difference > 0 else "sum.too_little"
        return say(
            message,
            language,
            sum=told,
            expected=_money(self.expected, currency, language),
            name=name_of(self.term, language),
            term=self.term,
            stated="" if self.stated is None else _money(self.stated, currency, language),
            difference="" if difference is None else _money(abs(difference), currency, language),
        )

    def _parts(self, language: str) -> str:
        plain = [value for sign, name, value in self.parts if not name]
        if len(plain) > _SHOWN:
            first, last = number(plain[0], language), number(plain[-1], language)
            return say("sum.many", language, count=len(plain), first=first, last=last)
        told = ""
        for sign, name, value in self.parts:
            if sign == "+" and value < 0 and told:
                sign, value = "-", -value
            if told or sign == "-":
                told += f" {sign} " if told else sign
            if name:
                told += (name_of(name, language) if name[:3] in ("BT-", "BG-") else say(name, language)) + " "
            told += number(value, language) + (" %" if sign == "×%" else "")
        return told.replace("×%", "×")


def explain(rule: str, invoice: Invoice, *, line: int = 0, language: str = "en") -> str | None:
    """The sum that the rule is about, with the invoice's numbers, in one or two sentences.

    `line` is the position of the invoice line (from 0) for rules about a line. None for a rule without a sum,
    where the invoice lacks a number that the sum needs, and where the sum comes out.
    """
    try:
        wrong = [one for one in sums(rule, invoice, line=line) if one.difference != 0]
        told = [one.sentence(invoice.currency or "", language) for one in wrong]
    except InvalidOperation:  # numbers of thirty digits; the rule's own text has to do
        return None
    return " ".join(told) or None


def sums(rule: str, invoice: Invoice, *, line: int = 0) -> tuple[Sum, ...]:
    """The sums that the rule is about; of a rule about every VAT category only those that do not come out.

    Raises InvalidOperation for numbers that are too long to calculate with.
    """
    rule = _PINT_PREFIX.sub("BR-", rule.upper())
    calculate = EXPLAINED.get(rule)
    if calculate is not None:
        return tuple(calculate(invoice))
    found = _CATEGORY_RULE.match(rule)
    if found is not None:
        category = _CODES.get(found[1], found[1])
        return tuple((_bases if found[2] == "8" else _taxes)(invoice, category))
    if rule == "PEPPOL-EN16931-R120" and 0 <= line < len(invoice.lines):
        return tuple(_line_net(invoice.lines[line]))
    return ()


def _line_total(invoice: Invoice) -> Iterator[Sum]:
    return _sum_of([line.net_amount for line in invoice.lines], "BT-131", "BT-106", _totals(invoice).lines)


def _allowance_total(invoice: Invoice) -> Iterator[Sum]:
    return _sum_of(
        [part.amount for part in invoice.allowances], "BT-92", "BT-107", _totals(invoice).allowances
    )


def _charge_total(invoice: Invoice) -> Iterator[Sum]:
    return _sum_of([part.amount for part in invoice.charges], "BT-99", "BT-108", _totals(invoice).charges)


def _vat_total(invoice: Invoice) -> Iterator[Sum]:
    return _sum_of(
        [row.tax_amount for row in invoice.vat_breakdown], "BT-117", "BT-110", _totals(invoice).vat
    )


def _sum_of(amounts: Sequence[Decimal | None], of: str, term: str, stated: Decimal | None) -> Iterator[Sum]:
    known = [amount for amount in amounts if amount is not None]
    if len(known) == len(amounts):
        yield Sum(tuple(("+", "", amount) for amount in known), sum(known, _NOTHING), term, stated, of=of)


def _without_vat(invoice: Invoice) -> Iterator[Sum]:
    totals = _totals(invoice)
    yield from _of_terms(
        (("+", "BT-106", totals.lines), ("-", "BT-107", totals.allowances), ("+", "BT-108", totals.charges)),
        "BT-109",
        totals.without_vat,
    )


def _with_vat(invoice: Invoice) -> Iterator[Sum]:
    """BT-112 is BT-109 plus BT-110, exactly: both are already rounded amounts (BR-CO-15)."""
    totals = _totals(invoice)
    if totals.vat is not None:
        yield from _of_terms(
            (("+", "BT-109", totals.without_vat), ("+", "BT-110", totals.vat)), "BT-112", totals.with_vat
        )


def _due(invoice: Invoice) -> Iterator[Sum]:
    totals = _totals(invoice)
    yield from _of_terms(
        (("+", "BT-112", totals.with_vat), ("-", "BT-113", totals.paid), ("+", "BT-114", totals.rounding)),
        "BT-115",
        totals.due,
    )


def _of_terms(
    operands: Sequence[tuple[str, str, Decimal | None]], term: str, stated: Decimal | None
) -> Iterator[Sum]:
    """Of totals, the first of which is needed; the others count as nothing where they are missing."""
    if operands[0][2] is not None:
        parts = tuple((sign, name, value) for sign, name, value in operands if value is not None)
        yield Sum(parts, _total(parts), term, stated)


def _tax_of_rows(invoice: Invoice) -> Iterator[Sum]:
    """BR-CO-17: VAT is the base times the rate, rounded to the decimals of the currency."""
    for row in invoice.vat_breakdown:
        if row.taxable_amount is not None and row.rate is not None:
            found = _tax(row.taxable_amount, row.rate, row.tax_amount, row.category or "", invoice.currency)
            if found.difference != 0:
                yield found


def _taxes(invoice: Invoice, category: str) -> Iterator[Sum]:
    """BR-S-09 and its siblings: the same for one category; those without VAT have none."""
    for row in invoice.vat_breakdown:
        if row.category == category and row.taxable_amount is not None:
            yield _tax(row.taxable_amount, row.rate or _NOTHING, row.tax_amount, category, invoice.currency)


def _tax(base: Decimal, rate: Decimal, stated: Decimal | None, category: str, currency: str | None) -> Sum:
    parts: tuple[Part, ...] = (("+", "BT-116", base), ("×%", "", rate))
    return Sum(parts, tax_of(base, rate, currency), "BT-117", stated, category, rate)


def _bases(invoice: Invoice, category: str) -> Iterator[Sum]:
    """BR-S-08 and its siblings: the base of each rate is lines minus allowances plus charges of that rate."""
    expected = taxable_amounts(invoice)
    if expected is None:
        return
    stated = {(row.category, row.rate): row for row in invoice.vat_breakdown if row.category == category}
    for key in dict.fromkeys((*(key for key in expected if key[0] == category), *stated)):
        base, row = round_amount(expected.get(key, _NOTHING), invoice.currency), stated.get(key)
        if row is None or row.taxable_amount != base:
            parts = tuple(_parts_of(invoice, key))
            yield Sum(parts, base, "BT-116", row.taxable_amount if row else None, category, key[1])


def _parts_of(invoice: Invoice, key: tuple[str | None, Decimal | None]) -> Iterator[Part]:
    lines = [
        line.net_amount or _NOTHING
        for line in invoice.lines
        if line.vat and (line.vat.category, line.vat.rate) == key
    ]
    if lines:
        yield "+", "sum.lines", sum(lines, _NOTHING)
    for sign, name, parts in (
        ("-", "sum.allowances", invoice.allowances),
        ("+", "sum.charges", invoice.charges),
    ):
        amounts = [part.amount or _NOTHING for part in parts if (part.vat_category, part.vat_rate) == key]
        if amounts:
            yield sign, name, sum(amounts, _NOTHING)


def _line_net(line: Line) -> Iterator[Sum]:
    """PEPPOL-EN16931-R120: quantity times net price for one, plus charges, minus allowances; 0.02 slack."""
    price = line.price
    if line.quantity is None or price is None or price.net is None or price.base_quantity == 0:
        return
    base = price.base_quantity
    charges, allowances = _amounts(line.charges), _amounts(line.allowances)
    expected = round_amount(line.quantity * price.net / (base or 1) + charges - allowances)
    parts: list[Part] = [("+", "BT-129", line.quantity), ("×", "BT-146", price.net)]
    if base is not None and base != 1:
        parts.append(("÷", "BT-149", base))
    if allowances:
        parts.append(("-", "sum.allowances", allowances))
    if charges:
        parts.append(("+", "sum.charges", charges))
    yield Sum(tuple(parts), expected, "BT-131", line.net_amount)


EXPLAINED: Final[Mapping[str, Callable[[Invoice], Iterator[Sum]]]] = MappingProxyType(
    {
        "BR-CO-10": _line_total,
        "BR-CO-11": _allowance_total,
        "BR-CO-12": _charge_total,
        "BR-CO-13": _without_vat,
        "BR-CO-14": _vat_total,
        "BR-CO-15": _with_vat,
        "BR-CO-16": _due,
        "BR-CO-17": _tax_of_rows,
    }
)


def _totals(invoice: Invoice) -> Totals:
    return invoice.totals or _EMPTY


def _total(parts: Sequence[Part]) -> Decimal:
    return sum((-value if sign == "-" else value for sign, _, value in parts), _NOTHING)


def _amounts(parts: Sequence[AllowanceCharge]) -> Decimal:
    return sum((part.amount for part in parts if part.amount is not None), _NOTHING)


def _money(amount: Decimal, currency: str, language: str) -> str:
    return f"{number(amount, language)} {currency}".strip()
