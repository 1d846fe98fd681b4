"""Message Level Status between the two: ours arrives at phase4, and what phase4's says is taken in."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.channels.peppol.as4 import Verdict, prepare
from formats.envelopes import sbdh
from formats.identifiers import Identifier
from formats.responses import message_level_status
from formats.responses.message_level_status import Issue, IssueCode, MessageLevelStatus, StatusCode
from gateway.peppol import incoming
from gateway.store import exchanges
from gateway.store.exchanges import Direction, Exchange
from gateway.store.inbox import Kind, State
from tests.interop.peer import Phase4
from tests.interop.world import DOCUMENT_TYPE, OURS, PROCESS, THEIRS, Site, new_id, order

pytestmark = pytest.mark.timeout(900)

OUR_SEAT, THEIR_SEAT = Identifier("000001", "0242"), Identifier("000002", "0242")
REFUSED = (Issue(IssueCode.RULE_BROKEN, "BR-16: no invoice line", "/Invoice"),)


def status(sender: Identifier, receiver: Identifier, refers_to: str, code: StatusCode) -> MessageLevelStatus:
    return MessageLevelStatus(
        id=str(uuid.uuid4()),
        issued_at=datetime.now(UTC).replace(microsecond=0),
        sender=sender,
        receiver=receiver,
        code=code.value,
        refers_to=refers_to,
        text="It cannot be taken" if code is StatusCode.REFUSED else "",
        issues=REFUSED if code is StatusCode.REFUSED else (),
    )


@pytest.mark.parametrize("code", StatusCode)
def test_a_status_of_ours_arrives(site: Site, phase4: Phase4, code: StatusCode) -> None:
    told = status(OUR_SEAT, THEIR_SEAT, str(uuid.uuid4()), code)
    header = message_level_status.header_of(
        told, instance_id=told.id, created_at=datetime.now(UTC), country="BE"
    )
    content = sbdh.write(header, message_level_status.write(told))
    message = replace(
        site.message(content),
        sender=header.sender.value,
        receiver=header.receiver.value,
        document_type=header.document_type.value,
        process=header.process.value,
    )
    certificate = site.pki.leaf("ap2").certificate
    prepared = prepare(message, receiver=certificate, key=site.key, folder=site.folder)
    assert site.send(prepared, phase4.url).verdict is Verdict.DELIVERED
    assert phase4.received(prepared.message_id) == content
    understood = phase4.understood(prepared.message_id)
    assert understood["document_type"] == header.document_type.value
    assert "mls_to" not in understood, "the status of a status is not asked for"


@pytest.mark.parametrize("code", StatusCode)
def test_a_status_of_theirs_is_taken_in(site: Site, phase4: Phase4, code: StatusCode) -> None:
    """It is about a message that we sent to them; its service level is measured from there."""
    sent = Exchange(
        direction=Direction.OUT,
        peer="POP000002",
        message_id=new_id(),
        channel=site.channel.name,
        instance=str(uuid.uuid4()),
        sender=OURS,
        receiver=THEIRS,
        document_type=f"busdox-docid-qns::{DOCUMENT_TYPE}",
        process=f"cenbii-procid-ubl::{PROCESS}",
        country_c1="BE",
        country_c4="",
        end_user=OURS,
        fingerprint="",
        evidence_digest="",
        receipt_digest="",
        at=datetime.now(UTC),
        status_wanted="ALWAYS_SEND",
    )
    with site.gateway.database.begin() as connection:
        exchanges.add(connection, sent)
    told = status(THEIR_SEAT, OUR_SEAT, sent.instance, code)
    header = message_level_status.header_of(
        told, instance_id=told.id, created_at=datetime.now(UTC), country="SE"
    )
    message_id = new_id()
    answer = phase4.send(
        **order(
            site,
            message_level_status.write(told),
            message_id=message_id,
            sender=header.sender.value,
            receiver=header.receiver.value,
            document_type=header.document_type.key,
            process=f"{header.process.scheme}::{header.process.value}",
        )
    )
    assert answer == {"result": "SUCCESS", "errors": []}
    while incoming.work(site.gateway):
        pass
    (item,) = (one for one in site.items() if one.message_id == message_id)
    assert (item.kind, item.state) == (Kind.MESSAGE_LEVEL_STATUS, State.TAKEN_IN)
    with site.gateway.database.read() as connection:
        found = exchanges.get(connection, Direction.OUT, "POP000002", sent.message_id)
    assert found is not None
    assert (found.status, found.status_at is None) == (code.value, False)
