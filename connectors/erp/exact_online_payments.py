"""Settlement of invoices from Exact Online's receivables: one row for each payment term, split when paid in
part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from connectors.base import OpenInvoice, PaymentState, PaymentStatus
from connectors.erp.exact_online_rest import ExactRest, Row, guid

__all__ = ["pull_payments"]

_MATCHED: Final = 50
_IDS_PER_CALL: Final = 15
_FIELDS: Final = (
    "ID,Account,InvoiceNumber,Journal,Currency,AmountFC,TransactionAmountFC,IsFullyPaid,Status,EndDate,"
    "LastPaymentDate,EntryNumber"
)


def pull_payments(rest: ExactRest, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
    """As ErpConnector.pull_payments.

    A receivable is the invoice's by number, journal and account: numbers repeat between journals. A row that
    was settled without a payment date (written off, set against a credit note) counts as settled otherwise.
    """
    for start in range(0, len(invoices), _IDS_PER_CALL):
        part = invoices[start : start + _IDS_PER_CALL]
        heads = _heads(rest, [invoice.key for invoice in part])
        numbers = sorted({int(head["InvoiceNumber"]) for head in heads.values() if head["InvoiceNumber"]})
        if not numbers:
            continue
        by_number = " or ".join(f"InvoiceNumber eq {number}" for number in numbers)
        rows = rest.rows("cashflow/Receivables", {"$select": _FIELDS, "$filter": by_number})
        for invoice in part:
            head = heads.get(invoice.key.lower())
            own = [row for row in rows if head is not None and _same_invoice(row, head)]
            if own:
                yield _settlement(invoice, own)


def _heads(rest: ExactRest, keys: Sequence[str]) -> dict[str, Row]:
    query = {
        "$select": "InvoiceID,InvoiceNumber,Journal,InvoiceTo",
        "$filter": " or ".join(f"InvoiceID eq {guid(key)}" for key in keys),
    }
    return {str(row["InvoiceID"]).lower(): row for row in rest.rows("salesinvoice/SalesInvoices", query)}


def _same_invoice(row: Row, head: Row) -> bool:
    return (
        row.get("InvoiceNumber") == head.get("InvoiceNumber")
        and str(row.get("Journal") or "").strip() == str(head.get("Journal") or "").strip()
        and str(row.get("Account")).lower() == str(head.get("InvoiceTo")).lower()
    )


def _settlement(invoice: OpenInvoice, rows: Sequence[Row]) -> PaymentStatus:
    """Amounts are compared without sign: open debts of customers are negative, credit notes the other way."""
    total = paid = Decimal(0)
    settled: list[tuple[date, Row]] = []
    by_payment = False
    for row in rows:
        amount, left = abs(_decimal(row.get("TransactionAmountFC"))), abs(_decimal(row.get("AmountFC")))
        done = bool(row.get("IsFullyPaid")) or (row.get("Status") == _MATCHED and bool(row.get("EndDate")))
        total += amount
        part = amount if done else max(Decimal(0), amount - left)
        paid += part
        on = _local_date(row.get("LastPaymentDate"))
        if part:
            by_payment = by_payment or on is not None
            settled.append((on or _local_date(row.get("EndDate")) or date.min, row))
    if not paid and not (settled and total == 0):
        state = PaymentState.OPEN
    elif paid < total:
        state = PaymentState.PARTLY_PAID
    else:
        state = PaymentState.PAID if by_payment else PaymentState.SETTLED
    newest, last = max(settled, key=lambda item: item[0], default=(None, None))
    evidence = f"receivable {last['ID']}, entry {last.get('EntryNumber')}" if last else ""
    return PaymentStatus(
        invoice.key,
        invoice.number,
        state,
        str(rows[0].get("Currency") or invoice.currency).strip(),
        paid,
        None if newest in (None, date.min) else newest,
        evidence,
    )


def _decimal(value: Any) -> Decimal:
    return Decimal(value) if isinstance(value, int | Decimal) else Decimal(0)


def _local_date(value: object) -> date | None:
    """The day of a `/Date(ms)/`, whose number is local time written as if it were UTC."""
    match = re.match(r"/Date\((-?\d{1,15})", str(value or ""))
    if match is None:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(match[1]))).date()
