"""Answers of the other side about an invoice that went out: accepted, disputed, rejected, paid.

An answer moves the invoice where the life cycle allows it, and is in its journal in any case.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from gateway.pipeline import news
from gateway.pipeline.submission import State, Verdict, may_move
from gateway.store import attempts, journal, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["take_in"]

_FIX: Final = {
    State.REJECTED: "correct the invoice in the ERP, or credit it; a corrected revision goes out by itself",
    State.DISPUTED: "answer the buyer, then say what came of it: in the console, or by gateway resolve",
}


def take_in(
    connection: Connection,
    gateway: Gateway,
    submission: Submission,
    state: State | None,
    sentence: str,
    data: dict[str, Any],
) -> Submission:
    """Take in one answer, in the caller's transaction. `state` is what the invoice becomes by it, None for
    news that change nothing; one that would lead backwards is only journaled."""
    now = gateway.clock()
    told = {**data, "text": sentence}
    if submission.step is State.SENDING and state is not None:
        # An answer proves that it was sent, though our receipt was lost.
        attempts.close(connection, submission.id, "sent", "", now=now)
        submission = submissions.move(
            connection, submission, State.SENT, "sent", dict(told), now=now, sent_at=now
        )
    if submission.step is State.SENT and state in (State.ACCEPTED, State.DISPUTED, State.PAID):
        submission = submissions.move(
            connection, submission, State.DELIVERED, "delivered", dict(told), now=now
        )
    if state is None or submission.state is state or not may_move(submission.step, state):
        journal.append(connection, "answer", told, now=now, submission=submission.id)
        return submission
    news.queue(connection, submission, state, sentence, now=now)
    changes: dict[str, Any] = {}
    if state in _FIX:
        changes = {"verdict": Verdict.DOCUMENT, "sentence": sentence, "fix": _FIX[state]}
    return submissions.move(connection, submission, state, state.value, told, now=now, **changes)
