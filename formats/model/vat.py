"""Allowances, charges, document totals and VAT (EN 16931-1, BG-20 to BG-23, BG-27, BG-28, BG-30).

Amounts are in the invoice currency (BT-5) with at most two decimals unless a field says otherwise; rates are
percentages (21 means 21 %). All amounts are signed as the standard has them: an allowance is a positive
number.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from formats.model.field import group, term
from formats.model.italy import ItalianCharge, ItalianVat
from formats.model.spain import SpanishTax

__all__ = ["AllowanceCharge", "LineVat", "Totals", "VatBreakdown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceCharge:
    """BG-20 allowance and BG-21 charge of the document, BG-27 and BG-28 of a line.

    On a line there is no VAT of its own: `vat_category` and `vat_rate` stay `None`.
    """

    amount: Decimal | None = term({"BG-20": "BT-92", "BG-21": "BT-99", "BG-27": "BT-136", "BG-28": "BT-141"})
    base_amount: Decimal | None = term(
        {"BG-20": "BT-93", "BG-21": "BT-100", "BG-27": "BT-137", "BG-28": "BT-142"}
    )
    percentage: Decimal | None = term(
        {"BG-20": "BT-94", "BG-21": "BT-101", "BG-27": "BT-138", "BG-28": "BT-143"}
    )
    vat_category: str | None = term({"BG-20": "BT-95", "BG-21": "BT-102"})
    vat_rate: Decimal | None = term({"BG-20": "BT-96", "BG-21": "BT-103"})
    reason: str | None = term({"BG-20": "BT-97", "BG-21": "BT-104", "BG-27": "BT-139", "BG-28": "BT-144"})
    reason_code: str | None = term(
        {"BG-20": "BT-98", "BG-21": "BT-105", "BG-27": "BT-140", "BG-28": "BT-145"}
    )
    italy: ItalianCharge | None = group({"BG-21": "IT-G7"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """BG-22. `vat_in_vat_currency` is in the VAT accounting currency (BT-6), the rest in the invoice
    currency."""

    lines: Decimal | None = term("BT-106")
    allowances: Decimal | None = term("BT-107")
    charges: Decimal | None = term("BT-108")
    without_vat: Decimal | None = term("BT-109")
    vat: Decimal | None = term("BT-110")
    vat_in_vat_currency: Decimal | None = term("BT-111")
    with_vat: Decimal | None = term("BT-112")
    paid: Decimal | None = term("BT-113")
    rounding: Decimal | None = term("BT-114")
    due: Decimal | None = term("BT-115")


@dataclass(frozen=True, slots=True, kw_only=True)
class VatBreakdown:
    """BG-23: one row for each VAT category and rate. `category` is UNTDID 5305."""

    taxable_amount: Decimal | None = term("BT-116")
    tax_amount: Decimal | None = term("BT-117")
    category: str | None = term("BT-118")
    rate: Decimal | None = term("BT-119")
    exemption_reason: str | None = term("BT-120")
    exemption_reason_code: str | None = term("BT-121")
    spain: SpanishTax | None = group("ES-G7")
    italy: ItalianVat | None = group("IT-G6")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineVat:
    """BG-30."""

    category: str | None = term("BT-151")
    rate: Decimal | None = term("BT-152")
