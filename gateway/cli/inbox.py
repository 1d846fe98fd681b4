"""gateway inbox: what came over the network, and what people decide about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from formats.errors import ConfigError
from formats.responses.invoice_response import ActionCode, ReasonCode, ResponseCode
from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.peppol import decisions, responding
from gateway.store import inbox
from gateway.store.inbox import Item, Kind, State
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(help="what came over the network: invoices to us, answers to ours", rich_markup_mode=None)

_Id = Annotated[str, typer.Argument(metavar="ID", help="its id, or the first signs of it")]
_By = Annotated[str, typer.Option(help="who decides; kept in the journal")]


@app.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="also answers, and what is done")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Received invoices, and what waits for a person."""
    if context.invoked_subcommand is not None:
        return
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            found = inbox.listing(connection)
    finally:
        gateway.close()
    wanted = [item for item in found if every or item.kind is Kind.INVOICE or item.state is State.PARKED]
    if as_json:
        print_json([asdict(item) for item in wanted])
        return
    if not wanted:
        OUT.print("Nothing came in yet.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Id", "Came (UTC)", "What", "From", "Number", "Amount", "State", "What about it"):
        table.add_column(name, overflow="fold", justify="right" if name == "Amount" else "left")
    for item in wanted:
        amount = f"{item.currency} {item.amount:,.2f}" if item.amount is not None else ""
        cells = (item.id[:8], f"{item.received_at:%Y-%m-%d %H:%M}", item.kind.value, item.seller or item.peer)
        more = (item.number, amount, item.state.value, item.sentence)
        table.add_row(*(shown(cell) for cell in (*cells, *more)))
    OUT.print(table)


@app.command()
def take(context: typer.Context, item: _Id, by: _By) -> None:
    """Hand an invoice over that waits for a decision."""
    gateway = Gateway.open(config_folder(context))
    try:
        decisions.take(gateway, _one(gateway, item), by=by)
    finally:
        gateway.close()
    OUT.print("It is handed over at the next round.")


@app.command()
def dismiss(
    context: typer.Context,
    item: _Id,
    by: _By,
    reason: Annotated[str, typer.Option(help="why; kept in the journal")],
) -> None:
    """Put something aside that waits for a decision."""
    gateway = Gateway.open(config_folder(context))
    try:
        decisions.dismiss(gateway, _one(gateway, item), by=by, reason=reason)
    finally:
        gateway.close()
    OUT.print("It is put aside, and kept.")


@app.command()
def respond(
    context: typer.Context,
    item: _Id,
    code: Annotated[ResponseCode, typer.Argument(help="AB, IP, UQ, CA, RE, AP or PD")],
    by: _By,
    reason: Annotated[list[ReasonCode] | None, typer.Option(help="why, as REF; may be repeated")] = None,
    action: Annotated[
        list[ActionCode] | None, typer.Option(help="what is asked for, as NIN; may be repeated")
    ] = None,
    text: Annotated[str, typer.Option(help="in your words")] = "",
) -> None:
    """Answer an invoice: the seller gets an Invoice Response."""
    gateway = Gateway.open(config_folder(context))
    try:
        found = _one(gateway, item)
        responding.respond(gateway, found, code, reasons=reason or (), actions=action or (), text=text, by=by)
    finally:
        gateway.close()
    OUT.print(f"The answer to {found.number} goes out at the next round.")


def _one(gateway: Gateway, start: str) -> Item:
    with gateway.database.read() as connection:
        found = inbox.beginning(connection, start)
    if len(found) != 1:
        raise ConfigError(
            f"{'nothing' if not found else 'more than one document'} in the inbox begins with {start[:40]}",
            where="gateway inbox",
            fix="write the id as gateway inbox shows it, or more of it",
        )
    return found[0]
