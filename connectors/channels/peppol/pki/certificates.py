"""Certificates of access points and SMPs: reading them as others write them, and when they end.

Source: Peppol PKI (G3): the subject's common name is the seat id, as in POP000123.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from formats.errors import MalformedDocument
from formats.signatures.certificates import UNREADABLE

__all__ = [
    "SEAT",
    "WARN_WITHIN",
    "CertificateNotice",
    "HeldCertificate",
    "expiring",
    "fingerprint",
    "key_digest",
    "notice",
    "read_certificate",
    "seat_id",
]

SEAT: Final = re.compile(r"P[A-Z]{2}[0-9]{6}")
WARN_WITHIN: Final = timedelta(days=90)
_URGENT: Final = timedelta(days=14)
_LARGEST: Final = 64 * 1024
_ARMOUR: Final = re.compile(r"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.*?)-----END ", re.DOTALL)
_BLANKS: Final = re.compile(r"[\s\ufeff\u00a0\u200b]+")


@dataclass(frozen=True, slots=True)
class HeldCertificate:
    """A certificate that we answer for; `purpose` says in plain words what it is used for."""

    purpose: str
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class CertificateNotice:
    """When one certificate ends, and what to do. `expires_at` is aware UTC; `days_left` counts whole days,
    negative once it has ended; `warns` from 90 days before the end."""

    purpose: str
    seat_id: str
    fingerprint: str
    expires_at: datetime
    days_left: int
    warns: bool
    fix: str = ""

    @property
    def sentence(self) -> str:
        """The notice in one sentence."""
        day = f"{self.expires_at:%Y-%m-%d}"
        if self.days_left < 0:
            return f"the {self.purpose} of {self.seat_id} ended on {day}"
        return f"the {self.purpose} of {self.seat_id} ends on {day}, in {self.days_left} days"


def read_certificate(content: bytes | str, *, where: str) -> x509.Certificate:
    """One X.509 certificate, however it was put down: DER, PEM or bare base64, with or without line breaks,
    blanks and padding, also PEM text that was encoded once more.

    Raises MalformedDocument for anything else, and over 64 KB.
    """
    try:
        found = x509.load_der_x509_certificate(_der(content, again=True))
        # These are read when they are asked for; better now than in the middle of what they are needed for.
        _ = (found.public_key(), found.extensions, found.subject, found.issuer, found.not_valid_after_utc)
        return found
    except UNREADABLE as error:
        raise MalformedDocument(
            "what stands in place of the certificate is not one",
            where=where,
            fix="have its owner publish the certificate again, as PEM or as base64",
        ) from error


def _der(content: bytes | str, *, again: bool) -> bytes:
    if len(content) > _LARGEST:
        raise ValueError("too large")
    if isinstance(content, bytes):
        if content[:1] == b"\x30" and content[1:2] not in b"0123456789":
            return content
        content = content.decode("utf-8")
    armoured = _ARMOUR.search(content)
    text = _BLANKS.sub("", armoured[1] if armoured else content).rstrip("=")
    decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    if again and decoded.lstrip().startswith(b"-----BEGIN"):
        return _der(decoded, again=False)
    return decoded


def seat_id(certificate: x509.Certificate) -> str:
    """The subject's common name; "" where there is none, or more than one."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the whole certificate, lower-case hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


@lru_cache(maxsize=64)
def key_digest(certificate: x509.Certificate) -> str:
    """SHA-256 of the public key (SubjectPublicKeyInfo), lower-case hex: what an authority is pinned by."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()


def notice(held: HeldCertificate, at: datetime, within: timedelta = WARN_WITHIN) -> CertificateNotice:
    """What there is to say of one certificate at that time (aware UTC)."""
    ends = held.certificate.not_valid_after_utc
    left = ends - at
    fix = ""
    if left < timedelta():
        fix = (
            "order a new one at the OpenPeppol portal, add it to the keys of the channel, and publish it in "
            "the SMP; until then nothing can be sent or received with it"
        )
    elif left <= _URGENT:
        fix = (
            "renew it today: order it at the OpenPeppol portal, add it to the keys of the channel, keep the "
            "old one there, and publish the new one in the SMP"
        )
    elif left <= within:
        fix = (
            "order the new one at the OpenPeppol portal, add it to the keys of the channel beside this one, "
            "and publish it in the SMP before this one ends"
        )
    return CertificateNotice(
        purpose=held.purpose,
        seat_id=seat_id(held.certificate),
        fingerprint=fingerprint(held.certificate),
        expires_at=ends,
        days_left=math.floor(left / timedelta(days=1)),
        warns=left <= within,
        fix=fix,
    )


def expiring(
    held: Iterable[HeldCertificate], at: datetime, within: timedelta = WARN_WITHIN
) -> tuple[CertificateNotice, ...]:
    """Those that end within that time or have ended, the most urgent first.

    A certificate that a newer one of the same purpose and seat has taken over from is not warned of: it is
    only kept to open what is still on its way.
    """
    listed = tuple(held)
    notices = (notice(one, at, within) for one in listed if not _replaced(one, listed, at))
    return tuple(sorted((one for one in notices if one.warns), key=lambda one: one.expires_at))


def _replaced(one: HeldCertificate, listed: Iterable[HeldCertificate], at: datetime) -> bool:
    ends = one.certificate.not_valid_after_utc
    return any(
        other.purpose == one.purpose
        and seat_id(other.certificate) == seat_id(one.certificate)
        and other.certificate.not_valid_before_utc <= at
        and other.certificate.not_valid_after_utc > max(ends, at)
        for other in listed
    )
