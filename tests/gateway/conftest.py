"""A database of each kind that the gateway runs on, fresh for each test; and a story to tell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.database import Database
from tests.gateway import prepared
from tests.gateway.stories import SharedRules, Story, tell

ON_EACH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


def _server() -> None:
    if not os.environ.get("GATEWAY_TEST_POSTGRES"):
        pytest.skip("no PostgreSQL server: set GATEWAY_TEST_POSTGRES to postgresql://user@host:port/postgres")


@pytest.fixture(params=ON_EACH)
def empty_database_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'gateway.db'}"
        return
    _server()
    with prepared.postgres(migrated=False) as address:
        yield address


@pytest.fixture(params=ON_EACH)
def database_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with the current schema, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield prepared.sqlite_copy(tmp_path / "gateway.db")
        return
    _server()
    with prepared.postgres(migrated=True) as address:
        yield address


@pytest.fixture
def database(database_address: str) -> Iterator[Database]:
    """A database with the current schema."""
    opened = Database(database_address)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def rules() -> Iterator[SharedRules]:
    """One rules engine for the stories of a file: starting one takes longer than most of them."""
    engine = SharedRules()
    yield engine
    engine.end()


@pytest.fixture
def story(tmp_path: Path, rules: SharedRules) -> Iterator[Story]:
    """SAP with an empty folder and a gateway beside it; at the end all that must always hold is checked."""
    with tell(tmp_path, rules) as told:
        yield told
        told.assert_sound()
