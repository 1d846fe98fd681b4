"""The SMP's signature: what is taken, what is refused, and that only what it covers is read."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as some
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod
from signxml.signer import XMLSigner

from connectors.channels.peppol.discovery.smp_documents import ServiceMetadata, read_metadata
from connectors.channels.peppol.discovery.smp_signature import covered_bytes, verify
from formats.errors import EInvoicingError, MalformedDocument, SignatureInvalid
from formats.syntaxes import xml
from tests.connectors.peppol.authorities import World
from tests.connectors.peppol.little_network import (
    BUYER,
    EXCLUSIVE,
    INCLUSIVE,
    INVOICE,
    Entry,
    metadata_xml,
    signed,
)

DS = "{http://www.w3.org/2000/09/xmldsig#}"
SMP = World.made().smps.issue("POP000009", label="smp")
PLAIN = metadata_xml(BUYER, INVOICE, [Entry()])
SIGNED = signed(PLAIN, SMP)
CERTIFICATE = SMP.certificate.public_bytes(Encoding.DER)


def read(content: bytes) -> ServiceMetadata:
    found = read_metadata(verify(content, where="SMP").root, where="SMP")
    assert isinstance(found, ServiceMetadata)
    return found


def refusal(content: bytes) -> str:
    with pytest.raises(SignatureInvalid) as caught:
        verify(content, where="SMP")
    return caught.value.what


@pytest.mark.parametrize("method", [INCLUSIVE, EXCLUSIVE])
@pytest.mark.parametrize("transform", ["", INCLUSIVE, EXCLUSIVE])
def test_each_form_of_canonical_xml_verifies(method: str, transform: str) -> None:
    """Where no transform says otherwise, the digest is over the inclusive form."""
    content = signed(PLAIN, SMP, method=method, transform=transform)
    assert verify(content, where="SMP").certificate == SMP.certificate
    assert read(content).participant == BUYER


@pytest.mark.parametrize("method", [INCLUSIVE, EXCLUSIVE])
def test_what_signxml_signs_verifies(method: str) -> None:
    made = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        c14n_algorithm=CanonicalizationMethod(method),
    ).sign(etree.fromstring(PLAIN), key=SMP.key, cert=[SMP.certificate])
    assert read(etree.tostring(made)).document_type == INVOICE


@pytest.mark.parametrize("inclusive", [True, False])
def test_what_xmlsec_signs_verifies(inclusive: bool) -> None:
    """As SMPs on the usual Java and C stacks make it: one transform, inclusive digest."""
    xmlsec: Any = pytest.importorskip("xmlsec", reason="python-xmlsec is not installed")
    root = etree.fromstring(PLAIN)
    form = xmlsec.Transform.C14N if inclusive else xmlsec.Transform.EXCL_C14N
    block = xmlsec.template.create(root, form, xmlsec.Transform.RSA_SHA256)
    root.append(block)
    reference = xmlsec.template.add_reference(block, xmlsec.Transform.SHA256, uri="")
    xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
    xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(block))
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(SMP.key_pem(), xmlsec.KeyFormat.PEM)
    context.key.load_cert_from_memory(SMP.pem, xmlsec.KeyFormat.PEM)
    context.sign(block)
    assert read(etree.tostring(root)).endpoints[0].url == Entry().url


def test_a_missing_signature_is_refused() -> None:
    assert "no signature" in refusal(PLAIN)


def test_sha1_is_refused() -> None:
    sha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
    assert "SHA-1" in refusal(signed(PLAIN, SMP, signature=sha1))
    assert "SHA-1" in refusal(signed(PLAIN, SMP, digest="http://www.w3.org/2000/09/xmldsig#sha1"))


def test_methods_that_are_not_listed_are_refused() -> None:
    hmac = b"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
    rsa = b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    assert "method that is not taken" in refusal(SIGNED.replace(rsa, hmac))
    xslt = b"http://www.w3.org/TR/1999/REC-xslt-19991116"
    with_transform = signed(PLAIN, SMP, transform=INCLUSIVE)
    last = f'<Transform Algorithm="{INCLUSIVE}"/>'.encode()
    assert "transforms" in refusal(with_transform.replace(last, b'<Transform Algorithm="%s"/>' % xslt))
    assert "transforms" in refusal(with_transform.replace(last, last + last))
    assert "does not cover" in refusal(signed(PLAIN, SMP, reference="#part"))


def test_a_weak_key_is_refused() -> None:
    small = World.made().smps.issue("POP000009", label="small smp", key_size=1024)
    assert "at least 2048 bits" in refusal(signed(PLAIN, small))


def test_the_signature_of_another_document_is_refused() -> None:
    other = signed(metadata_xml(BUYER, INVOICE, [Entry(url="https://other.example/as4")]), SMP)
    root, from_other = etree.fromstring(SIGNED), etree.fromstring(other)
    root.replace(next(root.iter(f"{DS}Signature")), next(from_other.iter(f"{DS}Signature")))
    assert "changed after" in refusal(etree.tostring(root))


def test_a_signed_document_wrapped_into_another_is_refused() -> None:
    """The signature moves along with its content, below an unsigned root."""
    evil = metadata_xml(BUYER, INVOICE, [Entry(url="https://evil.example/as4")])
    root = etree.fromstring(evil)
    root.append(etree.fromstring(SIGNED))
    assert "exactly one signature" in refusal(etree.tostring(root))
    moved = etree.fromstring(evil)
    moved.append(next(etree.fromstring(SIGNED).iter(f"{DS}Signature")))
    assert "changed after" in refusal(etree.tostring(moved))


def test_a_second_signature_is_refused() -> None:
    root = etree.fromstring(SIGNED)
    root.append(next(etree.fromstring(SIGNED).iter(f"{DS}Signature")))
    assert "exactly one" in refusal(etree.tostring(root))


@pytest.mark.parametrize("transform", ["", EXCLUSIVE])
def test_a_document_without_a_canonical_form_is_refused(transform: str) -> None:
    """A name space that is no absolute address has none."""
    content = signed(PLAIN, SMP, transform=transform)
    odd = content.replace(b"<smp:ServiceInformation>", b'<smp:ServiceInformation xmlns:x="none/absolute">')
    assert odd != content
    assert "not an absolute address" in refusal(odd)


def test_a_comment_does_not_cut_a_value_short() -> None:
    """Comments are not signed, so whoever reads must not see them."""
    cut = SIGNED.replace(b"0208:0123456749</ids", b"0208:01234<!-- x -->56749</ids")
    assert cut != SIGNED
    assert read(cut).participant == BUYER


def test_the_certificate_must_be_there_and_readable() -> None:
    start, end = SIGNED.index(b"<X509Certificate>"), SIGNED.index(b"</X509Data>")
    assert "does not bring its certificate" in refusal(SIGNED[:start] + SIGNED[end:])
    broken = b"<X509Certificate>nothing</X509Certificate>"
    assert "cannot be read" in refusal(SIGNED[:start] + broken + SIGNED[end:])


def test_authorities_beside_the_certificate_are_passed_over() -> None:
    chain = b"<X509Certificate>%s</X509Certificate>" % base64.b64encode(
        World.made().smps.certificate.public_bytes(Encoding.DER)
    )
    start = SIGNED.index(b"<X509Certificate>")
    assert verify(SIGNED[:start] + chain + SIGNED[start:], where="SMP").certificate == SMP.certificate


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        SIGNED.replace(b"?>", b'?><!DOCTYPE a [<!ENTITY b "c">]>', 1),
        SIGNED + b" " * 1_048_576,
    ],
    ids=["empty", "page", "entities", "too large"],
)
def test_what_is_no_sound_xml_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedDocument):
        verify(content, where="SMP")


@given(some.integers(0, len(SIGNED) - 1), some.integers(1, 255))
def test_whatever_byte_changes_the_content_stays_or_the_signature_breaks(place: int, by: int) -> None:
    """Outside of what is signed (comments, the name of the signer, spaces in base64) a change means
    nothing."""
    changed = bytearray(SIGNED)
    changed[place] ^= by
    try:
        found = read(bytes(changed))
    except EInvoicingError:
        return
    assert found == read(SIGNED)


@pytest.mark.parametrize("place", range(0, len(CERTIFICATE), 5))
def test_a_certificate_that_is_not_sound_is_refused(place: int) -> None:
    """Also one that reads at first and breaks where its key or its extensions are asked for."""
    der = bytearray(CERTIFICATE)
    der[place] ^= 0x9F
    before, _, rest = SIGNED.partition(b"<X509Certificate>")
    behind = rest.partition(b"</X509Certificate>")[2]
    text = b"<X509Certificate>%s</X509Certificate>" % base64.b64encode(der)
    try:
        found = verify(before + text + behind, where="SMP")
    except SignatureInvalid:
        return
    # Whether it is to be trusted is decided elsewhere; whose key it is did not change.
    assert found.certificate.public_key() == SMP.certificate.public_key()
    assert found.certificate.extensions is not None


@pytest.mark.testdata
def test_a_stored_answer_of_an_old_smp_is_refused_for_sha1_only() -> None:
    """Its digest agrees with what we would compare, so nothing else is wrong with it."""
    folder = os.environ.get("GATEWAY_TESTDATA")
    if not folder:
        pytest.skip("GATEWAY_TESTDATA is not set: the official example documents are not here")
    content = Path(folder, "smp", "signed-service-metadata2.xml").read_bytes()
    assert "SHA-1" in refusal(content)
    root = xml.parse(content, as_written=True)
    stated = root.findtext(f".//{DS}DigestValue")
    assert base64.b64encode(hashlib.sha1(covered_bytes(content)).digest()).decode() == stated  # noqa: S324
    found = read_metadata(root, where="stored")
    assert isinstance(found, ServiceMetadata)
    assert found.participant.value == "0088:5060482240009"


def test_more_name_spaces_than_a_document_needs_are_refused() -> None:
    """Anybody can answer so, and what it costs grows with the product of elements and name spaces."""
    crowd = " ".join(f'xmlns:p{number}="u:{number}"' for number in range(101))
    root = SIGNED.index(b"<", SIGNED.index(b"?>") + 2 if SIGNED.startswith(b"<?") else 0)
    name = SIGNED[root:].split(None, 1)[0].rstrip(b">")
    crowded = SIGNED[:root] + name + b" " + crowd.encode() + SIGNED[root + len(name) :]
    assert "name spaces" in refusal(crowded)
