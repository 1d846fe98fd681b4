"""A rule set to the source of a Python module: the same rule set always gives the same text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from formats.errors import ConfigError
from formats.rules import ast, static
from formats.rules.analysis import variables
from formats.rules.ast import Expression
from formats.rules.codelists import with_code_lists
from formats.rules.emit import compile_expression, compile_truth, inline_or_bind
from formats.rules.forbidden import forbidden_paths
from formats.rules.matching import alternatives
from formats.rules.model import Assert, Let, Pattern, Rule, RuleSet, Source
from formats.rules.own_functions import parsed
from formats.rules.static import Code, Kind, Refused
from formats.rules.writer import Scope, Writer
from formats.rules.xpath import XPathSyntax

__all__ = ["FORMAT", "NotUnderstood", "write_module"]

#: The version of the generated code; code of another version is compiled anew.
FORMAT: Final = 1
_SHOWN: Final = 160


class NotUnderstood(ConfigError):
    """A rule set holds something that the compiler does not know, so the whole set is refused.

    `rule` is the id of the rule (or the name of the variable or function) and `expression` the published
    text.
    """

    def __init__(self, why: str, *, rule: str, expression: str) -> None:
        self.rule = rule
        self.expression = expression
        shown = " ".join(expression.split())
        super().__init__(
            f"the rules cannot be compiled: {why}",
            where=f"rule {rule}: {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '...'}",
            fix="use the rules with the Saxon engine, and report the rule so that the compiler learns it",
        )


class _Compiler:
    def __init__(self, rules: RuleSet, resolve: Callable[[str], bytes]) -> None:
        self.rules = rules
        self.writer = Writer(
            compile_expression,
            resolve,
            functions={
                f"{function.name}#{len(function.parameters)}": function for function in rules.functions
            },
            keys={key.name: tuple(k for k in rules.keys if k.name == key.name) for key in rules.keys},
        )
        self.asserts: list[str] = []
        self.rule_rows: list[str] = []
        self.ids: list[str] = []

    def expression(self, source: Source, rule: str) -> Expression:
        try:
            return with_code_lists(parsed(source), self.writer.resolve)
        except (XPathSyntax, Refused) as error:
            raise NotUnderstood(str(error), rule=rule, expression=source.text) from error

    def guarded(self, source: Source, rule: str, compile_: Callable[[], str]) -> str:
        """What `compile_` gives; what it does not understand is said with the rule and its text."""
        try:
            return compile_()
        except (Refused, XPathSyntax) as error:
            raise NotUnderstood(str(error), rule=rule, expression=source.text) from error
        except RecursionError as error:
            raise NotUnderstood("it is nested too deeply", rule=rule, expression=source.text) from error

    # variables of the whole document

    def global_scope(self, lets: Iterable[Let], scope: Scope) -> Scope:
        """Variables over the document, whatever the order of their declarations."""
        waiting = [(let, self.expression(let.value, f"variable {let.name}")) for let in lets]
        while waiting:
            names = {let.name for let, _ in waiting}
            ready = [(let, value) for let, value in waiting if not (variables(value) & (names - {let.name}))]
            if not ready:
                let = waiting[0][0]
                raise NotUnderstood(
                    "variables that need each other", rule=let.name, expression=let.value.text
                )
            for let, value in ready:
                scope = self.bound_everywhere(let, value, scope)
            done = {id(let) for let, _ in ready}
            waiting = [(let, value) for let, value in waiting if id(let) not in done]
        return scope

    def bound_everywhere(self, let: Let, value: Expression, scope: Scope) -> Scope:
        codes: list[Code] = []

        def compile_() -> str:
            codes.append(scope.document().code(value))
            return ""

        self.guarded(let.value, f"variable {let.name}", compile_)
        code = codes[0]
        if code.constant is None and not code.text.startswith("S["):
            text = self.writer.once(static.listed(code) if code.count == "*" else code.text)
            code = Code(text, code.kind, code.count)
        return scope.bind(let.name, static.everywhere(code))

    # patterns and rules

    def write(self) -> str:
        scope = Scope(self.writer, "n", Kind.NODE, {}, current="n")
        scope = self.global_scope(self.rules.lets, scope)
        for number, pattern in enumerate(self.rules.patterns):
            for rule in pattern.rules:
                self.rule(number, pattern, rule, scope)
        return self.text()

    def rule(self, number: int, pattern: Pattern, rule: Rule, scope: Scope) -> None:
        named = next((entry.id for entry in rule.asserts if entry.id), rule.context.text[:60])
        context = self.expression(rule.context, named)
        rows: list[str] = []

        def compile_() -> str:
            for way in alternatives(context, scope):
                if way.attribute and not pattern.attributes:
                    continue
                rows.append(f"({way.struct!r}, {way.anchored}, {way.attribute!r}, {way.condition})")
            return ""

        self.guarded(rule.context, named, compile_)
        function, forbidden = self.body(rule, scope)
        self.rule_rows.append(f"({number}, ({' '.join(row + ',' for row in rows)}), {function}, {forbidden})")

    def body(self, rule: Rule, scope: Scope) -> tuple[str, str]:
        """The function of a rule, and the asserts that only forbid paths."""
        tests = [(entry, self.expression(entry.test, entry.id)) for entry in rule.asserts]
        lines: list[str] = []
        scope = self.rule_variables(rule, tests, scope, lines)
        forbidden = []
        for entry, test in tests:
            index = self.assert_row(entry, scope)
            paths = None if entry.when else forbidden_paths(test)
            if paths is not None:
                forbidden.append((index, paths))
            else:
                lines += self.assert_lines(entry, index, test, scope)
        if not any("hit(" in line for line in lines):
            return "None", repr(tuple(forbidden))
        name = self.writer.fresh("r")
        head = f"def {name}(n, S, hit):  # {rule.context.text[:100]!r}"
        self.writer.definitions.append("\n".join([head, *lines]) + "\n")
        return name, repr(tuple(forbidden))

    def rule_variables(
        self, rule: Rule, tests: list[tuple[Assert, Expression]], scope: Scope, lines: list[str]
    ) -> Scope:
        values = [(let, self.expression(let.value, f"variable {let.name}")) for let in rule.lets]
        texts = [
            self.expression(part, entry.id)
            for entry, _ in tests
            for part in entry.text
            if isinstance(part, Source)
        ]
        for number, (let, value) in enumerate(values):
            readers = [later for _, later in values[number + 1 :]] + [test for _, test in tests]
            bound: list[Scope] = []

            def compile_() -> str:
                inner, line = inline_or_bind(let.name, value, readers, scope)  # noqa: B023  called at once
                bound.append(inner)  # noqa: B023
                return line

            line = self.guarded(let.value, f"variable {let.name}", compile_)
            scope = bound[0]
            if line:
                lines.append(f"    {line}")
        del texts
        return scope

    def assert_row(self, entry: Assert, scope: Scope) -> int:
        index = len(self.asserts)
        self.ids.append(entry.id)
        text = repr("".join(part for part in entry.text if isinstance(part, str)))
        if any(isinstance(part, Source) for part in entry.text):
            text = self.message(entry, scope)
        self.asserts.append(f"({entry.id!r}, {entry.flag!r}, {text})")
        return index

    def message(self, entry: Assert, scope: Scope) -> str:
        """A text with values of the document in it. One that cannot be compiled keeps its plain parts
        only."""
        parts = []
        document = replace(scope, variables={n: c for n, c in scope.variables.items() if _is_free(c)})
        for part in entry.text:
            if isinstance(part, str):
                parts.append(repr(part))
                continue
            try:
                code = document.code(ast.Call("#text", (parsed(part),)))
                parts.append(f"shown(lambda: {code.text})")
            except (Refused, XPathSyntax):
                parts.append("'…'")
        return self.writer.define("m", "n, S", f"    return joined([{', '.join(parts)}], '')")

    def assert_lines(self, entry: Assert, index: int, test: Expression, scope: Scope) -> list[str]:
        condition = self.guarded(entry.test, entry.id, lambda: compile_truth(test, scope))
        never = "False" if entry.when else "True"
        if condition == never:
            return []
        return [
            f"    # {entry.id!r}",
            "    try:",
            f"        if {'' if entry.when else 'not '}{condition}:",
            f"            hit(({index}, n, None))",
            "    except FAULTS as error:",
            f"        hit(({index}, n, error))",
        ]

    def text(self) -> str:
        writer = self.writer
        lazy = [f"    {name!r}: lambda S: {expression}," for name, expression in writer.lazy.items()]
        parts = [
            f"# Compiled from published rules ({self.rules.generator!r}); made anew whenever they change.",
            f"FORMAT = {FORMAT}",
            *(f"{name} = {value}" for value, name in writer.constants.items()),
            *writer.definitions,
            "LAZY = {",
            *lazy,
            "}",
            "ASSERTS = (",
            *(f"    {row}," for row in self.asserts),
            ")",
            "RULES = (",
            *(f"    {row}," for row in self.rule_rows),
            ")",
            "",
        ]
        return "\n".join(parts)


def _is_free(code: Code) -> bool:
    """Whether a variable can be read outside its rule's function."""
    return "z" not in {word[:1] for word in code.text.replace("(", " ").split()}


def write_module(rules: RuleSet, resolve: Callable[[str], bytes]) -> tuple[str, tuple[str, ...]]:
    """The module's source and the ids of all its rules. Raises NotUnderstood."""
    compiler = _Compiler(rules, resolve)
    return compiler.write(), tuple(dict.fromkeys(compiler.ids))
