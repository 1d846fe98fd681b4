"""Sealing of what must lie in the database and be read again: one key from the secrets folder, a purpose for
each use.

The key file holds at least 32 bytes of chance (`gateway init` writes one). Whoever has the database and not
the key reads nothing of what is sealed, and can forge no link.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from formats.errors import ConfigError

__all__ = ["Seal"]

_SHORTEST = 32


class Seal:
    """Seals texts and signs values for one purpose ("totp", "portal link"); another purpose opens nothing."""

    def __init__(self, secret: str, purpose: str) -> None:
        """ConfigError for a secret that is too short to be one."""
        if len(secret) < _SHORTEST:
            raise ConfigError(
                f"the key of the web faces has {len(secret)} signs",
                where="gateway.yaml, web.secret",
                fix=f"put at least {_SHORTEST} signs of chance into it, as in: openssl rand -base64 48",
            )
        derived = HKDF(hashes.SHA256(), 64, salt=None, info=purpose.encode()).derive(secret.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(derived[:32]))
        self._key = derived[32:]

    def sealed(self, text: str) -> str:
        """The text, unreadable and unchangeable without the key."""
        return self._fernet.encrypt(text.encode()).decode()

    def opened(self, sealed: str) -> str:
        """What was sealed. ConfigError where it was sealed under another key."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ConfigError(
                "what is sealed in the database does not open with this key",
                where="gateway.yaml, web.secret",
                fix="put the key back that was there before, or set the second factors anew: gateway people",
            ) from error

    def mark(self, text: str) -> str:
        """A signature of the text, 43 signs that may stand in an address."""
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def marked(self, text: str, mark: str) -> bool:
        """Whether this is the signature of the text."""
        return hmac.compare_digest(self.mark(text).encode(), mark.encode("utf-8", "surrogateescape"))
