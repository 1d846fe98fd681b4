"""An invoice without the terms that a narrower profile has no room for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

from formats.model.invoice import Invoice
from formats.model.terms import TermField, fields_of

__all__ = ["leave_out"]

_Group = TypeVar("_Group")


def leave_out(invoice: Invoice, terms: frozenset[str]) -> tuple[Invoice, tuple[str, ...]]:
    """The invoice without these terms and groups, and those of them that it had, each once, in the order of
    the model.

    A group of which nothing is left goes as well. Doing it twice changes nothing more.
    """
    if not terms:
        return invoice, ()
    lost: dict[str, None] = {}
    return _without(invoice, "", terms, lost), tuple(lost)


def _without(group: _Group, within: str, terms: frozenset[str], lost: dict[str, None]) -> _Group:
    changed: dict[str, Any] = {}
    owner: type = type(group)
    for entry in fields_of(owner, within):
        value = getattr(group, entry.attribute)
        if value in (None, ()):
            continue
        if entry.name in terms:
            lost[entry.name] = None
            changed[entry.attribute] = () if entry.repeated else None
        elif entry.is_group:
            parts = tuple(_left(value if entry.repeated else (value,), entry, terms, lost))
            changed[entry.attribute] = parts if entry.repeated else next(iter(parts), None)
    return replace(group, **changed)  # type: ignore[type-var]  # every group of the model is a dataclass


def _left(
    parts: tuple[Any, ...], entry: TermField, terms: frozenset[str], lost: dict[str, None]
) -> Iterator[Any]:
    for part in parts:
        left = _without(part, entry.name, terms, lost)
        if left != type(part)():
            yield left
