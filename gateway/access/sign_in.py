"""Signing in with a password and a second factor.

After five wrong attempts in a row the login rests for 15 minutes, whether there is such an account or not;
after a hundred in 15 minutes, with whatever logins, so does the network address that they come from. Each
attempt that is judged, right or wrong, is in the journal; what was typed is not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from gateway.access import one_time_codes
from gateway.access.passwords import Passwords
from gateway.access.sealing import Seal
from gateway.store import journal, people, portal_calls, sessions
from gateway.store.database import Database
from gateway.store.people import Person
from gateway.store.portal_calls import Kind
from gateway.store.tables import sign_in_failures

__all__ = ["NETWORK_FAILURES", "Outcome", "SignIn", "SignedIn", "forget_failures"]

_MOST_FAILURES: Final = 5
# An office behind one address has a bad morning; whoever tries logins by chance has soon had as many.
NETWORK_FAILURES: Final = 100
_REST: Final = timedelta(minutes=15)


class Outcome(StrEnum):
    """What became of an attempt."""

    SIGNED_IN = "signed in"
    WRONG = "wrong"
    CODE_WANTED = "code wanted"
    WRONG_CODE = "wrong code"
    RESTING = "resting"
    NETWORK_RESTING = "network resting"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The answer to an attempt. `shown` is what the browser shows from now on, "" unless signed in; `left` is
    how many further tries there are, `rests_until` is aware UTC."""

    outcome: Outcome
    shown: str = ""
    left: int = 0
    rests_until: datetime | None = None


class SignIn:
    """The way in for people with a password of their own; safe to share between threads."""

    def __init__(self, database: Database, passwords: Passwords, seal: Seal) -> None:
        self._database = database
        self._passwords = passwords
        self._seal = seal

    def attempt(
        self, login: str, password: str, code: str = "", *, now: datetime, network: str = ""
    ) -> SignedIn:
        """One attempt to sign in. CODE_WANTED where the password is right and a code must come with it.
        `network` is where it comes from, "" where that is not counted.

        The password is checked outside any transaction: it takes long on purpose. All else is judged, counted
        and opened in one, and for each login one after the other: of attempts made together no more are
        judged than of attempts made in turn.
        """
        return self._judged(login, password, code, now=now, network=network, opens=True)[0]

    def proven(
        self, login: str, password: str, code: str = "", *, now: datetime
    ) -> tuple[SignedIn, Person | None]:
        """Whether this is the person, without a session: for what must be sure of it. Wrong attempts count as
        those to sign in."""
        return self._judged(login, password, code, now=now, network="", opens=False)

    def _judged(
        self, login: str, password: str, code: str, *, now: datetime, network: str, opens: bool
    ) -> tuple[SignedIn, Person | None]:
        name = login.strip().lower()[:200]
        bucket = self._bucket(network)
        with self._database.read() as connection:
            resting = _resting(connection, name, bucket, now=now)
            known = people.by_login(connection, name)
        if resting is not None:
            return resting, None
        able = known is not None and known.able
        right = self._passwords.fits(known.password if known is not None and able else "", password)
        with self._database.begin() as connection:
            _one_at_a_time(connection, name)
            resting = _resting(connection, name, bucket, now=now)
            if resting is not None:
                return resting, None
            person = people.by_login(connection, name) if right else None
            if person is None or known is None or not person.able or person.password != known.password:
                return _failed(connection, name, bucket, Outcome.WRONG, now=now), None
            if person.totp and not code.strip():
                return SignedIn(Outcome.CODE_WANTED), None
            if person.totp and not self._code_fits(connection, person, code, now=now):
                return _failed(connection, name, bucket, Outcome.WRONG_CODE, now=now), None
            shown = self._opened(connection, person, password, now=now) if opens else ""
            forget_failures(connection, name)
        return SignedIn(Outcome.SIGNED_IN, shown), person

    def _bucket(self, network: str) -> int | None:
        """Where failures from this network address are counted; not to be guessed without the key."""
        if not network:
            return None
        return portal_calls.bucket_of(self._seal.mark(f"failed sign-ins of {network}"))

    def _opened(self, connection: Connection, person: Person, password: str, *, now: datetime) -> str:
        if self._passwords.outdated(person.password):
            renewed = self._passwords.kept(password, login=person.login)
            people.renew_password(connection, person.id, renewed)
        journal.append(connection, "signed in", {"person": person.id}, now=now, actor=person.login[:100])
        return sessions.open_for(connection, person.id, now=now)

    def _code_fits(self, connection: Connection, person: Person, code: str, *, now: datetime) -> bool:
        secret = self._seal.opened(person.totp)
        step = one_time_codes.matching_step(secret, code, now=now, last_step=person.totp_step)
        if step is not None:
            return people.keep_step(connection, person.id, step)
        digest = one_time_codes.recovery_digest(code)
        return people.use_recovery_code(connection, person.id, digest, now=now)


def _one_at_a_time(connection: Connection, name: str) -> None:
    """Hold back other attempts with this login until the transaction ends. SQLite lets one writer in at a
    time anyway; no row is locked, for there may be none."""
    if connection.dialect.name == "postgresql":
        number = int(_digest(name)[:15], 16)
        connection.execute(select(func.pg_advisory_xact_lock(number)))


def _resting(connection: Connection, name: str, bucket: int | None, *, now: datetime) -> SignedIn | None:
    """The answer to every attempt as long as the login, or the network that it comes from, rests."""
    _, rests_until = _failures(connection, name, now=now)
    if rests_until is not None:
        return SignedIn(Outcome.RESTING, rests_until=rests_until)
    if bucket is None:
        return None
    rests_until = portal_calls.rests_until(
        connection, Kind.SIGN_IN, bucket, most=NETWORK_FAILURES, window=_REST, now=now
    )
    return None if rests_until is None else SignedIn(Outcome.NETWORK_RESTING, rests_until=rests_until)


def _failed(
    connection: Connection, name: str, bucket: int | None, outcome: Outcome, *, now: datetime
) -> SignedIn:
    if bucket is not None:
        portal_calls.count(connection, Kind.SIGN_IN, bucket, window=_REST, now=now)
    data = {"login": _digest(name)[:16], "why": outcome}
    journal.append(connection, "sign-in refused", data, now=now, actor="nobody")
    failures = _failures(connection, name, now=now)[0] + 1
    rests_until = now + _REST if failures >= _MOST_FAILURES else None
    _keep(connection, name, failures, rests_until, now=now)
    if rests_until is not None:
        return SignedIn(Outcome.RESTING, rests_until=rests_until)
    return SignedIn(outcome, left=_MOST_FAILURES - failures)


def forget_failures(connection: Connection, login: str) -> None:
    """The login need not rest any longer."""
    digest = _digest(login.strip().lower())
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.login_digest == digest))


def _failures(connection: Connection, name: str, *, now: datetime) -> tuple[int, datetime | None]:
    """Wrong attempts in a row, and until when the login rests, if it does."""
    query = select(sign_in_failures).where(sign_in_failures.c.login_digest == _digest(name))
    row = connection.execute(query).one_or_none()
    if row is None or row.last_at + _REST <= now:
        return 0, None
    if row.rests_until is not None and row.rests_until > now:
        return row.failures, row.rests_until
    return (0 if row.rests_until is not None else row.failures), None


def _keep(
    connection: Connection, name: str, failures: int, rests_until: datetime | None, *, now: datetime
) -> None:
    # What counts no more is not kept: logins that do not exist would fill the table.
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.last_at <= now - _REST))
    values = {"failures": failures, "last_at": now, "rests_until": rests_until}
    there = sign_in_failures.c.login_digest == _digest(name)
    if not connection.execute(update(sign_in_failures).where(there).values(values)).rowcount:
        connection.execute(insert(sign_in_failures).values(login_digest=_digest(name), **values))


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
