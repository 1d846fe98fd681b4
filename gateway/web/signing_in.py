"""The page that lets people in, with a password or through a provider of identities, and the way out."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from formats.errors import EInvoicingError
from gateway.access.sign_in import Outcome, SignIn
from gateway.store import journal, sessions
from gateway.web.callers import network_of
from gateway.web.guard import COOKIE, session_of
from gateway.web.oidc import Doors
from gateway.web.pages import Pages
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["inside", "router", "with_session"]

_log: Final = structlog.get_logger("web")
_STATUS: Final = {
    Outcome.WRONG: HTTPStatus.UNAUTHORIZED,
    Outcome.WRONG_CODE: HTTPStatus.UNAUTHORIZED,
    Outcome.CODE_WANTED: HTTPStatus.OK,
    Outcome.RESTING: HTTPStatus.TOO_MANY_REQUESTS,
    Outcome.NETWORK_RESTING: HTTPStatus.TOO_MANY_REQUESTS,
}
_STRANGE: Final = re.compile(r"[\x00-\x20\x7f\\]")


def router(gateway: Gateway, pages: Pages, sign_in: SignIn, doors: Doors) -> APIRouter:
    """/sign-in and /sign-out."""
    routes = APIRouter(tags=["people"], include_in_schema=False)
    ways = gateway.settings.sign_in

    def page(request: Request, status: HTTPStatus = HTTPStatus.OK, **more: object) -> Response:
        context = {
            "next": "/",
            "login": "",
            "answer": None,
            "out": "",
            "local": ways.local,
            "providers": ways.providers,
            **more,
        }
        return pages.render(request, "sign_in.html", context, status=status)

    @routes.get("/sign-in")
    def form(request: Request, next: str = "/", out: str = "") -> Response:  # noqa: A002  # the name in the address
        if session_of(request) is not None:
            return RedirectResponse(inside(next), HTTPStatus.SEE_OTHER)
        left = ways.provider(out)
        return page(request, next=inside(next), out=left, way_out=doors.way_out(out) if left else "")

    @routes.post("/sign-in")
    async def enter(
        request: Request,
        login: Annotated[str, Form(max_length=200)],
        password: Annotated[str, Form(max_length=256)],
        code: Annotated[str, Form(max_length=40)] = "",
        next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002  # the name of the field
    ) -> Response:
        if not ways.local:
            raise Problem(HTTPStatus.FORBIDDEN, "nobody signs in with a password here")
        answer = await run_in_threadpool(
            sign_in.attempt, login, password, code, now=gateway.clock(), network=network_of(request)
        )
        if answer.outcome is not Outcome.SIGNED_IN:
            return page(request, _STATUS[answer.outcome], next=inside(next), login=login, answer=answer)
        response = RedirectResponse(inside(next), HTTPStatus.SEE_OTHER)
        return with_session(gateway, response, answer.shown)

    @routes.get("/sign-in/{provider}")
    def begin(request: Request, provider: str, next: str = "/") -> Response:  # noqa: A002
        door = doors.find(provider)
        try:
            begun = door.begin(inside(next))
        except EInvoicingError as error:
            return _refused(page, request, error, door.provider.title)
        response = RedirectResponse(begun.address, HTTPStatus.SEE_OTHER)
        return doors.remember(response, begun.cookie)

    @routes.get("/sign-in/{provider}/return")
    def come_back(request: Request, provider: str) -> Response:
        door = doors.find(provider)
        try:
            shown, next_ = doors.enter(request, door)
        except EInvoicingError as error:
            return doors.forget(_refused(page, request, error, door.provider.title))
        response = RedirectResponse(inside(next_), HTTPStatus.SEE_OTHER)
        return doors.forget(with_session(gateway, response, shown))

    @routes.post("/sign-out")
    async def leave(request: Request) -> Response:
        shown = request.cookies.get(COOKIE, "")
        session = session_of(request)
        if shown:
            await run_in_threadpool(_end, gateway, shown)
        provider = session.provider if session is not None else ""
        place = f"/sign-in?out={provider}" if provider else "/sign-in"
        response = RedirectResponse(place, HTTPStatus.SEE_OTHER)
        response.delete_cookie(COOKIE, path="/")
        return response

    return routes


def with_session(gateway: Gateway, response: Response, shown: str) -> Response:
    """The answer with the cookie of a new session."""
    response.set_cookie(
        COOKIE,
        shown,
        max_age=int(sessions.LONGEST.total_seconds()),
        path="/",
        secure=gateway.settings.web.secure_cookies,
        httponly=True,
        samesite="lax",
    )
    return response


def inside(place: str) -> str:
    """Where to go on: a page of ours, never of somebody else."""
    if _STRANGE.search(place) or not place.startswith("/") or place.startswith("//"):
        return "/"
    parts = urlsplit(place)
    return "/" if parts.scheme or parts.netloc else place


def _refused(page, request: Request, error: EInvoicingError, title: str) -> Response:  # type: ignore[no-untyped-def]
    _log.warning("sign-in refused", what=error.what, where=error.where)
    word = getattr(error, "word", "")
    status = HTTPStatus.FORBIDDEN if word else HTTPStatus.BAD_GATEWAY
    answer: Response = page(request, status, refused={"word": word, "title": title, "what": error.what})
    return answer


def _end(gateway: Gateway, shown: str) -> None:
    with gateway.database.begin() as connection:
        now = gateway.clock()
        session, _ = sessions.find(connection, shown, now=now)
        if session is not None:
            told = {"person": session.person.id}
            journal.append(connection, "signed out", told, now=now, actor=session.person.login[:100])
        sessions.end(connection, shown)
