"""Writing a document by a binding table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from formats.identifiers import Identifier
from formats.model.invoice import Invoice, Note
from formats.model.line import Classification
from formats.model.terms import CATALOGUE
from formats.syntaxes.kinds import XML_BLANKS, Surrounding, put_attribute
from formats.syntaxes.place import Scope, value_of
from formats.syntaxes.table import Element, Entry, Filler, Fixed, Group, Part, Term, path_in

__all__ = ["Writer"]


@dataclass(frozen=True, slots=True)
class Writer:
    """Fills elements with what one invoice says."""

    invoice: Invoice
    surrounding: Surrounding
    namespaces: Mapping[str, str]

    def fill(self, parent: etree._Element, entries: tuple[Entry, ...], scope: Scope, first: bool) -> bool:
        """Write the entries below `parent`; true if one of them said something.

        `first` is false in the second and later of repeated elements.
        """
        said = False
        for entry in entries:
            path = path_in(entry, self.surrounding.credit_note)
            if path is None:
                continue
            if isinstance(entry, Part):
                said |= entry.write(parent, self, scope)
            elif isinstance(entry, Fixed | Filler):
                self._element(parent, path).text = entry.value
            elif first or not entry.first:
                said |= self._write(parent, path, entry, scope, first)
        return said

    def _write(
        self, parent: etree._Element, path: str, entry: Term | Element | Group, scope: Scope, first: bool
    ) -> bool:
        if isinstance(entry, Term):
            return self._term(parent, path, entry, scope, first)
        if isinstance(entry, Element):
            return self._wrapper(parent, path, entry.entries, scope, first, keep=entry.always)
        if not CATALOGUE[entry.name].repeated:
            return self._wrapper(parent, path, entry.entries, scope, first)
        values = value_of(self.invoice, entry.name, scope) or ((None,) if entry.at_least_once else ())
        said = False
        for position, value in enumerate(values):
            inner = {**scope, entry.name: value}
            said |= self._wrapper(parent, path, entry.entries, inner, first=position == 0)
        return said

    def _wrapper(
        self,
        parent: etree._Element,
        path: str,
        entries: tuple[Entry, ...],
        scope: Scope,
        first: bool,
        *,
        keep: bool = False,
    ) -> bool:
        element = self._element(parent, path)
        if self.fill(element, entries, scope, first):
            return True
        if not keep:
            parent.remove(parent[-1])
        return False

    def _term(self, parent: etree._Element, path: str, term: Term, scope: Scope, first: bool) -> bool:
        value = value_of(self.invoice, term.name, scope)
        named = term.attributes if first or not term.attributes_once else {}
        texts = {attribute: value_of(self.invoice, name, scope) for attribute, name in named.items()}
        attributes = {attribute: text for attribute, text in texts.items() if not _says_nothing(text)}
        said = False
        if term.read_only or (term.needs and _says_nothing(value_of(self.invoice, term.needs, scope))):
            return False
        for one in value if isinstance(value, tuple) else (value,):
            if _says_nothing(one) and not attributes:
                continue
            if term.when is not None and not term.when(one):
                continue
            element = self._element(parent, path)
            if not _says_nothing(one):
                term.kind.write(element, one, self.surrounding)
            for attribute, text in attributes.items():
                put_attribute(element, attribute, text)
            said = True
        if not said and term.absent is not None:
            term.kind.write(self._element(parent, path), term.absent, self.surrounding)
        return said

    def _element(self, parent: etree._Element, path: str) -> etree._Element:
        for tag in self._tags(path):
            parent = etree.SubElement(parent, tag)
        return parent

    def _tags(self, path: str) -> Iterator[str]:
        for step in path.split("/"):
            prefix, _, name = step.partition(":")
            yield f"{{{self.namespaces[prefix]}}}{name}" if name else step


def _says_nothing(value: Any) -> bool:
    match value:
        case None | b"":
            return True
        case str():
            return not value.strip(XML_BLANKS)
        case Identifier():
            return not value.value.strip(XML_BLANKS)
        case Classification():
            return not value.code.strip(XML_BLANKS)
        case Note():
            return not (value.text or "").strip(XML_BLANKS) and not value.subject_code
        case _:
            return False
