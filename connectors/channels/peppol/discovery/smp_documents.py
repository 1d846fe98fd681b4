"""What an SMP says, as values: the list of document types, and the endpoints for one of them.

Source: Peppol SMP specification 1.4.0 (ServiceGroup and SignedServiceMetadata). Nothing is judged here but
the shape; which endpoint serves is decided in `smp`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

from lxml import etree

from formats.errors import MalformedDocument
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from formats.syntaxes import xml

__all__ = ["Endpoint", "Redirect", "ServiceGroup", "ServiceMetadata", "read_group", "read_metadata"]

_SMP: Final = "{http://busdox.org/serviceMetadata/publishing/1.0/}"
_IDS: Final = "{http://busdox.org/transport/identifiers/1.0/}"
_WSA: Final = "{http://www.w3.org/2005/08/addressing}"
_LARGEST: Final = 1024 * 1024
_MOST: Final = 5_000
_DATE: Final = re.compile(r"(\d{4}-\d\d-\d\d)(T[0-9:]+(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?")


@dataclass(frozen=True, slots=True)
class ServiceGroup:
    """The participant, and what it is registered for; `unreadable` counts entries that are no identifiers."""

    participant: ParticipantId
    document_types: tuple[DocumentTypeId, ...]
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to one process. Times are aware UTC; None is an open end. `certificate` is text as it came."""

    process: ProcessId
    transport_profile: str
    url: str
    certificate: str = field(repr=False)
    activates_at: datetime | None = None
    expires_at: datetime | None = None
    description: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Another SMP speaks for this document type; its certificate has this subject."""

    url: str
    certificate_uid: str


@dataclass(frozen=True, slots=True)
class ServiceMetadata:
    """What one document type of one participant leads to."""

    participant: ParticipantId
    document_type: DocumentTypeId
    endpoints: tuple[Endpoint, ...]


def read_group(content: bytes, *, where: str) -> ServiceGroup:
    """The answer to the question for a participant; it is not signed. Raises MalformedDocument."""
    root = _parsed(content, where)
    if root.tag != f"{_SMP}ServiceGroup":
        raise _odd("the answer is not a list of document types", where)
    participant = _participant(root, where)
    references = root.findall(f"{_SMP}ServiceMetadataReferenceCollection/{_SMP}ServiceMetadataReference")
    if len(references) > _MOST:
        raise _odd(f"the list has more than {_MOST} document types", where)
    found: dict[DocumentTypeId, None] = {}
    unreadable = 0
    for reference in references:
        # Some SMPs write their base address another way, so only what follows /services/ counts.
        text = unquote((reference.get("href") or "").strip().rpartition("/services/")[2])
        scheme, colons, value = text.partition("::")
        try:
            found.setdefault(DocumentTypeId(scheme, value if colons else ""))
        except MalformedDocument:
            unreadable += 1
    return ServiceGroup(participant, tuple(found), unreadable)


def read_metadata(root: etree._Element, *, where: str) -> ServiceMetadata | Redirect:
    """What a SignedServiceMetadata says; `root` is what its signature covers. Raises MalformedDocument."""
    metadata = root.findall(f"{_SMP}ServiceMetadata")
    if root.tag != f"{_SMP}SignedServiceMetadata" or len(metadata) != 1:
        raise _odd("the answer is not the signed metadata of one document type", where)
    parts = [one for one in metadata[0] if isinstance(one.tag, str)]
    if len(parts) != 1:
        raise _odd("the metadata must hold either one service or one redirect", where)
    (part,) = parts
    if part.tag == f"{_SMP}Redirect":
        return Redirect((part.get("href") or "").strip(), _text(part, f"{_SMP}CertificateUID"))
    if part.tag != f"{_SMP}ServiceInformation":
        raise _odd("the metadata hold neither a service nor a redirect", where)
    try:
        document = part.find(f"{_IDS}DocumentIdentifier")
        if document is None:
            raise _odd("the metadata do not name a document type", where)
        document_type = DocumentTypeId(document.get("scheme", ""), (document.text or "").strip())
        endpoints = tuple(
            _endpoint(process, endpoint, where)
            for process in part.findall(f"{_SMP}ProcessList/{_SMP}Process")
            for endpoint in process.findall(f"{_SMP}ServiceEndpointList/{_SMP}Endpoint")
        )
    except MalformedDocument as error:
        raise _odd(error.what, where) from error
    return ServiceMetadata(_participant(part, where), document_type, endpoints)


def _endpoint(process: etree._Element, endpoint: etree._Element, where: str) -> Endpoint:
    named = process.find(f"{_IDS}ProcessIdentifier")
    if named is None:
        raise _odd("a process has no identifier", where)
    return Endpoint(
        process=ProcessId(named.get("scheme", ""), (named.text or "").strip()),
        transport_profile=(endpoint.get("transportProfile") or "").strip(),
        url=_text(endpoint, f"{_WSA}EndpointReference/{_WSA}Address"),
        certificate=_text(endpoint, f"{_SMP}Certificate"),
        activates_at=_moment(endpoint, "ServiceActivationDate", where),
        expires_at=_moment(endpoint, "ServiceExpirationDate", where),
        description=_text(endpoint, f"{_SMP}ServiceDescription")[:200],
        contact=_text(endpoint, f"{_SMP}TechnicalContactUrl")[:200],
    )


def _moment(endpoint: etree._Element, name: str, where: str) -> datetime | None:
    """An xs:dateTime or xs:date; without a zone it is read as UTC."""
    text = _text(endpoint, f"{_SMP}{name}")
    if not text:
        return None
    parts = _DATE.fullmatch(text)
    try:
        if parts is None:
            raise ValueError("not a date")
        zone = (parts[3] or "Z").replace("Z", "+00:00")
        moment = datetime.fromisoformat(f"{parts[1]}{parts[2] or 'T00:00:00'}{zone}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        if parts is not None and parts[1] >= "9999":
            return None
        raise _odd(f"{text[:40]!r} is not a time ({name})", where) from error


def _participant(parent: etree._Element, where: str) -> ParticipantId:
    named = parent.find(f"{_IDS}ParticipantIdentifier")
    if named is None:
        raise _odd("the answer does not name a participant", where)
    try:
        return ParticipantId(named.get("scheme", ""), (named.text or "").strip())
    except MalformedDocument as error:
        raise _odd(error.what, where) from error


def _text(parent: etree._Element, path: str) -> str:
    return (parent.findtext(path) or "").strip()


def _parsed(content: bytes, where: str) -> etree._Element:
    try:
        return xml.parse(content, largest=_LARGEST)
    except MalformedDocument as error:
        raise _odd(error.what, where) from error


def _odd(what: str, where: str) -> MalformedDocument:
    return MalformedDocument(
        what, where=where, fix="tell the SMP's operator; its answer breaks the interface"
    )
