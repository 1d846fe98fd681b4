"""The readable copy: everything a person needs, the same bytes each time, and no way in for markup."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from decimal import Decimal

import pypdf
import pytest
from hypothesis import HealthCheck, given, settings

from formats.errors import ConfigError
from formats.model import Invoice, Note, Totals, VatBreakdown
from formats.model.kept_back import payable
from formats.model.spain import Spain, Withheld
from formats.model.terms import CATALOGUE
from formats.render.appearance import Appearance, Logo, read_logo
from formats.render.payment_code import payment_text
from formats.render.pdf import render_pdf
from formats.render.view import view
from formats.render.words import LANGUAGES
from formats.syntaxes import ubl
from tests.formats.render.test_appearance import logo
from tests.official import folder
from tests.strategies import every_term, invoices, sample_credit_note, sample_invoice


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


def test_sums_are_carried_over() -> None:
    """What a page ends with is the exact sum of the lines so far, and the next one starts with it."""
    invoice = sample_invoice()
    line = invoice.lines[0]
    many = tuple(
        replace(line, identifier=f"P{number:03}", net_amount=Decimal(f"{number}.{number % 100:02}"))
        for number in range(1, 91)
    )
    pages = _pages(render_pdf(replace(invoice, lines=many)))
    assert len(pages) > 2
    total = Decimal(0)
    for number, page in enumerate(pages):
        carried = re.search(r"Carried forward ([0-9,.]+)", page)
        assert (carried is not None) == (number > 0)
        if carried:
            assert Decimal(carried[1].replace(",", "")) == total
        on_page = set(re.findall(r"P[0-9]{3}", page))
        total += sum((one.net_amount or Decimal(0) for one in many if one.identifier in on_page), Decimal(0))
        carry = re.search(r"Carry-over ([0-9,.]+)", page)
        assert (carry is None) == (number == len(pages) - 1)
        if carry:
            assert Decimal(carry[1].replace(",", "")) == total
    assert total == sum(one.net_amount or 0 for one in many)


def test_one_page_carries_nothing_over() -> None:
    (page,) = _pages(render_pdf(sample_invoice()))
    assert "Carr" not in page


def test_amounts_have_the_decimals_of_their_currency() -> None:
    """Yen have none, dinars three; VAT in another currency has that one's."""
    totals = Totals(due=Decimal("712800.00"), vat_in_vat_currency=Decimal("64800.00"))
    (page,) = _pages(render_pdf(replace(sample_invoice(), currency="JPY", vat_currency="SEK", totals=totals)))
    assert "JPY 712,800 " in page
    assert "712,800.00" not in page
    assert "VAT in SEK 64,800.00" in page
    (page,) = _pages(render_pdf(replace(sample_invoice(), currency="KWD", totals=totals)))
    assert "KWD 712,800.000" in page


def test_every_term_for_people_is_on_the_pages() -> None:
    """Whatever the standard knows about parties, lines, VAT, payment and documents; codes that steer machines
    are left out, and what stands for a name where there is one."""
    whole = " ".join(_pages(render_pdf(every_term("380"))))
    for_machines = {
        "BT-8", "BT-23", "BT-24", "BT-81", "BT-98", "BT-105", "BT-121", "BT-140", "BT-145", "BT-125-1",
    }  # fmt: skip
    texts = {name for name, entry in CATALOGUE.items() if entry.value is str and name.startswith("BT-")}
    assert len(texts) > 90
    missing = {name for name in texts if not re.search(rf"{name}(?![0-9-])", whole)}
    assert missing - for_machines - {"BT-3", "BT-5", "BT-6", "BT-21", "BT-95", "BT-102"} == set()


def test_a_seller_that_says_more_than_the_foot_holds_says_all_of_it() -> None:
    """Nothing of a party is cut off at the end of the page."""
    text = " ".join(f"word{number}" for number in range(120))
    invoice = sample_invoice()
    assert invoice.seller is not None
    whole = " ".join(
        _pages(render_pdf(replace(invoice, seller=replace(invoice.seller, legal_information=text))))
    )
    assert text in whole


@pytest.mark.parametrize("name", ["base-example.xml", "base-creditnote-correction.xml"])
@pytest.mark.parametrize(
    "seller_name", ["", "Invented Engineering and Maintenance Works of the Northern Provinces plc"]
)
def test_a_short_invoice_stays_on_one_page(name: str, seller_name: str) -> None:
    """Terms and notes stand beside the account, and a long name in a foot that has room for it."""
    invoice = ubl.read((folder("peppol-bis-3/examples") / name).read_bytes())
    assert invoice.seller is not None
    seller = replace(invoice.seller, name=seller_name or invoice.seller.name)
    (page,) = _pages(render_pdf(replace(invoice, seller=seller)))
    assert "Payment within 10 days" in page
    assert seller_name in page


def test_long_terms_have_the_whole_width() -> None:
    terms = " ".join(f"word{number}" for number in range(60))
    invoice = replace(sample_invoice(), payment_terms=terms)
    assert terms in " ".join(_pages(render_pdf(invoice)))


def test_a_line_that_fills_pages_is_shown_whole() -> None:
    invoice = sample_invoice()
    item = invoice.lines[0].item
    assert item is not None
    text = " ".join(f"detail{number}" for number in range(2500))
    first = replace(invoice.lines[0], item=replace(item, description=text))
    whole = " ".join(_pages(render_pdf(replace(invoice, lines=(first, *invoice.lines[1:])))))
    assert "detail0 " in whole
    assert "detail2499" in whole
    assert "Handbook" in whole


def test_the_code_for_the_banking_app_is_on_the_page() -> None:
    assert "Scan to pay with your banking app" in _pages(render_pdf(sample_invoice()))[0]
    assert "Scan to pay" not in _pages(render_pdf(sample_credit_note()))[0]


@pytest.mark.parametrize("media", ["image/png", "image/jpeg", "image/svg+xml"])
def test_a_logo_stands_in_the_head_and_the_copy_stays_pdfa(media: str) -> None:
    """In place of the name, which stays in the foot and as the text for people who cannot see it."""
    look = Appearance("#b4431f", read_logo(logo(media)))
    content = render_pdf(sample_invoice(), appearance=look)
    assert b"pdfaid:part" in content
    assert content != render_pdf(sample_invoice(), appearance=Appearance("#b4431f"))
    assert "Tulip Instruments" in _pages(content)[0]


def test_a_logo_that_cannot_be_drawn_is_named() -> None:
    look = Appearance(logo=Logo(b"\x89PNG not really", "image/png", 10, 10))
    assert render_pdf(sample_invoice(), appearance=look).startswith(b"%PDF-")


def test_threads_do_not_disturb_each_other() -> None:
    """Each has a compiler of its own."""
    invoices_ = [replace(sample_invoice(), number=f"T-{number}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(render_pdf, invoices_)) == [render_pdf(one) for one in invoices_]


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


def test_what_the_buyer_keeps_back_is_not_asked_for() -> None:
    """Tax withheld at the source, split payment and security: the pages and the code for banking apps ask for
    what is really transferred."""
    sample = sample_invoice()
    assert sample.totals is not None
    withheld = (Withheld(tax_type="04", rate=Decimal("15.00"), base=Decimal(100), amount=Decimal("15.00")),)
    spain = Spain(withheld=withheld, retention=Decimal("100.00"), retention_reason="Garantía de obra")
    invoice = replace(sample, spain=spain)
    assert payable(invoice) == (sample.totals.due or 0) - 115
    page = _pages(render_pdf(invoice))[0]
    assert "Tax withheld by the buyer (15 %)" in page
    assert "Garantía de obra" in page
    assert "EUR 2,409.22" in page
    assert "EUR2409.22" in payment_text(invoice)
    assert payable(sample) == sample.totals.due


@pytest.mark.parametrize(
    ("paid", "due", "asked", "rows"),
    [
        (None, "1520.12", "1246.00", ["274.12"]),  # said nowhere
        ("274.12", "1246.00", "1246.00", ["274.12"]),  # in BT-113, as in the published examples
        ("100.00", "1420.12", "1146.00", ["100.00", "274.12"]),  # beside a prepayment
        ("374.12", "1146.00", "1146.00", ["100.00", "274.12"]),  # in BT-113 with a prepayment
    ],
)
def test_vat_of_split_payment_is_taken_off_once(
    paid: str | None, due: str, asked: str, rows: list[str]
) -> None:
    """Wherever the invoice counts it: the pages and the code for banking apps ask for what is transferred."""
    sample = sample_invoice()
    breakdown = VatBreakdown(
        category="B", rate=Decimal(22), taxable_amount=Decimal("1246.00"), tax_amount=Decimal("274.12")
    )
    totals = Totals(
        without_vat=Decimal("1246.00"),
        vat=Decimal("274.12"),
        with_vat=Decimal("1520.12"),
        paid=None if paid is None else Decimal(paid),
        due=Decimal(due),
    )
    invoice = replace(sample, vat_breakdown=(breakdown,), totals=totals)
    assert payable(invoice) == Decimal(asked)
    assert f"EUR{asked}" in payment_text(invoice)
    shown = view(invoice, LANGUAGES["en"])
    assert shown["due"][1] == f"{Decimal(asked):,}"
    assert [amount for _, amount in shown["totals"]][-len(rows) :] == [f"−{amount}" for amount in rows]


_LARGE = """
import resource
from dataclasses import replace
from io import BytesIO
from pypdf import PdfReader
from formats.render.payment_code import payment_text
from formats.render.pdf import render_pdf
from formats.render.view import view
from tests.strategies import sample_invoice
sample = sample_invoice()
lines = tuple(replace(sample.lines[n % 3], identifier=str(n + 1)) for n in range(4000))
pages = PdfReader(BytesIO(render_pdf(replace(sample, lines=lines)))).pages
print(len(pages), "Carried forward" in pages[200].extract_text())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_four_thousand_lines_do_not_break_it() -> None:
    """In a process of its own, whose memory is measured in megabytes."""
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", _LARGE], capture_output=True, text=True, timeout=300, check=True
    )
    pages, carried, megabytes = done.stdout.split()
    assert int(pages) > 200
    assert carried == "True"
    assert int(megabytes) < 1500


def test_an_unknown_language_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="en, nl, de, fr"):
        render_pdf(sample_invoice(), language="xx")
