"""gateway keys: which keys sign what, and until when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from gateway import settings
from gateway.cli.output import ERRORS, OUT, config_folder, print_json, shown
from gateway.clock import utc_now
from gateway.keys import FileKeys, Standing

__all__ = ["app"]

app = typer.Typer(
    help="the keys that sign e-invoices, and until when", no_args_is_help=True, rich_markup_mode=None
)
_STYLES = {"usable": "green", "ends soon": "yellow", "not yet valid": "cyan"}


@app.callback()
def _group() -> None:
    """The keys that sign e-invoices, and until when."""


@app.command("list")
def listed(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Every key with its certificate, until when it is valid, and what it signs.

    Exit status 1 where one has ended or cannot be used.
    """
    known = settings.read(config_folder(context))
    keys = FileKeys.of(known.keys, known.folder)
    now = utc_now()
    found = keys.standing()
    if as_json:
        print_json([_data(one, now) for one in found])
    elif not found:
        OUT.print("There are no keys; config/samples/keys shows how one is named.")
    else:
        _print(found, now)
        for one in found:
            if one.problem is not None:
                ERRORS.print(
                    shown(f"{one.name}: {one.problem.what}. {one.problem.fix}", "red"), soft_wrap=True
                )
        usable = FileKeys.of([keys.keys[one.name] for one in found if one.certificate], known.folder)
        for expiry in usable.expiring(now):
            ERRORS.print(shown(expiry.sentence, "yellow"), soft_wrap=True)
    if any(one.state(now) in ("expired", "unusable") for one in found):
        raise typer.Exit(1)


def _print(found: tuple[Standing, ...], now: datetime) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Key", "State", "Valid (UTC)", "Signer", "Issuer", "Signs", "For"):
        table.add_column(name, overflow="fold")
    for one in found:
        facts, state = one.certificate, one.state(now)
        valid = f"{facts.valid_from:%Y-%m-%d} to {facts.valid_to:%Y-%m-%d}" if facts else ""
        table.add_row(
            shown(one.name),
            shown(state, _STYLES.get(state, "red")),
            valid,
            shown(facts.subject if facts else ""),
            shown(facts.issuer if facts else ""),
            ", ".join(one.profiles) or "by hand",
            ", ".join(one.companies) or "all companies",
        )
    OUT.print(table)


def _data(one: Standing, now: datetime) -> dict[str, Any]:
    facts = one.certificate
    return {
        "name": one.name,
        "state": one.state(now),
        "valid_from": facts.valid_from.isoformat() if facts else "",
        "valid_to": facts.valid_to.isoformat() if facts else "",
        "subject": facts.subject if facts else "",
        "issuer": facts.issuer if facts else "",
        "serial": facts.serial if facts else "",
        "sha256": facts.sha256 if facts else "",
        "profiles": one.profiles,
        "companies": one.companies,
        "problem": one.problem.what if one.problem else "",
    }
