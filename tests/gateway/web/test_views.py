"""Views that people keep of the invoice list: their own, named, and only what a list can be asked for."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from gateway.access.rights import ALL_COMPANIES, Role
from gateway.store import views
from gateway.store.tables import saved_views
from tests.gateway.web.conftest import Web


@pytest.fixture
def signed_in(web: Web) -> Web:
    for name, role in (("marit", Role.FINANCE), ("joris", Role.VIEWER)):
        web.add(name, {ALL_COMPANIES: role})
    return web


def keep(web: Web, name: str, view: str, question: str) -> tuple[int, str]:
    form = {"form_token": web.form_token(name), "name": view, "question": question}
    answer = web.client.post("/invoices/views", data=form, headers=web.headers(name))
    return answer.status_code, answer.headers.get("location", "") or answer.text


def page(web: Web, name: str, address: str = "/invoices") -> str:
    return web.client.get(address, headers=web.headers(name)).text


def test_a_kept_list_is_found_again_by_its_owner_alone(signed_in: Web) -> None:
    status, place = keep(signed_in, "marit", " Large  and stopped ", "state=stopped&least=10.000&sort=amount")
    assert (status, place) == (303, "/invoices?state=stopped&least=10.000&sort=amount&down=1&done=view-kept")
    address = 'href="/invoices?state=stopped&amp;least=10.000&amp;sort=amount&amp;down=1"'
    assert f"<a {address}>Large and stopped</a>" in page(signed_in, "marit")
    assert "Large and stopped" not in page(signed_in, "joris")


def test_the_same_name_holds_the_later_list_and_a_forgotten_one_is_gone(signed_in: Web) -> None:
    for question in ("state=paid", "state=disputed"):
        assert keep(signed_in, "marit", "Mine", question)[0] == 303
    with signed_in.gateway.database.read() as connection:
        sessions = signed_in.form_token("marit")
        (person,) = connection.scalars(select(saved_views.c.person))
        (kept,) = views.of(connection, person)
    assert kept.question == "state=disputed"
    form = {"form_token": sessions}
    address = f"/invoices/views/{kept.id}/remove"
    others = {"form_token": signed_in.form_token("joris")}
    assert signed_in.client.post(address, data=others, headers=signed_in.headers("joris")).status_code == 303
    assert ">Mine</a>" in page(signed_in, "marit"), "another person's click removes nothing"
    assert signed_in.client.post(address, data=form, headers=signed_in.headers("marit")).status_code == 303
    assert ">Mine</a>" not in page(signed_in, "marit")


def test_what_no_list_can_be_asked_for_is_not_kept(signed_in: Web) -> None:
    """Neither an address elsewhere nor the place of a page is."""
    assert keep(signed_in, "marit", "Odd", "//elsewhere.example&state=paid&after=abc&x=1")[0] == 303
    assert 'href="/invoices?state=paid">Odd</a>' in page(signed_in, "marit", "/invoices?q=none")


@pytest.mark.parametrize(
    ("name", "question", "told"),
    [
        ("", "state=paid", "needs a name"),
        ("x" * 41, "state=paid", "needs a name"),
        ("All", "", "always there"),
    ],
)
def test_a_view_that_cannot_be_kept_says_why(signed_in: Web, name: str, question: str, told: str) -> None:
    status, text = keep(signed_in, "marit", name, question)
    assert status == 422
    assert told in text


def test_there_is_an_end_to_views(signed_in: Web) -> None:
    for number in range(views.MOST):
        assert keep(signed_in, "marit", f"View {number}", "state=paid")[0] == 303
    assert keep(signed_in, "marit", "One more", "state=paid")[0] == 422
    assert keep(signed_in, "marit", "View 3", "state=disputed")[0] == 303
