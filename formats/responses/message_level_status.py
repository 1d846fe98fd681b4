"""Message Level Status: what the receiving access point did with a document, and who is told when.

The older Message Level Response (MLR 3) is read into the same value; it is not written any more.

Source: Peppol Message Level Status 1.1.0 with its Schematron (SCH-MLS-01 to 31); Peppol SPIS 1.0.0 (scheme
0242); OpenPeppol BIS Message Level Response 3.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from lxml import etree

from formats.envelopes.sbdh_header import Header, MlsType
from formats.errors import MalformedDocument
from formats.finding import Finding, Severity
from formats.identifiers import (
    PARTICIPANT_SCHEME,
    PROCESS_SCHEME,
    DocumentTypeId,
    Identifier,
    ParticipantId,
    ProcessId,
)
from formats.phrases import say
from formats.responses import application_response as ubl

__all__ = [
    "COMPLETE_WITHIN",
    "DOCUMENT_TYPE",
    "NOT_APPLICABLE",
    "PROCESS",
    "SEND_WITHIN",
    "Issue",
    "IssueCode",
    "MessageLevelStatus",
    "StatusCode",
    "check",
    "default_receiver",
    "describe",
    "header_of",
    "is_due",
    "name_of",
    "read",
    "receiver_of",
    "write",
]

#: From the reception of the document to the sending of its status, for 99.5 of 100.
SEND_WITHIN: Final = timedelta(minutes=20)
#: From the reception of the document to the arrival of its status at the sender's access point.
COMPLETE_WITHIN: Final = timedelta(minutes=25)
#: The place of an issue that has none.
NOT_APPLICABLE: Final = "NA"
PROFILE: Final = "urn:peppol:edec:mls"
DOCUMENT_TYPE: Final = DocumentTypeId.of(
    "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2::ApplicationResponse"
    f"##{ubl.MESSAGE_LEVEL_STATUS}::2.1"
)
PROCESS: Final = ProcessId(PROCESS_SCHEME, PROFILE)

_PROVIDER_SCHEME: Final = "0242"
_PROVIDER: Final = re.compile(r"[0-9]{6}(-[0-9A-Z_]{3,12}(\.[0-9A-Z\-._~]{3,24})?)?", re.IGNORECASE)
_PUBLISHED_PROVIDER: Final = re.compile(_PROVIDER.pattern)
_SEAT: Final = re.compile(r"P[A-Z]{2}([0-9]{6})")
_ZONE: Final = re.compile(r"([+-][0-9]{2}:[0-9]{2}|Z)\Z")
_REPORTS: Final = "urn:fdc:peppol.eu:edec:trns:"


class StatusCode(StrEnum):
    """What became of the document."""

    DELIVERED = "AP"
    PASSED_ON = "AB"
    REFUSED = "RE"


class IssueCode(StrEnum):
    """What kind of thing was found."""

    RULE_BROKEN = "BV"
    RULE_WARNING = "BW"
    SYNTAX = "SV"
    NOT_DELIVERED = "FD"


_FAILURES: Final = frozenset({IssueCode.RULE_BROKEN, IssueCode.SYNTAX, IssueCode.NOT_DELIVERED})


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing found: where (an XPath, or NOT_APPLICABLE), what kind, and in words."""

    code: str
    text: str
    location: str = NOT_APPLICABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLevelStatus:
    """One status. `refers_to` is the InstanceIdentifier of the document's envelope; `issued_at` is aware, in
    whole seconds. `sender` and `receiver` are service providers (0242), in an MLR the parties themselves.
    Codes are as they were written."""

    id: str
    issued_at: datetime
    sender: Identifier
    receiver: Identifier
    code: str
    refers_to: str
    text: str = ""
    issues: tuple[Issue, ...] = ()
    customization: str = ubl.MESSAGE_LEVEL_STATUS

    @property
    def is_refusal(self) -> bool:
        return self.code == StatusCode.REFUSED


def is_due(answered: Header, code: StatusCode) -> bool:
    """Whether a document is to be answered by a status with this code: refusals always, others where its
    sender asked for all; a Message Level Status or Response, and a statistics report, never."""
    if answered.is_answer or answered.document_type.customization.startswith(_REPORTS):
        return False
    return code is StatusCode.REFUSED or answered.mls_type is MlsType.ALWAYS_SEND


def default_receiver(seat_id: str) -> ParticipantId:
    """The service provider behind the certificate name of an access point: POP000001 is 0242:000001. Raises
    MalformedDocument for what is no such name."""
    match = _SEAT.fullmatch(seat_id)
    if match is None:
        raise MalformedDocument(
            f"{seat_id[:40]!r} is no seat id",
            where="certificate of the access point",
            fix="use a certificate of the network, whose common name is like POP000001",
        )
    return ParticipantId(PARTICIPANT_SCHEME, f"{_PROVIDER_SCHEME}:{match[1]}")


def receiver_of(answered: Header, seat_id: str) -> ParticipantId:
    """Who gets the status: what MLS_TO asks for if it is of the sending access point, whose certificate name
    is `seat_id`, else that access point.

    If the network does not know what MLS_TO asks for, the status goes to `default_receiver` instead. Raises
    MalformedDocument for what is no certificate name.
    """
    default = default_receiver(seat_id)
    wanted = answered.mls_to
    if wanted is None or wanted.icd != _PROVIDER_SCHEME or not _PROVIDER.fullmatch(wanted.number):
        return default
    return wanted if wanted.number[:6] == default.number else default


def header_of(status: MessageLevelStatus, *, instance_id: str, created_at: datetime, country: str) -> Header:
    """The header of the envelope that carries a status; `country` is that of the access point's owner."""
    return Header(
        sender=ParticipantId.of_address(status.sender),
        receiver=ParticipantId.of_address(status.receiver),
        document_type=DOCUMENT_TYPE,
        process=PROCESS,
        instance_id=instance_id,
        created_at=created_at,
        country_c1=country,
    )


def describe(status: MessageLevelStatus, language: str = "en") -> str:
    """The status as sentences for people."""
    said = [name_of("mls.code", status.code, language) + (f": {status.text}" if status.text else "")]
    said += [f"{name_of('mls.issue', one.code, language)}: {one.text}" for one in status.issues]
    return " ".join(f"{part[:1].upper()}{part[1:]}".rstrip(".") + "." for part in said)


def write(status: MessageLevelStatus) -> bytes:
    """As UBL; the same value always gives the same bytes. Raises MalformedDocument for what the rules
    forbid."""
    moment = status.issued_at.astimezone(UTC)
    root = ubl.new_response(status.customization, PROFILE)
    ubl.put(root, "cbc:ID", status.id)
    ubl.put(root, "cbc:IssueDate", moment.date().isoformat())
    ubl.put(root, "cbc:IssueTime", f"{moment.time().isoformat('seconds')}Z")
    for role, party in (("Sender", status.sender), ("Receiver", status.receiver)):
        # The published rules know capitals only, in a scheme whose case does not count.
        upper = Identifier(party.value.upper(), party.scheme)
        ubl.put_identifier(root, f"cac:{role}Party/cbc:EndpointID", upper)
    outer = ubl.put(root, "cac:DocumentResponse")
    inner = ubl.put(outer, "cac:Response")
    ubl.put(inner, "cbc:ResponseCode", status.code)
    if status.text:
        ubl.put(inner, "cbc:Description", status.text)
    ubl.put(outer, "cac:DocumentReference/cbc:ID", status.refers_to)
    for issue in status.issues:
        line = ubl.put(outer, "cac:LineResponse")
        ubl.put(line, "cac:LineReference/cbc:LineID", issue.location)
        response = ubl.put(line, "cac:Response")
        ubl.put(response, "cbc:Description", issue.text)
        ubl.put(response, "cac:Status/cbc:StatusReasonCode", issue.code)
    wrong = next(_findings(root), None)
    if wrong is not None:
        raise MalformedDocument(
            f"{wrong.rule}: {wrong.text}",
            where="message level status",
            fix="complete the status before it is sent",
        )
    return ubl.serialize(root)


def read(document: bytes) -> MessageLevelStatus:
    """Read a Message Level Status or Response; codes are not judged.

    A time without a zone is taken for UTC, a missing one for midnight. Raises MalformedDocument for what is
    neither, or names no code, no date or no document.
    """
    root = ubl.open_response(document)
    customization = ubl.text(root, "cbc:CustomizationID")
    kinds = (ubl.AnswerKind.MESSAGE_LEVEL_STATUS, ubl.AnswerKind.MESSAGE_LEVEL_RESPONSE)
    if ubl.answer_kind(customization) not in kinds:
        raise ubl.malformed(f"{customization[:120] or 'nothing'} is no Message Level Status or Response")
    outer = ubl.every(root, "cac:DocumentResponse")
    if len(outer) != 1:
        raise ubl.malformed(f"there are {len(outer)} document responses, not one")
    code, refers_to = (
        ubl.text(outer[0], path) for path in ("cac:Response/cbc:ResponseCode", "cac:DocumentReference/cbc:ID")
    )
    day = ubl.day(root, "cbc:IssueDate")
    if not code or not refers_to or day is None:
        raise ubl.malformed("the status lacks its code, its date or the document it is about")
    return MessageLevelStatus(
        id=ubl.text(root, "cbc:ID"),
        issued_at=_moment(day, ubl.text(root, "cbc:IssueTime")),
        sender=ubl.identifier(root, "cac:SenderParty/cbc:EndpointID") or Identifier(""),
        receiver=ubl.identifier(root, "cac:ReceiverParty/cbc:EndpointID") or Identifier(""),
        code=code,
        refers_to=refers_to,
        text=ubl.text(outer[0], "cac:Response/cbc:Description"),
        issues=tuple(map(_issue, ubl.every(outer[0], "cac:LineResponse"))),
        customization=customization,
    )


def check(document: bytes) -> tuple[Finding, ...]:
    """The rules of the Message Level Status that it breaks, ids as published; all are fatal. Raises
    MalformedDocument for what is no application response."""
    return tuple(_findings(ubl.open_response(document)))


def _findings(root: etree._Element) -> Iterator[Finding]:
    yield from _broken(
        (1, ubl.text(root, "cbc:CustomizationID") == ubl.MESSAGE_LEVEL_STATUS, "CustomizationID is wrong"),
        (2, ubl.text(root, "cbc:ProfileID") == PROFILE, "ProfileID is wrong"),
        (3, bool(ubl.text(root, "cbc:ID")), "ID is empty"),
        (4, len(ubl.text(root, "cbc:IssueDate")) == 10, "IssueDate is no date without a time zone"),
        (5, bool(ubl.every(root, "cbc:IssueTime")), "IssueTime is missing"),
        (6, bool(_ZONE.search(ubl.text(root, "cbc:IssueTime"))), "IssueTime has no time zone"),
    )
    for role, first in (("Sender", 7), ("Receiver", 12)):
        yield from _party_findings(root, role, first)
    outer = ubl.every(root, "cac:DocumentResponse")
    yield from _broken((17, len(outer) == 1, "there is not exactly one DocumentResponse"))
    for one in outer:
        yield from _document_findings(one)


def _party_findings(root: etree._Element, role: str, first: int) -> Iterator[Finding]:
    path = f"cac:{role}Party/cbc:EndpointID"
    found = ubl.every(root, path)
    value = ubl.text(root, path)
    scheme = found[0].get("schemeID") if found else None
    yield from _broken(
        (first, bool(found), f"{path} is missing"),
        (first + 1, bool(value), f"{path} is empty"),
        (first + 2, bool(_PUBLISHED_PROVIDER.fullmatch(value)), f"{path} is no service provider id"),
        (first + 3, scheme is not None, f"{path} has no schemeID"),
        (first + 4, (scheme or "").strip() == _PROVIDER_SCHEME, f"schemeID of {path} is not 0242"),
    )


def _document_findings(outer: etree._Element) -> Iterator[Finding]:
    codes = ubl.every(outer, "cac:Response/cbc:ResponseCode")
    code = ubl.text(outer, "cac:Response/cbc:ResponseCode")
    refused = code == StatusCode.REFUSED
    lines = ubl.every(outer, "cac:LineResponse")
    issues = {ubl.text(line, "cac:Response/cac:Status/cbc:StatusReasonCode") for line in lines}
    failures = issues & _FAILURES
    described = ubl.every(outer, "cac:Response/cbc:Description")
    references = ubl.every(outer, "cac:DocumentReference")
    yield from _broken(
        (18, bool(codes), "ResponseCode is missing"),
        (19, code in frozenset(StatusCode), f"ResponseCode {code[:20]!r} is not of the list"),
        (20, not refused or bool(described), "a refusal has no Description"),
        (21, not refused or bool(ubl.text(outer, "cac:Response/cbc:Description")), "Description is empty"),
        (22, len(references) == 1, "there is not exactly one DocumentReference"),
        (23, not refused or bool(lines), "a refusal names no issue"),
        (24, not refused or bool(failures), "a refusal names no failure, only warnings"),
        (25, refused or not failures, "a positive status names a failure"),
    )
    for reference in references:
        yield from _broken((26, bool(ubl.text(reference, "cbc:ID")), "DocumentReference/ID is empty"))
    for line in lines:
        location = ubl.text(line, "cac:LineReference/cbc:LineID")
        yield from _broken((27, bool(location), "an issue has no place (LineID)"))
        for response in ubl.every(line, "cac:Response"):
            yield from _issue_findings(response)


def _issue_findings(response: etree._Element) -> Iterator[Finding]:
    statuses = ubl.every(response, "cac:Status")
    yield from _broken(
        (28, bool(ubl.every(response, "cbc:Description")), "an issue has no Description"),
        (29, bool(ubl.text(response, "cbc:Description")), "the Description of an issue is empty"),
        (30, bool(statuses), "an issue has no Status"),
    )
    for status in statuses:
        code = ubl.text(status, "cbc:StatusReasonCode")
        good = code in frozenset(IssueCode)
        yield from _broken((31, good, f"StatusReasonCode {code[:20]!r} is not of the list"))


def _broken(*rules: tuple[int, bool, str]) -> Iterator[Finding]:
    for number, holds, text in rules:
        if not holds:
            yield Finding(f"SCH-MLS-{number:02}", Severity.FATAL, text)


def _issue(line: etree._Element) -> Issue:
    return Issue(
        ubl.text(line, "cac:Response/cac:Status/cbc:StatusReasonCode"),
        ubl.text(line, "cac:Response/cbc:Description"),
        ubl.text(line, "cac:LineReference/cbc:LineID") or NOT_APPLICABLE,
    )


def _moment(day: date, clock: str) -> datetime:
    try:
        moment = datetime.combine(day, time.fromisoformat(clock) if clock else time(0))
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise ubl.malformed(f"IssueTime is {clock[:40]!r}, no time") from error


def name_of(messages: str, code: str, language: str = "en") -> str:
    """What a code means, in words; `messages` is "mls.code" or "mls.issue". An unknown
    code is its own name."""
    try:
        return say(f"{messages}.{code}", language)
    except KeyError:
        return code
