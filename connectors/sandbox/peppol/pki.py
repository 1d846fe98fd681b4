"""The certificate authorities of the imitated network, its certificates good and bad, CRL and OCSP answers.

Built like the third generation of the real test PKI (root, one issuing CA for access points, one for SMPs),
under names that say that it is none. Certificates are the same in every process for the same base address,
which stands in them as the place of the revocation lists.

Source: OpenPeppol PKI G3; RFC 5280, RFC 6960.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from connectors.sandbox.peppol.keys import key

__all__ = ["CRL_NAMES", "LEAVES", "Identity", "Leaf", "Pki"]

_FROM: Final = datetime(2026, 1, 1, tzinfo=UTC)
_UNTIL: Final = datetime(2056, 1, 1, tzinfo=UTC)
_REVOKED_ON: Final = datetime(2026, 6, 1, tzinfo=UTC)
# A list holds for a week, so that clocks may differ by days.
_LIST_HOLDS: Final = timedelta(days=7)
_AP_UNIT: Final = "PEPPOL TEST AP"
_SMP_UNIT: Final = "PEPPOL TEST SMP"
_AUTHORITIES: Final = {
    "root": "PEPPOL Root SANDBOX CA - G3",
    "ap-ca": "PEPPOL ACCESS POINT SANDBOX CA - G3",
    "smp-ca": "PEPPOL SERVICE METADATA PUBLISHER SANDBOX CA - G3",
    "foreign-ca": "Somebody else's CA",
}
# The file names of the revocation lists.
CRL_NAMES: Final = {
    "ap-ca": "PEPPOLACCESSPOINTSANDBOXCA-G3.crl",
    "smp-ca": "PEPPOLSERVICEMETADATAPUBLISHERSANDBOXCA-G3.crl",
    "root": "PEPPOLRootSANDBOXCA-G3.crl",
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One certificate of the table: subject, issuer, and since and until when."""

    common_name: str
    unit: str = _AP_UNIT
    issuer: str = "ap-ca"
    since: datetime = _FROM
    until: datetime = _UNTIL
    revoked: bool = False


LEAVES: Final[Mapping[str, Leaf]] = {
    "gateway": Leaf("POP000001"),
    "gateway-next": Leaf("POP000001", since=_FROM + timedelta(days=300)),
    "ap2": Leaf("POP000002"),
    "ap3": Leaf("POP000003"),
    # A valid access point that is none of the parties of any message.
    "ap4": Leaf("POP000004"),
    "smp": Leaf("POP000008", _SMP_UNIT, "smp-ca"),
    "smp-two": Leaf("POP000009", _SMP_UNIT, "smp-ca"),
    "smp-revoked": Leaf("POP000008", _SMP_UNIT, "smp-ca", revoked=True),
    "expired": Leaf(
        "POP000002",
        since=datetime(2024, 1, 1, tzinfo=UTC),
        until=datetime(2025, 12, 31, tzinfo=UTC),
    ),
    "revoked": Leaf("POP000002", revoked=True),
    "not-yet-valid": Leaf("POP000002", since=datetime(2055, 1, 1, tzinfo=UTC)),
    "foreign": Leaf("POP000002", issuer="foreign-ca"),
    "wrong-name": Leaf("ACCESSPOINT2"),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its private key."""

    certificate: x509.Certificate
    private_key: rsa.RSAPrivateKey = field(repr=False)

    @property
    def common_name(self) -> str:
        return common_name(self.certificate)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")

    @property
    def key_pem(self) -> str:
        """The private key, PKCS#8 without a password."""
        return self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode("ascii")


def common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


class Pki:
    """All authorities and leaves; `base_url` is where revocation lists are served, without a slash at its
    end.

    `clock` gives the aware UTC time of revocation lists and judgements.
    """

    def __init__(self, base_url: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.base_url = base_url
        self._clock = clock
        self._made: dict[str, Identity] = {}
        self._revoked: dict[str, dict[int, datetime]] = {}
        for label, leaf in LEAVES.items():
            if leaf.revoked:
                self._revoked.setdefault(leaf.issuer, {})[_serial(label)] = _REVOKED_ON

    @cached_property
    def root(self) -> Identity:
        return self._authority("root", "root")

    @cached_property
    def access_point_ca(self) -> Identity:
        return self._authority("ap-ca", "root")

    @cached_property
    def smp_ca(self) -> Identity:
        return self._authority("smp-ca", "root")

    @cached_property
    def foreign_ca(self) -> Identity:
        return self._authority("foreign-ca", "foreign-ca")

    def authority(self, label: str) -> Identity:
        """`root`, `ap-ca`, `smp-ca` or `foreign-ca`."""
        return {
            "root": lambda: self.root,
            "ap-ca": lambda: self.access_point_ca,
            "smp-ca": lambda: self.smp_ca,
            "foreign-ca": lambda: self.foreign_ca,
        }[label]()

    def leaf(self, label: str) -> Identity:
        """One of `LEAVES`; made at the first call."""
        if label not in self._made:
            self._made[label] = self.issue(label, LEAVES[label])
        return self._made[label]

    def issue(self, label: str, leaf: Leaf) -> Identity:
        """A certificate with the key and the serial number of this label."""
        issuer = self.authority(leaf.issuer)
        own = key(label)
        usage = {"digital_signature": True, "key_encipherment": True, "data_encipherment": True}
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(leaf.common_name, leaf.unit))
            .issuer_name(issuer.certificate.subject)
            .public_key(own.public_key())
            .serial_number(_serial(label))
            .not_valid_before(leaf.since)
            .not_valid_after(leaf.until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(**usage), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.private_key.public_key()),
                critical=False,
            )
        )
        if leaf.issuer in CRL_NAMES:
            builder = builder.add_extension(self._distribution(leaf.issuer), critical=False).add_extension(
                x509.AuthorityInformationAccess(
                    [
                        x509.AccessDescription(
                            AuthorityInformationAccessOID.OCSP,
                            x509.UniformResourceIdentifier(f"{self.base_url}/ocsp"),
                        )
                    ]
                ),
                critical=False,
            )
        return Identity(builder.sign(issuer.private_key, hashes.SHA256()), own)

    def revoke(self, certificate: x509.Certificate, at: datetime | None = None) -> None:
        """From now on on the list of its issuer."""
        for label in CRL_NAMES:
            if self.authority(label).certificate.subject == certificate.issuer:
                self._revoked.setdefault(label, {})[certificate.serial_number] = at or self._clock()

    def crl(self, label: str) -> bytes:
        """The revocation list of one authority, DER; its number is the minute it was made in."""
        authority, now = self.authority(label), self._clock()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(authority.certificate.subject)
            # Early, for the reader's clock may stand still in the past.
            .last_update(_FROM)
            .next_update(now + _LIST_HOLDS)
            .add_extension(x509.CRLNumber(int(now.timestamp()) // 60), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.private_key.public_key()),
                critical=False,
            )
        )
        for serial, at in self._revoked.get(label, {}).items():
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(serial)
                .revocation_date(at)
                .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
                .build()
            )
        signed = builder.sign(authority.private_key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.DER)

    def ocsp(self, request: bytes) -> bytes:
        """The answer to one OCSP request; for what is not ours, `unauthorized`."""
        try:
            asked = ocsp.load_der_ocsp_request(request)
            serial, issuer_key = asked.serial_number, asked.issuer_key_hash
            algorithm = asked.hash_algorithm
        except ValueError:
            return _refusal(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
        found = self._by_serial(serial)
        if found is None:
            return _refusal(ocsp.OCSPResponseStatus.UNAUTHORIZED)
        label, certificate = found
        authority = self.authority(label)
        at = self._revoked.get(label, {}).get(serial)
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=certificate,
                issuer=authority.certificate,
                algorithm=algorithm,
                cert_status=ocsp.OCSPCertStatus.REVOKED if at else ocsp.OCSPCertStatus.GOOD,
                this_update=_FROM,
                next_update=self._clock() + _LIST_HOLDS,
                revocation_time=at,
                revocation_reason=x509.ReasonFlags.key_compromise if at else None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, authority.certificate)
        )
        for extension in asked.extensions:
            if isinstance(extension.value, x509.OCSPNonce):
                builder = builder.add_extension(extension.value, critical=False)
        answer = builder.sign(authority.private_key, hashes.SHA256())
        made = answer.public_bytes(serialization.Encoding.DER)
        if ocsp.load_der_ocsp_response(made).issuer_key_hash != issuer_key:
            return _refusal(ocsp.OCSPResponseStatus.UNAUTHORIZED)
        return made

    def problem(self, certificate: x509.Certificate, ca: str = "ap-ca") -> str:
        """Why this certificate is not to be trusted as one of this authority now, or ""."""
        authority, now = self.authority(ca), self._clock()
        if certificate.issuer != authority.certificate.subject:
            return "issued by somebody else"
        try:
            certificate.verify_directly_issued_by(authority.certificate)
        except (InvalidSignature, TypeError, ValueError):
            return "not signed by its issuer"
        if now < certificate.not_valid_before_utc:
            return "not yet valid"
        if now > certificate.not_valid_after_utc:
            return "expired"
        if certificate.serial_number in self._revoked.get(ca, {}):
            return "revoked"
        return ""

    def files(self) -> dict[str, str]:
        """What a client needs, as PEM by file name: a folder of CA certificates, and certificate and key of
        POP000001, twice: the one in use, and the one that will take over from it.

        The key files hold the certificate first, then the private key.
        """
        ours, following = self.leaf("gateway"), self.leaf("gateway-next")
        return {
            "peppol-trust/root.pem": self.root.pem,
            "peppol-trust/ap-ca.pem": self.access_point_ca.pem,
            "peppol-trust/smp-ca.pem": self.smp_ca.pem,
            "peppol-ap.pem": ours.pem + ours.key_pem,
            "peppol-ap-next.pem": following.pem + following.key_pem,
        }

    def _by_serial(self, serial: int) -> tuple[str, x509.Certificate] | None:
        for label, leaf in LEAVES.items():
            if _serial(label) == serial and leaf.issuer in CRL_NAMES:
                return leaf.issuer, self.leaf(label).certificate
        for label in ("ap-ca", "smp-ca"):
            if _serial(label) == serial:
                return "root", self.authority(label).certificate
        return None

    def _authority(self, label: str, issuer: str) -> Identity:
        own = key(label)
        by = own if issuer == label else key(issuer)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(_AUTHORITIES[label], "FOR TEST ONLY"))
            .issuer_name(_name(_AUTHORITIES[issuer], "FOR TEST ONLY"))
            .public_key(own.public_key())
            .serial_number(_serial(label))
            .not_valid_before(_FROM - timedelta(days=1000))
            .not_valid_after(_UNTIL)
            .add_extension(
                x509.BasicConstraints(ca=True, path_length=0 if label in ("ap-ca", "smp-ca") else None),
                critical=True,
            )
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False
            )
        )
        if label in ("ap-ca", "smp-ca"):
            builder = builder.add_extension(self._distribution("root"), critical=False)
        return Identity(builder.sign(by, hashes.SHA256()), own)

    def _distribution(self, issuer: str) -> x509.CRLDistributionPoints:
        url = x509.UniformResourceIdentifier(f"{self.base_url}/crl/{CRL_NAMES[issuer]}")
        return x509.CRLDistributionPoints([x509.DistributionPoint([url], None, None, None)])


def _refusal(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(serialization.Encoding.DER)


def _serial(label: str) -> int:
    digest = hashlib.sha256(f"erp-einvoicing-gateway sandbox peppol serial {label}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1 | 1


def _name(text: str, unit: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "BE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Offline sandbox, not OpenPEPPOL"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, text),
        ]
    )


def _usage(**set_: bool) -> x509.KeyUsage:
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: set_.get(name, False) for name in names})
