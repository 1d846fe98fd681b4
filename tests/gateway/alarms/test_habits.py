"""A silence is told by the sender's own past, and only when that past is long enough."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from gateway.alarms.habits import silence, weekdays_in_words

MONDAY = date(2026, 6, 1)


def days(number: int, keep: object) -> list[date]:
    every = [MONDAY + timedelta(days=one) for one in range(number)]
    return [day for day in every if keep(day)]  # type: ignore[operator]


WORKDAYS = days(140, lambda day: day.weekday() < 5)
LAST = WORKDAYS[-1]  # a Friday


def test_a_weekend_is_no_silence_for_who_sends_on_workdays() -> None:
    assert silence(WORKDAYS, LAST + timedelta(days=3), least_days=10) is None


def test_one_workday_without_anything_is_one_for_who_never_let_one_pass() -> None:
    found = silence(WORKDAYS, LAST + timedelta(days=4), least_days=10)
    assert found is not None
    assert (found.passed, found.usual, found.weekdays) == (1, 0, (0, 1, 2, 3, 4))
    assert found.sentence("Ruis") == (
        "Ruis usually sends on Mondays to Fridays; nothing has come since Friday 16 October 2026, "
        "1 day of these, and it never let one pass before (learned from 100 days with invoices)"
    )


def test_today_is_not_over_and_does_not_count() -> None:
    assert silence(WORKDAYS, LAST + timedelta(days=3), least_days=10, patience=1) is None


def test_one_holiday_in_fifty_pauses_does_not_make_everything_later_usual() -> None:
    with_holiday = [day for day in WORKDAYS if not date(2026, 7, 6) <= day <= date(2026, 7, 17)]
    assert silence(with_holiday, LAST + timedelta(days=4), least_days=10) is not None


def test_who_sends_on_mondays_only_is_late_after_the_next_monday() -> None:
    mondays = days(140, lambda day: day.weekday() == 0)
    assert silence(mondays, mondays[-1] + timedelta(days=7), least_days=10) is None
    late = silence(mondays, mondays[-1] + timedelta(days=8), least_days=10)
    assert late is not None
    assert late.weekdays == (0,)


def test_who_sends_once_a_month_is_not_late_after_a_month() -> None:
    monthly = [date(2025 + month // 12, month % 12 + 1, 15) for month in range(14)]
    assert silence(monthly, monthly[-1] + timedelta(days=31), least_days=10) is None
    assert silence(monthly, monthly[-1] + timedelta(days=80), least_days=10) is not None


@pytest.mark.parametrize("number", [0, 1, 9])
def test_little_is_not_enough_to_say_anything(number: int) -> None:
    assert silence(WORKDAYS[:number], LAST, least_days=10) is None


def test_a_short_time_is_not_enough_to_say_anything() -> None:
    assert silence(WORKDAYS[:15], LAST, least_days=10) is None


@pytest.mark.parametrize(
    ("weekdays", "words"),
    [
        ((0, 1, 2, 3, 4), "Mondays to Fridays"),
        ((0,), "Mondays"),
        ((1, 3), "Tuesdays and Thursdays"),
        ((0, 2, 4), "Mondays, Wednesdays and Fridays"),
        (range(7), "all days"),
    ],
)
def test_weekdays_are_named_as_people_do(weekdays: tuple[int, ...], words: str) -> None:
    assert weekdays_in_words(weekdays) == words
