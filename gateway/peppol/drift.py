"""The nightly look at all buyers on the network: who moved, changed scheme, stopped receiving.

A look that fails because the network does says nothing about a buyer and changes nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from connectors.channels.peppol.channel import Peppol
from connectors.channels.peppol.discovery.drift import Change, Drift, compare
from connectors.channels.peppol.discovery.endpoint import ReceiverEndpoint
from formats.errors import EInvoicingError, RouteError
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.peppol import access_points
from gateway.store import exchanges, journal, receivers
from gateway.store.exchanges import Direction
from gateway.wiring import Gateway

__all__ = ["Seen", "watch"]

_SINCE: Final = timedelta(days=400)
_log = structlog.get_logger("drift")


@dataclass(frozen=True, slots=True)
class Seen:
    """One buyer as just looked up. `problem` says why that could not be done."""

    participant: str
    document_type: str
    drifts: tuple[Drift, ...] = ()
    problem: str = ""


def watch(gateway: Gateway) -> tuple[Seen, ...]:
    """Look every buyer up whom we sent something to in the last 400 days, and note what changed. Safe to
    repeat."""
    found = []
    for channel in access_points.all_of(gateway):
        with gateway.database.read() as connection:
            wanted = tuple(_customers(connection, channel, gateway.clock()))
        found += [_look(gateway, channel, *one) for one in wanted]
    return tuple(found)


def _customers(
    connection: Connection, channel: Peppol, now: datetime
) -> Iterator[tuple[ParticipantId, DocumentTypeId, ProcessId]]:
    seen = set()
    for one in exchanges.between(connection, now - _SINCE, now):
        kind, process = one.document_type, one.process
        key = (one.receiver.lower(), kind)
        if one.direction is not Direction.OUT or one.channel != channel.name or key in seen:
            continue
        seen.add(key)
        scheme, _, value = kind.partition("::")
        process_scheme, _, process_value = process.partition("::")
        document_type = DocumentTypeId(scheme, value)
        if document_type.local_name != "ApplicationResponse":
            yield ParticipantId.of(one.receiver), document_type, ProcessId(process_scheme, process_value)


def _look(
    gateway: Gateway,
    channel: Peppol,
    participant: ParticipantId,
    document_type: DocumentTypeId,
    process: ProcessId,
) -> Seen:
    now = gateway.clock()
    try:
        endpoint: ReceiverEndpoint | None = channel.network.directory.lookup(
            participant, document_type, process, now, fresh=True
        )
    except RouteError:
        endpoint = None
    except EInvoicingError as error:
        _log.warning("not looked up", participant=participant.value, what=error.what)
        with gateway.database.begin() as connection:
            receivers.failed(connection, participant.value, document_type.value, now=now)
        return Seen(participant.value, document_type.value, problem=error.what)
    with gateway.database.begin() as connection:
        known = receivers.get(connection, participant.value, document_type.value)
        before = _read(known.endpoint) if known is not None and known.endpoint else None
        drifts = compare(before, endpoint) if known is not None else ()
        if known is None and endpoint is None:
            # They received once, for we sent to them.
            drifts = (Drift(Change.STOPPED, participant.value, "", needs_person=True),)
        text = _written(endpoint) if endpoint is not None else ""
        receivers.keep(connection, participant.value, document_type.value, channel.name, text, now=now)
        if drifts:
            sentence = "; ".join(_sentence(one) for one in drifts)
            receivers.drifted(connection, participant.value, document_type.value, sentence, now=now)
            data = {"participant": participant.value, "what": sentence}
            journal.append(connection, "receiver changed", data, now=now)
    return Seen(participant.value, document_type.value, drifts)


def _sentence(drift: Drift) -> str:
    if drift.before and drift.now:
        return f"{drift.change}: {drift.before} before, {drift.now} now"
    return f"{drift.change}: {drift.before or drift.now}"


def _written(endpoint: ReceiverEndpoint) -> str:
    der = endpoint.certificate.public_bytes(Encoding.DER)
    return json.dumps(
        {
            "participant": [endpoint.participant.scheme, endpoint.participant.value],
            "document_type": [endpoint.document_type.scheme, endpoint.document_type.value],
            "registered_as": [endpoint.registered_as.scheme, endpoint.registered_as.value],
            "process": [endpoint.process.scheme, endpoint.process.value],
            "url": endpoint.url,
            "certificate": base64.b64encode(der).decode(),
            "smp_url": endpoint.smp_url,
            "found_at": endpoint.found_at.isoformat(),
        }
    )


def _read(text: str) -> ReceiverEndpoint:
    data = json.loads(text)
    return ReceiverEndpoint(
        participant=ParticipantId(*data["participant"]),
        document_type=DocumentTypeId(*data["document_type"]),
        registered_as=DocumentTypeId(*data["registered_as"]),
        process=ProcessId(*data["process"]),
        url=data["url"],
        certificate=x509.load_der_x509_certificate(base64.b64decode(data["certificate"])),
        smp_url=data["smp_url"],
        found_at=datetime.fromisoformat(data["found_at"]),
    )
