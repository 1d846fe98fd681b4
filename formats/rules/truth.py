"""Truth, comparison and sequences of XPath at run time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from formats.rules.arithmetic import alike
from formats.rules.casts import boolean, date, moment, ranked, ranked_whole, signed, time_of_day
from formats.rules.single import Single
from formats.rules.tree import Node
from formats.rules.values import FAULTS, Date, Fault, NodeText, Untyped, item_value, string_value

__all__ = ["compare_any", "compare_one", "true_any"]


def either(*tests: Callable[[], Any]) -> bool:
    """`or`, true if any operand is, even where another cannot be evaluated: XPath leaves the order open, and
    Saxon asks the cheaper operand first."""
    return _decided(tests, True)


def both(*tests: Callable[[], Any]) -> bool:
    """`and` in the same way: false if any operand is."""
    return _decided(tests, False)


def _decided(tests: Iterable[Callable[[], Any]], by: bool) -> bool:
    fault: Exception | None = None
    for test in tests:
        try:
            if bool(test()) is by:
                return by
        except FAULTS as error:
            fault = error
    if fault is not None:
        raise fault
    return not by


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


def any_boolean(nodes: Sequence[Node], wanted: bool) -> bool:
    """`nodes = true()` or `false()`."""
    for node in nodes:
        value = node.s
        if boolean(string_value(node) if value is None else value) is wanted:
            return True
    return False


def any_at_least(nodes: Sequence[Node], least: float) -> bool:
    """`nodes >= 0`, for a whole number."""
    for node in nodes:
        value = node.s
        if ranked_whole(string_value(node) if value is None else value) >= least:
            return True
    return False


def any_above(nodes: Sequence[Node], least: float) -> bool:
    """`nodes > 0`, for a whole number."""
    for node in nodes:
        value = node.s
        if ranked_whole(string_value(node) if value is None else value) > least:
            return True
    return False


_MOST_PAIRS: Final = 5_000_000
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
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
    if a_kind == "number":
        if not alike(a, b):
            return float(a), float(b)
        if a.__class__ is Single or b.__class__ is Single:
            return Single(a), Single(b)
    return a, b


def _cast_like(untyped: Untyped, other: Any) -> tuple[Any, Any]:
    if other.__class__ is bool:
        return boolean(untyped), other
    if isinstance(other, Date):
        return {"date": date, "moment": moment, "time": time_of_day}[other.kind](untyped), other
    if other.__class__ is int:
        return ranked_whole(untyped), float(other)
    return ranked(untyped), signed(float(other))


def compare_any(operator: str, left: Sequence[Any], right: Sequence[Any]) -> bool:
    """A general comparison: true if any pair is."""
    test = _COMPARE[operator]
    if len(left) * len(right) > _MOST_PAIRS:
        raise Fault("it takes more steps than any published rule")
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
    if position.__class__ is int:
        return items[position - 1] if 1 <= position <= len(items) else None
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
