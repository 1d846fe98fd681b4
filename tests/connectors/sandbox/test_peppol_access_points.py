"""The imitated access points as receivers and senders, with buyers that answer."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date

import pytest
from lxml import etree

from connectors.sandbox.faults import Fault
from connectors.sandbox.peppol import documents, names
from connectors.sandbox.peppol.access_point import EBMS_FAULTS
from connectors.sandbox.peppol.buyers import BEHAVIOURS, BUYERS_OF_AP3, Response
from connectors.sandbox.peppol.desk import PeppolDesk
from connectors.sandbox.peppol.documents import Finding, Person
from connectors.sandbox.peppol.network import MlsPlan
from connectors.sandbox.peppol.outgoing import Sending
from connectors.sandbox.peppol.signals import RECEIPT_FAULTS
from tests.official import folder

SELLER = Person("0208:1999307184", "Brightwater Instruments NV", "BE", "BE1999307184")
BUYER = Person("0208:1999412696", "Buyer NV", "BE", "BE1999412696")


def send(network: PeppolDesk, number: str = "INV-1", **more: str) -> Sending:
    return network.outgoing.send_invoice(number, seller=SELLER, buyer=BUYER, **more)


def answers(network: PeppolDesk, seat: str = "ap3") -> list[etree._Element]:
    """What came back to the seller, whose access point the second one plays."""
    return [
        etree.fromstring(one.payload)
        for one in network.arrivals()
        if one.access_point == seat and one.envelope.document_type in (names.MLS, names.INVOICE_RESPONSE)
    ]


def text(root: etree._Element, name: str) -> str:
    return root.findtext(f".//{{*}}{name}") or ""


@pytest.fixture
def answering(network: PeppolDesk) -> PeppolDesk:
    """Our own access point is played by the second imitated one."""
    network.registers.gateway(f"{network.url}/ap3/as4", certificate=network.pki.leaf("ap3").certificate)
    return network


def test_an_invoice_arrives_and_is_receipted(network: PeppolDesk) -> None:
    sending = send(network)
    assert sending.delivered
    (arrival,) = network.arrivals()
    assert arrival.message_id == sending.message_id
    assert arrival.envelope == sending.envelope
    facts = arrival.described()
    assert facts["number"] == "INV-1"
    assert facts["payload_sha256"] == hashlib.sha256(arrival.payload).hexdigest()
    assert network.holdings()["counts"] == {"ap2": 1, "ap3": 0}


def test_credit_notes_travel_under_their_own_type(network: PeppolDesk) -> None:
    assert send(network, kind="credit-note").delivered
    (arrival,) = network.arrivals()
    assert arrival.envelope.document_type == names.CREDIT_NOTE
    assert documents.read(arrival.payload).type_code == "381"


def test_buyers_of_the_other_access_point_are_reached_there(network: PeppolDesk) -> None:
    buyer = replace(BUYER, participant=BUYERS_OF_AP3[0])
    assert network.outgoing.send_invoice("INV-1", seller=SELLER, buyer=buyer).delivered
    assert [one.access_point for one in network.arrivals()] == ["ap3"]


def test_a_receiver_that_is_registered_nowhere_is_not_tried(network: PeppolDesk) -> None:
    buyer = replace(BUYER, participant="0208:0000000097")
    sending = network.outgoing.send_invoice("INV-1", seller=SELLER, buyer=buyer)
    assert (sending.attempts, sending.delivered) == (0, False)


@pytest.mark.parametrize("kind", EBMS_FAULTS)
def test_refusals_by_name_are_refusals(network: PeppolDesk, kind: str) -> None:
    network.faults.arm(Fault(kind, "as4 POP000002"))
    answer = send(network).answer
    assert answer is not None
    code = "EBMS:0004" if kind == "not-serviced" else f"EBMS:{kind[-4:]}"
    assert (answer.kind, answer.codes) == ("error", (code,))
    assert (answer.details == ("PEPPOL:NOT_SERVICED",)) == (kind == "not-serviced")
    assert network.arrivals() == ()
    assert send(network).delivered


@pytest.mark.parametrize("kind", RECEIPT_FAULTS)
def test_with_a_wrong_receipt_the_message_was_taken_all_the_same(network: PeppolDesk, kind: str) -> None:
    network.faults.arm(Fault(kind, BUYER.participant))
    sending = send(network)
    assert not sending.delivered
    assert [one.message_id for one in network.arrivals()] == [sending.message_id]


def test_a_lost_receipt_comes_with_the_second_attempt_and_nothing_arrives_twice(
    network: PeppolDesk,
) -> None:
    network.faults.arm(Fault("lost-receipt", "as4"))
    envelope = network.outgoing.envelope(
        SELLER.participant, BUYER.participant, names.INVOICE, names.BILLING, "BE"
    )
    payload = documents.invoice("INV-1", SELLER, BUYER, issued=date(2026, 11, 22))
    sending = network.outgoing.send(payload, envelope, attempts=2)
    assert sending.answer is not None
    assert (sending.answer.kind, sending.answer.status) == ("nothing", 0)
    assert len(network.arrivals()) == 1
    assert network.idle()
    assert (sending.attempts, sending.delivered) == (2, True)
    assert len(network.arrivals()) == 1
    assert network.holdings()["repeated"] == [sending.message_id]


def test_the_other_access_point_refuses_what_it_has(network: PeppolDesk) -> None:
    """As some stacks do; a sender must take that for a delivery."""
    buyer = replace(BUYER, participant=BUYERS_OF_AP3[0])
    first = network.outgoing.send_invoice("INV-1", seller=SELLER, buyer=buyer)
    (arrival,) = network.arrivals()
    again = network.outgoing.send(arrival.payload, arrival.envelope, message_id=first.message_id)
    assert again.answer is not None
    assert (again.answer.codes, again.answer.status) == (("EBMS:4001",), 500)
    assert len(network.arrivals()) == 1


def test_the_same_id_with_another_document_is_refused(network: PeppolDesk) -> None:
    first = send(network)
    (arrival,) = network.arrivals()
    other = network.outgoing.send(arrival.payload + b" ", arrival.envelope, message_id=first.message_id)
    assert other.answer is not None
    assert other.answer.codes == ("EBMS:4001",)


@pytest.mark.parametrize("kind", ["server-error", "unavailable", "html", "drop-before", "drop-after"])
def test_troubles_of_every_web_server(network: PeppolDesk, kind: str) -> None:
    network.faults.arm(Fault(kind, "/ap2/as4"))
    answer = send(network).answer
    assert answer is not None
    assert answer.kind == "nothing"
    assert len(network.arrivals()) == (1 if kind == "drop-after" else 0)


def test_a_message_may_be_sent_twice_by_fault(network: PeppolDesk) -> None:
    network.faults.arm(Fault("duplicate", "send POP000002"))
    sending = send(network)
    assert sending.delivered
    assert len(network.arrivals()) == 1
    assert network.holdings()["repeated"] == [sending.message_id]


def test_a_status_is_sent_when_it_was_asked_for_and_to_whom(answering: PeppolDesk) -> None:
    send(answering, "INV-1", mls_type="ALWAYS_SEND")
    send(answering, "INV-2")
    assert answering.idle()
    (arrival,) = [one for one in answering.arrivals() if one.envelope.document_type == names.MLS]
    status = etree.fromstring(arrival.payload)
    first = answering.arrivals()[0]
    assert text(status, "ResponseCode") == "AP"
    assert status.findtext(".//{*}DocumentReference/{*}ID") == first.envelope.instance_id
    assert (arrival.envelope.sender, arrival.envelope.receiver) == ("0242:000002", "0242:000002")
    # A status is not answered by a status.
    assert [one.what for one in answering.outgoing.sent] == ["invoice", "invoice", "mls"]


def test_the_sender_may_name_who_gets_the_status(answering: PeppolDesk) -> None:
    send(answering, mls_type="ALWAYS_SEND", mls_to="0242:000003")
    send(answering, mls_type="ALWAYS_SEND", mls_to="0242:999999")
    assert answering.idle()
    receivers = [one.envelope.receiver for one in answering.outgoing.sent if one.what == "mls"]
    assert receivers == ["0242:000003", "0242:000002"]


def test_a_refused_document_always_gets_a_status_and_no_response(answering: PeppolDesk) -> None:
    answering.behave("", "accepts")
    answering.mls_plan = MlsPlan(delay=0.05, findings=(Finding("BV", "BR-16: no line", "/Invoice"),))
    send(answering)
    assert answering.idle()
    assert [one.what for one in answering.outgoing.sent] == ["invoice", "mls"]
    (arrival,) = [one for one in answering.arrivals() if one.envelope.document_type == names.MLS]
    status = etree.fromstring(arrival.payload)
    assert (text(status, "ResponseCode"), text(status, "StatusReasonCode")) == ("RE", "BV")


def test_what_is_no_invoice_inside_is_refused_by_status(answering: PeppolDesk) -> None:
    envelope = answering.outgoing.envelope(
        SELLER.participant, BUYER.participant, names.INVOICE, names.BILLING, "BE"
    )
    payload = f'<Invoice xmlns="{names.UBL}Invoice-2"/>'.encode()
    assert answering.outgoing.send(payload, envelope).delivered
    assert answering.idle()
    (status,) = [one for one in answering.arrivals() if one.envelope.document_type == names.MLS]
    assert text(etree.fromstring(status.payload), "StatusReasonCode") == "SV"


@pytest.mark.parametrize(("duty", "expected"), [("always", 1), ("never", 0), ("profile", 0)])
def test_how_a_status_is_due_can_be_set(answering: PeppolDesk, duty: str, expected: int) -> None:
    answering.mls_plan = MlsPlan(delay=0.0, code="AB", duty=duty)
    send(answering)
    assert answering.idle()
    sent = [one for one in answering.outgoing.sent if one.what == "mls"]
    assert len(sent) == expected


@pytest.mark.parametrize("behaviour", sorted(set(BEHAVIOURS) - {"silent"}))
def test_buyers_answer_as_they_are_told(answering: PeppolDesk, behaviour: str) -> None:
    plan = [replace(one, after=one.after / 5) for one in BEHAVIOURS[behaviour]]
    answering.behave(BUYER.participant, plan)
    send(answering)
    assert answering.idle()
    found = answers(answering)
    assert [text(one, "ResponseCode") for one in found] == [one.code for one in plan]
    last = found[-1]
    assert last.findtext(".//{*}DocumentReference/{*}ID") == "INV-1"
    assert text(last, "CustomizationID") == names.RESPONSE_CUSTOMIZATION
    codes = [one.text for one in last.iter("{*}StatusReasonCode")]
    assert codes == [reason.code for reason in plan[-1].reasons]


def test_buyers_are_silent_at_first(answering: PeppolDesk) -> None:
    send(answering)
    assert answering.idle()
    assert len(answering.outgoing.sent) == 1


def test_an_answer_is_tried_again_under_the_same_id(answering: PeppolDesk) -> None:
    answering.behave(BUYER.participant, [Response("AP", 0.0)])
    answering.faults.arm(Fault("unavailable", "/ap3/as4"))
    send(answering)
    assert answering.idle()
    (response,) = [one for one in answering.outgoing.sent if one.what == "response"]
    assert (response.attempts, response.delivered) == (2, True)
    assert len(answers(answering)) == 1


@pytest.mark.testdata
def test_invoices_of_other_formats_are_read(network: PeppolDesk) -> None:
    """What a response says about an invoice comes from UBL and CII alike."""
    for file in sorted(folder("en16931/cii/examples").glob("*.xml"))[:5]:
        found = documents.read(file.read_bytes())
        assert found.number
        assert len(found.issued) == 10
        assert found.type_code


def test_our_own_documents_of_the_past_generation_open_with_the_old_key(network: PeppolDesk) -> None:
    """A sender may still have the certificate that was published before."""
    former, present = network.pki.leaf("ap2"), network.pki.leaf("ap3")
    point = network.access_points["ap2"]
    renewed = type(point)(
        "ap2",
        present,
        network.pki,
        network.faults,
        network._clock,
        serves=lambda participant, document_type, process: True,
        taken=lambda arrival: None,
        former=(former,),
    )
    network.access_points["ap3"] = renewed
    place = replace(network.registers.destination("ap3"), certificate=present.certificate)
    envelope = network.outgoing.envelope(
        SELLER.participant, BUYER.participant, names.INVOICE, names.BILLING, "BE"
    )
    payload = documents.invoice("INV-9", SELLER, BUYER, issued=network._clock().date())
    assert network.outgoing.send(payload, envelope, to=place).delivered
    assert set(renewed._keys) == {former.der, present.der}
