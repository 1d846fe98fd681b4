"""Which billing documents are invoices, and which are set aside, with the reason in plain words.

By SD document category first, which SAP fixes, and by billing type where the company says so, for types are
customizing. Source: the categories that SAP delivers; a company's own table wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.erp.sap_odata_canonical import key

__all__ = ["ACTIONS", "CATEGORIES", "Sorted", "sort_out"]

INVOICE: Final = "invoice"
ACTIONS: Final = (
    INVOICE,
    "debit-note",
    "credit-note",
    "invoice-cancellation",
    "credit-note-cancellation",
    "prepayment",
    "skip",
)
CATEGORIES: Final[Mapping[str, str]] = {
    "M": INVOICE,
    "P": "debit-note",
    "O": "credit-note",
    "N": "invoice-cancellation",
    "S": "credit-note-cancellation",
    "U": "skip",
    "5": "skip",
    "6": "skip",
    "3": "skip",
    "4": "skip",
}
_WHY: Final[Mapping[str, str]] = {
    "U": "is pro forma: nothing is posted for it",
    "5": "is an intercompany invoice, between companies of one group",
    "6": "is an intercompany credit memo, between companies of one group",
    "3": "is an invoice list; the invoices in it are sent one by one",
    "4": "is a credit memo list; the documents in it are sent one by one",
}


@dataclass(frozen=True, slots=True)
class Sorted:
    """What is to be done with one billing document: `kind` for one that is sent, else the reason why not.

    `waits` is true where the reason will pass by itself (not posted yet), `needs_person` where nobody has
    decided what such a document is.
    """

    kind: str = ""
    reason: str = ""
    waits: bool = False
    needs_person: bool = False


def sort_out(
    header: Mapping[str, Any],
    *,
    types: Mapping[str, str],
    down_payment_requests: str,
    intercompany_pairs: tuple[str, ...],
    sent_by_sap: tuple[str, ...],
    take_unposted: bool,
    posted: frozenset[str],
) -> Sorted:
    """Decide by the header alone; cancelled documents are the caller's business, who knows what was given."""
    number, kind = key(header.get("BillingDocument")), str(header.get("BillingDocumentType") or "")
    category = str(header.get("SDDocumentCategory") or "")
    company = str(header.get("CompanyCode") or "")
    action = types.get(kind) or CATEGORIES.get(category)
    if kind not in types and str(header.get("BillingDocumentCategory") or "") == "P":
        action = down_payment_requests
        if action == "skip":
            return Sorted(reason=f"{number} is a down payment request, not a tax invoice")
    if company in sent_by_sap:
        return Sorted(
            reason=f"{number} is sent by SAP's own document compliance, as the settings say of company code "
            f"{company}"
        )
    if action is None:
        return Sorted(
            reason=f"{number} has the SD document category {category!r}, which no table knows",
            needs_person=True,
        )
    if category in ("5", "6") and f"{company}/{header.get('PartnerCompany') or ''}" in intercompany_pairs:
        action = INVOICE if category == "5" else "credit-note"
    if action == "skip":
        return Sorted(
            reason=f"{number} {_WHY.get(category, f'has the billing type {kind}, which is not sent')}"
        )
    if not take_unposted and str(header.get("AccountingTransferStatus") or "") not in posted:
        return Sorted(
            reason=f"{number} is not posted to accounting yet (status "
            f"{header.get('AccountingTransferStatus') or 'empty'}); its amounts may still change",
            waits=True,
        )
    return Sorted(kind=action)
