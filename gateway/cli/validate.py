"""gateway validate: e-invoices as files, judged by the official schema and rules."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from formats.finding import RunState, Severity
from gateway.cli.output import OUT, config_folder
from gateway.rules.engine import Engine, RulesEngine
from gateway.rules.judging import Judged, judge_file, known_profile
from gateway.rules.store import RuleShelf, rule_folders

__all__ = ["register"]


def validate(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="invoices and credit notes: UBL, CII or hybrid PDF")],
    profile: Annotated[
        str, typer.Option(help="judge as this profile; from the document without it", show_default=False)
    ] = "",
    engine: Annotated[Engine, typer.Option(help="who judges by the business rules")] = Engine.COMPILED,
    jsonl: Annotated[bool, typer.Option(help="one JSON object a file, for machines")] = False,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="by the rules in force on this day", show_default="today"),
    ] = None,
) -> None:
    """Judge files by the official schema and rules.

    With --jsonl business rules are run on files that break the schema too, and the exit status is 0 if all
    checks ran; without it, 0 if all files passed.
    """
    if profile:
        known_profile(profile)
    sound = True
    shelf = RuleShelf(rule_folders(config_folder(context)))
    with RulesEngine(shelf, engine=engine) as rules:
        for file in files:
            judged = judge_file(
                file, rules, profile, rules_despite_schema=jsonl, on=on.date() if on else None
            )
            if jsonl:
                sound &= judged.report is None or not judged.report.not_run
                sys.stdout.write(json.dumps(_line(file, judged), ensure_ascii=False) + "\n")
                sys.stdout.flush()
            else:
                sound &= judged.report is not None and judged.report.passed
                _show(file, judged)
    if not sound:
        raise typer.Exit(1)


def _line(file: Path, judged: Judged) -> dict[str, Any]:
    """One file for machines; "error" says why there is no verdict, or which part of it is missing."""
    findings = judged.report.findings if judged.report else ()
    rules = [finding for finding in findings if finding.rule != "XSD"]
    line: dict[str, Any] = {
        "file": str(file),
        "profile": judged.profile.key if judged.profile else "",
        "schema": sorted({finding.text for finding in findings if finding.rule == "XSD"}),
        "fatal": sorted({finding.rule for finding in rules if finding.severity is Severity.FATAL}),
        "warning": sorted({finding.rule for finding in rules if finding.severity is Severity.WARNING}),
    }
    not_run = judged.report.not_run if judged.report else ()
    error = judged.error or "; ".join(f"{run.name} not run: {run.note}" for run in not_run)
    return {**line, "error": error} if error else line


def _show(file: Path, judged: Judged) -> None:
    profile, report = judged.profile, judged.report
    if profile is None or report is None:
        OUT.print(Text.assemble(f"{file}: ", ("not judged", "bold red"), f". {judged.error}"), soft_wrap=True)
        return
    verdict = ("passed", "green") if report.passed else ("not passed", "bold red")
    OUT.print(Text.assemble(f"{file}: ", verdict, f" as {profile.title}"), soft_wrap=True)
    for run in report.runs:
        style = {RunState.PASSED: "green", RunState.FAILED: "red"}.get(run.state, "yellow")
        line = (f"  {run.name} {run.release}: ", (str(run.state), style), f"  {run.note}")
        OUT.print(Text.assemble(*line), soft_wrap=True)
    for finding in report.findings:
        head = (f"  {finding.severity} {finding.rule}", "red" if finding.severity == "fatal" else "yellow")
        OUT.print(Text.assemble(head, f"  {finding.text.strip()}"), soft_wrap=True)
        if finding.location:
            place = f"{finding.location}, line {finding.line}" if finding.line else finding.location
            OUT.print(Text(f"      at {place}", style="dim"), soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(validate)
