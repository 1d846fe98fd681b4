"""The circuit breaker's states, by a clock that is moved by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.channels.peppol.as4 import CircuitBreaker, CircuitState
from tests.conftest import SteppingClock


@pytest.fixture
def breaker(clock: SteppingClock) -> CircuitBreaker:
    return CircuitBreaker(clock, failures=3, pause=timedelta(minutes=1), longest=timedelta(minutes=3))


def fail(breaker: CircuitBreaker, times: int) -> None:
    for number in range(times):
        breaker.enter("A")
        breaker.failed("A", f"message {number}")


def test_some_failures_do_not_open_it(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    assert breaker.enter("A") is None
    assert breaker.state("A") is CircuitState.CLOSED


def test_a_success_in_between_starts_the_count_anew(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    breaker.succeeded("A")
    fail(breaker, 2)
    assert breaker.enter("A") is None


def test_it_opens_for_one_access_point_and_not_for_the_others(
    breaker: CircuitBreaker, clock: SteppingClock
) -> None:
    fail(breaker, 3)
    assert breaker.state("A") is CircuitState.OPEN
    assert breaker.enter("A") == clock() + timedelta(minutes=1)
    assert breaker.enter("B") is None


def test_after_the_pause_one_message_tries_and_the_others_wait(
    breaker: CircuitBreaker, clock: SteppingClock
) -> None:
    fail(breaker, 3)
    clock.advance(minutes=1)
    assert breaker.state("A") is CircuitState.HALF_OPEN
    assert breaker.enter("A") is None
    assert breaker.enter("A") == clock() + timedelta(minutes=5)
    breaker.succeeded("A")
    assert [breaker.enter("A"), breaker.enter("A")] == [None, None]


def test_a_failed_trial_makes_the_pause_longer_up_to_its_end(
    breaker: CircuitBreaker, clock: SteppingClock
) -> None:
    fail(breaker, 3)
    for minutes in (2, 3, 3):
        clock.advance(minutes=5)
        fail(breaker, 1)
        assert breaker.enter("A") == clock() + timedelta(minutes=minutes)


def test_a_trial_that_never_reports_is_forgotten(breaker: CircuitBreaker, clock: SteppingClock) -> None:
    fail(breaker, 3)
    clock.advance(minutes=1)
    assert breaker.enter("A") is None
    clock.advance(minutes=5)
    assert breaker.enter("A") is None


def test_one_message_tried_again_and_again_does_not_open_it(breaker: CircuitBreaker) -> None:
    for _ in range(10):
        breaker.failed("A", "one")
    assert breaker.enter("A") is None
