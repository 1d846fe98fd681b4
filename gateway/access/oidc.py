"""OpenID Connect, the part of a program that people sign in to: authorization code with PKCE, state, nonce.

Follows OpenID Connect Core 1.0 and Discovery 1.0, RFC 7636 (S256 only) and RFC 9207 (the issuer in the
answer). What belongs to one sign-in travels in a sealed cookie; what came back once opens nothing again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from joserfc.jwk import KeySet

from connectors.http import HttpAnswer, HttpClient, is_safe_address
from formats.errors import ConfigError, RemoteRefused, RemoteUnexpected
from gateway.access import id_tokens
from gateway.access.id_tokens import UnknownKey, UnusableToken
from gateway.access.sealing import Seal
from gateway.access.settings import Provider

__all__ = ["Begun", "OpenIdClient", "Returned"]

_HOLDS: Final = timedelta(minutes=10)
_KEPT: Final = timedelta(hours=1)
_ASKED_AGAIN: Final = timedelta(seconds=30)
_LARGEST: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that has begun: where the browser goes, and the cookie that it keeps meanwhile."""

    address: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Returned:
    """Somebody whom the provider knows. `state` is a digest of what must not come back a second time; `next`
    is where the person wanted to go."""

    claims: Mapping[str, Any]
    state: str
    next: str


@dataclass(frozen=True, slots=True)
class _Published:
    """What the provider says about itself, and when we asked."""

    authorization: str
    token: str
    keys_at: str
    end_session: str
    by_form: bool
    names_itself: bool
    at: datetime


class OpenIdClient:
    """One provider. Safe to share between threads; nothing is asked before the first sign-in."""

    def __init__(
        self,
        provider: Provider,
        *,
        secret: str,
        redirect: str,
        seal: Seal,
        clock: Callable[[], datetime],
        ca_file: str = "",
    ) -> None:
        """`secret` is that of the client, "" for a public one; `redirect` where the provider sends people
        back to; `ca_file` the path of a company's own certificate authority, "" for the public ones."""
        self.provider = provider
        self._secret = secret
        self._redirect = redirect
        self._seal = seal
        self._clock = clock
        self._verify: bool | str = ca_file or True
        self._lock = threading.Lock()
        self._published: _Published | None = None
        self._keys: KeySet | None = None
        self._keys_at: datetime | None = None

    def begin(self, next_: str) -> Begun:
        """A new sign-in. Raises RemoteError where the provider does not say where to go."""
        published = self._discovered()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        kept = {
            "provider": self.provider.name,
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "next": next_,
            "until": (self._clock() + _HOLDS).isoformat(),
        }
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self._redirect,
            "scope": " ".join(self.provider.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in published.authorization else "?"
        address = f"{published.authorization}{joint}{urlencode(asked)}"
        return Begun(address, self._seal.sealed(json.dumps(kept)))

    def finish(self, cookie: str, answer: Mapping[str, str]) -> Returned:
        """Take in what the provider's answer said, as it stood in the address.

        Raises UnusableToken where it does not belong to a sign-in that this browser began, RemoteError where
        the provider refuses or does not answer. The caller must see to it that `state` is new.
        """
        kept = self._kept(cookie, answer.get("state", ""))
        published = self._discovered()
        if answer.get("iss", self.provider.issuer) != self.provider.issuer:
            raise self._not_ours("the answer is another provider's")
        if published.names_itself and "iss" not in answer:
            raise self._not_ours("the answer does not say whose it is")
        if "code" not in answer:
            raise self._not_ours("the provider has let nobody in")
        token = self._exchanged(published, answer["code"], kept["verifier"])
        claims = self._verified(published, token, kept["nonce"])
        return Returned(claims, hashlib.sha256(kept["state"].encode()).hexdigest(), kept["next"])

    def way_out(self, back: str) -> str:
        """Where a person ends the provider's own session, and comes `back`; "" where it has no such place."""
        end = self._discovered().end_session
        if not end:
            return ""
        joint = "&" if "?" in end else "?"
        asked = {"client_id": self.provider.client_id, "post_logout_redirect_uri": back}
        return f"{end}{joint}{urlencode(asked)}"

    def _kept(self, cookie: str, state: str) -> Mapping[str, str]:
        try:
            kept: dict[str, str] = json.loads(self._seal.opened(cookie))
        except (ConfigError, ValueError):
            raise self._not_ours("this browser has begun no sign-in") from None
        shown = state.encode("utf-8", "surrogateescape")
        if kept["provider"] != self.provider.name or not hmac.compare_digest(kept["state"].encode(), shown):
            raise self._not_ours("the answer belongs to another sign-in")
        if datetime.fromisoformat(kept["until"]) <= self._clock():
            raise self._not_ours("it took longer than ten minutes")
        return kept

    def _exchanged(self, published: _Published, code: str, verifier: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code[:4096],
            "redirect_uri": self._redirect,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json"}
        if self._secret and not published.by_form:
            login = f"{quote(self.provider.client_id, safe='')}:{quote(self._secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
        else:
            form["client_id"] = self.provider.client_id
            if self._secret:
                form["client_secret"] = self._secret
        answer = self._asked("POST", published.token, form=form, headers=headers)
        told = answer.json() if answer.status == 200 else {}
        token = told.get("id_token") if isinstance(told, dict) else None
        if answer.status != 200:
            raise RemoteRefused(
                "the provider does not take its own code back",
                where=answer.where,
                fix="sign in again; if this stays, check client_id, client_secret and the redirect address",
            )
        if not isinstance(token, str):
            raise RemoteUnexpected(
                "the provider gave no ID token", where=answer.where, fix="put openid into scopes"
            )
        return token

    def _verified(self, published: _Published, token: str, nonce: str) -> Mapping[str, Any]:
        def read(keys: KeySet) -> Mapping[str, Any]:
            return id_tokens.verified(
                token,
                keys,
                issuer=self.provider.issuer,
                client_id=self.provider.client_id,
                nonce=nonce,
                now=self._clock(),
            )

        try:
            return read(self._known_keys(published, anew=False))
        except UnknownKey:
            # Keys are changed without notice: they are asked for once more, and not for every bad token.
            return read(self._known_keys(published, anew=True))

    def _known_keys(self, published: _Published, *, anew: bool) -> KeySet:
        with self._lock:
            keys, at = self._keys, self._keys_at
        now = self._clock()
        if keys is not None and at is not None and at + (_ASKED_AGAIN if anew else _KEPT) > now:
            return keys
        answer = self._asked("GET", published.keys_at)
        keys = id_tokens.read_keys(answer.json(), where=answer.where)
        with self._lock:
            self._keys, self._keys_at = keys, now
        return keys

    def _discovered(self) -> _Published:
        with self._lock:
            known = self._published
        now = self._clock()
        if known is not None and known.at + _KEPT > now:
            return known
        place = f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
        answer = self._asked("GET", place)
        found = _read(answer.json(), self.provider.issuer, answer.where, now)
        with self._lock:
            self._published = found
        return found

    def _asked(self, method: str, url: str, **more: Any) -> HttpAnswer:
        parts = urlsplit(url)
        client = HttpClient(
            f"{parts.scheme}://{parts.netloc}",
            clock=self._clock,
            timeout=(5.0, 10.0),
            longest=20.0,
            largest=_LARGEST,
            verify=self._verify,
        )
        try:
            return client.request(method, url, allowed=(400, 401) if method == "POST" else (), **more)
        finally:
            client.close()

    def _not_ours(self, what: str) -> UnusableToken:
        return UnusableToken(what, where=self.provider.issuer, fix="sign in again")


def _read(told: object, issuer: str, where: str, now: datetime) -> _Published:
    found = told if isinstance(told, dict) else {}
    if found.get("issuer") != issuer:
        raise RemoteUnexpected(
            "the provider calls itself by another name than gateway.yaml does",
            where=where,
            fix=f"write the issuer as the provider does: {str(found.get('issuer'))[:200]}",
        )
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint")
    places = [str(found.get(name) or "") for name in names]
    if not all(is_safe_address(place) for place in places[:3]) or not (
        not places[3] or is_safe_address(places[3])
    ):
        raise RemoteUnexpected("the provider names places that are not safe", where=where, fix="ask it why")
    methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    by_form = "client_secret_basic" not in methods
    named = found.get("authorization_response_iss_parameter_supported") is True
    return _Published(places[0], places[1], places[2], places[3], by_form, named, now)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
