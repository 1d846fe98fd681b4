"""Receiving: a request opened, verified and read, or refused with the error that the profile has for it.

The order follows the cost and the trust: structure first, then decryption, signature, certificate, the rules
of the profile, and unpacking last. Nothing is stored here and nothing acknowledged; see `answering`.
Sources: Peppol AS4 profile 2.0.3; OASIS AS4 profile 1.0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from connectors.channels.peppol.as4.attachments import Attachment
from connectors.channels.peppol.as4.blobs import Blob, Spool
from connectors.channels.peppol.as4.compression import unpack
from connectors.channels.peppol.as4.encryption import EncryptedPart, open_part, read_encryption, unwrap
from connectors.channels.peppol.as4.envelope import UserMessage, message_id_of, read_user_message
from connectors.channels.peppol.as4.keys import Keys, TrustCheck
from connectors.channels.peppol.as4.mime import SpooledRequest
from connectors.channels.peppol.as4.problems import (
    FAILED_AUTHENTICATION,
    FAILED_DECRYPTION,
    MIME_INCONSISTENCY,
    VALUE_INCONSISTENT,
    As4Problem,
    NotNow,
    TooLarge,
)
from connectors.channels.peppol.as4.profile import require_profile
from connectors.channels.peppol.as4.signing import Reference, Verified, verify
from connectors.channels.peppol.as4.soap import SoapEnvelope, read_envelope
from connectors.channels.peppol.pki.trust import Reason, UntrustedCertificate
from formats.errors import ConfigError, EInvoicingError, RemoteError, StorageError

__all__ = ["ReceivedMessage", "Rules", "receive", "refused_id"]

MEBIBYTE: Final = 1024 * 1024
_LARGEST_ENVELOPE: Final = MEBIBYTE


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits and choices of this access point.

    `largest_payload` is in bytes unpacked, `most_ratio` how many times its packed size a payload may have;
    above `in_memory` bytes it goes to a file. `allow_mgf1p` also opens messages whose key is wrapped with the
    older rsa-oaep-mgf1p. `check` looks at a message that holds, before it is stored: whether its envelope
    agrees with its header and whether the receiver is serviced here; it raises As4Problem, and what it gives
    is `ReceivedMessage.checked`.
    """

    largest_payload: int = 1024 * MEBIBYTE
    most_ratio: int = 400
    in_memory: int = MEBIBYTE
    allow_mgf1p: bool = False
    check: Callable[[ReceivedMessage], object] = lambda _message: None


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message that holds: opened, signed by a trusted access point, as the profile asks.

    `payload` is the business message envelope, unpacked, with `payload_digest` its SHA-256; None for a
    message of the test service, which is acknowledged and not delivered. `envelope` (the SOAP part) and
    `compressed` (the bytes that were signed) are evidence to keep. `signature_digest` is the SHA-256 of the
    signature value. `checked` is what `Rules.check` made of it, for whoever stores it. Close it to remove its
    files, after moving those that are to stay.
    """

    header: UserMessage
    received_at: datetime
    envelope: bytes = field(repr=False)
    payload: Blob | None
    payload_digest: bytes
    compressed: Blob | None
    references: tuple[Reference, ...] = field(repr=False)
    signature_digest: bytes
    signer: x509.Certificate = field(repr=False)
    checked: object = field(default=None, repr=False, compare=False)

    @property
    def message_id(self) -> str:
        return self.header.message_id

    @property
    def sender_seat(self) -> str:
        """The sending access point, which its certificate names, too."""
        return self.header.sender.seat_id

    @property
    def is_ping(self) -> bool:
        return self.header.is_ping

    def close(self) -> None:
        for blob in (self.payload, self.compressed):
            if blob is not None:
                blob.discard()

    def __enter__(self) -> ReceivedMessage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def receive(
    request: SpooledRequest,
    *,
    keys: Keys,
    trust: TrustCheck,
    rules: Rules,
    at: datetime,
    folder: Path,
) -> ReceivedMessage:
    """Open and verify one request; the same request gives the same message.

    `at` (aware) is the moment of receipt. Temporary files go to `folder`; nothing is left there when it
    raises. Raises As4Problem with the error to answer.
    """
    envelope = read_envelope(request.envelope, largest=_LARGEST_ENVELOPE)
    header = read_user_message(envelope.messaging)
    sealed = {part.href: part.content for part in request.attachments}
    if {part.href for part in header.parts if part.href.startswith("cid:")} != set(sealed):
        raise As4Problem(MIME_INCONSISTENCY, "the header does not name the attachments that came")
    encrypted = read_encryption(envelope, sealed, allow_mgf1p=rules.allow_mgf1p)
    media_types = {part.href: part.media_type for part in request.attachments}
    opened: dict[str, Attachment] = {}
    try:
        for part in encrypted:
            opened[part.href] = _open(part, sealed[part.href], media_types[part.href], keys, rules, folder)
        verified = verify(envelope, opened, lambda href, digest: opened[href].matches(digest))
        _require_trust(verified, header, trust, at)
        _require_profile(envelope, header, keys)
        message = _message(envelope, header, opened, verified, rules, at, folder)
    except BaseException:
        _discard(opened.values())
        raise
    try:
        return replace(message, checked=rules.check(message))
    except BaseException:
        message.close()
        raise


def refused_id(request: SpooledRequest) -> str:
    """The id of a message that was refused, to refer to in the answer; "" where it cannot be read."""
    try:
        return message_id_of(read_envelope(request.envelope, largest=_LARGEST_ENVELOPE).messaging)
    except As4Problem:
        return ""


def _open(
    part: EncryptedPart, sealed: Blob, media_type: str, keys: Keys, rules: Rules, folder: Path
) -> Attachment:
    key = keys.for_certificate(part.certificate)
    if key is None:
        raise As4Problem(
            FAILED_DECRYPTION,
            "the message is encrypted for a certificate that this access point does not have",
            fix="look up the receiver's service metadata again",
        )
    into = Spool(folder, in_memory=rules.in_memory, largest=sealed.size, what="an attachment")
    blob, digest = open_part(sealed, unwrap(part, key), into)
    return Attachment(part.href, part.media_type or media_type, blob, digest)


def _require_trust(verified: Verified, header: UserMessage, trust: TrustCheck, at: datetime) -> None:
    try:
        trust(verified.signer.certificate, at)
    except As4Problem:
        raise
    except (ConfigError, RemoteError, StorageError) as error:
        raise NotNow(
            f"the certificate of the sender cannot be checked: {error.what}",
            detail="certificates cannot be checked here at the moment",
            fix=error.fix,
        ) from error
    except EInvoicingError as error:
        if isinstance(error, UntrustedCertificate) and error.reason is Reason.UNKNOWN_REVOCATION:
            # Unknown is not revoked: what the authority does not say today it says tomorrow.
            raise NotNow(
                error.what,
                detail="whether your certificate was taken back cannot be told at the moment",
                fix=error.fix,
            ) from error
        raise As4Problem(
            FAILED_AUTHENTICATION,
            f"the certificate of the sender is not trusted: {error.what}",
            fix=error.fix,
        ) from error
    if verified.signer.seat_id != header.sender.seat_id:
        raise As4Problem(FAILED_AUTHENTICATION, "the message is signed by another access point than it says")


def _require_profile(envelope: SoapEnvelope, header: UserMessage, keys: Keys) -> None:
    require_profile(header, {key.seat_id for key in (keys.active, *keys.previous)})
    if len(envelope.body) or (envelope.body.text or "").strip():
        raise As4Problem(VALUE_INCONSISTENT, "the SOAP body is not empty")


def _message(
    envelope: SoapEnvelope,
    header: UserMessage,
    opened: dict[str, Attachment],
    verified: Verified,
    rules: Rules,
    at: datetime,
    folder: Path,
) -> ReceivedMessage:
    payload = compressed = None
    digest = b""
    if header.is_ping:
        _discard(opened.values())
    else:
        [attachment] = opened.values()
        compressed = attachment.blob
        if header.parts[0].compression:
            into = Spool(folder, in_memory=rules.in_memory, largest=rules.largest_payload, what="the payload")
            payload, digest = unpack(compressed, into, most_ratio=rules.most_ratio)
        else:
            payload, compressed = compressed, None
            digest = _digest(payload, rules.largest_payload)
    return ReceivedMessage(
        header,
        at,
        envelope.content,
        payload,
        digest,
        compressed,
        verified.references,
        verified.signature_digest,
        verified.signer.certificate,
    )


def _digest(blob: Blob, largest: int) -> bytes:
    if blob.size > largest:
        raise TooLarge(f"the payload is larger than {largest} bytes")
    digest = hashlib.sha256()
    for piece in blob.chunks():
        digest.update(piece)
    return digest.digest()


def _discard(attachments: Iterable[Attachment]) -> None:
    for attachment in attachments:
        attachment.blob.discard()
