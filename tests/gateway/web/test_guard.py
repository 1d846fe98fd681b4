"""Who may call what: a decision for each route, and nobody gets past it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from connectors.budget import CallLimit
from gateway.access.rights import ALL_COMPANIES, RIGHTS, Right, Role
from gateway.store import people, tokens
from gateway.web.decisions import DECISIONS, Way
from tests.gateway.web.conftest import Web


def routes(holder: Any) -> Iterator[APIRoute]:
    for route in holder.routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from routes(route.original_router)


def names(web: Web) -> set[str]:
    app = web.client.app
    assert isinstance(app, FastAPI)
    return {
        f"{method} {route.path}" for route in routes(app) for method in (route.methods or set()) - {"HEAD"}
    }


def test_every_route_has_a_decision_and_every_decision_a_route(web: Web) -> None:
    assert names(web) == set(DECISIONS) - {"GET /api/v1/openapi.json"}


def test_a_route_that_nobody_decided_on_answers_nobody(web: Web) -> None:
    forgotten = APIRouter()

    @forgotten.get("/forgotten")
    async def told() -> str:
        return "something"

    app = web.client.app
    assert isinstance(app, FastAPI)
    app.include_router(forgotten)
    web.add("it", {ALL_COMPANIES: Role.ADMINISTRATOR})
    answer = web.client.get("/forgotten", headers=web.headers("it"))
    assert answer.status_code == 403
    assert "something" not in answer.text


def test_each_decision_about_people_names_the_right_that_is_needed() -> None:
    for name, decision in DECISIONS.items():
        assert (decision.right is not None) == (decision.way is Way.ACTOR), name


@pytest.mark.parametrize("role", list(Role))
def test_each_route_for_people_lets_in_whom_it_should(web: Web, role: Role) -> None:
    """The whole table: each route with each role, for one company and for all."""
    web.add("one", {"vandael": role})
    web.add("all", {ALL_COMPANIES: role})
    for name, decision in DECISIONS.items():
        if decision.way is not Way.ACTOR or decision.right is None:
            continue
        method, _, path = name.partition(" ")
        may = decision.right in RIGHTS[role]
        for who, lets in (("one", may and not decision.everywhere), ("all", may)):
            headers = {**web.headers(who), "X-Form-Token": web.form_token(who)}
            answer = web.client.request(method, _somewhere(path), headers=headers)
            assert (answer.status_code != 403) is lets, (name, role, who, answer.status_code)


def test_without_a_session_a_page_leads_to_the_sign_in_and_back(web: Web) -> None:
    for name, decision in DECISIONS.items():
        method, _, path = name.partition(" ")
        if decision.way is not Way.ACTOR or method != "GET":
            continue
        place = _somewhere(path)
        page = web.client.get(place, headers={"Accept": "text/html"})
        if path.startswith("/api/"):
            assert page.status_code == 401, name
        else:
            assert page.status_code == 303, name
            assert page.headers["location"].startswith("/sign-in"), name
        assert web.client.get(place).status_code == 401, name


def test_a_form_of_another_page_changes_nothing(web: Web) -> None:
    web.add("finance", {ALL_COMPANIES: Role.FINANCE})
    for name, decision in DECISIONS.items():
        method, _, path = name.partition(" ")
        if decision.way is not Way.ACTOR or method == "GET" or decision.right not in RIGHTS[Role.FINANCE]:
            continue
        headers = web.headers("finance")
        right = {**headers, "X-Form-Token": web.form_token("finance")}
        elsewhere = {**right, "Origin": "https://elsewhere.example"}
        assert web.client.request(method, _somewhere(path), headers=headers).status_code == 403, name
        assert web.client.request(method, _somewhere(path), headers=elsewhere).status_code == 403, name


def test_a_token_may_what_its_scopes_say(web: Web) -> None:
    now = web.gateway.clock()
    scopes = {ALL_COMPANIES: frozenset({Right.PUSH_DOCUMENTS})}
    with web.gateway.database.begin() as connection:
        _, shown = tokens.make(
            connection, "shop", scopes, made_by="it", ends_at=now + timedelta(days=1), now=now
        )
    for name, decision in DECISIONS.items():
        method, _, path = name.partition(" ")
        if decision.way is Way.ACTOR and decision.right is not Right.PUSH_DOCUMENTS:
            answer = web.client.request(
                method, _somewhere(path), headers={"Authorization": f"Bearer {shown}"}
            )
            assert answer.status_code == 403, name


def test_a_token_opens_no_page_whatever_its_scopes_and_no_page_changes_anything_for_it(web: Web) -> None:
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        scopes = {ALL_COMPANIES: frozenset(Right)}
        _, shown = tokens.make(
            connection, "all", scopes, made_by="it", ends_at=now + timedelta(days=1), now=now
        )
    for name, decision in DECISIONS.items():
        method, _, path = name.partition(" ")
        if decision.way is not Way.ACTOR:
            continue
        for_programs = path.startswith("/api/v1/") or path == "/metrics"
        for accept in ("application/json", "text/html"):
            headers = {"Authorization": f"Bearer {shown}", "Accept": accept}
            answer = web.client.request(method, _somewhere(path), headers=headers)
            assert (answer.status_code != 403) is for_programs, (name, accept, answer.status_code)
    form = {"login": "mallory", "name": "Mallory", "role": "administrator"}
    web.client.post("/people", headers={"Authorization": f"Bearer {shown}"}, data=form)
    with web.gateway.database.read() as connection:
        assert people.by_login(connection, "mallory") is None


def test_links_for_buyers_need_the_right_to_share() -> None:
    shared = {name: decision for name, decision in DECISIONS.items() if "/links" in name}
    assert len(shared) == 5
    assert {decision.right for decision in shared.values()} == {Right.SHARE_WITH_BUYERS}


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.FINANCE, Role.COMPLIANCE])
def test_one_companys_people_see_no_tenants_which_may_be_anothers(web: Web, role: Role) -> None:
    web.gateway.budgets.ledger("Northern Light 4711", (CallLimit("day", 100, 86_400),)).spend()
    web.add("one", {"vandael": role})
    web.add("all", {ALL_COMPANIES: role})
    one = web.client.get("/api/v1/budgets", headers=web.headers("one"))
    assert one.status_code == 403
    assert "4711" not in one.text
    assert "4711" in web.client.get("/api/v1/budgets", headers=web.headers("all")).text


def test_an_address_with_a_stroke_too_many_leads_nowhere(web: Web) -> None:
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    answer = web.client.get("/invoices/", headers={**web.headers("marit"), "Host": "evil.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [
        ("/p/nothing", "https://elsewhere.example", 403),
        # Pages of the portal keep their address to themselves, so browsers do not say where a form is.
        ("/p/nothing", "null", 404),
        ("/p/nothing", "https://testserver", 404),
        ("/sign-out", "https://elsewhere.example", 403),
        ("/sign-out", "null", 403),
        ("/sign-out", "https://testserver", 303),
    ],
)
def test_forms_without_a_session_come_from_our_own_pages_too(
    web: Web, path: str, origin: str, status: int
) -> None:
    assert web.client.post(path, headers={"Origin": origin}).status_code == status


@pytest.mark.parametrize("path", ["/health", "/sign-in", "/static/gateway.css", "/nowhere"])
def test_every_answer_carries_the_headers_that_protect_it(web: Web, path: str) -> None:
    headers = web.client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def _somewhere(path: str) -> str:
    """An address of this route; what it names is not there."""
    filled = path.replace("{path:path}", "x")
    while "{" in filled:
        start, _, rest = filled.partition("{")
        filled = f"{start}0{rest.partition('}')[2]}"
    return filled
