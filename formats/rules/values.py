"""XPath 2.0 values at run time: casts, arithmetic, comparison, strings (W3C XQuery and XPath Functions 1.0).

Numbers are int (xs:integer), Decimal (xs:decimal) and float (xs:double); text without a type is `Untyped`
wherever the compiler cannot know that from the expression. Whatever the specification calls a dynamic error
is a `Fault` here. Exactness depends on the decimal context that the checker sets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Context, Decimal
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
