"""Fixtures that all tests share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings

# Shared machines stall now and then; a slow draw or example says nothing about the code.
settings.register_profile("gateway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gateway")


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
