"""The guard before every route: finds out who asks, and holds it against the decision for that route.

People show a session cookie, programs an API token, which opens no page. Forms come from our own pages: what
changes something and comes with a cookie must carry the token of the session's forms, which a page elsewhere
does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from gateway.access.rights import Actor
from gateway.store import sessions, tokens
from gateway.store.sessions import Session
from gateway.web.decisions import DECISIONS, Decision, Way, is_for_programs
from gateway.web.problems import Problem, SetUpNeeded, SignInNeeded
from gateway.wiring import Gateway

__all__ = ["COOKIE", "Guard", "actor_of", "person_of", "session_of"]

COOKIE: Final = "gateway_session"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM_TYPES: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Guard:
    """Called before each route, as a dependency of the whole application."""

    gateway: Gateway

    async def __call__(self, request: Request) -> None:
        decision = DECISIONS.get(f"{request.method} {_path(request)}")
        if decision is None and request.method == "HEAD":
            decision = DECISIONS.get(f"GET {_path(request)}")
        if decision is None:
            raise Problem(HTTPStatus.FORBIDDEN, "nobody has decided who may call this")
        request.state.actor = None
        request.state.session = None
        if decision.way in (Way.OPEN, Way.LINK) and request.method not in _SAFE:
            # Nobody has a session yet, and still nobody is to be signed in as somebody else.
            _require_own_page(request, nameless=decision.way is Way.LINK)
        if decision.way in (Way.ACTOR, Way.PERSON, Way.OPEN):
            await self._recognise(request)
        if decision.way is Way.ACTOR:
            await self._require(request, decision)
        elif decision.way is Way.PERSON:
            await self._require_person(request)

    async def _recognise(self, request: Request) -> None:
        """Who asks, if anybody shows anything."""
        shown = request.headers.get("authorization", "")
        cookie = request.cookies.get(COOKIE, "")
        if shown[:7].lower() == "bearer ":
            request.state.actor = await run_in_threadpool(self._of_token, shown[7:].strip())
        elif cookie:
            session = await run_in_threadpool(self._of_cookie, cookie)
            if session is not None:
                request.state.session = session
                request.state.actor = session.person.actor

    async def _require(self, request: Request, decision: Decision) -> None:
        actor: Actor | None = request.state.actor
        if actor is None:
            if _wants_page(request):
                raise SignInNeeded(_back(request))
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "no token was shown, or it does not hold any more",
                fix="send Authorization: Bearer <token>",
                headers={"WWW-Authenticate": "Bearer"},
            )
        session: Session | None = request.state.session
        if session is None and not is_for_programs(_path(request)):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "this page is for people who have signed in, not for programs",
                fix="use /api/v1 with this token",
            )
        if session is not None and (first := self._first(session)):
            if _wants_page(request):
                raise SetUpNeeded(first)
            raise Problem(HTTPStatus.FORBIDDEN, "the account is not set up", fix="open /account in a browser")
        right = decision.right
        if right is None or not (actor.may(right) if decision.everywhere else actor.may_somewhere(right)):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "your role does not allow this",
                fix="ask an administrator, if you need it for your work",
            )
        if request.state.session is not None and request.method not in _SAFE:
            await _require_own_form(request, request.state.session)

    async def _require_person(self, request: Request) -> None:
        """A session, whatever its roles: what is asked for is the person's own."""
        session: Session | None = request.state.session
        if session is None:
            if _wants_page(request) and request.state.actor is None:
                raise SignInNeeded(_back(request))
            raise Problem(HTTPStatus.UNAUTHORIZED, "this is for people who have signed in")
        if request.method not in _SAFE:
            await _require_own_form(request, session)

    def _first(self, session: Session) -> str:
        """What the person has to do before anything else: "password", "factor" or ""."""
        person = session.person
        if session.provider:
            return ""
        if person.must_change_password:
            return "password"
        needed = self.gateway.settings.sign_in.second_factor == "required" or person.needs_second_factor
        return "factor" if needed and not person.totp else ""

    def _of_token(self, shown: str) -> Actor | None:
        now = self.gateway.clock()
        with self.gateway.database.read() as connection:
            actor, note = tokens.actor_of(connection, shown, now=now)
        if actor is not None and note:
            with self.gateway.database.begin() as connection:
                tokens.used(connection, actor.id, now=now)
        return actor

    def _of_cookie(self, shown: str) -> Session | None:
        now = self.gateway.clock()
        with self.gateway.database.read() as connection:
            session, note = sessions.find(connection, shown, now=now)
        if session is not None and not self._still_a_way(session):
            return None
        if note:
            with self.gateway.database.begin() as connection:
                sessions.seen(connection, shown, now=now)
        return session

    def _still_a_way(self, session: Session) -> bool:
        """Whether people may still come in the way that this one came."""
        ways = self.gateway.settings.sign_in
        return ways.provider(session.provider) is not None if session.provider else ways.local


def actor_of(request: Request) -> Actor:
    """Who asks, behind a route whose decision is Way.ACTOR."""
    actor = request.state.actor
    assert isinstance(actor, Actor)  # noqa: S101  # the guard let nobody else through
    return actor


def session_of(request: Request) -> Session | None:
    """The session of a person; None for a program, or nobody."""
    session = request.state.session
    return session if isinstance(session, Session) else None


def person_of(request: Request) -> Session:
    """The session, behind a route whose decision is Way.PERSON."""
    session = session_of(request)
    assert session is not None  # noqa: S101  # the guard let nobody else through
    return session


def _require_own_page(request: Request, *, nameless: bool = False) -> None:
    """`nameless` where our own page does not say where it is: it keeps its address, which is a key, to
    itself."""
    origin = request.headers.get("origin")
    if origin is None or (nameless and origin == "null"):
        return
    if urlsplit(origin).netloc != request.headers.get("host"):
        raise Problem(HTTPStatus.FORBIDDEN, "this form is on a page of somebody else")


async def _require_own_form(request: Request, session: Session) -> None:
    _require_own_page(request)
    token = request.headers.get("x-form-token", "")
    if not token and request.headers.get("content-type", "").startswith(_FORM_TYPES):
        form = await request.form()
        shown = form.get("form_token")
        token = shown if isinstance(shown, str) else ""
    if not sessions.form_token_fits(session, token):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "this form is from an earlier session",
            fix="go back, load the page again and repeat; nothing was changed",
        )


def _path(request: Request) -> str:
    route = request.scope.get("route")
    return str(getattr(route, "path", ""))


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def _back(request: Request) -> str:
    if request.method not in _SAFE:
        return "/"
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")
