"""The invoice or credit note as a whole (EN 16931-1:2017 and A1:2019)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from formats.identifiers import Identifier
from formats.model.field import group, groups, term
from formats.model.italy import ItalianInvoice
from formats.model.line import Line
from formats.model.party import Buyer, Delivery, Payee, Period, Seller, TaxRepresentative
from formats.model.payment import PaymentInstructions
from formats.model.poland import Poland
from formats.model.spain import Spain
from formats.model.vat import AllowanceCharge, Totals, VatBreakdown

__all__ = ["CREDIT_NOTE_TYPES", "Invoice", "Note", "PrecedingInvoice", "SupportingDocument"]

# UNTDID 1001 codes that EN 16931 counts as credit notes.
CREDIT_NOTE_TYPES: Final = frozenset(
    {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """BG-1. `subject_code` is UNTDID 4451."""

    subject_code: str | None = term("BT-21")
    text: str | None = term("BT-22")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecedingInvoice:
    """BG-3: the invoice that a credit note or correction refers to."""

    number: str | None = term("BT-25")
    issue_date: date | None = term("BT-26")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportingDocument:
    """BG-24: a reference, an outside address, or an embedded file with its media type and file name."""

    reference: str | None = term("BT-122")
    description: str | None = term("BT-123")
    url: str | None = term("BT-124")
    content: bytes | None = term("BT-125")
    media_type: str | None = term("BT-125-1")
    filename: str | None = term("BT-125-2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One invoice or credit note; which of the two follows from `type_code` (UNTDID 1001)."""

    number: str | None = term("BT-1")
    issue_date: date | None = term("BT-2")
    type_code: str | None = term("BT-3")
    currency: str | None = term("BT-5")
    vat_currency: str | None = term("BT-6")
    tax_point_date: date | None = term("BT-7")
    tax_point_code: str | None = term("BT-8")
    due_date: date | None = term("BT-9")
    buyer_reference: str | None = term("BT-10")
    project_reference: str | None = term("BT-11")
    contract_reference: str | None = term("BT-12")
    purchase_order_reference: str | None = term("BT-13")
    sales_order_reference: str | None = term("BT-14")
    receiving_advice_reference: str | None = term("BT-15")
    despatch_advice_reference: str | None = term("BT-16")
    tender_reference: str | None = term("BT-17")
    invoiced_object: Identifier | None = term("BT-18")
    buyer_accounting_reference: str | None = term("BT-19")
    payment_terms: str | None = term("BT-20")
    notes: tuple[Note, ...] = groups("BG-1")
    business_process: str | None = term("BT-23")
    specification_id: str | None = term("BT-24")
    preceding_invoices: tuple[PrecedingInvoice, ...] = groups("BG-3")
    seller: Seller | None = group("BG-4")
    buyer: Buyer | None = group("BG-7")
    payee: Payee | None = group("BG-10")
    tax_representative: TaxRepresentative | None = group("BG-11")
    delivery: Delivery | None = group("BG-13")
    period: Period | None = group("BG-14")
    payment: PaymentInstructions | None = group("BG-16")
    allowances: tuple[AllowanceCharge, ...] = groups("BG-20")
    charges: tuple[AllowanceCharge, ...] = groups("BG-21")
    totals: Totals | None = group("BG-22")
    vat_breakdown: tuple[VatBreakdown, ...] = groups("BG-23")
    documents: tuple[SupportingDocument, ...] = groups("BG-24")
    lines: tuple[Line, ...] = groups("BG-25")
    spain: Spain | None = group("ES-G1")
    poland: Poland | None = group("PL-G1")
    italy: ItalianInvoice | None = group("IT-G1")

    @property
    def is_credit_note(self) -> bool:
        return self.type_code in CREDIT_NOTE_TYPES
