"""A matcher for regular expressions that walks all possibilities at once, so its time grows with the text
only."""

from __future__ import annotations

import re
from typing import Final, Protocol

from formats.rules.values import Fault

__all__ = ["Automaton", "RegexRefused"]

_MOST_STATES: Final = 5_000
_LONGEST_TEXT: Final = 20_000


class RegexRefused(Exception):
    """The pattern is not understood, or could take exponential time."""


class Piece(Protocol):
    """A piece of a pattern, see `regex`."""

    @property
    def kind(self) -> str: ...
    @property
    def python(self) -> str: ...
    @property
    def parts(self) -> tuple[Piece, ...]: ...
    @property
    def least(self) -> int: ...
    @property
    def most(self) -> int | None: ...


class Automaton:
    """States with free moves ("" always, "start" and "end" only there) and moves over one character."""

    def __init__(self, flags: str) -> None:
        self._flags = re.IGNORECASE if "i" in flags else 0
        self._free: list[list[tuple[str, int]]] = []
        self._over: list[tuple[re.Pattern[str], int] | None] = []
        self._start = self._end = 0

    def _state(self) -> int:
        if len(self._free) >= _MOST_STATES:
            raise RegexRefused("a pattern with too many repeats")
        self._free.append([])
        self._over.append(None)
        return len(self._free) - 1

    def build(self, piece: Piece) -> tuple[int, int]:
        """Add the states of a piece; its first and its last."""
        start, end = self._state(), self._state()
        if piece.kind == "character":
            self._over[start] = re.compile(piece.python, self._flags), end
        elif piece.kind in ("start", "end"):
            self._free[start].append((piece.kind, end))
        elif piece.kind == "any":
            for part in piece.parts:
                first, last = self.build(part)
                self._free[start].append(("", first))
                self._free[last].append(("", end))
        elif piece.kind == "all":
            self._free[self._row(start, piece.parts)].append(("", end))
        else:
            self._repeat(piece, start, end)
        return start, end

    def _row(self, state: int, parts: tuple[Piece, ...]) -> int:
        for part in parts:
            first, last = self.build(part)
            self._free[state].append(("", first))
            state = last
        return state

    def _repeat(self, piece: Piece, start: int, end: int) -> None:
        state = self._row(start, piece.parts * piece.least)
        if piece.most is None:
            first, last = self.build(piece.parts[0])
            self._free[state] += [("", first), ("", end)]
            self._free[last] += [("", first), ("", end)]
            return
        for _ in range(piece.most - piece.least):
            self._free[state].append(("", end))
            state = self._row(state, piece.parts)
        self._free[state].append(("", end))

    def finish(self, start: int, end: int) -> None:
        """Name the first and the last state of the whole."""
        self._start, self._end = start, end

    def finds(self, text: str) -> bool:
        """Whether the pattern matches anywhere in the text."""
        if len(text) > _LONGEST_TEXT:
            raise Fault(f"a regular expression on {len(text)} characters")
        states: set[int] = set()
        for at in range(len(text) + 1):
            states = self._closed(states | {self._start}, at, len(text))
            if self._end in states:
                return True
            if at == len(text):
                return False
            moves = (self._over[state] for state in states)
            states = {move[1] for move in moves if move is not None and move[0].fullmatch(text[at])}
        return False

    def _closed(self, states: set[int], at: int, length: int) -> set[int]:
        reached, waiting = set(states), list(states)
        while waiting:
            for condition, state in self._free[waiting.pop()]:
                here = (
                    not condition
                    or (condition == "start" and at == 0)
                    or (condition == "end" and at == length)
                )
                if here and state not in reached:
                    reached.add(state)
                    waiting.append(state)
        return reached
