"""What opens an invoice and what does not; who makes links and ends them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from formats.errors import ConfigError
from gateway.access.rights import RIGHTS, Right, Role
from gateway.pipeline.submission import State
from gateway.portal.links import Links
from gateway.store import journal, portal_links, tokens
from gateway.store.tables import portal_links as rows
from tests.gateway.portal.conftest import Shared
from tests.gateway.portal.shared import EXACT, again, at_buyer, invoice, share
from tests.gateway.web.conftest import Web


def find(web: Web, path: str, after: timedelta = timedelta(0)) -> object:
    with web.gateway.database.read() as connection:
        shown = path.removeprefix("/p/")
        return Links(web.gateway).find(connection, shown, now=web.gateway.clock() + after)


def test_a_link_opens_its_invoice_until_its_end(shared: Shared) -> None:
    assert find(shared.web, shared.path) == shared.link
    assert find(shared.web, shared.path, timedelta(days=89)) == shared.link
    assert find(shared.web, shared.path, timedelta(days=91)) is None


@pytest.mark.parametrize(
    "shown",
    ["", "x", "-" * 65, "\0" * 65, "é" * 65, "a" * 5000, "../../etc/passwd"],
    ids=["empty", "short", "shape", "nul", "accents", "long", "path"],
)
def test_what_was_never_a_link_opens_nothing(shared: Shared, shown: str) -> None:
    assert find(shared.web, shown) is None


def test_a_changed_sign_opens_nothing(shared: Shared) -> None:
    for place in (3, 9, 25, 60):
        sign = "A" if shared.path[place] != "A" else "B"
        assert find(shared.web, shared.path[:place] + sign + shared.path[place + 1 :]) is None


def test_the_signature_of_one_link_does_not_fit_another(shared: Shared) -> None:
    _, other = share(shared.web.gateway, shared.one)
    assert find(shared.web, shared.path[:25] + other[25:]) is None


@pytest.mark.parametrize("column", ["submission", "ends_at"])
def test_a_row_that_somebody_changed_no_longer_fits_its_address(shared: Shared, column: str) -> None:
    later = shared.link.ends_at + timedelta(days=900)
    changed = {"submission": "another invoice", "ends_at": later}[column]
    with shared.web.gateway.database.begin() as connection:
        here = rows.c.id == shared.link.id
        connection.execute(update(rows).where(here).values({column: changed}))
    assert find(shared.web, shared.path) is None


def test_the_key_is_not_in_the_database(shared: Shared) -> None:
    secret = shared.web.gateway.settings.folder / "secrets" / "web-key"
    kept = secret.read_text("utf-8")
    secret.write_text("another key of more than thirty-two signs\n", "utf-8")
    try:
        assert find(shared.web, shared.path) is None
    finally:
        secret.write_text(kept, "utf-8")


def test_a_revoked_link_opens_nothing_and_the_record_says_who(shared: Shared) -> None:
    links, gateway = Links(shared.web.gateway), shared.web.gateway
    with gateway.database.begin() as connection:
        assert links.revoke(connection, shared.link, by="marit", now=gateway.clock())
        assert not links.revoke(connection, shared.link, by="marit", now=gateway.clock())
        entries = [e for e in journal.entries(connection, submission=shared.one.id) if "portal" in e.event]
    assert find(shared.web, shared.path) is None
    assert [(e.event, e.actor) for e in entries] == [
        ("portal link made", "marit"),
        ("portal link revoked", "marit"),
    ]
    # Neither address nor signature: whoever reads the record cannot open the invoice.
    assert shared.path[25:] not in "".join(e.data for e in entries)


@pytest.mark.parametrize("state", [State.MAPPED, State.SUPERSEDED])
def test_what_no_buyer_should_see_is_not_shared(web: Web, state: State) -> None:
    today = web.gateway.clock().date()
    one = at_buyer(web.gateway, invoice("2026-2", today=today), state=State.DELIVERED)
    if state is State.SUPERSEDED:
        one = at_buyer(web.gateway, invoice("2026-3", today=today), state=state)
    else:
        one = replace(one, state=state, document_digest="")
    with pytest.raises(ConfigError, match="nothing to show"):
        share(web.gateway, one)


@pytest.mark.parametrize("days", [-1, 731])
def test_a_link_holds_for_a_day_to_two_years(shared: Shared, days: int) -> None:
    with pytest.raises(ConfigError, match="cannot hold"):
        share(shared.web.gateway, shared.one, days=days)


def test_the_console_makes_shows_and_revokes_a_link(shared: Shared) -> None:
    web = shared.web
    page = f"/invoices/{shared.one.id}"

    def post(who: str, path: str) -> int:
        form = {"form_token": web.form_token(who)}
        return web.client.post(path, headers=web.headers(who), data=form).status_code

    assert post("vera", f"{page}/links") == 403
    assert post("marit", f"{page}/links") == 303
    with web.gateway.database.read() as connection:
        new, _ = portal_links.of(connection, shared.one.id)
        made = list(journal.entries(connection, submission=shared.one.id, event="portal link made"))[-1]
    assert made.actor.startswith("marit")
    seen = web.client.get(page, headers=web.headers("marit")).text
    assert Links(web.gateway).address(new) in seen
    # Who may only look at invoices must not be able to speak for the buyer.
    assert "/p/" not in web.client.get(page, headers=web.headers("vera")).text
    assert post("vera", f"{page}/links/{new.id}/revoke") == 403
    assert post("marit", f"{page}/links/{new.id}/revoke") == 303
    assert Links(web.gateway).address(new) not in web.client.get(page, headers=web.headers("marit")).text


def test_who_acts_on_an_invoice_and_may_not_share_it_learns_and_makes_no_link(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, page = shared.web, f"/invoices/{shared.one.id}"
    assert "/p/" in web.client.get(page, headers=web.headers("marit")).text
    fewer = {**RIGHTS, Role.FINANCE: RIGHTS[Role.FINANCE] - {Right.SHARE_WITH_BUYERS}}
    monkeypatch.setattr("gateway.store.people.RIGHTS", fewer)
    assert "/p/" not in web.client.get(page, headers=web.headers("marit")).text
    for path in (f"{page}/links", f"{page}/links/{shared.link.id}/revoke"):
        form = {"form_token": web.form_token("marit")}
        assert web.client.post(path, headers=web.headers("marit"), data=form).status_code == 403
    assert find(web, shared.path) is not None


def test_another_invoices_link_cannot_be_revoked_from_here(shared: Shared) -> None:
    web = shared.web
    other = at_buyer(web.gateway, invoice("2026-5", today=web.gateway.clock().date()))
    form = {"form_token": web.form_token("marit")}
    path = f"/invoices/{other.id}/links/{shared.link.id}/revoke"
    assert web.client.post(path, headers=web.headers("marit"), data=form).status_code == 404
    assert find(web, shared.path) is not None


def _token(web: Web, company: str, role: Role) -> dict[str, str]:
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        _, shown = tokens.make(
            connection,
            "shop",
            {company: RIGHTS[role]},
            made_by="it",
            ends_at=now + timedelta(days=1),
            now=now,
        )
    return {"Authorization": f"Bearer {shown}"}


def test_a_program_makes_lists_and_revokes_links(shared: Shared) -> None:
    web, headers = shared.web, _token(shared.web, "vandael", Role.FINANCE)
    place = f"/api/v1/invoices/{shared.one.id}/links"
    made = web.client.post(place, headers=headers, json={"days": 7})
    assert made.status_code == 201
    told = made.json()
    assert told["holds"]
    assert told["openings"] == 0
    assert web.client.get(told["url"][told["url"].index("/p/") :]).status_code == 200
    listed = web.client.get(place, headers=headers).json()["items"]
    assert [one["id"] for one in listed] == [told["id"], shared.link.id]
    assert listed[0]["openings"] == 1
    assert web.client.delete(f"{place}/{told['id']}", headers=headers).status_code == 204
    after = web.client.get(place, headers=headers).json()["items"][0]
    assert (after["holds"], after["url"]) == (False, "")
    assert web.client.delete(f"{place}/nothing", headers=headers).status_code == 404
    assert web.client.post(place, headers=headers, json={"days": 0}).status_code == 422
    assert web.client.post(place, headers=headers).status_code == 201


def test_a_program_of_another_company_learns_nothing(shared: Shared) -> None:
    web, headers = shared.web, _token(shared.web, "nordlicht", Role.FINANCE)
    place = f"/api/v1/invoices/{shared.one.id}/links"
    for answer in (
        web.client.get(place, headers=headers),
        web.client.post(place, headers=headers),
        web.client.delete(f"{place}/{shared.link.id}", headers=headers),
    ):
        assert answer.status_code == 404
    assert find(web, shared.path) is not None


def test_a_program_that_may_only_look_gets_no_link(shared: Shared) -> None:
    headers = _token(shared.web, "vandael", Role.VIEWER)
    answer = shared.web.client.get(f"/api/v1/invoices/{shared.one.id}/links", headers=headers)
    assert answer.status_code == 403
    assert "/p/" not in answer.text


def test_what_cannot_be_shared_is_said_to_the_program(web: Web) -> None:
    today = web.gateway.clock().date()
    one = at_buyer(web.gateway, invoice("2026-3", today=today), source=EXACT, state=State.SUPERSEDED)
    assert again(web.gateway, one).state is State.SUPERSEDED
    answer = web.client.post(f"/api/v1/invoices/{one.id}/links", headers=_token(web, "vandael", Role.FINANCE))
    assert answer.status_code == 409
    assert "another revision" in json.dumps(answer.json())
