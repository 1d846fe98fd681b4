"""GET /alarms: what is not as it should be, who looks after it, and whether the numbers of each day agree."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request, Response

from gateway.access.rights import Right
from gateway.alarms import deciding
from gateway.store import alarms, webhooks
from gateway.web.api.alarms import companies_of
from gateway.web.console.shell import Shell, not_there
from gateway.web.guard import actor_of

__all__ = ["router"]

_OVER: Final = timedelta(days=7)
_MOST_OVER: Final = 20


def router(shell: Shell) -> APIRouter:
    """The page, and taking an alarm."""
    routes = APIRouter()

    @routes.get("/alarms")
    def page(request: Request) -> Response:
        actor, gateway = actor_of(request), shell.gateway
        companies = companies_of(gateway, actor)
        allowed = shell.sources(actor, Right.SEE_SYSTEM)
        names = [one.name for one in gateway.settings.sources if allowed is None or one.name in allowed]
        now = gateway.clock()
        with gateway.database.read() as connection:
            found = alarms.open_ones(connection, companies=companies)
            over = alarms.ended_since(connection, now - _OVER, companies=companies, limit=_MOST_OVER)
            counts = alarms.counts_of(
                connection, names, now.date() - timedelta(days=gateway.settings.alarms.counts.days)
            )
            unsent = alarms.unsent_mails(connection) if companies is None else ()
            told = webhooks.listing(connection) if actor.may(Right.SET_UP) else ()
            hooks = [(one, webhooks.standing(connection, one.id)) for one in told]
        takes = companies_of(gateway, actor, Right.TAKE_ALARMS)
        context = {
            "alarms": found,
            "free": sum(not one.taken_by for one in found),
            "takes": {one.id for one in found if takes is None or one.company in takes},
            "over": over,
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
