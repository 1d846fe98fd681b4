"""Several expressions that pick what has one text or another, out of the same things: sorted by text once.

`[x for ... if text == 'S']` and `[x for ... if text == 'AE']` become two looks into one dictionary.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from formats.rules.tuning import bound_in, call, called, locals_of, name, numbered, parsed, written

__all__ = ["sorted_once"]

_TEXTS: Final = frozenset(["tidy", "tidy_node", "tidy_child", "string_value", "child_text"])


def sorted_once(trees: Iterable[ast.expr], keep: Callable[[str], str] | None = None) -> list[ast.expr]:
    """The expressions with looks into dictionaries where two or more would go through the same things.

    `keep` gives a name to an expression over the document; without it the dictionary stands in its place.
    """
    trees = list(trees)
    counts = Counter(
        numbered(parsed(written(pairs)))
        for tree in trees
        for part in ast.walk(tree)
        if (pairs := _pairs(part))
    )
    changer = _Changer(counts, keep)
    return [changer.visit(tree) for tree in trees]


class _Changer(ast.NodeTransformer):
    def __init__(self, counts: Counter[str], keep: Callable[[str], str] | None) -> None:
        self.counts = counts
        self.keep = keep
        self.kept: dict[str, str] = {}

    def visit(self, node: ast.AST) -> Any:
        pairs = _pairs(node)
        if pairs is None:
            return super().visit(node)
        key = numbered(parsed(written(pairs)))
        if self.counts[key] < 2:
            return super().visit(node)
        wanted = _wanted(node)
        sorted_: ast.expr = call("by_text", parsed(key))
        if self.keep is not None:
            if key not in self.kept:
                self.kept[key] = self.keep(written(sorted_))
            sorted_ = parsed(self.kept[key])
        found = ast.Call(ast.Attribute(sorted_, "get", ast.Load()), [wanted, ast.Tuple([], ast.Load())], [])
        return call("bool", found) if called(node) == "any" else found


def _loop(node: ast.AST) -> ast.ListComp | ast.GeneratorExp | None:
    """A list that a loop makes, or the loop of `any(True for ...)`."""
    if isinstance(node, ast.ListComp):
        return node
    match node:
        case ast.Call(ast.Name("any"), [ast.GeneratorExp(ast.Constant(True)) as loop]):
            return loop
    return None


def _wanted(node: ast.AST) -> ast.Constant:
    loop = _loop(node)
    condition = loop.generators[-1].ifs[-1] if loop is not None else None
    if not isinstance(condition, ast.Compare) or not isinstance(condition.comparators[0], ast.Constant):
        raise TypeError("only for what _pairs knows")
    return condition.comparators[0]


def _pairs(node: ast.AST) -> ast.ListComp | None:
    """The pairs of text and item behind a loop that picks by text; None for any other expression."""
    loop = _loop(node)
    if loop is None or not loop.generators[-1].ifs:
        return None
    last = loop.generators[-1]
    match last.ifs[-1], last.target:
        case ast.Compare(ast.Call() as text, [ast.Eq()], [ast.Constant(str())]), ast.Name(item):
            if called(text) not in _TEXTS or locals_of(loop) - bound_in(loop):
                return None
        case _:
            return None
    if any(isinstance(part, ast.NamedExpr) for part in ast.walk(loop)):
        return None
    result = loop.elt if isinstance(loop, ast.ListComp) else name(item)
    shorter = ast.comprehension(last.target, last.iter, last.ifs[:-1], 0)
    return ast.ListComp(ast.Tuple([text, result], ast.Load()), [*loop.generators[:-1], shorter])
