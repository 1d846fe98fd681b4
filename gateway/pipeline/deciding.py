"""Deciding: what people make of invoices that wait for them, by command or in the console.

Each function writes who decided into the journal, in the caller's transaction.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from connectors.base import DeliveryState, Receipt
from formats.errors import ConfigError
from gateway.pipeline import follow, routing
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.submission import State
from gateway.settings import Route
from gateway.store import attempts, journal, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = [
    "Outcome",
    "change_route",
    "further_ways",
    "may_cancel",
    "may_resolve",
    "may_retry",
    "resolve",
    "retry",
]


class Outcome(StrEnum):
    """What a person found out or decided about something that stopped."""

    SENT = "sent"
    NOT_SENT = "not-sent"
    DISMISSED = "dismissed"


_BEFORE_SENDING: Final = frozenset({State.RECEIVED, State.MAPPED, State.CHECKED, State.READY, State.PARKED})
_ASKED_AFTER: Final = frozenset({State.SENDING, State.SENT})


def may_retry(submission: Submission) -> bool:
    """Whether trying it again is something that can be done: it stopped, and there is a step to take."""
    if submission.state is State.REJECTED:
        return True
    return submission.state is State.PARKED and submission.resume_state != State.PARKED


def may_resolve(submission: Submission, outcome: Outcome) -> bool:
    """Whether this can be said of it: what became of a message only while nobody knows, that it is no longer
    wanted only of the others that stopped."""
    asked_after = submission.step in _ASKED_AFTER
    return submission.state is State.PARKED and asked_after is not (outcome is Outcome.DISMISSED)


def may_cancel(submission: Submission) -> bool:
    """Whether it can still be kept from going out: nothing was handed over."""
    return submission.state in _BEFORE_SENDING and not submission.handed_over


def further_ways(connection: Connection, gateway: Gateway, submission: Submission) -> tuple[Route, ...]:
    """The routes after the one whose turn it is; () where it is not parked before sending, or has none."""
    if submission.state is not State.PARKED or submission.handed_over or not submission.invoice_digest:
        return ()
    fitting = routing.ways(gateway.settings, invoice_of(connection, submission), submission.source)
    return fitting[submission.route + 1 :]


def retry(connection: Connection, submission: Submission, *, by: str, now: datetime) -> bool:
    """Make it due now; False where there is nothing to try again."""
    if submission.state is State.REJECTED:
        # The other side refused it, so nobody holds it; it goes out afresh, under another message id.
        submissions.move(
            connection,
            submission,
            State.PARKED,
            "retry",
            {"after": submission.sentence},
            now=now,
            actor=by,
            resume_state=State.RECEIVED,
            verdict=submission.verdict,
            sentence=submission.sentence,
            fix=submission.fix,
        )
        return True
    if not submissions.requeue(connection, [submission.id], now=now):
        return False
    journal.append(connection, "retry", {}, now=now, submission=submission.id, actor=by)
    return True


def resolve(
    connection: Connection, gateway: Gateway, submission: Submission, outcome: Outcome, note: str, *, by: str
) -> Submission:
    """Note what became of a message, or that it is no longer wanted, with how somebody knows.

    Raises ConfigError without a note; ConflictError where another was faster.
    """
    if not note.strip():
        raise ConfigError(
            "a reason is needed", where=f"invoice {submission.number}", fix="say how you know, or why"
        )
    now = gateway.clock()
    told = {"outcome": outcome, "note": note.strip()}
    journal.append(connection, "resolved", told, now=now, submission=submission.id, actor=by)
    if outcome is Outcome.SENT:
        receipt = Receipt(
            submission.message_id, DeliveryState.DELIVERED, now, note, note.encode(), "text/plain"
        )
        return follow.apply(connection, gateway, submission, receipt)
    if outcome is Outcome.DISMISSED:
        return submissions.move(connection, submission, State.SUPERSEDED, "dismissed", {}, now=now, actor=by)
    attempts.close(connection, submission.id, "not sent", "", now=now)
    return submissions.move(connection, submission, State.READY, "resend", {}, now=now, actor=by)


def change_route(connection: Connection, gateway: Gateway, submission: Submission, *, by: str) -> Submission:
    """Try the next route that fits. ConfigError where there is none."""
    ways = further_ways(connection, gateway, submission)
    if not ways:
        raise ConfigError(
            "there is no other way to this buyer",
            where=f"invoice {submission.number}",
            fix="enter another address of the buyer in the ERP, or add a route in routing.yaml",
        )
    told: dict[str, object] = {"from": submission.channel, "to": ways[0].channel}
    return submissions.move(
        connection,
        submission,
        State.MAPPED,
        "rerouted",
        told,
        now=gateway.clock(),
        actor=by,
        route=submission.route + 1,
        message_id="",
        channel="",
        profile="",
    )
