"""The parts of an XPath 2.0 expression, names already resolved to namespaces.

Element and attribute names are in Clark form (`{uri}local`), wildcards are `*`, `{uri}*` and `*:local`, kind
tests keep their parentheses (`text()`). Functions of XPath itself have their plain name, casts `xs:...`,
functions of the rule set `{uri}local`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = [
    "ANYTHING",
    "Binary",
    "Call",
    "Cast",
    "ContextItem",
    "Expression",
    "ExpressionStep",
    "Filter",
    "If",
    "InstanceOf",
    "Let",
    "Logical",
    "Loop",
    "Negate",
    "Number",
    "Path",
    "Sequence",
    "Step",
    "Text",
    "Union",
    "Variable",
]

ANYTHING: Final = "node()"


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric literal as written."""

    text: str
    kind: Literal["integer", "decimal", "double"]


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal; `untyped` for text that an XSLT function builds."""

    value: str
    untyped: bool = False


@dataclass(frozen=True, slots=True)
class ContextItem:
    """The dot."""


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """Items one after the other: `(a, b)`, and `()` for nothing."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Logical:
    """`and` or `or` of two or more."""

    operator: Literal["and", "or"]
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Binary:
    """Comparison, arithmetic, `to`, `is`, `<<`, `>>`, `intersect`, `except`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Union:
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Negate:
    operand: Expression


@dataclass(frozen=True, slots=True)
class If:
    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Loop:
    """`for ... return`, `some ... satisfies`, `every ... satisfies`."""

    kind: Literal["for", "some", "every"]
    bindings: tuple[tuple[str, Expression], ...]
    body: Expression


@dataclass(frozen=True, slots=True)
class Let:
    name: str
    value: Expression
    body: Expression


@dataclass(frozen=True, slots=True)
class Cast:
    """`cast as` and, with `only_ask`, `castable as`; `optional` where the type ends in a question mark."""

    operand: Expression
    type: str
    optional: bool
    only_ask: bool


@dataclass(frozen=True, slots=True)
class InstanceOf:
    operand: Expression
    type: str
    occurrence: str


@dataclass(frozen=True, slots=True)
class Filter:
    """An expression with predicates: `$lines[2]`."""

    base: Expression
    predicates: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Step:
    axis: str
    test: str
    predicates: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpressionStep:
    """A step that is an expression: `cac:TaxScheme/normalize-space(cbc:ID)`."""

    expression: Expression
    predicates: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    absolute: bool
    steps: tuple[Step | ExpressionStep, ...]


Expression: TypeAlias = (
    Number
    | Text
    | ContextItem
    | Variable
    | Sequence
    | Call
    | Logical
    | Binary
    | Union
    | Negate
    | If
    | Loop
    | Let
    | Cast
    | InstanceOf
    | Filter
    | Path
)
