"""Databases with the current schema, made once in each test process and copied: migrating each anew takes
longer than most tests."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text

from gateway.store import schema
from gateway.store.database import Database

_SERVER = "GATEWAY_TEST_POSTGRES"


def sqlite_copy(file: Path) -> str:
    """The address of a new SQLite database in this file, up to date and empty."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_sqlite(), file)
    file.chmod(0o600)
    return f"sqlite:///{file}"


@contextmanager
def postgres(*, migrated: bool) -> Iterator[str]:
    """The address of a new PostgreSQL database, dropped at the end; with the current schema if `migrated`."""
    name = f"gateway_{uuid.uuid4().hex[:12]}"
    template = f" TEMPLATE {_postgres()}" if migrated else ""
    with _administration() as connect, connect.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}{template}"))
    yield _address(name)
    _drop(name)


@cache
def _sqlite() -> Path:
    file = Path(tempfile.mkdtemp(prefix="prepared-")) / "gateway.db"
    atexit.register(shutil.rmtree, file.parent, ignore_errors=True)
    with closing(Database(f"sqlite:///{file}")) as database:
        schema.upgrade(database)
    return file


@cache
def _postgres() -> str:
    name = f"gateway_template_{os.getpid()}_{uuid.uuid4().hex[:6]}"
    with _administration() as engine, engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    atexit.register(_drop, name)
    with closing(Database(_address(name))) as database:
        schema.upgrade(database)
    return name


@contextmanager
def _administration() -> Iterator[Engine]:
    url = make_url(os.environ[_SERVER]).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


def _address(name: str) -> str:
    return make_url(os.environ[_SERVER]).set(database=name).render_as_string(hide_password=False)


def _drop(name: str) -> None:
    with _administration() as engine, engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
