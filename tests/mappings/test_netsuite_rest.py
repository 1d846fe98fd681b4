"""The mapping of NetSuite over SuiteQL and REST: what the connector brings from the imitated account."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from connectors.base import DeliveryState, StatusReport, Surroundings
from connectors.erp.netsuite_rest import NetSuiteRestSource
from connectors.erp.netsuite_rest_settings import NetSuiteRestSettings
from connectors.sandbox.netsuite import NetSuiteSandbox
from connectors.sandbox.netsuite_seeds import SEEDED_CREDIT_MEMOS, SEEDED_INVOICES
from formats.errors import MappingError
from formats.model import Invoice
from formats.model.plain import from_plain
from formats.profiles import peppol_bis3
from formats.syntaxes import ubl
from mappings.registry import library, load
from tests.conftest import SteppingClock
from tests.mappings.special_cases import absent_cases
from tests.mappings.test_netsuite import NO_ELECTRONIC_ADDRESS, OLD_TAX_CODE, WRONG_TOTAL, Rules, ways

CONFIG: Final = Path(__file__).parents[2] / "config"
EXAMPLES: Final = Path(__file__).parents[1] / "data" / "mappings"
COMPANY: Final[Mapping[str, Any]] = YAML(typ="safe").load(CONFIG / "companies" / "brightwater.yaml")
MAPPING: Final = load("netsuite_rest")
WITH_FILE: Final = "BW-2026-0111"


@dataclass
class Books:
    """The imitated account and a connector to it."""

    account: NetSuiteSandbox
    connector: NetSuiteRestSource

    def contents(self) -> dict[str, bytes]:
        """What the connector brings, by number."""
        found = (document.content for page in self.connector.pull("") for document in page.documents)
        return {json.loads(content)["record"]["tranid"]: content for content in found}

    def invoice(self, number: str) -> Invoice:
        return mapped(self.contents()[number])


def mapped(content: bytes) -> Invoice:
    return MAPPING.map(content, 0, COMPANY).invoice


@pytest.fixture
def books(clock: SteppingClock) -> Iterator[Books]:
    account = NetSuiteSandbox(0, clock=clock)
    account.start()
    secrets = account.secrets()
    sample: dict[str, Any] = YAML(typ="safe").load(CONFIG / "samples" / "sources" / "netsuite_rest.yaml")
    settings = NetSuiteRestSettings.model_validate(
        {**sample["settings"], "base_url": account.addresses()["rest"]}
    )
    surroundings = Surroundings(
        secret=lambda reference: secrets[reference.removeprefix("file:secrets/")],
        clock=clock,
        locked=lambda name: pytest.fail(f"no state is kept, {name} was asked for"),
    )
    connector = NetSuiteRestSource("netsuite-brightwater-rest", settings, surroundings)
    yield Books(account, connector)
    connector.close()
    account.stop()


@pytest.fixture(scope="module")
def saxon() -> Iterator[Rules]:
    with import_module("saxonche").PySaxonProcessor(license=False) as processor:
        yield Rules(processor)


def test_seeded_invoices_keep_the_official_rules(books: Books, saxon: Rules) -> None:
    """Mapped and written as Peppol BIS Billing 3.0; only buyers without an electronic address break one."""
    broken = {}
    for number, content in books.contents().items():
        if number != OLD_TAX_CODE:
            document = ubl.BINDING.write(peppol_bis3.PROFILE.prepare(mapped(content)))
            broken[number] = saxon.broken(document)
    held = {OLD_TAX_CODE, WRONG_TOTAL, WITH_FILE}
    assert set(broken) == {*SEEDED_INVOICES, *SEEDED_CREDIT_MEMOS} - held
    assert {number: rules for number, rules in broken.items() if rules} == {
        number: {"PEPPOL-EN16931-R010"} for number in NO_ELECTRONIC_ADDRESS
    }


def test_after_the_clerk_has_mended_them_all_keep_the_rules(books: Books, saxon: Rules) -> None:
    """The wrong total is put right by saving, the old tax code by another one."""
    books.account.mend()
    contents = books.contents()
    for number in (WRONG_TOTAL, OLD_TAX_CODE):
        document = ubl.BINDING.write(peppol_bis3.PROFILE.prepare(mapped(contents[number])))
        assert saxon.broken(document) == set()


def test_the_special_cases_of_invoicing_are_among_the_seeds(books: Books) -> None:
    """All but attachments, which this interface does not bring."""
    documents = {
        number: ubl.BINDING.write(peppol_bis3.PROFILE.prepare(mapped(content)))
        for number, content in books.contents().items()
        if number != OLD_TAX_CODE
    }
    assert absent_cases(documents) == ["BT-125"]


def test_totals_are_those_of_netsuite(books: Books) -> None:
    """BT-110 and BT-112 as stated; lines, allowances and charges make BT-109, and the breakdown BT-110."""
    for number, content in books.contents().items():
        if number == OLD_TAX_CODE:
            continue
        record = json.loads(content)["record"]
        invoice = mapped(content)
        totals = invoice.totals
        assert totals is not None
        assert [totals.vat, totals.with_vat] == [
            Decimal(record["taxtotal"]),
            abs(Decimal(record["foreigntotal"])),
        ]
        assert totals.lines is not None
        assert totals.without_vat == totals.lines - (totals.allowances or 0) + (totals.charges or 0)
        assert sum((row.tax_amount or Decimal(0) for row in invoice.vat_breakdown), Decimal(0)) == totals.vat


BOTH: Final = sorted(
    folder.name
    for folder in (EXAMPLES / "netsuite_rest").iterdir()
    if (folder / "invoice.json").is_file()
    and (EXAMPLES / "netsuite" / folder.name / "invoice.json").is_file()
)


@pytest.mark.parametrize("case", BOTH)
def test_both_interfaces_tell_the_same_invoice(case: str) -> None:
    """The same books over SOAP and over REST: the invoices differ in the numbers of the lines at most."""
    soap, rest = (
        from_plain(
            json.loads((EXAMPLES / name / case / "invoice.json").read_text("utf-8"), parse_float=Decimal)
        )
        for name in ("netsuite", "netsuite_rest")
    )
    assert without_line_numbers(rest) == without_line_numbers(soap)


def without_line_numbers(invoice: Invoice) -> Invoice:
    return replace(invoice, lines=tuple(replace(line, identifier=None) for line in invoice.lines))


def test_every_way_to_fill_a_term_names_the_field_in_netsuites_words() -> None:
    """So that a message about a business term tells a clerk where to look."""
    terms = YAML(typ="safe").load(library()["netsuite_rest.yaml"])["terms"]
    nameless = [name for name, way in ways(terms) if "const" not in way and not way.get("field")]
    assert nameless == []


def test_an_unknown_tax_code_stops_the_invoice_and_names_it(books: Books) -> None:
    """No VAT category is guessed."""
    with pytest.raises(MappingError, match="BTW21-OLD"):
        books.invoice(OLD_TAX_CODE)


def test_a_seller_without_a_number_in_netsuite_has_that_of_the_company_file() -> None:
    """No registration was valid on the day of the invoice; the company file answers for it."""
    content = (EXAMPLES / "netsuite_rest" / "no-valid-tax-registration" / "source.json").read_bytes()
    assert "federalIdNumber" not in json.loads(content)["seller"]
    seller = mapped(content).seller
    assert seller
    assert seller.vat_identifier == COMPANY["vat"]


def test_our_own_notes_and_payments_do_not_change_the_invoice(books: Books, clock: SteppingClock) -> None:
    """Not even its bytes."""
    before = books.contents()["BW-2026-0102"]
    clock.advance(minutes=5)
    report = StatusReport(
        "r", "invoice/1002", "BW-2026-0102", "", DeliveryState.REJECTED, "no such buyer", clock(), "m-1"
    )
    books.connector.report_status(report)
    books.account.pay("BW-2026-0102", Decimal("5.00"))
    assert books.contents()["BW-2026-0102"] == before
