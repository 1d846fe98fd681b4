"""Named ways to sign: each does what its authority demands, and proves itself before it is given out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from formats.errors import ConfigError, MalformedDocument
from formats.signatures import cades, profiles
from formats.signatures.certificates import CertificateFacts
from formats.signatures.errors import BrokenSignature
from formats.signatures.verified import Kind
from formats.syntaxes import xml
from tests import official
from tests.formats.signatures.authority import NOW, signer, trust
from tests.formats.signatures.documents import INVOICE, UBL
from tests.formats.signatures.programs import Folder, needs
from tests.formats.signatures.test_pades import invoice_pdf
from tests.formats.signatures.test_xmldsig import KEYS

KINDS = {
    "facturae-3.1": Kind.XADES_EPES,
    "fatturapa-cades": Kind.CADES_BES,
    "fatturapa-xades": Kind.XADES_BES,
    "ksef-auth": Kind.XADES_BES,
    "pades-b": Kind.PADES,
    "ubl-xades": Kind.XADES_BES,
    "xades-bes": Kind.XADES_BES,
    "xmldsig": Kind.XMLDSIG,
}


def content(key: str) -> bytes:
    return {"pades-b": invoice_pdf(), "ubl-xades": UBL}.get(key, INVOICE)


def test_every_profile_is_tried_here() -> None:
    assert set(KINDS) == set(profiles.PROFILES)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("key", KINDS)
def test_each_profile_signs_and_verifies(key: str, kind: str) -> None:
    profile = profiles.named(key)
    signed = profile.sign(content(key), signer(kind), NOW)
    assert signed.profile == key
    assert signed.kind is KINDS[key]
    assert signed.algorithm == signer(kind).algorithm
    assert signed.signer == CertificateFacts.of(signer(kind).certificate)
    assert signed.signed_at == NOW
    assert profile.verify(signed.content, trust(), NOW).signer == signed.signer


def test_facturae_has_its_policy_its_role_and_the_time_in_madrid() -> None:
    profile = profiles.named("facturae-3.1")
    summer = NOW - timedelta(days=150)
    signed = profile.sign(INVOICE, signer(), summer, role=profiles.FACTURAE_ROLES["TE"])
    verified = profile.verify(signed.content, trust(), NOW)
    assert verified.policy == profiles.FACTURAE_POLICY.identifier
    assert verified.roles == ("tercero",)
    assert b"2026-06-26T10:00:00+02:00" in signed.content
    assert profile.verify(profile.sign(INVOICE, signer(), NOW).content, trust(), NOW).roles == ("emisor",)


@pytest.mark.parametrize("key", ["fatturapa-cades", "facturae-3.1"])
def test_a_signature_of_another_kind_is_refused(key: str) -> None:
    other = profiles.named("xades-bes" if key == "facturae-3.1" else "xmldsig").sign(INVOICE, signer(), NOW)
    with pytest.raises(BrokenSignature):
        profiles.named(key).verify(other.content, trust(), NOW)


@needs("openssl")
def test_a_plain_cms_is_not_what_fatturapa_demands(folder: Folder) -> None:
    with pytest.raises(BrokenSignature, match="kind cms, wanted is cades-bes"):
        profiles.named("fatturapa-cades").verify(
            folder.openssl_signs(INVOICE), trust(), NOW + timedelta(days=1)
        )


def test_an_expired_certificate_does_not_sign() -> None:
    with pytest.raises(ConfigError, match="is valid from"):
        profiles.named("xades-bes").sign(INVOICE, signer(), NOW + timedelta(days=500))


def test_a_role_that_the_profile_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigError, match="role"):
        profiles.named("facturae-3.1").sign(INVOICE, signer(), NOW, role="boss")
    with pytest.raises(ConfigError, match="no signature profile"):
        profiles.named("facturae-9")


@pytest.mark.testdata
@pytest.mark.parametrize("place", ["fatturapa/official", "fatturapa/other"])
def test_official_documents_are_signed_and_come_back_as_they_were(place: str) -> None:
    for path in official.documents(place):
        data = path.read_bytes()
        signed = profiles.named("fatturapa-cades").sign(data, signer(), NOW)
        assert cades.content(signed.content, trust(), NOW).document == data
        if not data.rstrip().endswith(b"FatturaElettronica>"):
            with pytest.raises(MalformedDocument):  # one of the collected files breaks off
                profiles.named("fatturapa-xades").sign(data, signer(), NOW)
            continue
        again = profiles.named("fatturapa-xades").sign(data, signer(), NOW)
        verified = profiles.named("fatturapa-xades").verify(again.content, trust(), NOW)
        assert texts(verified.covered) == texts(data), path.name


@needs("xmlsec1")
@needs("openssl")
@pytest.mark.testdata
def test_xmlsec1_and_openssl_verify_official_documents_that_we_signed(folder: Folder) -> None:
    for path in official.documents("fatturapa/official"):
        data = Path(path).read_bytes()
        made = profiles.named("fatturapa-xades").sign(data, folder.signer, NOW).content
        assert folder.xmlsec_accepts(made), path.name
        made = profiles.named("fatturapa-cades").sign(data, folder.signer, NOW).content
        assert folder.openssl_accepts(made, "-cades"), path.name


def texts(data: bytes) -> list[tuple[str, str]]:
    return [(str(one.tag), (one.text or "").strip()) for one in xml.parse(data).iter("*")]
