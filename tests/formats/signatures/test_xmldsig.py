"""XML signatures: what we sign, others verify; what others sign, we verify; what is not whole is refused."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from signxml.algorithms import SignatureConstructionMethod
from signxml.signer import XMLSigner
from signxml.verifier import XMLVerifier

from formats.errors import ConfigError, EInvoicingError, MalformedDocument
from formats.signatures import xades, xmldsig
from formats.signatures.errors import BrokenSignature, UntrustedSigner, WeakSignature
from formats.signatures.verified import Kind
from formats.syntaxes import xml
from tests import official
from tests.formats.signatures.authority import (
    NOW,
    certificate,
    key,
    key_pem,
    pem,
    signer,
    stranger,
    trust,
)
from tests.formats.signatures.documents import AWKWARD, INVOICE
from tests.formats.signatures.programs import Folder, needs, template

KEYS = ("rsa2048", "p256", "p384", "p521")
DOCUMENTS = {"invoice": INVOICE, "awkward": AWKWARD}
DS = "{http://www.w3.org/2000/09/xmldsig#}"
ENVELOPED = '<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>'
SIGNED = xmldsig.sign(INVOICE, signer(), NOW)


def inside(document: bytes, signature: str) -> bytes:
    """The document with a signature as its last child."""
    head, _, tail = document.rpartition(b"</")
    return head + signature.encode() + b"</" + tail


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_signed_verifies_and_gives_the_document_back(kind: str, document: str) -> None:
    verified = xmldsig.verify(xmldsig.sign(DOCUMENTS[document], signer(kind), NOW), trust(), NOW)
    plain = xml.parse(DOCUMENTS[document], as_written=True).getroottree()
    assert verified.covered == etree.tostring(plain, method="c14n", with_comments=False)
    assert verified.kind is Kind.XMLDSIG
    assert verified.algorithm == signer(kind).algorithm
    assert verified.path[0] == signer(kind).certificate
    assert len(verified.path) == 3
    assert verified.signer.serial == "4711"
    assert verified.signed_at is None


@needs("xmlsec1")
@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_xmlsec1_verifies_what_we_sign(kind: str, document: str, folder_for: Callable[[str], Folder]) -> None:
    for sign in (xmldsig.sign, xmldsig.sign_object):
        assert folder_for(kind).xmlsec_accepts(sign(DOCUMENTS[document], signer(kind), NOW))


@needs("xmlsec1")
@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize(
    "method",
    [
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
        "http://www.w3.org/2006/12/xml-c14n11",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    ],
)
def test_we_verify_what_xmlsec1_signs(
    kind: str, document: str, method: str, folder_for: Callable[[str], Folder]
) -> None:
    folder = folder_for(kind)
    made = template(folder.signer, c14n=method, transforms=f'{ENVELOPED}<ds:Transform Algorithm="{method}"/>')
    content = DOCUMENTS[document].replace(b'encoding="ISO-8859-1"', b"").replace(b"\xe8", b"e")
    verified = xmldsig.verify(folder.xmlsec_signs(inside(content, made)), trust(), NOW)
    assert verified.covered.startswith(b"<?xml-stylesheet" if document == "awkward" else b"<p:Fattura")


@needs("xmlsec1")
def test_xmlsec1_and_we_refuse_the_same_change(folder: Folder) -> None:
    changed = SIGNED.replace(b"121.00", b"921.00")
    assert not folder.xmlsec_accepts(changed)
    with pytest.raises(BrokenSignature, match="changed after it was signed"):
        xmldsig.verify(changed, trust(), NOW)


def test_signxml_verifies_what_we_sign() -> None:
    result = XMLVerifier().verify(SIGNED, x509_cert=signer().certificate)
    assert not isinstance(result, list)
    assert result.signed_data == xmldsig.verify(SIGNED, trust(), NOW).covered


def test_we_verify_what_signxml_signs_inside_its_object() -> None:
    made = XMLSigner(method=SignatureConstructionMethod.enveloping).sign(
        etree.fromstring(INVOICE),
        key=signer().private_key,
        cert=[signer().certificate, *signer().chain],
    )
    verified = xmldsig.verify(etree.tostring(made), trust(), NOW)
    assert b"121.00" in verified.covered
    assert verified.covered.startswith(b"<ds:Object")


@pytest.mark.parametrize("kind", KEYS)
def test_a_signature_file_of_its_own_covers_the_bytes_of_another(kind: str) -> None:
    content = b"\x00anything\xff"
    made = xmldsig.sign_detached(content, signer(kind), NOW, name="invoice.bin")
    assert xmldsig.verify_detached(made, content, trust(), NOW, name="invoice.bin").covered == content
    with pytest.raises(BrokenSignature):
        xmldsig.verify_detached(made, content + b"!", trust(), NOW, name="invoice.bin")
    with pytest.raises(BrokenSignature, match="outside"):
        xmldsig.verify_detached(made, content, trust(), NOW, name="other.bin")
    with pytest.raises(BrokenSignature, match="outside"):
        xmldsig.verify(made, trust(), NOW)
    with pytest.raises(ConfigError):
        xmldsig.sign_detached(content, signer(kind), NOW, name="")


@needs("xmlsec1")
@pytest.mark.parametrize("kind", KEYS)
def test_xmlsec1_verifies_our_signature_files(kind: str, folder_for: Callable[[str], Folder]) -> None:
    folder = folder_for(kind)
    folder.write("invoice.bin", b"\x00anything\xff")
    assert folder.xmlsec_accepts(
        xmldsig.sign_detached(b"\x00anything\xff", signer(kind), NOW, name="invoice.bin")
    )


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert xmldsig.sign(INVOICE, signer(), NOW) == SIGNED


def test_a_strangers_signature_matches_and_is_not_believed() -> None:
    with pytest.raises(UntrustedSigner, match="leads to no certificate we trust"):
        xmldsig.verify(xmldsig.sign(INVOICE, stranger(), NOW), trust(), NOW)


def test_a_later_signature_covers_the_earlier_one_and_both_are_verified_on_purpose() -> None:
    second = xmldsig.sign(SIGNED, signer("p256"), NOW)
    with pytest.raises(BrokenSignature, match="several signatures"):
        xmldsig.verify(second, trust(), NOW)
    first, last = xmldsig.verify_all(second, trust(), NOW)
    assert (first.algorithm, last.algorithm) == ("rsa-sha256", "ecdsa-sha256")
    assert b"Signature" not in first.covered
    assert b"SignatureValue" in last.covered
    with pytest.raises(BrokenSignature):
        xmldsig.verify_all(second.replace(b"121.00", b"921.00"), trust(), NOW)


def test_an_unsigned_document_says_so() -> None:
    with pytest.raises(BrokenSignature, match="is not signed"):
        xmldsig.verify(INVOICE, trust(), NOW)
    with pytest.raises(MalformedDocument):
        xmldsig.sign(b"no xml", signer(), NOW)


# What an attacker tries with a genuine signature.


def moved(wrap: Callable[[etree._Element, etree._Element], None], signed: bytes = SIGNED) -> bytes:
    root = etree.fromstring(signed)
    signature = root.find(f"{DS}Signature")
    assert signature is not None
    wrap(root, signature)
    return etree.tostring(root.getroottree().getroot())


def test_a_signed_document_wrapped_into_another_is_refused() -> None:
    outer = b"<evil><Importo>9.00</Importo>" + SIGNED.partition(b"?>")[2].lstrip() + b"</evil>"
    with pytest.raises(BrokenSignature, match="place where no signature belongs"):
        xmldsig.verify(outer, trust(), NOW)


def test_a_signature_moved_deeper_is_refused() -> None:
    def deeper(root: etree._Element, signature: etree._Element) -> None:
        root[0].append(signature)

    with pytest.raises(BrokenSignature):
        xmldsig.verify(moved(deeper), trust(), NOW)


@needs("xmlsec1")
def test_a_signature_over_a_part_is_refused(folder: Folder) -> None:
    """Genuine, by the right key, and silent about the rest of the document."""
    partial = INVOICE.replace(b"<Body>", b'<Body Id="part">')
    made = template(folder.signer, uri="#part", transforms=ENVELOPED)
    document = inside(partial, made)
    done = folder.run(
        *("xmlsec1", "--sign", "--privkey-pem", "key.pem,signer.pem", "--id-attr:Id", "Body"),
        *("--output", "made.xml", folder.write("template.xml", document)),
    )
    assert done.returncode == 0
    with pytest.raises(BrokenSignature, match="only a part"):
        xmldsig.verify((folder.path / "made.xml").read_bytes(), trust(), NOW)


def test_an_identifier_that_two_elements_have_is_refused() -> None:
    made = xmldsig.sign_object(INVOICE, signer(), NOW)
    twice = made.replace(b"<Header>", b'<Header Id="object">')
    with pytest.raises(BrokenSignature, match="2 elements"):
        xmldsig.verify(twice, trust(), NOW)


def self_signed_info(change: Callable[[bytes], bytes]) -> bytes:
    """A document whose signature is genuine for a changed SignedInfo, as a hostile signer can make it."""
    made = xmldsig.sign(INVOICE, signer(), NOW)
    root = etree.fromstring(change(made))
    info = root.find(f"{DS}Signature/{DS}SignedInfo")
    value = root.find(f"{DS}Signature/{DS}SignatureValue")
    assert info is not None
    assert value is not None
    value.text = base64.b64encode(signer().sign(etree.tostring(info, method="c14n"))).decode()
    return etree.tostring(root)


@pytest.mark.parametrize(
    "transform",
    [
        b'<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>',
        b'<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">'
        b"<ds:XPath>not(ancestor-or-self::Body)</ds:XPath></ds:Transform>",
        b'<ds:Transform Algorithm="http://www.w3.org/2002/06/xmldsig-filter2">'
        b'<f:XPath xmlns:f="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">/descendant::Body'
        b"</f:XPath></ds:Transform>",
        b'<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#base64"/>',
        b'<ds:Transform Algorithm="urn:example:own"/>',
    ],
)
def test_transformations_that_could_hide_something_are_refused(transform: bytes) -> None:
    hostile = self_signed_info(
        lambda made: made.replace(b"<ds:Transforms>", b"<ds:Transforms>" + transform, 1)
    )
    with pytest.raises(BrokenSignature, match="transform"):
        xmldsig.verify(hostile, trust(), NOW)


@pytest.mark.parametrize(
    "reference", ["https://example.com/invoice.xml", "file:///etc/hostname", "#xpointer(/)", "invoice.xml"]
)
def test_nothing_outside_of_the_document_is_fetched(reference: str) -> None:
    elsewhere = self_signed_info(lambda made: made.replace(b'URI=""', b'URI="' + reference.encode() + b'"'))
    with pytest.raises(BrokenSignature, match="something outside of the document"):
        xmldsig.verify(elsewhere, trust(), NOW)


def test_a_reference_that_does_not_leave_its_signature_out_is_refused() -> None:
    whole = self_signed_info(lambda made: made.replace(ENVELOPED.encode(), b"", 1))
    with pytest.raises(BrokenSignature, match="claims to cover itself"):
        xmldsig.verify(whole, trust(), NOW)


@needs("xmlsec1")
@pytest.mark.parametrize(
    "transform",
    [
        '<ds:Transform Algorithm="http://www.w3.org/2002/06/xmldsig-filter2">'
        '<f:XPath xmlns:f="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">'
        "/descendant::ds:Signature</f:XPath></ds:Transform>",
        '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">'
        "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath></ds:Transform>",
    ],
)
def test_the_two_spellings_of_all_but_the_signatures_are_read(transform: str, folder: Folder) -> None:
    """Italian and Polish signing programs write these."""
    made = template(folder.signer, transforms=transform)
    verified = xmldsig.verify(folder.xmlsec_signs(inside(INVOICE, made)), trust(), NOW)
    assert b"121.00" in verified.covered
    assert b"Signature" not in verified.covered


@pytest.mark.parametrize(
    ("address", "replacement"),
    [
        (b"http://www.w3.org/2001/04/xmlenc#sha256", b"http://www.w3.org/2000/09/xmldsig#sha1"),
        (b"http://www.w3.org/2001/04/xmlenc#sha256", b"http://www.w3.org/2001/04/xmldsig-more#md5"),
        (
            b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            b"http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        ),
        (
            b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            b"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        ),
    ],
)
def test_digests_that_can_be_forged_are_refused_by_name(address: bytes, replacement: bytes) -> None:
    assert address in SIGNED
    weak = self_signed_info(lambda made: made.replace(address, replacement))
    with pytest.raises(WeakSignature):
        xmldsig.verify(weak, trust(), NOW)


@needs("xmlsec1")
@pytest.mark.parametrize("kind", ["rsa1024", "p192"])
def test_small_keys_are_refused_although_the_signature_matches(kind: str, folder: Folder) -> None:
    own = key(kind, 5)
    made = certificate("Small Key", own, "Invented Seal Authority", key("rsa2048", 101))
    folder.write("key.pem", key_pem(own))
    folder.write("signer.pem", pem([made]))
    family = "rsa" if kind.startswith("rsa") else "ecdsa"
    filled = template(folder.signer, method=f"http://www.w3.org/2001/04/xmldsig-more#{family}-sha256")
    with pytest.raises(WeakSignature):
        xmldsig.verify(folder.xmlsec_signs(inside(INVOICE, filled)), trust(), NOW)


def test_a_namespace_that_is_no_address_cannot_be_signed_and_is_no_crash() -> None:
    relative = INVOICE.replace(b"http://ivaservizi", b"ivaservizi")
    with pytest.raises(BrokenSignature, match="absolute address"):
        xmldsig.sign(relative, signer(), NOW)
    with pytest.raises(BrokenSignature, match="absolute address"):
        xmldsig.verify(SIGNED.replace(b"http://ivaservizi", b"ivaservizi"), trust(), NOW)


def test_a_document_with_a_type_declaration_is_refused() -> None:
    bomb = SIGNED.replace(b"<p:Fattura", b'<!DOCTYPE x [<!ENTITY a "b">]><p:Fattura', 1)
    with pytest.raises(BrokenSignature, match="document type declaration"):
        xmldsig.verify(bomb, trust(), NOW)


def test_a_later_clock_does_not_matter_and_an_expired_certificate_does() -> None:
    assert xmldsig.verify(SIGNED, trust(), NOW + timedelta(days=399))
    with pytest.raises(UntrustedSigner):
        xmldsig.verify(SIGNED, trust(), NOW + timedelta(days=401))


@pytest.mark.testdata
@pytest.mark.parametrize(
    ("place", "why"),
    [("smp", "rsa-sha1"), ("zatca/examples/Simplified/Invoice", "secp256k1")],
)
def test_official_documents_with_signatures_that_do_not_count_are_refused_by_name(
    place: str, why: str
) -> None:
    """An SMP's answer of 2018, and Saudi invoices, whose curve and arithmetic are their own."""
    for path in official.documents(place):
        with pytest.raises(WeakSignature, match=why):
            xmldsig.verify(path.read_bytes(), trust(), NOW)


def test_python_xmlsec_verifies_what_we_sign() -> None:
    """The library under xmlsec1, where the program is not installed."""
    xmlsec = pytest.importorskip("xmlsec")
    root = etree.fromstring(xades.sign(AWKWARD, signer("p384"), NOW))
    for element in root.iter():
        if element.get("Id") is not None:
            xmlsec.tree.add_ids(element, ["Id"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(pem([signer("p384").certificate]), xmlsec.KeyFormat.CERT_PEM)
    context.verify(xmlsec.tree.find_node(root, "Signature"))
    root[0].text = "changed"
    with pytest.raises(xmlsec.Error):
        context.verify(xmlsec.tree.find_node(root, "Signature"))


COVERED = [
    place
    for match in re.finditer(rb">([^<>]+)<", INVOICE)
    for place in range(match.start(1), match.end(1))
    if match.group(1).strip()
]


@given(st.sampled_from(COVERED), st.integers(1, 255))
def test_any_changed_byte_of_the_content_is_refused(place: int, change: int) -> None:
    start = SIGNED.index(b"<p:Fattura") - INVOICE.index(b"<p:Fattura")
    altered = bytearray(SIGNED)
    altered[start + place] ^= change
    with pytest.raises(BrokenSignature):
        xmldsig.verify(bytes(altered), trust(), NOW)


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_a_changed_byte_anywhere_proves_nothing_else(place: int, change: int) -> None:
    """Refused, or what is proven is the document as it was."""
    altered = bytearray(SIGNED)
    altered[place] ^= change
    try:
        verified = xmldsig.verify(bytes(altered), trust(), NOW)
    except EInvoicingError:
        return
    assert verified.covered == xmldsig.verify(SIGNED, trust(), NOW).covered


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_verified_or_refused(data: bytes) -> None:
    for verify in (xmldsig.verify, xades.verify):
        with pytest.raises(EInvoicingError):
            verify(data, trust(), NOW)
