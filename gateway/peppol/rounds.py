"""The errands of our own access points, by the clock: incoming, answers, reports, the looks at certificates
and buyers."""

from __future__ import annotations

import structlog

from gateway.peppol import access_points, drift, incoming, signals, statistics, statuses
from gateway.wiring import Gateway

__all__ = ["nightly", "refresh_revocation", "work"]

_log = structlog.get_logger("peppol")


def work(gateway: Gateway) -> int:
    """Take in what came, remind of statuses that are due, send what is queued; returns how much was done.
    Nothing where no access point is configured."""
    if not any(channel.kind == "peppol" for channel in gateway.settings.channels):
        return 0
    return incoming.work(gateway) + statuses.remind(gateway) + signals.send_due(gateway)


def refresh_revocation(gateway: Gateway) -> int:
    """Renew revocation lists before they end, so that no message waits for one; say what of exchanged keys
    and authorities could not be taken."""
    now = gateway.clock()
    renewed = 0
    for channel in access_points.all_of(gateway):
        renewed += len(channel.network.refresh_revocation(now))
        for problem in channel.network.problems:
            _log.warning("not taken, the one before counts", where=problem.where, what=problem.what)
    return renewed


def nightly(gateway: Gateway) -> int:
    """Look at all buyers, and queue the reports of the month before; returns how many buyers changed."""
    for channel in access_points.all_of(gateway):
        statistics.queue_when_due(gateway, channel)
    return sum(bool(seen.drifts) for seen in drift.watch(gateway))
