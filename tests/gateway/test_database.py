"""The database keeps its schema, and says in plain words when it cannot take more."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text, update

from connectors.base import SourceDocument
from formats.errors import ConfigError, StorageError
from gateway.store import documents, journal, schema, submissions
from gateway.store.connector_state import ConnectorState
from gateway.store.database import Database
from gateway.store.tables import documents as documents_table
from gateway.store.tables import metadata
from tests.conftest import SteppingClock


def test_migrations_lead_to_the_tables_in_the_code(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_two_starts_at_once_migrate_once(empty_database_address: str) -> None:
    opened = [Database(empty_database_address) for _ in range(4)]
    threads = [threading.Thread(target=schema.upgrade, args=(item,)) for item in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with opened[0].read() as connection:
        assert journal.verify(connection) == (0, None)
    for item in opened:
        item.close()


def test_a_database_of_a_newer_release_is_refused(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="newer release"):
        schema.upgrade(database)


def test_a_full_disk_stops_clearly_and_leaves_nothing_half_written(
    tmp_path: Path, clock: SteppingClock
) -> None:
    """SQLite's own error for a full disk, met in the middle of a transaction."""
    database = Database(f"sqlite:///{tmp_path / 'gateway.db'}")
    schema.upgrade(database)

    def store() -> None:
        content = bytes(range(256)) * 4_000
        with database.begin() as connection:
            pages = connection.scalar(text("PRAGMA page_count"))
            connection.execute(text(f"PRAGMA max_page_count = {pages + 20}"))
            document = SourceDocument("1", "1", "application/xml", content)
            submissions.receive(connection, "sap", document, now=clock())

    with pytest.raises(StorageError, match="full"):
        store()
    with database.read() as connection:
        assert submissions.listing(connection) == []
        assert journal.verify(connection) == (0, None)
    database.close()


def test_a_stopped_server_is_a_storage_error() -> None:
    database = Database("postgresql://gateway@127.0.0.1:1/none")
    with pytest.raises(StorageError, match="cannot store or read"), database.read() as connection:
        connection.execute(text("SELECT 1"))


def test_an_unknown_database_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="mysql"):
        Database("mysql://host/name")


def test_archived_bytes_are_proven_when_read(database: Database, clock: SteppingClock) -> None:
    with database.begin() as connection:
        digest = documents.put(connection, b"paid in full", "text/plain", now=clock())
        assert documents.put(connection, b"paid in full", "text/plain", now=clock()) == digest
        assert documents.get(connection, digest).content == b"paid in full"
        assert list(documents.damaged(connection)) == []
        connection.execute(update(documents_table).values(content=b"paid in part"))
        assert list(documents.damaged(connection)) == [digest]
        with pytest.raises(StorageError, match="not what was stored"):
            documents.get(connection, digest)


def test_a_state_cell_is_held_by_one_at_a_time(database: Database, tmp_path: Path) -> None:
    """Two installations of the state on one database stand for two processes."""
    states = [ConnectorState(database, tmp_path / "locks") for _ in range(2)]

    def count_up(state: ConnectorState) -> None:
        for _ in range(10):
            with state.locked("exact", "tokens") as cell:
                cell.save(str(int(cell.value or "0") + 1))

    threads = [threading.Thread(target=count_up, args=(state,)) for state in states * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with states[0].locked("exact", "tokens") as cell:
        assert cell.value == "40"
