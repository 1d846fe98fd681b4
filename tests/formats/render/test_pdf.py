"""The readable copy: everything a person needs, the same bytes each time, and no way in for markup."""

from __future__ import annotations

import io
from dataclasses import fields, replace

import pypdf
import pytest
from hypothesis import HealthCheck, given, settings

from formats.errors import ConfigError
from formats.model import Invoice, Note
from formats.render.pdf import render_pdf
from formats.render.words import LANGUAGES
from tests.strategies import invoices, sample_credit_note, sample_invoice


def _pages(content: bytes) -> list[str]:
    """The text of each page, blanks and line breaks evened out."""
    reader = pypdf.PdfReader(io.BytesIO(content))
    return [" ".join(page.extract_text().replace("\u200b", "").split()) for page in reader.pages]


@pytest.mark.parametrize(
    ("language", "title", "due", "notice"),
    [
        ("en", "Invoice", "EUR 2,524.22", "the XML is the invoice"),
        ("nl", "Factuur", "EUR 2.524,22", "de XML is de factuur"),
        ("de", "Rechnung", "EUR 2.524,22", "die Rechnung ist die XML-Datei"),
        ("fr", "Facture", "EUR 2 524,22", "la facture est le fichier XML"),
    ],
)
def test_the_page_says_what_the_invoice_says(language: str, title: str, due: str, notice: str) -> None:
    """Parties, lines, VAT, totals and payment, in the words and numbers of the language."""
    (page,) = _pages(render_pdf(sample_invoice(), language=language))
    for text in (
        title, due, notice, "2026-00417", "Tulip Instruments", "Müller & Söhne GmbH", "Hauptstraße 12",
        "Pressure gauge PG-200", "Loyalty discount", "Freight", "NL91 ABNA 0417 1643 00", "30 days net",
        "Thank you for your order.", "PO-88213", "NL123456789B13",
    ):  # fmt: skip
        assert text in page


def test_the_same_invoice_gives_the_same_bytes() -> None:
    assert render_pdf(sample_invoice()) == render_pdf(sample_invoice())


def test_the_metadata_carry_the_issue_date_and_no_other() -> None:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(sample_invoice())))
    assert reader.metadata is not None
    assert reader.metadata.title == "Invoice 2026-00417"
    assert str(reader.metadata.creation_date).startswith("2026-11-20")


def test_a_credit_note_is_called_one_and_names_its_invoice() -> None:
    (page,) = _pages(render_pdf(sample_credit_note()))
    assert "Credit note" in page
    assert "2026-00417 / 20 November 2026" in page
    assert "Amount credited" in page


@pytest.mark.parametrize(
    "text", ['#read("/etc/hostname")', "#let x = 1; $x$ *bold* @ref <label> \\ `raw`", "]#panic()["]
)
def test_texts_are_printed_and_never_run(text: str) -> None:
    """A note that looks like markup stands on the page as it is."""
    (page,) = _pages(render_pdf(replace(sample_invoice(), notes=(Note(text=text),))))
    assert text in page


def test_a_hundred_lines_run_over_numbered_pages() -> None:
    """The column heads and the number of the invoice stand on each page, the totals once."""
    invoice = sample_invoice()
    line = invoice.lines[0]
    many = tuple(replace(line, identifier=f"P{number:03}") for number in range(1, 101))
    pages = _pages(render_pdf(replace(invoice, lines=many)))
    assert len(pages) > 3
    assert all(f"Page {number} of {len(pages)}" in page for number, page in enumerate(pages, 1))
    assert all("2026-00417" in page for page in pages)
    whole = " ".join(pages)
    assert all(f"P{number:03}" in whole for number in range(1, 101))
    assert whole.count("Amount due") == 1


def test_the_letters_of_europe_are_shown() -> None:
    """Every official language of the Union has its letters in the font, so the copy stays PDF/A."""
    names = "Øresund Žižkov Łódź Ħamrun Ελληνικά Български Gaeilge ÿ œ ß ő ű ș ț ğ ľ ř ų ė ñ €"
    invoice = sample_invoice()
    assert invoice.buyer is not None
    content = render_pdf(replace(invoice, buyer=replace(invoice.buyer, name=names)))
    assert names in _pages(content)[0]
    assert b"pdfaid:part" in content


def test_characters_without_a_glyph_do_not_stop_the_copy() -> None:
    (page,) = _pages(render_pdf(replace(sample_invoice(), notes=(Note(text="漢字 \x07 end"),))))
    assert "end" in page


def test_writing_direction_cannot_be_turned() -> None:
    """An override character could show another amount or name than the text holds."""
    (page,) = _pages(render_pdf(replace(sample_invoice(), notes=(Note(text="pay \u202e001 EUR"),))))
    assert "pay 001 EUR" in page


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(invoices())
def test_any_invoice_can_be_shown(invoice: Invoice) -> None:
    assert render_pdf(invoice).startswith(b"%PDF-")


def test_languages_have_the_same_words() -> None:
    english = LANGUAGES["en"]
    for words in LANGUAGES.values():
        assert words.labels.keys() == english.labels.keys()
        assert words.means.keys() == english.means.keys()
        assert words.categories.keys() == english.categories.keys()
        assert words.units.keys() == english.units.keys()
        assert all(getattr(words, field.name) for field in fields(words))


def test_an_unknown_language_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="en, nl, de, fr"):
        render_pdf(sample_invoice(), language="xx")
