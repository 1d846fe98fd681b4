"""The entries of a binding table: where each business term lives in one vocabulary, in document order.

`Term` is a business term and the element that holds it, `Group` a business group and its element, `Element` a
wrapper that the standard does not name, `Fixed` a constant that also tells look-alikes apart (a charge
indicator, a type code), `Filler` a value that only the schema asks for, `Part` a stretch that code of its own
writes and reads. A step of a path without a prefix is an element in no name space.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from lxml import etree

from formats.syntaxes.kinds import WORD, Kind, Surrounding

if TYPE_CHECKING:
    from formats.syntaxes.place import Scope
    from formats.syntaxes.reading import Reader
    from formats.syntaxes.writing import Writer

__all__ = ["Element", "Entry", "Filler", "Fixed", "Group", "Match", "Part", "Term", "names_of", "walk"]

Match: TypeAlias = Callable[[etree._Element, Surrounding], bool]
Variant: TypeAlias = Literal["invoice", "credit note"]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A constant. Elements without it are not meant; `also` are other spellings of the same."""

    path: str
    value: str
    also: tuple[str, ...] = ()

    def is_met(self, text: str) -> bool:
        return text.strip().upper() in (self.value.upper(), *self.also)


@dataclass(frozen=True, slots=True)
class Filler:
    """Content without a business term that the schema demands; whatever it is, reading passes over it.

    With `only_this`, other content than ours counts as content that the model has no place for.
    """

    path: str
    value: str
    only_this: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One business term, the path of its element, and the kind of value.

    `attributes` are further terms in attributes of the element. `absent` is written for a missing value where
    its surrounding element is needed, and read as missing. `attributes_once` leaves `attributes` out of the
    second and later of repeated elements. `matches` tells the meant elements from others of
    the same name. A `first` term is written into the first of repeated elements only. `parts` are the terms
    that one text holds together. A `read_only` term is written elsewhere, and one that `needs` another term
    only beside it. Values for which `when` does not hold are written elsewhere. `credit_note` is the path in
    credit notes, `only` limits the entry to one of the two documents.
    """

    name: str
    path: str
    kind: Kind = WORD
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)
    attributes_once: bool = False
    absent: str | Decimal | None = None
    matches: Match | None = None
    first: bool = False
    parts: tuple[str, ...] = ()
    read_only: bool = False
    needs: str | None = None
    when: Callable[[Any], bool] | None = None
    credit_note: str | None = None
    only: Variant | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (*(self.parts or (self.name,)), *self.attributes.values())


@dataclass(frozen=True, slots=True)
class Element:
    """A wrapper: written only when something within it has a value, read from the first that matches.

    `always` writes it even when empty. `read_last` reads it after its neighbours, whose values then win.
    """

    path: str
    entries: tuple[Entry, ...]
    matches: Match | None = None
    first: bool = False
    always: bool = False
    read_last: bool = False
    credit_note: str | None = None
    only: Variant | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A business group, repeated where the model says so.

    `at_least_once` writes the element for the sake of its other contents even if there is no such group.
    """

    name: str
    path: str
    entries: tuple[Entry, ...]
    matches: Match | None = None
    at_least_once: bool = False
    first: bool = False
    credit_note: str | None = None
    only: Variant | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch that a table cannot say: several terms in one text, elements by kind, computed values.

    `places` are its terms and their paths, for explanations and docs/coverage.md. `write` fills the parent
    and says whether it wrote anything; `read` hands what it finds to `Reader.say`.
    """

    places: Mapping[str, str] = field(hash=False)
    write: Callable[[etree._Element, Writer, Scope], bool]
    read: Callable[[etree._Element, Reader, Scope], None]

    @property
    def terms(self) -> tuple[Term, ...]:
        return tuple(Term(name, path) for name, path in self.places.items())


Entry: TypeAlias = Term | Element | Group | Part | Fixed | Filler


def path_in(entry: Entry, credit_note: bool) -> str | None:
    """The entry's path in this kind of document, None where it does not occur; a part has none of its
    own."""
    if isinstance(entry, Part):
        return ""
    if isinstance(entry, Fixed | Filler):
        return entry.path
    if entry.only is not None and (entry.only == "credit note") != credit_note:
        return None
    return entry.credit_note if credit_note and entry.credit_note else entry.path


def walk(
    entries: tuple[Entry, ...], credit_note: bool, above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Entry]]:
    """Every entry with the steps to it from the root ("cac:Party", "cbc:EndpointID"), in document order;
    for a part, each of its terms."""
    for entry in entries:
        if isinstance(entry, Part):
            yield from walk(entry.terms, credit_note, above)
            continue
        path = path_in(entry, credit_note)
        if path is None:
            continue
        steps = (*above, *path.split("/"))
        yield steps, entry
        if isinstance(entry, Element | Group):
            yield from walk(entry.entries, credit_note, steps)


def names_of(entry: Entry) -> tuple[str, ...]:
    """The terms or the group that an entry stands for."""
    if isinstance(entry, Term):
        return entry.names
    return (entry.name,) if isinstance(entry, Group) else ()
