"""Why a signature does not count. Each is a `SignatureInvalid`: the document waits for a person."""

from __future__ import annotations

from enum import StrEnum

from formats.errors import SignatureInvalid

__all__ = ["BrokenSignature", "Distrust", "UntrustedSigner", "WeakSignature"]


class BrokenSignature(SignatureInvalid):
    """It does not prove this content: altered, incomplete, moved, over a part only, or not a signature."""


class WeakSignature(SignatureInvalid):
    """It may match, and proves nothing: a digest or a key that can be forged (SHA-1, MD5, RSA under 2048
    bits, small curves)."""


class Distrust(StrEnum):
    """Why a certificate is not believed."""

    NOT_TRUSTED = "not_trusted"  # no path to a certificate that we trust
    EXPIRED_BEFORE_SIGNING = "expired_before_signing"
    EXPIRED_SINCE = "expired_since"  # it was valid at the claimed time, which nothing proves
    NOT_YET_VALID = "not_yet_valid"
    WRONG_USE = "wrong_use"  # a certificate that is not made for signatures
    SIGNED_IN_FUTURE = "signed_in_future"


class UntrustedSigner(SignatureInvalid):
    """The signature matches its content; who signed is not proven. `reason` says why."""

    def __init__(self, what: str, *, where: str, fix: str, reason: Distrust) -> None:
        super().__init__(what, where=where, fix=fix)
        self.reason = reason
