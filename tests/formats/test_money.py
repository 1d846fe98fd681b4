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


@pytest.mark.parametrize(
    ("currency", "places"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("XYZ", 2), (None, 2)]
)
def test_a_currency_has_its_decimals(currency: str | None, places: int) -> None:
    assert money.decimals(currency) == places
    rounded = money.round_amount(Decimal("1.23456789"), currency)
    assert rounded.as_tuple().exponent == -places


@pytest.mark.parametrize(
    ("value", "currency", "fitting"),
    [
        ("12.5", "EUR", "12.50"),
        ("12.345", "EUR", "12.35"),
        ("12.500", "KWD", "12.50"),
        ("-12.500", "KWD", "-12.50"),
        ("1280", "JPY", "1280"),
        ("1280.00", "JPY", "1280"),
        ("-0.00", "JPY", "0"),
        ("12.50000000000002", "KWD", "12.50"),
    ],
)
def test_an_amount_that_fits_into_an_e_invoice_is_written_with_its_decimals(
    value: str, currency: str, fitting: str
) -> None:
    assert str(money.fitted(Decimal(value), currency)) == fitting


@pytest.mark.parametrize(
    ("value", "currency", "what"),
    [
        ("12.345", "KWD", "12.345 KWD needs a third decimal"),
        ("0.001", "BHD", "room for two"),
        ("12.3456", "CLF", "needs a third decimal"),
        ("1280.50", "JPY", "1280.50 JPY has decimals, and this currency has none"),
    ],
)
def test_an_amount_that_does_not_fit_is_not_rounded(value: str, currency: str, what: str) -> None:
    with pytest.raises(MalformedDocument, match=what) as caught:
        money.fitted(Decimal(value), currency)
    assert caught.value.fix


@given(
    st.decimals(min_value=-(10**12), max_value=10**12, places=3),
    st.sampled_from(["EUR", "JPY", "KWD", "CLF"]),
)
def test_an_amount_fits_or_is_refused(value: Decimal, currency: str) -> None:
    """Never more than two decimals; and with none or three in the currency never another value."""
    try:
        found = money.fitted(value, currency)
    except MalformedDocument:
        assert currency != "EUR"
        return
    assert found == found.quantize(Decimal("0.01"))
    assert currency == "EUR" or found == value
