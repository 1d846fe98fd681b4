"""The journal: what happened, in one hash chain that shows every later change.

Each entry's digest covers its own fields and the digest before it; the head row holds the end of the chain,
so that entries cut off at the end are missed too. Entries are written in the transaction that makes them
true.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, insert, select, update

from gateway.store.tables import journal, journal_head

__all__ = [
    "GENESIS",
    "LAST",
    "Break",
    "Entry",
    "after",
    "append",
    "digest_at",
    "entries",
    "follows",
    "head_of",
    "verify",
]

GENESIS: Final = "0" * 64
# Made once: to build a statement anew costs more than to run it.
_END: Final = select(journal_head).where(journal_head.c.id == 1).with_for_update()
_ADD: Final = insert(journal)
_MOVE_END: Final = update(journal_head).where(journal_head.c.id == 1)
# No entry has a higher number: what a database holds as one.
LAST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. `at` is ISO 8601 in UTC, `data` canonical JSON, `submission` "" for events of the whole
    gateway."""

    seq: int
    at: str
    submission: str
    actor: str
    event: str
    data: str
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the chain does not hold."""

    seq: int
    what: str


def append(
    connection: Connection,
    event: str,
    data: Mapping[str, object],
    *,
    now: datetime,
    submission: str = "",
    actor: str = "gateway",
) -> Entry:
    """Add one event at the end of the chain, inside the caller's transaction.

    The head row stays locked until that transaction ends, so appends are one after the other.
    """
    head = connection.execute(_END).one()
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    fields = (
        head.seq + 1,
        now.isoformat(timespec="microseconds"),
        submission,
        actor,
        event,
        text,
        head.digest,
    )
    entry = Entry(*fields, digest=_digest(*fields))
    connection.execute(
        _ADD,
        {
            "seq": entry.seq,
            "at": entry.at,
            "submission": entry.submission,
            "actor": entry.actor,
            "event": entry.event,
            "data": entry.data,
            "previous": entry.previous,
            "digest": entry.digest,
        },
    )
    connection.execute(_MOVE_END, {"seq": entry.seq, "digest": entry.digest})
    return entry


def entries(
    connection: Connection, *, submission: str | None = None, event: str | None = None
) -> Iterator[Entry]:
    """All entries in order, or those of one submission, of one kind of event."""
    query = select(journal).order_by(journal.c.seq)
    if submission is not None:
        query = query.where(journal.c.submission == submission)
    if event is not None:
        query = query.where(journal.c.event == event)
    with connection.execute(query, execution_options={"yield_per": 500}) as rows:
        for row in rows:
            yield Entry(*row)


def after(connection: Connection, seq: int, most: int) -> list[Entry]:
    """The entries that follow one, `most` of them at most."""
    query = select(journal).where(journal.c.seq > seq).order_by(journal.c.seq).limit(most)
    return [Entry(*row) for row in connection.execute(query)]


def verify(connection: Connection) -> tuple[int, Break | None]:
    """How many entries hold, and the first break of the chain if there is one."""
    seq, digest = 0, GENESIS
    for entry in entries(connection):
        broken = follows(entry, seq, digest)
        if broken is not None:
            return seq, broken
        seq, digest = entry.seq, entry.digest
    head = connection.execute(select(journal_head).where(journal_head.c.id == 1)).one_or_none()
    if head is None or (head.seq, head.digest) != (seq, digest):
        end = "its head is missing" if head is None else f"the head says {head.seq} entries"
        return seq, Break(seq + 1, f"the chain ends after entry {seq}, but {end}: entries were cut off")
    return seq, None


def follows(entry: Entry, seq: int, digest: str) -> Break | None:
    """What is wrong with an entry that should follow entry `seq` with this digest; None where it holds."""
    if not _well_formed(entry):
        return Break(seq + 1, f"entry {seq + 1} was changed into something that is not text")
    if entry.seq != seq + 1:
        return Break(seq + 1, f"entry {seq + 1} is missing; the next one there is {entry.seq}")
    if entry.previous != digest:
        return Break(entry.seq, f"entry {entry.seq} does not follow from the one before it")
    expected = _digest(
        entry.seq, entry.at, entry.submission, entry.actor, entry.event, entry.data, entry.previous
    )
    if entry.digest != expected:
        return Break(entry.seq, f"entry {entry.seq} ({entry.event}) was changed after it was written")
    return None


def head_of(connection: Connection) -> tuple[int, str] | None:
    """Number and digest of the last entry, as the head row has them; None where it is gone."""
    row = connection.execute(select(journal_head).where(journal_head.c.id == 1)).one_or_none()
    return None if row is None else (row.seq, row.digest)


def digest_at(connection: Connection, seq: int) -> str:
    """The digest of one entry; that of the beginning for 0, "" where there is no such entry."""
    if seq == 0:
        return GENESIS
    return connection.scalar(select(journal.c.digest).where(journal.c.seq == seq)) or ""


def _well_formed(entry: Entry) -> bool:
    texts = (entry.at, entry.submission, entry.actor, entry.event, entry.data, entry.previous, entry.digest)
    return isinstance(entry.seq, int) and all(isinstance(text, str) for text in texts)


def _digest(seq: int, at: str, submission: str, actor: str, event: str, data: str, previous: str) -> str:
    # As a JSON list, so that no two different entries can look alike.
    text = json.dumps(
        [seq, at, submission, actor, event, data, previous], ensure_ascii=False, separators=(",", ":")
    )
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
