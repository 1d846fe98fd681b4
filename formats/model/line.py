"""Invoice lines (EN 16931-1, BG-25 to BG-32)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from formats.identifiers import Identifier
from formats.model.field import group, groups, term
from formats.model.italy import ItalianLine
from formats.model.party import Period
from formats.model.poland import PolishLine
from formats.model.spain import SpanishLineTax
from formats.model.vat import AllowanceCharge, LineVat

__all__ = ["Classification", "Item", "ItemAttribute", "Line", "Price"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """BG-29: prices without VAT for `base_quantity` units, with as many decimals as were agreed."""

    net: Decimal | None = term("BT-146")
    discount: Decimal | None = term("BT-147")
    gross: Decimal | None = term("BT-148")
    base_quantity: Decimal | None = term("BT-149")
    base_quantity_unit: str | None = term("BT-150")


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """BT-158 with its scheme (UNTDID 7143) and the scheme's version."""

    code: str
    scheme: str
    scheme_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAttribute:
    """BG-32."""

    name: str | None = term("BT-160")
    value: str | None = term("BT-161")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """BG-31."""

    name: str | None = term("BT-153")
    description: str | None = term("BT-154")
    seller_identifier: str | None = term("BT-155")
    buyer_identifier: str | None = term("BT-156")
    standard_identifier: Identifier | None = term("BT-157")
    classifications: tuple[Classification, ...] = groups("BT-158")
    origin_country: str | None = term("BT-159")
    attributes: tuple[ItemAttribute, ...] = groups("BG-32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """BG-25. `unit` is UN/ECE Recommendation 20 or 21; `net_amount` is after line allowances and charges."""

    identifier: str | None = term("BT-126")
    note: str | None = term("BT-127")
    object: Identifier | None = term("BT-128")
    quantity: Decimal | None = term("BT-129")
    unit: str | None = term("BT-130")
    net_amount: Decimal | None = term("BT-131")
    purchase_order_line: str | None = term("BT-132")
    buyer_accounting_reference: str | None = term("BT-133")
    period: Period | None = group("BG-26")
    allowances: tuple[AllowanceCharge, ...] = groups("BG-27")
    charges: tuple[AllowanceCharge, ...] = groups("BG-28")
    price: Price | None = group("BG-29")
    vat: LineVat | None = group("BG-30")
    item: Item | None = group("BG-31")
    spain: SpanishLineTax | None = group("ES-G8")
    poland: PolishLine | None = group("PL-G7")
    italy: ItalianLine | None = group("IT-G5")
