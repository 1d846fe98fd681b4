"""What people hand to convert although it cannot be done: one clear sentence, and no half a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Final

import pikepdf
import pytest
from typer.testing import CliRunner

from formats.errors import DocumentError
from formats.model import Invoice
from formats.registry import PROFILES, SYNTAXES
from formats.signatures import profiles
from formats.syntaxes import cii, fatturapa, ubl, xml
from gateway.cli.main import app
from tests.formats.envelopes.test_hybrid_pdf import _bomb, _pdf
from tests.formats.signatures.authority import NOW, signer, stranger
from tests.formats.syntaxes.national import polish, spanish
from tests.strategies import sample_invoice

CII: Final = cii.write(PROFILES["en16931-cii"].prepare(sample_invoice()))


def _italian() -> bytes:
    return fatturapa.BINDING.write(PROFILES["fatturapa-fpr12"].prepare(sample_invoice()))


def _p7m() -> bytes:
    return profiles.named("fatturapa-cades").sign(_italian(), signer(), NOW).content


def _broken_p7m() -> bytes:
    return _p7m().replace(b"Pressure gauge", b"Pressure gange")


def _several() -> bytes:
    both = xml.parse(_italian())
    both.append(xml.parse(_italian())[-1])
    return xml.serialize(both)


def _encrypted() -> bytes:
    with pikepdf.open(BytesIO(_pdf(("factur-x.xml", CII)))) as pdf:
        written = BytesIO()
        pdf.save(written, encryption=pikepdf.Encryption(owner="o", user="u", R=6))
    return written.getvalue()


def _gigabyte() -> bytes:
    with pikepdf.open(BytesIO(_pdf(("factur-x.xml", b"<a/>")))) as pdf:
        stream = next(one for one in pdf.objects if isinstance(one, pikepdf.Stream) and not one.get("/Type"))
        stream.write(_bomb(), filter=pikepdf.Name.FlateDecode)
        written = BytesIO()
        pdf.save(written, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return written.getvalue()


REFUSED: Final[dict[str, tuple[Callable[[], bytes], str]]] = {
    "a changed .p7m": (_broken_p7m, "the signature fails"),
    "half a .p7m": (lambda: _p7m()[:3000], "not XML|breaks off|damaged|cut off|ends"),
    "a PDF with two XMLs": (
        lambda: _pdf(("factur-x.xml", CII), ("xrechnung.xml", CII.replace(b"PG-200", b"PG-201"))),
        "2 different XML invoices: factur-x.xml, xrechnung.xml",
    ),
    "a PDF without XML": (lambda: _pdf(("letter.txt", b"Dear customer")), "carries no XML invoice"),
    "an encrypted PDF": (_encrypted, "the PDF is encrypted"),
    "a PDF that unpacks to a gigabyte": (_gigabyte, "would fill the memory"),
    "a FatturaPA with two invoices": (_several, "2 invoices"),
}


def _refused(content: bytes, to: str, tmp_path: Path) -> str:
    """What is said; whatever was at the place of the result is there as it was, and nothing else."""
    source, out = tmp_path / "in", tmp_path / "out" / "result.xml"
    source.write_bytes(content)
    out.parent.mkdir()
    out.write_bytes(b"yesterday's")
    done = CliRunner().invoke(app, ["convert", str(source), "--to", to, "-o", str(out)])
    assert isinstance(done.exception, DocumentError)
    assert out.read_bytes() == b"yesterday's"
    assert list(out.parent.iterdir()) == [out]
    return f"{done.exception.what} ({done.exception.fix})"


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_and_nothing_is_written(case: str, tmp_path: Path) -> None:
    make, said = REFUSED[case]
    told = _refused(make(), "en16931-ubl", tmp_path)
    assert any(part in told for part in said.split("|")), told


WRITTEN: Final[dict[str, tuple[str, Callable[[], Invoice], str]]] = {
    "a currency that Spain does not have": (
        "facturae",
        lambda: spanish(sample_invoice(), currency="XTS"),
        "no currency XTS",
    ),
    "a rate that Poland does not have": (
        "ksef",
        lambda: replace(polish(sample_invoice()), vat_breakdown=sample_invoice().vat_breakdown),
        "VAT category S with the rate 21",
    ),
    "a category that Italy does not have": (
        "fatturapa-fpr12",
        lambda: replace(
            sample_invoice(),
            vat_breakdown=tuple(replace(row, category="L") for row in sample_invoice().vat_breakdown),
        ),
        "Italy",
    ),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_what_the_format_cannot_say_is_refused_by_name(case: str, tmp_path: Path) -> None:
    to, make, said = WRITTEN[case]
    assert said in _refused(ubl.write(make()), to, tmp_path)


def test_a_strangers_signature_is_told_and_the_document_still_read(tmp_path: Path) -> None:
    source = tmp_path / "in.xml.p7m"
    source.write_bytes(profiles.named("fatturapa-cades").sign(_italian(), stranger(), NOW).content)
    done = CliRunner().invoke(app, ["convert", str(source), "--to", "en16931-ubl"])
    assert done.exit_code == 0
    assert f"signed by {stranger().facts.subject}" in done.stderr
    assert "not verified" in done.stderr


def test_an_expired_certificate_is_told_with_its_day(tmp_path: Path) -> None:
    """A Facturae that was signed in time reads on, and the archive's question gets the archive's answer."""
    from formats.signatures.inspection import inspect

    document = SYNTAXES["facturae-3.2.2"].write(spanish(sample_invoice()))
    signed = profiles.named("facturae-3.1").sign(document, signer(), NOW).content
    later = signer().facts.valid_to + timedelta(days=1)
    from tests.formats.signatures.authority import trust

    (told,) = inspect(signed, trust(), later)
    assert told.outcome == "INDETERMINATE"
    assert f"expired on {signer().facts.valid_to:%Y-%m-%d}" in told.sentence
    (told,) = inspect(signed, replace(trust(), claimed_time_counts=True), later)
    assert told.outcome == "TOTAL-PASSED"
