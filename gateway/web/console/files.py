"""The files of one invoice, always as downloads: what is in them was written by others."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from fastapi import Response
from sqlalchemy import Connection

from formats.errors import EInvoicingError
from formats.render.pdf import render_pdf
from gateway import evidence
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.message import signed_file
from gateway.store import documents
from gateway.store.submissions import Submission
from gateway.web.api import visible
from gateway.web.console.shell import not_there
from gateway.web.problems import Problem
from gateway.wiring import Gateway

__all__ = ["answer", "as_file", "download", "proof"]

_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_ENDINGS: Final = {
    "application/xml": "xml",
    "text/xml": "xml",
    "application/json": "json",
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/csv": "csv",
    "message/rfc822": "eml",
    "application/zip": "zip",
    "application/pkcs7-mime": "p7m",
}


def answer(
    connection: Connection, gateway: Gateway, submission: Submission, name: str, language: str
) -> Response:
    """One file: source, invoice.xml, signed, invoice.pdf, report.json, origins.json, or the digest of a
    document that the journal of this invoice names. Problem 404 for every other."""
    number = submission.number or submission.id[:8]
    kept = {
        "source": submission.content_digest,
        "invoice.xml": submission.document_digest,
        "report.json": submission.report_digest,
        "origins.json": submission.origins_digest,
    }.get(name, "")
    if kept:
        return _stored(connection, kept, f"{number}-{name.partition('.')[0]}")
    if name == "signed" and (signed := signed_file(connection, submission)):
        return as_file(signed.content, signed.media_type, signed.filename)
    if name == "invoice.pdf" and submission.pdf_digest:
        return _stored(connection, submission.pdf_digest, number)
    if name == "invoice.pdf" and submission.invoice_digest:
        try:
            made = render_pdf(invoice_of(connection, submission), language=language)
        except EInvoicingError as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.what, fix=error.fix) from error
        return download(made, "application/pdf", number)
    if _DIGEST.match(name) and visible.names(connection, submission, name):
        return _stored(connection, name, f"{number}-{name[:8]}")
    raise not_there()


def proof(gateway: Gateway, submission: Submission, *, by: str) -> Response:
    """The evidence of one invoice; that it was given to `by` is in the record."""
    with gateway.database.read() as connection:
        # By its id: the number may be another company's, too.
        found = evidence.archive(connection, submission.id)
    with gateway.database.begin() as connection:
        evidence.record(connection, submission.id, found, by=by, now=gateway.clock())
    return download(found, "application/zip", f"{submission.number or submission.id[:8]}-evidence")


def download(content: bytes, media_type: str, name: str) -> Response:
    """A file for the disk, never for the browser's own eyes."""
    ending = _ENDINGS.get(media_type.partition(";")[0], "bin")
    return as_file(content, media_type, f"{_UNSAFE.sub('_', name)[:100].strip('._') or 'file'}.{ending}")


def as_file(content: bytes, media_type: str, filename: str) -> Response:
    """The same under a name that has its ending already."""
    safe = _UNSAFE.sub("_", filename)[-120:].strip("._") or "file"
    headers = {
        "Content-Disposition": f'attachment; filename="{safe}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type=media_type, headers=headers)


def _stored(connection: Connection, digest: str, name: str) -> Response:
    found = documents.get(connection, digest)
    known = found.media_type.partition(";")[0] in _ENDINGS
    return download(found.content, found.media_type if known else "application/octet-stream", name)
