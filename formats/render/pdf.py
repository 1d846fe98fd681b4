"""The readable copy of an invoice as PDF/A on A4, typeset by typst with the fonts it carries."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.resources import files
from typing import Final

import typst

from formats.errors import ConfigError, MalformedDocument
from formats.model.invoice import Invoice
from formats.render.appearance import PLAIN, Appearance
from formats.render.payment_code import payment_code
from formats.render.view import view
from formats.render.words import LANGUAGES

__all__ = ["render_pdf"]

_TEMPLATE: Final = "invoice.typ"
_UNDATED: Final = date(2000, 1, 1)
# A compiler keeps its fonts and what it learnt about the template; it serves one thread at a time.
_WARM: Final = threading.local()


def render_pdf(
    invoice: Invoice, *, language: str = "en", appearance: Appearance = PLAIN, attached_as: str = ""
) -> bytes:
    """A4 pages for people; the same invoice in the same language always gives the same bytes.

    It is PDF/A-3b, except where a text has characters (Chinese, pictures) that the fonts lack. The date in
    the metadata is the issue date, midnight UTC. Texts of the invoice reach the template as data, never as
    markup. `attached_as` is the name of the XML that will be embedded, for the note at the foot; such a page
    is PDF/A-3b or not made. Raises ConfigError for a language that is not one of `LANGUAGES`,
    MalformedDocument where the page cannot be set.
    """
    words = LANGUAGES.get(language)
    if words is None:
        raise ConfigError(
            f"there are no words in {language!r} for a readable invoice",
            where="language",
            fix=f"use one of {', '.join(LANGUAGES)}",
        )
    look = {
        "colour": appearance.colour,
        "heading": appearance.heading,
        "on_colour": appearance.on_colour,
        "logo": appearance.logo.as_svg if appearance.logo else "",
        "payment_code": payment_code(invoice),
    }
    data = {"view": json.dumps(view(invoice, words, attached_as=attached_as)), "look": json.dumps(look)}
    issued = datetime.combine(invoice.issue_date or _UNDATED, time(), tzinfo=UTC)
    try:
        return _typeset(data, issued, ["a-3b"])
    except typst.TypstError as error:
        if attached_as:
            raise _unset(invoice, error) from error
        # PDF/A refuses characters that the fonts lack; a plain copy with blanks in their place is still of
        # use.
    try:
        return _typeset(data, issued, [])
    except typst.TypstError as error:
        raise _unset(invoice, error) from error


def _typeset(data: dict[str, str], issued: datetime, standards: list[typst.PDFStandard]) -> bytes:
    if not hasattr(_WARM, "compiler"):
        _WARM.compiler = typst.Compiler(_template(), ignore_system_fonts=True)
    pdf: bytes = _WARM.compiler.compile(
        _template(), sys_inputs=data, format="pdf", pdf_standards=standards, timestamp=issued
    )
    return pdf


@cache
def _template() -> bytes:
    return files("formats.render").joinpath(_TEMPLATE).read_bytes()


def _unset(invoice: Invoice, error: typst.TypstError) -> MalformedDocument:
    return MalformedDocument(
        f"the readable copy could not be typeset: {error.message}",
        where=f"invoice {invoice.number or 'without number'}",
        fix="the XML is not affected; report this invoice to whoever maintains the gateway",
    )
