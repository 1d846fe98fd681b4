"""How often the buyer portal is called, and a sign-in fails, counted in the database, which all processes
share.

Callers are told apart by 65,536 buckets of each kind, so that the table cannot grow with the number of
callers; two who share a bucket share its limit.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, case, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.tables import portal_calls

__all__ = ["BUCKETS", "Kind", "bucket_of", "count", "rests_until"]

BUCKETS: Final = 65_536


class Kind(StrEnum):
    """What is limited: calls from one network address, calls of one link, answers over one link; sign-ins
    that fail from one network address."""

    ADDRESS = "address"
    LINK = "link"
    ANSWER = "answer"
    SIGN_IN = "sign-in"


def bucket_of(mark: str) -> int:
    """The bucket of a caller; `mark` is the caller signed with a key, so that nobody can aim at a bucket."""
    return int.from_bytes(hashlib.sha256(mark.encode()).digest()[:8], "big") % BUCKETS


def count(connection: Connection, kind: Kind, bucket: int, *, window: timedelta, now: datetime) -> int:
    """Count one call and return how many there were in the running window, this one included."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    over = portal_calls.c.since <= now - window
    added = insert(portal_calls).values(kind=kind, bucket=bucket, since=now, calls=1)
    counted = added.on_conflict_do_update(
        index_elements=["kind", "bucket"],
        set_={
            "since": case((over, now), else_=portal_calls.c.since),
            "calls": case((over, 1), else_=portal_calls.c.calls + 1),
        },
    )
    calls: int = connection.execute(counted.returning(portal_calls.c.calls)).scalar_one()
    return calls


def rests_until(
    connection: Connection, kind: Kind, bucket: int, *, most: int, window: timedelta, now: datetime
) -> datetime | None:
    """Until when nothing more is answered; None while the limit is kept. Writes nothing."""
    query = select(portal_calls).where(portal_calls.c.kind == kind, portal_calls.c.bucket == bucket)
    row = connection.execute(query).one_or_none()
    if row is None or row.calls < most or row.since <= now - window:
        return None
    ends: datetime = row.since + window
    return ends
