"""Sources: how far each was read, and how it is doing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from gateway.store.tables import sources

__all__ = ["SourceRecord", "failed", "get", "is_well", "read_on", "try_now"]


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One source: its cursor, its failures in a row, and what is wrong with it now (verdict "" when
    nothing)."""

    name: str
    cursor: str = ""
    failures: int = 0
    due_at: datetime | None = None
    read_at: datetime | None = None
    verdict: str = ""
    sentence: str = ""


def get(connection: Connection, name: str) -> SourceRecord:
    """The record, an empty one for a source never read."""
    row = connection.execute(select(sources).where(sources.c.name == name)).one_or_none()
    if row is None:
        return SourceRecord(name)
    return SourceRecord(
        row.name, row.cursor, row.failures, row.due_at, row.read_at, row.verdict, row.sentence
    )


def read_on(connection: Connection, name: str, cursor: str, *, now: datetime) -> None:
    """The documents up to `cursor` are stored in this same transaction; the source is well."""
    _write(connection, name, cursor=cursor, failures=0, due_at=None, read_at=now, verdict="", sentence="")


def is_well(connection: Connection, name: str, *, now: datetime) -> None:
    """Read to the end, perhaps without anything new."""
    _write(connection, name, failures=0, due_at=None, read_at=now, verdict="", sentence="")


def failed(
    connection: Connection, name: str, *, verdict: str, sentence: str, due_at: datetime | None
) -> None:
    """Reading failed; the cursor stays where it is."""
    failures = get(connection, name).failures + 1
    _write(connection, name, failures=failures, due_at=due_at, verdict=verdict, sentence=sentence)


def try_now(connection: Connection, name: str) -> None:
    """Whatever it failed at: something was mended, so the pause is over."""
    connection.execute(update(sources).where(sources.c.name == name).values(due_at=None))


def _write(connection: Connection, name: str, **values: object) -> None:
    if connection.execute(update(sources).where(sources.c.name == name).values(**values)).rowcount == 0:
        connection.execute(insert(sources).values(name=name, **{"cursor": "", "failures": 0, **values}))
