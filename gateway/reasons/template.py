"""One sentence with places that are filled in, and how a text is held against it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Template", "made"]

_PLACE: Final = re.compile(r"\{(\d{1,2})\}")


@dataclass(frozen=True, slots=True)
class Template:
    """`literals` are the texts before, between and behind the places; `translation` has texts, and numbers
    (from 0) for the places."""

    literals: tuple[str, ...]
    translation: tuple[str | int, ...]

    @property
    def weight(self) -> int:
        """How much of it is fixed."""
        return sum(len(one) for one in self.literals)

    @property
    def key(self) -> str:
        """The longest word that any text of this form must hold on its own, in small letters; "" if none."""
        last = len(self.literals) - 1
        words: list[str] = []
        for index, literal in enumerate(self.literals):
            own = literal.split(" ")
            # A word that touches a place may go on in what is filled in.
            words += own[(1 if index else 0) : (len(own) if index == last else -1)]
        return max(words, key=len, default="").lower()

    def fits(self, text: str) -> tuple[str, ...] | None:
        """What fills the places of `text`, each as short as can be and none empty, or None.

        Takes time in proportion to the text: each literal is looked for once, behind the one before it, and
        the first place where it stands is as good as any later one.
        """
        first, *others = self.literals
        if not others:
            return () if _alike(text, first) and len(text) == len(first) else None
        if not _alike(text, first) or not text.endswith(others[-1]):
            return None
        found, at, end = [], len(first), len(text) - len(others[-1])
        for literal in others[:-1]:
            place = text.find(literal, at + 1, end)
            if place < 0:
                return None
            found.append(text[at:place])
            at = place + len(literal)
        if at >= end:
            return None
        return (*found, text[at:end])


def made(text: str, translation: str) -> Template:
    """A template from texts with {1}, {2}, ... in them. Final stops are left out of both."""
    return Template(
        tuple(_PLACE.split(text.rstrip("."))[::2]),
        tuple(
            int(one) - 1 if index % 2 else one
            for index, one in enumerate(_PLACE.split(translation.rstrip(".")))
            if one
        ),
    )


def _alike(text: str, start: str) -> bool:
    """Whether the text begins so; a sentence may begin with a capital letter."""
    return (
        text.startswith(start[1:], 1) and (text[:1] == start[:1] or text[:1] == start[:1].upper())
    ) or not start
