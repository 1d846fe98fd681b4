"""GET /alarms: what is not as it should be, who looks after it, and whether the numbers of each day agree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request, Response

from gateway.access.rights import Right
from gateway.alarms import deciding
from gateway.store import alarms, webhooks
from gateway.store.alarms import Alarm
from gateway.web.api.alarms import companies_of
from gateway.web.api.places import read_place, written
from gateway.web.console.shell import Shell, not_there
from gateway.web.guard import actor_of

__all__ = ["router"]

_OVER: Final = timedelta(days=7)
_MOST_OVER: Final = 20
_MOST_OPEN: Final = 100


def router(shell: Shell) -> APIRouter:
    """The page, and taking an alarm."""
    routes = APIRouter()

    @routes.get("/alarms")
    def page(
        request: Request,
        number: Annotated[int, Query(ge=1, le=10_000, alias="page")] = 1,
        after: Annotated[str, Query(max_length=300)] = "",
    ) -> Response:
        actor, gateway = actor_of(request), shell.gateway
        companies = companies_of(gateway, actor)
        allowed = shell.sources(actor, Right.SEE_SYSTEM)
        names = [one.name for one in gateway.settings.sources if allowed is None or one.name in allowed]
        now, place = gateway.clock(), read_place(after)
        with gateway.database.read() as connection:
            found = alarms.open_ones(connection, companies=companies)
            over = alarms.ended_since(
                connection, now - _OVER, companies=companies, limit=_MOST_OVER + 1, after=place
            )
            counts = alarms.counts_of(
                connection, names, now.date() - timedelta(days=gateway.settings.alarms.counts.days)
            )
            unsent = alarms.unsent_mails(connection) if companies is None else ()
            told = webhooks.listing(connection) if actor.may(Right.SET_UP) else ()
            hooks = [(one, webhooks.standing(connection, one.id)) for one in told]
        takes = companies_of(gateway, actor, Right.TAKE_ALARMS)
        context = {
            "alarms": found,
            "shown": found[(number - 1) * _MOST_OPEN : number * _MOST_OPEN],
            "number": number,
            "more_open": len(found) > number * _MOST_OPEN,
            "free": sum(not one.taken_by for one in found),
            "takes": {one.id for one in found if takes is None or one.company in takes},
            "over": over[:_MOST_OVER],
            "earlier": _place_after(over),
            "after": after,
            "counts": counts,
            "unsent": unsent,
            "hooks": hooks,
            "enabled": gateway.settings.alarms.enabled,
        }
        return shell.render(request, "alarms.html", context, section="alarms")

    @routes.post("/alarms/{identifier}/take")
    def take(
        request: Request, identifier: str, reason: Annotated[str, Form(max_length=2000)] = ""
    ) -> Response:
        actor, gateway = actor_of(request), shell.gateway
        companies = companies_of(gateway, actor, Right.TAKE_ALARMS)
        with gateway.database.read() as connection:
            alarm = alarms.get(connection, identifier)
        if alarm is None or (companies is not None and alarm.company not in companies):
            raise not_there()
        done = deciding.take(gateway, alarm, by=actor.label, reason=reason)
        return shell.back("/alarms", "alarm-taken" if done else "faster")

    return routes


def _place_after(over: Sequence[Alarm]) -> str:
    """The place of the next page of those that are over; "" where this is the last."""
    last = over[_MOST_OVER - 1] if len(over) > _MOST_OVER else None
    return written(last.ended_at, last.id) if last is not None and last.ended_at is not None else ""
