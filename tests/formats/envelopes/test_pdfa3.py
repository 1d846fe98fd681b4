"""The PDF that carries an XML invoice: attached as Factur-X has it, and described as PDF/A-3 asks."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import pikepdf
import pytest
from lxml import etree

from formats.envelopes.pdfa3 import embed
from formats.errors import MalformedDocument
from formats.render.pdf import render_pdf
from tests.strategies import sample_invoice

_AT = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
_FX = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"


@pytest.fixture(scope="module")
def pages() -> bytes:
    return render_pdf(sample_invoice())


def _embedded(pages: bytes) -> bytes:
    return embed(
        pages, b"<a/>", filename="factur-x.xml", level="EN 16931", relationship="Alternative", at=_AT
    )


def test_the_file_is_attached_and_belongs_to_the_document(pages: bytes) -> None:
    with pikepdf.open(BytesIO(_embedded(pages))) as pdf:
        (spec,) = pdf.Root.AF
        assert (str(spec.F), str(spec.UF)) == ("factur-x.xml", "factur-x.xml")
        assert spec.AFRelationship == pikepdf.Name.Alternative
        assert spec.EF.F.Subtype == pikepdf.Name("/text/xml")
        assert int(spec.EF.F.Params.Size) == 4
        assert str(spec.EF.F.Params.ModDate) == "D:20261120123000Z"
        assert pdf.attachments["factur-x.xml"].get_file().read_bytes() == b"<a/>"


def test_the_metadata_name_the_invoice_and_stay_readable_without_a_pdf_program(pages: bytes) -> None:
    """PAdES and mail filters look for the packet as it is, so it is not packed."""
    content = _embedded(pages)
    start, end = content.index(b"<?xpacket begin"), content.index(b"<?xpacket end")
    root = etree.fromstring(content[start:end])
    said = {
        str(element.tag).removeprefix(_FX): element.text for element in root.iter() if _FX in str(element.tag)
    }
    assert said == {
        "DocumentType": "INVOICE",
        "DocumentFileName": "factur-x.xml",
        "Version": "1.0",
        "ConformanceLevel": "EN 16931",
    }
    assert len(root.findall(".//{http://www.aiim.org/pdfa/ns/extension/}schemas")) == 1


def test_the_same_arguments_give_the_same_bytes(pages: bytes) -> None:
    assert _embedded(pages) == _embedded(pages)


def test_the_pages_stay_as_they_were(pages: bytes) -> None:
    with pikepdf.open(BytesIO(pages)) as before, pikepdf.open(BytesIO(_embedded(pages))) as after:
        drawn = [[page.Contents.read_bytes() for page in pdf.pages] for pdf in (before, after)]
        assert drawn[0] == drawn[1]


def _plain() -> bytes:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        written = BytesIO()
        pdf.save(written)
        return written.getvalue()


def test_what_is_no_pdfa_is_refused(pages: bytes) -> None:
    for content, said in (
        (_plain(), "no metadata"),
        (b"%PDF-1.7", "damaged"),
        (_embedded(pages), "attachments already"),
        (pages.replace(b"pdfaid:part>3", b"pdfaxx:part>3"), "cannot be embedded|not well-formed|XML"),
    ):
        with pytest.raises(MalformedDocument, match=said):
            _embedded(content)
