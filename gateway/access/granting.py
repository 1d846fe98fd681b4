"""Making tokens: never more than the maker may, never longer than the token that it is made with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from formats.errors import ConfigError
from gateway.access.rights import ALL_COMPANIES, Actor, Right
from gateway.store import journal, people, tokens
from gateway.store.tokens import ApiToken

__all__ = ["LONGEST_DAYS", "grantable", "may_revoke", "may_see", "new_token", "revoke", "scopes_for"]

LONGEST_DAYS: Final = 730
_MOST: Final = 200
_OPERATOR: Final = "operator"


def grantable(actor: Actor) -> tuple[Right, ...]:
    """The rights that a token of this maker can have, in the order of Right."""
    return tuple(right for right in Right if actor.may_somewhere(right))


def scopes_for(
    rights: Iterable[Right], companies: Iterable[str], known: Iterable[str]
) -> dict[str, frozenset[Right]]:
    """Scopes from a list of rights and one of companies, all without any. ConfigError for a company that is
    none."""
    wanted = frozenset(rights)
    chosen = tuple(dict.fromkeys(companies)) or (ALL_COMPANIES,)
    for company in chosen:
        if company != ALL_COMPANIES and company not in set(known):
            raise ConfigError(
                f"there is no company {company[:100]}",
                where="token, companies",
                fix=f"name some of {', '.join(sorted(known))}, or none for all",
            )
    if not wanted:
        raise ConfigError("a token needs a scope", where="token, scopes", fix="name what it may do")
    return dict.fromkeys(chosen, wanted)


def new_token(
    connection: Connection,
    name: str,
    scopes: Mapping[str, frozenset[Right]],
    *,
    by: Actor | None,
    ends_at: datetime,
    now: datetime,
) -> tuple[str, str]:
    """A token in the name of `by` (None for the operator): its id and what the program shows.

    Raises ConfigError for scopes that the maker does not hold, and for a day that is none.
    """
    _require_plain(name, ends_at, now)
    maker, parent = "", ""
    if by is not None:
        _require_held(by, scopes)
        made_with = tokens.get(connection, by.id)
        person = people.get(connection, by.id)
        maker = made_with.maker if made_with is not None else by.id if person is not None else ""
        if made_with is not None:
            parent, ends_at = made_with.id, min(ends_at, made_with.ends_at)
        if len([one for one in tokens.listing(connection, maker=maker) if _holds(one, now)]) >= _MOST:
            raise ConfigError(
                f"there are {_MOST} tokens of yours already", where="token", fix="revoke those not needed"
            )
    label = by.label if by is not None else _OPERATOR
    token, shown = tokens.make(
        connection,
        name.strip(),
        scopes,
        made_by=label,
        ends_at=ends_at,
        now=now,
        maker=maker,
        parent=parent,
    )
    told = {
        "token": token,
        "name": name.strip(),
        "scopes": {company: sorted(right.value for right in held) for company, held in scopes.items()},
        "ends_at": ends_at.isoformat(),
    }
    journal.append(connection, "token made", told, now=now, actor=label)
    return token, shown


def may_see(actor: Actor, token: ApiToken) -> bool:
    """Whether the token is the actor's own, was made with it, or the actor sees people."""
    return _own(actor, token) or actor.may(Right.SEE_PEOPLE)


def may_revoke(actor: Actor, token: ApiToken) -> bool:
    """Whether the token is the actor's own, was made with it, or the actor manages people."""
    return _own(actor, token) or actor.may(Right.MANAGE_PEOPLE)


def revoke(connection: Connection, token: ApiToken, *, by: Actor | None, now: datetime) -> bool:
    """End it at once, with those made with it; False where it has ended already."""
    if not tokens.end(connection, token.id, now=now):
        return False
    label = by.label if by is not None else _OPERATOR
    journal.append(connection, "token revoked", {"token": token.id, "name": token.name}, now=now, actor=label)
    return True


def _require_plain(name: str, ends_at: datetime, now: datetime) -> None:
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise ConfigError("a token needs a name", where="token, name", fix="say what uses it")
    if not now < ends_at <= now + timedelta(days=LONGEST_DAYS + 1):
        raise ConfigError(
            f"a token holds for at most {LONGEST_DAYS} days", where="token, expiry", fix="name an earlier day"
        )


def _require_held(by: Actor, scopes: Mapping[str, frozenset[Right]]) -> None:
    for company, rights in scopes.items():
        for right in sorted(rights):
            if not by.may(right, None if company == ALL_COMPANIES else company):
                place = "all companies" if company == ALL_COMPANIES else company
                raise ConfigError(
                    f"nobody gives away what they may not do: {right.value} for {place}",
                    where="token, scopes",
                    fix="leave it out, or ask somebody who holds it",
                )


def _own(actor: Actor, token: ApiToken) -> bool:
    return actor.id in (token.maker, token.id, token.parent)


def _holds(token: ApiToken, now: datetime) -> bool:
    return token.ended_at is None and token.ends_at > now
