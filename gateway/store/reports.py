"""News for the ERP: queued with the state that it reports, and done when the ERP holds it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, exists, insert, select, update

from gateway.store.tables import reports

__all__ = ["QueuedReport", "done", "due", "failed", "of", "queue", "waiting"]


@dataclass(frozen=True, slots=True)
class QueuedReport:
    """One piece of news; `written_to` says where the ERP holds it, `done_at` since when."""

    reference: str
    submission: str
    state: str
    text: str
    made_at: datetime
    due_at: datetime | None
    done_at: datetime | None
    failures: int
    verdict: str
    sentence: str
    written_to: str


def queue(connection: Connection, submission: str, state: str, text: str, *, now: datetime) -> None:
    """Queue one piece of news, in the transaction that makes it true. The same state is reported once a
    revision, except that a stop may be followed by another stop with another reason."""
    number = len(of(connection, submission)) + 1
    reference = f"GW-{submission[:13]}-{number}"
    connection.execute(
        insert(reports).values(
            reference=reference,
            submission=submission,
            state=state,
            text=text,
            made_at=now,
            due_at=now,
            failures=0,
            verdict="",
            sentence="",
            written_to="",
        )
    )


def of(connection: Connection, submission: str) -> list[QueuedReport]:
    """All news of one submission, oldest first."""
    query = select(reports).where(reports.c.submission == submission)
    return [
        QueuedReport(*row)
        for row in connection.execute(query.order_by(reports.c.made_at, reports.c.reference))
    ]


def due(connection: Connection, *, now: datetime, limit: int) -> list[QueuedReport]:
    """News whose time has come, oldest first.

    What waits behind older news of the same invoice is left out: written later, the older would be the last
    word in the ERP.
    """
    older = reports.alias("older")
    blocked = exists().where(
        older.c.submission == reports.c.submission,
        older.c.made_at < reports.c.made_at,
        older.c.done_at.is_(None),
        older.c.due_at > now,
    )
    query = select(reports).where(and_(reports.c.done_at.is_(None), reports.c.due_at <= now, ~blocked))
    query = query.order_by(reports.c.made_at, reports.c.reference).limit(limit)
    return [QueuedReport(*row) for row in connection.execute(query)]


def done(connection: Connection, reference: str, written_to: str, *, now: datetime) -> None:
    """The ERP holds it."""
    connection.execute(
        update(reports)
        .where(reports.c.reference == reference)
        .values(done_at=now, due_at=None, verdict="", sentence="", written_to=written_to)
    )


def waiting(connection: Connection) -> list[QueuedReport]:
    """All news that the ERP does not hold yet and that is still tried, oldest first."""
    query = select(reports).where(reports.c.done_at.is_(None), reports.c.due_at.is_not(None))
    query = query.order_by(reports.c.made_at, reports.c.reference)
    return [QueuedReport(*row) for row in connection.execute(query)]


def failed(
    connection: Connection, report: QueuedReport, *, verdict: str, sentence: str, due_at: datetime | None
) -> None:
    """Writing it failed; it is tried again at `due_at`, never where that is None."""
    connection.execute(
        update(reports)
        .where(reports.c.reference == report.reference)
        .values(failures=report.failures + 1, verdict=verdict, sentence=sentence, due_at=due_at)
    )
