"""Where generated code counts its steps (`state.py`): put in last, on the finished Python code.

A loop that only goes down from the element in hand, or from the item of the loop around it, takes no more
steps than there are elements, and is left as it is. Counted are loops over anything else: over the whole
document, over what an ancestor holds, over variables, ranges and tokens, and over the same things once more.
"""

from __future__ import annotations

import ast
import re
from typing import Any, Final

from formats.rules.tuning import called, name, parsed, written

__all__ = ["metered_function", "metered_value"]

#: Functions that go through sequences, and which of their arguments these are.
_THROUGH: Final[dict[str, tuple[int, ...]]] = {
    **dict.fromkeys(["has_text", "has_text_in", "ordered", "sum", "sum_doubles", "sum_any"], (0,)),
    **dict.fromkeys(["greatest", "least", "average", "part", "index_of", "same_texts", "same_any"], (0,)),
    **dict.fromkeys(["down", "tidy_among", "upper_among", "picked", "from_codepoints", "joined"], (0,)),
    **dict.fromkeys(["enumerate", "any", "all", "grouped", "by_text"], (0,)),
    **dict.fromkeys(["upper_texts", "only_upper", "any_boolean", "any_at_least", "any_above"], (0,)),
    **dict.fromkeys(["united", "common", "without", "deep_equal"], (0, 1)),
    "compare_any": (1, 2),
}
#: Functions that look further than below an element, or at everything below it.
_FAR: Final = frozenset(
    [
        "all_before",
        "all_after",
        "all_elements",
        "below",
        "self_and_below",
        "siblings_before",
        "siblings_after",
        "position_among",
        "last_among",
    ]
)
_COUNTS: Final = re.compile(r"S\.(over|far|words|spend)\(|\bf[0-9]+\(")
_LITERALS: Final = (ast.Constant, ast.ListComp, ast.GeneratorExp, ast.Lambda)


def metered_value(text: str) -> str:
    """An expression over the document, counting; one that only goes through a part of it once does not."""
    changed = _Meter("", once=True).text(text)
    return f"S.apart(lambda: {changed})" if _COUNTS.search(changed) else text


def metered_function(text: str) -> str:
    """A function of the module, counting. Lines and comments of a rule stay as they are."""
    first = text.partition("\n")[0]
    if re.match(r"def [re][0-9]+\(n", first):
        return _metered_rule(text)
    body = ast.parse(text).body[0]
    if not isinstance(body, ast.FunctionDef):
        return text
    arguments = [argument.arg for argument in body.args.args]
    own = "n" if "n" in arguments else ""
    meter = _Meter(own, batch="nodes" in arguments)
    body.body = [meter.visit(line) for line in body.body]
    return written(body) + "\n" if meter.counted else text


def _metered_rule(text: str) -> str:
    """The function of a rule, line by line; it starts its count anew for each element."""
    meter = _Meter("n")
    lines = []
    for line in text.split("\n"):
        if found := re.fullmatch(r"( +)if (.+):", line):
            line = f"{found[1]}if {meter.text(found[2])}:"
        elif found := re.fullmatch(r"( +)(\w+) = (.+)", line):
            value = meter.text(found[3])
            if not meter.is_wide(parsed(value)):
                meter.narrow.add(found[2])
            line = f"{found[1]}{found[2]} = {value}"
        elif found := re.fullmatch(r"( +)return (.+)", line):
            line = f"{found[1]}return {meter.text(found[2])}"
        lines.append(line)
    if not _COUNTS.search("\n".join(lines)):
        return text
    loop = "    for n in nodes:"
    if loop in lines:
        lines.insert(lines.index(loop) + 1, "        S.start()")
    return "\n".join(lines)


class _Meter(ast.NodeTransformer):
    """`inside` is the variable that the expression in hand may go down from. `narrow` are names of values
    that do not go beyond it; `batch` says that the function is about several nodes, each of which starts
    anew."""

    def __init__(self, inside: str, *, batch: bool = False, once: bool = False) -> None:
        self.inside = inside
        self.batch = batch
        self.once = once
        self.narrow: set[str] = set()
        self.counted = False

    def text(self, expression: str) -> str:
        """An expression, counting; the same text where nothing is counted."""
        before, self.counted = self.counted, False
        changed = self.visit(parsed(expression))
        found, self.counted = self.counted, before or self.counted
        return written(changed) if found else expression

    # what goes beyond the element in hand

    def is_wide(self, node: ast.expr) -> bool:
        """Whether an expression gives items from elsewhere than below the variable in hand."""
        match node:
            case ast.Constant() | ast.ListComp() | ast.GeneratorExp():
                return False  # a list that is made here has been counted where it is made
            case ast.Tuple(elements) | ast.List(elements):
                return any(isinstance(each, ast.Starred) and self.is_wide(each.value) for each in elements)
            case ast.Name(used):
                return not (used in self.narrow or re.match(r"[TL][0-9]", used))
            case ast.NamedExpr(_, value):
                return self.is_wide(value)
            case ast.IfExp(_, yes, no):
                return self.is_wide(yes) or self.is_wide(no)
            case ast.BoolOp(_, values):
                return any(self.is_wide(value) for value in values)
            case ast.Call(ast.Name("opt" | "enumerate" | "up" | "above" | "self_and_above")):
                return False  # one item at most, or as many as the document is deep
            case ast.Call(ast.Name("down" | "ordered"), [first, *_]):
                return self.is_wide(first)
            case ast.Call(ast.Attribute(ast.Attribute(ast.Name("S"), "d"), "tagged")):
                return not self.once
            case ast.Call(ast.Name("down2"), [owner, *_]):
                return not self._is_here(owner)
            case ast.Call(ast.Attribute(ast.Attribute(owner, "c"), "get")) | ast.Attribute(owner, "k"):
                return not self._is_here(owner)
            case ast.Call(ast.Name("contents" | "text_nodes" | "contents_but_comments"), [owner]):
                return not self._is_here(owner)
        return True

    def _is_here(self, node: ast.expr) -> bool:
        if self.once and written(node) == "S.d.node":
            return True
        return isinstance(node, ast.Name) and node.id == self.inside and node.id != ""

    def _over(self, node: ast.expr) -> ast.expr:
        if isinstance(node, _LITERALS) or not self.is_wide(node):
            return node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _OWN:
            return node
        self.counted = True
        return ast.Call(ast.Attribute(name("S"), "over", ast.Load()), [node], [])

    # expressions

    def visit_Call(self, node: ast.Call) -> Any:
        function = called(node)
        self.generic_visit(node)
        if function in ("kept", "kept_for"):
            return node
        for position in _THROUGH.get(function, ()):
            if position < len(node.args):
                node.args[position] = self._over(node.args[position])
        if function in _FAR:
            self.counted = True
            return ast.Call(ast.Attribute(name("S"), "far", ast.Load()), [node], [])
        return node

    def visit_Starred(self, node: ast.Starred) -> Any:
        self.generic_visit(node)
        node.value = self._over(node.value)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        self.generic_visit(node)
        if isinstance(node.slice, ast.Slice) and written(node.slice) != "-1:":
            node.value = self._over(node.value)
        return node

    def visit_Compare(self, node: ast.Compare) -> Any:
        self.generic_visit(node)
        if isinstance(node.ops[0], (ast.In, ast.NotIn)):
            looked_through = node.comparators[0]
            match looked_through:
                case ast.Subscript(ast.Name("S")) | ast.Call(ast.Name(), []):
                    node.comparators[0] = self._over(looked_through)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        """A function of one node goes down from that; any other is part of the expression around it."""
        arguments = [argument.arg for argument in node.args.args]
        outside, before, once = self.inside, set(self.narrow), self.once
        if len(arguments) == 1 and arguments[0] != "S" and not arguments[0].startswith("z"):
            self.inside, self.once = arguments[0], False
            self.narrow.clear()
        node.body = self.visit(node.body)
        self.inside, self.narrow, self.once = outside, before, once
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Any:
        self.generic_visit(node)
        if isinstance(node.target, ast.Name) and not self.is_wide(node.value):
            self.narrow.add(node.target.id)
        return node

    def visit_ListComp(self, node: ast.ListComp) -> Any:
        return self._loop(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> Any:
        return self._loop(node)

    def _loop(self, node: ast.ListComp | ast.GeneratorExp) -> Any:
        outside, before, once = self.inside, set(self.narrow), self.once
        for part in node.generators:
            part.iter = self.visit(part.iter)
            if isinstance(part.iter, ast.Name) and part.iter.id == "nodes" and self.batch:
                self._batch(node, part)
                break
            part.iter = self._over(part.iter)
            self.once = False
            self.narrow.clear()  # what was below the item before is gone through again for each
            self.inside = part.target.id if isinstance(part.target, ast.Name) else _last(part.target)
            part.ifs = [self.visit(condition) for condition in part.ifs]
        else:
            node.elt = self.visit(node.elt)
        self.inside, self.narrow, self.once = outside, before, once
        return node

    def _batch(self, node: ast.ListComp | ast.GeneratorExp, part: ast.comprehension) -> None:
        """`[n for n in nodes if ...]`: the condition of a context."""
        found, self.counted = self.counted, False
        self.inside = "n"
        part.ifs = [self.visit(condition) for condition in part.ifs]
        if self.counted or _COUNTS.search(" ".join(map(written, part.ifs))):
            part.ifs.insert(0, parsed("S.start()"))
            self.counted = True
        self.counted |= found


_OWN: Final = frozenset(("over", "far"))


def _last(target: ast.expr) -> str:
    """The item of `position, item`."""
    last = target.elts[-1] if isinstance(target, ast.Tuple) else target
    return last.id if isinstance(last, ast.Name) else ""
