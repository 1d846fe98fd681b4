"""fn:format-number for plain pictures such as `#0.00`: no groups, percent signs or text around the digits."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from formats.rules.single import Single

__all__ = ["picture_of", "pictured"]

_PLAIN: Final = re.compile(r"(#*)(0*)(?:\.(0*)(#*))?")


def picture_of(text: str) -> tuple[int, int, int] | None:
    """Fewest digits before, fewest and most digits after the point; None for any other kind of picture."""
    match = _PLAIN.fullmatch(text)
    if match is None or not text.strip("."):
        return None
    whole, least, more = len(match[2]), len(match[3] or ""), len(match[4] or "")
    # With nothing but # on either side of a point the result has its own odd rules; nobody writes that.
    return (
        None
        if not whole and not least and more
        else (max(whole, not least and not more), least, least + more)
    )


def pictured(value: Any, whole: int, least: int, most: int) -> str:
    """A number in its picture, half rounded to even; NaN for nothing."""
    if value is None or value != value:
        return "NaN"
    sign = "-" if math.copysign(1, value) < 0 else ""
    if isinstance(value, float):
        if math.isinf(value):
            return f"{sign}Infinity"
        value = Decimal(value.shortest if isinstance(value, Single) else repr(value))
    digits = format(abs(Decimal(value)).quantize(Decimal(1).scaleb(-most), ROUND_HALF_EVEN), "f")
    before, _, after = digits.partition(".")
    after = after[:least] + after[least:].rstrip("0")
    before = before.lstrip("0").rjust(whole, "0")
    return f"{sign}{before}{'.' if after else ''}{after}"
