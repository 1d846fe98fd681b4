"""The audit: whether the journal, the archive and the tables still say the same, and where they first do not.

The journal's chain shows changes of the journal itself. What the tables say (state, documents, payments) is
held against the journal, and every archived document against its digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from gateway.pipeline.submission import State
from gateway.store import documents, journal
from gateway.store.tables import payments, submissions

__all__ = ["Verification", "verify"]

# What a journal entry says under this name is what the table says in this column.
_FACTS = {"invoice": "invoice_digest", "document": "document_digest"}
_PAYMENT_EVENTS = frozenset({"payment", "paid", "payment taken back"})


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found: `entries` hold, `head` is the last one's digest, `faults` are sentences in order."""

    entries: int
    head: str
    faults: tuple[str, ...]


@dataclass(slots=True)
class _Told:
    """What the journal tells of one submission, after all its entries."""

    facts: dict[str, str] = field(default_factory=dict)
    payment: tuple[str, str] | None = None


def verify(connection: Connection, *, expected: tuple[int, str] | None = None) -> Verification:
    """Check everything; `expected` is an entry's number and digest that somebody noted elsewhere.

    Only such a note shows that the whole chain was written anew, by somebody who may write to the database.
    """
    holds, broken = journal.verify(connection)
    faults = []
    if broken is not None:
        faults.append(f"journal entry {broken.seq}: {broken.what}. The {holds} entries before it hold")
    else:
        faults += _table_faults(connection)
    faults += [
        f"archived document {digest} was changed after it was stored"
        for digest in documents.damaged(connection)
    ]
    faults += _missing_documents(connection, holds)
    head = journal.digest_at(connection, holds)
    if expected is not None and journal.digest_at(connection, expected[0]) != expected[1]:
        faults.append(f"entry {expected[0]} is not the one that was noted: the chain was written anew")
    return Verification(holds, head, tuple(faults))


def _table_faults(connection: Connection) -> Iterator[str]:
    told = _told(connection)
    seen = set()
    for row in connection.execute(select(submissions)):
        seen.add(row.id)
        name = row.number or row.source_key
        said = told.get(row.id)
        if said is None:
            yield f"invoice {name} ({row.id}) stands in the list, and the journal does not know it"
            continue
        for fact, column in {"state": "state", **_FACTS}.items():
            if said.facts.get(fact, "") != getattr(row, column):
                yield f"invoice {name}: its {fact} is not the one that the journal tells"
    for row in connection.execute(select(payments)):
        said = told.get(row.submission)
        if said is None or said.payment != (row.state, f"{row.currency} {row.paid:.2f}"):
            yield f"submission {row.submission}: its payment is not the one that the journal tells"
    for missing in sorted(told.keys() - seen):
        yield f"submission {missing} stands in the journal and is gone from the list"


def _told(connection: Connection) -> dict[str, _Told]:
    told: dict[str, _Told] = {}
    for entry in journal.entries(connection):
        if not entry.submission:
            continue
        said = told.setdefault(entry.submission, _Told())
        if entry.event == "received":
            said.facts["state"] = State.RECEIVED
        data = json.loads(entry.data)
        # "invoice" and "document" are told by the steps that set them; other events mention them again.
        said.facts |= {fact: str(data[fact]) for fact in ("state", *_FACTS) if fact in data}
        if entry.event in _PAYMENT_EVENTS:
            said.payment = (data["payment"], data["paid"])
    return told


def _missing_documents(connection: Connection, holds: int) -> Iterator[str]:
    held = documents.digests(connection)
    for entry in journal.entries(connection):
        if entry.seq > holds:
            return
        for digest in documents.DIGEST.findall(entry.data):
            if digest not in held:
                yield f"journal entry {entry.seq} names the document {digest}, which is not in the archive"
