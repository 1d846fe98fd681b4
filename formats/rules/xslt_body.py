"""The asserts of one rule in a style sheet, whatever instructions stand around them.

Generators write one `xsl:choose` or `xsl:if` for each assert. Publishers who edit the result by hand put
asserts inside each other's conditions and into loops; each assert then holds under all conditions around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from formats.rules import ast, xpath
from formats.rules.analysis import calls_current
from formats.rules.ast import Expression
from formats.rules.model import Assert, Source
from formats.rules.static import Refused
from formats.rules.xslt_functions import NAMESPACE, source, variable

__all__ = ["asserts_under", "flag_of"]

_X: Final = f"{{{NAMESPACE}}}"
_SVRL: Final = "{http://purl.oclc.org/dsdl/svrl}"
_FAILED: Final = f"{_SVRL}failed-assert"
_RESULTS: Final = (_FAILED, f"{_SVRL}successful-report")
# Instructions that steer the walk or write the report, and decide nothing.
_SILENT: Final = frozenset(
    f"{_X}{name}"
    for name in (
        "apply-templates",
        "next-match",
        "with-param",
        "param",
        "comment",
        "text",
        "message",
        "attribute",
    )
)
_DEEPEST: Final = 20


def asserts_under(holder: etree._Element) -> Iterator[Assert]:
    """The asserts in a rule's template, in its order. Raises Refused for instructions that may decide
    otherwise.

    Variables directly in the template belong to the whole rule and are read by the caller.
    """
    for element in holder:
        if element.tag == f"{_X}variable":
            continue
        plain = _plain(element)
        if plain is not None:
            yield plain
        else:
            yield from _inside(element, ())


def flag_of(flag: str | None, role: str | None) -> str:
    """How the publisher weighs a rule; "error" and silence mean fatal."""
    said = (flag or role or "fatal").strip()
    return "fatal" if said.lower() in ("error", "fatal", "") else said


# what generators write


def _plain(element: etree._Element) -> Assert | None:
    """One assert or report with its own test and nothing else; None for anything more."""
    if element.tag == f"{_X}choose":
        branches = _elements(element)
        if len(branches) == 2 and branches[0].tag == f"{_X}when" and branches[1].tag == f"{_X}otherwise":
            (when, _), inside = branches, _elements(branches[1])
            if not _elements(when) and len(inside) == 1 and inside[0].tag == _FAILED:
                return _assert(source(when, "test"), inside[0], when=False)
    elif element.tag == f"{_X}if":
        inside = _elements(element)
        if len(inside) == 1 and inside[0].tag in _RESULTS:
            return _conditional(source(element, "test"), inside[0])
    return None


def _conditional(test: Source, result: etree._Element) -> Assert:
    """The skeleton's report, and both in SchXslt, where an assert's test is wrapped in not()."""
    if result.tag == _FAILED and test.text.startswith("not(") and test.text.endswith(")"):
        inner = Source(test.text[4:-1], test.namespaces, test.default_namespace)
        if _stands_alone(inner):
            return _assert(inner, result, when=False)
    return _assert(test, result, when=True)


def _stands_alone(inner: Source) -> bool:
    """Whether the first and the last parenthesis belong together: not(a) and not(b) must stay whole."""
    try:
        xpath.parse(inner.text, inner.namespaces, default_namespace=inner.default_namespace)
    except xpath.XPathSyntax:
        return False
    return True


# what people write


@dataclass(frozen=True, slots=True)
class _Around:
    """A condition, loop or variable around an assert."""

    kind: str  # "if", "each" or the name of a variable
    value: Expression


def _inside(element: etree._Element, around: tuple[_Around, ...]) -> Iterator[Assert]:
    if len(around) > _DEEPEST:
        raise Refused(f"conditions nested more than {_DEEPEST} deep")
    kind = str(element.tag)
    if kind in _RESULTS:
        yield _nested(element, around)
    elif kind == f"{_X}if":
        yield from _each_inside(element, (*around, _Around("if", _expression(element, "test"))))
    elif kind == f"{_X}for-each":
        yield from _each_inside(element, (*around, _Around("each", _expression(element, "select"))))
    elif kind == f"{_X}choose":
        before: tuple[_Around, ...] = ()
        for branch in _elements(element):
            if branch.tag == f"{_X}when":
                test = _expression(branch, "test")
                yield from _each_inside(branch, (*around, *before, _Around("if", test)))
                before = (*before, _Around("if", ast.Call("not", (test,))))
            else:
                yield from _each_inside(branch, (*around, *before))
    elif kind.startswith(_X) and kind not in _SILENT:
        raise Refused(f"xsl:{kind.removeprefix(_X)} in a rule")


def _each_inside(element: etree._Element, around: tuple[_Around, ...]) -> Iterator[Assert]:
    for child in _elements(element):
        if child.tag == f"{_X}variable":
            let = variable(child)
            value = let.value.parsed
            if value is None:
                raise Refused("a variable without a value")
            around = (*around, _Around(let.name, value))
        else:
            yield from _inside(child, around)


def _nested(result: etree._Element, around: tuple[_Around, ...]) -> Assert:
    """An assert that fails where everything around it holds; in a loop, where it does so for any item."""
    holds: Expression = ast.Call("true", ())
    for outer in reversed(around):
        if outer.kind == "if":
            holds = outer.value if holds == ast.Call("true", ()) else ast.Logical("and", (outer.value, holds))
        elif outer.kind == "each":
            if calls_current(holds):
                raise Refused("current() inside xsl:for-each")
            holds = ast.Call("exists", (ast.Filter(outer.value, (ast.Call("boolean", (holds,)),)),))
        else:
            holds = ast.Let(outer.kind, outer.value, holds)
    looped = any(outer.kind == "each" for outer in around)
    text = result.get("test") or "conditions around the assert"
    found = _assert(Source(text, {}, parsed=holds), result, when=True)
    # The values shown are those of the item in the loop, which the rule's own node does not know.
    parts = tuple("…" if looped and isinstance(part, Source) else part for part in found.text)
    return Assert(found.id, found.flag, found.test, found.when, parts)


def _expression(element: etree._Element, attribute: str) -> Expression:
    found = source(element, attribute)
    return xpath.parse(found.text, found.namespaces, default_namespace=found.default_namespace)


def _elements(element: etree._Element) -> list[etree._Element]:
    return [child for child in element if isinstance(child.tag, str)]


# the assert itself


def _assert(test: Source, result: etree._Element, *, when: bool) -> Assert:
    said = {str(name): str(value) for name, value in result.attrib.items()}
    for attribute in result.findall(f"{_X}attribute"):
        if not len(attribute):
            said[attribute.get("name") or ""] = attribute.text or ""
    text = result.find(f"{_SVRL}text")
    parts = () if text is None else tuple(_text_parts(text))
    return Assert(said.get("id", ""), flag_of(said.get("flag"), said.get("role")), test, when, parts)


def _text_parts(element: etree._Element) -> list[str | Source]:
    parts: list[str | Source] = [element.text or ""]
    for child in element:
        if child.tag == f"{_X}value-of":
            parts.append(source(child, "select"))
        elif child.tag == f"{_X}text":
            parts.append(child.text or "")
        elif isinstance(child.tag, str):
            parts += _text_parts(child)
        parts.append(child.tail or "")
    return parts
