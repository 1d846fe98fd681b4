"""Deliver: hand one prepared message to its channel, once; ready -> sending -> sent.

The attempt is committed before the network is touched. Whoever finds an open attempt (a crash, a lost answer)
asks the channel what it holds before sending again. Only a refusal while the channel certainly holds nothing
leads to the next route: after an attempt whose end is not known, a person decides.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.base import Channel, DeliveryState, Receipt
from formats.errors import (
    DocumentError,
    EInvoicingError,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
    RouteError,
)
from gateway.access import four_eyes
from gateway.pipeline import costs, exchanged, follow, letters, reroute
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.message import message_of
from gateway.pipeline.submission import State
from gateway.store import attempts, documents, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["deliver"]


def deliver(gateway: Gateway, submission: Submission) -> Submission:
    """Hand over one message; running it twice sends once.

    Raises what the channel raises. When the channel says for certain that it does not reach the buyer, the
    next route is tried; without one that RouteError is raised. RemoteUnexpected for a refusal where an
    earlier attempt may have arrived.
    """
    asked_before = submission.step is State.SENDING
    channel = gateway.channel(submission.channel)
    doubtful = asked_before and _doubtful(gateway, submission, channel)
    if not asked_before:
        _require_agreed(gateway, submission)
        submission = _open(gateway, submission, channel)
    with gateway.database.read() as connection:
        message = replace(message_of(connection, submission), may_be_there=doubtful)
        message = letters.enclose(connection, gateway, submission, message)
    found = False
    try:
        receipt = channel.find(message) if asked_before else None
        found = True
        receipt = receipt or channel.send(message)
    except DocumentError as error:
        if doubtful:
            raise _unclear(submission, error) from error
        if isinstance(error, RouteError):
            return reroute.next_route(gateway, submission, error)
        raise
    except (RemoteUnavailable, RemoteRefused) as error:
        if found and not doubtful and not getattr(error, "uncertain", False):
            with gateway.database.begin() as connection:
                attempts.note(connection, submission.id, attempts.NOT_TAKEN)
        raise
    return taken(gateway, submission, receipt)


def _doubtful(gateway: Gateway, submission: Submission, channel: Channel) -> bool:
    """Whether an earlier attempt may have arrived, whatever the channel says of it now.

    It was taken once and is said to be lost; or its end is not known, and the channel cannot be asked.
    """
    with gateway.database.begin() as connection:
        earlier = attempts.last(connection, submission.id, submission.message_id)
        # From here on the end of this try is not known.
        attempts.note(connection, submission.id, "")
    if earlier is None or earlier.outcome == attempts.SENT:
        return earlier is not None
    return earlier.outcome != attempts.NOT_TAKEN and getattr(channel, "asks_by_repeating", False)


def _unclear(submission: Submission, error: EInvoicingError) -> RemoteUnexpected:
    return RemoteUnexpected(
        f"{submission.channel} refuses it now ({error.what}), but an earlier attempt may have arrived",
        where=error.where,
        fix="ask the buyer whether the invoice is there: if so, confirm it as sent; if not, resend it",
    )


def taken(gateway: Gateway, submission: Submission, receipt: Receipt) -> Submission:
    """The channel holds the message: close the attempt with its proof, and take in what the proof says
    already."""
    with gateway.database.begin() as connection:
        now = gateway.clock()
        evidence = documents.put(connection, receipt.evidence, receipt.media_type, now=now)
        attempts.close(connection, submission.id, attempts.SENT, evidence, now=now)
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
                **costs.told(connection, gateway.settings, submission),
            },
            now=now,
            sent_at=now,
        )
        if receipt.state is DeliveryState.ACCEPTED_FOR_TRANSPORT:
            return sent
        return follow.apply(connection, gateway, sent, receipt)


def _require_agreed(gateway: Gateway, submission: Submission) -> None:
    if gateway.settings.four_eyes:
        four_eyes.require_channel(gateway, submission.channel)
        with gateway.database.read() as connection:
            invoice = invoice_of(connection, submission)
        four_eyes.require_account(gateway, submission, invoice)


def _open(gateway: Gateway, submission: Submission, channel: Channel) -> Submission:
    with gateway.database.begin() as connection:
        now = gateway.clock()
        attempts.open_next(connection, submission.id, submission.channel, submission.message_id, now=now)
        letters.put_link(connection, gateway, submission, channel)
        return submissions.move(
            connection,
            submission,
            State.SENDING,
            "sending",
            {"channel": submission.channel, "message_id": submission.message_id},
            now=now,
        )
