"""Messages exchanged with other access points: what the network's duty of proof and its monthly reports need.

A row is written in the transaction that stores the message; its primary key makes one that comes twice one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from gateway.store.tables import exchanges

__all__ = [
    "Direction",
    "Exchange",
    "add",
    "between",
    "by_instance",
    "get",
    "set_status",
    "status_due",
    "status_standing",
]


class Direction(StrEnum):
    """Whether we sent or received it."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message. `peer` is the seat of the other access point, `instance` the envelope's instance
    identifier.

    `sender`, `receiver`, `document_type` and `process` are written scheme::value. `country_c1` is the sending
    end user's, `country_c4` our own customer's where we received, "" else; `end_user` names our own customer.
    `fingerprint` tells the same message come again from another one under its id. `status_wanted` says of a
    sent message what we asked for, of a received one what the sender asked for; `status` is what the message
    level status said. Moments are aware UTC.
    """

    direction: Direction
    peer: str
    message_id: str
    channel: str
    instance: str
    sender: str
    receiver: str
    document_type: str
    process: str
    country_c1: str
    country_c4: str
    end_user: str
    fingerprint: str
    evidence_digest: str
    receipt_digest: str
    at: datetime
    status_wanted: str = ""
    status_to: str = ""
    status_due_at: datetime | None = None
    status: str = ""
    status_at: datetime | None = None


_NAMES: Final = tuple(spec.name for spec in fields(Exchange))
# Made once: to build a statement anew costs more than to run it.
_ADD: Final = insert(exchanges)
_GET: Final = select(exchanges).where(
    exchanges.c.direction == bindparam("direction"),
    exchanges.c.peer == bindparam("peer"),
    exchanges.c.message_id == bindparam("message_id"),
)


def add(connection: Connection, exchange: Exchange) -> None:
    """Write one down; ConflictError, when the transaction ends, for one that is there."""
    connection.execute(_ADD, asdict(exchange))


def get(connection: Connection, direction: Direction, peer: str, message_id: str) -> Exchange | None:
    """The message with this id of this access point."""
    key = {"direction": direction.value, "peer": peer, "message_id": message_id}
    row = connection.execute(_GET, key).one_or_none()
    return None if row is None else _read(row)


def by_instance(connection: Connection, direction: Direction, instance: str) -> tuple[Exchange, ...]:
    """The messages whose envelope has this instance identifier, oldest first; usually one."""
    query = select(exchanges).where(
        exchanges.c.direction == direction.value, exchanges.c.instance == instance
    )
    return tuple(_read(row) for row in connection.execute(query.order_by(exchanges.c.at)))


def between(connection: Connection, start: datetime, end: datetime) -> Iterator[Exchange]:
    """All messages from `start` on and before `end`, oldest first."""
    query = select(exchanges).where(exchanges.c.at >= start, exchanges.c.at < end).order_by(exchanges.c.at)
    with connection.execute(query, execution_options={"yield_per": 500}) as rows:
        for row in rows:
            yield _read(row)


def set_status(connection: Connection, exchange: Exchange, status: str, *, at: datetime) -> bool:
    """Note what the message level status of this message said, once; False where one was there."""
    query = (
        update(exchanges)
        .where(*_is(exchange), exchanges.c.status == "")
        .values(status=status, status_at=at, status_due_at=None)
    )
    return connection.execute(query).rowcount == 1


def status_due(connection: Connection, *, now: datetime) -> tuple[Exchange, ...]:
    """Received messages whose status must go out by now, most urgent first."""
    query = select(exchanges).where(
        exchanges.c.direction == Direction.IN.value, exchanges.c.status_due_at <= now
    )
    return tuple(_read(row) for row in connection.execute(query.order_by(exchanges.c.status_due_at)))


def status_standing(connection: Connection, *, since: datetime) -> tuple[Exchange, ...]:
    """Messages since then that a status was wanted for or came for, newest first."""
    query = select(exchanges).where(
        exchanges.c.at >= since, (exchanges.c.status_wanted != "") | (exchanges.c.status != "")
    )
    return tuple(_read(row) for row in connection.execute(query.order_by(exchanges.c.at.desc())))


def _is(exchange: Exchange) -> tuple[Any, ...]:
    return (
        exchanges.c.direction == exchange.direction.value,
        exchanges.c.peer == exchange.peer,
        exchanges.c.message_id == exchange.message_id,
    )


def _read(row: Row[Any]) -> Exchange:
    values = {name: getattr(row, name) for name in _NAMES}
    return Exchange(**{**values, "direction": Direction(row.direction)})
