"""Certificate revocation lists: read, verified with the authority's key, and when the next one is due.

Source: RFC 5280, sections 5 and 6.3. Only complete lists by the authority itself count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from formats.errors import MalformedDocument, SignatureInvalid

__all__ = ["MEDIA_TYPE", "RevocationList", "addresses", "read"]

MEDIA_TYPE: Final = "application/pkix-crl"
# A list that does not say when the next one comes.
_UNSTATED: Final = timedelta(hours=24)
_CLOCKS_DIFFER: Final = timedelta(minutes=10)
_MOST_ADDRESSES: Final = 3
STRONG: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_KNOWN_CRITICAL: Final = frozenset({x509.CRLNumber.oid, x509.IssuingDistributionPoint.oid})


@dataclass(frozen=True, slots=True)
class RevocationList:
    """One verified list: serial numbers with the time of their revocation. All times are aware UTC."""

    number: int | None
    this_update: datetime
    next_update: datetime
    revoked: Mapping[int, datetime] = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """What people call it."""
        return f"CRL {self.number}" if self.number is not None else f"CRL of {self.this_update:%Y-%m-%d}"

    def current(self, at: datetime) -> bool:
        """Whether it speaks for that time."""
        return self.this_update - _CLOCKS_DIFFER <= at < self.next_update

    def due(self, at: datetime) -> bool:
        """Whether the last quarter of its life has begun, so that a new one should be fetched."""
        return at >= self.next_update - (self.next_update - self.this_update) / 4


def addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """Where a certificate says its list is, over HTTP; at most three."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    names = [name for point in points for name in point.full_name or () if point.crl_issuer is None]
    found = [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    return tuple(url for url in found if url.startswith(("http://", "https://")))[:_MOST_ADDRESSES]


def read(content: bytes, issuer: x509.Certificate, *, where: str) -> RevocationList:
    """The list of this authority from DER or PEM.

    Raises MalformedDocument for what is no complete list of this authority, SignatureInvalid where it did not
    sign it.
    """
    try:
        armoured = content.lstrip()[:1] == b"-"
        found = (x509.load_pem_x509_crl if armoured else x509.load_der_x509_crl)(content)
        extensions = {extension.oid: extension for extension in found.extensions}
        hashed_with = found.signature_hash_algorithm
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise _unusable("what came is no revocation list", where) from error
    if found.issuer != issuer.subject:
        raise _unusable("the revocation list is of another authority", where)
    if any(one.critical and oid not in _KNOWN_CRITICAL for oid, one in extensions.items()):
        raise _unusable("the revocation list has parts that must be understood, and are not", where)
    if x509.IssuingDistributionPoint.oid in extensions and _partial(
        extensions[x509.IssuingDistributionPoint.oid].value
    ):
        raise _unusable("the revocation list covers only a part of the certificates", where)
    key = issuer.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) or not (
        isinstance(hashed_with, STRONG) and found.is_signature_valid(key)
    ):
        raise SignatureInvalid(
            "the revocation list is not signed by the authority, so it is not believed",
            where=where,
            fix="nothing to do here, unless a proxy changes what is downloaded",
        )
    number = extensions.get(x509.CRLNumber.oid)
    begins = found.last_update_utc
    return RevocationList(
        number.value.crl_number if number is not None else None,
        begins,
        found.next_update_utc or begins + _UNSTATED,
        MappingProxyType({one.serial_number: one.revocation_date_utc for one in found}),
        content,
    )


def _partial(point: object) -> bool:
    return not isinstance(point, x509.IssuingDistributionPoint) or (
        point.only_contains_ca_certs
        or point.only_contains_attribute_certs
        or point.indirect_crl
        or point.only_some_reasons is not None
    )


def _unusable(what: str, where: str) -> MalformedDocument:
    return MalformedDocument(
        what, where=where, fix="open the address in a browser; a proxy may answer with a page of its own"
    )
