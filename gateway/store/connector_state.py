"""Small texts that connectors keep (tokens), behind a lock that works across threads and processes.

The lock is taken on the row in the database, for the caller may talk to the network while holding it: on
PostgreSQL an advisory lock of the session, on SQLite (one machine) a lock file beside the database.
"""

from __future__ import annotations

import fcntl
import hashlib
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import insert, select, text, update

from gateway.store.database import Database
from gateway.store.tables import connector_state

__all__ = ["ConnectorState"]


class _Cell:
    def __init__(self, database: Database, connector: str, key: str) -> None:
        self._database, self._connector, self._key = database, connector, key

    @property
    def value(self) -> str:
        with self._database.read() as connection:
            found = connection.scalar(
                select(connector_state.c.value).where(
                    connector_state.c.connector == self._connector, connector_state.c.key == self._key
                )
            )
        return found or ""

    def save(self, value: str) -> None:
        with self._database.begin() as connection:
            done = connection.execute(
                update(connector_state)
                .where(connector_state.c.connector == self._connector, connector_state.c.key == self._key)
                .values(value=value)
            )
            if done.rowcount == 0:
                connection.execute(
                    insert(connector_state).values(connector=self._connector, key=self._key, value=value)
                )


class ConnectorState:
    """Opens the cells of all connectors of one database; `lock_folder` is used with SQLite."""

    def __init__(self, database: Database, lock_folder: Path) -> None:
        self._database, self._folder = database, lock_folder
        self._guard = threading.Lock()
        self._threads: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def locked(self, connector: str, key: str) -> Iterator[_Cell]:
        """One cell, held alone until the block ends."""
        name = f"{connector}/{key}"
        with self._guard:
            lock = self._threads[name]
        with lock, self._across_processes(name):
            yield _Cell(self._database, connector, key)

    @contextmanager
    def _across_processes(self, name: str) -> Iterator[None]:
        digest = hashlib.sha256(name.encode()).digest()
        if self._database.is_sqlite:
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / f"{digest.hex()[:16]}.lock").open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
            return
        number = int.from_bytes(digest[:8], "big", signed=True)
        with self._database.engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": number})
            connection.commit()
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": number})
                connection.commit()
