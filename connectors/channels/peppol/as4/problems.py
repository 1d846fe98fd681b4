"""The errors of ebMS 3.0 and AS4 as values, and the exception by which a message is refused with one.

Sources: OASIS ebMS 3.0 core, section 6.7; AS4 profile 1.0, section 3.2; EBMS:4001 is what phase4 answers to
a message that it already has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from formats.errors import DocumentError

__all__ = [
    "BY_CODE",
    "DECOMPRESSION_FAILURE",
    "DELIVERY_FAILURE",
    "DUPLICATE",
    "EXTERNAL_PAYLOAD",
    "FAILED_AUTHENTICATION",
    "FAILED_DECRYPTION",
    "INVALID_HEADER",
    "INVALID_RECEIPT",
    "MIME_INCONSISTENCY",
    "MISSING_RECEIPT",
    "MODE_MISMATCH",
    "NOT_SUPPORTED",
    "OTHER",
    "POLICY",
    "VALUE_INCONSISTENT",
    "VALUE_NOT_RECOGNIZED",
    "As4Problem",
    "EbmsError",
    "NotNow",
    "TooLarge",
]


@dataclass(frozen=True, slots=True)
class EbmsError:
    """One row of the error table: code, short description and category as the specification spells them."""

    code: str
    name: str
    category: str
    severity: str = "failure"


VALUE_NOT_RECOGNIZED: Final = EbmsError("EBMS:0001", "ValueNotRecognized", "Content")
VALUE_INCONSISTENT: Final = EbmsError("EBMS:0003", "ValueInconsistent", "Content")
OTHER: Final = EbmsError("EBMS:0004", "Other", "Content")
MIME_INCONSISTENCY: Final = EbmsError("EBMS:0007", "MimeInconsistency", "Unpackaging")
NOT_SUPPORTED: Final = EbmsError("EBMS:0008", "FeatureNotSupportedInconsistency", "Unpackaging")
INVALID_HEADER: Final = EbmsError("EBMS:0009", "InvalidHeader", "Unpackaging")
MODE_MISMATCH: Final = EbmsError("EBMS:0010", "ProcessingModeMismatch", "Processing")
EXTERNAL_PAYLOAD: Final = EbmsError("EBMS:0011", "ExternalPayloadError", "Content")
FAILED_AUTHENTICATION: Final = EbmsError("EBMS:0101", "FailedAuthentication", "Processing")
FAILED_DECRYPTION: Final = EbmsError("EBMS:0102", "FailedDecryption", "Processing")
POLICY: Final = EbmsError("EBMS:0103", "PolicyNoncompliance", "Processing")
DELIVERY_FAILURE: Final = EbmsError("EBMS:0202", "DeliveryFailure", "Communication")
MISSING_RECEIPT: Final = EbmsError("EBMS:0301", "MissingReceipt", "Communication")
INVALID_RECEIPT: Final = EbmsError("EBMS:0302", "InvalidReceipt", "Communication")
DECOMPRESSION_FAILURE: Final = EbmsError("EBMS:0303", "DecompressionFailure", "Communication")
DUPLICATE: Final = EbmsError("EBMS:4001", "DuplicateDetected", "Content")

BY_CODE: Final[Mapping[str, EbmsError]] = {
    error.code: error
    for error in (
        VALUE_NOT_RECOGNIZED,
        EbmsError("EBMS:0002", "FeatureNotSupported", "Content", "warning"),
        VALUE_INCONSISTENT,
        OTHER,
        EbmsError("EBMS:0005", "ConnectionFailure", "Communication"),
        EbmsError("EBMS:0006", "EmptyMessagePartitionChannel", "Communication", "warning"),
        MIME_INCONSISTENCY,
        NOT_SUPPORTED,
        INVALID_HEADER,
        MODE_MISMATCH,
        EXTERNAL_PAYLOAD,
        FAILED_AUTHENTICATION,
        FAILED_DECRYPTION,
        POLICY,
        EbmsError("EBMS:0201", "DysfunctionalReliability", "Processing"),
        DELIVERY_FAILURE,
        MISSING_RECEIPT,
        INVALID_RECEIPT,
        DECOMPRESSION_FAILURE,
        DUPLICATE,
    )
}

_FIX = "the sending access point has to send it anew as the Peppol AS4 profile 2.0.3 asks"


class As4Problem(DocumentError):
    """A message is refused, and this is the answer: `error` goes into the signal, `detail` into its
    ErrorDetail.

    `detail` is what the other side is told: `what` where nothing else is given, or a fixed text of the
    network such as PEPPOL:NOT_SERVICED. It never holds anything of the document. `status` is the HTTP status
    of the answer: 200, or 400 for what is no AS4 message at all.
    """

    def __init__(
        self,
        error: EbmsError,
        what: str,
        *,
        where: str = "AS4 message",
        fix: str = _FIX,
        detail: str = "",
        status: int = 200,
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.error = error
        self.detail = detail or self.what
        self.status = status


class TooLarge(As4Problem):
    """More than we take, in bytes or parts: answered with HTTP 413."""

    def __init__(self, what: str, *, where: str = "AS4 message") -> None:
        super().__init__(
            OTHER,
            what,
            where=where,
            fix="send a smaller document, or have the receiving access point raise its limits",
            status=413,
        )


class NotNow(As4Problem):
    """Something on this side is missing for the moment: answered with HTTP 503 and no ebMS message, for some
    senders take every ebMS error for final and all come again after a 503.

    `what` is for our own log, `detail` for the sender. `retry_after` is in seconds.
    """

    def __init__(self, what: str, *, detail: str, fix: str, where: str = "AS4 message") -> None:
        super().__init__(DELIVERY_FAILURE, what, where=where, fix=fix, detail=detail, status=503)
        self.retry_after = 300
