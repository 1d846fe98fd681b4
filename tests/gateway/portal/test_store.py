"""Links and counted calls in both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from formats.errors import ConflictError
from gateway.store import portal_calls, portal_links
from gateway.store.database import Database
from gateway.store.portal_calls import Kind

NOW = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
WINDOW = timedelta(minutes=10)


def test_a_link_ends_by_time_or_by_hand_and_never_comes_back(database: Database) -> None:
    with database.begin() as connection:
        ends = NOW + timedelta(days=1)
        link = portal_links.add(connection, "s", by="marit", ends_at=ends, now=NOW)
        assert link.holds(NOW)
        assert link.ends_at == ends.replace(microsecond=0)
        assert not link.holds(link.ends_at)
        assert not portal_links.revoke(connection, link.id, by="marit", now=ends)
        assert portal_links.revoke(connection, link.id, by="marit", now=NOW)
        assert not portal_links.revoke(connection, link.id, by="jan", now=NOW)
        found = portal_links.get(connection, link.id)
        assert found is not None
        assert (found.revoked_by, found.holds(NOW)) == ("marit", False)


def test_a_message_takes_one_link_only(database: Database) -> None:
    """The database itself refuses a second one; those made by hand have no message."""
    ends = NOW + timedelta(days=1)
    with database.begin() as connection:
        link = portal_links.add(connection, "s", by="gateway", ends_at=ends, now=NOW, message_id="m-1")
        for _ in range(2):
            portal_links.add(connection, "s", by="marit", ends_at=ends, now=NOW)
    with pytest.raises(ConflictError), database.begin() as connection:
        portal_links.add(connection, "s", by="gateway", ends_at=ends, now=NOW, message_id="m-1")
    with database.read() as connection:
        assert portal_links.of_message(connection, "m-1") == link
        assert portal_links.of_message(connection, "m-2") is None
        assert portal_links.of_message(connection, "") is None
        assert [one.message_id for one in portal_links.of(connection, "s")].count("") == 2


def test_openings_are_counted(database: Database) -> None:
    with database.begin() as connection:
        link = portal_links.add(connection, "s", by="marit", ends_at=NOW + WINDOW, now=NOW)
        for minutes in (1, 2):
            portal_links.opened(connection, link.id, now=NOW + timedelta(minutes=minutes))
        (found,) = portal_links.of(connection, "s")
    assert (found.openings, found.opened_at) == (2, NOW + timedelta(minutes=2))


def test_calls_are_counted_in_windows_for_each_caller(database: Database) -> None:
    def count(minutes: int, bucket: int = 7, kind: Kind = Kind.ADDRESS) -> int:
        with database.begin() as connection:
            now = NOW + timedelta(minutes=minutes)
            return portal_calls.count(connection, kind, bucket, window=WINDOW, now=now)

    assert [count(0), count(1), count(9)] == [1, 2, 3]
    assert count(1, bucket=8) == 1
    assert count(1, kind=Kind.LINK) == 1
    assert count(10) == 1


def test_the_limit_holds_until_its_window_is_over(database: Database) -> None:
    with database.begin() as connection:
        for _ in range(3):
            portal_calls.count(connection, Kind.LINK, 1, window=WINDOW, now=NOW)
    with database.read() as connection:

        def until(most: int, minutes: int = 0) -> datetime | None:
            now = NOW + timedelta(minutes=minutes)
            return portal_calls.rests_until(connection, Kind.LINK, 1, most=most, window=WINDOW, now=now)

        assert until(4) is None
        assert until(3) == NOW + WINDOW
        assert until(3, minutes=10) is None
