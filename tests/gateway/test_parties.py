"""Master data: kept in step with the ERP, changes journaled, what moves money flagged, addresses used in
routing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import pytest

from connectors.base import PartyPage, PartyRecord
from formats.errors import ConfigError, RemoteUnavailable
from formats.identifiers import Identifier
from formats.model import Invoice
from formats.model.party import Buyer
from gateway.cli.main import app
from gateway.pipeline.parties import clear_change, completed, pull_parties
from gateway.pipeline.submission import State, Verdict
from gateway.store import journal, parties, submissions
from gateway.store.database import Database
from gateway.store.parties import masked
from tests.conftest import SteppingClock
from tests.gateway.stories import Story, billing

OLD, NEW = "NL91ABNA0417164300", "DE89370400440532013000"
SOURCE = "sap-nordlicht"


@dataclass
class Ledger:
    """An ERP that gives its buyers in pages; the cursor is the number of the page."""

    pages: list[list[PartyRecord]] = field(default_factory=list)
    fails_after: int = 99
    name: str = SOURCE

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        for number in range(int(cursor or 0), len(self.pages)):
            if number >= self.fails_after:
                raise RemoteUnavailable("down", where="ERP", fix="wait")
            yield PartyPage(tuple(self.pages[number]), str(number + 1))

    def close(self) -> None:
        """Nothing is open."""


def record(key: str, **facts: str) -> PartyRecord:
    return PartyRecord(key, facts)


def connect(story: Story, *pages: list[PartyRecord]) -> Ledger:
    """Let the gateway take these for the buyers of its source."""
    ledger = Ledger(list(pages))
    story.gateway._sources[SOURCE] = ledger  # type: ignore[assignment]  # only its buyers are asked for
    return ledger


def entries(story: Story) -> list[Mapping[str, object]]:
    with story.gateway.database.read() as connection:
        found = list(journal.entries(connection))
    return [{"event": one.event, "actor": one.actor, **json.loads(one.data)} for one in found]


def test_buyers_are_kept_and_read_on(story: Story) -> None:
    ledger = connect(story, [record("1", name="Alpha")], [record("2", name="Beta", iban=OLD)])
    ledger.fails_after = 1
    with pytest.raises(RemoteUnavailable):
        pull_parties(story.gateway, SOURCE)
    ledger.fails_after = 99
    assert pull_parties(story.gateway, SOURCE) == 0, "seen for the first time is no change"
    with story.gateway.database.read() as connection:
        known = parties.listing(connection, SOURCE)
        assert parties.cursor(connection, SOURCE) == "2"
    assert [(one.key, dict(one.facts)) for one in known] == [
        ("1", {"name": "Alpha"}),
        ("2", {"name": "Beta", "iban": OLD}),
    ]


def test_a_change_is_journaled_without_the_account(story: Story) -> None:
    connect(story, [record("1", name="Alpha", iban=OLD, city="Kiel")], [record("1", name="Alfa", iban=NEW)])
    assert pull_parties(story.gateway, SOURCE) == 3
    (entry,) = [one for one in entries(story) if one["event"] == "master data changed"]
    assert entry["party"] == "1"
    assert entry["flagged"] == ["iban"]
    assert entry["changes"] == {
        "name": {"old": "Alpha", "new": "Alfa"},
        "iban": {"old": "NL…4300", "new": "DE…3000"},
        "city": {"old": "Kiel", "new": ""},
    }
    whole = json.dumps(entries(story))
    assert OLD not in whole
    assert NEW not in whole


def test_the_same_again_changes_nothing(story: Story) -> None:
    connect(story, [record("1", name="Alpha")], [record("1", name="Alpha", note="")])
    assert pull_parties(story.gateway, SOURCE) == 0
    assert [one for one in entries(story) if "master data" in str(one["event"])] == []


def test_a_changed_account_waits_for_a_person_with_name_and_reason(story: Story) -> None:
    connect(story, [record("1", iban=OLD, email="a@b.example")], [record("1", iban=NEW, email="c@d.example")])
    pull_parties(story.gateway, SOURCE)
    with story.gateway.database.read() as connection:
        (waiting,) = parties.changes(connection, waiting=True)
    assert (waiting.fact, waiting.old, waiting.new) == ("iban", OLD, NEW)
    assert OLD not in repr(waiting)
    with pytest.raises(ConfigError, match="with a reason"):
        clear_change(story.gateway, waiting, by="I. Nordahl", reason=" ")
    with pytest.raises(ConfigError):
        clear_change(story.gateway, waiting, by="", reason="called them")
    assert clear_change(story.gateway, waiting, by="I. Nordahl", reason="called them")
    assert not clear_change(story.gateway, waiting, by="somebody", reason="later")
    with story.gateway.database.read() as connection:
        assert parties.changes(connection, waiting=True) == []
        cleared = next(one for one in parties.changes(connection) if one.fact == "iban")
    assert (cleared.cleared_by, cleared.reason) == ("I. Nordahl", "called them")
    (entry,) = [one for one in entries(story) if one["event"] == "master data cleared"]
    assert (entry["actor"], entry["reason"], entry["new"]) == ("I. Nordahl", "called them", "DE…3000")


def test_a_first_or_removed_account_needs_nobody(database: Database, clock: SteppingClock) -> None:
    with database.begin() as connection:
        for facts in ({"name": "Alpha"}, {"name": "Alpha", "iban": OLD}, {"name": "Alpha"}):
            parties.store(connection, "erp", PartyRecord("1", facts), now=clock())
        found = parties.changes(connection)
    assert len(found) == 2
    assert not any(change.flagged for change in found)


def test_an_account_emptied_and_filled_anew_is_a_change_too(database: Database, clock: SteppingClock) -> None:
    steps = (OLD, "", NEW, "", NEW)
    with database.begin() as connection:
        for iban in steps:
            clock.advance(hours=1)
            parties.store(connection, "erp", PartyRecord("1", {"name": "A", "iban": iban}), now=clock())
        flagged = [change for change in parties.changes(connection) if change.flagged]
    assert [(change.old, change.new) for change in flagged] == [("", NEW)]


@pytest.mark.parametrize(
    ("fact", "value", "shown"),
    [
        ("iban", f"{OLD} {NEW}", "NL…4300 DE…3000"),
        ("iban", "", ""),
        ("iban", "123", "…"),
        ("note", f"pay to {OLD}, please", "pay to NL…4300, please"),
        ("name", "Alpha GmbH", "Alpha GmbH"),
    ],
)
def test_accounts_are_never_shown_whole(fact: str, value: str, shown: str) -> None:
    assert masked(fact, value) == shown


def allow(story: Story) -> None:
    settings = replace(story.gateway.settings, address_from_master_data=frozenset({SOURCE}))
    story.gateway.settings = settings


def test_a_buyer_is_found_by_number_never_by_name(story: Story) -> None:
    allow(story)
    connect(
        story,
        [
            record("77", name="Alpha", vat_id="NL 8551.23.473 B01", electronic_address="0106:11111111"),
            record("78", name="Beta", company_id="64712035", electronic_address="0106:22222222"),
            record("79", name="Gamma", electronic_address="0106:33333333"),
            record("80", name="Delta", vat_id="BE0999999999", electronic_address="0106:44444444"),
            record("81", name="Delta", vat_id="BE0999999999", electronic_address="0106:55555555"),
            record("82", name="Epsilon", electronic_address="no scheme"),
        ],
    )
    pull_parties(story.gateway, SOURCE)

    def address(**facts: object) -> str:
        with story.gateway.database.read() as connection:
            invoice = Invoice(buyer=Buyer(**facts))  # type: ignore[arg-type]  # facts of a buyer
            done, _ = completed(connection, story.gateway, SOURCE, invoice)
        assert done.buyer is not None
        return str(done.buyer.electronic_address or "")

    assert address(vat_identifier="NL855123473B01") == "0106:11111111"
    assert address(legal_registration=Identifier("64712035", "0106")) == "0106:22222222"
    assert address(identifier=Identifier("79")) == "0106:33333333"
    assert address(name="Gamma") == ""
    assert address(vat_identifier="BE0999999999") == "", "two buyers share it"
    assert address(identifier=Identifier("82")) == ""
    own = Identifier("9", "0106")
    assert address(identifier=Identifier("79"), electronic_address=own) == "0106:9"


def test_an_invoice_without_address_takes_that_of_the_master_data(story: Story) -> None:
    """Once allowed; and a change of it first waits for a person."""
    story.put(billing("90000211"))
    story.round()
    parked = story.one("90000211")
    assert (parked.state, parked.verdict) == (State.PARKED, Verdict.ROUTE)
    with story.gateway.database.read() as connection:
        buyer = invoice_of_buyer(story)
        assert buyer.vat_identifier or buyer.legal_registration or buyer.identifier
    ids = {"vat_id": buyer.vat_identifier or "", "company_id": ""}
    if buyer.legal_registration:
        ids["company_id"] = buyer.legal_registration.value
    key = buyer.identifier.value if buyer.identifier else "1"
    connector = story.gateway.source(SOURCE)
    first = record(key, electronic_address="0204:991-33333-33", **ids)
    second = record(key, electronic_address="9930:DE298746151", **ids)
    connect(story, [first], [second])
    pull_parties(story.gateway, SOURCE)
    story.gateway._sources[SOURCE] = connector
    allow(story)
    story.rounds(1)
    assert story.one("90000211").state is State.PARKED, "the changed address waits"
    with story.gateway.database.read() as connection:
        (waiting,) = parties.changes(connection, waiting=True)
    clear_change(story.gateway, waiting, by="I. Nordahl", reason="in the Peppol directory")
    story.rounds(2)
    sent = story.one("90000211")
    assert sent.state in (State.DELIVERED, State.PARKED)
    assert "checked" in story.events(sent)
    checked = [one for one in entries(story) if one["event"] == "checked"]
    assert checked[-1]["from master data"] == ["BT-49"]
    assert checked[-1]["channel"] == "peppol-provider"


def invoice_of_buyer(story: Story) -> Buyer:
    from gateway.pipeline.convert import invoice_of

    with story.gateway.database.read() as connection:
        invoice = invoice_of(connection, story.one("90000211"))
    assert invoice.buyer is not None
    return invoice.buyer


def test_a_connector_without_master_data_is_left_alone(story: Story) -> None:
    story.gateway._sources[SOURCE] = object()  # type: ignore[assignment]  # a connector that cannot
    assert pull_parties(story.gateway, SOURCE) == 0
    del story.gateway._sources[SOURCE]


def test_people_clear_changes_on_the_command_line(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    connect(story, [record("1", iban=OLD)], [record("1", iban=NEW)])
    pull_parties(story.gateway, SOURCE)
    config = str(story.offline.config)
    app(["-c", config, "parties", "--json"], standalone_mode=False)
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["new"], shown["waits"]) == ("DE…3000", True)
    app(["-c", config, "status"], standalone_mode=False)
    assert "wait for a person" in capsys.readouterr().out
    clear = ["-c", config, "parties", "clear", SOURCE, "1", "--by", "I. N.", "--reason", "asked"]
    app(clear, standalone_mode=False)
    assert "1 changes cleared" in capsys.readouterr().out
    with pytest.raises(ConfigError):
        app(clear, standalone_mode=False)


def test_master_data_is_read_on_its_own_schedule(story: Story) -> None:
    ledger = connect(story, [record("1", name="Alpha")])
    story.runner.pull_parties(SOURCE, only_when_due=True)
    ledger.pages.append([record("2", name="Beta")])
    story.runner.pull_parties(SOURCE, only_when_due=True)
    with story.gateway.database.read() as connection:
        assert len(parties.listing(connection)) == 1
    story.clock.advance(hours=1)
    story.runner.pull_parties(SOURCE, only_when_due=True)
    with story.gateway.database.read() as connection:
        assert len(parties.listing(connection)) == 2
        assert submissions.listing(connection) == []
