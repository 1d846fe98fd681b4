"""The monthly statistics count what was exchanged, and the nightly watch says who moved."""

from __future__ import annotations

from datetime import UTC, datetime

from formats.statistics import end_users, transactions
from formats.statistics.exchange import Month
from gateway.peppol import drift, statistics
from gateway.pipeline.submission import State
from gateway.store import receivers, signals
from tests.gateway.peppol.conftest import Site
from tests.gateway.stories import billing


def exchanged(site: Site) -> None:
    """One invoice each way."""
    site.put(billing("90000214"))
    site.until(lambda: site.state("90000214") is State.DELIVERED)
    assert site.invoice("IN-1").delivered
    site.network.idle()
    site.until(lambda: site.settled() and len(site.items()) >= 2)


def test_both_reports_hold_and_count_what_was_exchanged(site: Site) -> None:
    exchanged(site)
    month = Month.of(site.gateway.clock())
    with site.gateway.database.read() as connection:
        traffic, users = statistics.make(connection, site.channel, month)
        (empty, nobody) = statistics.make(connection, site.channel, Month(2020, 1))
    assert traffic.holds
    assert users.holds
    assert empty.holds
    assert nobody.holds
    incoming, outgoing = transactions.read(traffic.content).totals
    assert outgoing >= 1
    assert incoming >= 2
    assert transactions.read(empty.content).totals == (0, 0)
    sending, receiving, _ = end_users.read(users.content).totals
    assert sending >= 1
    assert receiving >= 1


def test_reports_are_queued_once_a_month(site: Site) -> None:
    month = Month.of(datetime(2026, 10, 5, tzinfo=UTC))
    with site.gateway.database.begin() as connection:
        made = statistics.make(connection, site.channel, month)
        assert [statistics.queue(connection, site.gateway, site.channel, one) for one in made] == [True, True]
        assert [statistics.queue(connection, site.gateway, site.channel, one) for one in made] == [
            False,
            False,
        ]
        assert statistics.queue(connection, site.gateway, site.channel, made[0], again="mended")
        assert len(signals.listing(connection)) == 3


def test_the_test_network_is_not_reported(site: Site) -> None:
    assert statistics.queue_when_due(site.gateway, site.channel) == 0


def test_the_watch_says_who_moved_and_who_stopped(site: Site) -> None:
    exchanged(site)
    (first,) = drift.watch(site.gateway)
    assert first.drifts == ()
    site.network.registers.register(first.participant, access_point="ap3")
    (moved,) = drift.watch(site.gateway)
    assert "moved to another access point" in {str(one.change) for one in moved.drifts}
    site.network.registers.forget(first.participant)
    (gone,) = drift.watch(site.gateway)
    assert [str(one.change) for one in gone.drifts] == ["stopped receiving"]
    with site.gateway.database.read() as connection:
        (known,) = receivers.listing(connection, only_drifted=True)
    assert known.participant == first.participant
    assert "stopped receiving" in known.drift
    assert "receiver changed" in site.events()
