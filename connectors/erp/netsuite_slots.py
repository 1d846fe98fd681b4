"""Requests at the same time: all connectors of one NetSuite account share its places, and wait when it is
full.

NetSuite counts the requests of an account that run at the same time, of SOAP and REST and of all integrations
together, and refuses those beyond the limit without saying when to come back (SuiteTalk guide, Concurrency
Governance). So each process takes a place before it asks, and a refused request waits longer each time.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from formats.errors import RemoteUnavailable

__all__ = ["Busy", "Patience", "Slots", "slots"]

_LONGEST_WAIT: Final = 60.0
_Outcome = TypeVar("_Outcome")


class Busy(Exception):
    """The account refused because of its limit of requests at the same time; nothing was done."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a refused request is made in all, and how many seconds the first pause lasts; each further
    one is twice as long, 60 seconds at most, and up to half of it random."""

    attempts: int = 5
    seconds: float = 1.0

    def make(self, request: Callable[[], _Outcome], *, where: str) -> _Outcome:
        """The outcome of the request; RemoteUnavailable where the account stays full."""
        for attempt in range(self.attempts):
            if attempt:
                pause = min(self.seconds * 2 ** (attempt - 1), _LONGEST_WAIT)
                # So that several processes do not come back at the same moment.
                threading.Event().wait(pause * (1 - random.random() / 2))  # noqa: S311
            try:
                return request()
            except Busy:
                continue
        raise RemoteUnavailable(
            "too many requests of all integrations ran at the same time in NetSuite",
            where=where,
            fix="it is tried again by itself; if it lasts, lower `parallel`, or give the integration record "
            "a concurrency limit of its own",
        )


class Slots:
    """Places for requests of one account in this process; the smallest number that was asked for counts."""

    def __init__(self, places: int) -> None:
        self._free = threading.Condition()
        self._places, self._taken = places, 0

    def limit(self, places: int) -> None:
        """At most so many places from now on."""
        with self._free:
            self._places = min(self._places, places)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place, first come first served as far as the system's threads are."""
        with self._free:
            self._free.wait_for(lambda: self._taken < self._places)
            self._taken += 1
        try:
            yield
        finally:
            with self._free:
                self._taken -= 1
                self._free.notify()


_lock: Final = threading.Lock()
_known: Final[dict[str, Slots]] = {}


def slots(account: str, places: int) -> Slots:
    """The places of an account, shared by all who name it the same way."""
    with _lock:
        found = _known.setdefault(account, Slots(places))
    found.limit(places)
    return found
