"""One vocabulary by its table: what reads it, writes it, explains it and names what it cannot carry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from lxml import etree

from formats.errors import MalformedDocument
from formats.model.invoice import Invoice
from formats.model.terms import TermField, fields_of
from formats.syntaxes import xml
from formats.syntaxes.kinds import XML_BLANKS, Surrounding, text_of
from formats.syntaxes.place import Record
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Element, Entry, Group, Term, names_of, walk
from formats.syntaxes.writing import Writer

__all__ = ["Binding"]

_PREDICATE: Final = re.compile(r"\[[^\]]*\]")
_CLARK: Final = re.compile(r"Q?\{[^}]*\}")
# Names with a prefix, as published rules write paths.
_PATH: Final = re.compile(r"(?:[A-Za-z][\w.-]*:)[A-Za-z][\w.-]*(?:/@?[A-Za-z][\w.:-]*)*(?!\s*\()")
_MOST_CONCERNED: Final = 8


@dataclass(frozen=True)
class Binding:
    """One vocabulary: its name, its root elements, its name spaces and its table.

    `adapt` gives the invoice the shape in which the vocabulary says it, before it is written (an allowance as
    a line of its own, texts cut to their lengths); `restore` is its inverse, after reading. None where the
    table says all.
    """

    name: str
    invoice_root: str
    credit_note_root: str
    namespaces: Mapping[str, str]
    entries: tuple[Entry, ...] = field(repr=False)
    adapt: Callable[[Invoice], Invoice] | None = field(default=None, repr=False)
    restore: Callable[[Invoice], Invoice] | None = field(default=None, repr=False)

    def write(self, invoice: Invoice) -> bytes:
        """The document, always the same bytes for the same invoice.

        Empty texts and groups are left out, characters that XML forbids become blanks. Raises
        MalformedDocument for a number that is none (NaN).
        """
        if self.adapt is not None:
            invoice = self.adapt(invoice)
        surrounding = Surrounding(invoice.is_credit_note, invoice.currency, invoice.vat_currency)
        tag = self.credit_note_root if surrounding.credit_note else self.invoice_root
        root = etree.Element(tag, nsmap=self._namespaces_of(tag))  # type: ignore[arg-type]  # the stubs know no default
        Writer(invoice, surrounding, self.namespaces).fill(root, self.entries, {}, first=True)
        return xml.serialize(root)

    def read(self, content: bytes) -> Invoice:
        """The invoice that the document holds. Raises MalformedDocument for any other content."""
        return self.read_tree(xml.parse(content))

    def read_tree(self, root: etree._Element) -> Invoice:
        """The same for a document that is parsed already."""
        return self._read(root)[0]

    def unread(self, content: bytes) -> tuple[str, ...]:
        """Where the document says something that the model has no place for, as paths without positions."""
        return self.unread_tree(xml.parse(content))

    def unread_tree(self, root: etree._Element) -> tuple[str, ...]:
        """The same for a document that is parsed already."""
        used = self._read(root)[1]
        tree = root.getroottree()
        left = (
            leaf
            for leaf in root.iter(etree.Element)
            if leaf not in used and next(leaf.iterchildren(etree.Element), None) is None
        )
        return tuple(
            dict.fromkeys(
                _named(_PREDICATE.sub("", tree.getpath(leaf)), root)
                for leaf in left
                if text_of(leaf).strip(XML_BLANKS)
            )
        )

    def losses(self, invoice: Invoice) -> tuple[str, ...]:
        """The terms of this invoice that the vocabulary does not carry as they stand, found by reading
        back what was written."""
        return tuple(dict.fromkeys(_differences(invoice, self.read(self.write(invoice)), "")))

    def explain(self, xpath: str) -> tuple[str, ...]:
        """The terms at a location of a report, "/*:Invoice[1]/*:InvoiceLine[3]"; () where there is none.

        An element without a term of its own answers with the terms directly in it, a place inside or beside a
        term's element with the nearest one around it.
        """
        steps = tuple(
            step.rpartition(":")[2] for step in _PREDICATE.sub("", _CLARK.sub("", xpath)).split("/") if step
        )
        index = self._places[steps[:1] == (etree.QName(self.credit_note_root).localname,)]
        for length in range(len(steps), 1, -1):
            if steps[1:length] in index:
                return index[steps[1:length]]
        return ()

    def concerned(self, context: str, test: str) -> tuple[str, ...]:
        """The terms that a published rule looks at: those at the paths of its test, seen from its context.

        () where a path leads to more terms than a rule would be about, or to none.
        """
        contexts = [
            tuple(
                step.rpartition(":")[2] for step in _PREDICATE.sub("", one).strip().split("/") if step.strip()
            )
            for one in context.split("|")
        ]
        roots = {etree.QName(self.invoice_root).localname, etree.QName(self.credit_note_root).localname}
        found: dict[str, None] = {}
        around_it: dict[str, None] = {}
        for around in contexts:
            below = tuple(step for step in around if step not in roots)
            if below:
                around_it.update(dict.fromkeys(self._at(below, exact=len(below) < len(around))))
        for path in _PATH.findall(_PREDICATE.sub("", test)):
            steps = tuple(step.rpartition(":")[2] for step in path.split("/"))
            for around in contexts:
                below = tuple(step for step in around if step not in roots)
                exact = len(below) < len(around)
                found.update(dict.fromkeys(self._at(below + steps, exact=exact)))
        # A test that only looks at its context is about that.
        found = found or around_it
        return tuple(found) if len(found) <= _MOST_CONCERNED else ()

    def _at(self, steps: tuple[str, ...], *, exact: bool) -> tuple[str, ...]:
        """The terms at a place below the root, or at every place that ends like this."""
        for index in self._places:
            if steps in index:
                return index[steps]
        if exact:
            return ()
        ends = (index[place] for index in self._places for place in index if place[-len(steps) :] == steps)
        return tuple(dict.fromkeys(name for names in ends for name in names))

    def value(self, root: etree._Element, name: str) -> str | None:
        """The text of a term outside repeated groups, without reading the rest of the document; None for one
        that the table does not have."""
        credit_note = root.tag == self.credit_note_root
        path = next(
            ("/".join(steps) for steps, entry in walk(self.entries, credit_note) if name in names_of(entry)),
            None,
        )
        if path is None:
            return None
        text = root.findtext(path, namespaces=dict(self.namespaces))
        return text.strip(XML_BLANKS) or None if text else None

    def terms(self) -> frozenset[str]:
        """Every term and group that the table carries."""
        return frozenset(
            name
            for credit_note in (False, True)
            for _, entry in walk(self.entries, credit_note)
            for name in names_of(entry)
        )

    def _read(self, root: etree._Element) -> tuple[Invoice, set[etree._Element]]:
        if root.tag not in (self.invoice_root, self.credit_note_root):
            raise MalformedDocument(
                f"the document is {etree.QName(root).localname[:60]!r}, not an invoice or credit note",
                where=f"{self.name}, root element",
                fix=f"send {self.name} in the name space {etree.QName(self.invoice_root).namespace}",
            )
        credit_note = root.tag == self.credit_note_root != self.invoice_root
        surrounding = Surrounding(credit_note, self.value(root, "BT-5"), self.value(root, "BT-6"))
        reader = Reader(Record(Invoice), surrounding, self.namespaces)
        reader.take(root, self.entries, {})
        return self.restored(reader.root), reader.used

    def restored(self, record: Record) -> Invoice:
        """What a reader has collected, as an invoice. Raises MalformedDocument where it contradicts
        itself."""
        invoice = record.build() or Invoice()
        return invoice if self.restore is None else self.restore(invoice)

    def _namespaces_of(self, tag: str) -> dict[str | None, str]:
        """The root's name space is the default one unless the vocabulary has a prefix for it."""
        own = etree.QName(tag).namespace or ""
        found: dict[str | None, str] = {} if own in self.namespaces.values() else {None: own}
        found.update(self.namespaces)
        return found

    @cached_property
    def has_plain_names(self) -> bool:
        """Whether elements in no name space belong to the vocabulary."""
        return any(":" not in step for steps, _ in walk(self.entries, False) for step in steps)

    @cached_property
    def _places(self) -> tuple[Mapping[tuple[str, ...], tuple[str, ...]], ...]:
        return tuple(_index(self.entries, credit_note) for credit_note in (False, True))


def _named(path: str, root: etree._Element) -> str:
    """The path with the name of a root element in the default name space, which libxml2 leaves out."""
    return f"/{etree.QName(root).localname}{path[2:]}" if path.startswith("/*/") else path


def _index(entries: tuple[Entry, ...], credit_note: bool) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Local names below the root -> the terms there, look-alikes together."""
    found: dict[tuple[str, ...], dict[str, None]] = {}
    for steps, entry in walk(entries, credit_note):
        place = tuple(step.rpartition(":")[2] for step in steps)
        if isinstance(entry, Term):
            found.setdefault(place, {}).update(dict.fromkeys(entry.names))
            for attribute, name in entry.attributes.items():
                found.setdefault((*place, f"@{attribute}"), {})[name] = None
        elif isinstance(entry, Group):
            found.setdefault(place, {})[entry.name] = None
        elif isinstance(entry, Element):
            inner = (name for part in entry.entries if isinstance(part, Term) for name in part.names)
            found.setdefault(place, {}).update(dict.fromkeys(inner))
    return {place: tuple(names) for place, names in found.items() if names}


def _same_but_for_order(entry: TermField, before: Any, after: Any) -> bool:
    """A party's identifiers and an item's classifications stand side by side; their order says nothing."""
    if entry.is_group or not entry.repeated:
        return False
    return sorted(map(repr, before)) == sorted(map(repr, after))


def _differences(said: Any, read: Any, within: str) -> Iterator[str]:
    """The names of terms that differ; `said` and `read` are of one class, or one of them is None."""
    owner: type = type(read) if said is None else type(said)
    for entry in fields_of(owner, within):
        before, after = getattr(said, entry.attribute, None), getattr(read, entry.attribute, None)
        if before == after or (before in (None, ()) and after in (None, ())):
            continue
        if _same_but_for_order(entry, before, after):
            continue
        if not entry.is_group:
            yield entry.name
        elif not entry.repeated:
            yield from _differences(before, after, entry.name)
        elif before and after and len(before) == len(after):
            for one, other in zip(before, after, strict=True):
                yield from _differences(one, other, entry.name)
        else:
            yield entry.name
