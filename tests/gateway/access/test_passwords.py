"""Passwords are kept unreadable, and easy ones are refused."""

from __future__ import annotations

import pytest

from formats.errors import ConfigError
from gateway.access.passwords import Passwords


def test_a_kept_password_fits_and_no_other_does(passwords: Passwords) -> None:
    kept = passwords.kept("kettle rainbow oboe", login="marit")
    assert kept.startswith("$argon2id$")
    assert "kettle" not in kept
    assert passwords.fits(kept, "kettle rainbow oboe")
    assert not passwords.fits(kept, "kettle rainbow obo")


def test_nothing_fits_where_nothing_is_kept(passwords: Passwords) -> None:
    assert not passwords.fits("", "nobody has this password")
    assert not passwords.fits("not a hash", "kettle rainbow oboe")


def test_parameters_weaker_than_today_are_noticed(passwords: Passwords) -> None:
    kept = passwords.kept("kettle rainbow oboe", login="marit")
    assert not passwords.outdated(kept)
    assert Passwords().outdated(kept)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "12 to 256"),
        ("x" * 257, "12 to 256"),
        ("abababababababab", "easy to guess"),
        ("MaritDekkers2026!", "easy to guess"),
    ],
)
def test_an_easy_password_is_refused_in_plain_words(passwords: Passwords, password: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refused:
        passwords.kept(password, login="maritdekkers@vandael.example")
    assert password not in str(refused.value)
