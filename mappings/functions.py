"""The functions that mapping files may call, each small, named for what it does, and tested.

Two families. `using:` names functions of one value that turn what the ERP said into what the model holds.
Inside expressions (JMESPath) the arithmetic of `Arithmetic` is at hand, exact on decimals and on number
texts.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, DecimalException
from functools import lru_cache, wraps
from types import MappingProxyType
from typing import Any, Final

from jmespath import functions as jmespath_functions

from formats import money
from formats.errors import MalformedDocument
from formats.identifiers import Identifier, electronic_address

__all__ = ["FUNCTIONS", "Arithmetic", "number", "too_large"]


_CHECK: Final = "check the field in the ERP"
# A mapping asks for the same amount several times: whether it is positive, its magnitude, its cents.
_SHORT: Final = 40
_parsed = lru_cache(maxsize=4_096)(money.parse)
_MOST_PLACES: Final = 60  # no amount has more; 1E+999999999 written out would fill the memory


def too_large() -> MalformedDocument:
    """For a number that cannot be calculated with."""
    return MalformedDocument("the number is too large, or has too many places", where="amount", fix=_CHECK)


def number(value: Any) -> Decimal | None:
    """A Decimal from a number or number text; None stays None and empty text is None. Floats are refused."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return _parsed(value) if len(value) <= _SHORT else money.parse(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise MalformedDocument(f"{value} is not a number", where="amount", fix=_CHECK)
        if abs(value.adjusted()) > _MOST_PLACES:
            raise too_large()
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedDocument(f"{str(value)[:40]!r} is not a number", where="amount", fix=_CHECK)
    return Decimal(value)


class Arithmetic(jmespath_functions.Functions):
    """Exact arithmetic for mapping expressions; None where an operand is missing.

    Raises MalformedDocument for numbers that are too large to calculate with.
    """

    def call_function(self, function_name: str, resolved_args: Any) -> Any:
        try:
            return super().call_function(function_name, resolved_args)
        except DecimalException as error:
            raise too_large() from error

    @jmespath_functions.signature({"types": []}, {"types": []})
    def _func_add(self, left: Any, right: Any) -> Decimal | None:
        return self._both(left, right, lambda a, b: a + b)

    @jmespath_functions.signature({"types": []}, {"types": []})
    def _func_subtract(self, left: Any, right: Any) -> Decimal | None:
        return self._both(left, right, lambda a, b: a - b)

    @jmespath_functions.signature({"types": []}, {"types": []})
    def _func_multiply(self, left: Any, right: Any) -> Decimal | None:
        return self._both(left, right, lambda a, b: a * b)

    @jmespath_functions.signature({"types": []}, {"types": []})
    def _func_divide(self, left: Any, right: Any) -> Decimal | None:
        return self._both(left, right, lambda a, b: None if b == 0 else a / b)

    @jmespath_functions.signature({"types": []})
    def _func_total(self, values: Any) -> Decimal:
        """The sum of a list of numbers; missing ones are skipped, an empty list is 0."""
        return sum((found for found in map(number, values or ()) if found is not None), Decimal(0))

    @jmespath_functions.signature({"types": []})
    def _func_cents(self, value: Any) -> Decimal | None:
        """Rounded to two decimals, half away from zero."""
        found = number(value)
        return None if found is None else money.round_amount(found)

    @jmespath_functions.signature({"types": []}, {"types": []})
    def _func_in_currency(self, value: Any, currency: Any) -> Decimal | None:
        """An amount that the mapping worked out, rounded to the decimals of this currency, half away from
        zero. What the ERP says is never rounded so: `using: cents` stops it where it does not fit."""
        found = number(value)
        return (
            None if found is None else money.round_amount(found, None if currency is None else str(currency))
        )

    @jmespath_functions.signature({"types": []}, {"types": []})
    def _func_point_in_doubt(self, value: Any, currency: Any) -> bool:
        """Whether a number text has two decimals though its currency has none or three: SAP keeps amounts of
        all currencies so, and a yen written 1280.00 may be 128000."""
        return money.decimals(str(currency)) != 2 and bool(_TWO_DECIMALS.search(str(value)))

    @jmespath_functions.signature({"types": []})
    def _func_magnitude(self, value: Any) -> Decimal | None:
        found = number(value)
        return None if found is None else abs(found)

    @jmespath_functions.signature({"types": []})
    def _func_negated(self, value: Any) -> Decimal | None:
        found = number(value)
        return None if found is None else -found

    @jmespath_functions.signature({"types": []})
    def _func_shortest(self, value: Any) -> str | None:
        """The number as a text without trailing zeros, for texts that are put together: 2.500 is 2.5."""
        found = number(value)
        return None if found is None else money.text(_without_zeros(found))

    @jmespath_functions.signature({"types": []})
    def _func_is_negative(self, value: Any) -> bool:
        found = number(value)
        return found is not None and found < 0

    @jmespath_functions.signature({"types": []})
    def _func_is_positive(self, value: Any) -> bool:
        found = number(value)
        return found is not None and found > 0

    @jmespath_functions.signature({"types": []}, {"types": []})
    def _func_same_number(self, left: Any, right: Any) -> bool:
        return number(left) == number(right)

    @jmespath_functions.signature({"types": []}, {"types": []})
    def _func_pick(self, rows: Any, key: Any) -> Any:
        """The row of a table (`tables.currencies`) or member of an object under this key; "*" where there is
        none."""
        if not isinstance(rows, dict) or key is None:
            return None
        return rows.get(str(key), rows.get("*"))

    @jmespath_functions.signature({"types": []}, {"types": []})
    def _func_move_point(self, value: Any, places: Any) -> Decimal | None:
        """The number with its decimal point moved to the right: 1.00 and 2 make 100; for amounts that an ERP
        keeps with two decimals whatever the currency has."""
        found = number(value)
        if places == "0":
            return found
        by = number(places)
        if found is None or by is None:
            return None
        if abs(by) > _MOST_PLACES:
            raise too_large()
        return found.scaleb(int(by))

    @staticmethod
    def _both(left: Any, right: Any, combine: Callable[[Decimal, Decimal], Decimal | None]) -> Decimal | None:
        a, b = number(left), number(right)
        return None if a is None or b is None else combine(a, b)


_SAP_DATE: Final = re.compile(r"[0-9]{8}\Z")
_TWO_DECIMALS: Final = re.compile(r"\.[0-9]{2}[+-]?\Z")


def strip_zeros(value: Any) -> str:
    """SAP pads keys with zeros; people and the ledger write them without: 0090000123 is 90000123."""
    return str(value).strip().lstrip("0") or "0"


def sap_date(value: Any) -> date | None:
    """YYYYMMDD; 00000000 is SAP's way to say none."""
    text = str(value).strip()
    if text in ("", "00000000"):
        return None
    try:
        if not _SAP_DATE.match(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as error:
        raise MalformedDocument(
            f"{text[:20]!r} is not a date", where="date", fix="it must be YYYYMMDD"
        ) from error


def iso_date(value: Any) -> date | None:
    """The first ten characters, YYYY-MM-DD; a time and zone behind them are ignored: a business date has
    neither."""
    text = str(value).strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise MalformedDocument(
            f"{text[:20]!r} is not a date", where="date", fix="it must be YYYY-MM-DD"
        ) from error


_EXACT_DATE: Final = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/\Z")


def exact_date(value: Any) -> date | None:
    """`/Date(ms)/` of Exact Online: the milliseconds are local wall-clock time written as if it were UTC."""
    match = _EXACT_DATE.match(str(value).strip())
    if match is None:
        raise MalformedDocument(
            f"{str(value)[:40]!r} is not a date of Exact Online", where="date", fix="read it again"
        )
    try:
        return datetime.fromtimestamp(int(match[1]) // 1000, UTC).date()
    except (OverflowError, ValueError) as error:
        raise MalformedDocument(
            f"{str(value)[:40]!r} is a date beyond the calendar", where="date", fix="check it in the ERP"
        ) from error


def percent_from_fraction(value: Any) -> Decimal | None:
    """0.21 means 21 %."""
    found = number(value)
    return None if found is None else _without_zeros(found * 100)


def percent(value: Any) -> Decimal | None:
    """21, 21.000 and 21.0% are all 21; trailing zeros go."""
    if isinstance(value, str) and len(value) <= _SHORT:
        return _short_percent(value)
    found = number(value.rstrip("% ") if isinstance(value, str) else value)
    return None if found is None else _without_zeros(found)


@lru_cache(maxsize=4_096)
def _short_percent(text: str) -> Decimal | None:
    found = number(text.rstrip("% "))
    return None if found is None else _without_zeros(found)


def _without_zeros(value: Decimal) -> Decimal:
    if not value:
        return Decimal(0)
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def shortest(value: Any) -> Decimal | None:
    """A quantity without trailing zeros: 3.000 is 3."""
    return percent(value)


def cents(value: Any) -> Decimal | None:
    """An amount with two decimals, as EN 16931 writes amounts.

    For the amounts of an invoice the engine takes the decimals of its currency instead (`formats.money`).
    """
    found = number(value)
    return None if found is None else money.round_amount(found)


def magnitude(value: Any) -> Decimal | None:
    """Without its sign."""
    found = number(value)
    return None if found is None else abs(found)


def decode_base64(value: Any) -> bytes:
    """An embedded file. Raises MalformedDocument when it is not base64."""
    try:
        return base64.b64decode("".join(str(value).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedDocument(
            "the attachment is not base64", where="attachment", fix="attach it again"
        ) from error


def address(value: Any) -> Identifier:
    """`scheme:value` as an electronic address."""
    return electronic_address(str(value))


def compact(value: Any) -> str:
    """Without blanks, dots, and slashes, in capitals: VAT numbers and IBANs as registers write them."""
    return re.sub(r"[\s./]", "", str(value)).upper()


def _guarded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @wraps(function)
    def within_bounds(value: Any) -> Any:
        try:
            return function(value)
        except DecimalException as error:
            raise too_large() from error

    return within_bounds


FUNCTIONS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        function.__name__: _guarded(function)
        for function in (
            address,
            cents,
            compact,
            decode_base64,
            exact_date,
            iso_date,
            magnitude,
            percent,
            percent_from_fraction,
            sap_date,
            shortest,
            strip_zeros,
        )
    }
)
