"""Fixtures that all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings

# Shared machines stall now and then; a slow draw or example says nothing about the code.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples each time, so that everybody sees the same; `make explore` looks for new ones.
settings.register_profile("gateway", _PATIENT, derandomize=True, database=None)
settings.register_profile("explore", _PATIENT, max_examples=1_000)
settings.load_profile(os.environ.get("GATEWAY_HYPOTHESIS", "gateway"))


class SteppingClock:
    """A clock that stands still until it is moved: aware, UTC."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Rules that this user has added do not judge in tests, and nothing is left in the home folder.

    All processes of one run share the compiled rules: compiling them takes longer than most tests.
    """
    ours = tmp_path_factory.getbasetemp()
    run = ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.setenv("XDG_CACHE_HOME", str(run / "cache"))
        yield


@pytest.fixture
def clock() -> SteppingClock:
    """A Monday morning that does not pass by itself."""
    return SteppingClock(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
