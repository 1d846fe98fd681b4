"""Bringing a database to the schema of this release."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from formats.errors import ConfigError
from gateway.store.database import Database

__all__ = ["upgrade"]

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x45_49_4E_56


def upgrade(database: Database) -> None:
    """Apply what is missing, in one transaction; nothing happens on a current database, and two processes
    that start together do it once.

    Raises ConfigError for a database of a newer release.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    with database.read() as connection:
        if _revision(connection) == head:
            return
    with database.begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise ConfigError(
                f"the database was written by a newer release ({_revision(connection)})",
                where="database",
                fix="install that release, or restore the backup made before the upgrade",
            ) from error


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
