"""pyHanko's signer with our key and our moment. Loaded only when a PDF is signed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.signers.pdf_cms import Signer as PdfCmsSigner
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner, PdfSigningSession
from pyhanko_certvalidator.registry import SimpleCertificateStore

from formats.signatures.signer import Signer

__all__ = ["Appending", "DocumentSigner", "Seal"]


class Seal(PdfCmsSigner):
    """Our signer, whatever its key is."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        store.register_multiple([_certificate(one) for one in signer.chain])
        super().__init__(signing_cert=_certificate(signer.certificate), cert_registry=store)

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        if dry_run:
            size = (self._signer.private_key.key_size + 7) // 8
            # Two numbers in DER need up to nine bytes more.
            elliptic = isinstance(self._signer.private_key, ec.EllipticCurvePrivateKey)
            return bytes(2 * size + 9 if elliptic else size)
        return self._signer.sign(data, digest_algorithm)


class Appending(IncrementalPdfFileWriter):
    """Adds behind the document, and leaves its metadata alone: a rewritten XMP packet could lose what makes
    the PDF a Factur-X or PDF/A-3 file."""

    def _update_meta(self) -> None:
        return


class DocumentSigner(PdfSigner):
    """Signs at the given moment instead of asking the clock."""

    def __init__(self, about: PdfSignatureMetadata, seal: Seal, at: datetime) -> None:
        super().__init__(about, signer=seal)
        self._at = at

    def init_signing_session(self, *args: Any, **options: Any) -> PdfSigningSession:
        session = super().init_signing_session(*args, **options)
        session.system_time = self._at
        return session


def _certificate(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
