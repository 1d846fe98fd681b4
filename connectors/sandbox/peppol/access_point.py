"""An imitated access point: receives AS4 messages as corner 3 and sends others as corner 2.

It refuses what the strictest of the real ones refuse, keeps what it takes before it says so, and answers a
repeated message with the first receipt, or with EBMS:4001 as some stacks do.

Faults by place `as4 <seat> <final recipient>`: `ebms-<four digits>` (refused with that error), not-serviced,
lost-receipt (taken, and the connection dropped), the wrong receipts of `RECEIPT_FAULTS`; and those of every
web server by `POST /<name>/as4`. As sender, by place `send <seat> <receiver>`: duplicate (the same message
twice).
"""

from __future__ import annotations

import hashlib
import http.client
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.sandbox.faults import Fault, Faults
from connectors.sandbox.http_server import Reply, Request
from connectors.sandbox.peppol.documents import read as read_invoice
from connectors.sandbox.peppol.envelope import Envelope, unwrap, wrap
from connectors.sandbox.peppol.pki import Identity, Pki
from connectors.sandbox.peppol.refusal import ERRORS, NOT_SERVICED, Refusal, refuse_unless
from connectors.sandbox.peppol.registers import Destination
from connectors.sandbox.peppol.seal import Attachment, Header, Sealed, new_message_id, seal
from connectors.sandbox.peppol.signals import RECEIPT_FAULTS, Answer, error, read, receipt
from connectors.sandbox.peppol.unseal import Opened, Part, split, unseal

__all__ = ["EBMS_FAULTS", "AccessPoint", "Arrival", "post"]

EBMS_FAULTS: Final = (*(f"ebms-{code.removeprefix('EBMS:')}" for code in ERRORS), "not-serviced")
_SOAP: Final = "application/soap+xml;charset=UTF-8"
_TIMEOUT: Final = 30.0
# Documents kept, so that a long run does not fill the memory.
_KEPT: Final = 2_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """One business document that was taken; `at` is aware UTC."""

    access_point: str
    message_id: str
    from_party: str
    envelope: Envelope
    at: datetime
    document: bytes = field(repr=False)
    payload: bytes = field(repr=False)

    @property
    def number(self) -> str:
        """The number of an invoice; "" for others."""
        try:
            return read_invoice(self.payload).number
        except Refusal:
            return ""

    def described(self) -> dict[str, object]:
        """Plain data; the digests are of the payload as it stood in its envelope, and of the whole
        document."""
        return {
            "access_point": self.access_point,
            "from_party": self.from_party,
            "message_id": self.message_id,
            "instance_id": self.envelope.instance_id,
            "sender": self.envelope.sender,
            "receiver": self.envelope.receiver,
            "document_type": self.envelope.document_type,
            "process": self.envelope.process,
            "country": self.envelope.country,
            "mls_to": self.envelope.mls_to,
            "mls_type": self.envelope.mls_type,
            "at": self.at.astimezone(UTC).isoformat(),
            "number": self.number,
            "payload_sha256": hashlib.sha256(self.payload).hexdigest(),
            "document_sha256": hashlib.sha256(self.document).hexdigest(),
            "size": len(self.payload),
        }


class AccessPoint:
    """One access point; `identity` signs, `former` only opens what is encrypted for it.

    `serves` says whether a document type and process of a participant is received here. `taken` is told of
    every arrival, once. `error_status` is the HTTP status of ebMS errors; `repeats` is "receipt" or "refuse".
    """

    def __init__(
        self,
        name: str,
        identity: Identity,
        pki: Pki,
        faults: Faults,
        clock: Callable[[], datetime],
        *,
        serves: Callable[[str, str, str], bool],
        taken: Callable[[Arrival], None],
        former: tuple[Identity, ...] = (),
        error_status: int = 200,
        repeats: str = "receipt",
    ) -> None:
        self.name = name
        self.identity = identity
        self._pki = pki
        self._faults = faults
        self._clock = clock
        self._serves = serves
        self._taken = taken
        self._keys: Mapping[bytes, rsa.RSAPrivateKey] = {
            one.der: one.private_key for one in (identity, *former)
        }
        self._error_status = error_status
        self._repeats = repeats
        self._lock = threading.Lock()
        self._receipts: dict[str, tuple[str, bytes]] = {}
        # The newest ones, and how many there were in all.
        self.arrivals: deque[Arrival] = deque(maxlen=_KEPT)
        self.count = 0
        self.repeated: list[str] = []
        self.pings: list[str] = []
        # Code, detail and message id (where it could be read) of what was refused.
        self.refused: list[tuple[str, str, str]] = []

    @property
    def seat(self) -> str:
        return self.identity.common_name

    def receive(self, request: Request) -> Reply:
        """Take one message, or say by an ebMS error why not."""
        now = self._clock()
        refers_to = ""
        try:
            parts = split(request.headers.get("content-type", ""), request.body)
            refers_to = _message_id(parts[0])
            opened = unseal(parts, self._keys.get, self._pki.problem)
            return Reply(200, self._take(opened, now), _SOAP)
        except Refusal as refusal:
            with self._lock:
                self.refused.append((refusal.code, refusal.detail, refers_to))
            return Reply(self._error_status, error(refusal, self.identity, now, refers_to), _SOAP)

    def _take(self, opened: Opened, now: datetime) -> bytes:
        refuse_unless(opened.receiver_party == self.seat, "EBMS:0003", "the party in To is somebody else")
        place = f"as4 {self.seat} {opened.final_recipient}"
        fault = self._faults.take(place, *EBMS_FAULTS)
        if fault is not None:
            raise _ordered(fault)
        if opened.ping:
            with self._lock:
                self.pings.append(opened.message_id)
            return receipt(opened, self.identity, now)
        envelope, payload = unwrap(opened.document)
        _compare(opened, envelope)
        refuse_unless(
            self._serves(envelope.receiver, envelope.document_type, envelope.process),
            "EBMS:0004",
            NOT_SERVICED,
        )
        fault = self._faults.take(place, "lost-receipt", *RECEIPT_FAULTS)
        answer, first = self._keep(
            opened,
            Arrival(
                self.name, opened.message_id, opened.sender_party, envelope, now, opened.document, payload
            ),
        )
        if first is not None:
            self._taken(first)
        if fault is None:
            return answer
        if fault.kind == "lost-receipt":
            # The server drops the connection.
            raise ConnectionAbortedError("the receipt is lost")
        if fault.kind == "receipt-missing":
            return b""
        return receipt(opened, self.identity, now, fault.kind, self._pki.leaf)

    def _keep(self, opened: Opened, arrival: Arrival) -> tuple[bytes, Arrival | None]:
        """The receipt, and the arrival where the message is new."""
        digest = hashlib.sha256(opened.packed).hexdigest()
        with self._lock:
            known = self._receipts.get(opened.message_id)
            if known is not None:
                self.repeated.append(opened.message_id)
                refuse_unless(known[0] == digest, "EBMS:4001", "another message had this id")
                refuse_unless(self._repeats == "receipt", "EBMS:4001", "this message was received before")
                return known[1], None
            answer = receipt(opened, self.identity, arrival.at)
            self._receipts[opened.message_id] = digest, answer
            if len(self._receipts) > 2 * _KEPT:
                del self._receipts[next(iter(self._receipts))]
            self.arrivals.append(arrival)
            self.count += 1
            return answer, arrival

    def write(
        self, envelope: Envelope, payload: bytes, to: Destination, *, message_id: str = ""
    ) -> tuple[str, Sealed]:
        """A message ready to be sent to this destination, and its id."""
        packed = Attachment.packed(wrap(envelope, payload))
        header = Header(
            message_id or new_message_id(),
            self.seat,
            to.party,
            envelope.document_type,
            envelope.process,
            envelope.sender,
            envelope.receiver,
            self._clock(),
            envelope.document_scheme,
            envelope.process_scheme,
        )
        content = header.user_message([packed])
        sealed = seal(content, self.identity, attachments=[packed], receiver=to.certificate)
        return header.message_id, sealed

    def deliver(self, message_id: str, sealed: Sealed, to: Destination, receiver: str = "") -> Answer:
        """Send what `write` made, and judge the answer; a fault "duplicate" sends it twice."""
        answer = self._deliver(message_id, sealed, to)
        if self._faults.take(f"send {self.seat} {receiver}", "duplicate"):
            answer = self._deliver(message_id, sealed, to)
        return answer

    def _deliver(self, message_id: str, sealed: Sealed, to: Destination) -> Answer:
        status, kind, body = post(to.url, sealed.content_type, sealed.body)
        return read(
            status,
            kind,
            body,
            message_id=message_id,
            references=sealed.references,
            party=to.party,
            problem=self._pki.problem,
        )


def post(
    url: str, content_type: str, body: bytes, *, chunked: bool = False, timeout: float = _TIMEOUT
) -> tuple[int, str, bytes]:
    """POST one message: status, media type and body of the answer; status 0 where there was none.

    TLS certificates of loopback addresses are not checked, others as usual.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        if host in ("127.0.0.1", "localhost"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    size = 8192
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(
            "POST",
            target,
            body=pieces if chunked else body,
            headers={"Content-Type": content_type},
            encode_chunked=chunked,
        )
        response = connection.getresponse()
        return response.status, response.headers.get("Content-Type", ""), response.read()
    except (OSError, http.client.HTTPException):
        return 0, "", b""
    finally:
        connection.close()


def _ordered(fault: Fault) -> Refusal:
    if fault.kind == "not-serviced":
        return Refusal("EBMS:0004", NOT_SERVICED)
    return Refusal(f"EBMS:{fault.kind.removeprefix('ebms-')}", "refused because the sandbox was told to")


def _compare(opened: Opened, envelope: Envelope) -> None:
    for said, meant, what in (
        (opened.original_sender.lower(), envelope.sender.lower(), "originalSender"),
        (opened.final_recipient.lower(), envelope.receiver.lower(), "finalRecipient"),
        (opened.action, f"{envelope.document_scheme}::{envelope.document_type}", "Action"),
        (opened.service, (envelope.process_scheme, envelope.process), "Service"),
    ):
        refuse_unless(said == meant, "EBMS:0003", f"{what} differs from the business document envelope")


def _message_id(soap: Part) -> str:
    """The message id, as far as it can be read out of a message that may be broken."""
    start = soap.content.find(b"MessageId>")
    end = soap.content.find(b"<", start)
    found = soap.content[start + len(b"MessageId>") : end] if 0 <= start < end else b""
    text = found.decode("utf-8", "replace").strip()
    return text if len(text) < 256 and text.isprintable() else ""
