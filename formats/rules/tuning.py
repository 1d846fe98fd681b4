"""Shorter ways for generated expressions: the same values with fewer loops and calls.

The compiler writes each expression as if it stood alone and might meet any number of items. What Python needs
for that is often a loop over one item; those loops are taken out here, on the syntax tree of the Python code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any, Final

__all__ = [
    "Tuner",
    "bound_in",
    "call",
    "called",
    "locals_of",
    "name",
    "numbered",
    "parsed",
    "tuned_function",
    "written",
]

_LOCAL: Final = re.compile(r"[fpqvwxyz][0-9]+\Z|x\Z")
_LOOP_NAME: Final = re.compile(r"[vq][1-9][0-9]*")
_FILLED: Final = {"tidy": "filled", "tidy_node": "filled_node", "tidy_child": "filled_child"}
_TRUE_OR_FALSE: Final = frozenset(
    ["any", "all", "bool", "has_text", "has_text_in", "in_list", "matches", "filled", "filled_node"]
)
_COMPREHENSIONS: Final = (ast.ListComp, ast.GeneratorExp)


def parsed(text: str) -> ast.expr:
    """The syntax tree of an expression."""
    return ast.parse(text, mode="eval").body


def written(node: ast.AST) -> str:
    """The text of a syntax tree, in one line."""
    return ast.unparse(node)


def tuned_function(text: str, tuner: Tuner) -> str:
    """The source of a function that ends with what it gives, with that simplified."""
    body = ast.parse(text).body[0]
    last = body.body[-1] if isinstance(body, ast.FunctionDef) else None
    if not isinstance(last, ast.Return) or last.value is None:
        return text
    last.value = tuner.value(last.value)
    return written(body) + "\n"


def name(text: str) -> ast.Name:
    return ast.Name(text, ast.Load())


def call(function: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(name(function), list(arguments), [])


def called(node: ast.AST) -> str:
    """The name of the function that is called, "" if it is no call of a plain name."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        return node.func.id
    return ""


def names_in(node: ast.AST) -> list[str]:
    """All names in an expression, as often as they stand there."""
    return [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]


def locals_of(node: ast.AST) -> set[str]:
    """The names in an expression that are not the module's, but for the node and the state."""
    return {used for used in names_in(node) if _LOCAL.match(used)}


def is_true_or_false(node: ast.expr) -> bool:
    """Whether the value is certainly a bool."""
    if isinstance(node, ast.BoolOp):
        return all(is_true_or_false(value) for value in node.values)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    return isinstance(node, ast.Compare) or called(node) in _TRUE_OR_FALSE


class _Renamed(ast.NodeTransformer):
    def __init__(self, old: str, new: ast.expr) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.new if node.id == self.old else node


class Tuner(ast.NodeTransformer):
    """Simplifies expressions of one module.

    `define` adds a function to the module and gives its name; `lazy` are the document's values by name;
    `existence` says shortly whether there is such a value, None where there is no shorter way.
    """

    def __init__(
        self,
        define: Callable[[str, str, str], str],
        lazy: dict[str, str],
        existence: Callable[[str], ast.expr | None] = lambda _: None,
    ) -> None:
        self._define = define
        self._lazy = lazy
        self._existence = existence
        self._iterable = 0  # how deep in what loops go over, where Python allows no assignment

    def truth(self, node: ast.expr) -> ast.expr:
        """An expression of which only the truth is wanted."""
        return self._as_truth(self.visit(node))

    def value(self, node: ast.expr) -> ast.expr:
        """An expression of which the value is wanted."""
        result: ast.expr = self.visit(node)
        return result

    # truth

    def _as_truth(self, node: ast.expr) -> ast.expr:
        while called(node) in ("bool", "ordered") and isinstance(node, ast.Call) and len(node.args) == 1:
            node = node.args[0]  # whether there is anything does not depend on its order
        if isinstance(node, ast.Call) and called(node) in _FILLED:
            return call(_FILLED[called(node)], *node.args)
        if isinstance(node, ast.Attribute) and node.attr == "k":
            node.attr = "c"  # whether there are children is known without listing them
        attribute = self._attribute_asked(node)
        return node if attribute is None else attribute

    def _attribute_asked(self, node: ast.expr) -> ast.expr | None:
        """`//@name` of which only the existence is wanted."""
        match node:
            case ast.Subscript(ast.Name("S"), ast.Constant(str(key))):
                value = self._lazy.get(key, "")
                if asked := re.fullmatch(r"attribute_values\(S\.d, (\w+)\)", value):
                    return parsed(f"S.d.has_attribute({asked[1]})")
                return self._existence(value) if value else None
        if isinstance(node, ast.Call) and called(node) == "attribute_values":
            return parsed(f"S.d.has_attribute({written(node.args[1])})")
        return None

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not):
            node.operand = self._as_truth(node.operand)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        node.test = self._as_truth(node.test)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        """Operands stand for truth values only, for XPath knows no other `and`."""
        self.generic_visit(node)
        node.values = [self._as_truth(value) for value in node.values]
        return _unless(node) or node

    # comparison

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Compare(ast.Call() as left, [ast.NotEq() | ast.Eq() as sign], [ast.Constant("")]):
                if called(left) in _FILLED:
                    filled = call(_FILLED[called(left)], *left.args)
                    return filled if isinstance(sign, ast.NotEq) else ast.UnaryOp(ast.Not(), filled)
            case ast.Compare(ast.Call(ast.Name("len"), [ast.Call(ast.Name("after"), [text, mark])]),
                             [ast.LtE()], [ast.Constant(int()) as most]):  # fmt: skip
                return call("ends_within", text, mark, most)
            case ast.Compare(ast.Constant(str()) as text, [ast.In()], [ast.ListComp() as found]):
                return _among(text, found) or node
        return node

    # calls

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        function = called(node)
        match function, node.args:
            case (("any" | "all"), [ast.GeneratorExp() as loop]):
                return self._short_loop(function, loop, node)
            case "boolean", [ast.Call(ast.Name("number_text"), [inner])] if is_true_or_false(inner):
                return inner
            case "float", [ast.Constant(int(number))]:
                return ast.Constant(float(number))
            case "sum", [ast.ListComp()]:
                return self._sum_for(node)
            case "decimal_or_none", [ast.Call(ast.Name("child_value"), [owner, tag])]:
                return call("decimal_child", owner, tag)
            case "one", [ast.ListComp() as loop]:
                return _item_at(loop) or node
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        """The body is a function of its own, with assignments of its own."""
        outside, self._iterable = self._iterable, 0
        self.generic_visit(node)
        self._iterable = outside
        return node

    # loops

    def visit_ListComp(self, node: ast.ListComp) -> ast.expr:
        self._keep_for_ancestor(node)
        self._loop(node)
        return node

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        self._loop(node)
        return node

    def _loop(self, node: ast.ListComp | ast.GeneratorExp) -> None:
        for part in node.generators:
            self._iterable += 1
            part.iter = self.visit(part.iter)
            self._iterable -= 1
            part.ifs = [self._as_truth(self.visit(condition)) for condition in part.ifs]
        node.elt = self.visit(node.elt)
        _put_in_place(node)

    def _short_loop(self, function: str, loop: ast.GeneratorExp, node: ast.Call) -> ast.expr:
        """`any` and `all` over things that are there at most once, as plain conditions."""
        if self._iterable:
            return node
        before: list[ast.expr] = []
        while loop.generators and (first := _at_most_one(loop.generators[0], function)) is not None:
            before += first
            del loop.generators[0]
        after: list[ast.expr] = []
        while len(loop.generators) > 1 and (last := _at_most_one(loop.generators[-1], function)) is not None:
            after = [*last, *after]
            del loop.generators[-1]
        joint = ast.And() if function == "any" else ast.Or()
        truth = self._as_truth(loop.elt)
        if not loop.generators:
            return _joined(joint, [*before, *after, truth])
        loop.elt = _joined(joint, [*after, truth])
        return _joined(joint, [*before, node])

    # what depends on an ancestor alone

    def _keep_for_ancestor(self, node: ast.ListComp) -> None:
        """Children of an ancestor that pass conditions of their own are picked once for each ancestor.

        Where the next condition asks for an equal number, they are sorted by that number as well.
        """
        first = node.generators[0]
        if not isinstance(first.target, ast.Name) or not (above := _ancestor(first.iter)):
            return
        item = first.target.id
        closed = 0
        for condition in first.ifs:
            if locals_of(condition) - bound_in(condition) - {item} or "n" in names_in(condition):
                break
            closed += 1
        if not closed:
            return
        own, rest = first.ifs[:closed], first.ifs[closed:]
        picked = ast.ListComp(
            name(item),
            [ast.comprehension(ast.Name(item, ast.Store()), _from_n(first.iter, above), own, 0)],
        )
        join = _equal_number(rest[0], item) if rest else None
        if join is None:
            first.iter, first.ifs = parsed(f"kept(S, {self._function(picked)}, {above})"), rest
            return
        wanted, numbers = join
        grouped = call("grouped", picked, ast.Lambda(_one_argument(item), numbers))
        first.iter = parsed(f"kept(S, {self._function(grouped)}, {above}).get({wanted}, ())")
        first.ifs = rest[1:]

    def _function(self, value: ast.expr, parameters: str = "n, S") -> str:
        """The name of a function of the module that gives a value; the same value, the same function."""
        tuned = Tuner(self._define, self._lazy, self._existence).value(value)
        return self._define("m", parameters, f"    return {numbered(tuned)}")

    def _sum_for(self, node: ast.Call) -> ast.expr:
        """A sum over what lies below an ancestor and has one value in common: once for each such value."""
        listed = node.args[0]
        if not isinstance(listed, ast.ListComp):
            return node
        match listed.generators[0].iter:
            case ast.Call(
                ast.Attribute(ast.Call(ast.Name("kept"), [_, _, owner]), "get"), [ast.Name(wanted), _]
            ):
                above = written(owner)
            case _:
                return node
        own_names = bound_in(listed) | {wanted}
        if locals_of(listed) - own_names or any(
            part.id == "n" for part in _names(_from_n(listed, above, "S"))
        ):
            return node
        renamed = _Renamed(wanted, name("q0")).visit(_from_n(listed, above))
        body = f"    return sum({numbered(renamed)})"
        made = self._define("m", "n, S, q0", body)
        return call("kept_for", name("S"), name(made), parsed(above), name(wanted))


def _one_argument(argument: str) -> ast.arguments:
    return ast.arguments([], [ast.arg(argument)], None, [], [], None, [])


def _joined(operator: ast.boolop, values: list[ast.expr]) -> ast.expr:
    return values[0] if len(values) == 1 else ast.BoolOp(operator, values)


def _unless(node: ast.BoolOp) -> ast.expr | None:
    """`a and b or not a`, as many rules are written, is `not a or b`."""
    match node:
        case ast.BoolOp(ast.Or(), [ast.BoolOp(ast.And(), [first, *more]), last]) if _denies(last, first):
            return ast.BoolOp(ast.Or(), [ast.UnaryOp(ast.Not(), first), _joined(ast.And(), more)])
    return None


def _denies(one: ast.expr, other: ast.expr) -> bool:
    """Whether one is `not` the other, also as `not a and not b` is that of `a or b`."""
    match one, other:
        case ast.UnaryOp(ast.Not(), inner), _ if ast.dump(inner) == ast.dump(other):
            return not any(isinstance(part, ast.NamedExpr) for part in ast.walk(inner))
        case ast.BoolOp(ast.And(), denied), ast.BoolOp(ast.Or(), claimed) if len(denied) == len(claimed):
            return all(_denies(left, right) for left, right in zip(denied, claimed, strict=True))
    return False


def _among(text: ast.Constant, found: ast.ListComp) -> ast.expr | None:
    """`'VAT' in [tidy(child_text(x, T).upper()) for x in nodes]`, and the same without upper case."""
    if len(found.generators) != 1 or found.generators[0].ifs:
        return None
    match found.elt, found.generators[0].target:
        case ast.Call(ast.Name("tidy_child"), [ast.Name(node), tag]), ast.Name(item) if node == item:
            return call("tidy_among", found.generators[0].iter, tag, text)
        case (
            ast.Call(
                ast.Name("tidy"),
                [
                    ast.Call(
                        ast.Attribute(ast.Call(ast.Name("child_text"), [ast.Name(node), tag]), "upper"), []
                    )
                ],
            ),
            ast.Name(item),
        ) if node == item:
            return call("upper_among", found.generators[0].iter, tag, text)
    return None


def _item_at(loop: ast.ListComp) -> ast.expr | None:
    """`one([x for all in (items,) for place, x in enumerate(all, 1) if place == wanted])`."""
    match loop:
        case ast.ListComp(
            ast.Name(found),
            [
                ast.comprehension(ast.Name(whole), ast.Tuple([items]), []),
                ast.comprehension(
                    ast.Tuple([ast.Name(place), ast.Name(item)]),
                    ast.Call(ast.Name("enumerate"), [ast.Name(over), ast.Constant(1)]),
                    [ast.Compare(ast.Name(asked), [ast.Eq()], [wanted])],
                ),
            ],
        ) if found == item and over == whole and asked == place:
            if {whole, place, item} & set(names_in(wanted)):
                return None
            return call("at", items, wanted)
    return None


def _put_in_place(node: ast.ListComp | ast.GeneratorExp) -> None:
    """`for x in (y,)` with a plain y: y stands for x."""
    for part in list(node.generators):
        match part:
            case ast.comprehension(ast.Name(item), ast.Tuple([ast.Constant() | ast.Name() as value]), []):
                if len(node.generators) > 1:
                    node.generators.remove(part)
                    renamed = _Renamed(item, value)
                    node.elt = renamed.visit(node.elt)
                    node.generators = [renamed.visit(other) for other in node.generators]


def _at_most_one(part: ast.comprehension, function: str) -> list[ast.expr] | None:
    """Conditions that stand for a loop over one item or none; None for other loops."""
    wanted = function == "any"
    match part:
        case ast.comprehension(ast.Name(item), ast.Call(ast.Name("opt"), [value])):
            assigned = ast.NamedExpr(ast.Name(item, ast.Store()), value)
            there: list[ast.expr] = [
                ast.Compare(assigned, [ast.IsNot() if wanted else ast.Is()], [ast.Constant(None)])
            ]
        case ast.comprehension(ast.Name(item), ast.Tuple([value])) if not isinstance(value, ast.Starred):
            assigned = ast.NamedExpr(ast.Name(item, ast.Store()), value)
            there = [ast.Compare(assigned, [ast.Is() if wanted else ast.IsNot()], [name(item)])]
        case _:
            return None
    conditions: list[ast.expr] = list(part.ifs)
    return there + (conditions if wanted else [ast.UnaryOp(ast.Not(), each) for each in conditions])


def _ancestor(source: ast.expr) -> str:
    """`n.p.p` where a loop goes over what lies below an ancestor of the node, else ""."""
    match source:
        case ast.Call(ast.Attribute(ast.Attribute(owner, "c"), "get"), [_, ast.Tuple([])]):
            pass
        case ast.Call(ast.Name("down2"), [owner, _, _]):
            pass
        case ast.Call(
            ast.Name("down"),
            [ast.Call(ast.Attribute(ast.Attribute(owner, "c"), "get"), [_, ast.Tuple([])]), *_],
        ):
            pass
        case _:
            return ""
    text = written(owner)
    return text if re.fullmatch(r"n(\.p)+", text) else ""


class _FromAncestor(ast.NodeTransformer):
    def __init__(self, above: str, put: str) -> None:
        self.above, self.put = above, put

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        return name(self.put) if written(node) == self.above else self.generic_visit(node)


def _from_n(source: ast.expr, above: str, put: str = "n") -> ast.expr:
    """A copy of an expression with the ancestor itself as the node."""
    result: ast.expr = _FromAncestor(above, put).visit(parsed(written(source)))
    return result


def _names(node: ast.AST) -> list[ast.Name]:
    return [part for part in ast.walk(node) if isinstance(part, ast.Name)]


class _Numbered(ast.NodeTransformer):
    """Loop variables numbered from one, so that equal expressions look equal."""

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}

    def _number(self, old: str) -> str:
        return self.numbers.setdefault(old, f"v{len(self.numbers) + 1}") if _LOOP_NAME.fullmatch(old) else old

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._number(node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self._number(node.arg))


def numbered(node: ast.expr) -> str:
    """An expression, which is changed, with its loop variables numbered from one."""
    return written(_Numbered().visit(node))


def bound_in(node: ast.AST) -> set[str]:
    """The names that loops and assignments inside an expression give."""
    return {
        part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }


def _equal_number(condition: ast.expr, item: str) -> tuple[str, ast.expr] | None:
    """`any(number == wanted for ... numbers of the item)`: the name wanted, and a list of the numbers."""
    match condition:
        case ast.Call(
            ast.Name("any"),
            [ast.GeneratorExp(ast.Compare(ast.Name(found), [ast.Eq()], [ast.Name(wanted)]), parts)],
        ):
            pass
        case _:
            return None
    last = parts[-1]
    match last:
        case ast.comprehension(
            ast.Name(number),
            ast.Call(ast.Name("opt"), [ast.Call(ast.Name("decimal_or_none" | "decimal_child"), _)]),
            [],
        ) if number == found:
            pass
        case _:
            return None
    numbers = ast.ListComp(name(found), list(parts))
    outside = locals_of(numbers) - bound_in(numbers) - {item}
    if outside or "n" in names_in(numbers) or wanted in bound_in(numbers) or wanted == item:
        return None
    return wanted, numbers
