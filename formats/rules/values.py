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

from formats.rules.dates import date_text
from formats.rules.single import Single
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


def bare(error: Exception) -> Exception:
    """An error without the frames that it passed, which would keep all that these hold."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


class Untyped(str):
    """Text of a document: compares as a number with numbers, as a string with strings."""

    __slots__ = ()


class NodeText(Untyped):
    """An attribute or text node that is an item of a mixed sequence: true by existence."""

    __slots__ = ()


class Date:
    """A day, moment or time: `at` is its start in microseconds of UTC, where no zone (`east`, in minutes) is
    given.

    Days and moments count from the first day of year one, times from midnight. Days, moments and times
    compare among themselves only.
    """

    __slots__ = ("at", "east", "kind")

    def __init__(self, kind: str, at: int, east: int | None) -> None:
        self.kind = kind
        self.at = at
        self.east = east

    def __eq__(self, other: object) -> bool:
        return self.at == self._like(other)

    def __lt__(self, other: object) -> bool:
        return self.at < self._like(other)

    def __le__(self, other: object) -> bool:
        return self.at <= self._like(other)

    def __gt__(self, other: object) -> bool:
        return self.at > self._like(other)

    def __ge__(self, other: object) -> bool:
        return self.at >= self._like(other)

    def __hash__(self) -> int:
        return hash((self.kind, self.at))

    def _like(self, other: object) -> int:
        if not isinstance(other, Date) or other.kind != self.kind:
            raise Fault("a comparison of dates with times or with something else")
        return other.at


# string values


def string_value(node: Node) -> str:
    """All text inside an element, comments left out."""
    value = node.s
    if value is None:
        if node.el is None:
            value = "".join([string_value(kid) for kid in node.k])
        else:
            value = "".join(_texts(node.el.element(node.i), []))
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
    if isinstance(value, float):
        return _double_text(value)
    if isinstance(value, Decimal):
        digits = format(value, "f")
        if "." in digits:
            digits = digits.rstrip("0").rstrip(".")
        return "0" if digits in ("-0", "") else digits
    if isinstance(value, Date):
        return date_text(value.kind, value.at, value.east)
    return str(value)


def _double_text(value: float) -> str:
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    shortest = Decimal(value.shortest if isinstance(value, Single) else repr(value))
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
