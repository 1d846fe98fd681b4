"""The imitated SMPs: two publishers, one of which may send the asker on to the other.

    GET <base>/<participant>                     ServiceGroup
    GET <base>/<participant>/services/<type>     SignedServiceMetadata

Identifiers are percent-encoded `scheme::value`. What is not registered is 404. The first publisher signs over
inclusive canonical XML, as today's SMPs do, the second over exclusive, as older ones did.

Faults by place `smp <participant> <type>`: smp-unsigned, smp-altered, smp-wrong-ca, smp-revoked, smp-sha1,
smp-wrong-participant, smp-wrong-type, smp-no-endpoint, smp-expired-endpoint, smp-future-endpoint,
smp-http-address, smp-redirect-loop, smp-redirect-unsigned, smp-endpoint-revoked, smp-endpoint-expired,
smp-endpoint-foreign.

Source: Peppol SMP specification 1.4.0.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from connectors.sandbox.faults import Faults
from connectors.sandbox.http_server import Reply, Request, text_reply
from connectors.sandbox.peppol import names
from connectors.sandbox.peppol.pki import Identity, Pki
from connectors.sandbox.peppol.tree import Maker

__all__ = ["SMP_FAULTS", "Endpoint", "Publisher", "Service"]

SMP_FAULTS: Final = (
    *("smp-unsigned", "smp-altered", "smp-wrong-ca", "smp-revoked", "smp-sha1", "smp-wrong-participant"),
    *("smp-wrong-type", "smp-no-endpoint", "smp-expired-endpoint", "smp-future-endpoint"),
    *("smp-http-address", "smp-redirect-loop", "smp-redirect-unsigned"),
    *("smp-endpoint-revoked", "smp-endpoint-expired", "smp-endpoint-foreign"),
)
_NS: Final = {"smp": names.SMP, "ids": names.IDS, "wsa": names.WSA}
_SMP: Final = Maker(names.SMP, _NS)
_IDS: Final = Maker(names.IDS, _NS)
_WSA: Final = Maker(names.WSA, _NS)
_DS: Final = Maker(names.DS, {"ds": names.DS})
_SHA1: Final = hashes.SHA1()  # noqa: S303 - what clients must refuse


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one process of a document type is received; open ends are None, moments aware."""

    url: str
    certificate: bytes = field(repr=False)  # DER
    transport: str = names.TRANSPORT
    activation: datetime | None = datetime(2026, 1, 1, tzinfo=UTC)
    expiration: datetime | None = datetime(2056, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """One document type of a participant, with its processes; with `redirect` the publisher sends the asker
    on."""

    document_type: str
    processes: tuple[str, ...] = (names.BILLING,)
    endpoints: tuple[Endpoint, ...] = ()
    scheme: str = names.DOCUMENT_TYPE
    process_scheme: str = names.PROCESS
    redirect: bool = False

    @property
    def identifier(self) -> str:
        return f"{self.scheme}::{self.document_type}"

    def covers(self, document_type: str) -> bool:
        """Whether documents of this exact type are meant, also by a wildcard."""
        if self.scheme != names.WILDCARD:
            return self.document_type == document_type
        start, _, end = self.document_type.partition("*")
        return document_type.startswith(start) and document_type.endswith(end)


class Publisher:
    """One SMP. `base_url` says where it is reached, without a slash at its end; `signer` is its identity.

    `other` gives the SMP that redirects lead to, as (base URL, subject of its certificate).
    """

    def __init__(
        self,
        pki: Pki,
        signer: Identity,
        base_url: str,
        faults: Faults,
        clock: Callable[[], datetime],
        *,
        other: tuple[str, str] = ("", ""),
        exclusive: bool = False,
    ) -> None:
        self.base_url = base_url
        self.signer = signer
        self._pki = pki
        self._faults = faults
        self._clock = clock
        self._other = other
        self._exclusive = exclusive
        self._lock = threading.Lock()
        self._services: dict[str, dict[str, Service]] = {}
        # Requests for service metadata, as participant and type, in order.
        self.lookups: list[tuple[str, str]] = []

    def register(self, participant: str, services: Iterable[Service]) -> None:
        """Add these services to a participant; one of the same type takes the place of the former."""
        with self._lock:
            own = self._services.setdefault(participant.lower(), {})
            own.update({service.identifier: service for service in services})

    def forget(self, participant: str, document_type: str = "") -> None:
        """Remove one document type, or the participant with all."""
        with self._lock:
            if not document_type:
                self._services.pop(participant.lower(), None)
                return
            own = self._services.get(participant.lower(), {})
            for identifier in [one for one, service in own.items() if service.document_type == document_type]:
                del own[identifier]

    def services(self, participant: str) -> tuple[Service, ...]:
        with self._lock:
            return tuple(self._services.get(participant.lower(), {}).values())

    def participants(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._services)

    def group(self, request: Request) -> Reply:
        """Answer with the ServiceGroup; the route's first group is the encoded participant."""
        participant = self._participant(request.match[1])
        services = self.services(participant)
        if not services:
            return text_reply("no such participant", 404)
        root = _SMP.ServiceGroup(_IDS.ParticipantIdentifier(participant, scheme=names.PARTICIPANT))
        collection = etree.SubElement(root, etree.QName(names.SMP, "ServiceMetadataReferenceCollection"))
        for service in services:
            href = f"{self.base_url}/{request.match[1]}/services/{quote(service.identifier, safe='')}"
            collection.append(_SMP.ServiceMetadataReference(href=href))
        return _xml(root)

    def metadata(self, request: Request) -> Reply:
        """Answer with the SignedServiceMetadata; the route's groups are participant and document type."""
        participant, identifier = self._participant(request.match[1]), unquote(request.match[2])
        self.lookups.append((participant, identifier))
        found = {service.identifier: service for service in self.services(participant)}.get(identifier)
        if found is None:
            return text_reply("no such document type", 404)
        fault = self._faults.take(f"smp {participant} {identifier}", *SMP_FAULTS)
        kind = fault.kind if fault else ""
        found = self._spoiled(found, kind)
        if kind == "smp-wrong-participant":
            participant = "0088:0000000000000"
        if found.redirect or kind.startswith("smp-redirect"):
            body = self._redirect(request, kind)
        else:
            body = _SMP.ServiceMetadata(_information(participant, found))
        root = _SMP.SignedServiceMetadata(body)
        self._sign(root, kind)
        return _xml(root)

    def _participant(self, encoded: str) -> str:
        scheme, _, value = unquote(encoded).partition("::")
        return value.lower() if scheme == names.PARTICIPANT else ""

    def _redirect(self, request: Request, kind: str) -> etree._Element:
        base, subject = self._other
        if kind == "smp-redirect-loop":
            base, subject = self.base_url, self.signer.certificate.subject.rfc4514_string()
        href = f"{base}/{request.match[1]}/services/{request.match[2]}"
        return _SMP.ServiceMetadata(_SMP.Redirect(_SMP.CertificateUID(subject), href=href))

    def _spoiled(self, service: Service, kind: str) -> Service:
        now = self._clock()
        day = timedelta(days=1)
        match kind:
            case "smp-wrong-type":
                return replace(service, document_type=f"{service.document_type}-other")
            case "smp-no-endpoint":
                return _each(service, lambda one: replace(one, transport="busdox-transport-as2-ver2p0"))
            case "smp-expired-endpoint":
                return _each(service, lambda one: replace(one, expiration=now - day))
            case "smp-future-endpoint":
                return _each(service, lambda one: replace(one, activation=now + day))
            case "smp-http-address":
                return _each(service, lambda one: replace(one, url="http://ap.example/as4"))
            case "smp-endpoint-revoked" | "smp-endpoint-expired" | "smp-endpoint-foreign":
                other = self._pki.leaf(kind.removeprefix("smp-endpoint-")).der
                return _each(service, lambda one: replace(one, certificate=other))
        return service

    def _sign(self, root: etree._Element, kind: str) -> None:
        if kind in ("smp-unsigned", "smp-redirect-unsigned"):
            return
        signer = self.signer
        if kind == "smp-wrong-ca":
            signer = self._pki.leaf("ap4")
        elif kind == "smp-revoked":
            signer = self._pki.leaf("smp-revoked")
        digest = hashlib.sha256(self._canonical(root)).digest()
        method, digest_method, algorithm = names.RSA_SHA256, names.SHA256, hashes.SHA256()
        if kind == "smp-sha1":
            digest = hashlib.sha1(self._canonical(root), usedforsecurity=False).digest()
            method, digest_method = names.RSA_SHA1, names.SHA1
        chosen: hashes.HashAlgorithm = _SHA1 if kind == "smp-sha1" else algorithm
        transforms = [names.ENVELOPED] + ([names.EC] if self._exclusive else [])
        info = _DS.SignedInfo(
            _DS.CanonicalizationMethod(Algorithm=names.EC if self._exclusive else names.C14N),
            _DS.SignatureMethod(Algorithm=method),
            _DS.Reference(
                _DS.Transforms(*(_DS.Transform(Algorithm=one) for one in transforms)),
                _DS.DigestMethod(Algorithm=digest_method),
                _DS.DigestValue(base64.b64encode(digest).decode("ascii")),
                URI="",
            ),
        )
        signature = _DS.Signature(info)
        root.append(signature)
        value = signer.private_key.sign(self._canonical_inside(info), padding.PKCS1v15(), chosen)
        signature.append(_DS.SignatureValue(base64.b64encode(value).decode("ascii")))
        signature.append(
            _DS.KeyInfo(
                _DS.X509Data(
                    _DS.X509SubjectName(signer.certificate.subject.rfc4514_string()),
                    _DS.X509Certificate(base64.b64encode(signer.der).decode("ascii")),
                )
            )
        )
        if kind == "smp-altered":
            place = next(root.iter(etree.QName(names.IDS, "ParticipantIdentifier")), None)
            if place is not None:
                place.set("altered", "yes")

    def _canonical(self, root: etree._Element) -> bytes:
        return etree.tostring(root, method="c14n", exclusive=self._exclusive, with_comments=False)

    def _canonical_inside(self, info: etree._Element) -> bytes:
        if self._exclusive:
            return etree.tostring(info, method="c14n", exclusive=True, with_comments=False)
        # Inclusive canonical form takes over all namespaces in scope; the serialiser sees only those that the
        # element itself declares.
        alone = etree.Element(info.tag, nsmap={**_NS, "ds": names.DS})
        alone.extend(deepcopy(child) for child in info)
        return etree.tostring(alone, method="c14n", with_comments=False)


def _information(participant: str, service: Service) -> etree._Element:
    processes = [
        _SMP.Process(
            _IDS.ProcessIdentifier(process, scheme=service.process_scheme),
            _SMP.ServiceEndpointList(*(_endpoint(one) for one in service.endpoints)),
        )
        for process in service.processes
    ]
    return _SMP.ServiceInformation(
        _IDS.ParticipantIdentifier(participant, scheme=names.PARTICIPANT),
        _IDS.DocumentIdentifier(service.document_type, scheme=service.scheme),
        _SMP.ProcessList(*processes),
    )


def _endpoint(one: Endpoint) -> etree._Element:
    made = _SMP.Endpoint(
        _WSA.EndpointReference(_WSA.Address(one.url)),
        _SMP.RequireBusinessLevelSignature("false"),
        transportProfile=one.transport,
    )
    for tag, moment in (
        ("ServiceActivationDate", one.activation),
        ("ServiceExpirationDate", one.expiration),
    ):
        if moment is not None:
            element = etree.SubElement(made, etree.QName(names.SMP, tag))
            element.text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made.append(_SMP.Certificate(base64.b64encode(one.certificate).decode("ascii")))
    made.append(_SMP.ServiceDescription("Access point of the offline sandbox"))
    made.append(_SMP.TechnicalContactUrl("mailto:operator@sandbox.example"))
    return made


def _each(service: Service, change: Callable[[Endpoint], Endpoint]) -> Service:
    return replace(service, endpoints=tuple(change(one) for one in service.endpoints))


def _xml(root: etree._Element) -> Reply:
    body = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return Reply(200, body, "text/xml;charset=UTF-8")
