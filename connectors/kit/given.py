"""Which documents were handed on: a cancellation or deletion is news only where its invoice went out.

Kept in the connector's own state, newest last, and to be saved before the page that holds them is given:
after a crash a document may be known here that was never stored, and is then spoken of once too often, which
is better than never.
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
    """The keys of the last 50,000 documents, each with a note where one was made (an invoice number).

    Where there were more, all others count as given if `beyond` says so. Keys and notes have no blanks.
    """

    def __init__(
        self, locked: Callable[[str], AbstractContextManager[StateCell]], *, beyond: bool = True
    ) -> None:
        self._locked, self._beyond = locked, beyond
        with locked(_CELL) as cell:
            entries = (entry.partition("=") for entry in cell.value.split())
            self._notes = {key: note for key, _, note in entries}
        self._new = False

    def __contains__(self, key: str) -> bool:
        return key in self._notes or (self._beyond and len(self._notes) >= _MOST)

    def note(self, key: str) -> str:
        """What was noted of a document, "" where that is nothing."""
        return self._notes.get(key, "")

    def add(self, key: str, note: str = "") -> None:
        if key not in self._notes:
            self._notes[key] = note
            self._new = True

    def save(self) -> None:
        """Write what is new."""
        if not self._new:
            return
        entries = [f"{key}={note}" if note else key for key, note in self._notes.items()][-_MOST:]
        with self._locked(_CELL) as cell:
            cell.save(" ".join(entries))
        self._new = False
