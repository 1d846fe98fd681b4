"""The OAuth 2.0 side of the imitated Exact Online: one app, one user, refresh tokens that live once.

As the real service behaves: an access token lives 600 seconds, a new one is given from 570 seconds on, each
refresh makes the old refresh token worthless at once, and one that lay idle for 30 days is dead.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from connectors.sandbox.http_server import Reply, Request, json_reply, text_reply

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "FIRST_REFRESH_TOKEN", "LOCAL_REDIRECT_URI", "REDIRECT_URI", "Login"]

CLIENT_ID: Final = "5b0c7e52-6f0e-4c55-9a0e-2f4d8f1e7a10"
CLIENT_SECRET: Final = "demo-exact-client-secret"
FIRST_REFRESH_TOKEN: Final = "stampNL001.demo-refresh-1"
REDIRECT_URI: Final = "https://gateway.example/exact/callback"
# Registered too, for a login whose answer is taken on this machine.
LOCAL_REDIRECT_URI: Final = "http://127.0.0.1:8765/exact/callback"

_LIFE: Final = timedelta(seconds=600)
_EARLIEST: Final = timedelta(seconds=570)
_IDLE: Final = timedelta(days=30)
_CODE_LIFE: Final = timedelta(minutes=3)
_CALLS_A_DAY: Final = 200


# What this imitation hands out: the first one, and the rotated ones of any earlier start of it.
_OWN_FORM: Final = re.compile(r"stampNL001\.demo-refresh-([1-9][0-9]{0,8})(?:-[A-Za-z0-9_-]{8})?")


class Login:
    """The tokens in force. Thread-safe.

    The real service remembers its tokens for ever, this one only while it runs. So a freshly started one
    takes the first refresh token of its own form that it is shown for the one in force, as if it had kept its
    state; from then on every refresh token lives once.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._access: dict[str, datetime] = {}
        self._refresh = FIRST_REFRESH_TOKEN
        self._refresh_since = clock()
        self._issued_at: datetime | None = None
        self._codes: dict[str, tuple[str, datetime]] = {}
        self._count = 1
        self._fresh = True
        self.token_calls = 0
        self.redirect_uris = {REDIRECT_URI, LOCAL_REDIRECT_URI}
        self.refuses = ""
        self._day_calls: dict[str, int] = {}

    def accepts(self, authorization: str) -> bool:
        """Whether a request's Authorization header carries a living access token."""
        with self._lock:
            until = self._access.get(authorization.removeprefix("Bearer "))
            return until is not None and self._clock() < until

    def authorize(self, request: Request) -> Reply:
        """GET /api/oauth2/auth: the person has said yes already."""
        if (
            request.query.get("client_id") != CLIENT_ID
            or request.query.get("redirect_uri") not in self.redirect_uris
            or request.query.get("response_type") != "code"
        ):
            return Reply(
                400, b"<html><body>The redirect address is not registered.</body></html>", "text/html"
            )
        with self._lock:
            # Signs that must be encoded: a client that decodes twice, or not at all, is found out.
            code = f"stampNL001!{secrets.token_urlsafe(12)}/+"
            address = request.query["redirect_uri"]
            self._codes[code] = address, self._clock() + _CODE_LIFE
        answer = {"error": self.refuses} if self.refuses else {"code": code}
        back = urlencode({**answer, "state": request.query.get("state", "")})
        return Reply(302, headers={"Location": f"{address}?{back}"})

    def token(self, request: Request) -> Reply:
        """POST /api/oauth2/token with a code or a refresh token."""
        with self._lock:
            self.token_calls += 1
            today = f"{self._clock():%Y-%m-%d}"
            self._day_calls = {today: self._day_calls.get(today, 0) + 1}
            if self._day_calls[today] > _CALLS_A_DAY:
                return _refused(429, "access_denied", "Rate limit exceeded: too many token requests today")
            form = request.form()
            if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
                return _refused(401, "invalid_client", "The client credentials are not valid.")
            if form.get("grant_type") == "authorization_code":
                return self._by_code(form.get("code", ""), form.get("redirect_uri", ""))
            if form.get("grant_type") == "refresh_token":
                return self._by_refresh(form.get("refresh_token", ""))
            return _refused(400, "unsupported_grant_type", "Unknown grant type.")

    def revoke(self) -> None:
        """The user withdrew the app's access: nothing of it works any more."""
        with self._lock:
            self._access.clear()
            self._refresh, self._fresh = "", False

    def expire_access(self) -> None:
        """As if the access token's ten minutes were over."""
        with self._lock:
            self._access.clear()
            self._issued_at = None

    def expire_refresh(self) -> None:
        """As if the refresh token had lain idle for 31 days."""
        with self._lock:
            self.expire_access()
            self._fresh = False
            self._refresh_since = self._clock() - timedelta(days=31)

    def log_in_again(self) -> str:
        """A person logs in again: a fresh refresh token, all earlier ones are dead."""
        with self._lock:
            self.expire_access()
            return self._new_refresh()

    def _by_code(self, code: str, redirect_uri: str) -> Reply:
        address, until = self._codes.pop(code, ("", self._clock()))
        if self._clock() >= until or redirect_uri != address:
            return _refused(400, "invalid_grant", "The authorization code is not valid.")
        return self._issue()

    def _by_refresh(self, token: str) -> Reply:
        now = self._clock()
        own = _OWN_FORM.fullmatch(token)
        if self._fresh and own is not None:
            self._refresh, self._count = token, int(own[1])
        self._fresh = False
        if not self._refresh or token != self._refresh:
            return _refused(401, "unauthorized_client", "Old refresh token used.")
        if now - self._refresh_since > _IDLE:
            expired = self._refresh_since + _IDLE
            return _refused(
                400,
                "invalid_request",
                f"The refresh token expired at {_american(expired)} and it is now {_american(now)}.",
            )
        if self._issued_at is not None and now - self._issued_at < _EARLIEST:
            return _refused(400, "access_denied", "Rate limit exceeded: access_token not expired")
        return self._issue()

    def _issue(self) -> Reply:
        now = self._clock()
        refresh = self._new_refresh()
        access = f"stampNL001.{secrets.token_urlsafe(24)}"
        self._access[access] = now + _LIFE
        self._issued_at = now
        return json_reply(
            {"access_token": access, "token_type": "bearer", "expires_in": "600", "refresh_token": refresh}
        )

    def _new_refresh(self) -> str:
        self._count += 1
        self._fresh = False
        self._refresh = f"stampNL001.demo-refresh-{self._count}-{secrets.token_urlsafe(6)}"
        self._refresh_since = self._clock()
        return self._refresh


def _refused(status: int, error: str, description: str) -> Reply:
    return json_reply({"error": error, "error_description": description}, status)


def _american(moment: datetime) -> str:
    local = moment.astimezone(UTC)
    return f"{local.month}/{local.day}/{local.year} {local.strftime('%I:%M:%S %p').lstrip('0')}"


def unauthorized() -> Reply:
    """What a REST call gets whose token is missing or dead."""
    return text_reply("", 401)
