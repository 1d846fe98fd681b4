"""The bodies of `xsl:function` and of variables with content, as one expression each."""

from __future__ import annotations

from typing import Final

from lxml import etree

from formats.rules import ast, xpath
from formats.rules.ast import Expression
from formats.rules.model import Function, Key, Let, Source
from formats.rules.static import Refused

__all__ = ["NAMESPACE", "function", "key", "namespaces_of", "qualified", "source", "variable"]

_SINGLE_TYPES: Final = frozenset(
    f"xs:{name}"
    for name in ("integer", "decimal", "string", "boolean", "double", "float", "date", "dateTime", "time")
)
NAMESPACE: Final = "http://www.w3.org/1999/XSL/Transform"
_X: Final = f"{{{NAMESPACE}}}"


def namespaces_of(element: etree._Element) -> dict[str, str]:
    """The prefixes that hold at an element."""
    return {prefix: uri for prefix, uri in element.nsmap.items() if prefix}


def source(element: etree._Element, attribute: str) -> Source:
    """An expression in an attribute."""
    text = element.get(attribute)
    if text is None:
        raise Refused(f"{etree.QName(element).localname} without {attribute}")
    default = ""
    current: etree._Element | None = element
    while current is not None and not default:
        default = current.get("xpath-default-namespace") or current.get(f"{_X}xpath-default-namespace") or ""
        current = current.getparent()
    return Source(text, namespaces_of(element), default)


def qualified(name: str, element: etree._Element) -> str:
    """The name of a function or variable in Clark form."""
    prefix, colon, local = name.strip().rpartition(":")
    if not colon:
        return local
    uri = element.nsmap.get(prefix)
    if uri is None:
        raise Refused(f"the prefix {prefix!r} is not declared")
    return f"{{{uri}}}{local}"


def function(element: etree._Element) -> Function:
    """One `xsl:function`."""
    parameters = []
    for parameter in element.findall(f"{_X}param"):
        parameters.append((qualified(parameter.get("name", ""), parameter), parameter.get("as", "")))
    name = qualified(element.get("name", ""), element)
    body = _body(
        [child for child in element if child.tag != f"{_X}param"], element.text, bool(element.get("as"))
    )
    return Function(
        name, tuple(parameters), element.get("as", ""), Source(f"function {name}", {}, parsed=body)
    )


def key(element: etree._Element) -> Key:
    """One `xsl:key`; in Schematron its pattern is sometimes called path."""
    match = "match" if element.get("match") is not None else "path"
    return Key(qualified(element.get("name", ""), element), source(element, match), source(element, "use"))


def variable(element: etree._Element) -> Let:
    """One `xsl:variable` or `xsl:param` with a value."""
    name = qualified(element.get("name", ""), element)
    return Let(name, Source(f"variable {name}", {}, parsed=_typed_value(element)))


def _expression(element: etree._Element, attribute: str) -> Expression:
    found = source(element, attribute)
    return xpath.parse(found.text, found.namespaces, default_namespace=found.default_namespace)


def _value(element: etree._Element) -> Expression:
    """What a variable holds: with content and no type it is a tree, of which only the text is understood."""
    if element.get("select") is not None:
        return _expression(element, "select")
    typed = element.get("as") is not None
    if not len(element):
        text = element.text or ""
        return ast.Text(text, untyped=True) if not typed or text.strip() else ast.Sequence(())
    body = _body(list(element), element.text, typed)
    return body if typed else ast.Call("#text", (body,))


def _body(instructions: list[etree._Element], leading: str | None, typed: bool) -> Expression:
    """Instructions one after the other, as a sequence; variables hold for what follows them."""
    items: list[Expression] = []
    if leading and leading.strip():
        items.append(ast.Text(leading, untyped=True))
    instructions = [element for element in instructions if _is_element(element)]
    for number, element in enumerate(instructions):
        if element.tag == f"{_X}variable":
            rest = _body(instructions[number + 1 :], element.tail, typed)
            name = qualified(element.get("name", ""), element)
            items.append(ast.Let(name, _typed_value(element), rest))
            break
        items.append(_instruction(element, typed))
        if element.tail and element.tail.strip():
            items.append(ast.Text(element.tail, untyped=True))
    return items[0] if len(items) == 1 else ast.Sequence(tuple(items))


def _is_element(element: etree._Element) -> bool:
    return not isinstance(element, (etree._Comment, etree._ProcessingInstruction))


def _typed_value(element: etree._Element) -> Expression:
    value = _value(element)
    type_ = (element.get("as") or "").strip()
    if type_.rstrip("?") in _SINGLE_TYPES:
        return ast.Cast(value, type_.rstrip("?"), optional=type_.endswith("?"), only_ask=False)
    return value


def _instruction(element: etree._Element, typed: bool) -> Expression:
    kind = str(element.tag).removeprefix(_X)
    if kind == "sequence" or (kind == "copy-of" and typed):
        return _expression(element, "select")
    if kind == "value-of":
        inner = (
            _expression(element, "select")
            if element.get("select")
            else _body(list(element), element.text, typed)
        )
        separator = element.get("separator")
        return ast.Call("#text", (inner,) if separator is None else (inner, ast.Text(separator)))
    if kind == "text":
        return ast.Text(element.text or "", untyped=True)
    if kind == "if":
        return ast.If(
            _expression(element, "test"), _body(list(element), element.text, typed), ast.Sequence(())
        )
    if kind == "choose":
        return _choose(element, typed)
    if kind == "for-each":
        return _for_each(element, typed)
    raise Refused(f"xsl:{kind} in a function")


def _choose(element: etree._Element, typed: bool) -> Expression:
    result: Expression = ast.Sequence(())
    for branch in reversed(element):
        if branch.tag == f"{_X}otherwise":
            result = _body(list(branch), branch.text, typed)
        elif branch.tag == f"{_X}when":
            result = ast.If(_expression(branch, "test"), _body(list(branch), branch.text, typed), result)
    return result


def _for_each(element: etree._Element, typed: bool) -> Expression:
    body = _body(list(element), element.text, typed)
    return ast.Path(False, (ast.ExpressionStep(_expression(element, "select")), ast.ExpressionStep(body)))
