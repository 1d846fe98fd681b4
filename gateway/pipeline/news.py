"""News: which changes of a submission the ERP is told, queued in the transaction that makes them true."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from connectors.base import DeliveryState
from formats.errors import EInvoicingError
from gateway.pipeline.submission import State, Verdict
from gateway.store import reports
from gateway.store.submissions import Submission

__all__ = ["queue", "stopped"]

_TOLD: Final = {
    State.SENT: DeliveryState.ACCEPTED_FOR_TRANSPORT,
    State.DELIVERED: DeliveryState.DELIVERED,
    State.ACCEPTED: DeliveryState.ACCEPTED,
    # Whether it is paid is for the ERP to say: what the buyer tells by it is that they agree.
    State.PAID: DeliveryState.ACCEPTED,
    State.REJECTED: DeliveryState.REJECTED,
    State.DISPUTED: DeliveryState.DISPUTED,
    State.CLOSED: DeliveryState.CLOSED,
}


def queue(connection: Connection, submission: Submission, state: State, text: str, *, now: datetime) -> None:
    """Tell the ERP that this invoice is now `state`; states it need not know are left out."""
    told = _TOLD.get(state)
    if told is not None:
        reports.queue(connection, submission.id, told, text, now=now)


def stopped(
    connection: Connection, submission: Submission, verdict: Verdict, error: EInvoicingError, *, now: datetime
) -> None:
    """Tell the ERP that a person must mend something there, once for each reason; what IT or the network must
    mend it is not told."""
    if verdict not in (Verdict.DOCUMENT, Verdict.ROUTE):
        return
    told = reports.of(connection, submission.id)
    if not told or (told[-1].state, told[-1].text) != (DeliveryState.PARKED, error.sentence):
        reports.queue(connection, submission.id, DeliveryState.PARKED, error.sentence, now=now)
