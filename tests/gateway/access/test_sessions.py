"""Sessions and tokens end when they must."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from formats.errors import ConfigError
from gateway.access.rights import ALL_COMPANIES, Right, Role
from gateway.store import people, sessions, tokens
from gateway.store.database import Database
from gateway.store.people import Person
from gateway.store.tables import api_tokens
from gateway.store.tables import sessions as session_rows
from tests.gateway.access.conftest import NOW


def test_a_session_ends_after_half_an_hour_without_a_request(database: Database, clerk: Person) -> None:
    with database.begin() as connection:
        shown = sessions.open_for(connection, clerk.id, now=NOW)
        assert sessions.find(connection, shown, now=NOW + timedelta(minutes=29))[0]
        sessions.seen(connection, shown, now=NOW + timedelta(minutes=29))
        assert sessions.find(connection, shown, now=NOW + timedelta(minutes=58))[0]
        assert sessions.find(connection, shown, now=NOW + timedelta(minutes=60)) == (None, False)


def test_a_session_ends_after_twelve_hours_in_any_case(database: Database, clerk: Person) -> None:
    with database.begin() as connection:
        shown = sessions.open_for(connection, clerk.id, now=NOW)
        late = NOW + timedelta(hours=12)
        sessions.seen(connection, shown, now=late - timedelta(minutes=1))
        assert sessions.find(connection, shown, now=late) == (None, False)
        assert sessions.forget_ended(connection, now=late) == 1


def test_a_request_is_noted_once_a_minute_at_most(database: Database, clerk: Person) -> None:
    with database.begin() as connection:
        shown = sessions.open_for(connection, clerk.id, now=NOW)
        assert not sessions.find(connection, shown, now=NOW + timedelta(seconds=59))[1]
        assert sessions.find(connection, shown, now=NOW + timedelta(seconds=60))[1]


def test_signing_out_and_another_password_end_sessions(database: Database, clerk: Person) -> None:
    with database.begin() as connection:
        first, second = (sessions.open_for(connection, clerk.id, now=NOW) for _ in range(2))
        sessions.end(connection, first)
        assert sessions.find(connection, first, now=NOW) == (None, False)
        assert sessions.find(connection, second, now=NOW)[0]
        people.set_password(connection, clerk.id, "another hash")
        assert sessions.find(connection, second, now=NOW) == (None, False)


def test_what_browsers_and_programs_show_is_not_in_the_database(database: Database, clerk: Person) -> None:
    with database.begin() as connection:
        shown = sessions.open_for(connection, clerk.id, now=NOW)
        _, token = tokens.make(
            connection,
            "reports",
            {ALL_COMPANIES: frozenset({Right.SEE_INVOICES})},
            made_by="it",
            ends_at=NOW + timedelta(days=1),
            now=NOW,
        )
        rows = [*connection.execute(select(session_rows)), *connection.execute(select(api_tokens))]
    assert shown not in str(rows)
    assert token not in str(rows)


def test_a_token_opens_what_it_is_for_until_it_ends(database: Database) -> None:
    with database.begin() as connection:
        key, shown = tokens.make(
            connection,
            "shop",
            {"vandael": frozenset({Right.PUSH_DOCUMENTS})},
            made_by="it",
            ends_at=NOW + timedelta(days=90),
            now=NOW,
        )
        actor = tokens.actor_of(connection, shown, now=NOW)[0]
        assert actor is not None
        assert actor.may(Right.PUSH_DOCUMENTS, "vandael")
        assert not actor.may(Right.SEE_INVOICES, "vandael")
        assert not actor.may(Right.PUSH_DOCUMENTS, "veldhoek")
        assert tokens.actor_of(connection, shown, now=NOW + timedelta(days=90))[0] is None
        assert tokens.actor_of(connection, shown[:-1], now=NOW)[0] is None
        assert tokens.actor_of(connection, "", now=NOW)[0] is None
        assert tokens.end(connection, key, now=NOW)
        assert not tokens.end(connection, key, now=NOW)
        assert tokens.actor_of(connection, shown, now=NOW)[0] is None


def test_a_changed_role_counts_from_the_next_request_on(database: Database, clerk: Person) -> None:
    with database.begin() as connection:
        shown = sessions.open_for(connection, clerk.id, now=NOW)
        people.grant(connection, clerk.id, {"vandael": Role.VIEWER})
        session, _ = sessions.find(connection, shown, now=NOW)
    assert session is not None
    assert not session.person.actor.may(Right.ACT_ON_INVOICES, "vandael")


def test_the_last_administrator_stays(database: Database) -> None:
    with database.begin() as connection:
        first, second = (
            people.add(connection, name, name, {"*": Role.ADMINISTRATOR}, language="en", now=NOW)
            for name in ("first", "second")
        )
        people.end(connection, first.id, now=NOW)
        with pytest.raises(ConfigError, match="last administrator"):
            people.end(connection, second.id, now=NOW)


def test_a_login_is_somebody_s_once(database: Database, clerk: Person) -> None:
    with database.begin() as connection, pytest.raises(ConfigError, match="login already"):
        people.add(connection, clerk.login.upper(), "Another", {}, language="en", now=NOW)
