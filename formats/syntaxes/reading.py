"""Reading a document by a binding table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from formats.errors import MalformedDocument
from formats.model.terms import CATALOGUE, TermField
from formats.syntaxes.kinds import XML_BLANKS, Surrounding, text_of
from formats.syntaxes.place import Record, Scope, record_for
from formats.syntaxes.table import Element, Entry, Filler, Fixed, Group, Part, Term, path_in

__all__ = ["Reader"]


@dataclass(frozen=True, slots=True)
class Reader:
    """Collects what a document says into `root`; `used` are the elements it took something from.

    Where a document repeats what the model holds once, the first one counts and the others stay unused.
    """

    root: Record
    surrounding: Surrounding
    namespaces: Mapping[str, str]
    used: set[etree._Element] = field(default_factory=set)

    def take(self, parent: etree._Element, entries: tuple[Entry, ...], scope: Scope) -> None:
        """Read the entries below `parent`."""
        for entry in sorted(entries, key=_reads_last):
            path = path_in(entry, self.surrounding.credit_note)
            if path is None:
                continue
            if isinstance(entry, Fixed | Filler):
                self.used.update(found for found in self._find(parent, path) if _is_ours(found, entry))
            elif isinstance(entry, Part):
                entry.read(parent, self, scope)
            elif isinstance(entry, Term):
                self._term(parent, path, entry, scope)
            else:
                self._wrapper(parent, path, entry, scope)

    def say(self, element: etree._Element, name: str, value: Any, scope: Scope) -> bool:
        """Take one value that a part found in `element`; false where another one stands in its place."""
        kept = value is None or self._keep(CATALOGUE[name], value, scope)
        if kept:
            self.used.update(element.iter())
        return kept

    def open(self, name: str, scope: Scope) -> Scope:
        """Begin one more of a repeated group, and the scope within it."""
        place = CATALOGUE[name]
        record = Record(place.value)
        record_for(self.root, name, scope).add(place, record)
        return {**scope, name: record}

    def _wrapper(self, parent: etree._Element, path: str, entry: Element | Group, scope: Scope) -> None:
        place = CATALOGUE[entry.name] if isinstance(entry, Group) else None
        for element in self._find(parent, path):
            if not self._is_meant(element, entry):
                continue
            if place is None or not place.repeated:
                self.take(element, entry.entries, scope)
                return
            self.take(element, entry.entries, self.open(place.name, scope))

    def _is_meant(self, element: etree._Element, entry: Element | Group) -> bool:
        if entry.matches is not None:
            return entry.matches(element, self.surrounding)
        for constant in entry.entries:
            if isinstance(constant, Fixed):
                found = next(self._find(element, constant.path), None)
                if found is None or not constant.is_met(text_of(found)):
                    return False
        return True

    def _term(self, parent: etree._Element, path: str, term: Term, scope: Scope) -> None:
        place = CATALOGUE[term.name]
        for element in self._find(parent, path):
            if term.matches is not None and not term.matches(element, self.surrounding):
                continue
            value = self._value(element, term)
            if term.absent is not None and str(value) == str(term.absent) and len(parent) > 1:
                self.used.add(element)
                value = None
            said = {term.name: value}
            for attribute, name in term.attributes.items():
                said[name] = (element.get(attribute) or "").strip(XML_BLANKS) or None
            kept = [self._keep(CATALOGUE[name], one, scope) for name, one in said.items() if one is not None]
            if kept and all(kept):
                self.used.add(element)
                if len(element):  # the kind reads what stands within
                    self.used.update(element.iter())
            if not place.repeated:
                return

    def _value(self, element: etree._Element, term: Term) -> Any:
        try:
            return term.kind.read(element)
        except MalformedDocument as error:
            raise MalformedDocument(
                error.what, where=f"{term.name} in line {element.sourceline}", fix=error.fix
            ) from error

    def _keep(self, place: TermField, value: Any, scope: Scope) -> bool:
        """Put a value in its place; false where another one stands there already."""
        record = record_for(self.root, place.name, scope)
        if place.repeated:
            record.add(place, value)
            return True
        return bool(record.values.setdefault(place.attribute, value) == value)

    def _find(self, parent: etree._Element, path: str) -> Iterator[etree._Element]:
        step, _, rest = path.partition("/")
        prefix, _, name = step.partition(":")
        tag = f"{{{self.namespaces[prefix]}}}{name}" if name else step
        for child in parent.iterchildren(tag):
            if rest:
                yield from self._find(child, rest)
            else:
                yield child


def _reads_last(entry: Entry) -> bool:
    return isinstance(entry, Element) and entry.read_last


def _is_ours(element: etree._Element, entry: Fixed | Filler) -> bool:
    if isinstance(entry, Filler) and entry.only_this:
        return text_of(element).strip(XML_BLANKS) == entry.value
    return True
