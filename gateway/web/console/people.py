"""GET /people: who may sign in, and what each is to which company. For administrators of all companies."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy import Connection

from formats.errors import ConfigError
from gateway.access import agreeing, identities
from gateway.access.passwords import Passwords
from gateway.access.rights import ALL_COMPANIES, Role
from gateway.access.sign_in import forget_failures
from gateway.store import journal, people, tokens
from gateway.store.people import Person
from gateway.web.console.shell import Shell, not_there, refused_in_words
from gateway.web.guard import actor_of
from gateway.web.languages import LANGUAGES

__all__ = ["router"]

_SIGNS: Final = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that looks like something else
_Text = Annotated[str, Form(max_length=200)]
_Words = Annotated[list[str] | None, Form(max_length=1000)]
Change = Callable[[Connection, Person], Mapping[str, object] | None]


def router(shell: Shell) -> APIRouter:
    """The list, one person, and what is changed of them."""
    routes = APIRouter()
    gateway = shell.gateway
    passwords = Passwords()

    def show(request: Request, **more: Any) -> Response:
        with gateway.database.read() as connection:
            listed = people.listing(connection)
        ways = gateway.settings.sign_in
        context = {
            "people": listed,
            "roles": tuple(Role),
            "known": sorted(gateway.settings.companies),
            "providers": ways.providers,
            "local": ways.local,
            "languages": LANGUAGES,
            "said": "",
            "fix": "",
            "filled": {},
            **more,
        }
        status = HTTPStatus.UNPROCESSABLE_ENTITY if context["said"] else HTTPStatus.OK
        return shell.render(request, "people.html", context, section="people", status=status)

    def change(request: Request, identifier: str, event: str, act: Change) -> Response:
        """One change of one person, journalled; what cannot be done is said in words."""
        actor = actor_of(request)
        with refused_in_words(), gateway.database.begin() as connection:
            person = _found(connection, identifier)
            told = act(connection, person)
            data = {"person": person.id, "login": person.login, **(told or {})}
            journal.append(connection, event, data, now=gateway.clock(), actor=actor.label)
        return shell.back(f"/people/{identifier}", "person-changed")

    def vouch(connection: Connection, request: Request, person: Person, what: str) -> None:
        found = people.get(connection, person.id)
        assert found is not None  # noqa: S101  # read in this transaction
        agreeing.vouch_for(connection, gateway, found, what, by=actor_of(request))

    @routes.get("/people")
    def page(request: Request) -> Response:
        return show(request)

    @routes.post("/people")
    def add(
        request: Request,
        login: _Text,
        name: _Text,
        role: Annotated[Role, Form()],
        company: _Words = None,
        language: Annotated[str, Form(max_length=2)] = "en",
        way: Annotated[str, Form(max_length=50)] = "",
    ) -> Response:
        actor = actor_of(request)
        password = _new_password()
        try:
            _require_plain(login, name, company or (), gateway.settings.companies)
            provider = gateway.settings.sign_in.provider(way)
            roles = dict.fromkeys(company or [ALL_COMPANIES], role)
            kept = "" if provider is not None else passwords.kept(password, login=login)
            with gateway.database.begin() as connection:
                now = gateway.clock()
                person = people.add(
                    connection,
                    login,
                    name,
                    roles,
                    language=language if language in LANGUAGES else "en",
                    now=now,
                    password=kept,
                    subject=identities.to_be_linked(provider.name) if provider is not None else "",
                    must_change_password=provider is None,
                )
                told = {"person": person.id, "login": person.login, "role": role, "companies": sorted(roles)}
                journal.append(connection, "person added", told, now=now, actor=actor.label)
                vouch(connection, request, person, "added")
        except ConfigError as error:
            filled = {"login": login, "name": name}
            return show(request, said=error.what, fix=error.fix, filled=filled)
        if provider is not None:
            return shell.back(f"/people/{person.id}", "person-changed")
        context = {"person": person, "password": password}
        return shell.render(request, "new_password.html", context, section="people")

    @routes.get("/people/{person}")
    def one(request: Request, person: str) -> Response:
        with gateway.database.read() as connection:
            found = _found(connection, person)
            held = tokens.listing(connection, maker=found.id)
        context = {
            "person": found,
            "known": sorted({*gateway.settings.companies, *found.roles} - {ALL_COMPANIES}),
            "roles": tuple(Role),
            "by_provider": bool(found.subject) and not found.subject.startswith("link:"),
            "tokens": [one for one in held if one.ended_at is None and one.ends_at > gateway.clock()],
            "own": found.id == actor_of(request).id,
            "four_eyes": gateway.settings.four_eyes,
        }
        return shell.render(request, "person.html", context, section="people")

    @routes.post("/people/{person}/roles")
    def roles(request: Request, person: str, company: _Words = None, role: _Words = None) -> Response:
        wanted = {
            where: Role(what)
            for where, what in zip(company or (), role or (), strict=False)
            if what in tuple(Role)
        }

        def act(connection: Connection, found: Person) -> Mapping[str, object]:
            known = {*gateway.settings.companies, *found.roles, ALL_COMPANIES}
            kept = {where: what for where, what in wanted.items() if where in known}
            people.grant(connection, found.id, kept)
            vouch(connection, request, found, "roles changed")
            return {"roles": {where: what.value for where, what in sorted(kept.items())}}

        return change(request, person, "roles changed", act)

    @routes.post("/people/{person}/lock")
    def lock(request: Request, person: str) -> Response:
        return change(
            request, person, "person locked", lambda c, found: people.lock(c, found.id, now=gateway.clock())
        )

    @routes.post("/people/{person}/unlock")
    def unlock(request: Request, person: str) -> Response:
        def act(connection: Connection, found: Person) -> None:
            people.unlock(connection, found.id)
            forget_failures(connection, found.login)

        return change(request, person, "person unlocked", act)

    @routes.post("/people/{person}/end-sessions")
    def end_sessions(request: Request, person: str) -> Response:
        return change(
            request,
            person,
            "sessions ended",
            lambda c, found: {"sessions": people.end_sessions(c, found.id)},
        )

    @routes.post("/people/{person}/end")
    def end(request: Request, person: str) -> Response:
        return change(
            request, person, "person ended", lambda c, found: people.end(c, found.id, now=gateway.clock())
        )

    @routes.post("/people/{person}/password")
    def password(request: Request, person: str) -> Response:
        new = _new_password()
        with gateway.database.read() as connection:
            found = _found(connection, person)
        kept = passwords.kept(new, login=found.login)

        def act(connection: Connection, found: Person) -> None:
            if not found.password:
                raise ConfigError(
                    "this person has no password here", where=found.login, fix="see the provider"
                )
            people.set_password(connection, found.id, kept, must_change=True)
            forget_failures(connection, found.login)
            vouch(connection, request, found, "password reset")

        change(request, person, "password reset", act)
        context = {"person": found, "password": new}
        return shell.render(request, "new_password.html", context, section="people")

    @routes.post("/people/{person}/second-factor")
    def second_factor(
        request: Request, person: str, act: Annotated[str, Form(max_length=10)] = ""
    ) -> Response:
        if act not in ("require", "free", "reset"):
            raise not_there()

        def changed(connection: Connection, found: Person) -> Mapping[str, object]:
            if act == "reset":
                people.set_second_factor(connection, found.id, "", ())
                people.end_sessions(connection, found.id)
                vouch(connection, request, found, "second factor reset")
            else:
                people.need_second_factor(connection, found.id, act == "require")
            return {"what": act}

        return change(request, person, "second factor changed", changed)

    return routes


def _found(connection: Connection, identifier: str) -> Person:
    person = people.get(connection, identifier[:36])
    if person is None:
        raise not_there()
    return person


def _new_password() -> str:
    """For the first sign-in only: 15 signs, 74 bits."""
    return "-".join("".join(secrets.choice(_SIGNS) for _ in range(5)) for _ in range(3))


def _require_plain(login: str, name: str, companies: Any, known: Mapping[str, object]) -> None:
    if not login.strip() or not name.strip() or not (login + name).isprintable():
        raise ConfigError("login and name are needed", where="people", fix="write both")
    for company in companies:
        if company not in known:
            raise ConfigError(
                f"there is no company {company[:100]}", where="people", fix="choose among those shown"
            )
