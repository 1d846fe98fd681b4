"""Sending answers and reports: each once, retried with patience, to another receiver where the first is
unknown."""

from __future__ import annotations

from typing import Final

import structlog

from connectors.base import NetworkDocument, SendsDocuments
from formats.errors import ConfigError, EInvoicingError, RemoteUnavailable, RouteError
from formats.identifiers import electronic_address
from gateway.peppol import access_points
from gateway.pipeline import exchanged
from gateway.pipeline.submission import Verdict
from gateway.store import documents, signals
from gateway.store.signals import Signal
from gateway.wiring import Gateway

__all__ = ["send_due"]

_BATCH: Final = 50
_log = structlog.get_logger("signals")


def send_due(gateway: Gateway) -> int:
    """Send what is due; returns how many went out. Running it twice sends once: the message id stays, and the
    receiver recognises a repetition."""
    with gateway.database.read() as connection:
        due = signals.due(connection, now=gateway.clock(), limit=_BATCH)
    return sum(_send(gateway, signal) for signal in due)


def _send(gateway: Gateway, signal: Signal) -> bool:
    with gateway.alone(f"signal {signal.message_id}"):
        with gateway.database.read() as connection:
            waiting = signals.get(connection, signal.message_id)
            content = documents.get(connection, signal.document_digest).content
        if waiting is None or waiting.sent_at is not None:
            return False
        try:
            channel = _channel(gateway, signal)
            receipt = channel.send_document(
                NetworkDocument(
                    signal.message_id,
                    signal.made_at,
                    electronic_address(signal.sender),
                    electronic_address(signal.receiver),
                    "",
                    content,
                    # What ended an earlier attempt is not kept, so it may have arrived.
                    may_be_there=waiting.failures > 0,
                )
            )
        except EInvoicingError as error:
            _failed(gateway, signal, error)
            return False
        with gateway.database.begin() as connection:
            now = gateway.clock()
            evidence = documents.put(connection, receipt.evidence, receipt.media_type, now=now)
            exchanged.note(connection, signal.channel, receipt, evidence, now=now)
            signals.sent(connection, signal, evidence, now=now)
        return True


def _channel(gateway: Gateway, signal: Signal) -> SendsDocuments:
    channel = access_points.named(gateway, signal.channel)
    if channel is None:
        raise ConfigError(
            f"there is no access point {signal.channel} any more",
            where="channels/",
            fix=f"put the file of {signal.channel} back",
        )
    return channel


def _failed(gateway: Gateway, signal: Signal, error: EInvoicingError) -> None:
    _log.warning("not sent", kind=signal.kind, about=signal.about, what=error.what)
    now = gateway.clock()
    retry = gateway.settings.retry
    retry_at = error.retry_at if isinstance(error, RemoteUnavailable) else None
    due_at = retry.next_try(signal.failures + 1, now=now, retry_at=retry_at)
    verdict = Verdict.PROVIDER if isinstance(error, RemoteUnavailable) else Verdict.PRECONDITION
    other = ""
    if isinstance(error, RouteError):
        verdict, other = Verdict.ROUTE, signal.other_receiver
        due_at = now if other else due_at
    with gateway.database.begin() as connection:
        signals.failed(
            connection, signal, verdict=verdict, sentence=error.what, due_at=due_at, receiver=other
        )
