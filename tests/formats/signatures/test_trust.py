"""Paths to the certificates that are trusted, by every way that certificates arrive."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from formats.signatures.certificates import CertificateFacts
from formats.signatures.errors import Distrust, UntrustedSigner
from formats.signatures.trust import Judged, Trust
from tests.formats.signatures.authority import (
    DAY,
    NOW,
    ROOT_NAME,
    Uses,
    certificate,
    key,
    middle,
    root,
    signer,
    stranger,
)


def judged(trust: Trust, offered: bool = True) -> int:
    made = signer()
    return len(
        trust.judge(
            made.certificate, made.chain if offered else (), at=NOW, signed_at=None, where="here"
        ).path
    )


def test_a_path_leads_over_what_the_signature_brings_or_what_we_have() -> None:
    assert judged(Trust((root(),))) == 3
    assert judged(Trust((root(),), (middle(),)), offered=False) == 3
    assert judged(Trust((middle(),))) == 2
    assert judged(Trust((signer().certificate,))) == 1


def test_without_the_certificate_between_there_is_no_path() -> None:
    with pytest.raises(UntrustedSigner):
        judged(Trust((root(),)), offered=False)
    with pytest.raises(UntrustedSigner):
        judged(Trust(()))


def test_a_signer_is_no_authority() -> None:
    """A seal that seals another seal, with everything else in order."""
    own = key("rsa2048", 8)
    below = certificate("Below", own, "Kontoor Demo B.V.", key("rsa2048", 1))
    trust = Trust((root(),))
    with pytest.raises(UntrustedSigner) as refused:
        trust.judge(below, (signer().certificate, middle()), at=NOW, signed_at=None, where="here")
    assert refused.value.reason is Distrust.NOT_TRUSTED


def test_a_stranger_with_the_authoritys_name_is_a_stranger() -> None:
    own = key("rsa2048", 8)
    false_root = certificate(ROOT_NAME, own, ROOT_NAME, own, authority=True)
    below = certificate("Below", key("p256", 8), ROOT_NAME, own)
    with pytest.raises(UntrustedSigner):
        Trust((root(),)).judge(below, (false_root,), at=NOW, signed_at=None, where="here")


@pytest.mark.parametrize(
    ("uses", "believed"),
    [(Uses(True, False), True), (Uses(False, True), True), (Uses(False, False), False)],
)
def test_a_certificate_must_be_made_for_signatures(uses: Uses, believed: bool) -> None:
    """Qualified certificates often have the bit for declarations of intent alone."""
    made = signer(uses=uses)
    trust = Trust((root(),))
    if believed:
        assert trust.judge(made.certificate, made.chain, at=NOW, signed_at=None, where="here")
        return
    with pytest.raises(UntrustedSigner) as refused:
        trust.judge(made.certificate, made.chain, at=NOW, signed_at=None, where="here")
    assert refused.value.reason is Distrust.WRONG_USE


def _made_for(*purposes: x509.ObjectIdentifier) -> x509.Certificate:
    return certificate(
        "Kontoor Demo B.V.",
        key("rsa2048", 1),
        "Invented Seal Authority",
        key("rsa2048", 101),
        purposes=purposes,
        begins=NOW - 5 * DAY,
    )


@pytest.mark.parametrize(
    "purposes",
    [
        (Purpose.SERVER_AUTH,),
        (Purpose.CLIENT_AUTH,),
        (Purpose.CODE_SIGNING,),
        (Purpose.TIME_STAMPING,),
        (Purpose.OCSP_SIGNING,),
        (Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH),
    ],
)
def test_a_certificate_for_other_uses_alone_signs_no_invoices(
    purposes: tuple[x509.ObjectIdentifier, ...],
) -> None:
    with pytest.raises(UntrustedSigner, match="other uses only") as refused:
        Trust((root(),)).judge(_made_for(*purposes), (middle(),), at=NOW, signed_at=None, where="here")
    assert refused.value.reason is Distrust.WRONG_USE


@pytest.mark.parametrize(
    "purposes",
    [
        (),
        (Purpose.ANY_EXTENDED_KEY_USAGE,),
        (Purpose.EMAIL_PROTECTION, Purpose.CLIENT_AUTH),
        (x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),),
        (x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"),),
        (x509.ObjectIdentifier("1.2.840.113583.1.1.5"),),
    ],
)
def test_a_certificate_for_documents_mail_or_anything_signs_invoices(
    purposes: tuple[x509.ObjectIdentifier, ...],
) -> None:
    made = _made_for(*purposes)
    judged_as = Trust((root(),)).judge(made, (middle(),), at=NOW, signed_at=None, where="here")
    assert judged_as.path[0] == made


def test_an_authority_signs_no_invoices_even_where_it_is_trusted_itself() -> None:
    own = key("rsa2048", 12)
    made = certificate("Both", own, "Both", own, authority=True, also_signs=True)
    with pytest.raises(UntrustedSigner, match="authority") as refused:
        Trust((made,)).judge(made, (), at=NOW, signed_at=None, where="here")
    assert refused.value.reason is Distrust.WRONG_USE


def test_nobody_signs_before_the_certificate_exists() -> None:
    """Whenever it is judged; a clock may be five minutes slow, and a time stamp knows better."""
    made, trust = _made_for(), Trust((root(),))
    begins = made.not_valid_before_utc

    def judge(signed_at: datetime, stamped_at: datetime | None = None) -> Judged:
        return trust.judge(
            made, (middle(),), at=NOW, signed_at=signed_at, stamped_at=stamped_at, where="here"
        )

    with pytest.raises(UntrustedSigner, match="before its certificate is valid") as refused:
        judge(begins - timedelta(minutes=6))
    assert refused.value.reason is Distrust.NOT_YET_VALID
    assert judge(begins - timedelta(minutes=4))
    assert judge(begins - timedelta(minutes=6), stamped_at=begins + DAY)


def test_an_expired_authority_ends_its_paths() -> None:
    with pytest.raises(UntrustedSigner):
        Trust((root(),)).judge(
            signer().certificate,
            signer().chain,
            at=NOW + timedelta(days=5_000),
            signed_at=None,
            where="here",
        )


def test_the_journal_gets_names_and_the_digest_and_no_key() -> None:
    facts = CertificateFacts.of(stranger().certificate)
    assert facts.subject == "CN=Kontoor Demo B.V.,O=Invented Trust Services,C=NL"
    assert facts.sha256 == stranger().certificate.fingerprint(hashes.SHA256()).hex()
    assert "private_key" not in repr(stranger())
