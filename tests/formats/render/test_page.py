"""The HTML copy: everything that the PDF shows, nothing that runs, nothing from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree, html

from formats.errors import ConfigError
from formats.model import Invoice, Note, Seller, Totals
from formats.render.appearance import Appearance, Logo
from formats.render.page import render_page
from formats.render.view import view
from formats.render.words import LANGUAGES
from tests.strategies import every_term, invoices, sample_credit_note, sample_invoice


def _text(page: bytes) -> str:
    return " ".join(str(html.fromstring(page).xpath("string()")).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_in_the_view_stands_on_the_page(language: str) -> None:
    """In each language, with every term of the standard filled."""
    invoice = every_term("380")
    shown = " ".join(_text(render_page(invoice, language=language)).split())
    words = view(invoice, LANGUAGES[language])
    texts = [
        text for key, value in words.items() if key not in ("labels", "issued") for text in _texts(value)
    ]
    assert len(texts) > 100
    missing = [text for text in texts if " ".join(text.split()) not in shown]
    assert not missing


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value and value not in LANGUAGES else []
    if isinstance(value, dict):
        # The sums so far are for paper, where a page ends.
        return [text for key, part in value.items() if key != "so_far" for text in _texts(part)]
    assert isinstance(value, list | tuple)
    return [text for part in value for text in _texts(part)]


def test_the_page_is_about_this_invoice() -> None:
    page = html.fromstring(render_page(sample_invoice()))
    assert page.findtext(".//title") == "Invoice 2026-00417"
    assert page.get("lang") == "en"
    assert "Credit note" in _text(render_page(sample_credit_note()))


def test_the_same_invoice_gives_the_same_bytes() -> None:
    assert render_page(sample_invoice()) == render_page(sample_invoice())


def test_texts_never_act_as_markup() -> None:
    """Whoever writes the invoice does not write the page."""
    text = "<script>alert(1)</script><img src=x onerror=alert(1)></style>"
    page = render_page(replace(sample_invoice(), number=text, notes=(Note(text=text),)))
    root = html.fromstring(page)
    assert not root.xpath("//script | //img | //iframe | //a | //@onerror | //@src | //@href")
    # Long runs may break after 24 characters, at a mark without width.
    assert _text(page).replace("\u200b", "").count(text) >= 2


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = render_page(sample_invoice())
    assert b'http-equiv="Content-Security-Policy" content="default-src \'none\'' in page
    assert not [word for word in (b"http://", b"https://", b"@import", b"url(") if word in page]


@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(invoices())
def test_any_invoice_has_a_page(invoice: Invoice) -> None:
    assert isinstance(html.fromstring(render_page(invoice)), etree._Element)


def test_the_code_for_the_banking_app_is_a_picture_in_the_page() -> None:
    picture = html.fromstring(render_page(sample_invoice())).find(".//svg")
    assert picture is not None
    assert picture.get("aria-label") == "Scan to pay with your banking app"
    assert picture.xpath(".//path/@d")
    assert not html.fromstring(render_page(sample_credit_note())).xpath("//svg")


def test_the_seller_s_logo_and_colour_are_on_the_page() -> None:
    look = Appearance("#f2c200", Logo(b"\x89PNG", "image/png", 2, 1))
    page = render_page(sample_invoice(), appearance=look)
    logo = html.fromstring(page).find(".//img")
    assert logo is not None
    assert logo.get("src") == "data:image/png;base64,iVBORw=="
    assert logo.get("alt") == "Tulip Instruments"
    assert b"--accent: #f2c200; --heading: #1b2a3d; --on-accent: #1b2a3d" in page
    assert b"img-src data:" in page


def test_each_number_of_a_line_has_its_label_for_narrow_screens() -> None:
    page = html.fromstring(render_page(sample_invoice(), language="de"))
    labels = page.xpath("//table[@class='lines']/tbody/tr[1]/td/@data-label")
    assert labels == ["Menge", "Preis", "USt", "Betrag"]


def test_an_invoice_that_says_little_has_a_short_page() -> None:
    little = Invoice(seller=Seller(name="Tulip"), totals=Totals(due=Decimal("12.10")), currency="EUR")
    assert "EUR 12.10" in _text(render_page(little))


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ConfigError, match="no words in 'tlh'"):
        render_page(sample_invoice(), language="tlh")
