"""Signals: answers and reports that go out over the network beside the invoices, each once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from gateway.store import journal
from gateway.store.tables import signals

__all__ = ["Kind", "Signal", "about", "due", "failed", "get", "listing", "queue", "sent"]


class Kind(StrEnum):
    """What is told."""

    MESSAGE_LEVEL_STATUS = "message level status"
    INVOICE_RESPONSE = "invoice response"
    TRANSACTION_STATISTICS = "transaction statistics"
    END_USER_STATISTICS = "end user statistics"


@dataclass(frozen=True, slots=True)
class Signal:
    """One document on its way. `message_id` holds for all attempts; `sender` and `receiver` are written
    scheme:value.

    `other_receiver` is tried where the network does not know the first, "" for none. `about` names what it is
    about; of one kind there is one signal about one thing.
    """

    message_id: str
    kind: Kind
    channel: str
    sender: str
    receiver: str
    other_receiver: str
    about: str
    document_digest: str
    made_at: datetime
    due_at: datetime | None
    sent_at: datetime | None
    failures: int
    verdict: str
    sentence: str


_NAMES: Final = tuple(spec.name for spec in fields(Signal))


def queue(
    connection: Connection,
    *,
    message_id: str,
    kind: Kind,
    channel: str,
    sender: str,
    receiver: str,
    about: str,
    document_digest: str,
    now: datetime,
    other_receiver: str = "",
) -> bool:
    """Queue one, in the transaction that makes it true; False where there is one of this kind about this."""
    there = select(signals.c.message_id).where(signals.c.kind == kind.value, signals.c.about == about)
    if connection.scalar(there) is not None:
        return False
    connection.execute(
        insert(signals).values(
            message_id=message_id,
            kind=kind.value,
            channel=channel,
            sender=sender,
            receiver=receiver,
            other_receiver=other_receiver,
            about=about,
            document_digest=document_digest,
            made_at=now,
            due_at=now,
        )
    )
    data = {"message_id": message_id, "kind": kind, "about": about, "content": document_digest}
    journal.append(connection, "signal queued", data, now=now)
    return True


def get(connection: Connection, message_id: str) -> Signal | None:
    """The signal with this id."""
    row = connection.execute(select(signals).where(signals.c.message_id == message_id)).one_or_none()
    return None if row is None else _read(row)


def about(connection: Connection, kind: Kind, start: str) -> tuple[Signal, ...]:
    """The signals of one kind that are about this: `about` is it, or begins with it and a blank; oldest
    first."""
    query = select(signals).where(
        signals.c.kind == kind.value,
        (signals.c.about == start) | signals.c.about.startswith(f"{start} ", autoescape=True),
    )
    return tuple(_read(row) for row in connection.execute(query.order_by(signals.c.made_at)))


def due(connection: Connection, *, now: datetime, limit: int) -> tuple[Signal, ...]:
    """What is to be sent now, oldest first."""
    query = select(signals).where(signals.c.sent_at.is_(None), signals.c.due_at <= now)
    rows = connection.execute(query.order_by(signals.c.made_at, signals.c.message_id).limit(limit))
    return tuple(_read(row) for row in rows)


def listing(connection: Connection, *, limit: int = 200) -> tuple[Signal, ...]:
    """All signals, newest first."""
    query = select(signals).order_by(signals.c.made_at.desc(), signals.c.message_id).limit(limit)
    return tuple(_read(row) for row in connection.execute(query))


def sent(connection: Connection, signal: Signal, receipt: str, *, now: datetime) -> None:
    """The other access point holds it; `receipt` is the digest of its proof."""
    connection.execute(
        update(signals)
        .where(signals.c.message_id == signal.message_id)
        .values(sent_at=now, due_at=None, verdict="", sentence="")
    )
    data = {"message_id": signal.message_id, "kind": signal.kind, "about": signal.about, "receipt": receipt}
    journal.append(connection, "signal sent", data, now=now)


def failed(
    connection: Connection,
    signal: Signal,
    *,
    verdict: str,
    sentence: str,
    due_at: datetime | None,
    receiver: str = "",
) -> None:
    """It did not go out; tried again at `due_at`, never where that is None. `receiver` where another is to be
    tried, who is the last one."""
    values: dict[str, Any] = {
        "failures": signal.failures + 1,
        "verdict": verdict,
        "sentence": sentence,
        "due_at": due_at,
    }
    if receiver:
        values |= {"receiver": receiver, "other_receiver": ""}
    connection.execute(update(signals).where(signals.c.message_id == signal.message_id).values(**values))


def _read(row: Row[Any]) -> Signal:
    values = {name: getattr(row, name) for name in _NAMES}
    return Signal(**{**values, "kind": Kind(row.kind)})
