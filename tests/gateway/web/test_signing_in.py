"""The page that lets people in."""

from __future__ import annotations

import pytest

from gateway.access.rights import Role
from gateway.web.guard import COOKIE
from tests.gateway.web.conftest import PASSWORD, Web


def test_the_right_password_opens_the_page_that_was_asked_for(web: Web) -> None:
    web.add("marit@vandael.example", {"vandael": Role.FINANCE})
    form = {"login": "marit@vandael.example", "password": PASSWORD, "next": "/invoices?state=parked"}
    answer = web.client.post("/sign-in", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/invoices?state=parked"
    cookie = answer.headers["set-cookie"]
    for word in ("HttpOnly", "Secure", "SameSite=lax"):
        assert word in cookie


@pytest.mark.parametrize(
    "next_", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:x"]
)
def test_nobody_is_sent_to_another_site(web: Web, next_: str) -> None:
    web.add("marit@vandael.example", {"vandael": Role.FINANCE})
    form = {"login": "marit@vandael.example", "password": PASSWORD, "next": next_}
    assert web.client.post("/sign-in", data=form).headers["location"] == "/"


def test_a_wrong_password_says_how_many_tries_are_left_and_is_not_shown_again(web: Web) -> None:
    answer = web.client.post("/sign-in", data={"login": "somebody", "password": "wrong-password-typed"})
    assert answer.status_code == 401
    assert "After 4 more tries" in answer.text
    assert "wrong-password-typed" not in answer.text
    assert 'value="somebody"' in answer.text
    assert COOKIE not in answer.headers.get("set-cookie", "")


def test_after_five_wrong_tries_the_page_says_until_when(web: Web) -> None:
    for _ in range(4):
        web.client.post("/sign-in", data={"login": "somebody", "password": "wrong"})
    answer = web.client.post("/sign-in", data={"login": "somebody", "password": "wrong"})
    assert answer.status_code == 429
    assert "rests until" in answer.text


def test_a_page_of_somebody_else_signs_nobody_in(web: Web) -> None:
    web.add("marit@vandael.example", {"vandael": Role.FINANCE})
    form = {"login": "marit@vandael.example", "password": PASSWORD}
    for origin in ("https://elsewhere.example", "https://testserver.elsewhere.example", "null"):
        answer = web.client.post("/sign-in", data=form, headers={"Origin": origin})
        assert answer.status_code == 403, origin
        assert "set-cookie" not in answer.headers
    answer = web.client.post("/sign-in", data=form, headers={"Origin": "https://testserver"})
    assert answer.status_code == 303


def test_the_page_says_that_a_network_rests(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.access.sign_in.NETWORK_FAILURES", 2)
    tries = [
        web.client.post("/sign-in", data={"login": f"somebody {n}", "password": "wrong"}) for n in range(3)
    ]
    assert [answer.status_code for answer in tries] == [401, 401, 429]
    assert "from your network" in tries[2].text


def test_what_was_typed_is_never_markup(web: Web) -> None:
    evil = '"><script>alert(1)</script>'
    answer = web.client.post("/sign-in", data={"login": evil, "password": "x", "next": evil})
    assert "<script>" not in answer.text


def test_signing_out_ends_the_session(web: Web) -> None:
    web.add("marit@vandael.example", {"vandael": Role.FINANCE})
    headers = web.headers("marit@vandael.example")
    assert web.client.get("/sign-in", headers=headers).status_code == 303
    assert web.client.post("/sign-out", headers=headers).status_code == 303
    assert web.client.get("/sign-in", headers=headers).status_code == 200
