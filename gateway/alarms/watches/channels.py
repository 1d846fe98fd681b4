"""Channels that take nothing: invoices wait for the other side, or for IT."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select

from gateway.alarms.model import Found
from gateway.pipeline.submission import State, Verdict
from gateway.store.tables import submissions
from gateway.wiring import Gateway

__all__ = ["watch"]


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """Whatever stops at a channel for the provider's or a precondition's sake, for longer than the minutes of
    the settings."""
    before = now - timedelta(minutes=gateway.settings.alarms.channel_minutes)
    resting = (State.READY.value, State.SENDING.value)
    query = (
        select(submissions.c.channel, func.count(), func.min(submissions.c.changed_at))
        .where(
            submissions.c.state.in_((State.PARKED.value, *resting)),
            submissions.c.verdict.in_((Verdict.PROVIDER.value, Verdict.PRECONDITION.value)),
            submissions.c.channel != "",
            (submissions.c.state != State.PARKED.value) | submissions.c.resume_state.in_(resting),
            submissions.c.failures > 0,
        )
        .group_by(submissions.c.channel)
    )
    with gateway.database.read() as connection:
        found = connection.execute(query.order_by(submissions.c.channel)).all()
        for channel, number, since in found:
            if since > before:
                continue
            sentence = connection.scalar(
                select(submissions.c.sentence)
                .where(submissions.c.channel == channel, submissions.c.changed_at == since)
                .limit(1)
            )
            wait = "one invoice waits" if number == 1 else f"{number} invoices wait"
            yield Found(
                subject=channel,
                since=since,
                sentence=f"The channel {channel} takes nothing; {wait}: {sentence or 'no reason is known'}",
                fix=f"gateway check {channel} says what is wrong; what waits goes out by itself afterwards",
            )
