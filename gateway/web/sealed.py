"""What the web faces seal and prove with the key of gateway.yaml, `web.secret`."""

from __future__ import annotations

from gateway import settings
from gateway.access.passwords import Passwords
from gateway.access.sealing import Seal
from gateway.access.sign_in import SignIn
from gateway.wiring import Gateway

__all__ = ["seal_of", "sign_in_of"]


def seal_of(gateway: Gateway, purpose: str) -> Seal:
    """A seal for one purpose. ConfigError where the key cannot be read."""
    return Seal(settings.reveal(gateway.settings.web.secret, gateway.settings.folder), purpose)


def sign_in_of(gateway: Gateway) -> SignIn:
    """The way in for people with a password of ours."""
    return SignIn(gateway.database, Passwords(), seal_of(gateway, "totp"))
