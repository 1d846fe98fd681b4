"""Signing in: once right, once refused, and a rest after too many tries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from gateway.access import one_time_codes
from gateway.access.passwords import Passwords
from gateway.access.sealing import Seal
from gateway.access.sign_in import Outcome, SignIn
from gateway.store import journal, people, sessions
from gateway.store.database import Database
from gateway.store.people import Person
from gateway.store.tables import sign_in_failures
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


def test_in_a_burst_no_more_codes_are_judged_than_in_turn(
    database: Database, sign_in: SignIn, clerk: Person, seal: Seal
) -> None:
    """The password is known to somebody else, who tries codes all at once, the right one among them last."""
    secret = one_time_codes.new_secret()
    with database.begin() as connection:
        people.set_second_factor(connection, clerk.id, seal.sealed(secret), ())
    right = pyotp.TOTP(secret).at(NOW)
    near = {pyotp.TOTP(secret).at(NOW + timedelta(seconds=30 * step)) for step in range(-3, 4)}
    wrong = [code for number in range(50) if (code := f"{number:06d}") not in near][:20]
    answers, together = [], threading.Barrier(len(wrong))

    def burst(code: str) -> None:
        together.wait()
        answers.append(sign_in.attempt(clerk.login, PASSWORD, code, now=NOW).outcome)

    threads = [threading.Thread(target=burst, args=(code,)) for code in wrong]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(Outcome.WRONG_CODE) == 4
    assert answers.count(Outcome.RESTING) == len(wrong) - 4
    assert sign_in.attempt(clerk.login, PASSWORD, right, now=NOW).outcome is Outcome.RESTING
    with database.read() as connection:
        refused = list(journal.entries(connection, event="sign-in refused"))
    assert len(refused) == 5


class _Meanwhile(Passwords):
    """Something happens while a password is checked, which takes long."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self._happens = happens

    def fits(self, kept: str, shown: str) -> bool:
        self._happens()
        return super().fits(kept, shown)


def test_a_login_that_rests_by_the_time_its_password_is_checked_opens_nothing(
    database: Database, passwords: Passwords, seal: Seal, clerk: Person
) -> None:
    other = SignIn(database, passwords, seal)

    def five_others() -> None:
        for _ in range(5):
            other.attempt(clerk.login, "wrong, and long", now=NOW)

    late = SignIn(database, _Meanwhile(five_others), seal)
    assert late.attempt(clerk.login, PASSWORD, now=NOW).outcome is Outcome.RESTING
    assert late.proven(clerk.login, PASSWORD, now=NOW)[1] is None


def test_somebody_locked_while_their_password_is_checked_stays_outside(
    database: Database, seal: Seal, clerk: Person
) -> None:
    def locked() -> None:
        with database.begin() as connection:
            people.lock(connection, clerk.id, now=NOW)

    answer = SignIn(database, _Meanwhile(locked), seal).attempt(clerk.login, PASSWORD, now=NOW)
    assert (answer.outcome, answer.shown) == (Outcome.WRONG, "")


def test_a_network_that_tries_many_logins_rests_and_fills_neither_journal_nor_table(
    database: Database, sign_in: SignIn, clerk: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.sign_in.NETWORK_FAILURES", 6)
    tries = [
        sign_in.attempt(f"by chance {number}", "wrong, and long", now=NOW, network="192.0.2.7").outcome
        for number in range(9)
    ]
    assert tries == [Outcome.WRONG] * 6 + [Outcome.NETWORK_RESTING] * 3
    resting = sign_in.attempt(clerk.login, PASSWORD, now=NOW, network="192.0.2.7")
    assert (resting.outcome, resting.rests_until) == (
        Outcome.NETWORK_RESTING,
        NOW + timedelta(minutes=15),
    )
    assert sign_in.attempt(clerk.login, PASSWORD, now=NOW, network="192.0.2.8").outcome is Outcome.SIGNED_IN
    later = NOW + timedelta(minutes=16)
    assert sign_in.attempt("one more", "wrong", now=later, network="192.0.2.7").outcome is Outcome.WRONG
    with database.read() as connection:
        assert len(list(journal.entries(connection, event="sign-in refused"))) == 7
        assert len(connection.execute(select(sign_in_failures)).all()) == 1


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
