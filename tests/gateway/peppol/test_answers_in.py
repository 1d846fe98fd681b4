"""Answers of others that break the rules, or contradict each other, wait for a person and move nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sandbox.peppol.access_point import Arrival
from connectors.sandbox.peppol.buyers import Response
from connectors.sandbox.peppol.documents import Finding
from connectors.sandbox.peppol.network import MlsPlan
from formats.errors import MalformedDocument
from formats.responses import message_level_status
from gateway.peppol import incoming
from gateway.pipeline.submission import State
from gateway.store import exchanges
from gateway.store.exchanges import Direction
from gateway.store.inbox import Item
from gateway.store.inbox import State as Stage
from tests.gateway.peppol.conftest import Site, opened
from tests.gateway.stories import SharedRules, billing

NUMBER = "90000214"
REFUSED = (Finding("BV", "BR-16: no line", "/Invoice"),)


def _by_status(config: Path) -> None:
    file = config / "channels" / "peppol.yaml"
    text = file.read_text("utf-8")
    assert "# delivered_by: status" in text
    file.write_text(text.replace("# delivered_by: status", "delivered_by: status"), "utf-8")


@pytest.fixture
def site(tmp_path: Path, shared_rules: SharedRules) -> Iterator[Site]:
    """An invoice counts as delivered when the status says so."""
    with opened(tmp_path, shared_rules, _by_status) as made:
        made.network.behave("", "silent")
        made.network.mls_plan = MlsPlan(duty="never")
        yield made


def sent(site: Site) -> Arrival:
    site.put(billing(NUMBER))
    site.until(lambda: len(site.network.arrivals()) == 1 and site.state(NUMBER) is State.SENT)
    (arrived,) = site.network.arrivals()
    return arrived


def came(site: Site, number: int) -> Item:
    site.until(lambda: len(site.items()) == number and site.settled())
    return site.items()[-1]


def test_a_nonsense_status_waits_for_a_person_and_the_true_one_counts(site: Site) -> None:
    arrived = sent(site)
    site.network.outgoing.send_mls(arrived, "XZ")
    nonsense = came(site, 1)
    assert nonsense.state is Stage.PARKED
    assert "SCH-MLS-19" in nonsense.sentence
    assert nonsense.submission == site.one(NUMBER).id
    assert site.state(NUMBER) is State.SENT
    site.network.outgoing.send_mls(arrived, "RE", REFUSED)
    assert came(site, 2).state is Stage.TAKEN_IN
    assert site.state(NUMBER) is State.REJECTED


def test_a_refusal_after_a_delivery_reaches_a_person(site: Site) -> None:
    arrived = sent(site)
    site.network.outgoing.send_mls(arrived, "AP")
    assert came(site, 1).state is Stage.TAKEN_IN
    assert site.state(NUMBER) is State.DELIVERED
    site.network.outgoing.send_mls(arrived, "RE", REFUSED)
    second = came(site, 2)
    assert second.state is Stage.PARKED
    assert second.sentence.startswith("a second status, RE after AP")
    assert "BR-16" in second.sentence
    assert site.state(NUMBER) is State.DELIVERED
    with site.gateway.database.read() as connection:
        (exchange,) = exchanges.by_instance(connection, Direction.OUT, arrived.envelope.instance_id)
    assert exchange.status == "AP"


def test_the_same_status_again_is_taken_in_without_a_word(site: Site) -> None:
    arrived = sent(site)
    for number in (1, 2):
        site.network.outgoing.send_mls(arrived, "AB")
        assert came(site, number).state is Stage.TAKEN_IN
    assert site.state(NUMBER) is State.DELIVERED


@pytest.mark.parametrize(("code", "rule"), [("XX", "PEPPOL-T111-B03001"), ("RE", "PEPPOL-T111-R001")])
def test_a_response_that_breaks_the_rules_waits_for_a_person(site: Site, code: str, rule: str) -> None:
    arrived = sent(site)
    site.network.outgoing.respond(arrived, Response(code, 0.0))
    item = came(site, 1)
    assert item.state is Stage.PARKED
    assert rule in item.sentence
    assert site.state(NUMBER) is State.SENT


@pytest.mark.parametrize("folder", ["good", "bad"])
def test_the_official_statuses_are_judged_as_they_are_meant(folder: str) -> None:
    stored = os.environ.get("GATEWAY_TESTDATA")
    if stored is None:
        pytest.skip("no official statuses: set GATEWAY_TESTDATA")
    files = sorted((Path(stored) / "mls" / folder).glob("*.xml"))
    taken = {file.name: _holds(file.read_bytes()) for file in files}
    assert set(taken.values()) == {folder == "good"}, taken


def _holds(document: bytes) -> bool:
    try:
        return not incoming.faults_of_status(document)
    except MalformedDocument:
        return False


def test_the_older_response_is_held_to_its_codes_alone() -> None:
    """It has rules of its own; what it cannot do without is a code that says something."""
    status = (
        '<ApplicationResponse xmlns="urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2" '
        'xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" '
        'xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">'
        "<cbc:CustomizationID>urn:fdc:peppol.eu:poacc:trns:mlr:3</cbc:CustomizationID>"
        "<cbc:ID>1</cbc:ID><cbc:IssueDate>2026-11-20</cbc:IssueDate><cac:DocumentResponse><cac:Response>"
        "<cbc:ResponseCode>{}</cbc:ResponseCode></cac:Response><cac:DocumentReference><cbc:ID>e-1</cbc:ID>"
        "</cac:DocumentReference></cac:DocumentResponse></ApplicationResponse>"
    )
    for code, faults in (("AP", 0), ("AB", 0), ("RE", 0), ("XZ", 1)):
        document = status.format(code).encode()
        assert message_level_status.read(document).code == code
        assert len(incoming.faults_of_status(document)) == faults
