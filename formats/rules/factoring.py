"""What several asserts of a rule ask for is worked out once for each node.

Values that cannot fail are put in front of the asserts. Those that can fail are computed where they are first
needed, so that an error shows only in the asserts that really come to them.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from formats.rules.tuning import name, parsed, written

__all__ = ["factored"]

_LOCAL: Final = re.compile(r"\b[qvwxyz][0-9]+\b")
_SAFE: Final = frozenset(
    [
        "down",
        "down2",
        "opt",
        "ordered",
        "united",
        "string_value",
        "tidy_node",
        "tidy",
        "filled",
        "len",
        "bool",
    ]
)
_SAFE_METHODS: Final = frozenset(["get", "tagged", "has_attribute", "leads", "leads_to", "upper"])
_COMPREHENSIONS: Final = (ast.ListComp, ast.GeneratorExp)
_WORTHWHILE: Final = (ast.Call, ast.Compare, ast.BinOp, ast.BoolOp, ast.ListComp, ast.IfExp)


def factored(
    conditions: list[ast.expr], known: frozenset[str], fresh: Callable[[str], str]
) -> tuple[list[str], list[ast.expr]]:
    """Lines to put in front of the conditions, and the conditions that use them.

    `known` are names that hold for the node as a whole.
    """
    work = _Factoring(conditions, known, fresh)
    changed = [work.replaced(condition) for condition in conditions]
    return work.lines, changed


class _Factoring:
    def __init__(
        self, conditions: list[ast.expr], known: frozenset[str], fresh: Callable[[str], str]
    ) -> None:
        self.known = known
        self.fresh = fresh
        self.lines: list[str] = []
        self.texts: dict[int, str] = {}
        self.parts = [part for condition in conditions for part in ast.walk(condition)]  # kept: known by id
        self.names: dict[str, str] = {}
        self.eager: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.uses = Counter(part.id for part in self.parts if isinstance(part, ast.Name))
        self.counts.update(key for part in self.parts if (key := self.key(part)))

    def key(self, node: ast.AST) -> str:
        """A text that is the same for the same value, "" where the value is not worth or not fit to be
        kept."""
        known = self.texts.get(id(node))
        if known is None:
            known = self.texts[id(node)] = self._key(node)
        return known

    def _key(self, node: ast.AST) -> str:
        if not isinstance(node, _WORTHWHILE) or _is_cheap(node):
            return ""
        inside = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
        if not any(part.id in ("n", "S") or part.id in self.known for part in inside):
            return ""
        bound = {part.id for part in inside if isinstance(part.ctx, ast.Store)}
        for part in inside:
            if _LOCAL.fullmatch(part.id) and part.id not in bound and part.id not in self.known:
                return ""
        assigned = {p.target.id for p in ast.walk(node) if isinstance(p, ast.NamedExpr)}
        here = Counter(part.id for part in inside)
        if any(here[target] != self.uses[target] for target in assigned):
            return ""
        numbers: dict[str, str] = {}

        def numbered(match: re.Match[str]) -> str:
            word = match.group()
            return word if word in self.known else numbers.setdefault(word, f"${len(numbers)}")

        return _LOCAL.sub(numbered, written(node))

    def replaced(self, node: ast.expr) -> ast.expr:
        """The expression with what stands in several places read from variables."""
        result: ast.expr = _Replacing(self, 1).visit(node)
        return result

    def variable(self, node: ast.expr, key: str) -> str:
        """The variable of a value, defined when first asked for."""
        known = self.names.get(key)
        if known is None:
            known = self.names[key] = self.fresh("x")
            if _cannot_fail(node):
                self.eager.add(known)
                inner = _Replacing(self, self.counts[key], inside=key).visit(node)
                self.lines.append(f"{known} = {written(inner)}")
            else:
                self.lines.append(f"{known} = ...")
        return known


class _Replacing(ast.NodeTransformer):
    def __init__(self, work: _Factoring, least: int, inside: str = "") -> None:
        self.work = work
        self.least = least
        self.inside = inside
        self.fixed = 0  # in what a loop goes over, or in another function

    def visit(self, node: ast.AST) -> Any:
        if not isinstance(node, ast.expr):
            return super().visit(node)
        key = self.work.key(node)
        if not key or key == self.inside or self.work.counts[key] <= self.least:
            return super().visit(node)
        variable = self.work.variable(node, key)
        if variable in self.work.eager:
            return name(variable)
        inner = _Replacing(self.work, self.work.counts[key], inside=key)
        inner.fixed = self.fixed
        value = inner.visit(node)
        if not self.fixed:
            value = ast.NamedExpr(ast.Name(variable, ast.Store()), value)
        known = ast.Compare(name(variable), [ast.IsNot()], [parsed("...")])
        return ast.IfExp(known, name(variable), value)

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        self.fixed += 1
        self.generic_visit(node)
        self.fixed -= 1
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.fixed += 1
        node.iter = self.visit(node.iter)
        self.fixed -= 1
        node.ifs = [self.visit(condition) for condition in node.ifs]
        return node


def _is_cheap(node: ast.AST) -> bool:
    """A look at one name, which costs no more than a variable."""
    match node:
        case ast.Compare(_, [ast.In()], [ast.Attribute()]):
            return True
        case ast.Call(ast.Name("opt" | "bool" | "len"), [ast.Name() | ast.Subscript()]):
            return True
    return False


def _cannot_fail(node: ast.expr) -> bool:
    """Whether the value is there whatever the document is, and without a loop of its own."""
    for part in ast.walk(node):
        if isinstance(part, (*_COMPREHENSIONS, ast.Lambda, ast.NamedExpr, ast.Subscript, ast.BinOp)):
            return False
        if isinstance(part, ast.Call):
            match part.func:
                case ast.Name(function) if function in _SAFE:
                    continue
                case ast.Attribute(_, method) if method in _SAFE_METHODS:
                    continue
            return False
    return True
