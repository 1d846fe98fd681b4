"""Who may talk to the imitated S/4HANA: communication user, OAuth client or client certificate; sessions,
CSRF.

A logon without a session cookie opens a new session. A CSRF token belongs to one session and is worthless
without its cookies.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.sandbox.http_server import CLIENT_CERTIFICATE, Reply, Request, json_reply

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "CSRF_FAILED",
    "PASSWORD",
    "USER",
    "Logon",
    "refused",
]

USER: Final = "EINV_GATEWAY"
PASSWORD: Final = "Nordlicht-Demo-2026"
CLIENT_ID: Final = "EINV_GATEWAY_OAUTH"
CLIENT_SECRET: Final = "nordlicht-oauth-demo"
CERTIFICATE_NAME: Final = "EINV_GATEWAY_CERT"
CSRF_FAILED: Final = "CSRF token validation failed"
_IDLE: Final = timedelta(minutes=30)
_TOKEN_LIFE: Final = timedelta(hours=1)
_COOKIE: Final = "SAP_SESSIONID_S4H_100"


@dataclass(slots=True)
class _Session:
    identity: str
    csrf: str
    used: datetime


class Logon:
    """All logons of one host; thread-safe. `sessions` counts those that were opened."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, _Session] = {}
        self._tokens: dict[str, datetime] = {}
        self.sessions = 0
        self.token_requests = 0
        self.password_works = True

    def accepts(self, request: Request) -> bool:
        """Whether somebody that we know asks."""
        if CERTIFICATE_NAME in request.headers.get(CLIENT_CERTIFICATE, ""):
            return True
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind == "Basic":
            return self.password_works and _basic(value) == (USER, PASSWORD)
        with self._lock:
            until = self._tokens.get(value)
            return kind == "Bearer" and until is not None and until > self._clock()

    def session(self, request: Request) -> tuple[str, Mapping[str, str]]:
        """The CSRF token of the request's session, and the cookies where a new session had to be opened."""
        with self._lock:
            session = self._living(request)
            if session is not None:
                session.used = self._clock()
                return session.csrf, {}
            self.sessions += 1
            identity = hashlib.sha256(f"session {self.sessions}".encode()).hexdigest()[:40]
            token = base64.b64encode(hashlib.sha256(f"csrf {identity}".encode()).digest()).decode()[:24]
            self._sessions[identity] = _Session(identity, token, self._clock())
            return token, {
                "Set-Cookie": f"{_COOKIE}={identity}; path=/; HttpOnly",
                "set-cookie": "sap-usercontext=sap-client=100; path=/",
            }

    def may_write(self, request: Request) -> bool:
        """Whether the request has the token of its own living session."""
        with self._lock:
            session = self._living(request)
            return session is not None and request.headers.get("x-csrf-token") == session.csrf

    def revoke(self) -> None:
        """The administrator locks our user and our OAuth client."""
        self.password_works = False
        self.expire_tokens()

    def expire_sessions(self) -> None:
        """All sessions end, and their CSRF tokens with them."""
        with self._lock:
            self._sessions.clear()

    def expire_tokens(self) -> None:
        """All OAuth access tokens end."""
        with self._lock:
            self._tokens.clear()

    def token(self, request: Request) -> Reply:
        """The OAuth 2.0 token endpoint: client credentials only."""
        form = request.form()
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        client = _basic(value) if kind == "Basic" else (form.get("client_id"), form.get("client_secret"))
        if client != (CLIENT_ID, CLIENT_SECRET) or not self.password_works:
            return json_reply({"error": "invalid_client"}, 401)
        if form.get("grant_type") != "client_credentials":
            return json_reply({"error": "unsupported_grant_type"}, 400)
        with self._lock:
            self.token_requests += 1
            token = hashlib.sha256(f"token {self.token_requests}".encode()).hexdigest()
            self._tokens[token] = self._clock() + _TOKEN_LIFE
        life = str(int(_TOKEN_LIFE.total_seconds()))
        return json_reply({"access_token": token, "token_type": "Bearer", "expires_in": life})

    def _living(self, request: Request) -> _Session | None:
        found = re.search(rf"{_COOKIE}=([0-9a-f]+)", request.headers.get("cookie", ""))
        session = self._sessions.get(found[1]) if found else None
        return session if session is not None and self._clock() - session.used < _IDLE else None


def refused() -> Reply:
    """401 as the application server says it: a page for people."""
    page = "<html><head><title>Logon failed</title></head><body>Anmeldung fehlgeschlagen</body></html>"
    header = 'Basic realm="SAP NetWeaver Application Server [S4H/100]"'
    return Reply(401, page.encode(), "text/html;charset=utf-8", {"WWW-Authenticate": header})


def _basic(value: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
