"""The authorities and certificates of the imitated Peppol network."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from connectors.sandbox.peppol.desk import PeppolDesk
from connectors.sandbox.peppol.keys import DISTANCES, distance, key, start
from connectors.sandbox.peppol.pki import CRL_NAMES, LEAVES, Pki

URL = "http://127.0.0.1:47090"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki(URL, lambda: NOW)


@pytest.mark.parametrize("name", sorted(DISTANCES))
def test_the_numbers_in_the_table_are_primes(name: str) -> None:
    """By Fermat, with a base that the search does not use."""
    bits, after_p, after_q = DISTANCES[name]
    p, q = start(name, "p", bits) + 2 * after_p, start(name, "q", bits) + 2 * after_q
    assert pow(1_000_003, p - 1, p) == pow(1_000_003, q - 1, q) == 1
    assert p != q
    assert math.gcd((p - 1) * (q - 1), 65537) == 1
    assert key(name).key_size == bits


def test_the_table_says_what_the_search_finds() -> None:
    assert DISTANCES["gateway"][1] == distance("gateway", "p", 2048)


def test_every_certificate_has_a_key_in_the_table() -> None:
    """Else starting the sandbox would take seconds."""
    assert set(LEAVES) <= set(DISTANCES)


def test_a_key_signs_what_its_certificate_verifies(pki: Pki) -> None:
    one = pki.leaf("gateway")
    public = x509.load_pem_x509_certificate(one.pem.encode()).public_key()
    private = serialization.load_pem_private_key(one.key_pem.encode(), None)
    signature = private.sign(b"text", padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr, call-arg, arg-type]
    public.verify(signature, b"text", padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr, call-arg, arg-type]


def test_certificates_are_the_same_every_time(pki: Pki) -> None:
    """So that a configuration written by one process fits the sandbox of another."""
    again = Pki(URL, lambda: NOW + timedelta(days=100))
    assert again.files() == pki.files()
    assert Pki("http://127.0.0.1:48090").files() != pki.files()


@pytest.mark.parametrize("label", sorted(set(LEAVES) - {"foreign"}))
def test_leaves_lead_to_the_root(pki: Pki, label: str) -> None:
    leaf = pki.leaf(label).certificate
    issuer = pki.authority(LEAVES[label].issuer).certificate
    leaf.verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(pki.root.certificate)
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.key_encipherment
    assert usage.data_encipherment
    extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    names = points[0].full_name or []
    assert [name.value for name in names] == [f"{URL}/crl/{CRL_NAMES[LEAVES[label].issuer]}"]


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ("ap2", ""),
        ("gateway", ""),
        ("gateway-next", ""),
        ("expired", "expired"),
        ("revoked", "revoked"),
        ("not-yet-valid", "not yet valid"),
        ("foreign", "issued by somebody else"),
        ("smp", "issued by somebody else"),
    ],
)
def test_bad_certificates_are_bad_for_their_reason(pki: Pki, label: str, problem: str) -> None:
    assert pki.problem(pki.leaf(label).certificate) == problem


def test_both_generations_of_our_certificate_have_the_same_name_and_overlap(pki: Pki) -> None:
    first, second = pki.leaf("gateway"), pki.leaf("gateway-next")
    assert first.common_name == second.common_name == "POP000001"
    assert first.der != second.der
    assert first.certificate.not_valid_before_utc < second.certificate.not_valid_before_utc < NOW


def test_the_list_names_the_revoked_certificate_and_no_other(network: PeppolDesk) -> None:
    """As it is served, under the address that stands in the certificates."""
    leaf = network.pki.leaf("revoked").certificate
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    names = points[0].full_name or []
    crl = x509.load_der_x509_crl(requests.get(names[0].value, timeout=5).content)
    assert crl.is_signature_valid(network.pki.access_point_ca.private_key.public_key())
    assert crl.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None
    good = network.pki.leaf("ap2").certificate
    assert crl.get_revoked_certificate_by_serial_number(good.serial_number) is None
    assert crl.next_update_utc is not None
    assert crl.next_update_utc > datetime.now(UTC)


@pytest.mark.parametrize(
    ("label", "status"),
    [("ap2", ocsp.OCSPCertStatus.GOOD), ("revoked", ocsp.OCSPCertStatus.REVOKED)],
)
def test_ocsp_tells_the_same(network: PeppolDesk, label: str, status: ocsp.OCSPCertStatus) -> None:
    issuer = network.pki.access_point_ca.certificate
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        network.pki.leaf(label).certificate, issuer, hashes.SHA256()
    )
    question = builder.build().public_bytes(serialization.Encoding.DER)
    answer = requests.post(f"{network.url}/ocsp", data=question, timeout=5)
    found = ocsp.load_der_ocsp_response(answer.content)
    assert found.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
    assert found.certificate_status is status
    public = issuer.public_key()
    public.verify(  # type: ignore[union-attr, call-arg]
        found.signature,
        found.tbs_response_bytes,
        padding.PKCS1v15(),  # type: ignore[arg-type]
        hashes.SHA256(),
    )


def test_ocsp_does_not_speak_for_others(pki: Pki) -> None:
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        pki.leaf("foreign").certificate, pki.foreign_ca.certificate, hashes.SHA256()
    )
    answer = ocsp.load_der_ocsp_response(pki.ocsp(builder.build().public_bytes(serialization.Encoding.DER)))
    assert answer.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
    assert ocsp.load_der_ocsp_response(pki.ocsp(b"x")).response_status.name == "MALFORMED_REQUEST"


def test_a_certificate_can_be_revoked_later() -> None:
    pki = Pki(URL, lambda: NOW)
    leaf = pki.leaf("gateway").certificate
    assert pki.problem(leaf) == ""
    pki.revoke(leaf)
    assert pki.problem(leaf) == "revoked"
    crl = x509.load_der_x509_crl(pki.crl("ap-ca"))
    assert crl.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None


def test_the_files_hold_a_trust_folder_and_our_keys(pki: Pki) -> None:
    files = pki.files()
    assert set(files) == {
        *(f"peppol-trust/{name}.pem" for name in ("root", "ap-ca", "smp-ca")),
        *("peppol-ap.pem", "peppol-ap-next.pem"),
    }
    for name, text in files.items():
        certificate = x509.load_pem_x509_certificate(text.encode())
        if name.startswith("peppol-trust/"):
            assert "PRIVATE KEY" not in text
        else:
            private = serialization.load_pem_private_key(text.encode(), None)
            assert private.public_key() == certificate.public_key()
