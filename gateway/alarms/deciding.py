"""What people decide about alarms: that they look after one, so that it is not told again."""

from __future__ import annotations

from formats.errors import ConfigError
from gateway.store import alarms
from gateway.store.alarms import Alarm
from gateway.wiring import Gateway

__all__ = ["take"]

_LONGEST = 2_000


def take(gateway: Gateway, alarm: Alarm, *, by: str, reason: str = "") -> bool:
    """Note who looks after it, in the record too; it is told again only if it becomes worse. False where it
    is over, or somebody else was faster. Raises ConfigError without a name."""
    if not by.strip():
        raise ConfigError(
            "nobody is named who looks after it",
            where="alarm",
            fix="say who you are; it is kept in the record",
        )
    with gateway.database.begin() as connection:
        return alarms.take(
            connection, alarm, by=by.strip()[:100], reason=reason.strip()[:_LONGEST], now=gateway.clock()
        )
