"""Other sides: which of the sources and channels fail, at what, since when and why.

A row is there from the first failure until the same thing succeeds again; every process on the database sees
it, and none has to remember.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.tables import failing_sides

__all__ = ["Errand", "Failing", "channel", "failed", "failing", "of", "passed", "source"]

_LONGEST_SIDE: Final = 120
_LONGEST_TEXT: Final = 2_000


class Errand(StrEnum):
    """What another side is asked for: invoices, buyers, payments, taking postings and news; taking messages,
    and what became of them."""

    COLLECT = "collect"
    PARTIES = "parties"
    PAYMENTS = "payments"
    POST = "post"
    REPORT = "report"
    SEND = "send"
    FOLLOW = "follow"


@dataclass(frozen=True, slots=True)
class Failing:
    """One errand that another side does not do. Moments are aware UTC: `since` of the first failure in a row,
    `last_at` of the last of `failures`; verdict, `what` and `fix` are of the last."""

    side: str
    errand: Errand
    since: datetime
    last_at: datetime
    failures: int
    verdict: str
    what: str
    fix: str


def source(name: str) -> str:
    """What a source is called here."""
    return f"source {name}"[:_LONGEST_SIDE]


def channel(name: str) -> str:
    """What a channel is called here."""
    return f"channel {name}"[:_LONGEST_SIDE]


def failed(
    connection: Connection, side: str, errand: Errand, *, verdict: str, what: str, fix: str, now: datetime
) -> None:
    """It failed once more."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    said = {"last_at": now, "verdict": verdict, "what": what[:_LONGEST_TEXT], "fix": fix[:_LONGEST_TEXT]}
    added = insert(failing_sides).values(side=side, errand=errand.value, since=now, failures=1, **said)
    connection.execute(
        added.on_conflict_do_update(
            index_elements=["side", "errand"], set_={**said, "failures": failing_sides.c.failures + 1}
        )
    )


def passed(connection: Connection, side: str, errands: Collection[Errand]) -> int:
    """The other side did these; how many of them had failed before."""
    names = [one.value for one in errands]
    there = (failing_sides.c.side == side, failing_sides.c.errand.in_(names))
    return connection.execute(delete(failing_sides).where(*there)).rowcount


def of(connection: Connection, side: str) -> tuple[Failing, ...]:
    """What one side fails at, the longest first."""
    query = select(failing_sides).where(failing_sides.c.side == side)
    return tuple(_read(row) for row in connection.execute(query.order_by(failing_sides.c.since)))


def failing(connection: Connection) -> dict[str, tuple[Failing, ...]]:
    """Every side that fails at something, what IT has to mend before what heals by itself, the longest
    first."""
    found: dict[str, tuple[Failing, ...]] = {}
    rows = connection.execute(select(failing_sides).order_by(failing_sides.c.since, failing_sides.c.errand))
    for one in sorted((_read(row) for row in rows), key=lambda one: one.verdict == "provider"):
        found[one.side] = (*found.get(one.side, ()), one)
    return found


def _read(row: Row[Any]) -> Failing:
    return Failing(
        row.side,
        Errand(row.errand),
        row.since,
        row.last_at,
        row.failures,
        row.verdict,
        row.what,
        row.fix,
    )
