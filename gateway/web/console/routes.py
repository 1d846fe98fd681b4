"""GET /routes: the routing table in force, what the laws demand of it, the buyers' own routes, and a
try-out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy import Connection

from formats.errors import ConfigError, ConflictError, EInvoicingError
from gateway import mandates
from gateway.access import buyer_routing, four_eyes
from gateway.access.rights import Actor, Right
from gateway.mandates import BuyerKind, Mandate
from gateway.pipeline import own_routes
from gateway.pipeline.imagined import Imagined, tried
from gateway.pipeline.routing import Decision
from gateway.store import buyer_routes, changes, people
from gateway.store.buyer_routes import BuyerRoute
from gateway.web.console.shell import Shell, not_there, refused_in_words
from gateway.web.guard import actor_of
from gateway.wiring import Gateway

__all__ = ["router"]

_SHOWN: Final = 200
_ASKED: Final = (
    "source", "country", "kind", "address", "vat", "registration", "number", "email", "reference", "order",
    "name", "post_code", "on",
)  # fmt: skip
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Duty:
    """One duty that concerns our companies today: why it does not count ("" where it does), and the routes
    that meet it."""

    row: Mandate
    left_out: str
    met_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Own:
    """One buyer's own route: whether it holds, what it waits for, who agreed, and whether there still is such
    a route."""

    one: BuyerRoute
    holds: bool
    waits: bool
    over: bool
    agreed_by: str
    there: bool
    may_end: bool


def router(shell: Shell) -> APIRouter:
    """The page, and the end of a buyer's route."""
    routes = APIRouter()
    gateway = shell.gateway

    @routes.get("/routes")
    def page(request: Request) -> Response:
        actor = actor_of(request)
        asked = {name: request.query_params.get(name, "").strip()[:_LONGEST] for name in _ASKED}
        sources = shell.sources(actor, Right.SEE_SYSTEM)
        names = [one.name for one in gateway.settings.sources if sources is None or one.name in sources]
        said: Mapping[str, str] = {}
        decision: Decision | None = None
        with gateway.database.read() as connection:
            if asked["source"] in names:
                try:
                    decision = tried(connection, gateway, _imagined(asked))
                except EInvoicingError as error:
                    said = {"what": error.what, "fix": error.fix}
            context: dict[str, Any] = {
                "routes": gateway.settings.routes,
                "agreed": not gateway.settings.four_eyes
                or four_eyes.agreed(connection, four_eyes.configured(gateway.settings)[0]),
                "eyes": gateway.settings.four_eyes,
                "duties": _duties(gateway, actor),
                "own": _own(connection, gateway, actor),
                "sources": names,
                "kinds": tuple(BuyerKind),
                "asked": asked,
                "decision": decision,
                "said": said.get("what", ""),
                "fix": said.get("fix", ""),
            }
        return shell.render(request, "routes.html", context, section="system")

    @routes.post("/routes/{identifier}/end")
    def end(
        request: Request, identifier: str, reason: Annotated[str, Form(max_length=2000)] = ""
    ) -> Response:
        actor = actor_of(request)
        with gateway.database.read() as connection:
            found = buyer_routes.get(connection, identifier[:36])
        if found is None or not actor.may(Right.PROPOSE_CHANGES, found.company):
            raise not_there()
        try:
            with refused_in_words():
                over = buyer_routing.end(gateway, found, reason=reason, by=actor)
        except ConflictError:
            return shell.back("/routes", "faster")
        return shell.back("/routes", "buyer-route-over" if over else "proposed")

    return routes


def _imagined(asked: Mapping[str, str]) -> Imagined:
    texts = {name: asked[name] for name in _ASKED if name not in ("kind", "on", "country")}
    kind = asked["kind"] if asked["kind"] in set(BuyerKind) else ""
    try:
        on = date.fromisoformat(asked["on"]) if asked["on"] else None
    except ValueError as error:
        raise ConfigError("this is not a day", where="on", fix="write it as 2027-06-30") from error
    return Imagined(
        **texts, country=asked["country"].upper()[:2], kind=BuyerKind(kind) if kind else None, on=on
    )


def _duties(gateway: Gateway, actor: Actor) -> tuple[Duty, ...]:
    """Those in force today for sellers in the countries of the companies that are seen."""
    settings, today = gateway.settings, gateway.clock().date()
    held = actor.companies(Right.SEE_SYSTEM, frozenset(settings.companies))
    countries = {_country(settings.companies[company]) for company in held}
    kinds = {channel.name: channel.kind for channel in settings.channels}
    found = []
    for row in mandates.table(settings.mandates):
        ours = any(country in ("*", *countries) for country in row.seller)
        if row.demand != "must" or not ours or not row.holds_on(today):
            continue
        met_by = tuple(
            route.name
            for route in settings.routes
            if not row.refuses(
                route.profile, mandates.networks_of(kinds.get(route.channel, ""), route.networks)
            )
        )
        found.append(Duty(row, mandates.why_not(settings.mandates, row), met_by))
    return tuple(sorted(found, key=lambda duty: bool(duty.left_out)))


def _country(facts: Mapping[str, Any]) -> str:
    place = facts.get("address")
    return str(place.get("country", "")) if isinstance(place, Mapping) else ""


def _own(connection: Connection, gateway: Gateway, actor: Actor) -> tuple[Own, ...]:
    settings, today = gateway.settings, gateway.clock().date()
    companies = actor.companies(Right.SEE_SYSTEM, frozenset(settings.companies))
    names = {one.id: one.name for one in people.listing(connection)}
    known = {route.name for route in settings.routes}
    found = []
    for one in buyer_routes.listing(connection, companies, size=_SHOWN):
        part = four_eyes.buyer_route(one)
        approved = changes.approved(connection, part.kind, part.subject)
        holds = own_routes.holds(connection, settings, one, today)
        over = one.over(today)
        found.append(
            Own(
                one,
                holds,
                waits=not over and (not holds or bool(one.end_asked)),
                over=over,
                agreed_by=names.get(approved.decided_by, "") if approved is not None else "",
                there=one.route in known,
                may_end=not over and actor.may(Right.PROPOSE_CHANGES, one.company),
            )
        )
    return tuple(sorted(found, key=lambda own: own.over))
