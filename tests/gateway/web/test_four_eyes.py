"""Four eyes: what takes effect only when two people agree, and the ways round it that are closed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from connectors.base import PartyRecord
from formats.errors import ConfigError
from formats.model import Invoice
from formats.model.payment import CreditTransfer, PaymentInstructions
from gateway.access import agreeing, four_eyes
from gateway.access.rights import ALL_COMPANIES, Role
from gateway.pipeline.submission import Verdict
from gateway.store import changes, parties, people
from gateway.store.people import Person
from gateway.web.app import create_app
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_administration import ask, send
from tests.gateway.web.test_console import state, stopped

IBAN = "NL60INGB0004671236"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, written: Path) -> Path:
    config = shutil.copytree(written, tmp_path_factory.mktemp("eyes") / "config")
    main = config / "gateway.yaml"
    main.write_text(main.read_text().replace("four_eyes: off", "four_eyes: on"))
    return config


@pytest.fixture
def web(folder: Path, tmp_path: Path) -> Iterator[Web]:
    config = shutil.copytree(folder, tmp_path / "config")
    prepared.sqlite_copy(config / "gateway.db")
    with (
        closing(Gateway.open(config)) as gateway,
        TestClient(create_app(gateway), base_url="https://testserver", follow_redirects=False) as client,
    ):
        web = Web(gateway, client)
        web.add("ingrid", {ALL_COMPANIES: Role.ADMINISTRATOR})
        web.add("marit", {ALL_COMPANIES: Role.FINANCE})
        web.add("joris", {ALL_COMPANIES: Role.FINANCE})
        yield web


def person(web: Web, login: str) -> Person:
    with web.gateway.database.read() as connection:
        found = people.by_login(connection, login)
    assert found is not None
    return found


def agree(web: Web, subject: str) -> None:
    """Marit proposes, Joris approves, both in the console."""
    propose(web, "marit", subject)
    decide(web, "joris", subject)


def propose(web: Web, who: str, subject: str) -> int:
    with web.gateway.database.read() as connection:
        part = next(one for one in agreeing.not_agreed(connection, web.gateway) if one.subject == subject)
    form = {"subject": subject, "digest": part.digest, "reason": "as agreed by telephone"}
    return send(web, who, "/changes/propose", **form).status_code


def decide(web: Web, who: str, subject: str, verdict: str = "approve") -> int:
    with web.gateway.database.read() as connection:
        change = next(one for one in changes.waiting(connection) if one.subject == subject)
    place = f"/changes/{change.id}/decide"
    return send(web, who, place, verdict=verdict, answer="called a number known before").status_code


def test_routes_are_used_when_two_people_have_agreed_and_not_before(web: Web) -> None:
    gateway = web.gateway
    with pytest.raises(ConfigError, match="two people have not agreed"):
        four_eyes.require_routes(gateway)
    page = ask(web, "marit", "/changes").text
    assert "Routing: routing.yaml" in page
    assert "peppol-access-point" in page
    assert propose(web, "marit", "routing.yaml") == 303
    with pytest.raises(ConfigError):
        four_eyes.require_routes(gateway)
    assert decide(web, "marit", "routing.yaml") == 422
    with pytest.raises(ConfigError):
        four_eyes.require_routes(gateway)
    assert decide(web, "joris", "routing.yaml") == 303
    four_eyes.require_routes(gateway)


def test_a_change_of_a_file_and_putting_it_back_are_changes_each(web: Web) -> None:
    agree(web, "routing.yaml")
    folder = web.gateway.settings.folder
    file = folder / "routing.yaml"
    before = file.read_text()
    file.write_text("# a remark changes nothing\n" + before)
    with closing(Gateway.open(folder)) as again:
        four_eyes.require_routes(again)
    file.write_text(before.replace("needs: [BT-58]", "needs: []"))
    with closing(Gateway.open(folder)) as again:
        with pytest.raises(ConfigError, match="routes were changed"):
            four_eyes.require_routes(again)
        with again.database.read() as connection:
            part = next(
                one for one in agreeing.not_agreed(connection, again) if one.subject == "routing.yaml"
            )
        agreeing.propose(again, part, reason="wider", by=person(web, "marit").actor)
        with again.database.read() as connection:
            change = changes.waiting(connection)[0]
        agreeing.decide(again, change, approved=True, answer="yes", by=person(web, "joris").actor)
        four_eyes.require_routes(again)
    # The gateway with the old file, which was approved once: not any more.
    with pytest.raises(ConfigError):
        four_eyes.require_routes(web.gateway)


def test_a_mapping_of_ones_own_stops_its_source_only(web: Web) -> None:
    for subject in ("mapping of sap-nordlicht", "mapping of exact-vandael"):
        agree(web, subject)
    folder = web.gateway.settings.folder
    (folder / "mappings").mkdir()
    (folder / "mappings" / "sap_invoic02.yaml").write_text("extends: sap_invoic02\nversion: mine\n")
    with closing(Gateway.open(folder)) as again:
        with pytest.raises(ConfigError, match="mapping of sap-nordlicht"):
            four_eyes.require_mapping(again, "sap-nordlicht")
        four_eyes.require_mapping(again, "exact-vandael")


def paid_to(account: str) -> Invoice:
    return Invoice(
        number="2026-1",
        payment=PaymentInstructions(means_code="58", credit_transfers=(CreditTransfer(account=account),)),
    )


def test_an_account_that_an_erp_gives_stops_the_invoice_until_two_people_know_it(web: Web) -> None:
    one = stopped(web, "2026-1")
    with pytest.raises(ConfigError, match="NL…1236") as stop:
        four_eyes.require_account(web.gateway, one, paid_to("NL60 INGB 0004 6712 36"))
    assert IBAN not in stop.value.sentence
    subject = next(part.subject for part in parts(web) if part.kind is changes.Kind.BANK_DETAILS)
    assert IBAN in ask(web, "marit", "/changes").text
    agree(web, subject)
    four_eyes.require_account(web.gateway, one, paid_to(IBAN))
    with pytest.raises(ConfigError):
        four_eyes.require_account(web.gateway, one, paid_to("NL91ABNA0417164300"))


def parts(web: Web) -> tuple[four_eyes.Part, ...]:
    with web.gateway.database.read() as connection:
        return agreeing.not_agreed(connection, web.gateway)


def test_what_waited_for_it_is_due_when_it_is_approved(web: Web) -> None:
    words = next(part for part in parts(web) if part.subject == "channel email").stops
    one = stopped(web, "2026-7", sentence=words, verdict=Verdict.PRECONDITION)
    other = stopped(web, "2026-8")
    agree(web, "channel email")
    assert state(web, one).due_at is not None
    assert state(web, other).due_at is None


def test_an_administrator_makes_no_second_pair_of_eyes(web: Web) -> None:
    form = {"login": "puppet@vandael.example", "name": "Puppet", "role": "finance"}
    assert send(web, "ingrid", "/people", **form).status_code == 200
    puppet = person(web, "puppet@vandael.example")
    assert not puppet.confirmed
    assert propose(web, "ingrid", "routing.yaml") == 303
    with web.gateway.database.read() as connection:
        change = next(one for one in changes.waiting(connection) if one.subject == "routing.yaml")
        itself = next(one for one in changes.waiting(connection) if one.kind is changes.Kind.PERSON)
    for thing in (change, itself):
        with pytest.raises(ConfigError):
            agreeing.decide(web.gateway, thing, approved=True, answer="yes", by=puppet.actor)
    by = person(web, "ingrid").actor
    with pytest.raises(ConfigError, match="of their own"):
        agreeing.decide(web.gateway, itself, approved=True, answer="yes", by=by)
    assert decide(web, "marit", "puppet@vandael.example") == 303
    confirmed = person(web, "puppet@vandael.example")
    assert confirmed.confirmed
    agreeing.decide(web.gateway, change, approved=True, answer="yes", by=confirmed.actor)


@pytest.mark.parametrize("act", ["password", "roles", "second-factor"])
def test_whoever_takes_over_an_account_in_the_console_does_not_decide_with_it(web: Web, act: str) -> None:
    with web.gateway.database.begin() as connection:
        people.set_second_factor(connection, person(web, "marit").id, "sealed", ())
    place = f"/people/{person(web, 'marit').id}/{act}"
    send(web, "ingrid", place, act="reset", company=["*"], role=["finance"])
    assert not person(web, "marit").confirmed
    assert propose(web, "ingrid", "routing.yaml") == 303
    with web.gateway.database.read() as connection:
        change = next(one for one in changes.waiting(connection) if one.subject == "routing.yaml")
    with pytest.raises(ConfigError, match="has not confirmed"):
        agreeing.decide(web.gateway, change, approved=True, answer="yes", by=person(web, "marit").actor)


def test_a_proposal_of_another_text_than_the_one_shown_is_refused(web: Web) -> None:
    form = {"subject": "routing.yaml", "digest": "0" * 64, "reason": "why not"}
    assert send(web, "marit", "/changes/propose", **form).status_code == 409
    with web.gateway.database.read() as connection:
        assert not changes.waiting(connection)


def test_a_declined_change_changes_nothing(web: Web) -> None:
    propose(web, "marit", "routing.yaml")
    assert decide(web, "joris", "routing.yaml", "decline") == 303
    with pytest.raises(ConfigError):
        four_eyes.require_routes(web.gateway)
    assert re.search(r"Declined", ask(web, "marit", "/changes").text)


def test_nobody_of_another_company_sees_or_decides(web: Web) -> None:
    web.add("eve", {"brightwater": Role.FINANCE})
    page = ask(web, "eve", "/changes").text
    assert "mapping of netsuite" in page
    assert "sap-nordlicht" not in page
    assert "routing.yaml" not in page
    propose(web, "marit", "mapping of sap-nordlicht")
    assert decide(web, "eve", "mapping of sap-nordlicht") == 404


def test_a_changed_account_that_one_has_checked_waits_for_a_second_on_the_work_list(web: Web) -> None:
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        for account in ("NL91ABNA0417164300", IBAN):
            parties.store(connection, "exact-vandael", PartyRecord("77", {"iban": account}), now=now)
        (change,) = parties.changes(connection, waiting=True)
    place = f"/changes/{change.id}/clear"
    assert f'action="{place}"' in ask(web, "marit", "/").text
    done = send(web, "marit", place, reason="called the number on the contract")
    assert done.headers["location"] == "/?done=proposed"
    for who in ("marit", "joris"):
        page = ask(web, who, "/").text
        assert "A second person has to agree." in page
        assert f'action="{place}"' not in page
    assert decide(web, "joris", "iban of 77 in exact-vandael") == 303
    assert "A second person has to agree." not in ask(web, "marit", "/").text
    with web.gateway.database.read() as connection:
        assert parties.changes(connection, waiting=True) == []
