"""signxml's signers, with the documents, moments and certificates that e-invoices need.

signxml leaves out the processing instructions around a document, asks the clock for the signing time, names
the certificate in one way only, and knows no commitment to an object identifier; those are overridden here.
Canonical XML 1.0 is used throughout: signxml writes references to its own parts without naming a method,
which means 1.0 to every verifier.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod
from signxml.signer import SignatureReference, XMLSigner
from signxml.util import SigningSettings
from signxml.xades.xades import XAdESDataObjectFormat, XAdESSigner

from formats.signatures.algorithms import method_for
from formats.signatures.canonical import canonical_document, canonical_element
from formats.signatures.reference import DS, XADES
from formats.signatures.signer import Signer
from formats.syntaxes import xml

__all__ = ["DocumentSigner", "Policy", "Properties", "PropertiesSigner", "SignedObject", "finished"]

_C14N: Final = CanonicalizationMethod.CANONICAL_XML_1_0


@dataclass(frozen=True, slots=True)
class SignedObject:
    """What the signature says about the document: `identifier` is an object identifier as a URN, or None."""

    mime_type: str = "text/xml"
    description: str | None = None
    identifier: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A signature policy: its identifier (URL or URN), and the digest of its text in base64.

    `digest_method` is the address of the digest; old policies are published with SHA-1, and only compared.
    """

    identifier: str
    description: str
    digest_method: str
    digest_value: str


@dataclass(frozen=True, slots=True)
class Properties:
    """The signed properties of XAdES. `signed_at` is aware and written with its own offset, to the second.

    `legacy_certificate` writes SigningCertificate with issuer and serial number instead of
    SigningCertificateV2.
    """

    signed_at: datetime
    policy: Policy | None = None
    roles: tuple[str, ...] = ()
    about: SignedObject = SignedObject()
    legacy_certificate: bool = False


class _HouseDocuments:
    """Documents go through the parser of the house and become canonical with all that belongs to them."""

    construction_method: SignatureConstructionMethod

    def get_root(self, data: Any) -> etree._Element:
        return xml.parse(
            etree.tostring(data.getroottree(), encoding="UTF-8", xml_declaration=True), as_written=True
        )

    def _unpack(self, data: Any, references: Any) -> Any:
        signature, document, inputs, references = super()._unpack(data, references)  # type: ignore[misc]
        if self.construction_method is SignatureConstructionMethod.enveloped:
            # The document as a whole, also where its root has an identifier.
            references = [SignatureReference(URI="")]
        return signature, document, inputs, references

    def _c14n(
        self,
        nodes: Any,
        algorithm: CanonicalizationMethod,
        inclusive_ns_prefixes: list[str] | None = None,
    ) -> bytes:
        whole = nodes.getparent() is None and not nodes.tag.startswith(DS)
        return (canonical_document if whole else canonical_element)(nodes, algorithm.value)


class DocumentSigner(_HouseDocuments, XMLSigner):
    """A plain signature over the document."""

    def __init__(self, signer: Signer, method: SignatureConstructionMethod) -> None:
        signature, digest = method_for(signer)
        super().__init__(
            method=method, signature_algorithm=signature, digest_algorithm=digest, c14n_algorithm=_C14N
        )


class PropertiesSigner(_HouseDocuments, XAdESSigner):
    """A XAdES signature over the document and over what is said about the signature."""

    def __init__(self, signer: Signer, properties: Properties, *, seed: bytes) -> None:
        signature, digest = method_for(signer)
        super().__init__(
            claimed_roles=list(properties.roles),
            data_object_format=XAdESDataObjectFormat(
                Description=properties.about.description or "", MimeType=properties.about.mime_type
            ),
            method=SignatureConstructionMethod.enveloped,
            signature_algorithm=signature,
            digest_algorithm=digest,
            c14n_algorithm=_C14N,
        )
        self._properties = properties
        self._certificates = (signer.certificate, *signer.chain)
        self._seed = hashlib.sha256(seed + properties.signed_at.isoformat().encode("ascii")).digest()

    def _get_token(self, length: int = 4) -> str:
        """The same document signed at the same moment gets the same identifiers."""
        self._seed = hashlib.sha256(self._seed).digest()
        return self._seed[:length].hex().upper()

    def add_signing_time(
        self, signed_signature_properties: etree._Element, sig_root: Any, signing_settings: SigningSettings
    ) -> None:
        moment = etree.SubElement(signed_signature_properties, f"{XADES}SigningTime")
        moment.text = self._properties.signed_at.isoformat(timespec="seconds")

    def add_signing_certificate(
        self, signed_signature_properties: etree._Element, sig_root: Any, signing_settings: SigningSettings
    ) -> None:
        legacy = self._properties.legacy_certificate
        holder = etree.SubElement(
            signed_signature_properties, f"{XADES}SigningCertificate{'' if legacy else 'V2'}"
        )
        # The signer's own is enough, and the only one that verifiers compare alike.
        certificate = self._certificates[0]
        named = etree.SubElement(holder, f"{XADES}Cert")
        self._digest(named, "CertDigest", certificate.public_bytes(Encoding.DER))
        if legacy:
            issuer = etree.SubElement(named, f"{XADES}IssuerSerial")
            etree.SubElement(issuer, f"{DS}X509IssuerName").text = certificate.issuer.rfc4514_string()
            etree.SubElement(issuer, f"{DS}X509SerialNumber").text = str(certificate.serial_number)

    def add_signature_policy_identifier(
        self, signed_signature_properties: etree._Element, sig_root: Any, signing_settings: SigningSettings
    ) -> None:
        if self._properties.policy is None:
            return
        wanted = self._properties.policy
        holder = etree.SubElement(signed_signature_properties, f"{XADES}SignaturePolicyIdentifier")
        policy = etree.SubElement(holder, f"{XADES}SignaturePolicyId")
        named = etree.SubElement(policy, f"{XADES}SigPolicyId")
        etree.SubElement(named, f"{XADES}Identifier").text = wanted.identifier
        etree.SubElement(named, f"{XADES}Description").text = wanted.description
        digest = etree.SubElement(policy, f"{XADES}SigPolicyHash")
        etree.SubElement(digest, f"{DS}DigestMethod", Algorithm=wanted.digest_method)
        etree.SubElement(digest, f"{DS}DigestValue").text = wanted.digest_value

    def add_data_object_format(
        self, signed_data_object_properties: etree._Element, sig_root: Any, signing_settings: SigningSettings
    ) -> None:
        super().add_data_object_format(signed_data_object_properties, sig_root, signing_settings)
        about = self._properties.about
        written = signed_data_object_properties[0]
        if about.description is None:
            written.remove(written[0])
        if about.identifier is not None:
            holder = etree.Element(f"{XADES}ObjectIdentifier")
            named = etree.SubElement(holder, f"{XADES}Identifier", Qualifier="OIDAsURN")
            named.text = about.identifier
            written.insert(len(written) - 1, holder)

    def _digest(self, holder: etree._Element, name: str, content: bytes) -> None:
        digest = etree.SubElement(holder, f"{XADES}{name}")
        etree.SubElement(digest, f"{DS}DigestMethod", Algorithm=self.digest_alg.value)
        value = self._get_digest(content, self.digest_alg)
        etree.SubElement(digest, f"{DS}DigestValue").text = base64.b64encode(value).decode("ascii")


def finished(signature: etree._Element, signer: Signer) -> bytes:
    """A `ds:Signature` that has its SignedInfo, as a file with value and certificates."""
    value = signer.sign(canonical_element(signature[0], _C14N.value))
    if isinstance(signer.private_key, ec.EllipticCurvePrivateKey):
        # XML signatures have both numbers one after the other, not in DER (XML Signature 1.1, 6.4.3).
        size = (signer.private_key.curve.key_size + 7) // 8
        value = b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(value))
    etree.SubElement(signature, f"{DS}SignatureValue").text = base64.b64encode(value).decode("ascii")
    holder = etree.SubElement(etree.SubElement(signature, f"{DS}KeyInfo"), f"{DS}X509Data")
    for certificate in (signer.certificate, *signer.chain):
        written = etree.SubElement(holder, f"{DS}X509Certificate")
        written.text = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")
    return etree.tostring(signature, encoding="UTF-8", xml_declaration=True)
