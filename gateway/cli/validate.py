"""gateway validate: e-invoices as files, judged by the official schema and rules."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.judged_lines import Order, engine_for, judge, judged_lines
from gateway.cli.languages import Language
from gateway.cli.output import config_folder, print_json
from gateway.rules.engine import Engine, RulesEngine
from gateway.rules.judging import Judged, known_profile

__all__ = ["register"]


def validate(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="invoices and credit notes: UBL, CII or hybrid PDF")],
    profile: Annotated[
        str, typer.Option(help="judge as this profile; from the document without it", show_default=False)
    ] = "",
    engine: Annotated[Engine, typer.Option(help="who judges by the business rules")] = Engine.COMPILED,
    jsonl: Annotated[bool, typer.Option(help="one JSON object a file, for machines")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="everything about each finding, as JSON")] = False,
    language: Annotated[Language, typer.Option(help="of the gateway's own words")] = Language.EN,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="by the rules in force on this day", show_default="today"),
    ] = None,
    jobs: Annotated[int, typer.Option(min=0, help="processes for many files", show_default="by CPU")] = 0,
) -> None:
    """Judge files by the official schema and rules.

    Exit status 0 if all files passed, 1 if not. With --jsonl business rules are run on files that break the
    schema too, and the exit status is 0 if all checks ran, whatever they found.
    """
    if profile:
        known_profile(profile)
    day = on.date() if on else None
    order = Order(config_folder(context), profile, engine, day, language, jsonl)
    sound = True
    if jsonl:
        for line, ran in judged_lines(files, order, jobs):
            sound &= ran
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    else:
        from gateway.cli.findings import judged_facts, print_judged  # terminals need it, machines do not

        facts = []
        with engine_for(order) as rules:
            for file in files:
                judged = _with_terms(judge(file, rules, order), rules)
                sound &= judged.report is not None and judged.report.passed and not judged.doubt
                if as_json:
                    facts.append(judged_facts(file, judged, language))
                else:
                    print_judged(file, judged, language)
        if as_json:
            print_json(facts)
    if not sound:
        raise typer.Exit(1)


def _with_terms(judged: Judged, rules: RulesEngine) -> Judged:
    """The same, with the terms of rules whose text and place name none, for people who mend an invoice."""
    report, profile = judged.report, judged.profile
    if report is None or profile is None or all(finding.terms for finding in report.findings):
        return judged
    from gateway.rules.catalogue import terms_by_rule  # reads published rules, which most files do not need

    known: dict[str, tuple[str, ...]] = {}
    for pack in filter(None, map(rules.in_force, profile.rule_packs)):
        known.update(terms_by_rule(pack))
    findings = tuple(
        finding if finding.terms else replace(finding, terms=known.get(finding.rule, ()))
        for finding in report.findings
    )
    return replace(judged, report=replace(report, findings=findings))


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(validate)
