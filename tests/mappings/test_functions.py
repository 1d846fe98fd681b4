"""The functions that mapping files may call, one by one."""

from __future__ import annotations

import contextlib
from datetime import date
from decimal import Decimal
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats import money
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
        ("percent", Decimal("0E-9"), Decimal("0")),
        ("percent", Decimal("2.1E+1"), Decimal("21")),
        ("percent", 21, Decimal("21")),
        ("percent_from_fraction", Decimal("0E-9"), Decimal("0")),
        ("percent_from_fraction", Decimal("1"), Decimal("100")),
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
        ("sap_date", "2026W011"),
        ("sap_date", "2026111"),
        ("percent", "٢١"),
        ("percent", Decimal("NaN")),
        ("cents", Decimal("Infinity")),
        ("magnitude", Decimal("-Infinity")),
        ("shortest", Decimal("sNaN")),
        ("percent_from_fraction", True),
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
        ("in_currency('1.005', 'EUR')", Decimal("1.01")),
        ("in_currency('1054.5', 'JPY')", Decimal("1055")),
        ("in_currency('1.0005', 'KWD')", Decimal("1.001")),
        ("in_currency('1.005', missing)", Decimal("1.01")),
        ("in_currency(missing, 'JPY')", None),
        ("point_in_doubt('1280.00', 'JPY')", True),
        ("point_in_doubt('1280.00-', 'JPY')", True),
        ("point_in_doubt('128000', 'JPY')", False),
        ("point_in_doubt('12.500', 'KWD')", False),
        ("point_in_doubt('125.00', 'KWD')", True),
        ("point_in_doubt('12.50', 'EUR')", False),
        ("point_in_doubt(missing, missing)", False),
        ("shortest('2.500')", "2.5"),
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


NUMBERS = st.decimals(min_value=-(10**15), max_value=10**15, places=9) | st.sampled_from(
    [Decimal(text) for text in ("0E-9", "0E+5", "-0", "1E+3", "2.50E+1", "1E-9")]
)
OF_NUMBERS = ("cents", "magnitude", "percent", "percent_from_fraction", "shortest")
OTHERS = ("address", "compact", "decode_base64", "exact_date", "iso_date", "sap_date", "strip_zeros")


@given(st.sampled_from(OF_NUMBERS), NUMBERS)
def test_what_comes_of_a_number_is_finite_and_written_plainly(name: str, value: Decimal) -> None:
    """As a number and as its text, the same; and never in a way that a document could not hold."""
    found = FUNCTIONS[name](value)
    assert found.is_finite()
    assert "E" not in money.text(found)
    assert not (found == 0 and found.is_signed()) or name == "magnitude"
    assert FUNCTIONS[name](money.text(value)) == found
    assert money.parse(money.text(found)) == found


@given(NUMBERS)
def test_functions_of_a_number_do_what_they_are_called(value: Decimal) -> None:
    assert abs(FUNCTIONS["cents"](value) - value) <= Decimal("0.005")
    assert FUNCTIONS["magnitude"](value) == abs(value)
    assert FUNCTIONS["percent"](value) == FUNCTIONS["shortest"](value) == value
    assert FUNCTIONS["percent_from_fraction"](value) == value * 100


@given(
    st.sampled_from(sorted(FUNCTIONS)), st.text(max_size=40) | st.decimals() | st.integers() | st.booleans()
)
def test_a_function_answers_or_refuses_whatever_it_is_given(name: str, value: Any) -> None:
    """With MalformedDocument, which parks one invoice, and nothing else."""
    with contextlib.suppress(MalformedDocument):
        found = FUNCTIONS[name](value)
        assert found is None or isinstance(found, str | Decimal | date | bytes | Identifier)


def test_every_function_is_one_of_the_two_kinds() -> None:
    assert {*OF_NUMBERS, *OTHERS} == set(FUNCTIONS)


@given(st.dates())
def test_dates_are_read_as_they_are_written(day: date) -> None:
    assert FUNCTIONS["iso_date"](day.isoformat()) == day
    assert FUNCTIONS["iso_date"](f"{day.isoformat()}T23:59:59Z") == day
    assert FUNCTIONS["sap_date"](f"{day:%Y%m%d}".rjust(8, "0")) == day
