"""Signing in: once right, once refused, and a rest after too many tries."""

from __future__ import annotations

import threading
from datetime import timedelta

import pyotp
import pytest

from gateway.access import one_time_codes
from gateway.access.passwords import Passwords
from gateway.access.sealing import Seal
from gateway.access.sign_in import Outcome, SignIn
from gateway.store import journal, people, sessions
from gateway.store.database import Database
from gateway.store.people import Person
from tests.gateway.access.conftest import NOW, PASSWORD


@pytest.fixture
def sign_in(database: Database, passwords: Passwords, seal: Seal) -> SignIn:
    return SignIn(database, passwords, seal)


def test_the_right_password_opens_a_session(database: Database, sign_in: SignIn, clerk: Person) -> None:
    answer = sign_in.attempt(" marit@VANDAEL.example ", PASSWORD, now=NOW)
    assert answer.outcome is Outcome.SIGNED_IN
    with database.read() as connection:
        session, _ = sessions.find(connection, answer.shown, now=NOW)
        events = [(entry.event, entry.actor) for entry in journal.entries(connection)]
    assert session is not None
    assert session.person.id == clerk.id
    assert ("signed in", clerk.login) in events


@pytest.mark.parametrize("login", ["marit@vandael.example", "nobody@vandael.example"])
def test_five_wrong_tries_make_a_login_rest_whether_it_exists_or_not(
    sign_in: SignIn, clerk: Person, login: str
) -> None:
    answers = [sign_in.attempt(login, "wrong, and long enough", now=NOW) for _ in range(5)]
    assert [answer.left for answer in answers] == [4, 3, 2, 1, 0]
    assert {answer.outcome for answer in answers[:4]} == {Outcome.WRONG}
    assert answers[4].rests_until == NOW + timedelta(minutes=15)
    resting = sign_in.attempt(login, PASSWORD, now=NOW + timedelta(minutes=14))
    assert resting.outcome is Outcome.RESTING
    later = sign_in.attempt(login, PASSWORD, now=NOW + timedelta(minutes=16))
    wanted = Outcome.SIGNED_IN if login == clerk.login else Outcome.WRONG
    assert later.outcome is wanted


def test_attempts_at_the_same_time_are_all_counted(
    database: Database, passwords: Passwords, seal: Seal, clerk: Person
) -> None:
    sign_in = SignIn(database, passwords, seal)
    attempts = [
        threading.Thread(target=sign_in.attempt, args=(clerk.login, "wrong, and long"), kwargs={"now": NOW})
        for _ in range(5)
    ]
    for attempt in attempts:
        attempt.start()
    for attempt in attempts:
        attempt.join()
    assert sign_in.attempt(clerk.login, PASSWORD, now=NOW).outcome is Outcome.RESTING


def test_a_second_factor_is_asked_for_and_opens_once(
    database: Database, sign_in: SignIn, clerk: Person, seal: Seal
) -> None:
    secret = one_time_codes.new_secret()
    recovery = one_time_codes.new_recovery_codes()
    digests = tuple(one_time_codes.recovery_digest(code) for code in recovery)
    with database.begin() as connection:
        people.set_second_factor(connection, clerk.id, seal.sealed(secret), digests)
    code = pyotp.TOTP(secret).at(NOW)
    assert sign_in.attempt(clerk.login, PASSWORD, now=NOW).outcome is Outcome.CODE_WANTED
    assert sign_in.attempt(clerk.login, "wrong, and long", code, now=NOW).outcome is Outcome.WRONG
    assert sign_in.attempt(clerk.login, PASSWORD, code, now=NOW).outcome is Outcome.SIGNED_IN
    assert sign_in.attempt(clerk.login, PASSWORD, code, now=NOW).outcome is Outcome.WRONG_CODE
    assert sign_in.attempt(clerk.login, PASSWORD, recovery[0], now=NOW).outcome is Outcome.SIGNED_IN
    assert sign_in.attempt(clerk.login, PASSWORD, recovery[0], now=NOW).outcome is Outcome.WRONG_CODE


def test_somebody_who_left_comes_in_no_more(database: Database, sign_in: SignIn, clerk: Person) -> None:
    shown = sign_in.attempt(clerk.login, PASSWORD, now=NOW).shown
    with database.begin() as connection:
        people.end(connection, clerk.id, now=NOW)
    assert sign_in.attempt(clerk.login, PASSWORD, now=NOW).outcome is Outcome.WRONG
    with database.read() as connection:
        assert sessions.find(connection, shown, now=NOW) == (None, False)


def test_nothing_that_was_typed_is_written_down(database: Database, sign_in: SignIn, clerk: Person) -> None:
    sign_in.attempt("a.password@by.mistake", "another password", now=NOW)
    with database.read() as connection:
        written = "".join(entry.data + entry.actor for entry in journal.entries(connection))
    assert "mistake" not in written
    assert "another" not in written
