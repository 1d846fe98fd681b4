"""What the compiler has written so far: constants, functions, values of a document; and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from formats.rules.ast import Expression
from formats.rules.model import Function, Key
from formats.rules.static import Code, Kind, Refused

__all__ = ["Scope", "Writer"]

_MOST_FUNCTIONS = 20_000


@dataclass(slots=True)
class Writer:
    """The module being written. All names in it are numbered ones of our own; published text is only ever
    data.

    `lazy` are values computed once per document, when first needed: name -> Python expression over `S`.
    `resolve` gives the files that the rules name, such as code lists. While `lenient`, `and` and `or` are
    written so that an operand that decides is heard beside one that cannot be evaluated.
    """

    compile: Callable[[Expression, Scope], Code]
    resolve: Callable[[str], bytes]
    functions: Mapping[str, Function] = field(default_factory=dict)
    keys: Mapping[str, tuple[Key, ...]] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    lazy: dict[str, str] = field(default_factory=dict)
    definitions: list[str] = field(default_factory=list)
    shared: dict[object, tuple[str, Code]] = field(default_factory=dict)
    instances: dict[object, tuple[str, Code]] = field(default_factory=dict)
    numbers: int = 0
    lenient: bool = False

    def fresh(self, letter: str = "v") -> str:
        """A name not used before."""
        self.numbers += 1
        return f"{letter}{self.numbers}"

    def constant(self, value: str, letter: str) -> str:
        """The name of a module constant with this Python expression as value."""
        return self.constants.setdefault(value, f"{letter}{len(self.constants)}")

    def tag(self, name: str) -> str:
        return self.constant(repr(name), "T")

    def codes(self, values: frozenset[str]) -> str:
        return self.constant(f"frozenset({sorted(values)!r})", "L")

    def define(self, letter: str, parameters: str, body: str) -> str:
        """A function; the same text gives the same function."""
        key = f"({parameters}): {body}"
        known = self.shared.get(("function", key))
        if known is not None:
            return known[0]
        if len(self.definitions) > _MOST_FUNCTIONS:
            raise Refused("more functions than any published rule set has")
        name = self.fresh(letter)
        self.definitions.append(f"def {name}({parameters}):\n{body}\n")
        self.shared[("function", key)] = name, Code(name, Kind.ITEM, "1")
        return name

    def once(self, expression: str) -> str:
        """The value of a Python expression over the document, computed when first needed."""
        name = self.fresh("h")
        self.lazy[name] = expression
        return f"S[{name!r}]"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression stands: Python names of the context item, of variables, of the position.

    `current` is the node that the rule is about. `where` names the rule in errors.
    """

    writer: Writer
    node: str
    kind: Kind
    variables: Mapping[str, Code]
    current: str = ""
    position: str = ""
    last: str = ""

    def code(self, expression: Expression) -> Code:
        return self.writer.compile(expression, self)

    def at(self, node: str, kind: Kind, *, position: str = "", last: str = "") -> Scope:
        """The same place with another context item."""
        return replace(self, node=node, kind=kind, position=position, last=last)

    def bind(self, name: str, code: Code) -> Scope:
        return replace(self, variables={**self.variables, name: code})

    def document(self) -> Scope:
        """The document as context, with only those variables that depend on nothing else."""
        known = {name: code for name, code in self.variables.items() if code.everywhere}
        return Scope(self.writer, "S.d.node", Kind.DOCUMENT, known)
