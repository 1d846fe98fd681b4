"""Changes that need four eyes: proposed by one, decided by another, both in the journal."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from formats.errors import ConfigError, ConflictError
from gateway.access.rights import Actor
from gateway.store import journal
from gateway.store.tables import changes

__all__ = ["Change", "Kind", "approved", "decide", "decided", "get", "propose", "waiting", "withdraw"]


class Kind(StrEnum):
    """What needs four eyes."""

    BANK_DETAILS = "bank details"
    ROUTING = "routing"
    MAPPING = "mapping"
    # Somebody who is to count among four eyes themselves.
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Change:
    """One proposal. `before` and `after` are what would change, as plain values; `digest` is of what would be
    in force, "" where nothing is held against it; `outcome` is "" while it waits, then "approved",
    "declined" or "withdrawn"."""

    id: str
    kind: Kind
    subject: str
    company: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str
    decided_at: datetime | None
    outcome: str
    answer: str
    digest: str = ""


def propose(
    connection: Connection,
    kind: Kind,
    subject: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    reason: str,
    company: str,
    by: Actor,
    now: datetime,
    digest: str = "",
) -> Change:
    """Write a proposal down; nothing changes before somebody else approves."""
    if not reason.strip():
        raise ConfigError("a change needs a reason", where=f"{kind}, {subject}", fix="say why it is needed")
    change = str(uuid.uuid4())
    connection.execute(
        insert(changes).values(
            id=change,
            kind=kind.value,
            subject=subject,
            company=company,
            before=json.dumps(before, sort_keys=True, default=str),
            after=json.dumps(after, sort_keys=True, default=str),
            reason=reason.strip()[:2000],
            proposed_by=by.id,
            proposed_at=now,
            digest=digest,
        )
    )
    data = {"change": change, "kind": kind.value, "subject": subject, "reason": reason.strip()[:2000]}
    data |= {"digest": digest} if digest else {}
    journal.append(connection, "change proposed", data, now=now, actor=by.label)
    return _there(connection, change)


def decide(
    connection: Connection, change: Change, *, approved: bool, answer: str, by: Actor, now: datetime
) -> Change:
    """Decide on a proposal, once. ConfigError for one's own; ConflictError where another was faster."""
    if change.proposed_by == by.id:
        raise ConfigError(
            "nobody decides on a change of their own",
            where=f"{change.kind}, {change.subject}",
            fix="ask a colleague who may decide on changes",
        )
    outcome = "approved" if approved else "declined"
    query = update(changes).where(changes.c.id == change.id, changes.c.outcome == "")
    values = {"decided_by": by.id, "decided_at": now, "outcome": outcome, "answer": answer.strip()[:2000]}
    if connection.execute(query.values(values)).rowcount != 1:
        raise ConflictError(
            "somebody has decided already", where=f"{change.kind}, {change.subject}", fix="look at it again"
        )
    data = {
        "change": change.id,
        "kind": change.kind.value,
        "subject": change.subject,
        "answer": values["answer"],
    }
    journal.append(connection, f"change {outcome}", data, now=now, actor=by.label)
    return _there(connection, change.id)


def withdraw(connection: Connection, change: Change, *, answer: str, by: Actor, now: datetime) -> bool:
    """Take back a proposal that nobody has decided on, one's own too; False where somebody has."""
    query = update(changes).where(changes.c.id == change.id, changes.c.outcome == "")
    values = {"decided_by": by.id, "decided_at": now, "outcome": "withdrawn", "answer": answer[:2000]}
    if connection.execute(query.values(values)).rowcount != 1:
        return False
    data = {
        "change": change.id,
        "kind": change.kind.value,
        "subject": change.subject,
        "answer": answer[:2000],
    }
    journal.append(connection, "change withdrawn", data, now=now, actor=by.label)
    return True


def get(connection: Connection, change: str) -> Change | None:
    """The proposal with this id."""
    row = connection.execute(select(changes).where(changes.c.id == change)).one_or_none()
    return None if row is None else _read(row)


def waiting(connection: Connection) -> tuple[Change, ...]:
    """What nobody has decided on, oldest first."""
    query = select(changes).where(changes.c.outcome == "").order_by(changes.c.proposed_at)
    return tuple(_read(row) for row in connection.execute(query))


def approved(connection: Connection, kind: Kind, subject: str) -> Change | None:
    """What was approved last of this subject: that and nothing earlier is in force."""
    query = (
        select(changes)
        .where(changes.c.kind == kind.value, changes.c.subject == subject, changes.c.outcome == "approved")
        .order_by(changes.c.decided_at.desc(), changes.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _read(row)


def decided(connection: Connection, limit: int) -> tuple[Change, ...]:
    """What was decided on, newest first."""
    query = select(changes).where(changes.c.outcome != "").order_by(changes.c.decided_at.desc()).limit(limit)
    return tuple(_read(row) for row in connection.execute(query))


def _there(connection: Connection, change: str) -> Change:
    found = get(connection, change)
    assert found is not None  # noqa: S101  # written in this transaction
    return found


def _read(row: Row[Any]) -> Change:
    return Change(
        id=row.id,
        kind=Kind(row.kind),
        subject=row.subject,
        company=row.company,
        before=json.loads(row.before),
        after=json.loads(row.after),
        reason=row.reason,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        outcome=row.outcome,
        answer=row.answer,
        digest=row.digest,
    )
