"""The provider channel against a real SFTP server that picks up, delivers and writes receipts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base import (
    Attachment,
    Channel,
    DeliveryState,
    OutboundMessage,
    Receipt,
    StateCell,
    Surroundings,
)
from connectors.channels.sftp_outbox import SftpOutbox, SftpOutboxSettings
from connectors.sandbox.faults import Fault
from connectors.sandbox.provider import PASSWORD, ImitatedProvider
from formats.errors import DocumentError, RemoteRefused, RemoteUnavailable, RemoteUnexpected, RouteError
from formats.identifiers import Identifier

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
BILLING = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
BIS_3 = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
UBL = """<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
 ><cbc:CustomizationID>{specification}</cbc:CustomizationID><cbc:ProfileID>{process}</cbc:ProfileID
 ><cbc:ID>{number}</cbc:ID></Invoice>"""
CII = """<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 ><rsm:ExchangedDocumentContext
 ><ram:BusinessProcessSpecifiedDocumentContextParameter><ram:ID>{process}</ram:ID
 ></ram:BusinessProcessSpecifiedDocumentContextParameter
 ><ram:GuidelineSpecifiedDocumentContextParameter><ram:ID>{specification}</ram:ID
 ></ram:GuidelineSpecifiedDocumentContextParameter></rsm:ExchangedDocumentContext
 ><rsm:ExchangedDocument><ram:ID>{number}</ram:ID></rsm:ExchangedDocument></rsm:CrossIndustryInvoice>"""


def invoice(number: int, template: str = UBL, **changes: str) -> bytes:
    words = {"specification": BIS_3, "process": BILLING, "number": f"R-{number}", **changes}
    return template.format(**words).encode()


def message(number: int = 1, content: bytes | None = None, **changes: Any) -> OutboundMessage:
    document = invoice(number) if content is None else content
    plain = OutboundMessage(
        message_id=f"5d1f3c80-2b7a-4c55-9e64-{number:012d}",
        number=f"R-{number}",
        digest=hashlib.sha256(document).hexdigest(),
        files=(Attachment(f"invoice-{number}.xml", "application/xml", document),),
        seller="Muster GmbH",
        buyer="Voorbeeld B.V.",
        sender=Identifier("DE123456788", "9930"),
        receiver=Identifier("12345678", "0106"),
    )
    return replace(plain, **changes)


@pytest.fixture
def provider() -> Iterator[ImitatedProvider]:
    provider = ImitatedProvider(0)
    provider.start()
    yield provider
    provider.stop()


def make(
    provider: ImitatedProvider, *, password: str = PASSWORD, timeout: float = 5, **changes: Any
) -> SftpOutbox:
    sftp = {
        "host": "127.0.0.1",
        "port": provider.port,
        "username": "gateway",
        "password": "file:secrets/provider-password",
        "host_key": provider.host_key,
        "timeout_seconds": timeout,
    }
    settings = SftpOutboxSettings.model_validate({"sftp": sftp, **changes})

    def no_cell(name: str) -> AbstractContextManager[StateCell]:
        raise AssertionError(f"this channel keeps no state, but asked for {name}")

    return SftpOutbox(
        "peppol-provider", settings, Surroundings(lambda reference: password, lambda: NOW, no_cell)
    )


@pytest.fixture
def channel(provider: ImitatedProvider) -> Iterator[SftpOutbox]:
    channel = make(provider)
    yield channel
    channel.close()


def delivered(provider: ImitatedProvider) -> int:
    count = provider.holdings()["delivered"]
    assert isinstance(count, int)
    return count


def names(provider: ImitatedProvider, folder: str) -> list[str]:
    return sorted(path.name for path in (provider.root / folder).iterdir())


def test_it_is_a_channel(channel: SftpOutbox) -> None:
    typed: Channel = channel
    assert typed.name == "peppol-provider"


@pytest.mark.parametrize("template", [UBL, CII], ids=["ubl", "cii"])
def test_a_message_arrives_and_its_receipt_comes_back(
    channel: SftpOutbox, provider: ImitatedProvider, template: str
) -> None:
    one = message(content=invoice(1, template))
    sent = channel.send(one)
    assert (sent.message_id, sent.state, sent.at) == (
        one.message_id,
        DeliveryState.ACCEPTED_FOR_TRANSPORT,
        NOW,
    )
    holdings: Any = provider.holdings()
    [document] = holdings["receivers"]["0106:12345678"]["documents"]
    assert (document["number"], document["sha256"]) == ("R-1", one.digest)
    [receipt] = channel.receipts()
    assert (receipt.message_id, receipt.state) == (one.message_id, DeliveryState.DELIVERED)
    assert json.loads(receipt.evidence)["instance_id"] == document["instance_id"]
    assert receipt.at.tzinfo is UTC


def test_credit_notes_are_named_as_such(channel: SftpOutbox, provider: ImitatedProvider) -> None:
    channel.send(message(content=invoice(1, UBL.replace("Invoice", "CreditNote"))))
    holdings: Any = provider.holdings()
    [document] = holdings["receivers"]["0106:12345678"]["documents"]
    assert document["document_type"] == (
        f"urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2::CreditNote##{BIS_3}::2.1"
    )


def test_settling_ends_a_receipt_and_may_be_repeated(channel: SftpOutbox, provider: ImitatedProvider) -> None:
    channel.send(message())
    [receipt] = channel.receipts()
    assert [again.handle for again in channel.receipts()] == [receipt.handle]
    channel.settle(receipt)
    channel.settle(receipt)
    assert list(channel.receipts()) == []
    assert names(provider, "receipts/archive") == [receipt.handle]


def test_sending_twice_delivers_once(channel: SftpOutbox, provider: ImitatedProvider) -> None:
    """Even a caller that forgets to look first cannot send a message twice."""
    channel.send(message())
    again = channel.send(message())
    assert again.state is DeliveryState.DELIVERED
    assert (delivered(provider), provider.holdings()["repeated"]) == (1, [])


def test_the_provider_itself_delivers_a_message_id_once(
    channel: SftpOutbox, provider: ImitatedProvider
) -> None:
    channel.send(message())
    for name in names(provider, "taken"):
        (provider.root / "outbox" / name).write_bytes((provider.root / "taken" / name).read_bytes())
    provider.wake()
    assert (delivered(provider), provider.holdings()["repeated"]) == (1, [message().message_id])


# One operation of a complete `send` each, in order; what must hold whichever of them is the last one that
# worked.
STEPS = ["stat /outbox", "write /outbox/.*xml", "rename .*xml", "write /outbox/.*json", "rename .*json"]


@pytest.mark.parametrize("kind", ["drop-before", "drop-after"])
@pytest.mark.parametrize("step", STEPS)
def test_wherever_the_connection_breaks_the_message_is_delivered_exactly_once(
    channel: SftpOutbox, provider: ImitatedProvider, step: str, kind: str
) -> None:
    provider.faults.arm(Fault(kind, step))
    with pytest.raises(RemoteUnavailable) as caught:
        channel.send(message())
    assert caught.value.uncertain == (step == "rename .*json")
    if channel.find(message()) is None:
        assert delivered(provider) == 0
        channel.send(message())
    assert (delivered(provider), provider.holdings()["repeated"]) == (1, [])
    assert [receipt.state for receipt in channel.receipts()] == [DeliveryState.DELIVERED]


def test_a_document_without_manifest_is_not_handed_over_and_is_finished(
    channel: SftpOutbox, provider: ImitatedProvider
) -> None:
    (provider.root / "outbox" / f"{message().message_id}.xml").write_bytes(invoice(1))
    assert channel.find(message()) is None
    channel.send(message())
    assert delivered(provider) == 1


def test_a_foreign_document_under_our_name_is_not_handed_over(
    channel: SftpOutbox, provider: ImitatedProvider
) -> None:
    (provider.root / "outbox" / f"{message().message_id}.xml").write_bytes(b"<Other/>")
    with pytest.raises(RemoteUnexpected, match="another document"):
        channel.send(message())
    assert names(provider, "outbox") == [f"{message().message_id}.xml"]


def test_a_message_is_found_on_every_stage_of_its_way(provider: ImitatedProvider) -> None:
    channel = make(provider)
    assert channel.find(message()) is None
    provider.sleep()
    channel.send(message())
    waiting = channel.find(message())
    provider.faults.arm(Fault("lost-receipt"))
    provider.wake()
    taken = channel.find(message())
    assert waiting is not None
    assert taken is not None
    assert (waiting.text, taken.text) == ("waits in the provider's outbox", "taken by the provider")
    channel.send(message(2))
    with_receipt = channel.find(message(2))
    [receipt] = channel.receipts()
    channel.settle(receipt)
    # The provider tidies up at some time; our archive still knows.
    for file in (provider.root / "taken").iterdir():
        file.unlink()
    settled = channel.find(message(2))
    assert with_receipt is not None
    assert settled is not None
    assert with_receipt.state is settled.state is DeliveryState.DELIVERED
    channel.close()


def test_a_lost_receipt_leaves_it_sent(channel: SftpOutbox, provider: ImitatedProvider) -> None:
    provider.faults.arm(Fault("lost-receipt"))
    channel.send(message())
    assert list(channel.receipts()) == []
    found = channel.find(message())
    assert found is not None
    assert (found.state, delivered(provider)) == (DeliveryState.ACCEPTED_FOR_TRANSPORT, 1)


def test_a_late_receipt_comes_later() -> None:
    """Until then there is no news, and asking does no harm."""
    provider = ImitatedProvider(0, receipt_delay=0.2)
    provider.start()
    channel = make(provider)
    try:
        channel.send(message())
        assert list(channel.receipts()) == []
        [timer] = provider._timers
        timer.join(5)
        assert [receipt.state for receipt in channel.receipts()] == [DeliveryState.DELIVERED]
    finally:
        channel.close()
        provider.stop()


@pytest.mark.parametrize(
    ("changes", "code", "unreachable"),
    [
        ({"receiver": Identifier("0000000097", "0208")}, "SMP_LOOKUP_FAILED", True),
        ({"receiver": Identifier("12", "0106")}, "RECEIVER_INVALID", False),
        ({"sender": Identifier("none", "0000")}, "SENDER_INVALID", False),
    ],
)
def test_a_refusal_says_why(
    channel: SftpOutbox, provider: ImitatedProvider, changes: dict[str, Any], code: str, unreachable: bool
) -> None:
    channel.send(message(**changes))
    [receipt] = channel.receipts()
    assert (receipt.state, receipt.unreachable) == (DeliveryState.REJECTED, unreachable)
    assert receipt.text.startswith(f"{code}: ")
    assert delivered(provider) == 0


def test_which_refusals_mean_unreachable_is_a_setting(provider: ImitatedProvider) -> None:
    channel = make(provider, unreachable_codes=["RECEIVER_REFUSED"])
    provider.faults.arm(Fault("rejected"))
    channel.send(message())
    [receipt] = channel.receipts()
    assert (receipt.state, receipt.unreachable) == (DeliveryState.REJECTED, True)
    channel.close()


def test_a_damaged_document_is_refused_by_its_digest(channel: SftpOutbox, provider: ImitatedProvider) -> None:
    """What the manifest promises is compared with what arrived."""
    provider.sleep()
    channel.send(message())
    (provider.root / "outbox" / f"{message().message_id}.xml").write_bytes(invoice(7))
    provider.wake()
    [receipt] = channel.receipts()
    assert receipt.text.startswith("DIGEST_MISMATCH")
    assert delivered(provider) == 0


def test_a_receipt_given_twice_is_settled_twice(channel: SftpOutbox, provider: ImitatedProvider) -> None:
    provider.faults.arm(Fault("duplicate"))
    channel.send(message())
    receipts = list(channel.receipts())
    assert [receipt.message_id for receipt in receipts] == [message().message_id] * 2
    for receipt in receipts:
        channel.settle(receipt)
    assert list(channel.receipts()) == []


def test_a_receipt_that_comes_again_after_settling_is_kept_beside_the_first(
    channel: SftpOutbox, provider: ImitatedProvider
) -> None:
    channel.send(message())
    [receipt] = channel.receipts()
    channel.settle(receipt)
    (provider.root / "receipts" / receipt.handle).write_bytes(receipt.evidence)
    [again] = channel.receipts()
    channel.settle(again)
    assert list(channel.receipts()) == []
    assert len(names(provider, "receipts/archive")) == 2


BROKEN = {
    "cut short": b'{"message_id": "',
    "not JSON": b"\xff\xfe\x00",
    "nested": b"[" * 60_000,
    "a list": b"[]",
    "another message": json.dumps(
        {"message_id": message(9).message_id, "state": "delivered", "time": "2026-11-22T08:00:00Z"}
    ).encode(),
    "unknown state": json.dumps(
        {"message_id": message(1).message_id, "state": "lost", "time": "2026-11-22T08:00:00Z"}
    ).encode(),
    "no zone": json.dumps(
        {"message_id": message(1).message_id, "state": "delivered", "time": "2026-11-22T08:00:00"}
    ).encode(),
    "no reason": json.dumps(
        {"message_id": message(1).message_id, "state": "rejected", "time": "2026-11-22T08:00:00Z"}
    ).encode(),
    "reason a text": json.dumps(
        {
            "message_id": message(1).message_id,
            "state": "rejected",
            "time": "2026-11-22T08:00:00Z",
            "reason": "x",
        }
    ).encode(),
    "too large": b" " * 70_000,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_damaged_receipt_does_not_hold_up_the_others(
    channel: SftpOutbox, provider: ImitatedProvider, content: bytes
) -> None:
    """The good one is given, the damaged one named, and it stays where a person finds it."""
    channel.send(message(1))
    damaged = provider.root / "receipts" / f"{message(1).message_id}.json"
    damaged.write_bytes(content)
    channel.send(message(2))
    good: list[Receipt] = []
    with pytest.raises(RemoteUnexpected) as caught:
        good.extend(channel.receipts())
    assert [receipt.message_id for receipt in good] == [message(2).message_id]
    assert damaged.name in caught.value.where
    assert damaged.exists()
    # The handover itself is not in doubt.
    found = channel.find(message(1))
    assert found is not None
    assert found.state is DeliveryState.ACCEPTED_FOR_TRANSPORT


def test_a_receipt_written_in_half_is_reported(channel: SftpOutbox, provider: ImitatedProvider) -> None:
    provider.faults.arm(Fault("truncated", "receipt"))
    channel.send(message())
    with pytest.raises(RemoteUnexpected) as caught:
        list(channel.receipts())
    assert message().message_id.encode() in caught.value.evidence


def test_receipts_come_in_rounds_of_a_set_size(provider: ImitatedProvider) -> None:
    channel = make(provider, most_receipts=2)
    for number in range(3):
        channel.send(message(number))
    first = list(channel.receipts())
    assert len(first) == 2
    for receipt in first:
        channel.settle(receipt)
    assert len(list(channel.receipts())) == 1
    channel.close()


def test_other_files_among_the_receipts_are_left_alone(
    channel: SftpOutbox, provider: ImitatedProvider
) -> None:
    for name in ("README.txt", "0.json", ".hidden", f"{message().message_id}.json.part"):
        (provider.root / "receipts" / name).write_text("{}")
    assert list(channel.receipts()) == []


@pytest.mark.parametrize("place", ["write /outbox/.*xml", "write /outbox/.*json"])
def test_a_full_disk_is_retried_and_nothing_is_delivered_meanwhile(
    channel: SftpOutbox, provider: ImitatedProvider, place: str
) -> None:
    provider.faults.arm(Fault("full", place))
    with pytest.raises(RemoteUnavailable) as caught:
        channel.send(message())
    assert not caught.value.uncertain
    assert (channel.find(message()), delivered(provider)) == (None, 0)
    channel.send(message())
    assert delivered(provider) == 1


def test_a_provider_that_is_down_is_unavailable(channel: SftpOutbox, provider: ImitatedProvider) -> None:
    provider.faults.arm(Fault("unavailable", "connect"))
    with pytest.raises(RemoteUnavailable) as caught:
        channel.send(message())
    assert not caught.value.uncertain
    channel.send(message())
    assert delivered(provider) == 1


def test_a_slow_provider_is_unavailable_in_time(provider: ImitatedProvider) -> None:
    channel = make(provider, timeout=0.3)
    channel.send(message())
    provider.faults.arm(Fault("slow", "list", seconds=0.6))
    with pytest.raises(RemoteUnavailable):
        list(channel.receipts())
    channel.close()


def test_a_wrong_login_is_refused_without_showing_the_password(provider: ImitatedProvider) -> None:
    channel = make(provider, password="guess-what")
    with pytest.raises(RemoteRefused) as caught:
        channel.send(message())
    assert "guess-what" not in str(caught.value)
    assert [step.ok for step in channel.check()] == [True, True, False]


def test_settling_survives_a_lost_answer(channel: SftpOutbox, provider: ImitatedProvider) -> None:
    channel.send(message())
    [receipt] = channel.receipts()
    provider.faults.arm(Fault("drop-after", "rename"))
    with pytest.raises(RemoteUnavailable):
        channel.settle(receipt)
    channel.settle(receipt)
    assert list(channel.receipts()) == []


@pytest.mark.parametrize("handle", ["", "../outbox/x.json", "/etc/passwd", "1:2"])
def test_settling_touches_receipts_only(channel: SftpOutbox, provider: ImitatedProvider, handle: str) -> None:
    channel.settle(Receipt(message().message_id, DeliveryState.DELIVERED, NOW, handle=handle))
    assert names(provider, "receipts") == []


@pytest.mark.parametrize(
    "changes", [{"receiver": None}, {"sender": None}, {"receiver": Identifier("12345678")}]
)
def test_without_electronic_addresses_there_is_no_route(channel: SftpOutbox, changes: dict[str, Any]) -> None:
    with pytest.raises(RouteError, match="electronic address"):
        channel.send(message(**changes))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7", "damaged"),
        (b"<Order/>", "UBL and CII"),
        (invoice(1, specification=""), "BT-24"),
        (invoice(1, process=" "), "BT-23"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + invoice(1), "document type declaration"),
    ],
)
def test_what_is_no_invoice_is_not_sent(
    channel: SftpOutbox, provider: ImitatedProvider, content: bytes, words: str
) -> None:
    with pytest.raises(DocumentError, match=words):
        channel.send(message(content=content))
    assert names(provider, "outbox") == []


def test_a_document_that_was_changed_on_the_way_is_not_sent(channel: SftpOutbox) -> None:
    with pytest.raises(DocumentError, match="approved"):
        channel.send(message(digest="0" * 64))


def test_a_large_invoice_arrives_whole(channel: SftpOutbox, provider: ImitatedProvider) -> None:
    """Five megabytes, as with embedded attachments."""
    content = invoice(1).replace(b"</Invoice>", b"<!-- " + b"x" * 5_000_000 + b" --></Invoice>")
    channel.send(message(content=content))
    holdings: Any = provider.holdings()
    [document] = holdings["receivers"]["0106:12345678"]["documents"]
    assert document["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_check_looks_into_the_three_folders(channel: SftpOutbox, provider: ImitatedProvider) -> None:
    assert [step.name for step in channel.check() if not step.ok] == ["clock"]  # the clock here stands still
    Path(provider.root / "taken").rmdir()
    assert [step.name for step in channel.check() if not step.ok] == ["folder /taken", "clock"]


def test_the_check_proves_the_right_to_write_and_leaves_nothing(
    channel: SftpOutbox, provider: ImitatedProvider
) -> None:
    (step,) = [step for step in channel.check() if step.name == "writing into /outbox"]
    assert step.ok
    assert ".gateway-check-" in step.seen
    assert names(provider, "outbox") == names(provider, "taken") == []
    provider.faults.arm(Fault("full", "write /outbox"))
    (step,) = [step for step in channel.check() if step.name == "writing into /outbox"]
    assert not step.ok


def test_folders_are_plain_paths(provider: ImitatedProvider) -> None:
    with pytest.raises(ValidationError):
        make(provider, outbox_folder="/outbox/$(id)")
