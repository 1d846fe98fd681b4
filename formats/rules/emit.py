"""XPath expressions to Python expressions: the dispatcher and everything but paths, comparisons and
functions."""

from __future__ import annotations

from decimal import Decimal

from formats.rules import ast, comparison, functions, paths, static
from formats.rules.analysis import (
    children,
    has_absolute_path,
    reads_context,
    uses,
    variables,
)
from formats.rules.ast import Expression
from formats.rules.static import Code, Kind, Refused
from formats.rules.types import cast
from formats.rules.writer import Scope

__all__ = ["compile_expression", "compile_truth", "inline_or_bind"]

_WORTH_KEEPING = frozenset(
    ["count", "sum", "exists", "empty", "not", "distinct-values", "min", "max", "avg", "round", "string-join"]
)


def compile_expression(expression: Expression, scope: Scope) -> Code:
    """The Python form of an expression. Raises Refused for anything that is not understood."""
    # What is kept for the document is an error as a whole where any part of it cannot be evaluated.
    if not scope.writer.lenient and _worth_keeping(expression) and _closed(expression, scope):
        return _kept(expression, scope)
    return _plain(expression, scope)


def compile_truth(expression: Expression, scope: Scope) -> str:
    """The Python form of an expression of which only the effective boolean value is wanted."""
    match expression:
        case ast.Logical(operator, operands):
            truths = [compile_truth(operand, scope) for operand in operands]
            if scope.writer.lenient:
                word = "either" if operator == "or" else "both"
                return f"{word}({', '.join(f'lambda: {truth}' for truth in truths)})"
            return "(" + f" {operator} ".join(truths) + ")"
        case ast.Call("not", (argument,)):
            inner = compile_truth(argument, scope)
            return f"(not {inner[4:]})" if inner.startswith("bool(") else f"(not {inner})"
        case ast.Call("boolean", (argument,)):
            return compile_truth(argument, scope)
        case ast.Call("exists", (argument,)):
            return static.exists(scope.code(argument))
        case ast.Call("empty", (argument,)):
            return f"(not {static.exists(scope.code(argument))})"
        case ast.If(condition, then, otherwise):
            yes, no = compile_truth(then, scope), compile_truth(otherwise, scope)
            return f"({yes} if {compile_truth(condition, scope)} else {no})"
    return static.truth(scope.code(expression))


def _plain(expression: Expression, scope: Scope) -> Code:
    match expression:
        case ast.Number():
            return _number(expression, scope)
        case ast.Text(value, untyped):
            return Code(repr(value), Kind.UNTYPED if untyped else Kind.STRING, "1", constant=value)
        case ast.ContextItem():
            if not scope.node:
                raise Refused("there is no context item here")
            return Code(scope.node, scope.kind, "1")
        case ast.Variable(name):
            if name not in scope.variables:
                raise Refused(f"the variable ${name} is not declared")
            return scope.variables[name]
        case ast.Sequence(items):
            return _sequence(items, scope)
        case ast.Logical() | ast.Call("not" | "boolean" | "exists" | "empty", (_,)):
            return Code(compile_truth(expression, scope), Kind.BOOLEAN, "1")
        case ast.Call(name, arguments):
            return functions.call(name, arguments, scope)
        case ast.Binary():
            return comparison.binary(expression, scope)
        case ast.Union(operands):
            return paths.union(operands, scope)
        case ast.Negate(operand):
            return comparison.negated(scope.code(operand))
        case ast.If():
            return _if(expression, scope)
        case ast.Loop():
            return _loop(expression, scope)
        case ast.Let(name, value, body):
            return _let(name, value, body, scope)
        case ast.Cast():
            return _cast(expression, scope)
        case ast.InstanceOf():
            return _instance_of(expression, scope)
        case ast.Filter(base, predicates):
            return paths.filtered(scope.code(base), predicates, scope)
        case ast.Path():
            return paths.path(expression, scope)


# values kept for the whole document


def _closed(expression: Expression, scope: Scope) -> bool:
    if reads_context(expression):
        return False
    outside = variables(expression)
    return all(name in scope.variables and scope.variables[name].everywhere for name in outside)


def _worth_keeping(expression: Expression) -> bool:
    match expression:
        case ast.Path(True, steps):
            return bool(steps)
        case ast.Call(name, arguments):
            return name in _WORTH_KEEPING and any(has_absolute_path(argument) for argument in arguments)
        case ast.Loop() | ast.Union():
            return has_absolute_path(expression)
    return False


def _kept(expression: Expression, scope: Scope) -> Code:
    writer = scope.writer
    key = ("kept", expression, tuple(sorted((n, scope.variables[n].text) for n in variables(expression))))
    if key not in writer.shared:
        code = _plain(expression, scope.document())
        lookup = code.text.startswith("S.d.tagged(") or code.text.startswith("S[")
        simple = code.count == "*" and lookup and len(code.clauses) < 2
        text = code.text if simple else writer.once(static.listed(code) if code.count == "*" else code.text)
        writer.shared[key] = text, Code(text, code.kind, code.count, constant=code.constant, everywhere=True)
    text, code = writer.shared[key]
    if code.count != "*":
        return code
    item = writer.fresh()
    return static.everywhere(static.loop((f"for {item} in {text}",), item, code.kind))


# expressions


def _number(number: ast.Number, scope: Scope) -> Code:
    if len(number.text) > 40:
        raise Refused("a number of more than 40 characters")
    if number.kind == "integer":
        return Code(str(int(number.text)), Kind.INTEGER, "1")
    if number.kind == "double":
        return Code(repr(float(number.text)), Kind.DOUBLE, "1")
    return Code(scope.writer.constant(f"Decimal({str(Decimal(number.text))!r})", "D"), Kind.DECIMAL, "1")


def _sequence(items: tuple[Expression, ...], scope: Scope) -> Code:
    if not items:
        return Code("()", Kind.STRING, "*", constant=())
    codes = [scope.code(item) for item in items]
    texts = [code.constant for code in codes]
    if all(isinstance(text, str) for text in texts) and all(code.kind is Kind.STRING for code in codes):
        constant = tuple(str(text) for text in texts)
        return Code(scope.writer.constant(repr(constant), "L"), Kind.STRING, "*", constant=constant)
    kind = static.joint_kind(codes)
    parts = ", ".join("*" + static.items_as(code, kind) for code in codes if code.constant != ())
    return Code(f"[{parts}]", kind, "*")


def _if(expression: ast.If, scope: Scope) -> Code:
    condition = compile_truth(expression.condition, scope)
    then, otherwise = scope.code(expression.then), scope.code(expression.otherwise)
    kind = static.joint_kind((then, otherwise))
    counts = {code.count for code in (then, otherwise)}
    if kind is not Kind.ITEM and counts == {"1"}:
        return Code(f"({then.text} if {condition} else {otherwise.text})", kind, "1")
    empty = [code.constant == () for code in (then, otherwise)]
    if kind is not Kind.ITEM and all(code.count != "*" or code.constant == () for code in (then, otherwise)):
        yes, no = (
            "None" if nothing else code.text for nothing, code in zip(empty, (then, otherwise), strict=True)
        )
        return Code(f"({yes} if {condition} else {no})", kind, "?")
    yes, no = static.items_as(then, kind), static.items_as(otherwise, kind)
    return Code(f"({yes} if {condition} else {no})", kind, "*")


def bindings(pairs: tuple[tuple[str, Expression], ...], scope: Scope) -> tuple[list[str], Scope]:
    """The clauses of a loop and the scope inside it."""
    clauses: list[str] = []
    for name, value in pairs:
        code = scope.code(value)
        item = scope.writer.fresh("q")
        if code.count == "*" and code.clauses:
            clauses += code.clauses
            clauses.append(f"for {item} in ({code.item},)")
        else:
            clauses.append(f"for {item} in {static.listed(code)}")
        scope = scope.bind(name, Code(item, code.kind, "1"))
    return clauses, scope


def _loop(expression: ast.Loop, scope: Scope) -> Code:
    if expression.kind == "some":
        membership = comparison.some_of_a_list(expression, scope)
        if membership is not None:
            return membership
    clauses, inner = bindings(expression.bindings, scope)
    if expression.kind != "for":
        test = compile_truth(expression.body, inner)
        word = "any" if expression.kind == "some" else "all"
        return Code(f"{word}({test} {' '.join(clauses)})", Kind.BOOLEAN, "1")
    body = inner.code(expression.body)
    if body.count == "1":
        return static.loop(clauses, body.text, body.kind)
    more, item = static.each(body, scope.writer.fresh())
    return static.loop([*clauses, *more], item, body.kind)


def _let(name: str, value: Expression, body: Expression, scope: Scope) -> Code:
    times = uses(body, name)
    if times == 0:
        return scope.code(body)
    code = scope.code(value)
    if times == 1 or isinstance(value, (ast.Text, ast.Number, ast.Variable)):
        return scope.bind(name, code).code(body)
    variable = scope.writer.fresh("z")
    inner = scope.bind(name, Code(f"{variable}()", code.kind, code.count, constant=code.constant)).code(body)
    text = f"(lambda {variable}: {inner.text})(Lazy(lambda: {code.text}))"
    return Code(text, inner.kind, inner.count)


def inline_or_bind(
    name: str, value: Expression, readers: list[Expression], scope: Scope
) -> tuple[Scope, str]:
    """A variable of a rule: put in place where it is used once, else a line that defines it lazily.

    An error in a variable shows only where it is used, and a rule's unused variables cost nothing.
    """
    times = sum(uses(reader, name) for reader in readers)
    code = scope.code(value)
    if times < 2 or isinstance(value, (ast.Text, ast.Number, ast.Variable)) or code.everywhere:
        return scope.bind(name, code), ""
    variable = scope.writer.fresh("z")
    bound = Code(f"{variable}()", code.kind, code.count, constant=code.constant)
    return scope.bind(name, bound), f"{variable} = Lazy(lambda: {code.text})"


def _cast(expression: ast.Cast, scope: Scope) -> Code:
    code = scope.code(expression.operand)
    if expression.only_ask:
        if expression.type not in functions.CASTABLE:
            raise Refused(f"castable as {expression.type}")
        if code.count == "*":
            items = static.tagged_items(code)
            return Code(
                f"castable_only({items}, {expression.type!r}, {expression.optional})", Kind.BOOLEAN, "1"
            )
        text, kind, _ = static.single(code)
        if kind is Kind.UNTYPED or kind is Kind.STRING or kind is Kind.ITEM:
            return Code(f"castable({text}, {expression.type!r}, {expression.optional})", Kind.BOOLEAN, "1")
        return Code(
            f"castable({static.text_of(code)}, {expression.type!r}, {expression.optional})", Kind.BOOLEAN, "1"
        )
    result = cast(code, expression.type)
    if not expression.optional and result.count == "?":
        return Code(f"required({result.text})", result.kind, "1", constant=result.constant)
    return result


_INSTANCES = {
    "xs:string": frozenset((Kind.STRING,)),
    "xs:boolean": frozenset((Kind.BOOLEAN,)),
    "xs:integer": frozenset((Kind.INTEGER,)),
    "xs:decimal": frozenset((Kind.INTEGER, Kind.DECIMAL)),
    "xs:double": frozenset((Kind.DOUBLE,)),
    "xs:date": frozenset((Kind.DATE,)),
    "xs:untypedAtomic": frozenset((Kind.UNTYPED,)),
    "attribute()": frozenset((Kind.ATTRIBUTE,)),
    "text()": frozenset((Kind.TEXT_NODE,)),
    "node()": static.NODES,
    "item()": frozenset(Kind),
}


def _instance_of(expression: ast.InstanceOf, scope: Scope) -> Code:
    code = scope.code(expression.operand)
    if code.kind is Kind.ITEM:
        raise Refused("instance of, asked of something whose kind shows only at run time")
    length = f"len({static.listed(code)})"
    fits = {"": f"{length} == 1", "?": f"{length} < 2", "+": f"{length} > 0", "*": "True"}[
        expression.occurrence
    ]
    empty_fits = expression.occurrence in ("?", "*")
    if expression.type in ("element()", "document-node()", "attribute()") and code.kind in static.TREE:
        test = {"element()": "is_element", "document-node()": "is_document", "attribute()": "is_attribute"}
        item = scope.writer.fresh()
        alike = f"all({test[expression.type]}({item}) for {item} in {static.listed(code)})"
        return Code(f"({fits} and {alike})", Kind.BOOLEAN, "1")
    if expression.type not in _INSTANCES:
        raise Refused(f"instance of {expression.type}")
    if code.kind in _INSTANCES[expression.type]:
        return Code(f"({fits})", Kind.BOOLEAN, "1")
    return Code(f"({length} == 0)" if empty_fits else "False", Kind.BOOLEAN, "1")


def depth(expression: Expression) -> int:
    """How deep an expression is nested."""
    return 1 + max((depth(part) for part, _ in children(expression)), default=0)
