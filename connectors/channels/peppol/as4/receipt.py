"""Receipts: the signed statement that a message arrived, with the digest of everything that was signed in it.

Sources: OASIS AS4 profile 1.0, section 5.1.8; ebBP signals 2.0; Peppol AS4 profile 2.0.3.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from lxml import etree

from connectors.channels.peppol.as4 import names
from connectors.channels.peppol.as4.problems import INVALID_RECEIPT, As4Problem
from connectors.channels.peppol.as4.signing import Reference, read_reference, write_reference

__all__ = ["DeliveryReceipt", "read_references", "require_references", "write_receipt"]

_FIX = "ask the receiving access point; the message itself may have arrived"


@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """A receipt that was verified: signed by the receiver, for this message, with every digest as sent.

    `content` is the response as it came, `at` the moment the receiver names (aware, UTC).
    """

    message_id: str
    ref_to: str
    at: datetime
    signer: x509.Certificate = field(repr=False)
    content: bytes = field(repr=False)


def write_receipt(references: Iterable[Reference]) -> str:
    """The Receipt element for all references of a signature, in canonical form."""
    parts = "".join(
        "<ebbp:MessagePartNRInformation>"
        f"{write_reference(reference, declared=False)}</ebbp:MessagePartNRInformation>"
        for reference in references
    )
    return (
        f'<eb:Receipt><ebbp:NonRepudiationInformation xmlns:ebbp="{names.EBBP}">{parts}'
        "</ebbp:NonRepudiationInformation></eb:Receipt>"
    )


def read_references(receipt: etree._Element) -> tuple[Reference, ...]:
    """What the receipt says it received; what other stacks add inside Receipt is passed over."""
    path = (
        f"{{{names.EBBP}}}NonRepudiationInformation/{{{names.EBBP}}}MessagePartNRInformation"
        f"/{{{names.DS}}}Reference"
    )
    return tuple(read_reference(element) for element in receipt.iterfind(path))


def require_references(received: Iterable[Reference], sent: Iterable[Reference]) -> None:
    """Every reference that was sent is in the receipt with an equal digest.

    Transforms are not compared, for some stacks rewrite them. Raises As4Problem EBMS:0302.
    """
    digests = {reference.uri: reference.digest for reference in received}
    for reference in sent:
        digest = digests.get(reference.uri)
        if digest is None:
            raise As4Problem(INVALID_RECEIPT, "the receipt leaves out a part of the message", fix=_FIX)
        if not hmac.compare_digest(digest, reference.digest):
            raise As4Problem(INVALID_RECEIPT, "the receipt has another digest than was sent", fix=_FIX)
