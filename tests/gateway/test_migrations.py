"""A database of an earlier release is brought up to date with what is in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text

from gateway.store import budgets, journal, schema
from gateway.store.database import Database

MIGRATIONS = Path(schema.__file__).parent / "migrations"


def test_the_first_release_keeps_its_rows(empty_database_address: str) -> None:
    database = Database(empty_database_address)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    now = datetime(2026, 11, 1, tzinfo=UTC)
    with database.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with database.begin() as connection:
        journal.append(connection, "collected", {"source": "sap"}, now=now)
        columns = [column["name"] for column in inspect(connection).get_columns("submissions")]
        assert "judged_under" not in columns
        numbers = {"version", "failures", "arrival", "part", "route"}
        moments = {"received_at", "changed_at"}
        nullable = {"due_at", "claimed_until", "issue_date", "amount", "sent_at"}
        values = {
            name: 1 if name in numbers else now.isoformat() if name in moments else "x"
            for name in columns
            if name not in nullable
        }
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        connection.execute(text(f"INSERT INTO submissions ({names}) VALUES ({marks})"), values)  # noqa: S608  # names of our own columns
    schema.upgrade(database)
    with database.read() as connection:
        assert connection.scalar(text("SELECT judged_under FROM submissions")) == ""
        assert journal.verify(connection) == (1, None)
    assert budgets.Budgets(database, lambda: now).standing() == ()
    database.close()
