"""`document('codes.xml')/.../code[@value = x]`: a look into a code list file, read when the rules are
compiled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from lxml import etree

from formats.rules import ast
from formats.rules.ast import Expression
from formats.rules.renaming import rebuilt
from formats.rules.static import Refused
from formats.syntaxes import xml

__all__ = ["with_code_lists"]

_LARGEST: Final = 20 * 1024 * 1024
_VARIABLE: Final = "{code list}code"


def with_code_lists(expression: Expression, resolve: Callable[[str], bytes]) -> Expression:
    """The expression with each look into a code list file replaced by a look into the list itself."""

    def change(part: Any) -> Any:
        is_look = isinstance(part, ast.Path) and part.steps and _file(part.steps[0]) is not None
        return _membership(part, resolve) if is_look else None

    found: Expression = rebuilt(expression, change)
    return found


def _file(step: ast.Step | ast.ExpressionStep) -> str | None:
    if isinstance(step, ast.ExpressionStep) and not step.predicates:
        match step.expression:
            case ast.Call("document" | "doc", (ast.Text(name),)):
                return name
    return None


def _membership(path: ast.Path, resolve: Callable[[str], bytes]) -> Expression:
    """`some $code in (codes of the file) satisfies $code = x`. Raises Refused for any other look."""
    name = _file(path.steps[0])
    *middle, last = path.steps[1:]
    if not (isinstance(last, ast.Step) and len(last.predicates) == 1):
        raise Refused("a document() other than a look into a code list file")
    attribute, wanted = _comparison(last.predicates[0])
    elements = [_read(str(name), resolve)]
    for step in [*middle, replace(last, predicates=())]:
        elements = [child for element in elements for child in _below(element, step)]
    codes = tuple(dict.fromkeys(str(e.get(attribute)) for e in elements if e.get(attribute) is not None))
    if not codes:
        raise Refused(f"no codes in {name}")
    listed = ast.Sequence(tuple(ast.Text(code) for code in codes))
    return ast.Loop("some", ((_VARIABLE, listed),), ast.Binary("=", ast.Variable(_VARIABLE), wanted))


def _comparison(predicate: Expression) -> tuple[str, Expression]:
    """`@value = $x`: the attribute and what it is compared with."""
    if isinstance(predicate, ast.Binary) and predicate.operator == "=":
        match predicate.left, predicate.right:
            case ast.Path(False, (ast.Step("attribute", name, ()),)), ast.Variable() | ast.Text() as wanted:
                return name, wanted
    raise Refused("a document() other than a look into a code list file")


def _read(name: str, resolve: Callable[[str], bytes]) -> etree._Element:
    holder = etree.Element("document")
    holder.append(xml.parse(resolve(name), largest=_LARGEST, as_written=True))
    return holder


def _below(element: etree._Element, step: ast.Step | ast.ExpressionStep) -> list[etree._Element]:
    if not isinstance(step, ast.Step) or step.axis not in ("child", "descendant"):
        raise Refused("a document() other than a look into a code list file")
    inside = element if step.axis == "child" else element.iterdescendants(etree.Element)
    kept = [child for child in inside if child.tag == step.test]
    for predicate in step.predicates:
        if not (isinstance(predicate, ast.Binary) and predicate.operator == "="):
            raise Refused("a document() with such a predicate")
        match predicate.left, predicate.right:
            case ast.Path(False, (ast.Step("attribute", name, ()),)), ast.Number(text, "integer"):
                kept = [child for child in kept if _as_number(child.get(name)) == int(text)]
            case ast.Path(False, (ast.Step("attribute", name, ()),)), ast.Text(text):
                kept = [child for child in kept if child.get(name) == text]
            case _:
                raise Refused("a document() with such a predicate")
    return kept


def _as_number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
