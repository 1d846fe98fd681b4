"""The access points that are configured, by what they do."""

from __future__ import annotations

from connectors.channels.peppol.channel import Peppol
from gateway.wiring import Gateway

__all__ = ["all_of", "named", "receiving"]


def all_of(gateway: Gateway) -> tuple[Peppol, ...]:
    """Every access point of our own. Raises ConfigError where one cannot be made."""
    kinds = [channel.name for channel in gateway.settings.channels if channel.kind == "peppol"]
    found = (gateway.channel(name) for name in kinds)
    return tuple(channel for channel in found if isinstance(channel, Peppol))


def named(gateway: Gateway, name: str) -> Peppol | None:
    """The access point of this name; None where it is no longer configured."""
    return next((channel for channel in all_of(gateway) if channel.name == name), None)


def receiving(gateway: Gateway) -> tuple[Peppol, ...]:
    """Those that also receive."""
    return tuple(channel for channel in all_of(gateway) if channel.settings.receive)
