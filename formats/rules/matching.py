"""Contexts of rules (XSLT match patterns) split into what a path of element names decides and what a node
decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from formats.rules import ast, static
from formats.rules.analysis import children
from formats.rules.ast import ANYTHING, Expression
from formats.rules.comparison import number_of
from formats.rules.emit import compile_truth
from formats.rules.static import NUMBERS, TEXTS, Kind, Refused
from formats.rules.writer import Scope

__all__ = ["Alternative", "alternatives"]

_MOST_ALTERNATIVES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to match. `struct` are tests of element names from the node upwards.

    Each test is (separator to what is above, name test, further tests of the name). `anchored` means that the
    last test is for the root element; an empty anchored struct is the document itself. `attribute` is the
    name test of an attribute below the element, "" for elements. `condition` is Python source: "None", the
    name of a function that picks those that match, or (function that gives a text, text, function or None)
    for conditions that ask for one text.
    """

    struct: tuple[tuple[str, str, tuple[tuple[str, bool, str], ...]], ...]
    anchored: bool
    attribute: str
    condition: str


@dataclass(frozen=True, slots=True)
class _Way:
    absolute: bool
    steps: tuple[ast.Step, ...]


def alternatives(pattern: Expression, scope: Scope) -> tuple[Alternative, ...]:
    """All ways to match a rule's context. Raises Refused."""
    ways = _ways(pattern)
    if len(ways) > _MOST_ALTERNATIVES:
        raise Refused(f"a context with {len(ways)} alternatives")
    return tuple(_alternative(way, scope) for way in ways)


def _ways(pattern: Expression) -> list[_Way]:
    match pattern:
        case ast.Union(operands):
            return [way for operand in operands for way in _ways(operand)]
        case ast.Filter(base, predicates):
            return [_filtered(way, predicates) for way in _ways(base)]
        case ast.Path(absolute, steps):
            return _ways_of_path(absolute, steps)
        case ast.Variable():
            return [_Way(False, (ast.Step("child", "*", (ast.Call("#is-one-of", (pattern,)),)),))]
    raise Refused("a context that is not a path")


def _ways_of_path(absolute: bool, steps: tuple[ast.Step | ast.ExpressionStep, ...]) -> list[_Way]:
    ways = [_Way(absolute, ())]
    anywhere = False
    for step in steps:
        if isinstance(step, ast.ExpressionStep):
            inner = [_filtered(way, step.predicates) for way in _ways(step.expression)]
            ways = [_joined(way, tail, anywhere) for way in ways for tail in inner]
            anywhere = False
        elif step.axis == "descendant-or-self" and step.test == ANYTHING and not step.predicates:
            anywhere = True
        else:
            axis = "descendant" if anywhere and step.axis == "child" else step.axis
            if anywhere and step.axis == "attribute":
                ways = [_Way(False, ())] if not ways[0].steps else ways
            ways = [_Way(way.absolute, (*way.steps, replace(step, axis=axis))) for way in ways]
            anywhere = False
    if anywhere:
        raise Refused("a context that ends in //")
    return ways


def _joined(head: _Way, tail: _Way, anywhere: bool) -> _Way:
    if not head.steps and not anywhere:
        return _Way(head.absolute or tail.absolute, tail.steps)
    first, *rest = tail.steps
    if anywhere and first.axis == "child":
        first = replace(first, axis="descendant")
    return _Way(head.absolute, (*head.steps, first, *rest))


def _filtered(way: _Way, predicates: tuple[Expression, ...]) -> _Way:
    if not predicates:
        return way
    if not way.steps:
        raise Refused("a predicate on the document")
    last = way.steps[-1]
    return _Way(way.absolute, (*way.steps[:-1], replace(last, predicates=(*last.predicates, *predicates))))


def _alternative(way: _Way, scope: Scope) -> Alternative:
    steps = list(way.steps)
    node, attribute, conditions = "n", "", []
    if steps and steps[-1].axis == "attribute":
        last = steps.pop()
        attribute = "*" if last.test == ANYTHING else last.test
        conditions = [_condition(part, scope.at("n", Kind.NODE)) for part in _conjuncts(last.predicates)]
        node = "n.p"
    whole = _chain(steps)
    if _predicates_above_a_gap(steps):
        conditions.append(_dynamic(steps, len(steps) - 1, node, way.absolute, scope))
        whole = [(separator, test, ()) for separator, test, _ in whole]
    else:
        whole, more = _structural(steps, node, scope)
        conditions += more
    anchored = way.absolute and (not steps or steps[0].axis == "child")
    text = _condition_source(conditions, steps, attribute, scope)
    return Alternative(tuple(whole), anchored, attribute, text)


_Struct = list[tuple[str, str, tuple[tuple[str, bool, str], ...]]]


def _chain(steps: list[ast.Step]) -> _Struct:
    """Name tests from the node upwards."""
    tests: _Struct = []
    for step in reversed(steps):
        if step.axis not in ("child", "descendant") or (step.test.endswith("()") and step.test != ANYTHING):
            raise Refused(f"the step {step.axis}::{step.test} in a context")
        tests.append(("//" if step.axis == "descendant" else "/", step.test, ()))
    return tests


def _predicates_above_a_gap(steps: list[ast.Step]) -> bool:
    gap = False
    for number, step in reversed(list(enumerate(steps))):
        if gap and step.predicates:
            return True
        gap |= step.axis == "descendant" and number > 0
    return False


def _structural(steps: list[ast.Step], node: str, scope: Scope) -> tuple[_Struct, list[str]]:
    tests, conditions = [], []
    for (separator, test, _), step in zip(_chain(steps), reversed(steps), strict=True):
        of_name = []
        for part in _conjuncts(step.predicates):
            static_test = _name_test(part)
            if static_test is not None:
                of_name.append(static_test)
            else:
                conditions.append(_condition(part, _inside(scope, node, test)))
        tests.append((separator, test, tuple(of_name)))
        node += ".p"
    return tests, conditions


def _inside(scope: Scope, node: str, test: str) -> Scope:
    counted, last = f"position_among({node}, {test!r})", f"last_among({node}, {test!r})"
    return replace(scope.at(node, Kind.NODE, position=counted, last=last), current="n")


def _condition(part: Expression, scope: Scope) -> str:
    code = scope.code(part) if _may_be_number(part) else None
    if code is not None and code.kind in NUMBERS:
        return f"{scope.position} == {number_of(code)[0]}"
    return compile_truth(part, scope)


def _may_be_number(part: Expression) -> bool:
    if isinstance(part, ast.Call):
        return part.name in ("last", "position", "number", "count", "sum")
    arithmetic = ("+", "-", "*", "div", "mod", "idiv")
    return isinstance(part, ast.Number) or (isinstance(part, ast.Binary) and part.operator in arithmetic)


def _dynamic(steps: list[ast.Step], number: int, node: str, absolute: bool, scope: Scope) -> str:
    """The whole pattern as a condition, for predicates on an ancestor that the path alone does not find."""
    step = steps[number]
    conditions = [_condition(part, _inside(scope, node, step.test)) for part in _conjuncts(step.predicates)]
    if number < len(steps) - 1:
        conditions.insert(0, f"passes({node}, {step.test!r})")
    if number == 0:
        if absolute and step.axis == "child":
            conditions.append(f"{node}.p.i == -1")
    elif step.axis == "descendant":
        ancestor = scope.writer.fresh()
        above = _dynamic(steps, number - 1, ancestor, absolute, scope)
        conditions.append(f"any({above} for {ancestor} in above({node}, '*'))")
    else:
        conditions.append(_dynamic(steps, number - 1, f"{node}.p", absolute, scope))
    return "(" + (" and ".join(conditions) or "True") + ")"


def _conjuncts(predicates: tuple[Expression, ...]) -> list[Expression]:
    found: list[Expression] = []
    for predicate in predicates:
        if isinstance(predicate, ast.Logical) and predicate.operator == "and":
            found += _conjuncts(predicate.operands)
        else:
            found.append(predicate)
    return found


def _name_test(part: Expression) -> tuple[str, bool, str] | None:
    """A predicate that only asks for the element's own name: what it asks, whether negated, the name."""
    negated = False
    while isinstance(part, ast.Call) and part.name == "not" and len(part.arguments) == 1:
        part, negated = part.arguments[0], not negated
    match part:
        case ast.Call("ends-with", (ast.Call("name" | "local-name", ()), ast.Text(ending))) if (
            ":" not in ending
        ):
            return "ends", negated, ending
        case ast.Path(False, (ast.Step("self", test, ()),)) if not test.endswith("()"):
            return "is", negated, test
        case ast.Binary("=", ast.Call("local-name", ()), ast.Text(local)):
            return "local", negated, local
    return None


def _condition_source(conditions: list[str], steps: list[ast.Step], attribute: str, scope: Scope) -> str:
    conditions = [condition for condition in conditions if condition != "True"]
    if not conditions:
        return "None"
    if not attribute and steps and not _predicates_above_a_gap(steps):
        switch = _switch(steps[-1], conditions, scope)
        if switch is not None:
            return switch
    return _function(conditions, scope)


def _function(conditions: list[str], scope: Scope) -> str:
    return scope.writer.define(
        "c", "nodes, S", f"    return [n for n in nodes if {' and '.join(conditions)}]"
    )


def _switch(step: ast.Step, conditions: list[str], scope: Scope) -> str | None:
    """A first condition `text = 'literal'`, so that many rules can ask for their literal at once."""
    first = next((part for part in _conjuncts(step.predicates) if _name_test(part) is None), None)
    if not (isinstance(first, ast.Binary) and first.operator == "=" and isinstance(first.right, ast.Text)):
        return None
    if any(isinstance(part, ast.Call) and part.name == "current" for part, _ in children(first)):
        return None
    code = scope.at("n", Kind.NODE).code(first.left)
    if code.count == "*" or code.kind not in TEXTS:
        return None
    key = scope.writer.define(
        "k", "n, S", f"    return {static.text_of(code) if code.count == '1' else code.text}"
    )
    rest = _function(conditions[1:], scope) if len(conditions) > 1 else "None"
    return f"({key}, {first.right.value!r}, {rest})"
