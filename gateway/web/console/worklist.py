"""GET /: the work list. What needs a person now, and what to press."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from gateway.access.agreeing import clear_or_propose, proposed_to_clear
from gateway.access.rights import Right
from gateway.store import parties
from gateway.web.console import rerouting, waiting
from gateway.web.console.shell import Shell, not_there, refused_in_words
from gateway.web.guard import actor_of

__all__ = ["router"]


def router(shell: Shell) -> APIRouter:
    """The work list, and what is decided on it."""
    routes = APIRouter()

    @routes.get("/")
    def page(request: Request) -> Response:
        actor = actor_of(request)
        sources = shell.sources(actor)
        sees_inbox = shell.sees_inbox(actor)
        with shell.gateway.database.read() as connection:
            groups = waiting.groups(connection, sources)
            came_in = waiting.items(connection) if sees_inbox else ()
            changes = waiting.changes(connection, sources)
            proposed = proposed_to_clear(connection)
            itself = waiting.itself(connection, sources)
            choosable = {
                one.id
                for group in groups
                for one in group.rows
                if rerouting.choosable(connection, shell, actor, one)
            }
        amounts = {currency: amount for group in groups for currency, amount in group.all.amounts.items()}
        context = {
            "groups": groups,
            "came_in": came_in,
            "changes": [_shown(change) for change in changes],
            "proposed": proposed,
            "itself": itself,
            "choosable": choosable,
            "total": sum(group.all.count for group in groups) + len(came_in) + len(changes),
            "currencies": amounts,
            "decides": shell.sources(actor, Right.DECIDE_CHANGES) != (),
        }
        return shell.render(request, "worklist.html", context, section="work")

    @routes.post("/changes/{change}/clear")
    def clear(request: Request, change: str, reason: Annotated[str, Form(max_length=2000)] = "") -> Response:
        actor = actor_of(request)
        sources = shell.sources(actor, Right.DECIDE_CHANGES)
        with shell.gateway.database.read() as connection:
            found = next((one for one in waiting.changes(connection, sources) if one.id == change), None)
        if found is None:
            raise not_there()
        with refused_in_words():
            done = clear_or_propose(shell.gateway, found, reason=reason, by=actor)
        return shell.back("/", done)

    return routes


def _shown(change: parties.Change) -> dict[str, str | datetime]:
    """Bank accounts as far as a list may show them."""
    return {
        "id": change.id,
        "source": change.source,
        "key": change.key,
        "fact": change.fact,
        "old": parties.masked(change.fact, change.old),
        "new": parties.masked(change.fact, change.new),
        "found_at": change.found_at,
    }
