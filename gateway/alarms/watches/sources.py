"""Sources that cannot be read, do not give or take what else they are asked for, or are left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from gateway.alarms.model import Found
from gateway.alarms.watches import patience
from gateway.store import sides, sources
from gateway.store.sides import Errand
from gateway.wiring import Gateway

__all__ = ["watch"]

# What is not done; news that is not taken is an alarm of its own kind.
_WORDS: Final[Mapping[Errand, str]] = MappingProxyType(
    {
        Errand.COLLECT: "cannot be read",
        Errand.PARTIES: "does not give its buyers",
        Errand.PAYMENTS: "does not say what was paid",
        Errand.POST: "takes no payments",
    }
)


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """What IT has to mend at once; what may heal by itself after the minutes of the settings."""
    for left in gateway.settings.left_out:
        yield Found(left.name, now, f"{left.name} is left out: {left.problem.what}", left.problem.fix)
    if gateway.not_taken_up is not None:
        since, error = gateway.not_taken_up
        told = f"what was changed in the configuration is not taken up: {error.what} ({error.where})"
        yield Found("configuration", since, told, error.fix)
    minutes = gateway.settings.alarms.source_minutes
    with gateway.database.read() as connection:
        found = sides.failing(connection)
        read_at = {one.name: sources.get(connection, one.name).read_at for one in gateway.settings.sources}
    for spec in gateway.settings.sources:
        failing = [one for one in found.get(sides.source(spec.name), ()) if one.errand in _WORDS]
        worst = patience.told(failing, minutes, now)
        if worst is None:
            continue
        last = ""
        if worst.errand is Errand.COLLECT:
            at = read_at[spec.name]
            last = f", last read {at:%d %B %Y, %H:%M} UTC" if at else ", never read"
        yield Found(
            subject=spec.name,
            since=worst.since,
            sentence=f"{spec.name} {_WORDS[worst.errand]}{last}: {worst.what}",
            fix=(f"{worst.fix}; " if worst.fix else "") + f"gateway check {spec.name} says what is wrong",
            company=spec.company,
            level=patience.level(worst),
        )
