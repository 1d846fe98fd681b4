"""Giving a buyer a route of its own, and ending it, by people.

Without four eyes it holds at once. With them it is written down and proposed in one transaction, and holds
when somebody else agrees; so does its end. What nobody agreed to yet is withdrawn by one person.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection

from formats.errors import ConfigError, ConflictError
from gateway.access import four_eyes
from gateway.access.four_eyes import Part
from gateway.access.rights import Actor, Right
from gateway.pipeline import own_routes
from gateway.pipeline.routing import Decision
from gateway.store import buyer_routes, changes, journal
from gateway.store.buyer_routes import BuyerRoute, Known
from gateway.store.changes import Change, Kind
from gateway.wiring import Gateway

__all__ = ["Wanted", "agreed_by", "decided", "end", "give", "not_agreed"]

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

    `decision` is how an invoice of this buyer may go (`own_routes.decide`): a mandate that it shows needs a
    reason. Without one mandates are held against it when an invoice comes. Raises ConfigError without the
    right, a reason, or for what cannot be.
    """
    _require_sound(gateway, wanted, decision)
    with gateway.database.begin() as connection:
        _require_right(by, wanted.company)
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
        _journal(connection, gateway, "buyer route given", made, wanted.reason, by, submission)
        if gateway.settings.four_eyes:
            _propose(connection, gateway, four_eyes.buyer_route(made), wanted.reason, by)
        else:
            _take_effect(connection, gateway, made, by)
        return made


def end(gateway: Gateway, one: BuyerRoute, *, reason: str, by: Actor) -> bool:
    """End it, True where that holds at once, False where a second person has to agree.

    Raises ConfigError without the right or a reason, ConflictError where another was faster.
    """
    _require_reason(reason)
    with gateway.database.begin() as connection:
        _require_right(by, one.company)
        held = gateway.settings.four_eyes and own_routes.holds(
            connection, gateway.settings, one, gateway.clock().date()
        )
        if held:
            with _first(one):
                yield_ = buyer_routes.ask_end(connection, one.id, reason.strip())
            if not yield_:
                raise _faster(one)
            _journal(connection, gateway, "buyer route end asked", one, reason, by)
            _propose(connection, gateway, four_eyes.buyer_route_end(one), reason, by)
            return False
        _withdraw(connection, gateway, one)
        _end(connection, gateway, one, reason, by)
        return True
