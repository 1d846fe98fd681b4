"""Both engines on the same documents: do the compiled rules of a pack say what Saxon says?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml import etree

from formats.finding import Finding, Report, Severity
from formats.registry import SYNTAXES
from formats.syntaxes import xml
from gateway.rules import xsd
from gateway.rules.engine import Engine, RulesEngine
from gateway.rules.mutants import mutants
from gateway.rules.packs import RulePack

__all__ = ["Comparison", "Inequality", "compare"]

_MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Inequality:
    """A document on which the engines differ: ids that only Saxon finds, and ids that only the compiled rules
    find."""

    document: str
    missing: tuple[str, ...]
    extra: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`stopped` counts documents on which Saxon stops with an error of the rules themselves: the compiled
    rules then name the rule as fatal and keep the rest, so there is nothing to compare. `fired` are the rule
    ids seen at least once, out of `rules`."""

    documents: int
    equal: int
    stopped: int
    hits: int
    fired: int
    rules: int
    unequal: tuple[Inequality, ...]

    @property
    def holds(self) -> bool:
        """Whether the engines agreed on everything that could be compared, and something could."""
        return self.equal > 0 and self.equal + self.stopped == self.documents


def compare(
    pack: RulePack,
    documents: Iterable[tuple[str, bytes]],
    compiled: RulesEngine,
    saxon: RulesEngine,
    *,
    copies: int,
    rules: int = 0,
) -> Comparison:
    """Run a pack by both engines on each document and on damaged copies of each that the schema accepts.

    Of `copies` damaged ones most break the schema: those never reach the rules, and where the rules
    themselves are in error on them, it is Saxon's order of evaluation that decides what it says.

    `documents` are their names and bytes. `compiled` and `saxon` are engines of that kind. Raises ConfigError
    where the compiler refuses the pack.
    """
    if compiled.engine is not Engine.COMPILED or saxon.engine is not Engine.SAXON:
        raise ValueError("one engine of each kind is compared")
    count = equal = stopped = 0
    hits: Counter[str] = Counter()
    unequal: list[Inequality] = []
    binding = SYNTAXES[pack.syntax]
    for name, content in _with_copies(documents, copies, pack.syntax):
        count += 1
        root = xml.parse(content, as_written=True)
        judge = saxon.run_pack(root, pack, binding, source=content)
        own = compiled.run_pack(root, pack, binding, source=content)  # as every check of a document does
        if judge.not_run:
            stopped += 1
            continue
        wanted, got = _ids(judge), _ids(own)
        hits.update(rule for rule, _ in wanted)
        if wanted == got and not own.not_run:
            equal += 1
        elif len(unequal) < _MOST_SHOWN:
            unequal.append(Inequality(name, _texts(wanted - got), _texts(got - wanted)))
    return Comparison(count, equal, stopped, hits.total(), len(hits), rules, tuple(unequal))


def _with_copies(
    documents: Iterable[tuple[str, bytes]], copies: int, syntax: str
) -> Iterator[tuple[str, bytes]]:
    for seed, (name, content) in enumerate(documents, 1):
        yield name, content
        if not copies:
            continue
        root = xml.parse(content, as_written=True)
        schema = xsd.load(syntax, etree.QName(root).localname)
        for number, other in enumerate(mutants(root, copies, seed=seed), 1):
            if schema is None or schema.accepts(other):
                yield f"{name}, copy {number}", etree.tostring(other, encoding="UTF-8")


def _ids(report: Report) -> frozenset[tuple[str, Severity]]:
    return frozenset(map(_id, report.findings))


def _id(finding: Finding) -> tuple[str, Severity]:
    return finding.rule, finding.severity


def _texts(ids: frozenset[tuple[str, Severity]]) -> tuple[str, ...]:
    return tuple(sorted(f"{rule} {severity}" for rule, severity in ids))
