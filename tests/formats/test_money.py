"""Money is read exactly, rounded once, and written plainly."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats import money
from formats.errors import MalformedDocument


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1234.50", "1234.50"),
        ("-1.2", "-1.2"),
        ("100.20-", "-100.20"),
        (" 7 ", "7"),
        (".5", "0.5"),
        ("+3", "3"),
    ],
)
def test_a_number_is_read_with_its_digits(text: str, value: str) -> None:
    assert money.parse(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,234.50",
        "1.234,50",
        "1e5",
        "NaN",
        "Infinity",
        "1_000",
        "٣",
        "--1",
        "-1-",
        "1.2.3",
        "0x10",
        "9" * 19,
    ],
)
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    with pytest.raises(MalformedDocument):
        money.parse(text)


@pytest.mark.parametrize(
    ("value", "rounded"), [("1.005", "1.01"), ("-1.005", "-1.01"), ("1.004", "1.00"), ("2.675", "2.68")]
)
def test_half_a_cent_goes_away_from_zero(value: str, rounded: str) -> None:
    assert money.round_amount(Decimal(value)) == Decimal(rounded)


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=4))
def test_writing_and_reading_gives_the_same_number(value: Decimal) -> None:
    assert money.parse(money.text(value)) == value
    assert "E" not in money.text(value)
