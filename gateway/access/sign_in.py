"""Signing in with a password and a second factor.

After five wrong attempts in a row the login rests for 15 minutes, whether there is such an account or not.
Each attempt, right or wrong, is in the journal; what was typed is not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from gateway.access import one_time_codes
from gateway.access.passwords import Passwords
from gateway.access.sealing import Seal
from gateway.store import journal, people, sessions
from gateway.store.database import Database
from gateway.store.people import Person
from gateway.store.tables import sign_in_failures

__all__ = ["Outcome", "SignIn", "SignedIn", "forget_failures"]

_MOST_FAILURES: Final = 5
_REST: Final = timedelta(minutes=15)


class Outcome(StrEnum):
    """What became of an attempt."""

    SIGNED_IN = "signed in"
    WRONG = "wrong"
    CODE_WANTED = "code wanted"
    WRONG_CODE = "wrong code"
    RESTING = "resting"


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

    def attempt(self, login: str, password: str, code: str = "", *, now: datetime) -> SignedIn:
        """One attempt to sign in. CODE_WANTED where the password is right and a code must come with it.

        The password is checked outside any transaction: it takes long on purpose.
        """
        answer, person = self._judged(login, password, code, now=now)
        if answer.outcome is not Outcome.SIGNED_IN or person is None:
            return answer
        with self._database.begin() as connection:
            return SignedIn(Outcome.SIGNED_IN, self._opened(connection, person, password, now=now))

    def proven(
        self, login: str, password: str, code: str = "", *, now: datetime
    ) -> tuple[SignedIn, Person | None]:
        """Whether this is the person, without a session: for what must be sure of it. Wrong attempts count as
        those to sign in."""
        return self._judged(login, password, code, now=now)

    def _judged(
        self, login: str, password: str, code: str, *, now: datetime
    ) -> tuple[SignedIn, Person | None]:
        name = login.strip().lower()[:200]
        with self._database.read() as connection:
            _, rests_until = _failures(connection, name, now=now)
            person = people.by_login(connection, name)
        if rests_until is not None:
            return SignedIn(Outcome.RESTING, rests_until=rests_until), None
        able = person is not None and person.able
        right = self._passwords.fits(person.password if person is not None and able else "", password)
        if person is None or not right:
            return self._failed(name, Outcome.WRONG, now=now), None
        if person.totp and not code.strip():
            return SignedIn(Outcome.CODE_WANTED), None
        with self._database.begin() as connection:
            fits = not person.totp or self._code_fits(connection, person, code, now=now)
            if fits:
                forget_failures(connection, name)
        if not fits:
            return self._failed(name, Outcome.WRONG_CODE, now=now), None
        return SignedIn(Outcome.SIGNED_IN), person

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

    def _failed(self, name: str, outcome: Outcome, *, now: datetime) -> SignedIn:
        with self._database.begin() as connection:
            # The journal lets one in at a time: attempts made together are all counted.
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
    values = {"failures": failures, "last_at": now, "rests_until": rests_until}
    there = sign_in_failures.c.login_digest == _digest(name)
    if not connection.execute(update(sign_in_failures).where(there).values(values)).rowcount:
        connection.execute(insert(sign_in_failures).values(login_digest=_digest(name), **values))


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
