"""What the compiler knows of an expression before any document is there: its Python form, kind and count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

__all__ = ["NODES", "NUMBERS", "TEXTS", "Code", "Count", "Kind", "Refused", "joint_kind", "loop"]

Count = Literal["1", "?", "*"]


class Refused(Exception):
    """The expression means something that the compiler does not know."""


class Kind(StrEnum):
    """What items are. ATTRIBUTE and TEXT_NODE are nodes of which only the text is kept, as a Python str."""

    NODE = "node"
    DOCUMENT = "document"
    ATTRIBUTE = "attribute"
    TEXT_NODE = "text node"
    UNTYPED = "untyped"
    STRING = "string"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DOUBLE = "double"
    DATE = "date"
    MOMENT = "date and time"
    TIME = "time"
    ITEM = "item"  # known only when it is there


NODES: Final = frozenset((Kind.NODE, Kind.DOCUMENT, Kind.ATTRIBUTE, Kind.TEXT_NODE))
TREE: Final = frozenset((Kind.NODE, Kind.DOCUMENT))
TEXTS: Final = frozenset((Kind.STRING, Kind.UNTYPED, Kind.ATTRIBUTE, Kind.TEXT_NODE))
NUMBERS: Final = frozenset((Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE))
TIMES: Final = frozenset((Kind.DATE, Kind.MOMENT, Kind.TIME))


@dataclass(frozen=True, slots=True)
class Code:
    """A Python expression for an XPath expression.

    With count "1" it gives an item, with "?" an item or None, with "*" a sequence. `clauses` and `item` are
    the loop behind a sequence, so that a caller can go on inside it. `child` is (node, tag) where the
    sequence is just the children of that tag. `everywhere` is true for variables that depend on the document
    alone.
    """

    text: str
    kind: Kind
    count: Count
    clauses: tuple[str, ...] = ()
    item: str = ""
    constant: str | tuple[str, ...] | None = None
    child: tuple[str, str] | None = None
    everywhere: bool = False

    @property
    def value_kind(self) -> Kind:
        """The kind of the typed value."""
        return Kind.UNTYPED if self.kind in NODES else self.kind


def loop(clauses: Iterable[str], item: str, kind: Kind) -> Code:
    """A sequence from a loop; a loop that only repeats a sequence is that sequence."""
    clauses = tuple(clauses)
    start = f"for {item} in "
    if len(clauses) == 1 and clauses[0].startswith(start):
        return Code(clauses[0][len(start) :], kind, "*", clauses, item)
    return Code(f"[{item} {' '.join(clauses)}]", kind, "*", clauses, item)


def listed(code: Code) -> str:
    """A Python sequence."""
    if code.count == "*":
        return code.text
    return f"({code.text},)" if code.count == "1" else f"opt({code.text})"


def tagged_items(code: Code) -> str:
    """A sequence whose items know at run time whether they are untyped or nodes."""
    wrapper = {Kind.ATTRIBUTE: "NodeText", Kind.TEXT_NODE: "NodeText", Kind.UNTYPED: "Untyped"}.get(code.kind)
    if wrapper is None:
        return listed(code)
    return f"[{wrapper}(x) for x in {listed(code)}]"


def text_of(code: Code) -> str:
    """A Python str of at most one item, "" for none: how string functions take their arguments."""
    if code.kind is Kind.ITEM:
        return f"item_text(one({listed(code)}))"
    if code.kind in TREE:
        if code.count == "1":
            return f"string_value({code.text})"
        if code.child:
            return f"child_text({code.child[0]}, {code.child[1]})"
        return f"node_text({listed(code)})"
    if code.kind in TEXTS:
        if code.count == "1":
            return code.text
        if code.count == "?":
            is_get = code.kind is Kind.ATTRIBUTE and code.text.endswith(")") and ".a.get(" in code.text
            return f"{code.text[:-1]}, '')" if is_get else f"text({code.text})"
        return f"one_text({code.text})"
    if code.count == "1":
        return f"number_text({code.text})"
    return f"item_text({code.text if code.count == '?' else f'one({code.text})'})"


def single(code: Code) -> tuple[str, Kind, bool]:
    """The typed value of at most one item: expression, kind, and whether it may be None."""
    kind = code.value_kind
    if code.kind in TREE:
        if code.count == "1":
            return f"string_value({code.text})", kind, False
        if code.child:
            return f"child_value({code.child[0]}, {code.child[1]})", kind, True
        return f"node_value({listed(code)})", kind, True
    if code.kind is Kind.ITEM:
        return f"one({tagged_items(code)})", kind, True
    if code.count == "*":
        return f"one({code.text})", kind, True
    return code.text, kind, code.count == "?"


def value_of(code: Code, item: str) -> str:
    """The typed value of one item of the sequence."""
    if code.kind in TREE:
        return f"string_value({item})"
    return f"item_value({item})" if code.kind is Kind.ITEM else item


def each(code: Code, fresh: str) -> tuple[tuple[str, ...], str]:
    """A loop over the items: its clauses and the item."""
    if code.count == "*" and code.clauses:
        return code.clauses, code.item
    return (f"for {fresh} in {listed(code)}",), fresh


def exists(code: Code) -> str:
    if code.count == "1":
        # Only the parent of an unknown node may turn out not to be there.
        return f"({code.text}.i >= -1)" if code.text.endswith(".p") and code.kind in TREE else "True"
    if code.count == "?":
        return f"({code.text} is not None)"
    if code.child:
        return f"({code.child[1]} in {code.child[0]}.c)"
    if len(code.clauses) > 1:
        return f"any(True {' '.join(code.clauses)})"
    return f"bool({code.text})"


def truth(code: Code) -> str:
    """The effective boolean value."""
    if code.kind in NODES:
        return exists(code)
    if code.kind is Kind.ITEM:
        return f"true_any({tagged_items(code)})"
    if code.kind in TIMES:
        return f"true_any({listed(code)})"
    if code.count == "*":
        return f"true_texts({code.text})" if code.kind in TEXTS else f"true_any({code.text})"
    if code.kind in NUMBERS:
        return f"true_number({code.text})"
    if code.kind is Kind.BOOLEAN and code.count == "1":
        return code.text
    return f"bool({code.text})"


def joint_kind(codes: Iterable[Code]) -> Kind:
    """The kind of a sequence made of several; empty parts do not count."""
    kinds = {code.kind for code in codes if code.constant != ()}
    if not kinds:
        return Kind.STRING
    if len(kinds) == 1:
        return kinds.pop()
    if kinds <= TREE:
        return Kind.NODE
    if kinds == {Kind.INTEGER, Kind.DECIMAL}:
        return Kind.DECIMAL
    return Kind.ITEM


def items_as(code: Code, kind: Kind) -> str:
    """The sequence as part of one of that kind."""
    return tagged_items(code) if kind is Kind.ITEM else listed(code)


def everywhere(code: Code) -> Code:
    return replace(code, everywhere=True)
