"""The page that lets people in, and the way out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from gateway.access.sign_in import Outcome, SignIn
from gateway.store import sessions
from gateway.web.guard import COOKIE, session_of
from gateway.web.pages import Pages
from gateway.wiring import Gateway

__all__ = ["router"]

_STATUS: Final = {
    Outcome.WRONG: HTTPStatus.UNAUTHORIZED,
    Outcome.WRONG_CODE: HTTPStatus.UNAUTHORIZED,
    Outcome.CODE_WANTED: HTTPStatus.OK,
    Outcome.RESTING: HTTPStatus.TOO_MANY_REQUESTS,
}


def router(gateway: Gateway, pages: Pages, sign_in: SignIn) -> APIRouter:
    """/sign-in and /sign-out."""
    routes = APIRouter(tags=["people"], include_in_schema=False)

    @routes.get("/sign-in")
    async def form(request: Request, next: str = "/") -> Response:  # noqa: A002  # the name in the address
        if session_of(request) is not None:
            return RedirectResponse(_inside(next), HTTPStatus.SEE_OTHER)
        return pages.render(request, "sign_in.html", {"next": _inside(next), "login": "", "answer": None})

    @routes.post("/sign-in")
    async def enter(
        request: Request,
        login: Annotated[str, Form(max_length=200)],
        password: Annotated[str, Form(max_length=256)],
        code: Annotated[str, Form(max_length=40)] = "",
        next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002  # the name of the field
    ) -> Response:
        answer = await run_in_threadpool(sign_in.attempt, login, password, code, now=gateway.clock())
        if answer.outcome is not Outcome.SIGNED_IN:
            context = {"next": _inside(next), "login": login, "answer": answer, "password": ""}
            return pages.render(request, "sign_in.html", context, status=_STATUS[answer.outcome])
        response = RedirectResponse(_inside(next), HTTPStatus.SEE_OTHER)
        response.set_cookie(
            COOKIE,
            answer.shown,
            max_age=int(sessions.LONGEST.total_seconds()),
            path="/",
            secure=gateway.settings.web.secure_cookies,
            httponly=True,
            samesite="lax",
        )
        return response

    @routes.post("/sign-out")
    async def leave(request: Request) -> Response:
        shown = request.cookies.get(COOKIE, "")
        if shown:
            await run_in_threadpool(_end, gateway, shown)
        response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
        response.delete_cookie(COOKIE, path="/")
        return response

    return routes


def _end(gateway: Gateway, shown: str) -> None:
    with gateway.database.begin() as connection:
        sessions.end(connection, shown)


def _inside(place: str) -> str:
    """Where to go on: a page of ours, never of somebody else."""
    parts = urlsplit(place)
    if parts.scheme or parts.netloc or not place.startswith("/") or place.startswith(("//", "/\\")):
        return "/"
    return place
