"""Which file holds which command; one is loaded when a command of its is called, so that each starts fast."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

import typer
from typer.core import TyperGroup

__all__ = ["FILES", "Commands"]

# In the order of --help. A file either registers commands of its own or is a group of them (`app`).
FILES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "setup": ("init", "check"),
        "connect": ("connect",),
        "rounds": ("run", "pull", "process"),
        "invoices": ("status", "trace", "retry", "resolve"),
        "documents": ("convert", "render"),
        "signatures": ("verify-signature",),
        "keys": ("keys",),
        "validate": ("validate",),
        "explain": ("explain",),
        "sandbox": ("sandbox",),
        "demo": ("demo",),
        "audit": ("audit",),
        "rules": ("rules",),
        "mappings": ("mappings",),
        "routing": ("routing",),
        "connectors": ("connector-test",),
        "parties": ("parties",),
        "peppol": ("peppol",),
        "inbox": ("inbox",),
        "people": ("people",),
        "tokens": ("tokens",),
        "changes": ("changes",),
        "alarms": ("alarms",),
        "webhooks": ("webhooks",),
        "portal": ("portal",),
    }
)
_OWNERS: Final = MappingProxyType({name: file for file, names in FILES.items() for name in names})


class Commands(TyperGroup):
    """The commands of FILES, each loaded when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_OWNERS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        owner = _OWNERS.get(cmd_name)
        if owner is None:
            return None
        module = import_module(f"gateway.cli.{owner}")
        holder = typer.Typer(rich_markup_mode=None)
        if hasattr(module, "register"):
            module.register(holder)
        else:
            holder.add_typer(module.app, name=owner)
        return typer.main.get_group(holder).commands[cmd_name]
