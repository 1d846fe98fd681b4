"""What a buyer does not pay to the seller although it is due: tax withheld at the source, the VAT of split
payment, what is retained as security.

EN 16931 has no place for it: the amount due (BT-115) is before it, what is really transferred after it. Only
the VAT of split payment may stand in the amount paid (BT-113), as in the published examples with the VAT
category B; the amount due is what is transferred then.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from formats.model.invoice import Invoice
from formats.model.italy import ItalianInvoice
from formats.model.spain import Spain

__all__ = ["KeptBack", "kept_back", "payable", "split_vat", "split_vat_paid"]

# Subject to split payment, where it is mandated (BT-118).
_SPLIT: Final = "B"


@dataclass(frozen=True, slots=True)
class KeptBack:
    """One amount in the currency of the invoice; `rate` is a percentage, `reason` words of the invoice."""

    kind: Literal["withheld_tax", "split_payment", "retention"]
    amount: Decimal
    rate: Decimal | None = None
    reason: str = ""


def kept_back(invoice: Invoice) -> tuple[KeptBack, ...]:
    """All that the buyer keeps back, in the order: tax, VAT, security."""
    italy, spain = invoice.italy or ItalianInvoice(), invoice.spain or Spain()
    found = [KeptBack("withheld_tax", one.amount, one.rate) for one in italy.withholdings if one.amount]
    found += [KeptBack("withheld_tax", one.amount, one.rate) for one in spain.withheld if one.amount]
    found += [
        KeptBack("split_payment", row.tax_amount, row.rate)
        for row in invoice.vat_breakdown
        if row.category == _SPLIT and row.tax_amount
    ]
    if spain.retention:
        found.append(KeptBack("retention", spain.retention, reason=spain.retention_reason or ""))
    return tuple(found)


def split_vat(invoice: Invoice) -> Decimal:
    """The VAT of split payment; 0 where there is none."""
    return sum((one.amount for one in kept_back(invoice) if one.kind == "split_payment"), Decimal(0))


def split_vat_paid(invoice: Invoice) -> Decimal:
    """What of the amount paid (BT-113) is the VAT of split payment: all of that VAT where BT-113 has room for
    it, else nothing, because then BT-113 is a prepayment."""
    vat, paid = split_vat(invoice), (invoice.totals.paid if invoice.totals else None) or Decimal(0)
    return vat if 0 < vat <= paid else Decimal(0)


def payable(invoice: Invoice) -> Decimal | None:
    """What is transferred to the seller: BT-115 less what is kept back and is not in BT-113 yet; None without
    BT-115."""
    due = invoice.totals.due if invoice.totals else None
    if due is None:
        return None
    return due - sum((one.amount for one in kept_back(invoice)), Decimal(0)) + split_vat_paid(invoice)
