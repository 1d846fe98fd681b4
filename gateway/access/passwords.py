"""Passwords: kept as argon2id only (RFC 9106), long rather than complicated (NIST SP 800-63B)."""

from __future__ import annotations

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from formats.errors import ConfigError

__all__ = ["Passwords"]

_SHORTEST: Final = 12
_LONGEST: Final = 256


class Passwords:
    """Makes and checks what is kept of a password; safe to share between threads."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        # For accounts that do not exist, so that the time an answer takes does not tell.
        self._nobody = self._hasher.hash("nobody has this password")

    def kept(self, password: str, *, login: str) -> str:
        """What is stored of a new password. ConfigError for one that is too easy to guess."""
        if not _SHORTEST <= len(password) <= _LONGEST:
            raise ConfigError(
                f"a password has {_SHORTEST} to {_LONGEST} signs",
                where="password",
                fix="a few words that do not belong together are easy to keep in mind",
            )
        plain = password.casefold()
        name = login.partition("@")[0].casefold()
        if len(set(plain)) < 5 or (len(name) > 3 and name in plain):
            raise ConfigError(
                "this password is easy to guess",
                where="password",
                fix="take words that have nothing to do with you, and more than four different signs",
            )
        return self._hasher.hash(password)

    def fits(self, kept: str, password: str) -> bool:
        """Whether this is the password; takes as long where nothing is kept ("")."""
        try:
            return self._hasher.verify(kept or self._nobody, password[:_LONGEST]) and bool(kept)
        except VerifyMismatchError:
            return False
        except (VerificationError, InvalidHashError):
            return False

    def outdated(self, kept: str) -> bool:
        """Whether it was made with weaker parameters than today's, so that it is made anew at the next
        sign-in."""
        return self._hasher.check_needs_rehash(kept)
