"""The functions that mapping files may call, one by one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import jmespath
import pytest

from formats.errors import MalformedDocument
from formats.identifiers import Identifier
from mappings.functions import FUNCTIONS, Arithmetic

OPTIONS = jmespath.Options(custom_functions=Arithmetic())


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("address", "0106:64218703", Identifier("64218703", "0106")),
        ("cents", "1.005", Decimal("1.01")),
        ("cents", "-1.005", Decimal("-1.01")),
        ("compact", "nl 8234.56705/b01", "NL823456705B01"),
        ("decode_base64", " YQ==\n", b"a"),
        ("exact_date", "/Date(1768435200000)/", date(2026, 1, 15)),
        ("exact_date", "/Date(1768435200000+0100)/", date(2026, 1, 15)),
        ("iso_date", "2026-01-15T00:00:00.000-08:00", date(2026, 1, 15)),
        ("iso_date", "", None),
        ("magnitude", "100.20-", Decimal("100.20")),
        ("percent", "21.0%", Decimal("21")),
        ("percent", "19.000", Decimal("19")),
        ("percent", "5.50", Decimal("5.5")),
        ("percent_from_fraction", "0.21", Decimal("21")),
        ("percent_from_fraction", Decimal("0.055"), Decimal("5.5")),
        ("sap_date", "20260302", date(2026, 3, 2)),
        ("sap_date", "00000000", None),
        ("shortest", "3.000", Decimal("3")),
        ("shortest", "100", Decimal("100")),
        ("strip_zeros", "0090000123", "90000123"),
        ("strip_zeros", "000", "0"),
    ],
)
def test_a_function_gives(name: str, value: Any, result: Any) -> None:
    found = FUNCTIONS[name](value)
    assert found == result
    assert str(found) == str(result), "the written form counts too"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("address", "64218703"),
        ("cents", "1,5"),
        ("cents", "1e5"),
        ("decode_base64", "not base64!"),
        ("exact_date", "2026-01-15"),
        ("iso_date", "15.01.2026"),
        ("sap_date", "20261301"),
        ("percent", "٢١"),
    ],
)
def test_a_function_refuses(name: str, value: Any) -> None:
    with pytest.raises(MalformedDocument):
        FUNCTIONS[name](value)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("add(a, b)", Decimal("0.3")),
        ("subtract(b, a)", Decimal("0.1")),
        ("multiply(a, '3')", Decimal("0.3")),
        ("divide(a, '0')", None),
        ("divide('1', '4')", Decimal("0.25")),
        ("add(a, missing)", None),
        ("total(list)", Decimal("6.5")),
        ("total(missing)", Decimal("0")),
        ("cents('2.675')", Decimal("2.68")),
        ("magnitude('-3')", Decimal("3")),
        ("negated('3-')", Decimal("3")),
        ("is_negative('0.00')", False),
        ("is_negative('1-')", True),
        ("is_positive(a)", True),
        ("is_positive(missing)", False),
        ("same_number('1.0', '1')", True),
    ],
)
def test_arithmetic_is_exact(expression: str, result: Any) -> None:
    data = {"a": "0.1", "b": Decimal("0.2"), "list": ["1", None, 2, Decimal("3.5"), ""]}
    assert jmespath.compile(expression).search(data, OPTIONS) == result


@pytest.mark.parametrize(
    "expression",
    [
        "multiply(a, a)",
        "add(a, a)",
        "divide(a, `2`)",
        "total([a, a])",
        "cents(a)",
        "magnitude(a)",
        "cents(wide)",
        "move_point(`1`, a)",
        "move_point(`1`, `999999999`)",
    ],
)
def test_a_number_too_large_to_calculate_with_stops_the_document(expression: str) -> None:
    scope = {"a": Decimal("1e999999"), "wide": Decimal("1e40")}
    with pytest.raises(MalformedDocument, match="the number is too large"):
        jmespath.search(expression, scope, OPTIONS)


@pytest.mark.parametrize("name", ["cents", "magnitude", "percent_from_fraction", "shortest"])
def test_a_function_refuses_a_number_too_large_to_calculate_with(name: str) -> None:
    with pytest.raises(MalformedDocument):
        FUNCTIONS[name](Decimal("1e999999"))
    with pytest.raises(MalformedDocument, match="beyond the calendar"):
        FUNCTIONS["exact_date"]("/Date(999999999999999)/")
