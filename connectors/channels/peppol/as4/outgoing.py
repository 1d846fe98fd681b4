"""Sending: one message made ready once, and the answer to it judged.

A message is made ready before the first attempt and the same bytes are sent on every attempt. Where they
are lost (the process ended), making it ready again from the same values gives the same message id and the
same signed digests, so the receiver sees a repetition and not a second message; only the encryption differs.
Sources: Peppol AS4 profile 2.0.3; OASIS AS4 profile 1.0, section 3.2 (reception awareness).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedIOBase
from pathlib import Path
from typing import Final

from cryptography import x509
from lxml import etree

from connectors.channels.peppol.as4 import names
from connectors.channels.peppol.as4.blobs import Blob, Spool
from connectors.channels.peppol.as4.compression import pack
from connectors.channels.peppol.as4.encryption import KEY_SIZE, NONCE_SIZE, seal, wrap, write_encryption
from connectors.channels.peppol.as4.envelope import (
    PartInfo,
    Party,
    Property,
    UserMessage,
    read_moment,
    write_user_message,
)
from connectors.channels.peppol.as4.keys import Key, Peer, TrustCheck, peer_of
from connectors.channels.peppol.as4.mime import content_type, head, tail
from connectors.channels.peppol.as4.problems import (
    FAILED_AUTHENTICATION,
    INVALID_HEADER,
    INVALID_RECEIPT,
    As4Problem,
)
from connectors.channels.peppol.as4.receipt import DeliveryReceipt, read_references, require_references
from connectors.channels.peppol.as4.signals import signed_envelope, unique_of
from connectors.channels.peppol.as4.signing import Reference, verify
from connectors.channels.peppol.as4.soap import SoapEnvelope, child, children, read_envelope, text_of
from formats.errors import EInvoicingError, MalformedDocument

__all__ = ["OutgoingMessage", "PreparedMessage", "SentMessage", "prepare", "prepare_ping", "read_receipt"]

MEBIBYTE: Final = 1024 * 1024
LARGEST_ANSWER: Final = MEBIBYTE
_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,100}@[A-Za-z0-9.-]{1,100}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """What is sent to whom.

    `message_id` has the form local@domain with letters, digits, dots and hyphens, and is made before the
    first attempt; `sent_at` (aware) is kept with it. `document_type` and `process` are values with their
    schemes as the receiver's metadata has them, not percent-encoded. `payload` is the business message
    envelope: bytes, a file, or pieces. Raises MalformedDocument where a value cannot stand in a header.
    """

    message_id: str
    conversation_id: str
    sent_at: datetime
    sender: str
    receiver: str
    document_type: str
    process: str
    payload: bytes | Path | Iterable[bytes] = field(repr=False)
    document_type_scheme: str = "busdox-docid-qns"
    process_scheme: str = "cenbii-procid-ubl"

    def __post_init__(self) -> None:
        if not _MESSAGE_ID.fullmatch(self.message_id):
            raise _unfit("the message id does not have the form local@domain")
        for value in (
            *(self.conversation_id, self.sender, self.receiver, self.document_type),
            *(self.process, self.document_type_scheme, self.process_scheme),
        ):
            if not value.strip() or _CONTROL.search(value):
                raise _unfit("a value of the header is empty or has control characters")

    @property
    def action(self) -> str:
        return f"{self.document_type_scheme}::{self.document_type}"


@dataclass(frozen=True, slots=True)
class SentMessage:
    """What an answer is judged by; small, and worth keeping until the receipt is there."""

    message_id: str
    receiver_seat: str
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class PreparedMessage:
    """A request as it is sent on every attempt.

    `envelope` is the SOAP part, `compressed` the packed payload as signed: both are evidence to keep.
    `payload_digest` is the SHA-256 of `compressed`. Close it to remove its files.
    """

    sent: SentMessage
    content_type: str
    envelope: bytes = field(repr=False)
    compressed: Blob | None
    payload_digest: bytes
    _head: bytes = field(repr=False)
    _sealed: Blob | None = field(repr=False)
    _tail: bytes = field(repr=False)

    @property
    def message_id(self) -> str:
        return self.sent.message_id

    @property
    def size(self) -> int:
        """Of the request body, in bytes."""
        return len(self._head) + (self._sealed.size if self._sealed else 0) + len(self._tail)

    def chunks(self) -> Iterator[bytes]:
        """The request body in pieces; as often as wanted."""
        yield self._head
        if self._sealed is not None:
            yield from self._sealed.chunks()
        if self._tail:
            yield self._tail

    def body(self) -> bytes | BodyFile:
        """The request body for an HTTP client: bytes where it is in memory, else a file of known length."""
        if self._sealed is None or self._sealed.path is None:
            return b"".join(self.chunks())
        return BodyFile(self)

    def close(self) -> None:
        for blob in (self.compressed, self._sealed):
            if blob is not None:
                blob.discard()

    def __enter__(self) -> PreparedMessage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BodyFile(BufferedIOBase):
    """A request body of known length that is read piece by piece, once."""

    def __init__(self, message: PreparedMessage) -> None:
        self._chunks = message.chunks()
        self._size = message.size
        self._rest = b""
        self._position = 0

    def __len__(self) -> int:
        return self._size

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        whole = size is None or size < 0
        pieces, left = [], self._size if whole else size or 0
        while left > 0 and (piece := self._rest or next(self._chunks, b"")):
            taken, self._rest = piece[:left], piece[left:]
            pieces.append(taken)
            left -= len(taken)
        found = b"".join(pieces)
        self._position += len(found)
        return found


def prepare(
    message: OutgoingMessage,
    *,
    receiver: x509.Certificate,
    key: Key,
    folder: Path,
    in_memory: int = MEBIBYTE,
    largest: int = 1024 * MEBIBYTE,
    level: int = 6,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> PreparedMessage:
    """Pack, sign and encrypt one message.

    `receiver` is the certificate from the receiver's service metadata, checked by the caller; `key` signs.
    More than `in_memory` packed bytes go to files in `folder`; more than `largest` raise TooLarge. `level` is
    that of gzip. Everything that is signed depends only on the arguments (the time is the message's);
    `random` gives the content key and nonce. Raises MalformedDocument for a certificate that cannot receive.
    """
    other = _receiver(receiver)
    unique = unique_of(message.message_id)
    content_id = f"doc-{unique}@{message.message_id.partition('@')[2]}"
    href = f"cid:{content_id}"
    packing = Spool(folder, in_memory=in_memory, largest=largest, what="the packed payload")
    compressed, digest = pack(_pieces(message.payload), packing, level=level)
    try:
        content_key, nonce = random(KEY_SIZE), random(NONCE_SIZE)
        envelope, references = signed_envelope(
            write_user_message(_header(message, key, other, href)),
            key=key,
            unique=unique,
            attachments=(Reference.of_attachment(href, digest),),
            before_signature=write_encryption(other, wrap(content_key, other), href, names.GZIP, unique),
        )
        sealing = Spool(folder, in_memory=in_memory, largest=largest + 64, what="the encrypted payload")
        sealed = seal(compressed, content_key, nonce, sealing)
    except BaseException:
        compressed.discard()
        raise
    boundary = f"as4-{unique}"
    return PreparedMessage(
        SentMessage(message.message_id, other.seat_id, references),
        content_type(boundary),
        envelope,
        compressed,
        digest,
        head(boundary, envelope, content_id),
        sealed,
        tail(boundary),
    )


def prepare_ping(
    message_id: str, *, sent_at: datetime, receiver: x509.Certificate, key: Key
) -> PreparedMessage:
    """A message of the test service: it has no payload, and a receipt says that the way is open."""
    if not _MESSAGE_ID.fullmatch(message_id):
        raise _unfit("the message id does not have the form local@domain")
    other = _receiver(receiver)
    header = UserMessage(
        message_id,
        sent_at,
        Party(key.seat_id, names.INITIATOR),
        Party(other.seat_id, names.RESPONDER),
        names.TEST_SERVICE,
        None,
        names.TEST_ACTION,
        message_id,
    )
    envelope, references = signed_envelope(write_user_message(header), key=key, unique=unique_of(message_id))
    sent = SentMessage(message_id, other.seat_id, references)
    media_type = f"{names.SOAP_TYPE};charset=UTF-8"
    return PreparedMessage(sent, media_type, envelope, None, b"", envelope, None, b"")


def read_receipt(
    answer: bytes,
    sent: SentMessage,
    *,
    trust: TrustCheck,
    at: datetime,
    root: etree._Element | None = None,
) -> DeliveryReceipt:
    """The receipt in an answer, verified: it is for this message, signed by the receiver whom `trust` holds
    for one at that moment, and has every digest that was sent. `root` is the tree of `answer`, where there is
    one already.

    Raises As4Problem, mostly EBMS:0302, for anything else. Errors in the answer are read by `verdicts`.
    """
    envelope = read_envelope(answer, largest=LARGEST_ANSWER, root=root)
    signal, receipt = _signal_with_receipt(envelope)
    info = child(signal, names.EB, "MessageInfo")
    if info is None:
        raise As4Problem(INVALID_RECEIPT, "the receipt has no MessageInfo")
    ref_to = _text(info, "RefToMessageId")
    if ref_to != sent.message_id:
        raise As4Problem(INVALID_RECEIPT, "the receipt is for another message")
    verified = verify(envelope)
    try:
        trust(verified.signer.certificate, at)
    except As4Problem:
        raise
    except EInvoicingError as error:
        raise As4Problem(
            FAILED_AUTHENTICATION, f"the signer of the receipt is not trusted: {error.what}", fix=error.fix
        ) from error
    if verified.signer.seat_id != sent.receiver_seat:
        raise As4Problem(FAILED_AUTHENTICATION, "the receipt is signed by another access point")
    require_references(read_references(receipt), sent.references)
    moment = read_moment(_text(info, "Timestamp"))
    return DeliveryReceipt(_text(info, "MessageId"), ref_to, moment, verified.signer.certificate, answer)


def _signal_with_receipt(envelope: SoapEnvelope) -> tuple[etree._Element, etree._Element]:
    signals = children(envelope.messaging, names.EB, "SignalMessage")
    if len(signals) != 1:
        raise As4Problem(INVALID_RECEIPT, "the answer does not hold one signal message")
    receipt = child(signals[0], names.EB, "Receipt")
    if receipt is None:
        raise As4Problem(INVALID_RECEIPT, "the answer does not hold a receipt")
    return signals[0], receipt


def _text(parent: etree._Element, name: str) -> str:
    element = child(parent, names.EB, name)
    if element is None:
        raise As4Problem(INVALID_HEADER, f"the answer has no {name}")
    return text_of(element)


def _header(message: OutgoingMessage, key: Key, other: Peer, href: str) -> UserMessage:
    scheme = names.PARTICIPANT_SCHEME
    return UserMessage(
        message.message_id,
        message.sent_at,
        Party(key.seat_id, names.INITIATOR),
        Party(other.seat_id, names.RESPONDER),
        message.process,
        message.process_scheme,
        message.action,
        message.conversation_id,
        (
            Property("originalSender", message.sender, scheme),
            Property("finalRecipient", message.receiver, scheme),
        ),
        (
            PartInfo(
                href,
                (Property("MimeType", "application/xml"), Property("CompressionType", names.GZIP)),
            ),
        ),
    )


def _receiver(certificate: x509.Certificate) -> Peer:
    try:
        other = peer_of(certificate)
    except ValueError as error:
        raise _unfit("the receiver's certificate has no RSA key of 2048 bits") from error
    if not other.seat_id:
        raise _unfit("the receiver's certificate does not name its seat")
    return other


def _pieces(payload: bytes | Path | Iterable[bytes]) -> Iterable[bytes]:
    if isinstance(payload, bytes):
        return (payload,)
    if isinstance(payload, Path):
        return Blob(payload.stat().st_size, path=payload).chunks()
    return payload


def _unfit(what: str) -> MalformedDocument:
    return MalformedDocument(
        what, where="AS4 message", fix="check the identifiers of this message and the receiver's metadata"
    )
