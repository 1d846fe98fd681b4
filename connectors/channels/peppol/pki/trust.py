"""Whom to believe: the certificates of one stage of the Peppol PKI, test or production, never both.

A certificate counts when the authority for its role issued it (known by its key, from the operator's trust
folder), when it is valid now, made for this use, and not taken back. Source: Peppol PKI, third generation
(G3), leaf and authority profiles; path rules of RFC 5280 by the cryptography library.
"""

from __future__ import annotations

import binascii
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from connectors.channels.peppol.pki.certificates import SEAT, key_digest, read_certificate, seat_id
from connectors.channels.peppol.pki.revocation import Outcome, Revocation, RevocationStatus
from connectors.channels.peppol.pki.watched import certificate_files
from formats.errors import ConfigError, EInvoicingError

__all__ = [
    "Authorities",
    "Reason",
    "Role",
    "Stage",
    "Trust",
    "UntrustedCertificate",
    "authorities",
    "read_folder",
]

_SMALLEST_KEY: Final = 2048
_LARGEST_FILE: Final = 256 * 1024
_MOST_FILES: Final = 50
_MOST_SOUND: Final = 5_000
_DIGEST: Final = hashes.SHA256()
_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
_END: Final = b"-----END CERTIFICATE-----"
_TEST_UNIT: Final = "FOR TEST ONLY"
_Kind = TypeVar("_Kind", bound=x509.ExtensionType)
_Sound = OrderedDict[tuple[bytes, "Role"], x509.Certificate]


class Stage(StrEnum):
    """The two separate networks."""

    TEST = "test"
    PRODUCTION = "production"


class Role(StrEnum):
    """What a certificate is for; each role has an issuing authority of its own."""

    ACCESS_POINT = "access point"
    SMP = "SMP"


class Reason(StrEnum):
    """Why a certificate does not count."""

    NOT_TRUSTED = "not_trusted"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    REVOKED = "revoked"
    UNKNOWN_REVOCATION = "unknown_revocation"
    WRONG_POLICY = "wrong_policy"
    WRONG_SEAT = "wrong_seat"


class UntrustedCertificate(EInvoicingError):
    """A certificate does not count; `reason` says why, for the caller to decide what follows."""

    def __init__(self, what: str, *, where: str, fix: str, reason: Reason) -> None:
        super().__init__(what, where=where, fix=fix)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Authorities:
    """The issuing authorities of one stage, by role."""

    stage: Stage
    access_point: tuple[x509.Certificate, ...]
    smp: tuple[x509.Certificate, ...]

    def of(self, role: Role) -> tuple[x509.Certificate, ...]:
        """Those that issue certificates of this role."""
        return self.access_point if role is Role.ACCESS_POINT else self.smp


def read_folder(folder: Path, *, password: str = "") -> tuple[x509.Certificate, ...]:
    """All certificates of the PEM files (.pem, .crt, .cer) and trust stores (.p12, opened by `password`) of a
    folder.

    Raises ConfigError naming folder or file.
    """
    files = certificate_files(folder)
    if not files:
        raise _no_folder(folder)
    if len(files) > _MOST_FILES:
        raise ConfigError(
            f"the trust folder holds more than {_MOST_FILES} files",
            where=str(folder),
            fix="keep only the authorities of Peppol in it",
        )
    return tuple(certificate for file in files for certificate in _read_file(file, password))


def authorities(
    stage: Stage,
    certificates: Iterable[x509.Certificate],
    *,
    pins: Collection[str] = (),
    where: str = "trust",
) -> Authorities:
    """The issuing authorities among these certificates; roles are read from their names.

    `pins` are SHA-256 digests of public keys (lower-case hex); where given, no other authority counts. Raises
    ConfigError where a role has no authority, where the two stages are mixed, and where an authority was not
    issued by the root that lies beside it.
    """
    listed = tuple(certificates)
    by_role: dict[Role, list[x509.Certificate]] = {role: [] for role in Role}
    roots = [one for one in listed if one.subject == one.issuer]
    for one in listed:
        name = seat_id(one)
        if not _is_authority(one):
            raise ConfigError(
                f"{name or 'a certificate'} in the trust folder is not an authority",
                where=where,
                fix="put only the root and the issuing CA certificates of Peppol there",
            )
        if _is_test(one) != (stage is Stage.TEST):
            other = Stage.PRODUCTION if stage is Stage.TEST else Stage.TEST
            raise ConfigError(
                f"{name} belongs to the {other} network, and the stage is {stage}",
                where=where,
                fix="keep the authorities of test and production in folders of their own",
            )
        role = _role_of(name)
        if role is not None and (not pins or key_digest(one) in pins):
            _require_root(one, roots, where)
            by_role[role].append(one)
    missing = [str(role) for role, found in by_role.items() if not found]
    if missing:
        raise ConfigError(
            f"the issuing CA for {' and '.join(missing)} certificates is missing",
            where=where,
            fix="put the CA certificates of OpenPeppol for this stage into the trust folder, as PEM files"
            + ("; pinned_ca_keys must name their keys" if pins else ""),
        )
    return Authorities(stage, tuple(by_role[Role.ACCESS_POINT]), tuple(by_role[Role.SMP]))


class Trust:
    """Decides on the certificates of one stage; safe to share between threads.

    `soft_fail` is how long after the authority's last word a certificate still counts whose revocation cannot
    be told (zero: not at all). `policies` are certificate policies of which a certificate must have one, as
    dotted numbers; empty for any.
    """

    def __init__(
        self,
        trusted: Authorities,
        revocation: Revocation,
        *,
        soft_fail: timedelta = timedelta(),
        policies: Collection[str] = (),
    ) -> None:
        # Who issued which sound certificate: what does not change with time is judged once, by one trust.
        self._state: tuple[Authorities, _Sound] = trusted, OrderedDict()
        self._revocation = revocation
        self._soft_fail = soft_fail
        self._policies = frozenset(policies)
        self._lock = threading.Lock()

    @property
    def authorities(self) -> Authorities:
        """Those that count now."""
        return self._state[0]

    def follow(self, trusted: Authorities) -> None:
        """From now on these authorities count, and nothing that was judged by others before."""
        self._state = trusted, OrderedDict()

    def require(self, certificate: x509.Certificate, role: Role, at: datetime) -> None:
        """Raises UntrustedCertificate unless the certificate counts in this role at that time (aware UTC)."""
        self.examine(certificate, role, at)

    def checker(self, role: Role) -> Callable[[x509.Certificate, datetime], None]:
        """`require` for one role, for whoever needs no more."""
        return lambda certificate, at: self.require(certificate, role, at)

    def examine(self, certificate: x509.Certificate, role: Role, at: datetime) -> RevocationStatus:
        """As `require`; gives what the authority said, to be kept as evidence."""
        try:
            where = f"certificate of {seat_id(certificate)[:60] or 'an unnamed subject'} ({role})"
            issuer = self._sound_issuer(certificate, role, at, where)
        except (ValueError, x509.DuplicateExtension) as error:
            # Parts of a certificate are only read when they are asked for.
            raise _untrusted(
                "the certificate is damaged",
                f"certificate ({role})",
                Reason.WRONG_POLICY,
                "have its owner send a sound one",
            ) from error
        return self._require_not_revoked(certificate, issuer, at, where)

    def _sound_issuer(
        self, certificate: x509.Certificate, role: Role, at: datetime, where: str
    ) -> x509.Certificate:
        trusted, sound = self._state
        key = certificate.fingerprint(_DIGEST), role
        with self._lock:
            known = sound.get(key)
        if known is not None and known.not_valid_before_utc <= at <= known.not_valid_after_utc:
            _require_time(certificate, at, where)
            return known
        issuer = _issuer(trusted, certificate, role, where)
        _require_time(certificate, at, where)
        self._require_use(certificate, role, where)
        _require_path(certificate, issuer, at, where)
        with self._lock:
            sound[key] = issuer
            if len(sound) > _MOST_SOUND:
                sound.popitem(last=False)
        return issuer

    def _require_use(self, certificate: x509.Certificate, role: Role, where: str) -> None:
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _SMALLEST_KEY:
            raise _wrong_policy(f"its key is not RSA with at least {_SMALLEST_KEY} bits", where)
        extensions = certificate.extensions
        usage = _extension(extensions, x509.KeyUsage)
        if usage is None or not usage.digital_signature:
            raise _wrong_policy("it may not be used to sign", where)
        if role is Role.ACCESS_POINT and not (usage.key_encipherment or usage.data_encipherment):
            raise _wrong_policy("it may not be used to encrypt", where)
        extended = _extension(extensions, x509.ExtendedKeyUsage)
        if extended is not None and not (
            {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(extended)
        ):
            raise _wrong_policy("it is meant for another use (no clientAuth)", where)
        if self._policies:
            stated = _extension(extensions, x509.CertificatePolicies) or ()
            if not self._policies & {one.policy_identifier.dotted_string for one in stated}:
                raise _wrong_policy("it is not under a policy that is accepted here", where)
        if role is Role.ACCESS_POINT and not SEAT.fullmatch(seat_id(certificate)):
            raise _untrusted(
                "its common name is not a seat id, which looks like POP000123",
                where,
                Reason.WRONG_SEAT,
                "only certificates that name an access point's seat are taken",
            )

    def _require_not_revoked(
        self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime, where: str
    ) -> RevocationStatus:
        status = self._revocation.status(certificate, issuer, at)
        if status.outcome is Outcome.REVOKED:
            raise _untrusted(
                f"the certificate was taken back by its authority ({status.source}: {status.text})",
                where,
                Reason.REVOKED,
                "do not exchange anything with it; ask its owner over a way known before",
            )
        if status.outcome is Outcome.UNKNOWN:
            late = None if status.last_good is None else at - status.last_good
            if late is None or late > self._soft_fail or not self._soft_fail:
                raise _untrusted(
                    f"whether the certificate was taken back cannot be told: {status.text}",
                    where,
                    Reason.UNKNOWN_REVOCATION,
                    "nothing to do at first, it is asked again; if it lasts, let the authority's addresses "
                    "through the firewall, or set revocation_soft_fail_hours",
                )
        return status


def _issuer(trusted: Authorities, certificate: x509.Certificate, role: Role, where: str) -> x509.Certificate:
    for issuer in trusted.of(role):
        if _issued_by(certificate, issuer):
            return issuer
    other = Role.SMP if role is Role.ACCESS_POINT else Role.ACCESS_POINT
    if any(_issued_by(certificate, issuer) for issuer in trusted.of(other)):
        raise _untrusted(
            f"this is the certificate of an {other}",
            where,
            Reason.WRONG_POLICY,
            f"its owner has to use the certificate that was issued for the {role}",
        )
    raise _untrusted(
        f"the certificate was not issued for the {trusted.stage} network of Peppol (issuer: "
        f"{certificate.issuer.rfc4514_string()[:200]})",
        where,
        Reason.NOT_TRUSTED,
        "it may be of the other stage (test or production), of an older generation, or not of Peppol",
    )


def _extension(extensions: x509.Extensions, kind: type[_Kind]) -> _Kind | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _require_time(certificate: x509.Certificate, at: datetime, where: str) -> None:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < begins:
        raise _untrusted(
            f"the certificate is valid from {begins:%Y-%m-%d %H:%M} UTC only",
            where,
            Reason.NOT_YET_VALID,
            "wait until then, and check the clock of this machine",
        )
    if at > ends:
        raise _untrusted(
            f"the certificate ended on {ends:%Y-%m-%d}",
            where,
            Reason.EXPIRED,
            "its owner has to renew it and publish the new one in the SMP",
        )


def _may_issue(policy: Policy, certificate: x509.Certificate, usage: x509.KeyUsage) -> None:
    if not usage.key_cert_sign:
        raise ValueError("the authority may not issue certificates")


def _is_ca(policy: Policy, certificate: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("not an authority")


def _is_leaf(
    policy: Policy, certificate: x509.Certificate, constraints: x509.BasicConstraints | None
) -> None:
    if constraints is not None and constraints.ca:
        raise ValueError("an authority's own certificate is not for messages")


_CA_RULES: Final = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _is_ca)
    .require_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_issue)
)
# Not the rules for web servers, which ask for a host name.
_LEAF_RULES: Final = (
    ExtensionPolicy.permit_all()
    .may_be_present(x509.BasicConstraints, Criticality.AGNOSTIC, _is_leaf)
    .require_present(x509.KeyUsage, Criticality.AGNOSTIC, None)
)


def _require_path(certificate: x509.Certificate, issuer: x509.Certificate, at: datetime, where: str) -> None:
    verifier = (
        PolicyBuilder()
        .store(Store([issuer]))
        .time(at.astimezone(UTC))
        .max_chain_depth(1)
        .extension_policies(ca_policy=_CA_RULES, ee_policy=_LEAF_RULES)
        .build_client_verifier()
    )
    try:
        verifier.verify(certificate, [])
    except VerificationError as error:
        raise _wrong_policy(f"it breaks the rules for certificates ({str(error)[:200]})", where) from error


def _wrong_policy(what: str, where: str) -> UntrustedCertificate:
    return _untrusted(
        f"the certificate is not one for this use: {what}",
        where,
        Reason.WRONG_POLICY,
        "its owner has to use the certificate that OpenPeppol issued for this role",
    )


def _untrusted(what: str, where: str, reason: Reason, fix: str) -> UntrustedCertificate:
    return UntrustedCertificate(what, where=where, fix=fix, reason=reason)


# -- reading the trust folder


def _read_file(file: Path, password: str) -> tuple[x509.Certificate, ...]:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise ValueError("too large")
        if file.suffix == ".p12":
            stored = pkcs12.load_pkcs12(content, password.encode() if password else None)
            found = tuple(one.certificate for one in stored.additional_certs)
            return found if stored.cert is None else (stored.cert.certificate, *found)
        if _BEGIN in content:
            blocks = [part.partition(_END)[0] for part in content.split(_BEGIN)[1:]]
            return tuple(read_certificate(block, where=str(file)) for block in blocks)
        return (read_certificate(content, where=str(file)),)
    except OSError as error:
        raise ConfigError(
            f"the file cannot be read: {error.strerror or type(error).__name__}",
            where=str(file),
            fix="make it readable for this user",
        ) from error
    except (ValueError, binascii.Error, EInvoicingError) as error:
        raise ConfigError(
            "the file holds no certificates that can be read",
            where=str(file),
            fix="put the CA certificates of OpenPeppol there as PEM; for a trust store (.p12) check "
            "trust_store_password",
        ) from error


def _no_folder(folder: Path) -> ConfigError:
    return ConfigError(
        "there are no authorities to trust",
        where=str(folder),
        fix="put the CA certificates of OpenPeppol for this stage there, as PEM files or as a trust store "
        "(.p12)",
    )


def _role_of(name: str) -> Role | None:
    """By the names of the Peppol PKI, as in PEPPOL ACCESS POINT TEST CA - G3."""
    upper = name.upper()
    if "SERVICE METADATA PUBLISHER" in upper or " SMP " in upper:
        return Role.SMP
    return Role.ACCESS_POINT if "ACCESS POINT" in upper else None


def _is_test(certificate: x509.Certificate) -> bool:
    units = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return " TEST " in f" {seat_id(certificate).upper()} " or any(one.value == _TEST_UNIT for one in units)


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate.extensions, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _require_root(certificate: x509.Certificate, roots: Iterable[x509.Certificate], where: str) -> None:
    named = [root for root in roots if root.subject == certificate.issuer]
    if named and not any(_issued_by(certificate, root) for root in named):
        raise ConfigError(
            f"{seat_id(certificate)} was not issued by the root that lies beside it",
            where=where,
            fix="one of the two was exchanged; get both from OpenPeppol again",
        )
