"""Which digests, keys and curves still prove something.

Source: ETSI TS 119 312 V1.5.1, tables for signatures that are checked for years; SHA-224 is left out, since
no e-invoice regime names it.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from formats.signatures.errors import BrokenSignature, WeakSignature

__all__ = ["DIGESTS", "KeyPublic", "digest", "require_strong_key"]

KeyPublic: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha3-256": hashes.SHA3_256(),
    "sha3-384": hashes.SHA3_384(),
    "sha3-512": hashes.SHA3_512(),
}
_FORGEABLE: Final = frozenset({"md2", "md4", "md5", "sha1", "sha224", "sha3-224", "ripemd160"})
_SMALLEST_RSA: Final = 2_048
# More than this only costs the verifier time.
_LARGEST_RSA: Final = 16_384
_CURVES: Final = frozenset(
    {"secp256r1", "secp384r1", "secp521r1", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"}
)


def digest(name: str, *, where: str) -> hashes.HashAlgorithm:
    """The digest of that name ("sha256", "SHA-256"). Raises WeakSignature, or BrokenSignature for unknown."""
    plain = name.lower().replace("sha-", "sha").replace("sha3_", "sha3-")
    if plain in _FORGEABLE:
        raise WeakSignature(
            f"the signature is made with {name.upper()}, which can be forged",
            where=where,
            fix="ask the sender to sign with SHA-256 or better",
        )
    if plain not in DIGESTS:
        raise BrokenSignature(
            f"the signature names the digest {name!r}, which is not known",
            where=where,
            fix="ask the sender to sign with SHA-256",
        )
    return DIGESTS[plain]


def require_strong_key(key: object, *, where: str) -> KeyPublic:
    """The public key, if RSA from 2048 bits or an elliptic curve from 256 bits. Raises WeakSignature."""
    if isinstance(key, rsa.RSAPublicKey):
        if _SMALLEST_RSA <= key.key_size <= _LARGEST_RSA:
            return key
        said = f"an RSA key of {key.key_size} bits"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name in _CURVES:
            return key
        said = f"a key on the curve {key.curve.name}"
    else:
        said = "a key that is neither RSA nor ECDSA"
    raise WeakSignature(
        f"the signature is made with {said}",
        where=where,
        fix="ask the sender for a certificate with RSA from 2048 bits, or ECDSA on P-256 or better",
    )
