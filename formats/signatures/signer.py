"""Who signs: a certificate, its chain, and the key behind it.

The key is any object with the interface of the `cryptography` private keys, so that a key in a token or with
a signing service fits where a file does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from formats.errors import ConfigError
from formats.signatures.certificates import CertificateFacts
from formats.signatures.errors import WeakSignature
from formats.signatures.strength import DIGESTS, require_strong_key

__all__ = ["PrivateKey", "Signer"]

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate with its key; `chain` holds the certificates above it, nearest first, without the root or
    with it.

    Raises ConfigError when key and certificate do not belong together, or the key is too weak to sign with.
    """

    certificate: x509.Certificate
    private_key: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()

    def __post_init__(self) -> None:
        if _public(self.private_key.public_key()) != _public(self.certificate.public_key()):
            raise ConfigError(
                "the private key does not belong to the certificate",
                where=self.facts.subject,
                fix="name the key that the certificate was issued for",
            )
        try:
            require_strong_key(self.certificate.public_key(), where=self.facts.subject)
        except WeakSignature as weak:
            raise ConfigError(
                weak.what,
                where=weak.where,
                fix="use a certificate with RSA from 2048 bits, or ECDSA on P-256, P-384 or P-521",
            ) from weak

    @property
    def facts(self) -> CertificateFacts:
        """For the journal: which certificate signs."""
        return CertificateFacts.of(self.certificate)

    @property
    def digest(self) -> str:
        """The digest that fits the key: as many bits as the curve has, SHA-256 for RSA."""
        if isinstance(self.private_key, ec.EllipticCurvePrivateKey):
            size = self.private_key.curve.key_size
            return "sha256" if size <= 256 else "sha384" if size <= 384 else "sha512"
        return "sha256"

    @property
    def algorithm(self) -> str:
        """`rsa-sha256`, `ecdsa-sha384`: what `sign` makes with `digest`."""
        kind = "ecdsa" if isinstance(self.private_key, ec.EllipticCurvePrivateKey) else "rsa"
        return f"{kind}-{self.digest}"

    def sign(self, data: bytes, digest: str | None = None) -> bytes:
        """RSA PKCS#1 v1.5, or ECDSA as DER, over `data` (not yet digested)."""
        algorithm = DIGESTS[digest or self.digest]
        if isinstance(self.private_key, ec.EllipticCurvePrivateKey):
            return self.private_key.sign(data, ec.ECDSA(algorithm))
        return self.private_key.sign(data, padding.PKCS1v15(), algorithm)


def _public(key: object) -> bytes:
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return b""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
