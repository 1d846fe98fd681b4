"""gateway webhooks: programs that are told what happens to invoices."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.store import webhooks as store
from gateway.store.webhooks import DeliveryState, Webhook
from gateway.webhooks import deciding
from gateway.webhooks.receivers import receiver_of
from gateway.webhooks.sender import Sender
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(help="programs that are told what happens to invoices", rich_markup_mode=None)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="its name or id")]
_By = Annotated[str, typer.Option(help="who decides; kept in the journal")]


@app.callback(invoke_without_command=True)
def listed(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False
) -> None:
    """All webhooks, and how many events wait for each."""
    if context.invoked_subcommand is not None:
        return
    with closing(Gateway.open(config_folder(context))) as gateway:
        names = [one.name for one in gateway.settings.webhook_files]
        with gateway.database.begin() as connection:
            store.keep_configured(connection, names, now=gateway.clock())
            found = [(one, store.standing(connection, one.id)) for one in store.listing(connection)]
        rows = [_row(gateway, one, standing) for one, standing in found]
    if as_json:
        print_json(rows)
        return
    if not rows:
        OUT.print("No program is told. A file in webhooks/ or gateway webhooks add names one.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Name", "Id", "Address", "Events", "Waiting", "Given up", "What about it"):
        table.add_column(
            name, overflow="fold", justify="right" if name in ("Waiting", "Given up") else "left"
        )
    for row in rows:
        numbers = (str(row["waiting"]), str(row["parked"]))
        cells = (row["name"], row["id"], row["url"], ", ".join(row["events"]), *numbers, row["sentence"])
        table.add_row(*(shown(cell) for cell in cells))
    OUT.print(table)


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="a name for people")],
    url: Annotated[str, typer.Argument(metavar="URL", help="where events are sent, with https://")],
    by: _By,
    event: Annotated[list[str], typer.Option(help="as invoice.delivered, invoice.* or alarm.*; repeat it")],
    company: Annotated[list[str] | None, typer.Option(help="only what is this company's; repeat it")] = None,
) -> None:
    """Tell one more program from now on. Its secret is shown this once."""
    with closing(Gateway.open(config_folder(context))) as gateway:
        made = deciding.add(gateway, name[:100], url=url, events=event, companies=company or (), by=by)
    OUT.print(shown(f"{made.webhook.name} is told from now on. Its id is {made.webhook.id}."))
    OUT.print("This is its secret; it is not shown again:")
    OUT.print(shown(made.secret), soft_wrap=True)


@app.command()
def remove(context: typer.Context, webhook: _Name, by: _By) -> None:
    """Tell a program nothing more."""
    with closing(Gateway.open(config_folder(context))) as gateway:
        found = deciding.named(gateway, webhook)
        deciding.end(gateway, found, by=by)
    OUT.print(shown(f"{found.name} is told nothing more."))


@app.command()
def secret(
    context: typer.Context,
    webhook: _Name,
    by: _By,
    keep_hours: Annotated[float, typer.Option(help="hours for which the old secret signs too")] = 24.0,
) -> None:
    """Give a webhook a new secret. It is shown this once."""
    with closing(Gateway.open(config_folder(context))) as gateway:
        made = deciding.renew(gateway, deciding.named(gateway, webhook), keep_hours=keep_hours, by=by)
    OUT.print(shown(f"For {keep_hours:g} hours events carry both signatures. The new secret:"))
    OUT.print(shown(made.secret), soft_wrap=True)


@app.command()
def test(context: typer.Context, webhook: _Name, by: _By) -> None:
    """Send an event that says that it is a test. Ends with 1 where it was not taken."""
    with closing(Gateway.open(config_folder(context))) as gateway:
        found = deciding.named(gateway, webhook)
        deciding.try_out(gateway, found, by=by)
        Sender(gateway).one(found.id)
        with gateway.database.read() as connection:
            waiting = store.deliveries(connection, found.id, state=DeliveryState.WAITING, limit=1)
    if waiting:
        OUT.print(shown(f"It was not taken yet: {waiting[0].sentence or 'other events wait before it'}."))
        raise typer.Exit(1)
    OUT.print(shown(f"{found.name} took it."))


@app.command()
def replay(
    context: typer.Context,
    webhook: _Name,
    by: _By,
    since: Annotated[str, typer.Option(help="id of the first event that is sent again")] = "",
) -> None:
    """Send events again under the same ids: everything since one, or without it what was given up."""
    with closing(Gateway.open(config_folder(context))) as gateway:
        found = deciding.named(gateway, webhook)
        if since:
            deciding.replay(gateway, found, since=since, by=by)
            told = f"Everything since {since[:60]} is sent again."
        else:
            number = deciding.replay_parked(gateway, found, by=by)
            told = f"{number} events that were given up are sent again."
        Sender(gateway).one(found.id)
    OUT.print(shown(told))


def _row(gateway: Gateway, webhook: Webhook, standing: store.Standing) -> dict[str, Any]:
    receiver = receiver_of(gateway, webhook)
    return {
        "id": webhook.id,
        "name": webhook.name,
        "configured": webhook.configured,
        "url": receiver.url,
        "events": list(receiver.events),
        "companies": list(receiver.companies),
        "waiting": standing.waiting,
        "parked": standing.parked,
        "failures": webhook.failures,
        "sentence": webhook.sentence,
    }
