"""Attempts to hand a submission over: opened before the network is touched, closed with what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, insert, select, update

from gateway.store.tables import attempts

__all__ = ["NOT_TAKEN", "SENT", "Attempt", "close", "first_opened", "last", "note", "of", "open_next"]

# Outcomes that decide what may follow: the other side took it; it is open, and the last try certainly failed.
SENT: Final = "sent"
NOT_TAKEN: Final = "not taken"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt; `closed_at` None means that it goes on: nobody knows yet whether the other side has it,
    unless `outcome` says that it was NOT_TAKEN so far."""

    submission: str
    number: int
    channel: str
    message_id: str
    opened_at: datetime
    closed_at: datetime | None
    outcome: str
    receipt_digest: str


def of(connection: Connection, submission: str) -> list[Attempt]:
    """All attempts of one submission, oldest first."""
    query = select(attempts).where(attempts.c.submission == submission).order_by(attempts.c.number)
    return [Attempt(*row) for row in connection.execute(query)]


def first_opened(connection: Connection, submission: str, message_id: str) -> datetime | None:
    """When the first attempt with this message id began."""
    query = select(attempts.c.opened_at).where(
        attempts.c.submission == submission, attempts.c.message_id == message_id
    )
    return connection.scalar(query.order_by(attempts.c.number).limit(1))


def last(connection: Connection, submission: str, message_id: str) -> Attempt | None:
    """The latest attempt with this message id."""
    found = [one for one in of(connection, submission) if one.message_id == message_id]
    return found[-1] if found else None


def note(connection: Connection, submission: str, outcome: str) -> None:
    """How the open attempt stands: NOT_TAKEN after a try that certainly failed, "" before the next one."""
    connection.execute(
        update(attempts)
        .where(attempts.c.submission == submission, attempts.c.closed_at.is_(None))
        .values(outcome=outcome)
    )


def open_next(
    connection: Connection, submission: str, channel: str, message_id: str, *, now: datetime
) -> None:
    """Write down that the other side is about to be asked."""
    number = len(of(connection, submission)) + 1
    connection.execute(
        insert(attempts).values(
            submission=submission,
            number=number,
            channel=channel,
            message_id=message_id,
            opened_at=now,
            outcome="",
            receipt_digest="",
        )
    )


def close(
    connection: Connection, submission: str, outcome: str, receipt_digest: str, *, now: datetime
) -> None:
    """All open attempts of this submission ended like this."""
    connection.execute(
        update(attempts)
        .where(attempts.c.submission == submission, attempts.c.closed_at.is_(None))
        .values(closed_at=now, outcome=outcome, receipt_digest=receipt_digest)
    )
