"""Plug-ins as people see them: who added what, and whether it can be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from connectors import registry
from connectors.base import CheckStep
from connectors.conformance.registry import trial
from connectors.sandbox.registry import added
from formats import plugins
from formats.errors import ConfigError
from mappings import registry as mapping_registry

__all__ = ["plugin_steps"]

_USED: Final[Mapping[str, Callable[[str], object]]] = MappingProxyType(
    {
        "erps": lambda name: registry.settings_of(registry.erp(name)),
        "channels": lambda name: registry.settings_of(registry.channel(name)),
        "mappings": mapping_registry.load,
        "sandboxes": added,
        "trials": trial,
    }
)


def plugin_steps() -> Iterator[CheckStep]:
    """One step for each thing that another package adds: loaded as it would be when it is used."""
    for one in plugins.entries():
        title = f"{one.group.removesuffix('s')} {one.name}"
        try:
            _USED[one.group](one.name)
        except ConfigError as error:
            yield CheckStep(title, False, f"{error.what} ({error.where})", error.fix)
        else:
            yield CheckStep(title, True, f"from {one.package}")
