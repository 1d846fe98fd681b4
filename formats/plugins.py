"""Plug-ins: what other packages add by Python entry points, found without loading any of it.

A package names what it adds in groups of its metadata ("einvoicing_gateway.erps"); installing it is all there
is to do. Nothing that is built in can be replaced: a name that two packages claim can be used by neither,
and says so. Source: the entry points specification of the Python packaging guide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from typing import Final, TypeVar

from formats.errors import ConfigError

__all__ = ["GROUPS", "OURS", "PlugIn", "attempt", "entries", "forget", "load", "merged"]

_PREFIX: Final = "einvoicing_gateway."
# What can be added, and what the value of an entry point names.
GROUPS: Final[Mapping[str, str]] = {
    "erps": "the class of an ErpConnector, by its kind",
    "channels": "the class of a Channel, by its kind",
    "mappings": "the package that holds <name>.yaml and its tables/",
    "sandboxes": "an Imitation (connectors.sandbox.registry), by its name",
    "trials": "the class of a Trial (connectors.conformance.trial), by the kind of connector",
}
OURS: Final = "the gateway itself"
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class PlugIn:
    """One name of one group: `place` is "module:attribute" or "module", `package` who brings it."""

    group: str
    name: str
    place: str
    package: str


@cache
def _installed() -> tuple[PlugIn, ...]:
    found = {
        PlugIn(group, point.name, point.value.replace(" ", ""), _package(point))
        for group in GROUPS
        for point in metadata.entry_points(group=_PREFIX + group)
    }
    return tuple(sorted(found, key=lambda one: (one.group, one.name, one.package)))


def _package(point: metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unnamed package"


def forget() -> None:
    """Look again at what is installed; for programs that install something while they run."""
    _installed.cache_clear()


def entries(group: str = "") -> tuple[PlugIn, ...]:
    """The plug-ins of one group, or all, in the order of group and name; none is loaded."""
    return tuple(one for one in _installed() if group in ("", one.group))


def merged(group: str, own: Mapping[str, str]) -> dict[str, tuple[PlugIn, ...]]:
    """Each name of one group with all who claim it: `own` names (to their places) first, then those of
    plug-ins."""
    claims: dict[str, tuple[PlugIn, ...]] = {
        name: (PlugIn(group, name, place, OURS),) for name, place in own.items()
    }
    for one in entries(group):
        claims[one.name] = (*claims.get(one.name, ()), one)
    return claims


def load(claims: tuple[PlugIn, ...]) -> object:
    """What the one claimant of a name offers: an attribute of a module, or the module.

    Raises ConfigError where several claim it, naming them, and where the plug-in cannot be loaded.
    """
    if len(claims) > 1:
        both = " and ".join(f"{one.package} ({one.place})" for one in claims)
        raise ConfigError(
            f"the name {claims[0].name} is claimed by {both}",
            where=f"plug-ins, {_PREFIX}{claims[0].group}",
            fix="remove one of the packages; a plug-in cannot take a name that is in use",
        )
    (one,) = claims
    module, _, attribute = one.place.partition(":")
    if one.package == OURS:
        return getattr(import_module(module), attribute) if attribute else import_module(module)
    return attempt(one, lambda: _loaded(module, attribute))


def attempt(plug_in: PlugIn, work: Callable[[], _Made]) -> _Made:
    """Do `work` with foreign code; whatever goes wrong there becomes a ConfigError that names the package."""
    try:
        return work()
    except ConfigError:
        raise
    except Exception as error:  # foreign code can raise anything, and must not stop the rest
        raise ConfigError(
            f"the plug-in {plug_in.name} of {plug_in.package} cannot be used "
            f"({type(error).__name__}: {str(error)[:200]})",
            where=f"{_PREFIX}{plug_in.group}, {plug_in.place}",
            fix="update or remove the package; everything else goes on without it",
        ) from error


def _loaded(module: str, attributes: str) -> object:
    found: object = import_module(module)
    for name in filter(None, attributes.split(".")):
        found = getattr(found, name)
    return found
