"""Webhooks and what is on its way to each: taken from the journal, so that no event is lost or made up.

The journal is the outbox: an event is written in the transaction that makes it true. Each webhook has a place
in it; moving on and queueing what lies between is one transaction, so that every event is queued once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from gateway.store.tables import journal_head, webhook_deliveries, webhooks

__all__ = [
    "Delivery",
    "DeliveryState",
    "Queued",
    "Standing",
    "Webhook",
    "add",
    "advance",
    "deliveries",
    "due",
    "end",
    "failed",
    "get",
    "give_up",
    "head",
    "keep_configured",
    "listing",
    "move_back",
    "parked_again",
    "purge",
    "renew",
    "standing",
    "taken",
    "well",
]


class DeliveryState(StrEnum):
    """How far one event has come on its way to one webhook."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One receiver. `secret` and `old_secret` are sealed; those of the config folder keep theirs in files."""

    id: str
    name: str
    configured: bool
    url: str
    events: tuple[str, ...]
    companies: tuple[str, ...]
    secret: str = field(repr=False)
    old_secret: str = field(repr=False)
    old_until: datetime | None
    cursor: int
    failures: int
    rests_until: datetime | None
    sentence: str
    made_by: str
    made_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Queued:
    """An event to be queued: `about` is the submission or the alarm, within which order is kept."""

    seq: int
    event: str
    type: str
    about: str
    body: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one webhook."""

    webhook: str
    seq: int
    event: str
    type: str
    about: str
    body: str
    state: DeliveryState
    made_at: datetime
    due_at: datetime | None
    failures: int
    sentence: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How many events of one webhook are where; `oldest` is when the oldest waiting one was queued."""

    waiting: int = 0
    parked: int = 0
    oldest: datetime | None = None


_NAMES: Final = tuple(column.name for column in webhooks.c)
_DELIVERY: Final = tuple(column.name for column in webhook_deliveries.c)
_WAITING: Final = webhook_deliveries.c.state == DeliveryState.WAITING.value


def head(connection: Connection) -> int:
    """The last entry of the journal."""
    return connection.scalar(select(journal_head.c.seq)) or 0


def add(
    connection: Connection,
    identifier: str,
    name: str,
    *,
    url: str,
    events: Sequence[str],
    companies: Sequence[str],
    secret: str,
    by: str,
    now: datetime,
) -> Webhook:
    """A webhook that is told what happens from now on. `secret` is sealed."""
    connection.execute(
        insert(webhooks).values(
            id=identifier,
            name=name,
            configured=False,
            url=url,
            events=json.dumps(list(events)),
            companies=json.dumps(list(companies)),
            secret=secret,
            old_secret="",
            cursor=head(connection),
            failures=0,
            sentence="",
            made_by=by,
            made_at=now,
        )
    )
    found = get(connection, identifier)
    assert found is not None  # noqa: S101  # just written
    return found


def keep_configured(connection: Connection, names: Iterable[str], *, now: datetime) -> None:
    """Those of the config folder: new ones begin now, those gone are ended, those back begin now again."""
    wanted = set(names)
    known = {
        row.name: row for row in connection.execute(select(webhooks).where(webhooks.c.configured.is_(True)))
    }
    for name in sorted(wanted - known.keys()):
        values = {"id": f"config.{name}", "name": name, "configured": True, "cursor": head(connection)}
        texts = dict.fromkeys(("url", "events", "companies", "secret", "old_secret", "sentence"), "")
        connection.execute(
            insert(webhooks).values(**values, **texts, failures=0, made_by="config folder", made_at=now)
        )
    for name, row in known.items():
        if name in wanted and row.ended_at is not None:
            back: dict[str, Any] = {"ended_at": None, "cursor": head(connection), "failures": 0}
            connection.execute(
                update(webhooks).where(webhooks.c.id == row.id).values(**back, rests_until=None, sentence="")
            )
        elif name not in wanted and row.ended_at is None:
            end(connection, row.id, now=now)


def get(connection: Connection, identifier: str) -> Webhook | None:
    """One webhook, ended or not."""
    row = connection.execute(select(webhooks).where(webhooks.c.id == identifier)).one_or_none()
    return None if row is None else _read(row)


def listing(connection: Connection) -> tuple[Webhook, ...]:
    """All that are told, by name."""
    query = select(webhooks).where(webhooks.c.ended_at.is_(None)).order_by(webhooks.c.name, webhooks.c.id)
    return tuple(_read(row) for row in connection.execute(query))


def end(connection: Connection, identifier: str, *, now: datetime) -> bool:
    """Nothing is sent there any more; its secrets are forgotten. False where it was ended before."""
    done = connection.execute(
        update(webhooks)
        .where(webhooks.c.id == identifier, webhooks.c.ended_at.is_(None))
        .values(ended_at=now, secret="", old_secret="")
    )
    connection.execute(
        delete(webhook_deliveries).where(
            webhook_deliveries.c.webhook == identifier,
            webhook_deliveries.c.state != DeliveryState.DELIVERED.value,
        )
    )
    return done.rowcount == 1


def renew(connection: Connection, webhook: Webhook, secret: str, *, old_until: datetime) -> None:
    """A new sealed secret; what is sent until `old_until` is signed with the old one too."""
    values = {"secret": secret, "old_secret": webhook.secret, "old_until": old_until}
    connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(**values))


def advance(
    connection: Connection, webhook: Webhook, cursor: int, events: Sequence[Queued], *, now: datetime
) -> bool:
    """Queue these events and move on, unless another process did. Events that are there already (a replay)
    begin anew."""
    moved = connection.execute(
        update(webhooks)
        .where(webhooks.c.id == webhook.id, webhooks.c.cursor == webhook.cursor)
        .values(cursor=cursor)
    )
    if moved.rowcount != 1:
        return False
    if events:
        again = [one.seq for one in events]
        connection.execute(
            delete(webhook_deliveries).where(
                webhook_deliveries.c.webhook == webhook.id, webhook_deliveries.c.seq.in_(again)
            )
        )
        fresh = {"webhook": webhook.id, "state": DeliveryState.WAITING.value, "made_at": now, "due_at": now}
        connection.execute(
            insert(webhook_deliveries),
            [
                {
                    **fresh,
                    "seq": one.seq,
                    "event": one.event,
                    "type": one.type,
                    "about": one.about,
                    "body": one.body,
                    "failures": 0,
                    "sentence": "",
                }
                for one in events
            ],
        )
    return True


def move_back(connection: Connection, identifier: str, before: int) -> None:
    """Everything after entry `before` is queued once more."""
    connection.execute(
        update(webhooks)
        .where(webhooks.c.id == identifier, webhooks.c.cursor > before)
        .values(cursor=before, failures=0, rests_until=None)
    )


def parked_again(connection: Connection, identifier: str, *, now: datetime) -> int:
    """What was given up is tried anew; returns how many."""
    mine = and_(
        webhook_deliveries.c.webhook == identifier,
        webhook_deliveries.c.state == DeliveryState.PARKED.value,
    )
    fresh: dict[str, Any] = {
        "state": DeliveryState.WAITING.value,
        "made_at": now,
        "due_at": now,
        "failures": 0,
        "ended_at": None,
    }
    number = connection.execute(update(webhook_deliveries).where(mine).values(**fresh)).rowcount
    connection.execute(
        update(webhooks).where(webhooks.c.id == identifier).values(failures=0, rests_until=None)
    )
    return number


def due(connection: Connection, identifier: str, *, now: datetime, limit: int) -> tuple[Delivery, ...]:
    """What is to be sent now, in the order in which it happened; never an event while an earlier one about
    the same thing waits."""
    earlier = webhook_deliveries.alias("earlier")
    first = select(func.min(earlier.c.seq)).where(
        earlier.c.webhook == webhook_deliveries.c.webhook,
        earlier.c.about == webhook_deliveries.c.about,
        earlier.c.state == DeliveryState.WAITING.value,
    )
    query = (
        select(webhook_deliveries)
        .where(
            webhook_deliveries.c.webhook == identifier,
            webhook_deliveries.c.due_at <= now,
            _WAITING,
            webhook_deliveries.c.seq == first.scalar_subquery(),
        )
        .order_by(webhook_deliveries.c.seq)
        .limit(limit)
    )
    return tuple(_delivery(row) for row in connection.execute(query))


def taken(connection: Connection, delivery: Delivery, *, now: datetime) -> None:
    """The receiver has it."""
    values = {"state": DeliveryState.DELIVERED.value, "sentence": "", "ended_at": now, "due_at": None}
    connection.execute(update(webhook_deliveries).where(*_is(delivery)).values(**values))


def give_up(
    connection: Connection, identifier: str, before: datetime, sentence: str, *, now: datetime
) -> tuple[str, ...]:
    """Park everything that was queued until then and still waits; returns the ids of these events, oldest
    first."""
    late = and_(webhook_deliveries.c.webhook == identifier, _WAITING, webhook_deliveries.c.made_at <= before)
    query = select(webhook_deliveries.c.event).where(late).order_by(webhook_deliveries.c.seq)
    events = tuple(connection.scalars(query))
    if events:
        values = {"state": DeliveryState.PARKED.value, "ended_at": now, "due_at": None, "sentence": sentence}
        connection.execute(update(webhook_deliveries).where(late).values(**values))
    return events


def failed(
    connection: Connection,
    delivery: Delivery,
    sentence: str,
    *,
    due_at: datetime,
    rests_until: datetime | None,
) -> None:
    """Not taken; the event waits until `due_at`, everything for this webhook until `rests_until`."""
    connection.execute(
        update(webhook_deliveries)
        .where(*_is(delivery))
        .values(failures=delivery.failures + 1, sentence=sentence, due_at=due_at)
    )
    connection.execute(
        update(webhooks)
        .where(webhooks.c.id == delivery.webhook)
        .values(failures=webhooks.c.failures + 1, sentence=sentence, rests_until=rests_until)
    )


def well(connection: Connection, identifier: str) -> None:
    """It took something."""
    connection.execute(
        update(webhooks)
        .where(webhooks.c.id == identifier, webhooks.c.failures > 0)
        .values(failures=0, sentence="", rests_until=None)
    )


def standing(connection: Connection, identifier: str) -> Standing:
    """How many events are where."""
    query = select(webhook_deliveries.c.state, func.count(), func.min(webhook_deliveries.c.made_at))
    query = query.where(
        webhook_deliveries.c.webhook == identifier,
        webhook_deliveries.c.state != DeliveryState.DELIVERED.value,
    )
    found = {
        state: (number, oldest)
        for state, number, oldest in connection.execute(query.group_by(webhook_deliveries.c.state))
    }
    waiting, oldest = found.get(DeliveryState.WAITING.value, (0, None))
    return Standing(waiting, found.get(DeliveryState.PARKED.value, (0, None))[0], oldest)


def deliveries(
    connection: Connection,
    identifier: str,
    *,
    state: DeliveryState | None = None,
    limit: int = 100,
    before: int | None = None,
) -> tuple[Delivery, ...]:
    """Events of one webhook, newest first; those before the number of one."""
    query = select(webhook_deliveries).where(webhook_deliveries.c.webhook == identifier)
    if state is not None:
        query = query.where(webhook_deliveries.c.state == state.value)
    if before is not None:
        query = query.where(webhook_deliveries.c.seq < before)
    query = query.order_by(webhook_deliveries.c.seq.desc()).limit(limit)
    return tuple(_delivery(row) for row in connection.execute(query))


def purge(connection: Connection, before: datetime) -> int:
    """Forget the texts of events taken before then; that they were is in the journal."""
    query = delete(webhook_deliveries).where(
        webhook_deliveries.c.state == DeliveryState.DELIVERED.value, webhook_deliveries.c.ended_at < before
    )
    return connection.execute(query).rowcount


def _is(delivery: Delivery) -> tuple[Any, ...]:
    return (
        webhook_deliveries.c.webhook == delivery.webhook,
        webhook_deliveries.c.seq == delivery.seq,
        _WAITING,
    )


def _read(row: Row[Any]) -> Webhook:
    values = {name: getattr(row, name) for name in _NAMES}
    lists = {name: tuple(json.loads(values[name] or "[]")) for name in ("events", "companies")}
    return Webhook(**{**values, **lists})


def _delivery(row: Row[Any]) -> Delivery:
    values = {name: getattr(row, name) for name in _DELIVERY}
    return Delivery(**{**values, "state": DeliveryState(row.state)})
