"""A form out of the settings that a connector declares, and the settings out of the filled form.

One entry for each setting, with the connector's own description. Texts are taken as they are; everything else
is read as one YAML value, so that lists and numbers are written as in the files. A secret is never taken,
only the name of a file that holds it.
"""

from __future__ import annotations

import enum
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from connectors.base import ConnectorSettings
from formats.errors import ConfigError

__all__ = ["Entry", "entries", "filled"]

_MOST_DEEP: Final = 4
_LONGEST: Final = 20_000
# How the pattern of a reference begins (connectors.base.SecretReference).
_REFERENCE: Final = "^(env|file):"
SECRET_FILE: Final = re.compile(r"file:secrets/[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting. `path` is its place, as sftp.host; `way` how it is asked for: text, secret, choice or
    value (YAML); `required` only where nothing around it may be left out."""

    path: str
    way: str
    help: str
    default: str
    required: bool
    choices: tuple[str, ...] = ()

    @property
    def field(self) -> str:
        """What it is called in the form: a connector may have a setting `company` of its own."""
        return f"settings.{self.path}"

    @property
    def group(self) -> str:
        """The settings around it, "" for none."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """Its own name."""
        return self.path.rpartition(".")[2]


def entries(model: type[ConnectorSettings]) -> tuple[Entry, ...]:
    """All settings of a kind, in the order in which the connector declares them; those needed first."""
    found = tuple(_entries(model, (), required=True))
    return (*(one for one in found if one.required), *(one for one in found if not one.required))


def filled(model: type[ConnectorSettings], form: Mapping[str, str]) -> dict[str, Any]:
    """The settings as plain values; what was left empty is left out, so that its default holds.

    Raises ConfigError for a value that is not YAML, and for a secret that is not a reference to a file.
    """
    values: dict[str, Any] = {}
    for entry in entries(model):
        text = form.get(entry.field, "").replace("\r\n", "\n").strip()
        if not text:
            continue
        place = values
        *groups, name = entry.path.split(".")
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = _value(entry, text)
    return values


def _entries(model: type[BaseModel], above: tuple[str, ...], *, required: bool) -> Iterator[Entry]:
    for name, field in model.model_fields.items():
        path = (*above, name)
        inner = _inner_model(field.annotation)
        needed = required and field.is_required()
        if inner is not None and len(path) < _MOST_DEEP:
            yield from _entries(inner, path, required=needed)
            continue
        yield _entry(".".join(path), field, needed)


def _entry(path: str, field: FieldInfo, required: bool) -> Entry:
    help_ = field.description or ""
    kinds = set(_kinds(field.annotation))
    choices = _choices(field.annotation)
    if _is_secret(field):
        way = "secret"
    elif choices:
        way = "choice"
    elif kinds <= {str}:
        way = "text"
    else:
        way = "value"
    default = "" if field.is_required() else _shown(field.get_default(call_default_factory=True))
    return Entry(path, way, help_, default, required, choices)


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    models = [one for one in _members(annotation) if isinstance(one, type) and issubclass(one, BaseModel)]
    return models[0] if len(models) == 1 and set(_members(annotation)) <= {models[0], type(None)} else None


def _members(annotation: Any) -> tuple[Any, ...]:
    """The kinds of a union; the annotation itself for everything else."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(one for part in typing.get_args(annotation) for one in _members(part))
    if typing.get_origin(annotation) is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    return (annotation,)


def _kinds(annotation: Any) -> Iterator[Any]:
    yield from (one for one in _members(annotation) if one is not type(None))


def _choices(annotation: Any) -> tuple[str, ...]:
    for one in _kinds(annotation):
        if one is bool:
            return ("true", "false")
        if typing.get_origin(one) is typing.Literal:
            return tuple(str(value) for value in typing.get_args(one))
        if isinstance(one, type) and issubclass(one, enum.Enum):
            return tuple(str(value.value) for value in one)
    return ()


def _is_secret(field: FieldInfo) -> bool:
    marks = [*field.metadata, *_marks(field.annotation)]
    return any(str(getattr(mark, "pattern", "") or "").startswith(_REFERENCE) for mark in marks)


def _marks(annotation: Any) -> Iterator[Any]:
    if typing.get_origin(annotation) is typing.Annotated:
        yield from typing.get_args(annotation)[1:]
    for part in typing.get_args(annotation):
        if typing.get_origin(part) is not None:
            yield from _marks(part)


def _shown(value: Any) -> str:
    if value is None or value == () or value == {}:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, tuple | list | frozenset | set):
        return ", ".join(str(one) for one in value)[:200]
    return str(value)[:200]


def _value(entry: Entry, text: str) -> Any:
    if len(text) > _LONGEST:
        raise ConfigError("this is too long", where=entry.path, fix="write it into the file")
    if any(not sign.isprintable() and sign not in "\n\t" for sign in text):
        raise ConfigError("there are signs in it that cannot be seen", where=entry.path, fix="type it anew")
    if entry.way == "secret":
        if SECRET_FILE.fullmatch(text) is None:
            raise ConfigError(
                "a secret does not go into this form",
                where=entry.path,
                fix="put it into a file of the folder secrets/ and write file:secrets/ and the file's name",
            )
        return text
    if entry.way == "text":
        return text
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError):
        raise ConfigError(
            "this cannot be read",
            where=entry.path,
            fix="write it as in the files: 5, [a, b] or {name: value}",
        ) from None
