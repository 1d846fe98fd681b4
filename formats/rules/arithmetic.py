"""Arithmetic of XPath at run time: integers, exact decimals and doubles; None stands for the empty
sequence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from formats.rules.casts import double
from formats.rules.single import Single
from formats.rules.tree import Node
from formats.rules.values import Date, Fault, Untyped, item_value, string_value

__all__ = ["add", "div", "rounded"]

_SMALLEST: Final = Decimal(1).scaleb(-18)
_HALF: Final = Decimal("0.5")
_MOST_BITS: Final = 3_400


def _numeric(value: Any) -> Any:
    if value.__class__ is Node:
        return double(string_value(value))
    if isinstance(value, Untyped):
        return double(value)
    if isinstance(value, (str, Date)) or value.__class__ is bool:
        raise Fault("arithmetic with something that is no number")
    return value


def any_number(value: Any) -> Any:
    """An operand whose type is only known now, as a number; None stays None."""
    return None if value is None else _numeric(value)


def alike(a: Any, b: Any) -> bool:
    """Whether both or neither are doubles."""
    return (a.__class__ is float) == (b.__class__ is float)


def add(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    return a + b if alike(a, b) else float(a) + float(b)


def sub(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    return a - b if alike(a, b) else float(a) - float(b)


def mul(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    if a.__class__ is int and b.__class__ is int:
        return times(a, b)
    return a * b if alike(a, b) else float(a) * float(b)


def times(a: int, b: int) -> int:
    """The product of whole numbers, which have no bound of their own."""
    if a.bit_length() + b.bit_length() > _MOST_BITS:
        raise Fault("a whole number of more than a thousand digits")
    return a * b


def div(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    if a.__class__ is float or b.__class__ is float:
        return _double_division(float(a), float(b))
    if a.__class__ is Single or b.__class__ is Single:
        return Single(_double_division(float(a), float(b)))
    if b == 0:
        raise Fault("division by zero")
    quotient = Decimal(a) / Decimal(b)
    if int(quotient.as_tuple().exponent) < -18:
        quotient = quotient.quantize(_SMALLEST, ROUND_HALF_DOWN)
    return quotient


def _double_division(a: float, b: float) -> float:
    if b == 0:
        if a == 0 or a != a:
            return math.nan
        return math.copysign(math.inf, math.copysign(1, a) * math.copysign(1, b))
    return a / b


def idiv(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    if b == 0:
        raise Fault("division by zero")
    if isinstance(a, float) or isinstance(b, float):
        return int(float(a) / float(b))
    return int(Decimal(a) / Decimal(b))


def mod(a: Any, b: Any) -> Any:
    if a.__class__ is int and b.__class__ is int and b != 0:
        rest = abs(a) % abs(b)
        return -rest if a < 0 else rest
    if a is None or b is None:
        return None
    if a.__class__ is float or b.__class__ is float:
        a, b = float(a), float(b)
        return math.nan if b == 0 or math.isinf(a) else math.fmod(a, b)
    if a.__class__ is Single or b.__class__ is Single:
        return Single(mod(float(a), float(b)))
    if b == 0:
        raise Fault("division by zero")
    return Decimal(a) % Decimal(b)


def neg(a: Any) -> Any:
    return None if a is None else -a


def absolute(a: Any) -> Any:
    return None if a is None else abs(a)


def rounded(a: Any, places: int = 0) -> Any:
    """fn:round: half goes up, towards plus infinity."""
    if a is None or (a.__class__ is int and places >= 0):
        return a
    if a.__class__ is float:
        if not math.isfinite(a):
            return a
        if places == 0:
            whole = math.floor(a)
            return math.copysign(float(whole + (a - whole >= 0.5)), a)
        return float(rounded(Decimal(repr(a)), places))
    if a.__class__ is Single:
        return Single(rounded(float(a))) if places == 0 else Single(rounded(Decimal(a.shortest), places))
    scaled = Decimal(a).scaleb(places)
    return (scaled + _HALF).to_integral_value(ROUND_FLOOR).scaleb(-places)


def cents(a: Any) -> Any:
    """`round(a * 10 * 10) div 100`: an amount to two places, half goes up."""
    if a.__class__ is Decimal:
        return (a.scaleb(2) + _HALF).to_integral_value(ROUND_FLOOR).scaleb(-2)
    return div(rounded(mul(mul(a, 10), 10)), 100)


def rounded_to_even(a: Any, places: int = 0) -> Any:
    if a is None or (a.__class__ is int and places >= 0):
        return a
    if a.__class__ is float:
        return float(rounded_to_even(Decimal(repr(a)), places)) if math.isfinite(a) else a
    if a.__class__ is Single:
        return Single(rounded_to_even(Decimal(a.shortest), places)) if math.isfinite(a) else a
    return Decimal(a).scaleb(places).to_integral_value(ROUND_HALF_EVEN).scaleb(-places)


def floor(a: Any) -> Any:
    if a is None or a.__class__ is int:
        return a
    if isinstance(a, float):
        return a.__class__(math.floor(a)) if math.isfinite(a) else a
    return a.to_integral_value(ROUND_FLOOR)


def ceiling(a: Any) -> Any:
    return neg(floor(neg(a)))


def sum_doubles(values: list[float]) -> float | int:
    """fn:sum of doubles, one after the other; the sum of nothing is the integer 0."""
    if not values:
        return 0
    total = -0.0  # so that minus zero stays, as in Saxon
    for value in values:
        total += value
    return total


def sum_any(items: Iterable[Any]) -> Any:
    total: Any = 0
    for item in items:
        total = add(total, _numeric(item))
    return total


def _extreme(items: Iterable[Any], best: Callable[[list[Any]], Any]) -> Any:
    values = [item_value(item) for item in items]
    values = [double(value) if isinstance(value, Untyped) else value for value in values]
    if not values:
        return None
    if any(isinstance(value, float) for value in values):
        values = [float(value) for value in values]
        if any(value != value for value in values):
            return math.nan
    if len({isinstance(value, str) for value in values}) > 1:
        raise Fault("the greatest or least of numbers and strings")
    return best(values)


def greatest(items: Iterable[Any]) -> Any:
    return _extreme(items, max)


def least(items: Iterable[Any]) -> Any:
    return _extreme(items, min)


def average(items: Iterable[Any]) -> Any:
    values = [_numeric(item) for item in items]
    return div(sum_any(values), len(values)) if values else None


def part(items: Sequence[Any], start: Any, length: Any = math.inf) -> list[Any]:
    """fn:subsequence."""
    first = rounded(float(start))
    last = first + rounded(float(length)) if length != math.inf else math.inf
    return [item for number, item in enumerate(items, 1) if first <= number < last]
