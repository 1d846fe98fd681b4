"""gateway tokens: what programs show in place of a person; made by the operator, told once."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from formats.errors import ConfigError
from gateway.access import granting
from gateway.access.rights import ALL_COMPANIES, Right
from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.store import tokens
from gateway.store.tokens import ApiToken
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(help="tokens that programs show in place of a person", rich_markup_mode=None)


@app.command()
def make(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="what uses it")],
    scope: Annotated[list[Right], typer.Option(help="what it may do; repeatable")],
    company: Annotated[
        list[str] | None, typer.Option(help="a file of companies/ without .yaml; repeatable; all without it")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=granting.LONGEST_DAYS, help="how long it holds")] = 90,
) -> None:
    """Make a token. Standard output is the token alone; it is shown this one time."""
    gateway = Gateway.open(config_folder(context))
    try:
        now = gateway.clock()
        scopes = granting.scopes_for(scope, company or (), gateway.settings.companies)
        with gateway.database.begin() as connection:
            _, told = granting.new_token(
                connection, name, scopes, by=None, ends_at=now + timedelta(days=days), now=now
            )
    finally:
        gateway.close()
    OUT.print(told, soft_wrap=True)


@app.command("list")
def listed(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False
) -> None:
    """All tokens, newest first, also those that ended."""
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            found = tokens.listing(connection)
        now = gateway.clock()
    finally:
        gateway.close()
    if as_json:
        print_json([_told(one) for one in found])
        return
    if not found:
        OUT.print("There is no token yet: gateway tokens make NAME --scope invoices:read")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Id", "Name", "May", "Made by", "Last used (UTC)", "Holds until (UTC)"):
        table.add_column(name, overflow="fold")
    for one in found:
        used = f"{one.used_at:%Y-%m-%d %H:%M}" if one.used_at else "never"
        over = "revoked" if one.ended_at else "over" if one.ends_at <= now else f"{one.ends_at:%Y-%m-%d}"
        table.add_row(
            *(shown(cell) for cell in (one.id[:8], one.name, _scopes(one), one.made_by, used, over))
        )
    OUT.print(table)


@app.command()
def revoke(
    context: typer.Context, token: Annotated[str, typer.Argument(help="its id, or the beginning of it")]
) -> None:
    """End a token at once, with those that were made with it."""
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.begin() as connection:
            found = [one for one in tokens.listing(connection) if token and one.id.startswith(token)]
            if len(found) != 1:
                raise ConfigError(
                    f"{len(found)} tokens have an id that begins so",
                    where="gateway tokens revoke",
                    fix="gateway tokens list --json shows the whole ids",
                )
            done = granting.revoke(connection, found[0], by=None, now=gateway.clock())
    finally:
        gateway.close()
    OUT.print(
        shown(f"{found[0].name} opens nothing any more." if done else f"{found[0].name} had ended already.")
    )


def _scopes(one: ApiToken) -> str:
    return "; ".join(
        f"{'all companies' if company == ALL_COMPANIES else company}: {', '.join(sorted(rights))}"
        for company, rights in sorted(one.scopes.items())
    )


def _told(one: ApiToken) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "scopes": {company: sorted(right.value for right in held) for company, held in one.scopes.items()},
        "made_by": one.made_by,
        "made_at": one.made_at,
        "ends_at": one.ends_at,
        "used_at": one.used_at,
        "ended_at": one.ended_at,
    }
