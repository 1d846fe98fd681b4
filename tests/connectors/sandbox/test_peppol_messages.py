"""AS4 messages of the imitated access points: written and read back, and judged by other implementations."""

from __future__ import annotations

import base64
import gzip
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from signxml import SignatureConfiguration, SignatureMethod, XMLVerifier  # type: ignore[attr-defined]

from connectors.sandbox.peppol import names
from connectors.sandbox.peppol.envelope import Envelope, unwrap, wrap
from connectors.sandbox.peppol.pki import Pki
from connectors.sandbox.peppol.refusal import Refusal
from connectors.sandbox.peppol.seal import Attachment, Header, Sealed, new_message_id, seal
from connectors.sandbox.peppol.signals import RECEIPT_FAULTS, Answer, error, read, receipt
from connectors.sandbox.peppol.unseal import Opened, split, unpack, unseal, verify
from tests.official import folder

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PKI = Pki("http://127.0.0.1:47090", lambda: NOW)
US, THEM = PKI.leaf("gateway"), PKI.leaf("ap2")
ENVELOPE = Envelope(
    sender="0208:1999307184",
    receiver="0208:1999412696",
    instance_id="7f0f3a34-4c3c-4b43-9f57-1f1f2ab0c001",
    document_type=names.INVOICE,
    process=names.BILLING,
    country="BE",
    created="2026-11-22T10:11:12Z",
    mls_to="0242:000001",
    mls_type="ALWAYS_SEND",
)
PAYLOAD = b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>'


def sealed(content: bytes = b"document") -> tuple[Header, Sealed, Attachment]:
    header = Header(
        new_message_id(),
        "POP000001",
        "POP000002",
        names.INVOICE,
        names.BILLING,
        ENVELOPE.sender,
        ENVELOPE.receiver,
        NOW,
    )
    part = Attachment.packed(content)
    message = seal(header.user_message([part]), US, attachments=[part], receiver=THEM.certificate)
    return header, message, part


def opened(message: Sealed) -> Opened:
    keys = {THEM.der: THEM.private_key}
    return unseal(split(message.content_type, message.body), keys.get, PKI.problem)


def judged(header: Header, message: Sealed, body: bytes) -> Answer:
    return read(
        200,
        "application/soap+xml;charset=UTF-8",
        body,
        message_id=header.message_id,
        references=message.references,
        party="POP000002",
        problem=PKI.problem,
    )


@given(st.binary(max_size=3000))
def test_what_is_sent_is_what_arrives_and_the_receipt_proves_it(content: bytes) -> None:
    header, message, part = sealed(content)
    found = opened(message)
    assert (found.document, found.packed) == (content, part.content)
    assert (found.message_id, found.sender_party) == (header.message_id, "POP000001")
    assert judged(header, message, receipt(found, THEM, NOW)).good


@given(st.data())
def test_a_flipped_bit_is_never_taken_for_the_message(data: st.DataObject) -> None:
    """Anywhere in the SOAP part or in the encrypted part: refused, or the same to the last letter."""
    header, message, _ = sealed(PAYLOAD)
    place = data.draw(st.integers(0, len(message.body) - 1))
    body = bytearray(message.body)
    body[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = opened(replace(message, body=bytes(body)))
    except Refusal:
        return
    assert found.document == PAYLOAD
    assert found.message_id == header.message_id
    assert (found.original_sender, found.final_recipient) == (ENVELOPE.sender, ENVELOPE.receiver)


def test_signxml_verifies_what_we_sign() -> None:
    """Header, body and attachment, by an implementation that knows nothing of AS4."""
    _, message, part = sealed(PAYLOAD)
    soap = split(message.content_type, message.body)[0].content
    results = XMLVerifier().verify(
        soap,
        x509_cert=US.pem,
        uri_resolver=lambda uri: part.content if uri == f"cid:{part.cid}" else None,
        validate_schema=False,
        id_attribute="Id",
        expect_config=SignatureConfiguration(
            require_x509=False,
            location=".//",
            expect_references=3,
            signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
        ),
    )
    assert isinstance(results, list)
    assert len(results) == 3


@pytest.mark.parametrize("kind", [kind for kind in RECEIPT_FAULTS if kind != "receipt-missing"])
def test_wrong_receipts_are_wrong(kind: str) -> None:
    header, message, _ = sealed()
    answer = judged(header, message, receipt(opened(message), THEM, NOW, kind, PKI.leaf))
    assert answer.kind == "receipt"
    assert answer.problems != ()


@pytest.mark.parametrize("kind", ["receipt-altered", "receipt-incomplete", "receipt-wrong-message"])
def test_wrong_contents_of_receipts_are_well_signed(kind: str) -> None:
    """So that a client is only safe if it compares them."""
    _, message, _ = sealed()
    root = etree.fromstring(receipt(opened(message), THEM, NOW, kind, PKI.leaf))
    security = root.find(f".//{{{names.WSSE}}}Security")
    assert security is not None
    assert verify(root, security, {}).signer == THEM.certificate


def test_errors_say_which_message_and_why() -> None:
    header, message, _ = sealed()
    signed = error(Refusal("EBMS:0102", "cannot open"), THEM, NOW, header.message_id)
    answer = judged(header, message, signed)
    assert (answer.kind, answer.codes, answer.details) == ("error", ("EBMS:0102",), ("cannot open",))
    assert f"<eb:RefToMessageId>{header.message_id}</eb:RefToMessageId>".encode() in signed


@pytest.mark.parametrize("body", [b"", b"<html>", b"<html/>", b"\x00"])
def test_what_is_no_signal_is_nothing(body: bytes) -> None:
    header, message, _ = sealed()
    assert judged(header, message, body).kind == "nothing"


@given(
    st.binary(max_size=200), st.sampled_from(["", "multipart/related", "application/soap+xml", "text/plain"])
)
def test_any_bytes_are_refused(body: bytes, media_type: str) -> None:
    with pytest.raises(Refusal):
        unseal(split(media_type, body), lambda der: None, PKI.problem)


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4))
def test_gzip_members_in_a_row_are_one_document(pieces: list[bytes]) -> None:
    assert unpack(b"".join(map(gzip.compress, pieces))) == b"".join(pieces)


def test_line_feeds_alone_are_refused_between_parts() -> None:
    """Some real access points insist on CR LF."""
    _, message, _ = sealed()
    with pytest.raises(Refusal) as caught:
        opened(replace(message, body=message.body.replace(b"\r\n", b"\n")))
    assert caught.value.code == "EBMS:0007"


def test_an_envelope_is_read_as_it_was_written() -> None:
    envelope, payload = unwrap(wrap(ENVELOPE, b'<?xml version="1.0"?>\n' + PAYLOAD))
    assert (envelope, payload) == (ENVELOPE, PAYLOAD)


def test_a_payload_keeps_the_names_it_has_from_its_envelope() -> None:
    text = wrap(ENVELOPE, b"<u:Invoice><u:ID>1</u:ID></u:Invoice>").replace(
        b'Header">', b'Header" xmlns:u="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">', 1
    )
    _, payload = unwrap(text)
    assert etree.fromstring(payload)[0].text == "1"


# -- messages and envelopes of others


def soap_of(path: Path) -> bytes:
    found = re.search(rb"<([A-Za-z0-9]+):Envelope\b.*</\1:Envelope>", path.read_bytes(), re.DOTALL)
    assert found is not None
    return found[0]


def signer_of(soap: bytes, attachments: dict[str, bytes] | None = None) -> x509.Certificate:
    root = etree.fromstring(soap)
    security = root.find(f".//{{{names.WSSE}}}Security")
    assert security is not None
    return verify(root, security, attachments or {}).signer


@pytest.mark.testdata
def test_a_receipt_of_a_live_access_point_verifies() -> None:
    signer = signer_of(soap_of(folder("as4/peppol") / "helger.as4in"))
    assert "POP000306" in signer.subject.rfc4514_string()


@pytest.mark.testdata
def test_an_altered_receipt_does_not() -> None:
    with pytest.raises(Refusal) as caught:
        signer_of(soap_of(folder("as4/peppol") / "dataport1.as4in"))
    assert caught.value.code == "EBMS:0101"


@pytest.mark.testdata
def test_the_header_of_a_live_message_verifies_as_far_as_its_part_is_closed() -> None:
    """Its attachment is for a certificate whose key nobody has; its digest is the only one left open."""
    soap = soap_of(folder("as4/peppol") / "dump-raw.as4out")
    root = etree.fromstring(soap)
    for reference in root.iter(f"{{{names.DS}}}Reference"):
        if reference.get("URI", "").startswith("cid:"):
            uri = reference.get("URI", "")
    with pytest.raises(Refusal, match="the digest of a part differs"):
        signer_of(soap, {uri: b"not the document"})


@pytest.mark.testdata
@pytest.mark.parametrize(
    "name",
    ["TwoUserMessages.xml", "UserMessageNoPartyID.xml", "NoResponder.xml", "WrongSigningAlgorithm.xml"],
)
def test_published_broken_messages_are_refused(name: str) -> None:
    soap = (folder("as4/cases") / name).read_bytes()
    with pytest.raises(Refusal):
        unseal(split("application/soap+xml", soap), lambda der: None, PKI.problem)


@pytest.mark.testdata
@pytest.mark.parametrize("kind", ["good", "bad"])
def test_published_envelopes_are_judged_as_their_names_say(kind: str) -> None:
    """Wrong MLS scopes are only noted; a version that does not fit the document type is not checked."""
    noted = {
        *("bad-mls-to-invalid-value.xml", "bad-mls-to-no-scheme.xml", "bad-mls-type-empty.xml"),
        *("bad-mls-type-invalid-value.xml", "bad-invalid-type-version.xml"),
    }
    # Written before the country of corner 1 became mandatory, or with other freedoms of old.
    files = sorted(folder(f"sbdh/{kind}").glob("*.xml"))
    assert files
    wrong = []
    for file in files:
        try:
            unwrap(file.read_bytes())
            taken = True
        except Refusal as refusal:
            taken = kind == "good" and "COUNTRY_C1" in refusal.detail
        if taken != (kind == "good" or file.name in noted):
            wrong.append(file.name)
    assert wrong == []


def test_a_message_in_base64_is_read(tmp_path: Path) -> None:
    """As some senders transfer the attachment."""
    _, message, _ = sealed(PAYLOAD)
    boundary = message.body.split(b"\r\n", 1)[0]
    soap, encrypted = (part.content for part in split(message.content_type, message.body))
    cid = re.search(rb"Content-ID: (<[^>]+>)", message.body)
    assert cid is not None
    body = b"\r\n".join(
        [
            boundary,
            b"Content-Type: application/soap+xml",
            b"MIME-Version: 1.0",
            b"Content-Transfer-Encoding: 7bit",
            b"Content-ID: <root.message@cxf.apache.org>",
            b"",
            soap,
            boundary,
            b"Content-Type: application/octet-stream",
            b"Content-Transfer-Encoding: base64",
            b"Content-ID: " + cid[1],
            b"",
            base64.encodebytes(encrypted).replace(b"\n", b"\r\n") + boundary + b"--",
            b"",
        ]
    )
    assert opened(replace(message, body=body)).document == PAYLOAD
