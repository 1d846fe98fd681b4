"""gateway connector-test: the shared behaviours against a connector and its imitated other side."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from connectors.conformance.outcome import Outcome, Verdict
from connectors.conformance.registry import trial_kinds
from connectors.conformance.suite import run
from connectors.conformance.table import MARKS, markdown
from formats.errors import ConfigError
from gateway import logs
from gateway.cli.output import ERRORS, OUT, print_json, shown
from gateway.clock import utc_now

__all__ = ["register"]

_STYLES: Final = {Verdict.PASSED: "green", Verdict.FAILED: "bold red", Verdict.NOT_APPLICABLE: "dim"}
_SILENT: Final = logging.CRITICAL + 1


def connector_test(
    kinds: Annotated[
        list[str] | None, typer.Argument(help="kinds of connector, for example sap-idoc; all without")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="all kinds, and one table of them as Markdown on standard output")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="also what connectors and imitations log meanwhile")
    ] = False,
) -> None:
    """Put connectors to the test: paging, resuming, faults of every kind, writing once, secrets."""
    known = trial_kinds()
    for kind in kinds or ():
        if kind not in known:
            raise ConfigError(
                f"there is no connector {kind[:100]} that brings a trial",
                where="gateway connector-test",
                fix=f"use one of {', '.join(known) or 'none: no trial is installed'}; see docs/connectors.md",
            )
    if every and kinds:
        raise ConfigError(
            "either kinds of connector or all of them",
            where="gateway connector-test",
            fix="leave out --all, or the names",
        )
    _set_logs(verbose=verbose)
    found: dict[str, list[Outcome]] = {}
    for kind in kinds or known:
        found[kind] = list(_watched(kind, table=not (as_json or every), named=every and not as_json))
    if as_json:
        print_json([{"kind": kind, **asdict(one)} for kind, outcomes in found.items() for one in outcomes])
    elif every:
        sys.stdout.write(markdown(found))
    elif len(found) > 1:
        OUT.print(_matrix(found))
    if any(one.verdict is Verdict.FAILED for outcomes in found.values() for one in outcomes):
        raise typer.Exit(1)


def _set_logs(*, verbose: bool) -> None:
    logs.configure("debug" if verbose else "critical", "text")
    if verbose:
        logging.getLogger("connectors").setLevel(logging.DEBUG)
        return
    # What is provoked here need not be told as it happens; the suite listens by a handler of its own.
    for handler in logging.getLogger().handlers:
        handler.setLevel(_SILENT)
    logging.getLogger("connectors").addHandler(logging.NullHandler())


def _watched(kind: str, *, table: bool, named: bool) -> Iterator[Outcome]:
    """Each outcome as it comes, with a line for people; `named` tells only who is on trial."""
    counts: Counter[Verdict] = Counter()
    if table or named:
        (OUT if table else ERRORS).print(Text(kind, style="bold"))
    for one in run(kind, utc_now):
        counts[one.verdict] += 1
        if table:
            line = Text.assemble((f"  {one.verdict:15}", _STYLES[one.verdict]), f"{one.behaviour:25} ")
            OUT.print(Text.assemble(line, shown(one.note, "dim")), soft_wrap=True)
        yield one
    if table:
        OUT.print("  " + ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict) + "\n")


def _matrix(found: Mapping[str, Sequence[Outcome]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Behaviour")
    for kind in found:
        table.add_column(kind, justify="center")
    for row in zip(*found.values(), strict=True):
        cells = [Text(MARKS[one.verdict], style=_STYLES[one.verdict]) for one in row]
        table.add_row(row[0].behaviour, *cells)
    return table


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("connector-test")(connector_test)
