"""GET /account: a person's own password, second factor, language and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final

import segno
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from formats.errors import ConfigError
from gateway.access import one_time_codes
from gateway.access.passwords import Passwords
from gateway.access.sign_in import SignedIn
from gateway.store import journal, people, sessions
from gateway.store.people import Person
from gateway.web.console.shell import Shell
from gateway.web.guard import person_of
from gateway.web.languages import LANGUAGES
from gateway.web.problems import Problem
from gateway.web.sealed import seal_of, sign_in_of
from gateway.web.signing_in import with_session

__all__ = ["router"]

_ISSUER: Final = "E-invoicing gateway"
_Secret = Annotated[str, Form(max_length=256)]
_Code = Annotated[str, Form(max_length=40)]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A second factor that is about to be set up: `sealed` comes back with the first code."""

    secret: str
    sealed: str
    picture: Markup


def router(shell: Shell) -> APIRouter:
    """The page, and what a person changes on it."""
    routes = APIRouter()
    gateway = shell.gateway
    passwords, sign_in = Passwords(), sign_in_of(gateway)
    codes, enrolments = seal_of(gateway, "totp"), seal_of(gateway, "totp enrolment")

    def show(request: Request, said: str = "", first: str = "", answer: SignedIn | None = None) -> Response:
        session = person_of(request)
        with gateway.database.read() as connection:
            left = people.recovery_codes_left(connection, session.person.id)
        provider = gateway.settings.sign_in.provider(session.provider)
        context = {
            "person": session.person,
            "provider": provider.title if provider is not None else "",
            "codes_left": left,
            "first": first if first in ("password", "factor") else "",
            "said": said,
            "answer": answer,
            "languages": LANGUAGES,
        }
        status = HTTPStatus.UNPROCESSABLE_ENTITY if said or answer else HTTPStatus.OK
        return shell.render(request, "account.html", context, section="account", status=status)

    def enrol(request: Request, secret: str, said: str = "", answer: SignedIn | None = None) -> Response:
        person = person_of(request).person
        address = one_time_codes.address(secret, login=person.login, issuer=_ISSUER)
        sealed = enrolments.sealed(f"{person.id} {secret}")
        context = {
            "person": person,
            "enrolment": Enrolment(secret, sealed, _picture(address)),
            "said": said,
            "answer": answer,
        }
        status = HTTPStatus.UNPROCESSABLE_ENTITY if said or answer else HTTPStatus.OK
        return shell.render(request, "second_factor.html", context, section="account", status=status)

    @routes.get("/account")
    def page(request: Request, first: str = "") -> Response:
        return show(request, first=first)

    @routes.post("/account/password")
    def change_password(
        request: Request, current: _Secret, new: _Secret, again: _Secret, code: _Code = ""
    ) -> Response:
        person = _with_password(request)
        if new != again:
            return show(request, "different")
        try:
            kept = passwords.kept(new, login=person.login)
        except ConfigError:
            return show(request, "weak")
        if new == current:
            return show(request, "same")
        answer, proven = sign_in.proven(person.login, current, code, now=gateway.clock())
        if proven is None:
            return show(request, answer=answer)
        with gateway.database.begin() as connection:
            now = gateway.clock()
            people.set_password(connection, person.id, kept)
            told = {"person": person.id}
            journal.append(connection, "password changed", told, now=now, actor=person.actor.label)
            # Whoever knew the old one is signed out everywhere; here the person goes on.
            shown = sessions.open_for(connection, person.id, now=now)
        response = RedirectResponse("/account?done=password-changed", HTTPStatus.SEE_OTHER)
        return with_session(gateway, response, shown)

    @routes.post("/account/language")
    def speak(request: Request, language: Annotated[str, Form(max_length=2)]) -> Response:
        if language in LANGUAGES:
            with gateway.database.begin() as connection:
                people.speak(connection, person_of(request).person.id, language)
        return shell.back("/account", "language")

    @routes.post("/account/sessions/end")
    def end_sessions(request: Request) -> Response:
        session = person_of(request)
        person = session.person
        with gateway.database.begin() as connection:
            now = gateway.clock()
            ended = people.end_sessions(connection, person.id)
            told = {"person": person.id, "sessions": ended}
            journal.append(connection, "sessions ended", told, now=now, actor=person.actor.label)
            shown = sessions.open_for(connection, person.id, now=now, provider=session.provider)
        response = RedirectResponse("/account?done=sessions-ended", HTTPStatus.SEE_OTHER)
        return with_session(gateway, response, shown)

    @routes.get("/account/second-factor")
    def begin(request: Request) -> Response:
        person = _with_password(request)
        if person.totp:
            return RedirectResponse("/account", HTTPStatus.SEE_OTHER)
        return enrol(request, one_time_codes.new_secret())

    @routes.post("/account/second-factor")
    def set_up(
        request: Request, sealed: Annotated[str, Form(max_length=1000)], password: _Secret, code: _Code
    ) -> Response:
        person = _with_password(request)
        try:
            owner, _, secret = enrolments.opened(sealed).partition(" ")
        except ConfigError:
            owner, secret = "", ""
        if owner != person.id or person.totp:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "this form is not yours", fix="begin again")
        now = gateway.clock()
        step = one_time_codes.matching_step(secret, code, now=now, last_step=0)
        if step is None:
            return enrol(request, secret, "code")
        answer, proven = sign_in.proven(person.login, password, now=now)
        if proven is None:
            return enrol(request, secret, answer=answer)
        recovery = one_time_codes.new_recovery_codes()
        digests = tuple(one_time_codes.recovery_digest(one) for one in recovery)
        with gateway.database.begin() as connection:
            people.set_second_factor(connection, person.id, codes.sealed(secret), digests)
            people.keep_step(connection, person.id, step)
            told = {"person": person.id}
            journal.append(connection, "second factor set up", told, now=now, actor=person.actor.label)
        return shell.render(request, "recovery_codes.html", {"codes": recovery}, section="account")

    @routes.post("/account/second-factor/remove")
    def remove(request: Request, password: _Secret, code: _Code = "") -> Response:
        person = _with_password(request)
        answer, proven = sign_in.proven(person.login, password, code, now=gateway.clock())
        if proven is None:
            return show(request, answer=answer)
        with gateway.database.begin() as connection:
            people.set_second_factor(connection, person.id, "", ())
            told = {"person": person.id}
            by = person.actor.label
            journal.append(connection, "second factor removed", told, now=gateway.clock(), actor=by)
        return shell.back("/account", "factor-removed")

    return routes


def _with_password(request: Request) -> Person:
    """The person, who must have a password of ours for this. Problem 403 for others."""
    session = person_of(request)
    if session.provider or not session.person.password:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "your password and second factor are kept where you sign in",
            fix="change them there",
        )
    return session.person


def _picture(address: str) -> Markup:
    """The QR code as SVG; of attributes only, so that the policy of the pages lets it stand."""
    code = segno.make(address, error="m", micro=False)
    # Written by segno from a text that it encodes: nothing of it is markup.
    return Markup(code.svg_inline(omitsize=True, border=4, dark="#000", light="#fff"))  # noqa: S704
