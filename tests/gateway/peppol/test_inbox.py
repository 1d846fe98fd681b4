"""What others send to us: stored before it is acknowledged, judged, handed over, answered."""

from __future__ import annotations

import json

from connectors.sandbox.faults import Fault
from gateway.pipeline.submission import Verdict
from gateway.store import documents, exchanges
from gateway.store.exchanges import Direction
from gateway.store.inbox import Kind, State
from tests.gateway.peppol.conftest import OUR_BUYER, SUPPLIER, Site


def test_an_invoice_is_handed_over_and_its_sender_told(site: Site) -> None:
    sending = site.invoice("IN-1", mls_type="ALWAYS_SEND")
    assert sending.delivered
    site.until(lambda: [one for one in site.items() if one.state is State.HANDED_OVER])
    (item,) = site.items()
    assert (item.kind, item.number, item.seller) == (Kind.INVOICE, "IN-1", SUPPLIER["name"])
    (xml,) = (site.gateway.settings.folder / "received").glob("*.xml")
    with site.gateway.database.read() as connection:
        stored = documents.get(connection, item.document_digest).content
        (exchange,) = exchanges.by_instance(connection, Direction.IN, sending.described()["instance_id"])
    assert xml.read_bytes() == stored
    about = json.loads(xml.with_suffix(".json").read_text("utf-8"))
    assert (about["number"], about["receiver"]) == ("IN-1", OUR_BUYER["participant"])
    site.until(lambda: [one for one in site.network.arrivals() if "mls" in one.envelope.document_type])
    (status,) = [one for one in site.network.arrivals() if "mls" in one.envelope.document_type]
    assert exchange.status == "AP"
    assert sending.described()["instance_id"].encode() in status.document


def test_the_same_message_twice_is_one_document(site: Site) -> None:
    site.network.faults.arm(Fault("duplicate", "send"))
    assert site.invoice("IN-1").delivered
    assert not site.network.faults.waiting()
    site.until(lambda: [one for one in site.items() if one.state is State.HANDED_OVER])
    assert len(site.items()) == 1


def test_the_same_number_again_waits_for_a_person(site: Site) -> None:
    assert site.invoice("IN-1").delivered
    site.until(lambda: [one for one in site.items() if one.state is State.HANDED_OVER])
    assert site.invoice("IN-1").delivered
    site.until(lambda: len(site.items()) == 2 and site.items()[1].state is State.PARKED)
    twin = site.items()[1]
    assert twin.verdict == Verdict.DOCUMENT
    assert "before" in twin.sentence
    assert len(list((site.gateway.settings.folder / "received").glob("*.xml"))) == 1


def test_documents_for_others_are_refused(site: Site) -> None:
    from connectors.sandbox.peppol.documents import Person

    stranger = "0088:7300010000001"
    site.network.registers.register(stranger, access_point="gateway")
    sending = site.network.outgoing.send_invoice(
        "IN-2", seller=Person(SUPPLIER["participant"], "S"), buyer=Person(stranger, "B"), kind="invoice"
    )
    assert not sending.delivered
    assert "NOT_SERVICED" in str(sending.described())
    assert site.items() == ()
