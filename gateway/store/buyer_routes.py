"""Routes of single buyers: who goes by which way, since when, until when, why, and who said so.

A row says what was decided, never whether it holds: where four eyes are asked for, that is held against what
two people agreed to (`gateway.pipeline.own_routes`).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from gateway.store.tables import buyer_routes

__all__ = [
    "LONGEST_VALUE",
    "BuyerRoute",
    "Known",
    "add",
    "ask_end",
    "end",
    "get",
    "known",
    "listing",
    "open_ones",
]

LONGEST_VALUE: Final = 300


@dataclass(frozen=True, slots=True)
class Known:
    """What a buyer is known by: a business term, its value for people, and `key` as it is compared."""

    term: str
    value: str
    key: str


@dataclass(frozen=True, slots=True)
class BuyerRoute:
    """One decision. `until` is its last day in UTC, None for no end; moments are aware UTC. `end_asked` is
    the reason of an end that waits for a second person, "" where none does."""

    id: str
    company: str
    term: str
    value: str
    key: str
    buyer: str
    route: str
    reason: str
    despite_mandate: str
    until: date | None
    made_at: datetime
    made_by: str
    made_name: str
    end_asked: str
    ended_at: datetime | None
    ended_name: str
    end_reason: str

    def over(self, today: date) -> bool:
        """Whether it was ended, or its last day lies before today."""
        return self.ended_at is not None or (self.until is not None and self.until < today)


_COLUMNS: Final = tuple(field.name for field in fields(BuyerRoute))


def add(
    connection: Connection,
    company: str,
    buyer: str,
    by_what: Known,
    route: str,
    *,
    reason: str,
    despite_mandate: str,
    until: date | None,
    made_by: str,
    made_name: str,
    now: datetime,
) -> BuyerRoute:
    """Write one down."""
    made = BuyerRoute(
        id=str(uuid.uuid4()),
        company=company,
        term=by_what.term,
        value=by_what.value[:LONGEST_VALUE],
        key=by_what.key[:LONGEST_VALUE],
        buyer=buyer[:300],
        route=route[:200],
        reason=reason,
        despite_mandate=despite_mandate,
        until=until,
        made_at=now,
        made_by=made_by[:100],
        made_name=made_name[:200],
        end_asked="",
        ended_at=None,
        ended_name="",
        end_reason="",
    )
    connection.execute(insert(buyer_routes).values(asdict(made)))
    return made


def get(connection: Connection, identifier: str) -> BuyerRoute | None:
    """One of them, also one that is over."""
    row = connection.execute(select(buyer_routes).where(buyer_routes.c.id == identifier)).one_or_none()
    return None if row is None else _read(row)


def known(connection: Connection, company: str, marks: Iterable[Known]) -> tuple[BuyerRoute, ...]:
    """Those of a company, and not ended, for a buyer who is known by any of these; newest first."""
    wanted = [and_(buyer_routes.c.term == mark.term, buyer_routes.c.key == mark.key) for mark in marks]
    if not wanted:
        return ()
    query = (
        select(buyer_routes)
        .where(buyer_routes.c.company == company, buyer_routes.c.ended_at.is_(None), or_(*wanted))
        .order_by(buyer_routes.c.made_at.desc(), buyer_routes.c.id)
    )
    return tuple(_read(row) for row in connection.execute(query))


def open_ones(connection: Connection) -> tuple[BuyerRoute, ...]:
    """All that were not ended, oldest first."""
    query = select(buyer_routes).where(buyer_routes.c.ended_at.is_(None))
    rows = connection.execute(query.order_by(buyer_routes.c.made_at, buyer_routes.c.id))
    return tuple(_read(row) for row in rows)


def listing(
    connection: Connection,
    companies: Collection[str],
    *,
    size: int,
    after: tuple[datetime, str] | None = None,
) -> tuple[BuyerRoute, ...]:
    """Those of these companies, newest first, ended ones too; `after` is where the page before ended."""
    columns = buyer_routes.c
    query = select(buyer_routes).where(columns.company.in_(companies))
    if after is not None:
        at, identifier = after
        query = query.where(or_(columns.made_at < at, and_(columns.made_at == at, columns.id > identifier)))
    rows = connection.execute(query.order_by(columns.made_at.desc(), columns.id).limit(size))
    return tuple(_read(row) for row in rows)


def ask_end(connection: Connection, identifier: str, reason: str) -> bool:
    """Note that it is to end, or with "" that it is not; False where it ended meanwhile."""
    query = update(buyer_routes).where(buyer_routes.c.id == identifier, buyer_routes.c.ended_at.is_(None))
    return connection.execute(query.values(end_asked=reason)).rowcount == 1


def end(connection: Connection, identifier: str, *, by: str, reason: str, now: datetime) -> bool:
    """End it now and for ever; False where it was ended before."""
    query = update(buyer_routes).where(buyer_routes.c.id == identifier, buyer_routes.c.ended_at.is_(None))
    values = {"ended_at": now, "ended_name": by[:200], "end_reason": reason, "end_asked": ""}
    return connection.execute(query.values(values)).rowcount == 1


def _read(row: Row[Any]) -> BuyerRoute:
    return BuyerRoute(**{name: getattr(row, name) for name in _COLUMNS})
