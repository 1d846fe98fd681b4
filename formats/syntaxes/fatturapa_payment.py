"""What is to be paid in Italy: the amount due less withholding tax and, with split payment, less the VAT."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Final

from formats.model.invoice import Invoice
from formats.model.italy import Instalment, ItalianInvoice
from formats.model.kept_back import kept_back, payable, split_vat
from formats.model.payment import CreditTransfer, PaymentInstructions
from formats.model.vat import Totals
from formats.syntaxes.fatturapa_codes import MEANS, first_of

__all__ = ["add_payment", "take_payment"]

_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\Z", re.IGNORECASE)
_BIC: Final = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9](?:[A-Z0-9]{3})?\Z")
_BLANKS: Final = re.compile(r"\s+")
_IN_FULL, _IN_PARTS = "TP02", "TP01"
_DIRECT_DEBITS: Final = {"MP20": "59", "MP21": "59"}


def add_payment(invoice: Invoice) -> Invoice:
    """With the instalments (IT-G4) and their conditions (IT-18): those that are said, or one of all that is
    due."""
    italy = invoice.italy or ItalianInvoice()
    rows = italy.instalments or _derived(invoice)
    if not rows:
        return invoice
    conditions = italy.payment_conditions or (_IN_PARTS if len(rows) > 1 else _IN_FULL)
    return replace(invoice, italy=replace(italy, instalments=rows, payment_conditions=conditions))


def take_payment(invoice: Invoice) -> Invoice:
    """BT-9, BG-16, BT-113 and BT-115 of the first instalment; IT-G4 and IT-18 stay where they say more."""
    italy = invoice.italy or ItalianInvoice()
    rows, totals = italy.instalments, invoice.totals or Totals()
    if totals.with_vat is not None:
        owed = totals.with_vat + (totals.rounding or 0)
        paid = _paid(invoice, owed) if rows else None
        totals = replace(totals, paid=paid, due=owed - (paid or 0))
        invoice = replace(invoice, totals=totals)
    if not rows:
        return invoice
    first = rows[0]
    # The name of a bank is no identifier: it stays in the instalment (IT-36).
    bic = first.bic if _BIC.match(first.bic or "") else None
    transfer = CreditTransfer(account=first.account, account_name=first.payee, service_provider=bic)
    means = first_of(MEANS, first.means) or _DIRECT_DEBITS.get(first.means or "", "ZZZ")
    invoice = replace(
        invoice,
        due_date=first.due_date,
        payment=PaymentInstructions(
            means_code=means,
            remittance_information=first.reference,
            credit_transfers=() if transfer == CreditTransfer() else (transfer,),
        ),
    )
    if _derived(invoice) == rows:
        italy = replace(italy, instalments=())
    if italy.payment_conditions == (_IN_PARTS if len(rows) > 1 else _IN_FULL):
        italy = replace(italy, payment_conditions=None)
    return replace(invoice, italy=italy)


def _kept(invoice: Invoice) -> Decimal:
    """What the buyer pays to the state instead."""
    return sum((one.amount for one in kept_back(invoice)), Decimal(0))


def _paid(invoice: Invoice, owed: Decimal) -> Decimal | None:
    """What was paid before: what the instalments leave open, where that makes sense."""
    italy = invoice.italy or ItalianInvoice()
    wanted = sum((one.amount or Decimal(0) for one in italy.instalments), Decimal(0))
    paid = owed - wanted - _kept(invoice)
    if not (0 < paid <= owed and wanted >= 0):
        return None
    # A prepayment with room for the VAT of split payment would be taken to hold it: so it does.
    vat = split_vat(invoice)
    return paid + vat if paid >= vat else paid


def _derived(invoice: Invoice) -> tuple[Instalment, ...]:
    payment, amount = invoice.payment, payable(invoice)
    if payment is None or amount is None:
        return ()
    transfer = next(iter(payment.credit_transfers), CreditTransfer())
    account = _BLANKS.sub("", transfer.account or "")
    means = MEANS.get(payment.means_code or "", "MP05" if account else None)
    if means is None:
        return ()
    provider = (transfer.service_provider or "").strip()
    payee = transfer.account_name or (invoice.payee.name if invoice.payee else None)
    return (
        Instalment(
            payee=payee,
            means=means,
            due_date=invoice.due_date,
            amount=amount,
            bank=None if _BIC.match(provider) else provider or None,
            account=account if _IBAN.match(account) else None,
            bic=provider if _BIC.match(provider) else None,
            reference=payment.remittance_information,
        ),
    )
