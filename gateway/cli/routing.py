"""gateway routing: which e-invoice the laws demand, and why one invoice goes the way it goes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from formats.errors import ConfigError
from gateway import settings as settings_module
from gateway.cli import buyer_routes
from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.clock import utc_now
from gateway.mandates import BuyerKind, Mandate, OwnMandates, table
from gateway.pipeline import own_routes, parties, routing
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.routing import Decision
from gateway.store import submissions
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(
    help="Which e-invoice the laws demand, and why one invoice goes the way it goes.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Json = Annotated[bool, typer.Option("--json", help="for machines")]

app.command()(buyer_routes.buyers)
app.command()(buyer_routes.give)
app.command()(buyer_routes.end)
app.command("try")(buyer_routes.try_out)


@app.command()
def show(
    context: typer.Context,
    country: Annotated[str, typer.Option(help="of seller or buyer, as DE; all without it")] = "",
    kind: Annotated[BuyerKind | None, typer.Option(help="of buyer; all without it")] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="only what is in force on this day")
    ] = None,
    as_json: _Json = False,
) -> None:
    """The table of mandates with the changes of config/mandates.yaml, and from when to when each holds."""
    folder = config_folder(context)
    own = settings_module.read(folder).mandates if (folder / "routing.yaml").exists() else OwnMandates()
    rows = [row for row in table(own) if _asked_for(row, country.upper(), kind, on.date() if on else None)]
    if as_json:
        print_json([row.model_dump(mode="json") | {"counts": _counts(row, own)} for row in rows])
        return
    if not rows:
        OUT.print("No law and no custom is known here for that.")
        return
    today = utc_now().date()
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Row", "From, to", "Buyer", "Since, until", "Demand", "What", "Law"):
        made.add_column(name, overflow="fold")
    for row in rows:
        until = f"\nuntil {row.until}" if row.until else ""
        made.add_row(
            shown(row.id, "bold"),
            shown(f"{_short(row.seller)}, {_short(row.buyer)}"),
            ", ".join(row.kinds),
            Text(f"{row.since}{until}", style="" if row.holds_on(today) else "dim"),
            Text(row.demand, style="bold" if _counts(row, own) == "yes" and row.demand == "must" else "dim"),
            shown(row.wanted + (f"; needs {', '.join(row.needs)}" if row.needs else "")),
            shown(_law(row, own)),
        )
    OUT.print(made)
    OUT.print("config/mandates.yaml applies, sets aside, changes and adds rows.", style="dim")


@app.command()
def explain(
    context: typer.Context,
    number: Annotated[str, typer.Argument(help="the invoice number, or the start of a submission's id")],
    as_json: _Json = False,
) -> None:
    """Why an invoice goes the way it goes: the kind of its buyer, the laws in force, and each route."""
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            found = [item for item in submissions.find(connection, number) if item.invoice_digest]
            if not found:
                raise ConfigError(
                    f"there is no invoice {number} that was read",
                    where="gateway routing explain",
                    fix="gateway status lists all of them",
                )
            submission = found[-1]
            said = invoice_of(connection, submission)
            invoice, _ = parties.completed(connection, gateway, submission.source, said)
            chosen = routing.chosen_way(connection, submission)
            own = own_routes.in_force(connection, gateway, submission.source, invoice)
        decision = routing.decide(gateway.settings, invoice, submission.source, own)
    finally:
        gateway.close()
    if as_json:
        print_json(
            {
                "number": submission.number,
                "chosen": chosen.get("route", ""),
                "because": chosen.get("because", ""),
                **facts(decision),
            }
        )
        return
    OUT.print(shown(f"{submission.number} to {submission.buyer}", "bold"))
    if chosen:
        OUT.print(
            shown(f"  went by {chosen['route']}: {chosen.get('because', 'an earlier release chose it')}"),
            soft_wrap=True,
        )
    print_decision(decision)


def facts(decision: Decision) -> dict[str, Any]:
    """A decision for machines."""
    return {
        "seller country": decision.seller,
        "buyer country": decision.buyer,
        "buyer kind": str(decision.kind.kind),
        "buyer kind because": decision.kind.because,
        "must": [row.model_dump(mode="json") for row in decision.held.must],
        "may": [row.model_dump(mode="json") for row in decision.held.may],
        "not counted": [{"id": row.id, "why": why} for row, why in decision.held.left_out],
        "missing": [{"id": row.id, "term": need} for row, need in decision.missing],
        "routes": [
            {
                "name": way.route.name,
                "open": way.is_open,
                "unfit": way.unfit,
                "refused": way.refused,
                "despite_mandate": way.despite,
                "own": way.own is not None,
            }
            for way in decision.ways
        ],
    }


def print_decision(decision: Decision) -> None:
    """What is so today, for people."""
    OUT.print(
        shown(
            f"  from {decision.seller or '?'} to {decision.buyer or '?'}; the buyer is "
            f"{decision.kind.kind}: {decision.kind.because}"
        ),
        soft_wrap=True,
    )
    for row in decision.held.must:
        OUT.print(shown(f"  must  {row.sentence} ({row.id})"), soft_wrap=True)
    for row in decision.held.may:
        OUT.print(shown(f"  may   {row.sentence} ({row.id})", "dim"), soft_wrap=True)
    for row, why in decision.held.left_out:
        OUT.print(shown(f"  --    {row.id} does not count: {why}", "dim"), soft_wrap=True)
    for row, need in decision.missing:
        OUT.print(
            shown(f"  {row.id} needs {need}, which the invoice does not have", "yellow"), soft_wrap=True
        )
    for way in decision.ways:
        if way.is_open and way.refused:
            word = f"open in spite of it: {way.despite}"
        else:
            word = way.unfit or way.refused or "open"
        if way.own is not None:
            word = f"{word}; chosen for this buyer by {way.own.made_name}: {way.own.reason}"
        OUT.print(shown(f"  route {way.route.name}: {word}", "" if way.is_open else "dim"), soft_wrap=True)


def _asked_for(row: Mandate, country: str, kind: BuyerKind | None, day: date | None) -> bool:
    return (
        (not country or country in row.buyer or country in row.seller)
        and (kind is None or kind in row.kinds)
        and (day is None or row.holds_on(day))
    )


def _counts(row: Mandate, own: OwnMandates) -> str:
    if row.id in own.set_aside:
        return f"no, set aside: {own.set_aside[row.id]}"
    if row.demand == "may" or row.binds_all or row.id in own.apply:
        return "yes"
    return f"no, only where it is applied: {row.only_if or 'not verified'}"


def _law(row: Mandate, own: OwnMandates) -> str:
    counts = _counts(row, own)
    told = [row.law, row.note, "" if counts == "yes" else f"Does not count: {counts.removeprefix('no, ')}"]
    if row.unverified:
        told.append("Not verified.")
    return ". ".join(part.rstrip(".") for part in told if part) + "."


def _short(countries: tuple[str, ...]) -> str:
    if countries == ("*",):
        return "any"
    return (
        ", ".join(countries)
        if len(countries) <= 3
        else f"{', '.join(countries[:2])} and {len(countries) - 2} more"
    )
