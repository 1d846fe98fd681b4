"""gateway convert and render: any readable invoice into any profile, and no loss in silence."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from typer.testing import CliRunner

from formats.detection import detect
from formats.errors import ConfigError, MalformedDocument, SignatureInvalid
from formats.model import Invoice
from formats.registry import PROFILES, SYNTAXES
from formats.render.hybrid import render_hybrid
from formats.signatures import profiles as signatures
from formats.syntaxes import cii, ubl
from gateway.cli.main import app
from gateway.rules.engine import RulesEngine
from tests.formats.signatures import authority
from tests.strategies import every_term, sample_credit_note, sample_invoice

RUNNER = CliRunner()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "invoice"


@pytest.mark.parametrize("invoice", [sample_invoice(), sample_credit_note()], ids=["invoice", "credit note"])
@pytest.mark.parametrize("key", [key for key, profile in PROFILES.items() if not profile.national])
@pytest.mark.parametrize("source", [ubl, cii], ids=["UBL", "CII"])
def test_every_profile_is_reached_from_both_vocabularies(
    source: object, key: str, invoice: Invoice, file: Path
) -> None:
    """The document is that profile's, and says the same; what it has no room for is named, and no more."""
    assert source in (ubl, cii)
    file.write_bytes((ubl if source is ubl else cii).write(invoice))
    done = RUNNER.invoke(app, ["convert", str(file), "--to", key], catch_exceptions=False)
    profile = PROFILES[key]
    assert done.exit_code == 0
    assert not profile.judged_only or f"check the result with gateway validate --profile {key}" in done.stderr
    lost = [line for line in done.stderr.splitlines() if line.startswith("not carried by")]
    assert len(lost) == len(profile.lost(invoice))
    assert profile.judged_only or lost == done.stderr.splitlines()
    found = detect(done.stdout_bytes)
    assert found.syntax == profile.syntax
    assert SYNTAXES[profile.syntax].read(done.stdout_bytes) == profile.prepare(invoice)


def test_to_cii_and_back_gives_the_same_bytes(file: Path) -> None:
    """All terms of the standard make the round trip through files."""
    there, back = file.with_suffix(".cii"), file.with_suffix(".ubl")
    original = ubl.write(PROFILES["peppol-bis-3"].prepare(every_term("380")))
    file.write_bytes(original)
    for source, key, out in ((file, "en16931-cii", there), (there, "peppol-bis-3", back)):
        RUNNER.invoke(app, ["convert", str(source), "--to", key, "-o", str(out)], catch_exceptions=False)
    assert b"CrossIndustryInvoice" in there.read_bytes()
    assert back.read_bytes() == original


def test_each_loss_is_named(file: Path) -> None:
    """What the source says beyond the standard, and what the target cannot carry."""
    noted = replace(sample_credit_note(), project_reference="P-1", payment=None)
    file.write_bytes(cii.write(noted).replace(b"Project reference", b"Town hall"))
    done = RUNNER.invoke(app, ["convert", str(file), "--to", "en16931-ubl"], catch_exceptions=False)
    assert done.exit_code == 0
    beyond, lost = done.stderr.splitlines()
    assert beyond.startswith("in no business term, so not carried: /rsm:CrossIndustryInvoice/")
    assert beyond.endswith("ram:SpecifiedProcuringProject/ram:Name")
    assert lost == "not carried by EN 16931 core invoice, UBL 2.1: BT-9 Payment due date"
    assert ubl.read(done.stdout_bytes) == replace(PROFILES["en16931-ubl"].prepare(noted), due_date=None)


def test_a_gross_price_needs_no_discount(file: Path) -> None:
    """UBL's schema wants one beside it; what is written keeps to the schema and nothing is lost."""
    lines = tuple(
        replace(line, price=replace(line.price, gross=line.price.net, discount=None) if line.price else None)
        for line in sample_invoice().lines
    )
    priced = replace(sample_invoice(), lines=lines)
    file.write_bytes(cii.write(priced))
    done = RUNNER.invoke(app, ["convert", str(file), "--to", "peppol-bis-3"], catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    with RulesEngine() as engine:
        assert engine.check(done.stdout_bytes, PROFILES["peppol-bis-3"]).fatal == ()
    assert ubl.read(done.stdout_bytes) == PROFILES["peppol-bis-3"].prepare(priced)


def test_strict_writes_nothing_where_anything_is_lost(file: Path) -> None:
    file.write_bytes(cii.write(replace(sample_credit_note(), payment=None)))
    out = file.with_suffix(".xml")
    arguments = ["convert", str(file), "--to", "peppol-bis-3", "--strict", "-o", str(out)]
    done = RUNNER.invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 1
    assert "BT-9" in done.stderr
    assert not out.exists()


@pytest.fixture
def hybrid(file: Path) -> Path:
    writer = PdfWriter()
    writer.add_blank_page(width=100, height=100)
    writer.add_attachment("factur-x.xml", cii.write(PROFILES["facturx-en16931"].prepare(sample_invoice())))
    written = BytesIO()
    writer.write(written)
    file.write_bytes(written.getvalue())
    return file


def test_a_hybrid_pdf_is_an_invoice_too(hybrid: Path) -> None:
    done = RUNNER.invoke(app, ["convert", str(hybrid), "--to", "peppol-bis-3"], catch_exceptions=False)
    assert ubl.read(done.stdout_bytes) == sample_invoice()


def test_a_profile_for_pdfs_gives_a_pdf_that_carries_the_xml(file: Path) -> None:
    """Where a PDF is asked for by its name; under another profile there is none."""
    file.write_bytes(ubl.write(sample_invoice()))
    out = file.with_suffix(".pdf")
    arguments = ["convert", str(file), "--to", "facturx-en16931", "-o", str(out), "--language", "de"]
    done = RUNNER.invoke(app, arguments, catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    found = detect(out.read_bytes())
    assert found.profile_key == "facturx-en16931"
    assert cii.read(found.document) == PROFILES["facturx-en16931"].prepare(sample_invoice())
    assert "Rechnung" in PdfReader(out).pages[0].extract_text()
    arguments[3] = "peppol-bis-3"
    with pytest.raises(ConfigError, match="no PDF carries"):
        RUNNER.invoke(app, arguments, catch_exceptions=False)


def test_a_readable_pdf_is_made_of_any_of_them(hybrid: Path) -> None:
    out = hybrid.with_suffix(".pdf")
    RUNNER.invoke(app, ["render", str(hybrid), "-o", str(out)], catch_exceptions=False)
    assert "Tulip Instruments" in PdfReader(out).pages[0].extract_text()


def test_an_html_page_too(hybrid: Path) -> None:
    out = hybrid.with_suffix(".html")
    arguments = ["render", str(hybrid), "-o", str(out), "--language", "de"]
    RUNNER.invoke(app, arguments, catch_exceptions=False)
    assert "Tulip Instruments" in out.read_text(encoding="utf-8")


def test_other_files_are_not_rendered(hybrid: Path) -> None:
    with pytest.raises(ConfigError, match="doc cannot be written"):
        RUNNER.invoke(app, ["render", str(hybrid), "-o", "x.doc"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the document is empty"),
        (b"%PDF-1.7 nothing", "the PDF is damaged"),
        (b"<Order/>", "a purchase order"),
        (ubl.write(sample_invoice()).replace(b">299.00<", b">much<"), "'much' is not a number"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_file(content: bytes, reason: str, file: Path) -> None:
    file.write_bytes(content)
    with pytest.raises(MalformedDocument, match=reason) as caught:
        RUNNER.invoke(app, ["convert", str(file), "--to", "en16931-cii"], catch_exceptions=False)
    assert caught.value.where.startswith(str(file))


def test_a_file_over_the_limit_is_not_even_read(file: Path) -> None:
    with file.open("wb") as sparse:
        sparse.truncate(100 * 1024 * 1024 + 1)
    with pytest.raises(MalformedDocument, match="104857600 are allowed"):
        RUNNER.invoke(app, ["convert", str(file), "--to", "en16931-cii"], catch_exceptions=False)


@pytest.mark.parametrize("arguments", [["nowhere.xml", "--to", "en16931-cii"], ["x.xml", "--to", "klingon"]])
def test_wrong_calls_are_said(arguments: list[str]) -> None:
    with pytest.raises(ConfigError):
        RUNNER.invoke(app, ["convert", *arguments], catch_exceptions=False)


def test_a_business_process_that_the_profile_replaces_is_named(file: Path) -> None:
    file.write_bytes(ubl.write(replace(sample_invoice(), business_process="urn:example:own-process")))
    done = RUNNER.invoke(app, ["convert", str(file), "--to", "peppol-bis-3"], catch_exceptions=False)
    assert "BT-23" in done.stderr
    same = ubl.write(PROFILES["peppol-bis-3"].prepare(sample_invoice()))
    file.write_bytes(same)
    assert not RUNNER.invoke(app, ["convert", str(file), "--to", "peppol-bis-3"]).stderr


def _altered(kind: str) -> bytes:
    profile = PROFILES["facturx-en16931" if kind == "pades-b" else "peppol-bis-3"]
    content = SYNTAXES[profile.syntax].write(profile.prepare(sample_invoice()))
    if kind == "pades-b":
        content = render_hybrid(sample_invoice(), content, profile, language="en")
    signed = signatures.named(kind).sign(content, authority.signer(), authority.NOW).content
    old, new = (b"/Lang", b"/Lagn") if kind == "pades-b" else (b">EUR</", b">USD</")
    assert old in signed
    return signed.replace(old, new, 1)


@pytest.mark.parametrize("kind", ["ubl-xades", "pades-b"])
def test_what_was_altered_after_it_was_signed_is_refused(kind: str, file: Path) -> None:
    """Unless a person asks to see it."""
    file.write_bytes(_altered(kind))
    found = detect(file.read_bytes())
    assert (found.syntax, found.tree, found.altered) == (None, None, True)
    assert "the signature fails" in found.reason
    out = file.with_suffix(".html")
    for command in (["convert", str(file), "--to", "en16931-cii"], ["render", str(file), "-o", str(out)]):
        with pytest.raises(SignatureInvalid, match="the signature fails"):
            RUNNER.invoke(app, command, catch_exceptions=False)
        shown = RUNNER.invoke(app, [*command, "--despite-signature"], catch_exceptions=False)
        assert shown.exit_code == 0
        assert "the signature fails" in shown.stderr
    assert out.exists()
