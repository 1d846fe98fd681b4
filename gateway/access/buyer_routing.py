"""Giving a buyer a route of its own, and ending it, by people.

Without four eyes it holds at once. With them it is written down and proposed in one transaction, and holds
when somebody else agrees; so does its end. What nobody agreed to yet is withdrawn by one person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from formats.errors import ConfigError, ConflictError
from gateway.access import agreeing, four_eyes
from gateway.access.rights import Actor, Right
from gateway.pipeline import own_routes
from gateway.pipeline.routing import Decision
from gateway.store import buyer_routes, changes
from gateway.store.buyer_routes import LONGEST_VALUE, BuyerRoute, Known
from gateway.wiring import Gateway

__all__ = ["Wanted", "end", "give", "known_by"]

_LONGEST_REASON: Final = 2_000
_LONGEST_DESPITE: Final = 300


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants: `known` is what the buyer is known by, `until` the last day in UTC, None for no
    end; `despite_mandate` why it is to be taken where a mandate demands another, "" where it is not."""

    company: str
    buyer: str
    known: Known
    route: str
    reason: str
    until: date | None = None
    despite_mandate: str = ""


def known_by(term: str, value: str) -> Known:
    """What a buyer is known by, as somebody writes it. ConfigError for what no buyer can be known by."""
    value = " ".join(value.split())
    if term not in own_routes.TERMS or not value or len(value) > LONGEST_VALUE:
        raise ConfigError(
            "a buyer is not known by this",
            where="known by",
            fix=f"name one of {', '.join(own_routes.TERMS)}, and its value as the invoices have it",
        )
    return Known(term, value, own_routes.key_of(value))


def give(
    gateway: Gateway,
    wanted: Wanted,
    *,
    by: Actor,
    decision: Decision | None = None,
    submission: str = "",
) -> BuyerRoute:
    """Write it down; it holds at once, or when a second person agrees. It takes the place of an earlier one
    for the same buyer as soon as it holds.

    `decision` is how an invoice of this buyer may go: a mandate that forbids the route needs a reason.
    Without one mandates are held against it when an invoice comes. Raises ConfigError without the right or a
    reason, and for what cannot be.
    """
    _require_sound(gateway, wanted, decision)
    _require_right(by, wanted.company)
    with gateway.database.begin() as connection:
        made = buyer_routes.add(
            connection,
            wanted.company,
            wanted.buyer.strip() or wanted.known.value,
            wanted.known,
            wanted.route,
            reason=wanted.reason.strip(),
            despite_mandate=wanted.despite_mandate.strip(),
            until=wanted.until,
            made_by=by.id,
            made_name=by.name,
            now=gateway.clock(),
        )
        own_routes.note(
            connection, gateway, "buyer route given", made, made.reason, by=by, submission=submission
        )
        if gateway.settings.four_eyes:
            part = four_eyes.buyer_route(made)
            agreeing.proposed(connection, gateway, part, reason=made.reason, by=by)
        else:
            own_routes.take_effect(connection, gateway, made, by=by)
        return made


def end(gateway: Gateway, one: BuyerRoute, *, reason: str, by: Actor) -> bool:
    """End it: True where it is over now, False where a second person has to agree.

    Raises ConfigError without the right or a reason, ConflictError where another was faster.
    """
    _require_reason(reason)
    _require_right(by, one.company)
    reason = reason.strip()
    with gateway.database.begin() as connection:
        held = own_routes.holds(connection, gateway.settings, one, gateway.clock().date())
        if gateway.settings.four_eyes and held:
            if not buyer_routes.ask_end(connection, one.id, reason):
                raise _faster(one)
            own_routes.note(connection, gateway, "buyer route end asked", one, reason, by=by)
            part = four_eyes.buyer_route_end(one)
            agreeing.proposed(connection, gateway, part, reason=reason, by=by)
            return False
        subject = four_eyes.buyer_route(one).subject
        for change in changes.waiting(connection):
            if change.subject == subject:
                changes.withdraw(connection, change, answer=reason, by=by, now=gateway.clock())
        if not own_routes.over(connection, gateway, one, reason, by=by):
            raise _faster(one)
        return True


def _require_sound(gateway: Gateway, wanted: Wanted, decision: Decision | None) -> None:
    _require_reason(wanted.reason)
    route = next((one for one in gateway.settings.routes if one.name == wanted.route), None)
    if route is None:
        raise ConfigError(
            f"there is no route {wanted.route[:100]}",
            where="route",
            fix=f"choose one of {', '.join(one.name for one in gateway.settings.routes)}",
        )
    if wanted.until is not None and wanted.until < gateway.clock().date():
        raise ConfigError("the last day is over", where="until", fix="choose a day to come, or none")
    if len(wanted.despite_mandate) > _LONGEST_DESPITE:
        raise ConfigError(
            "the reason against the mandate is too long",
            where="despite mandate",
            fix=f"say it in {_LONGEST_DESPITE} signs",
        )
    if decision is None:
        return
    way = next(way for way in decision.ways if way.route is route)
    if way.refused and not (wanted.despite_mandate.strip() or route.despite_mandate):
        raise ConfigError(
            f"a law speaks against it: {way.refused}",
            where=f"route {route.name}",
            fix="choose another route, or say why it is taken all the same; the journal keeps that",
        )


def _require_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise ConfigError(
            "a reason is needed", where="reason", fix=f"say why, in at most {_LONGEST_REASON} signs"
        )


def _require_right(by: Actor, company: str) -> None:
    if not by.may(Right.PROPOSE_CHANGES, company):
        raise ConfigError(
            "your role does not allow this for this company",
            where="routes of buyers",
            fix="ask somebody who may propose changes",
        )


def _faster(one: BuyerRoute) -> ConflictError:
    return ConflictError(
        "it was ended meanwhile", where=f"route of {one.buyer[:100]}", fix="look at the page again"
    )
