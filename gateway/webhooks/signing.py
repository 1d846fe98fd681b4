"""How events are signed: HMAC-SHA256 over id, time and body. Follows the Standard Webhooks specification,
version 1.0.0, so that receivers may use its libraries.

    webhook-id: evt-1284377-9f2c4b7a61d00e35     the same on every attempt and replay
    webhook-timestamp: 1795363200                seconds since 1970, of this attempt
    webhook-signature: v1,<base64> [v1,<base64>] one for each secret that holds

What is signed is `<id>.<timestamp>.<body>`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from formats.errors import ConfigError

__all__ = ["PREFIX", "headers", "key", "new_secret"]

PREFIX: Final = "whsec_"
_BYTES: Final = 32
_SHORTEST: Final = 24


def new_secret() -> str:
    """32 bytes of chance, as receivers enter them."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def key(secret: str, where: str) -> bytes:
    """The bytes of a secret: base64 behind `whsec_`, or any text. ConfigError for one that is too short."""
    found = secret.strip().encode()
    if secret.startswith(PREFIX):
        try:
            found = base64.b64decode(secret.strip()[len(PREFIX) :], validate=True)
        except (binascii.Error, ValueError) as error:
            raise ConfigError(
                f"what stands behind {PREFIX} is not base64", where=where, fix="copy the whole secret again"
            ) from error
    if len(found) < _SHORTEST:
        raise ConfigError(
            "the secret is too short to sign with",
            where=where,
            fix=f"use {_SHORTEST} signs of chance or more, as in: openssl rand -base64 32",
        )
    return found


def headers(event: str, body: bytes, keys: Sequence[bytes], *, now: datetime) -> dict[str, str]:
    """The headers of one attempt at `now` (aware)."""
    moment = str(int(now.timestamp()))
    signed = b".".join((event.encode(), moment.encode(), body))
    marks = (base64.b64encode(hmac.new(one, signed, hashlib.sha256).digest()).decode() for one in keys)
    return {
        "webhook-id": event,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }
