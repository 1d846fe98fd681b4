"""Identifiers of the network: what is equal, what is too long, how they look in the DNS and in addresses."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import MalformedDocument
from formats.identifiers import (
    DOCUMENT_TYPE_SCHEME,
    PARTICIPANT_SCHEME,
    WILDCARD_SCHEME,
    DocumentTypeId,
    Identifier,
    ParticipantId,
    ProcessId,
)

UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
BIS = (
    f"{UBL}Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant#"
    "urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
)
numbers = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=130)


def _pint(customization: str, scheme: str = WILDCARD_SCHEME) -> DocumentTypeId:
    return DocumentTypeId(scheme, f"{UBL}Invoice-2::Invoice##urn:peppol:pint:{customization}::2.1")


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("9915:test", "eh5boavaktmbgzyh2a63dz4qov33fvp5nsdvqklucfraayoodw6a"),
        ("0088:1234567890123", "sjsyvccmqyjxk3weuapffq4x3umcrf4qryherj4vovhmonh7gccq"),
        ("0088:123abc", "y7dzfxaf3d4cjz4kcgrxtec6twvcga4ky7zwa5boif6mswd4tdrq"),
        ("0088:123ABC", "y7dzfxaf3d4cjz4kcgrxtec6twvcga4ky7zwa5boif6mswd4tdrq"),
        ("0010:5798000000001", "xukhfqabqziki3ykvr2fhr4snfa3pf5vpq6k4tonv3lmvsy5arvq"),
    ],
)
def test_the_label_in_the_dns_is_the_published_one(value: str, label: str) -> None:
    participant = ParticipantId.of(value)
    assert participant.dns_label == label
    assert participant.dns_name("zone.example.") == f"{label}.iso6523-actorid-upis.zone.example."


def test_participants_are_equal_whatever_their_case_and_shown_as_written() -> None:
    one, other = ParticipantId.of("9925:BE0848934496"), ParticipantId.of("9925:be0848934496")
    assert one == other
    assert len({one, other}) == 1
    assert str(one) == "9925:BE0848934496"
    assert one.key == "iso6523-actorid-upis::9925:be0848934496"
    assert one != "9925:BE0848934496"


def test_a_participant_is_read_with_and_without_its_scheme() -> None:
    assert ParticipantId.of("iso6523-actorid-upis::0208:0123456749") == ParticipantId.of("0208:0123456749")


@given(icd=st.from_regex(r"[0-9]{4}", fullmatch=True).filter(str.isascii), number=numbers)
def test_a_participant_is_an_electronic_address_and_back(icd: str, number: str) -> None:
    participant = ParticipantId(PARTICIPANT_SCHEME, f"{icd}:{number}")
    assert participant.address == Identifier(number, icd)
    assert ParticipantId.of_address(participant.address) == participant
    assert unquote(participant.url_segment) == participant.key
    assert not set(participant.url_segment) & set(":/#?@* ")


@pytest.mark.parametrize(
    "value",
    ["", "0208", "0208:", ":1", "208:1", "02080:1", "0208: 1", "0208:1\n", "0208:é", "0208:" + "1" * 131],
)
def test_what_can_be_no_participant_is_refused(value: str) -> None:
    with pytest.raises(MalformedDocument):
        ParticipantId(PARTICIPANT_SCHEME, value)


def test_the_longest_identifiers_are_taken_and_longer_ones_refused() -> None:
    assert ParticipantId.of("0225:" + "A" * 130).number == "A" * 130
    assert ProcessId.of("p" * 200).value == "p" * 200
    assert DocumentTypeId.of("d" * 500).value == "d" * 500
    for make, size in ((ProcessId.of, 201), (DocumentTypeId.of, 501)):
        with pytest.raises(MalformedDocument, match="signs"):
            make("x" * size)
    with pytest.raises(MalformedDocument, match="25"):
        ParticipantId("s" * 26, "1")


def test_a_document_type_has_its_parts() -> None:
    kind = DocumentTypeId.of(BIS)
    assert kind.scheme == DOCUMENT_TYPE_SCHEME
    assert kind.root_namespace == f"{UBL}Invoice-2"
    assert kind.local_name == "Invoice"
    assert kind.customization.endswith("#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0")
    assert kind.version == "2.1"
    assert kind.key == f"busdox-docid-qns::{BIS}"
    assert DocumentTypeId.of(kind.key) == kind


def test_a_document_type_without_a_root_element_has_its_parts() -> None:
    kind = DocumentTypeId.of(
        "urn:peppol:doctype:pdf+xml##urn:cen.eu:en16931:2017#conformant#urn:peppol:france:billing:Factur-X:1.0::D22B"
    )
    assert (kind.root_namespace, kind.local_name, kind.version) == ("urn:peppol:doctype:pdf+xml", "", "D22B")
    assert kind.customization.endswith("Factur-X:1.0")


def test_the_case_of_a_document_type_counts() -> None:
    assert DocumentTypeId.of(BIS) != DocumentTypeId.of(BIS.upper())


def test_addresses_are_encoded_but_for_unreserved_signs() -> None:
    assert DocumentTypeId.of("urn:a::b##c/d@e*~-._::2.1").url_segment == (
        "busdox-docid-qns%3A%3Aurn%3Aa%3A%3Ab%23%23c%2Fd%40e%2A~-._%3A%3A2.1"
    )
    assert (
        ProcessId.of("urn:peppol:bis:billing").url_segment
        == "cenbii-procid-ubl%3A%3Aurn%3Apeppol%3Abis%3Abilling"
    )


def test_candidates_go_from_the_exact_type_to_the_widest() -> None:
    assert _pint("billing-1@jp-1@x").candidates() == (
        _pint("billing-1@jp-1@x"),
        _pint("billing-1@jp-1@x", DOCUMENT_TYPE_SCHEME),
        _pint("billing-1@jp-1@x*"),
        _pint("billing-1@jp-1*"),
        _pint("billing-1*"),
    )


def test_outside_the_wildcard_scheme_only_the_type_itself_will_do() -> None:
    assert DocumentTypeId.of(BIS).candidates() == (DocumentTypeId.of(BIS),)


def test_a_registered_wildcard_covers_what_is_below_it() -> None:
    assert _pint("billing-1*").covers(_pint("billing-1@my-1"))
    assert _pint("billing-1@my-1*").covers(_pint("billing-1@my-1"))
    assert not _pint("billing-1@my-1*").covers(_pint("billing-1@sg-1"))
    assert not _pint("billing-1*").covers(_pint("Billing-1@sg-1"))
    assert not _pint("bill*").covers(_pint("billing-1@sg-1"))


@pytest.mark.parametrize("customization", ["bill*ing-1", "*billing-1*", "billing-1**"])
def test_a_star_elsewhere_is_refused(customization: str) -> None:
    with pytest.raises(MalformedDocument, match=r"\*"):
        _pint(customization)


@given(st.text())
def test_reading_any_text_gives_an_identifier_or_says_why_not(text: str) -> None:
    for read in (ParticipantId.of, DocumentTypeId.of, ProcessId.of):
        with suppress(MalformedDocument):
            assert read(text).value in text
