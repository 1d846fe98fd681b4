"""Ways of saying that published rules repeat a thousand times, each as one call of a function written for it.

Looked for last, in expressions that are tuned and shared already (`tuning.py`, `factoring.py`), so that these
find the plain form. The functions give what the expression gives, errors included.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any, Final

from formats.rules.tuning import call, name, parsed, written

__all__ = ["existence", "looked_up_first", "shortened", "shortened_function"]

_RULE: Final = re.compile(r"def [re][0-9]+\(")
_KEPT: Final = re.compile(r"S\['(h[0-9]+)'\]")
_LOOK: Final = r"S\['h[0-9]+'\]\.get\('[^'\\]*', \(\)\)"
_PICKED: Final = re.compile(
    rf"S\.apart\(lambda: \[(\w+) for \1 in S\.over\(({_LOOK})\) if [^\[\]]*\]\)|({_LOOK})"
)
_TURNED: Final = {ast.GtE: "any_at_least", ast.Gt: "any_above"}


def shortened(node: ast.expr) -> ast.expr:
    """The expression, which is changed, with the calls in it."""
    result: ast.expr = _SHORTCUTS.visit(node)
    return result


def shortened_function(text: str) -> str:
    """A function of the module with the calls in what it gives; those of rules are shortened as they are
    written."""
    body = ast.parse(text).body[0]
    if _RULE.match(text) or not isinstance(body, ast.FunctionDef):
        return text
    body.body = [_SHORTCUTS.visit(line) for line in body.body]
    return written(body) + "\n"


def looked_up_first(lazy: dict[str, str]) -> Callable[[str], str]:
    """What changes a finished text of the module: a value over the document that is picked out of a
    dictionary is asked for only where the dictionary has something.

    Of nine categories of VAT a document has one or two, and to see that is quicker than to compute nothing.
    """
    looks = {
        key: found[3] or f"({found[2]} and S['{key}'])"
        for key, value in lazy.items()
        if (found := _PICKED.fullmatch(value))
    }
    return lambda text: _KEPT.sub(lambda kept: looks.get(kept[1], kept[0]), text)


def existence(value: str) -> ast.expr | None:
    """Whether a value over the document is there at all, where its paths of names say so: `//a/b/@c`."""
    node = parsed(value)
    if isinstance(node, ast.Call) and _called(node) == "ordered":
        node = node.args[0]
    if not isinstance(node, ast.ListComp) or any(part.ifs for part in node.generators):
        return None
    tags: list[str] = []
    attribute = ""
    item = ""
    for part in node.generators:
        steps = None if attribute else _steps(part.iter, item)
        if steps is None or not isinstance(part.target, ast.Name):
            return None
        item = part.target.id
        attribute = steps[0][1:] if steps[0].startswith("@") else ""
        tags += () if attribute else steps
    if not isinstance(node.elt, ast.Name) or node.elt.id != item:
        return None
    way = f"leads_to({attribute}, " if attribute else "leads("
    return parsed(f"S.d.{way}{', '.join(tags)})")


def _steps(source: ast.expr, item: str) -> list[str] | None:
    """The names of tags, or `@` and the name of an attribute, by which a loop goes down from `item`, "" for
    the document."""
    text = written(source)
    if not item:
        found = re.fullmatch(r"S\.d\.tagged\((T\d+)\)", text)
    else:
        one, two = rf"{item}\.c\.get\((T\d+), \(\)\)", rf"down2\({item}, (T\d+), (T\d+)\)"
        found = re.fullmatch(rf"{one}|{two}|opt\({item}\.a\.get\((T\d+)\)\)", text)
        if found and found[4]:
            return [f"@{found[4]}"]
    return [tag for tag in found.groups() if tag] if found else None


class _Shortcuts(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        match _called(node), node.args:
            case "any", [ast.GeneratorExp(asked, [ast.comprehension(ast.Name(item), among, [])])]:
                return _any(asked, item, among) or node
            case "true_any", [ast.ListComp(asked, [ast.comprehension(ast.Name(item), among, [])])]:
                return _true_any(asked, item, among) or node
            case "div", [ast.Call(ast.Name("rounded"), [whole]), ast.Constant(int(by))] if by == 100:
                amount = _times_hundred(whole)
                return node if amount is None else call("cents", amount)
        return node

    def visit_ListComp(self, node: ast.ListComp) -> Any:
        self.generic_visit(node)
        match node:
            case ast.ListComp(asked, [ast.comprehension(ast.Name(item), among, [])]):
                tag = _upper_child(asked, item)
                return node if tag is None else call("upper_texts", among, tag)
        return node


_SHORTCUTS: Final = _Shortcuts()


def _any(asked: ast.expr, item: str, among: ast.expr) -> ast.expr | None:
    """`any(... for item in among)`."""
    match asked:
        case ast.Compare(
            ast.Call(ast.Name("boolean"), [ast.Call(ast.Name("string_value"), [ast.Name(of)])]),
            [ast.Eq()],
            [ast.Constant(bool())],
        ) if of == item:
            return call("any_boolean", among, asked.comparators[0])
        case ast.Compare(
            ast.Name(wanted), [ast.Eq()], [ast.Call(ast.Name("string_value"), [ast.Name(of)])]
        ) if of == item and wanted != item:
            return call("has_text", among, name(wanted))
        case ast.Compare(
            ast.Call(ast.Name("ranked_whole"), [ast.Call(ast.Name("string_value"), [ast.Name(of)])]),
            [ast.GtE() | ast.Gt() as sign],
            [ast.Constant(float()) as least],
        ) if of == item:
            return call(_TURNED[type(sign)], among, least)
    return None


def _true_any(asked: ast.expr, item: str, among: ast.expr) -> ast.expr | None:
    """`true_any([tidy(child_text(item, T).upper()) == 'VAT' for item in among])`."""
    match asked:
        case ast.Compare(text, [ast.Eq()], [ast.Constant(str()) as wanted]):
            tag = _upper_child(text, item)
            return None if tag is None else call("only_upper", among, tag, wanted)
    return None


def _upper_child(text: ast.expr, item: str) -> ast.expr | None:
    """The tag in `tidy(child_text(item, T).upper())`."""
    match text:
        case ast.Call(
            ast.Name("tidy"),
            [ast.Call(ast.Attribute(ast.Call(ast.Name("child_text"), [ast.Name(of), tag]), "upper"), [])],
        ) if of == item:
            return tag
    return None


def _times_hundred(whole: ast.expr) -> ast.expr | None:
    """The amount in `amount * 10 * 10`, with whole numbers: 10.0 makes a double of everything."""
    match whole:
        case ast.Call(
            ast.Name("mul"),
            [ast.Call(ast.Name("mul"), [amount, ast.Constant(int(one))]), ast.Constant(int(other))],
        ) if one == other == 10:
            return amount
        case ast.BinOp(
            ast.BinOp(amount, ast.Mult(), ast.Constant(int(one))), ast.Mult(), ast.Constant(int(other))
        ) if one == other == 10:
            return amount
    return None


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) and not node.keywords else ""
