"""When to try again: growing, capped, jittered, and never before the other side asked us to come back."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

__all__ = ["RetryPolicy"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`first` seconds, then `growth` times longer each time up to `cap`, each shortened at random by up to
    `jitter`.

    After `attempts` failures in a row a submission is parked where people see it; it is still tried every
    `cap`.
    """

    attempts: int = 8
    first: float = 5.0
    growth: float = 2.0
    cap: float = 3600.0
    jitter: float = 0.3
    source: random.Random = field(default_factory=random.Random, repr=False, compare=False)

    def next_try(self, failures: int, *, now: datetime, retry_at: datetime | None = None) -> datetime:
        """The moment of the next attempt after `failures` (1 or more) in a row."""
        exponent = min(max(failures - 1, 0), 64)
        delay = min(self.first * self.growth**exponent, self.cap)
        own = now + timedelta(seconds=delay * (1 - self.jitter * self.source.random()))
        return max(own, retry_at) if retry_at is not None else own

    def exhausted(self, failures: int) -> bool:
        """Whether people should see it by now."""
        return failures >= self.attempts
