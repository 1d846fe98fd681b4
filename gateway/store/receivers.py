"""What each buyer was last found to receive on the network, and when that drifted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from gateway.store.tables import receivers

__all__ = ["Known", "drifted", "failed", "get", "keep", "listing"]


@dataclass(frozen=True, slots=True)
class Known:
    """One participant and one kind of document. `endpoint` is JSON, "" where the network does not know them;
    `drift` is the sentence about the last change, "" for none."""

    participant: str
    document_type: str
    channel: str
    endpoint: str
    checked_at: datetime
    drift: str
    drifted_at: datetime | None
    failures: int


def get(connection: Connection, participant: str, document_type: str) -> Known | None:
    """What was found last."""
    row = connection.execute(select(receivers).where(*_is(participant, document_type))).one_or_none()
    return None if row is None else _read(row)


def listing(connection: Connection, *, only_drifted: bool = False) -> tuple[Known, ...]:
    """All of them, or those that drifted, by participant."""
    query = select(receivers).order_by(receivers.c.participant, receivers.c.document_type)
    if only_drifted:
        query = query.where(receivers.c.drift != "")
    return tuple(_read(row) for row in connection.execute(query))


def keep(
    connection: Connection,
    participant: str,
    document_type: str,
    channel: str,
    endpoint: str,
    *,
    now: datetime,
) -> None:
    """Note what was found; a drift noted before stays until `drifted` says otherwise."""
    values = {"channel": channel, "endpoint": endpoint, "checked_at": now, "failures": 0}
    known = update(receivers).where(*_is(participant, document_type)).values(**values)
    if not connection.execute(known).rowcount:
        connection.execute(
            insert(receivers).values(participant=participant, document_type=document_type, drift="", **values)
        )


def drifted(
    connection: Connection, participant: str, document_type: str, sentence: str, *, now: datetime | None
) -> None:
    """Note the sentence about a change, or with "" that somebody has seen to it."""
    connection.execute(
        update(receivers).where(*_is(participant, document_type)).values(drift=sentence, drifted_at=now)
    )


def failed(connection: Connection, participant: str, document_type: str, *, now: datetime) -> None:
    """They could not be looked up, which says nothing about them."""
    connection.execute(
        update(receivers)
        .where(*_is(participant, document_type))
        .values(failures=receivers.c.failures + 1, checked_at=now)
    )


def _is(participant: str, document_type: str) -> tuple[Any, ...]:
    return (receivers.c.participant == participant, receivers.c.document_type == document_type)


def _read(row: Row[Any]) -> Known:
    return Known(
        row.participant,
        row.document_type,
        row.channel,
        row.endpoint,
        row.checked_at,
        row.drift,
        row.drifted_at,
        row.failures,
    )
