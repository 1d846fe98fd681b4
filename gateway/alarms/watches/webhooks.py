"""Webhooks that nobody answers, or whose events were given up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from gateway.alarms.model import Found
from gateway.store import webhooks
from gateway.wiring import Gateway

__all__ = ["watch"]

_FAILURES: Final = 5


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """One finding for each; one level higher once events were given up."""
    with gateway.database.read() as connection:
        found = [(one, webhooks.standing(connection, one.id)) for one in webhooks.listing(connection)]
    for one, standing in found:
        if not standing.parked and one.failures < _FAILURES:
            continue
        given_up = f", {standing.parked} given up" if standing.parked else ""
        yield Found(
            subject=one.name if one.configured else f"{one.name} ({one.id[:8]})",
            since=standing.oldest or now,
            sentence=f"The webhook {one.name} does not take its events, {standing.waiting} wait{given_up}: "
            f"{one.sentence or 'it was out of reach for too long'}",
            fix=f"mend the receiver; gateway webhooks replay {one.name} sends again what was given up",
            level=int(standing.parked > 0),
        )
