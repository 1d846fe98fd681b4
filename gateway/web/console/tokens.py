"""GET /tokens: a person's tokens for programs, and for whoever manages people those of all."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request, Response

from formats.errors import ConfigError
from gateway.access import granting
from gateway.access.rights import ALL_COMPANIES, Right
from gateway.store import people, tokens
from gateway.web.console.shell import Shell, not_there
from gateway.web.guard import actor_of

__all__ = ["router"]

_MOST_SHOWN: Final = 200
_DAYS: Final = (30, 90, 365)


def router(shell: Shell) -> APIRouter:
    """The page, making one and revoking one."""
    routes = APIRouter()
    gateway = shell.gateway

    def show(request: Request, **more: Any) -> Response:
        actor = actor_of(request)
        with gateway.database.read() as connection:
            found = [one for one in tokens.listing(connection) if granting.may_see(actor, one)]
            names = {one.id: one.name for one in people.listing(connection)}
        context = {
            "tokens": found[:_MOST_SHOWN],
            "revocable": {one.id for one in found if granting.may_revoke(actor, one)},
            "names": names,
            "rights": granting.grantable(actor),
            "all_companies": ALL_COMPANIES in actor.grants,
            "known": _companies(shell, request),
            "days": _DAYS,
            "made": None,
            "said": "",
            "fix": "",
            **more,
        }
        status = HTTPStatus.UNPROCESSABLE_ENTITY if context["said"] else HTTPStatus.OK
        return shell.render(request, "tokens.html", context, section="account", status=status)

    @routes.get("/tokens")
    def page(request: Request) -> Response:
        return show(request)

    @routes.post("/tokens")
    def make(
        request: Request,
        name: Annotated[str, Form(max_length=200)] = "",
        right: Annotated[list[Right] | None, Form(max_length=50)] = None,
        company: Annotated[list[str] | None, Form(max_length=1000)] = None,
        days: Annotated[int, Form(ge=1, le=granting.LONGEST_DAYS)] = 90,
    ) -> Response:
        now = gateway.clock()
        try:
            scopes = granting.scopes_for(right or (), company or (), gateway.settings.companies)
            with gateway.database.begin() as connection:
                _, shown = granting.new_token(
                    connection,
                    name,
                    scopes,
                    by=actor_of(request),
                    ends_at=now + timedelta(days=days),
                    now=now,
                )
        except ConfigError as error:
            return show(request, said=error.what, fix=error.fix)
        return show(request, made=shown)

    @routes.post("/tokens/{token}/end")
    def end(request: Request, token: str) -> Response:
        actor = actor_of(request)
        with gateway.database.begin() as connection:
            found = tokens.get(connection, token[:36])
            if found is None or not granting.may_revoke(actor, found):
                raise not_there()
            done = granting.revoke(connection, found, by=actor, now=gateway.clock())
        return shell.back("/tokens", "token-gone" if done else "faster")

    return routes


def _companies(shell: Shell, request: Request) -> tuple[str, ...]:
    actor = actor_of(request)
    known = shell.gateway.settings.companies
    return tuple(one for one in sorted(known) if any(actor.may(right, one) for right in Right))
