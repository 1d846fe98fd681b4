"""The mapping of Odoo: what the connector brings from the imitated books becomes invoices that keep the
rules.

`python -m tests.mappings.test_odoo` writes the sources of the examples anew from CASES, and what comes out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from connectors.base import SourceDocument, Surroundings
from connectors.erp.odoo import Odoo, OdooSettings
from connectors.sandbox.odoo import API_KEY, DATABASE, USER, ImitatedOdoo
from connectors.sandbox.odoo_clerk import Clerk, Item
from formats.errors import MappingError
from formats.model import Invoice
from formats.model.plain import from_plain
from formats.profiles import peppol_bis3
from formats.syntaxes import ubl
from gateway.mapping_examples import accept, cases
from mappings.registry import load
from tests.mappings.test_netsuite import Rules

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "tests" / "data" / "mappings"
COMPANY: Final[Mapping[str, Any]] = YAML(typ="safe").load(ROOT / "config/samples/companies/lindehoeve.yaml")
MAPPING: Final = load("odoo")
NOON: Final = datetime(2026, 11, 9, 12, 0, 0, 250_000, UTC)
BEANS: Final = Item(
    "Roasted coffee, Ethiopia", "12", "18.50", unit="kg", code="RC-ET", barcode="5400000000010"
)
TRAINING: Final = Item("Barista training", "3", "65.00", unit="Hours")

# What a clerk does for each example; the invoice that counts is the one whose id is given.
CASES: Final[Mapping[str, Callable[[Clerk], int]]] = {
    "plain": lambda clerk: clerk.invoice("Kessel", [BEANS, TRAINING], ref="PO-7101"),
    "two-vat-rates": lambda clerk: clerk.invoice("Kessel", [BEANS, Item("Handbook", "4", "22.40", "6%")]),
    "credit-note": lambda clerk: clerk.invoice(
        "Kessel", [BEANS], credits=clerk.invoice("Kessel", [BEANS], on=NOON.date() - timedelta(days=9))
    ),
    "credit-note-without-invoice": lambda clerk: clerk.invoice("Kessel", [BEANS], refund=True),
    "foreign-currency": lambda clerk: clerk.invoice("Kessel", [BEANS, TRAINING], currency="USD"),
    "currency-without-decimals": lambda clerk: clerk.invoice(
        "Prairie",
        [Item("Green coffee", "3", "4250", "0% Export", unit="kg")],
        currency="JPY",
        delivery_date="2026-11-08",
    ),
    "currency-with-three-decimals": lambda clerk: clerk.invoice(
        "Kessel", [Item("Green coffee", "3", "41.25", unit="kg")], currency="KWD"
    ),
    "currency-with-three-decimals-that-fit": lambda clerk: clerk.invoice(
        "Kessel", [Item("Green coffee", "4", "41.25", unit="kg")], currency="KWD"
    ),
    "export-outside-eu": lambda clerk: clerk.invoice(
        "Prairie", [Item("Roasted coffee", "12", "18.50", "0% Export", unit="kg")], delivery_date="2026-11-06"
    ),
    "intra-community-delivery": lambda clerk: clerk.invoice(
        "Grachtzicht", [Item("Green coffee", "20", "14.10", "0% EU G", unit="kg")], delivery_date="2026-11-05"
    ),
    "reverse-charge": lambda clerk: clerk.invoice(
        "Rösterei", [Item("Roasting advice", "6.5", "110", "0% EU S", unit="Hours")]
    ),
    "exempt": lambda clerk: clerk.invoice("Kessel", [Item("Vocational course", "1", "480", "0% Exempt")]),
    "line-discount": lambda clerk: clerk.invoice(
        "Kessel", [Item("Roasted coffee, Brazil", "7", "14.99", unit="kg", discount="12.5"), TRAINING]
    ),
    "price-that-holds-the-vat": lambda clerk: clerk.invoice(
        "Kessel",
        [Item("Cup", "7", "4.99", "21% incl.", discount="10"), Item("Jug", "1", "12.10", "21% incl.")],
    ),
    "prepayment-taken-off": lambda clerk: clerk.invoice(
        "Kessel", [BEANS, Item("Down payment of 2 November", "1", "-100.00")]
    ),
    "discount-on-the-order": lambda clerk: clerk.invoice(
        "Kessel",
        [
            BEANS,
            Item("Handbook", "4", "22.40", "6%"),
            Item("Discount: 10%", "1", "-22.20", on_order=True),
            Item("Discount: 10%", "1", "-8.96", "6%", on_order=True),
        ],
    ),
    "discount-and-delivery": lambda clerk: clerk.invoice(
        "Kessel",
        [
            BEANS,
            Item("Coupon of the autumn fair", "1", "-15.00", code="DISC"),
            Item("Standard delivery", "1", "9.50", code="Delivery_007"),
        ],
    ),
    "delivery-alone": lambda clerk: clerk.invoice(
        "Kessel", [Item("Standard delivery", "1", "9.50", code="Delivery_007")]
    ),
    "credit-note-of-a-discount": lambda clerk: clerk.invoice(
        "Kessel", [BEANS, Item("Discount: 10%", "1", "-22.20", on_order=True)], refund=True
    ),
    "returned-goods": lambda clerk: clerk.invoice("Kessel", [BEANS, Item("Returned jar", "-2", "8.00")]),
    "cash-rounding": lambda clerk: clerk.invoice("Kessel", [Item("Cup", "3", "4.99")], rounding="-0.01"),
    "contact-and-delivery-address": lambda clerk: clerk.invoice(
        "Kessel",
        [BEANS],
        contact=clerk.buyer(
            "BE",
            name="Kessel Horeca, Bar Vismarkt",
            parent_id=clerk.buyers["Kessel"],
            street="Vismarkt 2",
            zip="3000",
            city="Leuven",
            email="bar@kessel.example",
        ),
        shipped_to=clerk.buyer(
            "NL", name="Kessel Beach Bar", street="Strandweg 1", zip="4501", city="Cadzand"
        ),
        delivery_date="2026-11-06",
    ),
    "archived-unit": lambda clerk: clerk.invoice(
        "Kessel", [Item("Green coffee", "2", "900", unit="Pallets")]
    ),
    "notes-and-rich-text": lambda clerk: clerk.invoice(
        "Kessel",
        [Item("Coffee", kind="line_section"), BEANS, Item("Roasted on 3 November", kind="line_note")],
        narration="<p>Thanks &amp; <b>see you</b><br/>soon</p><ul><li>1% off within 8 days</li></ul>"
        "<script>alert(1)</script>",
    ),
    "service-period": lambda clerk: clerk.invoice(
        "Kessel", [Item("Machine rental", "1", "240", period=("2026-11-01", "2026-11-30"))]
    ),
    "tax-rounded-on-each-line": lambda clerk: clerk.invoice(
        "Kessel", [Item(f"Sachet {number}", "1", "0.12") for number in range(1, 6)]
    ),
    "free-of-charge": lambda clerk: clerk.invoice(
        "Kessel", [BEANS, Item("Sample", "1", "9", discount="100")]
    ),
    "no-electronic-address": lambda clerk: clerk.invoice(
        "Prairie", [Item("Roasted coffee", "10", "16", "0% Export", unit="kg")], delivery_date="2026-11-05"
    ),
    "unknown-unit": lambda clerk: clerk.invoice("Kessel", [Item("Pods", "2", "10", unit=_new_unit(clerk))]),
    "unknown-tax": lambda clerk: clerk.invoice("Kessel", [Item("Used grinder", "1", "450", "0% margin")]),
    "line-without-tax": lambda clerk: clerk.invoice("Kessel", [Item("Deposit", "1", "50", ())]),
}
# Which rules an example breaks on purpose; all others break none.
BREAKS: Final[Mapping[str, set[str]]] = {
    "no-electronic-address": {"PEPPOL-EN16931-R010"},
    "currency-without-decimals": {"PEPPOL-EN16931-R010"},
    "export-outside-eu": {"PEPPOL-EN16931-R010"},
}


def _new_unit(clerk: Clerk) -> str:
    clerk.units["Sleeves"] = clerk.make_unit("Sleeves")
    return "Sleeves"


@dataclass
class Books:
    """The imitated books and a connector to them."""

    odoo: ImitatedOdoo
    connector: Odoo

    def document(self, key: int) -> SourceDocument:
        found = [one for page in self.connector.pull("") for one in page.documents if one.key == str(key)]
        assert len(found) == 1
        return found[0]

    def invoice(self, key: int) -> Invoice:
        return MAPPING.map(self.document(key).content, 0, COMPANY).invoice


@contextmanager
def opened(now: Callable[[], datetime] = lambda: NOON, version: int = 17) -> Iterator[Books]:
    """Books without an invoice, at noon of a Monday."""
    odoo = ImitatedOdoo(0, clock=now, empty=True, version=version)
    odoo.start()
    settings = OdooSettings(
        base_url=odoo.addresses()["http"], database=DATABASE, user=USER, api_key="file:secrets/odoo_api_key"
    )
    connector = Odoo("odoo", settings, Surroundings(lambda _: API_KEY, now, _no_cell))
    try:
        yield Books(odoo, connector)
        assert odoo.failures == []
    finally:
        connector.close()
        odoo.stop()


def _no_cell(name: str) -> Any:
    raise AssertionError(f"no state is kept, and {name} was asked for")


@pytest.fixture
def books() -> Iterator[Books]:
    with opened() as found:
        yield found


@pytest.mark.parametrize("case", CASES)
def test_an_example_is_what_the_connector_brings(case: str, books: Books) -> None:
    """So that connector, imitation and mapping cannot part ways unseen."""
    content = books.document(CASES[case](books.odoo.clerk)).content
    assert content == (EXAMPLES / "odoo" / case / "source.json").read_bytes().rstrip(b"\n")


def test_every_example_has_its_making() -> None:
    assert {case.name for case in cases(EXAMPLES, "odoo")} == set(CASES)


@pytest.fixture(scope="module")
def saxon() -> Iterator[Rules]:
    saxonc = pytest.importorskip("saxonche", reason="the rules' judge is not installed")
    with saxonc.PySaxonProcessor(license=False) as processor:
        yield Rules(processor)


@pytest.mark.parametrize(
    "case", [case.name for case in cases(EXAMPLES, "odoo") if not (case.folder / "problem.txt").is_file()]
)
def test_examples_keep_the_official_rules(case: str, saxon: Rules) -> None:
    """After mapping and writing as Peppol BIS Billing 3.0."""
    invoice = from_plain(json.loads((EXAMPLES / "odoo" / case / "invoice.json").read_text("utf-8")))
    broken = saxon.broken(ubl.BINDING.write(peppol_bis3.PROFILE.prepare(invoice)))
    assert broken == BREAKS.get(case, set())


@pytest.mark.parametrize(
    "case", ["plain", "line-discount", "tax-rounded-on-each-line", "prepayment-taken-off"]
)
def test_totals_are_those_of_odoo(case: str, books: Books) -> None:
    """To the cent, although Odoo rounds tax on each line and adds up binary fractions."""
    key = CASES[case](books.odoo.clerk)
    move, totals = books.odoo.database.row("account.move", key), books.invoice(key).totals
    assert totals is not None
    assert [float(str(one)) for one in (totals.without_vat, totals.vat)] == [
        move["amount_untaxed"],
        move["amount_tax"],
    ]
    assert totals.due == Decimal(str(move["amount_total"])).quantize(Decimal("0.01"))


def test_without_the_module_for_e_invoices_the_name_of_the_tax_decides(books: Books) -> None:
    for name in ("ubl_cii_tax_category_code", "ubl_cii_tax_exemption_reason_code"):
        books.odoo.absent.add(("account.tax", name))
    clerk = books.odoo.clerk
    taxes = ("21%", "0% EU G", "0% EU S", "0% Export")
    key = clerk.invoice("Kessel", [Item("Coffee", "1", "10", tax) for tax in taxes])
    lines = books.invoice(key).lines
    assert [line.vat.category for line in lines if line.vat] == ["S", "K", "AE", "G"]


def test_discounts_on_the_order_and_delivery_are_allowances_and_charges(books: Books) -> None:
    """And down payments, which are taken off likewise, stay lines."""
    clerk = books.odoo.clerk
    items = [
        BEANS,
        Item("Discount: 10%", "1", "-22.20", on_order=True),
        Item("Standard delivery", "1", "9.50", code="Delivery_007"),
        Item("Down payment of 2 November", "1", "-100.00"),
    ]
    invoice = books.invoice(clerk.invoice("Kessel", items))
    assert [(one.amount, one.vat_rate) for one in invoice.allowances] == [(Decimal("22.20"), Decimal(21))]
    assert [(one.amount, one.reason_code) for one in invoice.charges] == [(Decimal("9.50"), "FC")]
    assert [line.net_amount for line in invoice.lines] == [Decimal("222.00"), Decimal("-100.00")]


@pytest.mark.parametrize("version", [17, 19])
def test_a_discount_on_the_order_is_known_in_each_version_that_makes_one(version: int) -> None:
    """By the company's product for discounts, or by what Odoo 19 keeps on the line."""
    with opened(version=version) as books:
        if version == 19:
            books.odoo.absent.add(("res.company", "sale_discount_product_id"))
        clerk = books.odoo.clerk
        key = clerk.invoice("Kessel", [BEANS, Item("Discount: 10%", "1", "-22.20", on_order=True)])
        assert len(books.invoice(key).allowances) == 1


def test_before_odoo_made_discounts_on_orders_what_is_taken_off_stays_a_line() -> None:
    with opened(version=16) as books:
        clerk = books.odoo.clerk
        key = clerk.invoice("Kessel", [BEANS, Item("Discount: 10%", "1", "-22.20", on_order=True)])
        invoice = books.invoice(key)
    assert (len(invoice.lines), invoice.allowances) == (2, ())


def test_a_refused_invoice_names_field_and_remedy(books: Books) -> None:
    content = books.document(CASES["unknown-tax"](books.odoo.clerk)).content
    with pytest.raises(MappingError) as refused:
        MAPPING.map(content, 0, COMPANY)
    assert "0% margin" in str(refused.value)
    assert refused.value.term in ("BT-118", "BT-151")


def _renew() -> None:
    home = EXAMPLES / "odoo"
    for name, make in CASES.items():
        with opened() as found:
            content = found.document(make(found.odoo.clerk)).content
        folder = home / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "source.json").write_bytes(content + b"\n")
    (home / "company.yaml").write_text(
        (ROOT / "config/samples/companies/lindehoeve.yaml").read_text("utf-8"), "utf-8"
    )
    for case in cases(EXAMPLES, "odoo"):
        accept(case, MAPPING)


if __name__ == "__main__":
    import_module("tests.mappings.test_odoo")._renew()
