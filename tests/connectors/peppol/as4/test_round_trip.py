"""What is sent arrives as it is, is acknowledged, and nothing that was changed on the way does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.channels.peppol.as4 import (
    PreparedMessage,
    ReceivedMessage,
    Rules,
    Verdict,
    names,
    prepare,
    prepare_ping,
    spool,
)
from connectors.channels.peppol.as4.mime import Limits
from connectors.channels.peppol.as4.soap import canonical, read_envelope
from connectors.channels.peppol.pki.keys import AccessPointKey
from formats.errors import MalformedDocument
from tests.connectors.peppol.as4.world import NOW, Network, key_of
from tests.connectors.peppol.authorities import World

slow = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
values = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=60
).filter(lambda text: bool(text.strip()))


def no_files(folder: Path) -> bool:
    return not list(folder.iterdir())


@slow
@given(payload=st.binary(max_size=5_000), sender=values, action=values)
def test_what_is_received_is_what_was_sent(
    network: Network, payload: bytes, sender: str, action: str
) -> None:
    """Whatever the payload and the identifiers, and the receipt holds for it."""
    network.inbox.stored.clear()
    prepared = network.prepare(payload, sender=sender, document_type=f"x{action.strip()}")
    answer = network.answer(prepared)
    assert answer.problem is None
    assert network.inbox.payloads[-1] == payload
    outcome = network.judge(prepared, answer)
    assert (outcome.verdict, outcome.what) == (
        Verdict.DELIVERED,
        "the receiving access point has confirmed the message",
    )


def test_the_header_arrives_with_every_value(network: Network) -> None:
    seen: list[ReceivedMessage] = []
    network.rules = Rules(check=seen.append)
    network.answer(network.prepare(b"<a/>"))
    header = seen[0].header
    sent = network.message()
    assert (header.message_id, header.conversation_id, header.sent_at) == (
        sent.message_id,
        sent.conversation_id,
        sent.sent_at,
    )
    assert (header.original_sender, header.final_recipient) == (sent.sender, sent.receiver)
    assert (header.action, header.service, header.service_type) == (
        f"busdox-docid-qns::{sent.document_type}",
        sent.process,
        "cenbii-procid-ubl",
    )
    assert (header.sender.seat_id, header.receiver.seat_id) == ("POP000001", "POP000002")
    assert seen[0].signer == network.a.certificate


def test_a_large_message_travels_in_files_and_leaves_none(network: Network) -> None:
    """Nothing of it is in memory as a whole, and both sides clean up."""
    random = Random(5)  # noqa: S311  # the same bytes each time
    pieces = [random.randbytes(500_000) for _ in range(8)]
    with network.prepare(pieces) as prepared:
        assert prepared.compressed is not None
        assert prepared.compressed.path is not None
        answer = network.answer(prepared)
        assert network.inbox.payloads == [b"".join(pieces)]
        assert network.judge(prepared, answer).verdict is Verdict.DELIVERED
    assert no_files(network.folder)


def test_a_message_to_the_certificate_before_the_renewal_still_opens(
    network: Network, peppol_world: World
) -> None:
    prepared = network.prepare(b"<a/>")
    network.previous = (network.b,)
    network.b = key_of(peppol_world.access_points.issue("POP000002", label="renewed"))
    assert network.judge(prepared, network.answer(prepared)).verdict is Verdict.DELIVERED


def test_a_message_made_ready_again_is_the_same_message(network: Network) -> None:
    """After a crash the same values give the same signed digests, whatever the encryption is."""
    first, second = network.prepare(b"<a/>" * 100), network.prepare(b"<a/>" * 100)
    assert first.sent == second.sent
    assert first.envelope != second.envelope
    network.answer(first)
    answer = network.answer(second)
    assert network.judge(first, answer).verdict is Verdict.DELIVERED
    assert len(network.inbox.payloads) == 1


def test_given_random_bytes_only_the_wrapped_key_differs(network: Network) -> None:
    made = [
        prepare(
            network.message(b"<a/>"),
            receiver=network.b.certificate,
            key=network.a,
            folder=network.folder,
            random=lambda count: b"r" * count,
        )
        for _ in range(2)
    ]
    bodies = [b"".join(one.chunks()).split(b"CipherValue>") for one in made]
    assert [bodies[0][0], *bodies[0][2:]] == [bodies[1][0], *bodies[1][2:]]


def test_a_ping_is_acknowledged_and_not_delivered(network: Network) -> None:
    ping = prepare_ping("p-1@a.example", sent_at=NOW, receiver=network.b.certificate, key=network.a)
    answer = network.answer(ping)
    assert network.judge(ping, answer).verdict is Verdict.DELIVERED
    assert network.inbox.payloads == []


def flips(prepared: PreparedMessage, step: int) -> Iterator[bytes]:
    """The request with one bit changed, at every `step`th byte."""
    whole = b"".join(prepared.chunks())
    for position in range(0, len(whole), step):
        yield whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :]


def test_no_flipped_bit_changes_what_is_received(network: Network) -> None:
    """Bits outside what is signed (MIME headers, ids of tokens) may flip; what comes out is as sent or
    refused."""
    prepared = network.prepare(b"<Invoice>100.00</Invoice>" * 10, message_id="flip@a.example")
    taken: list[object] = []
    network.rules = Rules(check=lambda message: taken.append((message.header, message.payload_digest)))
    network.answer(prepared)
    accepted = refused = 0
    for changed in flips(prepared, 7):
        answer = network.receiver().answer(prepared.content_type, [changed])
        accepted += answer.problem is None
        refused += answer.problem is not None
    assert refused > accepted
    assert set(taken) == {taken[0]}
    assert no_files(network.folder)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_byte_of_a_signed_part_is_refused(network: Network, data: st.DataObject) -> None:
    """Messaging, Body, SignedInfo and the ciphertext."""
    prepared = network.prepare(b"<Invoice>100.00</Invoice>" * 10)
    whole = b"".join(prepared.chunks())
    marks = [
        (b"<eb:Messaging", b"</eb:Messaging>"),
        (b"<S12:Body", b"</S12:Body>"),
        (b"<ds:SignedInfo", b"</ds:SignedInfo>"),
        (b"Content-ID: <doc-", b"\r\n--as4-"),
    ]
    start, end = data.draw(st.sampled_from(marks))
    first = whole.index(start) if start != marks[3][0] else whole.index(b"\r\n\r\n", whole.index(start)) + 4
    position = data.draw(st.integers(first, whole.index(end, first) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != whole[position]))
    changed = whole[:position] + bytes([value]) + whole[position + 1 :]
    if network.receiver().answer(prepared.content_type, [changed]).problem is None:
        # Another blank inside a tag, or another prefix that nobody uses: no other document to XML.
        assert signed_forms(network, prepared, changed) == signed_forms(network, prepared, whole)


def signed_forms(network: Network, prepared: PreparedMessage, body: bytes) -> list[bytes]:
    """What is signed, in canonical form; and the attachment."""
    with spool(prepared.content_type, [body], network.folder, Limits()) as request:
        envelope = read_envelope(request.envelope, largest=1_000_000)
        assert envelope.security is not None
        [info] = envelope.security.iter(f"{{{names.DS}}}SignedInfo")
        forms = [canonical(element) for element in (envelope.messaging, envelope.body, info)]
        return [*forms, request.attachments[0].content.read()]


def stranger(network: Network, name: str) -> AccessPointKey:
    other = World.made(stage="")
    return key_of(other.access_points.issue(name, label=f"stranger {name}"))


def test_a_sender_of_another_network_is_refused(network: Network) -> None:
    """A certificate with the same name from authorities that are not ours."""
    network.a = stranger(network, "POP000001")
    answer = network.answer(network.prepare())
    assert answer.problem is not None
    assert answer.problem.error.code == "EBMS:0101"
    assert network.inbox.payloads == []


def test_a_trusted_access_point_cannot_speak_for_another(network: Network, peppol_world: World) -> None:
    other = key_of(peppol_world.access_points.issue("POP000009"))
    prepared = prepare(
        network.message(),
        receiver=network.b.certificate,
        key=AccessPointNamed(other, "POP000001"),
        folder=network.folder,
    )
    answer = network.answer(prepared)
    assert answer.problem is not None
    assert answer.problem.error.code == "EBMS:0101"


class AccessPointNamed:
    """A key that claims another seat."""

    def __init__(self, key: AccessPointKey, seat_id: str) -> None:
        self.certificate = key.certificate
        self.private_key = key.private_key
        self.seat_id = seat_id


def test_a_message_for_another_certificate_is_not_opened(network: Network, peppol_world: World) -> None:
    prepared = network.prepare()
    network.b = key_of(peppol_world.access_points.issue("POP000002", label="another"))
    answer = network.answer(prepared)
    assert answer.problem is not None
    assert answer.problem.error.code == "EBMS:0102"
    assert network.judge(prepared, answer).verdict is Verdict.REFRESH


@pytest.mark.parametrize("field", ["message_id", "conversation_id", "sender", "document_type"])
def test_values_that_cannot_stand_in_a_header_are_refused_before_sending(
    network: Network, field: str
) -> None:
    with pytest.raises(MalformedDocument):
        network.message(b"", **{field: "a\nb"})


def test_a_request_over_the_limit_is_answered_413(network: Network) -> None:
    network.limits = Limits(largest_body=3_000)
    answer = network.answer(network.prepare())
    assert answer.status == 413
    assert network.judge(network.prepare(), answer).verdict is Verdict.GIVE_UP
    assert no_files(network.folder)
