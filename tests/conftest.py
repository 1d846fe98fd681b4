"""Fixtures that all tests share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest


class SteppingClock:
    """A clock that stands still until it is moved: aware, UTC."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> SteppingClock:
    """A Monday morning that does not pass by itself."""
    return SteppingClock(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
