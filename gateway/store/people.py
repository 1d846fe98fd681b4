"""People who may sign in, and what each is to which company."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from formats.errors import ConfigError
from gateway.access.rights import RIGHTS, Actor, Role
from gateway.store.tables import grants, people, recovery_codes, sessions

__all__ = [
    "Person",
    "add",
    "by_login",
    "by_subject",
    "confirm",
    "end",
    "end_sessions",
    "get",
    "grant",
    "keep_step",
    "link",
    "listing",
    "lock",
    "need_second_factor",
    "recovery_codes_left",
    "renew_password",
    "set_password",
    "set_second_factor",
    "speak",
    "unlock",
    "use_recovery_code",
]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in. `roles` maps a company, or "*" for all, to the role there.

    `subject` is how a provider of identities knows the person, "" for a password of ours only. Somebody who
    is not `confirmed` does not count among four eyes.
    """

    id: str
    login: str
    name: str
    language: str
    roles: Mapping[str, Role]
    password: str = field(repr=False)
    subject: str
    totp: str = field(repr=False)
    totp_step: int
    made_at: datetime
    ended_at: datetime | None
    must_change_password: bool = False
    needs_second_factor: bool = False
    confirmed: bool = True
    locked_at: datetime | None = None

    @property
    def able(self) -> bool:
        """Whether the person may sign in at all."""
        return self.ended_at is None and self.locked_at is None

    @property
    def actor(self) -> Actor:
        """The person as the one who asks."""
        return Actor(self.id, self.login, {company: RIGHTS[role] for company, role in self.roles.items()})


def add(
    connection: Connection,
    login: str,
    name: str,
    roles: Mapping[str, Role],
    *,
    language: str,
    now: datetime,
    password: str = "",
    subject: str = "",
    must_change_password: bool = False,
    confirmed: bool = True,
) -> Person:
    """A new person; `password` is what `Passwords.kept` makes. ConfigError for a login that is taken."""
    plain = _plain(login)
    if by_login(connection, plain) is not None:
        raise ConfigError(
            f"{plain} is somebody's login already",
            where="people",
            fix="choose another, or change that person",
        )
    person = str(uuid.uuid4())
    connection.execute(
        insert(people).values(
            id=person,
            login=plain,
            name=name.strip(),
            language=language,
            password=password,
            subject=subject,
            totp="",
            totp_step=0,
            made_at=now,
            must_change_password=must_change_password,
            confirmed=confirmed,
        )
    )
    grant(connection, person, roles)
    return _there(connection, person)


def get(connection: Connection, person: str) -> Person | None:
    """The person with this id."""
    return _one(connection, connection.execute(select(people).where(people.c.id == person)).one_or_none())


def by_login(connection: Connection, login: str) -> Person | None:
    """The person who signs in so; capital letters do not count."""
    query = select(people).where(people.c.login == _plain(login))
    return _one(connection, connection.execute(query).one_or_none())


def by_subject(connection: Connection, subject: str) -> Person | None:
    """The person whom an identity provider names so."""
    query = select(people).where(people.c.subject == subject, people.c.subject != "")
    return _one(connection, connection.execute(query).first())


def listing(connection: Connection) -> tuple[Person, ...]:
    """Everybody, also those who have left, by login."""
    rows = connection.execute(select(people).order_by(people.c.login)).all()
    return tuple(person for person in (_one(connection, row) for row in rows) if person is not None)


def grant(connection: Connection, person: str, roles: Mapping[str, Role]) -> None:
    """These roles and no others, from the next request on.

    ConfigError where the last administrator of everything would be none any more.
    """
    if roles.get("*") is not Role.ADMINISTRATOR:
        _require_other_administrator(connection, person)
    connection.execute(delete(grants).where(grants.c.person == person))
    for company, role in sorted(roles.items()):
        connection.execute(insert(grants).values(person=person, company=company, role=role.value))


def set_password(connection: Connection, person: str, kept: str, *, must_change: bool = False) -> None:
    """Another password; every session of the person ends. With `must_change` it opens nothing but the page
    where the person chooses their own."""
    values = {"password": kept, "must_change_password": must_change}
    connection.execute(update(people).where(people.c.id == person).values(values))
    end_sessions(connection, person)


def renew_password(connection: Connection, person: str, kept: str) -> None:
    """The same password under today's parameters; nothing else changes."""
    connection.execute(update(people).where(people.c.id == person).values(password=kept))


def end_sessions(connection: Connection, person: str) -> int:
    """Sign the person out everywhere; returns in how many browsers."""
    return connection.execute(delete(sessions).where(sessions.c.person == person)).rowcount


def link(connection: Connection, person: str, subject: str) -> None:
    """How a provider of identities knows the person; "" for no more."""
    connection.execute(update(people).where(people.c.id == person).values(subject=subject))


def lock(connection: Connection, person: str, *, now: datetime) -> None:
    """Let nobody in as this person until `unlock`, and end their sessions. ConfigError for the last
    administrator of everything."""
    _require_other_administrator(connection, person)
    connection.execute(update(people).where(people.c.id == person).values(locked_at=now))
    end_sessions(connection, person)


def unlock(connection: Connection, person: str) -> None:
    """Let the person in again."""
    connection.execute(update(people).where(people.c.id == person).values(locked_at=None))


def need_second_factor(connection: Connection, person: str, needed: bool) -> None:
    """Whether the person has to set one up before anything else."""
    connection.execute(update(people).where(people.c.id == person).values(needs_second_factor=needed))


def confirm(connection: Connection, person: str, confirmed: bool) -> None:
    """Whether the person counts among four eyes."""
    connection.execute(update(people).where(people.c.id == person).values(confirmed=confirmed))


def set_second_factor(connection: Connection, person: str, sealed: str, digests: tuple[str, ...]) -> None:
    """A second factor with its recovery codes in place of what was there; "" for none."""
    connection.execute(update(people).where(people.c.id == person).values(totp=sealed, totp_step=0))
    connection.execute(delete(recovery_codes).where(recovery_codes.c.person == person))
    for digest in digests:
        connection.execute(insert(recovery_codes).values(person=person, digest=digest))


def recovery_codes_left(connection: Connection, person: str) -> int:
    """How many of the person's recovery codes open something still."""
    there = (recovery_codes.c.person == person, recovery_codes.c.used_at.is_(None))
    return connection.scalar(select(func.count()).select_from(recovery_codes).where(*there)) or 0


def speak(connection: Connection, person: str, language: str) -> None:
    """The language of the person's pages."""
    connection.execute(update(people).where(people.c.id == person).values(language=language))


def keep_step(connection: Connection, person: str, step: int) -> bool:
    """Remember that the code of this time step was used; False where another sign-in was faster."""
    query = update(people).where(people.c.id == person, people.c.totp_step < step).values(totp_step=step)
    return connection.execute(query).rowcount == 1


def use_recovery_code(connection: Connection, person: str, digest: str, *, now: datetime) -> bool:
    """Use up a recovery code; False where it is not one, or was used."""
    query = (
        update(recovery_codes)
        .where(
            recovery_codes.c.person == person,
            recovery_codes.c.digest == digest,
            recovery_codes.c.used_at.is_(None),
        )
        .values(used_at=now)
    )
    return connection.execute(query).rowcount == 1


def end(connection: Connection, person: str, *, now: datetime) -> None:
    """The person may no longer sign in, and every session ends; what they did stays under their name.

    ConfigError for the last administrator of everything: nobody could let anybody in any more.
    """
    _require_other_administrator(connection, person)
    connection.execute(update(people).where(people.c.id == person).values(ended_at=now))
    end_sessions(connection, person)


def _require_other_administrator(connection: Connection, person: str) -> None:
    # Locked, so that two administrators cannot take each other's role at the same moment.
    query = (
        select(people.c.id, people.c.login)
        .select_from(people.join(grants, grants.c.person == people.c.id))
        .where(
            people.c.ended_at.is_(None),
            people.c.locked_at.is_(None),
            grants.c.company == "*",
            grants.c.role == Role.ADMINISTRATOR.value,
        )
        .order_by(people.c.id)
        .with_for_update()
    )
    found = {row.id: row.login for row in connection.execute(query)}
    if person in found and len(found) == 1:
        raise ConfigError(
            f"{found[person]} is the last administrator",
            where="people",
            fix="make somebody else an administrator of all companies first",
        )


def _plain(login: str) -> str:
    return login.strip().lower()


def _there(connection: Connection, person: str) -> Person:
    found = get(connection, person)
    assert found is not None  # noqa: S101  # written in this transaction
    return found


def _one(connection: Connection, row: Row[Any] | None) -> Person | None:
    if row is None:
        return None
    held = connection.execute(select(grants).where(grants.c.person == row.id)).all()
    return Person(
        id=row.id,
        login=row.login,
        name=row.name,
        language=row.language,
        roles={one.company: Role(one.role) for one in held},
        password=row.password,
        subject=row.subject,
        totp=row.totp,
        totp_step=row.totp_step,
        made_at=row.made_at,
        ended_at=row.ended_at,
        must_change_password=row.must_change_password,
        needs_second_factor=row.needs_second_factor,
        confirmed=row.confirmed,
        locked_at=row.locked_at,
    )
