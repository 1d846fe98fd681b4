"""A Peppol network of one machine, for tests: zone, SMP and certificates, all under the test's control."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from connectors.channels.peppol.settings import PeppolSettings
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from tests.connectors.peppol.authorities import Leaf, World
from tests.connectors.peppol.servers import DnsServer, WebServer, dns_server, web_server

ZONE = "sml.test.example"
BUYER = ParticipantId.of("0208:0123456749")
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_BIS = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
INVOICE = DocumentTypeId.of(f"{_UBL}Invoice-2::Invoice##{_BIS}")
CREDIT_NOTE = DocumentTypeId.of(f"{_UBL}CreditNote-2::CreditNote##{_BIS}")
BILLING = ProcessId.of("urn:fdc:peppol.eu:2017:poacc:billing:01:1.0")
AS4 = "peppol-transport-as4-v2_0"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_DS = "http://www.w3.org/2000/09/xmldsig#"
_SPACES = (
    'xmlns:smp="http://busdox.org/serviceMetadata/publishing/1.0/" '
    'xmlns:ids="http://busdox.org/transport/identifiers/1.0/" xmlns:wsa="http://www.w3.org/2005/08/addressing"'
)


@dataclass(frozen=True)
class Entry:
    """One endpoint in an SMP."""

    url: str = "http://127.0.0.1:9/as4"
    certificate: str = ""
    process: ProcessId = BILLING
    profile: str = AS4
    begins: str = "2026-01-01T00:00:00Z"
    ends: str = "2028-01-01T00:00:00Z"

    def xml(self) -> str:
        begins = (
            f"<smp:ServiceActivationDate>{self.begins}</smp:ServiceActivationDate>" if self.begins else ""
        )
        ends = f"<smp:ServiceExpirationDate>{self.ends}</smp:ServiceExpirationDate>" if self.ends else ""
        return (
            f'<smp:Process><ids:ProcessIdentifier scheme="{self.process.scheme}">{self.process.value}'
            "</ids:ProcessIdentifier><smp:ServiceEndpointList>"
            f'<smp:Endpoint transportProfile="{self.profile}"><wsa:EndpointReference><wsa:Address>{self.url}'
            "</wsa:Address></wsa:EndpointReference><smp:RequireBusinessLevelSignature>false"
            f"</smp:RequireBusinessLevelSignature>{begins}{ends}<smp:Certificate>{self.certificate}"
            "</smp:Certificate><smp:ServiceDescription>AP</smp:ServiceDescription><smp:TechnicalContactUrl>"
            "mailto:ops@example.org</smp:TechnicalContactUrl></smp:Endpoint></smp:ServiceEndpointList>"
            "</smp:Process>"
        )


def metadata_xml(
    participant: ParticipantId, document_type: DocumentTypeId, entries: Sequence[Entry]
) -> bytes:
    """SignedServiceMetadata still without its signature, with a comment and line breaks as others have."""
    return (
        f"<smp:SignedServiceMetadata {_SPACES}><!-- made for tests -->\n <smp:ServiceMetadata>"
        f'<smp:ServiceInformation><ids:ParticipantIdentifier scheme="{participant.scheme}">'
        f"{participant.value}</ids:ParticipantIdentifier>"
        f'<ids:DocumentIdentifier scheme="{document_type.scheme}">'
        f"{document_type.value}</ids:DocumentIdentifier>\n<smp:ProcessList>"
        f"{''.join(one.xml() for one in entries)}</smp:ProcessList></smp:ServiceInformation>"
        "</smp:ServiceMetadata>\n</smp:SignedServiceMetadata>"
    ).encode()


def redirect_xml(url: str, uid: str) -> bytes:
    return (
        f'<smp:SignedServiceMetadata {_SPACES}><smp:ServiceMetadata><smp:Redirect href="{url}">'
        f"<smp:CertificateUID>{uid}</smp:CertificateUID></smp:Redirect></smp:ServiceMetadata>"
        "</smp:SignedServiceMetadata>"
    ).encode()


def canonical(node: etree._Element | etree._ElementTree, method: str) -> bytes:
    return etree.tostring(node, method="c14n", exclusive=method == EXCLUSIVE, with_comments=False)


def signed(
    content: bytes,
    leaf: Leaf,
    *,
    method: str = INCLUSIVE,
    transform: str = "",
    signature: str = RSA_SHA256,
    digest: str = SHA256,
    reference: str = "",
) -> bytes:
    """The document with an enveloped signature as SMPs make it, put down by hand."""
    hashed = hashlib.sha1 if digest.endswith("sha1") else hashlib.sha256
    with_hash = hashes.SHA1() if signature.endswith("sha1") else hashes.SHA256()  # noqa: S303
    root = etree.fromstring(content)
    covered = hashed(canonical(root.getroottree(), transform or INCLUSIVE)).digest()
    listed = f'<Transform Algorithm="{transform}"/>' if transform else ""
    block = etree.fromstring(
        f'<Signature xmlns="{_DS}"><SignedInfo><CanonicalizationMethod Algorithm="{method}"/>'
        f'<SignatureMethod Algorithm="{signature}"/><Reference URI="{reference}"><Transforms>'
        f'<Transform Algorithm="{_DS}enveloped-signature"/>{listed}</Transforms>'
        f'<DigestMethod Algorithm="{digest}"/><DigestValue>{base64.b64encode(covered).decode()}</DigestValue>'
        "</Reference></SignedInfo><SignatureValue/><KeyInfo><X509Data><X509SubjectName>"
        f"{leaf.certificate.subject.rfc4514_string()}</X509SubjectName><X509Certificate>"
        f"{base64.encodebytes(leaf.der).decode()}</X509Certificate></X509Data></KeyInfo></Signature>"
    )
    root.append(block)
    # Put down and read again, so that the name spaces of the whole document are in force.
    root = etree.fromstring(etree.tostring(root))
    info = next(root.iter(f"{{{_DS}}}SignedInfo"))
    value = leaf.key.sign(_alone(info, method), padding.PKCS1v15(), with_hash)
    found = next(root.iter(f"{{{_DS}}}SignatureValue"))
    found.text = base64.b64encode(value).decode()
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _alone(info: etree._Element, method: str) -> bytes:
    return canonical(etree.fromstring(etree.tostring(info, with_tail=False)), method)


class LittleNetwork:
    """DNS zone and SMP on the loopback interface, with a PKI of their own."""

    def __init__(self, dns: DnsServer, web: WebServer) -> None:
        self.dns, self.web = dns, web
        self.dns.zones.add(f"{ZONE}.")
        self.world = World.made()
        self.smp = self.world.smps.issue("POP000009", label="smp")
        self.access_point = self.world.access_points.issue("POP000002", label="ap")
        self.types: list[DocumentTypeId] = []

    def register(self, participant: ParticipantId = BUYER, url: str = "", zone: str = ZONE) -> None:
        """Enter the participant into the zone."""
        name = f"{participant.dns_name(zone)}."
        self.dns.records[name] = [f'100 10 "U" "Meta:SMP" "!.*!{url or self.web.url}!" .']

    def publish(
        self,
        document_type: DocumentTypeId = INVOICE,
        *entries: Entry,
        participant: ParticipantId = BUYER,
        signer: Leaf | None = None,
        said: DocumentTypeId | None = None,
        said_participant: ParticipantId | None = None,
    ) -> None:
        """Register, list and sign one document type."""
        self.register(participant)
        content = metadata_xml(
            said_participant or participant, said or document_type, entries or (self.entry(),)
        )
        self.put(document_type, signed(content, signer or self.smp), participant)

    def put(self, document_type: DocumentTypeId, content: bytes, participant: ParticipantId = BUYER) -> None:
        """The bytes that the SMP gives out for one document type."""
        self.web.pages[self.path(document_type, participant)] = content
        if document_type not in self.types:
            self.types.append(document_type)
        self.list(self.types, participant)

    def list(
        self,
        types: Sequence[DocumentTypeId],
        participant: ParticipantId = BUYER,
        said: ParticipantId | None = None,
    ) -> None:
        """The unsigned list of document types."""
        base = f"{self.web.url}/{participant.url_segment}"
        references = "".join(
            f'<smp:ServiceMetadataReference href="{base}/services/{one.url_segment}"/>' for one in types
        )
        named = said or participant
        self.web.pages[f"/{participant.url_segment}"] = (
            f'<smp:ServiceGroup {_SPACES}><ids:ParticipantIdentifier scheme="{named.scheme}">{named.value}'
            f"</ids:ParticipantIdentifier><smp:ServiceMetadataReferenceCollection>{references}"
            "</smp:ServiceMetadataReferenceCollection></smp:ServiceGroup>"
        ).encode()

    def entry(self, certificate: Leaf | None = None, **facts: str) -> Entry:
        """An endpoint with a certificate as base64 in one line."""
        text = base64.b64encode((certificate or self.access_point).der).decode()
        return Entry(certificate=text, **facts)  # type: ignore[arg-type]  # texts only

    @staticmethod
    def path(document_type: DocumentTypeId, participant: ParticipantId = BUYER) -> str:
        return f"/{participant.url_segment}/services/{document_type.url_segment}"

    def settings(self, **changes: object) -> PeppolSettings:
        """Of a channel that lives in this network."""
        return PeppolSettings.model_validate(
            {
                "zones": (ZONE,),
                "resolvers": (self.dns.address,),
                "dns_seconds": 1.0,
                "revocation": "off",
                "allow_internal": True,
                **changes,
            }
        )


@contextmanager
def little_network() -> Iterator[LittleNetwork]:
    with dns_server() as dns, web_server() as web:
        yield LittleNetwork(dns, web)
