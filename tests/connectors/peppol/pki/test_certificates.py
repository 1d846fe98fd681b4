"""Certificates as others write them, and warnings before they end."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from connectors.channels.peppol.pki.certificates import (
    HeldCertificate,
    expiring,
    read_certificate,
    seat_id,
)
from formats.errors import MalformedDocument
from tests.connectors.peppol.authorities import NOW, Leaf, World


@pytest.fixture(scope="module")
def leaf(world: World) -> Leaf:
    return world.access_points.issue("POP000001")


def test_a_certificate_is_read_however_it_was_put_down(leaf: Leaf) -> None:
    plain = base64.b64encode(leaf.der).decode()
    pem = leaf.pem.decode()
    ways: list[bytes | str] = [
        leaf.der,
        leaf.pem,
        plain,
        plain.rstrip("="),
        f"\n   {plain[:70]}\r\n\t{plain[70:]}  \n",
        pem.replace("\n", "\r\n"),
        pem.replace("\n", " "),
        pem.replace("\n", ""),
        f"Bag Attributes\n  friendlyName: ap\n{pem}",
        base64.b64encode(leaf.pem),
    ]
    for way in ways:
        assert read_certificate(way, where="SMP") == leaf.certificate


@pytest.mark.parametrize("content", [b"", "", "no certificate", "MIIB", b"\xff\xfe", "é", "A" * 70_000])
def test_anything_else_is_refused(content: bytes | str) -> None:
    with pytest.raises(MalformedDocument, match="is not one"):
        read_certificate(content, where="SMP")


def test_warnings_begin_90_days_before_the_end(world: World) -> None:
    spans = {"POP000001": 91, "POP000002": 89, "POP000003": 10, "POP000004": -3}
    held = [
        HeldCertificate(
            "access point certificate",
            world.access_points.issue(
                seat, label="short", ends=NOW + timedelta(days=days, hours=1)
            ).certificate,
        )
        for seat, days in spans.items()
    ]
    warned = expiring(held, NOW)
    assert [(one.seat_id, one.days_left) for one in warned] == [
        ("POP000004", -3),
        ("POP000003", 10),
        ("POP000002", 89),
    ]
    assert warned[0].sentence == "the access point certificate of POP000004 ended on 2026-11-20"
    assert warned[2].sentence.endswith("in 89 days")
    assert "renew it today" in warned[1].fix
    assert all(one.fix for one in warned)


def test_a_renewed_certificate_is_not_warned_of(world: World) -> None:
    """The old one is only kept to open what is still on its way."""
    old = world.access_points.issue("POP000001", label="old", ends=NOW + timedelta(days=20)).certificate
    new = world.access_points.issue("POP000001", label="new", begins=NOW - timedelta(days=1)).certificate
    assert [one.days_left for one in expiring([HeldCertificate("c", old)], NOW)] == [20]
    assert expiring([HeldCertificate("c", old), HeldCertificate("c", new)], NOW) == ()


def test_a_seat_is_one_common_name(leaf: Leaf) -> None:
    assert seat_id(leaf.certificate) == "POP000001"
