"""What one check of one document knows, and how much work its rules may still be.

Published rules need a few steps for each element of a document. A rule set from anywhere may ask for every
pair of a million numbers, or for a text that doubles sixty times. So what can grow beyond the document is
counted: loops inside loops that do not go downwards from the element in hand (`metering.py` finds them),
ranges, texts put together. A rule that asks for more than is left cannot be evaluated, which is a finding of
its own; the others go on with a fresh measure.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from datetime import datetime
from typing import Any, Final, TypeVar

from formats.rules.tree import Document
from formats.rules.values import Fault

__all__ = ["State"]

# Steps that one evaluation of one rule may take, and those of all rules together; each element adds some.
_MOST_AT_ONCE: Final = 1_000_000
_AT_ONCE_PER_ELEMENT: Final = 2
_MOST_IN_ALL: Final = 5_000_000
_IN_ALL_PER_ELEMENT: Final = 200
# What each rule still gets when all steps are used up: enough for a published one on an ordinary invoice.
_LEAST: Final = 2_000
_STEPS_OF_A_CALL: Final = 10
_LONG: Final = 4_096
_PER_STEP: Final = 16  # characters

_Sequence = TypeVar("_Sequence", bound=Sized)


class State(dict[str, Any]):
    """One check of one document by one pack: values over the document, computed when first asked for."""

    __slots__ = ("_given", "_lazy", "_left", "_left_in_all", "_most", "d", "known", "now")

    def __init__(
        self, document: Document, lazy: dict[str, Callable[[State], Any]], now: datetime | None = None
    ) -> None:
        super().__init__()
        self.d = document
        self.now = now
        self._lazy = lazy
        self.known: dict[tuple[Any, Any], Any] = {}
        size = len(document.all)
        self._most = self._given = self._left = _MOST_AT_ONCE + _AT_ONCE_PER_ELEMENT * size
        self._left_in_all = _MOST_IN_ALL + _IN_ALL_PER_ELEMENT * size

    def __missing__(self, name: str) -> Any:
        value = self[name] = self._lazy[name](self)
        return value

    def spend(self) -> None:
        """Count a call of a function that calls itself."""
        self._left -= _STEPS_OF_A_CALL
        if self._left < 0:
            raise Fault("a function of the rules called itself too often")

    def start(self) -> bool:
        """A rule that counts its steps begins with one element. Always true, so that it can be a
        condition."""
        self._left_in_all -= self._given - self._left
        self._given = self._left = self._most if self._left_in_all > 0 else _LEAST
        return True

    def apart(self, compute: Callable[[], Any]) -> Any:
        """A value over the document, with a measure of its own: it is not the work of the rule that happens
        to ask first."""
        self.start()
        try:
            return compute()
        finally:
            self.start()

    def over(self, items: _Sequence) -> _Sequence:
        """The items, a step for each. Raises Fault where that is too many."""
        self._take(len(items))
        return items

    def far(self, found: Any) -> Any:
        """What was found, a step for each item; a number stands for as many."""
        self._take(found if found.__class__ is int else len(found))
        return found

    def words(self, text: str) -> str:
        """A text that was put together; a long one costs steps."""
        if len(text) > _LONG:
            self._take(len(text) // _PER_STEP)
        return text

    def _take(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise Fault("it takes more steps than any published rule")
