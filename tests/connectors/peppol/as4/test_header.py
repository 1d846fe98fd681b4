"""Each rule of the header has its error; what the profile leaves open is tolerated."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.channels.peppol.as4 import As4Problem, names
from connectors.channels.peppol.as4.envelope import (
    PartInfo,
    Party,
    Property,
    UserMessage,
    read_moment,
    read_user_message,
    write_moment,
    write_user_message,
)
from connectors.channels.peppol.as4.profile import require_profile
from connectors.channels.peppol.as4.soap import (
    SoapEnvelope,
    read_envelope,
    write_body,
    write_envelope,
    write_messaging,
)

GOOD = UserMessage(
    "m@a.example",
    datetime(2026, 11, 20, 10, 11, 12, 123_000, tzinfo=UTC),
    Party("POP000001", names.INITIATOR),
    Party("POP000002", names.RESPONDER),
    "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0",
    "cenbii-procid-ubl",
    "busdox-docid-qns::urn:x::Invoice##urn:y::2.1",
    "c-1",
    (
        Property("originalSender", "0208:0123456749", names.PARTICIPANT_SCHEME),
        Property("finalRecipient", "0088:7300010000001", names.PARTICIPANT_SCHEME),
    ),
    (
        PartInfo(
            "cid:doc@a.example",
            (Property("MimeType", "application/xml"), Property("CompressionType", names.GZIP)),
        ),
    ),
)
texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1
).map(lambda text: f"x{text.strip()}")


def envelope(message: UserMessage = GOOD, change: Callable[[str], str] = str) -> SoapEnvelope:
    inner = change(write_user_message(message))
    return read_envelope(write_envelope("", write_messaging(inner, "m"), write_body("b")), largest=1_000_000)


def read(message: UserMessage = GOOD, change: Callable[[str], str] = str) -> UserMessage:
    return read_user_message(envelope(message, change).messaging)


def code(message: UserMessage = GOOD, change: Callable[[str], str] = str) -> str:
    with pytest.raises(As4Problem) as caught:
        require_profile(read(message, change), {"POP000002"})
    return caught.value.error.code


@given(service=texts, action=texts, conversation=texts, sender=texts)
def test_reading_back_gives_the_same_header(
    service: str, action: str, conversation: str, sender: str
) -> None:
    message = replace(
        GOOD,
        service=service,
        action=action,
        conversation_id=conversation,
        properties=(Property("originalSender", sender, sender),),
    )
    assert read(message) == message


def test_the_good_one_keeps_all_rules() -> None:
    require_profile(read(), {"POP000002"})


def without(pattern: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, "", text, flags=re.DOTALL)


def doubled(pattern: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, lambda found: found[0] * 2, text, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without("<eb:UserMessage>.*"), "EBMS:0003"),
        (doubled("<eb:UserMessage>.*"), "EBMS:0003"),
        (lambda text: text + "<eb:SignalMessage></eb:SignalMessage>", "EBMS:0003"),
        (without("<eb:MessageInfo>.*</eb:MessageInfo>"), "EBMS:0009"),
        (without("<eb:PartyInfo>.*</eb:PartyInfo>"), "EBMS:0009"),
        (without("<eb:CollaborationInfo>.*</eb:CollaborationInfo>"), "EBMS:0009"),
        (without("<eb:MessageId>.*</eb:MessageId>"), "EBMS:0009"),
        (doubled("<eb:MessageId>.*</eb:MessageId>"), "EBMS:0009"),
        (without("<eb:Timestamp>.*</eb:Timestamp>"), "EBMS:0009"),
        (without("(?<=123)Z"), "EBMS:0009"),
        (without("<eb:To>.*</eb:To>"), "EBMS:0009"),
        (doubled("<eb:PartyId[^/]*</eb:PartyId>"), "EBMS:0003"),
        (without("(?<=>)POP000001"), "EBMS:0009"),
        (without("<eb:Role>[^<]*</eb:Role>"), "EBMS:0009"),
        (without("<eb:Service.*</eb:Service>"), "EBMS:0009"),
        (without("<eb:Action>.*</eb:Action>"), "EBMS:0009"),
        (without("<eb:ConversationId>.*</eb:ConversationId>"), "EBMS:0009"),
        (lambda text: text.replace("c-1", "<eb:x/>"), "EBMS:0009"),
        (lambda text: text.replace("c-1", "x" * 2_001), "EBMS:0009"),
        (lambda text: text.replace(names.GZIP, "application/rar"), "EBMS:0003"),
        (doubled("<eb:PartInfo .*</eb:PartInfo>"), "EBMS:0003"),
        (doubled('<eb:Property name="originalSender".*?</eb:Property>'), "EBMS:0009"),
        (lambda text: text.replace('name="originalSender"', ""), "EBMS:0009"),
    ],
)
def test_what_the_schema_does_not_allow_is_refused(change: Callable[[str], str], expected: str) -> None:
    with pytest.raises(As4Problem) as caught:
        read(change=change)
    assert caught.value.error.code == expected


def typed(scheme: str | None) -> UserMessage:
    return replace(GOOD, properties=tuple(replace(one, type=scheme) for one in GOOD.properties))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (replace(GOOD, message_id="3f1c0e5a-0000-4000-8000-000000000000"), "EBMS:0009"),
        (replace(GOOD, message_id="<m@a.example>"), "EBMS:0009"),
        (replace(GOOD, agreement=None), "EBMS:0010"),
        (replace(GOOD, agreement="urn:other"), "EBMS:0001"),
        (replace(GOOD, sender=Party("POP000001", names.INITIATOR, None)), "EBMS:0001"),
        (replace(GOOD, receiver=Party("POP000002", names.RESPONDER, "urn:other")), "EBMS:0001"),
        (replace(GOOD, sender=Party("APP_1000000101", names.INITIATOR)), "EBMS:0001"),
        (replace(GOOD, sender=Party("POP000001", names.RESPONDER)), "EBMS:0001"),
        (replace(GOOD, receiver=Party("POP000009", names.RESPONDER)), "EBMS:0003"),
        (replace(GOOD, service_type=None), "EBMS:0001"),
        (replace(GOOD, action="Invoice"), "EBMS:0001"),
        (replace(GOOD, properties=GOOD.properties[:1]), "EBMS:0009"),
        (replace(GOOD, properties=GOOD.properties[1:]), "EBMS:0009"),
        (typed(None), "EBMS:0001"),
        (typed("busdox"), "EBMS:0001"),
        (replace(GOOD, parts=()), "EBMS:0007"),
        (replace(GOOD, parts=(*GOOD.parts, PartInfo("cid:more@a.example"))), "EBMS:0007"),
        (replace(GOOD, parts=(PartInfo("#body"),)), "EBMS:0011"),
        (replace(GOOD, parts=(PartInfo("http://example.com/x"),)), "EBMS:0011"),
        (replace(GOOD, parts=(PartInfo("cid:d", GOOD.parts[0].properties[1:]),)), "EBMS:0303"),
    ],
)
def test_what_the_profile_does_not_allow_has_its_error(message: UserMessage, expected: str) -> None:
    assert code(message) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text.replace("<eb:AgreementRef>", '<eb:AgreementRef pmode="x">'), "EBMS:0001"),
        (lambda text: text.replace("<eb:UserMessage>", '<eb:UserMessage mpc="urn:other">'), "EBMS:0001"),
        (
            lambda text: text.replace(
                "</eb:MessageInfo>", "<eb:RefToMessageId>x</eb:RefToMessageId></eb:MessageInfo>"
            ),
            "EBMS:0003",
        ),
    ],
)
def test_more_than_the_profile_knows_has_its_error(change: Callable[[str], str], expected: str) -> None:
    assert code(change=change) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("<eb:UserMessage>", f'<eb:UserMessage mpc="{names.DEFAULT_MPC}">'),
        lambda text: text.replace("<eb:Action>", "\n <eb:Action>\n  ").replace(
            "</eb:Action>", "\n</eb:Action>"
        ),
        lambda text: text.replace(
            "<eb:MessageProperties>",
            '<eb:MessageProperties><eb:Property name="trackingIdentifier">x</eb:Property>',
        ),
        lambda text: text.replace("123Z", "123456789+00:00"),
    ],
)
def test_what_other_stacks_do_is_tolerated(change: Callable[[str], str]) -> None:
    message = read(change=change)
    require_profile(message, {"POP000002"})
    assert message.action == GOOD.action


def test_a_ping_needs_neither_participants_nor_payload() -> None:
    ping = replace(
        GOOD, service=names.TEST_SERVICE, service_type=None, action=names.TEST_ACTION, properties=(), parts=()
    )
    require_profile(read(ping), {"POP000002"})


def test_moments_are_written_in_utc_and_read_with_any_zone() -> None:
    vienna = datetime(2026, 11, 20, 11, 11, 12, 123_456, tzinfo=timezone(timedelta(hours=1)))
    assert write_moment(vienna) == "2026-11-20T10:11:12.123Z"
    assert read_moment("2026-11-20T11:11:12+01:00") == datetime(2026, 11, 20, 10, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-20",
        "2026-11-20T10:11:12",
        "2026-13-20T10:11:12Z",
        "20261120T101112Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_moments_without_a_zone_or_a_sense_are_refused(text: str) -> None:
    with pytest.raises(As4Problem):
        read_moment(text)


S12 = f'xmlns:S12="{names.S12}"'
MUST = f'<x:h xmlns:x="urn:x" {S12} S12:mustUnderstand="1"/>'


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"", "EBMS:0009"),
        (b"no xml", "EBMS:0009"),
        (b"<a/>", "EBMS:0009"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "EBMS:0009"),
        (b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>', "EBMS:0009"),
        (f"<S12:Envelope {S12}><S12:Header/></S12:Envelope>".encode(), "EBMS:0009"),
        (f"<S12:Envelope {S12}><S12:Body/><S12:Header/></S12:Envelope>".encode(), "EBMS:0009"),
        (f"<S12:Envelope {S12}><S12:Header/><S12:Body/></S12:Envelope>".encode(), "EBMS:0009"),
        (
            write_envelope("", write_messaging("", "m") + MUST, write_body("b")),
            "EBMS:0008",
        ),
        (write_envelope("", write_messaging("", "m"), write_body("m")), "EBMS:0101"),
        (b"<a>" * 100_000, "EBMS:0009"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(len(value)),
)
def test_what_is_no_envelope_is_refused(document: bytes, expected: str) -> None:
    with pytest.raises(As4Problem) as caught:
        read_envelope(document, largest=1_000_000)
    assert caught.value.error.code == expected


def test_a_header_that_need_not_be_understood_is_passed_over() -> None:
    block = MUST.replace('"1"', '"false"')
    read_envelope(write_envelope("", write_messaging("", "m") + block, write_body("b")), largest=10_000)


def test_an_envelope_is_bounded() -> None:
    with pytest.raises(As4Problem):
        read_envelope(write_envelope("", write_messaging("", "m"), write_body("b")), largest=100)
