"""Deliver: hand one prepared message to its channel, once; ready -> sending -> sent.

The attempt is committed before the network is touched. Whoever finds an open attempt (a crash, a lost answer)
asks the channel what it holds before sending again.
"""

from __future__ import annotations

from connectors.base import DeliveryState, Receipt
from formats.errors import RouteError
from gateway.pipeline import exchanged, follow, reroute
from gateway.pipeline.message import message_of
from gateway.pipeline.submission import State
from gateway.store import attempts, documents, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["deliver"]


def deliver(gateway: Gateway, submission: Submission) -> Submission:
    """Hand over one message; running it twice sends once.

    Raises what the channel raises. When the channel says for certain that it does not reach the buyer, the
    next route is tried; without one that RouteError is raised.
    """
    asked_before = submission.step is State.SENDING
    if not asked_before:
        submission = _open(gateway, submission)
    with gateway.database.read() as connection:
        message = message_of(connection, submission)
    channel = gateway.channel(submission.channel)
    try:
        receipt = (channel.find(message) if asked_before else None) or channel.send(message)
    except RouteError as error:
        return reroute.next_route(gateway, submission, error)
    return taken(gateway, submission, receipt)


def taken(gateway: Gateway, submission: Submission, receipt: Receipt) -> Submission:
    """The channel holds the message: close the attempt with its proof, and take in what the proof says
    already."""
    with gateway.database.begin() as connection:
        now = gateway.clock()
        evidence = documents.put(connection, receipt.evidence, receipt.media_type, now=now)
        attempts.close(connection, submission.id, "sent", evidence, now=now)
        exchanged.note(connection, submission.channel, receipt, evidence, now=now)
        sent = submissions.move(
            connection,
            submission,
            State.SENT,
            "sent",
            {
                "channel": submission.channel,
                "message_id": submission.message_id,
                "document": submission.document_digest,
                "receipt": evidence,
            },
            now=now,
            sent_at=now,
        )
        if receipt.state is DeliveryState.ACCEPTED_FOR_TRANSPORT:
            return sent
        return follow.apply(connection, gateway, sent, receipt)


def _open(gateway: Gateway, submission: Submission) -> Submission:
    with gateway.database.begin() as connection:
        now = gateway.clock()
        attempts.open_next(connection, submission.id, submission.channel, submission.message_id, now=now)
        return submissions.move(
            connection,
            submission,
            State.SENDING,
            "sending",
            {"channel": submission.channel, "message_id": submission.message_id},
            now=now,
        )
