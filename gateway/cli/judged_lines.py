"""Files judged for machines, one line of JSON each; apart from the terminal's things, which take longer to
load than a file takes to judge."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from formats.finding import Severity
from gateway.rules.engine import Engine, RulesEngine
from gateway.rules.judging import Judged, judge_file
from gateway.rules.store import RuleShelf, rule_folders

__all__ = ["Order", "engine_for", "judge", "judged_lines"]

# Fewer files are done before another process has started.
_FEW: Final = 100
_AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of each file, in a form that other processes take."""

    config: Path
    profile: str
    engine: Engine
    on: date | None
    language: str
    short: bool


def engine_for(order: Order) -> RulesEngine:
    shelf = RuleShelf(rule_folders(order.config))
    return RulesEngine(shelf, engine=order.engine, language=order.language)


def judge(file: Path, rules: RulesEngine, order: Order) -> Judged:
    return judge_file(file, rules, order.profile, rules_despite_schema=order.short, on=order.on)


def judged_lines(files: Sequence[Path], order: Order, jobs: int) -> Iterator[tuple[str, bool]]:
    """The line of each file, in their order, and whether all its checks ran."""
    # Each process would have a Saxon of its own beside it.
    most = 1 if order.engine is Engine.SAXON and not jobs else jobs or _processors()
    if most == 1 or len(files) < _FEW:
        with engine_for(order) as rules:
            for file in files:
                yield _line(file, judge(file, rules, order))
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


_HERE: dict[Order, RulesEngine] = {}


def _lines_of(part: tuple[Path, ...], order: Order) -> list[tuple[str, bool]]:
    """In a process of the pool, which keeps its engine from one part to the next."""
    if order not in _HERE:
        _HERE[order] = engine_for(order)
    return [_line(file, judge(file, _HERE[order], order)) for file in part]


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
