"""One-time codes of an authenticator app (TOTP, RFC 6238), and recovery codes for a lost phone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

import pyotp

__all__ = ["address", "matching_step", "new_recovery_codes", "new_secret", "recovery_digest"]

_PERIOD: Final = 30
_ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that looks like something else


def new_secret() -> str:
    """A secret for an authenticator app, base 32."""
    return pyotp.random_base32()


def address(secret: str, *, login: str, issuer: str) -> str:
    """What the QR code for the app says."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def matching_step(secret: str, code: str, *, now: datetime, last_step: int) -> int | None:
    """The time step whose code this is, one before and after `now` allowed; None for none.

    A step up to `last_step` has been used: its code opens nothing a second time.
    """
    plain = code.replace(" ", "")
    if len(plain) != 6 or not (plain.isascii() and plain.isdigit()):
        return None
    current = int(now.timestamp()) // _PERIOD
    found = None
    for step in (current - 1, current, current + 1):
        right = hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step), plain)
        if right and step > last_step:
            found = step
    return found


def new_recovery_codes(count: int = 8) -> tuple[str, ...]:
    """Codes for a person to keep on paper, each good for one sign-in; 50 bits each."""
    return tuple(
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(2)) for _ in range(count)
    )


def recovery_digest(code: str) -> str:
    """What is kept of a recovery code."""
    plain = "".join(sign for sign in code.casefold() if sign in _ALPHABET)
    return hashlib.sha256(plain.encode()).hexdigest()
