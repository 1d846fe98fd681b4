"""Where a business term lives in the model, so that it may stand anywhere in a document.

BT-90 is an identifier of the seller in UBL and a payment detail in the model; the catalogue knows the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from formats.model.invoice import Invoice
from formats.model.terms import CATALOGUE, TermField

__all__ = ["Record", "Scope", "record_for", "value_of", "way_to"]

# Repeated group -> the model value (writing) or the record (reading) that is at hand.
Scope = dict[str, Any]


@cache
def way_to(name: str) -> tuple[TermField, ...]:
    """The groups from the invoice down to the one that holds this term or group."""
    within = CATALOGUE[name].within
    return (*way_to(within), CATALOGUE[within]) if within else ()


def value_of(invoice: Invoice, name: str, scope: Scope) -> Any:
    """What the model says for the term; None where it or a group above it is missing."""
    value: Any = invoice
    for step in way_to(name):
        value = scope.get(step.name) if step.repeated else getattr(value, step.attribute)
        if value is None:
            return None
    return getattr(value, CATALOGUE[name].attribute)


@dataclass(slots=True)
class Record:
    """A model value under construction."""

    owner: type
    values: dict[str, Any] = field(default_factory=dict)

    def within(self, entry: TermField) -> Record:
        """The record of a group that occurs once."""
        if entry.attribute not in self.values:
            self.values[entry.attribute] = Record(entry.value)
        found: Record = self.values[entry.attribute]
        return found

    def add(self, entry: TermField, value: Any) -> None:
        self.values.setdefault(entry.attribute, []).append(value)

    def build(self) -> Any:
        """The finished value, or None where nothing was said."""
        said = {}
        for attribute, value in self.values.items():
            if isinstance(value, list):
                parts = (part.build() if isinstance(part, Record) else part for part in value)
                finished: Any = tuple(part for part in parts if part is not None) or None
            else:
                finished = value.build() if isinstance(value, Record) else value
            if finished is not None:
                said[attribute] = finished
        return self.owner(**said) if said else None


def record_for(root: Record, name: str, scope: Scope) -> Record:
    """The record that a term or group belongs into."""
    record = root
    for step in way_to(name):
        record = scope[step.name] if step.repeated else record.within(step)
    return record
