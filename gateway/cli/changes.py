"""gateway changes: what two people have to agree to. Both say who they are, with password and code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from formats.errors import ConfigError
from gateway.access import agreeing
from gateway.access.passwords import Passwords
from gateway.access.rights import Actor
from gateway.access.sealing import Seal
from gateway.access.sign_in import Outcome, SignIn
from gateway.cli.output import OUT, config_folder, print_json, shown
from gateway.settings import reveal
from gateway.store import changes, people
from gateway.store.changes import Change
from gateway.wiring import Gateway

__all__ = ["app", "who"]

app = typer.Typer(help="changes that two people have to agree to", rich_markup_mode=None)

_LARGEST: Final = 4096
_Login = Annotated[str, typer.Option(help="who you are in the console")]
_File = Annotated[
    Path | None, typer.Option(help="a file with your password in its first line; asked for without it")
]
_Code = Annotated[str, typer.Option(help="the code of your authenticator, if you use one")]
_Id = Annotated[str, typer.Argument(help="the id of the change, or the beginning of it")]


@app.callback(invoke_without_command=True)
def listed(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False
) -> None:
    """What waits for a second person, and what nobody has proposed yet."""
    if context.invoked_subcommand is not None:
        return
    gateway = Gateway.open(config_folder(context))
    try:
        with gateway.database.read() as connection:
            waiting = changes.waiting(connection)
            parts = agreeing.not_agreed(connection, gateway)
            names = {one.id: one.login for one in people.listing(connection)}
    finally:
        gateway.close()
    proposed = {(one.kind, one.subject, one.digest) for one in waiting}
    missing = [part for part in parts if (part.kind, part.subject, part.digest) not in proposed]
    if as_json:
        print_json(
            {
                "waiting": [
                    {"id": one.id, "kind": one.kind, "subject": one.subject, "reason": one.reason}
                    for one in waiting
                ],
                "not proposed": [{"kind": part.kind, "subject": part.subject} for part in missing],
            }
        )
        return
    for one in waiting:
        by = names.get(one.proposed_by, one.proposed_by)
        OUT.print(
            shown(f"{one.id[:8]}  {one.kind}: {one.subject}, proposed by {by}: {one.reason}"), soft_wrap=True
        )
    for part in missing:
        OUT.print(shown(f"not proposed  {part.kind}: {part.subject}"), soft_wrap=True)
    if not waiting and not missing:
        OUT.print("Nothing waits for a second person.")


@app.command()
def propose(
    context: typer.Context,
    login: _Login,
    reason: Annotated[str, typer.Option(help="why it is needed; kept in the journal")],
    subject: Annotated[str, typer.Option(help="only this one; all that nobody has proposed without it")] = "",
    password_file: _File = None,
    code: _Code = "",
) -> None:
    """Propose what the configuration says now. Somebody else approves it."""
    gateway = Gateway.open(config_folder(context))
    try:
        actor = who(gateway, login, password_file, code)
        with gateway.database.read() as connection:
            parts = agreeing.not_agreed(connection, gateway)
            waiting = {(one.kind, one.subject, one.digest) for one in changes.waiting(connection)}
        wanted = [
            part
            for part in parts
            if subject in ("", part.subject) and (part.kind, part.subject, part.digest) not in waiting
        ]
        if not wanted:
            raise ConfigError(
                "there is nothing to propose",
                where="gateway changes propose",
                fix="gateway changes lists all",
            )
        for part in wanted:
            done = agreeing.propose(gateway, part, reason=reason, by=actor)
            OUT.print(shown(f"{done.id[:8]}  {done.kind}: {done.subject}"), soft_wrap=True)
    finally:
        gateway.close()
    OUT.print("A second person approves them: gateway changes approve ID, or in the console.")


@app.command()
def show(context: typer.Context, change: _Id) -> None:
    """What is in force now, and what would be."""
    gateway = Gateway.open(config_folder(context))
    try:
        found = _one(gateway, change)
    finally:
        gateway.close()
    print_json({"kind": found.kind, "subject": found.subject, "before": found.before, "after": found.after})


@app.command()
def approve(
    context: typer.Context,
    change: _Id,
    login: _Login,
    answer: Annotated[str, typer.Option(help="how you know that it is right; kept in the journal")],
    password_file: _File = None,
    code: _Code = "",
) -> None:
    """Agree to a change that somebody else proposed."""
    _decide(context, change, True, answer, login, password_file, code)


@app.command()
def decline(
    context: typer.Context,
    change: _Id,
    login: _Login,
    answer: Annotated[str, typer.Option(help="why not; kept in the journal")],
    password_file: _File = None,
    code: _Code = "",
) -> None:
    """Do not agree to it."""
    _decide(context, change, False, answer, login, password_file, code)


def _decide(
    context: typer.Context, change: str, approved: bool, answer: str, login: str, file: Path | None, code: str
) -> None:
    gateway = Gateway.open(config_folder(context))
    try:
        found = _one(gateway, change)
        actor = who(gateway, login, file, code)
        done = agreeing.decide(gateway, found, approved=approved, answer=answer, by=actor)
    finally:
        gateway.close()
    OUT.print(shown(f"{done.kind}: {done.subject} is {done.outcome}."), soft_wrap=True)


def _one(gateway: Gateway, change: str) -> Change:
    with gateway.database.read() as connection:
        found = [one for one in changes.waiting(connection) if change and one.id.startswith(change)]
    if len(found) != 1:
        raise ConfigError(
            f"{len(found)} changes that wait have an id that begins so",
            where="gateway changes",
            fix="gateway changes --json shows the whole ids",
        )
    return found[0]


def who(gateway: Gateway, login: str, file: Path | None, code: str) -> Actor:
    """The person at this terminal: whoever has the shell has not the others' passwords."""
    web, folder = gateway.settings.web, gateway.settings.folder
    sign_in = SignIn(gateway.database, Passwords(), Seal(reveal(web.secret, folder), "totp"))
    password = _password(file)
    answer, person = sign_in.proven(login, password, code, now=gateway.clock())
    if answer.outcome is Outcome.CODE_WANTED:
        code = str(typer.prompt("Code of your authenticator"))
        answer, person = sign_in.proven(login, password, code, now=gateway.clock())
    if person is None:
        raise ConfigError(
            "that is not you: login, password and code do not go together",
            where="gateway changes --login",
            fix="after five wrong tries the login rests for 15 minutes; who signs in through a provider "
            "decides in the console",
        )
    return person.actor


def _password(file: Path | None) -> str:
    if file is None:
        return str(typer.prompt("Your password", hide_input=True))
    try:
        if file.stat().st_size > _LARGEST:
            raise ConfigError("the file is too large for a password", where=str(file), fix="name another")
        return file.read_text("utf-8-sig").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the password cannot be read", where=str(file), fix="name a text file in UTF-8"
        ) from error
