"""Money as exact decimals: read from text with a stated convention, rounded once to what the currency has,
written without an exponent.

How many decimals a currency has is told by `currency_decimals.csv` (ISO 4217). EN 16931 has room for two at
most (BR-DEC-01 to BR-DEC-28), so an amount that needs the third decimal of a dinar cannot be said in it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources
from types import MappingProxyType
from typing import Final

from formats.errors import MalformedDocument

__all__ = ["decimals", "fitted", "parse", "round_amount", "text"]

_PLAIN: Final = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})\Z")
_MOST_IN_EN16931: Final = 2
# 10 to the power of minus n, by n.
_UNITS: Final = tuple(Decimal(1).scaleb(-places) for places in range(5))
# What doubles, in which some ERPs keep amounts, are off by.
_NOISE: Final = Decimal("0.0000005")


def parse(value: str) -> Decimal:
    """A decimal number with a point, no thousands sign, and a sign in front or (as SAP writes it) behind.

    Raises MalformedDocument for anything else, exponents, infinities and digits of other scripts included.
    """
    number = value.strip(" \t\r\n")
    if number.endswith(("-", "+")):
        number = number[-1] + number[:-1]
    if not _PLAIN.match(number):
        raise MalformedDocument(
            f"{value[:40]!r} is not a number",
            where="amount",
            fix="write it as digits with a decimal point, 1234.50",
        )
    return Decimal(number)


def decimals(currency: str | None) -> int:
    """How many decimals amounts of this currency have; two for an unknown one, and for None."""
    return _DECIMALS.get(currency or "", 2)


def round_amount(value: Decimal, currency: str | None = None) -> Decimal:
    """To the decimals of the currency, half away from zero, as EN 16931-1 section 6.5 has amounts rounded.

    Nothing is never negative: some rules do not take -0.00 for zero. Raises InvalidOperation for a number
    that is too long to calculate with.
    """
    return _rounded(value, decimals(currency))


def fitted(value: Decimal, currency: str | None) -> Decimal:
    """An amount that was said in this currency, with the decimals that it has in an e-invoice, two at most.

    With two decimals it is rounded, as `round_amount` does. A currency with none or three is not: 12.500 KWD
    is 12.50, and 12.345 KWD or 12.50 JPY raises MalformedDocument, because rounding would change what is owed
    or hide that the point is in the wrong place. Raises InvalidOperation as `round_amount` does.
    """
    places = decimals(currency)
    if places == _MOST_IN_EN16931:
        return _rounded(value, places)
    fits = _rounded(value, min(places, _MOST_IN_EN16931))
    if abs(fits - value) <= _NOISE:
        return fits
    if places == 0:
        what = f"{text(value)} {currency} has decimals, and this currency has none"
        fix = "check the amount and the currency in the ERP"
    else:
        what = f"{text(value)} {currency} needs a third decimal, and an e-invoice has room for two"
        fix = "bill amounts that end in 0, or bill in another currency"
    raise MalformedDocument(what, where="amount", fix=fix)


def text(value: Decimal) -> str:
    """The shortest plain decimal with the digits it was given: 1.50 stays 1.50, 1E+2 becomes 100."""
    return format(value, "f")


def _rounded(value: Decimal, places: int) -> Decimal:
    rounded = value.quantize(_UNITS[places], rounding=ROUND_HALF_UP)
    return rounded if rounded else abs(rounded)


def _listed() -> Mapping[str, int]:
    lines = resources.files("formats").joinpath("currency_decimals.csv").read_text("utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return MappingProxyType({row["currency"]: int(row["decimals"]) for row in rows})


_DECIMALS: Final = _listed()
