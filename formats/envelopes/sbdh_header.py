"""The header of a Business Message Envelope as values, and the rules it has to keep.

Source: Peppol Business Message Envelope 2.0.2. The specification numbers no rules; the ids are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from lxml import etree

from formats.envelopes.other_content import is_other_content
from formats.envelopes.outline import Element
from formats.errors import MalformedDocument
from formats.finding import Finding, Severity
from formats.identifiers import (
    DOCUMENT_TYPE_SCHEME,
    PARTICIPANT_SCHEME,
    PROCESS_SCHEME,
    DocumentTypeId,
    ParticipantId,
    ProcessId,
)

__all__ = ["ANSWERED", "NAMESPACE", "Header", "MlsType", "header_element", "judge_document", "judge_header"]

#: The rule that answers are not answered: a warning in what we read, refused in what we write.
ANSWERED: Final = "SBDH-MLS"
NAMESPACE: Final = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
_VERSION: Final = "1.0"
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MOMENT: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_AT: Final = "/StandardBusinessDocument/StandardBusinessDocumentHeader"
_OWN_SCOPES: Final = ("DOCUMENTID", "PROCESSID", "COUNTRY_C1", "MLS_TO", "MLS_TYPE")
_BLANKS: Final = " \t\r\n"
# Customizations of messages that are answers themselves.
_ANSWERS: Final = ("urn:peppol:edec:mls:", "urn:fdc:peppol.eu:poacc:trns:mlr:")
# What documents that are no XML have as Type and TypeVersion, by what their type begins with.
_OTHER_KINDS: Final = MappingProxyType({"urn:peppol:doctype:pdf+xml": ("factur-x", "0")})


class MlsType(StrEnum):
    """When the sender wants a Message Level Status: about failures only (the default), or always."""

    FAILURE_ONLY = "FAILURE_ONLY"
    ALWAYS_SEND = "ALWAYS_SEND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What an envelope says about its document.

    `instance_id` is unique for all time, best a UUID of version 4; it is what a Message Level Status refers
    to. `created_at` is aware, with microseconds. `country_c1` is the country of the end user who sends (ISO
    3166-1 alpha-2). `attributes` are further scopes, type and value. `type_name` and `type_version` are only
    for documents that have others than their document type says, "" for all XML.
    """

    sender: ParticipantId
    receiver: ParticipantId
    document_type: DocumentTypeId
    process: ProcessId
    instance_id: str
    created_at: datetime
    country_c1: str
    mls_to: ParticipantId | None = None
    mls_type: MlsType | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    type_name: str = ""
    type_version: str = ""

    def __post_init__(self) -> None:
        if self.created_at.tzinfo is None:
            raise ValueError("created_at must be aware")

    @property
    def is_answer(self) -> bool:
        """Whether the document is a Message Level Status or Response, which nobody answers."""
        return self.document_type.customization.startswith(_ANSWERS)


def header_element(header: Header) -> etree._Element:
    """The header as XML; whether it keeps the rules is for `judge_header` to say."""
    root = etree.Element(_tag("StandardBusinessDocumentHeader"), nsmap={"sh": NAMESPACE})
    _put(root, "HeaderVersion", _VERSION)
    for role, participant in (("Sender", header.sender), ("Receiver", header.receiver)):
        identifier = _put(etree.SubElement(root, _tag(role)), "Identifier", participant.value)
        identifier.set("Authority", participant.scheme)
    name, version = _kind(header.document_type)
    about = etree.SubElement(root, _tag("DocumentIdentification"))
    _put(about, "Standard", header.document_type.root_namespace)
    _put(about, "TypeVersion", header.type_version or version)
    _put(about, "InstanceIdentifier", header.instance_id)
    _put(about, "Type", header.type_name or name)
    _put(about, "CreationDateAndTime", _moment_text(header.created_at))
    scopes = etree.SubElement(root, _tag("BusinessScope"))
    _scope(scopes, "DOCUMENTID", header.document_type.value, header.document_type.scheme)
    _scope(scopes, "PROCESSID", header.process.value, header.process.scheme)
    _scope(scopes, "COUNTRY_C1", header.country_c1)
    if header.mls_to is not None:
        _scope(scopes, "MLS_TO", header.mls_to.value, header.mls_to.scheme)
    if header.mls_type is not None:
        _scope(scopes, "MLS_TYPE", header.mls_type)
    for kind, value in header.attributes:
        _scope(scopes, kind, value)
    return root


def judge_header(root: etree._Element) -> tuple[Header | None, tuple[Finding, ...]]:
    """Read a header and judge it; the header is None where something of it could not be read."""
    reading = _Reading(root)
    header = reading.header()
    return header, tuple(reading.findings)


def judge_document(header: Header, element: Element) -> tuple[Finding, ...]:
    """Whether the document is what the header calls it."""
    kind = header.document_type
    if is_other_content(element.namespace, element.local_name):
        return ()
    if (element.namespace, element.local_name) == (kind.root_namespace, kind.local_name):
        return ()
    said = f"{kind.local_name or 'a document that is no XML'} of {kind.root_namespace}"
    text = f"the header announces {said}, inside is {element.local_name} of {element.namespace or 'nothing'}"
    return (Finding("SBDH-DOCUMENT", Severity.FATAL, text, "/StandardBusinessDocument/*[2]"),)


def _kind(document_type: DocumentTypeId) -> tuple[str, str]:
    """Type and TypeVersion that go with a document type."""
    other = _OTHER_KINDS.get(document_type.root_namespace)
    return other or (document_type.local_name, document_type.version)


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _put(parent: etree._Element, name: str, text: str) -> etree._Element:
    element = etree.SubElement(parent, _tag(name))
    try:
        element.text = text
    except ValueError as error:
        raise MalformedDocument(
            f"{name} has signs that XML cannot carry", where="Peppol envelope", fix="leave them out"
        ) from error
    return element


def _scope(parent: etree._Element, kind: str, value: str, identifier: str = "") -> None:
    scope = etree.SubElement(parent, _tag("Scope"))
    _put(scope, "Type", kind)
    _put(scope, "InstanceIdentifier", value)
    if identifier:
        _put(scope, "Identifier", identifier)


def _moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


@dataclass(slots=True)
class _Reading:
    """One header being read, and what is wrong with it."""

    root: etree._Element
    findings: list[Finding] = field(default_factory=list)

    def header(self) -> Header | None:
        root = self.root
        if self._text(root, "HeaderVersion", "SBDH-VERSION") not in (_VERSION, None):
            self._fatal("SBDH-VERSION", f"HeaderVersion is not {_VERSION}", "HeaderVersion")
        sender, receiver = self._party("Sender"), self._party("Receiver")
        scopes = tuple(self._scopes())
        kind = self._document_type(scopes)
        process = self._process(scopes)
        country = self._country(scopes)
        about = self._one(root, "DocumentIdentification", "SBDH-DOCUMENT-IDENTIFICATION")
        instance = created = None
        name = version = ""
        if about is not None:
            instance = self._instance(about)
            created = self._created(about)
            name, version = self._kind_of(about, kind)
            if (_child_text(about, "MultipleType") or "false") not in ("false", "0"):
                self._fatal("SBDH-MULTIPLE", "MultipleType says that there are several documents", "")
        mls_to, mls_type = self._mls_to(scopes), self._mls_type(scopes)
        if kind is None or process is None or country is None or instance is None or created is None:
            return None
        if sender is None or receiver is None:
            return None
        header = Header(
            sender=sender,
            receiver=receiver,
            document_type=kind,
            process=process,
            instance_id=instance,
            created_at=created,
            country_c1=country,
            mls_to=mls_to,
            mls_type=mls_type,
            attributes=tuple((kind, value) for kind, value, _ in scopes if kind not in _OWN_SCOPES),
            type_name=name,
            type_version=version,
        )
        if header.is_answer and any(kind.startswith("MLS_") for kind, _, _ in scopes):
            self._warn(ANSWERED, "a Message Level Status is not to be answered; its MLS scopes are ignored")
        return header

    def _party(self, role: str) -> ParticipantId | None:
        rule = f"SBDH-{role.upper()}"
        party = self._one(self.root, role, rule)
        identifier = None if party is None else self._one(party, "Identifier", rule, at=role)
        if identifier is None:
            return None
        authority = (identifier.get("Authority") or "").strip(_BLANKS)
        if authority != PARTICIPANT_SCHEME:
            self._fatal(rule, f"{role} has the authority {authority[:60]!r}, not {PARTICIPANT_SCHEME}", role)
            return None
        try:
            return ParticipantId(authority, _text(identifier))
        except MalformedDocument as error:
            self._fatal(rule, f"{role}: {error.what}", role)
            return None

    def _scopes(self) -> Iterator[tuple[str, str, str]]:
        """Type, value and identifier of each scope."""
        scope = self._one(self.root, "BusinessScope", "SBDH-SCOPE")
        for one in () if scope is None else scope.iterchildren(_tag("Scope")):
            kind = _child_text(one, "Type")
            if kind:
                yield kind, _child_text(one, "InstanceIdentifier") or "", _child_text(one, "Identifier") or ""
            else:
                self._fatal("SBDH-SCOPE", "a Scope has no Type", "BusinessScope")

    def _only(
        self, scopes: tuple[tuple[str, str, str], ...], kind: str, *, needed: bool = True
    ) -> tuple[str, str] | None:
        found = [(value, identifier) for name, value, identifier in scopes if name == kind]
        if len(found) == 1 and found[0][0]:
            return found[0]
        if found or needed:
            what = "has no value" if len(found) == 1 else f"is there {len(found)} times, not once"
            note = self._fatal if needed else self._warn
            note(f"SBDH-{kind.replace('_', '-')}", f"the scope {kind} {what}", f"BusinessScope/Scope[{kind}]")
        return None

    def _document_type(self, scopes: tuple[tuple[str, str, str], ...]) -> DocumentTypeId | None:
        found = self._only(scopes, "DOCUMENTID")
        if found is None:
            return None
        try:
            kind = DocumentTypeId(found[1] or DOCUMENT_TYPE_SCHEME, found[0])
        except MalformedDocument as error:
            self._fatal("SBDH-DOCUMENTID", error.what, "BusinessScope")
            return None
        if kind.is_wildcard:
            self._fatal("SBDH-DOCUMENTID", "DOCUMENTID ends in a *; it has to name one type", "BusinessScope")
        return kind

    def _process(self, scopes: tuple[tuple[str, str, str], ...]) -> ProcessId | None:
        found = self._only(scopes, "PROCESSID")
        if found is None:
            return None
        try:
            return ProcessId(found[1] or PROCESS_SCHEME, found[0])
        except MalformedDocument as error:
            self._fatal("SBDH-PROCESSID", error.what, "BusinessScope")
            return None

    def _country(self, scopes: tuple[tuple[str, str, str], ...]) -> str | None:
        found = self._only(scopes, "COUNTRY_C1")
        if found is None:
            return None
        if not _COUNTRY.fullmatch(found[0]):
            text = f"COUNTRY_C1 is {found[0][:40]!r}, not two capital letters (ISO 3166-1 alpha-2)"
            self._fatal("SBDH-COUNTRY-C1", text, "BusinessScope")
            return None
        return found[0]

    def _mls_to(self, scopes: tuple[tuple[str, str, str], ...]) -> ParticipantId | None:
        found = self._only(scopes, "MLS_TO", needed=False)
        if found is None:
            return None
        value, scheme = found
        if not scheme:
            self._warn("SBDH-MLS-TO", f"MLS_TO names no scheme; {PARTICIPANT_SCHEME} is taken for it")
        elif scheme != PARTICIPANT_SCHEME:
            self._warn("SBDH-MLS-TO", f"MLS_TO has the scheme {scheme[:60]!r} and is ignored")
            return None
        try:
            participant = ParticipantId(PARTICIPANT_SCHEME, value)
        except MalformedDocument as error:
            self._warn("SBDH-MLS-TO", f"MLS_TO is ignored: {error.what}")
            return None
        if participant.icd != "0242":
            self._warn("SBDH-MLS-TO", "MLS_TO is no service provider (0242), and may not be reachable")
        return participant

    def _mls_type(self, scopes: tuple[tuple[str, str, str], ...]) -> MlsType | None:
        found = self._only(scopes, "MLS_TYPE", needed=False)
        if found is None:
            return None
        if found[0] not in frozenset(MlsType):
            self._warn("SBDH-MLS-TYPE", f"MLS_TYPE is {found[0][:40]!r}, which is ignored")
            return None
        return MlsType(found[0])

    def _instance(self, about: etree._Element) -> str | None:
        text = self._text(about, "InstanceIdentifier", "SBDH-INSTANCE")
        if text and not _UUID.fullmatch(text):
            self._warn("SBDH-INSTANCE", "InstanceIdentifier is no UUID, so it may not be unique")
        return text

    def _created(self, about: etree._Element) -> datetime | None:
        text = self._text(about, "CreationDateAndTime", "SBDH-CREATED")
        if text is None:
            return None
        match = _MOMENT.fullmatch(text)
        try:
            if match is None:
                raise ValueError(text)
            day, fraction, zone = match.groups()
            parsed = datetime.fromisoformat(f"{day}.{(fraction or '0').ljust(6, '0')}{zone or 'Z'}")
            moment = parsed.astimezone(UTC)
        except (ValueError, OverflowError):
            where = "DocumentIdentification"
            self._fatal("SBDH-CREATED", f"CreationDateAndTime is {text[:40]!r}, no date and time", where)
            return None
        if not zone:
            self._warn("SBDH-CREATED", "CreationDateAndTime has no time zone; UTC is taken for it")
        return moment

    def _kind_of(self, about: etree._Element, kind: DocumentTypeId | None) -> tuple[str, str]:
        """Type and TypeVersion where they are others than the document type says."""
        standard = self._text(about, "Standard", "SBDH-STANDARD")
        name = self._text(about, "Type", "SBDH-TYPE")
        version = self._text(about, "TypeVersion", "SBDH-TYPE-VERSION")
        if kind is None:
            return "", ""
        at = "DocumentIdentification"
        if standard is not None and standard != kind.root_namespace:
            self._fatal("SBDH-STANDARD", f"Standard is not {kind.root_namespace}, as in DOCUMENTID", at)
        own_name, own_version = _kind(kind)
        if kind.local_name:
            if name is not None and name != own_name:
                self._fatal("SBDH-TYPE", f"Type is {name[:80]!r}, DOCUMENTID says {own_name}", at)
            if version is not None and version != own_version:
                text = f"TypeVersion is {version[:40]!r}, DOCUMENTID says {own_version}"
                self._fatal("SBDH-TYPE-VERSION", text, at)
            return "", ""
        return ("" if name == own_name else name or ""), ("" if version == own_version else version or "")

    def _one(self, parent: etree._Element, name: str, rule: str, at: str = "") -> etree._Element | None:
        found = list(parent.iterchildren(_tag(name)))
        if len(found) == 1:
            return found[0]
        self._fatal(rule, f"{name} is there {len(found)} times, not once", at or name)
        return None

    def _text(self, parent: etree._Element, name: str, rule: str) -> str | None:
        element = self._one(parent, name, rule)
        text = None if element is None else _text(element)
        if text == "":
            self._fatal(rule, f"{name} is empty", name)
            return None
        return text

    def _fatal(self, rule: str, text: str, at: str) -> None:
        self.findings.append(Finding(rule, Severity.FATAL, text, f"{_AT}/{at}" if at else _AT))

    def _warn(self, rule: str, text: str, at: str = "BusinessScope") -> None:
        self.findings.append(Finding(rule, Severity.WARNING, text, f"{_AT}/{at}"))


def _child_text(parent: etree._Element, name: str) -> str | None:
    element = parent.find(_tag(name))
    return None if element is None else _text(element)


def _text(element: etree._Element) -> str:
    """All text, comments left out."""
    # What has nothing inside, as almost all, is told at once: an XPath costs thirty times as much.
    text = str(element.xpath("string()")) if len(element) else element.text or ""
    return text.strip(_BLANKS)
