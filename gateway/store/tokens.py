"""Tokens of programs: bound to what their maker may do, told once, of which only a digest is kept."""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from gateway.access.rights import Actor, Right
from gateway.store import people
from gateway.store.tables import api_tokens

__all__ = ["ApiToken", "actor_of", "end", "get", "listing", "make", "used"]

_PREFIX: Final = "gw_"
# A row is written again at most this often: a call is not worth a disk sync.
_USED_EVERY: Final = timedelta(minutes=1)

Scopes = Mapping[str, frozenset[Right]]


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A program's way in. `scopes` maps a company, or "*" for all, to rights; `maker` is the person whose
    rights bound it at each use, "" where the operator made it; `parent` the token that it was made with."""

    id: str
    name: str
    scopes: Scopes
    made_by: str
    maker: str
    parent: str
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None
    ended_at: datetime | None


def make(
    connection: Connection,
    name: str,
    scopes: Scopes,
    *,
    made_by: str,
    ends_at: datetime,
    now: datetime,
    maker: str = "",
    parent: str = "",
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
            made_by=made_by[:100],
            maker=maker,
            parent=parent,
            made_at=now,
            ends_at=ends_at,
        )
    )
    return token, shown


def actor_of(connection: Connection, shown: str, *, now: datetime) -> tuple[Actor | None, bool]:
    """Who shows this token, and whether it is time to note that it was used.

    None for one that is unknown, ended or revoked, or whose maker may not sign in any more. What its maker
    may not do any more, it may not either.
    """
    if not shown.startswith(_PREFIX):
        return None, False
    row = connection.execute(select(api_tokens).where(api_tokens.c.digest == _digest(shown))).one_or_none()
    if row is None or row.ended_at is not None or row.ends_at <= now:
        return None, False
    scopes = _scopes(row.scopes)
    if row.maker:
        maker = people.get(connection, row.maker)
        if maker is None or not maker.able:
            return None, False
        scopes = _within(scopes, maker.actor)
    note = row.used_at is None or row.used_at + _USED_EVERY <= now
    return Actor(row.id, f"token {row.name}", scopes), note


def used(connection: Connection, token: str, *, now: datetime) -> None:
    """Note that a program came with it."""
    connection.execute(update(api_tokens).where(api_tokens.c.id == token).values(used_at=now))


def get(connection: Connection, token: str) -> ApiToken | None:
    """The token with this id."""
    row = connection.execute(select(api_tokens).where(api_tokens.c.id == token)).one_or_none()
    return None if row is None else _read(row)


def listing(connection: Connection, *, maker: str | None = None) -> tuple[ApiToken, ...]:
    """All tokens, or those bound to one person, newest first."""
    query = select(api_tokens).order_by(api_tokens.c.made_at.desc(), api_tokens.c.id)
    if maker is not None:
        query = query.where(api_tokens.c.maker == maker)
    return tuple(_read(row) for row in connection.execute(query))


def end(connection: Connection, token: str, *, now: datetime) -> bool:
    """Revoke it at once, with the tokens that were made with it; False where there is none that holds."""
    holds = api_tokens.c.ended_at.is_(None)
    done = connection.execute(
        update(api_tokens).where(api_tokens.c.id == token, holds).values(ended_at=now)
    ).rowcount
    made_with_it = connection.scalars(
        select(api_tokens.c.id).where(holds, api_tokens.c.parent == token)
    ).all()
    for child in made_with_it:
        end(connection, child, now=now)
    return done == 1


def _within(scopes: Scopes, maker: Actor) -> Scopes:
    """What of these scopes the maker holds today; the rights for all companies shrink to those that are
    left."""
    found: dict[str, frozenset[Right]] = {}
    for company, rights in scopes.items():
        held = frozenset(right for right in rights if maker.may(right, None if company == "*" else company))
        if held:
            found[company] = held
        if company == "*":
            for other, own in maker.grants.items():
                if other != "*" and (more := rights & own):
                    found[other] = found.get(other, frozenset()) | more
    return found


def _read(row: Row[Any]) -> ApiToken:
    return ApiToken(
        id=row.id,
        name=row.name,
        scopes=_scopes(row.scopes),
        made_by=row.made_by,
        maker=row.maker,
        parent=row.parent,
        made_at=row.made_at,
        ends_at=row.ends_at,
        used_at=row.used_at,
        ended_at=row.ended_at,
    )


def _scopes(text: str) -> Scopes:
    known = set(Right)
    return {
        company: frozenset(Right(right) for right in rights if right in known)
        for company, rights in json.loads(text).items()
    }


def _digest(shown: str) -> str:
    return hashlib.sha256(shown.encode("utf-8", "surrogateescape")).hexdigest()
