"""Compiled expressions written out as one Python function each, where that is possible.

A chain of small functions spends most of its time in calling them. Here the nodes of a syntax tree become one
Python expression with names for what is found on the way; nodes that are rare stay functions and are called.
Texts of the mapping come in as literals by `repr` or as names, never as code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["Writer"]

_Node = Mapping[str, Any]
# Nodes whose answer is always true or false, so that nobody need ask which.
_BOOLEAN_CALLS: Final = frozenset({"is_negative", "is_positive", "same_number", "point_in_doubt"})


class Writer:
    """Writes one expression. What it cannot write is asked of `other`, which gives a function for a node.

    `kept` says for a node at the top in which member of the scope its answer is remembered, "" for not at
    all; `called` gives for a call of a function the Python function to call with its arguments.
    """

    def __init__(
        self,
        *,
        other: Callable[[_Node, bool], Callable[[Any], Any]],
        kept: Callable[[_Node], str],
        called: Callable[[_Node], Callable[..., Any]],
        helpers: Mapping[str, object],
    ) -> None:
        self._other, self._kept, self._called = other, kept, called
        self._names: dict[str, Any] = dict(helpers)
        self._count = 0

    def function(self, node: _Node) -> Callable[[Any], Any]:
        """The function that answers this node for a scope."""
        return self._compiled(self._top(node))

    def _compiled(self, text: str) -> Callable[[Any], Any]:
        code = compile(f"lambda v: {text}", "<mapping expression>", "eval")
        # The text is made here of nothing but names, literals and the forms below.
        made: Callable[[Any], Any] = eval(code, self._names)  # noqa: S307
        return made

    def _name(self, value: Any = None) -> str:
        """A new name; for a value that is known now, one that stands for it."""
        self._count += 1
        name = f"_{self._count}"
        if value is not None:
            self._names[name] = value
        return name

    def _top(self, node: _Node) -> str:
        kept = self._kept(node)
        if not kept:
            return self._write(node, "v", True)
        compute, key, memo = self._compiled(self._write(node, "v", True)), repr(node), self._name()

        def remember(scope: Any) -> Any:
            answer = scope[kept][key] = compute(scope)
            return answer

        known, asked = self._name(key), self._name(remember)
        return f"({memo}[{known}] if {known} in ({memo} := v[{kept!r}]) else {asked}(v))"

    def _node(self, node: _Node, src: str, top: bool) -> str:
        return self._top(node) if top else self._write(node, src, False)

    def _write(self, node: _Node, src: str, top: bool) -> str:
        """The node asked of what `src` gives; a name, or an expression that is then written once only."""
        write = getattr(self, f"_{node['type']}", None)
        if write is None:
            return f"{self._name(self._other(node, top))}({src})"
        if not _is_name(src) and node["type"] in _SEVERAL:
            name = self._name()
            return f"({write(node, name, top)} if ({name} := {src}) is not _never else None)"
        text: str = write(node, src, top)
        return text

    def _bound(self, src: str) -> tuple[str, str]:
        """A name for what `src` gives, and the expression that binds it."""
        if _is_name(src):
            return src, src
        name = self._name()
        return name, f"({name} := {src})"

    def _field(self, node: _Node, src: str, _top: bool) -> str:
        name, bound = self._bound(src)
        return f"({name}.get({node['value']!r}) if isinstance({bound}, dict) else None)"

    def _index(self, node: _Node, src: str, _top: bool) -> str:
        name, bound = self._bound(src)
        position = int(node["value"])
        there = f"-len({name}) <= {position} < len({name})" if position not in (0, -1) else name
        return f"({name}[{position}] if isinstance({bound}, list) and {there} else None)"

    def _subexpression(self, node: _Node, src: str, top: bool) -> str:
        text = src
        for position, child in enumerate(node["children"]):
            text = self._node(child, text, top and position == 0)
        return text

    _index_expression = _pipe = _subexpression

    def _current(self, _node: _Node, src: str, _top: bool) -> str:
        return src

    _identity = _current

    def _literal(self, node: _Node, _src: str, _top: bool) -> str:
        value = node["value"]
        return repr(value) if value is None or isinstance(value, str | bool) else self._name(value)

    def _flatten(self, node: _Node, src: str, top: bool) -> str:
        return f"_flat({self._node(node['children'][0], src, top)})"

    def _projection(self, node: _Node, src: str, top: bool) -> str:
        base, each = node["children"]
        return self._gathered(self._node(base, src, top), each)

    def _filter_projection(self, node: _Node, src: str, top: bool) -> str:
        base, each, condition = node["children"]
        picked = {"type": "picked", "children": [base, condition]}
        return self._gathered(self._node(picked, src, top), each)

    def _picked(self, node: _Node, src: str, top: bool) -> str:
        base, condition = node["children"]
        rows, element = self._name(), self._name()
        wanted = self._truth(condition, element, False)
        source = self._node(base, src, top)
        return (
            f"([{element} for {element} in {rows} if {wanted}] "
            f"if isinstance(({rows} := {source}), list) else None)"
        )

    def _gathered(self, source: str, each: _Node) -> str:
        if each["type"] in ("identity", "current"):
            return f"_there({source})"
        rows, element, found = self._name(), self._name(), self._name()
        asked = self._write(each, element, False)
        return (
            f"([{found} for {element} in {rows} if ({found} := {asked}) is not None] "
            f"if isinstance(({rows} := {source}), list) else None)"
        )

    def _comparator(self, node: _Node, src: str, top: bool) -> str:
        if node["value"] not in ("eq", "ne"):
            return f"{self._name(self._other(node, top))}({src})"
        left, right = (self._node(child, src, top) for child in node["children"])
        if any(child["type"] == "literal" and isinstance(child["value"], str) for child in node["children"]):
            return f"({left} {'==' if node['value'] == 'eq' else '!='} {right})"
        return f"({'' if node['value'] == 'eq' else 'not '}_equal({left}, {right}))"

    def _and_expression(self, node: _Node, src: str, top: bool) -> str:
        first, second = node["children"]
        then = self._node(second, src, top)
        if _is_boolean(first):
            return f"({then} if {self._node(first, src, top)} else False)"
        name = self._name()
        return f"({then} if _true({name} := {self._node(first, src, top)}) else {name})"

    def _or_expression(self, node: _Node, src: str, top: bool) -> str:
        first, second = node["children"]
        otherwise = self._node(second, src, top)
        if _is_boolean(first):
            return f"(True if {self._node(first, src, top)} else {otherwise})"
        name = self._name()
        return f"({name} if _true({name} := {self._node(first, src, top)}) else {otherwise})"

    def _not_expression(self, node: _Node, src: str, top: bool) -> str:
        return f"(not {self._truth(node['children'][0], src, top)})"

    def _function_expression(self, node: _Node, src: str, top: bool) -> str:
        call = self._name(self._called(node))
        return f"{call}({', '.join(self._node(child, src, top) for child in node['children'])})"

    def _truth(self, node: _Node, src: str, top: bool) -> str:
        """The node as a condition."""
        text = self._node(node, src, top)
        return text if _is_boolean(node) else f"_true({text})"


# Nodes that ask several things of the same value.
_SEVERAL: Final = frozenset({"comparator", "and_expression", "or_expression", "function_expression"})


def _is_name(src: str) -> bool:
    return src == "v" or (src.startswith("_") and src.isidentifier())


def _is_boolean(node: _Node) -> bool:
    kind = node["type"]
    if kind == "function_expression":
        return node["value"] in _BOOLEAN_CALLS
    if kind in ("and_expression", "or_expression"):
        return all(_is_boolean(child) for child in node["children"])
    return kind == "not_expression" or (kind == "comparator" and node["value"] in ("eq", "ne"))
