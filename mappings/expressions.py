"""JMESPath expressions as Python functions: parsed by jmespath, then compiled once instead of walked anew.

A mapping asks a few hundred small questions of every invoice. The library answers each by walking its syntax
tree with a visitor; here each node of the tree becomes a function, which takes a fraction of the time and
gives the same answers (jmespath.org specification; tests compare both on random trees). Calls of unknown
functions and wrong numbers of arguments are found when the mapping is compiled.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import jmespath
from jmespath import exceptions
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from formats.errors import MalformedDocument
from mappings.written import Writer

__all__ = ["ExpressionError", "Question", "compile_expression"]

Question = Callable[[Any], Any]
_Node = Mapping[str, Any]


class ExpressionError(ValueError):
    """The text is not an expression that could ever work; the message says why in one line."""


def compile_expression(
    text: str, functions: Functions, *, shared: Collection[str] = (), own: Collection[str] = ()
) -> Question:
    """The function that answers this expression for a scope of plain data.

    `shared` names the members of the scope that stay the same as long as its member `memo`, a dict, is
    handed on, and `own` those that do as long as its member `own` is: what is asked of them again, by this
    or another expression, is answered from there.

    Raises ExpressionError. The function raises MalformedDocument where a function is given a value of the
    wrong kind.
    """
    try:
        tree = jmespath.compile(text).parsed
    except JMESPathError as error:
        raise ExpressionError(str(error).splitlines()[0]) from error
    return _Compiler(functions, text, frozenset(shared), frozenset(own)).question(tree)


@dataclass(frozen=True, slots=True)
class _Expression:
    """An expression handed to a function (`&name`): the library knows it by this class name and these two
    members."""

    expression: Question

    @staticmethod
    def visit(expression: Question, value: Any) -> Any:
        return expression(value)


@dataclass(frozen=True, slots=True)
class _Compiler:
    """One method for each kind of node, by its name in the syntax tree.

    `top` says that the node is asked of the scope itself, not of an element within it.
    """

    functions: Functions
    text: str
    shared: frozenset[str]
    own: frozenset[str]

    def question(self, tree: _Node) -> Question:
        """The whole as one function: written out, with functions of this compiler for the rare nodes."""
        spoken = self.node(tree, top=True)  # finds every mistake
        helpers = {"_true": _is_true, "_equal": _equal, "_flat": _flat, "_there": _there, "_never": _NEVER}
        writer = Writer(
            other=lambda node, top: self.node(node, top=top),
            kept=self._kept,
            called=self._callable,
            helpers=helpers,
        )
        try:
            return writer.function(tree)
        except (SyntaxError, RecursionError, MemoryError):
            # Nested deeper than Python reads a line; the functions have no such bound.
            return spoken

    def node(self, node: _Node, *, top: bool) -> Question:
        if node["type"] in _READS_ON and node["children"][0]["type"] == "not_expression":
            raise ExpressionError(
                "! binds tighter than a dot or a filter, so this asks something of true or false: "
                "put what is negated into brackets, as in !(item.name)"
            )
        compiled: Question = getattr(self, f"_{node['type']}")(node, top)
        return self._remembered(node, compiled) if top else compiled

    def _kept(self, node: _Node) -> str:
        """The member of the scope that remembers the answer of a node at the top; "" for none."""
        if node["type"] not in _WORTH_KEEPING:
            return ""
        looked_at = self._looks_at(node)
        if self.shared and looked_at <= self.shared:
            return "memo"
        return "own" if self.own and looked_at <= self.shared | self.own else ""

    def _remembered(self, node: _Node, compiled: Question) -> Question:
        """Asked once for each document or row, where nothing but their members of the scope is looked at."""
        kept = self._kept(node)
        if not kept:
            return compiled
        key = repr(node)

        def remembered(scope: Any) -> Any:
            memo = scope[kept]
            if key not in memo:
                memo[key] = compiled(scope)
            return memo[key]

        return remembered

    def _looks_at(self, node: _Node) -> set[str]:
        """The members of the scope that a node at the top looks at; "" for the scope as a whole."""
        kind, children = node["type"], node.get("children", [])
        if kind == "field":
            return {node["value"]}
        if kind in ("current", "identity", "expref"):
            return {""} if kind != "expref" else set()
        if kind in _FIRST_ONLY:
            children = children[:1]
        return set().union(*(self._looks_at(child) for child in children if isinstance(child, dict)))

    def _children(self, node: _Node, top: bool) -> tuple[Question, ...]:
        return tuple(self.node(child, top=top) for child in node["children"])

    def _first(self, node: _Node, top: bool) -> tuple[Question, ...]:
        """The children of a node of which only the first is asked of the same value."""
        return tuple(self.node(child, top=top and index == 0) for index, child in enumerate(node["children"]))

    def _chain(self, node: _Node, top: bool) -> Question:
        names = _path(node)
        if names is not None:
            return _walk(names)
        steps = self._first(node, top)
        if len(steps) == 2:
            first, second = steps
            return lambda value: second(first(value))

        def chain(value: Any) -> Any:
            for step in steps:
                value = step(value)
            return value

        return chain

    _subexpression = _index_expression = _pipe = _chain

    @staticmethod
    def _field(node: _Node, _top: bool) -> Question:
        name = node["value"]

        def field(value: Any) -> Any:
            return value.get(name) if isinstance(value, dict) else None

        return field

    @staticmethod
    def _index(node: _Node, _top: bool) -> Question:
        position = node["value"]

        def index(value: Any) -> Any:
            if isinstance(value, list) and -len(value) <= position < len(value):
                return value[position]
            return None

        return index

    @staticmethod
    def _slice(node: _Node, _top: bool) -> Question:
        wanted = slice(*node["children"])
        return lambda value: value[wanted] if isinstance(value, list) else None

    @staticmethod
    def _current(_node: _Node, _top: bool) -> Question:
        return lambda value: value

    _identity = _current

    @staticmethod
    def _literal(node: _Node, _top: bool) -> Question:
        said = node["value"]
        return lambda value: said

    def _expref(self, node: _Node, _top: bool) -> Question:
        (inner,) = self._children(node, False)
        handed = _Expression(inner)
        return lambda value: handed

    def _flatten(self, node: _Node, top: bool) -> Question:
        (base,) = self._children(node, top)

        return lambda value: _flat(base(value))

    def _projection(self, node: _Node, top: bool) -> Question:
        base, each = self._first(node, top)
        return lambda value: _gathered(found, each) if isinstance(found := base(value), list) else None

    def _value_projection(self, node: _Node, top: bool) -> Question:
        base, each = self._first(node, top)
        return lambda value: (
            _gathered(list(found.values()), each) if isinstance(found := base(value), dict) else None
        )

    def _filter_projection(self, node: _Node, top: bool) -> Question:
        base, each, wanted = self._first(node, top)
        picked = _picked_by_a_field(base, node["children"][2]) or _picked(base, wanted)

        # What is picked is shared by all expressions that go on from it.
        rows: Question = picked
        if top:
            source, _, condition = node["children"]
            rows = self._remembered({"type": "picked", "children": [source, condition]}, picked)
        return lambda value: None if (found := rows(value)) is None else _gathered(found, each)

    def _comparator(self, node: _Node, top: bool) -> Question:
        left, right = self._children(node, top)
        if node["value"] in ("eq", "ne"):
            wanted = node["value"] == "eq"
            if any(_is_text(child) for child in node["children"]):
                return lambda value: (left(value) == right(value)) is wanted
            return lambda value: _equal(left(value), right(value)) is wanted
        compare = _ORDER[node["value"]]

        def ordered(value: Any) -> Any:
            first, second = left(value), right(value)
            if not (_is_comparable(first) and _is_comparable(second)):
                return None
            if isinstance(first, str) is not isinstance(second, str):
                raise MalformedDocument(
                    f"a text and a number cannot be compared in {self.text}",
                    where="mapping",
                    fix="compare numbers with same_number, is_negative or is_positive",
                )
            return compare(first, second)

        return ordered

    def _and_expression(self, node: _Node, top: bool) -> Question:
        left, right = self._children(node, top)
        return lambda value: right(value) if _is_true(found := left(value)) else found

    def _or_expression(self, node: _Node, top: bool) -> Question:
        left, right = self._children(node, top)
        return lambda value: found if _is_true(found := left(value)) else right(value)

    def _not_expression(self, node: _Node, top: bool) -> Question:
        (inner,) = self._children(node, top)
        return lambda value: not _is_true(inner(value))

    def _multi_select_list(self, node: _Node, top: bool) -> Question:
        parts = self._children(node, top)
        return lambda value: None if value is None else [part(value) for part in parts]

    def _multi_select_dict(self, node: _Node, top: bool) -> Question:
        parts = tuple((pair["value"], self.node(pair["children"][0], top=top)) for pair in node["children"])
        return lambda value: None if value is None else {name: part(value) for name, part in parts}

    def _function_expression(self, node: _Node, top: bool) -> Question:
        self._known(node["value"], len(node["children"]))
        arguments, call = self._children(node, top), self._callable(node)
        return lambda value: call(*[argument(value) for argument in arguments])

    def _callable(self, node: _Node) -> Callable[..., Any]:
        """The function of a call, for its arguments."""
        name = node["value"]
        spec, call = self.functions.FUNCTION_TABLE[name], self.functions.call_function
        if not any(one["types"] or one.get("variadic") for one in spec["signature"]):
            # A function that takes values of any kind needs no look at them.
            return partial(spec["function"], self.functions)
        quick = _QUICK.get(name)

        def called(*given: Any) -> Any:
            if quick is not None and (answer := quick(*given)) is not _NOT_SO:
                return answer
            try:
                return call(name, list(given))
            except (exceptions.JMESPathTypeError, TypeError) as error:
                kind = _KINDS.get(getattr(error, "actual_type", ""), "something")
                raise MalformedDocument(
                    f"the function {name} of the mapping was given {kind}, which it cannot work with",
                    where="mapping",
                    fix="check the field in the ERP, or say in the mapping what to do with it",
                ) from error

        return called

    def _known(self, name: str, given: int) -> None:
        known = self.functions.FUNCTION_TABLE
        if name not in known:
            raise ExpressionError(f"there is no function {name}")
        wanted = known[name]["signature"]
        variadic = bool(wanted) and wanted[-1].get("variadic")
        if given < len(wanted) or (given > len(wanted) and not variadic):
            raise ExpressionError(f"{name} takes {len(wanted)} arguments, {given} are given")


# Kinds of nodes that take longer than a look into the memo.
_WORTH_KEEPING: Final = frozenset(
    {
        *("function_expression", "flatten", "projection", "value_projection", "picked"),
        *("and_expression", "or_expression"),
    }
)
# Kinds of nodes that ask something of what their first child finds; a pipe is written with blanks and meant.
_READS_ON: Final = frozenset(
    {"subexpression", "index_expression", "projection", "value_projection", "filter_projection", "flatten"}
)
# Kinds of nodes of which only the first child is asked of the same value as the node itself.
_FIRST_ONLY: Final = frozenset(
    {
        "subexpression",
        "index_expression",
        "pipe",
        "projection",
        "value_projection",
        "filter_projection",
        "picked",
    }
)
_ORDER: Final = MappingProxyType(
    {"lt": operator.lt, "gt": operator.gt, "lte": operator.le, "gte": operator.ge}
)
_KINDS: Final = MappingProxyType(
    {
        "null": "nothing",
        "array": "a list",
        "object": "an object",
        "string": "a text",
        "number": "a number",
        "boolean": "true or false",
        "unknown": "a number with decimals",
    }
)


def _path(node: _Node) -> tuple[str, ...] | None:
    """The names of a chain that is nothing but names, as in `doc.invoice.number`."""
    children = node["children"]
    if any(child["type"] not in ("field", "subexpression") for child in children):
        return None
    names: list[str] = []
    for child in children:
        inner = (child["value"],) if child["type"] == "field" else _path(child)
        if inner is None:
            return None
        names += inner
    return tuple(names)


def _walk(names: tuple[str, ...]) -> Question:
    def walk(value: Any) -> Any:
        for name in names:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    return walk


def _picked(base: Question, wanted: Question) -> Question:
    """The elements of a list for which the condition is true."""

    def picked(value: Any) -> Any:
        found = base(value)
        if not isinstance(found, list):
            return None
        return [element for element in found if _is_true(wanted(element))]

    return picked


def _picked_by_a_field(base: Question, condition: _Node) -> Question | None:
    """The same for the condition `FIELD == 'text'`, which most filters have."""
    if condition["type"] != "comparator" or condition["value"] != "eq":
        return None
    left, right = condition["children"]
    if left["type"] != "field" or not _is_text(right):
        return None
    name, said = left["value"], right["value"]

    def picked(value: Any) -> Any:
        found = base(value)
        if not isinstance(found, list):
            return None
        return [element for element in found if isinstance(element, dict) and element.get(name) == said]

    return picked


def _flat(found: Any) -> list[Any] | None:
    """The elements of a list, and those of lists in it."""
    if not isinstance(found, list):
        return None
    merged: list[Any] = []
    for element in found:
        if isinstance(element, list):
            merged.extend(element)
        else:
            merged.append(element)
    return merged


def _there(found: Any) -> list[Any] | None:
    """The elements of a list that are something."""
    return [element for element in found if element is not None] if isinstance(found, list) else None


def _gathered(elements: list[Any], each: Question) -> list[Any]:
    return [found for element in elements if (found := each(element)) is not None]


def _is_true(value: Any) -> bool:
    """Empty texts, lists and objects, null and false are false; 0 is not."""
    if value is None or value is False:
        return False
    return bool(value) or not isinstance(value, str | list | dict)


def _is_text(node: _Node) -> bool:
    return node["type"] == "literal" and isinstance(node["value"], str)


# Nothing that is ever found: what is compared with it is only given a name.
_NEVER: Final = object()
# What the library's functions answer to values of the usual kinds, without its look at each of them.
_NOT_SO: Final = object()


def _contains(subject: Any, wanted: Any) -> Any:
    if isinstance(subject, list) or (isinstance(subject, str) and isinstance(wanted, str)):
        return wanted in subject
    return _NOT_SO


def _join(glue: Any, texts: Any) -> Any:
    if isinstance(glue, str) and isinstance(texts, list) and all(isinstance(text, str) for text in texts):
        return glue.join(texts)
    return _NOT_SO


def _starts_with(text: Any, start: Any) -> Any:
    return text.startswith(start) if isinstance(text, str) and isinstance(start, str) else _NOT_SO


def _ends_with(text: Any, end: Any) -> Any:
    return text.endswith(end) if isinstance(text, str) and isinstance(end, str) else _NOT_SO


def _length(value: Any) -> Any:
    return len(value) if isinstance(value, str | list | dict) else _NOT_SO


def _not_null(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


_QUICK: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "contains": _contains,
        "ends_with": _ends_with,
        "join": _join,
        "length": _length,
        "not_null": _not_null,
        "starts_with": _starts_with,
    }
)


def _is_comparable(value: Any) -> bool:
    return isinstance(value, str | int | float | Decimal) and not isinstance(value, bool)


def _equal(left: Any, right: Any) -> bool:
    # Python holds 1 and True for the same; JMESPath does not.
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return bool(left == right)
