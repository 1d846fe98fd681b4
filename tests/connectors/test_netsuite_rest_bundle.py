"""One NetSuite transaction made of rows: which row goes where, and which invoices are left to a person."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest

from connectors.erp.netsuite_rest_bundle import Parts, bundle, registration
from formats.errors import DocumentError

HEADER: Final = {"id": "1", "type": "CustInvc", "tranid": "INV-1", "foreigntotal": "121"}
LINE: Final = {
    "transaction": "1",
    "id": "1",
    "linesequencenumber": "1",
    "itemtype": "Service",
    "quantity": "2",
    "rate": "5.0E1",
    "amount": "1.0E2",
}
TAX: Final = {
    "transaction": "1",
    "line": "1",
    "code": "7",
    "name": "S-NL",
    "rate": "2.1E-1",
    "basis": "100",
    "amount": "21",
}
PARTS: Final = Parts(
    header=HEADER,
    lines=(LINE,),
    taxes=(TAX,),
    customer={"companyName": "Afnemer B.V."},
    billing=None,
    delivery=None,
    seller=None,
    term=None,
    source=None,
    engine="suitetax",
    shipping_types=("SHIPPING",),
    handling_types=("HANDLING",),
)


def made(parts: Parts) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bundle(parts))
    return found


def line(number: int, amount: str | None, **more: str) -> dict[str, str]:
    row = {**LINE, "id": str(number), "linesequencenumber": str(number), **more}
    return row | ({"amount": amount} if amount is not None else {})


def tax(number: int, amount: str, **more: str) -> dict[str, str]:
    return {**TAX, "line": str(number), "amount": amount, **more}


def total(amount: str) -> dict[str, str]:
    return {**HEADER, "foreigntotal": amount}


def test_numbers_are_plain_and_rates_are_fractions() -> None:
    """Whatever way the service writes them."""
    found = made(PARTS)
    (row,) = found["lines"]
    assert (row["amount"], row["rate"], row["tax"][0]["rate"]) == ("100", "50", "0.21")
    assert found["record"]["taxtotal"] == "21.00"


def test_a_line_with_two_taxes_is_for_a_person() -> None:
    """A line of an e-invoice has one VAT rate."""
    taxes = (TAX, tax(1, "5", code="8", name="LOCAL"))
    with pytest.raises(DocumentError, match="several taxes"):
        bundle(replace(PARTS, header=total("126"), taxes=taxes))


def test_a_tax_without_its_line_leaves_the_line_without_tax() -> None:
    """The mapping then asks for the tax code of that line; nothing is guessed."""
    found = made(replace(PARTS, taxes=(tax(99, "21"),)))
    assert found["lines"][0]["tax"] == []


def test_taxes_are_summed_by_code_and_rate() -> None:
    """As stated, each line rounded; the lines keep theirs."""
    rows = (LINE, line(2, "0.33"), line(3, "0.33"))
    taxes = (TAX, tax(2, "0.07", basis="0.33"), tax(3, "0.07", basis="0.33"))
    found = made(replace(PARTS, header=total("121.80"), lines=rows, taxes=taxes))
    assert found["taxes"] == [
        {"code": "7", "name": "S-NL", "rate": "0.21", "basis": "100.66", "amount": "21.14"}
    ]
    assert [row["tax"][0]["amount"] for row in found["lines"]] == ["21", "0.07", "0.07"]


def test_rows_that_are_missing_are_noticed() -> None:
    """One of two lines is hidden from the role."""
    with pytest.raises(DocumentError, match=r"make 121, its total is 200\.00"):
        bundle(replace(PARTS, header=total("200.00")))


def test_a_transaction_without_total_is_for_a_person() -> None:
    """Missing is never zero."""
    header = {name: value for name, value in HEADER.items() if name != "foreigntotal"}
    with pytest.raises(DocumentError, match="has no total"):
        bundle(replace(PARTS, header=header))


def test_a_credit_memo_is_positive() -> None:
    """Its total is negative in the books."""
    header = {**HEADER, "type": "CustCred", "foreigntotal": "-121"}
    assert made(replace(PARTS, header=header))["kind"] == "CustCred"


@pytest.mark.parametrize(
    ("kind", "line_type", "place"),
    [
        ("ShipItem", "", "shipping"),
        ("OthCharge", "SHIPPING", "shipping"),
        ("OthCharge", "HANDLING", "handling"),
    ],
)
def test_shipping_and_handling_stand_apart(kind: str, line_type: str, place: str) -> None:
    """By item type or by the line type that the settings name, with a tax of their own."""
    rows = (LINE, line(2, "10", itemtype=kind, transactionlinetype=line_type))
    found = made(replace(PARTS, header=total("133.1"), lines=rows, taxes=(TAX, tax(2, "2.1"))))
    assert [row["id"] for row in found[place]] == ["2"]
    assert found[place][0]["tax"][0]["amount"] == "2.1"


def test_a_discount_belongs_to_the_line_above_if_its_tax_is_the_same() -> None:
    """With another tax, below a subtotal, or for the whole transaction it belongs to the document."""
    below = line(2, "-10", itemtype="Discount")
    same = replace(PARTS, header=total("108.9"), lines=(LINE, below), taxes=(TAX, tax(2, "-2.1")))
    assert [row["id"] for row in made(same)["lines"][0]["adjustments"]] == ["2"]
    other = replace(same, header=total("110.4"), taxes=(TAX, tax(2, "-0.6", code="8", name="R-NL")))
    assert [row["id"] for row in made(other)["discounts"]] == ["2"]
    rows = (LINE, line(2, None, itemtype="Subtotal"), line(3, "-10", itemtype="Discount"))
    after = [
        {name: text for name, text in row.items() if name != "amount" or row["id"] != "2"} for row in rows
    ]
    parted = replace(same, lines=after, taxes=(TAX, tax(3, "-2.1")))
    assert [row["id"] for row in made(parted)["discounts"]] == ["3"]
    whole = replace(same, lines=(LINE, {**below, "transactiondiscount": "T"}))
    assert [row["id"] for row in made(whole)["discounts"]] == ["2"]


def test_a_markup_of_the_document_is_a_charge() -> None:
    """As it is below a line with another tax."""
    rows = (LINE, line(2, "10", itemtype="Markup"))
    taxes = (TAX, tax(2, "0.6", code="8", name="R-NL"))
    found = made(replace(PARTS, header=total("131.6"), lines=rows, taxes=taxes))
    assert [row["id"] for row in found["charges"]] == ["2"]


def test_members_of_kits_and_group_headings_are_no_lines() -> None:
    """The kit has the amount itself, the members of a group have theirs."""
    heading = {name: text for name, text in line(2, "0", itemtype="Group").items() if name != "amount"}
    member = line(3, "100", kitmemberof="1")
    found = made(replace(PARTS, lines=(LINE, heading, member)))
    assert [row["id"] for row in found["lines"]] == ["1"]


def test_description_items_are_texts() -> None:
    """Also without an amount."""
    words = {name: text for name, text in line(2, "0", itemtype="Description").items() if name != "amount"}
    found = made(replace(PARTS, lines=(LINE, {**words, "description": "Building C"})))
    assert found["texts"][0]["description"] == "Building C"


def test_a_legacy_line_that_tells_its_code_needs_no_guess() -> None:
    """Where the account shows a column with the tax code, several codes are no problem."""
    rows = (line(1, "100", taxcode="7", taxname="S-NL"), line(2, "50", taxcode="8", taxname="R-NL"))
    taxes = (
        {"transaction": "1", "code": "7", "name": "S-NL", "amount": "21"},
        {"transaction": "1", "code": "8", "name": "R-NL", "amount": "4.5"},
    )
    rates = {"7": {"rate": "21.00%"}, "8": {"rate": "0.09"}}
    legacy = replace(PARTS, engine="legacy", header=total("175.5"), lines=rows, taxes=taxes, rates=rates)
    assert [row["tax"][0]["rate"] for row in made(legacy)["lines"]] == ["0.21", "0.09"]


def test_a_rate_in_percent_is_scaled_once() -> None:
    """Where the setting says so."""
    parts = replace(PARTS, taxes=(tax(1, "21", rate="21"),), rate_scale=Decimal("0.01"))
    assert made(parts)["lines"][0]["tax"][0]["rate"] == "0.21"


@pytest.mark.parametrize(
    ("country", "day", "number"),
    [
        ("NL", "2026-01-15", "NL1"),
        ("NL", "2026-07-01", "NL2"),
        ("BE", "2026-01-15", "BE1"),
        ("DE", "2026-01-15", ""),
        ("BE", "2025-12-31", ""),
    ],
)
def test_a_registration_holds_for_a_country_and_a_time(country: str, day: str, number: str) -> None:
    """Both days of its life included."""
    seller = {
        "taxRegistration": {
            "items": [
                {"nexusCountry": {"id": "NL"}, "taxRegistrationNumber": "NL1", "validUntil": "2026-06-30"},
                {"nexusCountry": {"id": "NL"}, "taxRegistrationNumber": "NL2", "effectiveFrom": "2026-07-01"},
                {"nexusCountry": "BE", "taxRegistrationNumber": "BE1", "effectiveFrom": "2026-01-01"},
            ]
        }
    }
    assert registration(seller, country, day) == number
