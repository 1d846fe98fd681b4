"""A throw-away certificate authority with certificates for every trial, and keys made once per process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from formats.signatures.signer import PrivateKey, Signer
from formats.signatures.trust import Trust

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ROOT_NAME = "Invented Root Authority"


@cache
def key(kind: str, number: int = 0) -> PrivateKey:
    """`rsa2048`, `rsa1024`, `p256`, `p384`, `p521`, `p192`; different numbers are different keys."""
    del number
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65_537, int(kind.removeprefix("rsa")))
    curves = {"p192": ec.SECP192R1(), "p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
    return ec.generate_private_key(curves[kind])


@dataclass(frozen=True)
class Uses:
    """What a certificate may be used for."""

    signatures: bool = True
    intent: bool = True


def certificate(
    common_name: str,
    holder: PrivateKey,
    issuer_name: str,
    issuer_key: PrivateKey,
    *,
    authority: bool = False,
    also_signs: bool = False,
    begins: datetime = NOW - 400 * DAY,
    ends: datetime = NOW + 400 * DAY,
    uses: Uses = Uses(),
    stamping: bool = False,
    purposes: Sequence[x509.ObjectIdentifier] = (),
    serial: int = 4711,
) -> x509.Certificate:
    public = holder.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(common_name))
        .issuer_name(named(issuer_name))
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=uses.signatures and (also_signs or not authority),
                content_commitment=uses.intent and not authority,
                key_encipherment=not (uses.signatures or uses.intent),
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=authority,
                crl_sign=authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if stamping:
        purposes = (ExtendedKeyUsageOID.TIME_STAMPING,)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=stamping)
    return builder.sign(issuer_key, hashes.SHA256())


def named(common_name: str) -> x509.Name:
    # Written as openssl and most authorities write them.
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Invented Trust Services"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


@cache
def root() -> x509.Certificate:
    own = key("rsa2048", 100)
    return certificate(ROOT_NAME, own, ROOT_NAME, own, authority=True, serial=1, ends=NOW + 4000 * DAY)


@cache
def middle() -> x509.Certificate:
    return certificate(
        "Invented Seal Authority",
        key("rsa2048", 101),
        ROOT_NAME,
        key("rsa2048", 100),
        authority=True,
        serial=2,
        ends=NOW + 3000 * DAY,
    )


@cache
def signer(
    kind: str = "rsa2048",
    *,
    common_name: str = "Kontoor Demo B.V.",
    begins: datetime = NOW - 400 * DAY,
    ends: datetime = NOW + 400 * DAY,
    uses: Uses = Uses(),
    serial: int = 4711,
) -> Signer:
    """A company's seal, two levels below the root."""
    own = key(kind, 1)
    made = certificate(
        common_name,
        own,
        "Invented Seal Authority",
        key("rsa2048", 101),
        begins=begins,
        ends=ends,
        uses=uses,
        serial=serial,
    )
    return Signer(made, own, (middle(),))


def stranger() -> Signer:
    """A seal that nobody vouches for, under the same name as ours."""
    own = key("rsa2048", 9)
    return Signer(certificate("Kontoor Demo B.V.", own, "Kontoor Demo B.V.", own), own)


def trust() -> Trust:
    """The root alone."""
    return Trust((root(),))


def pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def key_pem(private: PrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
