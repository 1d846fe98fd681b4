"""The catalogue of business terms: which term lives in which field, read once from the model itself."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Final

from formats.model.invoice import Invoice

__all__ = ["CATALOGUE", "TermField", "fields_of"]


@dataclass(frozen=True, slots=True)
class TermField:
    """One term or group as a field of the class that holds it.

    `name` is the term or group ("BT-1", "BG-4"), `attribute` the field, `value` its Python type without
    `None` and without the tuple, `repeated` says that it is a tuple, `within` is the group it stands in (""
    at the top).
    """

    name: str
    attribute: str
    value: type
    repeated: bool
    within: str

    @property
    def is_group(self) -> bool:
        return is_dataclass(self.value) and (self.name.startswith("BG-") or "-G" in self.name)

    @property
    def is_national(self) -> bool:
        """Whether one country has it beyond EN 16931: IT-1, and IT-G1 for a group."""
        return not self.name.startswith(("BT-", "BG-"))


@cache
def fields_of(owner: type, within: str = "") -> tuple[TermField, ...]:
    """The terms and groups of one model class, in the order of the standard.

    `within` is the group that the class serves here, and picks the term of a shared class.
    """
    hints = typing.get_type_hints(owner)
    found = []
    for spec in fields(owner):
        name = spec.metadata.get("term") or spec.metadata.get("group")
        if isinstance(name, Mapping):
            name = name.get(within)
        if name is not None:
            value, repeated = _unwrap(hints[spec.name])
            found.append(TermField(name, spec.name, value, repeated, within))
    return tuple(found)


def _unwrap(hint: object) -> tuple[type, bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True
    return typing.cast(type, hint), False


def _walk(owner: type, within: str) -> Iterator[TermField]:
    for entry in fields_of(owner, within):
        yield entry
        if entry.is_group:
            yield from _walk(entry.value, entry.name)


CATALOGUE: Final[Mapping[str, TermField]] = types.MappingProxyType(
    {entry.name: entry for entry in _walk(Invoice, "")}
)
