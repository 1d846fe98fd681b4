"""Submissions come in once, move only along the life cycle, and are worked on by one worker at a time."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.base import SourceDocument
from formats.errors import ConflictError, MalformedDocument
from gateway.pipeline.submission import MOVES, State, may_move
from gateway.store import journal, submissions
from gateway.store.database import Database
from gateway.store.submissions import Submission
from tests.conftest import SteppingClock

LEASE = timedelta(minutes=15)


def document(key: str = "90000001", content: bytes = b"<invoice/>") -> SourceDocument:
    return SourceDocument(key, "1", "application/xml", content)


def received(database: Database, clock: SteppingClock, key: str = "90000001") -> Submission:
    with database.begin() as connection:
        submission = submissions.receive(connection, "sap", document(key), now=clock())
    assert submission is not None
    return submission


def test_the_same_bytes_of_the_same_key_come_in_once(database: Database, clock: SteppingClock) -> None:
    received(database, clock)
    with database.begin() as connection:
        assert submissions.receive(connection, "sap", document(), now=clock()) is None
        assert submissions.receive(connection, "sap", document("90000002"), now=clock()) is not None
        assert (
            submissions.receive(connection, "sap", document(content=b"<changed/>"), now=clock()) is not None
        )
        assert submissions.receive(connection, "exact", document(), now=clock()) is not None


@pytest.mark.parametrize("sign", ["\ud800", "\0"])
def test_what_no_database_takes_is_replaced_or_refused(
    database: Database, clock: SteppingClock, sign: str
) -> None:
    with database.begin() as connection:
        odd = replace(document(), revision=f"r{sign}", origin=f"/in/a{sign}.xml")
        taken = submissions.receive(connection, "sap", odd, now=clock())
        assert taken is not None
        assert (taken.revision, taken.origin) == ("r?", "/in/a?.xml")
        with pytest.raises(MalformedDocument, match="cannot be stored"):
            submissions.receive(connection, "sap", document(f"9{sign}"), now=clock())


def test_a_move_is_written_with_its_journal_entry(database: Database, clock: SteppingClock) -> None:
    submission = received(database, clock)
    with database.begin() as connection:
        moved = submissions.move(connection, submission, State.MAPPED, "mapped", {"number": "1"}, now=clock())
        assert moved.state is State.MAPPED
        events = [entry.event for entry in journal.entries(connection, submission=submission.id)]
    assert events == ["received", "mapped"]


def test_two_workers_cannot_both_move_a_submission(database: Database, clock: SteppingClock) -> None:
    submission = received(database, clock)
    with database.begin() as connection:
        submissions.move(connection, submission, State.MAPPED, "mapped", {}, now=clock())
    with pytest.raises(ConflictError), database.begin() as connection:
        submissions.move(connection, submission, State.MAPPED, "mapped", {}, now=clock())


def test_a_move_that_the_life_cycle_does_not_know_is_refused(
    database: Database, clock: SteppingClock
) -> None:
    submission = received(database, clock)
    with pytest.raises(ValueError, match="received cannot become delivered"), database.begin() as connection:
        submissions.move(connection, submission, State.DELIVERED, "delivered", {}, now=clock())


def test_every_state_but_the_superseded_one_has_a_way_on() -> None:
    assert {state for state in State if not MOVES[state]} == {State.SUPERSEDED}
    assert all(may_move(state, State.PARKED) for state in State if state is not State.SUPERSEDED)


def test_workers_get_different_submissions(database: Database, clock: SteppingClock) -> None:
    for number in range(20):
        received(database, clock, str(number))
    claimed: list[str] = []
    barrier = threading.Barrier(4)

    def claim(worker: str) -> None:
        barrier.wait()
        for _ in range(3):
            with database.begin() as connection:
                batch = submissions.claim_due(connection, worker=worker, now=clock(), limit=2, lease=LEASE)
            claimed.extend(item.id for item in batch)

    threads = [threading.Thread(target=claim, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed))
    assert len(claimed) >= 20 - 4


def test_a_claim_ends_with_its_lease(database: Database, clock: SteppingClock) -> None:
    received(database, clock)
    with database.begin() as connection:
        assert len(submissions.claim_due(connection, worker="a", now=clock(), limit=9, lease=LEASE)) == 1
        assert submissions.claim_due(connection, worker="b", now=clock(), limit=9, lease=LEASE) == []
    clock.advance(minutes=16)
    with database.begin() as connection:
        assert len(submissions.claim_due(connection, worker="b", now=clock(), limit=9, lease=LEASE)) == 1


def test_claims_of_a_worker_that_is_gone_are_given_free(database: Database, clock: SteppingClock) -> None:
    received(database, clock)
    with database.begin() as connection:
        submissions.claim_due(connection, worker="a", now=clock(), limit=9, lease=LEASE)
        assert submissions.workers(connection) == ["a"]
        assert submissions.release_workers(connection, ["a"]) == 1
        assert len(submissions.claim_due(connection, worker="b", now=clock(), limit=9, lease=LEASE)) == 1


def test_an_invoice_has_one_carrier_whoever_is_faster(database: Database, clock: SteppingClock) -> None:
    one, two = received(database, clock, "1"), received(database, clock, "2")
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def carry(submission: Submission) -> None:
        barrier.wait()
        try:
            with database.begin() as connection:
                owners = submissions.owners(connection, ["business:x"])
                if owners:
                    outcomes.append("seen")
                    return
                submissions.take_over(connection, submission, ["business:x"], owners)
            outcomes.append("carried")
        except ConflictError:
            outcomes.append("conflict")

    threads = [threading.Thread(target=carry, args=(item,)) for item in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("carried") == 1
