"""Whatever the other side sends, readers give a value or one of the errors that people understand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from connectors.channels.peppol.discovery import smp_documents, smp_signature
from connectors.channels.peppol.discovery.naptr import _applied
from connectors.channels.peppol.pki import crl, keys, ocsp
from connectors.channels.peppol.pki.certificates import read_certificate
from connectors.channels.peppol.pki.revocation import Unchecked
from connectors.channels.peppol.pki.trust import Role, Stage, Trust, authorities
from formats.errors import EInvoicingError
from formats.syntaxes import xml
from tests.connectors.peppol.authorities import NOW, World
from tests.connectors.peppol.little_network import BUYER, INVOICE, Entry, metadata_xml

WORLD = World.made()
LEAF = WORLD.access_points.issue("POP000001")
ISSUER = WORLD.access_points.certificate
TRUST = Trust(authorities(Stage.TEST, WORLD.certificates), Unchecked())
METADATA = metadata_xml(BUYER, INVOICE, [Entry(certificate="x")])
SAMPLES = {
    "certificate": LEAF.der,
    "crl": WORLD.access_points.crl([LEAF.certificate]),
    "ocsp": WORLD.access_points.ocsp(LEAF.certificate),
    "metadata": METADATA,
    "key": LEAF.pem + LEAF.key_pem(),
}


def mutated(sample: bytes) -> some.SearchStrategy[bytes]:
    """The sample with bytes changed, cut out or put in; or anything."""
    places = some.tuples(some.integers(0, len(sample)), some.integers(0, 40), some.binary(max_size=20))
    return some.binary(max_size=200) | places.map(
        lambda change: sample[: change[0]] + change[2] + sample[change[0] + change[1] :]
    )


def settle(read: Any, *given: Any, **named: Any) -> Any:
    try:
        return read(*given, **named)
    except EInvoicingError:
        return None


@given(mutated(SAMPLES["certificate"]))
def test_certificates(content: bytes) -> None:
    found = settle(read_certificate, content, where="x")
    if found is not None and found != LEAF.certificate:
        with pytest.raises(EInvoicingError):
            TRUST.require(found, Role.ACCESS_POINT, NOW)


@given(mutated(SAMPLES["crl"]))
def test_revocation_lists(content: bytes) -> None:
    found = settle(crl.read, content, ISSUER, where="x")
    assert found is None or found.revoked == crl.read(SAMPLES["crl"], ISSUER, where="x").revoked


@given(mutated(SAMPLES["ocsp"]))
def test_answers_of_responders(content: bytes) -> None:
    found = settle(ocsp.read, content, LEAF.certificate, ISSUER, NOW, where="x")
    assert found is None or found.revoked_at is None


@given(mutated(SAMPLES["metadata"]))
def test_metadata(content: bytes) -> None:
    settle(smp_signature.verify, content, where="x")
    settle(smp_documents.read_group, content, where="x")
    tree = settle(xml.parse, content)
    if tree is not None:
        settle(smp_documents.read_metadata, tree, where="x")


@settings(max_examples=20)  # opening an RSA key is slow
@given(mutated(SAMPLES["key"]))
def test_key_files(content: bytes) -> None:
    found = settle(keys.load, content, None, where="x")
    assert found is None or found.certificate == LEAF.certificate


@given(some.text(max_size=60) | some.from_regex(r"!.{0,20}!.{0,20}!i?", fullmatch=True))
def test_rules_of_the_dns(rule: str) -> None:
    settle(_applied, rule, "label.zone.example")
