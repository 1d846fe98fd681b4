"""How findings look: on the terminal, in four languages, and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from formats.errors import MalformedDocument
from formats.finding import Finding, RunState
from formats.model.invoice import Invoice
from formats.phrases import phrases
from formats.registry import SYNTAXES
from gateway.cli.output import OUT, shown
from gateway.rules.clerk import Explained, TermValues, explained
from gateway.rules.judging import Judged

__all__ = ["finding_facts", "judged_facts", "print_findings", "print_judged"]

_LABEL: Final = 18
_MOST_PLACES: Final = 5


def _invoice_in(judged: Judged) -> Invoice | None:
    """What the judged document says, for showing its numbers; None where it cannot be read."""
    if judged.tree is None or judged.profile is None:
        return None
    try:
        return SYNTAXES[judged.profile.syntax].read_tree(judged.tree)
    except MalformedDocument:
        return None


def judged_facts(file: Path, judged: Judged, language: str) -> dict[str, Any]:
    """One file for machines, with everything that is known of each finding."""
    report = judged.report
    facts: dict[str, Any] = {
        "file": str(file),
        "profile": judged.profile.key if judged.profile else "",
        "title": judged.profile.title if judged.profile else "",
        "passed": report is not None and report.passed and not judged.doubt,
        "error": judged.error or judged.doubt,
        "runs": [asdict(run) for run in report.runs] if report else [],
        "findings": [],
    }
    if report is not None and report.findings:
        invoice = _invoice_in(judged)
        facts["findings"] = [
            finding_facts(finding, explained(finding, invoice, language)) for finding in report.findings
        ]
    return facts


def finding_facts(finding: Finding, told: Explained) -> dict[str, Any]:
    """One finding for machines; amounts as text."""
    return {
        "rule": finding.rule,
        "severity": str(finding.severity),
        "text": finding.text,
        "sentence": told.sentence,
        "invoice_line": told.line,
        "terms": [asdict(term) for term in told.terms],
        "sums": [
            {
                "term": one.term,
                "expected": format(one.expected, "f"),
                "stated": None if one.stated is None else format(one.stated, "f"),
                "difference": None if one.difference is None else format(one.difference, "f"),
            }
            for one in told.sums
        ],
        "location": finding.location,
        "line": finding.line,
        "column": finding.column,
    }


def print_judged(file: Path, judged: Judged, language: str) -> None:
    """One file for people."""
    words = phrases(language)
    profile, report = judged.profile, judged.report
    if profile is None or report is None:
        state = (words["label.not_judged"], "bold red")
        OUT.print(Text.assemble(shown(str(file)), ": ", state, ". ", shown(judged.error)), soft_wrap=True)
        return
    passed = report.passed and not judged.doubt
    verdict = (words["label.passed"], "green") if passed else (words["label.failed"], "bold red")
    title = words["label.as"].format(title=profile.title)
    OUT.print(Text.assemble(shown(str(file)), ": ", verdict, f" {title}"), soft_wrap=True)
    if judged.doubt:
        OUT.print(shown(f"  {judged.doubt}", "yellow"), soft_wrap=True)
    for run in report.runs:
        style = {RunState.PASSED: "green", RunState.FAILED: "red"}.get(run.state, "yellow")
        state = (words[f"state.{run.state}"], style)
        OUT.print(
            Text.assemble(f"  {run.name} {run.release}: ", state, shown(f"  {run.note}" if run.note else "")),
            soft_wrap=True,
        )
    invoice = _invoice_in(judged) if report.findings else None
    print_findings([(finding, explained(finding, invoice, language)) for finding in report.findings], words)


def print_findings(found: Iterable[tuple[Finding, Explained]], words: Mapping[str, str]) -> None:
    """Each rule once, with its published text, what is wrong with which numbers, and the places."""
    by_rule: dict[tuple[str, str, str], list[tuple[Finding, Explained]]] = {}
    for finding, told in found:
        text = told.sentence if finding.rule == "XSD" else finding.text
        by_rule.setdefault((finding.severity, finding.rule, " ".join(text.split())), []).append(
            (finding, told)
        )
    for (severity, rule, text), same in by_rule.items():
        style = "red" if severity == "fatal" else "yellow"
        OUT.print(
            Text.assemble((f"  {words[f'severity.{severity}']} {rule}", style), "  ", shown(text)),
            soft_wrap=True,
        )
        before = ""
        for finding, told in same[:_MOST_PLACES]:
            before = _print_one(finding, told, words, before)
        if len(same) > _MOST_PLACES:
            _row("", words["label.more"].format(count=len(same) - _MOST_PLACES))


def _print_one(finding: Finding, told: Explained, words: Mapping[str, str], before: str) -> str:
    """One place. `before` are the values of the place before, which are not said again; gives its own."""
    if told.shown:
        _row(words["label.why"], told.sentence)
    values = "; ".join(_value(term, words) for term in told.terms)
    if values and values != before:
        _row(words["label.values"], values)
    if finding.location:
        _row(words["label.place"], _place(finding, words))
    return values


def _value(term: TermValues, words: Mapping[str, str]) -> str:
    return f"{term.name} ({term.term}): {', '.join(term.values) or words['label.empty']}"


def _place(finding: Finding, words: Mapping[str, str]) -> str:
    place = finding.location
    if finding.line:
        place += f", {words['label.line']} {finding.line}"
    if finding.column:
        place += f", {words['label.column']} {finding.column}"
    return place


def _row(label: str, text: str) -> None:
    OUT.print(Text.assemble((f"      {label:{_LABEL}} ", "dim"), shown(text)), soft_wrap=True)
