"""Received messages: looked into before they are taken, stored before they are acknowledged.

A message is known by its id and the sending access point. Its repetition gets the stored receipt and nothing
is stored a second time. Sources: Peppol AS4 profile 2.0.3, Business Message Envelope 2.0.2.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import BinaryIO, Final

from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from connectors.channels.peppol.as4 import As4Problem, Blob, ReceivedMessage, names
from connectors.channels.peppol.as4.business_envelope import opened, read_business_envelope
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
_IN_MEMORY: Final = 1024 * 1024


class Desk:
    """Takes what the endpoint of one access point receives. Safe to share between threads and processes."""

    def __init__(self, database: Database, channel: Peppol, clock: Clock) -> None:
        self._database = database
        self._channel = channel
        self._clock = clock

    def check(self, message: ReceivedMessage) -> None:
        """Whether envelope and header say the same, and whether this is for us. Raises As4Problem."""
        if message.payload is None:
            return
        self._require_serviced(read_business_envelope(message).header)

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
        envelope = read_business_envelope(message)
        header = envelope.header
        with _document(payload, envelope) as file:
            document = documents.put_file(connection, file, "application/xml", now=now)
        evidence = self._evidence(connection, message, header, now=now)
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
                receipt_digest=documents.put(connection, receipt, "application/soap+xml", now=now),
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

    def _evidence(
        self, connection: Connection, message: ReceivedMessage, header: Header, *, now: datetime
    ) -> str:
        """The digests of everything that proves what came, as one JSON document."""
        parts = {
            "request": documents.put(connection, message.envelope, "application/soap+xml", now=now),
            "certificate": documents.put(
                connection, message.signer.public_bytes(Encoding.DER), "application/pkix-cert", now=now
            ),
            "instance": header.instance_id,
        }
        if message.compressed is not None:
            with opened(message.compressed) as file:
                parts["signed content"] = documents.put_file(connection, file, "application/gzip", now=now)
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return documents.put(connection, text.encode(), "application/json", now=now)

    def _require_serviced(self, header: Header) -> None:
        settings = self._channel.settings
        own = ParticipantId.of(f"0242:{self._channel.seat[-6:]}")
        served = {ParticipantId.of(one.address) for one in settings.participants} | {own}
        kinds = set(settings.document_types) or {kind.key for kind in known_document_types()}
        name = f"{header.document_type.scheme}::{header.document_type.value}"
        if header.receiver not in served or not ({name, header.document_type.key} & kinds):
            raise As4Problem(
                OTHER,
                f"{header.receiver.value} does not receive documents of this type here",
                where="Peppol endpoint",
                fix="add the participant to the settings of the channel, if it is a customer of ours",
                detail=names.NOT_SERVICED,
            )

    def _country(self, receiver: ParticipantId) -> str:
        for one in self._channel.settings.participants:
            if ParticipantId.of(one.address) == receiver:
                return one.country
        return self._channel.settings.country


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


@contextmanager
def _document(payload: Blob, envelope: Envelope) -> Iterator[BinaryIO]:
    """The business document, cut out of its envelope."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as cut:
        with opened(payload) as file:
            for piece in sbdh.payload_chunks(file, envelope.payload):
                cut.write(piece)
        cut.seek(0)
        yield cut  # type: ignore[misc]  # a binary file in all that counts here
