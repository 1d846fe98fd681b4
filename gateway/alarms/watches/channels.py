"""Channels that take nothing: invoices wait for the other side or for IT, or nobody can send to us."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select

from connectors.channels.peppol.channel import Peppol
from formats.errors import EInvoicingError
from gateway.alarms.model import Found
from gateway.peppol import access_points
from gateway.pipeline.submission import State, Verdict
from gateway.store.tables import submissions
from gateway.wiring import Gateway

__all__ = ["watch"]


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """Whatever stops at a channel for the provider's or a precondition's sake, for longer than the minutes of
    the settings; at once, that access points of ours cannot be reached, or have to turn senders away."""
    yield from _unreachable(gateway)
    yield from _untold(gateway)
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


def _unreachable(gateway: Gateway) -> Iterator[Found]:
    """Of this process; no other one knows."""
    if gateway.not_listening is None:
        return
    since, error = gateway.not_listening
    receiving = [one.name for one in _points(gateway) if one.settings.receive]
    if receiving:
        yield Found(
            subject="web",
            since=since,
            sentence=f"Nobody can send to {', '.join(receiving)}: {error.what}",
            fix=f"{error.fix}; it is tried again by itself every few seconds",
        )


def _untold(gateway: Gateway) -> Iterator[Found]:
    for channel in _points(gateway):
        for one in channel.network.untold:
            yield Found(
                subject=f"{channel.name}: {one.authority}",
                since=one.since,
                sentence=f"Whether certificates of {one.authority} were taken back cannot be told, so that "
                f"senders are asked to come again: {one.text}",
                fix="nothing to do at first, it is asked again; if it lasts, let the authority's addresses "
                "through the firewall, or set revocation_soft_fail_hours",
            )


def _points(gateway: Gateway) -> Iterator[Peppol]:
    for name in (one.name for one in gateway.settings.channels if one.kind == "peppol"):
        try:
            found = access_points.named(gateway, name)
        except EInvoicingError:  # said by gateway check; the others are still looked at
            continue
        if found is not None:
            yield found
