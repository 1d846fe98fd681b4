"""Work that is due and that no worker takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select

from gateway.alarms.model import Found
from gateway.pipeline.submission import WORKABLE
from gateway.store.tables import submissions
from gateway.wiring import Gateway

__all__ = ["watch"]


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """Invoices that are due for longer than the minutes of the settings: the workers hang, or are too few."""
    before = now - timedelta(minutes=gateway.settings.alarms.waiting_minutes)
    states = tuple(state.value for state in WORKABLE)
    query = select(func.count(), func.min(submissions.c.due_at)).where(
        submissions.c.state.in_(states), submissions.c.due_at <= before
    )
    with gateway.database.read() as connection:
        number, since = connection.execute(query).one()
    if number:
        what = "One invoice is" if number == 1 else f"{number} invoices are"
        minutes = int((now - since).total_seconds() // 60)
        yield Found(
            subject="workers",
            since=since,
            sentence=f"{what} due and nobody works on them, the oldest for {minutes} minutes",
            fix="look whether gateway run works, and into its log; more workers are set in gateway.yaml",
        )
