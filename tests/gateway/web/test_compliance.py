"""Compliance reads everything and changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.access.rights import ALL_COMPANIES, RIGHTS, Right, Role
from gateway.store import tokens
from gateway.web.decisions import DECISIONS, Way
from tests.gateway.web.conftest import Web


@pytest.fixture
def carla(web: Web) -> dict[str, str]:
    web.add("ingrid", {ALL_COMPANIES: Role.ADMINISTRATOR})
    web.add("carla", {ALL_COMPANIES: Role.COMPLIANCE})
    return web.headers("carla")


def test_every_right_to_read_is_held_and_no_other_but_to_take_evidence_along() -> None:
    reading = {right for right in Right if right.value.endswith(":read")}
    assert RIGHTS[Role.COMPLIANCE] == reading | {Right.EXPORT_EVIDENCE}


def test_every_page_that_shows_something_opens(web: Web, carla: dict[str, str]) -> None:
    for name, decision in DECISIONS.items():
        method, _, path = name.partition(" ")
        # A page that is nothing but a form is not for reading.
        if decision.way is not Way.ACTOR or method != "GET" or path == "/sources/new":
            continue
        if decision.right is Right.SHARE_WITH_BUYERS:  # an address that opens an invoice is no reading matter
            continue
        if "{" not in path:
            # The try-out answers a question, and without one it says what is missing.
            asked = {"source": web.gateway.settings.sources[0].name} if path.endswith("/routes/try") else {}
            assert web.client.get(path, headers=carla, params=asked).status_code == 200, name


@pytest.mark.parametrize("place", ["/changes", "/people", "/tokens"])
def test_no_form_of_these_pages_is_shown(web: Web, carla: dict[str, str], place: str) -> None:
    page = web.client.get(place, headers=carla).text
    forms = [part.partition(">")[0] for part in page.split("<form")[1:]]
    assert all('action="/sign-out"' in form or 'method="post"' not in form for form in forms), forms
    if place == "/people":
        person = page.partition('href="/people/')[2].partition('"')[0]
        one = web.client.get(f"/people/{person}", headers=carla).text
        assert f"/people/{person}/" not in one


def test_tokens_of_others_are_listed_without_what_they_show_and_cannot_be_ended(
    web: Web, carla: dict[str, str]
) -> None:
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        scopes = {ALL_COMPANIES: frozenset({Right.SEE_INVOICES})}
        made, shown = tokens.make(
            connection, "shop", scopes, made_by="it", ends_at=now + timedelta(days=1), now=now
        )
    for place in ("/tokens", "/api/v1/tokens"):
        answer = web.client.get(place, headers=carla)
        assert "shop" in answer.text
        assert shown not in answer.text
    headers = {**carla, "X-Form-Token": web.form_token("carla")}
    assert web.client.post(f"/tokens/{made}/end", headers=headers).status_code == 403
    assert web.client.delete(f"/api/v1/tokens/{made}", headers=headers).status_code == 403
    assert "shop" not in web.client.get("/api/v1/tokens", headers=_viewer(web)).text


def _viewer(web: Web) -> dict[str, str]:
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    return web.headers("marit")
