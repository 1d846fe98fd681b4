"""Reading XPath 2.0 (W3C Recommendation of 14 December 2010), the part that rule sets use, into `ast` values.

Anything outside that part raises XPathSyntax; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from formats.rules import ast
from formats.rules.ast import ANYTHING, Expression

__all__ = ["XPathSyntax", "parse"]

_DEEPEST: Final = 60
_LONGEST: Final = 400_000

_TOKEN: Final = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
    | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    | (?P<text>"(?:[^"]|"")*"|'(?:[^']|'')*')
    | (?P<name>(?:\*:)?[^\W\d][\w.\-]*(?::(?!:)(?:[^\W\d][\w.\-]*|\*))?)
    | (?P<symbol>//|::|\.\.|!=|<=|>=|<<|>>|\|\||[/.@()\[\],|+\-=<>$*?])""",
    re.VERBOSE,
)
_AXES: Final = frozenset(
    [
        "child",
        "descendant",
        "descendant-or-self",
        "self",
        "parent",
        "ancestor",
        "ancestor-or-self",
        "following-sibling",
        "preceding-sibling",
        "following",
        "preceding",
        "attribute",
    ]
)
_KIND_TESTS: Final = frozenset(
    ["text", "node", "comment", "element", "document-node", "processing-instruction", "attribute"]
)
_GENERAL: Final = frozenset(("=", "!=", "<", "<=", ">", ">=", "<<", ">>"))
_VALUE: Final = frozenset(("eq", "ne", "lt", "le", "gt", "ge", "is"))
_FUNCTIONS: Final = "http://www.w3.org/2005/xpath-functions"
_SCHEMA: Final = "http://www.w3.org/2001/XMLSchema"
_XML: Final = "http://www.w3.org/XML/1998/namespace"
_ANYWHERE: Final = ast.Step("descendant-or-self", ANYTHING)
# Predicates with these never select by position, so `//x[...]` is the same as `descendant::x[...]`.
_TRUTH_FUNCTIONS: Final = frozenset(
    [
        "not",
        "exists",
        "empty",
        "boolean",
        "contains",
        "starts-with",
        "ends-with",
        "matches",
        "true",
        "false",
        "normalize-space",
        "string",
    ]
)


class XPathSyntax(Exception):
    """The expression is not in the part of XPath that is understood; the text says why."""


class _Token(NamedTuple):
    kind: str
    text: str


def parse(source: str, namespaces: Mapping[str, str], *, default_namespace: str = "") -> Expression:
    """The expression. `namespaces` are by prefix; `default_namespace` is that of element names without one.

    Raises XPathSyntax, also for expressions that are nested deeper than any published one.
    """
    if len(source) > _LONGEST:
        raise XPathSyntax(f"the expression has {len(source)} characters")
    try:
        return _Parser(_tokens(source), namespaces, default_namespace).whole()
    except RecursionError as error:
        raise XPathSyntax("the expression is nested too deeply") from error


def _tokens(source: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(source):
        if source.startswith("(:", at):
            at = _after_comment(source, at)
            continue
        match = _TOKEN.match(source, at)
        if match is None:
            raise XPathSyntax(f"unknown character {source[at : at + 12]!r}")
        kind = str(match.lastgroup)
        text = match.group()
        if kind == "text":
            text = text[1:-1].replace(text[0] * 2, text[0])
        if kind != "blank":
            found.append(_Token(kind, text))
        at = match.end()
    found.append(_Token("end", ""))
    return found


def _after_comment(source: str, at: int) -> int:
    depth = 0
    for match in re.compile(r"\(:|:\)").finditer(source, at):
        depth += 1 if match.group() == "(:" else -1
        if depth == 0:
            return match.end()
    raise XPathSyntax("a comment is not closed")


class _Parser:
    def __init__(self, tokens: list[_Token], namespaces: Mapping[str, str], default_namespace: str) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._namespaces = namespaces
        self._default = default_namespace

    # the token stream

    def _peek(self, ahead: int = 0) -> _Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def _next(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _is(self, text: str, ahead: int = 0) -> bool:
        token = self._peek(ahead)
        return token.text == text and token.kind in ("symbol", "name")

    def _take(self, text: str) -> bool:
        if self._is(text):
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise XPathSyntax(f"{text!r} expected, {self._peek().text!r} found")

    # names

    def _uri(self, prefix: str) -> str:
        if prefix == "xml":
            return _XML
        if prefix not in self._namespaces:
            raise XPathSyntax(f"the prefix {prefix!r} is not declared")
        return self._namespaces[prefix]

    def _name_test(self, name: str, *, attribute: bool) -> str:
        if name == "*" or name.startswith("*:"):
            return name
        prefix, colon, local = name.rpartition(":")
        if colon:
            return f"{{{self._uri(prefix)}}}{local}"
        return f"{{{self._default}}}{local}" if self._default and not attribute else local

    def _function_name(self, name: str) -> str:
        prefix, colon, local = name.rpartition(":")
        if not colon:
            return name
        uri = {"xs": _SCHEMA, "fn": _FUNCTIONS, **self._namespaces}.get(prefix)
        if uri is None:
            raise XPathSyntax(f"the prefix {prefix!r} is not declared")
        return {_FUNCTIONS: local, _SCHEMA: f"xs:{local}"}.get(uri, f"{{{uri}}}{local}")

    def _variable_name(self) -> str:
        token = self._next()
        if token.kind != "name":
            raise XPathSyntax(f"a variable name expected, {token.text!r} found")
        prefix, colon, local = token.text.rpartition(":")
        return f"{{{self._uri(prefix)}}}{local}" if colon else local

    # expressions, weakest binding first

    def whole(self) -> Expression:
        expression = self._expression()
        if self._peek().kind != "end":
            raise XPathSyntax(f"{self._peek().text!r} is not expected here")
        return expression

    def _expression(self) -> Expression:
        items = [self._single()]
        while self._take(","):
            items.append(self._single())
        return items[0] if len(items) == 1 else ast.Sequence(tuple(items))

    def _single(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise XPathSyntax(f"the expression is nested more than {_DEEPEST} deep")
        try:
            return self._single_inner()
        finally:
            self._depth -= 1

    def _single_inner(self) -> Expression:
        word = self._peek().text if self._peek().kind == "name" else ""
        if self._is("$", 1):
            if word == "for":
                return self._loop("for", "return")
            if word == "some":
                return self._loop("some", "satisfies")
            if word == "every":
                return self._loop("every", "satisfies")
            if word == "let":
                raise XPathSyntax("let expressions are not understood")
        if word == "if" and self._is("(", 1):
            self._next()
            self._next()
            condition = self._expression()
            self._expect(")")
            self._expect("then")
            then = self._single()
            self._expect("else")
            return ast.If(condition, then, self._single())
        return self._logical("or")

    def _loop(self, kind: Literal["for", "some", "every"], before_body: str) -> Expression:
        self._next()
        bindings = []
        while True:
            self._expect("$")
            name = self._variable_name()
            self._expect("in")
            bindings.append((name, self._single()))
            if not self._take(","):
                break
        self._expect(before_body)
        return ast.Loop(kind, tuple(bindings), self._single())

    def _logical(self, operator: Literal["or", "and"]) -> Expression:
        operands = [self._logical("and") if operator == "or" else self._comparison()]
        while self._peek() == _Token("name", operator):
            self._next()
            operands.append(self._logical("and") if operator == "or" else self._comparison())
        return operands[0] if len(operands) == 1 else ast.Logical(operator, tuple(operands))

    def _comparison(self) -> Expression:
        left = self._concatenation()
        token = self._peek()
        general = token.kind == "symbol" and token.text in _GENERAL
        if general or (token.kind == "name" and token.text in _VALUE):
            self._next()
            return ast.Binary(token.text, left, self._concatenation())
        return left

    def _concatenation(self) -> Expression:
        operands = [self._range()]
        while self._take("||"):
            operands.append(self._range())
        return operands[0] if len(operands) == 1 else ast.Call("concat", tuple(operands))

    def _range(self) -> Expression:
        left = self._sum()
        if self._peek() == _Token("name", "to"):
            self._next()
            return ast.Binary("to", left, self._sum())
        return left

    def _sum(self) -> Expression:
        left = self._product()
        while self._peek().kind == "symbol" and self._peek().text in "+-":
            operator = self._next().text
            left = ast.Binary(operator, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._union()
        while self._is("*") or (self._peek().kind == "name" and self._peek().text in ("div", "idiv", "mod")):
            operator = self._next().text
            left = ast.Binary(operator, left, self._union())
        return left

    def _union(self) -> Expression:
        operands = [self._intersection()]
        while self._take("|") or self._take("union"):
            operands.append(self._intersection())
        return operands[0] if len(operands) == 1 else ast.Union(tuple(operands))

    def _intersection(self) -> Expression:
        left = self._instance()
        while self._peek().kind == "name" and self._peek().text in ("intersect", "except"):
            operator = self._next().text
            left = ast.Binary(operator, left, self._instance())
        return left

    def _instance(self) -> Expression:
        left = self._cast()
        if self._is("instance") and self._is("of", 1):
            self._next()
            self._next()
            name, occurrence = self._sequence_type()
            return ast.InstanceOf(left, name, occurrence)
        if self._is("treat") and self._is("as", 1):
            raise XPathSyntax("treat as is not understood")
        return left

    def _sequence_type(self) -> tuple[str, str]:
        token = self._next()
        if token.kind != "name":
            raise XPathSyntax(f"a type expected, {token.text!r} found")
        if self._take("("):
            self._expect(")")
            name = f"{token.text}()"
        else:
            name = self._function_name(token.text)
        occurrence = self._next().text if any(self._is(mark) for mark in "?*+") else ""
        return name, occurrence

    def _cast(self) -> Expression:
        left = self._unary()
        while self._peek().kind == "name" and self._peek().text in ("cast", "castable") and self._is("as", 1):
            only_ask = self._next().text == "castable"
            self._next()
            name = self._function_name(self._next().text)
            left = ast.Cast(left, name, self._take("?"), only_ask)
        return left

    def _unary(self) -> Expression:
        negative = False
        while self._peek().kind == "symbol" and self._peek().text in "+-":
            negative ^= self._next().text == "-"
        path = self._path()
        return ast.Negate(path) if negative else path

    # paths

    def _path(self) -> Expression:
        steps: list[ast.Step | ast.ExpressionStep] = []
        absolute = False
        if self._take("/"):
            absolute = True
            if not self._starts_a_step():
                return ast.Path(True, ())
        elif self._take("//"):
            absolute = True
            steps.append(_ANYWHERE)
        steps.append(self._step())
        while self._is("/") or self._is("//"):
            if self._next().text == "//":
                steps.append(_ANYWHERE)
            steps.append(self._step())
        first = steps[0]
        if not absolute and len(steps) == 1 and isinstance(first, ast.ExpressionStep):
            return ast.Filter(first.expression, first.predicates) if first.predicates else first.expression
        return ast.Path(absolute, _merged(steps))

    def _starts_a_step(self) -> bool:
        token = self._peek()
        return token.kind in ("name", "text", "number") or token.text in ("@", ".", "..", "*", "(", "$")

    def _predicates(self) -> tuple[Expression, ...]:
        found = []
        while self._take("["):
            found.append(self._expression())
            self._expect("]")
        return tuple(found)

    def _step(self) -> ast.Step | ast.ExpressionStep:
        token = self._peek()
        if self._take("@"):
            return ast.Step("attribute", self._node_test(attribute=True), self._predicates())
        if self._take(".."):
            return ast.Step("parent", ANYTHING, self._predicates())
        if token.kind == "name" and self._is("::", 1) and token.text in _AXES:
            self._next()
            self._next()
            test = self._node_test(attribute=token.text == "attribute")
            return ast.Step(token.text, test, self._predicates())
        call = token.kind == "name" and self._is("(", 1)
        if self._is("*") or (token.kind == "name" and (not call or token.text in _KIND_TESTS)):
            axis = "attribute" if call and token.text == "attribute" else "child"
            return ast.Step(axis, self._node_test(attribute=False), self._predicates())
        return ast.ExpressionStep(self._primary(), self._predicates())

    def _node_test(self, *, attribute: bool) -> str:
        token = self._next()
        if token == _Token("symbol", "*"):
            return "*"
        if token.kind != "name":
            raise XPathSyntax(f"a name expected, {token.text!r} found")
        if not self._take("("):
            return self._name_test(token.text, attribute=attribute)
        if token.text not in _KIND_TESTS:
            raise XPathSyntax(f"{token.text!r} is not a kind of node")
        if token.text in ("element", "attribute"):
            inner = "*"
            if self._peek().kind == "name":
                inner = self._name_test(self._next().text, attribute=token.text == "attribute")
            else:
                self._take("*")
            self._expect(")")
            return inner
        self._expect(")")
        return f"{token.text}()"

    def _primary(self) -> Expression:
        token = self._next()
        if token.kind == "number":
            kind: Literal["integer", "decimal", "double"] = "decimal" if "." in token.text else "integer"
            return ast.Number(token.text, "double" if "e" in token.text.lower() else kind)
        if token.kind == "text":
            return ast.Text(token.text)
        if token.text == "$":
            return ast.Variable(self._variable_name())
        if token.text == ".":
            return ast.ContextItem()
        if token.text == "(":
            if self._take(")"):
                return ast.Sequence(())
            inner = self._expression()
            self._expect(")")
            return inner
        if token.kind == "name" and self._take("("):
            arguments = []
            if not self._is(")"):
                arguments.append(self._single())
                while self._take(","):
                    arguments.append(self._single())
            self._expect(")")
            return ast.Call(self._function_name(token.text), tuple(arguments))
        raise XPathSyntax(f"{token.text!r} is not expected here")


def _merged(steps: list[ast.Step | ast.ExpressionStep]) -> tuple[ast.Step | ast.ExpressionStep, ...]:
    """`descendant-or-self::node()/child::x` as `descendant::x`, unless a predicate may count positions."""
    merged: list[ast.Step | ast.ExpressionStep] = []
    for step in steps:
        after_anywhere = bool(merged) and merged[-1] == _ANYWHERE
        if (
            after_anywhere
            and isinstance(step, ast.Step)
            and step.axis == "child"
            and all(_never_positional(predicate) for predicate in step.predicates)
        ):
            merged[-1] = ast.Step("descendant", step.test, step.predicates)
        else:
            merged.append(step)
    return tuple(merged)


def _never_positional(predicate: Expression) -> bool:
    match predicate:
        case ast.Logical(_, operands):
            return all(_never_positional(operand) for operand in operands)
        case ast.Binary(operator, left, right):
            compares = operator in _GENERAL or operator in _VALUE
            return compares and not _asks_position(left) and not _asks_position(right)
        case ast.Path(_, steps):
            return isinstance(steps[-1], ast.Step) if steps else True
        case ast.Call(name, arguments):
            return name in _TRUTH_FUNCTIONS and not any(_asks_position(argument) for argument in arguments)
        case ast.Union() | ast.Text():
            return True
        case ast.Loop(kind, _, _):
            return kind != "for"
    return False


def _asks_position(expression: Expression) -> bool:
    match expression:
        case ast.Call(name, arguments):
            return name in ("position", "last") or any(_asks_position(argument) for argument in arguments)
        case ast.Binary(_, left, right):
            return _asks_position(left) or _asks_position(right)
        case ast.Negate(operand):
            return _asks_position(operand)
        case ast.Logical(_, operands):
            return any(_asks_position(operand) for operand in operands)
    return False
