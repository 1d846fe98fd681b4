"""Paths, steps and predicates to Python loops over the light tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from formats.rules import ast, static
from formats.rules.analysis import calls_current, children, reads_context, variables
from formats.rules.ast import ANYTHING, Expression
from formats.rules.comparison import number_of
from formats.rules.static import NUMBERS, TEXTS, TREE, Code, Kind, Refused
from formats.rules.writer import Scope

__all__ = ["filtered", "path", "union"]

_PARENT: Final = re.compile(r"\w+(\.p)*")
_NO_COMMENT: Final = ast.Call("not", (ast.Path(False, (ast.Step("self", "comment()"),)),))
_REVERSE: Final = frozenset(["ancestor", "ancestor-or-self", "preceding", "preceding-sibling"])
_FROM_DOCUMENT: Final = {
    "descendant-or-self": "self_and_below",
    "preceding": "all_before",
    "following": "all_after",
}
_FROM_NODE: Final = {
    "ancestor": "above",
    "ancestor-or-self": "self_and_above",
    "preceding-sibling": "siblings_before",
    "following-sibling": "siblings_after",
    "parent": "up",
}


def _is_name(test: str) -> bool:
    return not (test == "*" or test.endswith(("}*", "()")) or test.startswith("*:"))


@dataclass(slots=True)
class _Walk:
    """A path on its way: the node reached, the loop so far, and whether order or uniqueness may be lost."""

    scope: Scope
    node: str
    kind: Kind
    clauses: list[str] = field(default_factory=list)
    nested: bool = False  # the nodes reached may lie inside each other
    unordered: bool = False

    @property
    def one(self) -> bool:
        return not self.clauses

    def go(self, source: str, kind: Kind) -> None:
        self.node = self.scope.writer.fresh()
        self.clauses.append(f"for {self.node} in {source}")
        self.kind = kind

    def result(self) -> Code:
        if self.one:
            return Code(self.node, self.kind, "1")
        code = static.loop(self.clauses, self.node, self.kind)
        if self.unordered and self.kind in TREE:
            item = self.scope.writer.fresh()
            return static.loop((f"for {item} in ordered({code.text})",), item, self.kind)
        return code


def path(expression: ast.Path, scope: Scope) -> Code:
    """A path expression."""
    shorter = _anywhere_of_several(expression)
    if shorter is not None:
        return path(shorter, scope)
    if expression.absolute:
        walk = _Walk(scope, "S.d.node", Kind.DOCUMENT)
    else:
        walk = _Walk(scope, scope.node, scope.kind)
    steps = _without_way_back(expression.steps)
    position = 0
    grouped = _grouped(expression, steps, scope, walk)
    if grouped:
        position = grouped
    while position < len(steps):
        step = steps[position]
        if isinstance(step, ast.ExpressionStep):
            _expression_step(walk, step, first=position == 0 and not expression.absolute)
            position += 1
        elif run := _child_run(steps, position, walk):
            parent, one = walk.node, walk.one
            position = _take_run(walk, steps, position, run)
            if position == len(steps) and one and run == 1:
                return _children_of(parent, step.test, walk)
        elif position == len(steps) - 1 and _is_plain_attribute(step, walk):
            tag = scope.writer.tag(step.test)
            return Code(f"{walk.node}.a.get({tag})", Kind.ATTRIBUTE, "?")
        else:
            position += _step(walk, steps, position)
    return walk.result()


def _anywhere_of_several(expression: ast.Path) -> ast.Path | None:
    """`//(a | b)/c` as `(//a | //b)/c`, which the index of names answers; None for any other path."""
    if not expression.absolute or expression.steps[:1] != (ast.Step("descendant-or-self", ANYTHING),):
        return None
    several = expression.steps[1] if len(expression.steps) > 1 else None
    if not isinstance(several, ast.ExpressionStep) or several.predicates:
        return None
    if not isinstance(several.expression, ast.Union):
        return None
    found: list[Expression] = []
    for operand in several.expression.operands:
        match operand:
            case ast.Path(False, (ast.Step("child", test, ()),)) if _is_name(test):
                found.append(ast.Path(True, (ast.Step("descendant", test),)))
            case _:
                return None
    return ast.Path(False, (ast.ExpressionStep(ast.Union(tuple(found))), *expression.steps[2:]))


def _children_of(parent: str, test: str, walk: _Walk) -> Code:
    """Children of one tag of one node, of which callers know shorter ways to ask."""
    code = walk.result()
    if not _PARENT.fullmatch(parent):
        return code
    return replace(code, child=(parent, walk.scope.writer.tag(test)))


def _without_way_back(
    steps: tuple[ast.Step | ast.ExpressionStep, ...],
) -> list[ast.Step | ast.ExpressionStep]:
    """`x/@name/..` as `x[@name]`: attributes are kept as text, which does not know its element."""
    kept: list[ast.Step | ast.ExpressionStep] = []
    for step in steps:
        before = kept[-1] if kept else None
        is_back = isinstance(step, ast.Step) and step.axis == "parent" and step.test in (ANYTHING, "*")
        if is_back and isinstance(before, ast.Step) and before.axis == "attribute" and len(kept) > 1:
            kept.pop()
            owner = kept.pop()
            condition = ast.Path(False, (before,))
            if isinstance(owner, ast.Step):
                kept.append(ast.Step(owner.axis, owner.test, (*owner.predicates, condition)))
            else:
                kept.append(ast.ExpressionStep(owner.expression, (*owner.predicates, condition)))
        else:
            kept.append(step)
    return kept


# runs of plain child steps, the bulk of all paths


def _child_run(steps: list[ast.Step | ast.ExpressionStep], position: int, walk: _Walk) -> int:
    """How many plain child steps follow each other here."""
    if walk.kind not in TREE:
        return 0
    length = 0
    for step in steps[position:]:
        if not (isinstance(step, ast.Step) and step.axis == "child" and _is_name(step.test)):
            break
        if step.predicates:
            break
        length += 1
    return length


def _take_run(walk: _Walk, steps: list[ast.Step | ast.ExpressionStep], position: int, run: int) -> int:
    tags = [
        walk.scope.writer.tag(step.test)
        for step in steps[position : position + run]
        if isinstance(step, ast.Step)
    ]
    if run == 1:
        source = f"{walk.node}.c.get({tags[0]}, ())"
    elif run == 2:
        source = f"down2({walk.node}, {tags[0]}, {tags[1]})"
    else:
        source = f"down({walk.node}.c.get({tags[0]}, ()), {', '.join(tags[1:])})"
    walk.unordered |= walk.nested
    walk.go(source, Kind.NODE)
    return position + run


# any other step


def _is_plain_attribute(step: ast.Step, walk: _Walk) -> bool:
    plain = step.axis == "attribute" and _is_name(step.test) and not step.predicates
    return plain and walk.one and walk.kind in TREE


def _step(walk: _Walk, steps: list[ast.Step | ast.ExpressionStep], position: int) -> int:
    """One step, or two where `//@name` is quicker together; how many were taken."""
    step = steps[position]
    if not isinstance(step, ast.Step):
        raise Refused("a step that is no step")
    following = steps[position + 1] if position + 1 < len(steps) else None
    anywhere = walk.node == "S.d.node" and step == ast.Step("descendant-or-self", ANYTHING)
    names_attribute = (
        isinstance(following, ast.Step) and following.axis == "attribute" and _is_name(following.test)
    )
    if anywhere and names_attribute and isinstance(following, ast.Step):
        tag = walk.scope.writer.tag(following.test)
        _add(walk, following, f"attribute_values(S.d, {tag})", Kind.ATTRIBUTE)
        return 2
    if walk.kind not in TREE:
        raise Refused(f"the axis {step.axis} of something that is no element")
    if step.axis == "parent" and step.test in (ANYTHING, "*") and not step.predicates:
        walk.unordered |= not walk.one
        walk.node, walk.kind = f"{walk.node}.p", Kind.NODE
        return 1
    if step.axis == "self" and step.test == ANYTHING and not step.predicates:
        return 1
    if step.axis == "child" and step.test == ANYTHING and step.predicates[:1] == (_NO_COMMENT,):
        _add(
            walk,
            ast.Step("child", ANYTHING, step.predicates[1:]),
            f"contents_but_comments({walk.node})",
            Kind.ITEM,
        )
        return 1
    source, kind = _axis(walk, step)
    many = not walk.one
    if step.axis in ("descendant", "descendant-or-self"):
        walk.unordered |= many
        walk.nested = True
    elif step.axis in ("parent", "following", "following-sibling"):
        walk.unordered |= many
    elif step.axis in _REVERSE:
        walk.unordered = True
        walk.nested = True
    elif step.axis == "child":
        walk.unordered |= walk.nested
    _add(walk, step, source, kind)
    return 1


def _axis(walk: _Walk, step: ast.Step) -> tuple[str, Kind]:
    """The nodes of an axis as a Python sequence, and their kind."""
    node, test, axis = walk.node, step.test, step.axis
    if test.endswith("()") and test not in ("text()", ANYTHING):
        raise Refused(f"the node test {test}")
    if test == "text()":
        return _texts(walk, axis), Kind.TEXT_NODE
    if axis == "child":
        return _children(walk, test)
    if axis == "attribute":
        if _is_name(test):
            return f"opt({node}.a.get({walk.scope.writer.tag(test)}))", Kind.ATTRIBUTE
        return f"attributes(S.d, {node}, {test!r})", Kind.NODE
    if axis == "self":
        return f"(({node},) if passes({node}, {test!r}) else ())", walk.kind
    if axis == "descendant":
        return _descendants(walk, test), Kind.NODE
    if axis in _FROM_DOCUMENT:
        return f"{_FROM_DOCUMENT[axis]}(S.d, {node}, {test!r})", Kind.NODE
    return f"{_FROM_NODE[axis]}({node}, {test!r})", Kind.NODE


def _children(walk: _Walk, test: str) -> tuple[str, Kind]:
    if test == ANYTHING:
        return f"contents({walk.node})", Kind.ITEM
    if test == "*":
        return f"{walk.node}.k", Kind.NODE
    if _is_name(test):
        return f"{walk.node}.c.get({walk.scope.writer.tag(test)}, ())", Kind.NODE
    return f"picked({walk.node}.k, {test!r})", Kind.NODE


def _descendants(walk: _Walk, test: str) -> str:
    if test == ANYTHING:
        raise Refused("descendant::node()")
    if walk.node == "S.d.node":
        if _is_name(test):
            return f"S.d.tagged({walk.scope.writer.tag(test)})"
        return "S.d.all" if test == "*" else f"all_elements(S.d, {test!r})"
    return f"below(S.d, {walk.node}, {test!r})"


def _texts(walk: _Walk, axis: str) -> str:
    if axis == "child":
        return f"text_nodes({walk.node})"
    if axis == "descendant":
        node, item = walk.scope.writer.fresh(), walk.scope.writer.fresh()
        inside = f"self_and_below(S.d, {walk.node}, '*')"
        return f"[{item} for {node} in {inside} for {item} in text_nodes({node})]"
    raise Refused(f"{axis}::text()")


def _expression_step(walk: _Walk, step: ast.ExpressionStep, *, first: bool) -> None:
    inner = walk.scope if first else walk.scope.at(walk.node, walk.kind)
    code = filtered(inner.code(step.expression), step.predicates, inner)
    if not first and walk.kind not in TREE and reads_context(step.expression) and walk.kind is Kind.ITEM:
        raise Refused("a step from something whose kind shows only at run time")
    if code.count == "1":
        if code.text.isidentifier() or code.kind not in TREE:
            walk.node, walk.kind = code.text, code.kind
        else:
            walk.node, walk.kind = code.text, code.kind
        return
    clauses, item = static.each(code, walk.scope.writer.fresh())
    walk.unordered |= (
        bool(walk.clauses) and code.kind in TREE and len(clauses) > 0 and not _goes_down(step.expression)
    )
    walk.clauses += clauses
    walk.node, walk.kind = item, code.kind
    walk.nested = True


def _goes_down(expression: Expression) -> bool:
    if isinstance(expression, ast.Union):
        return all(_goes_down(operand) for operand in expression.operands)
    return isinstance(expression, ast.Path) and all(
        isinstance(step, ast.Step) and step.axis == "child" for step in expression.steps
    )


# predicates


def _add(walk: _Walk, step: ast.Step, source: str, kind: Kind) -> None:
    """Go on to these nodes, those that the step's predicates leave."""
    predicates = list(step.predicates)
    while predicates and any(_by_position(predicate, walk.scope, kind) for predicate in predicates):
        source = _one_predicate(source, kind, predicates.pop(0), walk.scope)
    walk.go(source, kind)
    inner = walk.scope.at(walk.node, kind)
    walk.clauses += [f"if {_truth(inner, predicate)}" for predicate in predicates]


def _truth(scope: Scope, predicate: Expression) -> str:
    from formats.rules.emit import compile_truth  # the two compile each other's parts

    return compile_truth(predicate, scope)


def _asks_position(expression: Expression) -> bool:
    if isinstance(expression, ast.Call) and expression.name in ("position", "last"):
        return True
    return any(_asks_position(part) for part, again in children(expression) if not again)


def _by_position(predicate: Expression, scope: Scope, kind: Kind) -> bool:
    """Whether a predicate selects by position, or by a number that it computes."""
    if isinstance(predicate, ast.Number) or _asks_position(predicate):
        return True
    if isinstance(predicate, (ast.Logical, ast.Union, ast.Text)):
        return False
    if isinstance(predicate, ast.Binary) and predicate.operator not in ("+", "-", "*", "div", "idiv", "mod"):
        return False
    if isinstance(predicate, ast.Path) and isinstance(predicate.steps[-1:][:1], ast.Step):
        return False
    code = scope.at(scope.writer.fresh(), kind).code(predicate)
    if code.kind is Kind.ITEM and code.count != "*":
        raise Refused("a predicate that may be a number or a truth value")
    return code.kind in NUMBERS


def _one_predicate(source: str, kind: Kind, predicate: Expression, scope: Scope) -> str:
    """The part of a sequence that passes one predicate."""
    writer = scope.writer
    if predicate == ast.Call("last", ()):
        return f"{source}[-1:]"
    if isinstance(predicate, ast.Number) and predicate.kind == "integer":
        place = int(predicate.text)
        return f"{source}[{place - 1}:{place}]" if 0 < place < 1_000_000 else "()"
    item, position, whole = writer.fresh(), writer.fresh(), writer.fresh()
    inner = scope.at(item, kind, position=position, last=f"len({whole})")
    code = inner.code(predicate)
    test = f"{position} == {number_of(code)[0]}" if code.kind in NUMBERS else _truth(inner, predicate)
    return f"[{item} for {whole} in ({source},) for {position}, {item} in enumerate({whole}, 1) if {test}]"


def filtered(code: Code, predicates: tuple[Expression, ...], scope: Scope) -> Code:
    """A sequence with predicates behind it."""
    for predicate in predicates:
        if _by_position(predicate, scope, code.kind):
            source = _one_predicate(static.listed(code), code.kind, predicate, scope)
            item = scope.writer.fresh()
            code = static.loop((f"for {item} in {source}",), item, code.kind)
        else:
            clauses, item = static.each(code, scope.writer.fresh())
            if not item.isidentifier():
                name = scope.writer.fresh()
                clauses, item = (*clauses, f"for {name} in ({item},)"), name
            test = _truth(scope.at(item, code.kind), predicate)
            code = static.loop((*clauses, f"if {test}"), item, code.kind)
    return code


# union


def union(operands: tuple[Expression, ...], scope: Scope) -> Code:
    """Nodes of several expressions, each once, in document order."""
    codes = [_as_nodes(operand, scope) for operand in operands]
    if any(code.kind not in TREE for code in codes):
        raise Refused("a union of anything but elements and attributes")
    text = static.listed(codes[0])
    for code in codes[1:]:
        text = f"united({text}, {static.listed(code)})"
    item = scope.writer.fresh()
    return static.loop((f"for {item} in {text}",), item, Kind.NODE)


def _as_nodes(operand: Expression, scope: Scope) -> Code:
    """An operand of a union, named attributes at its end as nodes."""
    if not (isinstance(operand, ast.Path) and operand.steps):
        return scope.code(operand)
    last = operand.steps[-1]
    if not (
        isinstance(last, ast.Step)
        and last.axis == "attribute"
        and _is_name(last.test)
        and not last.predicates
    ):
        return scope.code(operand)
    tag = scope.writer.tag(last.test)
    owners = scope.code(ast.Path(operand.absolute, operand.steps[:-1])) if len(operand.steps) > 1 else None
    item = scope.writer.fresh()
    if owners is None:
        return static.loop((f"for {item} in named_attribute(S.d, {scope.node}, {tag})",), item, Kind.NODE)
    clauses, owner = static.each(owners, scope.writer.fresh())
    return static.loop((*clauses, f"for {item} in named_attribute(S.d, {owner}, {tag})"), item, Kind.NODE)


# absolute paths with a literal to select by: grouped once per document, then looked up


def _grouped(
    expression: ast.Path, steps: list[ast.Step | ast.ExpressionStep], scope: Scope, walk: _Walk
) -> int:
    """Start the walk at a group of nodes; how many steps that took, 0 if the path is not of that form."""
    if not expression.absolute or scope.writer.lenient:
        return 0
    for number, step in enumerate(steps):
        if not isinstance(step, ast.Step) or step.axis not in ("child", "descendant"):
            return 0
        for place, predicate in enumerate(step.predicates):
            key = _literal_key(predicate)
            if key is None:
                if _by_position(predicate, scope, Kind.NODE):
                    return 0
                continue
            before = ast.Path(
                True, (*steps[:number], ast.Step(step.axis, step.test, step.predicates[:place]))
            )
            index = _index(before, key[0], scope)
            if index is None:
                return 0
            rest = ast.Step(step.axis, step.test, step.predicates[place + 1 :])
            _add(walk, rest, f"{index}.get({key[1]!r}, ())", Kind.NODE)
            return number + 1
    return 0


def _literal_key(predicate: Expression) -> tuple[Expression, str] | None:
    """`expression = 'literal'`, either way round."""
    if not (isinstance(predicate, ast.Binary) and predicate.operator == "="):
        return None
    for key, literal in ((predicate.left, predicate.right), (predicate.right, predicate.left)):
        plain = not variables(key) and reads_context(key) and not calls_current(key)
        if isinstance(literal, ast.Text) and plain and not _asks_position(key):
            return key, literal.value
    return None


def _index(before: ast.Path, key: Expression, scope: Scope) -> str | None:
    """A dictionary over the document: text of the key -> nodes; None where the key is not text."""
    writer = scope.writer
    known = writer.shared.get(("index", before, key))
    if known is not None:
        return known[0]
    if variables(before) or calls_current(before):
        return None
    nodes = scope.document().code(before)
    item = writer.fresh()
    code = scope.document().at(item, Kind.NODE).code(key)
    if code.value_kind not in (TEXTS | {Kind.UNTYPED}) or nodes.kind is not Kind.NODE:
        return None
    many = f"lambda {item}: {static.listed(code)}"
    if code.kind in TREE:
        value = writer.fresh()
        many = f"lambda {item}: [string_value({value}) for {value} in {static.listed(code)}]"
    name = writer.once(f"grouped({static.listed(nodes)}, {many})")
    writer.shared[("index", before, key)] = name, nodes
    return name
