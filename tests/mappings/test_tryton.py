"""Invoices as the real Tryton gave them: turned signs, summed taxes, codes from its fields or our tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from formats.errors import MappingError
from formats.identifiers import Identifier
from formats.model import Invoice
from formats.registry import PROFILES, SYNTAXES
from gateway.mapping_examples import Case
from gateway.rules.engine import RulesEngine
from mappings.registry import load
from tests.golden import MAPPING_EXAMPLES

EXAMPLES = MAPPING_EXAMPLES / "tryton"
# Tryton's invoices do not say when and where to goods went: a mapping of one's own has to, for such supplies.
BREAKS = {"intra-community": {"BR-IC-11", "BR-IC-12"}, "buyer-by-mail": {"PEPPOL-EN16931-R010"}}
D = Decimal


def _case(name: str) -> tuple[dict[str, Any], Mapping[str, Any]]:
    case = Case("tryton", EXAMPLES / name)
    return json.loads(case.source()), case.company()


def _mapped(name: str, **changes: Any) -> Invoice:
    """The example, with members of its invoice exchanged."""
    bundle, company = _case(name)
    bundle["invoice"].update(changes)
    return load("tryton").map(json.dumps(bundle).encode(), 0, company).invoice


def test_a_credit_note_has_positive_amounts_and_names_its_invoice() -> None:
    invoice = _mapped("credit-note")
    assert invoice.is_credit_note
    assert invoice.totals is not None
    assert invoice.totals.with_vat == D("274.70")
    assert all(line.net_amount is not None and line.net_amount > 0 for line in invoice.lines)
    assert len(invoice.preceding_invoices) == 1


def test_a_return_beside_a_sale_is_one_row_of_vat() -> None:
    invoice = _mapped("returned-item")
    assert [(row.taxable_amount, row.tax_amount) for row in invoice.vat_breakdown] == [
        (D("80.00"), D("16.80"))
    ]
    assert [line.quantity for line in invoice.lines] == [D(3), D(-1)]


def test_the_buyer_is_reached_by_the_identifier_without_a_type() -> None:
    buyer = _mapped("two-vat-rates").buyer
    assert buyer is not None
    assert buyer.electronic_address == Identifier("90001354", "0106")
    assert buyer.vat_identifier == "NL854502130B01"


def test_without_codes_in_tryton_the_tables_are_asked() -> None:
    bundle, company = _case("two-vat-rates")
    for row in (
        *bundle["invoice"]["lines"],
        *({"taxes": [one["tax"]]} for one in bundle["invoice"]["taxes"]),
    ):
        for tax in row["taxes"]:
            del tax["unece_category_code"]
        if row.get("unit"):
            del row["unit"]["unece_code"]
    invoice = load("tryton").map(json.dumps(bundle).encode(), 0, company).invoice
    assert {line.vat.category for line in invoice.lines if line.vat} == {"S"}
    assert {line.unit for line in invoice.lines} == {"C62"}


@pytest.mark.parametrize(
    ("name", "currency", "vat", "vat_in_euros"),
    [
        ("foreign-currency", "USD", "44.70", "35.76"),
        ("credit-note-foreign-currency", "USD", "44.70", "35.76"),
        ("foreign-currency-rounded", "CHF", "21.00", "22.30"),
    ],
)
def test_the_vat_of_another_currency_is_what_tryton_posted_in_its_own(
    name: str, currency: str, vat: str, vat_in_euros: str
) -> None:
    """Of a credit note, too, without its sign."""
    invoice = _mapped(name)
    assert invoice.totals is not None
    assert (invoice.currency, invoice.vat_currency) == (currency, "EUR")
    assert (invoice.totals.vat, invoice.totals.vat_in_vat_currency) == (D(vat), D(vat_in_euros))


def test_without_an_entry_nothing_is_said_in_the_currency_of_the_company() -> None:
    bundle, company = _case("foreign-currency")
    bundle["company_tax"] = None
    invoice = load("tryton").map(json.dumps(bundle).encode(), 0, company).invoice
    assert invoice.totals is not None
    assert (invoice.vat_currency, invoice.totals.vat_in_vat_currency) == (None, None)


def test_an_untaxed_line_without_a_category_stops_with_the_name_of_the_field() -> None:
    bundle, company = _case("exempt-training")
    tax = bundle["invoice"]["lines"][0]["taxes"][0]
    del tax["unece_category_code"]
    tax["name"] = "0 % special"
    with pytest.raises(MappingError) as caught:
        load("tryton").map(json.dumps(bundle).encode(), 0, company)
    assert caught.value.term in ("BT-118", "BT-151")
    assert "0 % special" in caught.value.what
    assert "UNECE" in caught.value.fix
    assert caught.value.value == "0 % special"
    assert caught.value.rule.startswith("tryton.yaml, line ")


@pytest.mark.parametrize("name", sorted(file.parent.name for file in EXAMPLES.glob("*/invoice.json")))
def test_every_example_passes_the_official_rules(name: str) -> None:
    """With an order number, which the examples leave out and the network wants."""
    invoice = _mapped(name, reference="PO-4711")
    profile = PROFILES["peppol-bis-3"]
    engine = RulesEngine()
    try:
        report = engine.check(SYNTAXES[profile.syntax].write(profile.prepare(invoice)), profile)
    finally:
        engine.close()
    assert {finding.rule for finding in report.fatal} == BREAKS.get(name, set())
