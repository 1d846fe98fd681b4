"""The journal shows every later change, and says where."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from gateway.store import journal
from gateway.store.database import Database
from gateway.store.tables import journal as table
from gateway.store.tables import journal_head
from tests.conftest import SteppingClock


@pytest.fixture
def filled(database: Database, clock: SteppingClock) -> Database:
    for number in range(1, 8):
        clock.advance(seconds=1)
        with database.begin() as connection:
            data = {"number": str(number), "note": "Grüße, 100 %"}
            journal.append(connection, "mapped", data, now=clock(), submission=f"s{number}")
    return database


def test_an_untouched_chain_holds(filled: Database) -> None:
    with filled.read() as connection:
        assert journal.verify(connection) == (7, None)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "2026-11-23T08:00:04.000001+00:00"),
        ("submission", "s5"),
        ("actor", "Gateway"),
        ("event", "Mapped"),
        ("data", '{"note":"Grüße, 101 %","number":"4"}'),
        ("previous", "0" * 64),
        ("digest", "f" * 64),
    ],
)
def test_a_change_in_any_field_is_named_with_its_entry(filled: Database, column: str, value: str) -> None:
    with filled.begin() as connection:
        connection.execute(update(table).where(table.c.seq == 4).values({column: value}))
    with filled.read() as connection:
        holds, broken = journal.verify(connection)
    assert broken is not None
    assert broken.seq == 4
    assert holds == 3


def test_a_forged_entry_breaks_the_one_after_it(filled: Database) -> None:
    """Whoever recomputes the digest of a changed entry breaks the link to the next one."""
    with filled.begin() as connection:
        entry = list(journal.entries(connection))[3]
        forged = journal._digest(
            entry.seq, entry.at, entry.submission, entry.actor, entry.event, "{}", entry.previous
        )
        connection.execute(update(table).where(table.c.seq == 4).values(data="{}", digest=forged))
    with filled.read() as connection:
        holds, broken = journal.verify(connection)
    assert broken is not None
    assert (holds, broken.seq) == (4, 5)


@pytest.mark.parametrize(("gone", "first"), [(1, 1), (4, 4), (7, 7)])
def test_a_missing_entry_is_named_wherever_it_stood(filled: Database, gone: int, first: int) -> None:
    with filled.begin() as connection:
        connection.execute(delete(table).where(table.c.seq == gone))
    with filled.read() as connection:
        _, broken = journal.verify(connection)
    assert broken is not None
    assert broken.seq == first


def test_a_lost_head_is_noticed(filled: Database) -> None:
    with filled.begin() as connection:
        connection.execute(delete(journal_head))
    with filled.read() as connection:
        _, broken = journal.verify(connection)
    assert broken is not None


def test_an_entry_of_a_failed_transaction_leaves_no_gap(filled: Database, clock: SteppingClock) -> None:
    def fail() -> None:
        with filled.begin() as connection:
            journal.append(connection, "lost", {}, now=clock())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with filled.begin() as connection:
        journal.append(connection, "kept", {}, now=clock())
    with filled.read() as connection:
        assert journal.verify(connection) == (8, None)
