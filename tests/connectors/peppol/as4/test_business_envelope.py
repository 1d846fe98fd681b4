"""What the envelope inside says has to be what the header outside says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.channels.peppol.as4 import ReceivedMessage, Rules, Verdict
from connectors.channels.peppol.as4.business_envelope import read_business_envelope
from formats.envelopes import sbdh
from formats.identifiers import DocumentTypeId, ParticipantId, ProcessId
from tests.connectors.peppol.as4.world import DOCUMENT_TYPE, NOW, PROCESS, Network

HEADER = sbdh.Header(
    sender=ParticipantId.of("0208:0123456749"),
    receiver=ParticipantId.of("0088:7300010000001"),
    document_type=DocumentTypeId.of(DOCUMENT_TYPE),
    process=ProcessId.of(PROCESS),
    instance_id="7f0f3a34-4c3c-4b43-9f57-1f1f2ab0c001",
    created_at=NOW,
    country_c1="BE",
)
INVOICE = b'<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>'
SBD = sbdh.write(HEADER, INVOICE)


@pytest.fixture
def seen(network: Network) -> list[sbdh.Envelope]:
    found: list[sbdh.Envelope] = []

    def check(message: ReceivedMessage) -> None:
        found.append(read_business_envelope(message))

    network.rules = Rules(check=check)
    return found


def test_an_envelope_that_agrees_is_read(network: Network, seen: list[sbdh.Envelope]) -> None:
    prepared = network.prepare(SBD)
    assert network.judge(prepared, network.answer(prepared)).verdict is Verdict.DELIVERED
    assert seen[0].header == HEADER


def test_an_envelope_in_a_file_is_read_from_there(network: Network, seen: list[sbdh.Envelope]) -> None:
    network.rules = replace(network.rules, in_memory=100)
    network.answer(network.prepare(SBD))
    assert seen[0].header == HEADER
    assert not list(network.folder.iterdir())


def test_participants_are_the_same_in_any_case(network: Network, seen: list[sbdh.Envelope]) -> None:
    header = replace(HEADER, sender=ParticipantId.of("0225:abc_DEF"))
    network.answer(network.prepare(sbdh.write(header, INVOICE), sender="0225:ABC_def"))
    assert len(seen) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"sender": "0208:0000000097"},
        {"receiver": "0088:7300010000018"},
        {"document_type": DOCUMENT_TYPE.replace("Invoice", "invoice")},
        {"document_type_scheme": "peppol-doctype-wildcard"},
        {"process": "urn:peppol:bis:billing"},
        {"process_scheme": "other"},
    ],
)
def test_a_header_that_says_otherwise_is_refused(
    network: Network, seen: list[sbdh.Envelope], changed: dict[str, Any]
) -> None:
    answer = network.answer(network.prepare(SBD, **changed))
    assert answer.problem is not None
    assert answer.problem.error.code == "EBMS:0003"
    assert seen == []
    assert network.inbox.payloads == []


@pytest.mark.parametrize(
    "payload", [b"", b"no xml", INVOICE, SBD.replace(b">BE<", b"><"), SBD.replace(INVOICE, b"")]
)
def test_what_is_no_correct_envelope_is_refused(
    network: Network, seen: list[sbdh.Envelope], payload: bytes
) -> None:
    answer = network.answer(network.prepare(payload))
    assert answer.problem is not None
    assert answer.problem.error.code == "EBMS:0004"
    assert network.inbox.payloads == []
