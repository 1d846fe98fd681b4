"""Published rules compiled to Python, and checked against documents.

`compile_rules` turns a Schematron (or the XSLT generated from one) into Python source, `load` turns that
source into a checker. A rule set is compiled whole or refused whole. The source holds nothing from the
published rules but data: its names are numbered, its strings are literals, and it is looked over before it is
handed out.
"""

from __future__ import annotations

import builtins
import marshal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from types import CodeType
from typing import Any, Final

from lxml import etree

from formats.errors import ConfigError
from formats.rules import arithmetic, axes, casts, picture, regex, single, texts, truth, values
from formats.rules.location import readable
from formats.rules.plan import Hit, Planner, RuleRow
from formats.rules.refusal import FORMAT, TOO_DEEP, NotUnderstood
from formats.rules.running import MOST_PLACES, run
from formats.rules.state import State
from formats.rules.tree import Document, no_collection
from formats.rules.values import ARITHMETIC, FAULTS

__all__ = [
    "FORMAT",
    "BrokenRule",
    "CompiledRules",
    "Document",
    "NotUnderstood",
    "RuleChecker",
    "compile_rules",
    "from_bytes",
    "load",
    "no_collection",
    "to_bytes",
]

_MAGIC: Final = f"gateway rules {FORMAT}\n".encode()


@dataclass(frozen=True, slots=True)
class CompiledRules:
    """Python source of a rule set, always the same for the same rules, and the ids in it, each once."""

    code: str
    rule_ids: tuple[str, ...]
    generator: str


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule that a document breaks at one place.

    `flag` is what the publisher says ("fatal", "warning", "information" ...), "fatal" where nothing is said
    or where it says "error". `location` has positions only among several of the same name
    (/Invoice/cac:InvoiceLine[3]) and the document's own prefixes, none for the root's namespace. `line`
    counts from one. `unevaluable` is the reason why a rule could not be evaluated at all, which is fatal;
    else "".
    """

    rule: str
    flag: str
    text: str
    location: str
    line: int | None
    unevaluable: str = ""


def compile_rules(main: bytes, resolve: Callable[[str], bytes], *, phase: str = "") -> CompiledRules:
    """Python source for a Schematron schema (.sch) or a style sheet generated from one (.xsl, .xslt).

    `resolve` gives the content of files that the rules name, by their relative name. `phase` is the
    Schematron phase to run, "" for the schema's default. Raises NotUnderstood, and MalformedDocument for
    broken XML.
    """
    # Most runs find their rules compiled, and are spared loading the compiler.
    from formats.rules.guard import check_source
    from formats.rules.module import write_module
    from formats.rules.reading import read_rules

    rules = read_rules(main, resolve, phase)
    try:
        code, ids = write_module(rules, resolve)
        check_source(code, _NAMES)
        compile(code, "<rules>", "exec")
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise NotUnderstood(f"an expression: {TOO_DEEP}", rule="all", expression="") from error
    except ValueError as error:
        reason = f"the generated code does not compile: {type(error).__name__} {error}"
        raise NotUnderstood(reason[:300], rule="all", expression="") from error
    return CompiledRules(code, ids, rules.generator)


def shown(compute: Callable[[], str]) -> str:
    """A value inside a rule's text; a text is never worth an error."""
    try:
        return compute()
    except FAULTS:
        return "…"


def _runtime_names() -> dict[str, Any]:
    """All that generated code can reach."""
    names: dict[str, Any] = {"Decimal": Decimal, "shown": shown}
    for module in (arithmetic, axes, casts, picture, single, texts, truth, values, regex):
        for name, value in vars(module).items():
            if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__:
                names[name] = value
    names["FAULTS"] = FAULTS
    allowed = "any all len sum float int bool enumerate range ord frozenset"
    names["__builtins__"] = {name: getattr(builtins, name) for name in allowed.split()}
    return names


_NAMES: Final = frozenset(_runtime_names()) | frozenset(_runtime_names()["__builtins__"])


class RuleChecker:
    """A loaded rule set. Any number of threads may call `check`."""

    def __init__(self, module: dict[str, Any]) -> None:
        self._asserts: tuple[tuple[str, str, Any], ...] = module["ASSERTS"]
        self._lazy: dict[str, Callable[[State], Any]] = module["LAZY"]
        self._doubts: dict[int, str] = module.get("DOUBTS", {})
        self._module = module
        self._tests_again: dict[int, Callable[[Any, State], bool]] = {}
        self._planner = Planner(
            RuleRow(number, pattern, ways, function, forbidden)
            for number, (pattern, ways, function, forbidden) in enumerate(module["RULES"])
        )

    def check(
        self, root: etree._Element | Document, *, now: datetime | None = None
    ) -> tuple[BrokenRule, ...]:
        """The rules that a document breaks, in document order, then in the order of the rule set.

        `now` (aware) is the moment of the check, for rules that ask for today's date; without it these cannot
        be evaluated. A rule that is broken in a thousand places is not named in more. Several checkers share
        one `Document`. Raises MalformedDocument if it is nested too deeply.
        """
        document = root if isinstance(root, Document) else Document(root)
        with localcontext(ARITHMETIC), no_collection:
            state = State(document, self._lazy, now)
            hits = [known for hit in run(self._planner, state) if (known := self._looked_into(hit, state))]
            if not hits:
                return ()
            once = {(id(node), index): (index, node, error) for index, node, error in hits}
            ordered = sorted(once.values(), key=lambda hit: (hit[1].i, hit[0]))
            return tuple(self._broken(hit, state) for hit in _first_of_each(ordered))

    def _looked_into(self, hit: Hit, state: State) -> Hit | None:
        """A hit as it is; of a test that could not be evaluated what its other parts say, if they decide
        it."""
        index, node, error = hit
        if error is None or index not in self._doubts:
            return hit
        try:
            fires = self._test_again(index)(node, state)
        except FAULTS:
            return hit
        return (index, node, None) if fires else None

    def _test_again(self, index: int) -> Callable[[Any, State], bool]:
        if (known := self._tests_again.get(index)) is not None:
            return known
        code = compile(self._doubts[index], "<rules>", "exec", dont_inherit=True)
        names: dict[str, Callable[[Any, State], bool]] = {}
        exec(code, self._module, names)  # noqa: S102  looked over with the rest of the generated code
        self._tests_again[index] = test = names["e1"]
        return test

    def _broken(self, hit: Hit, state: State) -> BrokenRule:
        index, node, error = hit
        rule, flag, text = self._asserts[index]
        message = text if isinstance(text, str) else text(node, state)
        location, line = readable(state.d, node)
        message = " ".join(message.split())
        if error is None:
            return BrokenRule(rule, flag, message, location, line)
        return BrokenRule(rule, "fatal", message, location, line, _reason(error))


def _first_of_each(ordered: list[Hit]) -> Iterator[Hit]:
    """Of each rule the first hits: nobody reads more, and a hostile document could ask for millions."""
    seen: Counter[int] = Counter()
    for hit in ordered:
        seen[hit[0]] += 1
        if seen[hit[0]] <= MOST_PLACES:
            yield hit


def _reason(error: Exception) -> str:
    if isinstance(error, values.Fault):
        return str(error)[:300]
    return {"RecursionError": "a function of the rules called itself too often"}.get(
        type(error).__name__, f"a number out of range ({type(error).__name__})"
    )


def load(code: str) -> RuleChecker:
    """The checker of some generated source. Raises ConfigError for code of another version."""
    return _loaded(compile(code, "<rules>", "exec", dont_inherit=True))


def to_bytes(code: str) -> bytes:
    """Generated source as bytecode of this Python, which loads many times faster; to be kept beside the
    source."""
    return _MAGIC + marshal.dumps(compile(code, "<rules>", "exec", dont_inherit=True))


def from_bytes(kept: bytes) -> RuleChecker:
    """The checker of kept bytecode.

    Only for files that this installation wrote itself with this version of Python: the caller's file name
    should hold `sys.implementation.cache_tag`. Raises ConfigError for anything else.
    """
    if not kept.startswith(_MAGIC):
        raise _other_version()
    try:
        code = marshal.loads(kept[len(_MAGIC) :])  # noqa: S302  written by to_bytes, see above
    except (EOFError, ValueError, TypeError) as error:
        raise _other_version() from error
    if not isinstance(code, CodeType):
        raise _other_version()
    return _loaded(code)


def _loaded(code: CodeType) -> RuleChecker:
    module = _runtime_names()
    exec(code, module)  # noqa: S102  source of our own making, without published names, without builtins
    if module.get("FORMAT") != FORMAT:
        raise _other_version()
    return RuleChecker(module)


def _other_version() -> ConfigError:
    return ConfigError(
        "the compiled rules were made by another version of the gateway",
        where="compiled rules",
        fix="compile the rules again: delete the cached file",
    )
