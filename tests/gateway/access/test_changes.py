"""Four eyes: whoever proposes does not decide, and each change is decided once."""

from __future__ import annotations

import pytest

from formats.errors import ConfigError, ConflictError
from gateway.access.rights import RIGHTS, Actor, Role
from gateway.store import changes, journal
from gateway.store.changes import Change, Kind
from gateway.store.database import Database
from tests.gateway.access.conftest import NOW

MARIT = Actor("1", "marit", {"vandael": RIGHTS[Role.FINANCE]})
JORIS = Actor("2", "joris", {"vandael": RIGHTS[Role.FINANCE]})


@pytest.fixture
def proposed(database: Database) -> Change:
    with database.begin() as connection:
        return changes.propose(
            connection,
            Kind.ROUTING,
            "routing.yaml",
            {"channel": "email"},
            {"channel": "peppol"},
            reason="buyers ask for Peppol",
            company="vandael",
            by=MARIT,
            now=NOW,
        )


def test_a_colleague_approves_and_both_are_in_the_journal(database: Database, proposed: Change) -> None:
    with database.begin() as connection:
        assert [change.id for change in changes.waiting(connection)] == [proposed.id]
        done = changes.decide(connection, proposed, approved=True, answer="yes", by=JORIS, now=NOW)
        assert not changes.waiting(connection)
        events = {entry.event: entry.actor for entry in journal.entries(connection)}
    assert (done.outcome, done.decided_by, done.after) == ("approved", JORIS.id, {"channel": "peppol"})
    assert events == {"change proposed": MARIT.label, "change approved": JORIS.label}


def test_nobody_decides_on_a_change_of_their_own(database: Database, proposed: Change) -> None:
    with database.begin() as connection, pytest.raises(ConfigError, match="of their own"):
        changes.decide(connection, proposed, approved=True, answer="", by=MARIT, now=NOW)


def test_a_change_is_decided_once(database: Database, proposed: Change) -> None:
    with database.begin() as connection:
        changes.decide(connection, proposed, approved=False, answer="not now", by=JORIS, now=NOW)
        with pytest.raises(ConflictError):
            changes.decide(connection, proposed, approved=True, answer="", by=JORIS, now=NOW)
        kept = changes.get(connection, proposed.id)
    assert kept is not None
    assert kept.outcome == "declined"


def test_a_change_without_a_reason_is_not_taken(database: Database) -> None:
    with database.begin() as connection, pytest.raises(ConfigError, match="reason"):
        changes.propose(
            connection, Kind.MAPPING, "netsuite", {}, {}, reason=" ", company="vandael", by=MARIT, now=NOW
        )
