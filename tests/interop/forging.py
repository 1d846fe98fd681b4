"""Messages that a correct sender would never send, for the other side to refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from connectors.channels.peppol.as4 import PreparedMessage
from connectors.channels.peppol.as4.blobs import Blob
from connectors.channels.peppol.as4.signals import signed_envelope, unique_of
from connectors.channels.peppol.pki.keys import AccessPointKey

__all__ = ["altered", "flipped", "signed_anew"]

_ENCRYPTION = re.compile(rb"<wsse:BinarySecurityToken wsu:Id=\"enc-cert.*?</xenc:EncryptedData>", re.DOTALL)
_MESSAGE = re.compile(rb"<eb:UserMessage>.*</eb:UserMessage>", re.DOTALL)


def altered(message: PreparedMessage, old: str, new: str) -> PreparedMessage:
    """The SOAP part changed on its way, after it was signed."""
    envelope = message.envelope.replace(old.encode(), new.encode())
    return _with(message, envelope)


def flipped(message: PreparedMessage) -> PreparedMessage:
    """One bit in the middle of the encrypted attachment changed on its way."""
    assert message._sealed is not None
    content = bytearray(message._sealed.read())
    content[len(content) // 2] ^= 1
    return replace(message, _sealed=Blob.of(bytes(content)))


def signed_anew(
    message: PreparedMessage, key: AccessPointKey, change: Callable[[str], str]
) -> PreparedMessage:
    """A header that is wrong, and signed as it is."""
    header, encryption = _MESSAGE.search(message.envelope), _ENCRYPTION.search(message.envelope)
    assert header is not None
    assert encryption is not None
    written = header[0].decode()
    changed = change(written)
    assert changed != written, "nothing was changed"
    envelope, references = signed_envelope(
        changed,
        key=key,
        unique=unique_of(message.message_id),
        attachments=message.sent.references[2:],
        before_signature=encryption[0].decode(),
    )
    return replace(_with(message, envelope), sent=replace(message.sent, references=references))


def _with(message: PreparedMessage, envelope: bytes) -> PreparedMessage:
    assert envelope != message.envelope, "nothing was changed"
    start = message._head.replace(message.envelope, envelope)
    return replace(message, envelope=envelope, _head=start)
