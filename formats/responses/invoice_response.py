"""The Invoice Response: what the buyer says about an invoice, as a value, written, read and judged.

Source: OpenPeppol, BIS Invoice Response 3.1 (transaction T111), May 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from lxml import etree

from formats.errors import MalformedDocument
from formats.finding import Finding, Severity
from formats.identifiers import Identifier
from formats.phrases import say
from formats.responses import application_response as ubl

__all__ = [
    "ANSWER_WITHIN_WORKING_DAYS",
    "ActionCode",
    "Clarification",
    "Condition",
    "Contact",
    "InvoiceReference",
    "InvoiceResponse",
    "LifeCycle",
    "NamedParty",
    "ReasonCode",
    "RespondingParty",
    "ResponseCode",
    "check",
    "describe",
    "may_follow",
    "name_of",
    "read",
    "write",
]

PROFILE: Final = "urn:fdc:peppol.eu:poacc:bis:invoice_response:3"
_PROFILES: Final = (PROFILE, "urn:peppol:bis:billing_with_response")
#: The first response is due within as many working days after the invoice came.
ANSWER_WITHIN_WORKING_DAYS: Final = 3
_REASONS: Final = "OPStatusReason"
_ACTIONS: Final = "OPStatusAction"


class ResponseCode(StrEnum):
    """What became of the invoice (UNCL4343, OpenPeppol subset), in the order of progress."""

    ACKNOWLEDGED = "AB"
    IN_PROCESS = "IP"
    UNDER_QUERY = "UQ"
    CONDITIONALLY_ACCEPTED = "CA"
    REJECTED = "RE"
    ACCEPTED = "AP"
    PAID = "PD"


class ReasonCode(StrEnum):
    """Why (list OPStatusReason)."""

    NO_ISSUE = "NON"
    REFERENCES = "REF"
    LEGAL = "LEG"
    RECEIVER_UNKNOWN = "REC"
    QUALITY = "QUA"
    DELIVERY = "DEL"
    PRICES = "PRI"
    QUANTITY = "QTY"
    ITEMS = "ITM"
    PAYMENT_TERMS = "PAY"
    NOT_RECOGNISED = "UNR"
    FINANCE_TERMS = "FIN"
    PARTLY_PAID = "PPD"
    OTHER = "OTH"


class ActionCode(StrEnum):
    """What the buyer asks the seller to do (list OPStatusAction)."""

    NONE = "NOA"
    PROVIDE_INFORMATION = "PIN"
    NEW_INVOICE = "NIN"
    CREDIT_FULLY = "CNF"
    CREDIT_PARTLY = "CNP"
    CREDIT_AMOUNT = "CNA"
    OTHER = "OTH"


class LifeCycle(StrEnum):
    """The state of the invoice that follows from a response."""

    DELIVERED = "delivered"
    DISPUTED = "disputed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PARTLY_PAID = "partly paid"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Condition:
    """Which term of the invoice is meant ("BT-13"), and what is said about it."""

    attribute: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Clarification:
    """A reason, or an action that is asked for; `code` is as it was written, in the list `list_id`."""

    list_id: str
    code: str
    text: str = ""
    conditions: tuple[Condition, ...] = ()

    @classmethod
    def reason(cls, code: ReasonCode, text: str = "", *conditions: Condition) -> Clarification:
        return cls(_REASONS, code, text, conditions)

    @classmethod
    def action(cls, code: ActionCode, text: str = "", *conditions: Condition) -> Clarification:
        return cls(_ACTIONS, code, text, conditions)


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to ask at the buyer's."""

    name: str = ""
    telephone: str = ""
    mail: str = ""


@dataclass(frozen=True, slots=True)
class RespondingParty:
    """Who sends, or receives, the response. A contact is told about who sends only."""

    endpoint: Identifier
    name: str
    identification: Identifier | None = None
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class NamedParty:
    """Who issued, or received, the invoice, where these are others."""

    name: str
    identification: Identifier | None = None


@dataclass(frozen=True, slots=True)
class InvoiceReference:
    """The invoice: its number (BT-1), date (BT-2) and type (BT-3)."""

    number: str
    type_code: str
    issued_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceResponse:
    """One response. `code` is as it was written; `issued_at` is the time of the day as written, "" for
    none. Dates have no time zone."""

    id: str
    issued_on: date
    sender: RespondingParty
    receiver: RespondingParty
    code: str
    invoice: InvoiceReference
    clarifications: tuple[Clarification, ...] = ()
    effective_on: date | None = None
    issued_at: str = ""
    note: str = ""
    issuer: NamedParty | None = None
    recipient: NamedParty | None = None
    customization: str = ubl.INVOICE_RESPONSE
    profile: str = PROFILE

    @property
    def reasons(self) -> tuple[Clarification, ...]:
        return tuple(one for one in self.clarifications if one.list_id == _REASONS)

    @property
    def actions(self) -> tuple[Clarification, ...]:
        return tuple(one for one in self.clarifications if one.list_id == _ACTIONS)

    @property
    def is_partial_payment(self) -> bool:
        return self.code == ResponseCode.PAID and any(
            one.code == ReasonCode.PARTLY_PAID for one in self.reasons
        )

    @property
    def is_final(self) -> bool:
        """Rejected, or paid in full: nothing may follow."""
        return self.code == ResponseCode.REJECTED or (
            self.code == ResponseCode.PAID and not self.is_partial_payment
        )

    @property
    def life_cycle(self) -> LifeCycle | None:
        """The state that the invoice gets; None for a code that is not of the list."""
        return LifeCycle.PARTLY_PAID if self.is_partial_payment else _STATES.get(self.code)


_STATES: Final = MappingProxyType(
    {
        "AB": LifeCycle.DELIVERED,
        "IP": LifeCycle.DELIVERED,
        "UQ": LifeCycle.DISPUTED,
        "CA": LifeCycle.ACCEPTED,
        "RE": LifeCycle.REJECTED,
        "AP": LifeCycle.ACCEPTED,
        "PD": LifeCycle.PAID,
    }
)
_ORDER: Final = tuple(map(str, ResponseCode))
_NEED_REASON: Final = frozenset({"CA", "UQ", "RE"})


def may_follow(earlier: InvoiceResponse, later: InvoiceResponse) -> bool:
    """Whether a response may come after another for the same invoice: never back in the order of progress,
    and nothing after a final one. A code that is not of the list neither follows nor is followed."""
    if earlier.is_final or earlier.code not in _ORDER or later.code not in _ORDER:
        return False
    return _ORDER.index(earlier.code) <= _ORDER.index(later.code)


def describe(response: InvoiceResponse, language: str = "en") -> str:
    """The response as sentences for people: what became of the invoice, why, and what is asked for."""
    said = [name_of("response.code", response.code, language)]
    if response.is_partial_payment:
        said = [say("response.partly_paid", language)]
    said += [_clarified("response.reason", one, language) for one in response.reasons]
    said += [
        say("response.asked", language, action=_clarified("response.action", one, language))
        for one in response.actions
        if one.code != ActionCode.NONE
    ]
    return ". ".join(f"{part[:1].upper()}{part[1:]}".rstrip(".") for part in said) + "."


def _clarified(messages: str, one: Clarification, language: str) -> str:
    details = [one.text] if one.text else []
    details += [" ".join(filter(None, (c.attribute, c.description))) for c in one.conditions]
    name = name_of(messages, one.code, language)
    return f"{name} ({'; '.join(details)})" if details else name


def name_of(messages: str, code: str, language: str = "en") -> str:
    """What a code means, in words; `messages` is "response.code", "response.reason" or "response.action".
    An unknown code is its own name."""
    try:
        return say(f"{messages}.{code}", language)
    except KeyError:
        return code


def write(response: InvoiceResponse) -> bytes:
    """As UBL; the same value always gives the same bytes. Raises MalformedDocument for what the rules
    forbid."""
    root = ubl.new_response(response.customization, response.profile)
    ubl.put(root, "cbc:ID", response.id)
    ubl.put(root, "cbc:IssueDate", response.issued_on.isoformat())
    _put_text(root, "cbc:IssueTime", response.issued_at)
    _put_text(root, "cbc:Note", response.note)
    _put_party(ubl.put(root, "cac:SenderParty"), response.sender)
    _put_party(ubl.put(root, "cac:ReceiverParty"), response.receiver)
    outer = ubl.put(root, "cac:DocumentResponse")
    inner = ubl.put(outer, "cac:Response")
    ubl.put(inner, "cbc:ResponseCode", response.code)
    if response.effective_on is not None:
        ubl.put(inner, "cbc:EffectiveDate", response.effective_on.isoformat())
    for one in response.clarifications:
        _put_clarification(ubl.put(inner, "cac:Status"), one)
    reference = ubl.put(outer, "cac:DocumentReference")
    ubl.put(reference, "cbc:ID", response.invoice.number)
    if response.invoice.issued_on is not None:
        ubl.put(reference, "cbc:IssueDate", response.invoice.issued_on.isoformat())
    ubl.put(reference, "cbc:DocumentTypeCode", response.invoice.type_code)
    for name, party in (("cac:IssuerParty", response.issuer), ("cac:RecipientParty", response.recipient)):
        if party is not None:
            element = ubl.put(outer, name)
            ubl.put_identifier(element, "cac:PartyIdentification/cbc:ID", party.identification)
            ubl.put(element, "cac:PartyName/cbc:Name", party.name)
    wrong = [finding for finding in _findings(root) if finding.severity is Severity.FATAL]
    if wrong:
        raise MalformedDocument(
            f"{wrong[0].rule}: {wrong[0].text}",
            where="invoice response",
            fix="complete the response before it is sent",
        )
    return ubl.serialize(root)


def read(document: bytes) -> InvoiceResponse:
    """Read what is there; codes are not judged. Raises MalformedDocument for what is no Invoice Response, or
    says neither a code nor an invoice."""
    root = ubl.open_response(document)
    customization = ubl.text(root, "cbc:CustomizationID")
    if ubl.answer_kind(customization) is not ubl.AnswerKind.INVOICE_RESPONSE:
        raise ubl.malformed(f"{customization[:120] or 'nothing'} is no Invoice Response")
    outer = ubl.every(root, "cac:DocumentResponse")
    if len(outer) != 1:
        raise ubl.malformed(f"there are {len(outer)} document responses, not one")
    inner = next(iter(ubl.every(outer[0], "cac:Response")), None)
    code, number = ubl.text(inner, "cbc:ResponseCode"), ubl.text(outer[0], "cac:DocumentReference/cbc:ID")
    issued_on = ubl.day(root, "cbc:IssueDate")
    if not code or not number or issued_on is None:
        raise ubl.malformed("the response lacks its code, its date or the number of the invoice")
    return InvoiceResponse(
        id=ubl.text(root, "cbc:ID"),
        issued_on=issued_on,
        sender=_party(root, "cac:SenderParty"),
        receiver=_party(root, "cac:ReceiverParty"),
        code=code,
        invoice=InvoiceReference(
            number,
            ubl.text(outer[0], "cac:DocumentReference/cbc:DocumentTypeCode"),
            ubl.day(outer[0], "cac:DocumentReference/cbc:IssueDate"),
        ),
        clarifications=tuple(map(_clarification, ubl.every(inner, "cac:Status"))),
        effective_on=ubl.day(inner, "cbc:EffectiveDate"),
        issued_at=ubl.text(root, "cbc:IssueTime"),
        note=ubl.text(root, "cbc:Note"),
        issuer=_named_party(outer[0], "cac:IssuerParty"),
        recipient=_named_party(outer[0], "cac:RecipientParty"),
        customization=customization,
        profile=ubl.text(root, "cbc:ProfileID"),
    )


def check(document: bytes) -> tuple[Finding, ...]:
    """The rules of the transaction that are not of the data model alone, and what a response cannot do
    without; ids as published. Raises MalformedDocument for what is no application response."""
    return tuple(_findings(ubl.open_response(document)))


def _findings(root: etree._Element) -> Iterator[Finding]:
    for rule, path in _NEEDED:
        if not ubl.every(root, path):
            yield _fatal(rule, f"{path} is missing")
    if not ubl.text(root, "cbc:CustomizationID").startswith(ubl.INVOICE_RESPONSE):
        yield _fatal("PEPPOL-T111-R003", f"CustomizationID has to begin with {ubl.INVOICE_RESPONSE}")
    if ubl.text(root, "cbc:ProfileID") not in _PROFILES:
        yield _fatal("PEPPOL-T111-R008", f"ProfileID is not {PROFILE}")
    for role, rule in (("Sender", "PEPPOL-T111-B00901"), ("Receiver", "PEPPOL-T111-B02101")):
        endpoint = ubl.identifier(root, f"cac:{role}Party/cbc:EndpointID")
        if endpoint is not None and not endpoint.scheme:
            yield _fatal(rule, f"the endpoint of the {role.lower()} has no schemeID")
    for element in root.iter(etree.Element):
        if not len(element) and not (element.text or "").strip():
            yield _fatal("PEPPOL-COMMON-R001", f"{etree.QName(element).localname} is empty")
    for inner in ubl.every(root, "cac:DocumentResponse/cac:Response"):
        yield from _response_findings(inner)


def _response_findings(inner: etree._Element) -> Iterator[Finding]:
    code = ubl.text(inner, "cbc:ResponseCode")
    if code and code not in _ORDER:
        yield _fatal("PEPPOL-T111-B03001", f"the code {code[:20]} is not of the list")
    statuses = ubl.every(inner, "cac:Status")
    if code in _NEED_REASON and not any(ubl.text(one, "cbc:StatusReasonCode") for one in statuses):
        yield _fatal("PEPPOL-T111-R001", f"{code} needs a reason or an action")
    for status in statuses:
        one = _clarification(status)
        codes, rule = _LISTS.get(one.list_id, (None, ""))
        if not one.code:
            # Published as a warning at most: a status may hold a text alone.
            continue
        if codes is None:
            yield _fatal("PEPPOL-T111-B03303", f"the list {one.list_id[:40] or 'of a code'} is not known")
        elif one.code not in codes:
            yield _fatal(rule, f"{one.code[:20]} is not of the list {one.list_id}")
        if not any(one.code in codes for codes, _ in _LISTS.values()):
            yield _fatal("PEPPOL-T111-B03301", f"the code {one.code[:20]} is neither reason nor action")
        if one.code == "OTH" and not one.text:
            text = "the code OTH should come with a text"
            yield Finding("PEPPOL-T111-R002", Severity.WARNING, text)
        if one.code == ReasonCode.PARTLY_PAID:
            if not one.text:
                yield _fatal("PEPPOL-T111-R004", "a partial payment (PPD) needs a text")
            if code != ResponseCode.PAID:
                yield _fatal("PEPPOL-T111-R005", f"a partial payment (PPD) goes with PD only, not {code}")
        if any(not condition.attribute for condition in one.conditions):
            yield _fatal("PEPPOL-T111-B03601", "a condition names no term (AttributeID)")


_LISTS: Final = MappingProxyType(
    {
        _REASONS: (frozenset(map(str, ReasonCode)), "PEPPOL-T111-R007"),
        _ACTIONS: (frozenset(map(str, ActionCode)), "PEPPOL-T111-R006"),
    }
)
_NEEDED: Final = (
    ("PEPPOL-T111-B00103", "cbc:ID"),
    ("PEPPOL-T111-B00104", "cbc:IssueDate"),
    ("PEPPOL-T111-B00801", "cac:SenderParty/cbc:EndpointID"),
    ("PEPPOL-T111-B01401", "cac:SenderParty/cac:PartyLegalEntity/cbc:RegistrationName"),
    ("PEPPOL-T111-B02001", "cac:ReceiverParty/cbc:EndpointID"),
    ("PEPPOL-T111-B02601", "cac:ReceiverParty/cac:PartyLegalEntity/cbc:RegistrationName"),
    ("PEPPOL-T111-B02901", "cac:DocumentResponse/cac:Response/cbc:ResponseCode"),
    ("PEPPOL-T111-B03901", "cac:DocumentResponse/cac:DocumentReference/cbc:ID"),
    ("PEPPOL-T111-B03902", "cac:DocumentResponse/cac:DocumentReference/cbc:DocumentTypeCode"),
)


def _fatal(rule: str, text: str) -> Finding:
    return Finding(rule, Severity.FATAL, text)


def _put_text(parent: etree._Element, path: str, value: str) -> None:
    if value:
        ubl.put(parent, path, value)


def _put_party(element: etree._Element, party: RespondingParty) -> None:
    ubl.put_identifier(element, "cbc:EndpointID", party.endpoint)
    ubl.put_identifier(element, "cac:PartyIdentification/cbc:ID", party.identification)
    ubl.put(element, "cac:PartyLegalEntity/cbc:RegistrationName", party.name)
    contact = party.contact
    if contact is not None and contact != Contact():
        inner = ubl.put(element, "cac:Contact")
        _put_text(inner, "cbc:Name", contact.name)
        _put_text(inner, "cbc:Telephone", contact.telephone)
        _put_text(inner, "cbc:ElectronicMail", contact.mail)


def _put_clarification(status: etree._Element, one: Clarification) -> None:
    if one.code:
        code = ubl.put(status, "cbc:StatusReasonCode", one.code)
        if one.list_id:
            code.set("listID", one.list_id)
    _put_text(status, "cbc:StatusReason", one.text)
    for condition in one.conditions:
        inner = ubl.put(status, "cac:Condition")
        ubl.put(inner, "cbc:AttributeID", condition.attribute)
        _put_text(inner, "cbc:Description", condition.description)


def _clarification(status: etree._Element) -> Clarification:
    code = next(iter(ubl.every(status, "cbc:StatusReasonCode")), None)
    return Clarification(
        "" if code is None else (code.get("listID") or ""),
        ubl.text(status, "cbc:StatusReasonCode"),
        ubl.text(status, "cbc:StatusReason"),
        tuple(
            Condition(ubl.text(one, "cbc:AttributeID"), ubl.text(one, "cbc:Description"))
            for one in ubl.every(status, "cac:Condition")
        ),
    )


def _party(root: etree._Element, path: str) -> RespondingParty:
    party = next(iter(ubl.every(root, path)), None)
    contact = Contact(
        ubl.text(party, "cac:Contact/cbc:Name"),
        ubl.text(party, "cac:Contact/cbc:Telephone"),
        ubl.text(party, "cac:Contact/cbc:ElectronicMail"),
    )
    return RespondingParty(
        ubl.identifier(party, "cbc:EndpointID") or Identifier(""),
        ubl.text(party, "cac:PartyLegalEntity/cbc:RegistrationName"),
        ubl.identifier(party, "cac:PartyIdentification/cbc:ID"),
        None if contact == Contact() else contact,
    )


def _named_party(outer: etree._Element, path: str) -> NamedParty | None:
    party = next(iter(ubl.every(outer, path)), None)
    if party is None:
        return None
    return NamedParty(
        ubl.text(party, "cac:PartyName/cbc:Name"), ubl.identifier(party, "cac:PartyIdentification/cbc:ID")
    )
