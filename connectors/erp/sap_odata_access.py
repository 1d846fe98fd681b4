"""The way into one SAP host: communication user, OAuth client or client certificate, sessions and call
budget.

One client for OData and SOAP. The session that the first answer opens is used for all further ones, for each
logon without its cookies would open another on the application server. Nothing is retried, save one call
whose access token was refused.
"""

from __future__ import annotations

import base64
import re
import ssl
import tempfile
import threading
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from io import BufferedIOBase
from pathlib import Path
from typing import Final, Self

from pydantic import Field, model_validator

from connectors.base import ConnectorSettings, SecretReference, Surroundings
from connectors.budget import CallLimit
from connectors.http import HttpAnswer, HttpClient, Query, is_safe_address
from formats.errors import ConfigError, RemoteRefused, RemoteUnexpected

__all__ = ["SapAccess", "SapHttp"]

_EARLY: Final = timedelta(seconds=60)
_SHORTEST_LIFE: Final = timedelta(seconds=30)
_COOKIES: Final = re.compile(r",\s*(?=[^\s;,=]+=)")


class SapAccess(ConnectorSettings):
    """Where the SAP system is, and who we are there."""

    base_url: str = Field(
        description="address of the SAP host, for example https://my300000-api.s4hana.cloud.sap"
    )
    client: str = Field(
        "", pattern="^([0-9]{3})?$", description="three-digit SAP client; empty in the public cloud"
    )
    language: str = Field(
        "EN", pattern="^[A-Z]{2}$", description="language of the logon, in which SAP names units and partners"
    )
    login: str = Field(
        "basic",
        pattern="^(basic|oauth|certificate|api-key)$",
        description="basic (communication user), oauth (client credentials), certificate, or api-key (only "
        "for SAP's public trial host)",
    )
    user: str = Field("", description="communication user, for login basic")
    password: SecretReference = Field("env:SAP_PASSWORD", description="its password, for login basic")
    client_id: str = Field("", description="OAuth client, for login oauth")
    client_secret: SecretReference = Field("env:SAP_CLIENT_SECRET", description="its secret, for login oauth")
    token_url: str = Field(
        "/sap/bc/sec/oauth2/token",
        description="token endpoint, a path on the SAP host or the address of the API gateway in front of it",
    )
    scope: str = Field(
        "", description="OAuth scopes, separated by blanks, where the token endpoint wants them"
    )
    certificate: SecretReference = Field(
        "env:SAP_CLIENT_CERTIFICATE",
        description="PEM text with the client certificate and its private key, for login certificate",
    )
    api_key: SecretReference = Field("env:SAP_API_KEY", description="key, for login api-key")
    known_hosts: tuple[str, ...] = Field(
        (),
        description="further addresses that links of SAP may show (its internal name); they are not called",
    )
    calls_per_minute: int = Field(
        300, ge=1, description="calls that we allow ourselves in a minute; SAP's own limits are not published"
    )
    calls_kept: int = Field(30, ge=0, description="calls of each minute that are kept for status reports")
    ca_file: str = Field("", description="PEM file of your own certificate authority, if SAP needs it")
    proxy: str = Field("", description="address of a web proxy, if the way to SAP needs one")
    connect_seconds: float = Field(5.0, gt=0, description="seconds to wait for a connection")
    read_seconds: float = Field(60.0, gt=0, description="seconds of silence before a call is given up")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for name, address in (("base_url", self.base_url), ("token_url", self.token_url)):
            relative = name == "token_url" and address.startswith("/")
            if not (relative or is_safe_address(address)):
                raise ValueError(f"{name} must begin with https://, for credentials travel over it")
        if self.login == "basic" and not self.user:
            raise ValueError("login basic needs user, the communication user")
        if self.login == "oauth" and not self.client_id:
            raise ValueError("login oauth needs client_id")
        if self.calls_kept >= self.calls_per_minute:
            raise ValueError("calls_kept must be less than calls_per_minute")
        return self


class SapHttp(HttpClient):
    """Requests to one SAP host as one user. Safe to share between threads.

    Raises what HttpClient raises, and RemoteUnavailable with `retry_at` where our own budget is used up.
    """

    def __init__(self, settings: SapAccess, surroundings: Surroundings, *, name: str) -> None:
        self._access = settings
        self._secret = surroundings.secret
        self._now = surroundings.clock
        self._budget = surroundings.budget(
            f"SAP {settings.base_url} client {settings.client or 'default'}",
            CallLimit("minute", settings.calls_per_minute, 60, settings.calls_kept),
        )
        self._mutex = threading.Lock()
        self._cookies: dict[str, str] = {}
        self._token, self._until = "", datetime.min.replace(tzinfo=UTC)
        tls = None
        if settings.login == "certificate":
            tls = _context(surroundings.secret(settings.certificate), name)
        super().__init__(
            settings.base_url,
            clock=surroundings.clock,
            timeout=(settings.connect_seconds, settings.read_seconds),
            verify=settings.ca_file or True,
            proxy=settings.proxy,
            tls=tls,
        )

    @property
    def has_session(self) -> bool:
        """Whether SAP has given us the cookies of a session."""
        return bool(self._cookies)

    def request(
        self,
        method: str,
        path_or_url: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | BufferedIOBase | None = None,
        form: Mapping[str, str] | None = None,
        json: object = None,
        allowed: Collection[int] = (),
        timeout: tuple[float, float] | None = None,
        writing: bool | None = None,
    ) -> HttpAnswer:
        """As HttpClient.request, with logon. `writing` is what the budget's reserve is for; by default all
        but GET and HEAD."""
        token = ""
        for attempt in (1, 2):
            spent_on_writing = method not in ("GET", "HEAD") if writing is None else writing
            self._budget.spend(writing=spent_on_writing)
            sent, token = self._headers(token)
            answer = super().request(
                method,
                path_or_url,
                query=query,
                headers={**sent, **(headers or {})},
                body=body,
                form=form,
                json=json,
                allowed={*allowed, 401},
                timeout=timeout,
            )
            self._keep_cookies(answer)
            if answer.status != 401:
                return answer
            if self._access.login != "oauth" or attempt == 2:
                break
        raise RemoteRefused(
            "SAP does not accept the logon",
            where=answer.where,
            fix="check user and password (or OAuth client, or certificate) of the communication "
            "arrangement, and "
            "that the user is not locked",
        )

    def forget_session(self) -> None:
        """Begin a new session with the next request."""
        with self._mutex:
            self._cookies.clear()

    def forecast(self, calls: int) -> str:
        """How many calls are left of this minute, in words."""
        seen = self._budget.forecast(calls)
        return f"{seen.left} calls are left of this {seen.limit}"

    def _headers(self, rejected: str) -> tuple[dict[str, str], str]:
        access = self._access
        headers = {"sap-language": access.language}
        if access.client:
            headers["sap-client"] = access.client
        token = ""
        if access.login == "basic":
            pair = f"{access.user}:{self._secret(access.password).strip()}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif access.login == "oauth":
            token = self._access_token(rejected)
            headers["Authorization"] = f"Bearer {token}"
        elif access.login == "api-key":
            headers["APIKey"] = self._secret(access.api_key).strip()
        with self._mutex:
            if self._cookies:
                headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return headers, token

    def _keep_cookies(self, answer: HttpAnswer) -> None:
        found = answer.headers.get("Set-Cookie", "")
        with self._mutex:
            # Several cookies come as one header here; a comma inside of a date has no name behind it.
            for cookie in _COOKIES.split(found) if found else ():
                name, equals, value = cookie.split(";", 1)[0].strip().partition("=")
                if equals and re.fullmatch(r"[\x21-\x7e]{1,4096}", name + value):
                    self._cookies[name] = value

    def _access_token(self, rejected: str) -> str:
        with self._mutex:
            now = self._now()
            if self._token and self._token != rejected and now < self._until:
                return self._token
            access = self._access
            pair = f"{access.client_id}:{self._secret(access.client_secret).strip()}"
            form = {"grant_type": "client_credentials"} | ({"scope": access.scope} if access.scope else {})
            headers = {
                "Accept": "application/json",
                "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            }
            answer = self._token_call(access.token_url, form, headers)
            if answer.status in (400, 401, 403):
                raise RemoteRefused(
                    f"the token endpoint answered {answer.status} to our OAuth client",
                    where=answer.where,
                    fix="check client_id, the client secret and the scopes in SAP (transaction SOAUTH2 or "
                    "the "
                    "communication system)",
                )
            data = _token_of(answer)
            try:
                life = timedelta(seconds=int(str(data.get("expires_in", 600))))
            except (ValueError, OverflowError):
                life = timedelta(seconds=600)
            self._token, self._until = str(data["access_token"]), now + max(life - _EARLY, _SHORTEST_LIFE)
            return self._token

    def _token_call(self, address: str, form: Mapping[str, str], headers: Mapping[str, str]) -> HttpAnswer:
        allowed = (400, 401, 403)
        if address.startswith("/"):
            return super().request("POST", address, form=form, headers=headers, allowed=allowed)
        access = self._access
        elsewhere = HttpClient(address, clock=self._now, verify=access.ca_file or True, proxy=access.proxy)
        try:
            return elsewhere.request("POST", "", form=form, headers=headers, allowed=allowed)
        finally:
            elsewhere.close()


def _token_of(answer: HttpAnswer) -> dict[str, object]:
    data = answer.json()
    token = data.get("access_token") if isinstance(data, dict) else None
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise RemoteUnexpected(
            "the token endpoint gave no access token",
            where=answer.where,
            fix="check token_url; the answer is not kept, for it may hold secrets",
        )
    return dict(data)


def _context(pem: str, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The ssl module reads keys from files only: a folder that nobody else can open, for this moment.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "client.pem")
        path.write_text(pem, "ascii", "ignore")
        try:
            context.load_cert_chain(path)
        except (ssl.SSLError, ValueError) as error:
            raise ConfigError(
                "the client certificate cannot be used: the certificate or its unencrypted private key is "
                "missing",
                where=f"certificate of source {name}",
                fix="put both into one PEM text, the certificate first; remove a pass phrase from the key",
            ) from error
    return context
