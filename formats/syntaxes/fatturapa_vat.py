"""VAT in Italy's words: Natura for each category without tax, split payment, and the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final

from formats.errors import MalformedDocument
from formats.model.invoice import Invoice
from formats.model.italy import ItalianCharge, ItalianLine, ItalianVat
from formats.model.line import Line
from formats.model.vat import AllowanceCharge, LineVat, VatBreakdown
from formats.syntaxes.fatturapa_codes import CATEGORY_OF, LEGAL_TEXT, NATURE_OF, NATURE_OF_REASON

__all__ = ["nature_of", "with_categories", "with_natures"]

_TAXED: Final = (None, "S", "B")
_REASON: Final = re.compile(r"(VATEX-[A-Z0-9-]+)(?: (.*))?\Z", re.DOTALL)
# BT-8 -> EsigibilitaIVA; what is due on delivery is due at once, too.
_CHARGEABILITY: Final = {"3": "I", "35": "I", "432": "D"}


def nature_of(category: str | None, reason_code: str | None, where: str) -> str | None:
    """Natura for a category; None for taxed ones. Raises MalformedDocument where Italy has none for it."""
    if category in _TAXED:
        return None
    by_reason = NATURE_OF_REASON.get(reason_code or "")
    if by_reason is not None and (
        CATEGORY_OF[by_reason] == category or NATURE_OF[str(category)] == by_reason
    ):
        return by_reason
    if category not in NATURE_OF:
        raise MalformedDocument(
            f"the VAT category {category} has no counterpart in Italy",
            where=where,
            fix="say which Natura it is (IT-42 of the line, IT-43 of the VAT breakdown), such as N3.6",
        )
    return NATURE_OF[category]


def with_natures(invoice: Invoice) -> Invoice:
    """Each line, charge and row of the VAT breakdown with its Natura; rows of split payment marked."""
    reasons = {row.category: row.exemption_reason_code for row in reversed(invoice.vat_breakdown)}
    natures: dict[tuple[str | None, Decimal], dict[str, Decimal]] = {}
    lines = []
    for position, line in enumerate(invoice.lines, 1):
        category = line.vat.category if line.vat else None
        said = line.italy.nature if line.italy else None
        where = f"line {line.identifier or position}"
        nature = said or nature_of(category, reasons.get(category), where)
        if nature is not None:
            line = replace(line, italy=replace(line.italy or ItalianLine(), nature=nature))
            key = (category, (line.vat and line.vat.rate) or Decimal(0))
            bases = natures.setdefault(key, {})
            bases[nature] = bases.get(nature, Decimal(0)) + (line.net_amount or Decimal(0))
        lines.append(line)
    charges = tuple(_with_nature(charge, reasons) for charge in invoice.charges)
    rows = tuple(row for said in invoice.vat_breakdown for row in _rows(said, natures, invoice))
    return replace(invoice, lines=tuple(lines), charges=charges, vat_breakdown=rows)


def _with_nature(charge: AllowanceCharge, reasons: dict[str | None, str | None]) -> AllowanceCharge:
    if charge.italy is None or charge.italy.social_fund is None or charge.italy.nature is not None:
        return charge
    nature = nature_of(charge.vat_category, reasons.get(charge.vat_category), "social fund")
    return replace(charge, italy=replace(charge.italy, nature=nature))


def _rows(
    row: VatBreakdown, natures: dict[tuple[str | None, Decimal], dict[str, Decimal]], invoice: Invoice
) -> Iterator[VatBreakdown]:
    """The row with its Natura, or one for each Natura of its lines that no other row has."""
    claimed = {one.italy.nature for one in invoice.vat_breakdown if one.italy}
    said = row.italy or ItalianVat()
    due = "S" if row.category == "B" else _CHARGEABILITY.get(invoice.tax_point_code or "")
    bases = {
        nature: base
        for nature, base in natures.get((row.category, row.rate or Decimal(0)), {}).items()
        if nature not in claimed
    }
    if said.nature is None and len(bases) > 1:
        for nature, base in bases.items():
            yield _written(replace(row, taxable_amount=base), replace(said, nature=nature), due)
        return
    found = said.nature or next(iter(bases), None)
    if found is None:
        found = nature_of(row.category, row.exemption_reason_code, "VAT breakdown")
    yield _written(row, replace(said, nature=found), due)


def _written(row: VatBreakdown, italy: ItalianVat, due: str | None) -> VatBreakdown:
    text = " ".join(part for part in (row.exemption_reason_code, row.exemption_reason) if part)
    if not text and italy.nature:
        text = LEGAL_TEXT[italy.nature[:2]]
    italy = replace(italy, chargeability=italy.chargeability or due)
    return replace(
        row,
        # What is not subject to VAT has no rate in EN 16931 and the rate 0 here.
        rate=row.rate if row.rate is not None else Decimal(0),
        exemption_reason=text or None,
        exemption_reason_code=None,
        italy=None if italy == ItalianVat() else italy,
    )


def with_categories(invoice: Invoice) -> Invoice:
    """BT-118 and BT-151 from Natura and split payment, BT-8, BT-120 and BT-121; a Natura that `with_natures`
    would find by itself is taken out."""
    rows = invoice.vat_breakdown
    split = {row.rate for row in rows if row.italy and row.italy.chargeability == "S"}
    all_natures = [line.italy.nature if line.italy else None for line in invoice.lines]
    out_of_scope = bool(all_natures) and all(nature == "N2.2" for nature in all_natures)
    first = next((row.italy.chargeability for row in rows if row.italy and row.italy.chargeability), None)
    code = {"D": "432", "I": "3"}.get(first or "")
    read = []
    for row in rows:
        said = row.italy or ItalianVat()
        reason, text = _reason(row.exemption_reason, said.nature)
        category = _category(said.nature, out_of_scope=out_of_scope, split=row.rate in split)
        if said.nature and _found_again(said.nature, category, reason):
            said = replace(said, nature=None)
        if said.chargeability == ("S" if category == "B" else _CHARGEABILITY.get(code or "")):
            said = replace(said, chargeability=None)
        read.append(
            replace(
                row,
                category=category,
                rate=None if category == "O" else row.rate,
                exemption_reason=text,
                exemption_reason_code=reason,
                italy=None if said == ItalianVat() else said,
            )
        )
    reasons = {row.category: row.exemption_reason_code for row in reversed(read)}
    return replace(
        invoice,
        tax_point_code=code,
        vat_breakdown=tuple(read),
        lines=tuple(_line(line, split, reasons, out_of_scope=out_of_scope) for line in invoice.lines),
        allowances=tuple(_part(one, split, reasons, out_of_scope=out_of_scope) for one in invoice.allowances),
        charges=tuple(_part(one, split, reasons, out_of_scope=out_of_scope) for one in invoice.charges),
    )


def _reason(text: str | None, nature: str | None) -> tuple[str | None, str | None]:
    coded = _REASON.match(text or "")
    if coded:
        return coded[1], coded[2] or None
    return None, None if nature and text == LEGAL_TEXT.get(nature[:2]) else text


def _category(nature: str | None, *, out_of_scope: bool, split: bool) -> str:
    if nature is None:
        return "B" if split else "S"
    return "O" if out_of_scope and nature == "N2.2" else CATEGORY_OF.get(nature, "E")


def _found_again(nature: str, category: str, reason: str | None) -> bool:
    return nature_of(category, reason, "") == nature


def _line(
    line: Line,
    split: set[Decimal | None],
    reasons: dict[str | None, str | None],
    *,
    out_of_scope: bool,
) -> Line:
    said = line.italy or ItalianLine()
    rate = line.vat.rate if line.vat else None
    category = _category(said.nature, out_of_scope=out_of_scope, split=rate in split)
    if said.nature and _found_again(said.nature, category, reasons.get(category)):
        said = replace(said, nature=None)
    vat = LineVat(category=category, rate=None if category == "O" else rate)
    return replace(line, vat=vat, italy=None if said == ItalianLine() else said)


def _part(
    part: AllowanceCharge,
    split: set[Decimal | None],
    reasons: dict[str | None, str | None],
    *,
    out_of_scope: bool,
) -> AllowanceCharge:
    """An allowance or charge of the document; its Natura stands in `italy` of a charge for now."""
    said = part.italy or ItalianCharge()
    category = _category(said.nature, out_of_scope=out_of_scope, split=part.vat_rate in split)
    if said.nature and (
        said.social_fund is None or _found_again(said.nature, category, reasons.get(category))
    ):
        said = replace(said, nature=None)
    rate = None if category == "O" else part.vat_rate
    return replace(
        part, vat_category=category, vat_rate=rate, italy=None if said == ItalianCharge() else said
    )
