"""The business message envelope of a received message, and whether it agrees with the AS4 header around it.

Sources: Peppol Business Message Envelope 2.0.2; Peppol AS4 profile 2.0.3, use of the header values. Like
other access points we answer an envelope that breaks its rules with EBMS:0004 and its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import BinaryIO

from connectors.channels.peppol.as4.blobs import Blob
from connectors.channels.peppol.as4.incoming import ReceivedMessage
from connectors.channels.peppol.as4.problems import OTHER, VALUE_INCONSISTENT, As4Problem
from formats.envelopes import sbdh
from formats.errors import MalformedDocument

__all__ = ["opened", "read_business_envelope"]

_WHERE = "Peppol envelope"
_FIX = "the sending access point has to send the document in an envelope that agrees with its AS4 header"


def read_business_envelope(message: ReceivedMessage) -> sbdh.Envelope:
    """Read the envelope of a document and compare it with the header.

    Memory does not grow with the document. Raises As4Problem: EBMS:0004 where the payload is no envelope or
    breaks its rules; EBMS:0003 where sender, receiver, document type or process differ from the header.
    Participants are compared without regard to case.
    """
    if message.payload is None:
        raise As4Problem(OTHER, "the message has no document", where=_WHERE, fix=_FIX)
    try:
        with opened(message.payload) as file:
            envelope = sbdh.read(file)
    except MalformedDocument as error:
        what = f"the document is not in a correct envelope: {error.what}"
        raise As4Problem(OTHER, what, where=error.where, fix=_FIX) from error
    inside, outside = envelope.header, message.header
    pairs = (
        ("sender", inside.sender.value.lower(), outside.original_sender.lower()),
        ("receiver", inside.receiver.value.lower(), outside.final_recipient.lower()),
        ("document type", f"{inside.document_type.scheme}::{inside.document_type.value}", outside.action),
        ("process scheme", inside.process.scheme, outside.service_type),
        ("process", inside.process.value, outside.service),
    )
    for name, said_inside, said_outside in pairs:
        if said_inside != said_outside:
            raise As4Problem(
                VALUE_INCONSISTENT,
                f"the {name} of the envelope is another one than that of the AS4 header",
                where=_WHERE,
                fix=_FIX,
            )
    return envelope


@contextmanager
def opened(blob: Blob) -> Iterator[BinaryIO]:
    """A blob as a file that can seek."""
    if blob.path is None:
        yield BytesIO(blob.read())
        return
    with blob.path.open("rb") as file:
        yield file
