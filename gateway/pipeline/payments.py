"""Payments: what the ERP says about the settlement of the invoices that went out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from connectors.base import OpenInvoice, PaymentState, PaymentStatus
from gateway.pipeline.submission import State
from gateway.store import journal, payments, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["follow_payments"]

_UNPAID: Final = (
    State.SENT,
    State.DELIVERED,
    State.ACCEPTED,
    State.DISPUTED,
    State.REJECTED,
    State.CLOSED,
)
# For so long after the last news a payment may still be taken back.
_WATCHED_AFTER: Final = timedelta(days=180)
_PAYABLE: Final = (State.DELIVERED, State.ACCEPTED, State.DISPUTED, State.CLOSED)


def follow_payments(gateway: Gateway, source: str) -> int:
    """Ask one ERP about its invoices that went out: all that are not paid, and those paid within half a year.
    Returns how many changed. Safe to repeat."""
    with gateway.database.read() as connection:
        since = gateway.clock() - _WATCHED_AFTER
        unpaid = submissions.listing(connection, states=_UNPAID, source=source)
        paid = submissions.listing(connection, states=(State.PAID,), source=source, changed_since=since)
        watched = {submission.source_key: submission for submission in (*paid, *unpaid)}
    changed = 0
    if watched:
        for status in gateway.source(source).pull_payments(tuple(_open(watched.values()))):
            submission = watched.get(status.key)
            changed += submission is not None and _take_in(gateway, submission.id, status)
    return changed


def _open(watched: Iterable[Submission]) -> Iterator[OpenInvoice]:
    for submission in watched:
        if submission.amount is not None:
            yield OpenInvoice(
                submission.source_key, submission.number, submission.currency, submission.amount
            )


def _take_in(gateway: Gateway, identifier: str, status: PaymentStatus) -> bool:
    with gateway.database.begin() as connection:
        now = gateway.clock()
        is_new = payments.store(connection, identifier, status, now=now)
        data: dict[str, object] = {
            "payment": status.state,
            "paid": f"{status.currency} {status.paid:.2f}",
            "on": status.on.isoformat() if status.on else "",
            "evidence": status.evidence,
        }
        submission = submissions.get(connection, identifier)
        # Also where the ERP said so before the receipt of the delivery came.
        if status.state is PaymentState.PAID and submission.state in _PAYABLE:
            submissions.move(connection, submission, State.PAID, "paid", data, now=now)
        elif status.state is not PaymentState.PAID and submission.state is State.PAID:
            submissions.move(connection, submission, State.DELIVERED, "payment taken back", data, now=now)
        elif is_new:
            journal.append(connection, "payment", data, now=now, submission=identifier)
        else:
            return False
        return True
