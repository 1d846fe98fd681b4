"""What a buyer takes along: the e-invoice, signed or not, a PDF, attached files, the page for printing."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

from fastapi import Response
from sqlalchemy import Connection

from connectors.base import Attachment
from formats.errors import EInvoicingError
from formats.model import Invoice
from formats.model.invoice import SupportingDocument
from formats.render.appearance import PLAIN, Appearance
from formats.render.page import render_page
from formats.render.pdf import render_pdf
from gateway.appearance import appearance_of
from gateway.pipeline.convert import invoice_of
from gateway.store import documents
from gateway.store.documents import StoredDocument
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["attachment", "made_pdf", "page", "pdf", "signed", "xml"]

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_STYLE: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
_PLAIN_TYPES: Final = frozenset(
    {
        "application/pdf",
        "text/csv",
        "image/png",
        "image/jpeg",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.oasis.opendocument.spreadsheet",
    }
)


def xml(stored: StoredDocument, number: str) -> Response:
    """The e-invoice, byte for byte as it was sent, or as it was before it was signed."""
    return _download(stored.content, stored.media_type, f"{number}.xml")


def signed(file: Attachment) -> Response:
    """The e-invoice as it was signed, under the name it was sent with."""
    return _download(file.content, file.media_type, file.filename)


def pdf(connection: Connection, submission: Submission) -> StoredDocument | Invoice:
    """The PDF that was sent along, or the invoice that one is made of."""
    if submission.pdf_digest:
        return documents.get(connection, submission.pdf_digest)
    return invoice_of(connection, submission)


def made_pdf(
    gateway: Gateway, submission: Submission, found: StoredDocument | Invoice, language: str
) -> Response:
    """The PDF as a file; where none was sent it is made in the reader's language."""
    content = (
        found.content
        if isinstance(found, StoredDocument)
        else render_pdf(found, language=language, appearance=_look(gateway, submission))
    )
    return _download(content, "application/pdf", f"{submission.number or submission.id[:8]}.pdf")


def page(gateway: Gateway, submission: Submission, invoice: Invoice, language: str) -> Response:
    """The readable copy for screen and print. Its one style sheet is allowed by its digest; nothing else is
    loaded or run, whatever the invoice says."""
    content = render_page(invoice, language=language, appearance=_look(gateway, submission))
    digests = (base64.b64encode(hashlib.sha256(one).digest()).decode() for one in _STYLE.findall(content))
    styles = " ".join(f"'sha256-{digest}'" for digest in digests)
    policy = (
        f"default-src 'none'; style-src {styles}; img-src data:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    return Response(
        content, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": policy}
    )


def attachment(one: SupportingDocument, number: int) -> Response:
    """A file that came inside the invoice, under its own name."""
    media_type = one.media_type if one.media_type in _PLAIN_TYPES else "application/octet-stream"
    return _download(one.content or b"", media_type, one.filename or f"attachment-{number + 1}")


def _download(content: bytes, media_type: str, name: str) -> Response:
    safe = _UNSAFE.sub("_", name)[-100:].strip("._") or "file"
    headers = {
        "Content-Disposition": f'attachment; filename="{safe}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type=media_type, headers=headers)


def _look(gateway: Gateway, submission: Submission) -> Appearance:
    try:
        return appearance_of(gateway.company(submission.source), gateway.settings.folder)
    except EInvoicingError:
        return PLAIN
