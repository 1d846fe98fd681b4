"""The imitated systems there are, one line each: name, class, and its first port above the world's base port.

Classes are loaded when a world is made with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Final, cast

from connectors.sandbox.system import ImitatedSystem

__all__ = ["BASE_PORT", "SYSTEMS", "Imitation"]

BASE_PORT: Final = 47000


@dataclass(frozen=True, slots=True)
class Imitation:
    """One imitated system: `place` is `module:Class`, `ports` how many ports in a row it listens on."""

    name: str
    place: str
    offset: int
    ports: int = 1

    def make(self, port: int) -> ImitatedSystem:
        """The system, not yet started, on this port (0 for any free one)."""
        module, _, name = self.place.partition(":")
        made_by = cast(Callable[[int], ImitatedSystem], getattr(import_module(module), name))
        return made_by(port)


SYSTEMS: Final = (
    Imitation("sap", "connectors.sandbox.sap:ImitatedSap", 10),
    Imitation("exact", "connectors.sandbox.exact_online:ImitatedExactOnline", 20),
    Imitation("netsuite", "connectors.sandbox.netsuite:NetSuiteSandbox", 30),
    Imitation("provider", "connectors.sandbox.provider:ImitatedProvider", 40),
    Imitation("mail", "connectors.sandbox.mail:ImitatedMail", 50, ports=2),
)
