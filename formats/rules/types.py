"""Casts between static kinds."""

from __future__ import annotations

from formats.rules import static
from formats.rules.static import NUMBERS, TEXTS, Code, Kind, Refused

__all__ = ["cast", "kind_of_type"]

_TYPES = {
    "xs:string": Kind.STRING,
    "xs:normalizedString": Kind.STRING,
    "xs:token": Kind.STRING,
    "xs:anyURI": Kind.STRING,
    "xs:untypedAtomic": Kind.UNTYPED,
    "xs:boolean": Kind.BOOLEAN,
    "xs:integer": Kind.INTEGER,
    "xs:int": Kind.INTEGER,
    "xs:long": Kind.INTEGER,
    "xs:nonNegativeInteger": Kind.INTEGER,
    "xs:positiveInteger": Kind.INTEGER,
    "xs:decimal": Kind.DECIMAL,
    "xs:double": Kind.DOUBLE,
    "xs:float": Kind.ITEM,
    "xs:numeric": Kind.DOUBLE,
    "xs:date": Kind.DATE,
    "xs:dateTime": Kind.MOMENT,
    "xs:time": Kind.TIME,
}
_CASTABLE_TO = frozenset(
    [
        "xs:string",
        "xs:boolean",
        "xs:integer",
        "xs:int",
        "xs:decimal",
        "xs:double",
        "xs:float",
        "xs:date",
        "xs:dateTime",
        "xs:time",
    ]
)
_FUNCTIONS = {
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "integer",
    Kind.DECIMAL: "decimal",
    Kind.DOUBLE: "double",
    Kind.DATE: "date",
    Kind.MOMENT: "moment",
    Kind.TIME: "time_of_day",
}
_OR_NONE = {
    Kind.BOOLEAN: "boolean_or_none",
    Kind.INTEGER: "integer_or_none",
    Kind.DECIMAL: "decimal_or_none",
    Kind.DOUBLE: "double_or_none",
    Kind.DATE: "date_or_none",
    Kind.MOMENT: "moment_or_none",
    Kind.TIME: "time_or_none",
}


def kind_of_type(name: str) -> Kind:
    """The kind of an atomic type. Raises Refused."""
    if name not in _TYPES:
        raise Refused(f"the type {name}")
    return _TYPES[name]


def cast(code: Code, name: str) -> Code:
    """A cast of at most one item; nothing stays nothing."""
    if name not in _CASTABLE_TO:
        raise Refused(f"a cast to {name}")
    target = _TYPES[name]
    text, kind, optional = static.single(code)
    count: static.Count = "?" if optional else "1"
    if target is Kind.STRING:
        return _to_text(code, count)
    if name == "xs:float":
        return Code(f"{'single_or_none' if optional else 'single'}({text})", Kind.ITEM, count)
    if kind is target or (target is Kind.DECIMAL and kind is Kind.INTEGER):
        return Code(text, target, count)
    function = (_OR_NONE if optional else _FUNCTIONS)[target]
    return Code(f"{function}({text})", target, count)


def _to_text(code: Code, count: static.Count) -> Code:
    if count == "1":
        return Code(static.text_of(code), Kind.STRING, "1", constant=code.constant)
    text, kind, _ = static.single(code)
    if kind in TEXTS:
        return Code(text, Kind.STRING, "?")
    return Code(f"text_or_none({text})", Kind.STRING, "?")


def is_number(kind: Kind) -> bool:
    return kind in NUMBERS
