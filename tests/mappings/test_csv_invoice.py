"""The mapping of invoice tables: from the template and the imitated export to invoices without findings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from connectors.erp.files_format import FormatSettings
from connectors.erp.files_readers import read_file
from connectors.sandbox.files import ImitatedExport
from formats.errors import MappingError
from formats.identifiers import Identifier
from formats.model import Invoice
from mappings.registry import load
from tests.connectors.spreadsheets import TEMPLATE

COMPANY: Final[Mapping[str, Any]] = YAML(typ="safe").load(
    Path(__file__).parents[2] / "config" / "companies" / "nordlicht.yaml"
)
MAPPING: Final = load("csv_invoice")
ROW: Final = {
    "number": "1",
    "issue_date": "2026-11-20",
    "buyer_name": "Wendt",
    "line": "1",
    "description": "Service",
    "quantity": "3",
    "price": "10",
    "tax_rate": "19",
}


def mapped(*rows: Mapping[str, str]) -> Invoice:
    whole = [{**ROW, **row} for row in rows or ({},)]
    return MAPPING.map(json.dumps({"rows": whole}).encode(), 0, COMPANY).invoice


def of_file(content: bytes, form: Mapping[str, object]) -> dict[str, Invoice]:
    found = read_file(content, FormatSettings.model_validate(form), file="file", where="file")
    return {one.key: MAPPING.map(one.content, 0, COMPANY).invoice for one in found}


def test_the_template_gives_the_invoice_that_it_shows() -> None:
    [invoice] = of_file(TEMPLATE.read_bytes(), {"kind": "xlsx"}).values()
    assert (invoice.number, invoice.issue_date, invoice.due_date) == (
        "R-1001",
        date(2026, 11, 16),
        date(2026, 12, 16),
    )
    assert invoice.totals is not None
    assert (invoice.totals.lines, invoice.totals.vat, invoice.totals.with_vat) == (
        Decimal("1429.85"),
        Decimal("271.67"),
        Decimal("1701.52"),
    )
    assert [(line.quantity, line.unit, line.net_amount) for line in invoice.lines] == [
        (Decimal("7.5"), "HUR", Decimal("722.25")),
        (Decimal("24"), "H87", Decimal("707.60")),
    ]
    assert [allowance.amount for allowance in invoice.lines[1].allowances] == [Decimal("40.00")]
    assert invoice.buyer is not None
    assert invoice.buyer.electronic_address == Identifier("DE315208462", "9930")
    assert invoice.seller is not None
    assert invoice.seller.name == COMPANY["name"]


def test_an_export_with_german_words_and_decimal_commas_is_read() -> None:
    export = ImitatedExport()
    try:
        content = (export.root / "out" / "rechnungen_0001.csv").read_bytes()
        invoices = of_file(content, export.format)
    finally:
        export.stop()
    assert {number: invoice.type_code for number, invoice in invoices.items()} == {
        "K-2026-0041": "380",
        "K-2026-0042": "380",
        "K-2026-0043": "380",
        "K-2026-0044": "381",
    }
    first = invoices["K-2026-0041"]
    assert first.totals is not None
    assert (first.totals.without_vat, first.totals.vat) == (Decimal("2674.70"), Decimal("492.75"))
    assert [(row.rate, row.taxable_amount) for row in first.vat_breakdown] == [
        (Decimal(7), Decimal("128.70")),
        (Decimal(19), Decimal("2546.00")),
    ]
    [intra] = invoices["K-2026-0042"].vat_breakdown
    assert (intra.category, intra.exemption_reason_code) == ("K", "VATEX-EU-IC")


def test_a_price_per_hundred_and_a_given_net_amount() -> None:
    invoice = mapped({"quantity": "2500", "price": "18.40", "price_per": "100"})
    assert invoice.lines[0].net_amount == Decimal("460.00")
    assert mapped({"net": "29.99"}).lines[0].net_amount == Decimal("29.99")


def test_a_credit_note_a_reference_and_a_prepayment() -> None:
    invoice = mapped({"kind": "credit note", "refers_to": "R-1", "refers_to_date": "2026-11-01"})
    assert invoice.type_code == "381"
    assert [(one.number, one.issue_date) for one in invoice.preceding_invoices] == [
        ("R-1", date(2026, 11, 1))
    ]
    paid = mapped({"prepaid": "10"})
    assert paid.totals is not None
    assert (paid.totals.paid, paid.totals.due) == (Decimal("10.00"), Decimal("25.70"))


def test_an_exempt_and_a_reverse_charge_line_bring_their_reasons() -> None:
    rows = ({"tax_code": "training", "tax_rate": "0"}, {"line": "2", "tax_code": "AE", "tax_rate": "0"})
    reasons = {row.category: row.exemption_reason_code for row in mapped(*rows).vat_breakdown}
    assert reasons == {"E": "VATEX-EU-132-1I", "AE": "VATEX-EU-AE"}


def test_the_currency_may_be_left_out_and_decides_the_means_of_payment() -> None:
    assert (mapped().currency, means(mapped())) == ("EUR", "58")
    dollars = mapped({"currency": "USD"})
    assert (dollars.currency, means(dollars)) == ("USD", "30")


def means(invoice: Invoice) -> str | None:
    return invoice.payment.means_code if invoice.payment else None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"buyer_name": ""}, "column buyer_name"),
        ({"unit": "cubit"}, "column unit"),
        ({"tax_code": "X9"}, "column tax_code"),
        ({"kind": "offer"}, "column kind"),
        ({"price": "ten"}, "quantity times price"),
        ({"buyer_address": "no address"}, "column buyer_address"),
    ],
)
def test_what_is_missing_or_unknown_is_named_by_its_column(change: dict[str, str], said: str) -> None:
    with pytest.raises(MappingError, match=said):
        mapped(change)
