"""Collect: read what changed in one ERP; documents and cursor are stored in one transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from connectors.base import Page, RejectedDocument, SourceDocument
from gateway.pipeline.submission import State, Verdict
from gateway.store import journal, sources, submissions
from gateway.wiring import Gateway

__all__ = ["collect"]


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


def _store(connection: Connection, source: str, page: Page, gateway: Gateway) -> int:
    now = gateway.clock()
    new = 0
    for document in page.documents:
        new += submissions.receive(connection, source, document, now=now) is not None
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
    stub = SourceDocument(rejected.key, "", "text/plain", note, origin=rejected.origin)
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
    data: dict[str, object] = {"what": rejected.problem.what, "origin": rejected.origin}
    submissions.move(connection, submission, state, event, data, now=now, **changes)
    return rejected.needs_person
