"""Messages of other stacks, as they were on the wire: those that hold are read, the faulty are refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from connectors.channels.peppol.as4 import As4Problem, Limits, SpooledRequest, names, spool
from connectors.channels.peppol.as4.encryption import read_encryption
from connectors.channels.peppol.as4.envelope import read_user_message
from connectors.channels.peppol.as4.profile import require_profile
from connectors.channels.peppol.as4.receipt import read_references
from connectors.channels.peppol.as4.signing import verify
from connectors.channels.peppol.as4.soap import read_envelope
from tests.connectors.peppol.as4.world import Network

_FOLDER = Path(os.environ.get("GATEWAY_TESTDATA", ""), "as4")
pytestmark = [
    pytest.mark.testdata,
    pytest.mark.skipif(
        not (os.environ.get("GATEWAY_TESTDATA") and _FOLDER.is_dir()),
        reason="GATEWAY_TESTDATA does not name a folder with as4",
    ),
]
LARGEST = 1_000_000


def stored(name: str) -> tuple[str, bytes]:
    """Content type and body of a message that was stored with its HTTP headers."""
    content = (_FOLDER / name).read_bytes()
    head, blank, body = re.split(rb"(\r?\n\r?\n)", content, maxsplit=1)
    found = re.search(rb"(?im)^Content-Type:((?:.*\r?\n[ \t])*.*)$", head)
    assert found is not None
    assert blank
    return found[1].decode().strip(), body


def request(name: str, folder: Path) -> SpooledRequest:
    kind, body = stored(name)
    return spool(kind, [body[start : start + 100] for start in range(0, len(body), 100)], folder, Limits())


def test_a_whole_message_of_phase4_verifies(tmp_path: Path) -> None:
    """Signature over Messaging and Body with its PrefixList, header, and encryption; the payload was sealed
    for a key that nobody has."""
    sent = request("peppol/dump-raw.as4out", tmp_path)
    envelope = read_envelope(sent.envelope, largest=LARGEST)
    header = read_user_message(envelope.messaging)
    require_profile(header, {"POP000306"})
    hrefs = [part.href for part in sent.attachments]
    verified = verify(envelope, hrefs, lambda _href, _digest: True)
    assert verified.signer.seat_id == header.sender.seat_id == "POP000306"
    assert [reference.uri for reference in verified.references][2:] == hrefs
    [part] = read_encryption(envelope, hrefs, allow_mgf1p=False)
    assert (part.href, part.media_type) == (hrefs[0], "application/gzip")


def test_one_changed_letter_of_it_does_not_verify(tmp_path: Path) -> None:
    sent = request("peppol/dump-raw.as4out", tmp_path)
    envelope = read_envelope(sent.envelope.replace(b"9915:helger", b"9915:helges"), largest=LARGEST)
    with pytest.raises(As4Problem, match="changed after it was signed"):
        verify(envelope, [part.href for part in sent.attachments], lambda _href, _digest: True)


def test_a_receipt_of_a_live_access_point_verifies() -> None:
    envelope = read_envelope(stored("peppol/helger.as4in")[1].strip(), largest=LARGEST)
    assert verify(envelope).signer.seat_id == "POP000306"
    receipt = next(envelope.messaging.iter(f"{{{names.EB}}}Receipt"))
    assert [reference.uri[:4] for reference in read_references(receipt)] == ["#pha", "#id-", "cid:"]


def test_a_receipt_that_was_altered_does_not_verify() -> None:
    envelope = read_envelope(stored("peppol/dataport1.as4in")[1].strip(), largest=LARGEST)
    with pytest.raises(As4Problem) as caught:
        verify(envelope)
    assert caught.value.error.code == "EBMS:0101"


def test_a_receipt_in_soap_12_verifies() -> None:
    envelope = read_envelope((_FOLDER / "cases/TestReceipt12.xml").read_bytes(), largest=LARGEST)
    assert verify(envelope).signer.seat_id == "PDE000576"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("TwoUserMessages.xml", "EBMS:0003"),
        ("UserMessageNoPartyID.xml", "EBMS:0009"),
        ("NoResponder.xml", "EBMS:0009"),
        ("WrongSigningAlgorithm.xml", "EBMS:0103"),
        ("WrongCompression.mime", "EBMS:0003"),
        ("TestReceipt11.xml", "EBMS:0009"),
        ("TestReceipt12.xml", "EBMS:0003"),
    ],
)
def test_each_faulty_message_gets_the_error_of_its_fault(network: Network, name: str, code: str) -> None:
    if name.endswith(".mime"):
        kind, body = stored(f"cases/{name}")
    else:
        kind, body = "application/soap+xml", (_FOLDER / "cases" / name).read_bytes()
    answer = network.receiver().answer(kind, [body])
    assert answer.problem is not None
    assert answer.problem.error.code == code, answer.problem.what
