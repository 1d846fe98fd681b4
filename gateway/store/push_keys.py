"""Idempotency keys of pushes: what was sent under a key, and what was answered.

A key belongs to one source and holds for ever, so a sender may repeat a push whose answer was lost however
late. The row is written in the transaction that stores the documents: both are there, or neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from gateway.store.tables import push_keys

__all__ = ["KnownPush", "find", "remember"]


@dataclass(frozen=True, slots=True)
class KnownPush:
    """A push that was taken: the SHA-256 of its content, and the answer as JSON."""

    digest: str
    answer: str


def find(connection: Connection, source: str, key: str) -> KnownPush | None:
    """The push that this key was used for."""
    query = select(push_keys).where(push_keys.c.source == source, push_keys.c.key == key)
    row = connection.execute(query).one_or_none()
    return None if row is None else KnownPush(row.digest, row.answer)


def remember(
    connection: Connection, source: str, key: str, *, digest: str, answer: str, now: datetime
) -> None:
    """Bind the key to this content, in the caller's transaction; a key that another process has just bound
    raises ConflictError when the transaction ends, by the primary key of the table."""
    connection.execute(
        insert(push_keys).values(source=source, key=key, digest=digest, answer=answer, made_at=now)
    )
