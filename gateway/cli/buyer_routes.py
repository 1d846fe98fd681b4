"""gateway routing buyers, give, end, try: routes of single buyers, and which way an invoice would take."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from formats.errors import ConfigError
from gateway.access import buyer_routing
from gateway.access.buyer_routing import Wanted
from gateway.access.rights import ALL_COMPANIES, Actor, Right
from gateway.cli.changes import who
from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.mandates import BuyerKind
from gateway.pipeline import own_routes
from gateway.pipeline.imagined import Imagined, tried
from gateway.store import buyer_routes
from gateway.wiring import Gateway

__all__ = ["buyers", "end", "give", "try_out"]

_OPERATOR: Final = Actor("operator", "operator", {ALL_COMPANIES: frozenset({Right.PROPOSE_CHANGES})})
_Json = Annotated[bool, typer.Option("--json", help="for machines")]
_Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]
_Reason = Annotated[str, typer.Option(help="why; kept in the journal")]
_Login = Annotated[str, typer.Option(help="who you are in the console; needed where four eyes are asked for")]
_File = Annotated[Path | None, typer.Option(help="a file with your password in its first line")]
_Code = Annotated[str, typer.Option(help="the code of your authenticator, if you use one")]


def buyers(context: typer.Context, as_json: _Json = False) -> None:
    """The routes of single buyers: which holds, until when, why, and by whom."""
    gateway = Gateway.open(config_folder(context))
    try:
        today = gateway.clock().date()
        with gateway.database.read() as connection:
            found = [
                (one, own_routes.holds(connection, gateway.settings, one, today))
                for one in buyer_routes.open_ones(connection)
                if not one.over(today)
            ]
    finally:
        gateway.close()
    if as_json:
        print_json(
            [
                {
                    "id": one.id,
                    "company": one.company,
                    "buyer": one.buyer,
                    "known by": f"{one.term} {one.value}",
                    "route": one.route,
                    "reason": one.reason,
                    "despite mandate": one.despite_mandate,
                    "until": one.until.isoformat() if one.until else "",
                    "by": one.made_name,
                    "holds": holds,
                }
                for one, holds in found
            ]
        )
        return
    for one, holds in found:
        until = f" until {one.until}" if one.until else ""
        waits = "" if holds else " (waits for a second person)"
        told = f"{one.id[:8]}  {one.buyer} ({one.term} {one.value}, {one.company}) goes by {one.route}{until}"
        OUT.print(shown(f"{told}{waits}: {one.reason}, {one.made_name}"), soft_wrap=True)
    if not found:
        OUT.print("No buyer has a route of its own.")


def give(
    context: typer.Context,
    company: Annotated[str, typer.Argument(help="whose buyer it is, as vandael")],
    known_by: Annotated[str, typer.Argument(help=f"one of {', '.join(own_routes.TERMS)}")],
    value: Annotated[str, typer.Argument(help="its value, as the invoices have it")],
    route: Annotated[str, typer.Argument(help="the name of a route of routing.yaml")],
    reason: _Reason,
    buyer: Annotated[str, typer.Option(help="the name, for people")] = "",
    until: _Day = None,
    despite_mandate: Annotated[str, typer.Option(help="why, where a law demands another way")] = "",
    login: _Login = "",
    password_file: _File = None,
    code: _Code = "",
) -> None:
    """This buyer goes by this route from now on; with four eyes when a second person agrees."""
    gateway = Gateway.open(config_folder(context))
    try:
        if company not in gateway.settings.companies:
            raise ConfigError(
                f"there is no company {company[:100]}",
                where="company",
                fix=f"name one of {', '.join(gateway.settings.companies)}",
            )
        known = buyer_routing.known_by(known_by, value)
        last = until.date() if until is not None else None
        wanted = Wanted(company, buyer, known, route, reason, last, despite_mandate)
        made = buyer_routing.give(gateway, wanted, by=_by(gateway, login, password_file, code))
        waits = gateway.settings.four_eyes
    finally:
        gateway.close()
    then = "; it waits for a second person: gateway changes" if waits else " from now on"
    OUT.print(shown(f"{made.id[:8]}  {made.buyer} goes by {made.route}{then}"), soft_wrap=True)


def end(
    context: typer.Context,
    route: Annotated[str, typer.Argument(help="the id, or the beginning of it: gateway routing buyers")],
    reason: _Reason,
    login: _Login = "",
    password_file: _File = None,
    code: _Code = "",
) -> None:
    """End the route of a buyer; with four eyes when a second person agrees."""
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            found = [one for one in buyer_routes.open_ones(connection) if route and one.id.startswith(route)]
        if len(found) != 1:
            raise ConfigError(
                f"{len(found)} routes of buyers have an id that begins so",
                where="gateway routing end",
                fix="gateway routing buyers --json shows the whole ids",
            )
        over = buyer_routing.end(
            gateway, found[0], reason=reason, by=_by(gateway, login, password_file, code)
        )
    finally:
        gateway.close()
    told = "has no route of its own any more" if over else "keeps its route until a second person agrees"
    OUT.print(shown(f"{found[0].buyer} {told}."), soft_wrap=True)


def try_out(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="whose invoice it would be")],
    country: Annotated[str, typer.Option(help="of the buyer, as DE")] = "",
    kind: Annotated[BuyerKind | None, typer.Option(help="of buyer; as its numbers tell without it")] = None,
    address: Annotated[str, typer.Option(help="electronic address, as 0106:64218703")] = "",
    vat: Annotated[str, typer.Option(help="VAT number")] = "",
    registration: Annotated[str, typer.Option(help="as 0208:0123456749")] = "",
    number: Annotated[str, typer.Option(help="customer number")] = "",
    email: Annotated[str, typer.Option(help="of the buyer's contact")] = "",
    reference: Annotated[str, typer.Option(help="buyer's reference")] = "",
    order: Annotated[str, typer.Option(help="buyer's order")] = "",
    on: _Day = None,
    as_json: _Json = False,
) -> None:
    """Which way an invoice to such a buyer would take, and why."""
    from gateway.cli.routing import facts, print_decision

    imagined = Imagined(
        source,
        country.upper(),
        kind,
        address,
        vat,
        registration,
        number,
        email,
        reference,
        order,
        on=on.date() if on is not None else None,
    )
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            decision = tried(connection, gateway, imagined)
    finally:
        gateway.close()
    taken = decision.open[0] if decision.open else None
    if as_json:
        because = decision.because(taken) if taken is not None else ""
        print_json({"taken": taken.name if taken is not None else "", "because": because, **facts(decision)})
        return
    told = f"{taken.name}: {decision.because(taken)}" if taken is not None else "no way is open"
    OUT.print(shown(told, "bold"), soft_wrap=True)
    print_decision(decision)


def _by(gateway: Gateway, login: str, file: Path | None, code: str) -> Actor:
    """Whoever has the shell may write routing.yaml; among four eyes a person shows who they are."""
    if login:
        return who(gateway, login, file, code)
    if gateway.settings.four_eyes:
        raise ConfigError(
            "two people have to agree to routes here, so it matters who you are",
            where="gateway routing",
            fix="name yourself with --login, or do it in the console",
        )
    return _OPERATOR
