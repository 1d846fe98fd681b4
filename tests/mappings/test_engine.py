"""Mapping files at work: values, rows, tables, provenance, and problems named with term and ERP field."""

from __future__ import annotations

import contextlib
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import MalformedDocument, MappingError
from formats.identifiers import Identifier
from mappings.compiler import compile_mapping
from mappings.engine import CompiledMapping
from mappings.provenance import IncompleteInvoice

ACME = """
mapping: acme
version: "3"
document: Acme invoice
reads: json
derive: [line_total, vat_breakdown, vat_total]
tables:
  tax:
    A1: {category: S, rate: "19"}
    A0: {category: E, rate: "0", reason: Exempt}
  types: {I: "380", "*": "381"}
terms:
  BT-1: {from: doc.no, field: Invoice number, required: true}
  BT-2: {from: doc.date, using: iso_date, field: Invoice date}
  BT-3: {from: doc.type, table: types}
  BT-5: {from: doc.currency, default: EUR}
  BT-10: {from: company.reference}
  BT-20: {const: 30 days, when: "doc.type == 'I'"}
  BG-7:
    terms:
      BT-44: doc.buyer.name
      BT-49:
        - {from: doc.buyer.gln, scheme: "0088"}
        - {from: doc.buyer.peppol, using: address}
        - {from: doc.buyer.id, scheme_from: doc.buyer.scheme}
      BG-8: {terms: {BT-55: doc.buyer.country}}
  BG-23:
    each: doc.lines
    when: "item.tax == 'A0'"
    terms:
      BT-118: {from: item.tax, table: tax.category}
      BT-120: {from: item.tax, table: tax.reason}
  BG-24:
    - each: doc.files
      terms: {BT-122: item.name, BT-125: {from: item.data, using: decode_base64}, BT-125-1: {const: text/csv}}
    - each: doc.links
      terms: {BT-122: item.name, BT-124: item.url}
  BG-25:
    each: doc.lines
    when: is_positive(item.qty)
    terms:
      BT-126: {from: item.id, field: Line number}
      BT-129: {from: item.qty, using: shortest}
      BT-131: {from: "multiply(item.qty, item.price)", using: cents, field: Price of the line}
      BG-27:
        each: item.discounts
        terms: {BT-136: item.amount, BT-139: outer.id}
      BG-30:
        terms:
          BT-151:
            {from: item.tax, table: tax.category, field: Tax code of the line, hint: Choose another tax code}
          BT-152: {from: item.tax, table: tax.rate}
"""
MAPPING = compile_mapping("acme", {"acme.yaml": ACME})
DOCUMENT: dict[str, Any] = {
    "no": " 4711 ",
    "date": "2026-11-01T10:00:00Z",
    "type": "I",
    "buyer": {"name": "Cafe\u0301 Zoe", "peppol": "0106:64218703", "country": "NL"},
    "lines": [
        {"id": 1, "qty": 2, "price": 1.255, "tax": "A1", "discounts": [{"amount": "0.10"}]},
        {"id": 2, "qty": 0, "price": 99, "tax": "A1"},
        {"id": 3, "qty": "1.500", "price": "4", "tax": "A0"},
    ],
    "files": [{"name": "a.csv", "data": "YSxi\nMSwy"}],
    "links": [{"name": "terms", "url": "https://example.com/terms"}],
}


def mapped(mapping: CompiledMapping = MAPPING, **changes: Any) -> Any:
    content = json.dumps({**DOCUMENT, **changes}).encode()
    return mapping.map(content, 0, {"reference": "R-1"})


def test_values_are_typed_trimmed_and_composed() -> None:
    invoice = mapped().invoice
    assert (invoice.number, invoice.issue_date, invoice.type_code) == ("4711", date(2026, 11, 1), "380")
    assert (invoice.currency, invoice.buyer_reference, invoice.payment_terms) == ("EUR", "R-1", "30 days")
    assert invoice.buyer.name == "Café Zoe"
    assert invoice.buyer.electronic_address == Identifier("64218703", "0106")


def test_rows_are_picked_nested_and_put_together() -> None:
    invoice = mapped().invoice
    assert [line.identifier for line in invoice.lines] == ["1", "3"]
    assert invoice.lines[0].net_amount == Decimal("2.51")
    assert invoice.lines[0].allowances[0].reason == "1", "outer is the row around"
    assert [(file.reference, file.url) for file in invoice.documents] == [
        ("a.csv", None),
        ("terms", "https://example.com/terms"),
    ]
    assert invoice.documents[0].content == b"a,b1,2"


def test_what_the_erp_leaves_out_is_computed_and_says_so() -> None:
    result = mapped()
    assert result.invoice.totals.lines == Decimal("8.51")
    assert [row.exemption_reason for row in result.invoice.vat_breakdown] == [None, "Exempt"]
    (origin,) = result.of("BT-106")
    assert origin.source.startswith("computed")


def test_the_first_way_that_gives_a_value_counts() -> None:
    buyer = {**DOCUMENT["buyer"], "gln": "4012345000009"}
    assert mapped(buyer=buyer).invoice.buyer.electronic_address == Identifier("4012345000009", "0088")
    buyer = {"name": "X", "id": "7", "scheme": "9930"}
    assert mapped(buyer=buyer).invoice.buyer.electronic_address == Identifier("7", "9930")


def test_each_value_knows_where_it_came_from() -> None:
    result = mapped()
    by_path = {origin.path: origin for origin in result.origins}
    origin = by_path["lines[1].vat.category"]
    assert origin.term == "BT-151"
    assert origin.source == "doc.lines[2]: item.tax", "the row of the document, not of the invoice"
    assert (origin.table, origin.field, origin.mapping) == ("tax[A0]", "Tax code of the line", "acme")
    assert "hint: Choose another tax code" in ACME.splitlines()[origin.line - 1]
    assert by_path["documents[0].content"].value == "6 bytes"


def test_an_unknown_code_names_term_field_and_remedy() -> None:
    lines = [{**DOCUMENT["lines"][0], "tax": "B7"}]
    with pytest.raises(MappingError) as caught:
        mapped(lines=lines)
    assert caught.value.term == "BT-151"
    assert caught.value.field == "Tax code of the line"
    assert "'B7'" in caught.value.what
    assert caught.value.fix == "Choose another tax code"


def test_all_problems_are_told_and_the_rest_of_the_invoice_is_known() -> None:
    with pytest.raises(IncompleteInvoice) as caught:
        mapped(no="", date="yesterday", lines=[{**DOCUMENT["lines"][0], "tax": "B7", "price": "x"}])
    assert caught.value.what.startswith("Invoice number is empty; Invoice date: ")
    assert "more" in caught.value.what
    assert caught.value.invoice.buyer is not None


@pytest.mark.parametrize("value", [[1], {"a": 1}, 1.5e400, True])
def test_a_value_of_the_wrong_kind_is_a_mapping_error(value: Any) -> None:
    content = json.dumps({**DOCUMENT, "lines": [{"id": 1, "qty": 1, "price": value, "tax": "A1"}]}).encode()
    with pytest.raises((MappingError, MalformedDocument)):
        MAPPING.map(content, 0, {})


@given(st.binary(max_size=200))
def test_any_bytes_are_mapped_or_malformed(content: bytes) -> None:
    with pytest.raises((MalformedDocument, MappingError)):
        MAPPING.map(content, 0, {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(DOCUMENT)), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(list(DOCUMENT)), JSON))
def test_any_object_is_mapped_or_refused_in_plain_words(changes: dict[str, Any]) -> None:
    content = json.dumps({**DOCUMENT, **changes}).encode()
    with contextlib.suppress(MappingError, MalformedDocument):
        assert MAPPING.map(content, 0, {}).invoice.number


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(MalformedDocument, match="rows"):
        mapped(lines=[{}] * 100_001)
