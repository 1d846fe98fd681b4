"""Deciding: what people make of invoices that wait for them, by command or in the console.

Each function writes who decided into the journal, in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from connectors.base import DeliveryState, Receipt
from formats.errors import ConfigError
from gateway.pipeline import follow, news, own_routes
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.submission import State
from gateway.settings import Route
from gateway.store import attempts, journal, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = [
    "Outcome",
    "change_route",
    "closing",
    "further_ways",
    "may_cancel",
    "may_resolve",
    "may_retry",
    "may_set_aside",
    "resolve",
    "retry",
]


class Outcome(StrEnum):
    """What a person found out or decided about something that stopped."""

    SENT = "sent"
    NOT_SENT = "not-sent"
    # No longer wanted: nothing was sent, or it was refused and is not sent again.
    DISMISSED = "dismissed"
    # Of a dispute: it is answered and the buyer looks at it again; the buyer agrees; it is settled without
    # this invoice (corrected under another number, credited, written off).
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    CLOSED = "closed"


_BEFORE_SENDING: Final = frozenset({State.RECEIVED, State.MAPPED, State.CHECKED, State.READY, State.PARKED})
_ASKED_AFTER: Final = frozenset({State.SENDING, State.SENT})
# What becomes of a disputed invoice, the entry of the journal, and what the ERP reads before the reason.
_OF_A_DISPUTE: Final[Mapping[Outcome, tuple[State, str, str]]] = {
    Outcome.ANSWERED: (State.DELIVERED, "question answered", "the buyer's question is answered"),
    Outcome.ACCEPTED: (State.ACCEPTED, "accepted", "the buyer accepts the invoice"),
    Outcome.CLOSED: (State.CLOSED, "closed", "this invoice is no longer pursued"),
}


def may_retry(submission: Submission) -> bool:
    """Whether trying it again is something that can be done: it stopped, and there is a step to take."""
    if submission.state is State.REJECTED:
        return True
    return submission.state is State.PARKED and submission.resume_state != State.PARKED


def may_resolve(submission: Submission, outcome: Outcome) -> bool:
    """Whether this can be said of it: what became of a message only while nobody knows, what became of a
    dispute only while there is one, that it is no longer wanted only of what was refused and of the others
    that stopped."""
    if outcome in _OF_A_DISPUTE:
        return submission.state is State.DISPUTED
    if submission.state is State.REJECTED:
        return outcome is Outcome.DISMISSED
    asked_after = submission.step in _ASKED_AFTER
    return submission.state is State.PARKED and asked_after is not (outcome is Outcome.DISMISSED)


def may_set_aside(connection: Connection, submission: Submission) -> bool:
    """Whether it can be called no longer wanted: as `may_resolve` has it, and also where the attempts to hand
    it over have certainly failed, as at a channel that refuses the login."""
    if may_resolve(submission, Outcome.DISMISSED):
        return True
    if submission.state is not State.PARKED or submission.step is not State.SENDING:
        return False
    last = attempts.last(connection, submission.id, submission.message_id)
    return last is not None and last.outcome == attempts.NOT_TAKEN


def may_cancel(submission: Submission) -> bool:
    """Whether it can still be kept from going out: nothing was handed over."""
    return submission.state in _BEFORE_SENDING and not submission.handed_over


def closing(submission: Submission) -> Outcome | None:
    """What to say of a disputed or refused invoice that is not pursued any more; None for all others."""
    fitting = (Outcome.CLOSED, Outcome.DISMISSED)
    if submission.state not in (State.DISPUTED, State.REJECTED):
        return None
    return next(outcome for outcome in fitting if may_resolve(submission, outcome))


def further_ways(connection: Connection, gateway: Gateway, submission: Submission) -> tuple[Route, ...]:
    """The routes after the one whose turn it is; () where it is not parked before sending, or has none."""
    if submission.state is not State.PARKED or submission.handed_over or not submission.invoice_digest:
        return ()
    fitting = own_routes.decide(connection, gateway, submission, invoice_of(connection, submission)).open
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
    """Note what became of a message or of a dispute, or that it is no longer wanted, with how somebody knows.
    What the ERP was told of before, it is told the end of.

    Raises ConfigError without a note or where `may_resolve` says no; ConflictError where another was faster.
    """
    if not note.strip():
        raise ConfigError(
            "a reason is needed", where=f"invoice {submission.number}", fix="say how you know, or why"
        )
    cancels = outcome is Outcome.DISMISSED and (
        may_cancel(submission) or may_set_aside(connection, submission)
    )
    if not (cancels or may_resolve(submission, outcome)):
        raise ConfigError(
            f"it is {submission.state} and cannot be called {outcome}",
            where=f"invoice {submission.number}",
            fix="look at the invoice again; somebody, or the gateway itself, was faster",
        )
    now, note = gateway.clock(), note.strip()
    told = {"outcome": outcome, "note": note}
    journal.append(connection, "resolved", told, now=now, submission=submission.id, actor=by)
    if outcome is Outcome.SENT:
        receipt = Receipt(
            submission.message_id, DeliveryState.DELIVERED, now, note, note.encode(), "text/plain"
        )
        return follow.apply(connection, gateway, submission, receipt)
    if outcome in _OF_A_DISPUTE:
        state, event, words = _OF_A_DISPUTE[outcome]
        news.queue(connection, submission, state, f"{words}: {note}", now=now)
        return submissions.move(connection, submission, state, event, {"text": note}, now=now, actor=by)
    if outcome is Outcome.DISMISSED:
        before: dict[str, object] = {}
        if submission.state is State.REJECTED:
            before = {"after": submission.state}
            news.queue(connection, submission, State.CLOSED, f"not sent again: {note}", now=now)
        attempts.close(connection, submission.id, "not sent", "", now=now)
        return submissions.move(
            connection, submission, State.SUPERSEDED, "dismissed", before, now=now, actor=by
        )
    attempts.close(connection, submission.id, "not sent", "", now=now)
    return submissions.move(connection, submission, State.READY, "resend", {}, now=now, actor=by)


def change_route(
    connection: Connection,
    gateway: Gateway,
    submission: Submission,
    *,
    by: str,
    to: str = "",
    reason: str = "",
) -> Submission:
    """Try the next route that fits, or the one named `to`; `reason` is kept in the journal. ConfigError where
    there is none."""
    ways = further_ways(connection, gateway, submission)
    step = next((place for place, way in enumerate(ways, 1) if to in ("", way.name)), 0)
    if ways and not step:
        raise ConfigError(
            f"{to[:100]} is no way that this invoice can go now",
            where=f"invoice {submission.number}",
            fix=f"choose {' or '.join(way.name for way in ways)}",
        )
    if not ways:
        raise ConfigError(
            "there is no other way to this buyer",
            where=f"invoice {submission.number}",
            fix="enter another address of the buyer in the ERP, or add a route in routing.yaml",
        )
    own = own_routes.own_route(connection, gateway, submission, invoice_of(connection, submission))
    told: dict[str, object] = {
        "from": submission.channel,
        "to": ways[step - 1].channel,
        **({"reason": reason.strip()[:2000]} if reason.strip() else {}),
        **({"own route": own.id} if own is not None else {}),
    }
    return submissions.move(
        connection,
        submission,
        State.MAPPED,
        "rerouted",
        told,
        now=gateway.clock(),
        actor=by,
        route=submission.route + step,
        message_id="",
        channel="",
        profile="",
    )
