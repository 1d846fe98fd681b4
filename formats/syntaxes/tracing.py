"""Reading a document by its binding table with the place of every value: what says which business term."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from formats.errors import MalformedDocument
from formats.model.invoice import Invoice
from formats.model.terms import CATALOGUE, TermField
from formats.syntaxes import xml
from formats.syntaxes.binding import Binding
from formats.syntaxes.kinds import Surrounding
from formats.syntaxes.place import Record, Scope, way_to
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Term

__all__ = ["Said", "trace"]


@dataclass(frozen=True, slots=True)
class Said:
    """One value of a document: the term, its place in the model ("lines[2].vat.category"), the value as the
    model has it, and the path of its element ("/Invoice/cac:InvoiceLine[3]/...", attributes as "@name")."""

    term: str
    path: str
    value: Any
    xpath: str


@dataclass(frozen=True, slots=True)
class _Note:
    place: TermField
    value: Any
    element: etree._Element
    attribute: str
    scope: Scope


@dataclass(frozen=True, slots=True)
class _TracingReader(Reader):
    """A reader that remembers which element said what."""

    notes: list[_Note] = field(default_factory=list)
    # The element at hand, and which of its attributes say which term.
    at_hand: list[tuple[etree._Element, Mapping[str, str]]] = field(default_factory=list)

    def _value(self, element: etree._Element, term: Term) -> Any:
        self.at_hand[:] = [(element, {name: key for key, name in term.attributes.items()})]
        # Not super(): a dataclass with slots is made anew, and the short form would look into the first one.
        return Reader._value(self, element, term)

    def say(self, element: etree._Element, name: str, value: Any, scope: Scope) -> bool:
        self.at_hand[:] = [(element, {})]
        return Reader.say(self, element, name, value, scope)

    def _keep(self, place: TermField, value: Any, scope: Scope) -> bool:
        kept = Reader._keep(self, place, value, scope)
        if kept:
            element, attributes = self.at_hand[0]
            self.notes.append(_Note(place, value, element, attributes.get(place.name, ""), scope))
        return kept


def trace(binding: Binding, content: bytes) -> tuple[Invoice, tuple[Said, ...]]:
    """The invoice as `Binding.read` gives it, and where each of its values stands, in document order.

    Raises MalformedDocument for any other content.
    """
    root = xml.parse(content)
    if root.tag not in (binding.invoice_root, binding.credit_note_root):
        raise MalformedDocument(
            f"the document is {etree.QName(root).localname[:60]!r}, not an invoice or credit note",
            where=f"{binding.name}, root element",
            fix=f"send {binding.name} in the name space {etree.QName(binding.invoice_root).namespace}",
        )
    credit_note = root.tag == binding.credit_note_root != binding.invoice_root
    surrounding = Surrounding(credit_note, binding.value(root, "BT-5"), binding.value(root, "BT-6"))
    reader = _TracingReader(Record(Invoice), surrounding, binding.namespaces)
    reader.take(root, binding.entries, {})
    tree = root.getroottree()
    counts: dict[str, int] = {}
    said = []
    for note in reader.notes:
        path = _path(reader.root, note, counts)
        place = tree.getpath(note.element)
        if place.startswith("/*/"):  # the root is in the default name space
            place = f"/{etree.QName(root).localname}{place[2:]}"
        xpath = place + (f"/@{note.attribute}" if note.attribute else "")
        said.append(Said(note.place.name, path, note.value, xpath))
    return binding.restored(reader.root), tuple(said)


def _path(root: Record, note: _Note, counts: dict[str, int]) -> str:
    record, steps = root, []
    for step in way_to(note.place.name):
        if step.repeated:
            inner = note.scope[step.name]
            position = next(index for index, one in enumerate(record.values[step.attribute]) if one is inner)
            steps.append(f"{step.attribute}[{position}]")
            record = inner
        else:
            steps.append(step.attribute)
            record = record.within(step)
    path = ".".join((*steps, note.place.attribute))
    if CATALOGUE[note.place.name].repeated:
        counts[path] = counts.get(path, -1) + 1
        return f"{path}[{counts[path]}]"
    return path
