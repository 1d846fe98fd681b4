"""Detection: what a file is, in one line, whatever its name says and whatever someone sends."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfWriter

from formats.detection import detect
from formats.errors import MalformedDocument
from formats.registry import PROFILES, SYNTAXES
from formats.syntaxes import cii, ubl, xml
from tests.formats.syntaxes.national import polish
from tests.official import documents, folder
from tests.strategies import sample_credit_note, sample_invoice

UBL = ubl.write(sample_invoice())
CII = cii.write(PROFILES["en16931-cii"].prepare(sample_invoice()))


def _pdf(*attachments: tuple[str, bytes], password: str | None = None) -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(width=100, height=100)
    for name, content in attachments:
        writer.add_attachment(name, content)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    written = BytesIO()
    writer.write(written)
    return written.getvalue()


def _inflating_pdf(unpacked: int) -> bytes:
    """A small PDF whose attachment is blanks, `unpacked` bytes of them."""
    packer = zlib.compressobj(9)
    blanks = b" " * 1024 * 1024
    packed = b"".join(packer.compress(blanks) for _ in range(unpacked // len(blanks))) + packer.flush()
    objects = (
        b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(factur-x.xml)3 0 R]>>>>>>",
        b"<</Type/Pages/Kids[]/Count 0>>",
        b"<</Type/Filespec/F(factur-x.xml)/UF(factur-x.xml)/EF<</F 4 0 R>>>>",
        b"<</Type/EmbeddedFile/Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(packed), packed),
    )
    content, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(b"%010d 00000 n \n" % len(content))
        content += b"%d 0 obj%b\nendobj\n" % (number, body)
    table = b"xref\n0 5\n0000000000 65535 f \n" + b"".join(places)
    return content + table + b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(content)


def test_a_small_attachment_may_be_packed() -> None:
    """The hand-made PDF is sound: only the size of what it unpacks to is refused below."""
    assert detect(_inflating_pdf(1024 * 1024)).reason == "the document is empty"


@pytest.mark.parametrize("key", PROFILES)
def test_what_we_write_we_recognise(key: str) -> None:
    """Invoices and credit notes under each profile; one that belongs into a PDF is put into one."""
    profile = PROFILES[key]
    for invoice in (sample_invoice(), sample_credit_note()):
        # Poland has no other rates than its own.
        said = polish(invoice) if profile.syntax == "ksef-fa3" else invoice
        document = SYNTAXES[profile.syntax].write(profile.prepare(said))
        found = detect(_pdf(("factur-x.xml", document)) if profile.in_pdf else document)
        assert (found.syntax, found.profile_key, found.document) == (profile.syntax, key, document)
        assert profile.title in found.reason


def test_roots_tell_invoices_from_credit_notes() -> None:
    assert detect(UBL).root == "Invoice"
    assert detect(ubl.write(sample_credit_note())).root == "CreditNote"
    assert detect(CII).root == "CrossIndustryInvoice"


@pytest.mark.parametrize("name", ["factur-x.xml", "ZUGFeRD-invoice.xml", "xrechnung.xml", "invoice-7.xml"])
def test_the_invoice_is_taken_out_of_a_hybrid_pdf(name: str) -> None:
    """Under each published name, and under any other if it is the only XML."""
    found = detect(_pdf(("letter.txt", b"Dear customer"), (name, CII)))
    assert (found.syntax, found.embedded_name, found.document) == ("cii-d16b", name, CII)


def test_a_published_name_counts_before_other_xml() -> None:
    found = detect(_pdf(("order.xml", b"<Order/>"), ("factur-x.xml", CII)))
    assert found.embedded_name == "factur-x.xml"


_BOMB = b"".join(b'<!ENTITY b%d "%s">' % (n, b"&b%d;" % (n - 1) * 10) for n in range(1, 9))
REFUSED = {
    "empty": (b"", "the document is empty"),
    "blank": (b" \r\n ", "the document is empty"),
    "not XML": (b"Dear customer, please find attached", "not XML"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "not XML"),
    "truncated": (UBL[: len(UBL) // 2], "breaks off"),
    "wrong encoding": (UBL.replace("Müller".encode(), "Müller".encode("latin-1")), "not in the encoding"),
    "unknown encoding": (UBL.replace(b"'UTF-8'", b"'KLINGON'"), "not in the encoding"),
    "entity bomb": (
        b'<!DOCTYPE a [<!ENTITY b0 "lol">' + _BOMB + b"]><a>&b8;</a>",
        "document type declaration",
    ),
    "bomb after a comment": (b"<?xml version='1.0'?><!-- <a> --> <!DOCTYPE a []><a/>", "type declaration"),
    "bomb in UTF-16": ("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>".encode("utf-16"), "document type declaration"),
    "unknown root": (b"<Delivery/>", "root element Delivery is that of no invoice"),
    "a known other": (b'<FatturaElettronica versione="FPR12"/>', "FatturaPA"),
    "no name space": (b"<Invoice/>", "in the name space none"),
    "old name space": (UBL.replace(b"Invoice-2", b"Invoice-1"), "xsd:Invoice-1; UBL 2.1 has"),
    "mixed": (UBL.replace(b"CommonBasicComponents-2", b"CommonBasicComponents-3"), "name spaces are mixed"),
    "a PDF without XML": (_pdf(("letter.txt", b"Dear customer")), "the PDF carries no XML invoice"),
    "a PDF with two": (_pdf(("a.xml", CII), ("b.xml", CII)), "2 XML files"),
    "a broken PDF": (_pdf(("factur-x.xml", CII))[:300], "the PDF is damaged: "),
    "a protected PDF": (_pdf(("factur-x.xml", CII), password="hidden"), "the PDF is encrypted"),
    "a PDF with other XML": (_pdf(("factur-x.xml", b"<Delivery/>")), "root element Delivery"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_invoice_is_refused_in_one_line(name: str) -> None:
    content, reason = REFUSED[name]
    found = detect(content)
    assert (found.syntax, found.profile_key) == (None, None)
    assert reason in found.reason
    assert "\n" not in found.reason


@pytest.mark.parametrize(
    ("identifier", "reason"), [("urn:unknown", "known here: urn:unknown"), (None, "(BT-24) is missing")]
)
def test_an_unknown_profile_is_still_a_known_vocabulary(identifier: str | None, reason: str) -> None:
    found = detect(ubl.write(replace(sample_invoice(), specification_id=identifier)))
    assert (found.syntax, found.profile_key) == ("ubl-2.1", None)
    assert found.reason.endswith(reason)


_DETECT = "import sys; from formats.detection import detect; print(detect(sys.stdin.buffer.read()).reason)"
_MOST_MEMORY = 1_500 * 1024 * 1024
_MOST_SECONDS = 30


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_SECONDS, _MOST_SECONDS))


def _deep() -> bytes:
    return b"<a>" * 10_000 + b"</a>" * 10_000


# Made when needed: together they are half a gigabyte.
MONSTERS: dict[str, tuple[Callable[[], bytes], str]] = {
    "deep": (_deep, "nested too deep"),
    "deep and large": (lambda: b"<!--" + b"x" * 11_000_000 + b"-->" + _deep(), "nested too deep"),
    "deep and open": (lambda: b"<a>" * 2_000_000, "nested too deep"),
    "elements": (lambda: b"<a>" + b"<b/>" * 8_100_000 + b"</a>", "more than 8000000 elements"),
    "attributes": (lambda: b"<a " + b"b='' " * 8_100_000 + b"/>", "more than 8000000 elements"),
    "100 MB": (lambda: b"<a>" + b"x" * (100 * 1024 * 1024) + b"</a>", "104857600 are allowed"),
    "100 MB PDF": (lambda: b"%PDF-1.7" + bytes(100 * 1024 * 1024), "104857600 are allowed"),
    "PDF bomb": (lambda: _inflating_pdf(120 * 1024 * 1024), "packed so that it would fill the memory"),
    "prolog": (lambda: b"<!-- x --> " * 1_000_000, "not XML|breaks off|damaged"),
    "just allowed": (lambda: b"<a>" + b"<b/>" * 7_900_000 + b"</a>", "root element a is that of no invoice"),
}


@pytest.mark.parametrize("name", MONSTERS)
def test_monsters_are_refused_in_bounded_time_and_memory(name: str) -> None:
    """10,000 levels, millions of elements, 100 MB: in a process with little memory and half a minute."""
    make, reason = MONSTERS[name]
    content = make()
    answer = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", _DETECT],
        input=content,
        capture_output=True,
        preexec_fn=_limit,  # the child runs no threads before it limits itself
        check=True,
    )
    assert re.search(reason, answer.stdout.decode())


def test_as_many_levels_as_an_invoice_needs_are_read() -> None:
    """The parser's own limit leaves room: the deepest term lies nine levels down."""
    assert xml.parse(b"<a>" * 200 + b"</a>" * 200).tag == "a"
    with pytest.raises(MalformedDocument, match="nested too deep"):
        xml.parse(b"<a>" * 300 + b"</a>" * 300)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_have_an_answer(content: bytes) -> None:
    assert detect(content).reason


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damaged_pdfs_have_an_answer(data: st.DataObject) -> None:
    """A few stretches of a good PDF replaced by anything."""
    content = _pdf(("factur-x.xml", CII))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(8, len(content) - 1))
        length = data.draw(st.integers(0, 60))
        content = content[:start] + data.draw(st.binary(max_size=30)) + content[start + length :]
    assert detect(content).reason


@pytest.mark.parametrize("name", ["en16931", "zugferd-2.1/Beispiele/EN16931"])
def test_official_hybrid_pdfs_are_read(name: str) -> None:
    found = sorted(folder(f"zugferd/pdf/{name}").glob("*.pdf"))
    assert found
    for path in found:
        seen = detect(path.read_bytes())
        assert seen.profile_key == "facturx-en16931", path.name
        assert cii.read(seen.document).number


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("peppol-bis-3/examples", "peppol-bis-3"),
        ("zugferd/xml/en16931", "en16931-cii"),
    ],
)
def test_official_documents_are_recognised(name: str, key: str) -> None:
    for path in documents(name):
        assert detect(path.read_bytes()).profile_key == key, path.name


def test_an_element_with_very_many_attributes_is_refused_at_once() -> None:
    """To list them would take time with the square of their number."""
    many = " ".join(f'a{number}="1"' for number in range(60_000))
    namespace = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
    found = detect(f'<Invoice xmlns="{namespace}" {many}/>'.encode())
    assert found.syntax is None
    assert "more than 500 attributes" in found.reason
