"""Invoices behind a shut channel: one of them was told why, the others have not knocked.

Which channel is shut is known only in the memory of the process that works. What the database shows of it:
an invoice that stopped at the channel with the verdict precondition, and others that are ready for the same
channel and were put off without a stop of their own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select

from gateway.pipeline.submission import State, Verdict
from gateway.store import submissions as store
from gateway.store.finding import Sums
from gateway.store.submissions import Submission
from gateway.store.tables import HAS_VERDICT, submissions

__all__ = ["Behind", "Held", "groups", "of"]

# Where an invoice stops of which a channel has told us that it lets nothing through.
_AT_THE_CHANNEL: Final = (State.READY, State.SENDING, State.SENT)
_MOST_LOOKED_AT: Final = 500

Sources = tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Held:
    """A shut channel, and the invoice that was told why; None where it is one that may not be seen."""

    channel: str
    stop: Submission | None


@dataclass(frozen=True, slots=True)
class Behind:
    """What waits behind one shut channel: number and worth, without the invoice that was told why."""

    held: Held
    all: Sums


def groups(connection: Connection, sources: Sources) -> tuple[Behind, ...]:
    """Each shut channel with something behind it, by name."""
    stops = _stops(connection)
    if not stops:
        return ()
    columns = submissions.c
    query = select(columns.channel, columns.currency, func.count(), func.sum(columns.amount))
    query = query.where(*_put_off(stops), *_among(sources)).group_by(columns.channel, columns.currency)
    counted: dict[str, Sums] = {}
    for channel, currency, number, amount in connection.execute(query):
        before = counted.get(channel, Sums(0, {}))
        worth = {currency: amount} if currency and amount is not None else {}
        counted[channel] = Sums(before.count + number, dict(sorted({**before.amounts, **worth}.items())))
    return tuple(
        Behind(Held(channel, _seen(stops[channel], sources)), counted[channel]) for channel in sorted(counted)
    )


def of(connection: Connection, submission: Submission, sources: Sources) -> Held | None:
    """What this invoice waits behind; None for one that is on its way or has a reason of its own."""
    if submission.state is not State.READY or submission.verdict or not submission.channel:
        return None
    if submission.due_at is None or submission.due_at <= submission.changed_at:
        return None
    stops = _stops(connection)
    if submission.channel not in stops:
        return None
    return Held(submission.channel, _seen(stops[submission.channel], sources))


def _stops(connection: Connection) -> dict[str, list[Submission]]:
    """The invoices that stopped at a channel for what IT has to mend, by channel, the latest first."""
    columns = submissions.c
    query = select(submissions).where(
        columns.state == State.PARKED,
        columns.verdict == Verdict.PRECONDITION,
        HAS_VERDICT,
        columns.resume_state.in_(_AT_THE_CHANNEL),
        columns.channel != "",
    )
    found: dict[str, list[Submission]] = {}
    for row in connection.execute(query.order_by(columns.changed_at.desc()).limit(_MOST_LOOKED_AT)):
        stop = store.read_row(row)
        found.setdefault(stop.channel, []).append(stop)
    return found


def _put_off(channels: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """What is ready is due at the moment it becomes so: a later time means that it was put off."""
    columns = submissions.c
    return (
        columns.state == State.READY,
        columns.verdict == "",
        columns.channel.in_(tuple(channels)),
        columns.due_at > columns.changed_at,
    )


def _among(sources: Sources) -> tuple[ColumnElement[bool], ...]:
    return () if sources is None else (submissions.c.source.in_(sources),)


def _seen(stops: list[Submission], sources: Sources) -> Submission | None:
    return next((stop for stop in stops if sources is None or stop.source in sources), None)
