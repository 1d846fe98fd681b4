"""XPath 2.0 values at run time: casts, arithmetic, comparison, strings (W3C XQuery and XPath Functions 1.0).

Numbers are int (xs:integer), Decimal (xs:decimal) and float (xs:double); text without a type is `Untyped`
wherever the compiler cannot know that from the expression. Whatever the specification calls a dynamic error
is a `Fault` here. Exactness depends on the decimal context that the checker sets.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_DOWN, ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

from formats.rules.tree import Node

__all__ = ["ARITHMETIC", "FAULTS", "Date", "Fault", "NodeText", "Untyped"]

# Saxon's decimals have no bound; 120 digits are more than any amount, and a bound keeps hostile input cheap.
ARITHMETIC: Final = Context(prec=120, Emax=9_999, Emin=-9_999)
_LONGEST_NUMBER: Final = 1_000
_BLANKS: Final = " \t\r\n"
_SMALLEST: Final = Decimal(1).scaleb(-18)
_HALF: Final = Decimal("0.5")


class Fault(Exception):
    """A dynamic error of XPath: the rule cannot be evaluated on this document."""


#: What an evaluation may raise: dynamic errors, and the limits of numbers and characters.
FAULTS: Final = (Fault, ArithmeticError, ValueError, RecursionError, OverflowError)


class Untyped(str):
    """Text of a document: compares as a number with numbers, as a string with strings."""

    __slots__ = ()


class NodeText(Untyped):
    """An attribute or text node that is an item of a mixed sequence: true by existence."""

    __slots__ = ()


class Date(tuple[int]):
    """A moment or day as minutes (seconds for times) since year one, UTC where no zone is given."""

    __slots__ = ()


# string values


def string_value(node: Node) -> str:
    """All text inside an element, comments left out."""
    value = node.s
    if value is None:
        if node.el is None:
            value = "".join([string_value(kid) for kid in node.k])
        else:
            value = "".join(_texts(node.el, []))
        node.s = value
    return value


def _texts(element: Any, found: list[str]) -> list[str]:
    """All texts below an element; the library's own way counts comments in."""
    found.append(element.text or "")
    for part in element:
        if part.tag.__class__ is str:
            _texts(part, found)
        found.append(part.tail or "")
    return found


def many() -> Fault:
    return Fault("more than one item where one is wanted")


def one(items: Sequence[Any]) -> Any:
    """The only item, None if there is none."""
    if not items:
        return None
    if len(items) > 1:
        raise many()
    return items[0]


def one_text(items: Sequence[str]) -> str:
    """The only text, "" if there is none."""
    if not items:
        return ""
    if len(items) > 1:
        raise many()
    return items[0]


def node_text(nodes: Sequence[Node]) -> str:
    """The string value of the only node, "" if there is none."""
    if not nodes:
        return ""
    if len(nodes) > 1:
        raise many()
    value = nodes[0].s
    return string_value(nodes[0]) if value is None else value


def node_value(nodes: Sequence[Node]) -> str | None:
    """The string value of the only node, None if there is none."""
    if not nodes:
        return None
    if len(nodes) > 1:
        raise many()
    return string_value(nodes[0])


def child_text(node: Node, tag: str) -> str:
    """The string value of the only child of that tag, "" if there is none."""
    nodes = node.c.get(tag)
    if nodes is None:
        return ""
    if len(nodes) > 1:
        raise many()
    value = nodes[0].s
    return string_value(nodes[0]) if value is None else value


def child_value(node: Node, tag: str) -> str | None:
    """The string value of the only child of that tag, None if there is none."""
    nodes = node.c.get(tag)
    if nodes is None:
        return None
    if len(nodes) > 1:
        raise many()
    value = nodes[0].s
    return string_value(nodes[0]) if value is None else value


def item_value(item: Any) -> Any:
    """The typed value of an item: nodes become untyped text."""
    if item.__class__ is Node:
        return Untyped(string_value(item))
    return item


def item_text(item: Any) -> str:
    if item is None:
        return ""
    if item.__class__ is Node:
        return string_value(item)
    return item if isinstance(item, str) else number_text(item)


def opt(item: Any) -> tuple[Any, ...]:
    """A sequence of an item that may be missing."""
    return () if item is None else (item,)


def text(value: str | None) -> str:
    return "" if value is None else value


# casts

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\Z").match
_DOUBLE: Final = re.compile(
    r"(?:[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|-?INF|NaN)\Z"
).match
_INTEGER: Final = re.compile(r"[+-]?[0-9]+\Z").match


def _numeral(value: str) -> str:
    value = value.strip(_BLANKS)
    if len(value) > _LONGEST_NUMBER:
        raise Fault(f"a number of {len(value)} characters")
    return value


def _shown(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:60] + "...")


def decimal(value: Any) -> Decimal:
    """xs:decimal of one item."""
    if isinstance(value, str):
        numeral = _numeral(value)
        if not _DECIMAL(numeral):
            raise Fault(f"not a decimal number: {_shown(value)}")
        return Decimal(numeral)
    if value.__class__ is Node:
        return decimal(string_value(value))
    if value.__class__ is float and not math.isfinite(value):
        raise Fault("not a decimal number: " + number_text(value))
    if isinstance(value, Date):
        raise Fault("a date is not a number")
    return Decimal(value)


def decimal_or_none(value: Any) -> Decimal | None:
    return None if value is None else decimal(value)


def integer(value: Any) -> int:
    """xs:integer of one item; numbers are cut towards zero."""
    if value.__class__ is Node:
        value = string_value(value)
    if isinstance(value, str):
        numeral = _numeral(value)
        if not _INTEGER(numeral):
            raise Fault(f"not a whole number: {_shown(value)}")
        return int(numeral)
    if isinstance(value, Date):
        raise Fault("a date is not a number")
    return int(value)


def integer_or_none(value: Any) -> int | None:
    return None if value is None else integer(value)


def double(value: Any) -> float:
    """xs:double of one item."""
    if isinstance(value, str):
        numeral = _numeral(value)
        if not _DOUBLE(numeral):
            raise Fault(f"not a number: {_shown(value)}")
        return float(numeral.replace("INF", "inf"))
    if value.__class__ is Node:
        return double(string_value(value))
    if isinstance(value, Date):
        raise Fault("a date is not a number")
    return float(value)


def double_or_none(value: Any) -> float | None:
    return None if value is None else double(value)


def number(value: Any) -> float:
    """fn:number: not-a-number where the cast fails."""
    if value is None:
        return math.nan
    try:
        return double(value)
    except Fault:
        return math.nan


def boolean(value: Any) -> bool:
    """xs:boolean of one item."""
    if value.__class__ is Node:
        value = string_value(value)
    if isinstance(value, str):
        word = value.strip(_BLANKS)
        if word in ("true", "1"):
            return True
        if word in ("false", "0"):
            return False
        raise Fault(f"neither true nor false: {_shown(value)}")
    if isinstance(value, Date):
        raise Fault("a date is neither true nor false")
    return bool(value) and value == value


def boolean_or_none(value: Any) -> bool | None:
    return None if value is None else boolean(value)


_ZONE: Final = r"(?P<zone>Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?"
_DAY: Final = r"(?P<year>-?[0-9]{4,})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
_TIME: Final = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?P<part>\.[0-9]+)?"
_DATE_FORM: Final = re.compile(_DAY + _ZONE + r"\Z")
_MOMENT_FORM: Final = re.compile(_DAY + "T" + _TIME + _ZONE + r"\Z")
_TIME_FORM: Final = re.compile(_TIME + _ZONE + r"\Z")


def _minutes_east(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes


def _day_number(match: re.Match[str]) -> int:
    try:
        return datetime.date(int(match["year"]), int(match["month"]), int(match["day"])).toordinal()
    except ValueError as error:
        raise Fault(f"not a date: {_shown(match.group())}") from error


def _second_number(match: re.Match[str]) -> int:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    midnight = hour == 24 and minute == 0 and second == 0 and not (match["part"] or "").strip(".0")
    if (hour > 23 and not midnight) or minute > 59 or second > 59:
        raise Fault(f"not a time: {_shown(match.group())}")
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + int(((match["part"] or ".") + "0" * 6)[1:7])


def date(value: Any) -> Date:
    """xs:date of one item."""
    if isinstance(value, Date):
        return value
    match = _DATE_FORM.match(item_text(value).strip(_BLANKS))
    if not match:
        raise Fault(f"not a date: {_shown(item_text(value))}")
    return Date((_day_number(match) * 1440 - _minutes_east(match["zone"]),))


def date_or_none(value: Any) -> Date | None:
    return None if value is None else date(value)


def moment(value: Any) -> Date:
    """xs:dateTime of one item."""
    if isinstance(value, Date):
        return value
    match = _MOMENT_FORM.match(item_text(value).strip(_BLANKS))
    if not match:
        raise Fault(f"not a date and time: {_shown(item_text(value))}")
    minutes = _day_number(match) * 1440 - _minutes_east(match["zone"])
    return Date((minutes * 60_000_000 + _second_number(match),))


def moment_or_none(value: Any) -> Date | None:
    return None if value is None else moment(value)


def time_of_day(value: Any) -> Date:
    """xs:time of one item."""
    if isinstance(value, Date):
        return value
    match = _TIME_FORM.match(item_text(value).strip(_BLANKS))
    if not match:
        raise Fault(f"not a time: {_shown(item_text(value))}")
    return Date((_second_number(match) - _minutes_east(match["zone"]) * 60_000_000,))


def time_or_none(value: Any) -> Date | None:
    return None if value is None else time_of_day(value)


_CASTS: Final = {
    "xs:date": date,
    "xs:dateTime": moment,
    "xs:time": time_of_day,
    "xs:integer": integer,
    "xs:int": integer,
    "xs:decimal": decimal,
    "xs:double": double,
    "xs:float": double,
    "xs:string": item_text,
    "xs:boolean": boolean,
}


def castable(value: Any, name: str, empty: bool) -> bool:
    """Whether one item, or none, can be cast to the type."""
    if value is None:
        return empty
    try:
        _CASTS[name](value)
    except (Fault, ValueError, ArithmeticError):
        return False
    return True


# numbers as text


def number_text(value: Any) -> str:
    """The canonical text of a number or boolean."""
    if value.__class__ is bool:
        return "true" if value else "false"
    if value.__class__ is float:
        return _double_text(value)
    if isinstance(value, Decimal):
        digits = format(value, "f")
        if "." in digits:
            digits = digits.rstrip("0").rstrip(".")
        return "0" if digits in ("-0", "") else digits
    if isinstance(value, Date):
        raise Fault("a date as text is not understood")
    return str(value)


def _double_text(value: float) -> str:
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    shortest = Decimal(repr(value))
    if 1e-6 <= abs(value) < 1e6:
        return number_text(shortest)
    sign, digits, exponent = shortest.as_tuple()
    written = "".join(map(str, digits)).rstrip("0") or "0"
    power = int(exponent) + len(digits) - 1
    return f"{'-' if sign else ''}{written[0]}.{written[1:] or '0'}E{power}"


# arithmetic; None stands for the empty sequence


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


def _alike(a: Any, b: Any) -> bool:
    return (a.__class__ is float) == (b.__class__ is float)


def add(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    return a + b if _alike(a, b) else float(a) + float(b)


def sub(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    return a - b if _alike(a, b) else float(a) - float(b)


def mul(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    return a * b if _alike(a, b) else float(a) * float(b)


def div(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    if a.__class__ is float or b.__class__ is float:
        return _double_division(float(a), float(b))
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
        return math.copysign(math.inf, a) * math.copysign(1, b)
    return a / b


def idiv(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    if b == 0:
        raise Fault("division by zero")
    if a.__class__ is float or b.__class__ is float:
        return int(float(a) / float(b))
    return int(Decimal(a) / Decimal(b))


def mod(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return None
    if a.__class__ is float or b.__class__ is float:
        a, b = float(a), float(b)
        return math.nan if b == 0 or math.isinf(a) else math.fmod(a, b)
    if b == 0:
        raise Fault("division by zero")
    if a.__class__ is int and b.__class__ is int:
        rest = abs(a) % abs(b)
        return -rest if a < 0 else rest
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
            return float(math.floor(a + 0.5)) if abs(a) < 4e15 else a
        return float(rounded(Decimal(repr(a)), places))
    scaled = Decimal(a).scaleb(places)
    return (scaled + _HALF).to_integral_value(ROUND_FLOOR).scaleb(-places)


def rounded_to_even(a: Any, places: int = 0) -> Any:
    if a is None or (a.__class__ is int and places >= 0):
        return a
    if a.__class__ is float:
        return float(rounded_to_even(Decimal(repr(a)), places)) if math.isfinite(a) else a
    return Decimal(a).scaleb(places).to_integral_value(ROUND_HALF_EVEN).scaleb(-places)


def floor(a: Any) -> Any:
    if a is None or a.__class__ is int:
        return a
    if a.__class__ is float:
        return float(math.floor(a)) if math.isfinite(a) else a
    return a.to_integral_value(ROUND_FLOOR)


def ceiling(a: Any) -> Any:
    return neg(floor(neg(a)))


def sum_doubles(values: list[float]) -> float | int:
    """fn:sum of doubles, one after the other; the sum of nothing is the integer 0."""
    if not values:
        return 0
    total = 0.0
    for value in values:
        total += value
    return total


def sum_any(items: Iterable[Any]) -> Any:
    total: Any = 0
    for item in items:
        total = add(total, _numeric(item))
    return total


def _extreme(items: Iterable[Any], best: Any) -> Any:
    values = [item_value(item) for item in items]
    values = [double(value) if isinstance(value, Untyped) else value for value in values]
    if not values:
        return None
    if any(value.__class__ is float for value in values):
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


# truth and comparison


def true_number(value: Any) -> bool:
    return value is not None and value == value and value != 0


def true_texts(items: Sequence[str]) -> bool:
    if not items:
        return False
    if len(items) > 1:
        raise Fault("two strings are neither true nor false")
    return bool(items[0])


def true_any(items: Sequence[Any]) -> bool:
    """The effective boolean value of a sequence."""
    if not items:
        return False
    first = items[0]
    if first.__class__ is Node or first.__class__ is NodeText:
        return True
    if len(items) > 1:
        raise Fault("two values are neither true nor false")
    if isinstance(first, Date):
        raise Fault("a date is neither true nor false")
    return bool(first) and first == first


_COMPARE: Final = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _matched(a: Any, b: Any, general: bool) -> tuple[Any, Any]:
    """Two values as the comparison wants them."""
    a_text, b_text = isinstance(a, str), isinstance(b, str)
    if a_text and b_text:
        return str(a), str(b)
    if general and isinstance(a, Untyped):
        return _cast_like(a, b)
    if general and isinstance(b, Untyped):
        b, a = _cast_like(b, a)
        return a, b
    a_kind, b_kind = (
        "text"
        if isinstance(x, str)
        else "date"
        if isinstance(x, Date)
        else "truth"
        if x.__class__ is bool
        else "number"
        for x in (a, b)
    )
    if a_kind != b_kind:
        raise Fault(f"a comparison of {a_kind} with {b_kind}")
    if a_kind == "number" and not _alike(a, b):
        return float(a), float(b)
    return a, b


def _cast_like(untyped: Untyped, other: Any) -> tuple[Any, Any]:
    if other.__class__ is bool:
        return boolean(untyped), other
    if isinstance(other, Date):
        return (date(untyped) if "T" not in untyped else moment(untyped)), other
    return double(untyped), float(other)


def compare_any(operator: str, left: Iterable[Any], right: Sequence[Any]) -> bool:
    """A general comparison: true if any pair is."""
    test = _COMPARE[operator]
    for a in left:
        a = item_value(a)
        for b in right:
            if test(*_matched(a, item_value(b), True)):
                return True
    return False


def compare_one(operator: str, a: Any, b: Any) -> bool | None:
    """A value comparison; None if either side is empty."""
    if a is None or b is None:
        return None
    return bool(_COMPARE[operator](*_matched(item_value(a), item_value(b), False)))


def deep_equal(left: Sequence[Any], right: Sequence[Any]) -> bool:
    if len(left) != len(right):
        return False
    return all(item_value(a) == item_value(b) for a, b in zip(left, right, strict=True))


def fault(text: str) -> Any:
    """An expression that can only fail."""
    raise Fault(text)


def same_texts(items: Iterable[str]) -> list[str]:
    """fn:distinct-values of strings."""
    return list(dict.fromkeys(items))


def same_any(items: Iterable[Any]) -> list[Any]:
    """fn:distinct-values of anything."""
    found: dict[tuple[str, Any], Any] = {}
    for item in items:
        value = item_value(item)
        kind = "text" if isinstance(value, str) else "truth" if value.__class__ is bool else "value"
        found.setdefault((kind, value), value)
    return list(found.values())


def index_of(items: Sequence[Any], wanted: Any) -> list[int]:
    return [
        number
        for number, item in enumerate(items, 1)
        if (isinstance(item_value(item), str) == isinstance(item_value(wanted), str))
        and item_value(item) == item_value(wanted)
    ]


def at(items: Sequence[Any], position: Any) -> Any:
    """The item at a position counted from one; None outside."""
    if position is None:
        return None
    index = int(position) if position == position and abs(position) < 1e9 else 0
    return items[index - 1] if index == position and 1 <= index <= len(items) else None


def spread(first: Any, last: Any) -> range:
    """`first to last`."""
    if first is None or last is None:
        return range(0)
    if first != int(first) or last != int(last):
        raise Fault("a range needs whole numbers")
    if last - first > 1_000_000:
        raise Fault("a range of more than a million numbers")
    return range(int(first), int(last) + 1)


def text_or_none(value: Any) -> str | None:
    return None if value is None else item_text(value)


def required(value: Any) -> Any:
    """An item that must be there."""
    if value is None:
        raise Fault("nothing where one item is wanted")
    return value


class Lazy:
    """A variable: computed when first read. An error shows wherever it is read."""

    __slots__ = ("_compute", "_value")

    def __init__(self, compute: Callable[[], Any]) -> None:
        self._compute: Callable[[], Any] | None = compute

    def __call__(self) -> Any:
        if self._compute is not None:
            self._value = self._compute()
            self._compute = None
        return self._value


_AS_TYPE: Final = {
    "string": item_text,
    "boolean": boolean,
    "integer": integer,
    "decimal": decimal,
    "double": double,
    "date": date,
    "date and time": moment,
    "time": time_of_day,
}


def as_type(value: Any, kind: str) -> Any:
    """An argument whose kind shows only now: untyped text is cast, anything else must already be of that
    kind."""
    if value is None:
        return None
    value = item_value(value)
    if isinstance(value, Untyped):
        return _AS_TYPE[kind](value)
    actual = (
        "boolean"
        if value.__class__ is bool
        else "integer"
        if value.__class__ is int
        else "decimal"
        if isinstance(value, Decimal)
        else "double"
        if value.__class__ is float
        else "string"
        if isinstance(value, str)
        else "date"
    )
    if kind == "double" and actual in ("integer", "decimal"):
        return float(value)
    if actual == kind or (kind == "decimal" and actual == "integer") or (actual == "date" and "time" in kind):
        return value
    raise Fault(f"a {actual} where a {kind} is wanted")


def exactly_one(items: Sequence[Any]) -> Any:
    """fn:exactly-one."""
    if len(items) != 1:
        raise Fault("exactly one item is wanted")
    return items[0]


def one_or_more(items: Sequence[Any]) -> Sequence[Any]:
    """fn:one-or-more."""
    if not items:
        raise Fault("nothing where something is wanted")
    return items


def part(items: Sequence[Any], start: Any, length: Any = math.inf) -> list[Any]:
    """fn:subsequence."""
    first = rounded(float(start))
    last = first + rounded(float(length)) if length != math.inf else math.inf
    return [item for number, item in enumerate(items, 1) if first <= number < last]
