"""Signed files (.p7m): ours and openssl's, in every wrapping that arrives, whole and broken."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import EInvoicingError, MalformedDocument
from formats.signatures import cades
from formats.signatures.cades import Outcome
from formats.signatures.errors import BrokenSignature, Distrust, UntrustedSigner, WeakSignature
from formats.signatures.verified import Kind
from tests.formats.signatures.authority import (
    NOW,
    certificate,
    key,
    key_pem,
    pem,
    signer,
    stranger,
    trust,
)
from tests.formats.signatures.documents import INVOICE
from tests.formats.signatures.programs import Folder, needs
from tests.formats.signatures.test_xmldsig import KEYS

SIGNED = cades.sign(INVOICE, signer(), NOW)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("content", [INVOICE, b"", b"\x00\xff" * 5_000])
def test_what_is_signed_verifies_and_gives_the_content_back(kind: str, content: bytes) -> None:
    verified = cades.verify(cades.sign(content, signer(kind), NOW), trust(), NOW)
    assert verified.covered == content
    assert verified.kind is Kind.CADES_BES
    assert verified.algorithm == signer(kind).algorithm
    assert verified.signed_at == NOW
    assert verified.signer == signer(kind).facts
    assert len(verified.path) == 3


@needs("openssl")
@pytest.mark.parametrize("kind", KEYS)
def test_openssl_verifies_what_we_sign(kind: str, folder_for: Callable[[str], Folder]) -> None:
    folder = folder_for(kind)
    made = cades.sign(INVOICE, folder.signer, NOW)
    assert folder.openssl_accepts(made, "-cades")
    assert (folder.path / "content").read_bytes() == INVOICE
    assert not folder.openssl_accepts(made.replace(b"121.00", b"921.00"), "-cades")


@needs("openssl")
@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-stream",),  # BER of indefinite length, the content in pieces
        ("-keyid",),
        ("-outform", "PEM"),
        ("-outform", "PEM", "-stream"),
    ],
)
def test_we_verify_what_openssl_signs(
    kind: str, options: tuple[str, ...], folder_for: Callable[[str], Folder]
) -> None:
    folder = folder_for(kind)
    content = INVOICE * 100
    made = folder.openssl_signs(content, "-cades", *options)
    if "-stream" in options and "-outform" not in options:
        assert made[1] == 0x80
    verified = cades.verify(made, trust(), NOW + timedelta(days=1))
    assert verified.covered == content
    assert verified.kind is Kind.CADES_BES


@needs("openssl")
def test_rsa_pss_is_verified(folder: Folder) -> None:
    made = folder.openssl_signs(
        INVOICE, "-cades", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest"
    )
    assert cades.verify(made, trust(), NOW + timedelta(days=1)).algorithm == "rsa-pss-sha256"


@needs("openssl")
def test_a_plain_cms_is_told_from_cades(folder: Folder) -> None:
    assert cades.verify(folder.openssl_signs(INVOICE), trust(), NOW + timedelta(days=1)).kind is Kind.CMS


@pytest.mark.parametrize("line", [64, 76, 10**6])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_base64_text_is_read(line: int, end: bytes) -> None:
    text = base64.b64encode(SIGNED)
    wrapped = end.join(text[at : at + line] for at in range(0, len(text), line)) + end
    assert cades.is_signed_file(wrapped)
    assert cades.verify(wrapped, trust(), NOW).covered == INVOICE
    framed = b"-----BEGIN PKCS7-----" + end + wrapped + b"-----END PKCS7-----" + end
    assert cades.is_signed_file(framed)
    assert cades.verify(framed, trust(), NOW).covered == INVOICE


def test_a_signed_file_is_told_from_others() -> None:
    assert cades.is_signed_file(SIGNED)
    for other in (INVOICE, b"", b"%PDF-1.7", b"0", b"M" * 40, b"\x30\x80" + bytes(30)):
        assert not cades.is_signed_file(other)


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert cades.sign(INVOICE, signer(), NOW) == SIGNED


@needs("openssl")
def test_signatures_side_by_side_are_verified_on_purpose(folder: Folder) -> None:
    second = signer("p256", serial=12)
    folder.write("second.pem", pem([second.certificate]))
    folder.write("second.key", key_pem(second.private_key))
    both = folder.openssl_signs(INVOICE, "-cades", "-signer", "second.pem", "-inkey", "second.key")
    with pytest.raises(BrokenSignature, match="2 signatures where one is expected"):
        cades.verify(both, trust(), NOW + timedelta(days=1))
    verified = cades.verify_all(both, trust(), NOW + timedelta(days=1))
    assert [one.covered for one in verified] == [INVOICE] * 2
    assert {one.signer.serial for one in verified} == {"4711", "12"}


# Getting at the document, whoever signed.


def test_the_content_comes_out_with_the_state_of_its_signature() -> None:
    read = cades.content(SIGNED, trust(), NOW)
    assert read.document == INVOICE
    assert read.proven
    assert [layer.outcome for layer in read.layers] == [Outcome.PASSED]


def test_without_anyone_to_trust_the_content_is_not_called_verified() -> None:
    read = cades.content(SIGNED)
    assert read.document == INVOICE
    assert not read.proven
    assert read.layers[0].outcome is Outcome.INDETERMINATE
    assert read.layers[0].reason == "signed, not verified because no trusted certificates were given"


def test_a_foreign_signature_is_not_called_invalid() -> None:
    read = cades.content(cades.sign(INVOICE, stranger(), NOW), trust(), NOW)
    assert read.layers[0].outcome is Outcome.INDETERMINATE
    assert read.layers[0].reason.startswith("signed, not verified because the document was signed with")


@pytest.mark.parametrize("known", [True, False])
def test_a_broken_signature_is_called_failed_and_the_content_still_comes_out(known: bool) -> None:
    altered = SIGNED.replace(b"121.00", b"921.00")
    read = cades.content(altered, *((trust(), NOW) if known else ()))
    assert b"921.00" in read.document
    assert read.layers[0].outcome is Outcome.FAILED
    assert "changed after it was signed" in read.layers[0].reason


def test_signed_files_in_signed_files_are_opened_to_the_document() -> None:
    nested = cades.sign(base64.b64encode(cades.sign(INVOICE, stranger(), NOW)), signer("p256"), NOW)
    read = cades.content(nested, trust(), NOW)
    assert read.document == INVOICE
    assert [layer.outcome for layer in read.layers] == [Outcome.PASSED, Outcome.INDETERMINATE]
    for _ in range(5):
        nested = cades.sign(nested, signer(), NOW)
    with pytest.raises(MalformedDocument, match="more than 5"):
        cades.content(nested)


@needs("openssl")
def test_a_signature_without_its_document_is_said_to_be_one(folder: Folder) -> None:
    folder.write("content", INVOICE)
    made = folder.run(
        *("openssl", "cms", "-sign", "-binary", "-md", "sha256", "-signer", "signer.pem"),
        *("-inkey", "key.pem", "-outform", "DER", "-out", "made.p7m", "-in", "content"),
    )
    assert made.returncode == 0
    alone = (folder.path / "made.p7m").read_bytes()
    with pytest.raises(MalformedDocument, match="signature only"):
        cades.content(alone)
    with pytest.raises(BrokenSignature, match="signature only"):
        cades.verify(alone, trust(), NOW)


# Weak, expired, foreign.


@needs("openssl")
@pytest.mark.parametrize("digest", ["sha1", "md5"])
def test_digests_that_can_be_forged_are_refused(digest: str, folder: Folder) -> None:
    made = folder.run(
        *("openssl", "cms", "-sign", "-binary", "-nodetach", "-md", digest, "-signer", "signer.pem"),
        *("-inkey", "key.pem", "-outform", "DER", "-out", "made.p7m", "-in", folder.write("c", INVOICE)),
    )
    assert made.returncode == 0
    with pytest.raises(WeakSignature, match=digest.upper()):
        cades.verify((folder.path / "made.p7m").read_bytes(), trust(), NOW)


@needs("openssl")
@pytest.mark.parametrize("kind", ["rsa1024", "p192"])
def test_small_keys_are_refused(kind: str, folder: Folder) -> None:
    own = key(kind, 5)
    folder.write("key.pem", key_pem(own))
    folder.write(
        "signer.pem", pem([certificate("Small", own, "Invented Seal Authority", key("rsa2048", 101))])
    )
    with pytest.raises(WeakSignature, match=r"1024 bits|secp192r1"):
        cades.verify(folder.openssl_signs(INVOICE, "-cades"), trust(), NOW)


@needs("openssl")
def test_a_signature_without_signed_attributes_is_refused(folder: Folder) -> None:
    with pytest.raises(BrokenSignature, match="no signed attributes"):
        cades.verify(folder.openssl_signs(INVOICE, "-noattr"), trust(), NOW)


def test_expired_then_and_expired_since_are_told_apart() -> None:
    old = signer(ends=NOW - timedelta(days=10))
    for days, reason in ((-20, Distrust.EXPIRED_SINCE), (-5, Distrust.EXPIRED_BEFORE_SIGNING)):
        made = cades.sign(INVOICE, old, NOW + timedelta(days=days))
        with pytest.raises(UntrustedSigner) as refused:
            cades.verify(made, trust(), NOW)
        assert refused.value.reason is reason


# Hostile and damaged files.


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_a_changed_byte_anywhere_proves_nothing_else(place: int, change: int) -> None:
    altered = bytearray(SIGNED)
    altered[place] ^= change
    try:
        verified = cades.verify(bytes(altered), trust(), NOW)
    except EInvoicingError:
        return
    assert verified.covered == INVOICE


@given(st.integers(0, len(INVOICE) - 1), st.integers(1, 255))
def test_any_changed_byte_of_the_content_is_refused(place: int, change: int) -> None:
    altered = bytearray(SIGNED)
    altered[SIGNED.index(INVOICE) + place] ^= change
    with pytest.raises(BrokenSignature, match="changed after it was signed"):
        cades.verify(bytes(altered), trust(), NOW)


@given(st.integers(0, len(SIGNED) - 1))
def test_a_file_cut_off_anywhere_is_refused(length: int) -> None:
    with pytest.raises(BrokenSignature):
        cades.verify(SIGNED[:length], trust(), NOW)
    with pytest.raises(MalformedDocument):
        cades.content(SIGNED[:length])


@pytest.mark.parametrize(
    "hostile",
    [
        b"\x30\x84\xff\xff\xff\xff" + SIGNED[4:],  # claims four gigabytes
        b"\x30\x88" + b"\xff" * 8,
        b"\x30\x80" * 50_000,  # nested without end
        b"\x30\x80" * 300 + b"\x00\x00" * 300,
        b"\x30\x80" + b"\x04\x00" * 200_000,  # a document in a hundred thousand empty pieces
        SIGNED + b"more",
        b"-----BEGIN PKCS7-----\n????\n-----END PKCS7-----",
        b"MIIx!",
        b"",
    ],
    ids=["huge", "huger", "endless", "deep", "pieces", "appended", "no base64", "odd", "empty"],
)
def test_hostile_files_are_refused(hostile: bytes) -> None:
    with pytest.raises(BrokenSignature):
        cades.verify(hostile, trust(), NOW)
    with pytest.raises(MalformedDocument):
        cades.content(hostile)


@given(st.binary(max_size=300).map(lambda tail: SIGNED[:40] + tail) | st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(MalformedDocument):
        cades.content(data)
    with pytest.raises(BrokenSignature):
        cades.verify(data, trust(), NOW)
