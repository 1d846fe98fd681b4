"""Reading the XML out of a PDF: what is not certain is refused, and what is too much is never unpacked."""

from __future__ import annotations

import resource
import time
import zlib
from io import BytesIO

import pikepdf
import pytest

from formats.envelopes.hybrid_pdf import LARGEST, embedded_invoice, is_pdf
from formats.errors import MalformedDocument

_GIGABYTE = 1024**3


def _pdf(*files: tuple[str, bytes]) -> bytes:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        specs = [
            pdf.make_indirect(
                pikepdf.Dictionary(
                    Type=pikepdf.Name.Filespec,
                    F=name,
                    UF=name,
                    EF=pikepdf.Dictionary(F=pdf.make_stream(content)),
                )
            )
            for name, content in files
        ]
        pairs = [part for (name, _), spec in zip(files, specs, strict=True) for part in (name, spec)]
        tree = pikepdf.Dictionary(EmbeddedFiles=pikepdf.Dictionary(Names=pikepdf.Array(pairs)))
        pdf.Root.Names = tree
        written = BytesIO()
        pdf.save(written)
        return written.getvalue()


def test_the_published_name_counts_whatever_else_is_attached() -> None:
    found = embedded_invoice(_pdf(("a.xml", b"<a/>"), ("Factur-X.xml", b"<b/>"), ("z.pdf", b"%PDF-")))
    assert (found.name, found.content) == ("Factur-X.xml", b"<b/>")


def test_one_xml_under_another_name_will_do() -> None:
    assert embedded_invoice(_pdf(("rechnung.xml", b"<a/>"), ("terms.txt", b"-"))).content == b"<a/>"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "no XML invoice"),
        ([("a.txt", b"-")], "no XML invoice"),
        ([("a.xml", b"<a/>"), ("b.xml", b"<b/>")], "2 XML files, none under a name of Factur-X"),
        (
            [("factur-x.xml", b"<a/>"), ("xrechnung.xml", b"<b/>")],
            "2 different XML invoices: factur-x.xml, xrechnung.xml",
        ),
        ([("factur-x.xml", b"<a/>"), ("factur-x.xml", b"<b/>")], "2 different XML invoices: factur-x.xml"),
    ],
    ids=["none", "no XML", "two of other names", "two published names", "one name twice"],
)
def test_without_one_certain_invoice_there_is_none(files: list[tuple[str, bytes]], said: str) -> None:
    with pytest.raises(MalformedDocument, match=said):
        embedded_invoice(_pdf(*files))


def test_the_same_invoice_under_two_names_is_one() -> None:
    found = embedded_invoice(_pdf(("zugferd-invoice.xml", b"<a/>"), ("factur-x.xml", b"<a/>")))
    assert (found.name, found.content) == ("factur-x.xml", b"<a/>")


@pytest.mark.parametrize("user", ["u", ""], ids=["password to open", "no password to open"])
def test_an_encrypted_pdf_is_named_as_such(user: str) -> None:
    with pikepdf.open(BytesIO(_pdf(("factur-x.xml", b"<a/>")))) as pdf:
        written = BytesIO()
        pdf.save(written, encryption=pikepdf.Encryption(owner="o", user=user, R=6))
    with pytest.raises(MalformedDocument, match="the PDF is encrypted"):
        embedded_invoice(written.getvalue())


def _bomb() -> bytes:
    """A zlib stream of a gigabyte of blanks, made of one megabyte that is repeated."""
    packer = zlib.compressobj()
    start = packer.compress(b" ") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * 1024**2) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * 1024


@pytest.mark.parametrize("layers", [1, 2])
def test_a_gigabyte_is_not_unpacked(layers: int) -> None:
    """The memory that the process ever took and the time stay small, also where a packed stream is packed
    again."""
    content = _bomb()
    for _ in range(layers - 1):
        content = zlib.compress(content)
    with pikepdf.open(BytesIO(_pdf(("factur-x.xml", b"<a/>")))) as pdf:
        stream = next(one for one in pdf.objects if isinstance(one, pikepdf.Stream) and not one.get("/Type"))
        stream.write(
            content, filter=pikepdf.Array([pikepdf.Name.FlateDecode] * layers), type_check=False
        ) if layers > 1 else stream.write(content, filter=pikepdf.Name.FlateDecode)
        written = BytesIO()
        pdf.save(written, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(MalformedDocument, match="would fill the memory"):
        embedded_invoice(written.getvalue())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 * 1024
    assert time.process_time() - started < 20


def test_a_pdf_of_many_bytes_is_not_even_looked_at() -> None:
    with pytest.raises(MalformedDocument, match="bytes, 104857600 are allowed"):
        embedded_invoice(b"%PDF-1.7" + bytes(LARGEST))


@pytest.mark.parametrize("cut", [20, 200, 500])
def test_a_damaged_pdf_is_refused(cut: int) -> None:
    content = _pdf(("factur-x.xml", b"<a/>"))
    with pytest.raises(MalformedDocument):
        embedded_invoice(content[:cut])


def test_a_pdf_is_told_by_its_mark() -> None:
    assert is_pdf(b"\n\n%PDF-1.4")
    assert not is_pdf(b"<Invoice/>")
