"""Keys from files, and which one signs and opens while a certificate is renewed."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from connectors.channels.peppol.pki.keys import AccessPointKey, key_ring, load, read_reference
from formats.errors import ConfigError
from tests.connectors.peppol.authorities import NOW, Leaf, World


@pytest.fixture(scope="module")
def leaf(world: World) -> Leaf:
    return world.access_points.issue("POP000001")


def p12(leaf: Leaf, world: World, password: str) -> bytes:
    protection = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return pkcs12.serialize_key_and_certificates(
        b"ap", leaf.key, leaf.certificate, [world.access_points.certificate], protection
    )


def test_a_pem_file_with_chain_gives_the_certificate_of_the_key(leaf: Leaf, world: World) -> None:
    """Authorities in the same file come first here; the key decides which certificate is ours."""
    content = world.root.pem + world.access_points.pem + leaf.key_pem() + leaf.pem
    key = load(content, None, where="ap.pem", issuers=[world.access_points.certificate])
    assert key.certificate == leaf.certificate
    assert key.seat_id == "POP000001"


@pytest.mark.parametrize("password", ["", "correct horse"])
@pytest.mark.parametrize("encode", [bytes, base64.encodebytes], ids=["binary", "base64"])
def test_pkcs12_opens_as_file_and_as_base64(
    leaf: Leaf, world: World, password: str, encode: type[bytes]
) -> None:
    key = load(encode(p12(leaf, world, password)), password or None, where="ap.p12")
    assert key.certificate == leaf.certificate
    assert key.private_key.private_numbers() == leaf.key.private_numbers()


def test_an_encrypted_pem_key_opens_with_its_password(leaf: Leaf) -> None:
    assert load(leaf.pem + leaf.key_pem("secret"), "secret", where="x").certificate == leaf.certificate


def test_each_mistake_is_named_in_plain_words(leaf: Leaf, world: World) -> None:
    other = world.access_points.issue("POP000002")
    elliptic = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    foreign = World.made(stage="").access_points.certificate
    website = world.access_points.issue("www.example.com")
    cases: list[tuple[bytes, str | None, str]] = [
        (p12(leaf, world, "right"), "wrong", "the password of the key file is wrong"),
        (p12(leaf, world, "right"), None, "protected by a password"),
        (leaf.pem + leaf.key_pem("right"), "wrong", "the password of the key file is wrong"),
        (leaf.pem + leaf.key_pem("right"), None, "protected by a password"),
        (leaf.pem + other.key_pem(), None, "does not belong to the certificate"),
        (leaf.pem, None, "holds no private key"),
        (leaf.key_pem(), None, "but no certificate"),
        (leaf.pem + elliptic, None, "not an RSA key"),
        (website.pem + website.key_pem(), None, "does not name a Peppol seat"),
        (b"something else", None, "neither PEM nor PKCS#12"),
        (b"\x30\x82\x01\x00damaged", None, "PKCS#12 content"),
        (leaf.pem[:200] + b"-----END CERTIFICATE-----" + leaf.key_pem(), None, "certificate in the file"),
        (leaf.pem + leaf.key_pem(), None, "the chain is missing"),
    ]
    for content, password, expected in cases:
        with pytest.raises(ConfigError) as caught:
            load(content, password, where="secrets/ap.pem", issuers=[foreign])
        assert expected in caught.value.what, expected
        assert caught.value.where == "secrets/ap.pem"
        assert "right" not in str(caught.value).replace("the right file", "")


def test_the_private_key_is_not_shown(leaf: Leaf) -> None:
    assert "PrivateKey" not in repr(AccessPointKey(leaf.certificate, leaf.key))


@pytest.fixture(scope="module")
def renewed(world: World) -> tuple[AccessPointKey, AccessPointKey, AccessPointKey]:
    """Last year's key, this year's, and the one that begins next week; given in any order."""
    spans = [(-700, -5), (-30, 600), (7, 700)]
    leaves = [
        world.access_points.issue(
            "POP000001",
            label=f"renewal {number}",
            begins=NOW + timedelta(days=begins),
            ends=NOW + timedelta(days=ends),
        )
        for number, (begins, ends) in enumerate(spans)
    ]
    old, current, coming = (AccessPointKey(leaf.certificate, leaf.key) for leaf in leaves)
    return old, current, coming


def test_the_newest_certificate_that_is_valid_signs(
    renewed: tuple[AccessPointKey, AccessPointKey, AccessPointKey],
) -> None:
    old, current, coming = renewed
    ring = key_ring([current, coming, old])
    assert ring.active == coming
    assert ring.signing(NOW) == current
    assert ring.signing(NOW + timedelta(days=8)) == coming
    assert ring.signing(NOW - timedelta(days=100)) == old


def test_a_message_for_an_ended_certificate_still_finds_its_key(
    renewed: tuple[AccessPointKey, AccessPointKey, AccessPointKey], world: World
) -> None:
    """Acceptance list, item 14: what was encrypted to the previous certificate still opens."""
    old, current, _ = renewed
    ring = key_ring([current, old])
    assert ring.for_certificate(old.certificate.public_bytes(Encoding.DER)) == old
    stranger = world.access_points.issue("POP000009")
    assert ring.for_certificate(stranger.der) is None


def test_without_a_valid_certificate_nothing_is_signed(
    renewed: tuple[AccessPointKey, AccessPointKey, AccessPointKey],
) -> None:
    with pytest.raises(ConfigError, match="no certificate of POP000001 is valid now"):
        key_ring([renewed[0]]).signing(NOW)


def test_a_ring_holds_one_seat_and_each_certificate_once(leaf: Leaf, world: World) -> None:
    key = AccessPointKey(leaf.certificate, leaf.key)
    assert key_ring([key, key]).previous == ()
    other = world.access_points.issue("POP000002")
    with pytest.raises(ConfigError, match="different seats: POP000001, POP000002"):
        key_ring([key, AccessPointKey(other.certificate, other.key)])
    with pytest.raises(ConfigError, match="no key of the access point"):
        key_ring([])


def test_references_are_read_as_bytes_from_the_config_folder(tmp_path: Path) -> None:
    (tmp_path / "ap.p12").write_bytes(b"\x30\xff\x00")
    secrets = {"env:AP": "-----BEGIN"}
    assert read_reference("file:ap.p12", secret=secrets.__getitem__, folder=tmp_path) == b"\x30\xff\x00"
    assert read_reference("env:AP", secret=secrets.__getitem__, folder=tmp_path) == b"-----BEGIN"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_reference("file:none.p12", secret=secrets.__getitem__, folder=tmp_path)
    with pytest.raises(ConfigError, match="more than 2 bytes"):
        read_reference("file:ap.p12", secret=secrets.__getitem__, folder=tmp_path, largest=2)
