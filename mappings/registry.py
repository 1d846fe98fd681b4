"""The mapping files that come with the gateway and with plug-ins; a company's own lie in its config folder.

A plug-in names the package that holds its file (`formats.plugins`, group "mappings"); code tables lie beside
it in `tables/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from types import ModuleType
from typing import Final, cast

from formats import plugins
from formats.errors import ConfigError
from mappings.as_is import AS_IS, AsIs
from mappings.compiler import compile_mapping
from mappings.engine import CompiledMapping

__all__ = ["MAPPINGS", "library", "load", "mapper", "names", "texts"]

MAPPINGS: Final = (
    "sap_invoic02",
    "sap_billing_document",
    "exact_online",
    "netsuite",
    "netsuite_rest",
    "tryton",
    "odoo",
    "csv_invoice",
    "json_invoice",
)


def names() -> tuple[str, ...]:
    """All mappings that `load` knows, those of plug-ins included."""
    return tuple(sorted(_claims()))


def mapper(name: str, own: Mapping[str, str] | None = None) -> CompiledMapping | AsIs:
    """As `load`, for documents that need no mapping as well: `ubl`, `cii` and `einvoice` are names of
    `mappings.as_is`, unless a file of one's own is called so."""
    if name in AS_IS and f"{name}.yaml" not in (own or {}):
        return AS_IS[name]
    return load(name, own)


def library() -> dict[str, str]:
    """All YAML texts of this package by file name, code tables included."""
    return dict(_files("mappings"))


def texts(needed: str = "") -> dict[str, str]:
    """The library with the files of all plug-ins that can be used; the one of the mapping `needed` must be.

    Raises ConfigError where that one cannot, or where two packages bring the same file with different texts.
    """
    found = library()
    claims = _claims()
    for name in sorted(claims):
        for file, text in _added(claims[name], needed=name == needed).items():
            if found.setdefault(file, text) != text and name == needed:
                raise ConfigError(
                    f"the file {file} of {claims[name][-1].package} is there already with another content",
                    where="plug-ins, einvoicing_gateway.mappings",
                    fix="give the file in the plug-in another name",
                )
    return found


def load(name: str, own: Mapping[str, str] | None = None) -> CompiledMapping:
    """The mapping `name`; `own` files (by file name) come on top of those of the package.

    Raises ConfigError with file, line and remedy, also for a plug-in that cannot be used.
    """
    return compile_mapping(name, {**texts(name), **(own or {})})


def _claims() -> dict[str, tuple[plugins.PlugIn, ...]]:
    return plugins.merged("mappings", dict.fromkeys(MAPPINGS, "mappings"))


def _added(claims: tuple[plugins.PlugIn, ...], *, needed: bool) -> dict[str, str]:
    """The files that a plug-in brings; none of a broken one that is not `needed`."""
    if len(claims) == 1 and claims[0].package == plugins.OURS:
        return {}
    try:
        home = cast(ModuleType, plugins.load(claims))
        files = plugins.attempt(claims[0], lambda: dict(_files(home.__name__)))
        if f"{claims[0].name}.yaml" not in files:
            raise ConfigError(
                f"the plug-in {claims[0].package} names a mapping {claims[0].name} that it does not bring",
                where=f"einvoicing_gateway.mappings, {claims[0].place}",
                fix=f"put {claims[0].name}.yaml into that package, and among its package data",
            )
    except ConfigError:
        if needed:
            raise
        return {}
    return files


def _files(package: str) -> Iterator[tuple[str, str]]:
    home = resources.files(package)
    for prefix, folder in (("", home), ("tables/", home.joinpath("tables"))):
        if folder.is_dir():
            for file in folder.iterdir():
                if file.name.endswith(".yaml"):
                    yield f"{prefix}{file.name}", file.read_text("utf-8")
