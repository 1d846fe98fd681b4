"""Casts of XPath at run time; what is no number, date or truth value raises Fault."""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal
from typing import Any, Final

from formats.rules.tree import Node
from formats.rules.values import Date, Fault, Untyped, item_text, item_value, number_text, string_value

__all__ = [
    "as_type",
    "boolean",
    "castable",
    "date",
    "decimal",
    "double",
    "integer",
    "moment",
    "number",
    "time_of_day",
]

_BLANKS: Final = " \t\r\n"
_LONGEST_NUMBER: Final = 1_000

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
    if value.__class__ is str and len(value) < _LONGEST_NUMBER and _DECIMAL(value):
        return Decimal(value)
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
