"""Received invoices in the ERP's books: a draft made by the connector, once, and the file beside it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gateway import settings
from gateway.config_file import ConfigProblems
from gateway.store.inbox import State
from tests.gateway.peppol.conftest import SUPPLIER, Site, opened
from tests.gateway.stories import SharedRules

if find_spec("trytond") is None:
    pytest.skip("needs Tryton itself: pip install '.[tryton]'", allow_module_level=True)

from connectors.sandbox.faults import Fault
from connectors.sandbox.tryton import TrytonBehindFaults
from connectors.sandbox.tryton_server import DATABASE, PASSWORD, USER

SAMPLES = Path(__file__).parents[3] / "config" / "samples"


@pytest.fixture
def tryton() -> Iterator[TrytonBehindFaults]:
    system = TrytonBehindFaults()
    system.start()
    yield system
    system.stop()


@pytest.fixture
def books(tmp_path: Path, shared_rules: SharedRules, tryton: TrytonBehindFaults) -> Iterator[Site]:
    """A site whose received invoices go into a folder and to Tryton."""

    def settle(config: Path) -> None:
        sample = (SAMPLES / "companies" / "windmolen.yaml").read_text("utf-8")
        (config / "companies" / "windmolen.yaml").write_text(sample, "utf-8")
        sample = YAML(typ="safe").load((SAMPLES / "sources" / "tryton.yaml").read_text("utf-8"))
        sample["settings"] = {
            "base_url": tryton.addresses()["http"],
            "database": DATABASE,
            "user": USER,
            "password": "file:secrets/tryton_password",
            "company": tryton.company,
            "first_day": tryton.first_day.isoformat(),
            "purchase_account": "5.1.1",
            "payable_account": "2.1.1",
        }
        with (config / "sources" / "tryton.yaml").open("w") as file:
            YAML(typ="safe").dump(sample, file)
        (config / "secrets" / "tryton_password").write_text(PASSWORD, "utf-8")
        with (config / "gateway.yaml").open("a") as file:
            file.write("hand_over: {connector: tryton-windmolen}\n")

    with opened(tmp_path, shared_rules, settle) as made:
        yield made


def test_a_received_invoice_becomes_one_draft_whatever_happens(
    books: Site, tryton: TrytonBehindFaults
) -> None:
    """The supplier is made by a person first; then the answer of Tryton is lost; then it is there, once."""
    number = f"HO-{tryton.first_day:%m%d}"
    assert books.invoice(number).delivered
    books.until(lambda: "is not among the parties" in books.items()[0].sentence)
    (item,) = books.items()
    assert (item.state, item.due_at is None) == (State.CHECKED, False), "it is tried again by itself"
    assert "make the supplier" in item.fix
    folder = books.gateway.settings.folder / "received"
    assert list(folder.glob("*")) == [], "the file waits for the draft, so that nobody takes it twice"

    tryton.ask(
        "supplier", name=SUPPLIER["name"], vat=SUPPLIER["vat"], street="A 1", postal_code="1000", city="B"
    )
    tryton.faults.arm(Fault("drop-after", r"model\.account\.invoice\.create"))
    books.until(lambda: books.items()[0].state is State.HANDED_OVER)
    assert not tryton.faults.waiting()
    (draft,) = tryton.ask("purchases", reference=number)
    (item,) = books.items()
    (file,) = folder.glob("*.xml")
    assert item.handed_to.startswith(f"Tryton account.invoice,{draft['id']}")
    assert item.handed_to.endswith(str(file))
    assert draft["files"] == {file.name: file.read_text("utf-8")}
    assert draft["state"] == "draft"


def test_a_source_that_is_not_there_is_said_at_the_start(site: Site) -> None:
    with (site.gateway.settings.folder / "gateway.yaml").open("a") as file:
        file.write("hand_over: {connector: nobody}\n")
    with pytest.raises(ConfigProblems) as wrong:
        settings.read(site.gateway.settings.folder)
    assert "received invoices are to go to nobody" in str(wrong.value)


def test_an_erp_that_takes_none_is_named(tmp_path: Path, shared_rules: SharedRules) -> None:
    def settle(config: Path) -> None:
        (source,) = (config / "sources").glob("*.yaml")
        name = YAML(typ="safe").load(source.read_text("utf-8"))["name"]
        with (config / "gateway.yaml").open("a") as file:
            file.write(f"hand_over: {{connector: {name}}}\n")

    with opened(tmp_path, shared_rules, settle) as site:
        assert site.invoice("HO-1").delivered
        site.until(lambda: "does not take received invoices" in site.items()[0].sentence)
        assert site.items()[0].state is State.CHECKED
