"""What the nightly watch says of a receiver that changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.channels.peppol.discovery.drift import Change, compare
from connectors.channels.peppol.discovery.endpoint import ReceiverEndpoint
from formats.identifiers import ParticipantId
from tests.connectors.peppol.authorities import NOW, World
from tests.connectors.peppol.little_network import BILLING, BUYER, INVOICE


@pytest.fixture(scope="module")
def world() -> World:
    return World.made()


@pytest.fixture(scope="module")
def before(world: World) -> ReceiverEndpoint:
    return ReceiverEndpoint(
        participant=BUYER,
        document_type=INVOICE,
        registered_as=INVOICE,
        process=BILLING,
        url="https://ap.example/as4",
        certificate=world.access_points.issue("POP000002", label="ap").certificate,
        smp_url="https://smp.example/x",
        found_at=NOW,
    )


def test_nothing_changed(before: ReceiverEndpoint) -> None:
    assert compare(before, replace(before, evidence=b"signed anew", contact="other")) == ()
    assert compare(None, None) == ()


def test_a_receiver_that_stopped_is_for_a_person(before: ReceiverEndpoint) -> None:
    (drift,) = compare(before, None)
    assert (drift.change, drift.needs_person) == (Change.STOPPED, True)
    assert drift.before == "0208:0123456749 at POP000002 ap.example"


def test_a_receiver_that_started(before: ReceiverEndpoint) -> None:
    assert [one.change for one in compare(None, before)] == [Change.STARTED]


def test_each_change_is_told_apart(before: ReceiverEndpoint, world: World) -> None:
    renewed = world.access_points.issue("POP000002", label="new").certificate
    moved = world.access_points.issue("POP000007").certificate
    cases = {
        (Change.CERTIFICATE,): replace(before, certificate=renewed),
        (Change.MOVED, Change.CERTIFICATE): replace(before, certificate=moved, url="https://new.example/as4"),
        (Change.MOVED,): replace(before, url="https://new.example/as4"),
        (Change.MOVED_SMP,): replace(before, smp_url="https://smp2.example/y"),
        (Change.SCHEME,): replace(before, participant=ParticipantId.of("9925:be0123456749")),
        (Change.DOCUMENT_TYPE,): replace(before, registered_as=INVOICE.in_scheme("peppol-doctype-wildcard")),
    }
    for changes, now in cases.items():
        assert tuple(one.change for one in compare(before, now)) == changes


def test_a_path_at_the_same_host_is_no_move(before: ReceiverEndpoint) -> None:
    assert compare(before, replace(before, url="https://AP.example/v2/as4")) == ()
