"""Answers that go out: invoice responses by people, statuses in time, each once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from formats.errors import ConfigError
from formats.responses import invoice_response
from formats.responses.invoice_response import ReasonCode, ResponseCode
from gateway.peppol import decisions, responding, statuses
from gateway.peppol import signals as sending
from gateway.store import exchanges, inbox, signals
from gateway.store.exchanges import Direction
from gateway.store.inbox import Item, State
from tests.gateway.peppol.conftest import Site


def received(site: Site, number: str = "IN-1", **more: str) -> Item:
    assert site.invoice(number, **more).delivered
    site.until(
        lambda: [one for one in site.items() if one.number == number and one.state is State.HANDED_OVER]
    )
    return next(one for one in site.items() if one.number == number)


def test_the_seller_gets_what_the_buyer_decides(site: Site) -> None:
    item = received(site)
    responding.respond(
        site.gateway,
        item,
        ResponseCode.REJECTED,
        reasons=(ReasonCode.QUANTITY,),
        text="Three of four",
        by="marit",
    )
    site.until(lambda: [one for one in site.network.arrivals() if b"invoice_response" in one.document])
    (arrived,) = [one for one in site.network.arrivals() if b"invoice_response" in one.document]
    response = invoice_response.read(arrived.payload)
    assert (response.code, response.invoice.number) == ("RE", "IN-1")
    assert [one.code for one in response.reasons] == ["QTY"]
    assert "answered" in site.events()


def test_a_refusal_without_a_reason_is_not_sent(site: Site) -> None:
    item = received(site)
    with pytest.raises(ConfigError, match="network does not allow"):
        responding.respond(site.gateway, item, ResponseCode.REJECTED, by="marit")
    with site.gateway.database.read() as connection:
        assert signals.listing(connection) == ()


def test_no_answer_goes_back_behind_an_earlier_one(site: Site) -> None:
    item = received(site)
    for code in (ResponseCode.ACKNOWLEDGED, ResponseCode.ACCEPTED):
        responding.respond(site.gateway, item, code, by="marit")
    with pytest.raises(ConfigError, match="IP cannot follow"):
        responding.respond(site.gateway, item, ResponseCode.IN_PROCESS, by="marit")
    with site.gateway.database.read() as connection:
        told = signals.about(connection, signals.Kind.INVOICE_RESPONSE, item.id)
    assert [one.about.split()[1] for one in told] == ["AB", "AP"]


def test_a_document_that_nobody_decides_on_is_answered_in_time(site: Site) -> None:
    """The watchdog says that it was passed on."""
    sending_ = site.invoice("IN-1", mls_type="ALWAYS_SEND")
    assert sending_.delivered
    instance = str(sending_.described()["instance_id"])
    late = site.gateway.clock() + timedelta(minutes=16)
    real, site.gateway.clock = site.gateway.clock, lambda: late
    try:
        assert statuses.remind(site.gateway) == 1
        assert statuses.remind(site.gateway) == 0
    finally:
        site.gateway.clock = real
    with site.gateway.database.read() as connection:
        (exchange,) = exchanges.by_instance(connection, Direction.IN, instance)
    assert exchange.status == "AB"


def test_a_status_goes_to_the_default_receiver_where_the_wanted_one_is_unknown(site: Site) -> None:
    site.network.registers.forget("0242:000002-ACC")
    assert site.invoice("IN-1", mls_type="ALWAYS_SEND", mls_to="0242:000002-ACC").delivered
    site.until(lambda: [one for one in site.network.arrivals() if "mls" in one.envelope.document_type])
    (arrived,) = [one for one in site.network.arrivals() if "mls" in one.envelope.document_type]
    assert arrived.envelope.receiver == "0242:000002"


def test_a_signal_goes_out_once_however_often_it_is_tried(site: Site) -> None:
    assert site.invoice("IN-1", mls_type="ALWAYS_SEND").delivered
    site.until(lambda: [one for one in site.items() if one.state is State.HANDED_OVER])
    site.until(lambda: [one for one in site.network.arrivals() if "mls" in one.envelope.document_type])
    assert sending.send_due(site.gateway) == 0
    assert len([one for one in site.network.arrivals() if "mls" in one.envelope.document_type]) == 1


def test_a_waiting_twin_is_taken_or_put_aside_by_a_person(site: Site) -> None:
    received(site)
    assert site.invoice("IN-1").delivered
    site.until(lambda: [one for one in site.items() if one.state is State.PARKED])
    twin = next(one for one in site.items() if one.state is State.PARKED)
    with pytest.raises(ConfigError, match="reason"):
        decisions.dismiss(site.gateway, twin, by="marit", reason=" ")
    decisions.take(site.gateway, twin, by="marit")
    site.until(lambda: all(one.state is State.HANDED_OVER for one in site.items()))
    with pytest.raises(ConfigError, match="waits for nobody"):
        decisions.take(site.gateway, _now(site, twin), by="marit")


def _now(site: Site, item: Item) -> Item:
    with site.gateway.database.read() as connection:
        found = inbox.get(connection, item.id)
    assert found is not None
    return found
