"""XAdES: an XML signature that signs who signed, when, and under which policy.

Source: ETSI TS 101 903 V1.4.1 (namespace 1.3.2) and EN 319 132-1 V1.2.1, level B-B, and B-T with a stamp.
"""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from cryptography import x509
from lxml import etree
from signxml.algorithms import digest_algorithm_implementations

from formats.errors import ConfigError
from formats.signatures import timestamp, xml_check
from formats.signatures.algorithms import digest_method
from formats.signatures.canonical import C14N_1_0, canonical_element
from formats.signatures.reference import DS, WHERE, XADES, broken, decoded, only
from formats.signatures.signer import Signer
from formats.signatures.trust import Trust
from formats.signatures.verified import Kind, Verified
from formats.signatures.xml_signer import Policy, Properties, PropertiesSigner, SignedObject
from formats.syntaxes import xml

__all__ = ["Place", "Policy", "SignedObject", "sign", "verify", "verify_all"]

_EXT: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2"
_SIG: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonSignatureComponents-2"
_SAC: Final = "urn:oasis:names:specification:ubl:schema:xsd:SignatureAggregateComponents-2"
_CBC: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
_IMPLIED: Final = "implied"


class Place(Enum):
    """Where the signature stands in the document."""

    LAST_CHILD = "last child"
    UBL_EXTENSION = "UBL extension"


def sign(
    data: bytes,
    signer: Signer,
    at: datetime,
    *,
    policy: Policy | None = None,
    roles: tuple[str, ...] = (),
    about: SignedObject | None = None,
    legacy_certificate: bool = False,
    place: Place = Place.LAST_CHILD,
    stamp: timestamp.Stamp | None = None,
) -> bytes:
    """The document with its signature, UTF-8; BES, or EPES with a `policy`.

    `at` is aware, and written with its own offset. References: the document, the signed properties, and the
    certificates. `legacy_certificate` writes SigningCertificate with issuer and serial number. `stamp` adds a
    time stamp over the signature (level T). With an RSA key the same arguments give the same bytes, but for
    the stamp. Raises MalformedDocument for what is no XML, ConfigError for a moment without time zone.
    """
    if at.utcoffset() is None:
        raise ConfigError("the time of signing has no time zone", where=WHERE, fix="give an aware moment")
    root = xml.parse(data, as_written=True)
    if place is Place.UBL_EXTENSION:
        _make_extension(root)
    properties = Properties(at, policy, roles, about or SignedObject(), legacy_certificate)
    made = PropertiesSigner(signer, properties, seed=data).sign(
        root, key=signer.private_key, cert=[signer.certificate, *signer.chain]
    )
    if stamp is not None:
        _add_stamp(made, stamp)
    return etree.tostring(made.getroottree(), encoding="UTF-8", xml_declaration=True)


def verify(data: bytes, trust: Trust, at: datetime, *, policy: Policy | None = None) -> Verified:
    """The one signature of a document, judged at `at` (aware); `covered` is the canonical document without
    it.

    With `policy`, the signature must be under exactly that one. A document with several signatures is for
    `verify_all`. Raises BrokenSignature, WeakSignature, UntrustedSigner.
    """
    if xml_check.count(xml_check.parsed(data)) != 1:
        raise broken("the document has several signatures where one is expected")
    return _judged(xml_check.check(data), trust, at, policy)


def verify_all(
    data: bytes, trust: Trust, at: datetime, *, policy: Policy | None = None
) -> tuple[Verified, ...]:
    """Every signature of a document, first to last; each covers the document with those before it.

    One that fails, fails the document. Raises BrokenSignature, WeakSignature, UntrustedSigner.
    """
    places = range(xml_check.count(xml_check.parsed(data)))
    return tuple(_judged(xml_check.check(data, place), trust, at, policy) for place in places)


def _judged(checked: xml_check.Checked, trust: Trust, at: datetime, wanted: Policy | None) -> Verified:
    if checked.properties is None:
        raise broken("the signature signs nothing about itself, as XAdES demands")
    holder = checked.properties.getparent()
    if holder is None or holder.get("Target") != f"#{checked.signature.get('Id')}":
        raise broken("the signed properties belong to another signature")
    said = only(checked.properties, f"{XADES}SignedSignatureProperties")
    _require_certificate(said, checked.certificate)
    policy = _policy(said, wanted)
    signed_at = _moment(said)
    stamped_at = _stamped(checked, trust, at)
    judged = trust.judge(
        checked.certificate,
        checked.offered,
        at=at,
        signed_at=signed_at,
        stamped_at=stamped_at,
        where=WHERE,
    )
    return Verified(
        kind=Kind.XADES_BES if policy is None else Kind.XADES_EPES,
        algorithm=checked.algorithm,
        covered=checked.covered,
        path=judged.path,
        signed_at=signed_at,
        stamped_at=stamped_at,
        expired_since=judged.expired_since,
        policy=policy,
        roles=tuple(role.text or "" for role in said.iter(f"{XADES}ClaimedRole")),
    )


def _require_certificate(said: etree._Element, certificate: x509.Certificate) -> None:
    """The signed properties name the certificate whose key signed, by digest and, if they do, by number."""
    named = [
        *said.findall(f"{XADES}SigningCertificate/{XADES}Cert"),
        *said.findall(f"{XADES}SigningCertificateV2/{XADES}Cert"),
    ]
    if not named:
        raise broken("the signature does not sign the name of its certificate")
    digest = only(named[0], f"{XADES}CertDigest")
    method = digest_method(only(digest, f"{DS}DigestMethod").get("Algorithm", ""), where=WHERE)
    computed = certificate.fingerprint(digest_algorithm_implementations[method]())
    number = named[0].findtext(f"{XADES}IssuerSerial/{DS}X509SerialNumber")
    if not hmac.compare_digest(computed, decoded(only(digest, f"{DS}DigestValue"))) or (
        number is not None and number.strip() != str(certificate.serial_number)
    ):
        raise broken("the signature names another certificate than it brings")


def _policy(said: etree._Element, wanted: Policy | None) -> str | None:
    holder = said.find(f"{XADES}SignaturePolicyIdentifier")
    identifier = None
    if holder is not None:
        named = holder.find(f"{XADES}SignaturePolicyId")
        identifier = _IMPLIED if named is None else only(named, f"{XADES}SigPolicyId/{XADES}Identifier").text
        if wanted is not None and named is not None:
            digest = only(named, f"{XADES}SigPolicyHash")
            same = (
                identifier == wanted.identifier
                and only(digest, f"{DS}DigestMethod").get("Algorithm") == wanted.digest_method
                and decoded(only(digest, f"{DS}DigestValue")) == base64.b64decode(wanted.digest_value)
            )
            if same:
                return identifier
    if wanted is not None:
        raise broken(f"the signature is not made under the policy {wanted.description or wanted.identifier}")
    return identifier


def _moment(said: etree._Element) -> datetime | None:
    text = said.findtext(f"{XADES}SigningTime")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        # Without an offset XML Schema leaves the zone open; every authority reads it as UTC or near it.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise broken("the time of signing is not a time") from error


def _stamped(checked: xml_check.Checked, trust: Trust, at: datetime) -> datetime | None:
    """The earliest moment that a time stamp of the signature proves, None without one."""
    moments = []
    for holder in checked.signature.findall(
        f"{DS}Object/{XADES}QualifyingProperties/{XADES}UnsignedProperties"
        f"/{XADES}UnsignedSignatureProperties/{XADES}SignatureTimeStamp"
    ):
        named = holder.find(f"{DS}CanonicalizationMethod")
        method = C14N_1_0 if named is None else named.get("Algorithm", "")
        if method not in checked.stamped:
            raise broken("the time stamp is made canonical in a way that is not allowed")
        token = decoded(only(holder, f"{XADES}EncapsulatedTimeStamp"))
        moment = timestamp.verify(token, checked.stamped[method], trust, at)
        if moment is not None:
            moments.append(moment)
    return min(moments, default=None)


def _add_stamp(root: etree._Element, stamp: timestamp.Stamp) -> None:
    signature = list(root.iter(f"{DS}Signature"))[-1]
    content = canonical_element(only(signature, f"{DS}SignatureValue"), C14N_1_0)
    qualifying = only(signature, f"{DS}Object/{XADES}QualifyingProperties")
    unsigned = etree.SubElement(qualifying, f"{XADES}UnsignedProperties")
    holder = etree.SubElement(unsigned, f"{XADES}UnsignedSignatureProperties")
    stamped = etree.SubElement(
        holder, f"{XADES}SignatureTimeStamp", Id=f"{signature.get('Id')}-SignatureTimeStamp"
    )
    etree.SubElement(stamped, f"{DS}CanonicalizationMethod", Algorithm=C14N_1_0)
    written = etree.SubElement(stamped, f"{XADES}EncapsulatedTimeStamp")
    written.text = base64.b64encode(stamp(content)).decode("ascii")


def _make_extension(root: etree._Element) -> None:
    """The UBL extension for signatures, with a mark where the signature comes.

    Source: UBL 2.1, 5.4 (the enveloped profile `urn:oasis:names:specification:ubl:dsig:enveloped`).
    """
    extensions = root.find(f"{{{_EXT}}}UBLExtensions")
    if extensions is None:
        extensions = etree.Element(f"{{{_EXT}}}UBLExtensions", nsmap={"ext": _EXT})
        root.insert(0, extensions)
    extension = etree.SubElement(extensions, f"{{{_EXT}}}UBLExtension")
    address = etree.SubElement(extension, f"{{{_EXT}}}ExtensionURI")
    address.text = "urn:oasis:names:specification:ubl:dsig:enveloped:xades"
    content = etree.SubElement(extension, f"{{{_EXT}}}ExtensionContent")
    names = {"sig": _SIG, "sac": _SAC, "cbc": _CBC}
    holder = etree.SubElement(content, f"{{{_SIG}}}UBLDocumentSignatures", nsmap=names)
    information = etree.SubElement(holder, f"{{{_SAC}}}SignatureInformation")
    etree.SubElement(information, f"{{{_CBC}}}ID").text = "urn:oasis:names:specification:ubl:signature:1"
    etree.SubElement(information, f"{DS}Signature", Id="placeholder", nsmap={"ds": DS[1:-1]})
