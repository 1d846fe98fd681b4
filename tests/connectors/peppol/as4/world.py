"""Two access points, a trust that knows their authority, and an inbox in memory."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from connectors.channels.peppol.as4 import (
    Answer,
    As4Problem,
    Outcome,
    OutgoingMessage,
    PreparedMessage,
    ReceivedMessage,
    Receiver,
    Rules,
    judge,
    prepare,
    spool,
)
from connectors.channels.peppol.as4.mime import Limits, content_type, head, tail
from connectors.channels.peppol.as4.problems import DUPLICATE
from connectors.channels.peppol.pki.keys import AccessPointKey, KeyRing
from formats.errors import SignatureInvalid
from tests.connectors.peppol.authorities import NOW, Leaf, World

__all__ = ["NOW", "Network", "StoredInbox", "key_of"]

DOCUMENT_TYPE = (
    "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant#"
    "urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
)
PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"


def key_of(leaf: Leaf) -> AccessPointKey:
    return AccessPointKey(leaf.certificate, leaf.key)


@dataclass
class StoredInbox:
    """Keeps what an inbox has to keep."""

    stored: dict[tuple[str, str], tuple[bytes, tuple[Any, ...], bytes]] = field(default_factory=dict)
    payloads: list[bytes] = field(default_factory=list)

    def take(self, message: ReceivedMessage, receipt: bytes, /) -> bytes:
        key = (message.message_id, message.sender_seat)
        known = self.stored.get(key)
        if known is None:
            assert message.payload is not None
            self.payloads.append(message.payload.read())
            self.stored[key] = (message.payload_digest, message.references, receipt)
            return receipt
        digest, references, stored = known
        if digest != message.payload_digest:
            raise As4Problem(DUPLICATE, "another message has come under this id")
        return stored if references == message.references else receipt


@dataclass
class Network:
    """Access point `a` sends to `b`; `trust` believes what their authority issued."""

    folder: Path
    world: World
    a: AccessPointKey
    b: AccessPointKey
    inbox: StoredInbox = field(default_factory=StoredInbox)
    rules: Rules = field(default_factory=Rules)
    limits: Limits = field(default_factory=Limits)
    previous: tuple[AccessPointKey, ...] = ()

    def trust(self, certificate: x509.Certificate, _at: datetime) -> None:
        try:
            certificate.verify_directly_issued_by(self.world.access_points.certificate)
        except (InvalidSignature, ValueError) as error:
            raise SignatureInvalid("not issued by the authority", where="test", fix="none") from error

    @property
    def keys(self) -> KeyRing:
        return KeyRing(self.b, self.previous)

    def message(self, payload: bytes | Path | Iterable[bytes] = b"<a/>", **changed: Any) -> OutgoingMessage:
        message = OutgoingMessage(
            "m-1@a.example",
            "c-1",
            NOW,
            "0208:0123456749",
            "0088:7300010000001",
            DOCUMENT_TYPE,
            PROCESS,
            payload,
        )
        return replace(message, **changed)

    def prepare(self, payload: bytes | Path | Iterable[bytes] = b"<a/>", **changed: Any) -> PreparedMessage:
        return prepare(
            self.message(payload, **changed), receiver=self.b.certificate, key=self.a, folder=self.folder
        )

    def receiver(self) -> Receiver:
        return Receiver(
            keys=lambda: self.keys,
            trust=self.trust,
            inbox=self.inbox,
            folder=self.folder,
            clock=lambda: NOW,
            new_id=lambda: f"r-{secrets.token_hex(8)}@b.example",
            rules=self.rules,
            limits=self.limits,
        )

    def answer(self, prepared: PreparedMessage) -> Answer:
        return self.receiver().answer(prepared.content_type, prepared.chunks())

    def judge(self, prepared: PreparedMessage, answer: Answer) -> Outcome:
        return judge(
            prepared.sent, answer.status, answer.content_type, answer.content, trust=self.trust, at=NOW
        )

    def refusal(self, prepared: PreparedMessage, change: Callable[[bytes], bytes]) -> str:
        """The error code that answers the message with its SOAP part changed, "" where it is taken."""
        with spool(prepared.content_type, prepared.chunks(), self.folder, self.limits) as request:
            envelope = change(request.envelope)
            assert envelope != request.envelope, "nothing was changed"
            attachment = request.attachments[0].content.read() if request.attachments else b""
        content_id = f"{prepared.sent.references[-1].uri.removeprefix('cid:')}"
        answer = self.receiver().answer(
            content_type("b"), (head("b", envelope, content_id), attachment, tail("b"))
        )
        return answer.problem.error.code if answer.problem else ""
