"""Factur-X and ZUGFeRD: a PDF for people that carries the XML for machines, judged by others than us."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import facturx  # type: ignore[import-untyped]
import pikepdf
import pytest
from lxml import etree
from pypdf import PdfReader

from formats.detection import detect
from formats.envelopes.hybrid_pdf import embedded_invoice
from formats.errors import ConfigError, MalformedDocument
from formats.model import Invoice, Note
from formats.profiles.facturx import HYBRIDS
from formats.registry import PROFILES, SYNTAXES
from formats.render.hybrid import render_hybrid
from formats.signatures import pades
from tests.formats.envelopes.verapdf import broken_clauses, needs_verapdf
from tests.formats.signatures.authority import NOW, signer
from tests.strategies import every_term, sample_credit_note, sample_invoice

_LEVELS = {
    "facturx-minimum": "minimum",
    "facturx-basicwl": "basicwl",
    "facturx-basic": "basic",
    "facturx-en16931": "en16931",
    "facturx-extended": "extended",
}


def _in(invoice: Invoice, seller: str, buyer: str = "BE") -> Invoice:
    assert invoice.seller is not None
    assert invoice.seller.address is not None
    assert invoice.buyer is not None
    assert invoice.buyer.address is not None
    return replace(
        invoice,
        seller=replace(invoice.seller, address=replace(invoice.seller.address, country=seller)),
        buyer=replace(invoice.buyer, address=replace(invoice.buyer.address, country=buyer)),
    )


def _hybrid(key: str, invoice: Invoice) -> bytes:
    profile = PROFILES[key]
    document = SYNTAXES[profile.syntax].write(profile.prepare(invoice))
    return render_hybrid(invoice, document, profile)


@pytest.mark.parametrize("key", HYBRIDS)
def test_every_profile_is_found_again_in_its_pdf(key: str) -> None:
    """By our own reader, under the name that the profile gives the file."""
    found = detect(_hybrid(key, _in(sample_invoice(), "FR")))
    assert found.profile_key == key
    assert found.embedded_name == HYBRIDS[key].filename
    assert SYNTAXES["cii-d16b"].read(found.document) == PROFILES[key].prepare(_in(sample_invoice(), "FR"))


@pytest.mark.parametrize("invoice", [sample_invoice(), sample_credit_note()], ids=["invoice", "credit note"])
@pytest.mark.parametrize("key", _LEVELS)
def test_the_factur_x_package_agrees(key: str, invoice: Invoice) -> None:
    """It finds the XML, and its schema of the profile takes it."""
    name, document = facturx.get_facturx_xml_from_pdf(_hybrid(key, _in(invoice, "FR")), check_xsd=True)
    assert name == "factur-x.xml"
    assert facturx.get_level(etree.fromstring(document)) == _LEVELS[key]


@pytest.mark.parametrize(
    ("key", "seller", "buyer", "relationship"),
    [
        ("facturx-en16931", "DE", "DE", "/Alternative"),
        ("facturx-en16931", "FR", "FR", "/Data"),
        ("facturx-en16931", "FR", "DE", "/Alternative"),
        ("facturx-extended", "NL", "BE", "/Alternative"),
        ("facturx-minimum", "FR", "FR", "/Data"),
    ],
)
def test_the_relation_of_xml_and_pages_follows_from_the_country(
    key: str, seller: str, buyer: str, relationship: str
) -> None:
    with pikepdf.open(BytesIO(_hybrid(key, _in(sample_invoice(), seller, buyer)))) as pdf:
        assert str(pdf.Root.AF[0].AFRelationship) == relationship


@pytest.mark.parametrize("key", ["facturx-minimum", "facturx-basicwl"])
def test_a_profile_without_lines_is_for_france_only(key: str) -> None:
    with pytest.raises(ConfigError, match="outside of France it is not an invoice"):
        _hybrid(key, _in(sample_invoice(), "DE"))


def test_other_profiles_have_no_pdf() -> None:
    with pytest.raises(ConfigError, match="no PDF carries Peppol BIS"):
        _hybrid("peppol-bis-3", sample_invoice())


def test_the_pages_say_what_the_profile_has_no_room_for() -> None:
    """And that the XML is attached, instead of calling it the invoice alone."""
    shown = " ".join(
        PdfReader(BytesIO(_hybrid("facturx-basic", sample_invoice()))).pages[0].extract_text().split()
    )
    assert "Per hour, travel included" in shown
    assert "the same invoice for machines: factur-x.xml" in shown
    lost = PROFILES["facturx-basic"].lost(sample_invoice())
    assert {"BT-154", "BG-6"} <= set(lost)


def test_a_character_without_a_glyph_is_no_half_made_pdfa() -> None:
    with pytest.raises(MalformedDocument, match="could not be typeset"):
        _hybrid("facturx-en16931", replace(sample_invoice(), notes=(Note(text="漢字"),)))


def test_the_same_invoice_gives_the_same_bytes() -> None:
    assert _hybrid("facturx-en16931", sample_invoice()) == _hybrid("facturx-en16931", sample_invoice())


def test_a_profile_leaves_out_what_it_has_no_room_for_and_says_so() -> None:
    """Whatever the invoice says; what is left out is all that differs."""
    profile, invoice = PROFILES["facturx-basic"], every_term("380")
    prepared = profile.prepare(invoice)
    assert set(profile.lost(invoice)) == profile.without
    assert profile.lost(prepared) == ()
    assert prepared.lines[0].item is not None
    assert prepared.lines[0].item.description is None
    assert prepared.lines[0].note == invoice.lines[0].note


@needs_verapdf
def test_verapdf_finds_every_hybrid_valid(tmp_path: Path) -> None:
    """Also signed, also of an invoice that says everything; and a file that lacks what it asks for is
    refused, so the judge is awake."""
    files = {f"{key}.pdf": _hybrid(key, _in(sample_invoice(), "FR")) for key in HYBRIDS}
    files["every-term.pdf"] = _hybrid("facturx-en16931", every_term("380"))
    plain = files["facturx-en16931.pdf"]
    files["signed.pdf"] = pades.sign(plain, signer("rsa2048"), NOW)
    found = broken_clauses(tmp_path, files)
    assert found == dict.fromkeys(files, "3b []")
    spoiled = {
        "spoiled.pdf": plain.replace(b"ConformanceLevel</pdfaProperty", b"ConformanceLevex</pdfaProperty")
    }
    assert spoiled["spoiled.pdf"] != plain
    assert broken_clauses(tmp_path, spoiled)["spoiled.pdf"] != "3b []"


def test_a_signed_hybrid_still_gives_its_xml() -> None:
    plain = _hybrid("facturx-en16931", sample_invoice())
    assert embedded_invoice(pades.sign(plain, signer("rsa2048"), NOW)) == embedded_invoice(plain)
