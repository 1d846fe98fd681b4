"""Casts of XPath at run time; what is no number, date or truth value raises Fault."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from formats.rules.dates import DAY, MINUTE, day_number, microseconds_of
from formats.rules.single import single
from formats.rules.tree import Node
from formats.rules.values import Date, Fault, Untyped, item_text, item_value, many, number_text, string_value

__all__ = [
    "as_type",
    "boolean",
    "castable",
    "castable_only",
    "date",
    "decimal",
    "double",
    "in_zone",
    "integer",
    "moment",
    "number",
    "ranked",
    "ranked_whole",
    "signed",
    "this_moment",
    "time_of_day",
]

_BLANKS: Final = " \t\r\n"
_LONGEST_NUMBER: Final = 1_000
_SHORT: Final = 32
_MOST_KNOWN: Final = 8_192

# casts

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\Z").match
_DOUBLE: Final = re.compile(
    r"(?:[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?INF|NaN)\Z"
).match
_MINUS_ZERO: Final = re.compile(r"-0+\.?\Z").match
_INTEGER: Final = re.compile(r"[+-]?[0-9]+\Z").match


def _numeral(value: str) -> str:
    value = value.strip(_BLANKS)
    if len(value) > _LONGEST_NUMBER:
        raise Fault(f"a number of {len(value)} characters")
    return value


def _shown(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:60] + "...")


# Amounts, rates and dates come again and again: several rules ask for each, and many lines have the same.
@lru_cache(maxsize=_MOST_KNOWN)
def _short_decimal(text: str) -> Decimal | None:
    return Decimal(text) if _DECIMAL(text) else None


def decimal(value: Any) -> Decimal:
    """xs:decimal of one item."""
    if value.__class__ is str:
        if len(value) < _SHORT:
            found = _short_decimal(value)
            if found is not None:
                return found
        elif len(value) < _LONGEST_NUMBER and _DECIMAL(value):
            return Decimal(value)
    if isinstance(value, str):
        numeral = _numeral(value)
        if not _DECIMAL(numeral):
            raise Fault(f"not a decimal number: {_shown(value)}")
        return Decimal(numeral)
    if value.__class__ is Node:
        return decimal(string_value(value))
    if isinstance(value, float) and not math.isfinite(value):
        raise Fault("not a decimal number: " + number_text(value))
    if isinstance(value, Date):
        raise Fault("a date is not a number")
    return Decimal(value)


def decimal_or_none(value: Any) -> Decimal | None:
    return None if value is None else decimal(value)


def decimal_child(node: Node, tag: str) -> Decimal | None:
    """xs:decimal of the only child of that tag, None if there is none."""
    nodes = node.c.get(tag)
    if nodes is None:
        return None
    if len(nodes) > 1:
        raise many()
    value = nodes[0].s
    return decimal(string_value(nodes[0]) if value is None else value)


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
    if value.__class__ is str and len(value) < _LONGEST_NUMBER and _DECIMAL(value):
        return float(value)
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


# Saxon, by which the publishers prove their rules, compares text with numbers in the total order of Java's
# doubles:
# minus zero comes before zero, and not-a-number after everything. That decides `cbc:BaseAmount >= 0` for
# "-0.00".
_BELOW_ZERO: Final = -5e-324


def ranked(value: Any) -> float:
    """Text of a document as a number for a comparison with a decimal or double."""
    if value.__class__ is str and len(value) < _SHORT:
        return _short_ranked(value)
    return _ranked(value)


@lru_cache(maxsize=_MOST_KNOWN)
def _short_ranked(text: str) -> float:
    return _ranked(text)


def _ranked(value: Any) -> float:
    if value.__class__ is str and len(value) < _LONGEST_NUMBER and _DECIMAL(value):
        number = float(value)
    else:
        number = double(value)
    if number == 0:
        return number if math.copysign(1, number) > 0 else _BELOW_ZERO
    return number if number == number else math.inf


def ranked_whole(value: Any) -> float:
    """The same for a comparison with a whole number, in which "-0" is 0 and "-0.00" is less."""
    number = ranked(value)
    if number == _BELOW_ZERO and _MINUS_ZERO(item_text(value).strip(_BLANKS)):
        return 0.0
    return number


def signed(value: float) -> float:
    """A double for a comparison with text of a document."""
    return value if value != 0 or math.copysign(1, value) > 0 else _BELOW_ZERO


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
_DAY: Final = r"(?P<year>-?(?:[1-9][0-9]{4,8}|[0-9]{4}))-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
_TIME: Final = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?P<part>\.[0-9]+)?"
_DATE_FORM: Final = re.compile(_DAY + _ZONE + r"\Z")
_MOMENT_FORM: Final = re.compile(_DAY + "T" + _TIME + _ZONE + r"\Z")
_TIME_FORM: Final = re.compile(_TIME + _ZONE + r"\Z")


def _east(zone: str | None) -> int | None:
    """Minutes east of UTC; None where no zone is said, which counts as UTC."""
    if zone is None or zone == "Z":
        return None if zone is None else 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes


def _days(match: re.Match[str]) -> int:
    try:
        return day_number(int(match["year"]), int(match["month"]), int(match["day"])) * DAY
    except ValueError as error:
        raise Fault(f"not a date: {_shown(match.group())}") from error


def _microseconds(match: re.Match[str]) -> int:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    midnight = hour == 24 and minute == 0 and second == 0 and not (match["part"] or "").strip(".0")
    if (hour > 23 and not midnight) or minute > 59 or second > 59:
        raise Fault(f"not a time: {_shown(match.group())}")
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + int(((match["part"] or ".") + "0" * 6)[1:7])


def date(value: Any) -> Date:
    """xs:date of one item."""
    if isinstance(value, Date):
        return _part_of(value, "date")
    text = item_text(value)
    found = _short_date(text) if len(text) < _SHORT else _day_in(text)
    if found is None:
        raise Fault(f"not a date: {_shown(text)}")
    return found


def _day_in(text: str) -> Date | None:
    match = _DATE_FORM.match(text.strip(_BLANKS))
    if not match:
        return None
    east = _east(match["zone"])
    return Date("date", _days(match) - (east or 0) * MINUTE, east)


@lru_cache(maxsize=_MOST_KNOWN)
def _short_date(text: str) -> Date | None:
    return _day_in(text)


def date_or_none(value: Any) -> Date | None:
    return None if value is None else date(value)


def moment(value: Any) -> Date:
    """xs:dateTime of one item."""
    if isinstance(value, Date):
        return _part_of(value, "moment")
    match = _MOMENT_FORM.match(item_text(value).strip(_BLANKS))
    if not match:
        raise Fault(f"not a date and time: {_shown(item_text(value))}")
    east = _east(match["zone"])
    return Date("moment", _days(match) + _microseconds(match) - (east or 0) * MINUTE, east)


def moment_or_none(value: Any) -> Date | None:
    return None if value is None else moment(value)


def time_of_day(value: Any) -> Date:
    """xs:time of one item."""
    if isinstance(value, Date):
        return _part_of(value, "time")
    match = _TIME_FORM.match(item_text(value).strip(_BLANKS))
    if not match:
        raise Fault(f"not a time: {_shown(item_text(value))}")
    east = _east(match["zone"])
    return Date("time", _microseconds(match) % DAY - (east or 0) * MINUTE, east)


def time_or_none(value: Any) -> Date | None:
    return None if value is None else time_of_day(value)


def _part_of(value: Date, kind: str) -> Date:
    """A day or moment as the other; the day or the time of a moment."""
    if value.kind == kind or (value.kind, kind) == ("date", "moment"):
        return Date(kind, value.at, value.east)
    if value.kind != "moment":
        raise Fault(f"a {value.kind} is no {kind}")
    shift = (value.east or 0) * MINUTE
    days, time = divmod(value.at + shift, DAY)
    return Date(kind, (days * DAY if kind == "date" else time) - shift, value.east)


def this_moment(now: datetime.datetime | None) -> Date:
    """fn:current-dateTime: the moment of the check, in UTC."""
    if now is None:
        raise Fault("the moment of the check is not known")
    return Date("moment", microseconds_of(now), 0)


def in_zone(value: Date | None, east: int) -> Date | None:
    """fn:adjust-dateTime-to-timezone and the same of days and times; what has no zone gets this one."""
    if value is None:
        return None
    if value.east is None:
        return Date(value.kind, value.at - east * MINUTE, east)
    if value.kind == "date":
        return _part_of(in_zone(_part_of(value, "moment"), east) or value, "date")
    return Date(value.kind, value.at, east)


_CASTS: Final = {
    "xs:date": date,
    "xs:dateTime": moment,
    "xs:time": time_of_day,
    "xs:integer": integer,
    "xs:int": integer,
    "xs:decimal": decimal,
    "xs:double": double,
    "xs:float": single,
    "xs:string": item_text,
    "xs:boolean": boolean,
}


def castable_only(items: Sequence[Any], type_: str, optional: bool) -> bool:
    """The same of a sequence, of which several items are never castable."""
    if len(items) > 1:
        return False
    only = items[0] if items else None
    return castable(string_value(only) if only.__class__ is Node else only, type_, optional)


def castable(value: Any, name: str, empty: bool) -> bool:
    """Whether one item, or none, can be cast to the type."""
    if value is None:
        return empty
    if value.__class__ is str and len(value) < _SHORT:
        return _short_castable(value, name)
    return _castable(value, name)


@lru_cache(maxsize=_MOST_KNOWN)
def _short_castable(text: str, name: str) -> bool:
    return _castable(text, name)


def _castable(value: Any, name: str) -> bool:
    try:
        _CASTS[name](value)
    except (Fault, ValueError, ArithmeticError):
        return False
    return True


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
