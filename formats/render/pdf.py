"""The readable copy of an invoice as PDF/A on A4, typeset by typst with the fonts it carries."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from importlib.resources import files
from typing import Final

import typst

from formats.errors import ConfigError, MalformedDocument
from formats.model.invoice import Invoice
from formats.render.view import view
from formats.render.words import LANGUAGES

__all__ = ["render_pdf"]

_TEMPLATE: Final = "invoice.typ"
_UNDATED: Final = date(2000, 1, 1)


def render_pdf(invoice: Invoice, *, language: str = "en") -> bytes:
    """A4 pages for people; the same invoice in the same language always gives the same bytes.

    It is PDF/A-3b, except where a text has characters (Chinese, pictures) that the fonts lack. The date in
    the metadata is the issue date, midnight UTC. Texts of the invoice reach the template as data, never as
    markup. Raises ConfigError for a language that is not one of `LANGUAGES`, MalformedDocument where the page
    cannot be set.
    """
    words = LANGUAGES.get(language)
    if words is None:
        raise ConfigError(
            f"there are no words in {language!r} for a readable invoice",
            where="language",
            fix=f"use one of {', '.join(LANGUAGES)}",
        )
    data = json.dumps(view(invoice, words))
    issued = datetime.combine(invoice.issue_date or _UNDATED, time(), tzinfo=UTC)
    try:
        return _typeset(data, issued, ["a-3b"])
    except typst.TypstError:
        # PDF/A refuses characters that the fonts lack; a plain copy with blanks in their place is still of
        # use.
        pass
    try:
        return _typeset(data, issued, [])
    except typst.TypstError as error:
        raise MalformedDocument(
            f"the readable copy could not be typeset: {error.message}",
            where=f"invoice {invoice.number or 'without number'}",
            fix="the XML is not affected; report this invoice to whoever maintains the gateway",
        ) from error


def _typeset(data: str, issued: datetime, standards: list[typst.PDFStandard]) -> bytes:
    return typst.compile(
        files("formats.render").joinpath(_TEMPLATE).read_bytes(),
        sys_inputs={"view": data},
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=standards,
        timestamp=issued,
    )
