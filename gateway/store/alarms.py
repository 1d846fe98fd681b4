"""Alarms, the mails about them, and how many invoices of each day are where."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, exists, func, insert, literal, select, tuple_, update

from gateway.store import journal
from gateway.store.tables import alarm_mails, alarms, counts

__all__ = [
    "Alarm",
    "Count",
    "Mail",
    "beginning",
    "changed",
    "count_of",
    "counted",
    "counts_of",
    "due_mails",
    "end",
    "ended_since",
    "get",
    "mail_failed",
    "mail_sent",
    "number_open",
    "open_ones",
    "queue_mail",
    "raise_one",
    "take",
    "told",
    "unsent_mails",
]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is not as it should be. `since` is when it began, `raised_at` when it was noticed,
    `told_at` when people were told last; `taken_by` looks after it. All moments aware UTC."""

    id: str
    kind: str
    subject: str
    company: str
    level: int
    since: datetime
    sentence: str
    fix: str
    raised_at: datetime
    seen_at: datetime
    told_at: datetime
    ended_at: datetime | None
    taken_by: str
    taken_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail about alarms, to one receiver."""

    message_id: str
    receiver: str
    subject: str
    body: str
    made_at: datetime
    due_at: datetime | None
    sent_at: datetime | None
    failures: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Count:
    """Invoices of one source dated one day. `posted` is what the ERP says, None where it was not asked, and
    `said` why. `stopped` are those that wait for a person or were refused."""

    source: str
    day: date
    posted: int | None
    said: str
    asked_at: datetime | None
    received: int
    delivered: int
    acknowledged: int
    stopped: int
    counted_at: datetime


_NAMES: Final = tuple(column.name for column in alarms.c)
_MAILS: Final = tuple(column.name for column in alarm_mails.c)
_COUNTS: Final = tuple(column.name for column in counts.c)
_OPEN: Final = alarms.c.ended_at.is_(None)


def raise_one(
    connection: Connection,
    *,
    kind: str,
    subject: str,
    company: str,
    level: int,
    since: datetime,
    sentence: str,
    fix: str,
    now: datetime,
) -> Alarm:
    """A new alarm, with its journal entry, in the caller's transaction. ConflictError where one of this kind
    and subject is open."""
    made = Alarm(
        str(uuid.uuid4()),
        kind,
        subject,
        company,
        level,
        since,
        sentence,
        fix,
        now,
        now,
        now,
        None,
        "",
        None,
        "",
    )
    connection.execute(insert(alarms).values(**{name: getattr(made, name) for name in _NAMES}))
    _note(connection, "alarm raised", made, now)
    return made


def changed(
    connection: Connection, alarm: Alarm, *, level: int, sentence: str, fix: str, now: datetime
) -> None:
    """It is still so, perhaps in other words. Nothing new happened, so nothing is journaled."""
    values = {"level": level, "sentence": sentence, "fix": fix, "seen_at": now}
    connection.execute(update(alarms).where(alarms.c.id == alarm.id).values(**values))


def told(connection: Connection, alarm: Alarm, *, now: datetime) -> None:
    """People are told once more; who took it before is asked again."""
    values = {"told_at": now, "taken_by": "", "taken_at": None, "reason": ""}
    connection.execute(update(alarms).where(alarms.c.id == alarm.id).values(**values))
    _note(connection, "alarm told again", alarm, now)


def end(connection: Connection, alarm: Alarm, *, now: datetime) -> None:
    """It is over."""
    done = connection.execute(update(alarms).where(alarms.c.id == alarm.id, _OPEN).values(ended_at=now))
    if done.rowcount == 1:
        _note(connection, "alarm over", alarm, now)


def take(connection: Connection, alarm: Alarm, *, by: str, reason: str, now: datetime) -> bool:
    """Somebody looks after it; False where it is over, or taken already."""
    done = connection.execute(
        update(alarms)
        .where(alarms.c.id == alarm.id, _OPEN, alarms.c.taken_by == "")
        .values(taken_by=by, taken_at=now, reason=reason)
    )
    if done.rowcount == 1:
        _note(connection, "alarm taken", alarm, now, actor=by, more={"by": by, "reason": reason})
    return done.rowcount == 1


def get(connection: Connection, identifier: str) -> Alarm | None:
    """One alarm, open or over."""
    row = connection.execute(select(alarms).where(alarms.c.id == identifier)).one_or_none()
    return None if row is None else _read(row)


def beginning(connection: Connection, start: str) -> tuple[Alarm, ...]:
    """Open alarms whose id begins so."""
    query = select(alarms).where(alarms.c.id.startswith(start, autoescape=True), _OPEN).limit(2)
    return tuple(_read(row) for row in connection.execute(query))


def open_ones(
    connection: Connection, *, kind: str | None = None, companies: Iterable[str] | None = None
) -> tuple[Alarm, ...]:
    """Open alarms, those that nobody took first, then the oldest; of these companies, or (None) all."""
    query = select(alarms).where(_OPEN)
    if kind is not None:
        query = query.where(alarms.c.kind == kind)
    if companies is not None:
        query = query.where(alarms.c.company.in_(tuple(companies)))
    query = query.order_by(alarms.c.taken_by != "", alarms.c.since, alarms.c.id)
    return tuple(_read(row) for row in connection.execute(query))


def number_open(connection: Connection, *, companies: Iterable[str] | None = None) -> int:
    """How many are open and taken by nobody."""
    query = select(func.count()).select_from(alarms).where(_OPEN, alarms.c.taken_by == "")
    if companies is not None:
        query = query.where(alarms.c.company.in_(tuple(companies)))
    return connection.scalar(query) or 0


def ended_since(
    connection: Connection,
    since: datetime,
    *,
    companies: Iterable[str] | None = None,
    limit: int = 100,
    after: tuple[datetime, str] | None = None,
) -> tuple[Alarm, ...]:
    """Alarms that were over since then, the latest first; those that follow the end and id of one."""
    query = select(alarms).where(alarms.c.ended_at >= since)
    if after is not None:
        place = tuple_(literal(after[0], alarms.c.ended_at.type), literal(after[1]))
        query = query.where(tuple_(alarms.c.ended_at, alarms.c.id) < place)
    if companies is not None:
        query = query.where(alarms.c.company.in_(tuple(companies)))
    query = query.order_by(alarms.c.ended_at.desc(), alarms.c.id.desc()).limit(limit)
    return tuple(_read(row) for row in connection.execute(query))


# Mails.


def queue_mail(connection: Connection, receiver: str, subject: str, body: str, *, now: datetime) -> None:
    """One e-mail, in the transaction of what it tells. What this receiver has not got yet is due at once
    again, for it goes before."""
    mails = alarm_mails.c
    connection.execute(
        update(alarm_mails).where(mails.receiver == receiver, mails.due_at > now).values(due_at=now)
    )
    connection.execute(
        insert(alarm_mails).values(
            message_id=str(uuid.uuid4()),
            receiver=receiver,
            subject=subject,
            body=body,
            made_at=now,
            due_at=now,
            failures=0,
            sentence="",
        )
    )


def due_mails(connection: Connection, *, now: datetime, limit: int = 50) -> tuple[Mail, ...]:
    """What is to be sent now, oldest first, and nothing before what its receiver should have got earlier."""
    earlier = alarm_mails.alias("earlier")
    held_up = exists().where(
        earlier.c.receiver == alarm_mails.c.receiver,
        earlier.c.due_at > now,
        tuple_(earlier.c.made_at, earlier.c.message_id)
        < tuple_(alarm_mails.c.made_at, alarm_mails.c.message_id),
    )
    query = select(alarm_mails).where(alarm_mails.c.due_at <= now, ~held_up)
    query = query.order_by(alarm_mails.c.made_at, alarm_mails.c.message_id).limit(limit)
    return tuple(_mail(row) for row in connection.execute(query))


def unsent_mails(connection: Connection) -> tuple[Mail, ...]:
    """What did not go out, the latest first."""
    query = select(alarm_mails).where(alarm_mails.c.sent_at.is_(None), alarm_mails.c.failures > 0)
    query = query.order_by(alarm_mails.c.made_at.desc(), alarm_mails.c.message_id).limit(20)
    return tuple(_mail(row) for row in connection.execute(query))


def mail_sent(connection: Connection, mail: Mail, *, now: datetime) -> None:
    """The mail server has it; its text is forgotten, for the journal tells what it told."""
    connection.execute(
        update(alarm_mails)
        .where(alarm_mails.c.message_id == mail.message_id)
        .values(sent_at=now, due_at=None, sentence="", body="")
    )
    data = {"message_id": mail.message_id, "receiver": mail.receiver, "subject": mail.subject}
    journal.append(connection, "alarm mailed", data, now=now)


def mail_failed(connection: Connection, mail: Mail, sentence: str, *, due_at: datetime | None) -> None:
    """It did not go out; tried again at `due_at`, never where that is None."""
    connection.execute(
        update(alarm_mails)
        .where(alarm_mails.c.message_id == mail.message_id)
        .values(failures=mail.failures + 1, sentence=sentence, due_at=due_at)
    )


# Counts.


def counted(connection: Connection, found: Sequence[Count]) -> None:
    """Keep these counts in place of earlier ones."""
    for one in found:
        connection.execute(delete(counts).where(counts.c.source == one.source, counts.c.day == one.day))
        connection.execute(insert(counts).values(**{name: getattr(one, name) for name in _COUNTS}))


def count_of(connection: Connection, source: str, day: date) -> Count | None:
    """What was counted last."""
    query = select(counts).where(counts.c.source == source, counts.c.day == day)
    row = connection.execute(query).one_or_none()
    return None if row is None else Count(**{name: getattr(row, name) for name in _COUNTS})


def counts_of(connection: Connection, sources: Iterable[str], since: date) -> tuple[Count, ...]:
    """The counts of these sources since that day, by source, the latest day first."""
    query = select(counts).where(counts.c.source.in_(tuple(sources)), counts.c.day >= since)
    query = query.order_by(counts.c.source, counts.c.day.desc())
    return tuple(Count(**{name: getattr(row, name) for name in _COUNTS}) for row in connection.execute(query))


def _note(
    connection: Connection,
    event: str,
    alarm: Alarm,
    now: datetime,
    *,
    actor: str = "gateway",
    more: dict[str, object] | None = None,
) -> None:
    data: dict[str, object] = {
        "id": alarm.id,
        "kind": alarm.kind,
        "subject": alarm.subject,
        "company": alarm.company,
        "level": alarm.level,
        "since": alarm.since.isoformat(),
        "sentence": alarm.sentence,
        "fix": alarm.fix,
        **(more or {}),
    }
    journal.append(connection, event, data, now=now, actor=actor)


def _read(row: Row[Any]) -> Alarm:
    return Alarm(**{name: getattr(row, name) for name in _NAMES})


def _mail(row: Row[Any]) -> Mail:
    return Mail(**{name: getattr(row, name) for name in _MAILS})
