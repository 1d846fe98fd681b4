"""The audit finds every later change: in the journal, in the archive, and in what the lists say."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, text, update

from connectors.base import PaymentState, PaymentStatus, SourceDocument
from gateway import audit
from gateway.pipeline.submission import State
from gateway.store import documents, journal, payments, submissions, tables
from gateway.store.database import Database
from tests.conftest import SteppingClock


@pytest.fixture
def recorded(database: Database, clock: SteppingClock) -> Database:
    """Two invoices that were mapped and written, one of them partly paid."""
    for number in ("1", "2"):
        clock.now += timedelta(seconds=1)
        with database.begin() as connection:
            given = SourceDocument(number, "1", "application/xml", f"<a>{number}</a>".encode())
            submission = submissions.receive(connection, "sap", given, now=clock())
            assert submission is not None
            digest = documents.put(connection, f"<b>{number}</b>".encode(), "application/xml", now=clock())
            submissions.move(
                connection,
                submission,
                State.MAPPED,
                "mapped",
                {"invoice": digest, "document": digest},
                now=clock(),
                invoice_digest=digest,
                document_digest=digest,
                number=number,
            )
            if number == "1":
                status = PaymentStatus("1", "1", PaymentState.PARTLY_PAID, "EUR", Decimal("5"))
                payments.store(connection, submission.id, status, now=clock())
                data = {"payment": status.state, "paid": "EUR 5.00"}
                journal.append(connection, "payment", data, now=clock(), submission=submission.id)
    return database


def faults(database: Database) -> str:
    with database.read() as connection:
        return "; ".join(audit.verify(connection).faults)


def test_an_untouched_record_holds(recorded: Database) -> None:
    assert faults(recorded) == ""


@pytest.mark.parametrize(
    ("tampering", "says"),
    [
        (
            update(tables.submissions).where(tables.submissions.c.number == "1").values(state="paid"),
            "its state",
        ),
        (
            update(tables.submissions)
            .where(tables.submissions.c.number == "1")
            .values(document_digest="f" * 64),
            "invoice 1: its document",
        ),
        (delete(tables.submissions).where(tables.submissions.c.number == "2"), "gone from the list"),
        (update(tables.payments).values(paid=Decimal("9999")), "its payment"),
        (update(tables.documents).values(content=b"forged"), "was changed after it was stored"),
        (delete(tables.documents), "not in the archive"),
        (update(tables.journal).where(tables.journal.c.seq == 3).values(event="paid"), "journal entry 3"),
        (delete(tables.journal).where(tables.journal.c.seq == 5), "journal entry 5"),
    ],
)
def test_a_change_is_named(recorded: Database, tampering: object, says: str) -> None:
    with recorded.begin() as connection:
        connection.execute(tampering)  # type: ignore[call-overload]  # an update or a delete
    assert says in faults(recorded)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (
            "UPDATE journal SET data = CAST(x'ff' || CAST(data AS BLOB) AS TEXT) WHERE seq = 3",
            "journal entry 3",
        ),
        ("UPDATE journal SET data = CAST(data AS BLOB) WHERE seq = 3", "journal entry 3"),
        ("UPDATE journal SET at = 7 WHERE seq = 3", "journal entry 3"),
        ("UPDATE documents SET content = 'text'", "was changed after it was stored"),
    ],
)
def test_sqlite_lets_anything_in_and_the_audit_names_it(
    recorded: Database, statement: str, says: str
) -> None:
    if not recorded.is_sqlite:
        pytest.skip("PostgreSQL refuses to store a value of another type")
    with recorded.begin() as connection:
        connection.execute(text(statement))
    assert says in faults(recorded)


def test_a_chain_written_anew_is_seen_by_a_note_kept_elsewhere(
    recorded: Database, clock: SteppingClock
) -> None:
    with recorded.begin() as connection:
        journal.append(connection, "collected", {"source": "sap"}, now=clock())
    with recorded.read() as connection:
        noted = audit.verify(connection)
        expected = (noted.entries, noted.head)
        assert audit.verify(connection, expected=expected).faults == ()
    with recorded.begin() as connection:
        last = list(journal.entries(connection))[-1]
        connection.execute(delete(tables.journal).where(tables.journal.c.seq == last.seq))
        connection.execute(update(tables.journal_head).values(seq=last.seq - 1, digest=last.previous))
    with recorded.read() as connection:
        assert audit.verify(connection).faults == (), "the shortened chain itself is sound"
        assert "written anew" in audit.verify(connection, expected=expected).faults[0]
