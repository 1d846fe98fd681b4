"""Channels that take nothing: invoices wait for the other side or for IT, or nobody can send to us."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select

from connectors.channels.peppol.channel import Peppol
from formats.errors import EInvoicingError
from gateway.alarms.model import Found
from gateway.alarms.watches import patience
from gateway.peppol import access_points
from gateway.pipeline.stops import ONE_INVOICE
from gateway.pipeline.submission import State, Verdict
from gateway.store import sides
from gateway.store.sides import Errand, Failing
from gateway.store.tables import attempts, journal, submissions
from gateway.wiring import Gateway

__all__ = ["watch"]

_FIX: Final = "gateway check {} says what is wrong; what waits goes out by itself afterwards"


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """Channels that fail: at once what IT has to mend, after the minutes of the settings what may heal by
    itself, and what stops there for another reason. At once, that access points of ours cannot be reached, or
    have to turn senders away."""
    yield from _unreachable(gateway)
    yield from _untold(gateway)
    before = now - timedelta(minutes=gateway.settings.alarms.channel_minutes)
    with gateway.database.read() as connection:
        waiting = {channel: (number, since) for channel, number, since in connection.execute(_WAITING)}
        failing = sides.failing(connection)
        for name in (one.name for one in gateway.settings.channels):
            number, since = waiting.pop(name, (0, now))
            worst = patience.told(
                failing.get(sides.channel(name), ()), gateway.settings.alarms.channel_minutes, now
            )
            if worst is not None:
                yield _failing(name, worst, _held_up(connection, name))
            elif number and since <= before and not _sent_since(connection, name, since):
                yield _stopped(connection, name, number, since)
        # Channels that are not configured any more, and still have invoices.
        for name, (number, since) in sorted(waiting.items()):
            if since <= before:
                yield _stopped(connection, name, number, since)


_RESTING: Final = (State.READY.value, State.SENDING.value)
# Each try moves `changed_at`, the attempt stays open from the first one on.
_BEGAN: Final[ColumnElement[datetime]] = func.coalesce(
    select(func.min(attempts.c.opened_at))
    .where(
        attempts.c.submission == submissions.c.id,
        attempts.c.channel == submissions.c.channel,
        attempts.c.closed_at.is_(None),
    )
    .correlate(submissions)
    .scalar_subquery(),
    submissions.c.changed_at,
)
_LAST_STOP: Final = (
    select(journal.c.data)
    .where(journal.c.submission == submissions.c.id, journal.c.event.in_(("waiting", "parked")))
    .order_by(journal.c.seq.desc())
    .limit(1)
    .correlate(submissions)
    .scalar_subquery()
)
# What concerns one receiver says nothing about the channel, however long nothing else is sent over it.
_STUCK: Final = (
    submissions.c.state.in_((State.PARKED.value, *_RESTING)),
    submissions.c.verdict.in_((Verdict.PROVIDER.value, Verdict.PRECONDITION.value)),
    submissions.c.channel != "",
    (submissions.c.state != State.PARKED.value) | submissions.c.resume_state.in_(_RESTING),
    submissions.c.failures > 0,
    func.coalesce(_LAST_STOP, "").not_like(f'%"concerns":"{ONE_INVOICE}"%'),
)
_WAITING: Final = (
    select(submissions.c.channel, func.count(), func.min(_BEGAN))
    .where(*_STUCK)
    .group_by(submissions.c.channel)
)


def _failing(channel: str, worst: Failing, number: int) -> Found:
    what = "does not say what arrived" if worst.errand is Errand.FOLLOW else "takes nothing"
    wait = "" if not number else "; one invoice waits" if number == 1 else f"; {number} invoices wait"
    return Found(
        subject=channel,
        since=worst.since,
        sentence=f"The channel {channel} {what}{wait}: {worst.what}",
        fix=(f"{worst.fix}; " if worst.fix else "") + _FIX.format(channel),
        level=patience.level(worst),
    )


def _held_up(connection: Connection, channel: str) -> int:
    """How many invoices are not out over this channel: those that found out, and those that wait for them."""
    query = select(func.count()).where(
        submissions.c.channel == channel,
        submissions.c.state.in_(_RESTING)
        | ((submissions.c.state == State.PARKED.value) & submissions.c.resume_state.in_(_RESTING)),
    )
    return connection.scalar(query) or 0


def _stopped(connection: Connection, channel: str, number: int, since: datetime) -> Found:
    sentence = connection.scalar(
        select(submissions.c.sentence)
        .where(*_STUCK, submissions.c.channel == channel)
        .order_by(_BEGAN, submissions.c.id)
        .limit(1)
    )
    wait = "one invoice waits" if number == 1 else f"{number} invoices wait"
    return Found(
        subject=channel,
        since=since,
        sentence=f"The channel {channel} takes nothing; {wait}: {sentence or 'no reason is known'}",
        fix=_FIX.format(channel),
    )


def _sent_since(connection: Connection, channel: str, moment: datetime) -> bool:
    """Whether others went out meanwhile: then the channel is well, and the work list has what waits."""
    query = select(submissions.c.id).where(submissions.c.channel == channel, submissions.c.sent_at > moment)
    return connection.execute(query.limit(1)).first() is not None


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
