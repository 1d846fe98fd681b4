"""Findings of rules, and the report of one check: what passed, what failed, what could not be run.

A broken business rule is not an exception. A check that could not run has not passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CheckRun", "Finding", "Report", "RunState", "Severity"]


class Severity(StrEnum):
    """How the publisher of the rule weighs it."""

    FATAL = "fatal"
    WARNING = "warning"


class RunState(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule at one place.

    `rule` is the publisher's id as published, or "XSD" for a schema violation. `location` is an XPath into
    the checked document, `terms` the business terms the official text or the location names ("BT-112"), in
    order. `line` and `column` say where that is in the checked bytes, both from 1; None where nobody knows.
    """

    rule: str
    severity: Severity
    text: str
    location: str = ""
    terms: tuple[str, ...] = ()
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One check of one document: its name, its source's release, and how it ended.

    `note` explains a check that was not run, or says that its rules are superseded.
    """

    name: str
    release: str
    state: RunState
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one document. It passes when every check ran and none found a fatal fault."""

    runs: tuple[CheckRun, ...]
    findings: tuple[Finding, ...]

    @property
    def fatal(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.FATAL)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)

    @property
    def not_run(self) -> tuple[CheckRun, ...]:
        return tuple(run for run in self.runs if run.state is RunState.NOT_RUN)

    @property
    def passed(self) -> bool:
        return bool(self.runs) and all(run.state is RunState.PASSED for run in self.runs)
