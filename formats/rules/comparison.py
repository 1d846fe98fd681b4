"""Comparison, arithmetic and the other binary operators."""

from __future__ import annotations

from typing import Final

from formats.rules import ast, static
from formats.rules.analysis import variables
from formats.rules.static import NUMBERS, TEXTS, TIMES, TREE, Code, Kind, Refused
from formats.rules.writer import Scope

__all__ = ["binary", "negated", "number_of", "some_of_a_list"]

_GENERAL: Final = {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_VALUE: Final = {"eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_ARITHMETIC: Final = {"+": "add", "-": "sub", "*": "mul", "div": "div", "idiv": "idiv", "mod": "mod"}
_TIME_CASTS: Final = {Kind.DATE: "date", Kind.MOMENT: "moment", Kind.TIME: "time_of_day"}


def binary(expression: ast.Binary, scope: Scope) -> Code:
    """Any binary operator."""
    left, right = scope.code(expression.left), scope.code(expression.right)
    operator = expression.operator
    if operator in _GENERAL:
        return _general(operator, left, right, scope)
    if operator in _VALUE:
        return _value(_VALUE[operator], left, right)
    if operator in _ARITHMETIC:
        return _arithmetic(operator, left, right)
    if operator == "to":
        first, last = number_of(left)[0], number_of(right)[0]
        item = scope.writer.fresh()
        return static.loop((f"for {item} in spread({first}, {last})",), item, Kind.INTEGER)
    return _of_nodes(operator, left, right, scope)


def _of_nodes(operator: str, left: Code, right: Code, scope: Scope) -> Code:
    if left.kind not in TREE or right.kind not in TREE:
        raise Refused(f"{operator!r} of anything but elements")
    a, b = static.listed(left), static.listed(right)
    if operator == "is":
        # An empty side makes it empty, which nothing that is understood tells from false.
        return Code(f"(one({a}) is one({b}) is not None)", Kind.BOOLEAN, "1")
    if operator in ("<<", ">>"):
        a, b = (a, b) if operator == "<<" else (b, a)
        return Code(f"before_in_document({a}, {b})", Kind.BOOLEAN, "1")
    item = scope.writer.fresh()
    function = {"intersect": "common", "except": "without"}[operator]
    return static.loop((f"for {item} in {function}({a}, {b})",), item, left.kind)


# arithmetic


def number_of(code: Code) -> tuple[str, Kind, bool]:
    """An operand of arithmetic: expression, kind, and whether it may be None."""
    text, kind, optional = static.single(code)
    if kind in NUMBERS:
        return text, kind, optional
    if kind is Kind.UNTYPED:
        return (f"double_or_none({text})" if optional else f"double({text})"), Kind.DOUBLE, optional
    if kind is Kind.ITEM:
        return f"any_number({text})", Kind.ITEM, True
    if code.constant == ():
        return "None", Kind.DOUBLE, True
    return f"any_number({text})", Kind.ITEM, True


def negated(code: Code) -> Code:
    text, kind, optional = number_of(code)
    return Code(f"neg({text})", kind, "?") if optional else Code(f"(-{text})", kind, "1")


def _arithmetic(operator: str, left: Code, right: Code) -> Code:
    if left.kind in TIMES or right.kind in TIMES:
        raise Refused("arithmetic with dates")
    a, a_kind, a_optional = number_of(left)
    b, b_kind, b_optional = number_of(right)
    optional = a_optional or b_optional
    count: static.Count = "?" if optional else "1"
    kind = _result_kind(operator, a_kind, b_kind)
    if operator == "*" and not optional and a_kind is b_kind is Kind.INTEGER:
        return Code(f"times({a}, {b})", kind, "1")
    if operator in "+-*" and not optional:
        if a_kind is b_kind or {a_kind, b_kind} == {Kind.INTEGER, Kind.DECIMAL}:
            return Code(f"({a} {operator} {b})", kind, "1")
        if Kind.ITEM not in (a_kind, b_kind):
            return Code(f"({_double(a, a_kind)} {operator} {_double(b, b_kind)})", kind, "1")
    return Code(f"{_ARITHMETIC[operator]}({a}, {b})", kind, count)


def _result_kind(operator: str, a: Kind, b: Kind) -> Kind:
    if operator == "idiv":
        return Kind.INTEGER
    if Kind.ITEM in (a, b):
        return Kind.ITEM
    if Kind.DOUBLE in (a, b):
        return Kind.DOUBLE
    return Kind.DECIMAL if Kind.DECIMAL in (a, b) or operator == "div" else Kind.INTEGER


def _double(text: str, kind: Kind) -> str:
    return text if kind is Kind.DOUBLE else f"float({text})"


# general comparison: true if any pair is


def _general(operator: str, left: Code, right: Code, scope: Scope) -> Code:
    quick = _quick(operator, left, right, scope) or _quick(operator, right, left, scope)
    if quick is not None:
        return Code(quick, Kind.BOOLEAN, "1")
    a_kind, b_kind = left.value_kind, right.value_kind
    if not _comparable(a_kind, b_kind):
        text = f"compare_any({operator!r}, {static.tagged_items(left)}, {static.tagged_items(right)})"
        return Code(text, Kind.BOOLEAN, "1")
    sign = _GENERAL[operator]
    clauses: list[str] = []
    sides = []
    for code, kind, other in ((left, a_kind, b_kind), (right, b_kind, a_kind)):
        if code.count == "1":
            value = _converted(static.value_of(code, code.text), kind, other)
            if not value.isidentifier() and (left.count != "1" or right.count != "1"):
                name = scope.writer.fresh()
                clauses.insert(0, f"for {name} in ({value},)")
                value = name
        else:
            more, item = static.each(code, scope.writer.fresh())
            clauses += more
            value = _converted(static.value_of(code, item), kind, other)
        sides.append(value)
    test = f"{sides[0]} {sign} {sides[1]}"
    return Code(f"any({test} {' '.join(clauses)})" if clauses else f"({test})", Kind.BOOLEAN, "1")


def _quick(operator: str, many: Code, other: Code, scope: Scope) -> str | None:
    """Equality of text with one string or a list of codes, without a loop of its own."""
    if operator != "=" or not (many.kind in TEXTS or many.kind in TREE):
        return None
    if scope.writer.lenient and many.count == "*":
        return None  # one after the other, so that the first that is equal decides
    if isinstance(other.constant, tuple) and other.kind is Kind.STRING and other.constant:
        return _among(many, scope.writer.codes(frozenset(other.constant)), scope)
    if other.count != "1" or other.value_kind not in TEXTS:
        return None
    wanted = static.value_of(other, other.text)
    if many.count == "*" and many.kind in TREE:
        if len(many.clauses) < 2 or isinstance(other.constant, str):
            return f"has_text({many.text}, {wanted})"
        return None
    if many.kind in TREE:
        return f"({static.value_of(many, many.text)} == {wanted})" if many.count == "1" else None
    return f"({wanted} in {many.text})" if many.count == "*" else f"({many.text} == {wanted})"


def _among(code: Code, codes: str, scope: Scope) -> str:
    """Whether any text of the sequence is in a set of codes."""
    if code.kind in TREE:
        if code.count == "1":
            return f"(string_value({code.text}) in {codes})"
        return f"has_text_in({static.listed(code)}, {codes})"
    if code.count == "*":
        item = scope.writer.fresh()
        return f"any({item} in {codes} for {item} in {code.text})"
    return f"({code.text} in {codes})"


def _comparable(a: Kind, b: Kind) -> bool:
    if Kind.ITEM in (a, b):
        return False
    if Kind.UNTYPED in (a, b):
        return True
    return a is b or (a in NUMBERS and b in NUMBERS)


def _converted(text: str, kind: Kind, other: Kind) -> str:
    """A value as the comparison with the other kind wants it."""
    if kind is Kind.UNTYPED:
        if other in NUMBERS:
            return f"{'ranked_whole' if other is Kind.INTEGER else 'ranked'}({text})"
        if other is Kind.BOOLEAN:
            return f"boolean({text})"
        return f"{_TIME_CASTS[other]}({text})" if other in _TIME_CASTS else text
    if kind in (Kind.INTEGER, Kind.DECIMAL) and other in (Kind.UNTYPED, Kind.DOUBLE):
        return f"float({text})"
    if kind is Kind.DOUBLE and other is Kind.UNTYPED:
        return f"signed({text})"
    return text


def some_of_a_list(expression: ast.Loop, scope: Scope) -> Code | None:
    """`some $code in tokenize('A B', ' ') satisfies $code = x` as a look into a set; None if it is not
    that."""
    if len(expression.bindings) != 1:
        return None
    (name, source), body = expression.bindings[0], expression.body
    if not (isinstance(body, ast.Binary) and body.operator in ("=", "eq")):
        return None
    codes = scope.code(source)
    if not isinstance(codes.constant, tuple) or not codes.constant:
        return None
    for one, other in ((body.left, body.right), (body.right, body.left)):
        if other == ast.Variable(name) and name not in variables(one):
            asked = scope.code(one)
            if asked.value_kind not in TEXTS or (body.operator == "eq" and asked.count == "*"):
                return None
            return Code(
                _among(asked, scope.writer.codes(frozenset(codes.constant)), scope), Kind.BOOLEAN, "1"
            )
    return None


# value comparison: one item on either side


def _value(operator: str, left: Code, right: Code) -> Code:
    a, a_kind, a_optional = static.single(left)
    b, b_kind, b_optional = static.single(right)
    alike = a_kind is b_kind or (a_kind in TEXTS and b_kind in TEXTS)
    if alike and a_kind is not Kind.ITEM and not a_optional and not b_optional:
        return Code(f"({a} {_GENERAL[operator]} {b})", Kind.BOOLEAN, "1")
    return Code(f"compare_one({operator!r}, {a}, {b})", Kind.BOOLEAN, "?")
