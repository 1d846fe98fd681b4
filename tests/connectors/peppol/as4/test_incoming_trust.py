"""What a sender is told while nobody can tell whether its certificate was taken back."""

from __future__ import annotations

import secrets

import pytest

from connectors.channels.peppol.as4 import Answer, PreparedMessage, Receiver, Verdict
from connectors.channels.peppol.as4.keys import TrustCheck
from connectors.channels.peppol.pki.revocation import CrlThenOcsp
from connectors.channels.peppol.pki.trust import Role, Stage, Trust, authorities
from formats.errors import ConfigError, EInvoicingError, RemoteUnavailable, StorageError
from tests.connectors.peppol.as4.world import NOW, Network, key_of
from tests.connectors.peppol.authorities import World


@pytest.fixture(scope="module")
def world() -> World:
    """Its certificates name a list and a responder."""
    return World.made(revocation="http://authority.example")


@pytest.fixture
def sender(network: Network, world: World) -> PreparedMessage:
    network.a = key_of(world.access_points.issue("POP000001"))
    return network.prepare()


def answered(network: Network, prepared: PreparedMessage, trust: TrustCheck) -> Answer:
    receiver = Receiver(
        keys=lambda: network.keys,
        trust=trust,
        inbox=network.inbox,
        folder=network.folder,
        clock=lambda: NOW,
        new_id=lambda: f"r-{secrets.token_hex(8)}@b.example",
    )
    return receiver.answer(prepared.content_type, prepared.chunks())


def checked(world: World, revocation: CrlThenOcsp) -> TrustCheck:
    return Trust(authorities(Stage.TEST, world.certificates), revocation).checker(Role.ACCESS_POINT)


def silent(url: str, _body: bytes | None) -> bytes:
    raise RemoteUnavailable("nobody answers", where=url, fix="wait")


def test_a_sender_comes_again_while_the_authority_does_not_answer(
    network: Network, world: World, sender: PreparedMessage
) -> None:
    answer = answered(network, sender, checked(world, CrlThenOcsp(silent)))
    assert (answer.status, answer.retry_after) == (503, 300)
    # Other stacks take any ebMS error for final: none is there.
    assert b"Error" not in answer.content
    assert answer.problem is not None
    assert "taken back" in answer.problem.what
    assert network.judge(sender, answer).verdict is Verdict.RETRY
    assert network.inbox.payloads == []


def test_the_repetition_is_taken_when_the_authority_answers_again(
    network: Network, world: World, sender: PreparedMessage
) -> None:
    assert answered(network, sender, checked(world, CrlThenOcsp(silent))).status == 503
    good = CrlThenOcsp(lambda _url, _body: world.access_points.crl())
    answer = answered(network, sender, checked(world, good))
    assert (answer.status, answer.problem) == (200, None)
    assert len(network.inbox.payloads) == 1


def test_a_certificate_that_was_taken_back_is_refused_for_good(
    network: Network, world: World, sender: PreparedMessage
) -> None:
    listed = world.access_points.crl([network.a.certificate])
    answer = answered(network, sender, checked(world, CrlThenOcsp(lambda _url, _body: listed)))
    assert answer.problem is not None
    assert (answer.status, answer.problem.error.code) == (200, "EBMS:0101")
    assert network.judge(sender, answer).verdict is Verdict.GIVE_UP


@pytest.mark.parametrize("kind", [ConfigError, StorageError])
def test_a_trouble_of_our_own_refuses_nobody_for_good(
    network: Network, sender: PreparedMessage, kind: type[EInvoicingError]
) -> None:
    def trust(*_: object) -> None:
        raise kind("the trust folder cannot be read", where="trust", fix="make it readable")

    answer = answered(network, sender, trust)
    assert answer.status == 503
    assert b"folder" not in answer.content
    assert network.judge(sender, answer).verdict is Verdict.RETRY


def test_what_cannot_be_told_is_known_until_it_can(world: World) -> None:
    """For people; an authority that answers ends it."""
    answers: list[bytes] = []

    def fetch(url: str, body: bytes | None) -> bytes:
        return answers[0] if answers and body is None else silent(url, body)

    revocation = CrlThenOcsp(fetch)
    certificate = world.access_points.issue("POP000001").certificate
    revocation.status(certificate, world.access_points.certificate, NOW)
    (untold,) = revocation.untold
    assert untold.since == NOW
    assert "nobody answers" in untold.text
    answers.append(world.access_points.crl())
    revocation.refresh(NOW)
    assert revocation.untold == ()
