"""Asserts that only forbid paths, such as `not(cac:Party/cbc:Logo)`: answered from the table of paths."""

from __future__ import annotations

from formats.rules import ast
from formats.rules.ast import Expression

__all__ = ["forbidden_paths"]

_MOST: int = 500
_Paths = list[tuple[str, ...]]


def forbidden_paths(test: Expression) -> tuple[tuple[str, ...], ...] | None:
    """The paths below the context that the test forbids, attributes as `@name`; None if it says anything
    else."""
    match test:
        case ast.Call("not", (ast.Call("exists", (inner,)),)) | ast.Call("not" | "empty", (inner,)):
            paths = _paths(inner)
        case _:
            return None
    if paths is None or len(paths) > _MOST or any(path[0].startswith("@") for path in paths):
        return None
    return tuple(paths)


def _paths(expression: Expression) -> _Paths | None:
    match expression:
        case ast.Union(operands) | ast.Logical("or", operands):
            found: _Paths = []
            for operand in operands:
                paths = _paths(operand)
                if paths is None:
                    return None
                found += paths
            return found
        case ast.Path(False, steps):
            return _along(steps)
    return None


def _along(steps: tuple[ast.Step | ast.ExpressionStep, ...]) -> _Paths | None:
    paths: _Paths = [()]
    for step in steps:
        if any(path and path[-1].startswith("@") for path in paths) or step.predicates:
            return None
        more = _paths(step.expression) if isinstance(step, ast.ExpressionStep) else _name(step)
        if more is None:
            return None
        paths = [(*head, *tail) for head in paths for tail in more]
        if len(paths) > _MOST:
            return None
    return paths


def _name(step: ast.Step) -> _Paths | None:
    if step.test == "*" or step.test.endswith(("}*", "()")) or step.test.startswith("*:"):
        return None
    if step.axis == "child":
        return [(step.test,)]
    return [("@" + step.test,)] if step.axis == "attribute" else None
