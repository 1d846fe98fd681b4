"""When a failing side is told: at once where IT has to mend something, after some time where it may heal by
itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from gateway.pipeline.submission import Verdict
from gateway.store.sides import Failing

__all__ = ["level", "told"]


def told(failing: Iterable[Failing], minutes: float, now: datetime) -> Failing | None:
    """The first of these that people hear of now; `minutes` is the patience with what heals by itself."""
    before = now - timedelta(minutes=minutes)
    return next((one for one in failing if one.verdict != Verdict.PROVIDER or one.since <= before), None)


def level(one: Failing) -> int:
    """One higher where nothing heals by itself."""
    return int(one.verdict != Verdict.PROVIDER)
