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
from formats.syntaxes import ubl
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


COINS = """
mapping: coins
version: "1"
document: Coin invoice
reads: json
derive: [line_total, without_vat, vat_breakdown, vat_total, with_vat, due]
terms:
  BT-1: doc.no
  BT-5: doc.currency
  BT-6: doc.vat_currency
  BG-22:
    terms:
      BT-111: {from: doc.vat_in_vat_currency, using: cents, field: VAT in our currency, hint: ask the ledger}
  BG-25:
    each: doc.lines
    terms:
      BT-126: item.no
      BT-131:
        - {from: item.net, using: cents, field: Net amount, hint: open the line}
        - {from: "in_currency(multiply(item.qty, item.price), doc.currency)", field: Quantity times price}
      BG-29: {terms: {BT-146: {from: item.price, using: cents}}}
      BG-30: {terms: {BT-151: {const: S}, BT-152: {const: "10"}}}
      BG-31: {terms: {BT-153: {from: item.name, field: Name of the line, hint: open the line}}}
"""


def _coins(currency: str, *lines: dict[str, Any], **facts: Any) -> Any:
    mapping = compile_mapping("coins", {"coins.yaml": COINS})
    rows = [{"no": str(number), **line} for number, line in enumerate(lines, 1)]
    return mapping.map_plain({"no": "7", "currency": currency, "lines": rows, **facts}, {}).invoice


@pytest.mark.parametrize(
    ("currency", "net", "line", "vat", "total"),
    [
        ("EUR", "12.345", "12.35", "1.24", "13.59"),
        ("JPY", "1055", "1055", "106", "1161"),
        ("JPY", "1055.00", "1055", "106", "1161"),
        ("KWD", "12.500", "12.50", "1.25", "13.75"),
        ("BHD", "0.100", "0.10", "0.01", "0.11"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(
    currency: str, net: str, line: str, vat: str, total: str
) -> None:
    invoice = _coins(currency, {"net": net})
    assert str(invoice.lines[0].net_amount) == line
    assert (str(invoice.totals.vat), str(invoice.totals.with_vat)) == (vat, total)
    assert {str(row.tax_amount) for row in invoice.vat_breakdown} == {vat}


@pytest.mark.parametrize(
    ("currency", "net", "what"),
    [
        ("JPY", "1280.50", "Net amount: 1280.50 JPY has decimals, and this currency has none"),
        ("KWD", "12.345", "Net amount: 12.345 KWD needs a third decimal, and an e-invoice has room for two"),
    ],
)
def test_a_stated_amount_that_does_not_fit_stops_the_invoice(currency: str, net: str, what: str) -> None:
    """Named with term, value, mapping line and row; the hint for missing values is not the remedy."""
    with pytest.raises(MappingError) as caught:
        _coins(currency, {"net": "10"}, {"net": net})
    error = caught.value
    assert error.what == what
    assert (error.term, error.value, error.field) == ("BT-131", net, "Net amount")
    assert error.rule == "coins.yaml, line 19"
    assert error.where == "BT-131, Coin invoice, coins.yaml, line 19, doc.lines[1]"
    assert "open the line" not in error.fix


def test_what_the_mapping_works_out_is_rounded_to_the_currency() -> None:
    line = {"qty": "7.5", "price": "133.33"}
    assert str(_coins("JPY", line).lines[0].net_amount) == "1000"
    assert str(_coins("EUR", line).lines[0].net_amount) == "999.98"
    with pytest.raises(MappingError, match=r"999.975 KWD needs a third decimal"):
        _coins("KWD", line)


def test_a_price_has_the_decimals_that_were_agreed() -> None:
    invoice = _coins("JPY", {"net": "1000", "price": "133.335"})
    assert str(invoice.lines[0].price.net) == "133.34", "cents of a price are cents"


def test_vat_in_another_currency_has_the_decimals_of_that_one() -> None:
    invoice = _coins("JPY", {"net": "1000"}, vat_currency="EUR", vat_in_vat_currency="0.614")
    assert str(invoice.totals.vat_in_vat_currency) == "0.61"
    with pytest.raises(MappingError, match=r"VAT in our currency: 0.614 KWD"):
        _coins("EUR", {"net": "1000"}, vat_currency="KWD", vat_in_vat_currency="0.614")


def test_a_computed_sum_that_does_not_fit_names_the_line_that_wants_it() -> None:
    with pytest.raises(IncompleteInvoice, match=r"1.005 BHD needs a third decimal") as caught:
        _coins("BHD", {"net": "10.050"})
    assert caught.value.rule == "coins.yaml, line 6"
    assert caught.value.invoice.number == "7"


@pytest.mark.parametrize("sign", ["\0", "\x07", "\x1f", "\ud800", "\uffff"])
def test_a_character_that_no_xml_can_carry_is_named_with_its_field(sign: str) -> None:
    with pytest.raises(
        MappingError, match="Name of the line: a character that no e-invoice can carry"
    ) as caught:
        _coins("EUR", {"net": "1", "name": f"Bolt{sign} M8"})
    assert (caught.value.term, caught.value.field) == ("BT-153", "Name of the line")
    assert f"position 5 (U+{ord(sign):04X})" in caught.value.what
    assert "delete it" in caught.value.fix


def test_line_breaks_and_signs_of_all_planes_are_carried() -> None:
    name = "Bolt\tM8\n\N{GRINNING FACE} \x7f"
    assert _coins("EUR", {"net": "1", "name": name}).lines[0].item.name == name.strip()


@given(st.text(min_size=1))
def test_whatever_text_is_taken_can_be_written_and_read(text: str) -> None:
    with contextlib.suppress(MappingError):
        invoice = _coins("EUR", {"net": "1", "name": text})
        written = ubl.read(ubl.write(invoice))
        assert [bool(line.item) for line in written.lines] == [bool(line.item) for line in invoice.lines]
