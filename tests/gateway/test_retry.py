"""Delays grow, are capped, and respect what the other side asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.retry import RetryPolicy

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
POLICY = RetryPolicy(attempts=5, first=2.0, growth=3.0, cap=600.0, jitter=0.25)


@given(st.integers(min_value=1, max_value=10_000))
def test_a_delay_lies_between_its_share_and_the_cap(failures: int) -> None:
    full = min(2.0 * 3.0 ** min(failures - 1, 64), 600.0)
    delay = (POLICY.next_try(failures, now=NOW) - NOW).total_seconds()
    assert full * 0.75 - 0.001 <= delay <= full


@given(st.integers(min_value=1, max_value=50), st.integers(min_value=0, max_value=86_400))
def test_nobody_comes_back_before_they_were_asked_to(failures: int, seconds: int) -> None:
    retry_at = NOW + timedelta(seconds=seconds)
    assert POLICY.next_try(failures, now=NOW, retry_at=retry_at) >= retry_at


def test_people_see_it_after_the_last_attempt() -> None:
    assert [POLICY.exhausted(failures) for failures in (1, 4, 5, 6)] == [False, False, True, True]
