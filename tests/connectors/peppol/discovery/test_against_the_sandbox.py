"""Discovery against the imitated network, which shares no code with it: every kind of entry, every fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.channels.peppol.discovery.lookup import Directory
from connectors.channels.peppol.network import PeppolNetwork
from connectors.channels.peppol.settings import PeppolSettings
from connectors.sandbox.faults import Fault
from connectors.sandbox.peppol import buyers, names
from connectors.sandbox.peppol.network import ImitatedPeppol
from connectors.sandbox.peppol.sml import ZONE
from formats.errors import EInvoicingError, RemoteUnavailable, RemoteUnexpected, RouteError
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from tests.connectors.peppol.authorities import NOW
from tests.connectors.peppol.discovery.conftest import surroundings

BUYER = ParticipantId.of(buyers.BUYERS[0])
INVOICE = DocumentTypeId.of(names.INVOICE)
BILLING = ProcessId.of(names.BILLING)


@pytest.fixture(scope="module")
def imitated() -> Iterator[ImitatedPeppol]:
    made = ImitatedPeppol(0, clock=lambda: NOW)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def directory(imitated: ImitatedPeppol, tmp_path: Path) -> Iterator[Directory]:
    for name, text in imitated.secrets().items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    settings = PeppolSettings.model_validate(
        {
            "zones": (ZONE,),
            "resolvers": (imitated.addresses()["dns"],),
            "dns_seconds": 0.5,
            "trust_folder": "peppol-trust",
            "revocation_hosts": (imitated.url.removeprefix("http://"),),
            "keys": ({"key": "file:peppol-ap.pem"}, {"key": "file:peppol-ap-next.pem"}),
            "allow_internal": True,
        }
    )
    network = PeppolNetwork(settings, surroundings(tmp_path))
    assert network.keys.seat_id == "POP000001"
    yield network.directory
    network.close()
    imitated.faults.clear()


def test_a_buyer_is_found_with_revocation_checked(directory: Directory) -> None:
    found = directory.lookup(BUYER, INVOICE, BILLING, NOW)
    assert found.seat_id == "POP000002"
    assert found.revocation is not None
    assert found.revocation.source.startswith("CRL")
    assert all(step.ok for step in directory.steps(BUYER, None, None, NOW))


def test_redirected_and_wildcard_entries_are_found(directory: Directory) -> None:
    redirected = directory.lookup(ParticipantId.of(buyers.REDIRECTED), INVOICE, BILLING, NOW)
    assert "/smp-two/" in redirected.smp_url
    exact = DocumentTypeId.of(
        "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:peppol:pint:billing-1@jp-1::2.1"
    )
    found = directory.lookup(
        ParticipantId.of(buyers.WILDCARD_BUYER), exact, ProcessId.of("urn:peppol:bis:billing"), NOW
    )
    assert found.registered_as.is_wildcard
    assert found.document_type == exact


def test_nobody_is_not_registered(directory: Directory) -> None:
    with pytest.raises(RouteError, match="is not registered"):
        directory.lookup(ParticipantId.of("0208:0999999922"), INVOICE, BILLING, NOW)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("server-error", RemoteUnavailable),
        ("refused", RemoteUnavailable),
        ("drop-before", RemoteUnavailable),
        ("nxdomain", RouteError),
        ("wrong-records", RemoteUnexpected),
    ],
)
def test_each_fault_of_the_dns_has_its_class(
    imitated: ImitatedPeppol, directory: Directory, kind: str, error: type[EInvoicingError]
) -> None:
    imitated.faults.arm(Fault(kind, f"dns udp {BUYER.dns_label}", times=9))
    with pytest.raises(EInvoicingError) as caught:
        directory.lookup(BUYER, INVOICE, BILLING, NOW)
    assert type(caught.value) is error


def test_a_truncated_answer_is_fetched_over_tcp(imitated: ImitatedPeppol, directory: Directory) -> None:
    imitated.faults.arm(Fault("truncated", f"dns udp {BUYER.dns_label}"))
    assert directory.lookup(BUYER, INVOICE, BILLING, NOW).seat_id == "POP000002"
    assert imitated.sml.queries[-1][0] == "tcp"


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("smp-unsigned", RemoteUnexpected, "no signature"),
        ("smp-altered", RemoteUnexpected, "changed after it was signed"),
        ("smp-wrong-ca", RemoteUnexpected, "certificate of an access point"),
        ("smp-revoked", RemoteUnexpected, "taken back"),
        ("smp-sha1", RemoteUnexpected, "SHA-1"),
        ("smp-wrong-participant", RemoteUnexpected, "instead of"),
        ("smp-wrong-type", RouteError, "the SMP answered with"),
        ("smp-no-endpoint", RouteError, ""),
        ("smp-expired-endpoint", RouteError, "active now"),
        ("smp-future-endpoint", RouteError, "active now"),
        ("smp-http-address", RouteError, "https://"),
        ("smp-redirect-loop", RemoteUnexpected, "only one step"),
        ("smp-redirect-unsigned", RemoteUnexpected, "no signature"),
        ("smp-endpoint-revoked", RouteError, "taken back"),
        ("smp-endpoint-expired", RouteError, "ended on"),
        ("smp-endpoint-foreign", RouteError, "not issued for the test network"),
    ],
)
def test_each_fault_of_the_smp_is_refused(
    imitated: ImitatedPeppol, directory: Directory, kind: str, error: type[EInvoicingError], words: str
) -> None:
    """Acceptance list, item 10, and the negative cases around it."""
    imitated.faults.arm(Fault(kind, f"smp {BUYER.value}", times=9))
    with pytest.raises(EInvoicingError) as caught:
        directory.lookup(BUYER, INVOICE, BILLING, NOW)
    assert (type(caught.value), words in caught.value.what) == (error, True), caught.value
