"""Whom we believe: certificates that a path must lead to, and at which moment it is judged.

Paths are built and checked by `cryptography` (RFC 5280 rules); the uses that signing certificates have are
ours to check. Revocation needs the network, and is not looked up here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeVar

from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy

from formats.signatures.certificates import CertificateFacts
from formats.signatures.errors import Distrust, UntrustedSigner
from formats.signatures.strength import require_strong_key

__all__ = ["Judged", "Trust"]

_CLOCKS_DIFFER: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Judged:
    """The path, signer first, and since when a certificate of it has expired, if so."""

    path: tuple[x509.Certificate, ...]
    expired_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """`anchors` are roots, intermediates or single signers that are believed as they are; `intermediates`
    only help to build paths.

    `claimed_time_counts` judges expired certificates at the time that the signature claims, for archives: who
    holds an expired key could have set that time back. `stampers` are believed for time stamps only.
    """

    anchors: tuple[x509.Certificate, ...] = field(repr=False)
    intermediates: tuple[x509.Certificate, ...] = field(default=(), repr=False)
    stampers: tuple[x509.Certificate, ...] = field(default=(), repr=False)
    claimed_time_counts: bool = False

    def judge(
        self,
        signer: x509.Certificate,
        offered: Sequence[x509.Certificate],
        *,
        at: datetime,
        signed_at: datetime | None,
        stamped_at: datetime | None = None,
        stamping: bool = False,
        where: str,
    ) -> Judged:
        """The path from `signer` to an anchor, by `offered` certificates. All moments are aware. `stamping`
        judges a service that makes time stamps.

        Judged at `at`, or at the moment that a time stamp proves. Raises UntrustedSigner, WeakSignature.
        """
        require_strong_key(signer.public_key(), where=where)
        _require_use(signer, where, stamping=stamping)
        begins = signer.not_valid_before_utc
        if stamped_at is None and signed_at is not None and signed_at < begins - _CLOCKS_DIFFER:
            raise self._why(signer, signed_at, where)
        if signed_at is not None and signed_at > at + _CLOCKS_DIFFER:
            raise _untrusted(signer, "claims to be signed in the future", where, Distrust.SIGNED_IN_FUTURE)
        moment = stamped_at or at
        path = self._path(signer, offered, moment)
        if path is not None:
            return Judged(path, _end(path) if _end(path) < at else None)
        if signed_at is not None and signed_at < moment:
            then = self._path(signer, offered, signed_at)
            if then is not None and _end(then) < moment:
                if self.claimed_time_counts:
                    return Judged(then, _end(then))
                raise _untrusted(
                    signer,
                    f"was signed with a certificate that expired on {_end(then):%Y-%m-%d}; it was valid when "
                    f"the signature claims to have been made, which nothing proves",
                    where,
                    Distrust.EXPIRED_SINCE,
                )
        raise self._why(signer, signed_at or moment, where)

    def _why(self, signer: x509.Certificate, moment: datetime, where: str) -> UntrustedSigner:
        if moment < signer.not_valid_before_utc:
            what = f"was signed before its certificate is valid, from {signer.not_valid_before_utc:%Y-%m-%d}"
            return _untrusted(signer, what, where, Distrust.NOT_YET_VALID)
        if moment > signer.not_valid_after_utc:
            what = f"was signed after its certificate expired on {signer.not_valid_after_utc:%Y-%m-%d}"
            return _untrusted(signer, what, where, Distrust.EXPIRED_BEFORE_SIGNING)
        what = "was signed with a certificate that leads to no certificate we trust"
        return _untrusted(signer, what, where, Distrust.NOT_TRUSTED)

    def _path(
        self, signer: x509.Certificate, offered: Sequence[x509.Certificate], moment: datetime
    ) -> tuple[x509.Certificate, ...] | None:
        if not self.anchors:
            return None
        if signer in self.anchors:
            valid = signer.not_valid_before_utc <= moment <= signer.not_valid_after_utc
            return (signer,) if valid else None
        builder = (
            verification.PolicyBuilder()
            .store(verification.Store(list(self.anchors)))
            .time(moment)
            .extension_policies(ca_policy=_AUTHORITY, ee_policy=ExtensionPolicy.permit_all())
        )
        helpers = [one for one in (*offered, *self.intermediates) if one != signer]
        try:
            return tuple(builder.build_client_verifier().verify(signer, helpers).chain)
        except verification.VerificationError:
            return None


def _require_authority(
    _policy: verification.Policy, _certificate: x509.Certificate, basic: x509.BasicConstraints
) -> None:
    if not basic.ca:
        raise ValueError("not an authority")


def _require_issuing(
    _policy: verification.Policy, _certificate: x509.Certificate, use: x509.KeyUsage | None
) -> None:
    if use is not None and not use.key_cert_sign:
        raise ValueError("not made to issue certificates")


_AUTHORITY: Final = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _require_authority)
    .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _require_issuing)
)


# What certificates are made for that are no seals and nobody's hand, in words.
_OTHER_USES: Final = MappingProxyType(
    {
        ExtendedKeyUsageOID.SERVER_AUTH: "web servers",
        ExtendedKeyUsageOID.CLIENT_AUTH: "logging in",
        ExtendedKeyUsageOID.CODE_SIGNING: "programs",
        ExtendedKeyUsageOID.TIME_STAMPING: "time stamps",
        ExtendedKeyUsageOID.OCSP_SIGNING: "answers about revocation",
    }
)
_Extension = TypeVar("_Extension", x509.KeyUsage, x509.ExtendedKeyUsage, x509.BasicConstraints)


def _require_use(signer: x509.Certificate, where: str, *, stamping: bool) -> None:
    """Made for signatures or for declarations of intent; qualified certificates often name the latter
    only. Neither an authority nor made for other uses alone (RFC 5280, 4.2.1.12; RFC 9336)."""
    try:
        use = _extension(signer, x509.KeyUsage)
        purposes = _extension(signer, x509.ExtendedKeyUsage)
        basic = _extension(signer, x509.BasicConstraints)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise _untrusted(
            signer, "brings a certificate with damaged extensions", where, Distrust.WRONG_USE
        ) from error
    mine = ExtendedKeyUsageOID.TIME_STAMPING if stamping else None
    if use is not None and not (use.digital_signature or use.content_commitment):
        what = "was signed with a certificate that is not made for signatures"
    elif purposes is not None and all(one in _OTHER_USES and one != mine for one in purposes):
        names = ", ".join(_OTHER_USES[one] for one in purposes)
        what = f"was signed with a certificate that is made for other uses only: {names}"
    elif basic is not None and basic.ca:
        what = "was signed with the certificate of an authority, which is made to issue certificates"
    else:
        return
    raise _untrusted(signer, what, where, Distrust.WRONG_USE)


def _extension(signer: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return signer.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _end(path: Sequence[x509.Certificate]) -> datetime:
    return min(one.not_valid_after_utc for one in path)


_FIXES: Final = {
    Distrust.NOT_TRUSTED: "if you know the signer, add the authority's certificate to the trusted ones",
    Distrust.EXPIRED_BEFORE_SIGNING: "ask the sender to sign with a certificate that is valid",
    Distrust.EXPIRED_SINCE: "ask the sender for a new signature, or have a person decide",
    Distrust.NOT_YET_VALID: "ask the sender to check the clock and the certificate",
    Distrust.WRONG_USE: "ask the sender to sign with a certificate for signatures or seals",
    Distrust.SIGNED_IN_FUTURE: "ask the sender to check the clock, and check ours",
}


def _untrusted(signer: x509.Certificate, what: str, where: str, reason: Distrust) -> UntrustedSigner:
    said = CertificateFacts.of(signer)
    return UntrustedSigner(
        f"the document {what} ({said.subject})", where=where, fix=_FIXES[reason], reason=reason
    )
