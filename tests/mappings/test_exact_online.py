"""The Exact Online mapping: bundles of the imitated Exact Online as EN 16931 invoices.

The bundles are made by the real connector, so that what it hands on and what the mapping reads cannot drift
apart; the official rules judge the result.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from connectors.base import StateCell, Surroundings
from connectors.erp.exact_online import ExactOnline, ExactOnlineSettings
from connectors.sandbox.exact_online import ImitatedExactOnline
from connectors.sandbox.exact_online_login import CLIENT_ID
from connectors.sandbox.exact_online_seed import DIVISION
from formats.errors import MalformedDocument, MappingError
from formats.identifiers import Identifier
from formats.model import Invoice
from formats.registry import PROFILES, SYNTAXES
from gateway.rules.engine import RulesEngine
from mappings.registry import load
from tests.mappings.special_cases import absent_cases

MAPPING = load("exact_online")
CONFIG = Path(__file__).parents[2] / "config"
COMPANY: dict[str, Any] = YAML(typ="safe").load((CONFIG / "companies" / "vandael.yaml").read_text("utf-8"))
FAULTY = {26700012, 26700013, 26700014}
BY_MAIL = 26700011
UNMAPPABLE = 26700014
Bundle = dict[str, Any]


class _Cell:
    def __init__(self) -> None:
        self.value = ""

    def save(self, value: str) -> None:
        self.value = value


def _bundles(exact: ImitatedExactOnline) -> dict[int, bytes]:
    secrets = exact.secrets()
    cells: dict[str, _Cell] = {}

    @contextlib.contextmanager
    def locked(name: str) -> Iterator[StateCell]:
        yield cells.setdefault(name, _Cell())

    connector = ExactOnline(
        "exact",
        ExactOnlineSettings(
            base_url=exact.server.url,
            division=DIVISION,
            client_id=CLIENT_ID,
            client_secret="file:exact-client-secret",
            refresh_token="file:exact-refresh-token",
        ),
        Surroundings(
            secret=lambda reference: secrets[reference.removeprefix("file:")],
            clock=lambda: datetime(2026, 11, 22, 8, tzinfo=UTC),
            locked=locked,
        ),
    )
    found = [document.content for page in connector.pull("") for document in page.documents]
    connector.close()
    return {json.loads(content)["invoice"]["InvoiceNumber"]: content for content in found}


@pytest.fixture(scope="module")
def exact() -> Iterator[ImitatedExactOnline]:
    system = ImitatedExactOnline(clock=lambda: datetime(2026, 11, 22, 8, tzinfo=UTC), minutely=1000)
    system.start()
    yield system
    system.stop()


@pytest.fixture(scope="module")
def bundles(exact: ImitatedExactOnline) -> dict[int, bytes]:
    return _bundles(exact)


def mapped(content: bytes) -> Invoice:
    return MAPPING.map(content, 0, COMPANY).invoice


Change = Callable[[Bundle], object]


def changed(content: bytes, change: Change) -> Invoice:
    """The invoice after a change of its bundle."""
    bundle = json.loads(content, parse_float=str)
    change(bundle)
    return mapped(json.dumps(bundle).encode())


def lines(bundle: Bundle) -> list[Bundle]:
    found: list[Bundle] = bundle["invoice"]["SalesInvoiceLines"]["results"]
    return found


def test_every_sound_invoice_passes_the_official_rules(bundles: dict[int, bytes]) -> None:
    """EN 16931 and Peppol BIS Billing; the one that goes by mail lacks the Peppol address only."""
    profile, engine = PROFILES["peppol-bis-3"], RulesEngine()
    broken = {}
    for number, content in bundles.items():
        if number not in FAULTY:
            document = SYNTAXES[profile.syntax].write(profile.prepare(mapped(content)))
            broken[number] = {finding.rule for finding in engine.check(document, profile).findings}
    engine.close()
    assert len(broken) == 17
    assert {number: rules for number, rules in broken.items() if rules} == {BY_MAIL: {"PEPPOL-EN16931-R010"}}


def test_the_special_cases_of_invoicing_are_among_the_seeds(bundles: dict[int, bytes]) -> None:
    profile = PROFILES["peppol-bis-3"]
    documents = {
        str(number): SYNTAXES[profile.syntax].write(profile.prepare(mapped(content)))
        for number, content in bundles.items()
        if number != UNMAPPABLE
    }
    assert absent_cases(documents) == []


def test_totals_are_those_of_exact(bundles: dict[int, bytes]) -> None:
    """BT-109, BT-110 and BT-112 as the invoice in Exact says them; the lines make them without a rest."""
    for number, content in bundles.items():
        if number in FAULTY:
            continue
        said = json.loads(content, parse_float=Decimal)["invoice"]
        totals = mapped(content).totals
        assert totals is not None
        assert (totals.without_vat, totals.vat, totals.with_vat) == tuple(
            abs(Decimal(said[name])) for name in ("AmountFCExclVat", "VATAmountFC", "AmountFC")
        )
        assert totals.lines is not None
        assert totals.without_vat == totals.lines - (totals.allowances or 0) + (totals.charges or 0)


def test_what_the_clerk_mended_passes_too() -> None:
    own = ImitatedExactOnline(clock=lambda: datetime(2026, 11, 22, 8, tzinfo=UTC), minutely=1000)
    own.start()
    own.mend()
    found = _bundles(own)
    own.stop()
    profile, engine = PROFILES["peppol-bis-3"], RulesEngine()
    reports = [
        engine.check(SYNTAXES[profile.syntax].write(profile.prepare(mapped(found[number]))), profile)
        for number in sorted(FAULTY)
    ]
    engine.close()
    assert [report.findings for report in reports] == [(), (), ()]


def test_head_and_parties(bundles: dict[int, bytes]) -> None:
    invoice = mapped(bundles[26700001])
    assert (invoice.number, invoice.type_code, invoice.currency) == ("26700001", "380", "EUR")
    assert (invoice.issue_date, invoice.due_date) == (date(2026, 10, 5), date(2026, 11, 4))
    assert invoice.purchase_order_reference == "DO-2026-118"
    assert invoice.payment_terms == "30 dagen netto"
    seller, buyer = invoice.seller, invoice.buyer
    assert seller is not None
    assert buyer is not None
    assert seller.legal_registration == Identifier("64712035", "0106")
    assert (buyer.name, buyer.vat_identifier) == ("Bakkerij De Ochtend B.V.", "NL856234187B01")
    assert buyer.identifier == Identifier("2")
    assert buyer.address is not None
    assert (buyer.address.post_code, buyer.address.country) == ("3512 AB", "NL")
    assert buyer.contact is not None
    assert buyer.contact.email == "boekhouding@deochtend.example"


@pytest.mark.parametrize(
    ("number", "address"),
    [
        (26700001, "0106:71203465"),  # Peppol identifier, kind Chamber of Commerce
        (26700002, "0106:68034127"),  # Chamber of Commerce number
        (26700003, "0208:0738124072"),  # Belgian enterprise number, written with dots
        (26700009, "0088:8712345000103"),  # Peppol identifier, kind GLN
        (26700015, "0190:00000001004321765000"),  # Dutch government
        (26700016, "9930:DE317845607"),  # VAT number
        (26700018, "0208:0672901866"),  # Peppol identifier with its scheme in front
        (26700011, "None"),
    ],
)
def test_the_electronic_address_comes_from_the_best_field(
    bundles: dict[int, bytes], number: int, address: str
) -> None:
    buyer = mapped(bundles[number]).buyer
    assert buyer is not None
    assert str(buyer.electronic_address) == address


def test_a_buyer_without_any_address_can_be_mended_by_named_fields() -> None:
    assert MAPPING.labels("BT-49")[:3] == ("Peppol identifier (Account)", "OIN (Account)", "GLN (Account)")
    assert MAPPING.labels("BT-58")[0] == "E-mail (Account)"


@pytest.mark.parametrize(
    ("number", "rows"),
    [
        (26700001, [("S", "9", "392.25", "35.30", None), ("S", "21", "165.00", "34.65", None)]),
        (26700003, [("K", "0", "3323.40", "0.00", "VATEX-EU-IC")]),
        (26700004, [("AE", "0", "2117.00", "0.00", "VATEX-EU-AE")]),
        (
            26700006,
            [("E", "0", "735.00", "0.00", "VATEX-EU-132-1I"), ("S", "21", "165.00", "34.65", None)],
        ),
        (26700016, [("AE", "0", "1140.00", "0.00", "VATEX-EU-AE")]),
    ],
)
def test_vat_breakdown(
    bundles: dict[int, bytes], number: int, rows: list[tuple[str, str, str, str, str | None]]
) -> None:
    assert [
        (row.category, str(row.rate), str(row.taxable_amount), str(row.tax_amount), row.exemption_reason_code)
        for row in mapped(bundles[number]).vat_breakdown
    ] == rows


def test_a_line_discount_is_an_allowance_of_the_line(bundles: dict[int, bytes]) -> None:
    line = mapped(bundles[26700002]).lines[0]
    (allowance,) = line.allowances
    assert (allowance.amount, allowance.base_amount, allowance.percentage) == (
        Decimal("50.40"),
        Decimal("504.00"),
        Decimal(10),
    )
    assert line.price is not None
    assert (line.price.net, line.price.gross, line.price.discount) == (Decimal("4.2"), None, None)
    assert (line.net_amount, line.charges) == (Decimal("453.60"), ())


def test_a_negative_discount_is_a_charge_of_the_line(bundles: dict[int, bytes]) -> None:
    line = mapped(bundles[26700002]).lines[2]
    (charge,) = line.charges
    assert (charge.amount, charge.base_amount, charge.percentage, charge.reason) == (
        Decimal("17.20"),
        Decimal("172.00"),
        Decimal(10),
        "Surcharge",
    )
    assert (line.net_amount, line.allowances) == (Decimal("189.20"), ())


def test_a_line_discount_on_a_credit_note_is_positive(bundles: dict[int, bytes]) -> None:
    (line,) = mapped(bundles[26700020]).lines
    (allowance,) = line.allowances
    assert (allowance.amount, allowance.base_amount) == (Decimal("15.16"), Decimal("189.50"))
    assert (line.quantity, line.net_amount) == (Decimal(1), Decimal("174.34"))


def test_a_discount_that_does_not_make_the_amount_to_the_cent_stays_in_the_price(
    bundles: dict[int, bytes],
) -> None:
    """Exact rounded the price per piece: 120 at 3.79 are not 504.00 less 10 %."""

    def rounded(bundle: Bundle) -> None:
        lines(bundle)[0].update(NetPrice="3.79", AmountFC="454.80")

    line = changed(bundles[26700002], rounded).lines[0]
    assert line.allowances == ()
    assert line.price is not None
    assert (line.price.gross, line.price.discount, line.price.net) == (
        Decimal("4.2"),
        Decimal("0.41"),
        Decimal("3.79"),
    )


def test_a_discount_of_the_whole_invoice_and_shipping(bundles: dict[int, bytes]) -> None:
    invoice = mapped(bundles[26700005])
    (allowance,), (charge,) = invoice.allowances, invoice.charges
    assert (allowance.amount, allowance.base_amount, allowance.percentage) == (
        Decimal("17.27"),
        Decimal("863.50"),
        Decimal(2),
    )
    assert (charge.amount, charge.reason, charge.reason_code) == (Decimal("17.50"), "Verzendkosten", "FC")
    assert invoice.totals is not None
    assert invoice.totals.without_vat == Decimal("863.73")


def test_a_discount_over_several_rates_is_one_allowance_for_each_line(bundles: dict[int, bytes]) -> None:
    assert [
        (str(row.amount), row.vat_category, str(row.vat_rate)) for row in mapped(bundles[26700017]).allowances
    ] == [("30.00", "S", "9"), ("41.50", "S", "21")]


@pytest.mark.parametrize("kind", [2, 3, 4, 5])
def test_a_discount_as_an_amount_is_taken_where_one_vat_code_covers_all(
    bundles: dict[int, bytes], kind: int
) -> None:
    """Amount or total, with or without VAT: Exact gives the amount without VAT beside it."""

    def as_amount(bundle: Bundle) -> None:
        bundle["invoice"].update(DiscountType=kind, AmountDiscountExclVat="17.27")

    assert changed(bundles[26700005], as_amount).allowances[0].amount == Decimal("17.27")


def test_foreign_currency_has_vat_in_euros(bundles: dict[int, bytes]) -> None:
    invoice = mapped(bundles[26700007])
    assert (invoice.currency, invoice.vat_currency) == ("USD", "EUR")
    assert invoice.totals is not None
    assert (invoice.totals.vat, invoice.totals.vat_in_vat_currency) == (Decimal("980.36"), Decimal("840.27"))


def test_a_foreign_currency_without_vat_in_euros_is_refused(bundles: dict[int, bytes]) -> None:
    with pytest.raises(MappingError, match="VAT amount in the currency of the company") as caught:
        changed(bundles[26700007], lambda bundle: bundle["invoice"].update(VATAmountDC=None))
    assert caught.value.term == "BT-111"


def test_a_deposit_is_prepaid(bundles: dict[int, bytes]) -> None:
    totals = mapped(bundles[26700008]).totals
    assert totals is not None
    assert (totals.with_vat, totals.paid, totals.due) == (
        Decimal("3896.20"),
        Decimal("1168.86"),
        Decimal("2727.34"),
    )


def test_prices_per_hundred_are_prices_for_100_pieces(bundles: dict[int, bytes]) -> None:
    """Exact counts 250 and 85.5 hundreds."""
    first, second = mapped(bundles[26700009]).lines
    assert first.price is not None
    assert (first.quantity, first.unit, first.net_amount) == (Decimal(25000), "H87", Decimal("868.75"))
    assert (first.price.net, first.price.base_quantity, first.price.base_quantity_unit) == (
        Decimal("3.475"),
        Decimal(100),
        "H87",
    )
    assert (second.quantity, second.net_amount) == (Decimal(8550), Decimal("166.73"))


def test_prices_per_hundred_with_a_discount_and_on_a_credit_note(bundles: dict[int, bytes]) -> None:
    def discounted(bundle: Bundle) -> None:
        lines(bundle)[0].update(Discount="0.1", AmountFC="781.87", NetPrice="3.1275")

    line = changed(bundles[26700009], discounted).lines[0]
    assert line.price is not None
    assert (line.price.base_quantity, line.quantity) == (Decimal(100), Decimal(25000))
    assert [allowance.amount for allowance in line.allowances] == [Decimal("86.88")]

    def returned(bundle: Bundle) -> None:
        lines(bundle)[0].update(UnitCode="100st ")

    note = changed(bundles[26700019], returned).lines[0]
    assert (note.quantity, note.unit) == (Decimal(200), "H87")


def test_an_amount_that_no_price_makes_is_the_price_of_all_pieces(bundles: dict[int, bytes]) -> None:
    price = changed(bundles[26700009], lambda bundle: lines(bundle)[0].update(NetPrice="4.57")).lines[0].price
    assert price is not None
    assert (price.net, price.base_quantity) == (Decimal("868.75"), Decimal(25000))


def test_credit_notes_are_positive_and_name_what_they_credit(bundles: dict[int, bytes]) -> None:
    note = mapped(bundles[26700019])
    assert note.type_code == "381"
    assert [invoice.number for invoice in note.preceding_invoices] == ["26700001"]
    assert [str(line.quantity) for line in note.lines] == ["2", "4"]
    assert note.totals is not None
    assert (note.totals.with_vat, note.totals.vat) == (Decimal("131.30"), Decimal("16.90"))
    assert note.notes == ()


def test_a_credit_note_with_positive_amounts_stays_as_it_is(bundles: dict[int, bytes]) -> None:
    def positive(bundle: Bundle) -> None:
        invoice = bundle["invoice"]
        for row in (invoice, *lines(bundle)):
            for name in ("AmountFC", "AmountFCExclVat", "VATAmountFC", "Quantity"):
                if name in row:
                    row[name] = str(row[name]).lstrip("-")

    assert changed(bundles[26700019], positive).lines == mapped(bundles[26700019]).lines


def test_a_credit_note_must_name_its_invoice(bundles: dict[int, bytes]) -> None:
    with pytest.raises(MappingError) as caught:
        changed(bundles[26700019], lambda bundle: bundle["invoice"].update(Description=None))
    assert caught.value.term == "BT-25"


def test_a_linked_file_goes_along(bundles: dict[int, bytes]) -> None:
    (document,) = mapped(bundles[26700010]).documents
    assert (document.filename, document.media_type) == ("pakbon-26700010.pdf", "application/pdf")
    assert document.content is not None
    assert document.content.startswith(b"%PDF")


def test_files_that_an_e_invoice_may_not_carry_stay_behind(bundles: dict[int, bytes]) -> None:
    def word(bundle: Bundle) -> None:
        bundle["attachments"][0]["FileName"] = "slip.docx"

    assert changed(bundles[26700010], word).documents == ()


def test_a_service_period_and_a_delivery_address(bundles: dict[int, bytes]) -> None:
    period = mapped(bundles[26700015]).lines[0].period
    assert period is not None
    assert (period.start, period.end) == (date(2026, 10, 1), date(2026, 10, 31))
    delivery = mapped(bundles[26700003]).delivery
    assert delivery is not None
    assert delivery.address is not None
    assert (delivery.delivered_on, delivery.address.city) == (date(2026, 10, 7), "Gent")


def test_the_bank_account_of_the_books_gives_way_to_the_configured_one(bundles: dict[int, bytes]) -> None:
    def account(company: dict[str, Any]) -> str | None:
        payment = MAPPING.map(bundles[26700001], 0, company).invoice.payment
        assert payment is not None
        return payment.credit_transfers[0].account

    assert account(COMPANY) == "NL60INGB0004671236"
    assert account({**COMPANY, "iban": "NL02 ABNA 0123 4567 89"}) == "NL02ABNA0123456789"


def test_an_unknown_vat_code_names_the_field_and_the_term(bundles: dict[int, bytes]) -> None:
    with pytest.raises(MappingError) as caught:
        mapped(bundles[26700014])
    assert caught.value.term == "BT-151"
    assert caught.value.field == "VAT code on the invoice line (Sales invoice > Lines > VAT code)"
    assert "'31'" in caught.value.what


@pytest.mark.parametrize(
    ("row", "category", "reason"),
    [
        ({"EUSalesListing": "L"}, "K", "VATEX-EU-IC"),
        ({"EUSalesListing": "T"}, "K", "VATEX-EU-IC"),
        ({"EUSalesListing": "S"}, "AE", "VATEX-EU-AE"),
        ({"Charged": True}, "AE", "VATEX-EU-AE"),
        ({}, "Z", None),
        ({"LegalText": "Exempt, article 11"}, "E", None),
        ({"LegalText": "Exempt, article 11", "VatMargin": 0}, "E", None),
    ],
)
def test_the_category_of_a_code_follows_from_what_exact_says_of_it(
    bundles: dict[int, bytes], row: Bundle, category: str, reason: str | None
) -> None:
    """No table knows the codes of every company; the code itself says what it is."""
    plain = {"Code": "77", "Charged": False, "EUSalesListing": "N", "LegalText": None, "Type": "B"}

    def recoded(bundle: Bundle) -> None:
        lines(bundle)[0]["VATCode"] = "77 "
        bundle["vat"] = {"77 ": {**plain, **row}}

    invoice = changed(bundles[26700004], recoded)
    vat = invoice.lines[0].vat
    assert vat is not None
    assert vat.category == category
    (breakdown,) = invoice.vat_breakdown
    assert breakdown.exemption_reason_code == reason
    assert (breakdown.exemption_reason == "Exempt, article 11") == (category == "E")


@pytest.mark.parametrize("row", [{"VatMargin": 1}, {"OssCountry": "DE "}, {"Type": "N"}])
def test_codes_that_need_a_decision_are_held(bundles: dict[int, bytes], row: Bundle) -> None:
    def special(bundle: Bundle) -> None:
        bundle["vat"]["6  "].update(Charged=False, **row)

    with pytest.raises(MappingError) as caught:
        changed(bundles[26700004], special)
    assert caught.value.term == "BT-151"
    assert "vat_codes" in caught.value.fix


def test_a_row_of_the_companys_table_wins_over_what_exact_says(bundles: dict[int, bytes]) -> None:
    own = load(
        "own",
        {
            "own.yaml": "mapping: own\nversion: '1'\nextends: exact_online\n"
            "tables:\n  vat_codes:\n    '6': {category: O, reason_code: VATEX-EU-O, reason: Not subject}\n"
        },
    )
    (row,) = own.map(bundles[26700004], 0, COMPANY).invoice.vat_breakdown
    assert (row.category, row.exemption_reason_code) == ("O", "VATEX-EU-O")


@pytest.mark.parametrize("code", [None, "", "   "])
def test_a_line_without_a_vat_code_is_refused(bundles: dict[int, bytes], code: str | None) -> None:
    with pytest.raises(MappingError) as caught:
        changed(bundles[26700001], lambda bundle: lines(bundle)[0].update(VATCode=code))
    assert "BT-151" in (caught.value.term, *caught.value.where.split(","))


def test_totals_that_do_not_add_up_are_passed_on_as_they_are(bundles: dict[int, bytes]) -> None:
    """What the ERP says is recorded, for the rules to judge; nothing is quietly put right."""
    totals = mapped(bundles[26700013]).totals
    assert totals is not None
    assert (totals.without_vat, totals.vat, totals.with_vat) == (
        Decimal("747.00"),
        Decimal("157.27"),
        Decimal("903.87"),
    )


@pytest.mark.parametrize(("given", "rate"), [("0.21", 21), ("21", 21), ("0.09", 9), ("21.0", 21), ("0", 0)])
def test_percentages_are_understood_as_fractions_and_as_percent(
    bundles: dict[int, bytes], given: str, rate: int
) -> None:
    invoice = changed(bundles[26700002], lambda bundle: lines(bundle)[0].update(VATPercentage=given))
    vat = invoice.lines[0].vat
    assert vat is not None
    assert vat.rate == rate


def test_a_price_that_does_not_make_the_amount_gives_way_to_the_amount(bundles: dict[int, bytes]) -> None:
    """Prices with VAT in them, or rounded: the amount is the price of the whole quantity, which is exact."""
    price = (
        changed(bundles[26700001], lambda bundle: lines(bundle)[1].update(NetPrice="33.28")).lines[1].price
    )
    assert price is not None
    assert (price.net, price.base_quantity, price.base_quantity_unit) == (
        Decimal("165.00"),
        Decimal(6),
        "XBX",
    )


@pytest.mark.parametrize("field", ["WithholdingTaxAmountFC", "ExtraDutyAmountFC", "GAccountAmountFC"])
def test_amounts_without_a_place_in_the_standard_stop_the_invoice(
    bundles: dict[int, bytes], field: str
) -> None:
    with pytest.raises(MappingError, match="G-account"):
        changed(bundles[26700001], lambda bundle: bundle["invoice"].update({field: "5.00"}))


@pytest.mark.parametrize(
    ("milliseconds", "day"),
    [
        (1774742400000, date(2026, 3, 29)),  # the clocks go forward
        (1774828799000, date(2026, 3, 29)),
        (1792886400000, date(2026, 10, 25)),  # the clocks go back
        (1792972799000, date(2026, 10, 25)),
    ],
)
def test_dates_are_days_on_the_wall_in_the_netherlands(
    bundles: dict[int, bytes], milliseconds: int, day: date
) -> None:
    invoice = changed(
        bundles[26700001], lambda bundle: bundle["invoice"].update(InvoiceDate=f"/Date({milliseconds})/")
    )
    assert invoice.issue_date == day


@pytest.mark.parametrize(
    ("field", "value", "term"),
    [
        ("InvoiceNumber", None, "BT-1"),
        ("InvoiceDate", None, "BT-2"),
        ("Type", 8099, "BT-3"),
        ("Currency", "", "BT-5"),
    ],
)
def test_what_is_missing_in_exact_is_named(
    bundles: dict[int, bytes], field: str, value: object, term: str
) -> None:
    with pytest.raises(MappingError) as caught:
        changed(bundles[26700001], lambda bundle: bundle["invoice"].update({field: value}))
    assert caught.value.term == term


@pytest.mark.parametrize("content", [b"", b"<html/>", b"[]", b"{", b"[[[["])
def test_bytes_that_are_no_bundle_are_refused(content: bytes) -> None:
    with pytest.raises((MalformedDocument, MappingError)):
        mapped(content)


def test_every_value_tells_its_field_in_exact(bundles: dict[int, bytes]) -> None:
    origins = MAPPING.map(bundles[26700001], 0, COMPANY).origins
    assert [
        origin for origin in origins if not origin.field and not origin.source.startswith("computed")
    ] == []


def test_the_sample_source_names_this_mapping_and_valid_settings() -> None:
    source = YAML(typ="safe").load((CONFIG / "sources" / "exact.yaml").read_text("utf-8"))
    assert (source["kind"], source["mapping"], source["company"]) == (
        "exact-online",
        "exact_online",
        "vandael",
    )
    settings = ExactOnlineSettings(**source["settings"])
    assert (settings.client_id, settings.division) == (CLIENT_ID, DIVISION)
    assert settings.base_url.endswith(":47020")
