"""A rule set to the source of a Python module: the same rule set always gives the same text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from formats.rules import ast, static
from formats.rules.analysis import decides_by_parts, variables
from formats.rules.ast import Expression
from formats.rules.codelists import with_code_lists
from formats.rules.emit import compile_expression, compile_truth, inline_or_bind
from formats.rules.factoring import factored
from formats.rules.forbidden import forbidden_paths
from formats.rules.matching import alternatives
from formats.rules.metering import metered_function, metered_value
from formats.rules.model import Assert, Let, Pattern, Rule, RuleSet, Source
from formats.rules.own_functions import parsed
from formats.rules.refusal import FORMAT, TOO_DEEP, NotUnderstood
from formats.rules.shortcuts import existence, looked_up_first, shortened, shortened_function
from formats.rules.sorting import sorted_once
from formats.rules.static import Code, Kind, Refused
from formats.rules.tuning import Tuner, tuned_function, written
from formats.rules.tuning import parsed as syntax
from formats.rules.writer import Scope, Writer
from formats.rules.xpath import XPathSyntax

__all__ = ["write_module"]

_MOST_VARIABLES: Final = 300


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
        self.doubts: dict[int, str] = {}
        self.ids: list[str] = []

    def expression(self, source: Source, rule: str) -> Expression:
        try:
            return with_code_lists(parsed(source), self.writer.resolve)
        except (XPathSyntax, Refused) as error:
            raise NotUnderstood(str(error), rule=rule, expression=source.text) from error
        except RecursionError as error:
            raise NotUnderstood(TOO_DEEP, rule=rule, expression=source.text) from error

    def guarded(self, source: Source, rule: str, compile_: Callable[[], str]) -> str:
        """What `compile_` gives; what it does not understand is said with the rule and its text."""
        try:
            return compile_()
        except (Refused, XPathSyntax) as error:
            raise NotUnderstood(str(error), rule=rule, expression=source.text) from error
        except RecursionError as error:
            raise NotUnderstood(TOO_DEEP, rule=rule, expression=source.text) from error

    # variables of the whole document

    def global_scope(self, lets: Iterable[Let], scope: Scope) -> Scope:
        """Variables over the document, whatever the order of their declarations."""
        values = [(let, self.expression(let.value, f"variable {let.name}")) for let in lets]
        waiting = [(let, value, variables(value)) for let, value in values]
        while waiting:
            names = {let.name for let, _, _ in waiting}
            ready = [(let, value) for let, value, needs in waiting if not (needs & (names - {let.name}))]
            if not ready:
                let = waiting[0][0]
                raise NotUnderstood(
                    "variables that need each other", rule=let.name, expression=let.value.text
                )
            for let, value in ready:
                scope = self.bound_everywhere(let, value, scope)
            done = {id(let) for let, _ in ready}
            waiting = [entry for entry in waiting if id(entry[0]) not in done]
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
        try:
            function, forbidden = self.body(rule, scope)
        except (SyntaxError, RecursionError, MemoryError) as error:  # of Python's own reader of code
            raise NotUnderstood(TOO_DEEP, rule=named, expression=rule.context.text) from error
        self.rule_rows.append(f"({number}, ({' '.join(row + ',' for row in rows)}), {function}, {forbidden})")

    def body(self, rule: Rule, scope: Scope) -> tuple[str, str]:
        """The function of a rule, and the asserts that only forbid paths."""
        tests = [(entry, self.expression(entry.test, entry.id)) for entry in rule.asserts]
        lines: list[str] = []
        scope = self.rule_variables(rule, tests, scope, lines)
        variable_lines = tuple(line[4:] for line in lines)
        forbidden = []
        conditions: list[tuple[int, Assert, str]] = []
        for entry, test in tests:
            index = self.assert_row(entry, scope)
            paths = None if entry.when else forbidden_paths(test)
            if paths is not None:
                forbidden.append((index, paths))
            elif (condition := self.condition(entry, test, scope)) is not None:
                conditions.append((index, entry, condition))
                if decides_by_parts(test):
                    self.doubt(entry, index, test, scope, variable_lines)
        if not conditions:
            return "None", repr(tuple(forbidden))
        name = self.writer.fresh("r")
        head = f"def {name}(nodes, S, hit):  # {rule.context.text[:100]!r}"
        body = [*lines, *self.asserts_of(conditions, lines)]
        self.writer.definitions.append("\n".join([head, "    for n in nodes:", *body]) + "\n")
        return name, repr(tuple(forbidden))

    def condition(self, entry: Assert, test: Expression, scope: Scope) -> str | None:
        """When an assert is broken, as Python source; None if it never is."""
        condition = self.guarded(entry.test, entry.id, lambda: compile_truth(test, scope))
        if condition == ("False" if entry.when else "True"):
            return None
        return condition if entry.when else f"not {condition}"

    def asserts_of(self, conditions: list[tuple[int, Assert, str]], variables: list[str]) -> list[str]:
        """The lines of all asserts of a rule."""
        tuned = [self.tuner().truth(syntax(condition)) for _, _, condition in conditions]
        known = frozenset(line.split(" = ")[0].strip() for line in variables)
        before, changed = factored(sorted_once(tuned), known, self.writer.fresh)
        lines = [f"        {line}" for line in before]
        for (index, entry, _), condition in zip(conditions, changed, strict=True):
            lines += [
                f"        # {entry.id!r}",
                "        try:",
                f"            if {written(shortened(condition))}:",
                f"                hit(({index}, n, None))",
                "        except FAULTS as error:",
                f"            hit(({index}, n, bare(error)))",
            ]
        return lines

    def tuner(self) -> Tuner:
        return Tuner(self.writer.define, self.writer.lazy, existence)

    def rule_variables(
        self, rule: Rule, tests: list[tuple[Assert, Expression]], scope: Scope, lines: list[str]
    ) -> Scope:
        if len(rule.lets) > _MOST_VARIABLES:
            reason = f"more than {_MOST_VARIABLES} variables"
            raise NotUnderstood(reason, rule=rule.lets[0].name, expression=rule.context.text)
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
                lines.append(f"        {line}")
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

    def lazy_values(self) -> dict[str, str]:
        """The values over the document, each as the source of an expression."""
        lazy = self.writer.lazy
        names = list(lazy)
        tuned = [self.tuner().value(syntax(code)) for code in list(lazy.values())]
        changed = sorted_once(tuned, self.writer.once)
        return {
            **dict(zip(names, (written(shortened(value)) for value in changed), strict=True)),
            **{key: written(shortened(syntax(lazy[key]))) for key in list(lazy)[len(names) :]},
        }

    def definitions(self) -> list[str]:
        """All functions of the module; those of rules are written as they should be."""
        done: list[str] = []
        waiting = self.writer.definitions
        while len(done) < len(waiting):
            text = waiting[len(done)]
            done.append(text if text.startswith(("def r", "def m")) else tuned_function(text, self.tuner()))
        return [shortened_function(text) for text in done]

    def doubt(
        self, entry: Assert, index: int, test: Expression, scope: Scope, lines: tuple[str, ...]
    ) -> None:
        """The test once more, for documents on which part of it cannot be evaluated; kept as text, since it
        is hardly ever needed."""
        self.writer.lenient = True
        try:
            condition = self.guarded(entry.test, entry.id, lambda: compile_truth(test, scope))
        finally:
            self.writer.lenient = False
        fires = condition if entry.when else f"not {condition}"
        source = "\n".join(["def e1(n, S):", *lines, f"    return {fires}", ""])
        self.doubts[index] = metered_function(source)

    def text(self) -> str:
        writer = self.writer
        values = {name: metered_value(expression) for name, expression in self.lazy_values().items()}
        look = looked_up_first(values)
        lazy = [f"    {name!r}: lambda S: {expression}," for name, expression in values.items()]
        definitions = [look(metered_function(text)) for text in self.definitions()]
        parts = [
            f"# Compiled from published rules ({self.rules.generator!r}); made anew whenever they change.",
            f"FORMAT = {FORMAT}",
            *(f"{name} = {value}" for value, name in writer.constants.items()),
            *definitions,
            "LAZY = {",
            *lazy,
            "}",
            "ASSERTS = (",
            *(f"    {row}," for row in self.asserts),
            ")",
            "DOUBTS = {",
            *(f"    {index}: {source!r}," for index, source in self.doubts.items()),
            "}",
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
