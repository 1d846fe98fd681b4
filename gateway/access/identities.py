"""Whom a provider of identities vouches for, as a person here: claims become roles and companies by config.

The provider decides what somebody is, at each sign-in anew. A person whom no line of `grants` fits gets no
access, and loses what they had.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, insert

from formats.errors import ConfigError, ConflictError
from gateway.access.oidc import Returned
from gateway.access.rights import Role
from gateway.access.settings import Provider
from gateway.store import journal, people, sessions
from gateway.store.database import Database
from gateway.store.people import Person
from gateway.store.tables import spent_states

__all__ = ["NotLetIn", "let_in", "roles_of", "subject_of", "to_be_linked"]

_REMEMBERED: Final = timedelta(minutes=30)
_LANGUAGES: Final = frozenset({"en", "nl", "de", "fr"})


class NotLetIn(ConfigError):
    """The provider knows the person, and the gateway does not let them in; `word` says why."""

    def __init__(self, word: str, what: str, fix: str) -> None:
        super().__init__(what, where="sign-in", fix=fix)
        self.word = word


def roles_of(provider: Provider, claims: Mapping[str, Any]) -> dict[str, Role]:
    """What the claims make of a person; of two roles for one company the one that stands first in the
    configuration."""
    roles: dict[str, Role] = {}
    for grant in provider.grants:
        value = claims.get(grant.claim)
        held = value if isinstance(value, list) else [value]
        if grant.value in [one for one in held if isinstance(one, str)]:
            for company in grant.companies:
                roles.setdefault(company, grant.role)
    return roles


def subject_of(issuer: str, subject: str) -> str:
    """How a person of this issuer is found here."""
    return "oidc:" + hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()


def to_be_linked(provider: str) -> str:
    """What stands there until somebody who has a login here comes through the provider for the first time."""
    return f"link:{provider}"


def let_in(database: Database, provider: Provider, returned: Returned, *, now: datetime) -> str:
    """Open a session; returns what the browser shows from now on.

    Raises NotLetIn with the reason in words for the person, and writes it into the journal.
    """
    try:
        with database.begin() as connection:
            _spend(connection, returned.state, now=now)
    except ConflictError:
        raise NotLetIn("again", "this answer was used already", "sign in again") from None
    subject = subject_of(provider.issuer, str(returned.claims["sub"]))
    refused: NotLetIn | None = None
    shown = ""
    with database.begin() as connection:
        try:
            person = _person(connection, provider, subject, returned.claims, now=now)
            journal.append(
                connection,
                "signed in",
                {"person": person.id, "provider": provider.name},
                now=now,
                actor=person.login[:100],
            )
            shown = sessions.open_for(connection, person.id, now=now, provider=provider.name)
        except NotLetIn as error:
            refused = error
            known = people.by_subject(connection, subject)
            if known is not None:
                _take_roles(connection, known, error)
            told = {"provider": provider.name, "subject": subject[:21], "why": error.word}
            journal.append(connection, "sign-in refused", told, now=now, actor="nobody")
    if refused is not None:
        raise refused
    return shown


def _person(
    connection: Connection, provider: Provider, subject: str, claims: Mapping[str, Any], *, now: datetime
) -> Person:
    roles = roles_of(provider, claims)
    if not roles:
        raise NotLetIn(
            "no role",
            f"{provider.title} knows you, but nobody has given you a role here",
            "ask whoever runs the gateway to name one of your groups in gateway.yaml, sign_in",
        )
    person = people.by_subject(connection, subject) or _linked(connection, provider, subject, claims)
    if person is None:
        return _new(connection, provider, subject, claims, roles, now=now)
    if not person.able:
        raise NotLetIn("locked", "your account here is locked", "ask an administrator")
    if dict(person.roles) != roles:
        try:
            people.grant(connection, person.id, roles)
        except ConfigError:
            # The last administrator: the provider may take the role only once somebody else has it.
            return person
        told = {"person": person.id, "roles": {company: role.value for company, role in roles.items()}}
        journal.append(connection, "roles changed", told, now=now, actor=f"provider {provider.name}"[:100])
    found = people.get(connection, person.id)
    assert found is not None  # noqa: S101  # read in this transaction
    return found


def _take_roles(connection: Connection, person: Person, refused: NotLetIn) -> None:
    """Whoever is nothing to the provider any more is nothing here: nor are their tokens."""
    people.end_sessions(connection, person.id)
    if refused.word == "no role":
        with suppress(ConfigError):  # the last administrator: somebody has to let the next one in
            people.grant(connection, person.id, {})


def _linked(
    connection: Connection, provider: Provider, subject: str, claims: Mapping[str, Any]
) -> Person | None:
    """Somebody with a login here whom an administrator has marked as one of this provider's."""
    login = _login(provider, claims)
    person = people.by_login(connection, login) if login else None
    if person is None:
        return None
    if person.subject != to_be_linked(provider.name) or _unproven(provider, claims):
        raise NotLetIn(
            "login taken",
            f"there is an account {login} here already, which is not tied to {provider.title}",
            f"ask an administrator: gateway people link {login} {provider.name}",
        )
    people.link(connection, person.id, subject)
    return person


def _new(
    connection: Connection,
    provider: Provider,
    subject: str,
    claims: Mapping[str, Any],
    roles: Mapping[str, Role],
    *,
    now: datetime,
) -> Person:
    login = _login(provider, claims)
    if not login or _unproven(provider, claims):
        raise NotLetIn(
            "no login",
            f"{provider.title} does not say under which confirmed address you are known",
            f"ask whoever runs the provider to send the claim {provider.login_claim}"
            + (", and email_verified: true" if provider.login_claim == "email" else ""),
        )
    name = str(claims.get("name") or login)[:200]
    language = str(claims.get("locale") or "en")[:2].lower()
    person = people.add(
        connection,
        login,
        name,
        roles,
        language=language if language in _LANGUAGES else "en",
        now=now,
        subject=subject,
    )
    told = {
        "person": person.id,
        "login": person.login,
        "roles": {key: role.value for key, role in roles.items()},
    }
    journal.append(connection, "person added", told, now=now, actor=f"provider {provider.name}"[:100])
    return person


def _login(provider: Provider, claims: Mapping[str, Any]) -> str:
    value = claims.get(provider.login_claim)
    plain = value.strip().lower() if isinstance(value, str) else ""
    return plain if 0 < len(plain) <= 200 and plain.isprintable() else ""


def _unproven(provider: Provider, claims: Mapping[str, Any]) -> bool:
    """Unless the provider says, in so many words, that it has confirmed the address: without the claim, or
    with another kind of value in it, anybody may have typed it."""
    return provider.login_claim == "email" and claims.get("email_verified") is not True


def _spend(connection: Connection, state: str, *, now: datetime) -> None:
    connection.execute(delete(spent_states).where(spent_states.c.at < now - _REMEMBERED))
    connection.execute(insert(spent_states).values(digest=state, at=now))
