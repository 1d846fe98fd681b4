"""Received messages: looked into before they are taken, stored before they are acknowledged.

A message is known by its id and the sending access point. Its repetition gets the stored receipt and nothing
is stored a second time. Sources: Peppol AS4 profile 2.0.3, Business Message Envelope 2.0.2.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from connectors.channels.peppol.as4 import As4Problem, Blob, ReceivedMessage, names
from connectors.channels.peppol.as4.business_envelope import read_business_envelope
from connectors.channels.peppol.as4.problems import DUPLICATE, OTHER
from connectors.channels.peppol.channel import Peppol
from formats.codelists.document_types import known_document_types
from formats.envelopes import sbdh
from formats.envelopes.sbdh import Envelope, Header, MlsType
from formats.errors import ConflictError
from formats.identifiers import ParticipantId
from formats.responses import application_response, message_level_status
from formats.responses.application_response import AnswerKind
from formats.responses.message_level_status import StatusCode
from gateway.clock import Clock
from gateway.store import documents, exchanges, inbox
from gateway.store.database import Database
from gateway.store.exchanges import Direction, Exchange
from gateway.store.inbox import Kind

__all__ = ["STATUS_WITHIN", "Desk"]

# The network wants a status within 20 minutes; what nobody has decided on by then is said to be passed on.
STATUS_WITHIN: Final = timedelta(minutes=15)
_KINDS: Final = {
    AnswerKind.INVOICE_RESPONSE: Kind.INVOICE_RESPONSE,
    AnswerKind.MESSAGE_LEVEL_STATUS: Kind.MESSAGE_LEVEL_STATUS,
    AnswerKind.MESSAGE_LEVEL_RESPONSE: Kind.MESSAGE_LEVEL_STATUS,
}


class Desk:
    """Takes what the endpoint of one access point receives. Safe to share between threads and processes."""

    def __init__(self, database: Database, channel: Peppol, clock: Clock) -> None:
        self._database = database
        self._channel = channel
        self._clock = clock
        settings = channel.settings
        self._countries = {ParticipantId.of(one.address): one.country for one in settings.participants}
        self._kinds = frozenset(settings.document_types) or frozenset(
            one.key for one in known_document_types()
        )

    def check(self, message: ReceivedMessage) -> Envelope | None:
        """Whether envelope and header say the same, and whether this is for us; gives the envelope, None for
        a message without a document. Raises As4Problem."""
        if message.payload is None:
            return None
        envelope = read_business_envelope(message)
        self._require_serviced(envelope.header)
        return envelope

    def take(self, message: ReceivedMessage, receipt: bytes, /) -> bytes:
        """As as4.Inbox.take."""
        for attempt in (1, 2):
            try:
                with self._database.begin() as connection:
                    known = exchanges.get(connection, Direction.IN, message.sender_seat, message.message_id)
                    if known is not None:
                        return _repeated(connection, known, message, receipt)
                    self._store(connection, message, receipt)
                return receipt
            except ConflictError:
                # Another process took the same message at this moment; what it stored is the answer.
                if attempt == 2:
                    raise
        raise AssertionError("one of two attempts returns or raises")

    def _store(self, connection: Connection, message: ReceivedMessage, receipt: bytes) -> None:
        payload = message.payload
        if payload is None:
            raise As4Problem(OTHER, "the message has no document")
        now = self._clock()
        envelope = message.checked if isinstance(message.checked, Envelope) else self.check(message)
        assert envelope is not None  # noqa: S101  # there is a payload
        header = envelope.header
        archive = _Archive(connection, now)
        document = archive.put_document(payload, envelope)
        evidence = _evidence(archive, message, header)
        receipt_digest = archive.put(receipt, "application/soap+xml")
        archive.close()
        wanted = header.mls_type or MlsType.FAILURE_ONLY
        answered = message_level_status.is_due(header, StatusCode.REFUSED)
        at_once = message_level_status.is_due(header, StatusCode.PASSED_ON)
        exchanges.add(
            connection,
            Exchange(
                direction=Direction.IN,
                peer=message.sender_seat,
                message_id=message.message_id,
                channel=self._channel.name,
                instance=header.instance_id,
                sender=header.sender.value,
                receiver=header.receiver.value,
                document_type=f"{header.document_type.scheme}::{header.document_type.value}",
                process=f"{header.process.scheme}::{header.process.value}",
                country_c1=header.country_c1,
                country_c4=self._country(header.receiver),
                end_user=header.receiver.key,
                fingerprint=_fingerprint(message),
                evidence_digest=evidence,
                receipt_digest=receipt_digest,
                at=message.received_at,
                status_wanted=wanted.value if answered else "",
                status_to=message_level_status.receiver_of(header, message.sender_seat).value
                if answered
                else "",
                status_due_at=message.received_at + STATUS_WITHIN if at_once else None,
            ),
        )
        inbox.add(
            connection,
            peer=message.sender_seat,
            message_id=message.message_id,
            channel=self._channel.name,
            kind=_kind(header),
            document_digest=document,
            now=now,
        )

    def _require_serviced(self, header: Header) -> None:
        served = header.receiver in self._countries or header.receiver == ParticipantId.of(
            f"0242:{self._channel.seat[-6:]}"
        )
        name = f"{header.document_type.scheme}::{header.document_type.value}"
        if not served or self._kinds.isdisjoint((name, header.document_type.key)):
            raise As4Problem(
                OTHER,
                f"{header.receiver.value} does not receive documents of this type here",
                where="Peppol endpoint",
                fix="add the participant to the settings of the channel, if it is a customer of ours",
                detail=names.NOT_SERVICED,
            )

    def _country(self, receiver: ParticipantId) -> str:
        return self._countries.get(receiver, self._channel.settings.country)


class _Archive:
    """Documents of one message on their way into the archive: small ones go together when it is closed, large
    ones at once, from their files."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._small: list[tuple[bytes, str]] = []

    def put(self, content: bytes, media_type: str) -> str:
        self._small.append((content, media_type))
        return documents.digest_of(content)

    def put_blob(self, blob: Blob, media_type: str) -> str:
        if blob.path is None:
            return self.put(blob.read(), media_type)
        with blob.path.open("rb") as file:
            return documents.put_file(self._connection, file, media_type, now=self._now)

    def put_document(self, payload: Blob, envelope: Envelope) -> str:
        """The business document, cut out of its envelope."""
        if payload.path is None:
            pieces = sbdh.payload_chunks(payload.read(), envelope.payload)
            return self.put(b"".join(pieces), "application/xml")
        with tempfile.TemporaryFile() as cut, payload.path.open("rb") as file:
            for piece in sbdh.payload_chunks(file, envelope.payload):
                cut.write(piece)
            return documents.put_file(self._connection, cut, "application/xml", now=self._now)

    def close(self) -> None:
        documents.put_all(self._connection, self._small, now=self._now)


def _evidence(archive: _Archive, message: ReceivedMessage, header: Header) -> str:
    """The digests of everything that proves what came, as one JSON document."""
    parts = {
        "request": archive.put(message.envelope, "application/soap+xml"),
        "certificate": archive.put(message.signer.public_bytes(Encoding.DER), "application/pkix-cert"),
        "instance": header.instance_id,
    }
    if message.compressed is not None:
        parts["signed content"] = archive.put_blob(message.compressed, "application/gzip")
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return archive.put(text.encode(), "application/json")


def _repeated(connection: Connection, known: Exchange, message: ReceivedMessage, receipt: bytes) -> bytes:
    payload, _, references = known.fingerprint.partition(":")
    if payload != message.payload_digest.hex():
        raise As4Problem(DUPLICATE, "another message came under this id before")
    if references != _references(message):
        return receipt  # the header was written anew: the stored receipt would not be recognised
    return documents.get(connection, known.receipt_digest).content


def _fingerprint(message: ReceivedMessage) -> str:
    return f"{message.payload_digest.hex()}:{_references(message)}"


def _references(message: ReceivedMessage) -> str:
    text = repr([(one.uri, one.digest) for one in message.references])
    return hashlib.sha256(text.encode()).hexdigest()


def _kind(header: Header) -> Kind:
    local = header.document_type.local_name
    if local == "ApplicationResponse":
        return _KINDS.get(application_response.answer_kind(header.document_type.customization), Kind.OTHER)
    return Kind.INVOICE if local in ("Invoice", "CreditNote", "CrossIndustryInvoice") else Kind.OTHER
