"""Call budgets: what one tenant of an ERP lets us call, counted for all that call it together.

A limit is a number of calls in a window of time. Reading the last calls away would leave none to bring status
back, so each limit keeps a reserve that only writing may use. The gateway gives connectors a budget whose
ledger is in the database, shared by all processes; `InProcess` counts for one process, for tests and trials.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from formats.errors import RemoteUnavailable

__all__ = ["CallBudget", "CallLimit", "Forecast", "InProcess", "exhausted", "tightest", "window_start"]


@dataclass(frozen=True, slots=True)
class CallLimit:
    """At most `calls` in each window of `seconds`; windows are counted from midnight UTC.

    `reserve` calls of each window are kept for writing. `name` is what people read: "minute", "day".
    """

    name: str
    calls: int
    seconds: int
    reserve: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """Whether `calls` more reading calls fit: `left` are free now in the tightest limit, named `limit`.

    `resets_at` (aware UTC) is when that limit is whole again, to `whole` calls.
    """

    calls: int
    left: int
    limit: str
    resets_at: datetime
    whole: int = 0

    @property
    def fits(self) -> bool:
        return self.calls <= self.left

    @property
    def sentence(self) -> str:
        """For people, without a final full stop: "this needs 6,200 calls, and 4,950 of 5,000 a day are
        left"."""
        per = f"of {self.whole:,} a {self.limit}" if self.whole else f"of this {self.limit}"
        needs = f"this needs {self.calls:,} calls, and {self.left:,} {per} are left for reading"
        if self.fits:
            return needs
        more = f"; the next begin at {self.resets_at:%H:%M} UTC"
        if self.whole and self.calls > self.whole:
            return f"{needs}{more}, and it takes several: read changes only, or start earlier"
        return needs + more


class CallBudget(Protocol):
    """The ledger of one tenant."""

    def spend(self, calls: int = 1, *, writing: bool = False) -> None:
        """Count calls that are about to be made.

        Raises RemoteUnavailable with `retry_at` when a limit, less its reserve for those who only read, is
        used up; nothing is counted then.
        """
        ...

    def learn(self, limit: str, *, calls: int, remaining: int, resets_at: datetime | None = None) -> None:
        """What the other side said about this limit in an answer: it counts calls that others make, too."""
        ...

    def forecast(self, calls: int) -> Forecast:
        """Whether so many reading calls would fit into the windows that run now."""
        ...


def window_start(limit: CallLimit, now: datetime) -> datetime:
    """When the window of this limit began that `now` lies in, as aware UTC."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    passed = int((now - midnight).total_seconds())
    return midnight + timedelta(seconds=passed - passed % limit.seconds)


def exhausted(
    tenant: str, limit: CallLimit, used: int, calls: int, resets_at: datetime, *, writing: bool
) -> RemoteUnavailable:
    """What `CallBudget.spend` raises where a limit is used up."""
    kept = "" if writing or not limit.reserve else f", the last {limit.reserve} are kept for writing"
    return RemoteUnavailable(
        f"the calls of this {limit.name} are used up ({used:,} of {calls:,}{kept})",
        where=tenant,
        fix="it goes on by itself when the next ones begin",
        retry_at=resets_at,
    )


def tightest(found: Iterable[Forecast], calls: int, now: datetime) -> Forecast:
    """The forecast that decides: one that does not fit, else the one with the least left. Without limits
    anything fits."""
    return min(found, key=lambda one: (one.fits, one.left), default=Forecast(calls, calls, "day", now))


@dataclass(slots=True)
class _Window:
    start: datetime
    used: int
    calls: int
    resets_at: datetime


class InProcess:
    """A budget that counts for this process only; thread-safe."""

    def __init__(self, tenant: str, limits: tuple[CallLimit, ...], clock: Callable[[], datetime]) -> None:
        self._tenant, self._limits, self._clock = tenant, limits, clock
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}

    def spend(self, calls: int = 1, *, writing: bool = False) -> None:
        with self._lock:
            windows = [self._window(limit) for limit in self._limits]
            for limit, window in zip(self._limits, windows, strict=True):
                free = window.calls - window.used - (0 if writing else limit.reserve)
                if calls > free:
                    raise exhausted(
                        self._tenant, limit, window.used, window.calls, window.resets_at, writing=writing
                    )
            for window in windows:
                window.used += calls

    def learn(self, limit: str, *, calls: int, remaining: int, resets_at: datetime | None = None) -> None:
        with self._lock:
            for known in self._limits:
                if known.name == limit:
                    window = self._window(known)
                    window.calls = calls
                    window.used = max(window.used, calls - remaining)
                    window.resets_at = resets_at or window.resets_at

    def forecast(self, calls: int) -> Forecast:
        with self._lock:
            found = [
                Forecast(
                    calls,
                    max(0, window.calls - window.used - limit.reserve),
                    limit.name,
                    window.resets_at,
                    window.calls,
                )
                for limit, window in ((limit, self._window(limit)) for limit in self._limits)
            ]
        return tightest(found, calls, self._clock())

    def _window(self, limit: CallLimit) -> _Window:
        now = self._clock()
        start = window_start(limit, now)
        window = self._windows.get(limit.name)
        if window is None or now >= window.resets_at:
            window = _Window(start, 0, limit.calls, start + timedelta(seconds=limit.seconds))
            self._windows[limit.name] = window
        return window
