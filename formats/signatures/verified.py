"""What a verified signature proves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cryptography import x509

from formats.signatures.certificates import CertificateFacts

__all__ = ["Kind", "Verified"]


class Kind(StrEnum):
    """How a signature is made; the baseline names of ETSI EN 319 132-1, 122-1 and 142-1 in brackets."""

    XMLDSIG = "xmldsig"
    XADES_BES = "xades-bes"  # XAdES-B-B
    XADES_EPES = "xades-epes"  # with a signature policy
    CADES_BES = "cades-bes"  # CAdES-B-B
    CMS = "cms"  # PKCS#7 without the signed name of its certificate
    PADES = "pades-b"  # PAdES-B-B
    PDF_CMS = "pdf-pkcs7"  # a PDF signature from before PAdES


@dataclass(frozen=True, slots=True)
class Verified:
    """Proven: the holder of `path[0]` signed exactly `covered`. Read from `covered`, from nothing else.

    `covered` is, for XML, the canonical document without its signature; for a .p7m, the content; for a PDF,
    the signed ranges one after the other. `signed_at` is what the signer claims (UTC), None if nothing;
    `stamped_at` is the moment that a trusted time stamp proves. `expired_since` is set where a certificate of
    the path has expired since, and the caller chose to count the time of signing.
    """

    kind: Kind
    algorithm: str
    covered: bytes = field(repr=False)
    path: tuple[x509.Certificate, ...] = field(repr=False)
    signed_at: datetime | None
    stamped_at: datetime | None = None
    expired_since: datetime | None = None
    policy: str | None = None
    roles: tuple[str, ...] = ()

    @property
    def signer(self) -> CertificateFacts:
        """For the journal: which certificate signed."""
        return CertificateFacts.of(self.path[0])
