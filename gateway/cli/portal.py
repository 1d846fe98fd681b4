"""gateway portal: links by which buyers open their invoice without an account."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.portal.links import MOST_DAYS, Links, newest_to_share
from gateway.store import portal_links, submissions
from gateway.store.portal_links import PortalLink
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(help="links by which buyers open an invoice", rich_markup_mode=None, no_args_is_help=True)

_BY: Final = "operator"
_Number = Annotated[str, typer.Argument(help="the invoice number, or the start of a submission's id")]
_Json = Annotated[bool, typer.Option("--json", help="for machines")]


@app.command()
def link(
    context: typer.Context,
    number: _Number,
    days: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_DAYS, help="how long it holds; as in gateway.yaml without it"),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Make a link for the buyer of one invoice. Send it to the buyer alone: it opens the invoice."""
    gateway = Gateway.open(config_folder(context))
    try:
        links = Links(gateway)
        with gateway.database.begin() as connection:
            submission = newest_to_share(submissions.find(connection, number), number)
            made = links.make(connection, submission, by=_BY, now=gateway.clock(), days=days or 0)
        address = links.address(made)
    finally:
        gateway.close()
    if as_json:
        print_json({"link": made.id, "url": address, "ends_at": made.ends_at})
        return
    OUT.print(shown(address), soft_wrap=True)
    OUT.print(shown(f"For {submission.buyer}, holds until {made.ends_at:%Y-%m-%d %H:%M} UTC."))


@app.command("list")
def listed(context: typer.Context, number: _Number, as_json: _Json = False) -> None:
    """The links to one invoice, and how often each was opened."""
    gateway = Gateway.open(config_folder(context))
    try:
        links, now = Links(gateway), gateway.clock()
        found = _all(gateway, number)
        rows = [
            {**asdict(one), "holds": one.holds(now), "url": links.address(one) if one.holds(now) else ""}
            for one in found
        ]
    finally:
        gateway.close()
    if as_json:
        print_json(rows)
        return
    if not rows:
        OUT.print(shown(f"There is no link to {number}: gateway portal link {number}"))
    for row in rows:
        OUT.print(shown(_sentence(row)), soft_wrap=True)


@app.command()
def revoke(context: typer.Context, number: _Number) -> None:
    """Revoke all links to one invoice, at once and for ever."""
    gateway = Gateway.open(config_folder(context))
    try:
        links = Links(gateway)
        found = _all(gateway, number)
        with gateway.database.begin() as connection:
            now = gateway.clock()
            done = sum(links.revoke(connection, one, by=_BY, now=now) for one in found)
    finally:
        gateway.close()
    OUT.print(f"{done} {'link opens' if done == 1 else 'links open'} nothing any more.")


def _all(gateway: Gateway, number: str) -> list[PortalLink]:
    """The links to every revision of this number."""
    with gateway.database.read() as connection:
        return [
            one
            for submission in submissions.find(connection, number)
            for one in portal_links.of(connection, submission.id)
        ]


def _sentence(row: dict[str, Any]) -> str:
    opened = (
        f"opened {row['openings']} times, last {row['opened_at']:%Y-%m-%d %H:%M} UTC"
        if row["openings"]
        else "not opened yet"
    )
    made = f"made {row['made_at']:%Y-%m-%d %H:%M} UTC by {row['made_by']}, {opened}"
    if row["holds"]:
        return f"{row['url']}\n  holds until {row['ends_at']:%Y-%m-%d %H:%M} UTC, {made}"
    how = "revoked" if row["revoked_at"] else "ended"
    return f"{row['id']}\n  {how}, {made}"
