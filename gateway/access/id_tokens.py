"""ID tokens (OpenID Connect Core 1.0, section 3.1.3.7): the one place that reads what a provider has signed.

Only signatures with the provider's public keys are known: neither `none` nor a shared secret opens anything,
whatever the token says of itself. Who wants a key that was not there before says so (UnknownKey).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from formats.errors import RemoteRefused, RemoteUnexpected

__all__ = ["UnknownKey", "UnusableToken", "read_keys", "verified"]

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
_LEEWAY: Final = 60
_LARGEST: Final = 64 * 1024
_MOST_KEYS: Final = 50
_FIX: Final = "sign in again; if this stays, show the log to whoever runs the provider of identities"


class UnusableToken(RemoteRefused):
    """What the provider sent does not prove who somebody is."""


class UnknownKey(UnusableToken):
    """Signed with a key that is not among those known: they may have been changed since."""


def read_keys(published: object, *, where: str) -> KeySet:
    """The provider's public keys. RemoteUnexpected for anything else; keys of a kind we do not know, and
    shared secrets, are left out."""
    keys = published.get("keys") if isinstance(published, Mapping) else None
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
        raise RemoteUnexpected("there are no keys in the answer", where=where, fix="check the issuer")
    usable = [
        key
        for key in keys
        if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise RemoteUnexpected(
            f"the keys cannot be read ({type(error).__name__})", where=where, fix="check the issuer"
        ) from error


def verified(
    token: str, keys: KeySet, *, issuer: str, client_id: str, nonce: str, now: datetime
) -> Mapping[str, Any]:
    """The claims of a token that this issuer signed for us, for this very sign-in, and that still holds.

    Raises UnusableToken with the reason; UnknownKey where the keys should be asked for anew.
    """
    if len(token) > _LARGEST:
        raise _unusable("the token is too large", issuer)
    _require_known_key(token, keys, issuer)
    try:
        claims = jwt.decode(token.encode(), keys, algorithms=list(_ALGORITHMS)).claims
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=_LEEWAY,
            iss={"essential": True, "value": issuer},
            sub={"essential": True},
            aud={"essential": True, "value": client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        registry.validate(claims)
    except BadSignatureError as error:
        # A provider may give a new key the name of the old one.
        raise UnknownKey("the signature does not fit", where=issuer, fix=_FIX) from error
    except (JoseError, ValueError, TypeError, UnicodeError) as error:
        raise _unusable(_words(error), issuer) from error
    _require_for_us(claims, client_id, issuer)
    return claims


def _require_known_key(token: str, keys: KeySet, issuer: str) -> None:
    try:
        header = extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError, UnicodeError) as error:
        raise _unusable("this is no signed token", issuer) from error
    if header.get("alg") not in _ALGORITHMS:
        raise _unusable("it is not signed with a key of the provider", issuer)
    key_id = header.get("kid")
    if key_id is None and len(keys.keys) == 1:
        return
    if key_id is None or all(key.kid != key_id for key in keys.keys):
        raise UnknownKey("it is signed with a key that the provider does not publish", where=issuer, fix=_FIX)


def _require_for_us(claims: Mapping[str, Any], client_id: str, issuer: str) -> None:
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise _unusable("it was issued for another program", issuer)
    subject = claims["sub"]
    if not isinstance(subject, str) or not subject or len(subject) > 255:
        raise _unusable("it names nobody", issuer)


def _words(error: Exception) -> str:
    if isinstance(error, InvalidKeyIdError):
        return "it is signed with a key that the provider does not publish"
    claim = getattr(error, "claim", "")
    return f"its {claim} is not what it must be" if claim else f"it is not valid ({type(error).__name__})"


def _unusable(what: str, issuer: str) -> UnusableToken:
    return UnusableToken(what, where=issuer, fix=_FIX)
