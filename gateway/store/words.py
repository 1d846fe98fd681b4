"""The words by which people look invoices up: number and buyer, each word found by how it begins.

Kept in the transaction that sets number and buyer, so that a search finds what is there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select

from gateway.store.tables import invoice_words, submissions

__all__ = ["Words", "keep", "sought", "words_of"]

_LONGEST: Final = 60
_MOST: Final = 12
# Which of two words is rarer matters up to here.
_COUNTED: Final = 50_000
_WORD: Final = re.compile(r"[^\W_]+", re.UNICODE)
_LAST: Final = "\U0010ffff"


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text in the form in which they are compared: no capitals, no accents; `2026/104-A` also
    as one word."""
    plain = _plain(text)
    found = (*_WORD.findall(plain), *map(_joined, plain.split()))
    return tuple(dict.fromkeys(word[:_LONGEST] for word in found if word))[:_MOST]


def keep(connection: Connection, submission: str, number: str, buyer: str) -> None:
    """What this submission is found by, in place of what was there."""
    connection.execute(delete(invoice_words).where(invoice_words.c.submission == submission))
    found = dict.fromkeys((*words_of(number), *words_of(buyer)))
    if found:
        rows = [{"word": word, "submission": submission} for word in found]
        connection.execute(insert(invoice_words), rows)


@dataclass(frozen=True, slots=True)
class Words:
    """What is looked up: how each word begins, the rarest first; `common` where many invoices have all."""

    begun: tuple[str, ...] = ()
    common: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """What holds of submissions with all these words. Rare words are asked for their invoices, of common
        ones each invoice is asked for its words."""
        if not self.begun:
            return []
        if not self.common:
            return [submissions.c.id.in_(_with_all(self.begun))]
        return [_has(piece, submissions.c.id) for piece in self.begun]


def sought(connection: Connection, texts: Iterable[str], many: int) -> Words:
    """The words of these texts. They are common where `many` invoices or more have them all."""
    pieces = [piece[:_LONGEST] for text in texts for piece in map(_joined, _plain(text).split()) if piece]
    word = invoice_words.c.word
    counted = []
    for piece in dict.fromkeys(pieces[:_MOST]):
        some = select(word).where(word >= piece, word < piece + _LAST).limit(_COUNTED).subquery()
        counted.append((connection.scalar(select(func.count()).select_from(some)) or 0, piece))
    begun = tuple(piece for _, piece in sorted(counted))
    if not begun:
        return Words()
    found = _with_all(begun).limit(many).subquery()
    return Words(begun, connection.scalar(select(func.count()).select_from(found)) == many)


def _with_all(begun: Sequence[str]) -> Select[tuple[str]]:
    """The submissions with all these words, looked up by the first of them."""
    word, of = invoice_words.c.word, invoice_words.c.submission
    query = select(of).where(word >= begun[0], word < begun[0] + _LAST)
    return query.where(*(_has(piece, of) for piece in begun[1:]))


def _has(piece: str, submission: ColumnElement[str]) -> ColumnElement[bool]:
    other = invoice_words.alias()
    begun = (other.c.word >= piece, other.c.word < piece + _LAST)
    return select(other.c.word).where(other.c.submission == submission, *begun).exists()


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in folded if not unicodedata.combining(sign))


def _joined(piece: str) -> str:
    return "".join(_WORD.findall(piece))
