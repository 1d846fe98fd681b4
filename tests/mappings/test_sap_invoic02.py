"""INVOIC02 IDocs of the imitated SAP as invoices: what each seed is there for, and what goes wrong with the
faulty ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from connectors.sandbox.sap_documents import Billing, idoc, idoc_file
from connectors.sandbox.sap_seeds import BILLINGS, MENDED
from formats import money
from formats.errors import DocumentError, MalformedDocument, MappingError
from formats.identifiers import Identifier
from formats.model import Invoice
from formats.registry import PROFILES, SYNTAXES
from gateway.rules.engine import RulesEngine
from mappings.engine import CompiledMapping
from mappings.provenance import Mapped
from mappings.registry import load
from tests.mappings.special_cases import absent_cases

CONFIG = Path(__file__).parents[2] / "config"
FAULTY = {"0090000213"}
BY_NUMBER = {billing.number: billing for billing in BILLINGS}
D = Decimal


@pytest.fixture(scope="module")
def mapping() -> CompiledMapping:
    return load("sap_invoic02")


@pytest.fixture(scope="module")
def company() -> Mapping[str, Any]:
    facts: Mapping[str, Any] = YAML(typ="safe").load(
        (CONFIG / "companies" / "nordlicht.yaml").read_text("utf-8")
    )
    return facts


def content_of(*billings: Billing, encoding: str = "UTF-8") -> bytes:
    return idoc_file(
        (idoc(billing, 471100 + position) for position, billing in enumerate(billings)), encoding=encoding
    )


class Maps:
    """Maps one seed by its number, after changes to the text of its IDoc."""

    def __init__(self, mapping: CompiledMapping, company: Mapping[str, Any]) -> None:
        self.mapping = mapping
        self.company = company

    def mapped(self, number: str, *changes: tuple[str, str]) -> Mapped:
        text = content_of(BY_NUMBER[f"00{number}"]).decode()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return self.mapping.map(text.encode(), 0, self.company)

    def __call__(self, number: str, *changes: tuple[str, str]) -> Invoice:
        return self.mapped(number, *changes).invoice


@pytest.fixture(scope="module")
def invoice(mapping: CompiledMapping, company: Mapping[str, Any]) -> Maps:
    return Maps(mapping, company)


def breakdown(invoice: Invoice) -> list[tuple[str | None, Decimal | None, Decimal | None, Decimal | None]]:
    return [(row.category, row.rate, row.taxable_amount, row.tax_amount) for row in invoice.vat_breakdown]


def total(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


@pytest.mark.parametrize("billing", BILLINGS, ids=lambda billing: billing.number)
def test_every_sound_document_maps_to_what_sap_billed(invoice: Maps, billing: Billing) -> None:
    if billing.number in FAULTY:
        with pytest.raises(MappingError):
            invoice(billing.number.lstrip("0"))
        return
    found = invoice(billing.number.lstrip("0"))
    assert found.number == billing.number.lstrip("0")
    assert found.issue_date == billing.on
    assert found.type_code == ("381" if billing.credit else "380")
    assert found.totals is not None
    assert found.totals.without_vat == billing.net
    assert found.totals.vat == billing.tax
    assert found.totals.with_vat == billing.total + billing.error_in_total
    assert found.totals.lines == total(item.net for item in billing.items)
    assert total(row.tax_amount for row in found.vat_breakdown) == billing.tax
    assert total(row.taxable_amount for row in found.vat_breakdown) == billing.net
    assert len(found.lines) == len(billing.items)


def test_every_sound_invoice_passes_the_official_rules(invoice: Maps) -> None:
    """EN 16931 and Peppol BIS Billing; those without an electronic address lack that only, and the wrong
    total is found."""
    profile, engine = PROFILES["peppol-bis-3"], RulesEngine()
    broken = {}
    for billing in BILLINGS:
        if billing.number not in FAULTY:
            number = billing.number.lstrip("0")
            document = SYNTAXES[profile.syntax].write(profile.prepare(invoice(number)))
            broken[number] = {finding.rule for finding in engine.check(document, profile).findings}
    engine.close()
    assert len(broken) == len(BILLINGS) - len(FAULTY)
    assert {number: rules for number, rules in broken.items() if rules} == {
        "90000210": {"PEPPOL-EN16931-R010"},
        "90000211": {"PEPPOL-EN16931-R010"},
        "90000212": {"BR-CO-15"},
    }


def test_the_special_cases_of_invoicing_are_among_the_seeds(invoice: Maps) -> None:
    profile = PROFILES["peppol-bis-3"]
    numbers = [billing.number.lstrip("0") for billing in BILLINGS if billing.number not in FAULTY]
    documents = {
        number: SYNTAXES[profile.syntax].write(profile.prepare(invoice(number))) for number in numbers
    }
    assert absent_cases(documents) == []


@pytest.mark.parametrize(
    ("sum_id", "term", "name"),
    [
        ("010", "BT-109", "Net invoice value"),
        ("005", "BT-110", "Sales tax"),
        ("011", "BT-112", "Billed value"),
    ],
)
def test_a_total_that_sap_does_not_state_is_not_made_up(
    invoice: Maps, sum_id: str, term: str, name: str
) -> None:
    """The message names the segment and its qualifier."""
    with pytest.raises(MappingError, match=name) as caught:
        invoice("90000201", (f"<SUMID>{sum_id}</SUMID>", "<SUMID>099</SUMID>"))
    assert caught.value.term == term
    assert f"E1EDS01 {sum_id}" in caught.value.field
    assert "E1EDS01" in caught.value.fix


def test_an_idoc_without_any_totals_names_all_three(invoice: Maps) -> None:
    with pytest.raises(MappingError, match=r"E1EDS01 010.*E1EDS01 005.*E1EDS01 011"):
        invoice("90000201", ("E1EDS01", "E1EDSXX"))


def test_the_tax_of_a_rate_is_what_sap_says(invoice: Maps) -> None:
    """So that the official rules see that it is not what its base and rate make."""
    found = invoice("90000201", ("<MSATZ>7.000</MSATZ><MWSBT>18.02</MWSBT></E1EDK04>",
                                 "<MSATZ>7.000</MSATZ><MWSBT>28.02</MWSBT></E1EDK04>"))  # fmt: skip
    assert breakdown(found) == [
        ("S", D(19), D("3680.00"), D("699.20")),
        ("S", D(7), D("257.40"), D("28.02")),
    ]
    profile, engine = PROFILES["peppol-bis-3"], RulesEngine()
    report = engine.check(SYNTAXES[profile.syntax].write(profile.prepare(found)), profile)
    engine.close()
    assert {finding.rule for finding in report.findings} >= {"BR-CO-14", "BR-S-09"}


def test_two_tax_codes_of_one_rate_are_one_row(invoice: Maps) -> None:
    """SAP has one E1EDK04 for each code, the invoice one row for each category and rate."""
    row = '<E1EDK04 SEGMENT="1"><MWSKZ>A2</MWSKZ><MSATZ>7.000</MSATZ><MWSBT>{}</MWSBT></E1EDK04>'
    rows = (row.format("18.02"), row.format("8.02") + row.format("10.00"))
    assert breakdown(invoice("90000201", rows)) == breakdown(invoice("90000201"))


def test_a_rate_that_sap_leaves_out_of_the_tax_rows_is_summed_from_the_items(invoice: Maps) -> None:
    """Some systems put out no E1EDK04 where there is no tax."""
    left_out = '<E1EDK04 SEGMENT="1"><MWSKZ>AE</MWSKZ><MSATZ>0.000</MSATZ><MWSBT>0.00</MWSBT></E1EDK04>'
    found = invoice("90000205", (left_out, ""))
    assert sorted(breakdown(found), key=str) == sorted(breakdown(invoice("90000205")), key=str)
    (exempt,) = (row for row in found.vat_breakdown if row.category == "E")
    assert exempt.exemption_reason_code == "VATEX-EU-132-1I"


def test_the_origin_of_a_tax_amount_is_its_segment_and_not_a_computation(invoice: Maps) -> None:
    mapped = invoice.mapped("90000201")
    assert [origin.field for origin in mapped.of("BT-117")] == [
        "Tax amount of the tax code (E1EDK04-MWSBT)"
    ] * 2
    assert all(origin.source.startswith("computed") for origin in mapped.of("BT-116"))


@pytest.mark.parametrize(("sentence", "billing"), MENDED)
def test_a_mended_document_maps(
    mapping: CompiledMapping, company: Mapping[str, Any], sentence: str, billing: Billing
) -> None:
    found = mapping.map(content_of(billing), 0, company).invoice
    assert found.number is not None
    assert found.number in sentence
    assert found.totals is not None
    assert found.totals.with_vat == billing.total
    assert found.buyer is not None
    assert found.buyer.electronic_address is not None


def test_the_seller_is_the_company_of_the_configuration(invoice: Maps) -> None:
    seller = invoice("90000201").seller
    assert seller is not None
    assert seller.name == "Nordlicht Maschinenbau GmbH"
    assert seller.vat_identifier == "DE814567205"
    assert seller.electronic_address == Identifier("DE814567205", "9930")
    assert seller.legal_registration == Identifier("HRB 20417 KI")
    assert seller.address is not None
    assert (seller.address.post_code, seller.address.country) == ("24143", "DE")
    assert seller.contact is not None
    assert seller.contact.email == "rechnung@nordlicht-maschinenbau.example"


def test_the_buyer_is_the_bill_to_party(invoice: Maps) -> None:
    buyer = invoice("90000201").buyer
    assert buyer is not None
    assert buyer.name == "Stadtwerke Elbmarsch AöR"
    assert buyer.vat_identifier == "DE298745130"
    assert buyer.identifier == Identifier("100001")
    assert buyer.electronic_address == Identifier("01062-80412-93", "0204")
    assert buyer.address is not None
    assert buyer.address.city == "Glückstadt"
    assert buyer.contact is not None
    assert buyer.contact.telephone == "+49 4124 555010"


def test_without_a_bill_to_party_the_sold_to_party_is_the_buyer(invoice: Maps) -> None:
    found = invoice("90000205", ("<PARVW>RE</PARVW>", "<PARVW>XX</PARVW>"))
    assert found.buyer is not None
    assert found.buyer.name == "Hafenlogistik Förde AG"
    assert found.buyer.electronic_address == Identifier("4399876500025", "0088")


def test_a_long_name_goes_on_in_the_second_field(invoice: Maps) -> None:
    found = invoice("90000206")
    assert found.buyer is not None
    assert found.buyer.name == "Ostsee Offshore Services GmbH Windparkbetrieb"


def test_references_lose_their_padding(invoice: Maps) -> None:
    found = invoice("90000201")
    assert found.buyer_reference == "01062-80412-93"
    assert found.purchase_order_reference == "4500112233"
    assert found.sales_order_reference == "51001"
    assert found.contract_reference == "40000077"
    assert found.despatch_advice_reference == "80007001"


def test_the_issue_date_is_the_billing_date_not_that_of_the_output(invoice: Maps) -> None:
    found = invoice("90000201")
    assert found.issue_date == date(2026, 10, 5)
    assert found.due_date == date(2026, 11, 4)
    assert found.payment_terms == "30 Tage netto ohne Abzug"


def test_an_empty_sap_date_falls_back_to_the_next_one(invoice: Maps) -> None:
    changed = (
        "<BELNR>0090000201</BELNR><DATUM>20261005</DATUM>",
        "<BELNR>0090000201</BELNR><DATUM>00000000</DATUM>",
    )
    assert invoice("90000201", changed).issue_date == date(2026, 10, 5)


def test_only_texts_for_customers_become_notes(invoice: Maps) -> None:
    notes = [note.text for note in invoice("90000201").notes]
    assert notes == ["Vielen Dank für Ihren Auftrag. Bitte geben Sie bei Zahlung die Rechnungsnummer an."]


def test_two_rates_make_two_rows(invoice: Maps) -> None:
    assert breakdown(invoice("90000201")) == [
        ("S", D(19), D("3680.00"), D("699.20")),
        ("S", D(7), D("257.40"), D("18.02")),
    ]


def test_a_line_has_its_identifiers(invoice: Maps) -> None:
    line = invoice("90000201").lines[0]
    assert (line.identifier, line.quantity, line.unit, line.purchase_order_line) == ("10", D(2), "H87", "10")
    assert line.item is not None
    assert line.item.seller_identifier == "WI-2500"
    assert line.item.buyer_identifier == "SW-25"
    assert line.item.standard_identifier == Identifier("4260123401009", "0160")


def test_allowances_and_charges_of_lines_and_document(invoice: Maps) -> None:
    found = invoice("90000202")
    [allowance], [charge] = found.lines[0].allowances, found.lines[0].charges
    assert (allowance.amount, allowance.base_amount, allowance.percentage) == (D("60.87"), D("1217.43"), D(5))
    assert (allowance.reason, allowance.reason_code) == ("Kundenrabatt", "95")
    assert (charge.amount, charge.reason, charge.reason_code) == (D("35.00"), "Zuschnitt", None)
    assert found.lines[0].net_amount == D("1191.56")
    [allowance], [charge] = found.allowances, found.charges
    assert (allowance.amount, allowance.vat_category, allowance.vat_rate) == (D("100.00"), "S", D(19))
    assert (charge.amount, charge.reason, charge.reason_code) == (D("48.50"), "Fracht", "FC")
    assert found.totals is not None
    assert (found.totals.allowances, found.totals.charges) == (D("100.00"), D("48.50"))


def test_prices_costs_and_subtotals_are_not_charges(invoice: Maps) -> None:
    cost = '<E1EDP05 SEGMENT="1"><ALCKZ>+</ALCKZ><KSCHL>VPRS</KSCHL><BETRG>900.00</BETRG></E1EDP05><E1EDP04 '
    found = invoice("90000201", ("<E1EDP04 ", cost))
    assert all(not line.charges and not line.allowances for line in found.lines)


@pytest.mark.parametrize(
    ("number", "category", "code"),
    [
        ("90000203", "AE", "VATEX-EU-AE"),
        ("90000204", "K", "VATEX-EU-IC"),
        ("90000205", "E", "VATEX-EU-132-1I"),
        ("90000302", "AE", "VATEX-EU-AE"),
    ],
)
def test_untaxed_supplies_say_why(invoice: Maps, number: str, category: str, code: str) -> None:
    row = invoice(number).vat_breakdown[0]
    assert (row.category, row.rate, row.tax_amount) == (category, D(0), D("0.00"))
    assert row.exemption_reason_code == code
    assert row.exemption_reason


def test_an_exempt_line_beside_a_taxed_one(invoice: Maps) -> None:
    assert breakdown(invoice("90000205")) == [
        ("E", D(0), D("1360.00"), D("0.00")),
        ("S", D(19), D("196.00"), D("37.24")),
    ]


def test_an_intra_community_supply_names_date_and_country_of_delivery(invoice: Maps) -> None:
    delivery = invoice("90000204").delivery
    assert delivery is not None
    assert delivery.delivered_on == date(2026, 10, 10)
    assert delivery.name == "Van der Linden Magazijn"
    assert delivery.address is not None
    assert (delivery.address.line_1, delivery.address.country) == ("Eemhavenstraat 5", "NL")


def test_a_foreign_currency_brings_the_vat_in_the_company_currency(invoice: Maps) -> None:
    found = invoice("90000206")
    assert (found.currency, found.vat_currency) == ("USD", "EUR")
    assert found.totals is not None
    assert found.totals.vat == D("5396.00")
    assert found.totals.vat_in_vat_currency == D("4651.89")
    assert found.payment is not None
    assert found.payment.means_code == "30"


def test_an_invoice_in_the_company_currency_has_no_second_vat_total(invoice: Maps) -> None:
    found = invoice("90000201")
    assert found.vat_currency is None
    assert found.totals is not None
    assert found.totals.vat_in_vat_currency is None


def test_a_down_payment_reduces_what_is_due_and_no_line(invoice: Maps) -> None:
    found = invoice("90000207")
    assert found.totals is not None
    assert (found.totals.paid, found.totals.with_vat, found.totals.due) == (
        D("5000.00"),
        D("12459.30"),
        D("7459.30"),
    )
    assert found.allowances == ()


def test_a_price_per_hundred_keeps_its_base_quantity(invoice: Maps) -> None:
    [line] = invoice("90000208").lines
    assert line.price is not None
    assert (line.price.net, line.price.base_quantity, line.price.base_quantity_unit) == (
        D("18.40"),
        D(100),
        "H87",
    )
    assert (line.quantity, line.net_amount) == (D(2500), D("460.00"))


@pytest.mark.parametrize(
    "change", [("<MEAUN>PCE</MEAUN>", "<MEAUN>KGM</MEAUN>"), ("<KSCHL>PPR0", "<KSCHL>ZPRX")]
)
def test_a_price_in_another_unit_becomes_the_price_of_the_whole_quantity(
    invoice: Maps, change: tuple[str, str]
) -> None:
    [line] = invoice("90000208", change).lines
    assert line.price is not None
    assert (line.price.net, line.price.base_quantity) == (D("460.00"), D(2500))


def test_an_attached_file_comes_out_whole(invoice: Maps) -> None:
    [document] = invoice("90000209").documents
    attachment = BY_NUMBER["0090000209"].attachment
    assert attachment is not None
    assert document.filename == "Stundennachweis_90000209.pdf"
    assert document.media_type == "application/pdf"
    assert document.content == attachment[2]


def test_a_buyer_with_a_mailbox_only(invoice: Maps) -> None:
    buyer = invoice("90000210").buyer
    assert buyer is not None
    assert buyer.electronic_address is None
    assert buyer.contact is not None
    assert buyer.contact.email == "rechnung@baeckerei-soerensen.example"


def test_a_buyer_with_no_way_to_reach_it_maps_all_the_same(invoice: Maps) -> None:
    buyer = invoice("90000211").buyer
    assert buyer is not None
    assert buyer.electronic_address is None
    assert buyer.contact is None


def test_wrong_totals_are_recorded_as_they_were_said(invoice: Maps) -> None:
    totals = invoice("90000212").totals
    assert totals is not None
    assert totals.without_vat is not None
    assert totals.vat is not None
    assert totals.with_vat == totals.without_vat + totals.vat + D("90.00")


def test_a_credit_memo_names_the_invoice_it_credits(invoice: Maps) -> None:
    found = invoice("90000301")
    assert found.is_credit_note
    [preceding] = found.preceding_invoices
    assert (preceding.number, preceding.issue_date) == ("90000201", date(2026, 10, 5))
    assert all(line.quantity is not None and line.quantity > 0 for line in found.lines)


def test_the_bank_account_of_the_document_comes_before_that_of_the_configuration(invoice: Maps) -> None:
    payment = invoice("90000201").payment
    assert payment is not None
    assert (payment.means_code, payment.remittance_information) == ("58", "90000201")
    assert [account.account for account in payment.credit_transfers] == ["DE93700009990012345678"]
    assert payment.credit_transfers[0].service_provider is None
    payment = invoice("90000201", ("BIBAN", "BANOT")).payment
    assert payment is not None
    assert payment.credit_transfers[0].service_provider == "EXMPDEM1XXX"


def test_parts_of_one_file_are_found_by_their_position(
    mapping: CompiledMapping, company: Mapping[str, Any]
) -> None:
    content = content_of(*BILLINGS[13:16])
    numbers = [mapping.map(content, part, company).invoice.number for part in range(3)]
    assert numbers == ["90000214", "90000215", "90000216"]
    with pytest.raises(MalformedDocument, match="holds 3 IDocs"):
        mapping.map(content, 3, company)


def test_the_declared_character_set_counts(mapping: CompiledMapping, company: Mapping[str, Any]) -> None:
    billing = BY_NUMBER["0090000217"]
    latin = mapping.map(content_of(billing, encoding="ISO-8859-1"), 0, company).invoice
    assert latin == mapping.map(content_of(billing), 0, company).invoice
    assert latin.lines[0].item is not None
    assert latin.lines[0].item.name == "Ölfilter für Getriebe, Größe 5"


def test_unknown_segments_and_fields_change_nothing(invoice: Maps) -> None:
    more = '<Z9SOMETHING SEGMENT="1"><A>1</A></Z9SOMETHING><E1EDK01 SEGMENT="1"><ZZNEW>x</ZZNEW>'
    assert invoice("90000201", ('<E1EDK01 SEGMENT="1">', more)) == invoice("90000201")


def test_amounts_with_the_sign_behind_are_read(invoice: Maps) -> None:
    found = invoice("90000202", ("<BETRG>100.00</BETRG>", "<BETRG>100.00-</BETRG>"))
    assert found.allowances[0].amount == D("100.00")


def test_a_text_item_is_a_note(invoice: Maps) -> None:
    text = (
        '<E1EDP01 SEGMENT="1"><POSEX>000030</POSEX><PSTYV>TATX</PSTYV><E1EDP19 SEGMENT="1">'
        "<QUALF>002</QUALF><KTEXT>Lieferung in zwei Teilen</KTEXT></E1EDP19></E1EDP01>"
    )
    found = invoice("90000201", ("</IDOC>", f"{text}</IDOC>"))
    assert len(found.lines) == 2
    assert found.notes[-1].text == "Lieferung in zwei Teilen"


# What cannot be mapped


@pytest.mark.parametrize(
    ("number", "changes", "term", "field"),
    [
        ("90000213", (), "BT-151", "Tax code (MWSKZ) of the item, transaction VF02"),
        ("90000201", (("<MENEE>PCE", "<MENEE>TU"),), "BT-130", "Sales unit (VRKME)"),
        ("90000201", (("<BSART>INVO", "<BSART>PROF"),), "BT-3", "E1EDK01-BSART"),
        ("90000201", (("<QUALF>009<", "<QUALF>999<"),), "BT-1", "Billing document"),
        ("90000201", (("<NAME1>Stadtwerke Elbmarsch AöR</NAME1>", ""),), "BT-44", "KNA1-NAME1"),
        ("90000201", (("<PARVW>", "<PARXX>"), ("</PARVW>", "</PARXX>")), "BT-44", "KNA1-NAME1"),
        ("90000201", (("E1EDKA1", "E1EDKXX"),), "BT-44", "KNA1-NAME1"),
        ("90000201", (("<MENGE>2.000", "<MENGE>two"),), "BT-129", "Billed quantity"),
        ("90000201", (("<DATUM>20261005</DATUM>", "<DATUM>05.10.26</DATUM>"),), "BT-2", "Billing date"),
        ("90000209", (("<DATA>", "<DATA>§"),), "BT-125", "Attached file"),
    ],
)
def test_what_cannot_be_mapped_names_the_term_and_the_field_of_sap(
    invoice: Maps, number: str, changes: tuple[tuple[str, str], ...], term: str, field: str
) -> None:
    with pytest.raises(MappingError) as caught:
        invoice(number, *changes)
    assert caught.value.term == term
    assert field in caught.value.field
    assert caught.value.fix


def test_an_unknown_tax_code_says_what_a_clerk_can_do(invoice: Maps) -> None:
    with pytest.raises(MappingError) as caught:
        invoice("90000213")
    assert "'A7'" in caught.value.what
    assert "VF02" in caught.value.fix


@pytest.mark.parametrize(
    "content",
    [
        content_of(BILLINGS[0])[:-300],
        content_of(BILLINGS[0]).replace(b"UTF-8", b"ASCII"),
        b'<!DOCTYPE a [<!ENTITY b "bbbb">]><INVOIC02><IDOC>&b;</IDOC></INVOIC02>',
        b"EDI_DC40  1000000000000471100",
        b"<INVOIC02/>",
        b"",
    ],
    ids=["breaks off", "wrong character set", "entity", "flat IDoc", "no IDoc", "empty"],
)
def test_what_is_no_idoc_is_malformed(
    mapping: CompiledMapping, company: Mapping[str, Any], content: bytes
) -> None:
    with pytest.raises(MalformedDocument) as caught:
        mapping.map(content, 0, company)
    assert "<string>" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (content_of(BILLINGS[0])[:-300], "breaks off"),
        (content_of(BILLINGS[0]).decode().encode("latin-1"), "encoding"),
    ],
)
def test_a_damaged_file_says_what_a_clerk_can_do_in_sap(
    mapping: CompiledMapping, company: Mapping[str, Any], content: bytes, said: str
) -> None:
    with pytest.raises(MalformedDocument, match=said) as caught:
        mapping.map(content, 0, company)
    assert "IDoc file" in caught.value.where
    assert "SAP" in caught.value.what
    assert "VF02" in caught.value.fix


def test_an_idoc_with_nothing_in_it_is_one_error_not_a_crash(
    mapping: CompiledMapping, company: Mapping[str, Any]
) -> None:
    with pytest.raises(DocumentError):
        mapping.map(b'<INVOIC02><IDOC BEGIN="1"/></INVOIC02>', 0, company)


# Provenance


def test_origins_name_segment_table_row_and_mapping_line(invoice: Maps) -> None:
    mapped = invoice.mapped("90000201")
    [number] = mapped.of("BT-1")
    assert number.field == "Billing document (E1EDK02 009)"
    assert "QUALF=='009'" in number.source
    assert (number.mapping, number.line > 0) == ("sap_invoic02", True)
    categories = mapped.of("BT-151")
    assert [origin.table for origin in categories] == ["tax_codes[A1]", "tax_codes[A2]"]
    assert categories[1].path == "lines[1].vat.category"


def test_every_value_of_an_invoice_has_an_origin(invoice: Maps) -> None:
    for number in ("90000202", "90000205", "90000206"):
        mapped = invoice.mapped(number)
        paths = {origin.path for origin in mapped.origins}
        assert paths >= {
            f"vat_breakdown[{index}].{name}"
            for index in range(len(mapped.invoice.vat_breakdown))
            for name in ("taxable_amount", "tax_amount", "category", "rate")
        }
        assert "totals.due" in paths


YEN = (
    Path(__file__).parents[1]
    / "data/mappings/sap_invoic02/currency-without-decimals-written-with-two/source.xml"
)


def test_yen_with_two_decimals_are_for_a_person_to_decide(
    mapping: CompiledMapping, company: Mapping[str, Any]
) -> None:
    """1280.00 may be 1280 yen, or 128000 as SAP keeps them; a row of the table says which."""
    with pytest.raises(MappingError, match="'JPY' is not known to the table amount_point") as caught:
        mapping.map(YEN.read_bytes(), 0, company)
    assert "printed document" in caught.value.fix


@pytest.mark.parametrize(
    ("places", "price", "net", "vat", "total"),
    [("2", "184000", "393740", "71722", "465462"), ("1", "18400", "39374", None, None)],
)
def test_the_point_is_moved_for_each_amount(
    company: Mapping[str, Any], places: str, price: str, net: str, vat: str | None, total: str | None
) -> None:
    own = (
        f"mapping: ours\nversion: '1'\nextends: sap_invoic02\ntables: {{amount_point: {{JPY: '{places}'}}}}\n"
    )
    ours = load("ours", {"ours.yaml": own})
    if vat is None:
        with pytest.raises(MappingError, match=r"7172.2 JPY has decimals, and this currency has none"):
            ours.map(YEN.read_bytes(), 0, company)
        return
    found = ours.map(YEN.read_bytes(), 0, company).invoice
    assert found.totals is not None
    assert [str(one) for one in (found.totals.without_vat, found.totals.vat, found.totals.with_vat)] == [
        net,
        vat,
        total,
    ]
    assert {str(row.tax_amount) for row in found.vat_breakdown} == {"69920", "1802"}
    assert found.lines[0].price is not None
    assert money.text(found.lines[0].price.net or D(0)) == price
    assert [str(line.net_amount) for line in found.lines] == ["368000", "25740"]
