"""gateway parties: changed bank accounts and addresses of buyers, and who has looked at them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from formats.errors import ConfigError
from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.pipeline.parties import clear_change
from gateway.store import parties
from gateway.store.parties import Change
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(help="changed bank accounts and addresses of buyers", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="also what was cleared, and other facts")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Changes in the buyers' master data that wait for a person."""
    if context.invoked_subcommand is not None:
        return
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            found = parties.changes(connection, waiting=not every)
            known = len(parties.listing(connection))
    finally:
        gateway.close()
    if as_json:
        print_json([_shown(change) for change in found])
        return
    if not found:
        OUT.print(f"Nothing waits for a person; {known} buyers are known.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("ERP", "Buyer", "Fact", "Before", "Now", "Seen (UTC)", "Cleared"):
        table.add_column(name, overflow="fold")
    for change in found:
        row = _shown(change)
        cleared = f"{change.cleared_by}: {change.reason}" if change.cleared_at else ""
        when = f"{change.found_at:%Y-%m-%d %H:%M}"
        cells = (change.source, change.key, change.fact, row["old"], row["new"], when, cleared)
        table.add_row(*(shown(str(cell)) for cell in cells))
    OUT.print(table)
    if any(change.waits for change in found):
        OUT.print(
            "Ask the buyer over a number known before, then: gateway parties clear ERP BUYER --by --reason",
            soft_wrap=True,
        )


@app.command()
def clear(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="the name of the source")],
    key: Annotated[str, typer.Argument(help="the buyer's key in the ERP")],
    by: Annotated[str, typer.Option(help="who checked it; kept in the journal")],
    reason: Annotated[str, typer.Option(help="how it was confirmed; kept in the journal")],
    fact: Annotated[str, typer.Option(help="only this one, iban or electronic_address")] = "",
) -> None:
    """Say that a changed bank account or address was checked and is right."""
    gateway = Gateway.open(config_folder(context))
    try:
        if gateway.settings.four_eyes:
            raise ConfigError(
                "this takes two people, and the name given here proves neither",
                where="gateway parties clear",
                fix="clear it on the work list of the console; a second person agrees on the page Changes",
            )
        with gateway.database.read() as connection:
            waiting = parties.changes(connection, source=source, key=key, waiting=True)
        wanted = [change for change in waiting if fact in ("", change.fact)]
        if not wanted:
            raise ConfigError(
                f"no change of {key} in {source} waits for a person",
                where="gateway parties clear",
                fix="gateway parties lists what waits",
            )
        done = sum(clear_change(gateway, change, by=by, reason=reason) for change in wanted)
    finally:
        gateway.close()
    OUT.print(f"{done} changes cleared.")


def _shown(change: Change) -> dict[str, Any]:
    """Bank accounts as far as a list may show them."""
    old, new = (parties.masked(change.fact, value) for value in (change.old, change.new))
    return {**asdict(change), "old": old, "new": new, "waits": change.waits}
