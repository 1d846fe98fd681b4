"""Other people's programs: signxml verifies what we sign, peppol-py sends to us and takes our receipt."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest, InvalidSignature
from signxml.verifier import SignatureConfiguration, XMLVerifier

from connectors.channels.peppol.as4 import As4Problem, PreparedMessage, ReceivedMessage, Rules, names
from connectors.channels.peppol.as4.problems import OTHER
from connectors.channels.peppol.pki.keys import AccessPointKey
from tests.connectors.peppol.as4.world import DOCUMENT_TYPE, PROCESS, Network
from tests.connectors.peppol.authorities import Leaf

XMLSEC = Path(__file__).with_name("xmlsec_stand_in.py")
SBD = (
    '<StandardBusinessDocument xmlns="http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader">'
    '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/></StandardBusinessDocument>'
)


def signxml_verifies(envelope: bytes, key: AccessPointKey, attachments: dict[str, bytes]) -> list[bytes]:
    """What signxml says is covered by the signature; it raises where that does not hold."""
    config = SignatureConfiguration(
        require_x509=False,
        expect_references=2 + len(attachments),
        location=f"./{{{names.S12}}}Header/{{{names.WSSE}}}Security/",
        signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
    )
    results = XMLVerifier().verify(
        etree.fromstring(envelope),
        x509_cert=key.certificate,
        uri_resolver=attachments.get,
        id_attribute="Id",
        validate_schema=False,
        expect_config=config,
    )
    return [result.signed_data for result in (results if isinstance(results, list) else [results])]


def packed(prepared: PreparedMessage) -> dict[str, bytes]:
    assert prepared.compressed is not None
    return {prepared.sent.references[2].uri: prepared.compressed.read()}


def test_signxml_verifies_what_we_sign(network: Network) -> None:
    prepared = network.prepare(SBD.encode(), sender='0208:a&b<c>"d')
    messaging, body, attachment = signxml_verifies(prepared.envelope, network.a, packed(prepared))
    assert b"0208:a&amp;b" in messaging
    assert b"Body" in body
    assert [attachment] == list(packed(prepared).values())


def test_signxml_verifies_our_receipts_and_errors(network: Network) -> None:
    prepared = network.prepare(SBD.encode())
    receipt = network.answer(prepared).content
    assert b"NonRepudiationInformation" in signxml_verifies(receipt, network.b, {})[0]
    refusal = network.receiver().answer("text/plain", []).content
    assert b"EBMS:0007" in signxml_verifies(refusal, network.b, {})[0]


def test_signxml_refuses_what_was_changed(network: Network) -> None:
    prepared = network.prepare(SBD.encode())
    changed = prepared.envelope.replace(b"0088:7300010000001", b"0088:7300010000002")
    with pytest.raises((InvalidDigest, InvalidSignature)):
        signxml_verifies(changed, network.a, packed(prepared))


@contextmanager
def endpoint(network: Network) -> Iterator[str]:
    receiver = network.receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = receiver.answer(self.headers["Content-Type"], [body])
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/as4"
        server.shutdown()
        thread.join()


def peppol_py_sends(network: Network, url: str, payload: bytes, folder: Path) -> None:
    """One message by peppol-py; it raises where it does not get the receipt it wants."""
    sender = pytest.importorskip("peppol_py.as4_sender", reason="peppol-py is not installed")
    program = folder / "xmlsec1"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{XMLSEC}" "$@"\n')
    program.chmod(0o755)
    key_file = folder / "key.pem"
    leaf = Leaf(network.a.certificate, network.a.private_key)
    key_file.write_bytes(leaf.key_pem())
    receiver = Leaf(network.b.certificate, network.b.private_key)
    body, headers = sender.get_headers_and_body_for_posting_as4_document(
        *(payload, None, "2026-11-23T08:00:00+00:00", DOCUMENT_TYPE, PROCESS),
        *("0208:0123456749", "0088:7300010000001", "POP000002", str(program), str(key_file), ""),
        *(leaf.pem, receiver.pem, "POP000001"),
    )
    sender.post_edelivery_as4_document(url, body, headers, 10, "peppol-py")


def test_peppol_py_sends_to_us_and_takes_our_receipt(network: Network, tmp_path_factory: Any) -> None:
    """With its habits: base64 attachments, line ends all over the XML, headers repeated in front."""
    seen: list[str] = []
    network.rules = Rules(check=lambda message: seen.append(message.header.final_recipient))
    with endpoint(network) as url:
        peppol_py_sends(network, url, SBD.encode(), tmp_path_factory.mktemp("peppol-py"))
    assert network.inbox.payloads == [SBD.encode()]
    assert seen == ["0088:7300010000001"]


def test_peppol_py_shows_why_we_refuse(network: Network, tmp_path_factory: Any) -> None:
    exceptions = pytest.importorskip("peppol_py.exception", reason="peppol-py is not installed")

    def nobody(_message: ReceivedMessage) -> None:
        raise As4Problem(OTHER, "the receiver is not serviced here", detail=names.NOT_SERVICED)

    network.rules = Rules(check=nobody)
    with endpoint(network) as url, pytest.raises(exceptions.SendPeppolError, match=names.NOT_SERVICED):
        peppol_py_sends(network, url, SBD.encode(), tmp_path_factory.mktemp("peppol-py"))
    assert network.inbox.payloads == []
