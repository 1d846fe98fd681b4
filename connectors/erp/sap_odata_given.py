"""Which billing documents were handed on: a cancellation is news only where its invoice went out.

Kept in the connector's own state, newest first, saved before the page that holds them is given: after a crash
a document may be known here that was never stored, and then both it and its cancellation are given, which is
right as well.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from connectors.base import StateCell

__all__ = ["Given"]

_MOST: Final = 50_000
_CELL: Final = "given"


class Given:
    """The numbers of the last 50,000 documents; where there were more, all others count as given."""

    def __init__(self, locked: Callable[[str], AbstractContextManager[StateCell]]) -> None:
        self._locked = locked
        with locked(_CELL) as cell:
            self._numbers = dict.fromkeys(filter(None, cell.value.split(" ")))
        self._new = False

    def __contains__(self, number: str) -> bool:
        return number in self._numbers or len(self._numbers) >= _MOST

    def add(self, number: str) -> None:
        if number not in self._numbers:
            self._numbers[number] = None
            self._new = True

    def save(self) -> None:
        """Write what is new."""
        if not self._new:
            return
        with self._locked(_CELL) as cell:
            cell.save(" ".join(list(self._numbers)[-_MOST:]))
        self._new = False
