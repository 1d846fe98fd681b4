"""The imitated systems there are, one line each: name, class, and its first port above the world's base port.

Classes are loaded when a world is made with them. Other packages add theirs by entry points
(`formats.plugins`, group "sandboxes", each an `Imitation`), with a place of their own from 100 upwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Final, cast

from connectors.sandbox.system import ImitatedSystem
from formats import plugins
from formats.errors import ConfigError

__all__ = ["BASE_PORT", "SYSTEMS", "Imitation", "added", "systems"]

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
    Imitation("s4", "connectors.sandbox.s4:ImitatedS4", 60),
    Imitation("odoo", "connectors.sandbox.odoo:ImitatedOdoo", 70),
    Imitation("files", "connectors.sandbox.files:ImitatedExport", 80),
    Imitation("peppol", "connectors.sandbox.peppol.desk:PeppolDesk", 90, ports=2),
    Imitation("provider-rest", "connectors.sandbox.provider_rest:ImitatedProviderRest", 95),
)


def added(name: str) -> Imitation:
    """The imitation that a plug-in brings under this name. Raises ConfigError where it cannot be used."""
    claims = plugins.merged("sandboxes", {one.name: one.place for one in SYSTEMS})[name]
    found = plugins.load(claims)
    where = f"einvoicing_gateway.sandboxes, {claims[-1].place}"
    if not isinstance(found, Imitation) or found.name != name:
        raise ConfigError(
            f"the plug-in {name} of {claims[-1].package} names no Imitation called {name}",
            where=where,
            fix="let the entry point name a value of connectors.sandbox.registry.Imitation",
        )
    others = [one for one in SYSTEMS if one.offset < found.offset + found.ports]
    taken = [one.name for one in others if found.offset < one.offset + one.ports]
    if taken or not 1 <= found.offset <= 900:
        raise ConfigError(
            f"the imitated system {name} of {claims[-1].package} has no free place at {found.offset}"
            + (f", which {taken[0]} has" if taken else ""),
            where=where,
            fix="choose another offset, from 100 to 900",
        )
    return found


def systems() -> tuple[Imitation, ...]:
    """All imitated systems, those of plug-ins that can be used included."""
    found = list(SYSTEMS)
    for name in sorted({one.name for one in plugins.entries("sandboxes")}):
        try:
            one = added(name)
        except ConfigError:
            continue  # `gateway check` tells
        if all(one.offset + one.ports <= two.offset or two.offset + two.ports <= one.offset for two in found):
            found.append(one)
    return tuple(found)
