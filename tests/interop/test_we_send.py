"""We send, phase4 receives: it takes what is right, and what is wrong gets the verdict that it should."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import pytest

from connectors.channels.peppol.as4 import PreparedMessage, Verdict
from connectors.channels.peppol.as4.verdicts import Concern
from formats.envelopes.sbdh import MlsType
from formats.identifiers import ParticipantId
from tests.interop import forging
from tests.interop.peer import Phase4
from tests.interop.world import DOCUMENT_TYPE, OURS, PROCESS, THEIRS, Site, invoice, wrapped

pytestmark = pytest.mark.timeout(900)

ODD = 'ä&#13; &lt;&amp;"\U0001f9fe &#x1F4A9; \u00a0\u2028 <!-- - --><?a b?><![CDATA[<&]]>]]&gt;\t&#9;\n&#10;'


def test_a_plain_invoice_arrives_and_the_receipt_holds(site: Site, phase4: Phase4) -> None:
    content = wrapped(invoice(), instance_id="7f0f3a34-4c3c-4b43-9f57-1f1f2ab0c001")
    message = site.prepare(content)
    outcome = site.send(message, phase4.url)
    assert outcome.verdict is Verdict.DELIVERED, outcome
    assert outcome.receipt is not None
    assert outcome.receipt.signer == site.pki.leaf("ap2").certificate
    assert phase4.received(message.message_id) == content
    assert phase4.understood(message.message_id) == {
        "sender": OURS,
        "receiver": THEIRS,
        "document_type": DOCUMENT_TYPE,
        "process": PROCESS,
        "instance_id": "7f0f3a34-4c3c-4b43-9f57-1f1f2ab0c001",
        "country": "BE",
    }


def test_fifty_megabytes_arrive(site: Site, phase4: Phase4) -> None:
    content = wrapped(invoice(50_000_000))
    message = site.prepare(content)
    outcome = site.send(message, phase4.url)
    assert outcome.verdict is Verdict.DELIVERED, outcome
    assert hashlib.sha256(phase4.received(message.message_id)).digest() == hashlib.sha256(content).digest()


def test_odd_characters_arrive_byte_for_byte(site: Site, phase4: Phase4) -> None:
    content = wrapped(invoice(note=ODD))
    message = site.prepare(content)
    assert site.send(message, phase4.url).verdict is Verdict.DELIVERED
    assert phase4.received(message.message_id) == content


@pytest.mark.parametrize("wanted", list(MlsType))
def test_the_wish_for_a_status_is_understood(site: Site, phase4: Phase4, wanted: MlsType) -> None:
    content = wrapped(invoice(), mls_to=ParticipantId.of("0242:000001"), mls_type=wanted)
    message = site.prepare(content)
    assert site.send(message, phase4.url).verdict is Verdict.DELIVERED
    understood = phase4.understood(message.message_id)
    assert (understood["mls_to"], understood["mls_type"]) == ("0242:000001", wanted)


def test_a_repetition_is_known_to_have_arrived(site: Site, phase4: Phase4) -> None:
    """phase4 has no second receipt for it and answers with an error; that must not look like a failure."""
    message = site.prepare(wrapped(invoice()))
    with message:
        assert site.client.send(message, phase4.url).verdict is Verdict.DELIVERED
        outcome = site.client.send(message, phase4.url)
    assert (outcome.verdict, outcome.concern) == (Verdict.ALREADY_THERE, Concern.NONE)


def test_phase4_refuses_a_certificate_that_was_taken_back(site: Site, phase4: Phase4) -> None:
    """It asks the revocation list of the imitated authority."""
    message = site.prepare(wrapped(invoice()), sender="revoked")
    outcome = site.send(message, phase4.url)
    assert (outcome.verdict, outcome.code) == (Verdict.GIVE_UP, "EBMS:0101"), outcome
    assert outcome.concern is Concern.PRECONDITION
    assert not phase4.has(message.message_id)


@pytest.mark.parametrize("label", ["foreign", "expired"])
def test_phase4_refuses_a_certificate_outside_the_trust(site: Site, phase4: Phase4, label: str) -> None:
    message = site.prepare(wrapped(invoice()), sender=label)
    outcome = site.send(message, phase4.url)
    assert outcome.code in AUTHENTICATION, outcome
    assert (outcome.verdict, outcome.concern) == (Verdict.GIVE_UP, Concern.PRECONDITION)
    assert not phase4.has(message.message_id)


def test_a_receiver_with_another_key_is_looked_up_again(site: Site, phase4: Phase4) -> None:
    outcome = site.send(site.prepare(wrapped(invoice()), receiver="revoked"), phase4.url)
    assert (outcome.verdict, outcome.code, outcome.refresh) == (Verdict.REFRESH, "EBMS:0102", True), outcome


def test_an_envelope_without_the_country_of_the_sender_is_refused(site: Site, phase4: Phase4) -> None:
    scope = rb"<(\w+:)?Scope><(\w+:)?Type>COUNTRY_C1<.*?</(\w+:)?Scope>"
    content, count = re.subn(scope, b"", wrapped(invoice()), flags=re.DOTALL)
    assert count == 1
    message = site.prepare(content)
    outcome = site.send(message, phase4.url)
    assert (outcome.verdict, outcome.code) == (Verdict.GIVE_UP, "EBMS:0004"), outcome
    assert not phase4.has(message.message_id)


Forge = Callable[[Site, PreparedMessage], PreparedMessage]


def _anew(old: str, new: str) -> Forge:
    return lambda site, message: forging.signed_anew(message, site.key, lambda text: text.replace(old, new))


def _doubled(site: Site, message: PreparedMessage) -> PreparedMessage:
    return forging.signed_anew(
        message, site.key, lambda text: text + text.replace("<eb:MessageId>", "<eb:MessageId>2")
    )


# phase4 up to 4.4.1 calls every failure below the security header one of decryption.
AUTHENTICATION = {"EBMS:0101", "EBMS:0102"}
FORGED: dict[str, tuple[Forge, set[str]]] = {
    "a header changed on its way": (
        lambda _, message: forging.altered(message, THEIRS, "0088:7300010000018"),
        AUTHENTICATION,
    ),
    "a digest changed on its way": (
        lambda _, message: forging.altered(message, "<ds:DigestValue>", "<ds:DigestValue>AAAA"),
        AUTHENTICATION,
    ),
    "an attachment changed on its way": (lambda _, message: forging.flipped(message), {"EBMS:0102"}),
    "another agreement": (_anew("agreements:tia:ap_provider", "agreements:other"), {"EBMS:0010"}),
    "a party without a type": (
        _anew(' type="urn:fdc:peppol.eu:2017:identifiers:ap"', ""),
        {"EBMS:0010"},
    ),
    "no final recipient": (_anew('"finalRecipient"', '"somethingElse"'), {"EBMS:0010"}),
    "two user messages": (_doubled, {"EBMS:0003"}),
    "another packing": (_anew("application/gzip", "application/zip"), {"EBMS:0003"}),
}


@pytest.mark.parametrize("name", list(FORGED))
def test_phase4_refuses_what_is_forged_and_we_give_the_right_verdict(
    site: Site, phase4: Phase4, name: str
) -> None:
    forge, codes = FORGED[name]
    with site.prepare(wrapped(invoice())) as message:
        outcome = site.client.send(forge(site, message), phase4.url)
    assert outcome.code in codes, outcome
    expected = Verdict.REFRESH if outcome.code == "EBMS:0102" else Verdict.GIVE_UP
    assert outcome.verdict is expected
    assert not phase4.has(message.message_id)
