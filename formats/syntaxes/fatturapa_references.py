"""Documents that an Italian invoice refers to: order, contract, receipt, linked invoices, delivery notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from formats.model.invoice import Invoice, PrecedingInvoice
from formats.model.italy import ItalianInvoice, Reference
from formats.syntaxes.fatturapa_text import basic, latin

__all__ = ["KINDS", "add_references", "take_references"]

# Kind (IT-24) -> element, in document order; delivery notes have another form.
KINDS: Final = {
    "order": "DatiOrdineAcquisto",
    "contract": "DatiContratto",
    "agreement": "DatiConvenzione",
    "receipt": "DatiRicezione",
    "invoice": "DatiFattureCollegate",
    "despatch": "DatiDDT",
}
_CUP: Final = re.compile(r"[A-Z][0-9]{2}[A-Z][0-9]{11}\Z")
_LONGEST_CIG: Final = 15
_LONGEST_NUMBER: Final = 20
_LONGEST_PROJECT: Final = 100


def add_references(invoice: Invoice) -> Invoice:
    """Everything the invoice refers to as IT-G3: what it says there, and what follows from its terms."""
    italy = invoice.italy or ItalianInvoice()
    said = italy.references
    known = {(one.kind, one.document) for one in said}
    derived = (one for one in _derived(invoice) if (one.kind, one.document) not in known)
    return replace(invoice, italy=replace(italy, references=(*said, *derived)))


def take_references(invoice: Invoice) -> Invoice:
    """The inverse; IT-G3 stays only where it says more than the terms."""
    italy = invoice.italy
    if italy is None or not italy.references:
        return invoice
    said = italy.references
    first: dict[str, Reference] = {}
    for one in said:
        first.setdefault(one.kind or "", one)
    items = {number: one.item for one in said if one.kind == "order" for number in (one.lines or "").split()}
    codes = next((one for one in said if one.cup or one.project), Reference())
    read = replace(
        invoice,
        purchase_order_reference=_document(first.get("order")),
        contract_reference=_document(first.get("contract")),
        receiving_advice_reference=_document(first.get("receipt")),
        despatch_advice_reference=_document(first.get("despatch")),
        tender_reference=next((one.cig for one in said if one.cig), None),
        project_reference=codes.cup or codes.project,
        preceding_invoices=tuple(
            PrecedingInvoice(number=one.document, issue_date=one.issued)
            for one in said
            if one.kind == "invoice"
        ),
        lines=tuple(
            replace(line, purchase_order_line=items.get(line.identifier or "")) for line in invoice.lines
        ),
    )
    without = replace(read, italy=replace(italy, references=()))
    order = list(KINDS)
    again = sorted(_derived(without), key=lambda one: order.index(one.kind or ""))
    return without if tuple(again) == said else replace(read, italy=italy)


def _document(reference: Reference | None) -> str | None:
    return reference.document if reference else None


def _derived(invoice: Invoice) -> Iterator[Reference]:
    project = latin(invoice.project_reference or "")[:_LONGEST_PROJECT].strip() or None
    tender = basic(invoice.tender_reference or "").strip() or None
    is_cup = bool(project and _CUP.match(project))
    codes = Reference(
        project=None if is_cup else project,
        cup=project if is_cup else None,
        cig=tender if tender and len(tender) <= _LONGEST_CIG else None,
    )
    order, contract = _number(invoice.purchase_order_reference), _number(invoice.contract_reference)
    if order:
        lines = [line for line in invoice.lines if _number(line.purchase_order_line)]
        whole = replace(codes, kind="order", document=order)
        if not lines or codes != Reference():
            yield whole
        for line in lines:
            yield Reference(
                kind="order", document=order, lines=line.identifier, item=_number(line.purchase_order_line)
            )
    if contract:
        yield replace(Reference() if order else codes, kind="contract", document=contract)
    if not order and not contract and codes != Reference():
        # The schema wants a number here, too.
        yield replace(codes, kind="agreement", document=_number(codes.cig or codes.cup or codes.project))
    if receipt := _number(invoice.receiving_advice_reference):
        yield Reference(kind="receipt", document=receipt)
    for one in invoice.preceding_invoices:
        yield Reference(kind="invoice", document=_number(one.number), issued=one.issue_date)
    if despatch := _number(invoice.despatch_advice_reference):
        delivered = invoice.delivery.delivered_on if invoice.delivery else None
        # The schema wants a date; the day of delivery is the day of the note.
        day = delivered or invoice.issue_date
        yield Reference(kind="despatch", document=despatch, issued=day)


def _number(text: str | None) -> str | None:
    """As IdDocumento has it."""
    return basic(text or "")[:_LONGEST_NUMBER].strip() or None
