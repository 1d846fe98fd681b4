"""Logins of the imitated NetSuite's REST services: OAuth 2.0 for machines, and signed requests (OAuth 1.0a).

As with the real account a refused client learns little; the reason stands in the audit trail. The demo key
comes from a fixed label and opens nothing but this imitation.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from connectors.sandbox.http_server import Reply, Request, json_reply
from connectors.sandbox.netsuite_login import ACCOUNT, CONSUMER_KEY, CONSUMER_SECRET, TOKEN, TOKEN_SECRET

__all__ = ["CERTIFICATE_ID", "CLIENT_ID", "TOKEN_PATH", "Certificate", "RestLoginDesk", "demo_key_pem"]

CLIENT_ID: Final = "client-demo-0001"
CERTIFICATE_ID: Final = "cert-demo-0001"
TOKEN_PATH: Final = "/services/rest/auth/oauth2/v1/token"
_LIFE: Final = timedelta(hours=1)
_SKEW_SECONDS: Final = 300
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_GRANT: Final = "client_credentials"
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class Certificate:
    """An uploaded certificate: its key, and when it ends (None: not in our time)."""

    key: PublicKey
    until: datetime | None = None


class _Objection(Exception):
    """A refused assertion: the word for the client, and the reason for the audit trail."""

    def __init__(self, error: str, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.error, self.reason, self.status = error, reason, status


def demo_key_pem() -> str:
    """The private key that belongs to the demo certificate, in PEM; the same every time."""
    return (
        _demo_key()
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        .decode("ascii")
    )


def _demo_key() -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(hashlib.sha256(b"sandbox netsuite rest client").digest(), "big")
    return ec.derive_private_key(number >> 1, ec.SECP256R1())


class RestLoginDesk:
    """Gives access tokens for signed assertions, and lets requests in."""

    def __init__(self, clock: Callable[[], datetime], audience: Callable[[], str]) -> None:
        self._clock, self._audience = clock, audience
        self._tokens: dict[str, datetime] = {}
        self._nonces: set[str] = set()
        self.certificates: dict[str, Certificate] = {CERTIFICATE_ID: Certificate(_demo_key().public_key())}
        self.revoked = False
        self.tba_revoked = False
        self.granted = 0
        self.audit_trail: list[str] = []

    def expire(self) -> None:
        """All access tokens end now."""
        self._tokens.clear()

    def grant(self, request: Request) -> Reply:
        """The token endpoint."""
        try:
            self._check(request.form())
        except _Objection as objection:
            self.audit_trail.append(objection.reason)
            return json_reply({"error": objection.error}, objection.status)
        self.audit_trail.append("Success")
        self.granted += 1
        token = f"eyJ.{secrets.token_urlsafe(24)}"
        self._tokens[token] = self._clock() + _LIFE
        return json_reply({"access_token": token, "expires_in": "3600", "token_type": "bearer"})

    def admits(self, request: Request, origin: str) -> bool:
        """Whether the Authorization header lets this request in."""
        header = request.headers.get("authorization", "")
        if header.startswith("Bearer "):
            until = self._tokens.get(header.removeprefix("Bearer ").strip())
            reason = (
                "" if until is not None and self._clock() < until and not self.revoked else "TokenRejected"
            )
        elif header.startswith("OAuth "):
            reason = self._signed(request, header.removeprefix("OAuth "), origin)
        else:
            reason = "LoginMissing"
        self.audit_trail.append(reason or "Success")
        return not reason

    def _check(self, form: Mapping[str, str]) -> None:
        if form.get("grant_type") != _GRANT or form.get("client_assertion_type") != _ASSERTION:
            raise _Objection("invalid_request", "GrantTypeUnknown")
        parts = form.get("client_assertion", "").split(".")
        if len(parts) != 3:  # header, payload, signature
            raise _Objection("invalid_request", "AssertionMalformed")
        try:
            head, payload = (json.loads(_decoded(part)) for part in parts[:2])
            signature = _decoded(parts[2])
        except (ValueError, binascii.Error) as error:
            raise _Objection("invalid_request", "AssertionMalformed") from error
        certificate = self.certificates.get(str(head.get("kid")))
        if not re.fullmatch(r"(PS|ES)(256|384|512)", str(head.get("alg"))):
            raise _Objection("invalid_request", "AlgorithmNotSupported")
        if certificate is None or self.revoked:
            raise _Objection("invalid_client", "CertificateUnknown", 401)
        if certificate.until is not None and certificate.until <= self._clock():
            raise _Objection("invalid_client", "CertificateExpired", 401)
        signed = f"{parts[0]}.{parts[1]}".encode()
        if not _verified(certificate.key, str(head["alg"]), signature, signed):
            raise _Objection("invalid_client", "InvalidSignature", 401)
        self._check_claims(payload)

    def _check_claims(self, payload: Mapping[str, Any]) -> None:
        now = self._clock().timestamp()
        begin, end = int(payload.get("iat", 0)), int(payload.get("exp", 0))
        if payload.get("iss") != CLIENT_ID:
            raise _Objection("invalid_client", "ClientUnknown", 401)
        if payload.get("aud") != self._audience():
            raise _Objection("invalid_grant", "AudienceMismatch")
        if end - begin >= _LIFE.total_seconds():
            raise _Objection("invalid_grant", "AssertionLivesTooLong")
        if begin > now + _SKEW_SECONDS or end < now - _SKEW_SECONDS:
            raise _Objection("invalid_grant", "InvalidTimestamp")
        scopes = payload.get("scope")
        named = scopes if isinstance(scopes, list) else str(scopes or "").replace(",", " ").split()
        if "rest_webservices" not in named:
            raise _Objection("invalid_grant", "ScopeMissing")

    def _signed(self, request: Request, header: str, origin: str) -> str:
        """OAuth 1.0a with HMAC-SHA256; the parameters of the query are part of what is signed."""
        given = {
            name: unquote(value) for name, value in re.findall(r'([a-z_]+)="([^"]*)"', header, re.IGNORECASE)
        }
        if given.get("realm") != ACCOUNT:
            return "AccountMismatch"
        if given.get("oauth_consumer_key") != CONSUMER_KEY:
            return "ConsumerKeyUnknown"
        if given.get("oauth_token") != TOKEN or self.tba_revoked:
            return "TokenRejected"
        nonce, moment = given.get("oauth_nonce", ""), given.get("oauth_timestamp", "")
        if not nonce or nonce in self._nonces:
            return "InvalidNonce"
        if not moment.isdigit() or abs(int(moment) - self._clock().timestamp()) > _SKEW_SECONDS:
            return "InvalidTimestamp"
        signed = [(name, value) for name, value in given.items() if name not in ("realm", "oauth_signature")]
        signed += parse_qsl(urlsplit(request.target).query, keep_blank_values=True)
        pairs = sorted((_encoded(name), _encoded(value)) for name, value in signed)
        text = "&".join(f"{name}={value}" for name, value in pairs)
        base = "&".join((request.method, _encoded(f"{origin}{request.path}"), _encoded(text)))
        key = f"{_encoded(CONSUMER_SECRET)}&{_encoded(TOKEN_SECRET)}".encode()
        expected = base64.b64encode(hmac.new(key, base.encode(), hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(expected, given.get("oauth_signature", "")):
            return "InvalidSignature"
        self._nonces.add(nonce)
        return ""


def _verified(key: PublicKey, algorithm: str, signature: bytes, signed: bytes) -> bool:
    digest = _HASHES[algorithm[2:]]
    try:
        if isinstance(key, rsa.RSAPublicKey):
            if not algorithm.startswith("PS"):
                return False
            pss = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
            key.verify(signature, signed, pss, digest)
            return True
        if not algorithm.startswith("ES"):
            return False
        half = len(signature) // 2
        pair = (int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
        key.verify(encode_dss_signature(*pair), signed, ec.ECDSA(digest))
    except InvalidSignature:
        return False
    return True


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(text: str) -> str:
    return quote(text, safe="-._~")
