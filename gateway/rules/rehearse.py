"""A coming release on past invoices: which of those that went out would it refuse, and why?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from formats.errors import DocumentError
from formats.finding import Finding, Report
from formats.profiles.profile import Profile
from formats.registry import SYNTAXES
from formats.syntaxes import xml
from gateway.rules.engine import RulesEngine
from gateway.rules.packs import RulePack

__all__ = ["Rehearsed", "rehearse"]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One document. `newly` are the findings of rules that the release in force does not find broken; fatal
    ones first. `problem` says why the document could not be judged, "" where it could."""

    number: str
    newly: tuple[Finding, ...]
    problem: str = ""

    @property
    def would_fail(self) -> bool:
        """Whether the coming release refuses what the one in force lets pass."""
        return any(finding.severity == "fatal" for finding in self.newly)


def rehearse(
    coming: RulePack, documents: Iterable[tuple[str, Profile, bytes]], engine: RulesEngine
) -> Iterator[Rehearsed]:
    """Each stored document (number, profile, bytes) that the rule set concerns, under the coming release.

    Compared is with the release of the same set in force today; nothing is changed or sent.
    """
    current = engine.in_force(coming.key)
    for number, profile, content in documents:
        if coming.key not in profile.rule_packs:
            continue
        try:
            root = xml.parse(content, as_written=True)
        except DocumentError as error:
            yield Rehearsed(number, (), error.sentence)
            continue
        binding = SYNTAXES[profile.syntax]
        after = engine.run_pack(root, coming, binding, source=content)
        if after.not_run:
            yield Rehearsed(number, (), after.not_run[0].note)
            continue
        before = Report((), ())
        if current is not None:
            before = engine.run_pack(root, current, binding, source=content)
        known = {(finding.rule, finding.severity) for finding in before.findings}
        newly = [finding for finding in after.findings if (finding.rule, finding.severity) not in known]
        newly.sort(key=lambda finding: finding.severity != "fatal")
        yield Rehearsed(number, tuple(newly))
