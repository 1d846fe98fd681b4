"""The words by which people look invoices up: number and buyer, each word found by how it begins.

The words of a number or a buyer are kept once, however many invoices have it: a million invoices for some
thousand buyers are found among some thousand names. They are kept in the transaction that gives an invoice
its number and buyer, so that a search finds what is there. What no invoice is called any more stays: nothing
leads there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, exists, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.listed import one_of
from gateway.store.tables import buyer_words, number_words, submissions

__all__ = ["LISTED", "Words", "keep", "sought", "words_of"]

_LONGEST: Final = 60
_MOST: Final = 12
# No more names than these are looked up one by one.
LISTED: Final = 2_000
# Which of two words is rarer matters up to here, and no more names are tried for the other words.
_COUNTED: Final = 20_000
_WORD: Final = re.compile(r"[^\W_]+", re.UNICODE)
_LAST: Final = "\U0010ffff"


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in the form in which they are compared: no capitals, no accents; `2026/104-A` also
    as one word."""
    plain = _plain(text)
    found = (*_WORD.findall(plain), *map(_joined, plain.split()))
    return tuple(dict.fromkeys(word[:_LONGEST] for word in found if word))[:_MOST]


@dataclass(frozen=True, slots=True)
class _Kind:
    """One thing that invoices are looked up by, and where its words are."""

    table: Table
    name: Column[str]
    of: Column[str]


_KINDS: Final = (
    _Kind(number_words, number_words.c.number, submissions.c.number),
    _Kind(buyer_words, buyer_words.c.buyer, submissions.c.buyer),
)


def keep(connection: Connection, number: str, buyer: str) -> None:
    """Invoices of this number and this buyer are found from now on; again changes nothing."""
    # Another process may keep the same name at this moment: then it is there, which is all we want.
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for kind, text in zip(_KINDS, (number, buyer), strict=True):
        known = select(kind.name).where(kind.name == text).limit(1)
        found = sorted(words_of(text))
        if found and connection.scalar(known) is None:
            rows = [{"word": word, kind.name.name: text} for word in found]
            connection.execute(insert(kind.table).on_conflict_do_nothing(), rows)


@dataclass(frozen=True, slots=True)
class _Test:
    """One of these names, or, where `names` is None, any with a word that begins so."""

    kind: _Kind
    piece: str
    names: tuple[str, ...] | None

    def condition(self, connection: Connection, hidden: bool) -> ColumnElement[bool]:
        if self.names is None:
            return _has(self.kind, self.piece)
        column = self.kind.of
        return one_of(connection, func.coalesce(column, column) if hidden else column, self.names)


@dataclass(frozen=True, slots=True)
class Words:
    """What invoices with all the words have: one of each group of tests; `known` is False where none can.

    `listed` are the groups that name the numbers or buyers; for what is not listed, each invoice is asked for
    its words. At least `least` names have them.
    """

    tests: tuple[tuple[_Test, ...], ...] = ()
    known: bool = True
    least: int = 0
    leads: bool = True

    @property
    def listed(self) -> Words:
        """The part of it by which invoices can be looked up."""
        return Words(tuple(one for one in self.tests if all(test.names is not None for test in one)))

    def conditions(self, connection: Connection, *, read_in_order: bool) -> list[ColumnElement[bool]]:
        """As conditions on submissions; in a list that is read in an order, nothing is offered to look it up
        by."""
        hidden = read_in_order or not self.leads
        return [or_(*(test.condition(connection, hidden) for test in either)) for either in self.tests]


def sought(connection: Connection, texts: Iterable[str]) -> Words:
    """The words of these texts, each of number or buyer."""
    pieces = [piece[:_LONGEST] for text in texts for piece in map(_joined, _plain(text).split()) if piece]
    begun = tuple(dict.fromkeys(pieces[:_MOST]))
    counted = {kind: {piece: _number(connection, kind, piece) for piece in begun} for kind in _KINDS}
    tests: list[tuple[_Test, ...]] = []
    for kind, other in zip(_KINDS, reversed(_KINDS), strict=True):
        # The rarest first: the others are looked for among the names that have it.
        only = sorted((counted[kind][piece], piece) for piece in begun if not counted[other][piece])
        if only:
            tests += _all_of(connection, kind, [piece for _, piece in only], only[0][0])
    for piece in begun:
        if all(counted[kind][piece] for kind in _KINDS):
            either = [_all_of(connection, kind, [piece], counted[kind][piece]) for kind in _KINDS]
            tests.append(tuple(test for ((test,),) in either))
    known = all(any(test.names != () for test in either) for either in tests)
    too_many = len(tests) == 1 and tests[0][0].names is None
    return Words(tuple(tests), known, LISTED if too_many else 0)


def _all_of(
    connection: Connection, kind: _Kind, begun: Sequence[str], number: int
) -> list[tuple[_Test, ...]]:
    """All these words in one name: the names, or a test for each word where they are too many. `number` is
    how many have the first."""
    names = _names(connection, kind, begun) if number < _COUNTED else None
    if names is None:
        return [(_Test(kind, piece, None),) for piece in begun]
    return [(_Test(kind, "", names),)]


def _number(connection: Connection, kind: _Kind, piece: str) -> int:
    word = kind.table.c.word
    some = select(word).where(*_range(word, piece)).limit(_COUNTED).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0


def _names(connection: Connection, kind: _Kind, begun: Sequence[str]) -> tuple[str, ...] | None:
    """The names with all these words, looked up by the first; None where they are too many to list."""
    query: Select[Any] = select(kind.name).where(*_range(kind.table.c.word, begun[0])).distinct()
    query = query.where(*(_has(kind, piece, kind.name) for piece in begun[1:]))
    found = tuple(connection.scalars(query.limit(LISTED + 1)))
    return found if len(found) <= LISTED else None


def _has(kind: _Kind, piece: str, name: ColumnElement[str] | None = None) -> ColumnElement[bool]:
    """Whether the name has the word; by default the name of the invoice."""
    other = kind.table.alias()
    of = kind.of if name is None else name
    query = select(other.c.word).where(other.c[kind.name.name] == of, *_range(other.c.word, piece))
    # Asked for each invoice in turn, whatever the database believes: it would rather list all names first.
    return exists(query.offset(0))


def _range(word: ColumnElement[str], piece: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return word >= piece, word < piece + _LAST


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in folded if not unicodedata.combining(sign))


def _joined(piece: str) -> str:
    return "".join(_WORD.findall(piece))
