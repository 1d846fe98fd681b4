"""Account, tokens, people and new sources: what each may change, and what nobody may."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pyotp
import pytest
from fastapi.testclient import TestClient

from gateway import settings
from gateway.access.rights import ALL_COMPANIES, Role
from gateway.store import journal, people, sessions
from gateway.store.people import Person
from gateway.web.app import create_app
from gateway.web.decisions import DECISIONS, Way
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.web.conftest import PASSWORD, Web

NEW = "seven quiet lanterns"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, written: Path) -> Iterator[Web]:
    config = shutil.copytree(written, tmp_path_factory.mktemp("office") / "config")
    prepared.sqlite_copy(config / "gateway.db")
    with closing(Gateway.open(config)) as gateway:
        app = create_app(gateway)
        with TestClient(app, base_url="https://testserver", follow_redirects=False) as client:
            web = Web(gateway, client)
            web.add("ingrid", {ALL_COMPANIES: Role.ADMINISTRATOR})
            web.add("marit", {"vandael": Role.FINANCE})
            yield web


@pytest.fixture
def web(running: Web) -> Web:
    running.client.cookies.clear()
    return running


def enter(web: Web, name: str, password: str = PASSWORD, code: str = "") -> httpx2.Response:
    web.client.cookies.clear()
    answer = web.client.post("/sign-in", data={"login": name, "password": password, "code": code})
    web.client.cookies.clear()
    return answer


def ask(web: Web, name: str, place: str) -> httpx2.Response:
    web.client.cookies.clear()
    return web.client.get(place, headers=web.headers(name))


def send(web: Web, name: str, place: str, /, **form: object) -> httpx2.Response:
    web.client.cookies.clear()
    data = {"form_token": web.form_token(name), **form}
    answer = web.client.post(place, headers=web.headers(name), data=data)
    if (cookie := re.search(r"gateway_session=([^;]+)", answer.headers.get("set-cookie", ""))) is not None:
        web.cookies[name] = cookie[1]
    web.client.cookies.clear()
    return answer


def person(web: Web, login: str) -> Person:
    with web.gateway.database.read() as connection:
        found = people.by_login(connection, login)
    assert found is not None
    return found


def events(web: Web) -> list[tuple[str, str, str]]:
    with web.gateway.database.read() as connection:
        return [(one.event, one.actor, one.data) for one in journal.entries(connection)]


def enrol(web: Web, name: str) -> tuple[str, list[str]]:
    """The secret of a new second factor, and the recovery codes."""
    page = ask(web, name, "/account/second-factor").text
    sealed = re.search(r'name="sealed" value="([^"]+)"', page)
    secret = re.search(r'<code class="wrap">([A-Z2-7]+)</code>', page)
    assert sealed is not None
    assert secret is not None
    now = web.gateway.clock()
    code = pyotp.TOTP(secret[1]).at(now)
    answer = send(
        web, name, "/account/second-factor", sealed=html.unescape(sealed[1]), password=PASSWORD, code=code
    )
    codes = re.findall(r"<li><code>([^<]+)</code></li>", answer.text)
    return secret[1], codes


def test_a_second_factor_is_set_up_asked_for_and_removed(web: Web) -> None:
    web.add("joris", {"vandael": Role.VIEWER})
    page = ask(web, "joris", "/account/second-factor")
    assert "<svg" in page.text
    assert "style=" not in page.text
    secret, codes = enrol(web, "joris")
    assert len(codes) == 8
    assert secret not in person(web, "joris").totp
    assert "needs the code" in enter(web, "joris").text
    # The code of enrolling was used by it.
    assert enter(web, "joris", code=pyotp.TOTP(secret).at(web.gateway.clock())).status_code == 401
    assert enter(web, "joris", code=codes[0]).status_code == 303
    assert enter(web, "joris", code=codes[0]).status_code == 401
    assert ask(web, "joris", "/account/second-factor").status_code == 303
    wrong = send(web, "joris", "/account/second-factor/remove", password="wrong password", code=codes[1])
    assert wrong.status_code == 422
    assert person(web, "joris").totp
    removed = send(web, "joris", "/account/second-factor/remove", password=PASSWORD, code=codes[1])
    assert removed.status_code == 303
    assert enter(web, "joris").status_code == 303


def test_a_second_factor_needs_the_right_code_and_the_password_and_ones_own_form(web: Web) -> None:
    web.add("tess", {"vandael": Role.VIEWER})
    page = ask(web, "tess", "/account/second-factor").text
    sealed = html.unescape(re.findall(r'name="sealed" value="([^"]+)"', page)[0])
    secret = re.findall(r'<code class="wrap">([A-Z2-7]+)</code>', page)[0]
    code = pyotp.TOTP(secret).at(web.gateway.clock())
    place = "/account/second-factor"
    assert send(web, "tess", place, sealed=sealed, password=PASSWORD, code="000000").status_code == 422
    assert send(web, "tess", place, sealed=sealed, password="wrong", code=code).status_code == 422
    assert send(web, "marit", place, sealed=sealed, password=PASSWORD, code=code).status_code == 422
    assert not person(web, "tess").totp
    assert not person(web, "marit").totp


def test_who_must_have_a_second_factor_gets_nowhere_without(web: Web) -> None:
    web.add("ada", {"vandael": Role.FINANCE})
    one = person(web, "ada")
    place = f"/people/{one.id}/second-factor"
    assert send(web, "ingrid", place, act="require").status_code == 303
    assert ask(web, "ada", "/invoices").headers["location"] == "/account?first=factor"
    assert send(web, "ada", "/invoices/act", action="cancel").status_code == 303
    assert ask(web, "ada", "/account").status_code == 200
    _, codes = enrol(web, "ada")
    assert ask(web, "ada", "/invoices").status_code == 200
    # The phone is lost.
    assert send(web, "ingrid", place, act="reset").status_code == 303
    assert ask(web, "ada", "/invoices").headers["location"].startswith("/sign-in")
    assert enter(web, "ada", code=codes[0]).status_code == 303
    assert not person(web, "ada").totp


def test_a_new_password_ends_the_other_sessions(web: Web) -> None:
    web.add("nils", {"vandael": Role.VIEWER})
    old = web.headers("nils")
    place = "/account/password"
    for wrong in (
        {"current": "wrong password", "new": NEW, "again": NEW},
        {"current": PASSWORD, "new": NEW, "again": "another one entirely"},
        {"current": PASSWORD, "new": "short", "again": "short"},
        {"current": PASSWORD, "new": PASSWORD, "again": PASSWORD},
    ):
        assert send(web, "nils", place, **wrong).status_code == 422
    assert send(web, "nils", place, current=PASSWORD, new=NEW, again=NEW).status_code == 303
    assert ask(web, "nils", "/invoices").status_code == 200
    web.client.cookies.clear()
    assert web.client.get("/invoices", headers=old).status_code == 303
    assert enter(web, "nils").status_code == 401
    assert enter(web, "nils", NEW).status_code == 303
    assert not any(NEW in data or PASSWORD in data for _, _, data in events(web))


def test_wrong_passwords_on_the_account_page_count_like_those_at_the_door(web: Web) -> None:
    web.add("bo", {"vandael": Role.VIEWER})
    for _ in range(5):
        answer = send(web, "bo", "/account/password", current="wrong", new=NEW, again=NEW)
    assert "rests until" in answer.text
    assert enter(web, "bo").status_code == 429
    send(web, "ingrid", f"/people/{person(web, 'bo').id}/unlock")
    assert enter(web, "bo").status_code == 303


def test_a_person_is_let_in_with_a_first_password_and_chooses_their_own(web: Web) -> None:
    form = {"login": "Eva@vandael.example", "name": "Eva Bakker", "role": "finance", "company": ["vandael"]}
    shown = send(web, "ingrid", "/people", **form)
    password = re.findall(r'<code id="password">([^<]+)</code>', shown.text)[0]
    assert password not in ask(web, "ingrid", "/people").text
    login = "eva@vandael.example"
    assert person(web, login).roles == {"vandael": Role.FINANCE}
    answer = enter(web, login, password)
    web.cookies[login] = re.findall(r"gateway_session=([^;]+)", answer.headers["set-cookie"])[0]
    assert ask(web, login, "/").headers["location"] == "/account?first=password"
    assert send(web, login, "/account/password", current=password, new=NEW, again=NEW).status_code == 303
    assert ask(web, login, "/").status_code == 200
    told = [entry for entry in events(web) if entry[0] == "person added"]
    assert told[-1][1].startswith("ingrid (")
    assert not any(password in data for _, _, data in events(web))
    assert send(web, "ingrid", "/people", **form).status_code == 422


def test_roles_change_from_the_next_request_on_and_a_lock_ends_sessions(web: Web) -> None:
    web.add("sam", {"vandael": Role.FINANCE})
    one = person(web, "sam")
    form = {"company": ["*", "vandael", "nowhere"], "role": ["none", "viewer", "administrator"]}
    assert send(web, "ingrid", f"/people/{one.id}/roles", **form).status_code == 303
    assert person(web, "sam").roles == {"vandael": Role.VIEWER}
    assert ask(web, "sam", "/tokens").status_code == 403
    assert send(web, "ingrid", f"/people/{one.id}/lock").status_code == 303
    assert ask(web, "sam", "/").headers["location"].startswith("/sign-in")
    assert enter(web, "sam").status_code == 401
    assert send(web, "ingrid", f"/people/{one.id}/unlock").status_code == 303
    assert enter(web, "sam").status_code == 303
    assert send(web, "ingrid", f"/people/{one.id}/end").status_code == 303
    assert enter(web, "sam").status_code == 401


@pytest.mark.parametrize("act", ["lock", "end", "roles"])
def test_the_last_administrator_stays(web: Web, act: str) -> None:
    own = person(web, "ingrid")
    answer = send(web, "ingrid", f"/people/{own.id}/{act}", company=["*"], role=["viewer"])
    assert answer.status_code == 422
    assert "last administrator" in answer.text
    assert ask(web, "ingrid", "/people").status_code == 200


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_is_told_once_and_does_what_its_maker_may(web: Web) -> None:
    shown = send(web, "marit", "/tokens", name="warehouse", right=["invoices:read"], company=["vandael"])
    token = re.findall(r'id="token">(gw_[^<]+)</code>', shown.text)[0]
    page = ask(web, "marit", "/tokens").text
    assert "warehouse" in page
    assert token not in page
    assert "never" in page
    assert web.client.get("/api/v1/invoices", headers=bearer(token)).status_code == 200
    assert web.client.get("/api/v1/inbox", headers=bearer(token)).status_code == 403
    assert web.client.get("/account", headers=bearer(token)).status_code == 401
    listed = web.client.get("/api/v1/tokens", headers={**web.headers("marit"), "Accept": "application/json"})
    (mine,) = [one for one in listed.json()["items"] if one["name"] == "warehouse"]
    assert mine["used_at"] is not None
    assert "warehouse" not in ask(web, "ingrid", "/account").text
    assert not any(token in data for _, _, data in events(web))
    # Whoever manages people may end it; nobody else.
    web.add("eve", {"brightwater": Role.FINANCE})
    assert send(web, "eve", f"/tokens/{mine['id']}/end").status_code == 404
    assert send(web, "ingrid", f"/tokens/{mine['id']}/end").status_code == 303
    assert web.client.get("/api/v1/invoices", headers=bearer(token)).status_code == 401


@pytest.mark.parametrize(
    ("right", "company"),
    [
        ("people:write", "vandael"),
        ("invoices:read", "nordlicht"),
        ("invoices:read", ""),
        ("invoices:read", "?"),
    ],
)
def test_nobody_gives_a_token_more_than_they_have(web: Web, right: str, company: str) -> None:
    form: dict[str, object] = {"name": "more", "right": [right]}
    if company:
        form["company"] = [company]
    assert send(web, "marit", "/tokens", **form).status_code == 422


def made(web: Web, headers: dict[str, str], **wanted: object) -> httpx2.Response:
    return web.client.post("/api/v1/tokens", headers=headers, json={"name": "by program", **wanted})


def test_a_token_makes_tokens_within_its_own_and_they_end_with_it(web: Web) -> None:
    headers = {"Cookie": web.headers("marit")["Cookie"], "X-Form-Token": web.form_token("marit")}
    scopes = ["invoices:read", "tokens:write"]
    first = made(web, headers, scopes=scopes, companies=["vandael"], days=10)
    assert first.status_code == 201
    parent = bearer(first.json()["token"])
    assert made(web, parent, scopes=["invoices:act"], companies=["vandael"]).status_code == 422
    child = made(web, parent, scopes=["invoices:read"], companies=["vandael"], days=90)
    assert child.status_code == 201
    assert child.json()["ends_at"] == first.json()["ends_at"]
    assert web.client.get("/api/v1/invoices", headers=bearer(child.json()["token"])).status_code == 200
    ended = web.client.delete(f"/api/v1/tokens/{first.json()['id']}", headers=parent)
    assert ended.status_code == 204
    assert web.client.get("/api/v1/invoices", headers=bearer(child.json()["token"])).status_code == 401


def test_a_token_loses_what_its_maker_loses(web: Web) -> None:
    web.add("lee", {"vandael": Role.FINANCE})
    headers = {"Cookie": web.headers("lee")["Cookie"], "X-Form-Token": web.form_token("lee")}
    scopes = ["invoices:read", "system:read"]
    token = bearer(made(web, headers, scopes=scopes, companies=["vandael"]).json()["token"])
    assert web.client.get("/api/v1/sources", headers=token).status_code == 200
    with web.gateway.database.begin() as connection:
        people.grant(connection, person(web, "lee").id, {"vandael": Role.VIEWER})
    assert web.client.get("/api/v1/sources", headers=token).status_code == 403
    assert web.client.get("/api/v1/invoices", headers=token).status_code == 200
    with web.gateway.database.begin() as connection:
        people.lock(connection, person(web, "lee").id, now=web.gateway.clock())
    assert web.client.get("/api/v1/invoices", headers=token).status_code == 401


ODOO = {
    "kind": "odoo",
    "name": "odoo-new",
    "company": "vandael",
    "mapping": "odoo",
    "settings.base_url": "http://127.0.0.1:9",
    "settings.database": "books",
    "settings.user": "gateway",
    "settings.api_key": "file:secrets/odoo-new",
}


def test_a_source_whose_check_fails_is_not_written_before_somebody_insists(web: Web) -> None:
    folder = web.gateway.settings.folder
    (folder / "secrets" / "odoo-new").write_text("a-key-of-nobody\n")
    file = folder / "sources" / "odoo-new.yaml"
    for act in ("check", "write"):
        answer = send(web, "ingrid", "/sources/new", act=act, **ODOO)
        assert "The connection does not work yet" in answer.text
        assert "no connection" in answer.text.lower()
        assert not file.exists()
    answer = send(web, "ingrid", "/sources/new", act="anyway", **ODOO)
    assert "sources/odoo-new.yaml is written" in answer.text
    again = settings.read(folder)
    assert next(one for one in again.sources if one.name == "odoo-new").kind == "odoo"
    assert "a-key-of-nobody" not in answer.text + file.read_text()
    told = [json.loads(data) for event, _, data in events(web) if event == "source added"]
    assert told[-1]["checked"] is False
    assert send(web, "ingrid", "/sources/new", act="anyway", **ODOO).status_code == 422
    file.unlink()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "../evil"},
        {"name": "sap-nordlicht"},
        {"settings.api_key": "the secret itself"},
        {"settings.api_key": "file:secrets/../gateway.yaml"},
        {"settings.api_key": "file:/etc/hostname"},
        {"settings.api_key": "file:secrets/web-key"},
        {"settings.api_key": "file:secrets/sap-sftp-password"},
        {"settings.database": ""},
        {"company": "nobody"},
        {"settings.company": "one"},
        {"settings.read_seconds": "{"},
        {"settings.read_seconds": "soon"},
        {"settings.ca_file": "secrets/web-key"},
    ],
    ids=lambda wrong: "-".join(f"{key}" for key in wrong),
)
def test_what_a_source_must_not_hold_is_refused_and_never_echoed(web: Web, wrong: dict[str, str]) -> None:
    answer = send(web, "ingrid", "/sources/new", act="anyway", **{**ODOO, **wrong})
    assert answer.status_code == 422
    assert "The form is not complete" in answer.text
    assert "the secret itself" not in answer.text.replace("never the secret itself", "")
    assert not list((web.gateway.settings.folder / "sources").glob("*odoo*"))


def test_every_kind_of_source_has_a_form(web: Web) -> None:
    page = ask(web, "ingrid", "/sources/new").text
    kinds = re.findall(r'<option value="([a-z-]+)"', page)
    assert len(kinds) > 8
    for kind in kinds:
        form = ask(web, "ingrid", f"/sources/new?kind={kind}")
        assert form.status_code == 200
        assert form.text.count("<input") > 5, kind


def test_a_session_of_a_way_that_is_closed_is_none(web: Web) -> None:
    with web.gateway.database.begin() as connection:
        one = person(web, "marit")
        shown = sessions.open_for(connection, one.id, now=web.gateway.clock(), provider="gone")
    assert web.client.get("/", headers={"Cookie": f"gateway_session={shown}"}).status_code == 401


def test_what_is_a_persons_own_needs_their_session_and_their_form(web: Web) -> None:
    token = made(
        web,
        {"Cookie": web.headers("marit")["Cookie"], "X-Form-Token": web.form_token("marit")},
        scopes=["invoices:read"],
        companies=["vandael"],
    ).json()["token"]
    own = [name for name, decision in DECISIONS.items() if decision.way is Way.PERSON]
    assert len(own) > 5
    for name in own:
        method, _, place = name.partition(" ")
        web.client.cookies.clear()
        assert web.client.request(method, place).status_code == 401, name
        assert web.client.request(method, place, headers=bearer(token)).status_code == 401, name
        page = web.client.request(method, place, headers={"Accept": "text/html"})
        assert page.headers["location"].startswith("/sign-in"), name
        if method == "POST":
            assert web.client.post(place, headers=web.headers("marit")).status_code == 403, name
