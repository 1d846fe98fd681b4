"""Webhooks of Exact Online: what is genuine, what is worth a look, and how subscriptions are made."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from connectors.base import Push, WokenByCalls
from connectors.erp.exact_online_calls import genuine
from connectors.sandbox.exact_online_login import CLIENT_ID
from connectors.sandbox.exact_online_seed import DIVISION, seeded_id
from connectors.sandbox.exact_online_webhooks import WEBHOOK_SECRET, signed_call
from connectors.sandbox.faults import Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer
from formats.errors import RemoteRefused
from tests.connectors.exact_site import Site, site_of

# A call as the real service was seen to sign it, for the secret "demo-webhook-secret"; its keys are invented.
SEEN = (
    b'{"Content":{"Topic":"SalesInvoices","ClientId":"0d5d9c1e-5a44-4c0d-9b6f-0f4a5b1c2d3e","Division":3210123,'
    b'"Action":"Update","Key":"6f1d2c3b-4a59-4e68-8f77-1a2b3c4d5e6f","ExactOnlineEndpoint":'
    b'"https://start.exactonline.nl/api/v1/3210123/salesinvoice/SalesInvoices'
    b'(guid\'6f1d2c3b-4a59-4e68-8f77-1a2b3c4d5e6f\')","EventCreatedOn":"2026-01-15T10:22:31.127"},'
    b'"HashCode":"2E7BD823F6AB8D6FA39A88595D9E3CACF15BF6A1C050C828ED8A949A22E91E00"}'
)


def content(**changes: object) -> dict[str, Any]:
    return {
        "Topic": "SalesInvoices",
        "ClientId": CLIENT_ID,
        "Division": DIVISION,
        "Action": "Update",
        "Key": seeded_id("invoice 26700001"),
        "ExactOnlineEndpoint": "http://attacker.example/",
        "EventCreatedOn": "2026-11-22T09:00:10.127",
        **changes,
    }


def push(body: bytes) -> Push:
    return Push("application/json", body, {})


@pytest.fixture
def site() -> Iterator[Site]:
    with site_of() as found:
        yield found


@pytest.fixture
def woken(site: Site) -> WokenByCalls:
    return site.connector(webhook_secret="file:exact-webhook-secret")


def test_the_hash_of_a_call_as_it_was_seen_holds() -> None:
    assert genuine(SEEN, WEBHOOK_SECRET)["Key"] == "6f1d2c3b-4a59-4e68-8f77-1a2b3c4d5e6f"


@pytest.mark.parametrize(
    "body",
    [
        SEEN.replace(b"Update", b"Delete"),
        SEEN.replace(b"2E7B", b"2E7C"),
        SEEN.replace(b"/api/v1/", b"\\/api\\/v1\\/"),  # the same content, written anew
        SEEN[:-1],
        SEEN.replace(b'"HashCode"', b'"Hash"'),
        b"{}",
        b"null",
        b"not json",
        b'{"Content":{},"HashCode":""}',
        b'{"Content":' + b"[" * 50_000 + b',"HashCode":"' + b"A" * 64 + b'"}',
        signed_call({"Topic": "x" * 70_000}),
    ],
)
def test_what_is_not_signed_is_turned_away(body: bytes, woken: WokenByCalls) -> None:
    with pytest.raises(RemoteRefused, match="not signed by Exact"):
        woken.wake(push(body))


def test_another_secret_signs_nothing(woken: WokenByCalls) -> None:
    with pytest.raises(RemoteRefused):
        woken.wake(push(signed_call(content(), "another secret")))


def test_a_change_is_worth_a_look_once(woken: WokenByCalls) -> None:
    """Calls are repeated; the second one of the same event is known."""
    assert woken.wake(push(signed_call(content())))
    assert not woken.wake(push(signed_call(content())))
    assert woken.wake(push(signed_call(content(EventCreatedOn="2026-11-22T09:00:11.000"))))


def test_calls_out_of_order_are_worth_a_look_each(woken: WokenByCalls) -> None:
    later = content(EventCreatedOn="2026-11-22T09:00:30.000")
    assert woken.wake(push(signed_call(later)))
    assert woken.wake(push(signed_call(content())))


@pytest.mark.parametrize(
    "changes", [{"Division": 99}, {"Division": "x"}, {"Topic": "StockPositions"}, {"ClientId": "another"}]
)
def test_genuine_calls_about_something_else_are_not(changes: dict[str, Any], woken: WokenByCalls) -> None:
    assert not woken.wake(push(signed_call(content(**changes))))


def test_the_empty_trial_call_is_taken_without_a_signature(woken: WokenByCalls) -> None:
    assert not woken.wake(push(b""))


def test_the_memory_of_calls_is_bounded(woken: WokenByCalls) -> None:
    for number in range(600):
        assert woken.wake(push(signed_call(content(Key=f"{number}"))))
    assert woken.wake(push(signed_call(content(Key="0"))))
    assert not woken.wake(push(signed_call(content(Key="599"))))


def test_a_call_never_makes_us_call_the_address_it_names(site: Site, woken: WokenByCalls) -> None:
    woken.wake(push(signed_call(content(ExactOnlineEndpoint=f"{site.exact.server.url}/api/v1/current/Me"))))
    assert site.exact.server.calls == []


def test_without_a_secret_no_call_is_taken(site: Site) -> None:
    connector = site.connector()
    with pytest.raises(RemoteRefused, match="no webhook secret"):
        connector.wake(push(signed_call(content())))


class Listener:
    """Somebody who is called."""

    def __init__(self, *statuses: int) -> None:
        self.bodies: list[bytes] = []
        self._statuses = list(statuses)
        self.server = SandboxHttpServer(0, Faults())
        self.server.route("POST", "/wake", self._take)
        self.server.start()
        self.url = f"{self.server.url}/wake"

    def _take(self, request: Request) -> Reply:
        self.bodies.append(request.body)
        return Reply(self._statuses.pop(0) if self._statuses else 200)


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.server.stop()


def _subscribing(site: Site, url: str) -> Any:
    return site.connector(
        webhook_secret="file:exact-webhook-secret",
        callback_url=url,
        webhook_topics=("SalesInvoices", "Accounts"),
    )


def test_connecting_subscribes_once_and_calls_arrive_signed(site: Site, listener: Listener) -> None:
    connector = _subscribing(site, listener.url)
    for _ in range(2):
        assert all(step.ok for step in connector.connected())
    assert [row["Topic"] for row in site.exact.webhooks.subscriptions] == ["Accounts", "SalesInvoices"]
    assert listener.bodies == [b"", b""]
    site.exact.change(26700001, YourRef="changed")
    site.exact.change_account(2, Email="new@deochtend.example")
    site.exact.webhooks.stop()  # waits for the calls under way
    assert [connector.wake(push(body)) for body in listener.bodies[2:]] == [True, True]
    keys = {json.loads(body)["Content"]["Key"] for body in listener.bodies[2:]}
    assert keys == {seeded_id("invoice 26700001"), seeded_id("account 2")}


def test_a_call_that_fails_comes_again_with_the_same_bytes(site: Site) -> None:
    listener = Listener(200, 500, 503)
    site.exact.webhooks.subscribe("SalesInvoices", listener.url)
    site.exact.change(26700001, YourRef="changed")
    deadline = time.monotonic() + 120
    while len(site.exact.webhooks.calls) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    listener.server.stop()
    assert [status for _, status in site.exact.webhooks.calls] == [500, 503, 200]
    assert len(set(listener.bodies[1:])) == 1


def test_an_address_that_refuses_the_trial_call_is_a_step_that_failed(site: Site) -> None:
    listener = Listener(*[401] * 9)
    *_, last = _subscribing(site, listener.url).connected()
    listener.server.stop()
    assert (last.name, last.ok) == ("Webhooks", False)
    assert site.exact.webhooks.subscriptions == []


def test_check_tells_of_missing_subscriptions(site: Site, listener: Listener) -> None:
    site.clock.now = datetime.now(tz=site.clock.now.tzinfo)
    connector = _subscribing(site, listener.url)
    *_, last = connector.check()
    assert (last.name, last.ok) == ("Webhooks", False)
    assert "gateway connect exact-vandael" in last.fix
    list(connector.connected())
    assert all(step.ok for step in connector.check())


def test_the_imitation_takes_one_subscription_for_each_topic(site: Site, listener: Listener) -> None:
    """As the real service, in the user's language, whoever asks."""
    first = _subscribing(site, listener.url)
    list(first.connected())
    other = Listener()
    *_, last = _subscribing(site, other.url).connected()
    other.server.stop()
    assert (last.name, last.ok) == ("Webhooks", False)
