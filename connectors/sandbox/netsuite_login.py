"""Token-based authentication as the imitated NetSuite checks it: one signed header for each request."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Final

from lxml import etree

__all__ = ["ACCOUNT", "CONSUMER_KEY", "CONSUMER_SECRET", "TOKEN", "TOKEN_SECRET", "LoginDesk"]

ACCOUNT: Final = "1234567_SB1"
CONSUMER_KEY: Final = "ck-demo-0001"
CONSUMER_SECRET: Final = "cs-demo-0001"
TOKEN: Final = "tk-demo-0001"
TOKEN_SECRET: Final = "ts-demo-0001"
_SKEW_SECONDS: Final = 300


class LoginDesk:
    """Checks the token passport of a request.

    As with the real service the caller only learns that the login is invalid; the reason stands in
    `audit_trail`, which a real account shows to its administrator.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._nonces: set[str] = set()
        self.revoked = False
        self.audit_trail: list[str] = []

    def admits(self, envelope: etree._Element) -> bool:
        """Whether the header signs this request in; headers are found by local name, as the service does."""
        reason = self._objection(envelope)
        self.audit_trail.append(reason or "Success")
        return not reason

    def _objection(self, envelope: etree._Element) -> str:
        passport = {
            etree.QName(child).localname: child
            for block in envelope.iterfind("{*}Header/{*}tokenPassport")
            for child in block
        }
        text = {name: (element.text or "").strip() for name, element in passport.items()}
        wanted = ("account", "consumerKey", "token", "nonce", "timestamp", "signature")
        if any(not text.get(name) for name in wanted):
            return "TokenPassportMissing"
        if text["account"] != ACCOUNT:
            return "AccountMismatch"
        if text["consumerKey"] != CONSUMER_KEY:
            return "ConsumerKeyUnknown"
        if text["token"] != TOKEN or self.revoked:
            return "TokenRejected"
        if not 6 <= len(text["nonce"]) <= 64 or text["nonce"] in self._nonces:
            return "InvalidNonce"
        if not text["timestamp"].isdigit():
            return "InvalidTimestamp"
        if abs(int(text["timestamp"]) - self._clock().timestamp()) > _SKEW_SECONDS:
            return "InvalidTimestamp"
        base = "&".join(text[name] for name in wanted[:-1])
        key = f"{CONSUMER_SECRET}&{TOKEN_SECRET}".encode()
        expected = base64.b64encode(hmac.new(key, base.encode(), hashlib.sha256).digest()).decode()
        if passport["signature"].get("algorithm") not in ("HMAC-SHA256", "HMAC_SHA256"):
            return "InvalidSignature"
        if not hmac.compare_digest(expected, text["signature"]):
            return "InvalidSignature"
        self._nonces.add(text["nonce"])
        return ""
