"""The XML invoice inside a hybrid PDF (Factur-X, ZUGFeRD): found, taken out, nothing else of the PDF read.

Source: Factur-X 1.09.2 / ZUGFeRD 2.5.2, technical annex (embedded file names).
"""

from __future__ import annotations

import logging
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Any, Final

from formats.errors import MalformedDocument

__all__ = ["LARGEST", "EmbeddedInvoice", "embedded_invoice", "is_pdf"]

LARGEST: Final = 100 * 1024 * 1024
_MOST_ATTACHMENTS: Final = 200
# Of several under published names, so many are unpacked to see whether they are one and the same.
_MOST_COMPARED: Final = 3
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

    An attachment under one of the published names counts first, else the only one that ends in .xml; two
    that differ are refused, for nobody can say which one is the invoice. PDFs over 100 MB are refused, and an
    attachment is unpacked up to pypdf's bound of 75 MB. Raises MalformedDocument.
    """
    if len(content) > LARGEST:
        raise MalformedDocument(
            f"the PDF has {len(content)} bytes, {LARGEST} are allowed",
            where="PDF",
            fix="ask the sender for the XML alone",
        )
    from pypdf.errors import FileNotDecryptedError, LimitReachedError, PyPdfError  # slow to load

    try:
        found = _attachments(content)
        chosen = _chosen(found)
        unpacked = [bytes(attachment.content) for _, attachment in chosen]
    except LimitReachedError as error:
        raise _refused(
            "the XML inside the PDF is packed so that it would fill the memory", "ask the sender what it is"
        ) from error
    except FileNotDecryptedError as error:
        raise _refused(
            "the PDF is encrypted", "ask the sender for the PDF again, without encryption"
        ) from error
    except (PyPdfError, *_DAMAGED) as error:
        raise _refused(
            f"the PDF is damaged: {type(error).__name__}", "ask the sender for the PDF again"
        ) from error
    if not chosen:
        raise _refused(
            _why_none([name for name, _ in found]),
            "ask the sender for a Factur-X or ZUGFeRD invoice, or for the XML",
        )
    if any(one != unpacked[0] for one in unpacked):
        names = ", ".join(dict.fromkeys(name for name, _ in chosen))
        raise _refused(
            f"the PDF carries {len(unpacked)} different XML invoices: {names}",
            "ask the sender which one counts, and for a PDF with that one alone",
        )
    return EmbeddedInvoice(chosen[0][0], unpacked[0])


def _attachments(content: bytes) -> list[tuple[str, Any]]:
    """With their names, not yet unpacked."""
    from pypdf import PdfReader
    from pypdf.errors import FileNotDecryptedError

    reader = PdfReader(BytesIO(content))
    if reader.is_encrypted:
        raise FileNotDecryptedError  # PDF/A forbids it, also without a password for reading
    listed = islice(reader.attachment_list, _MOST_ATTACHMENTS)
    return [(str(attachment.name), attachment) for attachment in listed]


def _chosen(found: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Those under published names, the preferred name first; else the only one that ends in .xml."""
    named = [one for name in _NAMES for one in found if one[0].lower() == name]
    others = [one for one in found if one[0].lower().endswith(".xml")]
    return named[:_MOST_COMPARED] or (others if len(others) == 1 else [])


def _refused(what: str, fix: str) -> MalformedDocument:
    return MalformedDocument(what, where="PDF", fix=fix)


def _why_none(names: list[str]) -> str:
    others = sum(1 for name in names if name.lower().endswith(".xml"))
    if others > 1:
        return f"the PDF carries {others} XML files, none under a name of Factur-X or ZUGFeRD"
    return "the PDF carries no XML invoice; it is a picture of one, or an ordinary letter"
