"""A circuit breaker for each receiving access point: where one is down, one message finds out and the
others wait.

Closed: messages go out. Open, after some failures in a row: none does, until a pause is over; each further
failure makes it longer. Half open, after the pause: one message tries, and its outcome decides. It lives in
one process and forgets when that ends, which costs a few attempts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock
from typing import Final

__all__ = ["CircuitBreaker", "CircuitState"]


# Where endpoints are is what others write into their metadata.
_MOST_CIRCUITS: Final = 1_000


class CircuitState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


@dataclass(slots=True)
class _Circuit:
    failed: set[str] = field(default_factory=set)
    trials: int = 0
    open_until: datetime | None = None
    trial_ends: datetime | None = None


class CircuitBreaker:
    """All access points by name (seat id and where it listens). Safe to share between threads.

    Opens after `failures` of different messages in a row, for one that is tried again says nothing new, for
    `pause`, which doubles with each failed trial up to `longest`. A trial
    that never reports is forgotten after `trial`.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        failures: int = 5,
        pause: timedelta = timedelta(minutes=1),
        longest: timedelta = timedelta(hours=1),
        trial: timedelta = timedelta(minutes=5),
    ) -> None:
        self._clock = clock
        self._failures = failures
        self._pause = pause
        self._longest = longest
        self._trial = trial
        self._circuits: dict[str, _Circuit] = {}
        self._lock = Lock()

    def enter(self, name: str) -> datetime | None:
        """Ask before an attempt: None is leave to send, otherwise the (aware) moment to ask again."""
        with self._lock:
            circuit = self._circuits.get(name)
            if circuit is None or circuit.open_until is None:
                return None
            now = self._clock()
            if now < circuit.open_until:
                return circuit.open_until
            if circuit.trial_ends is not None and now < circuit.trial_ends:
                return circuit.trial_ends
            circuit.trial_ends = now + self._trial
            return None

    def succeeded(self, name: str) -> None:
        """The access point answered, be it with an error."""
        with self._lock:
            self._circuits.pop(name, None)

    def failed(self, name: str, message: str) -> None:
        """The access point could not be reached with this message, or answered nothing that makes sense."""
        with self._lock:
            circuit = self._circuits.setdefault(name, _Circuit())
            if len(self._circuits) > _MOST_CIRCUITS:
                del self._circuits[next(iter(self._circuits))]
            circuit.trial_ends = None
            if circuit.open_until is not None:
                circuit.trials += 1
            elif len(circuit.failed | {message}) < self._failures:
                circuit.failed.add(message)
                return
            # Bounded, for a power of two overflows long before the pause does.
            pause = min(self._pause * 2 ** min(circuit.trials, 20), self._longest)
            circuit.open_until = self._clock() + pause

    def state(self, name: str) -> CircuitState:
        """Where it stands now, for people."""
        with self._lock:
            circuit = self._circuits.get(name)
            if circuit is None or circuit.open_until is None:
                return CircuitState.CLOSED
            return CircuitState.OPEN if self._clock() < circuit.open_until else CircuitState.HALF_OPEN
