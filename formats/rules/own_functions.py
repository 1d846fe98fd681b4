"""The rule set's own functions and keys.

A function is written once for each combination of argument kinds that it is called with, so that its body is
compiled with known types. Calls that come back to themselves draw on a fuel counter at run time.
"""

from __future__ import annotations

from dataclasses import replace

from formats.rules import ast, static, xpath
from formats.rules.ast import Expression
from formats.rules.model import Function, Source
from formats.rules.static import NODES, NUMBERS, TEXTS, TREE, Code, Kind, Refused
from formats.rules.types import cast, kind_of_type
from formats.rules.writer import Scope

__all__ = ["call_own", "key_index", "parsed"]

_MOST_WAYS = 5_000
_NODE_TYPES = ("node()", "element()", "item()", "attribute()", "document-node()")


def parsed(source: Source) -> Expression:
    """The expression of a source; raises XPathSyntax."""
    if source.parsed is not None:
        return source.parsed
    return xpath.parse(source.text, source.namespaces, default_namespace=source.default_namespace)


def call_own(name: str, arguments: list[Code], scope: Scope) -> Code:
    """A call of one of the rule set's functions."""
    function = scope.writer.functions.get(f"{name}#{len(arguments)}")
    if function is None:
        raise Refused(f"the function {name}() with {len(arguments)} arguments")
    given = [_passed(code, type_) for code, (_, type_) in zip(arguments, function.parameters, strict=True)]
    kinds = tuple((code.kind, code.count) for code in given)
    key = (name, kinds)
    writer = scope.writer
    if key not in writer.instances:
        _write(function, key, kinds, scope)
    python, result = writer.instances[key]
    text = f"{python}(S{''.join(', ' + code.text for code in given)})"
    return Code(text, result.kind, result.count)


def _write(
    function: Function, key: object, kinds: tuple[tuple[Kind, static.Count], ...], scope: Scope
) -> None:
    writer = scope.writer
    if len(writer.instances) > _MOST_WAYS:
        raise Refused("functions called in more ways than any published rule set does")
    python = writer.fresh("f")
    # While its body is compiled, a function that calls itself is known by what it says to return.
    writer.instances[key] = python, _declared(function.type)
    names = [writer.fresh("p") for _ in function.parameters]
    variables = {
        name: Code(parameter, kind, count)
        for (name, _), parameter, (kind, count) in zip(function.parameters, names, kinds, strict=True)
    }
    body_scope = Scope(writer, "", Kind.ITEM, {**_everywhere(scope), **variables})
    body = body_scope.code(parsed(function.body))
    result = _returned(body, function.type)
    writer.instances[key] = python, replace(result, text="")
    calls_itself = f"{python}(" in result.text
    fuel = "    S.spend()\n" if calls_itself else ""
    head = f"def {python}({', '.join(['S', *names])}):\n"
    writer.definitions.append(f"{head}{fuel}    return {result.text}\n")


def _everywhere(scope: Scope) -> dict[str, Code]:
    return {name: code for name, code in scope.variables.items() if code.everywhere}


def _split(type_: str) -> tuple[str, str]:
    type_ = type_.strip()
    return (type_[:-1], type_[-1]) if type_[-1:] in ("?", "*", "+") else (type_, "")


def _declared(type_: str) -> Code:
    name, occurrence = _split(type_)
    if not name or name in _NODE_TYPES or name.startswith("element("):
        return Code("", Kind.NODE if name.startswith("element(") else Kind.ITEM, "*")
    return Code("", kind_of_type(name), "1" if occurrence == "" else "?" if occurrence == "?" else "*")


def _passed(code: Code, type_: str) -> Code:
    """An argument as the parameter's type wants it (function conversion rules)."""
    name, occurrence = _split(type_)
    if not name or name in _NODE_TYPES or name.startswith("element("):
        return code
    return _converted(code, name, occurrence)


def _converted(code: Code, name: str, occurrence: str) -> Code:
    target = kind_of_type(name)
    if occurrence in ("*", "+"):
        return _converted_sequence(code, target)
    text, kind, optional = static.single(code)
    if occurrence == "" and optional:
        text, optional = f"required({text})", False
    value = Code(text, kind, "?" if optional else "1")
    if kind is Kind.UNTYPED and target is not Kind.UNTYPED:
        return cast(value, name) if target is not Kind.STRING else replace(value, kind=Kind.STRING)
    if kind is target or (kind is Kind.INTEGER and target is Kind.DECIMAL):
        return replace(value, kind=target)
    if target is Kind.DOUBLE and kind in NUMBERS:
        return cast(value, name)
    if kind is Kind.ITEM:
        return Code(f"as_type({text}, {target.value!r})", target, value.count)
    return Code(f"fault('a {kind.value} where a {target.value} is wanted')", target, value.count)


def _converted_sequence(code: Code, target: Kind) -> Code:
    if code.constant == ():
        return replace(code, kind=target)
    if target is Kind.STRING and code.value_kind in (TEXTS | {Kind.UNTYPED}):
        clauses, item = static.each(code, "x")
        return Code(f"[{static.value_of(code, item)} {' '.join(clauses)}]", Kind.STRING, "*")
    if code.kind is target:
        return Code(static.listed(code), target, "*")
    return Code(f"[as_type(x, {target.value!r}) for x in {static.tagged_items(code)}]", target, "*")


def _returned(body: Code, type_: str) -> Code:
    name, occurrence = _split(type_)
    if not name or (name in _NODE_TYPES and body.kind in NODES) or name == "item()":
        return body
    if name in _NODE_TYPES or name.startswith("element("):
        if body.kind not in TREE:
            raise Refused(f"a function that returns {name}")
        return body
    return _converted(body, name, occurrence)


def key_index(name: str, scope: Scope) -> str:
    """The dictionary of an `xsl:key` over the document."""
    writer = scope.writer
    known = writer.shared.get(("key", name))
    if known is not None:
        return known[0]
    definitions = writer.keys.get(name)
    if not definitions:
        raise Refused(f"the key {name!r} is not defined")
    if len(definitions) > 1:
        raise Refused(f"the key {name!r} is defined more than once")
    key = definitions[0]
    match = parsed(key.match)
    nodes = scope.document().code(_anywhere(match))
    item = writer.fresh()
    use = replace(scope.document().at(item, Kind.NODE), current=item).code(parsed(key.use))
    value = writer.fresh()
    clauses, inner = static.each(use, value)
    text = inner if use.kind in TEXTS else f"item_text({inner})"
    index = writer.once(f"grouped({static.listed(nodes)}, lambda {item}: [{text} {' '.join(clauses)}])")
    writer.shared[("key", name)] = index, nodes
    return index


def _anywhere(match: Expression) -> Expression:
    """A match pattern as the path that selects what it matches."""
    if isinstance(match, ast.Union):
        return ast.Union(tuple(_anywhere(operand) for operand in match.operands))
    if not isinstance(match, ast.Path):
        raise Refused("a key for anything but paths")
    if match.absolute:
        return match
    first = match.steps[0]
    if not isinstance(first, ast.Step) or first.axis != "child":
        raise Refused("a key for anything but elements")
    return ast.Path(True, (ast.Step("descendant", first.test, first.predicates), *match.steps[1:]))
