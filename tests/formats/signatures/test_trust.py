"""Paths to the certificates that are trusted, by every way that certificates arrive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes

from formats.signatures.certificates import CertificateFacts
from formats.signatures.errors import Distrust, UntrustedSigner
from formats.signatures.trust import Trust
from tests.formats.signatures.authority import (
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
