"""The imitated provider of identities: OpenID Connect, the authorization code flow, as Entra ID or Keycloak.

    GET  /.well-known/openid-configuration
    GET  /authorize                  a page with the people to sign in as; with `as=<name>` back with a code
    POST /token                      code and PKCE verifier to an ID token, once, within a minute
    GET  /jwks                       the public keys, the newest first
    GET  /logout                     ends the provider's own session and leads back

It holds its clients to what they registered: redirect addresses sign by sign, the client's secret, PKCE with
S256, each code once. `rotate()` signs with a new key from then on. `forge` lets a test put any other token in
the place of the true one.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from connectors.sandbox.faults import Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer, json_reply

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "PEOPLE", "ImitatedIdentityProvider", "signed"]

CLIENT_ID: Final = "e-invoicing-gateway"
CLIENT_SECRET: Final = "demo-identity-secret"
# Who can sign in, with the groups of each.
PEOPLE: Final[Mapping[str, Mapping[str, Any]]] = {
    "marit": {"name": "Marit Dekkers", "email": "marit@vandael.example", "groups": ["invoices-nl"]},
    "ingrid": {"name": "Ingrid Nordahl", "email": "ingrid@nordlicht.example", "groups": ["it", "all-staff"]},
    "joris": {"name": "Joris Buiten", "email": "joris@vandael.example", "groups": ["all-staff"]},
}
_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class _Grant:
    person: str
    client: str
    redirect: str
    nonce: str
    challenge: str
    until: float


@dataclass(slots=True)
class _Key:
    kid: str
    private: ec.EllipticCurvePrivateKey = field(repr=False)

    def published(self) -> dict[str, str]:
        numbers = self.private.public_key().public_numbers()
        x, y = (_b64(value.to_bytes(32, "big")) for value in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig", "alg": "ES256", "kid": self.kid}


class ImitatedIdentityProvider:
    """One issuer with one registered client. `redirects` are the addresses that the client may name."""

    def __init__(self, port: int = 0, redirects: tuple[str, ...] = ()) -> None:
        self.redirects = redirects
        self.forge: Callable[[dict[str, Any]], str] | None = None
        # What the next ID tokens say beside, or in place of, the truth.
        self.claims: dict[str, Any] = {}
        self._codes: dict[str, _Grant] = {}
        self._lock = threading.Lock()
        self._keys = [_key(1)]
        self._server = SandboxHttpServer(port, Faults())
        for method, path, handler in (
            ("GET", "/[.]well-known/openid-configuration", self._configuration),
            ("GET", "/authorize", self._authorize),
            ("POST", "/token", self._token),
            ("GET", "/jwks", self._jwks),
            ("GET", "/logout", self._logout),
        ):
            self._server.route(method, path, handler)

    @property
    def url(self) -> str:
        """The issuer."""
        return self._server.url

    @property
    def server(self) -> SandboxHttpServer:
        """Its calls and faults."""
        return self._server

    def start(self) -> None:
        """Listen."""
        self._server.start()

    def stop(self) -> None:
        """Stop listening; safe to repeat."""
        self._server.stop()

    def rotate(self) -> None:
        """Sign with a new key; the old one is not published any more."""
        with self._lock:
            self._keys = [_key(len(self._keys) + int(self._keys[0].kid.rpartition("-")[2]))]

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
        """A token with the key in use."""
        key = self._keys[0]
        return signed(key.private, {"alg": "ES256", "typ": "JWT", "kid": key.kid, **(header or {})}, claims)

    def _configuration(self, request: Request) -> Reply:
        return json_reply(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
                "end_session_endpoint": f"{self.url}/logout",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    def _authorize(self, request: Request) -> Reply:
        asked = request.query
        # An address that is not registered is never led to, whatever is wrong besides.
        if asked.get("client_id") != CLIENT_ID or asked.get("redirect_uri") not in self.redirects:
            return Reply(
                400, b"<!doctype html><title>Refused</title><p>This address is not registered.", _HTML
            )
        back = {"state": asked.get("state", ""), "iss": self.url}
        if (
            asked.get("response_type") != "code"
            or "openid" not in asked.get("scope", "").split()
            or asked.get("code_challenge_method") != "S256"
            or len(asked.get("code_challenge", "")) != 43
        ):
            return self._back(asked["redirect_uri"], {**back, "error": "invalid_request"})
        person = asked.get("as", "")
        if person == "nobody":
            return self._back(asked["redirect_uri"], {**back, "error": "access_denied"})
        if person not in PEOPLE:
            return Reply(200, _people_page(request.target).encode(), _HTML)
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes[code] = _Grant(
                person,
                CLIENT_ID,
                asked["redirect_uri"],
                asked.get("nonce", ""),
                asked["code_challenge"],
                time.time() + _SECONDS,
            )
        return self._back(asked["redirect_uri"], {**back, "code": code})

    def _token(self, request: Request) -> Reply:
        form = request.form()
        if _client(request, form) != (CLIENT_ID, CLIENT_SECRET):
            return json_reply({"error": "invalid_client"}, 401, {"WWW-Authenticate": "Basic"})
        with self._lock:
            grant = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            form.get("grant_type") != "authorization_code"
            or grant is None
            or grant.until < time.time()
            or grant.redirect != form.get("redirect_uri")
            or grant.challenge != _b64(digest)
        ):
            return json_reply({"error": "invalid_grant"}, 400)
        now = int(time.time())
        person = PEOPLE[grant.person]
        claims: dict[str, Any] = {
            "iss": self.url,
            "sub": f"user-{grant.person}",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": grant.nonce,
            "email_verified": True,
            **person,
            **self.claims,
        }
        token = self.forge(claims) if self.forge is not None else self.sign(claims)
        told = {"token_type": "Bearer", "expires_in": 300, "access_token": "opaque", "id_token": token}
        return json_reply(told, headers={"Cache-Control": "no-store"})

    def _jwks(self, request: Request) -> Reply:
        return json_reply({"keys": [key.published() for key in self._keys]})

    def _logout(self, request: Request) -> Reply:
        back = request.query.get("post_logout_redirect_uri", "")
        known = {redirect.partition("/sign-in")[0] for redirect in self.redirects}
        if request.query.get("client_id") != CLIENT_ID or back.partition("/sign-in")[0] not in known:
            return Reply(200, b"<!doctype html><title>Signed out</title><p>You are signed out.", _HTML)
        return Reply(302, headers={"Location": back})

    def _back(self, redirect: str, answer: Mapping[str, str]) -> Reply:
        return Reply(302, headers={"Location": f"{redirect}?{urlencode(answer)}"})


_HTML: Final = "text/html;charset=utf-8"


def signed(key: ec.EllipticCurvePrivateKey, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A JWS in its compact form with ES256 (RFC 7515, RFC 7518 section 3.4)."""
    said = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(key.sign(said.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{said}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _key(number: int) -> _Key:
    """Derived from a fixed seed: the same in each run."""
    seed = hashlib.sha256(f"imitated identity provider {number}".encode()).digest()
    return _Key(f"demo-{number}", ec.derive_private_key(int.from_bytes(seed, "big") >> 1, ec.SECP256R1()))


def _client(request: Request, form: Mapping[str, str]) -> tuple[str, str]:
    shown = request.headers.get("authorization", "")
    if shown.startswith("Basic "):
        name, _, secret = base64.b64decode(shown[6:]).decode("utf-8", "replace").partition(":")
        return unquote(name), unquote(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _people_page(target: str) -> str:
    path, _, query = target.partition("?")
    rows = ""
    for key, person in PEOPLE.items():
        place = f"{path}?{urlencode([*parse_qsl(query), ('as', key)])}"
        rows += f'<p><a href="{html.escape(place)}">{html.escape(str(person["name"]))}</a></p>'
    return f"<!doctype html><html lang=en><title>Example identity</title><h1>Who are you?</h1>{rows}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
