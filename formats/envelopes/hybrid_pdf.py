"""The XML invoice inside a hybrid PDF (Factur-X, ZUGFeRD): found, taken out, nothing else of the PDF read.

Source: Factur-X 1.09.2 / ZUGFeRD 2.5.2, technical annex (embedded file names).
"""

from __future__ import annotations

import logging
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from formats.errors import MalformedDocument

__all__ = ["LARGEST", "EmbeddedInvoice", "embedded_invoice", "is_pdf"]

LARGEST: Final = 100 * 1024 * 1024
_MOST_ATTACHMENTS: Final = 200
_HEAD: Final = 1_024
# pypdf reports repairs through logging; without a handler they would end up on standard error.
logging.getLogger("pypdf").addHandler(logging.NullHandler())

# In order of preference; the last is the name that ZUGFeRD 1 and 2.0 used.
_NAMES: Final = ("factur-x.xml", "xrechnung.xml", "zugferd-invoice.xml")
# What pypdf lets through on damaged files, beside its own errors.
_DAMAGED: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    NotImplementedError,
    OSError,
    MemoryError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class EmbeddedInvoice:
    """The attachment as it was embedded: its file name and its bytes."""

    name: str
    content: bytes


def is_pdf(content: bytes) -> bool:
    """By the mark that every PDF has within its first kilobyte."""
    return b"%PDF-" in content[:_HEAD]


def embedded_invoice(content: bytes) -> EmbeddedInvoice:
    """The XML invoice that a PDF carries.

    An attachment under one of the published names counts first, else the only one that ends in .xml. PDFs
    over 100 MB are refused, and one attachment is unpacked, up to pypdf's bound of 75 MB. Raises
    MalformedDocument.
    """
    if len(content) > LARGEST:
        raise MalformedDocument(
            f"the PDF has {len(content)} bytes, {LARGEST} are allowed",
            where="PDF",
            fix="ask the sender for the XML alone",
        )
    from pypdf.errors import PyPdfError  # takes longer to load than an XML invoice to judge

    try:
        found = _attachments(content)
        chosen = _chosen(found)
        embedded = None if chosen is None else bytes(found[chosen].content)
    except (PyPdfError, *_DAMAGED) as error:
        raise MalformedDocument(
            f"the PDF is damaged or protected: {type(error).__name__}",
            where="PDF",
            fix="ask the sender for the PDF again, without a password",
        ) from error
    if chosen is None or embedded is None:
        raise MalformedDocument(
            _why_none(tuple(found)),
            where="PDF",
            fix="ask the sender for a Factur-X or ZUGFeRD invoice, or for the XML",
        )
    return EmbeddedInvoice(chosen, embedded)


def _attachments(content: bytes) -> dict[str, Any]:
    """By name, not yet unpacked; of two with one name the first counts."""
    from pypdf import PdfReader

    found: dict[str, Any] = {}
    for number, attachment in enumerate(PdfReader(BytesIO(content)).attachment_list):
        if number == _MOST_ATTACHMENTS:
            break
        found.setdefault(str(attachment.name), attachment)
    return found


def _chosen(found: dict[str, Any]) -> str | None:
    lower = {name.lower(): name for name in reversed(found)}
    for name in _NAMES:
        if name in lower:
            return lower[name]
    others = [name for name in found if name.lower().endswith(".xml")]
    return others[0] if len(others) == 1 else None


def _why_none(names: tuple[str, ...]) -> str:
    others = sum(1 for name in names if name.lower().endswith(".xml"))
    if others > 1:
        return f"the PDF carries {others} XML files, none under a name of Factur-X or ZUGFeRD"
    return "the PDF carries no XML invoice; it is a picture of one, or an ordinary letter"
