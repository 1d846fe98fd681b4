"""Sessions of browsers: only digests are kept, so a stolen database opens no door."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, or_, select, update

from gateway.store import people
from gateway.store.people import Person
from gateway.store.tables import sessions

__all__ = [
    "IDLE",
    "LONGEST",
    "Session",
    "end",
    "find",
    "forget_ended",
    "form_token_fits",
    "open_for",
    "seen",
]

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
# A row is written again at most this often: a page view is not worth a disk sync.
_SEEN_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """A person who has signed in. `form_token` must come with every form that changes something."""

    person: Person
    form_token: str = field(repr=False)
    ends_at: datetime
    provider: str = ""


def open_for(connection: Connection, person: str, *, now: datetime, provider: str = "") -> str:
    """A new session; returns what the browser shows from now on. `provider` is who vouched for the person, ""
    for a password of ours."""
    shown = secrets.token_urlsafe(32)
    connection.execute(
        insert(sessions).values(
            digest=_digest(shown),
            person=person,
            form_token=secrets.token_urlsafe(32),
            made_at=now,
            seen_at=now,
            ends_at=now + LONGEST,
            provider=provider,
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
    if person is None or not person.able:
        return None, False
    return Session(person, row.form_token, row.ends_at, row.provider), row.seen_at + _SEEN_EVERY <= now


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


def _digest(shown: str) -> str:
    return hashlib.sha256(shown.encode("utf-8", "surrogateescape")).hexdigest()
