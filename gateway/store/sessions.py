"""Sessions of browsers and tokens of programs: only digests are kept, so a stolen database opens no door."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, or_, select, update

from gateway.access.rights import Actor, Right
from gateway.store import people
from gateway.store.people import Person
from gateway.store.tables import api_tokens, sessions

__all__ = [
    "ApiToken",
    "Session",
    "actor_of_token",
    "end",
    "end_token",
    "find",
    "forget_ended",
    "form_token_fits",
    "make_token",
    "open_for",
    "seen",
    "tokens",
]

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
# A row is written again at most this often: a page view is not worth a disk sync.
_SEEN_EVERY: Final = timedelta(minutes=1)
_PREFIX: Final = "gw_"


@dataclass(frozen=True, slots=True)
class Session:
    """A person who has signed in. `form_token` must come with every form that changes something."""

    person: Person
    form_token: str = field(repr=False)
    ends_at: datetime


def open_for(connection: Connection, person: str, *, now: datetime) -> str:
    """A new session; returns what the browser shows from now on."""
    shown = secrets.token_urlsafe(32)
    connection.execute(
        insert(sessions).values(
            digest=_digest(shown),
            person=person,
            form_token=secrets.token_urlsafe(32),
            made_at=now,
            seen_at=now,
            ends_at=now + LONGEST,
        )
    )
    return shown


def find(connection: Connection, shown: str, *, now: datetime) -> tuple[Session | None, bool]:
    """The session that a browser shows, and whether it is time to note that it was seen.

    None for one that ended: after 30 minutes without a request, after 12 hours in any case, or when the
    person may no longer sign in.
    """
    row = connection.execute(select(sessions).where(sessions.c.digest == _digest(shown))).one_or_none()
    if row is None or row.ends_at <= now or row.seen_at + IDLE <= now:
        return None, False
    person = people.get(connection, row.person)
    if person is None or person.ended_at is not None:
        return None, False
    return Session(person, row.form_token, row.ends_at), row.seen_at + _SEEN_EVERY <= now


def seen(connection: Connection, shown: str, *, now: datetime) -> None:
    """Note that a request came."""
    connection.execute(update(sessions).where(sessions.c.digest == _digest(shown)).values(seen_at=now))


def end(connection: Connection, shown: str) -> None:
    """Sign out."""
    connection.execute(delete(sessions).where(sessions.c.digest == _digest(shown)))


def form_token_fits(session: Session, shown: str) -> bool:
    """Whether a form was made for this session."""
    return hmac.compare_digest(session.form_token.encode(), shown.encode("utf-8", "surrogateescape"))


def forget_ended(connection: Connection, *, now: datetime) -> int:
    """Remove sessions that ended; returns how many."""
    over = or_(sessions.c.ends_at <= now, sessions.c.seen_at <= now - IDLE)
    return connection.execute(delete(sessions).where(over)).rowcount


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A program's way in. `scopes` maps a company, or "*" for all, to rights."""

    id: str
    name: str
    scopes: Mapping[str, frozenset[Right]]
    made_by: str
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None
    ended_at: datetime | None


def make_token(
    connection: Connection,
    name: str,
    scopes: Mapping[str, frozenset[Right]],
    *,
    made_by: str,
    ends_at: datetime,
    now: datetime,
) -> tuple[str, str]:
    """A new token: its id, and what the program shows, which is told this once and kept nowhere."""
    token, shown = str(uuid.uuid4()), _PREFIX + secrets.token_urlsafe(32)
    texts = {company: sorted(right.value for right in rights) for company, rights in sorted(scopes.items())}
    connection.execute(
        insert(api_tokens).values(
            id=token,
            digest=_digest(shown),
            name=name,
            scopes=json.dumps(texts),
            made_by=made_by,
            made_at=now,
            ends_at=ends_at,
        )
    )
    return token, shown


def actor_of_token(connection: Connection, shown: str, *, now: datetime) -> Actor | None:
    """Who shows this token; None for one that is unknown, ended or revoked."""
    if not shown.startswith(_PREFIX):
        return None
    row = connection.execute(select(api_tokens).where(api_tokens.c.digest == _digest(shown))).one_or_none()
    if row is None or row.ended_at is not None or row.ends_at <= now:
        return None
    return Actor(row.id, f"token {row.name}", _scopes(row.scopes))


def tokens(connection: Connection) -> tuple[ApiToken, ...]:
    """All tokens, newest first."""
    rows = connection.execute(select(api_tokens).order_by(api_tokens.c.made_at.desc())).all()
    return tuple(
        ApiToken(
            row.id,
            row.name,
            _scopes(row.scopes),
            row.made_by,
            row.made_at,
            row.ends_at,
            row.used_at,
            row.ended_at,
        )
        for row in rows
    )


def end_token(connection: Connection, token: str, *, now: datetime) -> bool:
    """Revoke it at once; False where there is none that holds."""
    query = update(api_tokens).where(api_tokens.c.id == token, api_tokens.c.ended_at.is_(None))
    return connection.execute(query.values(ended_at=now)).rowcount == 1


def _scopes(text: str) -> Mapping[str, frozenset[Right]]:
    known = set(Right)
    return {
        company: frozenset(Right(right) for right in rights if right in known)
        for company, rights in json.loads(text).items()
    }


def _digest(shown: str) -> str:
    return hashlib.sha256(shown.encode("utf-8", "surrogateescape")).hexdigest()
