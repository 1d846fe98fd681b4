"""Asking an authority's responder about one certificate. Source: RFC 6960 and its light form, RFC 5019.

No nonce is sent: large responders give out prepared answers, whose times bound how old they may be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from connectors.channels.peppol.pki.crl import STRONG
from formats.errors import MalformedDocument, RemoteUnavailable, SignatureInvalid

__all__ = ["MEDIA_TYPE", "Answer", "addresses", "question", "read"]

MEDIA_TYPE: Final = "application/ocsp-response"
REQUEST_TYPE: Final = "application/ocsp-request"
_UNSTATED: Final = timedelta(hours=1)
_OLDEST: Final = timedelta(days=10)
_CLOCKS_DIFFER: Final = timedelta(minutes=10)
_MOST_ADDRESSES: Final = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """A verified answer: good where `revoked_at` is None. All times are aware UTC."""

    this_update: datetime
    next_update: datetime
    revoked_at: datetime | None
    content: bytes = field(repr=False)

    def current(self, at: datetime) -> bool:
        """Whether it speaks for that time."""
        return self.this_update - _CLOCKS_DIFFER <= at < self.next_update


def addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """The responders that a certificate names, at most two."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    found = [
        one.access_location.value
        for one in access
        if one.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(one.access_location, x509.UniformResourceIdentifier)
    ]
    return tuple(url for url in found if url.startswith(("http://", "https://")))[:_MOST_ADDRESSES]


def question(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    """What to post to the responder."""
    # Responders know certificates by SHA-1 of their issuer; it is a name here, not a protection.
    by_name = hashes.SHA1()  # noqa: S303
    built = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, by_name).build()
    return built.public_bytes(Encoding.DER)


def read(
    content: bytes, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime, *, where: str
) -> Answer:
    """The answer about this certificate.

    Raises RemoteUnavailable where the responder does not know or does not answer now, MalformedDocument for
    an answer that is none or about another certificate, SignatureInvalid where the authority did not sign it.
    """
    try:
        found = ocsp.load_der_ocsp_response(content)
        if found.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise RemoteUnavailable(
                f"the responder says {found.response_status.name.lower().replace('_', ' ')}",
                where=where,
                fix="it is asked again by itself",
            )
        _require_signature(found, issuer, at, where)
        answer = _about(found, certificate, issuer, where)
        status = answer.certificate_status
        begins, ends = answer.this_update_utc, answer.next_update_utc or answer.this_update_utc + _UNSTATED
    except (ValueError, x509.DuplicateExtension) as error:
        raise MalformedDocument(
            "what came is no answer of a responder",
            where=where,
            fix="a proxy may stand in between; let this address through",
        ) from error
    if status is ocsp.OCSPCertStatus.UNKNOWN:
        raise RemoteUnavailable(
            "the responder does not know the certificate", where=where, fix="it is asked again by itself"
        )
    result = Answer(
        begins,
        min(ends, begins + _OLDEST),
        (answer.revocation_time_utc or begins) if status is ocsp.OCSPCertStatus.REVOKED else None,
        content,
    )
    if result.revoked_at is None and not result.current(at):
        raise RemoteUnavailable(
            f"the answer is of {begins:%Y-%m-%d %H:%M} UTC and does not hold now",
            where=where,
            fix="it is asked again by itself; check the clock of this machine",
        )
    return result


def _about(
    found: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate, where: str
) -> ocsp.OCSPSingleResponse:
    by_name = hashes.SHA1()  # noqa: S303  # as in `question`
    asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, by_name).build()
    for one in found.responses:
        if (
            one.serial_number == asked.serial_number
            and one.hash_algorithm.name == "sha1"
            and one.issuer_key_hash == asked.issuer_key_hash
            and one.issuer_name_hash == asked.issuer_name_hash
        ):
            return one
    raise MalformedDocument(
        "the responder answered about another certificate", where=where, fix="it is asked again by itself"
    )


def _require_signature(found: ocsp.OCSPResponse, issuer: x509.Certificate, at: datetime, where: str) -> None:
    hashed_with = found.signature_hash_algorithm
    signers = [issuer, *(one for one in found.certificates[:5] if _delegated(one, issuer, at))]
    for signer in signers:
        key = signer.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or not isinstance(hashed_with, STRONG):
            continue
        try:
            key.verify(found.signature, found.tbs_response_bytes, padding.PKCS1v15(), hashed_with)
        except InvalidSignature:
            continue
        return
    raise SignatureInvalid(
        "the responder's answer is not signed by the authority, so it is not believed",
        where=where,
        fix="nothing to do here, unless a proxy changes what is downloaded",
    )


def _delegated(certificate: x509.Certificate, issuer: x509.Certificate, at: datetime) -> bool:
    """Whether the authority lets this certificate answer for it (RFC 6960, section 4.2.2.2)."""
    try:
        certificate.verify_directly_issued_by(issuer)
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return (
        ExtendedKeyUsageOID.OCSP_SIGNING in usage
        and certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
    )
