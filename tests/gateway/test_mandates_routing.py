"""Mandates in the routing: what is passed over, what stops, what goes out all the same, and where the reason
can be read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from formats.errors import ConfigError
from formats.identifiers import Identifier
from formats.model import Invoice
from formats.model.party import Address, Buyer, Contact
from gateway import settings as settings_module
from gateway.cli import routing as cli
from gateway.cli.main import app
from gateway.cli.setup import write_config
from gateway.config_file import ConfigProblems
from gateway.pipeline import routing
from gateway.pipeline.submission import State, Verdict
from gateway.settings import Route, Settings
from gateway.store import journal
from gateway.store.submissions import Submission
from tests.gateway.stories import Story, billing
from tests.strategies import sample_invoice

MAIL = Route(name="e-mail", channel="email", profile="en16931-ubl", needs=("BT-58",))
PEPPOL = Route(name="Peppol", channel="peppol-access-point", profile="peppol-bis-3", needs=("BT-49",))
PROVIDER = Route(name="Provider", channel="peppol-provider", profile="peppol-bis-3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("mandates") / "config"
    write_config(made, 47000)
    return made


@pytest.fixture(scope="module")
def written(folder: Path) -> Settings:
    return settings_module.read(folder)


@pytest.fixture
def config(folder: Path, tmp_path: Path) -> Path:
    """A folder of one's own, as `gateway init` writes it."""
    return Path(shutil.copytree(folder, tmp_path / "config"))


def belgian(*, address: bool = True, day: date = date(2026, 11, 22)) -> Invoice:
    """From a Belgian seller to a Belgian business."""
    sample = sample_invoice()
    assert sample.seller is not None
    assert sample.seller.address is not None
    buyer = Buyer(
        name="Tuincentrum BV",
        vat_identifier="BE0123456749",
        electronic_address=Identifier("0123456749", "0208") if address else None,
        address=Address(country="BE"),
        contact=Contact(email="ann@example.com"),
    )
    seller = replace(sample.seller, address=replace(sample.seller.address, country="BE"))
    return replace(sample, issue_date=day, seller=seller, buyer=buyer)


def opened(written: Settings, routes: Sequence[Route], invoice: Invoice) -> list[str]:
    found = routing.ways(replace(written, routes=tuple(routes)), invoice, "any")
    return [route.name for route in found]


def test_a_way_that_a_law_forbids_is_passed_over(written: Settings) -> None:
    """Whatever its place; before the law began it was as good as another."""
    assert opened(written, (MAIL, PEPPOL), belgian()) == ["Peppol"]
    assert opened(written, (MAIL, PEPPOL), belgian(day=date(2025, 12, 31))) == ["e-mail", "Peppol"]


def test_a_provider_that_does_not_reach_the_network_is_passed_over(written: Settings) -> None:
    elsewhere = PROVIDER.model_copy(update={"networks": ("sdi",)})
    assert opened(written, (elsewhere, PROVIDER), belgian()) == ["Provider"]
    assert opened(written, (elsewhere,), belgian()) == []


def test_the_kind_of_the_buyer_chooses_the_route(written: Settings) -> None:
    public = PEPPOL.model_copy(update={"name": "public", "buyers": ("public",)})
    assert opened(written, (public, PROVIDER), belgian()) == ["Provider"]


def test_the_reason_says_law_date_and_what_was_passed_over(written: Settings) -> None:
    settings = replace(written, routes=(MAIL, PEPPOL))
    told = routing.decide(settings, belgian(), "any").told(PEPPOL)
    assert told["buyer kind"] == "business"
    assert told["mandates"] == ["be-business"]
    because = str(told["because"])
    assert "Law of 6 February 2024" in because
    assert "1 January 2026" in because
    assert "e-mail is passed over" in because
    assert "despite mandate" not in told


def test_a_route_may_be_taken_in_spite_of_a_law_with_the_reason(written: Settings) -> None:
    agreed = MAIL.model_copy(update={"despite_mandate": "agreed with the buyer on 3 November"})
    settings = replace(written, routes=(agreed,))
    decision = routing.decide(settings, belgian(address=False), "any")
    assert decision.open == (agreed,)
    told = decision.told(agreed)
    assert told["despite mandate"] == "agreed with the buyer on 3 November"
    facts = cli.facts(decision)
    assert facts["missing"] == [{"id": "be-business", "term": "BT-49"}]
    assert [one["open"] for one in facts["routes"]] == [True]
    assert "agreed with the buyer" in str(told["because"])
    # Where no law forbids it, there is nothing to excuse.
    before = routing.decide(settings, belgian(day=date(2025, 12, 31)), "any")
    assert "despite mandate" not in before.told(agreed)


def test_custom_expects_and_stops_nothing(written: Settings) -> None:
    sample = sample_invoice()
    assert sample.buyer is not None
    buyer = replace(sample.buyer, address=Address(country="NL"), contact=Contact(email="a@example.com"))
    decision = routing.decide(replace(written, routes=(MAIL,)), replace(sample, buyer=buyer), "any")
    assert decision.open == (MAIL,)
    assert "no duty" in decision.because(MAIL)
    assert "nlcius-ubl or peppol-bis-3" in decision.because(MAIL)


# -- in the pipeline ---------------------------------------------------------------------------------------


def gateway(config: Path, *arguments: str) -> str:
    found = CliRunner().invoke(app, ["-c", str(config), *arguments], env={"COLUMNS": "300"})
    assert found.exit_code == 0, found.output
    return found.stdout


PUBLIC_BY_MAIL = {"endpoint": "", "email": "einkauf@elbmarsch.example"}


def test_the_reason_is_in_the_journal_and_in_trace(story: Story) -> None:
    """A German public buyer gets plain EN 16931 by mail because a person said so, and it can be read why."""
    story.put(billing("90000214", customer=PUBLIC_BY_MAIL))
    story.rounds(2)
    invoice = story.one("90000214")
    assert (invoice.state, invoice.channel) == (State.DELIVERED, "email")
    with story.gateway.database.read() as connection:
        entries = list(journal.entries(connection, submission=invoice.id, event="checked"))
    data = json.loads(entries[-1].data)
    assert data["buyer kind"] == "public"
    assert data["mandates"] == ["de-public"]
    assert data["despite mandate"] == "a trial with invented invoices"
    config = story.offline.config
    assert "a trial with invented invoices" in gateway(config, "trace", "90000214")
    explained = gateway(config, "routing", "explain", "90000214")
    assert "went by e-mail" in explained
    assert "E-Rechnungsverordnung" in explained
    assert "route Peppol: the invoice has no BT-49" in explained


def test_a_mandate_that_cannot_be_met_stops_and_goes_on_once_routing_says_how(story: Story) -> None:
    plain = tuple(route.model_copy(update={"despite_mandate": ""}) for route in story.gateway.settings.routes)
    settings = story.gateway.settings
    story.gateway.settings = replace(settings, routes=plain)
    story.put(billing("90000214", customer=PUBLIC_BY_MAIL))
    story.rounds(2)
    stopped = story.one("90000214")
    assert (stopped.state, stopped.verdict) == (State.PARKED, Verdict.ROUTE)
    assert "E-Rechnungsverordnung" in stopped.sentence
    assert "27 November 2020" in stopped.sentence
    assert "de-public" in stopped.fix
    assert "despite_mandate" in stopped.fix
    assert story.offline.arrivals() == {}
    story.gateway.settings = settings
    story.gateway._judged_under.clear()  # as after a new start, which reads the files
    story.rounds(2)
    assert story.one("90000214").state is State.DELIVERED


def test_a_missing_identifier_is_named_by_its_field(story: Story) -> None:
    invoice = story_submission(story)
    mapping = story.gateway.mapping(invoice.source)
    settings = replace(story.gateway.settings, routes=(PEPPOL, MAIL))
    with pytest.raises(routing.MandateNotMet) as caught:
        routing.choose(settings, belgian(address=False), invoice, mapping)
    label = mapping.labels("BT-49")[0]
    assert label in caught.value.fix
    assert label in caught.value.what
    with pytest.raises(routing.MandateNotMet, match="no route does that") as caught:
        routing.choose(replace(settings, routes=(MAIL,)), belgian(), invoice, mapping)
    assert "add a route to routing.yaml that writes peppol-bis-3" in caught.value.fix


def story_submission(story: Story) -> Submission:
    story.put(billing("90000214"))
    story.round()
    return replace(story.one("90000214"), route=0)


# -- configuration and command -----------------------------------------------------------------------------


def problems(config: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        settings_module.read(config)
    found = caught.value.problems if isinstance(caught.value, ConfigProblems) else (caught.value,)
    return [f"{problem.what} | {problem.where} | {problem.fix}" for problem in found]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("apply: [be-publik]\n", "apply names be-publik"),
        ("apply: [be-publik]\n", "write be-public"),
        ("set_aside: {pl-business: ''}\n", "set_aside"),
        ("buyers: {BE1: company}\n", "buyers.BE1"),
        ("rows:\n  - id: at-public\n", "rows.0.law is missing"),
        ("mandate: x\n", "mandate is not a setting"),
    ],
)
def test_mistakes_in_mandates_yaml_are_told_with_their_line(config: Path, text: str, said: str) -> None:
    (config / "mandates.yaml").write_text(text, "utf-8")
    (found,) = {problem for problem in problems(config) if said in problem}
    assert "mandates.yaml, line" in found


def test_a_network_that_is_none_is_told(config: Path) -> None:
    file = config / "routing.yaml"
    file.write_text(file.read_text("utf-8") + "    networks: [peppal]\n", "utf-8")
    (found,) = problems(config)
    assert "peppal" in found
    assert "chorus-pro" in found


def test_the_table_can_be_asked_by_country_kind_and_day(config: Path) -> None:
    (config / "mandates.yaml").write_text("set_aside: {de-public: a test}\n", "utf-8")

    def ids(*options: str) -> dict[str, str]:
        rows = json.loads(gateway(config, "routing", "show", *options, "--json"))
        return {row["id"]: row["counts"] for row in rows}

    asked = ids("--country", "de", "--kind", "public", "--on", "2026-11-22")
    assert set(asked) == {"de-public", "eu-public"}
    assert asked["de-public"] == "no, set aside: a test"
    assert "de-public" not in ids("--country", "DE", "--on", "2019-11-22")
    assert "be-business" in gateway(config, "routing", "show", "--country", "BE")
    assert "No law" in gateway(config, "routing", "show", "--country", "AQ")
