"""Logins for NetSuite's REST services: OAuth 2.0 client credentials, and token-based authentication.

Follows Oracle's NetSuite help, "OAuth 2.0 Client Credentials Flow" and "The Authorization Headers" (OAuth
1.0a, RFC 5849). The client proves itself with a JWT that the private key of an uploaded certificate signs
(RFC 7523); there is no refresh token, a new assertion is signed before the access token ends.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import quote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from connectors.http import HttpAnswer, HttpClient
from formats.errors import ConfigError, RemoteRefused, RemoteUnexpected

__all__ = [
    "ALGORITHMS",
    "TOKEN_PATH",
    "Client",
    "Login",
    "OAuth2Login",
    "TokenLogin",
    "TokenSecrets",
    "assertion",
    "oauth_header",
]

_log = logging.getLogger(__name__)

TOKEN_PATH: Final = "/services/rest/auth/oauth2/v1/token"  # noqa: S105  # an address
ALGORITHMS: Final = ("PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_ASSERTION_LIFE: Final = timedelta(minutes=5)
_SHARE_OF_LIFE: Final = 0.9
_MOST_REFUSALS: Final = 3
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_CLIENT_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LOOK: Final = (
    "look into Setup > Users/Roles > View Login Audit Trail; usual causes are a certificate that ended or "
    "belongs to another application, a wrong certificate id or client id, a clock that is minutes off, or a "
    "role without REST Web Services and Log in using OAuth 2.0 Access Tokens"
)


class Login(Protocol):
    """What puts a request in the right of a user."""

    def header(self, method: str, url: str, query: Sequence[tuple[str, str]]) -> str:
        """The Authorization header of one request; `url` without its query."""
        ...

    def renew(self) -> bool:
        """The last header was refused: whether another one is worth trying."""
        ...


@dataclass(frozen=True, slots=True)
class Client:
    """An integration record with an uploaded certificate. `private_key` is PEM; `algorithm` "" follows the
    key: PS256 for RSA, ES256, ES384 or ES512 for the curve."""

    client_id: str
    certificate_id: str
    private_key: str = field(repr=False)
    algorithm: str = ""
    scopes: tuple[str, ...] = ("rest_webservices",)


@dataclass(frozen=True, slots=True)
class TokenSecrets:
    """An integration and its access token, for token-based authentication."""

    account: str
    consumer_key: str
    consumer_secret: str = field(repr=False)
    token: str = field(repr=False)
    token_secret: str = field(repr=False)


def assertion(client: Client, audience: str, now: datetime) -> str:
    """A signed client assertion for the token endpoint `audience`, good for five minutes from `now`.

    Raises ConfigError for a key that cannot sign it.
    """
    key = _key(client)
    algorithm = client.algorithm or _natural(key)
    begin = int(now.timestamp())
    claims = {
        "iss": client.client_id,
        "scope": ",".join(client.scopes),
        "aud": audience,
        "iat": begin,
        "exp": begin + int(_ASSERTION_LIFE.total_seconds()),
        "jti": secrets.token_urlsafe(16),
    }
    head = {"typ": "JWT", "alg": algorithm, "kid": client.certificate_id}
    signed = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return f"{signed}.{_encoded(_signature(key, algorithm, signed.encode()))}"


class OAuth2Login:
    """Access tokens by signed assertions; safe for many threads.

    `clients` gives one or two: while a certificate is replaced, the second is tried where the first is
    refused. After three refusals in a row nothing is asked until the credentials differ.
    """

    def __init__(
        self,
        http: HttpClient,
        clients: Callable[[], Sequence[Client]],
        clock: Callable[[], datetime],
        *,
        audience: str = "",
    ) -> None:
        self._http, self._clients, self._clock = http, clients, clock
        self._audience = audience or f"{http.base_url}{TOKEN_PATH}"
        self._lock = threading.Lock()
        self._token = ""
        self._ends: datetime | None = None
        self._refusals = 0
        self._refused_with: Sequence[Client] = ()

    def header(self, method: str, url: str, query: Sequence[tuple[str, str]]) -> str:
        """Raises RemoteRefused where no client is accepted."""
        with self._lock:
            if not self._token or self._ends is None or self._clock() >= self._ends:
                self._ask()
            return f"Bearer {self._token}"

    def renew(self) -> bool:
        with self._lock:
            self._token = ""
        return True

    def _ask(self) -> None:
        clients = tuple(self._clients())
        if self._refusals >= _MOST_REFUSALS and clients == self._refused_with:
            raise self._refusal("it refused the same credentials three times and is not asked again")
        words = []
        for client in clients:
            answer = self._http.request(
                "POST",
                TOKEN_PATH,
                form={
                    "grant_type": "client_credentials",
                    "client_assertion_type": _CLIENT_ASSERTION,
                    "client_assertion": assertion(client, self._audience, self._clock()),
                },
                headers={"Accept": "application/json"},
                allowed=(400, 401, 403),
            )
            if answer.status == 200:
                self._token, self._ends = self._granted(answer)
                self._refusals = 0
                return
            words.append(_error(answer))
            _log.warning("NetSuite refused the certificate %s: %s", client.certificate_id, words[-1])
        self._refusals = self._refusals + 1 if clients == self._refused_with else 1
        self._refused_with = clients
        raise self._refusal(f"it does not accept the certificate ({', '.join(words)})")

    def _granted(self, answer: HttpAnswer) -> tuple[str, datetime]:
        data: Any = answer.json()
        token = data.get("access_token") if isinstance(data, dict) else None
        try:
            # Sent as a text by some releases.
            seconds = int(str(data["expires_in"])) if isinstance(data, dict) else 0
        except (KeyError, ValueError):
            seconds = 0
        if not isinstance(token, str) or not token or seconds <= 0:
            # Without the evidence: it may hold a token.
            raise RemoteUnexpected(
                "the answer of the token endpoint names no token and no life of it",
                where=answer.where,
                fix="compare the address with the account in the settings",
            )
        return token, self._clock() + timedelta(seconds=seconds * _SHARE_OF_LIFE)

    def _refusal(self, why: str) -> RemoteRefused:
        return RemoteRefused(
            f"NetSuite does not let the integration in: {why}",
            where=f"{self._http.base_url}{TOKEN_PATH}",
            fix=_LOOK,
        )


class TokenLogin:
    """Token-based authentication: each request is signed, with its query and without its body."""

    def __init__(self, secrets_of: Callable[[], TokenSecrets], clock: Callable[[], datetime]) -> None:
        self._secrets, self._clock = secrets_of, clock

    def header(self, method: str, url: str, query: Sequence[tuple[str, str]]) -> str:
        nonce = "".join(secrets.choice("0123456789") for _ in range(20))
        return oauth_header(self._secrets(), method, url, query, nonce, int(self._clock().timestamp()))

    def renew(self) -> bool:
        return False


def oauth_header(
    known: TokenSecrets, method: str, url: str, query: Sequence[tuple[str, str]], nonce: str, timestamp: int
) -> str:
    """The header by RFC 5849 with HMAC-SHA256; `realm` is the account and is not signed."""
    own = [
        ("oauth_consumer_key", known.consumer_key),
        ("oauth_token", known.token),
        ("oauth_signature_method", "HMAC-SHA256"),
        ("oauth_timestamp", str(timestamp)),
        ("oauth_nonce", nonce),
        ("oauth_version", "1.0"),
    ]
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in (*own, *query))
    text = "&".join(f"{name}={value}" for name, value in pairs)
    base = "&".join((method.upper(), _quoted(url), _quoted(text)))
    key = f"{_quoted(known.consumer_secret)}&{_quoted(known.token_secret)}".encode()
    signature = base64.b64encode(hmac.new(key, base.encode(), hashlib.sha256).digest()).decode()
    parts = [("realm", known.account), *own, ("oauth_signature", signature)]
    return "OAuth " + ",".join(f'{name}="{_quoted(value)}"' for name, value in parts)


def _key(client: Client) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(client.private_key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            "the private key cannot be read",
            where="private_key",
            fix="put the key into the secret as PEM (BEGIN PRIVATE KEY), without a pass phrase",
        ) from error
    wanted = rsa.RSAPrivateKey if client.algorithm.startswith("PS") else ec.EllipticCurvePrivateKey
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) or (
        client.algorithm and not isinstance(key, wanted)
    ):
        raise ConfigError(
            f"the private key does not fit the algorithm {client.algorithm or 'PS256 or ES256'}",
            where="private_key",
            fix="use an RSA key of 3072 bits or more with PS256, or a key on the curve P-256 with ES256",
        )
    return key


def _natural(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return "PS256" if isinstance(key, rsa.RSAPrivateKey) else _CURVES.get(key.curve.name, "ES256")


def _signature(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, algorithm: str, signed: bytes) -> bytes:
    digest = _HASHES[algorithm[2:]]
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH), digest)
    # JSON Web Signatures have the two numbers one after the other (RFC 7518 section 3.4).
    size = (key.curve.key_size + 7) // 8
    numbers = decode_dss_signature(key.sign(signed, ec.ECDSA(digest)))
    return b"".join(number.to_bytes(size, "big") for number in numbers)


def _error(answer: HttpAnswer) -> str:
    try:
        data = answer.json()
    except RemoteUnexpected:
        return str(answer.status)
    word = data.get("error") if isinstance(data, dict) else None
    return word if isinstance(word, str) and len(word) <= 40 else str(answer.status)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")
