"""Peppol AS4 2.0.3 in both directions, on raw bytes: sign, encrypt, receipt, verify.

For the Peppol channel, which sends, and for the gateway's endpoint, which receives. Nothing here asks for the
time, keeps state or knows what an invoice is: keys, trust, clock and storage are arguments.

Sending::

    message = OutgoingMessage(
        message_id, conversation_id, sent_at, sender, receiver, document_type, process, envelope_bytes
    )
    with prepare(message, receiver=certificate, key=keys.signing(now), folder=spool_folder) as prepared:
        outcome = client.send(prepared, endpoint_url)        # As4Client; one attempt, never raises
    # outcome.verdict: DELIVERED (outcome.receipt), ALREADY_THERE, RETRY, REFRESH, GIVE_UP

`prepare` is called once for all attempts; `prepared.sent` (a `SentMessage`) is what a receipt is judged by
and is worth keeping. `judge` reads an answer that was got in any other way. `prepare_ping` tests the way.

Receiving::

    receiver = Receiver(keys=..., trust=..., inbox=..., folder=..., clock=..., new_id=..., rules=...)
    request = await receiver.spool(content_type, stream)  # bounded, to disk; on As4Problem: receiver.refuse
    answer = receiver.answer_spooled(request)             # in a worker thread
    # answer.status, answer.content_type, answer.content

`inbox` is an `Inbox`: it stores before the receipt goes out, answers a repetition with the stored receipt,
and refuses a different message under a known id. `keys` gives a key ring (`keys.Keys`), `trust` raises for a
certificate that is not to be trusted (`keys.TrustCheck`). `Rules.check` looks into a message before it is
stored: `business_envelope` compares the envelope inside with the header, and whom this access point serves is
its owner's to say (EBMS:0004 with the detail `names.NOT_SERVICED`).

Modules: `mime` (split and join), `soap` and `envelope` (header as values), `profile` (what Peppol asks of
it), `signing`, `encryption`, `attachments`, `compression`, `receipt`, `signals`, `outgoing`, `incoming`,
`answering`, `verdicts`, `breaker`, `http`, `problems` (the error table).
"""

from __future__ import annotations

from connectors.channels.peppol.as4.answering import Answer, Inbox, Receiver
from connectors.channels.peppol.as4.blobs import Blob
from connectors.channels.peppol.as4.breaker import CircuitBreaker, CircuitState
from connectors.channels.peppol.as4.http import As4Client
from connectors.channels.peppol.as4.incoming import ReceivedMessage, Rules, receive
from connectors.channels.peppol.as4.mime import Limits, SpooledRequest, spool, spool_async
from connectors.channels.peppol.as4.outgoing import (
    OutgoingMessage,
    PreparedMessage,
    SentMessage,
    prepare,
    prepare_ping,
)
from connectors.channels.peppol.as4.problems import As4Problem, TooLarge
from connectors.channels.peppol.as4.receipt import DeliveryReceipt
from connectors.channels.peppol.as4.verdicts import Concern, Outcome, Verdict, judge

__all__ = [
    "Answer",
    "As4Client",
    "As4Problem",
    "Blob",
    "CircuitBreaker",
    "CircuitState",
    "Concern",
    "DeliveryReceipt",
    "Inbox",
    "Limits",
    "Outcome",
    "OutgoingMessage",
    "PreparedMessage",
    "ReceivedMessage",
    "Receiver",
    "Rules",
    "SentMessage",
    "SpooledRequest",
    "TooLarge",
    "Verdict",
    "judge",
    "prepare",
    "prepare_ping",
    "receive",
    "spool",
    "spool_async",
]
