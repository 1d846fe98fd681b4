"""What is said about a certificate in journals and reports; never a key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from formats.signatures.errors import BrokenSignature

__all__ = ["MOST", "UNREADABLE", "CertificateFacts", "loaded"]

# More than any chain of today has; each costs time to try.
MOST: Final = 20
_LARGEST: Final = 64 * 1024
# What is raised for a certificate that is cut, altered or of an unknown kind. The last is for odd names
# and serial numbers, where warnings are made errors.
UNREADABLE: Final = (
    *(ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension),
    UserWarning,
)


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """Which certificate it was: names as RFC 4514 text, serial number in decimal digits, SHA-256 of its DER
    in hexadecimal, validity in UTC."""

    subject: str
    issuer: str
    serial: str
    sha256: str
    valid_from: datetime
    valid_to: datetime

    @classmethod
    def of(cls, certificate: x509.Certificate) -> CertificateFacts:
        return cls(
            subject=_name(certificate.subject),
            issuer=_name(certificate.issuer),
            serial=str(certificate.serial_number),
            sha256=certificate.fingerprint(hashes.SHA256()).hex(),
            valid_from=certificate.not_valid_before_utc,
            valid_to=certificate.not_valid_after_utc,
        )


def loaded(encoded: Iterable[bytes], *, where: str) -> tuple[x509.Certificate, ...]:
    """Certificates from their DER as a signature brought them, without repetitions, in order.

    Raises BrokenSignature for what is no certificate, and for more than 20.
    """
    found: dict[bytes, x509.Certificate] = {}
    for der in encoded:
        if len(found) >= MOST or len(der) > _LARGEST:
            raise BrokenSignature(
                f"the signature brings more than {MOST} certificates, or a huge one",
                where=where,
                fix="ask the sender for a signature with the certificates of its own chain only",
            )
        try:
            certificate = x509.load_der_x509_certificate(der)
            # It is read when it is asked for; better now than in the middle of a sentence about it.
            certificate.public_key()
            CertificateFacts.of(certificate)
        except UNREADABLE as error:
            raise BrokenSignature(
                "the signature brings a certificate that cannot be read",
                where=where,
                fix="ask the sender to sign again",
            ) from error
        found.setdefault(der, certificate)
    return tuple(found.values())


def _name(name: x509.Name) -> str:
    return name.rfc4514_string()
