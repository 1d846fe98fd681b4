"""Money as exact decimals: read from text with a stated convention, rounded once, written without an
exponent."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from formats.errors import MalformedDocument

__all__ = ["parse", "round_amount", "text"]

CENT: Final = Decimal("0.01")
_PLAIN: Final = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})\Z")


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


def round_amount(value: Decimal) -> Decimal:
    """Two decimals, half away from zero, as EN 16931-1 section 6.5 has invoice amounts rounded.

    Nothing is never negative: some rules do not take -0.00 for zero.
    """
    rounded = value.quantize(CENT, rounding=ROUND_HALF_UP)
    return rounded if rounded else abs(rounded)


def text(value: Decimal) -> str:
    """The shortest plain decimal with the digits it was given: 1.50 stays 1.50, 1E+2 becomes 100."""
    return format(value, "f")
