"""xs:float at run time: numbers of single precision, which some rule sets compute tolerances with.

A `Single` with a whole number, a decimal or another `Single` gives a `Single`; with a double it gives a
double.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

__all__ = ["Single", "single", "single_or_none"]

_FORM: Final = struct.Struct("<f")


def _nearest(value: float) -> float:
    try:
        return float(_FORM.unpack(_FORM.pack(value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


class Single(float):
    """A number of single precision (IEEE 754 binary32)."""

    __slots__ = ()

    def __new__(cls, value: Any) -> Single:
        return super().__new__(cls, _nearest(float(value)))

    def __add__(self, other: Any) -> float:
        return _combined(self, other, float.__add__)

    def __radd__(self, other: Any) -> float:
        return _combined(self, other, float.__radd__)

    def __sub__(self, other: Any) -> float:
        return _combined(self, other, float.__sub__)

    def __rsub__(self, other: Any) -> float:
        return _combined(self, other, float.__rsub__)

    def __mul__(self, other: Any) -> float:
        return _combined(self, other, float.__mul__)

    def __rmul__(self, other: Any) -> float:
        return _combined(self, other, float.__rmul__)

    def __neg__(self) -> Single:
        return Single(-float(self))

    def __abs__(self) -> Single:
        return Single(abs(float(self)))

    @property
    def shortest(self) -> str:
        """The fewest digits that give this number again."""
        return next(text for digits in range(1, 10) if Single(text := f"{float(self):.{digits}g}") == self)


def _combined(one: Single, other: Any, operation: Callable[[float, float], float]) -> float:
    if other.__class__ is float:
        return operation(float(one), other)
    return Single(operation(float(one), Single(other)))


def single(value: Any) -> Single:
    """xs:float of one item."""
    from formats.rules.casts import double  # which knows the texts that are numbers

    return (
        value if value.__class__ is Single else Single(value if isinstance(value, Decimal) else double(value))
    )


def single_or_none(value: Any) -> Single | None:
    return None if value is None else single(value)
