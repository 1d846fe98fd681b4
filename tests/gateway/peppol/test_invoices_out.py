"""Invoices over our own access point: delivered with a receipt, answered, refused, and never twice."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest

from connectors.sandbox.faults import Fault
from connectors.sandbox.peppol.buyers import Response
from connectors.sandbox.peppol.documents import Finding, Reason
from gateway.pipeline.submission import State
from gateway.store import documents, exchanges, journal
from gateway.store.exchanges import Direction
from tests.gateway.peppol.conftest import Site
from tests.gateway.stories import billing


def test_an_invoice_arrives_and_its_receipt_is_kept(site: Site) -> None:
    site.put(billing("90000214"))
    site.until(lambda: site.state("90000214") is State.DELIVERED)
    (arrived,) = site.network.arrivals()
    with site.gateway.database.read() as connection:
        (exchange,) = exchanges.by_instance(connection, Direction.OUT, arrived.envelope.instance_id)
        evidence = documents.get(connection, exchange.receipt_digest).content
    assert exchange.peer == "POP000002"
    assert exchange.message_id == arrived.message_id
    with zipfile.ZipFile(io.BytesIO(evidence)) as archive:
        assert set(archive.namelist()) == {"request.xml", "answer.xml", "receiver.cer", "metadata.xml"}
        assert b"NonRepudiationInformation" in archive.read("answer.xml")


@pytest.mark.parametrize(
    ("behaviour", "state"),
    [
        ("accepts", State.ACCEPTED),
        ("queries", State.DISPUTED),
        ("rejects", State.REJECTED),
        ("pays", State.ACCEPTED),
        ("acknowledges", State.DELIVERED),
    ],
)
def test_what_the_buyer_answers_moves_the_invoice(site: Site, behaviour: str, state: State) -> None:
    site.network.behave("", behaviour)
    site.put(billing("90000214"))
    site.until(
        lambda: len(site.network.arrivals()) == 1 and site.network.idle() and site.items() and site.settled()
    )
    assert site.state("90000214") is state
    assert {item.submission for item in site.items()} == {site.one("90000214").id}


def test_a_refusing_status_rejects_an_invoice_that_was_delivered(site: Site) -> None:
    site.put(billing("90000214"))
    site.until(lambda: site.state("90000214") is State.DELIVERED)
    (arrived,) = site.network.arrivals()
    site.network.idle()
    site.until(lambda: site.settled() and len(site.items()) >= 1)
    # The first status counts; a second one about the same document changes nothing.
    site.network.outgoing.send_mls(arrived, "RE", (Finding("BV", "BR-16: no line", "/Invoice"),))
    site.until(lambda: len(site.items()) >= 2 and site.settled())
    assert site.state("90000214") is State.DELIVERED


def test_a_lost_receipt_leads_to_one_delivery(site: Site) -> None:
    site.network.faults.arm(Fault("lost-receipt", "as4 POP000002"))
    site.put(billing("90000214"))
    site.until(lambda: site.state("90000214") is State.DELIVERED)
    assert not site.network.faults.waiting()
    assert len(site.network.arrivals()) == 1
    with site.gateway.database.read() as connection:
        assert journal.verify(connection)[1] is None


def test_an_answer_about_what_was_not_sent_to_them_changes_nothing(site: Site) -> None:
    """Somebody else than the receiver says that our invoice is rejected."""
    site.network.behave("", "silent")
    site.put(billing("90000214"))
    site.until(lambda: site.state("90000214") is State.DELIVERED)
    (arrived,) = site.network.arrivals()
    other = replace(arrived, envelope=replace(arrived.envelope, receiver="0106:72451806"))
    site.network.outgoing.respond(other, Response("RE", 0.0, (Reason("QTY", "no"),)))
    site.until(
        lambda: any(item.kind.value == "invoice response" and item.due_at is None for item in site.items())
    )
    assert site.state("90000214") is State.DELIVERED
