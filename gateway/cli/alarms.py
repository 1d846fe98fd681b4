"""gateway alarms: what is not as it should be, and who looks after it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from formats.errors import ConfigError
from gateway.alarms import deciding
from gateway.alarms.rounds import Rounds
from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.store import alarms
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(help="what is not as it should be, and who looks after it", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    look: Annotated[bool, typer.Option("--look", help="look at everything first")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Open alarms. Ends with 1 where there is one."""
    if context.invoked_subcommand is not None:
        return
    with closing(Gateway.open(config_folder(context))) as gateway:
        if look:
            Rounds(gateway).look(everything=True)
        with gateway.database.read() as connection:
            found = alarms.open_ones(connection)
    if as_json:
        print_json([asdict(one) for one in found])
    elif not found:
        OUT.print("No alarm is open.")
    else:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("Id", "Since (UTC)", "Kind", "What", "What to do", "Taken by"):
            table.add_column(name, overflow="fold")
        for one in found:
            cells = (one.id[:8], f"{one.since:%Y-%m-%d %H:%M}", one.kind, one.sentence, one.fix, one.taken_by)
            table.add_row(*(shown(cell) for cell in cells))
        OUT.print(table)
    if found:
        raise typer.Exit(1)


@app.command()
def take(
    context: typer.Context,
    alarm: Annotated[str, typer.Argument(metavar="ID", help="its id, or the first signs of it")],
    by: Annotated[str, typer.Option(help="who looks after it; kept in the record")],
    reason: Annotated[str, typer.Option(help="what is done about it")] = "",
) -> None:
    """Say that somebody looks after an alarm, so that it is not told again."""
    with closing(Gateway.open(config_folder(context))) as gateway:
        with gateway.database.read() as connection:
            found = alarms.beginning(connection, alarm)
        if len(found) != 1:
            raise ConfigError(
                f"{'no open alarm' if not found else 'more than one open alarm'} begins with {alarm[:40]}",
                where="gateway alarms",
                fix="write the id as gateway alarms shows it, or more of it",
            )
        done = deciding.take(gateway, found[0], by=by, reason=reason)
    OUT.print("It is noted." if done else "Somebody else looks after it already.")


@app.command()
def counts(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=366, help="how many past days")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Posted, received, delivered and acknowledged, by source and day, as last counted."""
    with closing(Gateway.open(config_folder(context))) as gateway:
        names = [one.name for one in gateway.settings.sources]
        since = gateway.clock().date() - timedelta(days=days)
        with gateway.database.read() as connection:
            found = alarms.counts_of(connection, names, since)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Source", "Day", "Posted", "Received", "Delivered", "ERP knows", "Stopped", "About the ERP"):
        text = name in ("Source", "Day", "About the ERP")
        table.add_column(name, overflow="fold", justify="left" if text else "right")
    for one in found:
        posted = "?" if one.posted is None else str(one.posted)
        numbers = (one.received, one.delivered, one.acknowledged, one.stopped)
        cells = (one.source, one.day.isoformat(), posted, *map(str, numbers), one.said)
        table.add_row(*(shown(cell) for cell in cells))
    OUT.print(table)
