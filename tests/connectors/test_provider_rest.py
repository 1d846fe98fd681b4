"""The REST provider channel against an imitated provider: taken once, found again, refused, proven."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.base import (
    Attachment,
    Channel,
    DeliveryState,
    OutboundMessage,
    Receipt,
    Surroundings,
)
from connectors.channels.provider_rest import ProviderRest
from connectors.channels.provider_rest_settings import ProviderRestSettings
from connectors.sandbox.faults import Fault
from connectors.sandbox.provider_rest import API_KEY, ImitatedProviderRest
from formats.errors import (
    ConfigError,
    DocumentError,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
    RouteError,
)
from formats.identifiers import Identifier

SUBMIT = "POST /api/v2/document_submissions"
INVOICE = """<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
 ><cbc:CustomizationID>urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0</cbc:CustomizationID
 ><cbc:ProfileID>urn:fdc:peppol.eu:2017:poacc:billing:01:1.0</cbc:ProfileID><cbc:ID>{}</cbc:ID></Invoice>"""


@dataclass
class Cell:
    value: str = ""

    def save(self, value: str) -> None:
        self.value = value


@dataclass
class World:
    """A provider, a clock that stands still until told, and cells that last longer than a channel."""

    provider: ImitatedProviderRest
    now: datetime = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    key: str = API_KEY
    cells: dict[str, Cell] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    made: list[ProviderRest] = field(default_factory=list)

    @contextmanager
    def locked(self, name: str) -> Iterator[Cell]:
        with self.lock:
            yield self.cells.setdefault(name, Cell())

    def channel(self, **changes: Any) -> ProviderRest:
        settings = {
            "base_url": self.provider.url,
            "api_key": "file:secrets/provider-rest-key",
            "legal_entities": {"9930:DE814567205": 1001},
            "read_seconds": 5,
            **changes,
        }
        made = ProviderRest(
            "provider-rest",
            ProviderRestSettings.model_validate(settings),
            Surroundings(lambda reference: self.key, lambda: self.now, self.locked),
        )
        self.made.append(made)
        return made

    @property
    def held(self) -> dict[str, Any]:
        return dict(self.provider.holdings())


@pytest.fixture
def world() -> Iterator[World]:
    provider = ImitatedProviderRest(0)
    provider.start()
    world = World(provider)
    yield world
    for one in world.made:
        one.close()
    provider.stop()
    assert provider.server.failures == []


def message(number: int = 1, **changes: Any) -> OutboundMessage:
    document = INVOICE.format(f"R-{number}").encode()
    plain = OutboundMessage(
        message_id=f"5d1f3c80-2b7a-4c55-9e64-{number:012d}",
        number=f"R-{number}",
        digest=hashlib.sha256(document).hexdigest(),
        files=(Attachment(f"invoice-{number}.xml", "application/xml", document),),
        seller="Nordlicht",
        buyer="Voorbeeld B.V.",
        sender=Identifier("DE814567205", "9930"),
        receiver=Identifier("12345678", "0106"),
    )
    return replace(plain, **changes)


def all_news(channel: ProviderRest) -> list[Receipt]:
    """As the pipeline takes them in: each is settled before the next one is read."""
    news = []
    for receipt in channel.receipts():
        news.append(receipt)
        channel.settle(receipt)
    return news


def test_a_document_is_taken_delivered_and_proven(world: World) -> None:
    channel: Channel = world.channel()
    assert channel.send(message()).state is DeliveryState.ACCEPTED_FOR_TRANSPORT
    (receipt,) = all_news(world.made[0])
    assert (receipt.message_id, receipt.state) == (message().message_id, DeliveryState.DELIVERED)
    assert b"receiving_accesspoint" in receipt.evidence
    assert world.held["receivers"]["NL:KVK:12345678"]["count"] == 1
    assert world.held["waiting events"] == 0
    assert all_news(world.made[0]) == []
    assert world.cells["watched"].value == "{}", "nothing is watched for ever"


def test_the_same_message_again_is_taken_once(world: World) -> None:
    channel = world.channel()
    for _ in range(3):
        assert channel.send(message()).state is DeliveryState.ACCEPTED_FOR_TRANSPORT
    assert world.held["delivered"] == 1
    assert world.held["repeated"] == [message().message_id] * 2


@pytest.mark.parametrize("kind", ["drop-after", "truncated"])
def test_a_lost_answer_is_asked_for_under_the_same_id(world: World, kind: str) -> None:
    """Also by a process that was started anew."""
    world.provider.faults.arm(Fault(kind, SUBMIT))
    with pytest.raises(RemoteUnavailable) as raised:
        world.channel().send(message())
    assert raised.value.uncertain
    found = world.channel().find(message())
    assert found is not None
    assert found.state is DeliveryState.ACCEPTED_FOR_TRANSPORT
    assert world.held["delivered"] == 1


@pytest.mark.parametrize("kind", ["drop-before", "server-error"])
def test_what_was_lost_on_its_way_is_sent_under_the_same_id(world: World, kind: str) -> None:
    world.provider.faults.arm(Fault(kind, SUBMIT))
    channel = world.channel()
    with pytest.raises(RemoteUnavailable) as raised:
        channel.send(message())
    assert raised.value.uncertain
    assert world.held["delivered"] == 0
    assert channel.find(message()) is not None
    assert world.held["delivered"] == 1
    assert world.held["repeated"] == []


def test_what_never_got_there_is_certainly_not_held(world: World) -> None:
    channel = world.channel()
    assert channel.find(message()) is None
    world.provider.faults.arm(Fault("too-many-requests", SUBMIT, seconds=90))
    with pytest.raises(RemoteUnavailable) as raised:
        channel.send(message())
    assert (raised.value.uncertain, raised.value.retry_at) == (False, world.now + timedelta(seconds=90))
    world.provider.faults.arm(Fault("revoked-token", SUBMIT))
    with pytest.raises(RemoteRefused):
        channel.send(message())
    assert channel.find(message()) is None
    assert world.held["repeated"] == []


def test_a_question_that_fails_is_no_attempt(world: World) -> None:
    world.provider.faults.arm(Fault("drop-after", "discovery"))
    channel = world.channel()
    with pytest.raises(RemoteUnavailable) as raised:
        channel.send(message())
    assert not raised.value.uncertain
    assert channel.find(message()) is None


def test_a_receiver_outside_the_network_is_for_the_next_route(world: World) -> None:
    channel = world.channel()
    with pytest.raises(RouteError, match="not in the network"):
        channel.send(message(receiver=Identifier("0000000097", "0208")))
    with pytest.raises(RouteError, match="no name for the scheme 0999"):
        channel.send(message(receiver=Identifier("1", "0999")))
    with pytest.raises(RouteError, match="no electronic address"):
        channel.send(message(receiver=None))
    with pytest.raises(RouteError, match="known scheme"):
        world.channel(schemes={"0106": "Chamber"}).send(message())
    with pytest.raises(RouteError, match="known scheme"):
        world.channel(schemes={"0106": "Chamber"}, ask_before_sending=False).send(message())
    assert world.held["delivered"] == 0


def test_after_an_attempt_without_an_answer_no_word_about_the_receiver_counts(world: World) -> None:
    """It may have been delivered before the receiver left the network."""
    world.provider.faults.arm(Fault("drop-after", SUBMIT))
    gone = message(receiver=Identifier("0000000097", "0208"))
    channel = world.channel(ask_before_sending=False)
    with pytest.raises(RemoteUnavailable):
        channel.send(gone)
    assert world.channel().send(gone).state is DeliveryState.ACCEPTED_FOR_TRANSPORT


def test_nobody_to_deliver_to_is_told_by_an_event(world: World) -> None:
    world.provider.faults.arm(Fault("not-serviced", "deliver"))
    channel = world.channel()
    channel.send(message(1))
    world.provider.faults.arm(Fault("rejected", "deliver"))
    channel.send(message(2))
    nobody, given_up = all_news(channel)
    assert (nobody.state, nobody.unreachable) == (DeliveryState.REJECTED, True)
    assert (given_up.state, given_up.unreachable) == (DeliveryState.REJECTED, False)
    assert "no receiver was found" in nobody.text


def test_a_wrong_document_is_the_documents_fault_unless_it_may_be_there(world: World) -> None:
    broken = b"<Invoice xmlns='urn:oasis:names:specification:ubl:schema:xsd:Invoice-2'/>"
    wrong = message(files=(Attachment("a.xml", "application/xml", broken),))
    with pytest.raises(DocumentError, match="not the one that was approved"):
        world.channel().send(wrong)
    channel = world.channel(legal_entities={"9930:DE814567205": 999})
    with pytest.raises(DocumentError, match="legalEntityId: is not a legal entity"):
        channel.send(message())
    assert channel.find(message()) is None
    world.provider.faults.arm(Fault("drop-before", SUBMIT))
    with pytest.raises(RemoteUnavailable):
        channel.send(message())
    with pytest.raises(RemoteUnexpected, match="earlier attempt") as raised:
        channel.find(message())
    assert message().message_id in raised.value.fix


def test_an_old_attempt_without_an_answer_is_for_people(world: World) -> None:
    world.provider.faults.arm(Fault("drop-after", SUBMIT))
    channel = world.channel()
    with pytest.raises(RemoteUnavailable):
        channel.send(message())
    world.now += timedelta(days=8)
    with pytest.raises(RemoteUnexpected, match="may not know its id again"):
        channel.find(message())


def test_late_evidence_is_waited_for_and_then_the_event_counts(world: World) -> None:
    world.provider.faults.arm(Fault("lost-receipt", "evidence", times=2))
    channel = world.channel()
    channel.send(message())
    assert all_news(channel) == []
    assert world.held["waiting events"] == 0
    (proven,) = all_news(channel)
    assert b"receiving_accesspoint" in proven.evidence

    world.provider.faults.arm(Fault("lost-receipt", "evidence", times=100))
    channel.send(message(2))
    assert all_news(channel) == []
    world.now += timedelta(minutes=61)
    (told,) = all_news(channel)
    assert (told.message_id, told.state) == (message(2).message_id, DeliveryState.DELIVERED)
    assert b"succeeded" in told.evidence


def test_a_lost_event_is_made_good_by_the_evidence(world: World) -> None:
    world.provider.faults.arm(Fault("lost-receipt", "event"))
    channel = world.channel()
    channel.send(message())
    assert all_news(channel) == []
    world.now += timedelta(minutes=61)
    (receipt,) = all_news(channel)
    assert receipt.state is DeliveryState.DELIVERED
    assert all_news(channel) == []


def test_an_event_given_twice_says_the_same_twice(world: World) -> None:
    world.provider.faults.arm(Fault("duplicate", "event"))
    channel = world.channel()
    channel.send(message())
    assert [receipt.state for receipt in all_news(channel)] == [DeliveryState.DELIVERED] * 2


def test_an_event_that_is_not_settled_comes_again(world: World) -> None:
    channel = world.channel()
    channel.send(message(1))
    channel.send(message(2))
    first = [receipt.message_id for receipt in channel.receipts()]
    assert first == [message(1).message_id], "the next one comes after the first is settled"
    assert len(all_news(channel)) == 2


def test_events_of_others_stay_in_the_queue_unless_they_may_go(world: World) -> None:
    world.provider.tell({"event_type": "received_document", "guid": "x"})
    with pytest.raises(RemoteUnexpected, match="not about an invoice of ours") as raised:
        list(world.channel().receipts())
    assert b"received_document" in raised.value.evidence
    assert world.held["waiting events"] == 1
    assert all_news(world.channel(drop_foreign_events=True)) == []
    assert world.held["waiting events"] == 0


@pytest.mark.parametrize("kind", ["html", "unavailable", "server-error"])
def test_a_queue_that_cannot_be_read_says_so(world: World, kind: str) -> None:
    world.provider.faults.arm(Fault(kind, "webhook_instances"))
    with pytest.raises((RemoteUnexpected, RemoteUnavailable)):
        list(world.channel().receipts())


def test_each_company_sends_by_its_own_number(world: World) -> None:
    channel = world.channel()
    with pytest.raises(ConfigError, match="no legal entity is set for the seller 0208:1999307184"):
        channel.send(message(sender=Identifier("1999307184", "0208")))
    alone = world.channel(legal_entities={}, legal_entity_id=1002)
    assert alone.send(message(sender=Identifier("1999307184", "0208"))).message_id
    with pytest.raises(ValidationError, match="name the company that sends"):
        world.channel(legal_entities={})


def test_bytes_may_go_as_they_are(world: World) -> None:
    world.channel(parse=False).send(message())
    assert world.held["delivered"] == 1


def test_the_check_names_the_companies_and_reads_only(world: World) -> None:
    steps = list(world.channel(legal_entity_id=1002).check())
    assert [(step.name, step.ok) for step in steps] == [
        ("legal entity 1001", True),
        ("legal entity 1002", True),
    ]
    assert "Nordlicht" in steps[0].seen
    world.key = "another"
    (failed,) = world.channel().check()
    assert not failed.ok
    assert "another" not in failed.seen + failed.fix
    assert {call.method for call in world.provider.server.calls} == {"GET"}


def test_many_messages_are_watched_and_none_without_an_answer_is_forgotten(world: World) -> None:
    channel = world.channel(most_watched=10, ask_before_sending=False)
    world.provider.faults.arm(Fault("drop-after", SUBMIT))
    with pytest.raises(RemoteUnavailable):
        channel.send(message(1))
    for number in range(2, 30):
        channel.send(message(number))
    assert channel.find(message(1)) is not None
    assert world.held["repeated"] == [message(1).message_id]
