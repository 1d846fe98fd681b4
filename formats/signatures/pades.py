"""PAdES: a signature inside a PDF, added behind it so that the document's own bytes stay as they are.

Source: ETSI EN 319 142-1 V1.2.1 (level B-B), ISO 32000-2. pyHanko writes it and finds it; what it covers and
who signed is judged here. The signature shows nothing on the page, so that a PDF/A-3 keeps its promise.
"""

from __future__ import annotations

import binascii
import logging
import re
import struct
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Final

from formats.errors import MalformedDocument
from formats.signatures import cms_check
from formats.signatures.asn1 import DAMAGED, signed_data
from formats.signatures.errors import BrokenSignature, WeakSignature
from formats.signatures.signer import Signer
from formats.signatures.trust import Trust
from formats.signatures.verified import Kind, Verified

if TYPE_CHECKING:
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

__all__ = ["FIELD", "LARGEST", "sign", "verify", "verify_all"]

FIELD: Final = "Seal"
LARGEST: Final = 100 * 1024 * 1024
_MOST: Final = 10
_WHERE: Final = "PDF signature"
_KINDS: Final = {"/ETSI.CAdES.detached": Kind.PADES, "/adbe.pkcs7.detached": Kind.PDF_CMS}
_BY_SHA1: Final = frozenset({"/adbe.pkcs7.sha1", "/adbe.x509.rsa_sha1"})
# pyHanko reports what it skips through logging; without a handler that would end up on standard error.
logging.getLogger("pyhanko").addHandler(logging.NullHandler())
_HEX: Final = re.compile(rb"<[0-9A-Fa-f]*>")


def sign(
    data: bytes, signer: Signer, at: datetime, *, reason: str | None = None, field: str = FIELD
) -> bytes:
    """The PDF with an invisible signature behind it; what was there stays byte for byte, earlier signatures
    stay valid. `at` is aware. Not for threads that run an event loop: pyHanko starts its own.

    Raises MalformedDocument for damaged and encrypted PDFs, and where a signature of that field is there.
    """
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata

    from formats.signatures.pdf_signer import Appending, DocumentSigner, Seal

    _require_size(data)
    about = PdfSignatureMetadata(
        field_name=field, md_algorithm=signer.digest, subfilter=SigSeedSubFilter.PADES, reason=reason
    )
    try:
        writer = Appending(BytesIO(data), strict=False)
        made = DocumentSigner(about, Seal(signer), at).sign_pdf(writer)
    except _damaged() as error:
        raise MalformedDocument(
            "the PDF cannot be signed: it is damaged, encrypted, or signed under that name already",
            where="PDF",
            fix="make the PDF again, without a password",
        ) from error
    return bytes(made.getvalue())


def verify(data: bytes, trust: Trust, at: datetime) -> Verified:
    """The one signature of a PDF, judged at `at` (aware). It covers the whole file; `covered` is the file
    without the place of the signature itself.

    A PDF with several signatures is for `verify_all`. Raises BrokenSignature, WeakSignature, UntrustedSigner.
    """
    found = _signatures(data)
    if len(found) != 1:
        raise _broken(f"the PDF has {len(found)} signatures where one is expected")
    return _verified(data, found[0], trust, at, last=True)


def verify_all(data: bytes, trust: Trust, at: datetime) -> tuple[Verified, ...]:
    """Every signature of a PDF, first to last: the last covers the whole file, each other one what was there
    when it was made, and nothing but signatures and form fields came after it.

    Raises BrokenSignature, WeakSignature, UntrustedSigner.
    """
    found = _signatures(data)
    if not found:
        raise _broken("the PDF is not signed")
    return tuple(_verified(data, one, trust, at, last=one is found[-1]) for one in found)


def _signatures(data: bytes) -> Sequence[EmbeddedPdfSignature]:
    from pyhanko.pdf_utils.reader import PdfFileReader

    _require_size(data)
    try:
        found = PdfFileReader(BytesIO(data), strict=False).embedded_regular_signatures
        ordered = sorted(found, key=lambda one: int(one.byte_range[2]) + int(one.byte_range[3]))
    except _damaged() as error:
        raise _broken("the PDF or its signature is damaged or encrypted") from error
    if len(ordered) > _MOST:
        raise _broken(f"the PDF has {len(ordered)} signatures, {_MOST} are read")
    return ordered


def _verified(
    data: bytes, found: EmbeddedPdfSignature, trust: Trust, at: datetime, *, last: bool
) -> Verified:
    try:
        kind = _kind(str(found.sig_object.get("/SubFilter", "")))
        covered = _covered(data, found, last=last)
        signed = signed_data(bytes(found.pkcs7_content))
        signed_at = found.self_reported_timestamp
        if not last:
            _require_only_signatures_after(found)
    except _damaged() as error:
        raise _broken("the PDF or its signature is damaged") from error
    infos = cms_check.signers(signed, where=_WHERE)
    if len(infos) != 1 or cms_check.content_of(signed, where=_WHERE) is not None:
        raise _broken("the signature is not made for a PDF")
    checked = cms_check.check(signed, infos[0], covered, where=_WHERE)
    if kind is Kind.PADES and not checked.names_certificate:
        raise _broken("the signature does not sign the name of its certificate")
    claimed = checked.signed_at or (signed_at.astimezone(UTC) if signed_at is not None else None)
    judged = trust.judge(checked.certificate, checked.offered, at=at, signed_at=claimed, where=_WHERE)
    return Verified(
        kind=kind,
        algorithm=checked.algorithm,
        covered=covered,
        path=judged.path,
        signed_at=claimed,
        expired_since=judged.expired_since,
    )


def _kind(subfilter: str) -> Kind:
    if subfilter in _BY_SHA1:
        raise WeakSignature(
            "the PDF is signed with SHA-1, which can be forged",
            where=_WHERE,
            fix="ask the sender to sign with SHA-256 or better",
        )
    if subfilter not in _KINDS:
        raise _broken(f"the signature is of a kind that is not known: {subfilter[:40]!r}")
    return _KINDS[subfilter]


def _covered(data: bytes, found: EmbeddedPdfSignature, *, last: bool) -> bytes:
    """All bytes up to the end of the signed range, but for the signature's own place."""
    numbers = [int(number) for number in found.byte_range]
    if len(numbers) != 4:
        raise _broken("the signature leaves out more than its own place")
    begin, length, behind, rest = numbers
    if begin != 0 or length <= 0 or rest < 0 or behind <= length or behind + rest > len(data):
        raise _broken("the signature leaves out a part of the PDF")
    place = data[length:behind]
    if not _HEX.fullmatch(place) or binascii.unhexlify(place[1:-1]) != bytes(found.pkcs7_content):
        raise _broken("the signature leaves out a part of the PDF")
    if last and behind + rest != len(data):
        raise _broken("something was added to the PDF after it was signed")
    return data[:length] + data[behind : behind + rest]


def _require_only_signatures_after(found: EmbeddedPdfSignature) -> None:
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    found.compute_integrity_info()  # type: ignore[no-untyped-call]
    coverage = found.evaluate_signature_coverage()
    level = getattr(found.diff_result, "modification_level", ModificationLevel.OTHER)
    if coverage != SignatureCoverageLevel.ENTIRE_REVISION or level == ModificationLevel.OTHER:
        raise _broken("the PDF was changed after it was signed")


def _damaged() -> tuple[type[Exception], ...]:
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.sign.general import SigningError
    from pyhanko.sign.validation.errors import SignatureValidationError

    return (
        *(PdfError, SigningError, SignatureValidationError, *DAMAGED),
        *(ArithmeticError, AssertionError, OSError, MemoryError, struct.error, zlib.error),
    )


def _require_size(data: bytes) -> None:
    if len(data) > LARGEST:
        raise MalformedDocument(
            f"the PDF has {len(data)} bytes, {LARGEST} are allowed",
            where="PDF",
            fix="make a smaller PDF, with fewer pictures",
        )


def _broken(what: str) -> BrokenSignature:
    return BrokenSignature(
        what, where=_WHERE, fix="ask the sender for the PDF as it was signed, or to sign it again"
    )
