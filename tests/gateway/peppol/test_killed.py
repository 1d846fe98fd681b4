"""Killed (SIGKILL) while a message is on its way, in or out: it is there once, and proven by one receipt."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from connectors.channels.peppol.as4 import (
    As4Client,
    Outcome,
    OutgoingMessage,
    PreparedMessage,
    Verdict,
    prepare,
)
from connectors.channels.peppol.pki.keys import AccessPointKey
from connectors.channels.peppol.pki.trust import Role
from formats.envelopes import sbdh
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.pipeline.submission import State
from gateway.store import documents, exchanges, journal
from gateway.store.exchanges import Direction
from tests.gateway.peppol.conftest import OUR_BUYER, SUPPLIER, Site
from tests.gateway.stories import billing

DOCUMENT_TYPE = (
    "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant#"
    "urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
)
PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
INVOICE = b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>'
SENT_AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def message(site: Site) -> PreparedMessage:
    """What the other access point sends: made ready from the same values, it is the same message."""
    header = sbdh.Header(
        sender=ParticipantId.of(SUPPLIER["participant"]),
        receiver=ParticipantId.of(OUR_BUYER["participant"]),
        document_type=DocumentTypeId.of(DOCUMENT_TYPE),
        process=ProcessId.of(PROCESS),
        instance_id="0f5d1b58-8a16-4a52-9c52-40a3be3ae001",
        created_at=SENT_AT,
        country_c1="BE",
    )
    sent = OutgoingMessage(
        "m-1@ap2.example",
        "c-1",
        SENT_AT,
        SUPPLIER["participant"],
        OUR_BUYER["participant"],
        DOCUMENT_TYPE,
        PROCESS,
        sbdh.write(header, INVOICE),
    )
    ours, theirs = (site.network.pki.leaf(name) for name in ("gateway", "ap2"))
    key = AccessPointKey(theirs.certificate, theirs.private_key)
    return prepare(sent, receiver=ours.certificate, key=key, folder=site.offline.config)


@contextmanager
def receiving(site: Site, moment: str) -> Iterator[str]:
    """One life of the receiving process."""
    command = [sys.executable, "-m", "tests.gateway.peppol.dying_receiver", str(site.offline.config), moment]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()
        ended = process.wait(120)
    assert ended == (0 if moment == "never" else -signal.SIGKILL)


def send(site: Site, url: str) -> Outcome:
    trust = site.channel.network.trust.checker(Role.ACCESS_POINT)
    with (
        closing(As4Client(trust=trust, clock=lambda: datetime.now(UTC))) as client,
        message(site) as prepared,
    ):
        return client.send(prepared, url)


def known(site: Site) -> bytes | None:
    """The receipt that is stored for the message, None where it is not known."""
    with site.gateway.database.read() as connection:
        found = exchanges.get(connection, Direction.IN, "POP000002", "m-1@ap2.example")
        return None if found is None else documents.get(connection, found.receipt_digest).content


def test_a_receiver_killed_between_store_and_receipt_answers_the_repetition_with_it(site: Site) -> None:
    """It is stored and its receipt never leaves: the next life has it, and delivers nothing twice."""
    with receiving(site, "commit:after:1") as url:
        first = send(site, url)
    assert (first.verdict, first.uncertain) == (Verdict.RETRY, True)
    stored = known(site)
    assert stored is not None
    assert len(site.items()) == 1
    with receiving(site, "never") as url:
        again = [send(site, url) for _ in range(2)]
    assert [(one.verdict, one.answer) for one in again] == 2 * [(Verdict.DELIVERED, stored)]
    (item,) = site.items()
    with site.gateway.database.read() as connection:
        assert documents.get(connection, item.document_digest).content == INVOICE
        assert journal.verify(connection)[1] is None
    assert site.events().count("came in") == 1


def test_a_receiver_killed_before_it_has_stored_has_acknowledged_nothing(site: Site) -> None:
    with receiving(site, "commit:before:1") as url:
        first = send(site, url)
    assert (first.verdict, first.uncertain) == (Verdict.RETRY, True)
    assert known(site) is None
    second = send(site, site.url)
    assert (second.verdict, second.answer) == (Verdict.DELIVERED, known(site))
    assert len(site.items()) == 1


def test_a_sender_killed_before_it_kept_the_receipt_repeats_the_same_message(site: Site) -> None:
    site.network.behave("", "silent")
    site.put(billing("90000214"))
    moment = "connectors.channels.peppol.as4.http/As4Client.send:after:1"
    command = [sys.executable, "-m", "tests.gateway.dying_process", str(site.offline.config), moment]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    (arrived,) = site.network.arrivals()
    assert site.state("90000214") is State.SENDING
    site.until(lambda: site.state("90000214") is State.DELIVERED)
    assert site.network.arrivals() == (arrived,)
    assert site.network.holdings()["repeated"] == [arrived.message_id]
    with site.gateway.database.read() as connection:
        (exchange,) = exchanges.by_instance(connection, Direction.OUT, arrived.envelope.instance_id)
    assert exchange.message_id == arrived.message_id
