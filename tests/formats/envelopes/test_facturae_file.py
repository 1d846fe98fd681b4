"""Facturae files: signed under the policy, opened with a clear word on the signature, and batches."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from formats.envelopes.facturae_file import open_file, sign, split, write_batch
from formats.errors import DocumentError, MalformedDocument
from formats.signatures.cades import Outcome
from formats.syntaxes import facturae, xml
from tests.formats.signatures.authority import NOW, signer, trust
from tests.formats.syntaxes.national import spanish
from tests.strategies import sample_credit_note, sample_invoice

INVOICE = spanish(sample_invoice())
DOCUMENT = facturae.BINDING.write(INVOICE)


def test_a_signed_invoice_is_proven_and_read_from_what_is_covered() -> None:
    signed = sign(DOCUMENT, signer(), NOW)
    opened = open_file(signed.content, trust(), NOW)
    assert (opened.outcome, opened.reason) == (Outcome.PASSED, "")
    assert opened.verified is not None
    assert opened.verified.roles == ("emisor",)
    assert facturae.BINDING.read(opened.document) == facturae.BINDING.read(DOCUMENT)
    assert facturae.BINDING.unread(signed.content) == ()


def test_the_buyer_signs_what_it_bills_itself() -> None:
    """Self-billing: the issuer is the receiver (RE), and so is the signer's role."""
    document = facturae.BINDING.write(replace(INVOICE, type_code="389"))
    opened = open_file(sign(document, signer(), NOW).content, trust(), NOW)
    assert opened.verified is not None
    assert opened.verified.roles == ("receptor",)


def test_an_expired_certificate_is_said_clearly_and_the_invoice_still_read() -> None:
    signed = sign(DOCUMENT, signer(), NOW)
    later = NOW + timedelta(days=20 * 365)
    opened = open_file(signed.content, trust(), later)
    assert opened.outcome is Outcome.INDETERMINATE
    assert "expired on" in opened.reason
    assert facturae.BINDING.read(opened.document).number == INVOICE.number


def test_a_changed_amount_fails() -> None:
    signed = sign(DOCUMENT, signer(), NOW).content
    opened = open_file(signed.replace(b"2524.22", b"9524.22"), trust(), NOW)
    assert opened.outcome is Outcome.FAILED
    assert "the signature fails" in opened.reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [(DOCUMENT, "not signed"), (sign(DOCUMENT, signer(), NOW).content, "no trusted certificates")],
)
def test_without_proof_it_is_indeterminate(content: bytes, reason: str) -> None:
    opened = open_file(content)
    assert opened.outcome is Outcome.INDETERMINATE
    assert reason in opened.reason


def test_a_batch_is_one_file_and_comes_apart_again() -> None:
    other = spanish(sample_credit_note())
    batch = write_batch([INVOICE, other])
    root = xml.parse(batch)
    assert root.findtext("FileHeader/Modality") == "L"
    assert root.findtext("FileHeader/Batch/InvoicesCount") == "2"
    assert root.findtext("FileHeader/Batch/TotalInvoicesAmount/TotalAmount") == "0.00"
    numbers = [facturae.BINDING.read(part).number for part in split(batch)]
    assert numbers == [INVOICE.number, other.number]


def test_a_batch_is_not_read_as_one_invoice() -> None:
    with pytest.raises(MalformedDocument, match="holds 2 invoices"):
        facturae.BINDING.read(write_batch([INVOICE, INVOICE]))


def test_invoices_to_different_buyers_are_no_batch() -> None:
    assert INVOICE.buyer is not None
    other = replace(INVOICE, buyer=replace(INVOICE.buyer, vat_identifier="ESB58378431"))
    with pytest.raises(DocumentError, match="same seller, buyer"):
        write_batch([INVOICE, other])


def test_one_invoice_is_not_taken_apart() -> None:
    assert split(DOCUMENT) == (DOCUMENT,)
