"""What a buyer does not pay to the seller although it is due: tax withheld at the source, the VAT of split
payment, what is retained as security.

EN 16931 has no place for it: the amount due (BT-115) is before it, what is really transferred after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from formats.model.invoice import Invoice
from formats.model.italy import ItalianInvoice
from formats.model.spain import Spain

__all__ = ["KeptBack", "kept_back", "payable"]

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


def payable(invoice: Invoice) -> Decimal | None:
    """What is transferred to the seller: BT-115 less what is kept back; None without BT-115."""
    due = invoice.totals.due if invoice.totals else None
    return None if due is None else due - sum((one.amount for one in kept_back(invoice)), Decimal(0))
