"""Call budgets in one process: limits, the reserve for writing, what the other side says, and forecasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Surroundings
from connectors.budget import CallLimit, InProcess, window_start
from formats.errors import RemoteUnavailable
from tests.conftest import SteppingClock

MINUTE = CallLimit("minute", 60, 60, reserve=5)
DAY = CallLimit("day", 100, 86_400, reserve=10)


@pytest.fixture
def budget(clock: SteppingClock) -> InProcess:
    return InProcess("Exact Online 123", (MINUTE, DAY), clock)


def test_reading_stops_at_the_reserve_and_writing_goes_on(budget: InProcess) -> None:
    budget.spend(55)
    with pytest.raises(RemoteUnavailable, match="used up") as caught:
        budget.spend()
    assert caught.value.retry_at == datetime(2026, 11, 23, 8, 1, tzinfo=UTC)
    assert "kept for writing" in caught.value.what
    budget.spend(5, writing=True)
    with pytest.raises(RemoteUnavailable):
        budget.spend(writing=True)


def test_a_refused_call_is_not_counted_in_any_limit(budget: InProcess, clock: SteppingClock) -> None:
    budget.spend(55)
    with pytest.raises(RemoteUnavailable):
        budget.spend(2)
    clock.advance(minutes=1)
    assert budget.forecast(1).left == 35


def test_the_next_window_is_whole_again(budget: InProcess, clock: SteppingClock) -> None:
    budget.spend(55)
    clock.advance(seconds=60)
    budget.spend(30)


def test_the_longer_limit_holds_over_many_short_ones(budget: InProcess, clock: SteppingClock) -> None:
    budget.spend(50)
    clock.advance(minutes=1)
    budget.spend(40)
    clock.advance(minutes=1)
    with pytest.raises(RemoteUnavailable, match="this day") as caught:
        budget.spend()
    assert caught.value.retry_at == datetime(2026, 11, 24, tzinfo=UTC)


def test_calls_that_others_made_count_too(budget: InProcess) -> None:
    budget.learn("day", calls=5000, remaining=12)
    assert budget.forecast(3).left == 2
    budget.learn("day", calls=5000, remaining=4000)
    assert budget.forecast(3).left == 2, "an answer that comes late takes nothing back"
    budget.learn("hour", calls=1, remaining=0)
    assert budget.forecast(1).left == 2, "a limit that is not counted changes nothing"


def test_the_forecast_names_the_limit_that_decides(budget: InProcess) -> None:
    assert budget.forecast(20).fits
    short = budget.forecast(70)
    assert (short.fits, short.limit) == (False, "minute")
    assert short.sentence.startswith("this needs 70 calls, and 55 of 60 a minute are left for reading")
    assert "read changes only" in short.sentence
    assert "read changes only" not in budget.forecast(58).sentence


def test_without_limits_everything_fits(clock: SteppingClock) -> None:
    free = InProcess("somewhere", (), clock)
    free.spend(10_000)
    assert free.forecast(10_000).fits


def test_windows_are_counted_from_midnight_utc() -> None:
    now = datetime(2026, 11, 23, 1, 30, 59, tzinfo=UTC).astimezone()
    assert window_start(MINUTE, now) == datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
    assert window_start(DAY, now) == datetime(2026, 11, 23, tzinfo=UTC)
    assert window_start(CallLimit("quarter", 1, 900), now) == datetime(2026, 11, 23, 1, 30, tzinfo=UTC)


def test_a_connector_without_a_ledger_counts_for_itself(clock: SteppingClock) -> None:
    def never(_: str) -> str:
        raise AssertionError

    alone = Surroundings(secret=never, clock=clock, locked=never)  # type: ignore[arg-type]  # not used here
    budget = alone.budget("tenant", CallLimit("hour", 1, 3600))
    budget.spend()
    with pytest.raises(RemoteUnavailable) as caught:
        budget.spend()
    assert caught.value.retry_at == clock() + timedelta(hours=1)
