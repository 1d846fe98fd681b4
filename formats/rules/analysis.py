"""Questions about expressions: what they read, and how often they use a variable."""

from __future__ import annotations

from collections.abc import Iterator

from formats.rules import ast
from formats.rules.ast import Expression

__all__ = [
    "calls_current",
    "children",
    "decides_by_parts",
    "has_absolute_path",
    "reads_context",
    "uses",
    "variables",
]

# Without arguments these look at the context item, its position, or the node that the rule is about.
_CONTEXT_FUNCTIONS = frozenset(
    [
        "position",
        "last",
        "string",
        "normalize-space",
        "string-length",
        "name",
        "local-name",
        "namespace-uri",
        "number",
        "root",
        "data",
        "current",
        "base-uri",
        "document-uri",
        "node-name",
        "lang",
        "generate-id",
    ]
)


def children(expression: Expression) -> Iterator[tuple[Expression, bool]]:
    """The parts of an expression; true for those that see another context or are evaluated again and
    again."""
    match expression:
        case ast.Sequence(parts) | ast.Logical(_, parts) | ast.Union(parts) | ast.Call(_, parts):
            yield from ((part, False) for part in parts)
        case ast.Binary(_, left, right):
            yield from ((left, False), (right, False))
        case ast.Negate(part) | ast.Cast(part, _, _, _) | ast.InstanceOf(part, _, _):
            yield part, False
        case ast.If(condition, then, otherwise):
            yield from ((condition, False), (then, False), (otherwise, False))
        case ast.Let(_, value, body):
            yield from ((value, False), (body, False))
        case ast.Loop(_, bindings, body):
            yield from ((value, number > 0) for number, (_, value) in enumerate(bindings))
            yield body, True
        case ast.Filter(base, predicates):
            yield base, False
            yield from ((predicate, True) for predicate in predicates)
        case ast.Path(absolute, steps):
            for number, step in enumerate(steps):
                if isinstance(step, ast.ExpressionStep):
                    yield step.expression, number > 0 or absolute
                yield from ((predicate, True) for predicate in step.predicates)


def reads_context(expression: Expression) -> bool:
    """Whether the value depends on the context item."""
    match expression:
        case ast.ContextItem():
            return True
        case ast.Call(name, arguments):
            if name == "current" or (not arguments and name in _CONTEXT_FUNCTIONS):
                return True
            return any(reads_context(argument) for argument in arguments)
        case ast.Path(absolute, steps):
            if not absolute and (isinstance(steps[0], ast.Step) or reads_context(steps[0].expression)):
                return True
            return calls_current(expression)
        case ast.Filter(base, _):
            return reads_context(base) or calls_current(expression)
        case ast.Loop(_, bindings, body):
            return reads_context(body) or any(reads_context(value) for _, value in bindings)
    return any(reads_context(part) for part, _ in children(expression))


def calls_current(expression: Expression) -> bool:
    """Whether the node that the rule is about is asked for by name."""
    if isinstance(expression, ast.Call) and expression.name == "current":
        return True
    return any(calls_current(part) for part, _ in children(expression))


def variables(expression: Expression) -> frozenset[str]:
    """The variables that the expression takes from outside."""
    match expression:
        case ast.Variable(name):
            return frozenset((name,))
        case ast.Loop(_, bindings, body):
            found: frozenset[str] = frozenset()
            bound: set[str] = set()
            for name, value in bindings:
                found |= variables(value) - bound
                bound.add(name)
            return found | (variables(body) - bound)
        case ast.Let(name, value, body):
            return variables(value) | (variables(body) - {name})
    return frozenset().union(*(variables(part) for part, _ in children(expression)))


def uses(expression: Expression, name: str) -> int:
    """How often a variable is evaluated: 0, 1, or 2 for more, also for once in a loop."""
    if isinstance(expression, ast.Variable):
        return int(expression.name == name)
    if name not in variables(expression):
        return 0
    total = sum(uses(part, name) * (2 if again else 1) for part, again in children(expression))
    return min(total, 2)


def decides_by_parts(expression: Expression) -> bool:
    """Whether `and` or `or` is in it."""
    return isinstance(expression, ast.Logical) or any(
        decides_by_parts(part) for part, _ in children(expression)
    )


def has_absolute_path(expression: Expression) -> bool:
    """Whether it looks anything up from the document's root."""
    if isinstance(expression, ast.Path) and expression.absolute:
        return True
    if isinstance(expression, ast.Call) and expression.name == "key":
        return True
    return any(has_absolute_path(part) for part, _ in children(expression))
