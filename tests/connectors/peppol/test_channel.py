"""The Peppol channel against the imitated network: what a message becomes there, and what failures mean."""

from __future__ import annotations

import hashlib
import io
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from connectors.base import (
    Attachment,
    DeliveryState,
    NetworkDocument,
    OutboundMessage,
    SendsDocuments,
    Surroundings,
)
from connectors.channels.peppol.access_point import AccessPointSettings
from connectors.channels.peppol.channel import Peppol, instance_of
from connectors.sandbox.faults import Fault
from connectors.sandbox.peppol.desk import PeppolDesk
from formats.errors import RemoteUnavailable, RouteError
from formats.identifiers import Identifier
from formats.profiles import peppol_bis3
from formats.responses import message_level_status
from formats.responses.message_level_status import MessageLevelStatus
from formats.syntaxes import ubl
from tests.strategies import sample_invoice

SAMPLE = Path(__file__).parents[3] / "config" / "channels" / "peppol.yaml"
BUYER = Identifier("1999412696", "0208")
SELLER = Identifier("1999307184", "0208")
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Cell:
    """What the database keeps for a connector."""

    value = ""

    def save(self, value: str) -> None:
        self.value = value


@pytest.fixture
def network() -> Iterator[PeppolDesk]:
    system = PeppolDesk(0)
    system.start()
    yield system
    system.stop()


@pytest.fixture
def channel(network: PeppolDesk, tmp_path: Path) -> Iterator[Peppol]:
    for name, text in network.secrets().items():
        file = tmp_path / "secrets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    sample = YAML(typ="safe").load(SAMPLE.read_text("utf-8"))["settings"]
    addresses = network.addresses()
    host = addresses["smp"].removeprefix("http://").removesuffix("/smp")
    settings = AccessPointSettings.model_validate(
        {**sample, "resolvers": [addresses["dns"]], "revocation_hosts": [host]}
    )

    def secret(reference: str) -> str:
        return (tmp_path / reference.removeprefix("file:")).read_text("utf-8")

    cells: dict[str, Cell] = {}

    @contextmanager
    def locked(name: str) -> Iterator[Cell]:
        yield cells.setdefault(name, Cell())

    surroundings = Surroundings(secret, lambda: datetime.now(UTC), locked, folder=tmp_path)
    with closing(Peppol("peppol", settings, surroundings)) as opened:
        yield opened


def message(message_id: str = "", receiver: Identifier | None = BUYER) -> OutboundMessage:
    content = ubl.write(peppol_bis3.PROFILE.prepare(sample_invoice()))
    return OutboundMessage(
        message_id or str(uuid.uuid4()),
        "INV-1",
        hashlib.sha256(content).hexdigest(),
        (Attachment("INV-1.xml", "application/xml", content),),
        "Seller",
        "Buyer",
        SELLER,
        receiver,
        made_at=NOW,
        country="BE",
    )


def test_a_message_arrives_as_it_was_and_its_receipt_says_where(network: PeppolDesk, channel: Peppol) -> None:
    sent = message()
    receipt = channel.send(sent)
    (arrived,) = network.arrivals()
    assert receipt.state is DeliveryState.DELIVERED
    assert receipt.exchange is not None
    assert receipt.exchange.peer == "POP000002"
    assert receipt.exchange.instance == arrived.envelope.instance_id == instance_of(sent.message_id)
    assert sent.files[0].content.partition(b"?>")[2].strip() in arrived.document
    with zipfile.ZipFile(io.BytesIO(receipt.evidence)) as archive:
        assert archive.read("receiver.cer").startswith(b"0\x82")


def test_the_same_message_again_is_one_to_the_receiver(network: PeppolDesk, channel: Peppol) -> None:
    sent = message()
    network.faults.arm(Fault("lost-receipt", "as4 POP000002"))
    with pytest.raises(RemoteUnavailable) as lost:
        channel.send(sent)
    assert lost.value.uncertain
    assert lost.value.one_receiver
    assert channel.find(sent) is None
    assert channel.send(sent).state is DeliveryState.DELIVERED
    assert len(network.arrivals()) == 1


@pytest.mark.parametrize("receiver", [None, Identifier("0000000097", "0208")], ids=["no address", "unknown"])
def test_who_is_not_there_is_an_error_of_the_route(channel: Peppol, receiver: Identifier | None) -> None:
    with pytest.raises(RouteError):
        channel.send(message(receiver=receiver))


@pytest.mark.parametrize(("kind", "error"), [("not-serviced", RouteError), ("ebms-0202", RemoteUnavailable)])
def test_what_the_other_side_says_decides_what_happens_next(
    network: PeppolDesk, channel: Peppol, kind: str, error: type[Exception]
) -> None:
    network.faults.arm(Fault(kind, "as4 POP000002"))
    with pytest.raises(error):
        channel.send(message())
    assert not network.faults.waiting()
    assert network.arrivals() == ()


def test_a_duplicate_after_a_lost_answer_has_arrived(network: PeppolDesk, channel: Peppol) -> None:
    sent = message()
    network.faults.arm(Fault("lost-receipt", "as4 POP000002"))
    with pytest.raises(RemoteUnavailable):
        channel.send(sent)
    network.faults.arm(Fault("ebms-4001", "as4 POP000002"))
    assert channel.send(replace(sent, may_be_there=True)).state is DeliveryState.DELIVERED
    assert len(network.arrivals()) == 1


def test_a_duplicate_at_the_first_attempt_is_not_taken_for_an_arrival(
    network: PeppolDesk, channel: Peppol
) -> None:
    """Nor is the next one, for the attempt that was answered so brought nothing there."""
    sent = message()
    for one in (sent, replace(sent, may_be_there=True)):
        network.faults.arm(Fault("ebms-4001", "as4 POP000002"))
        with pytest.raises(RemoteUnavailable, match="nothing proves") as refused:
            channel.send(one)
    assert refused.value.uncertain
    assert network.arrivals() == ()


@pytest.mark.parametrize("error", ["ebms-0202", "ebms-0201", "ebms-0102"])
def test_a_duplicate_after_an_error_is_not_taken_for_an_arrival(
    network: PeppolDesk, channel: Peppol, error: str
) -> None:
    """Some remember the id before they store; only a receipt then ends the trying."""
    sent = message()
    for kind in (error, "ebms-4001", "ebms-4001"):
        network.faults.arm(Fault(kind, "as4 POP000002"))
        with pytest.raises(RemoteUnavailable) as refused:
            channel.send(sent)
    assert "nothing proves" in refused.value.what
    assert refused.value.uncertain
    assert refused.value.retry_at is not None
    assert network.arrivals() == ()
    assert channel.send(sent).state is DeliveryState.DELIVERED
    assert len(network.arrivals()) == 1


def test_an_answer_goes_the_same_way(network: PeppolDesk, channel: Peppol) -> None:
    assert isinstance(channel, SendsDocuments)
    status = MessageLevelStatus(
        id=str(uuid.uuid4()),
        issued_at=NOW,
        sender=Identifier("000001", "0242"),
        receiver=Identifier("000002", "0242"),
        code="AP",
        refers_to=str(uuid.uuid4()),
    )
    document = NetworkDocument(
        status.id, NOW, status.sender, status.receiver, "BE", message_level_status.write(status)
    )
    receipt = channel.send_document(document)
    (arrived,) = network.arrivals()
    assert receipt.exchange is not None
    assert receipt.exchange.status_wanted == ""
    assert b"MLS_TYPE" not in arrived.document


def test_check_walks_to_our_own_registration(channel: Peppol) -> None:
    steps = list(channel.check())
    assert all(step.ok for step in steps), steps
    assert [step.name for step in steps] == ["trust", "certificate", "registration"]


def test_there_is_nothing_to_poll(channel: Peppol) -> None:
    assert list(channel.receipts()) == []
