"""A small PKI shaped like that of Peppol, for tests: a root, two issuing authorities, leaves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

__all__ = ["NOW", "Authority", "Leaf", "World", "rsa_key"]

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
_ISSUED = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def rsa_key(label: str, size: int = 2048) -> rsa.RSAPrivateKey:
    """One key for each label in a run: making them is slow."""
    del label
    return rsa.generate_private_key(65537, size)


def name(common: str, unit: str = "", organisation: str = "OpenPEPPOL AISBL") -> x509.Name:
    parts = [(NameOID.COMMON_NAME, common), (NameOID.ORGANIZATIONAL_UNIT_NAME, unit)]
    parts += [(NameOID.ORGANIZATION_NAME, organisation), (NameOID.COUNTRY_NAME, "BE")]
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts if text])


_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def usage(**allowed: bool) -> x509.KeyUsage:
    return x509.KeyUsage(**{one: allowed.get(one, False) for one in _USES})


LEAF_USAGE = usage(digital_signature=True, key_encipherment=True, data_encipherment=True)


@dataclass(frozen=True)
class Leaf:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self, password: str = "") -> bytes:
        protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)


@dataclass(frozen=True)
class Authority:
    """An authority that issues, revokes and answers."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)
    crl_url: str = ""
    ocsp_url: str = ""

    @classmethod
    def made(
        cls,
        common: str,
        *,
        issuer: Authority | None = None,
        label: str = "",
        unit: str = "FOR TEST ONLY",
        ends: datetime = datetime(2035, 1, 1, tzinfo=UTC),
        crl_url: str = "",
        ocsp_url: str = "",
    ) -> Authority:
        key = rsa_key(label or common)
        subject = name(common, unit)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
            .sign(issuer.key if issuer else key, hashes.SHA256())
        )
        return cls(certificate, key, crl_url, ocsp_url)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(
        self,
        common: str,
        *,
        label: str = "",
        key_size: int = 2048,
        begins: datetime = _ISSUED,
        ends: datetime = datetime(2027, 12, 31, tzinfo=UTC),
        key_usage: x509.KeyUsage | None = LEAF_USAGE,
        extended: Collection[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.CLIENT_AUTH,),
        is_authority: bool = False,
        policy: str = "",
    ) -> Leaf:
        key = rsa_key(label or common, key_size)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(common, "PEPPOL TEST AP", "Example Access Point"))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if key_usage is not None:
            builder = builder.add_extension(key_usage, critical=True)
        if extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(extended)), critical=True)
        if policy:
            information = x509.PolicyInformation(x509.ObjectIdentifier(policy), None)
            builder = builder.add_extension(x509.CertificatePolicies([information]), critical=False)
        if self.crl_url:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(self.crl_url)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        if self.ocsp_url:
            access = x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(self.ocsp_url)
            )
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        return Leaf(builder.sign(self.key, hashes.SHA256()), key)

    def crl(
        self,
        revoked: Collection[x509.Certificate] = (),
        *,
        at: datetime = NOW - timedelta(hours=1),
        hours: float = 24,
        number: int = 7,
        signed_by: rsa.RSAPrivateKey | None = None,
        extra: Collection[tuple[x509.ExtensionType, bool]] = (),
    ) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(at)
            .next_update(at + timedelta(hours=hours))
            .add_extension(x509.CRLNumber(number), critical=False)
        )
        for extension, critical in extra:
            builder = builder.add_extension(extension, critical)
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(certificate.serial_number)
                .revocation_date(at - timedelta(days=1))
                .build()
            )
        return builder.sign(signed_by or self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def ocsp(
        self,
        certificate: x509.Certificate,
        *,
        revoked: bool = False,
        unknown: bool = False,
        at: datetime = NOW - timedelta(minutes=5),
        hours: float = 1,
        responder: Leaf | None = None,
    ) -> bytes:
        status = ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD
        signer = responder or Leaf(self.certificate, self.key)
        builder = ocsp.OCSPResponseBuilder().add_response(
            certificate,
            self.certificate,
            hashes.SHA1(),  # noqa: S303  # how responders name certificates
            ocsp.OCSPCertStatus.UNKNOWN if unknown else status,
            at,
            at + timedelta(hours=hours),
            at - timedelta(days=1) if revoked else None,
            None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        if responder is not None:
            builder = builder.certificates([responder.certificate])
        return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass(frozen=True)
class World:
    """The test stage of an imitated PKI, and what its authorities publish."""

    root: Authority
    access_points: Authority
    smps: Authority

    @classmethod
    def made(cls, *, revocation: str = "", stage: str = "TEST ") -> World:
        """`revocation` is the address of a server that gives out lists and answers, "" for none."""
        unit = "FOR TEST ONLY" if stage else ""
        root = Authority.made(f"PEPPOL Root {stage}CA - G3", unit=unit)

        def issuing(common: str, file: str) -> Authority:
            return Authority.made(
                common,
                issuer=root,
                unit=unit,
                crl_url=f"{revocation}/{file}.crl" if revocation else "",
                ocsp_url=f"{revocation}/ocsp" if revocation else "",
            )

        return cls(
            root,
            issuing(f"PEPPOL ACCESS POINT {stage}CA - G3", "ap"),
            issuing(f"PEPPOL SERVICE METADATA PUBLISHER {stage}CA - G3", "smp"),
        )

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        return tuple(one.certificate for one in (self.root, self.access_points, self.smps))

    def write(self, folder: Path) -> Path:
        """The trust folder of an operator."""
        folder.mkdir(parents=True, exist_ok=True)
        files: Mapping[str, Authority] = {
            "root.pem": self.root,
            "access-points.pem": self.access_points,
            "smps.pem": self.smps,
        }
        for file, authority in files.items():
            (folder / file).write_bytes(authority.pem)
        return folder
