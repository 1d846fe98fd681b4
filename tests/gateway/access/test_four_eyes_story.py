"""Four eyes from the first start to the last delivery: what waits for a second person, who may be that, and
that everything goes on by itself once both have agreed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from connectors.base import PartyPage, PartyRecord
from formats.errors import ConfigError
from gateway.access import agreeing
from gateway.access.rights import ALL_COMPANIES, Actor, Role
from gateway.pipeline.parties import pull_parties
from gateway.pipeline.runner import Runner
from gateway.pipeline.submission import State, Verdict
from gateway.store import changes, journal, parties, people
from gateway.store.changes import Change
from gateway.wiring import Gateway
from tests.gateway.stories import SharedRules, Story, billing, tell

SOURCE = "sap-nordlicht"
OLD, NEW = "NL91ABNA0417164300", "DE89370400440532013000"
UNKNOWN = "0204:991-99999-09"


@pytest.fixture
def story(tmp_path: Path, rules: SharedRules) -> Iterator[Story]:
    """A gateway on its first day with four eyes, and the people who count among them."""
    with tell(tmp_path, rules, settings={"four_eyes: off": "four_eyes: on"}) as told:
        with told.gateway.database.begin() as connection:
            for name in ("marit", "joris"):
                people.add(
                    connection, name, name, {ALL_COMPANIES: Role.FINANCE}, language="en", now=told.clock()
                )
        yield told
        told.assert_sound()


def actor(story: Story, login: str) -> Actor:
    with story.gateway.database.read() as connection:
        found = people.by_login(connection, login)
    assert found is not None
    return found.actor


def wanted(story: Story) -> list[str]:
    """What nobody has agreed to yet."""
    with story.gateway.database.read() as connection:
        return [part.subject for part in agreeing.not_agreed(connection, story.gateway)]


def propose(story: Story, subject: str) -> None:
    with story.gateway.database.read() as connection:
        part = next(one for one in agreeing.not_agreed(connection, story.gateway) if one.subject == subject)
    agreeing.propose(story.gateway, part, reason="as planned", by=actor(story, "marit"))


def waiting(story: Story) -> Change:
    with story.gateway.database.read() as connection:
        (found,) = changes.waiting(connection)
    return found


def decide(story: Story, who: str) -> None:
    change, by = waiting(story), actor(story, who)
    agreeing.decide(story.gateway, change, approved=True, answer="looked at it", by=by)


def agree(story: Story, *subjects: str) -> None:
    """Marit proposes each, which is not enough, and Joris agrees."""
    for subject in subjects:
        propose(story, subject)
        with pytest.raises(ConfigError, match="of their own"):
            decide(story, "marit")
        decide(story, "joris")


def stopped(story: Story, number: str, words: str) -> None:
    one = next(
        one for one in story.listed() if number in (one.number, one.source_key) or number in one.source_key
    )
    assert (one.state, one.verdict) == (State.PARKED, Verdict.PRECONDITION)
    assert words in one.sentence
    assert "page Changes" in one.fix


@contextmanager
def begun_anew(story: Story, rules: SharedRules) -> Iterator[Story]:
    """The gateway with its files as they are now."""
    gateway = Gateway.open(story.offline.config, clock=story.clock)
    rules.lend(gateway)
    try:
        yield replace(story, gateway=gateway, runner=Runner(gateway))
    finally:
        gateway.close()


def edit(story: Story, file: str, old: str, new: str) -> None:
    path = story.offline.config / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def agree_to_all(story: Story) -> None:
    """All that the first day asks for, with the account that the first invoice names."""
    agree(story, *wanted(story))
    story.put(billing("90000214"))
    story.round()
    stopped(story, "90000214", "have not agreed yet to the account")
    agree(story, *wanted(story))
    story.rounds(2)
    assert story.one("90000214").state is State.DELIVERED


def test_on_the_first_day_each_part_waits_for_two_people_and_then_invoices_arrive(story: Story) -> None:
    """One part after the other stops the same invoice, and nobody has to press "try again"."""
    story.put(billing("90000214"))
    story.round()
    (only,) = story.listed()
    assert (only.state, only.verdict) == (State.PARKED, Verdict.PRECONDITION)
    seen = [only.sentence]
    for _ in range(6):
        if story.listed()[0].state is State.DELIVERED:
            break
        sentence = story.listed()[0].sentence
        with story.gateway.database.read() as connection:
            part = next(
                one for one in agreeing.not_agreed(connection, story.gateway) if one.stops == sentence
            )
        agree(story, part.subject)
        story.rounds(2, seconds=2)
        seen.append(story.listed()[0].sentence)
    assert story.one("90000214").state is State.DELIVERED
    assert [words for words in dict.fromkeys(seen) if words] == [
        f"the mapping of {SOURCE} was changed, and two people have not agreed yet",
        "the routes were changed, and two people have not agreed yet",
        "the channel peppol-provider was changed, and two people have not agreed yet",
        "two people have not agreed yet to the account DE…5678 of nordlicht",
    ]
    with story.gateway.database.read() as connection:
        said = [
            (one.event, one.actor.split(" ")[0])
            for one in journal.entries(connection)
            if one.event.startswith("change ")
        ]
    assert said == [("change proposed", "marit"), ("change approved", "joris")] * 4


def test_changed_routes_hold_what_comes_until_another_one_agrees(story: Story, rules: SharedRules) -> None:
    agree_to_all(story)
    edit(
        story,
        "routing.yaml",
        "routes:",
        "# by order of treasury\naddress_from_master_data: [sap-nordlicht]\nroutes:",
    )
    with begun_anew(story, rules) as again:
        again.put(billing("90000214", number="0090000298"))
        again.round()
        stopped(again, "90000298", "the routes were changed")
        assert wanted(again) == ["routing.yaml"]
        agree(again, "routing.yaml")
        again.rounds(2)
        assert again.one("90000298").state is State.DELIVERED


def test_a_changed_mapping_holds_its_source_until_another_one_agrees(
    story: Story, rules: SharedRules
) -> None:
    agree_to_all(story)
    folder = story.offline.config / "mappings"
    folder.mkdir()
    (folder / "nordlicht.yaml").write_text('mapping: nordlicht\nversion: "mine"\nextends: sap_invoic02\n')
    edit(story, "sources/sap.yaml", "mapping: sap_invoic02", "mapping: nordlicht")
    with begun_anew(story, rules) as again:
        again.put(billing("90000214", number="0090000298"))
        again.round()
        (only,) = [one for one in again.listed() if one.state is State.PARKED]
        assert only.sentence == f"the mapping of {SOURCE} was changed, and two people have not agreed yet"
        agree(again, f"mapping of {SOURCE}")
        again.rounds(2)
        assert [one.sentence for one in again.listed() if one.sentence] == []
        assert again.one("90000298").state is State.DELIVERED
        assert "mine" in again.one("90000298").mapping


@dataclass
class Buyers:
    """The buyers of an ERP, a page for each time they changed."""

    pages: list[list[PartyRecord]]
    name: str = SOURCE

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        for number in range(int(cursor or 0), len(self.pages)):
            yield PartyPage(tuple(self.pages[number]), str(number + 1))

    def close(self) -> None:
        """Nothing is open."""


def read_buyers(story: Story, *pages: list[PartyRecord]) -> None:
    sources = story.gateway._sources
    connector = sources.pop(SOURCE)
    sources[SOURCE] = Buyers(list(pages))  # type: ignore[assignment]  # only its buyers are asked for
    pull_parties(story.gateway, SOURCE)
    sources[SOURCE] = connector


def test_a_changed_buyer_is_cleared_by_two_and_the_invoice_that_waited_goes_on(
    story: Story, rules: SharedRules
) -> None:
    """Account and address changed: neither counts before two people agreed, and the invoice that has no other
    way to the buyer goes out to the new address then."""
    agree_to_all(story)
    edit(story, "routing.yaml", "routes:", "address_from_master_data: [sap-nordlicht]\nroutes:")
    with begun_anew(story, rules) as again:
        agree(again, "routing.yaml")
        again.runner.collect(SOURCE)
        one = billing("90000214", number="0090000299", customer={"endpoint": "", "email": ""})
        there = billing("90000214").customer
        facts = {"name": "Stadtwerke", "vat_id": there.vat}
        read_buyers(
            again,
            [PartyRecord("77", {**facts, "iban": OLD, "electronic_address": UNKNOWN})],
            [PartyRecord("77", {**facts, "iban": NEW, "electronic_address": there.endpoint})],
        )
        again.put(one)
        again.round()
        assert again.one("90000299").verdict == Verdict.ROUTE
        with again.gateway.database.read() as connection:
            found = {change.fact: change for change in parties.changes(connection, waiting=True)}
        assert set(found) == {"iban", "electronic_address"}
        by = actor(again, "marit")
        for fact in ("iban", "electronic_address"):
            assert again.one("90000299").state is State.PARKED, fact
            done = agreeing.clear_or_propose(again.gateway, found[fact], reason="called them", by=by)
            assert done == "proposed"
            assert agreeing.clear_or_propose(again.gateway, found[fact], reason="again", by=by) == "faster"
            again.rounds(1)
            assert again.one("90000299").state is State.PARKED, fact
            with pytest.raises(ConfigError, match="of their own"):
                decide(again, "marit")
            decide(again, "joris")
            again.rounds(2)
        with again.gateway.database.read() as connection:
            assert parties.changes(connection, waiting=True) == []
            cleared = parties.changes(connection)
        assert {change.cleared_by.split(" ")[0] for change in cleared} == {"joris"}
        assert all("called them" in change.reason for change in cleared)
        assert again.one("90000299").state is State.DELIVERED
        assert NEW not in str(again.offline.holdings()["sap"]["status_records"])
