"""What an imitated side does later by itself: a status after some seconds, a buyer's answer after more."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Agenda"]

_FOREVER: Final = 3600.0


@dataclass(order=True, slots=True)
class _Entry:
    due: float
    position: int
    action: Callable[[], object] = field(compare=False)


class Agenda:
    """Actions with a delay in seconds, done one after the other in a thread of its own, which runs from
    `start` to `stop`.

    `failures` holds the tracebacks of actions that broke. What is still open at `stop` is dropped.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._entries: list[_Entry] = []
        self._positions = itertools.count()
        self._changed = threading.Condition()
        self._running = False
        self._busy = False
        self._thread: threading.Thread | None = None
        self.failures: list[str] = []

    def start(self) -> None:
        """Does nothing where it is running."""
        if self._thread is None:
            self._running = True
            self._thread = threading.Thread(target=self._run, name=self._name)
            self._thread.start()

    def stop(self) -> None:
        """Waits for the action that is being done; safe to repeat."""
        with self._changed:
            self._running = False
            self._entries.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def add(self, delay: float, action: Callable[[], object]) -> None:
        """Do this in so many seconds."""
        with self._changed:
            entry = _Entry(time.monotonic() + delay, next(self._positions), action)
            heapq.heappush(self._entries, entry)
            self._changed.notify_all()

    def idle(self, timeout: float) -> bool:
        """Wait until nothing is left to do; False when `timeout` seconds have passed before."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._entries and not self._busy, timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                while self._running and (wait := self._wait()) > 0:
                    self._changed.wait(wait)
                if not self._running:
                    return
                entry = heapq.heappop(self._entries)
                self._busy = True
            try:
                entry.action()
            except Exception:  # noqa: BLE001 - one broken action must not end all others; tests look at failures
                self.failures.append(traceback.format_exc())

    def _wait(self) -> float:
        return self._entries[0].due - time.monotonic() if self._entries else _FOREVER
