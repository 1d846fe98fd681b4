"""Collect: read what changed in one ERP; documents and cursor are stored in one transaction.

Also documents that come by themselves: pushed ones are stored with the key that the sender gave them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from connectors.base import Page, Push, RejectedDocument, SourceDocument, TakesPushes
from formats.errors import ConfigError, ConflictError, MalformedDocument
from gateway.pipeline.submission import State, Verdict
from gateway.store import documents, journal, push_keys, sources, submissions
from gateway.wiring import Gateway

__all__ = ["KeyUsedTwice", "PushAnswer", "collect", "take_push"]


class KeyUsedTwice(ConflictError):
    """An idempotency key was used before, for another content."""


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """What became of one push: its invoices as (submission, key in the source, whether it is new), and
    whether this is the answer to an earlier push under the same key."""

    submissions: tuple[tuple[str, str, bool], ...]
    digest: str
    replayed: bool = False


def collect(gateway: Gateway, source: str) -> int:
    """Pull every page of one source and return how many documents were new.

    Running it twice stores nothing twice. Raises what the connector raises; pages before the failure are
    kept, and the next run goes on from the last stored cursor.
    """
    connector = gateway.source(source)
    with gateway.database.read() as connection:
        cursor = sources.get(connection, source).cursor
    new = 0
    for page in connector.pull(cursor):
        with gateway.database.begin() as connection:
            new += _store(connection, source, page, gateway)
        connector.acknowledge(page)
    with gateway.database.begin() as connection:
        sources.is_well(connection, source, now=gateway.clock())
    return new


def take_push(gateway: Gateway, source: str, push: Push) -> PushAnswer:
    """Store what was pushed to one source; the same push under the same key again gives the same answer.

    All is committed when this returns: the body as it came, its invoices, and the key. Raises ConfigError for
    a source that takes no pushes, MalformedDocument for a body without invoices, KeyUsedTwice for another
    content under a used key, and StorageError.
    """
    connector = gateway.source(source)
    if not isinstance(connector, TakesPushes):
        raise ConfigError(
            f"nothing can be pushed to the source {source}",
            where=f"sources/{source}.yaml",
            fix="use a source of the kind push",
        )
    digest = documents.digest_of(push.content)
    known = _known_push(gateway, source, push, digest)
    if known is not None:
        return known
    page = connector.take(push)
    try:
        return _store_push(gateway, source, push, page, digest)
    except ConflictError:
        # The same push came twice at one moment: the other one was faster, its answer counts.
        known = _known_push(gateway, source, push, digest)
        if known is None:
            raise
        return known


def _known_push(gateway: Gateway, source: str, push: Push, digest: str) -> PushAnswer | None:
    if not push.idempotency_key:
        return None
    with gateway.database.read() as connection:
        known = push_keys.find(connection, source, push.idempotency_key)
    if known is None:
        return None
    if known.digest != digest:
        raise KeyUsedTwice(
            "this idempotency key was used before, for another content",
            where=f"source {source}",
            fix="make a new key for each push, and keep it only when the same push is repeated",
        )
    answer = tuple((str(one[0]), str(one[1]), bool(one[2])) for one in json.loads(known.answer))
    return PushAnswer(answer, digest, replayed=True)


def _store_push(gateway: Gateway, source: str, push: Push, page: Page, digest: str) -> PushAnswer:
    now = gateway.clock()
    found: list[tuple[str, str, bool]] = []
    with gateway.database.begin() as connection:
        documents.put(connection, push.content, push.media_type[:100] or "application/octet-stream", now=now)
        for document in page.documents:
            new = submissions.receive(connection, source, document, now=now)
            known = new or submissions.newest(connection, source, document.key)
            found.append((known.id if known else "", document.key, new is not None))
        if push.idempotency_key:
            push_keys.remember(
                connection, source, push.idempotency_key, digest=digest, answer=json.dumps(found), now=now
            )
        told = {"source": source, "digest": digest, "key": push.idempotency_key, "documents": len(found)}
        journal.append(connection, "pushed", told, now=now)
        sources.is_well(connection, source, now=now)
    return PushAnswer(tuple(found), digest)


def _store(connection: Connection, source: str, page: Page, gateway: Gateway) -> int:
    now = gateway.clock()
    new = 0
    for document in page.documents:
        try:
            new += submissions.receive(connection, source, document, now=now) is not None
        except MalformedDocument as error:
            refused = RejectedDocument(document.key, document.origin, error)
            new += _store_rejected(connection, source, refused, gateway)
    for rejected in page.rejected:
        new += _store_rejected(connection, source, rejected, gateway)
    before = sources.get(connection, source).cursor
    sources.read_on(connection, source, page.cursor, now=now)
    if new or before != page.cursor:
        journal.append(
            connection,
            "collected",
            {"source": source, "documents": len(page.documents), "new": new, "cursor": page.cursor[:500]},
            now=now,
        )
    return new


def _store_rejected(
    connection: Connection, source: str, rejected: RejectedDocument, gateway: Gateway
) -> bool:
    """A document that could not be taken is shown to people like any other that stopped."""
    now = gateway.clock()
    note = f"{rejected.problem.what}\n{rejected.problem.where}".encode()
    key, origin = rejected.key, submissions.storable(rejected.origin)
    if submissions.storable(key) != key:
        # Keys that differ stay different.
        key = f"unnamed:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
    stub = SourceDocument(key, "", "text/plain", note, origin=origin)
    submission = submissions.receive(connection, source, stub, now=now)
    if submission is None:
        return False
    if rejected.needs_person:
        changes: dict[str, Any] = {
            # There is nothing to take further: the ERP gives it again, or a person dismisses it.
            "resume_state": State.PARKED,
            "verdict": Verdict.DOCUMENT,
            "sentence": rejected.problem.what,
            "fix": rejected.problem.fix,
            "due_at": None,
        }
        state, event = State.PARKED, "parked"
    else:
        state, event, changes = State.SUPERSEDED, "set aside", {"sentence": rejected.problem.what}
    data: dict[str, object] = {"what": rejected.problem.what, "origin": origin}
    submissions.move(connection, submission, state, event, data, now=now, **changes)
    return rejected.needs_person
