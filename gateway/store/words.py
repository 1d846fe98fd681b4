"""The words by which people look invoices up: number and buyer, each word found by how it begins.

Kept in the transaction that sets number and buyer, so that a search finds what is there.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from gateway.store.tables import invoice_words, submissions

__all__ = ["keep", "matching", "words_of"]

_LONGEST: Final = 60
_MOST: Final = 12
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


def matching(text: str, *, many: bool = False) -> list[ColumnElement[bool]]:
    """Conditions on submissions that hold where each word of `text` begins a word of the invoice. `many`
    asks each invoice for its words, in place of each word for its invoices."""
    wanted = [piece[:_LONGEST] for piece in map(_joined, _plain(text).split()) if piece][:_MOST]
    return [_with_word(piece, many) for piece in wanted]


def _with_word(piece: str, many: bool) -> ColumnElement[bool]:
    word, of = invoice_words.c.word, invoice_words.c.submission
    begun = select(of).where(word >= piece, word < piece + _LAST)
    return begun.where(of == submissions.c.id).exists() if many else submissions.c.id.in_(begun)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in folded if not unicodedata.combining(sign))


def _joined(piece: str) -> str:
    return "".join(_WORD.findall(piece))
