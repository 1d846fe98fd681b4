"""What a pack asks, rule by rule: for showing one rule, and for comparing two releases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from formats.errors import ConfigError, MalformedDocument
from formats.registry import SYNTAXES
from formats.rules.model import RuleSet, Source
from formats.rules.reading import read_rules
from gateway.rules.compiled import resolver
from gateway.rules.findings import terms_in
from gateway.rules.packs import RulePack, read_loose

__all__ = ["Difference", "PublishedRule", "differences", "rules_of", "terms_by_rule"]


@dataclass(frozen=True, slots=True)
class PublishedRule:
    """One assertion as published. `fires_on` says that the test names the fault, not the requirement."""

    rule: str
    flag: str
    text: str
    context: str
    test: str
    fires_on: bool
    syntax: str = ""

    @property
    def terms(self) -> tuple[str, ...]:
        """The business terms that the text names, or else those at the places that the test looks at."""
        named = terms_in(self.text)
        return named or (SYNTAXES[self.syntax].concerned(self.context, self.test) if self.syntax else ())


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule that is new, gone or changed between two releases; `what` names what changed."""

    rule: str
    what: str
    before: PublishedRule | None
    after: PublishedRule | None


def rules_of(pack: RulePack) -> tuple[PublishedRule, ...]:
    """The assertions of a pack in the publisher's order. Raises ConfigError for rules that cannot be read."""
    artefact = read_loose(pack.path, pack.root)
    try:
        rule_set = read_rules(artefact.files[artefact.name], resolver(artefact.name, artefact.files), "")
    except MalformedDocument as error:
        raise ConfigError(error.what, where=str(pack.path), fix="add the pack again") from error
    return tuple(_published(rule_set, pack.syntax if pack.syntax in SYNTAXES else ""))


@cache
def terms_by_rule(pack: RulePack) -> Mapping[str, tuple[str, ...]]:
    """The business terms that each rule of a pack is about, by its id; read once. Raises as `rules_of`."""
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules_of(pack):
        found[rule.rule] = tuple(dict.fromkeys((*found.get(rule.rule, ()), *rule.terms)))
    return found


def differences(before: RulePack, after: RulePack) -> tuple[Difference, ...]:
    """What a release changes, by rule id. Several assertions under one id are taken together."""
    old, new = _by_id(before), _by_id(after)
    found = []
    for rule in sorted({*old, *new}):
        was, now = old.get(rule, ()), new.get(rule, ())
        if not was or not now:
            what = "new" if now else "gone"
            found.append(Difference(rule, what, was[0] if was else None, now[0] if now else None))
        elif changed := _changed(was, now):
            found.append(Difference(rule, changed, was[0], now[0]))
    return tuple(found)


def _changed(was: tuple[PublishedRule, ...], now: tuple[PublishedRule, ...]) -> str:
    names = []
    for name in ("flag", "test", "context", "text"):
        if [getattr(rule, name) for rule in was] != [getattr(rule, name) for rule in now]:
            names.append({"flag": "severity"}.get(name, name))
    return ", ".join(names)


def _by_id(pack: RulePack) -> dict[str, tuple[PublishedRule, ...]]:
    found: dict[str, tuple[PublishedRule, ...]] = {}
    for rule in rules_of(pack):
        found[rule.rule] = (*found.get(rule.rule, ()), rule)
    return found


def _published(rule_set: RuleSet, syntax: str) -> Iterator[PublishedRule]:
    for pattern in rule_set.patterns:
        for rule in pattern.rules:
            for assertion in rule.asserts:
                text = "".join(
                    f"{{{part.text}}}" if isinstance(part, Source) else part for part in assertion.text
                )
                yield PublishedRule(
                    assertion.id,
                    assertion.flag,
                    " ".join(text.split()),
                    " ".join(rule.context.text.split()),
                    " ".join(assertion.test.text.split()),
                    assertion.when,
                    syntax,
                )
