"""gateway validate: e-invoices as files, judged by the official schema and rules."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from formats.finding import Severity
from gateway.cli.languages import Language
from gateway.cli.output import config_folder, print_json
from gateway.rules.engine import Engine, RulesEngine
from gateway.rules.judging import Judged, judge_file, known_profile
from gateway.rules.store import RuleShelf, rule_folders

__all__ = ["register"]

# Fewer files are done before another process has started.
_FEW: Final = 100
_AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class _Order:
    """What is asked of each file, in a form that other processes take."""

    config: Path
    profile: str
    engine: Engine
    on: date | None
    language: Language
    short: bool


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
    order = _Order(config_folder(context), profile, engine, day, language, jsonl)
    sound = True
    if jsonl:
        for line, ran in _lines(files, order, jobs):
            sound &= ran
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    else:
        from gateway.cli.findings import judged_facts, print_judged  # terminals need it, machines do not

        facts = []
        with _engine(order) as rules:
            for file in files:
                judged = _with_terms(_judge(file, rules, order), rules)
                sound &= judged.report is not None and judged.report.passed and not judged.doubt
                if as_json:
                    facts.append(judged_facts(file, judged, language))
                else:
                    print_judged(file, judged, language)
        if as_json:
            print_json(facts)
    if not sound:
        raise typer.Exit(1)


def _engine(order: _Order) -> RulesEngine:
    shelf = RuleShelf(rule_folders(order.config))
    return RulesEngine(shelf, engine=order.engine, language=order.language)


def _judge(file: Path, rules: RulesEngine, order: _Order) -> Judged:
    return judge_file(file, rules, order.profile, rules_despite_schema=order.short, on=order.on)


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


def _lines(files: Sequence[Path], order: _Order, jobs: int) -> Iterator[tuple[str, bool]]:
    """The line of each file, in their order, and whether all its checks ran."""
    # Each process would have a Saxon of its own beside it.
    most = 1 if order.engine is Engine.SAXON and not jobs else jobs or _processors()
    if most == 1 or len(files) < _FEW:
        with _engine(order) as rules:
            for file in files:
                yield _line(file, _judge(file, rules, order))
        return
    # Takes a moment to load, and most calls have a few files.
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    parts = [tuple(files[start : start + _AT_ONCE]) for start in range(0, len(files), _AT_ONCE)]
    pool = ProcessPoolExecutor(min(most, len(parts)), mp_context=get_context("spawn"))
    with pool:
        futures = [pool.submit(_lines_of, part, order) for part in parts]
        for part, future in zip(parts, futures, strict=True):
            try:
                yield from future.result()
            except BrokenProcessPool:
                why = "the process that checked it ended; check it again by itself"
                yield from (_line(file, Judged(None, None, why), ran=False) for file in part)


def _processors() -> int:
    """Those that this process may use, which in a container are fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_HERE: dict[_Order, RulesEngine] = {}


def _lines_of(part: tuple[Path, ...], order: _Order) -> list[tuple[str, bool]]:
    """In a process of the pool, which keeps its engine from one part to the next."""
    if order not in _HERE:
        _HERE[order] = _engine(order)
    return [_line(file, _judge(file, _HERE[order], order)) for file in part]


def _line(file: Path, judged: Judged, *, ran: bool = True) -> tuple[str, bool]:
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
    missing = "; ".join(f"{run.name} not run: {run.note}" for run in not_run)
    if error := "; ".join(filter(None, (judged.error, judged.doubt, missing))):
        line["error"] = error
    # ASCII: a file name of any bytes stays one that can be read back.
    return json.dumps(line), ran and not not_run


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(validate)
