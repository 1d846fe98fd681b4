"""Days of the proleptic Gregorian calendar by number, as XML Schema 1.1 counts them: any year, with a year
zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["DAY", "MINUTE", "date_text", "day_number", "microseconds_of"]

MINUTE: Final = 60_000_000  # microseconds
DAY: Final = 1_440 * MINUTE
_LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CYCLE: Final = 146_097  # days in 400 years


def day_number(year: int, month: int, day: int) -> int:
    """Days since the first of March of year zero. Raises ValueError for a day that does not exist."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= _LENGTHS[month - 1] + (leap and month == 2):
        raise ValueError("no such day")
    # Years begin in March here, so that the leap day comes last.
    year -= month < 3
    cycle, year = divmod(year, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return cycle * _CYCLE + year * 365 + year // 4 - year // 100 + of_year


def _day_of(number: int) -> tuple[int, int, int]:
    cycle, rest = divmod(number, _CYCLE)
    year = (rest - rest // 1_460 + rest // 36_524 - rest // 146_096) // 365
    of_year = rest - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    return cycle * 400 + year + (month >= 10), (month + 2) % 12 + 1, day


def microseconds_of(moment: datetime) -> int:
    """An aware moment as microseconds of UTC since the same day."""
    return day_number(1970, 1, 1) * DAY + (moment - _EPOCH) // timedelta(microseconds=1)


def date_text(kind: str, at: int, east: int | None) -> str:
    """The text of a day, a moment or a time in its own zone."""
    day, time = divmod(at + (east or 0) * MINUTE, DAY)
    parts = []
    if kind != "time":
        year, month, day = _day_of(day)
        parts.append(f"{'-' if year < 0 else ''}{abs(year):04}-{month:02}-{day:02}")
    if kind != "date":
        minutes, rest = divmod(time, MINUTE)
        seconds = f"{rest // 1_000_000:02}" + f".{rest % 1_000_000:06}".rstrip("0").rstrip(".")
        parts.append(f"{minutes // 60:02}:{minutes % 60:02}:{seconds}")
    if east is None:
        zone = ""
    elif east == 0:
        zone = "Z"
    else:
        zone = f"{'-' if east < 0 else '+'}{abs(east) // 60:02}:{abs(east) % 60:02}"
    return "T".join(parts) + zone
