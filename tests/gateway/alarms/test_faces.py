"""Alarms on the page, in the API, on the command line and among the figures; each sees only their own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from gateway.access.rights import ALL_COMPANIES, Role
from gateway.cli.program import app
from gateway.store import alarms
from gateway.web.app import create_app
from tests.gateway.alarms.conftest import SOURCE, World
from tests.gateway.web.conftest import Web


@pytest.fixture
def web(world: World) -> Iterator[Web]:
    with TestClient(create_app(world.gateway), follow_redirects=False) as client:
        yield Web(world.gateway, client)


def test_a_clerk_sees_an_alarm_and_takes_it(world: World, web: Web) -> None:
    web.add("marit", {"vandael": Role.FINANCE})
    world.source_fails(8)
    (alarm,) = world.look()
    page = web.client.get("/alarms", headers=web.headers("marit"))
    assert "no answer within 5 seconds" in page.text
    assert 'href="/alarms"' in web.client.get("/overview", headers=web.headers("marit")).text
    form = {"reason": "upgrade until noon", "form_token": web.form_token("marit")}
    done = web.client.post(f"/alarms/{alarm.id}/take", data=form, headers=web.headers("marit"))
    assert done.headers["location"] == "/alarms?done=alarm-taken"
    page = web.client.get("/alarms?done=alarm-taken", headers=web.headers("marit"))
    assert "upgrade until noon" in page.text
    with world.gateway.database.read() as connection:
        taken = alarms.get(connection, alarm.id)
    assert taken is not None
    assert taken.taken_by.startswith("marit")


def test_alarms_of_other_companies_are_neither_seen_nor_taken(world: World, web: Web) -> None:
    web.add("other", {"nordlicht": Role.FINANCE})
    world.source_fails(8)
    (alarm,) = world.look()
    assert SOURCE not in web.client.get("/alarms", headers=web.headers("other")).text
    assert web.client.get("/api/v1/alarms", headers=web.headers("other")).json()["items"] == []
    headers = {**web.headers("other"), "X-Form-Token": web.form_token("other")}
    assert web.client.post(f"/api/v1/alarms/{alarm.id}/take", json={}, headers=headers).status_code == 404
    assert web.client.post(f"/alarms/{alarm.id}/take", headers=headers).status_code == 404


def test_compliance_sees_and_changes_nothing(world: World, web: Web) -> None:
    web.add("ine", {ALL_COMPANIES: Role.COMPLIANCE})
    world.source_fails(8)
    (alarm,) = world.look()
    assert "/take" not in web.client.get("/alarms", headers=web.headers("ine")).text
    headers = {**web.headers("ine"), "X-Form-Token": web.form_token("ine")}
    assert web.client.post(f"/api/v1/alarms/{alarm.id}/take", json={}, headers=headers).status_code == 403


def test_the_api_tells_alarms_and_counts(world: World, web: Web) -> None:
    web.add("it", {ALL_COMPANIES: Role.ADMINISTRATOR})
    world.source_fails(8)
    (alarm,) = world.look()
    (told,) = web.client.get("/api/v1/alarms", headers=web.headers("it")).json()["items"]
    assert (told["id"], told["kind"], told["taken_by"]) == (alarm.id, "source", "")
    counts = web.client.get("/api/v1/counts", headers=web.headers("it")).json()
    assert {one["source"] for one in counts} == {one.name for one in world.gateway.settings.sources}
    headers = {**web.headers("it"), "X-Form-Token": web.form_token("it")}
    assert web.client.post(f"/api/v1/alarms/{alarm.id}/take", json={}, headers=headers).status_code == 200
    assert web.client.post(f"/api/v1/alarms/{alarm.id}/take", json={}, headers=headers).status_code == 409
    figures = web.client.get("/metrics", headers=web.headers("it")).text
    assert 'gateway_alarms{kind="source"} 1.0' in figures
    assert 'gateway_alarms{kind="disk"} 0.0' in figures
    world.source_is_well()
    world.look()
    assert web.client.get("/api/v1/alarms", headers=web.headers("it")).json()["items"] == []
    over = web.client.get("/api/v1/alarms?ended_hours=1&size=1", headers=web.headers("it")).json()
    assert (len(over["items"]), over["next"]) == (1, "")


def call(world: World, *arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, ["--config", str(world.config), "alarms", *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == status, done.output
    return done.output


def test_the_command_ends_with_1_where_an_alarm_is_open(world: World) -> None:
    assert "No alarm is open" in call(world)
    world.source_fails(8)
    world.look()
    (told,) = json.loads(call(world, "--json", status=1))
    assert told["subject"] == SOURCE
    assert "noted" in call(world, "take", told["id"][:8], "--by", "Marit")
    assert "Marit" in call(world, status=1)
    assert SOURCE in call(world, "counts")


def raise_many(world: World, number: int) -> list[str]:
    """So many alarms, some of them at the same moment; their ids, as the list has them: the oldest first."""
    made = []
    with world.gateway.database.begin() as connection:
        for place in range(number):
            since = world.now - timedelta(minutes=number - place // 3)
            name = f"s{place:03}"
            words = {
                "sentence": f"The channel {name} takes nothing: no answer within 5 seconds",
                "fix": f"gateway check {name} says what is wrong; what waits goes out by itself afterwards",
            }
            made.append(
                alarms.raise_one(
                    connection,
                    kind="silence",
                    subject=name,
                    company="vandael",
                    level=0,
                    since=since,
                    now=world.now,
                    **words,
                )
            )
    return [one.id for one in sorted(made, key=lambda one: (one.since, one.id))]


def end_all(world: World) -> None:
    """All alarms are over, three at a time at the same moment."""
    with world.gateway.database.begin() as connection:
        for place, one in enumerate(alarms.open_ones(connection)):
            alarms.end(connection, one, now=world.now + timedelta(seconds=place // 3))
    world.pass_(minutes=10)


def test_the_interface_gives_all_alarms_page_by_page(world: World, web: Web) -> None:
    """Each once, also those that were over at the same moment; those that are open on the first page."""
    web.add("it", {ALL_COMPANIES: Role.ADMINISTRATOR})
    ended = raise_many(world, 25)
    end_all(world)
    still = raise_many(world, 7)
    found: list[str] = []
    after, pages = "", 0
    while after or not pages:
        asked: dict[str, str | int] = {"ended_hours": 1, "size": 10, "after": after}
        page = web.client.get("/api/v1/alarms", params=asked, headers=web.headers("it")).json()
        found += [one["id"] for one in page["items"]]
        after, pages = page["next"], pages + 1
    assert pages == 3
    assert found[:7] == still
    assert sorted(found[7:]) == sorted(ended)
    answer = web.client.get("/api/v1/alarms?after=nowhere", headers=web.headers("it"))
    assert answer.status_code == 422


def links(page: str) -> dict[str, str]:
    """Where the buttons between pages lead."""
    found = re.findall(r'<a class="btn" href="(/alarms[^"]*)">([^<]+)</a>', page)
    return {words: unescape(address) for address, words in found}


def test_the_console_shows_open_alarms_page_by_page(world: World, web: Web) -> None:
    web.add("it", {ALL_COMPANIES: Role.ADMINISTRATOR})
    raise_many(world, 230)
    seen: list[str] = []
    sizes: list[int] = []
    address = "/alarms"
    while address:
        page = web.client.get(address, headers=web.headers("it")).text
        assert "230 alarms are open." in page
        shown = re.findall(r"The channel s(\d{3}) takes nothing", page)
        seen, sizes = seen + shown, [*sizes, len(shown)]
        address = links(page).get("Next page", "")
    assert sizes == [100, 100, 30]
    assert len(set(seen)) == 230


def test_the_console_goes_back_through_alarms_that_are_over(world: World, web: Web) -> None:
    web.add("it", {ALL_COMPANIES: Role.ADMINISTRATOR})
    raise_many(world, 45)
    end_all(world)
    seen: list[str] = []
    sizes: list[int] = []
    address = "/alarms"
    while address:
        page = web.client.get(address, headers=web.headers("it")).text
        shown = re.findall(r"</span> (s\d{3}) <span", page)
        seen, sizes = seen + shown, [*sizes, len(shown)]
        address = links(page).get("Earlier", "")
    assert sizes == [20, 20, 5]
    assert len(set(seen)) == 45
    assert links(page)["First page"] == "/alarms#over"
