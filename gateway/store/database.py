"""The database: SQLite in WAL mode out of the box, PostgreSQL by another address; errors in our own words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, StatementError

from formats.errors import ConfigError, ConflictError, MalformedDocument, StorageError

__all__ = ["Database"]

_READING: Final = "gateway_reading"
_BUSY_SECONDS: Final = 30
# PostgreSQL: disk_full, out_of_memory, too many connections, and the server going down.
_STORAGE_STATES: Final = ("53", "57", "58", "08")
_CONFLICT_STATES: Final = ("40001", "40P01", "55P03", "23505")


class Database:
    """Transactions on one database address.

    `begin` gives a writing transaction that is committed at the end of the block or rolled back by any error;
    `read` gives a consistent view. Raises StorageError when the database cannot take or give data (full disk,
    server gone), ConflictError when another process was faster, MalformedDocument for a text, number or
    moment that it cannot hold.
    """

    def __init__(self, address: str) -> None:
        self.engine = _engine(address)
        self._where = make_url(address).render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with self._plain_words(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._plain_words(), self.engine.connect() as connection:
            yield connection.execution_options(**{_READING: True})

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _plain_words(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise ConflictError(
                "the same row was written by another process", where=self._where, fix="read again and repeat"
            ) from error
        except (DataError, OverflowError) as error:
            raise self._not_storable() from error
        except DBAPIError as error:
            state = str(getattr(error.orig, "sqlstate", "") or "")
            text = str(error.orig).splitlines()[0] if error.orig else "no answer"
            if state in _CONFLICT_STATES or (isinstance(error, OperationalError) and "locked" in text):
                raise ConflictError(
                    "another process holds the database", where=self._where, fix="read again and repeat"
                ) from error
            if "malformed" in text or "not a database" in text or "decode to UTF-8" in text:
                raise StorageError(
                    f"the database file is damaged: {text[:200]}",
                    where=self._where,
                    fix="stop the gateway and restore the database from a backup",
                ) from error
            if isinstance(error, OperationalError) or state.startswith(_STORAGE_STATES):
                raise StorageError(
                    f"the database cannot store or read: {text}",
                    where=self._where,
                    fix="free disk space or start the database server; nothing was half written",
                ) from error
            raise
        except StatementError as error:
            if isinstance(error.orig, OverflowError):
                raise self._not_storable() from error
            raise

    def _not_storable(self) -> MalformedDocument:
        return MalformedDocument(
            "a text, number or moment is none that the database can hold",
            where=self._where,
            fix="look for zero bytes, and for numbers and dates that are far too large",
        )


def _engine(address: str) -> Engine:
    url = make_url(address)
    if url.get_backend_name() == "postgresql" and url.drivername != "postgresql":
        url = url.set(drivername="postgresql")  # one driver is tested and installed
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(
            f"{url.get_backend_name()} is not a database that the gateway knows",
            where="gateway.yaml, database",
            fix="write sqlite:///path/gateway.db or postgresql://user@host/name",
        )
    if url.get_backend_name() == "postgresql":
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)
    if url.database:
        file = Path(url.database)
        file.parent.mkdir(parents=True, exist_ok=True)
        # Invoices and logins are in it: for this user only, like the files that SQLite puts beside it.
        file.touch(mode=0o600)
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own way to begin transactions would take the write lock too late (see `_begin_sqlite`).
    connection.isolation_level = None
    # A text that is no longer UTF-8 was tampered with: the audit must be able to read it in order to say so.
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE: whoever means to write takes the lock first, instead of failing in the middle.
    reading = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
