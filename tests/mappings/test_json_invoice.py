"""The mapping of JSON invoices: the same invoice as from the table with the same words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import pytest

from formats.errors import MappingError
from formats.model import Invoice
from formats.syntaxes import ubl
from mappings.registry import load
from tests.mappings.test_csv_invoice import COMPANY, ROW
from tests.mappings.test_csv_invoice import mapped as from_table

MAPPING: Final = load("json_invoice")
_LINE: Final = ("line", "description", "quantity", "price", "tax_rate", "tax_code", "discount", "unit")


def mapped(document: Mapping[str, Any]) -> Invoice:
    return MAPPING.map(json.dumps(document).encode(), 0, COMPANY).invoice


def nested(*rows: Mapping[str, Any]) -> dict[str, Any]:
    """The document that says what these table rows say."""
    head = {name: value for name, value in rows[0].items() if name not in _LINE}
    return {**head, "lines": [{name: row[name] for name in _LINE if name in row} for row in rows]}


def test_it_gives_the_invoice_that_the_table_gives() -> None:
    rows = [
        {**ROW, "kind": "credit note", "refers_to": "R-1", "note": "Thank you", "unit": "hours"},
        {**ROW, "line": "2", "tax_code": "AE", "tax_rate": "0", "discount": "2.50"},
    ]
    assert ubl.write(mapped(nested(*rows))) == ubl.write(from_table(*rows))


def test_numbers_may_be_numbers_and_stay_exact() -> None:
    document = nested(ROW)
    content = (
        json.dumps(document)
        .replace('"price": "10"', '"price": 0.1')
        .replace('"quantity": "3"', '"quantity": 3')
    )
    invoice = MAPPING.map(content.encode(), 0, COMPANY).invoice
    assert (invoice.lines[0].net_amount, invoice.lines[0].quantity) == (Decimal("0.30"), Decimal(3))


def test_what_is_missing_is_named_by_its_member() -> None:
    with pytest.raises(MappingError, match="member issue_date is empty"):
        mapped({name: value for name, value in nested(ROW).items() if name != "issue_date"})
