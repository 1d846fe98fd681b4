"""What Odoo says about the settlement of invoices.

`in_payment` means that a payment was registered and the bank has not confirmed it: that is not paid. What
settled an invoice stands in the field of its payments widget: payments and bank lines, and credit notes,
which are no money.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from connectors.base import OpenInvoice, PaymentState, PaymentStatus
from connectors.erp.odoo_rpc import OdooRpc
from connectors.erp.odoo_values import Record, fraction, reference, round_to

__all__ = ["settlements"]

_FIELDS: Final = (
    "name",
    "payment_state",
    "amount_total",
    "amount_residual",
    "currency_id",
    "invoice_payments_widget",
)


def settlements(rpc: OdooRpc, asked: Mapping[int, OpenInvoice], company: int) -> Iterator[PaymentStatus]:
    """The state of these invoices of one company, a few calls for all of them."""
    if not asked:
        return
    domain = [("id", "in", sorted(asked)), ("company_id", "=", company), ("state", "=", "posted")]
    rows = rpc.search_all("account.move", domain, _FIELDS)
    entries = {int(row["id"]): _entries(row.get("invoice_payments_widget")) for row in rows}
    behind = {key for found in entries.values() for one in found if (key := reference(one.get("move_id")))}
    moves = rpc.read("account.move", sorted(behind), ("name", "move_type")) if behind else {}
    currencies = [row["currency_id"] for row in rows if row.get("currency_id")]
    known = rpc.read("res.currency", currencies, ("name", "decimal_places")) if currencies else {}
    for row in rows:
        status = _status(
            row, asked[int(row["id"])], known.get(row["currency_id"], {}), entries[int(row["id"])], moves
        )
        if status is not None:
            yield status


def _status(
    row: Record,
    invoice: OpenInvoice,
    currency: Record,
    entries: Sequence[Mapping[str, Any]],
    moves: Mapping[int, Record],
) -> PaymentStatus | None:
    said = row.get("payment_state")
    if said in (None, "invoicing_legacy"):
        return None  # from before the accounting was kept in Odoo: it does not know
    decimals = int(currency.get("decimal_places") or 0)
    total, left = (Decimal(row[name] or "0") for name in ("amount_total", "amount_residual"))
    money = [one for one in entries if not _credit(one, moves) and not one.get("is_exchange")]
    names = [_name(one, moves) for one in entries]
    paid = total - left
    if said == "in_payment":
        # The registered sum stays open until it is on a bank statement.
        state, paid, names = (
            PaymentState.OPEN,
            Decimal(0),
            [f"{name}, not yet on a bank statement" for name in names],
        )
        entries = ()
    elif said == "reversed" or (said == "paid" and not money):
        state = PaymentState.SETTLED
    elif said == "paid":
        state = PaymentState.PAID
    else:
        state = PaymentState.PARTLY_PAID if left < total else PaymentState.OPEN
    days = sorted(str(one["date"])[:10] for one in entries if one.get("date"))
    return PaymentStatus(
        key=invoice.key,
        number=invoice.number,
        state=state,
        currency=str(currency.get("name") or invoice.currency),
        paid=round_to(max(paid, Decimal(0)), decimals),
        on=date.fromisoformat(days[-1]) if days else None,
        evidence=", ".join(name for name in names if name)[:200],
    )


def _entries(widget: object) -> list[Mapping[str, Any]]:
    """The rows of the widget; older servers give it as text."""
    if isinstance(widget, str):
        try:
            widget = json.loads(widget)
        except ValueError:
            return []
    content = widget.get("content") if isinstance(widget, dict) else None
    rows = [one for one in content or () if isinstance(one, dict)]
    return [one for one in rows if fraction(one.get("amount")) not in (None, "0")]


def _credit(entry: Mapping[str, Any], moves: Mapping[int, Record]) -> bool:
    move = moves.get(reference(entry.get("move_id")) or 0, {})
    return not entry.get("account_payment_id") and move.get("move_type") in ("out_refund", "out_invoice")


def _name(entry: Mapping[str, Any], moves: Mapping[int, Record]) -> str:
    move = moves.get(reference(entry.get("move_id")) or 0, {})
    return str(entry.get("ref") or move.get("name") or entry.get("name") or "")
