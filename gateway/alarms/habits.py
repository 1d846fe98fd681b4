"""What a sender's own past says about its silence. Pure: days in, a sentence out.

A sender has weekdays on which it sends. Between two days on which something came lie so many of those
weekdays without anything: that is a pause. A silence is told when it has outlasted every pause that is usual
for this sender; with 50 pauses or more, the longest one in 50 does not count as usual.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

__all__ = ["Silence", "silence", "weekdays_in_words"]

_LEAST_SPAN: Final = timedelta(days=28)
_RARE: Final = 4
_OUTLIERS: Final = 50
_REGULAR: Final = 4
_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence that is longer than usual: the last day something came, the weekdays (0 is Monday) on which
    something usually comes, how many of these have passed since, and how many did at most before."""

    last: date
    weekdays: tuple[int, ...]
    passed: int
    usual: int
    known: int

    def sentence(self, who: str, *, buyer: bool = False) -> str:
        """What is unusual; `buyer` where `who` is one that is sent to."""
        does = "usually gets invoices" if buyer else "usually sends"
        such = "day of these" if self.passed == 1 else "days of these"
        before = (
            "it never let one pass before"
            if self.usual == 0
            else f"it usually lets pass {self.usual} at most"
        )
        return (
            f"{who} {does} on {weekdays_in_words(self.weekdays)}; nothing has come since "
            f"{_NAMES[self.last.weekday()]} {self.last.day} {self.last:%B %Y}, {self.passed} {such}, "
            f"and {before} (learned from {self.known} days with invoices)"
        )


def silence(days: Sequence[date], today: date, *, least_days: int, patience: int = 1) -> Silence | None:
    """Whether it is too long since the last of `days` (sorted, each once), by these days alone.

    Today is not over, so it does not count. None without `least_days` days over four weeks, and where fewer
    than `patience` usual days have passed.
    """
    if len(days) < least_days or days[-1] - days[0] < _LEAST_SPAN:
        return None
    weekdays = _weekdays(days)
    calendar = [
        day
        for day in (days[0] + timedelta(days=number) for number in range((today - days[0]).days))
        if day.weekday() in weekdays
    ]
    pauses = sorted(
        bisect_left(calendar, late) - bisect_right(calendar, early) for early, late in pairwise(days)
    )
    usual = pauses[len(pauses) - 1 - len(pauses) // _OUTLIERS]
    # Who keeps no strict rhythm is given half as much time again.
    limit = usual + 1 if usual < _REGULAR else usual + usual // 2 + 1
    passed = len(calendar) - bisect_right(calendar, days[-1])
    if passed < max(limit, patience):
        return None
    return Silence(days[-1], weekdays, passed, usual, len(days))


def weekdays_in_words(weekdays: Iterable[int]) -> str:
    """ "Mondays to Fridays", "Mondays and Thursdays", "all days"."""
    found = sorted(weekdays)
    if len(found) == 7:
        return "all days"
    names = [f"{_NAMES[day]}s" for day in found]
    if len(found) > 2 and found[-1] - found[0] == len(found) - 1:
        return f"{names[0]} to {names[-1]}"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _weekdays(days: Sequence[date]) -> tuple[int, ...]:
    """The weekdays on which something comes, without those on which it came by way of exception."""
    numbers = [0] * 7
    for day in days:
        numbers[day.weekday()] += 1
    return tuple(day for day, number in enumerate(numbers) if number * _RARE >= max(numbers))
