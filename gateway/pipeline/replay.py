"""Replay: stored source documents through a changed mapping; what would be different? Nothing is sent or
stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from formats.errors import DocumentError
from formats.model import Invoice
from formats.model.plain import differences, to_plain
from formats.registry import PROFILES, SYNTAXES
from gateway.pipeline.submission import State
from gateway.store import documents, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway
from mappings.engine import CompiledMapping

__all__ = ["Replayed", "replay"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """One stored document under both mappings.

    `terms` are places with the value before and after; `newly_broken` and `no_longer_broken` are rules of the
    profile it went out with (fatal ones only); `problem_before` and `problem_after` say why a mapping refuses
    it, "" where it does not.
    """

    number: str
    source: str
    terms: tuple[tuple[str, str, str], ...] = ()
    newly_broken: tuple[str, ...] = ()
    no_longer_broken: tuple[str, ...] = ()
    problem_before: str = ""
    problem_after: str = ""

    @property
    def changed(self) -> bool:
        return bool(self.terms) or self.problem_before != self.problem_after

    @property
    def worse(self) -> bool:
        """Whether the new mapping or the rules refuse what is taken today."""
        return bool(self.newly_broken) or (bool(self.problem_after) and not self.problem_before)


def replay(
    gateway: Gateway, old: CompiledMapping, new: CompiledMapping, *, since: datetime
) -> Iterator[Replayed]:
    """Every document received since then from sources that use the mapping `old`, newest revision only."""
    sources = {source.name for source in gateway.settings.sources if source.mapping == old.name}
    with gateway.database.read() as connection:
        listed = [
            submission
            for submission in submissions.listing(connection)
            if submission.source in sources
            and submission.received_at >= since
            and submission.state is not State.SUPERSEDED
        ]
    for submission in listed:
        yield _replayed(gateway, submission, old, new)


def _replayed(
    gateway: Gateway, submission: Submission, old: CompiledMapping, new: CompiledMapping
) -> Replayed:
    with gateway.database.read() as connection:
        content = documents.get(connection, submission.content_digest).content
    company = gateway.company(submission.source)
    number = submission.number or submission.source_key
    results: list[tuple[Invoice | None, str]] = []
    for mapping in (old, new):
        try:
            results.append((mapping.map(content, submission.part, company).invoice, ""))
        except DocumentError as error:
            results.append((None, error.what))
    (before, problem_before), (after, problem_after) = results
    terms = (
        tuple(differences(to_plain(before), to_plain(after)))
        if before is not None and after is not None
        else ()
    )
    broken_before: frozenset[str] = frozenset()
    broken_after: frozenset[str] = frozenset()
    if terms and before is not None and after is not None and submission.profile in PROFILES:
        broken_before = _broken(gateway, submission.profile, before)
        broken_after = _broken(gateway, submission.profile, after)
    return Replayed(
        number,
        submission.source,
        terms,
        tuple(sorted(broken_after - broken_before)),
        tuple(sorted(broken_before - broken_after)),
        problem_before,
        problem_after,
    )


def _broken(gateway: Gateway, profile_key: str, invoice: Invoice) -> frozenset[str]:
    profile = PROFILES[profile_key]
    report = gateway.rules.check(SYNTAXES[profile.syntax].write(profile.prepare(invoice)), profile)
    not_run = {f"{run.name} not run" for run in report.not_run}
    return frozenset({finding.rule for finding in report.fatal} | not_run)
