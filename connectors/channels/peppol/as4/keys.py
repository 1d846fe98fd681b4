"""Whose keys these are: what the engine needs of the key ring, and what it reads from a certificate."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

__all__ = ["Key", "Keys", "Peer", "TrustCheck", "encoded", "peer", "peer_of"]

_SMALLEST_KEY: Final = 2048

# Raises an error of `formats.errors` when the certificate is not to be trusted at that (aware) moment.
TrustCheck = Callable[[x509.Certificate, datetime], None]


class Key(Protocol):
    """A certificate of ours with its private key; `seat_id` is the subject's common name (POP000123)."""

    @property
    def certificate(self) -> x509.Certificate: ...

    @property
    def private_key(self) -> rsa.RSAPrivateKey: ...

    @property
    def seat_id(self) -> str: ...


class Keys(Protocol):
    """All our keys: one to sign with, and those of earlier certificates that messages may still be encrypted
    for."""

    @property
    def active(self) -> Key: ...

    @property
    def previous(self) -> tuple[Key, ...]: ...

    def signing(self, at: datetime, /) -> Key: ...

    def for_certificate(self, der: bytes, /) -> Key | None: ...


@dataclass(frozen=True, slots=True)
class Peer:
    """Another access point by its certificate; `seat_id` is "" where the subject has no one common name."""

    certificate: x509.Certificate
    public_key: rsa.RSAPublicKey
    seat_id: str


@lru_cache(maxsize=1024)
def peer(der: bytes) -> Peer:
    """Read a certificate, or take the one read before. Raises ValueError for anything but RSA of at least
    2048 bits."""
    try:
        return _peer(x509.load_der_x509_certificate(der))
    except (UnsupportedAlgorithm, x509.InvalidVersion, TypeError) as error:
        raise ValueError("not a certificate that can be used") from error


@lru_cache(maxsize=1024)
def peer_of(certificate: x509.Certificate) -> Peer:
    """The same of a certificate that is already read. Raises ValueError."""
    return _peer(certificate)


def _peer(certificate: x509.Certificate) -> Peer:
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _SMALLEST_KEY:
        raise ValueError("not a key of RSA with at least 2048 bits")
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    seat = str(names[0].value) if len(names) == 1 else ""
    return Peer(certificate, key, seat)


@lru_cache(maxsize=1024)
def encoded(certificate: x509.Certificate) -> str:
    """The certificate as base64 in one line."""
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")


def decoded(text: str) -> bytes:
    """Base64 with or without white space. Raises ValueError for anything else."""
    try:
        return binascii.a2b_base64("".join(text.split()).encode("ascii"), strict_mode=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
