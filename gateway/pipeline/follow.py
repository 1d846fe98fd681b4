"""Follow: what the channels tell about messages sent earlier; sent -> delivered or rejected."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from connectors.base import DeliveryState, Receipt
from formats.errors import RemoteUnavailable, RouteError
from gateway.pipeline import costs, news, reroute
from gateway.pipeline.message import message_of
from gateway.pipeline.submission import State, Verdict
from gateway.store import attempts, documents, journal, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["NoOutcomeYet", "apply", "follow", "inquire", "park_overdue"]


class NoOutcomeYet(RemoteUnavailable):
    """The channel answers, and knows of this one message only that it has it."""


def follow(gateway: Gateway, channel_name: str) -> int:
    """Take in every receipt of one channel and return how many said something new.

    Each is stored before it is settled at the other side, so that none is lost; one read twice changes
    nothing. Raises what the channel raises, after the receipts before it.
    """
    channel = gateway.channel(channel_name)
    new = 0
    for receipt in channel.receipts():
        new += _take_in(gateway, receipt)
        channel.settle(receipt)
    return new


def _take_in(gateway: Gateway, receipt: Receipt) -> bool:
    with gateway.database.begin() as connection:
        submission = submissions.by_message_id(connection, receipt.message_id)
        if submission is None:
            now = gateway.clock()
            evidence = documents.put(connection, receipt.evidence, receipt.media_type, now=now)
            data = {"message_id": receipt.message_id, "said": receipt.state, "receipt": evidence}
            journal.append(connection, "receipt without invoice", data, now=now)
            return False
        if receipt.state is DeliveryState.REJECTED and receipt.unreachable and submission.step in _OPEN:
            refused = submission
        else:
            return apply(connection, gateway, submission, receipt).version != submission.version
    _refused(gateway, refused, receipt)
    return True


# Only before the outcome is known can a receipt decide it.
_OPEN = (State.SENDING, State.SENT)


def apply(connection: Connection, gateway: Gateway, submission: Submission, receipt: Receipt) -> Submission:
    """Take in one receipt, in the caller's transaction; one that says nothing new changes nothing."""
    now = gateway.clock()
    evidence = documents.put(connection, receipt.evidence, receipt.media_type, now=now)
    data: dict[str, object] = {
        "message_id": receipt.message_id,
        "channel": submission.channel,
        "receipt": evidence,
        "said_at": receipt.at.isoformat(),
    }
    if submission.step is State.SENDING:
        # The crash came between sending and writing it down; the receipt proves that it was sent.
        attempts.close(connection, submission.id, "sent", evidence, now=now)
        handed_over = {**data, **costs.told(connection, gateway.settings, submission)}
        submission = submissions.move(
            connection, submission, State.SENT, "sent", handed_over, now=now, sent_at=now
        )
    if submission.step is not State.SENT or receipt.state is DeliveryState.ACCEPTED_FOR_TRANSPORT:
        return submission
    if receipt.state is DeliveryState.DELIVERED:
        news.queue(connection, submission, State.DELIVERED, f"delivered by {submission.channel}", now=now)
        return submissions.move(connection, submission, State.DELIVERED, "delivered", data, now=now)
    sentence = f"the receiving side refused the invoice: {receipt.text}"
    news.queue(connection, submission, State.REJECTED, sentence, now=now)
    changes: dict[str, Any] = {
        "verdict": Verdict.DOCUMENT,
        "sentence": sentence,
        "fix": "correct the invoice in the ERP, or credit it; a corrected revision goes out by itself",
    }
    return submissions.move(
        connection, submission, State.REJECTED, "rejected", {**data, "text": receipt.text}, now=now, **changes
    )


def _refused(gateway: Gateway, submission: Submission, receipt: Receipt) -> None:
    """The receiver cannot be reached there at all: the next route, or a person."""
    error = RouteError(
        f"{submission.channel} does not reach {submission.buyer}: {receipt.text}",
        where=f"{submission.source}, {submission.source_key}",
        fix="ask the buyer for a valid address and enter it in the ERP",
    )
    with gateway.database.begin() as connection:
        now = gateway.clock()
        evidence = documents.put(connection, receipt.evidence, receipt.media_type, now=now)
        data: dict[str, object] = {"text": receipt.text, "receipt": evidence, "channel": submission.channel}
        journal.append(connection, "unreachable", data, now=now, submission=submission.id)
    try:
        reroute.next_route(gateway, submission, error)
    except RouteError:
        with gateway.database.begin() as connection:
            now = gateway.clock()
            news.stopped(connection, submission, Verdict.ROUTE, error, now=now)
            submissions.move(
                connection,
                submission,
                State.PARKED,
                "parked",
                {"verdict": Verdict.ROUTE, "what": error.what},
                now=now,
                # Nobody holds it: once an address is there it starts over.
                resume_state=State.RECEIVED,
                verdict=Verdict.ROUTE,
                sentence=error.what,
                fix=error.fix,
                due_at=None,
                route=0,
            )


def park_overdue(gateway: Gateway) -> int:
    """Sent invoices without a receipt for too long are asked after, and shown to people until it comes."""
    now = gateway.clock()
    limit = now - timedelta(hours=gateway.settings.receipt_within_hours)
    with gateway.database.begin() as connection:
        overdue = [
            submission
            for submission in submissions.listing(connection, states=(State.SENT,))
            if submission.sent_at is not None and submission.sent_at < limit
        ]
        for submission in overdue:
            since = f"{submission.sent_at:%d %b %H:%M} UTC"
            sentence = f"{submission.channel} has not said since {since} what became of it"
            submissions.move(
                connection,
                submission,
                State.PARKED,
                "parked",
                {"verdict": Verdict.PROVIDER, "what": sentence},
                now=now,
                resume_state=State.SENT,
                verdict=Verdict.PROVIDER,
                sentence=sentence,
                fix="we keep asking by ourselves; ask the provider if it takes long",
                due_at=now,
            )
    return len(overdue)


def inquire(gateway: Gateway, submission: Submission) -> Submission:
    """Ask the channel about a message whose receipt is overdue.

    If it certainly holds nothing, the message is sent again under the same id. Raises NoOutcomeYet while the
    channel knows the message and no outcome.
    """
    with gateway.database.read() as connection:
        message = message_of(connection, submission)
    receipt = gateway.channel(submission.channel).find(message)
    with gateway.database.begin() as connection:
        if receipt is None:
            now = gateway.clock()
            data: dict[str, object] = {"channel": submission.channel, "message_id": submission.message_id}
            return submissions.move(connection, submission, State.SENDING, "lost there", data, now=now)
        if receipt.state is not DeliveryState.ACCEPTED_FOR_TRANSPORT:
            return apply(connection, gateway, submission, receipt)
    raise NoOutcomeYet(
        submission.sentence or f"{submission.channel} has not said yet what became of it",
        where=submission.channel,
        fix="we keep asking by ourselves; ask the provider if it takes long",
    )
