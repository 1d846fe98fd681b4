"""Signatures in PDFs: ours and pyHanko's, with what was added or left out afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.envelopes.hybrid_pdf import embedded_invoice
from formats.errors import EInvoicingError, MalformedDocument
from formats.signatures import pades
from formats.signatures.errors import BrokenSignature, Distrust, UntrustedSigner, WeakSignature
from formats.signatures.verified import Kind
from tests import official
from tests.formats.signatures.authority import NOW, key_pem, pem, root, signer, stranger, trust
from tests.formats.signatures.programs import Folder, needs
from tests.formats.signatures.test_xmldsig import KEYS


@cache
def invoice_pdf() -> bytes:
    """One page that says nothing much."""
    with pikepdf.new() as made:
        made.add_blank_page(page_size=(595, 842))
        written = BytesIO()
        made.save(written, deterministic_id=True)
    return written.getvalue()


@cache
def signed_pdf(kind: str = "rsa2048") -> bytes:
    return pades.sign(invoice_pdf(), signer(kind), NOW)


@pytest.mark.parametrize("kind", KEYS)
def test_what_is_signed_verifies(kind: str) -> None:
    verified = pades.verify(signed_pdf(kind), trust(), NOW)
    assert verified.kind is Kind.PADES
    assert verified.algorithm == signer(kind).algorithm
    assert verified.signed_at == NOW
    assert verified.signer == signer(kind).facts
    assert len(verified.path) == 3
    assert verified.covered.startswith(invoice_pdf())


def test_the_document_stays_as_it_is_and_the_signature_comes_behind() -> None:
    assert signed_pdf().startswith(invoice_pdf())


@needs("pdfsig")
@pytest.mark.parametrize("kind", KEYS)
def test_pdfsig_verifies_what_we_sign(kind: str, folder: Folder) -> None:
    said = folder.run("pdfsig", "-nocert", folder.write("signed.pdf", signed_pdf(kind))).stdout.decode()
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said
    changed = signed_pdf(kind).replace(b"/MediaBox", b"/MediaBux", 1)
    said = folder.run("pdfsig", "-nocert", folder.write("changed.pdf", changed)).stdout.decode()
    assert "Signature is Valid" not in said


@pytest.mark.parametrize("kind", KEYS)
def test_pyhankos_own_validation_verifies_what_we_sign(kind: str) -> None:
    from asn1crypto import x509 as asn1_x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    anchor = asn1_x509.Certificate.load(root().public_bytes(Encoding.DER))
    status = validate_pdf_signature(
        PdfFileReader(BytesIO(signed_pdf(kind))).embedded_signatures[0],
        ValidationContext(trust_roots=[anchor], moment=NOW, allow_fetching=False),
    )
    assert status.bottom_line, status.summary()


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("subfilter", ["PADES", "ADOBE_PKCS7_DETACHED"])
def test_we_verify_what_pyhankos_own_signer_signs(kind: str, subfilter: str, folder: Folder) -> None:
    made = pyhanko_signed(kind, subfilter, folder.path)
    verified = pades.verify(made, trust(), NOW + timedelta(days=30))
    assert verified.kind is (Kind.PADES if subfilter == "PADES" else Kind.PDF_CMS)


def pyhanko_signed(kind: str, subfilter: str, folder: Path, digest: str = "sha256") -> bytes:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers
    from pyhanko.sign.fields import SigSeedSubFilter

    one = signer(kind)
    (folder / "one.key").write_bytes(key_pem(one.private_key))
    (folder / "one.pem").write_bytes(pem([one.certificate]))
    simple = signers.SimpleSigner.load(  # type: ignore[no-untyped-call]
        str(folder / "one.key"), str(folder / "one.pem"), ca_chain_files=(str(folder / "middle.pem"),)
    )
    about = signers.PdfSignatureMetadata(
        field_name="Other", md_algorithm=digest, subfilter=SigSeedSubFilter[subfilter]
    )
    written = signers.sign_pdf(IncrementalPdfFileWriter(BytesIO(invoice_pdf())), about, signer=simple)
    return bytes(written.getvalue())


def test_a_pdf_signed_with_sha1_is_refused(folder: Folder) -> None:
    with pytest.raises(WeakSignature, match="SHA1"):
        pades.verify(
            pyhanko_signed("rsa2048", "ADOBE_PKCS7_DETACHED", folder.path, "sha1"),
            trust(),
            NOW + timedelta(days=30),
        )


def test_what_is_added_after_the_signature_is_refused() -> None:
    with pytest.raises(BrokenSignature, match="added to the PDF after it was signed"):
        pades.verify(signed_pdf() + b"\n% more\n", trust(), NOW)
    with pytest.raises(BrokenSignature):
        pades.verify(updated(signed_pdf()), trust(), NOW)


def updated(signed: bytes) -> bytes:
    """A page more, by a revision of its own: the signature itself still matches what it covers."""
    from pyhanko.pdf_utils.generic import NumberObject, pdf_name
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(BytesIO(signed))
    page = writer.root["/Pages"]["/Kids"][0]
    page[pdf_name("/Rotate")] = NumberObject(90)  # type: ignore[no-untyped-call]
    writer.update_container(page)
    written = BytesIO()
    writer.write(written)  # type: ignore[no-untyped-call]
    return written.getvalue()


def test_a_second_signature_is_verified_on_purpose() -> None:
    twice = pades.sign(signed_pdf(), signer("p256"), NOW, field="Second")
    with pytest.raises(BrokenSignature, match="2 signatures where one is expected"):
        pades.verify(twice, trust(), NOW)
    first, last = pades.verify_all(twice, trust(), NOW)
    assert (first.algorithm, last.algorithm) == ("rsa-sha256", "ecdsa-sha256")
    assert len(first.covered) < len(last.covered)


def test_a_change_between_two_signatures_is_refused() -> None:
    twice = pades.sign(updated(signed_pdf()), signer("p256"), NOW, field="Second")
    with pytest.raises(BrokenSignature, match="changed after it was signed"):
        pades.verify_all(twice, trust(), NOW)


def test_a_range_that_leaves_something_out_is_refused() -> None:
    """The signed range with a larger gap, as in the attacks on PDF viewers of 2019."""
    made = signed_pdf()
    at = made.index(b"/ByteRange [") + len(b"/ByteRange [")
    numbers = made[at : made.index(b"]", at)]
    values = numbers.split()
    for changed in (
        [values[0], values[1], values[2], b"0"],
        [b"10", *values[1:]],
        [values[0], b"10", *values[2:]],
        [values[0], values[1], str(int(values[2]) + 2).encode(), str(int(values[3]) - 2).encode()],
    ):
        hostile = made.replace(numbers, b" ".join(changed).ljust(len(numbers)), 1)
        with pytest.raises(BrokenSignature):
            pades.verify(hostile, trust(), NOW)


def test_unsigned_foreign_encrypted_and_damaged_pdfs_are_told_apart(folder: Folder) -> None:
    with pytest.raises(BrokenSignature, match="0 signatures"):
        pades.verify(invoice_pdf(), trust(), NOW)
    with pytest.raises(UntrustedSigner) as refused:
        pades.verify(pades.sign(invoice_pdf(), stranger(), NOW), trust(), NOW)
    assert refused.value.reason is Distrust.NOT_TRUSTED
    with pytest.raises(BrokenSignature, match="damaged"):
        pades.verify(b"%PDF-1.7 nothing", trust(), NOW)
    with pikepdf.open(BytesIO(invoice_pdf())) as opened:
        locked = BytesIO()
        opened.save(locked, encryption=pikepdf.Encryption(owner="owner", user="user"))
    with pytest.raises(MalformedDocument, match="encrypted"):
        pades.sign(locked.getvalue(), signer(), NOW)
    with pytest.raises(MalformedDocument):
        pades.sign(signed_pdf(), signer("p256"), NOW)


def covered_places() -> Iterator[int]:
    made = signed_pdf()
    gap = made.index(b"/Contents <") + len(b"/Contents ")
    yield from (place for place in range(len(made)) if not gap <= place <= made.index(b">", gap))


@settings(max_examples=60)
@given(st.sampled_from(list(covered_places())), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, change: int) -> None:
    altered = bytearray(signed_pdf())
    altered[place] ^= change
    with pytest.raises(EInvoicingError):
        pades.verify(bytes(altered), trust(), NOW)


@pytest.mark.testdata
@pytest.mark.parametrize(
    ("place", "name"),
    [("zugferd/pdf/en16931", "EN16931_OEPNV.pdf"), ("zugferd/pdf/factur-x", "Facture_UE_BASICWL.pdf")],
)
def test_a_hybrid_invoice_keeps_its_xml_and_its_metadata(place: str, name: str) -> None:
    hybrid = (official.folder(place) / name).read_bytes()
    made = pades.sign(hybrid, signer(), NOW)
    assert pades.verify(made, trust(), NOW)
    assert embedded_invoice(made) == embedded_invoice(hybrid)
    assert metadata(made) == metadata(hybrid)


def metadata(content: bytes) -> bytes:
    with pikepdf.open(BytesIO(content)) as opened:
        return opened.Root.Metadata.read_bytes()
