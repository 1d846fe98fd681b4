"""Which of our messages an access point has answered with an error of its own.

Stacks remember the id of a message before they have stored it. When storing fails they say so, and call the
repetition a duplicate: a message that nobody has. So "already there" proves an arrival only where no error
came before it, that is where answers were lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from connectors.base import StateCell

__all__ = ["Refusals"]

_CELL: Final = "messages answered with an error"
# Repetitions follow within hours; older ones make room.
_MOST: Final = 2000


class Refusals:
    """The newest 2,000 message ids, shared by all processes of an installation and kept over restarts."""

    def __init__(self, locked: Callable[[str], AbstractContextManager[StateCell]]) -> None:
        self._locked = locked

    def note(self, message_id: str) -> None:
        """An error came for this message. Safe to repeat; committed when it returns."""
        with self._locked(_CELL) as cell:
            known = _read(cell.value)
            if message_id not in known:
                cell.save(json.dumps([*known, message_id][-_MOST:]))

    def __contains__(self, message_id: str) -> bool:
        with self._locked(_CELL) as cell:
            return message_id in _read(cell.value)


def _read(text: str) -> list[str]:
    return json.loads(text) if text else []
