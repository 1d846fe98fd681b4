"""The private keys of our access point, with overlap while a certificate is renewed.

The newest valid certificate signs; older keys stay to open what was encrypted for them. Keys come from a PEM
or PKCS#12 file (RFC 7292), never from code.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)

from connectors.channels.peppol.pki.certificates import SEAT, HeldCertificate, seat_id
from formats.errors import ConfigError

__all__ = ["AccessPointKey", "KeyRing", "key_ring", "load", "read_reference"]

_LARGEST: Final = 64 * 1024
_KEY: Final = re.compile(
    rb"-----BEGIN (?P<label>(?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----.+?-----END (?P=label)-----", re.DOTALL
)
_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_SMALLEST_KEY: Final = 2048
_MOST_RETIRED: Final = 5


@dataclass(frozen=True, slots=True)
class AccessPointKey:
    """One certificate of our access point with its private key."""

    certificate: x509.Certificate
    private_key: rsa.RSAPrivateKey = field(repr=False)

    @property
    def seat_id(self) -> str:
        """The subject's common name, as in POP000123: our party id in AS4."""
        return seat_id(self.certificate)

    def valid(self, at: datetime) -> bool:
        """Whether the certificate is valid at that time (aware)."""
        return self.certificate.not_valid_before_utc <= at <= self.certificate.not_valid_after_utc


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one seat: the newest, and those it takes over from.

    `retired` are no longer among the files of the configuration, and only open what is still under way.
    """

    active: AccessPointKey
    previous: tuple[AccessPointKey, ...] = ()
    retired: tuple[AccessPointKey, ...] = ()

    def __iter__(self) -> Iterator[AccessPointKey]:
        yield self.active
        yield from self.previous

    @property
    def seat_id(self) -> str:
        """Our party id in AS4."""
        return self.active.seat_id

    def signing(self, at: datetime) -> AccessPointKey:
        """The key whose certificate is valid at that time (aware) and began last.

        Raises ConfigError where none is valid.
        """
        valid = [key for key in self if key.valid(at)]
        if not valid:
            newest = max(self, key=lambda key: key.certificate.not_valid_before_utc)
            begins, ends = newest.certificate.not_valid_before_utc, newest.certificate.not_valid_after_utc
            raise ConfigError(
                f"no certificate of {self.seat_id} is valid now; the newest holds from {begins:%Y-%m-%d} to "
                f"{ends:%Y-%m-%d}",
                where="keys of the Peppol channel",
                fix="order a new certificate at the OpenPeppol portal and add it to the keys; check the "
                "clock of this machine, too",
            )
        return max(valid, key=lambda key: key.certificate.not_valid_before_utc)

    def for_certificate(self, der: bytes) -> AccessPointKey | None:
        """The key of exactly this certificate, also an ended one; None for a certificate that is not ours."""
        every = (*self, *self.retired)
        return next((key for key in every if key.certificate.public_bytes(Encoding.DER) == der), None)

    def after(self, before: KeyRing) -> KeyRing:
        """These keys in the place of others: what is no longer among them goes on opening messages."""
        kept = {key.certificate.public_bytes(Encoding.DER) for key in self}
        gone = tuple(
            key
            for key in (*before, *before.retired)
            if key.seat_id == self.seat_id and key.certificate.public_bytes(Encoding.DER) not in kept
        )
        return replace(self, retired=gone[:_MOST_RETIRED])

    def held(self) -> tuple[HeldCertificate, ...]:
        """Our certificates, for the list of those that end soon."""
        return tuple(HeldCertificate("access point certificate", key.certificate) for key in self)


def key_ring(keys: Sequence[AccessPointKey], *, where: str = "keys of the Peppol channel") -> KeyRing:
    """The keys in the order of their age; the same certificate given twice counts once.

    Raises ConfigError without a key, and for keys of different seats.
    """
    distinct = {key.certificate.public_bytes(Encoding.DER): key for key in keys}
    if not distinct:
        raise ConfigError(
            "there is no key of the access point", where=where, fix="name a PEM or PKCS#12 file under keys"
        )
    seats = sorted({key.seat_id for key in distinct.values()})
    if len(seats) > 1:
        raise ConfigError(
            f"the keys belong to different seats: {', '.join(seats)}",
            where=where,
            fix="one channel has the keys of one access point; take the others out",
        )
    newest, *older = sorted(
        distinct.values(), key=lambda key: key.certificate.not_valid_before_utc, reverse=True
    )
    return KeyRing(newest, tuple(older))


def read_reference(
    reference: str, *, secret: Callable[[str], str], folder: Path, largest: int = _LARGEST
) -> bytes:
    """The bytes behind `file:PATH` (relative to the config folder) or `env:NAME` (text).

    Files are read as they are, for PKCS#12 and DER are not text. Raises ConfigError naming the reference.
    """
    kind, _, name = reference.partition(":")
    if kind != "file":
        return secret(reference).encode()
    path = folder / name
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise ConfigError(
            f"the file cannot be read: {error.strerror or type(error).__name__}",
            where=reference,
            fix=f"put it into {path}, readable by this user only",
        ) from error
    if len(content) > largest:
        raise ConfigError(
            f"the file has more than {largest} bytes", where=reference, fix="name the right file"
        )
    return content


def load(
    content: bytes, password: str | None, *, where: str, issuers: Sequence[x509.Certificate] = ()
) -> AccessPointKey:
    """One key with its certificate from PEM text or PKCS#12 (also as base64 text).

    The certificate is the one of the file that belongs to the key. With `issuers` (the authorities of the
    stage) the certificate must come from one of them. Raises ConfigError: wrong or missing password, no key,
    no certificate, a key that does not match, a key that is not RSA with at least 2048 bits, no seat id, an
    issuer that is not there.
    """
    private_key, certificates = (
        _pem(content, password, where) if _is_pem(content) else _pkcs12(content, password, where)
    )
    if not isinstance(private_key, rsa.RSAPrivateKey) or private_key.key_size < _SMALLEST_KEY:
        raise ConfigError(
            f"the private key is not an RSA key of at least {_SMALLEST_KEY} bits",
            where=where,
            fix="Peppol certificates have RSA keys; name the file of the access point's certificate",
        )
    certificate = _belonging(private_key, certificates, where)
    if not SEAT.fullmatch(seat_id(certificate)):
        raise ConfigError(
            "the certificate does not name a Peppol seat (its common name is not like POP000123)",
            where=where,
            fix="name the file of the access point's certificate; a certificate for a web server is another",
        )
    if issuers:
        _require_issuer(certificate, issuers, where)
    return AccessPointKey(certificate, private_key)


def _is_pem(content: bytes) -> bool:
    return b"-----BEGIN " in content


def _pem(content: bytes, password: str | None, where: str) -> tuple[PrivateKeyTypes, list[x509.Certificate]]:
    block = _KEY.search(content)
    if block is None:
        raise ConfigError(
            "the file holds no private key",
            where=where,
            fix="export certificate and private key together, as PKCS#12 or as PEM",
        )
    encrypted = b"ENCRYPTED" in block[0]
    if encrypted and not password:
        raise _needs_password(where)
    try:
        # A password for a key that needs none is no reason to stop.
        key = load_pem_private_key(block[0], password.encode() if encrypted and password else None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise (_wrong_password(where) if encrypted else _damaged("private key", where)) from error
    try:
        certificates = [x509.load_pem_x509_certificate(one) for one in _CERTIFICATE.findall(content)]
    except ValueError as error:
        raise _damaged("certificate", where) from error
    return key, certificates


def _pkcs12(
    content: bytes, password: str | None, where: str
) -> tuple[PrivateKeyTypes, list[x509.Certificate]]:
    if content[:1] != b"\x30":
        try:
            content = base64.b64decode(b"".join(content.split()), validate=True)
        except binascii.Error as error:
            raise ConfigError(
                "the file is neither PEM nor PKCS#12",
                where=where,
                fix="export certificate and private key together, as PKCS#12 (.p12, .pfx) or as PEM",
            ) from error
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(
            content, password.encode() if password else None
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        # The library says the same of a wrong password and of damaged content, for it cannot tell.
        if "password" in str(error).lower():
            raise (_wrong_password(where) if password else _needs_password(where)) from error
        raise _damaged("PKCS#12 content", where) from error
    if key is None:
        raise ConfigError(
            "the file holds no private key",
            where=where,
            fix="export certificate and private key together; a trust store holds certificates only",
        )
    return key, [*([certificate] if certificate else []), *others]


def _belonging(
    key: rsa.RSAPrivateKey, certificates: Sequence[x509.Certificate], where: str
) -> x509.Certificate:
    if not certificates:
        raise ConfigError(
            "the file holds a private key, but no certificate",
            where=where,
            fix="put the certificate of the access point into the same file",
        )
    ours = _public(key.public_key())
    for certificate in certificates:
        public = certificate.public_key()
        if isinstance(public, rsa.RSAPublicKey) and _public(public) == ours:
            return certificate
    raise ConfigError(
        "the private key does not belong to the certificate",
        where=where,
        fix="put the certificate that was issued for this key into the file; after a renewal both change",
    )


def _public(key: rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _require_issuer(certificate: x509.Certificate, issuers: Sequence[x509.Certificate], where: str) -> None:
    if any(_issued_by(certificate, issuer) for issuer in issuers):
        return
    raise ConfigError(
        f"the chain is missing: the authority that issued the certificate of {seat_id(certificate)} "
        f"({certificate.issuer.rfc4514_string()}) is not among those to trust",
        where=where,
        fix="check whether stage and key belong together (test or production), and whether the trust folder "
        "holds the access point CA",
    )


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _needs_password(where: str) -> ConfigError:
    return ConfigError(
        "the private key is protected by a password, and none is given",
        where=where,
        fix="name the password of the file as password: file:secrets/NAME",
    )


def _wrong_password(where: str) -> ConfigError:
    return ConfigError(
        "the password of the key file is wrong, or the file is damaged",
        where=where,
        fix="check the password against the one that was set when the key was exported",
    )


def _damaged(what: str, where: str) -> ConfigError:
    return ConfigError(
        f"the {what} in the file cannot be read",
        where=where,
        fix="export it again as PEM or PKCS#12",
    )
