"""The numbers of files, counted for each transmitter: some networks know a file by its number for ever."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, case, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.attempts import SENT
from gateway.store.tables import attempts, file_counters, file_numbers

__all__ = ["current", "give"]


def current(connection: Connection, submission: str, transmitter: str) -> int | None:
    """The number that the file of this submission has, None where it was given none."""
    query = select(file_numbers.c.number).where(
        file_numbers.c.submission == submission, file_numbers.c.transmitter == transmitter
    )
    return connection.scalar(query.order_by(file_numbers.c.outing.desc()).limit(1))


def give(connection: Connection, submission: str, transmitter: str, *, first: int, now: datetime) -> int:
    """The number of the next file of this submission, from `first` on; the same until the file was taken.

    In the caller's transaction: the counter's row is locked to its end, so two processes never get the same.
    """
    outing = _taken(connection, submission)
    query = select(file_numbers.c.number).where(
        file_numbers.c.submission == submission,
        file_numbers.c.transmitter == transmitter,
        file_numbers.c.outing == outing,
    )
    known = connection.scalar(query)
    if known is not None:
        return int(known)
    number = _next(connection, transmitter, first)
    connection.execute(
        insert(file_numbers).values(
            transmitter=transmitter, number=number, submission=submission, outing=outing, given_at=now
        )
    )
    return number


def _taken(connection: Connection, submission: str) -> int:
    """How many times the other side took a file of this submission."""
    query = select(func.count()).select_from(attempts)
    return int(
        connection.scalar(query.where(attempts.c.submission == submission, attempts.c.outcome == SENT)) or 0
    )


def _next(connection: Connection, transmitter: str, first: int) -> int:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    added = dialect.insert(file_counters).values(transmitter=transmitter, last=first)
    following = case((file_counters.c.last < first, first), else_=file_counters.c.last + 1)
    counted = added.on_conflict_do_update(
        index_elements=[file_counters.c.transmitter], set_={"last": following}
    ).returning(file_counters.c.last)
    return int(connection.execute(counted).scalar_one())
