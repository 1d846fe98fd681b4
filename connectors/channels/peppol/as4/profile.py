"""What the Peppol profile asks of a header beyond the schema, each rule with the error that answers it.

Source: Peppol AS4 profile 2.0.3, processing mode parameters; the choice of codes follows phase4 where the
profile leaves it open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Final

from connectors.channels.peppol.as4 import names
from connectors.channels.peppol.as4.envelope import PartInfo, Property, UserMessage
from connectors.channels.peppol.as4.problems import (
    DECOMPRESSION_FAILURE,
    EXTERNAL_PAYLOAD,
    INVALID_HEADER,
    MIME_INCONSISTENCY,
    MODE_MISMATCH,
    VALUE_INCONSISTENT,
    VALUE_NOT_RECOGNIZED,
    As4Problem,
    EbmsError,
)

__all__ = ["MESSAGE_ID", "SEAT_ID", "require_profile"]

SEAT_ID: Final = re.compile(r"P[A-Z]{2}[0-9]{6}")
# The shape of RFC 2822 without angle brackets; strict receivers refuse anything else.
MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.\-\[\]:_]+")
_IDENTIFIER: Final = re.compile(r"\S+::\S.*")

_Rule = tuple[Callable[[UserMessage], bool], EbmsError, str]

# What holds for every message; what must be true, the error otherwise, and what it tells the other side.
_ALWAYS: Final[tuple[_Rule, ...]] = (
    (
        lambda message: MESSAGE_ID.fullmatch(message.message_id) is not None,
        INVALID_HEADER,
        "the MessageId does not have the form of an Internet message id",
    ),
    (lambda message: message.ref_to is None, VALUE_INCONSISTENT, "a user message refers to another one"),
    (
        lambda message: message.mpc in (None, names.DEFAULT_MPC),
        VALUE_NOT_RECOGNIZED,
        "the message partition channel is not the default one",
    ),
    (lambda message: message.agreement is not None, MODE_MISMATCH, "AgreementRef is missing"),
    (
        lambda message: message.agreement == names.AGREEMENT and not message.agreement_attributes,
        VALUE_NOT_RECOGNIZED,
        "AgreementRef is not that of Peppol, or has attributes",
    ),
    (
        lambda message: {message.sender.type, message.receiver.type} == {names.PARTY_TYPE},
        VALUE_NOT_RECOGNIZED,
        "a PartyId does not have the type of Peppol access points",
    ),
    (
        lambda message: all(SEAT_ID.fullmatch(party.seat_id) for party in (message.sender, message.receiver)),
        VALUE_NOT_RECOGNIZED,
        "a PartyId is not the seat id of an access point",
    ),
    (
        lambda message: (message.sender.role, message.receiver.role) == (names.INITIATOR, names.RESPONDER),
        VALUE_NOT_RECOGNIZED,
        "the roles are not initiator and responder",
    ),
    (
        lambda message: all(_is_attached(part) for part in message.parts),
        EXTERNAL_PAYLOAD,
        "a payload is not a MIME part of the message",
    ),
    (
        lambda message: all(part.mime_type or not part.compression for part in message.parts),
        DECOMPRESSION_FAILURE,
        "a compressed payload does not say its MimeType",
    ),
)

# What holds for documents, not for messages of the test service.
_DOCUMENTS: Final[tuple[_Rule, ...]] = (
    (
        lambda message: bool(message.service_type),
        VALUE_NOT_RECOGNIZED,
        "Service does not say the scheme of the process",
    ),
    (
        lambda message: _IDENTIFIER.fullmatch(message.action) is not None,
        VALUE_NOT_RECOGNIZED,
        "Action is not a document type with its scheme",
    ),
    (
        lambda message: bool(message.original_sender and message.final_recipient),
        INVALID_HEADER,
        "originalSender or finalRecipient is missing",
    ),
    (
        lambda message: all(
            one.type == names.PARTICIPANT_SCHEME for one in message.properties if _names_participant(one)
        ),
        VALUE_NOT_RECOGNIZED,
        "originalSender or finalRecipient does not have the type iso6523-actorid-upis",
    ),
    (
        lambda message: len(message.parts) == 1,
        MIME_INCONSISTENCY,
        "there is not exactly one payload",
    ),
)


def require_profile(message: UserMessage, our_seats: Collection[str]) -> None:
    """Raises As4Problem with the error of the first rule that the header breaks.

    `our_seats` are the seat ids that this access point holds certificates of.
    """
    for holds, error, what in (*_ALWAYS, *(() if message.is_ping else _DOCUMENTS)):
        if not holds(message):
            raise As4Problem(error, what)
    if message.receiver.seat_id not in our_seats:
        raise As4Problem(VALUE_INCONSISTENT, "the message is addressed to another access point")


def _names_participant(one: Property) -> bool:
    return one.name in ("originalSender", "finalRecipient")


def _is_attached(part: PartInfo) -> bool:
    return part.href.startswith("cid:") and part.href != "cid:"
