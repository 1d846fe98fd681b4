"""gateway people: who may sign in to the console, and what each is to which company."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich import box
from rich.table import Table
from sqlalchemy import Connection

from formats.errors import ConfigError
from gateway.access.identities import to_be_linked
from gateway.access.passwords import Passwords
from gateway.access.rights import ALL_COMPANIES, Role
from gateway.access.sign_in import forget_failures
from gateway.cli.languages import Language
from gateway.cli.output import OUT, config_folder, shown
from gateway.store import journal, people
from gateway.store.people import Person
from gateway.wiring import Gateway

__all__ = ["app"]

app = typer.Typer(help="who may sign in, and what each may do", rich_markup_mode=None)

_BY: Final = "operator"
_LARGEST: Final = 4096
_Login = Annotated[str, typer.Argument(help="what the person signs in with, usually an e-mail address")]
_File = Annotated[
    Path | None, typer.Option(help="a file with the password in its first line; asked for without it")
]


@app.command()
def add(
    context: typer.Context,
    login: _Login,
    name: Annotated[str, typer.Option(help="the person's name, as the record shows it")],
    role: Annotated[Role, typer.Option(help="what the person is to those companies")],
    company: Annotated[
        list[str] | None, typer.Option(help="a file of companies/ without .yaml; repeatable; all without it")
    ] = None,
    language: Annotated[Language, typer.Option(help="of the pages")] = Language.EN,
    password_file: _File = None,
) -> None:
    """Let somebody in. The first one is usually an administrator of all companies."""
    gateway = Gateway.open(config_folder(context))
    try:
        if not login.strip() or len(login) > 200 or not name.strip() or len(name) > 200:
            raise ConfigError(
                "login and name have 1 to 200 signs", where="gateway people add", fix="write them shorter"
            )
        roles = dict.fromkeys(company or [ALL_COMPANIES], role)
        _require_companies(gateway, roles)
        kept = Passwords().kept(_password(password_file), login=login)
        with gateway.database.begin() as connection:
            now = gateway.clock()
            person = people.add(connection, login, name, roles, language=language, now=now, password=kept)
            told = {"person": person.id, "login": person.login, "role": role, "companies": sorted(roles)}
            journal.append(connection, "person added", told, now=now, actor=_BY)
    finally:
        gateway.close()
    OUT.print(shown(f"{person.login} may sign in now."))


@app.command("list")
def listed(context: typer.Context) -> None:
    """Everybody, also those who have left."""
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            found = people.listing(connection)
    finally:
        gateway.close()
    if not found:
        OUT.print("Nobody may sign in yet: gateway people add LOGIN --name NAME --role administrator")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Login", "Name", "Role", "Second factor", "Since (UTC)", "Left (UTC)"):
        table.add_column(name, overflow="fold")
    for person in found:
        table.add_row(*(shown(cell) for cell in _row(person)))
    OUT.print(table)


@app.command()
def password(context: typer.Context, login: _Login, password_file: _File = None) -> None:
    """Give somebody another password; what they have open ends."""
    gateway = Gateway.open(config_folder(context))
    try:
        person = _one(gateway, login)
        kept = Passwords().kept(_password(password_file), login=person.login)
        with gateway.database.begin() as connection:
            people.set_password(connection, person.id, kept)
            forget_failures(connection, person.login)
            told = {"person": person.id}
            journal.append(connection, "password changed", told, now=gateway.clock(), actor=_BY)
    finally:
        gateway.close()
    OUT.print(shown(f"{person.login} signs in with the new password from now on."))


@app.command()
def end(context: typer.Context, login: _Login) -> None:
    """Let somebody in no longer; what they did stays under their name."""
    gateway = Gateway.open(config_folder(context))
    try:
        person = _one(gateway, login)
        with gateway.database.begin() as connection:
            now = gateway.clock()
            people.end(connection, person.id, now=now)
            journal.append(connection, "person ended", {"person": person.id}, now=now, actor=_BY)
    finally:
        gateway.close()
    OUT.print(shown(f"{person.login} may not sign in any more."))


@app.command()
def lock(context: typer.Context, login: _Login) -> None:
    """Let nobody in as this person until they are unlocked; what they have open ends."""
    _change(
        context,
        login,
        "person locked",
        lambda connection, person, now: people.lock(connection, person.id, now=now),
        "may not sign in until unlocked.",
    )


@app.command()
def unlock(context: typer.Context, login: _Login) -> None:
    """Let somebody in again, also after too many wrong tries."""

    def act(connection: Connection, person: Person, now: datetime) -> None:
        people.unlock(connection, person.id)
        forget_failures(connection, person.login)

    _change(context, login, "person unlocked", act, "may sign in again.")


@app.command()
def reset(context: typer.Context, login: _Login) -> None:
    """The phone is lost: remove the second factor and the recovery codes; what they have open ends."""

    def act(connection: Connection, person: Person, now: datetime) -> None:
        people.set_second_factor(connection, person.id, "", ())
        people.end_sessions(connection, person.id)

    _change(context, login, "second factor reset", act, "signs in with the password alone from now on.")


@app.command()
def require(
    context: typer.Context,
    login: _Login,
    second_factor: Annotated[
        bool, typer.Option(help="whether it must be set up before anything else")
    ] = True,
) -> None:
    """Make somebody set up a second factor before anything else."""
    _change(
        context,
        login,
        "second factor required" if second_factor else "second factor left free",
        lambda connection, person, now: people.need_second_factor(connection, person.id, second_factor),
        "has to set up a second factor." if second_factor else "need not set up a second factor.",
    )


@app.command()
def link(
    context: typer.Context,
    login: _Login,
    provider: Annotated[str, typer.Argument(help="a name of gateway.yaml, sign_in.providers; '' for none")],
) -> None:
    """Tie a login to a provider: whoever it knows under this address is this person from then on."""

    def act(connection: Connection, person: Person, now: datetime) -> None:
        people.link(connection, person.id, to_be_linked(provider) if provider else "")

    def known(gateway: Gateway) -> None:
        names = [one.name for one in gateway.settings.sign_in.providers]
        if provider and provider not in names:
            raise ConfigError(
                f"there is no provider {provider[:50]}",
                where="gateway people link",
                fix=f"use one of {', '.join(names) or 'gateway.yaml, sign_in.providers'}",
            )

    _change(context, login, "person linked", act, "is tied at the next sign-in.", first=known)


def _change(
    context: typer.Context,
    login: str,
    event: str,
    act: Callable[[Connection, Person, datetime], object],
    told: str,
    *,
    first: Callable[[Gateway], None] = lambda gateway: None,
) -> None:
    gateway = Gateway.open(config_folder(context))
    try:
        first(gateway)
        person = _one(gateway, login)
        with gateway.database.begin() as connection:
            now = gateway.clock()
            act(connection, person, now)
            data = {"person": person.id, "login": person.login}
            journal.append(connection, event, data, now=now, actor=_BY)
    finally:
        gateway.close()
    OUT.print(shown(f"{person.login} {told}"))


def _one(gateway: Gateway, login: str) -> Person:
    with gateway.database.read() as connection:
        person = people.by_login(connection, login)
    if person is None:
        raise ConfigError(
            f"nobody signs in as {login[:200]}", where="gateway people", fix="gateway people list shows all"
        )
    return person


def _require_companies(gateway: Gateway, roles: dict[str, Role]) -> None:
    known = set(gateway.settings.companies)
    for company in sorted(set(roles) - known - {ALL_COMPANIES}):
        raise ConfigError(
            f"there is no company {company[:100]}",
            where="gateway people add --company",
            fix=f"use one of {', '.join(sorted(known))}",
        )


def _password(file: Path | None) -> str:
    if file is None:
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        if file.stat().st_size > _LARGEST:
            raise ConfigError("the file is too large for a password", where=str(file), fix="name another")
        return file.read_text("utf-8-sig").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the password cannot be read", where=str(file), fix="name a text file in UTF-8"
        ) from error


def _row(person: Person) -> tuple[str, ...]:
    roles = ", ".join(
        f"{role} ({'all companies' if company == ALL_COMPANIES else company})"
        for company, role in sorted(person.roles.items())
    )
    left = f"{person.ended_at:%Y-%m-%d %H:%M}" if person.ended_at else "locked" if person.locked_at else ""
    factor = "yes" if person.totp else "provider" if person.subject else "no"
    return person.login, person.name, roles, factor, f"{person.made_at:%Y-%m-%d %H:%M}", left
