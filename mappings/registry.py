"""The mapping files that come with the gateway; a company's own files lie in its config folder."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Final

from mappings.compiler import compile_mapping
from mappings.engine import CompiledMapping

__all__ = ["MAPPINGS", "library", "load"]

MAPPINGS: Final = ("sap_invoic02", "exact_online", "netsuite")


def library() -> dict[str, str]:
    """All YAML texts of this package by file name, code tables included."""
    home = resources.files("mappings")
    return {
        f"{prefix}{file.name}": file.read_text("utf-8")
        for prefix, folder in (("", home), ("tables/", home.joinpath("tables")))
        for file in folder.iterdir()
        if file.name.endswith(".yaml")
    }


def load(name: str, own: Mapping[str, str] | None = None) -> CompiledMapping:
    """The mapping `name`; `own` files (by file name) come on top of those of the package.

    Raises ConfigError with file, line and remedy.
    """
    return compile_mapping(name, {**library(), **(own or {})})
