"""The inbox: business documents that came over the network, until each has been handed over or answered."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, literal, select, tuple_, update

from formats.errors import EInvoicingError
from gateway.store import journal
from gateway.store.tables import inbox

__all__ = [
    "Item",
    "Kind",
    "State",
    "about",
    "add",
    "beginning",
    "due",
    "get",
    "listing",
    "move",
    "postpone",
]


class Kind(StrEnum):
    """What came."""

    INVOICE = "invoice"
    INVOICE_RESPONSE = "invoice response"
    MESSAGE_LEVEL_STATUS = "message level status"
    OTHER = "other"


class State(StrEnum):
    """How far it is: invoices are judged and handed over, answers are taken in."""

    RECEIVED = "received"
    CHECKED = "checked"
    HANDED_OVER = "handed over"
    TAKEN_IN = "taken in"
    REFUSED = "refused"
    # A person is needed, or something must be tried again; `due_at` says when, None for a person.
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Item:
    """One document in the inbox. Digests are of the archive; `handed_to` says where the ERP has it."""

    id: str
    peer: str
    message_id: str
    channel: str
    kind: Kind
    state: State
    verdict: str
    sentence: str
    fix: str
    failures: int
    due_at: datetime | None
    document_digest: str
    invoice_digest: str
    report_digest: str
    profile: str
    number: str
    issue_date: date | None
    seller: str
    buyer: str
    currency: str
    amount: Decimal | None
    submission: str
    handed_to: str
    received_at: datetime
    changed_at: datetime


_NAMES: Final = tuple(spec.name for spec in fields(Item))
_ADD: Final = insert(inbox)


def add(
    connection: Connection,
    *,
    peer: str,
    message_id: str,
    channel: str,
    kind: Kind,
    document_digest: str,
    now: datetime,
) -> str:
    """Take one in, due at once; returns its id. ConflictError, when the transaction ends, for one that is
    there."""
    item = str(uuid.uuid4())
    connection.execute(
        _ADD,
        {
            "id": item,
            "peer": peer,
            "message_id": message_id,
            "channel": channel,
            "kind": kind.value,
            "state": State.RECEIVED.value,
            "document_digest": document_digest,
            "due_at": now,
            "received_at": now,
            "changed_at": now,
        },
    )
    data = {"item": item, "kind": kind, "from": peer, "message_id": message_id, "content": document_digest}
    journal.append(connection, "came in", data, now=now)
    return item


def get(connection: Connection, item: str) -> Item | None:
    """The document with this id."""
    row = connection.execute(select(inbox).where(inbox.c.id == item)).one_or_none()
    return None if row is None else _read(row)


def beginning(connection: Connection, start: str) -> tuple[Item, ...]:
    """The documents whose id begins like this, two at most."""
    query = select(inbox).where(inbox.c.id.startswith(start.lower(), autoescape=True)).limit(2)
    return tuple(_read(row) for row in connection.execute(query))


def due(connection: Connection, *, now: datetime, limit: int) -> tuple[Item, ...]:
    """What there is to do now, oldest first."""
    query = select(inbox).where(inbox.c.due_at <= now).order_by(inbox.c.due_at, inbox.c.id).limit(limit)
    return tuple(_read(row) for row in connection.execute(query))


def listing(
    connection: Connection,
    *,
    states: Sequence[State] = (),
    limit: int = 200,
    after: tuple[datetime, str] | None = None,
) -> tuple[Item, ...]:
    """Documents, newest first; all or those in some states, those that follow the moment and id of one."""
    query = select(inbox).order_by(inbox.c.received_at.desc(), inbox.c.id.desc()).limit(limit)
    if after is not None:
        place = tuple_(literal(after[0], inbox.c.received_at.type), literal(after[1]))
        query = query.where(tuple_(inbox.c.received_at, inbox.c.id) < place)
    if states:
        query = query.where(inbox.c.state.in_([state.value for state in states]))
    return tuple(_read(row) for row in connection.execute(query))


def about(connection: Connection, submission: str, kind: Kind) -> tuple[Item, ...]:
    """What came about one of our invoices, oldest first."""
    query = select(inbox).where(inbox.c.submission == submission, inbox.c.kind == kind.value)
    return tuple(_read(row) for row in connection.execute(query.order_by(inbox.c.received_at)))


def postpone(
    connection: Connection, item: Item, *, verdict: str, error: EInvoicingError, due_at: datetime
) -> None:
    """It could not be taken further: tried again at `due_at`."""
    connection.execute(
        update(inbox)
        .where(inbox.c.id == item.id)
        .values(
            failures=item.failures + 1, verdict=verdict, sentence=error.what, fix=error.fix, due_at=due_at
        )
    )


def move(
    connection: Connection,
    item: Item,
    state: State,
    event: str,
    data: dict[str, Any],
    *,
    now: datetime,
    actor: str = "gateway",
    **changes: Any,
) -> Item:
    """A new state with its journal entry, in the caller's transaction; what is not named of verdict,
    sentence, fix and due time is cleared."""
    cleared = {"verdict": "", "sentence": "", "fix": "", "due_at": None, "failures": 0}
    values = {**cleared, **changes, "state": state.value, "changed_at": now}
    connection.execute(update(inbox).where(inbox.c.id == item.id).values(**values))
    journal.append(
        connection,
        event,
        {"item": item.id, "kind": item.kind, "state": state, **data},
        now=now,
        submission=str(changes.get("submission", item.submission)),
        actor=actor,
    )
    found = get(connection, item.id)
    assert found is not None  # noqa: S101  # updated in this transaction
    return found


def _read(row: Row[Any]) -> Item:
    values = {name: getattr(row, name) for name in _NAMES}
    return Item(**{**values, "kind": Kind(row.kind), "state": State(row.state)})
