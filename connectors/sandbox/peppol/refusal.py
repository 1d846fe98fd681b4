"""Why a message is refused: the ebMS error that says it. Source: OASIS ebMS 3.0 core, Peppol AS4 profile
2.0.3."""

from __future__ import annotations

from typing import Final

__all__ = ["ERRORS", "NOT_SERVICED", "Refusal", "refuse_unless"]

NOT_SERVICED: Final = "PEPPOL:NOT_SERVICED"
# Code: short description and category.
ERRORS: Final = {
    "EBMS:0001": ("ValueNotRecognized", "Content"),
    "EBMS:0002": ("FeatureNotSupported", "Content"),
    "EBMS:0003": ("ValueInconsistent", "Content"),
    "EBMS:0004": ("Other", "Content"),
    "EBMS:0007": ("MimeInconsistency", "Unpackaging"),
    "EBMS:0008": ("FeatureNotSupportedInconsistency", "Unpackaging"),
    "EBMS:0009": ("InvalidHeader", "Unpackaging"),
    "EBMS:0010": ("ProcessingModeMismatch", "Processing"),
    "EBMS:0011": ("ExternalPayloadError", "Content"),
    "EBMS:0101": ("FailedAuthentication", "Processing"),
    "EBMS:0102": ("FailedDecryption", "Processing"),
    "EBMS:0103": ("PolicyNoncompliance", "Processing"),
    "EBMS:0201": ("DysfunctionalReliability", "Processing"),
    "EBMS:0202": ("DeliveryFailure", "Communication"),
    "EBMS:0303": ("DecompressionFailure", "Communication"),
    "EBMS:4001": ("DuplicateDetected", "Content"),
}


class Refusal(Exception):
    """One ebMS error: `code` of `ERRORS`, and `detail` for the other side's operator."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code} {detail}")


def refuse_unless(right: object, code: str, detail: str) -> None:
    """Raise a Refusal where `right` is false, empty or None."""
    if not right:
        raise Refusal(code, detail)
