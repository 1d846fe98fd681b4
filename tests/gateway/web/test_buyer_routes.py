"""Routes of single buyers, given and ended by people: in the console, over the API, with four eyes and
without."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from formats.model import Invoice
from formats.model.party import Address
from gateway.access import buyer_routing, four_eyes
from gateway.access.rights import ALL_COMPANIES, Right, Role
from gateway.pipeline import canonical, own_routes
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.submission import State, Verdict
from gateway.store import buyer_routes, changes, documents, submissions, tokens
from gateway.store.buyer_routes import BuyerRoute
from gateway.store.submissions import Submission
from gateway.store.tables import buyer_routes as table
from gateway.store.tables import submissions as rows
from gateway.web.app import create_app
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_administration import ask, events, send
from tests.gateway.web.test_console import EXACT, state, stopped

MAIL = "e-mail"
WHY = "asked for it by telephone"


@contextmanager
def office(folder: Path, *, four_eyes: bool) -> Iterator[Web]:
    main = folder / "gateway.yaml"
    if four_eyes:
        main.write_text(main.read_text().replace("four_eyes: off", "four_eyes: on"))
    prepared.sqlite_copy(folder / "gateway.db")
    with (
        closing(Gateway.open(folder)) as gateway,
        TestClient(create_app(gateway), base_url="https://testserver", follow_redirects=False) as client,
    ):
        web = Web(gateway, client)
        web.add("marit", {ALL_COMPANIES: Role.FINANCE})
        web.add("joris", {ALL_COMPANIES: Role.FINANCE})
        web.add("chantal", {ALL_COMPANIES: Role.COMPLIANCE})
        web.add("eve", {"brightwater": Role.FINANCE})
        yield web


@pytest.fixture
def alone(written: Path, tmp_path: Path) -> Iterator[Web]:
    """One person decides."""
    with office(Path(shutil.copytree(written, tmp_path / "config")), four_eyes=False) as web:
        yield web


@pytest.fixture
def together(written: Path, tmp_path: Path) -> Iterator[Web]:
    """Two people have to agree."""
    with office(Path(shutil.copytree(written, tmp_path / "config")), four_eyes=True) as web:
        yield web


@pytest.fixture
def web(alone: Web) -> Web:
    """Where it is the same for one person as for two."""
    return alone


def unreachable(web: Web, number: str = "2026-1", source: str = EXACT) -> Submission:
    return stopped(web, number, source=source, verdict=Verdict.ROUTE, sentence="the buyer is not registered")


def give(web: Web, who: str, one: Submission, **more: str) -> Any:
    form = {"scope": "buyer", "to": MAIL, "reason": WHY, **more}
    return send(web, who, f"/invoices/{one.id}/route", **form)


def own(web: Web, one: Submission) -> BuyerRoute | None:
    """What holds for the buyer of this invoice."""
    with web.gateway.database.read() as connection:
        return own_routes.in_force(connection, web.gateway, one.source, invoice_of(connection, one))


def every(web: Web) -> list[BuyerRoute]:
    with web.gateway.database.read() as connection:
        return list(buyer_routes.listing(connection, web.gateway.settings.companies, size=50))


def decide(web: Web, who: str, verdict: str = "approve") -> int:
    with web.gateway.database.read() as connection:
        (change,) = changes.waiting(connection)
    return send(web, who, f"/changes/{change.id}/decide", verdict=verdict, answer="yes").status_code


def end(web: Web, who: str, one: BuyerRoute, reason: str = "on the network again") -> int:
    return send(web, who, f"/routes/{one.id}/end", reason=reason).status_code


def test_one_person_gives_a_buyer_a_route_and_what_waits_for_it_is_tried_again(web: Web) -> None:
    one, two = unreachable(web, "2026-1"), unreachable(web, "2026-2")
    other = unreachable(web, "2026-3", source="netsuite-brightwater")
    assert state(web, one).due_at is None
    page = ask(web, "marit", f"/invoices/{one.id}").text
    assert f'href="/invoices/{one.id}/route"' in page
    assert f'href="/invoices/{one.id}/route"' in ask(web, "marit", "/").text
    form = ask(web, "marit", f"/invoices/{one.id}/route").text
    assert "For this buyer from now on" in form
    assert "VAT number:" in form
    answer = give(web, "marit", one)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].endswith("done=buyer-route")
    found = own(web, two)
    assert found is not None
    assert (found.route, found.reason, found.made_name, found.term) == (MAIL, WHY, "marit", "BT-48")
    assert state(web, one).due_at is not None
    assert state(web, two).due_at is not None
    assert state(web, other).due_at is None
    (told,) = [
        data for event, actor, data in events(web) if event == "buyer route given" and "marit" in actor
    ]
    assert WHY in told
    assert WHY in ask(web, "marit", f"/invoices/{one.id}").text
    page = ask(web, "chantal", "/routes").text
    assert WHY in page
    assert "without end" in page
    assert "Why it ends" not in page


def test_a_later_route_takes_the_place_of_the_earlier_and_one_person_ends_it(web: Web) -> None:
    one = unreachable(web)
    give(web, "marit", one)
    provider = next(route.name for route in web.gateway.settings.routes if route.name != MAIL)
    assert give(web, "joris", one, to=provider, until="2099-12-31").status_code == 303
    found = own(web, one)
    assert found is not None
    assert found.route == provider
    assert str(found.until) == "2099-12-31"
    (first,) = [row for row in every(web) if row.route == MAIL]
    assert first.ended_name == "joris"
    assert end(web, "marit", found, reason="  ") == 422
    assert end(web, "marit", found) == 303
    assert own(web, one) is None
    assert "on the network again" in ask(web, "marit", "/routes").text
    assert end(web, "marit", found) == 303  # it was over: nothing is done, and that is said


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"reason": " "}, "A reason is needed"),
        ({"until": "2020-01-01"}, "The last day is over"),
        ({"until": "soon"}, "This is not a day"),
        ({"to": "pigeon"}, "There is no route pigeon"),
        ({"known": "BT-1"}, "Nothing in this invoice tells"),
    ],
)
def test_what_cannot_be_is_said_and_the_form_is_kept(web: Web, form: dict[str, str], said: str) -> None:
    one = unreachable(web)
    answer = give(web, "marit", one, **form)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="buyer" checked' in answer.text
    assert every(web) == []


def test_a_route_against_a_law_needs_the_reason(web: Web) -> None:
    """A Belgian business, invoiced from Belgium: the law demands the network."""
    routes = tuple(one.model_copy(update={"despite_mandate": ""}) for one in web.gateway.settings.routes)
    web.gateway.settings = replace(web.gateway.settings, routes=routes)
    one = belgian(web)
    answer = give(web, "marit", one)
    assert answer.status_code == 422
    assert "A law speaks against it" in answer.text
    assert give(web, "marit", one, despite="agreed with the buyer until its registration").status_code == 303
    found = own(web, one)
    assert found is not None
    assert found.despite_mandate == "agreed with the buyer until its registration"
    page = ask(web, "marit", f"/invoices/{one.id}/route").text
    assert "although a law demands another" in page


def belgian(web: Web) -> Submission:
    one = unreachable(web)
    with web.gateway.database.begin() as connection:
        said = invoice_of(connection, one)
        assert said.seller is not None
        assert said.buyer is not None
        changed: Invoice = replace(
            said,
            seller=replace(said.seller, address=Address(country="BE")),
            buyer=replace(said.buyer, address=Address(country="BE"), vat_identifier="BE0123456749"),
        )
        digest = documents.put(connection, *canonical.write(changed), now=web.gateway.clock())
        found = submissions.get(connection, one.id)
        return submissions.move(
            connection,
            found,
            found.state,
            "parked",
            {},
            now=web.gateway.clock(),
            invoice_digest=digest,
            resume_state=found.resume_state,
            verdict=found.verdict,
        )


def test_two_people_agree_to_a_route_and_to_its_end(together: Web) -> None:
    web = together
    one = unreachable(web)
    answer = give(web, "marit", one)
    assert answer.headers["location"].endswith("done=proposed")
    assert own(web, one) is None
    assert "Waits for a second person" in ask(web, "marit", "/routes").text
    assert "route of Chemiepark" in ask(web, "joris", "/changes").text
    assert decide(web, "marit") == 422
    assert own(web, one) is None
    assert decide(web, "joris") == 303
    found = own(web, one)
    assert found is not None
    assert state(web, one).due_at is not None
    assert "agreed by joris" in ask(web, "marit", "/routes").text
    assert end(web, "marit", found) == 303
    assert own(web, one) is not None
    assert "The end waits for a second person" in ask(web, "marit", "/routes").text
    assert end(web, "joris", found) == 422  # it is proposed already
    assert decide(web, "joris", "decline") == 303
    assert own(web, one) is not None
    end(web, "marit", found)
    assert decide(web, "joris") == 303
    assert own(web, one) is None
    assert every(web)[0].end_reason == "on the network again"


def test_a_declined_route_is_over_and_one_taken_back_waits_for_nobody(together: Web) -> None:
    web = together
    one = unreachable(web)
    give(web, "marit", one)
    assert decide(web, "joris", "decline") == 303
    assert every(web)[0].ended_at is not None
    give(web, "marit", one)
    assert end(web, "marit", every(web)[0]) == 303
    assert all(row.ended_at is not None for row in every(web))
    with web.gateway.database.read() as connection:
        assert changes.waiting(connection) == ()
    assert "Taken back" in ask(web, "marit", "/changes").text


def test_a_row_that_is_changed_in_the_database_does_not_hold(together: Web) -> None:
    """What two people agreed to is held against what is there."""
    web = together
    one = unreachable(web)
    give(web, "marit", one)
    decide(web, "joris")
    assert own(web, one) is not None
    with web.gateway.database.begin() as connection:
        connection.execute(update(table).values(route="Peppol provider"))
    assert own(web, one) is None
    with web.gateway.database.read() as connection:
        waiting = own_routes.not_agreed(connection, web.gateway)
    assert [part.subject for part in waiting] == [four_eyes.buyer_route(every(web)[0]).subject]


def test_an_invoice_alone_is_sent_another_way_with_the_reason(web: Web) -> None:
    one = unreachable(web)
    form = ask(web, "marit", f"/invoices/{one.id}/route").text
    choices = re.findall(r"It can still go over: ([^<]+)\.", form)
    assert choices
    last = choices[0].split(", ")[-1]
    place = f"/invoices/{one.id}/route"
    assert send(web, "marit", place, scope="invoice", to=last, reason="").status_code == 422
    assert send(web, "marit", place, scope="invoice", to="pigeon", reason="x").status_code == 422
    answer = send(web, "marit", place, scope="invoice", to=last, reason="their server is down")
    assert answer.status_code == 303
    assert "their server is down" in ask(web, "marit", f"/invoices/{one.id}").text
    assert every(web) == []


def test_nobody_of_another_company_sees_gives_or_ends(web: Web) -> None:
    one = unreachable(web)
    assert give(web, "eve", one).status_code == 404
    assert send(web, "chantal", f"/invoices/{one.id}/route", to=MAIL, reason="x").status_code == 403
    give(web, "marit", one)
    assert "Chemiepark" not in ask(web, "eve", "/routes").text
    assert end(web, "eve", every(web)[0]) == 404
    assert end(web, "chantal", every(web)[0]) == 403


def test_the_page_tells_the_table_the_laws_and_tries_out(web: Web) -> None:
    page = ask(web, "chantal", "/routes?source=netsuite-brightwater&country=be&vat=BE0123456749").text
    assert "The table in force" in page
    assert "be-business" in page
    assert "No way is open" in page or "It goes over" in page
    answer = ask(
        web,
        "chantal",
        "/routes?source=netsuite-brightwater&country=BE&vat=BE0123456749&address=0208:0123456749",
    ).text
    assert "It goes over Peppol" in answer
    assert "has a VAT number" in answer
    wrong = ask(web, "chantal", "/routes?source=netsuite-brightwater&address=nonsense").text
    assert "is not an electronic address" in wrong
    other = ask(web, "eve", "/routes?source=sap-nordlicht").text
    assert "It goes over" not in other


def token(web: Web, company: str, *rights: Right) -> dict[str, str]:
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        _, shown = tokens.make(
            connection,
            "test",
            {company: frozenset(rights)},
            made_by="it",
            ends_at=now + timedelta(days=1),
            now=now,
        )
    return {"Authorization": f"Bearer {shown}"}


def test_a_program_reads_gives_and_ends(web: Web) -> None:
    reads, writes = token(web, "vandael", Right.SEE_SYSTEM), token(web, "vandael", Right.PROPOSE_CHANGES)
    wanted = {
        "company": "vandael",
        "buyer": "Chemiepark",
        "known_by": "BT-48",
        "value": "DE 814567205",
        "route": MAIL,
        "reason": WHY,
    }
    ask_api = web.client.request
    assert ask_api("POST", "/api/v1/buyer-routes", headers=reads, json=wanted).status_code == 403
    other = {**wanted, "company": "brightwater"}
    assert ask_api("POST", "/api/v1/buyer-routes", headers=writes, json=other).status_code == 403
    pigeon = {**wanted, "route": "pigeon"}
    assert ask_api("POST", "/api/v1/buyer-routes", headers=writes, json=pigeon).status_code == 422
    made = ask_api("POST", "/api/v1/buyer-routes", headers=writes, json=wanted)
    assert made.status_code == 201, made.text
    assert made.json()["holds"] is True
    listed = ask_api("GET", "/api/v1/buyer-routes", headers=reads).json()
    assert [one["id"] for one in listed["items"]] == [made.json()["id"]]
    strangers = token(web, "brightwater", Right.SEE_SYSTEM, Right.PROPOSE_CHANGES)
    place = f"/api/v1/buyer-routes/{made.json()['id']}"
    assert ask_api("GET", "/api/v1/buyer-routes", headers=strangers).json()["items"] == []
    assert ask_api("GET", place, headers=strangers).status_code == 404
    assert ask_api("POST", f"{place}/end", headers=strangers, json={"reason": "x"}).status_code == 404
    tried = ask_api(
        "GET",
        "/api/v1/routes/try",
        headers=reads,
        params={"source": EXACT, "country": "DE", "vat": "DE814567205", "email": "a@example.com"},
    ).json()
    assert tried["taken"] == MAIL
    assert WHY in tried["because"]
    assert tried["ways"][0]["own"] is True
    ended = ask_api("POST", f"{place}/end", headers=writes, json={"reason": "over"})
    assert ended.json()["holds"] is False
    assert ask_api("POST", f"{place}/end", headers=writes, json={"reason": "over"}).status_code == 409
    table = ask_api("GET", "/api/v1/routes", headers=reads).json()
    assert MAIL in [one["name"] for one in table["items"]]


def test_a_program_is_no_pair_of_eyes(together: Web) -> None:
    web = together
    writes = token(web, "vandael", Right.PROPOSE_CHANGES)
    wanted = {"company": "vandael", "known_by": "BT-48", "value": "X", "route": MAIL, "reason": WHY}
    answer = web.client.post("/api/v1/buyer-routes", headers=writes, json=wanted)
    assert answer.status_code == 422
    assert "a program does not count" in answer.text
    assert every(web) == []


def test_a_buyer_is_known_by_no_empty_value() -> None:
    with pytest.raises(Exception, match="not known by this"):
        buyer_routing.known_by("BT-48", "  ")


def test_where_no_way_fits_the_page_says_what_is_missing_instead_of_asking_for_a_choice(web: Web) -> None:
    one = unreachable(web)
    settings = web.gateway.settings
    routes = tuple(route.model_copy(update={"needs": ("BT-18", "BT-90")}) for route in settings.routes)
    web.gateway.settings = replace(settings, routes=routes)
    page = ask(web, "marit", f"/invoices/{one.id}/route").text
    assert "No way fits this invoice" in page
    assert "The invoice has no " in page
    assert "Check in the ERP: the header discount." in page
    assert 'name="to"' not in page
    for place in ("/", f"/invoices/{one.id}"):
        assert "Choose the route" not in ask(web, "marit", place).text
    web.gateway.settings = settings
    for place in ("/", f"/invoices/{one.id}"):
        assert "Choose the route" in ask(web, "marit", place).text


def test_the_route_of_a_replaced_revision_is_asked_of_the_one_that_stands_for_it(web: Web) -> None:
    one, newer = unreachable(web, "2026-1"), unreachable(web, "2026-2")
    with web.gateway.database.begin() as connection:
        connection.execute(
            update(rows)
            .where(rows.c.id == one.id)
            .values(state=State.SUPERSEDED, superseded_by=newer.id, invoice_digest="")
        )
    page = ask(web, "marit", f"/invoices/{one.id}/route").text
    assert "Another revision stands for this invoice." in page
    assert f'href="/invoices/{newer.id}"' in page
    assert "has not been read yet" not in page
