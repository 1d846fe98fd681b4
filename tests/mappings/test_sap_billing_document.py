"""SAP billing documents read by OData as invoices: what each example is there for, and what is held."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from formats.errors import MappingError
from formats.identifiers import Identifier
from formats.model import Invoice
from formats.registry import PROFILES, SYNTAXES
from gateway.rules.engine import RulesEngine
from mappings.engine import CompiledMapping
from mappings.registry import load

CASES = Path(__file__).parents[1] / "data" / "mappings" / "sap_billing_document"
HELD = {
    "currency-with-three-decimals": "needs a third decimal",
    "foreign-tax-engine": "'O1' is not known",
    "one-time-customer": "Name of the bill-to party",
    "unknown-tax-code": "'A7' is not known",
    "unknown-unit": "'TU' is not known",
}
# What the official rules find in the others, for their own reasons.
FOUND = {
    "buyer-by-mail": {"PEPPOL-EN16931-R010"},
    "no-electronic-address": {"PEPPOL-EN16931-R010"},
    "export-outside-eu": {"PEPPOL-EN16931-R010"},
    "signs-in-texts": {"PEPPOL-EN16931-R010", "PEPPOL-EN16931-R003"},
    "wrong-total": {"BR-CO-15"},
}
NAMES = sorted(folder.name for folder in CASES.iterdir() if folder.is_dir())
D = Decimal
Row = dict[str, Any]
Change = Callable[[Row], object]


@pytest.fixture(scope="module")
def mapping() -> CompiledMapping:
    return load("sap_billing_document")


@pytest.fixture(scope="module")
def company() -> Mapping[str, Any]:
    facts: Mapping[str, Any] = YAML(typ="safe").load((CASES / "company.yaml").read_text("utf-8"))
    return facts


def source(name: str) -> Row:
    found: Row = json.loads((CASES / name / "source.json").read_text("utf-8"))
    return found


class Maps:
    """Maps one example by its name, after changes to its document."""

    def __init__(self, mapping: CompiledMapping, company: Mapping[str, Any]) -> None:
        self.mapping, self.company = mapping, company

    def __call__(self, name: str, *changes: Change) -> Invoice:
        document = source(name)
        for change in changes:
            change(document)
        return self.mapping.map(json.dumps(document).encode(), 0, self.company).invoice


@pytest.fixture(scope="module")
def invoice(mapping: CompiledMapping, company: Mapping[str, Any]) -> Maps:
    return Maps(mapping, company)


def first_item(document: Row) -> Row:
    item: Row = document["billing"]["to_Item"][0]
    return item


def tax_condition(document: Row) -> Row:
    found: Row = first_item(document)["taxes"][0]
    return found


@pytest.mark.parametrize("name", [name for name in NAMES if name not in HELD])
def test_a_sound_document_maps_to_what_sap_billed(invoice: Maps, name: str) -> None:
    billed, found = source(name), invoice(name)
    head, sign = billed["billing"], D(billed["sign"])
    assert found.number == head["BillingDocument"]
    assert str(found.issue_date) == head["BillingDocumentDate"]
    assert found.currency == head["TransactionCurrency"]
    assert found.totals is not None
    assert found.totals.without_vat == D(head["TotalNetAmount"]) * sign
    assert found.totals.vat == D(head["TaxAmount"]) * sign
    assert found.totals.with_vat == D(head["TotalGrossAmount"]) * sign
    assert sum((line.net_amount or D(0) for line in found.lines), D(0)) == found.totals.without_vat
    assert sum((row.tax_amount or D(0) for row in found.vat_breakdown), D(0)) == found.totals.vat
    assert found.seller is not None
    assert found.seller.name == "Nordlicht Maschinenbau GmbH"


@pytest.mark.parametrize("name", sorted(HELD))
def test_what_cannot_be_told_rightly_is_held_with_its_reason(invoice: Maps, name: str) -> None:
    with pytest.raises(MappingError) as caught:
        invoice(name)
    assert HELD[name] in caught.value.what
    assert caught.value.fix


def test_sound_documents_pass_the_official_rules(invoice: Maps) -> None:
    profile, engine = PROFILES["peppol-bis-3"], RulesEngine()
    broken = {}
    for name in NAMES:
        if name not in HELD:
            document = SYNTAXES[profile.syntax].write(profile.prepare(invoice(name)))
            broken[name] = {finding.rule for finding in engine.check(document, profile).findings}
    engine.close()
    assert len(broken) >= 20
    assert {name: rules for name, rules in broken.items() if rules} == FOUND


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("two-vat-rates", "380"),
        ("debit-note", "383"),
        ("credit-note", "381"),
        ("cancellation", "381"),
        ("prepayment", "386"),
    ],
)
def test_the_kind_says_the_type(invoice: Maps, name: str, code: str) -> None:
    assert invoice(name).type_code == code


def test_a_cancelled_credit_note_is_an_invoice(invoice: Maps) -> None:
    found = invoice("cancellation", lambda document: document.update(kind="credit-note-cancellation"))
    assert found.type_code == "380"


def test_two_rates_are_two_rows_with_sap_s_own_tax(invoice: Maps) -> None:
    rows = invoice("two-vat-rates").vat_breakdown
    assert [(row.rate, row.taxable_amount, row.tax_amount) for row in rows] == [
        (D(19), D("3680.00"), D("699.20")),
        (D(7), D("257.40"), D("18.02")),
    ]


def test_tax_that_sap_rounded_for_each_item_stays_what_was_billed(invoice: Maps) -> None:
    """Items of 0.03 at 19 % have 0.01 tax each; base times rate would be 0.02 less."""

    def of_three_cents(document: Row) -> None:
        head, item = document["billing"], first_item(document)
        tax = tax_condition(document)
        item.update(NetAmount="0.03", TaxAmount="0.01")
        tax.update(ConditionAmount="0.01", ConditionBaseValue="0.03")
        head["to_Item"] = [{**item, "BillingDocumentItem": str(number)} for number in (10, 20, 30, 40)]
        head.update(TotalNetAmount="0.12", TaxAmount="0.04", TotalGrossAmount="0.16")

    found = invoice("cash-sale", of_three_cents)
    assert found.totals is not None
    assert (found.totals.vat, found.vat_breakdown[0].tax_amount) == (D("0.04"), D("0.04"))


@pytest.mark.parametrize(
    ("name", "price", "base"),
    [("price-per-hundred", D("18.40"), D(100)), ("price-per-thousand", D("12.80"), D(1000))],
)
def test_a_price_unit_goes_along(invoice: Maps, name: str, price: Decimal, base: Decimal) -> None:
    found = invoice(name).lines[0].price
    assert found is not None
    assert (found.net, found.base_quantity, found.base_quantity_unit) == (price, base, "H87")


def test_a_price_in_another_unit_becomes_that_of_the_whole_quantity(invoice: Maps) -> None:
    def per_kilogram(document: Row) -> None:
        first_item(document)["prices"][0]["ConditionQuantityUnit"] = "KG"

    line = invoice("two-vat-rates", per_kilogram).lines[0]
    assert line.price is not None
    assert (line.price.net, line.price.base_quantity) == (D("3680.00"), D(2))


def test_discounts_are_allowances_of_the_line(invoice: Maps) -> None:
    line = invoice("discount-and-charge").lines[0]
    (allowance,), (charge,) = line.allowances, line.charges
    assert (allowance.amount, allowance.percentage, allowance.reason) == (
        D("60.87"),
        D(5),
        "Customer discount",
    )
    assert (charge.amount, charge.percentage) == (D("35.00"), None)


def test_items_that_are_no_lines_stay_out(invoice: Maps) -> None:
    """A text item is a note, a statistical one is nowhere, one taken back has a negative quantity."""
    found = invoice("sub-items-text-and-return")
    assert [line.identifier for line in found.lines] == ["10", "20", "40"]
    assert [note.text for note in found.notes] == ["Montage durch den Kunden"]
    assert [(line.quantity, line.net_amount) for line in found.lines] == [
        (D(2), D("820.00")),
        (D(2), D("0.00")),
        (D(-1), D("-60.00")),
    ]


def test_only_texts_for_the_customer_go_out(invoice: Maps) -> None:
    notes = [note.text or "" for note in invoice("two-vat-rates").notes]
    assert notes
    assert not any("margin" in note for note in notes)


def test_negative_credits_are_turned(invoice: Maps) -> None:
    positive, negative = invoice("cancellation"), invoice("cancellation-with-negative-amounts")
    assert negative.totals == positive.totals
    assert [line.net_amount for line in negative.lines] == [line.net_amount for line in positive.lines]


def test_a_credit_note_names_the_invoice(invoice: Maps) -> None:
    (preceding,) = invoice("credit-note").preceding_invoices
    assert (preceding.number, str(preceding.issue_date)) == ("90000201", "2026-10-05")
    assert invoice("credit-note-without-invoice").preceding_invoices == ()


def test_tax_in_the_company_s_currency_by_either_way_of_quoting(invoice: Maps) -> None:
    found = invoice("foreign-currency")
    assert found.totals is not None
    assert (found.currency, found.vat_currency, found.totals.vat_in_vat_currency) == (
        "USD",
        "EUR",
        D("4651.89"),
    )

    def indirect(document: Row) -> None:
        document["billing"].update(AcctgExchangeRateIsIndrctQtan=True, AbsltAccountingExchangeRate="1.25000")

    totals = invoice("foreign-currency", indirect).totals
    assert totals is not None
    assert totals.vat_in_vat_currency == D("4316.80")


def test_the_electronic_address_is_the_identification_then_the_gln(invoice: Maps) -> None:
    def address(*changes: Change) -> Identifier | None:
        buyer = invoice("two-vat-rates", *changes).buyer
        assert buyer is not None
        return buyer.electronic_address

    assert address() == Identifier("01062-80412-93", "0204")

    def only_gln(document: Row) -> None:
        document["buyer"].update(
            to_BuPaIdentification=[],
            InternationalLocationNumber1="4399876",
            InternationalLocationNumber2="50002",
            InternationalLocationNumber3="5",
        )

    assert address(only_gln) == Identifier("4399876500025", "0088")


def test_the_vat_number_is_the_document_s_then_the_partner_s(invoice: Maps) -> None:
    def number(*changes: Change) -> str | None:
        buyer = invoice("two-vat-rates", *changes).buyer
        assert buyer is not None
        return buyer.vat_identifier

    def without(document: Row) -> None:
        document["billing"]["VATRegistration"] = ""

    def long(document: Row) -> None:
        document["buyer"]["to_BusinessPartnerTax"] = [
            {"BPTaxType": "DE1", "BPTaxNumber": "21/815/08150"},
            {"BPTaxType": "DE0", "BPTaxNumber": "", "BPTaxLongNumber": "DE 111 111 125"},
        ]

    assert number() == "DE298745130"
    assert number(without) == "DE298745130"
    assert number(without, long) == "DE111111125"


def test_the_due_date_is_accounting_s_else_the_terms_speak(invoice: Maps) -> None:
    assert str(invoice("two-vat-rates").due_date) == "2026-11-04"
    found = invoice("no-due-date")
    assert (found.due_date, found.payment_terms) == (None, "30 days net")


def test_a_mandate_makes_it_a_direct_debit(invoice: Maps) -> None:
    payment = invoice("direct-debit").payment
    assert payment is not None
    assert (payment.means_code, payment.credit_transfers) == ("59", ())
    assert payment.direct_debit is not None
    assert payment.direct_debit.mandate == "MANDAT-2026-77"


def test_the_printed_document_goes_along(invoice: Maps) -> None:
    (document,) = invoice("printed-document").documents
    assert document.content is not None
    assert document.content.startswith(b"%PDF")


def test_goods_that_cross_a_border_say_where_to(invoice: Maps) -> None:
    delivery = invoice("delivery-elsewhere").delivery
    assert delivery is not None
    assert delivery.address is not None
    assert (delivery.address.country, delivery.address.city) == ("AT", "Schladming")


def test_a_total_that_does_not_fit_is_for_the_rules_to_say(invoice: Maps) -> None:
    found = invoice("wrong-total")
    assert found.totals is not None
    assert found.totals.with_vat != (found.totals.without_vat or D(0)) + (found.totals.vat or D(0))


def test_a_company_adds_its_own_codes(company: Mapping[str, Any]) -> None:
    own = load(
        "ours",
        {
            "ours.yaml": "mapping: ours\nversion: '1'\nextends: sap_billing_document\ntables:\n"
            "  units: {TU: C62}\n  tax_codes: {A7: {category: S}}\n\n"
        },
    )
    for name in ("unknown-unit", "unknown-tax-code"):
        assert own.map(json.dumps(source(name)).encode(), 0, company).invoice.lines
