"""The desk of the imitated network: what arrived, and what it is told to do, over HTTP."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import requests

from connectors.sandbox.faults import Faults
from connectors.sandbox.http_server import SandboxHttpServer, text_reply
from connectors.sandbox.peppol import names
from connectors.sandbox.peppol.access_point import post
from connectors.sandbox.peppol.desk import PeppolDesk
from connectors.sandbox.world import World

SELLER = {"participant": "0208:1999307184", "name": "Brightwater Instruments NV", "vat": "BE1999307184"}
BUYER = {"participant": "0208:1999412696", "name": "Buyer NV"}


def ask(network: PeppolDesk, method: str, path: str, body: object = None, status: int = 200) -> Any:
    answer = requests.request(method, f"{network.url}/control/{path}", json=body, timeout=30)
    assert answer.status_code == status, answer.text
    return answer.json()


def invoice(network: PeppolDesk, number: str = "INV-1", **more: str) -> Any:
    body = {"what": "invoice", "number": number, "seller": SELLER, "buyer": BUYER, **more}
    return ask(network, "POST", "send", body)


def test_sending_arriving_and_looking_at_it(network: PeppolDesk) -> None:
    sent = invoice(network)
    assert sent["delivered"]
    (arrived,) = ask(network, "GET", "arrived")
    assert arrived["instance_id"] == sent["instance_id"]
    assert arrived["number"] == "INV-1"
    document = requests.get(f"{network.url}/control/arrived/{sent['message_id']}", timeout=5).content
    assert hashlib.sha256(document).hexdigest() == arrived["document_sha256"]
    assert ask(network, "GET", "sent") == [sent]
    assert requests.get(f"{network.url}/control/arrived/nothing", timeout=5).status_code == 404


def test_responses_and_statuses_on_demand(network: PeppolDesk) -> None:
    gateway = {"url": f"{network.url}/ap3/as4", "certificate": "ap3"}
    assert ask(network, "POST", "gateway", gateway) == {"gateway": gateway["url"]}
    message_id = invoice(network)["message_id"]
    reasons = [{"code": "PPD", "text": "The first half"}]
    response = {"what": "response", "message_id": message_id, "code": "PD", "reasons": reasons}
    assert ask(network, "POST", "send", response)["delivered"]
    findings = [{"code": "BV", "text": "BR-16", "where": "/Invoice"}]
    status = {"what": "mls", "message_id": message_id, "code": "RE", "findings": findings}
    assert ask(network, "POST", "send", status)["delivered"]
    kinds = [one["document_type"] for one in ask(network, "GET", "arrived")]
    assert kinds == [names.INVOICE, names.INVOICE_RESPONSE, names.MLS]


def test_behaviours_and_statuses_by_plan(network: PeppolDesk) -> None:
    ask(network, "POST", "gateway", {"url": f"{network.url}/ap3/as4", "certificate": "ap3"})
    ask(network, "POST", "mls", {"delay": 0.05, "code": "AB", "duty": "always"})
    responses = [{"code": "AB", "after": 0.1}, {"code": "RE", "after": 0.2, "reasons": [{"code": "QTY"}]}]
    ask(network, "POST", "behaviour", {"participant": BUYER["participant"], "responses": responses})
    invoice(network)
    assert network.idle()
    assert [one["what"] for one in ask(network, "GET", "sent")] == ["invoice", "mls", "response", "response"]
    ask(network, "POST", "behaviour", {"participant": BUYER["participant"], "behaviour": "silent"})
    ask(network, "POST", "mls", {"duty": "never"})
    invoice(network, "INV-2")
    assert network.idle()
    assert len(ask(network, "GET", "sent")) == 5


def test_participants_come_and_go(network: PeppolDesk) -> None:
    new = "0088:7300010000001"
    ask(network, "POST", "participants", {"participant": new, "access_point": "ap3"})
    assert ask(network, "GET", "participants")[new]["urls"] == [f"{network.url}/ap3/as4"]
    other = {"what": "invoice", "number": "1", "seller": SELLER, "buyer": {"participant": new, "name": "N"}}
    assert ask(network, "POST", "send", other)["url"].endswith("/ap3/as4")
    ask(network, "DELETE", "participants", {"participant": new})
    assert new not in ask(network, "GET", "participants")
    assert not ask(network, "POST", "send", other)["delivered"]


def test_certificates_are_revoked(network: PeppolDesk) -> None:
    ask(network, "POST", "revoke", {"certificate": "ap2"})
    assert invoice(network)["answer"].startswith("EBMS:0101")


def test_the_testbed_runs_on_demand(network: PeppolDesk) -> None:
    asked = {
        "url": f"{network.url}/ap2/as4",
        "receiver": "ap2",
        "recipient": BUYER["participant"],
        "only": ["good", "unsigned"],
    }
    results = ask(network, "POST", "testbed", asked)
    assert [(one["case"], one["passed"]) for one in results] == [("good", True), ("unsigned", True)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("send", []),
        ("send", {"what": "letter"}),
        ("send", {"what": "invoice", "number": "1", "seller": SELLER}),
        ("send", {"what": "response", "message_id": "nothing", "code": "AP"}),
        ("send", {"what": "mls", "message_id": 1, "code": "AP"}),
        ("behaviour", {"participant": "", "behaviour": "sings"}),
        ("behaviour", {"participant": "", "responses": ["AP"]}),
        ("mls", {"delay": -1}),
        ("mls", {"duty": "sometimes"}),
        ("participants", {"participant": 1}),
        ("participants", {"participant": "0208:1", "access_point": "ap9"}),
        ("gateway", {"certificate": "nobody"}),
        ("revoke", {}),
        ("testbed", {}),
    ],
)
def test_mistakes_are_explained(network: PeppolDesk, path: str, body: object) -> None:
    assert set(ask(network, "POST", path, body, status=400)) == {"what", "where", "fix"}


def test_the_network_is_part_of_the_offline_world() -> None:
    with World(0, only=("peppol",)) as world:
        addresses = world.addresses()["peppol"]
        assert set(addresses) == {"dns", "smp", "smp-two", "as4", "as4-two", "control"}
        assert requests.get(f"{addresses['control']}/sent", timeout=5).json() == []
        assert world.holdings()["peppol"]["arrived"] == []


def test_stopping_and_starting_again_keeps_addresses_and_what_arrived(network: PeppolDesk) -> None:
    before = dict(network.addresses())
    invoice(network)
    network.stop()
    network.start()
    assert network.addresses() == before
    assert len(ask(network, "GET", "arrived")) == 1
    assert invoice(network, "INV-2")["delivered"]


def test_bodies_in_chunks_are_bounded_too() -> None:
    """A sender without a length cannot fill the memory."""
    server = SandboxHttpServer(0, Faults(), largest=10_000)
    server.route("POST", "/", lambda request: text_reply(str(len(request.body))))
    server.start()
    try:
        assert post(f"{server.url}/", "text/plain", b"x" * 10_000, chunked=True)[::2] == (200, b"10000")
        assert post(f"{server.url}/", "text/plain", b"x" * 10_001, chunked=True)[0] in (0, 413)
        assert post(f"{server.url}/", "text/plain", b"", chunked=True)[::2] == (200, b"0")
    finally:
        server.stop()
    assert server.failures == []
