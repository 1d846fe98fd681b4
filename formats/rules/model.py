"""A published rule set as plain values, the same whether it came as Schematron or as compiled XSLT.

Expressions are kept as text with the namespaces that hold where they stand; the compiler parses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from formats.rules import ast

__all__ = ["Assert", "Function", "Key", "Let", "Pattern", "Rule", "RuleSet", "Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """An expression as published, or already parsed where it came from several XSLT instructions."""

    text: str
    namespaces: Mapping[str, str]
    default_namespace: str = ""
    parsed: ast.Expression | None = None


@dataclass(frozen=True, slots=True)
class Let:
    name: str  # with its namespace in Clark form, if it has one
    value: Source


@dataclass(frozen=True, slots=True)
class Assert:
    """A test of one rule. A report (`when=True`) fires where the test is true, an assert where it is
    false."""

    id: str
    flag: str
    test: Source
    when: bool
    text: tuple[str | Source, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    context: Source
    lets: tuple[Let, ...]
    asserts: tuple[Assert, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Rules of which the first that matches a node is applied; `attributes` are visited or not."""

    rules: tuple[Rule, ...]
    attributes: bool = True


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the rule set. `type` and the parameters' types are sequence types, "" where not said."""

    name: str
    parameters: tuple[tuple[str, str], ...]
    type: str
    body: Source


@dataclass(frozen=True, slots=True)
class Key:
    name: str
    match: Source
    use: Source


@dataclass(frozen=True, slots=True)
class RuleSet:
    """`lets` see the document; `generator` says what the set was made with."""

    generator: str
    lets: tuple[Let, ...]
    functions: tuple[Function, ...]
    keys: tuple[Key, ...]
    patterns: tuple[Pattern, ...]
