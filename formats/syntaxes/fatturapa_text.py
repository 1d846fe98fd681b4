"""Texts for the Sistema di Interscambio, which refuses all that is not in Basic Latin or Latin-1."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

__all__ = ["basic", "chunks", "latin"]

_BLANKS: Final = re.compile(r"[\t\n\r ]")
_LAST_LATIN: Final = "\u00ff"
_SPELLED: Final = str.maketrans(
    dict(
        MappingProxyType(
            {
                "\u2018": "'",
                "\u2019": "'",
                "\u201a": "'",
                "\u201c": '"',
                "\u201d": '"',
                "\u201e": '"',
                "\u2010": "-",
                "\u2011": "-",
                "\u2013": "-",
                "\u2014": "-",
                "\u2212": "-",
                "\u2026": "...",
                "\u20ac": "EUR",
                "\u2022": "-",
                "\u2122": "(TM)",
                "\u0152": "OE",
                "\u0153": "oe",
                "\u0141": "L",
                "\u0142": "l",
                "\u0110": "D",
                "\u0111": "d",
                "\u0131": "i",
                "\u1e9e": "SS",
            }
        )
    )
)
_GERMAN: Final = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "°": "o", "º": "o"})


def latin(text: str) -> str:
    """The text in Latin-1: known signs spelled out, accents that it lacks left off, the rest as `?`; each
    blank is one space."""
    plain = _BLANKS.sub(" ", unicodedata.normalize("NFC", text)).translate(_SPELLED)
    return "".join(_fitted(sign, _LAST_LATIN) for sign in plain)


def basic(text: str) -> str:
    """The text in Basic Latin, which numbers and codes are in."""
    return "".join(_fitted(sign, "\u007f") for sign in latin(text).translate(_GERMAN))


def chunks(text: str, longest: int) -> Iterator[str]:
    """Pieces of exactly `longest` characters, and the rest; put together again they are the text."""
    for start in range(0, len(text), longest):
        yield text[start : start + longest]


def _fitted(sign: str, last: str) -> str:
    # The control characters between the two blocks are in neither of our uses.
    if sign <= last and not "\u007f" <= sign < "\u00a0" and sign >= " ":
        return sign
    bare = "".join(part for part in unicodedata.normalize("NFKD", sign) if " " <= part < "\u007f")
    return bare or ("" if unicodedata.combining(sign) else "?")
