"""The header of a user message as values: written as canonical text, read strictly from the tree.

Reading refuses what the schema of ebMS 3.0 does not allow and what contradicts itself; what the Peppol
profile asks beyond that is checked by `profile`. Sources: OASIS ebMS 3.0 core, section 5.2.2; AS4 profile
1.0, section 3.1 (compression).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from connectors.channels.peppol.as4 import names
from connectors.channels.peppol.as4.problems import (
    INVALID_HEADER,
    VALUE_INCONSISTENT,
    As4Problem,
)
from connectors.channels.peppol.as4.soap import attribute, child, children, content, elements, text_of

__all__ = [
    "PartInfo",
    "Party",
    "Property",
    "UserMessage",
    "message_id_of",
    "read_moment",
    "read_user_message",
    "write_moment",
    "write_user_message",
]

_EB: Final = names.EB
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)")
_LONGEST_VALUE: Final = 2_000
_MOST_PARTS: Final = 100


@dataclass(frozen=True, slots=True)
class Property:
    """A named value; `type` is None where the attribute is missing."""

    name: str
    value: str
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """One side by its seat id (POP000123), its identifier type and its role."""

    seat_id: str
    role: str
    type: str | None = names.PARTY_TYPE


@dataclass(frozen=True, slots=True)
class PartInfo:
    """One payload: `href` is "cid:" and the Content-ID, or whatever else stands there."""

    href: str
    properties: tuple[Property, ...] = ()

    @property
    def mime_type(self) -> str:
        return _value(self.properties, "MimeType")

    @property
    def compression(self) -> str:
        """`application/gzip`, or "" for a part that is not compressed."""
        return _value(self.properties, "CompressionType")


@dataclass(frozen=True, slots=True)
class UserMessage:
    """What the header says. `sent_at` is aware, UTC; `action` is document type scheme, "::" and value.

    `agreement`, `service_type`, `mpc` and `ref_to` are None where the header has none.
    """

    message_id: str
    sent_at: datetime
    sender: Party
    receiver: Party
    service: str
    service_type: str | None
    action: str
    conversation_id: str
    properties: tuple[Property, ...] = ()
    parts: tuple[PartInfo, ...] = ()
    agreement: str | None = names.AGREEMENT
    agreement_attributes: tuple[str, ...] = ()
    mpc: str | None = None
    ref_to: str | None = None

    @property
    def original_sender(self) -> str:
        """The participant that sends, as 0208:0123456749; "" where the header names none."""
        return _value(self.properties, "originalSender")

    @property
    def final_recipient(self) -> str:
        """The participant that receives; "" where the header names none."""
        return _value(self.properties, "finalRecipient")

    @property
    def is_ping(self) -> bool:
        """A message of the test service: answered with a receipt, never delivered."""
        return (self.service, self.action) == (names.TEST_SERVICE, names.TEST_ACTION)


def write_moment(moment: datetime) -> str:
    """UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_moment(text: str) -> datetime:
    """An xs:dateTime with a time zone, as aware UTC. Raises EBMS:0009."""
    if not _MOMENT.fullmatch(text):
        raise _invalid("the timestamp is not a date and time with a time zone")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _invalid("the timestamp is not a moment that exists") from error


def write_user_message(message: UserMessage) -> str:
    """The UserMessage element, to stand in Messaging (which declares the prefix eb), in canonical form."""
    parts = "".join(_write_part(part) for part in message.parts)
    return (
        "<eb:UserMessage><eb:MessageInfo>"
        f"<eb:Timestamp>{write_moment(message.sent_at)}</eb:Timestamp>"
        f"<eb:MessageId>{content(message.message_id)}</eb:MessageId></eb:MessageInfo>"
        f"<eb:PartyInfo>{_write_party('From', message.sender)}{_write_party('To', message.receiver)}"
        f"</eb:PartyInfo><eb:CollaborationInfo>{_write_agreement(message.agreement)}"
        f"<eb:Service{_type(message.service_type)}>{content(message.service)}</eb:Service>"
        f"<eb:Action>{content(message.action)}</eb:Action>"
        f"<eb:ConversationId>{content(message.conversation_id)}</eb:ConversationId></eb:CollaborationInfo>"
        + _write_properties("MessageProperties", message.properties)
        + (f"<eb:PayloadInfo>{parts}</eb:PayloadInfo>" if parts else "")
        + "</eb:UserMessage>"
    )


def message_id_of(messaging: etree._Element) -> str:
    """The message id wherever one can be found, to refer to in an answer; "" where there is none."""
    found = messaging.findtext(f"{{{_EB}}}UserMessage/{{{_EB}}}MessageInfo/{{{_EB}}}MessageId") or ""
    return found.strip()[:_LONGEST_VALUE]


def read_user_message(messaging: etree._Element) -> UserMessage:
    """Read the one user message.

    Raises As4Problem: EBMS:0003 where there is not exactly one, where a party has several identifiers, or
    where the compression is unknown; EBMS:0009 where something is missing, empty, doubled or overlong.
    """
    found = children(messaging, _EB, "UserMessage")
    if len(found) != 1 or sum(1 for _ in elements(messaging)) != 1:
        raise As4Problem(
            VALUE_INCONSISTENT, f"{len(found)} user messages came, alone and exactly one is expected"
        )
    message = found[0]
    info = _required(message, "MessageInfo")
    parties = _required(message, "PartyInfo")
    collaboration = _required(message, "CollaborationInfo")
    agreement = child(collaboration, _EB, "AgreementRef")
    service = _required(collaboration, "Service")
    ref_to = child(info, _EB, "RefToMessageId")
    return UserMessage(
        message_id=_text(info, "MessageId"),
        sent_at=read_moment(_text(info, "Timestamp")),
        sender=_read_party(_required(parties, "From")),
        receiver=_read_party(_required(parties, "To")),
        service=_bounded(service),
        service_type=service.get("type"),
        action=_text(collaboration, "Action"),
        conversation_id=_text(collaboration, "ConversationId"),
        properties=_read_properties(child(message, _EB, "MessageProperties")),
        parts=_read_parts(child(message, _EB, "PayloadInfo")),
        agreement=None if agreement is None else _bounded(agreement),
        agreement_attributes=() if agreement is None else tuple(str(name) for name in agreement.attrib),
        mpc=message.get("mpc"),
        ref_to=None if ref_to is None else text_of(ref_to),
    )


def _write_part(part: PartInfo) -> str:
    return (
        f'<eb:PartInfo href="{attribute(part.href)}">{_write_properties("PartProperties", part.properties)}'
        "</eb:PartInfo>"
    )


def _write_party(side: str, party: Party) -> str:
    return (
        f"<eb:{side}><eb:PartyId{_type(party.type)}>{content(party.seat_id)}</eb:PartyId>"
        f"<eb:Role>{content(party.role)}</eb:Role></eb:{side}>"
    )


def _write_agreement(agreement: str | None) -> str:
    return "" if agreement is None else f"<eb:AgreementRef>{content(agreement)}</eb:AgreementRef>"


def _write_properties(group: str, properties: tuple[Property, ...]) -> str:
    inner = "".join(
        f'<eb:Property name="{attribute(one.name)}"{_type(one.type)}>{content(one.value)}</eb:Property>'
        for one in properties
    )
    return f"<eb:{group}>{inner}</eb:{group}>" if inner else ""


def _type(value: str | None) -> str:
    return "" if value is None else f' type="{attribute(value)}"'


def _read_party(side: etree._Element) -> Party:
    identifiers = children(side, _EB, "PartyId")
    if len(identifiers) > 1:
        raise As4Problem(VALUE_INCONSISTENT, "a party has more than one PartyId")
    party_id = _required(side, "PartyId")
    return Party(_bounded(party_id), _text(side, "Role"), party_id.get("type"))


def _read_properties(group: etree._Element | None) -> tuple[Property, ...]:
    if group is None:
        return ()
    properties: list[Property] = []
    for element in children(group, _EB, "Property"):
        name = (element.get("name") or "").strip()
        if not name:
            raise _invalid("a property has no name")
        if any(known.name == name for known in properties):
            raise _invalid(f"the property {name[:50]} stands twice")
        properties.append(Property(name, _bounded(element), element.get("type")))
        if len(properties) > _MOST_PARTS:
            raise _invalid("there are too many properties")
    return tuple(properties)


def _read_parts(group: etree._Element | None) -> tuple[PartInfo, ...]:
    if group is None:
        return ()
    parts: list[PartInfo] = []
    for element in children(group, _EB, "PartInfo"):
        href = element.get("href", "")
        if any(known.href == href for known in parts):
            raise As4Problem(VALUE_INCONSISTENT, "a MIME part is named twice")
        part = PartInfo(href, _read_properties(child(element, _EB, "PartProperties")))
        if part.compression not in ("", names.GZIP):
            raise As4Problem(VALUE_INCONSISTENT, "a payload has an unknown CompressionType")
        parts.append(part)
        if len(parts) > _MOST_PARTS:
            raise _invalid("there are too many payloads")
    return tuple(parts)


def _required(parent: etree._Element, name: str) -> etree._Element:
    element = child(parent, _EB, name)
    if element is None:
        raise _invalid(f"{etree.QName(parent).localname} has no {name}")
    return element


def _text(parent: etree._Element, name: str) -> str:
    return _bounded(_required(parent, name))


def _bounded(element: etree._Element) -> str:
    text = text_of(element)
    name = etree.QName(element).localname
    if not text:
        raise _invalid(f"{name} is empty")
    if len(text) > _LONGEST_VALUE:
        raise _invalid(f"{name} is longer than {_LONGEST_VALUE} characters")
    return text


def _value(properties: tuple[Property, ...], name: str) -> str:
    return next((one.value for one in properties if one.name == name), "")


def _invalid(what: str) -> As4Problem:
    return As4Problem(INVALID_HEADER, what)
