"""A new source: from a filled form to a checked connection and a file in config/sources.

What the web may write is less than what a file may hold: secrets are files of the folder secrets/ that
nothing else uses, so that nobody sends the login of one system to the address of another.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from connectors import registry
from connectors.base import CheckStep, ConnectorSettings
from formats.errors import ConfigError, EInvoicingError
from gateway import config_file, settings
from gateway.access.source_form import filled
from gateway.config_file import ConfigProblems
from gateway.pipeline.foreign import contained
from gateway.settings import SourceSettings
from gateway.wiring import Gateway
from mappings import registry as mapping_registry
from mappings.as_is import AS_IS

__all__ = ["NewSource", "checked", "mappings_of", "read_form", "write"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_REFERENCE: Final = re.compile(r"file:([^\s\"']+)")
_MOST_STEPS: Final = 50


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source as the form describes it; `values` are the settings as they go into the file."""

    spec: SourceSettings
    values: Mapping[str, Any] = field(repr=False)


def mappings_of(gateway: Gateway) -> tuple[str, ...]:
    """The mappings that a source can name."""
    own = {name.removesuffix(".yaml") for name in gateway.settings.own_mappings if "/" not in name}
    return tuple(sorted({*mapping_registry.names(), *AS_IS, *own}))


def read_form(gateway: Gateway, form: Mapping[str, str]) -> NewSource:
    """The source that a filled form describes. Raises ConfigProblems with everything that is wrong in it."""
    problems: list[ConfigError] = []
    name, kind = form.get("name", "").strip(), form.get("kind", "")
    if kind not in registry.erp_kinds():
        raise ConfigError("this is not a kind of source", where="kind", fix="choose one of the list")
    if _NAME.fullmatch(name) is None:
        problems.append(
            ConfigError(
                "name: it is not written as it must be", where="name", fix="small letters, digits, dots"
            )
        )
    elif _taken(gateway, name):
        problems.append(
            ConfigError(f"there is a source {name} already", where="name", fix="choose another name")
        )
    for setting, known in (("mapping", mappings_of(gateway)), ("company", tuple(gateway.settings.companies))):
        if form.get(setting, "") not in known:
            problems.append(ConfigError(f"{setting} is missing", where=setting, fix="choose one of the list"))
    model = registry.settings_of(registry.erp(kind))
    values: dict[str, Any] = {}
    made: ConnectorSettings | None = None
    try:
        values = filled(model, form)
        _require_own_files(gateway, values)
        made = config_file.validated(model, CommentedMap(values), Path(f"sources/{name}.yaml"))
    except ConfigProblems as error:
        problems += error.problems
    except ConfigError as error:
        problems.append(error)
    if problems or made is None:
        raise ConfigProblems(problems)
    spec = SourceSettings(name, kind, form["mapping"], form["company"], 300.0, made)
    return NewSource(spec, values)


def checked(gateway: Gateway, source: NewSource) -> tuple[CheckStep, ...]:
    """What `gateway check` would say of it; nothing is written, here or there."""
    return (_mapping(gateway, source.spec), *_connection(gateway, source.spec))


def write(gateway: Gateway, source: NewSource, by: str) -> Path:
    """Write config/sources/NAME.yaml; the running gateway takes it up (`gateway.source_files`).

    Raises ConfigError where there is such a file, or the config folder would not be valid with it.
    """
    spec = source.spec
    file = gateway.settings.folder / "sources" / f"{spec.name}.yaml"
    file.parent.mkdir(exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(_text(gateway, source, by))
    except FileExistsError as error:
        raise ConfigError(
            "there is such a file already", where=file.name, fix="choose another name"
        ) from error
    except OSError as error:
        raise ConfigError(
            f"the file cannot be written: {error.strerror}",
            where=f"sources/{file.name}",
            fix="let the gateway write into the folder sources/, or write the file yourself",
        ) from error
    try:
        settings.read(gateway.settings.folder)
    except ConfigError:
        file.unlink()
        raise
    return file


def _taken(gateway: Gateway, name: str) -> bool:
    known = {one.name for one in gateway.settings.sources} | {one.name for one in gateway.settings.channels}
    left_out = {one.name for one in gateway.settings.left_out}
    return name in known | left_out or (gateway.settings.folder / "sources" / f"{name}.yaml").exists()


def _require_own_files(gateway: Gateway, values: Mapping[str, Any]) -> None:
    folder = gateway.settings.folder.resolve()
    used = _used_secrets(folder)
    for path, value in _leaves(values):
        if value.startswith("file:") and value.removeprefix("file:") in used:
            raise ConfigError(
                "another part of the configuration uses this secret",
                where=path,
                fix="put the login of this source into a file of its own in secrets/",
            )
        reached = (folder / value).resolve()
        if reached == folder or reached.is_relative_to(folder / "secrets"):
            raise ConfigError(
                "this leads into the gateway's own files", where=path, fix="name another folder"
            )


def _leaves(values: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(values, Mapping):
        found = [_leaves(value, f"{path}.{name}".lstrip(".")) for name, value in values.items()]
        return [leaf for leaves in found for leaf in leaves]
    if isinstance(values, list):
        return [leaf for value in values for leaf in _leaves(value, path)]
    return [(path, values)] if isinstance(values, str) and len(values) < 1000 else []


def _used_secrets(folder: Path) -> set[str]:
    """Every file that some YAML of the config folder names as a secret, and the gateway's own key."""
    found = {"secrets/web-key"}
    for file in folder.rglob("*.yaml"):
        if "samples" not in file.parts:
            found.update(_REFERENCE.findall(file.read_text("utf-8", "replace")))
    return found


def _mapping(gateway: Gateway, spec: SourceSettings) -> CheckStep:
    try:
        mapping = mapping_registry.mapper(spec.mapping, gateway.settings.own_mappings)
    except ConfigError as error:
        return CheckStep("mapping", False, error.what, error.fix)
    return CheckStep("mapping", True, f"{mapping.name} {mapping.version}, {mapping.document}")


def _connection(gateway: Gateway, spec: SourceSettings) -> list[CheckStep]:
    steps: list[CheckStep] = []
    try:
        with contained(spec.name):
            connector = gateway.trial(spec)
    except EInvoicingError as error:
        return [CheckStep("settings", False, error.what, error.fix)]
    try:
        with contained(spec.name):
            for step in connector.check():
                steps.append(step)
                if len(steps) == _MOST_STEPS:
                    break
    except EInvoicingError as error:
        steps.append(CheckStep("settings", False, error.what, error.fix))
    finally:
        connector.close()
    return steps


def _text(gateway: Gateway, source: NewSource, by: str) -> str:
    spec = source.spec
    said = {
        "name": spec.name,
        "kind": spec.kind,
        "mapping": spec.mapping,
        "company": spec.company,
        "settings": dict(source.values),
    }
    text = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # the order of the form
    writer.dump(said, text)
    # A name that could end the comment is none that a login has.
    plain = "".join(sign for sign in by if sign.isprintable())
    return f"# Added in the console by {plain} on {gateway.clock():%Y-%m-%d}.\n\n{text.getvalue()}"
