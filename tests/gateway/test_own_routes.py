"""Routes of single buyers in the routing: what they set aside and what not, whom they are for, and where the
reason can be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from typer.testing import CliRunner

from formats.errors import ConfigError
from formats.identifiers import Identifier
from formats.model import Invoice
from formats.model.party import Address, Buyer, Contact
from gateway import settings as settings_module
from gateway.access import buyer_routing
from gateway.access.buyer_routing import Wanted
from gateway.access.rights import ALL_COMPANIES, Actor, Right
from gateway.cli.main import app
from gateway.cli.setup import write_config
from gateway.mandates import BuyerKind
from gateway.pipeline import own_routes, routing
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.routing import Decision
from gateway.pipeline.submission import State
from gateway.settings import Route, Settings
from gateway.store import buyer_routes, journal
from gateway.store.buyer_routes import BuyerRoute, Known
from gateway.store.database import Database
from tests.gateway.stories import UNREGISTERED, Story, billing
from tests.strategies import sample_invoice

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
WHY = "asked for it by telephone"
MAIL = Route(name="e-mail", channel="email", profile="en16931-ubl", needs=("BT-58",))
PEPPOL = Route(name="Peppol", channel="peppol-provider", profile="peppol-bis-3", needs=("BT-49",))
FRENCH = Route(
    name="French",
    channel="peppol-provider",
    profile="en16931-ubl",
    countries=("FR",),
    buyers=(BuyerKind.PUBLIC,),
    sources=("exact",),
)
BY = Actor("m", "Marit", {ALL_COMPANIES: frozenset({Right.PROPOSE_CHANGES})})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = tmp_path_factory.mktemp("own") / "config"
    write_config(made, 47000)
    return settings_module.read(made)


def own(route: str, **changes: object) -> BuyerRoute:
    made = BuyerRoute(
        "7b0c", "vandael", "BT-48", "NL1", "nl1", "Buyer", route, WHY, "", None, NOW, "m", "Marit", "", None,
        "", "",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]  # of the fields by name


def dutch(*, country: str = "NL", seller: str = "NL") -> Invoice:
    sample = sample_invoice()
    assert sample.seller is not None
    buyer = Buyer(
        name="Kwekerij",
        vat_identifier="NL1",
        identifier=Identifier("10023"),
        electronic_address=Identifier("64218703", "0106"),
        address=Address(country=country, post_code="3011 CA"),
        contact=Contact(email="ann@example.com"),
    )
    home = replace(sample.seller, address=Address(country=seller))
    return replace(sample, issue_date=date(2026, 11, 22), seller=home, buyer=buyer)


def decided(
    written: Settings, routes: Sequence[Route], given: BuyerRoute, invoice: Invoice, source: str = "exact"
) -> Decision:
    return routing.decide(replace(written, routes=tuple(routes)), invoice, source, given)


def names(decision: Decision) -> list[str]:
    return [route.name for route in decision.open]


def test_the_route_given_to_a_buyer_comes_first_and_the_others_follow(written: Settings) -> None:
    decision = decided(written, (PEPPOL, MAIL), own("e-mail"), dutch())
    assert names(decision) == ["e-mail", "Peppol"]
    because = decision.because(decision.open[0])
    assert because.startswith(f"e-mail was chosen for this buyer (Marit, 23 November 2026): {WHY}")
    assert decision.told(decision.open[0])["own route"] == "7b0c"
    assert "it did not reach the buyer" in decision.because(decision.open[1])


def test_it_sets_aside_countries_and_kinds_but_no_source_and_no_needed_term(written: Settings) -> None:
    assert names(decided(written, (PEPPOL, FRENCH), own("French"), dutch())) == ["French", "Peppol"]
    other = decided(written, (PEPPOL, FRENCH), own("French"), dutch(), "sap")
    assert names(other) == ["Peppol"]
    assert "French was chosen for this buyer" in other.because(other.open[0])
    assert "it is not for sap" in other.because(other.open[0])
    invoice = dutch()
    assert invoice.buyer is not None
    bare = replace(invoice, buyer=replace(invoice.buyer, contact=None))
    assert names(decided(written, (PEPPOL, MAIL), own("e-mail"), bare)) == ["Peppol"]


def test_a_mandate_has_the_last_word(written: Settings) -> None:
    """From one Belgian business to another; with a reason of its own the route is taken."""
    invoice = dutch(country="BE", seller="BE")
    refused = decided(written, (PEPPOL, MAIL), own("e-mail"), invoice)
    assert names(refused) == ["Peppol"]
    assert "is not taken" in refused.because(refused.open[0])
    agreed = own("e-mail", despite_mandate="agreed until its registration")
    taken = decided(written, (PEPPOL, MAIL), agreed, invoice)
    assert names(taken) == ["e-mail", "Peppol"]
    assert taken.told(taken.open[0])["despite mandate"] == "agreed until its registration"


def test_a_route_that_is_gone_is_told_and_the_table_decides(written: Settings) -> None:
    decision = decided(written, (PEPPOL, MAIL), own("pigeon"), dutch())
    assert names(decision) == ["Peppol", "e-mail"]
    assert "routing.yaml has no such route any more" in decision.because(decision.open[0])


def test_a_buyer_is_known_by_what_the_invoice_says() -> None:
    """A customer number is one of its ERP; a name alone knows nobody."""
    found = {mark.term: mark.value for mark in own_routes.marks(dutch(), "exact")}
    assert found == {
        "BT-49": "0106:64218703",
        "BT-46": "10023 in exact",
        "BT-48": "NL1",
        "BT-44": "Kwekerij, NL 3011 CA",
    }
    assert own_routes.key_of(" nl 855123473\u00a0B01") == own_routes.key_of("NL855123473b01")
    invoice = replace(dutch(), buyer=Buyer(name="Jansen"))
    assert own_routes.marks(invoice, "exact") == ()


def add(database: Database, value: str, *, company: str = "vandael", minutes: int = 0) -> BuyerRoute:
    with database.begin() as connection:
        return buyer_routes.add(
            connection,
            company,
            "Buyer",
            Known("BT-48", value, value.lower()),
            "e-mail",
            reason=WHY,
            despite_mandate="",
            until=date(2026, 12, 31),
            made_by="m",
            made_name="Marit",
            now=NOW + timedelta(minutes=minutes),
        )


def test_the_store_finds_those_of_a_company_that_were_not_ended(database: Database) -> None:
    one, later = add(database, "NL1"), add(database, "NL1", minutes=1)
    add(database, "NL1", company="brightwater")
    add(database, "NL2")
    marks = [Known("BT-48", "NL1", "nl1"), Known("BT-47", "NL1", "nl1")]
    with database.begin() as connection:
        assert buyer_routes.known(connection, "vandael", marks) == (later, one)
        assert buyer_routes.known(connection, "vandael", []) == ()
        assert buyer_routes.ask_end(connection, one.id, "why")
        assert buyer_routes.end(connection, one.id, by="Joris", reason="over", now=NOW)
        assert not buyer_routes.end(connection, one.id, by="Joris", reason="again", now=NOW)
        assert not buyer_routes.ask_end(connection, one.id, "why")
        assert buyer_routes.known(connection, "vandael", marks) == (later,)
        ended = buyer_routes.get(connection, one.id)
    assert ended is not None
    assert (ended.ended_name, ended.end_reason, ended.end_asked) == ("Joris", "over", "")
    assert ended.over(date(2026, 11, 23))
    assert not later.over(date(2026, 12, 31))
    assert later.over(date(2027, 1, 1))


def test_pages_of_the_list_follow_each_other_to_the_end(database: Database) -> None:
    made = [add(database, f"NL{number}", minutes=number // 2) for number in range(5)]
    seen: list[str] = []
    after: tuple[datetime, str] | None = None
    while True:
        with database.read() as connection:
            page = buyer_routes.listing(connection, ["vandael"], size=2, after=after)
        if not page:
            break
        seen += [one.id for one in page]
        after = page[-1].made_at, page[-1].id
    assert sorted(seen) == sorted(one.id for one in made)
    assert seen[-2:] == sorted(one.id for one in made[:2])


def gateway(story: Story, *arguments: str) -> str:
    found = CliRunner().invoke(
        app, ["-c", str(story.offline.config), *arguments], env={"COLUMNS": "400"}, catch_exceptions=False
    )
    assert found.exit_code == 0, found.output
    return found.stdout


BUYER = {"email": "einkauf@elbmarsch.example"}


def known(story: Story, number: str) -> Known:
    with story.gateway.database.read() as connection:
        one = story.one(number)
        return own_routes.marks(invoice_of(connection, one), one.source)[0]


def test_the_next_invoice_goes_by_it_and_journal_and_trace_say_why(story: Story) -> None:
    """Given and ended by command; the first invoice goes by the table, as does the last."""
    story.put(billing("90000214", customer=BUYER))
    story.rounds(2)
    assert story.one("90000214").channel == "peppol-provider"
    mark = known(story, "90000214")
    gateway(story, "routing", "give", "nordlicht", mark.term, mark.value, "e-mail", "--reason", WHY)
    (listed,) = json.loads(gateway(story, "routing", "buyers", "--json"))
    assert (listed["route"], listed["holds"], listed["reason"]) == ("e-mail", True, WHY)
    story.put(billing("90000214", number="0090000977", customer=BUYER))
    story.rounds(2)
    invoice = story.one("90000977")
    assert (invoice.state, invoice.channel) == (State.DELIVERED, "email")
    with story.gateway.database.read() as connection:
        (entry,) = journal.entries(connection, submission=invoice.id, event="checked")
        given = [one.data for one in journal.entries(connection, event="buyer route given")]
    assert json.loads(entry.data)["own route"] == listed["id"]
    assert WHY in given[0]
    assert WHY in gateway(story, "trace", "90000977")
    assert f"chosen for this buyer by operator: {WHY}" in gateway(story, "routing", "explain", "90000977")
    gateway(story, "routing", "end", listed["id"][:8], "--reason", "on the network again")
    assert "No buyer has a route of its own" in gateway(story, "routing", "buyers")
    tried = json.loads(
        gateway(
            story, "routing", "try", "sap-nordlicht", "--address", mark.value, "--country", "DE", "--json"
        )
    )
    assert tried["taken"] != "e-mail"


def test_where_it_does_not_reach_the_buyer_the_table_follows(story: Story) -> None:
    """Also when the route has ended before the other side said so."""
    settings = story.gateway.settings
    routes = tuple(reversed(settings.routes))
    story.gateway.settings = replace(settings, routes=routes)
    peppol = next(route.name for route in routes if route.channel == "peppol-provider")
    wanted = Wanted("nordlicht", "Elbmarsch", Known("BT-49", UNREGISTERED, UNREGISTERED), peppol, WHY)
    given = buyer_routing.give(story.gateway, wanted, by=BY)
    story.put(billing("90000214", customer={**BUYER, "endpoint": UNREGISTERED}))
    story.rounds(3)
    invoice = story.one("90000214")
    assert (invoice.state, invoice.channel) == (State.DELIVERED, "email")
    with story.gateway.database.read() as connection:
        events = [
            (one.event, json.loads(one.data).get("own route"))
            for one in journal.entries(connection, submission=invoice.id)
            if one.event in ("checked", "rerouted")
        ]
    assert events == [("checked", given.id), ("rerouted", given.id), ("checked", given.id)]


def test_a_route_that_ended_while_an_invoice_was_on_its_way_still_counts_for_it(story: Story) -> None:
    """What is left to try is counted from the ways as they were when the first was chosen."""
    story.put(billing("90000214", customer=BUYER))
    story.rounds(2)
    invoice = story.one("90000214")
    mark = known(story, "90000214")
    given = buyer_routing.give(story.gateway, Wanted("nordlicht", "", mark, "e-mail", WHY), by=BY)
    story.put(billing("90000214", number="0090000977", customer=BUYER))
    story.rounds(2)
    chosen = story.one("90000977")
    assert buyer_routing.end(story.gateway, given, reason="over", by=BY)
    with story.gateway.database.read() as connection:
        for one, expected in ((chosen, given.id), (invoice, None)):
            found = own_routes.own_route(connection, story.gateway, one, invoice_of(connection, one))
            assert (found.id if found else None) == expected


def test_a_term_that_knows_no_buyer_is_refused() -> None:
    with pytest.raises(ConfigError, match="not known by this"):
        buyer_routing.known_by("BT-1", "x")
