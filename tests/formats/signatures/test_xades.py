"""XAdES: who signed, when, and under which policy is part of what is signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from lxml import etree
from signxml.exceptions import InvalidSignature
from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

from formats.errors import ConfigError
from formats.signatures import xades, xmldsig
from formats.signatures.errors import BrokenSignature, Distrust, UntrustedSigner
from formats.signatures.profiles import FACTURAE_POLICY
from formats.signatures.trust import Trust
from formats.signatures.verified import Kind
from formats.syntaxes import xml
from tests.formats.signatures.authority import NOW, key, root, signer, trust
from tests.formats.signatures.documents import AWKWARD, INVOICE, UBL
from tests.formats.signatures.programs import Folder, needs, template
from tests.formats.signatures.test_xmldsig import KEYS, inside

DS = "{http://www.w3.org/2000/09/xmldsig#}"
XADES = "{http://uri.etsi.org/01903/v1.3.2#}"
MADRID_WINTER = timezone(timedelta(hours=1))
DOCUMENTS = {"invoice": INVOICE, "awkward": AWKWARD, "ubl": UBL}


def epes(document: bytes, kind: str = "rsa2048") -> bytes:
    return xades.sign(
        document,
        signer(kind),
        NOW.astimezone(MADRID_WINTER),
        policy=FACTURAE_POLICY,
        roles=("emisor",),
        about=xades.SignedObject(description="Factura", identifier="urn:oid:1.2.840.10003.5.109.10"),
        legacy_certificate=True,
    )


def extension(document: bytes, kind: str = "rsa2048") -> bytes:
    return xades.sign(document, signer(kind), NOW, place=xades.Place.UBL_EXTENSION)


def plain(document: bytes, kind: str = "rsa2048") -> bytes:
    return xades.sign(document, signer(kind), NOW)


WAYS: dict[str, Callable[[bytes, str], bytes]] = {"bes": plain, "epes": epes, "extension": extension}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_signed_verifies(kind: str, way: str, document: str) -> None:
    verified = xades.verify(WAYS[way](DOCUMENTS[document], kind), trust(), NOW)
    assert verified.kind is (Kind.XADES_EPES if way == "epes" else Kind.XADES_BES)
    assert verified.signed_at == NOW
    assert verified.policy == (FACTURAE_POLICY.identifier if way == "epes" else None)
    assert verified.roles == (("emisor",) if way == "epes" else ())
    assert verified.signer == signer(kind).facts


@needs("xmlsec1")
@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_xmlsec1_verifies_what_we_sign(
    kind: str, way: str, document: str, folder_for: Callable[[str], Folder]
) -> None:
    assert folder_for(kind).xmlsec_accepts(WAYS[way](DOCUMENTS[document], kind))


@needs("xmlsec1")
@pytest.mark.parametrize("kind", KEYS)
def test_we_verify_what_xmlsec1_signs(kind: str, folder_for: Callable[[str], Folder]) -> None:
    folder = folder_for(kind)
    made = folder.xmlsec_signs(inside(INVOICE, template(folder.signer, xades=True)))
    verified = xades.verify(made, trust(), NOW)
    assert verified.kind is Kind.XADES_BES
    assert verified.signed_at == datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("way", WAYS)
def test_signxml_verifies_what_we_sign(way: str) -> None:
    made = WAYS[way](INVOICE, "rsa2048")
    results = XAdESVerifier().verify(
        made, x509_cert=signer().certificate, expect_config=XAdESSignatureConfiguration()
    )
    assert results[0].signed_data == xades.verify(made, trust(), NOW).covered
    with pytest.raises(InvalidSignature):
        XAdESVerifier().verify(made.replace(b"121.00", b"921.00"), x509_cert=signer().certificate)


@pytest.mark.parametrize("way", WAYS)
def test_the_signature_is_valid_by_the_schema_of_xades(way: str) -> None:
    signature = next(xml.parse(WAYS[way](INVOICE, "rsa2048")).iter(f"{DS}Signature"))
    document = xml.parse(etree.tostring(signature, with_tail=False))
    XAdESVerifier().validate_schema(document)  # type: ignore[no-untyped-call]


def test_what_facturae_demands_is_written() -> None:
    made = epes(INVOICE)
    document = xml.parse(made)
    signature = document[-1]
    assert signature.tag == f"{DS}Signature"
    signed = signature.find(f".//{XADES}SignedProperties")
    assert signed is not None
    assert signed.findtext(f".//{XADES}SigningTime") == "2026-11-23T09:00:00+01:00"
    assert [one.tag.rpartition("}")[2] for one in signed[0]] == [
        "SigningTime",
        "SigningCertificate",
        "SignaturePolicyIdentifier",
        "SignerRole",
    ]
    issuer = signed.findtext(f".//{DS}X509IssuerName")
    assert issuer == "CN=Invented Seal Authority,O=Invented Trust Services,C=NL"
    assert signed.findtext(f".//{DS}X509SerialNumber") == "4711"
    said = signed.find(f".//{XADES}DataObjectFormat")
    assert said is not None
    reference = signature.find(f"{DS}SignedInfo/{DS}Reference")
    assert reference is not None
    assert said.get("ObjectReference") == f"#{reference.get('Id')}"
    assert [one.tag.rpartition("}")[2] for one in said] == ["Description", "ObjectIdentifier", "MimeType"]
    certificates = signature.findall(f"{DS}KeyInfo/{DS}X509Data/{DS}X509Certificate")
    assert len(certificates) == 2
    assert signature.find(f"{DS}KeyInfo/{DS}KeyValue") is not None


def test_a_signature_in_the_ubl_extension_stands_where_ubl_has_it() -> None:
    document = xml.parse(extension(UBL))
    assert document[0].tag.endswith("UBLExtensions")
    assert len(list(document.iter(f"{DS}Signature"))) == 1
    assert document[-1].tag.endswith("ID")


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert epes(INVOICE) == epes(INVOICE)


def test_another_policy_is_refused_where_one_is_demanded() -> None:
    other = xades.Policy("urn:example:policy", "Another", FACTURAE_POLICY.digest_method, "AAAA")
    with pytest.raises(BrokenSignature, match="not made under the policy"):
        xades.verify(epes(INVOICE), trust(), NOW, policy=other)
    with pytest.raises(BrokenSignature, match="not made under the policy"):
        xades.verify(plain(INVOICE), trust(), NOW, policy=FACTURAE_POLICY)
    assert xades.verify(epes(INVOICE), trust(), NOW, policy=FACTURAE_POLICY).policy


def test_a_plain_signature_is_no_xades() -> None:
    with pytest.raises(BrokenSignature, match="signs nothing about itself"):
        xades.verify(xmldsig.sign(INVOICE, signer(), NOW), trust(), NOW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"2026-11-23T08:00:00", b"2026-11-22T08:00:00"),
        (b"text/xml", b"text/xsl"),
        (b"SigningTime", b"Signingtime"),
    ],
)
def test_signed_properties_cannot_be_changed(before: bytes, after: bytes) -> None:
    changed = plain(INVOICE).replace(before, after)
    assert changed != plain(INVOICE)
    with pytest.raises(BrokenSignature, match="own data was changed"):
        xades.verify(changed, trust(), NOW)


@needs("xmlsec1")
def test_signed_properties_that_name_another_certificate_are_refused(folder: Folder) -> None:
    """Swapping the certificate under a signature is what XAdES is there against."""
    made = template(signer(serial=99), xades=True)
    with pytest.raises(BrokenSignature, match="names another certificate"):
        xades.verify(folder.xmlsec_signs(inside(INVOICE, made)), trust(), NOW)


def test_signed_properties_put_beside_the_real_ones_are_refused() -> None:
    made = plain(INVOICE)
    document = xml.parse(made)
    genuine = next(document.iter(f"{XADES}SignedProperties"))
    copied = etree.fromstring(etree.tostring(genuine, with_tail=False))
    document.insert(0, copied)
    with pytest.raises(BrokenSignature, match="2 elements"):
        xades.verify(etree.tostring(document), trust(), NOW)
    holder = genuine.getparent()
    assert holder is not None
    del copied.attrib["Id"]
    holder.insert(0, copied)
    with pytest.raises(BrokenSignature):
        xades.verify(etree.tostring(document), trust(), NOW)


def test_several_signatures_are_verified_one_by_one() -> None:
    twice = plain(epes(INVOICE), "p384")
    with pytest.raises(BrokenSignature, match="several signatures"):
        xades.verify(twice, trust(), NOW)
    assert [one.kind for one in xades.verify_all(twice, trust(), NOW)] == [Kind.XADES_EPES, Kind.XADES_BES]


def expired_case(begins: int, ends: int, signed: int) -> bytes:
    """Signed `signed` days after now with a certificate from `begins` to `ends`."""
    one = signer(begins=NOW + timedelta(days=begins), ends=NOW + timedelta(days=ends))
    return xades.sign(INVOICE, one, NOW + timedelta(days=signed))


@pytest.mark.parametrize(
    ("begins", "ends", "signed", "reason"),
    [
        (-300, -10, -20, Distrust.EXPIRED_SINCE),
        (-300, -10, -5, Distrust.EXPIRED_BEFORE_SIGNING),
        (10, 300, -5, Distrust.NOT_YET_VALID),
        (-300, 300, 5, Distrust.SIGNED_IN_FUTURE),
    ],
)
def test_why_a_certificate_does_not_count_is_said(
    begins: int, ends: int, signed: int, reason: Distrust
) -> None:
    with pytest.raises(UntrustedSigner) as refused:
        xades.verify(expired_case(begins, ends, signed), trust(), NOW)
    assert refused.value.reason is reason


def test_an_archive_may_count_the_claimed_time_and_sees_that_it_did() -> None:
    archive = Trust((root(),), claimed_time_counts=True)
    verified = xades.verify(expired_case(-300, -10, -20), archive, NOW)
    assert verified.expired_since == NOW - timedelta(days=10)
    with pytest.raises(UntrustedSigner):
        xades.verify(expired_case(-300, -10, -5), archive, NOW)


def test_a_moment_without_a_zone_is_not_written() -> None:
    with pytest.raises(ConfigError, match="time zone"):
        xades.sign(INVOICE, signer(), NOW.replace(tzinfo=None))


def test_a_key_of_another_certificate_does_not_sign() -> None:
    from formats.signatures.signer import Signer

    with pytest.raises(ConfigError, match="does not belong"):
        Signer(signer().certificate, key("rsa2048", 9))
