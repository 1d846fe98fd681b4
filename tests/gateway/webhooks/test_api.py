"""/api/v1/webhooks: only administrators, secrets once, refusals in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gateway.access.rights import ALL_COMPANIES, Right
from gateway.store import journal, tokens
from gateway.web.app import create_app
from tests.gateway.webhooks.conftest import ID, World

PLACE = "/api/v1/webhooks"


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    scopes = {ALL_COMPANIES: frozenset({Right.SET_UP})}
    with world.gateway.database.begin() as connection:
        _, shown = tokens.make(
            connection,
            "it",
            scopes,
            made_by="it",
            ends_at=world.time.now + timedelta(days=9),
            now=world.time.now,
        )
    with TestClient(create_app(world.gateway), headers={"Authorization": f"Bearer {shown}"}) as made:
        yield made


def wanted(world: World, **more: Any) -> dict[str, Any]:
    return {"name": "shop 2", "url": world.receiver.url, "events": ["invoice.received"], **more}


def test_a_webhook_is_made_used_and_removed(world: World, client: TestClient) -> None:
    made = client.post(PLACE, json=wanted(world))
    assert made.status_code == 201
    secret, place = made.json()["secret"], f"{PLACE}/{made.json()['id']}"
    assert secret.startswith("whsec_")
    assert "secret" not in client.get(place).json()
    assert secret not in client.get(PLACE).text
    world.invoice("2026-1")
    world.sender.one(made.json()["id"])
    assert world.receiver.types == ["invoice.received"]
    (delivery,) = client.get(f"{place}/deliveries").json()["items"]
    assert (delivery["state"], delivery["type"]) == ("delivered", "invoice.received")
    assert client.post(f"{place}/secret", json={}).json()["secret"] != secret
    replay = client.post(f"{place}/replay", json={"since": delivery["event"]})
    assert replay.status_code == 202
    world.sender.one(made.json()["id"])
    assert world.receiver.types == ["invoice.received"] * 2
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404
    with world.gateway.database.read() as connection:
        entries = list(journal.entries(connection))
    told = [one.event for one in entries if one.event.startswith("webhook ") and one.actor != "gateway"]
    assert told == ["webhook added", "webhook secret renewed", "webhook replay", "webhook ended"]


@pytest.mark.parametrize(
    "more",
    [
        {"url": "http://hooks.example.com/"},
        {"url": "https://127.0.0.1/"},
        {"url": "https://user:s3same@hooks.example.com/"},
        {"url": "nowhere"},
        {"events": []},
        {"events": ["invoice.eaten"]},
        {"companies": ["nobody"]},
        {"name": ""},
        {"extra": 1},
    ],
)
def test_what_cannot_be_is_refused_in_words(world: World, client: TestClient, more: dict[str, Any]) -> None:
    answer = client.post(PLACE, json=wanted(world, **more))
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert "s3same" not in answer.text


def test_one_of_the_config_folder_is_changed_there_only(client: TestClient) -> None:
    assert client.get(f"{PLACE}/{ID}").json()["configured"] is True
    assert client.delete(f"{PLACE}/{ID}").status_code == 409
    assert client.post(f"{PLACE}/{ID}/secret", json={}).status_code == 409


def test_an_event_that_is_none_cannot_be_sent_again(client: TestClient) -> None:
    assert client.post(f"{PLACE}/{ID}/replay", json={"since": "evt-99-0"}).status_code == 422


def test_the_description_says_what_receivers_are_sent(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert "event" in described["webhooks"]


@pytest.mark.parametrize("state", ["", "delivered", "waiting"])
def test_all_events_of_a_webhook_are_reached_page_by_page(
    world: World, client: TestClient, state: str
) -> None:
    """Newest first, each once, of one state or of all; what happens meanwhile moves nobody's place."""
    made = client.post(PLACE, json=wanted(world, events=["invoice.received"])).json()["id"]
    for number in range(12):
        world.invoice(f"2026-{number}")
    world.sender.one(made)
    for number in range(12, 17):
        world.invoice(f"2026-{number}")
    world.receiver.answers = [(503, {}, b"")] * 5
    world.sender.one(made)
    every = [seq(one) for one in page(client, made, size=500)["items"]]
    assert every == sorted(every, reverse=True)
    assert len(every) == 17
    expected = {"": every, "delivered": every[5:], "waiting": every[:5]}[state]
    found: list[int] = []
    after = 0
    for _ in range(10):
        told = page(client, made, size=5, after=after, **({"state": state} if state else {}))
        assert len(told["items"]) <= 5
        found += [seq(one) for one in told["items"]]
        after = told["next"]
        if not after:
            break
        world.invoice(f"meanwhile-{after}")
        world.sender.one(made)
    assert found == expected


def seq(delivery: dict[str, Any]) -> int:
    """The entry of the journal that an event is about."""
    return int(delivery["event"].split("-")[1])


def page(client: TestClient, webhook: str, **asked: Any) -> dict[str, Any]:
    answer = client.get(f"{PLACE}/{webhook}/deliveries", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("asked", [{"after": "x"}, {"after": 2**70}, {"size": 0}, {"size": 501}])
def test_a_page_that_is_none_is_refused(client: TestClient, asked: dict[str, Any]) -> None:
    assert client.get(f"{PLACE}/{ID}/deliveries", params=asked).status_code == 422
