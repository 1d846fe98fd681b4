"""POST /invoices/views: keep this list under a name; and forget it again. They are the person's own."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form, Request, Response

from gateway.store import views
from gateway.web.console import asked
from gateway.web.console.shell import Shell, language_of, refused_in_words
from gateway.web.guard import actor_of, session_of
from gateway.web.problems import Problem

__all__ = ["router"]


def router(shell: Shell) -> APIRouter:
    """Both steps."""
    routes = APIRouter()

    @routes.post("/invoices/views")
    def keep(
        request: Request,
        name: Annotated[str, Form(max_length=200)] = "",
        question: Annotated[str, Form(max_length=4000)] = "",
    ) -> Response:
        # Only what a list can be asked for is kept of the address.
        wanted = asked.read(dict(parse_qsl(question)), shell.sources(actor_of(request)), language_of(request))
        with refused_in_words(), shell.gateway.database.begin() as connection:
            views.keep(connection, _person(request), name, wanted.question(), now=shell.gateway.clock())
        return shell.back(wanted.address(after=""), "view-kept")

    @routes.post("/invoices/views/{identifier}/remove")
    def remove(request: Request, identifier: str) -> Response:
        with shell.gateway.database.begin() as connection:
            views.remove(connection, _person(request), identifier)
        return shell.back("/invoices", "view-gone")

    return routes


def _person(request: Request) -> str:
    session = session_of(request)
    if session is None:
        raise Problem(HTTPStatus.FORBIDDEN, "views belong to people", fix="sign in as a person")
    return session.person.id
