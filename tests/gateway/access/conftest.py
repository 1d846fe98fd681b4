"""What the tests of the ways in share: quick hashing, a key, a person."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher

from gateway.access.passwords import Passwords
from gateway.access.rights import Role
from gateway.access.sealing import Seal
from gateway.store import people
from gateway.store.database import Database
from gateway.store.people import Person

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PASSWORD = "kettle rainbow oboe"


@pytest.fixture(scope="session")
def passwords() -> Passwords:
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def seal() -> Seal:
    return Seal("a key of the tests, long enough for one", "totp")


@pytest.fixture
def clerk(database: Database, passwords: Passwords) -> Person:
    """A finance clerk of one company."""
    kept = passwords.kept(PASSWORD, login="marit@vandael.example")
    with database.begin() as connection:
        return people.add(
            connection,
            "Marit@Vandael.example",
            "Marit Dekkers",
            {"vandael": Role.FINANCE},
            language="nl",
            now=NOW,
            password=kept,
        )
