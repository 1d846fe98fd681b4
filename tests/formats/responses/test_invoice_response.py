"""Invoice Responses: written, read, judged, and told in words."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from formats.errors import MalformedDocument
from formats.finding import Severity
from formats.identifiers import Identifier
from formats.phrases import LANGUAGES, phrases
from formats.responses.invoice_response import (
    ActionCode,
    Clarification,
    Condition,
    Contact,
    InvoiceReference,
    InvoiceResponse,
    LifeCycle,
    NamedParty,
    ReasonCode,
    RespondingParty,
    ResponseCode,
    check,
    describe,
    may_follow,
    read,
    write,
)
from tests.formats.artefacts import application_response_schema, official_rules

T111 = "external/schematron/openpeppol/2026.5/xslt/PEPPOLBIS-T111.xslt"
QUERY = InvoiceResponse(
    id="IMR-2026-17",
    issued_on=date(2026, 11, 21),
    sender=RespondingParty(Identifier("7300010000001", "0088"), "Buyer AB"),
    receiver=RespondingParty(Identifier("0123456749", "0208"), "Seller BV"),
    code="UQ",
    invoice=InvoiceReference("INV-1001", "380", date(2026, 11, 19)),
    clarifications=(
        Clarification.reason(
            ReasonCode.REFERENCES, "Purchase order number missing", Condition("BT-13", "PO-4711 expected")
        ),
        Clarification.action(ActionCode.PROVIDE_INFORMATION),
    ),
    effective_on=date(2026, 11, 21),
)
FULL = replace(
    QUERY,
    sender=replace(
        QUERY.sender,
        identification=Identifier("7300010000001", "0088"),
        contact=Contact("Anna Example", "+46 1", "anna@example.com"),
    ),
    issued_at="10:15:30Z",
    note="Third note",
    issuer=NamedParty("Issuer BV", Identifier("0123456749", "0208")),
    recipient=NamedParty("Recipient AB"),
)

words = st.text(
    st.characters(categories=("L", "N", "P", "S"), exclude_characters="\ufffe\uffff"), min_size=1, max_size=12
)
identifiers = st.builds(Identifier, words, st.sampled_from(["0088", "0208", "9930"]))
conditions = st.builds(Condition, words, st.just("") | words)
reasons = st.builds(
    lambda code, text, some: Clarification.reason(code, text, *some),
    st.sampled_from([code for code in ReasonCode if code is not ReasonCode.PARTLY_PAID]),
    words,
    st.lists(conditions, max_size=2),
)
actions = st.builds(Clarification.action, st.sampled_from(ActionCode), words)
contacts = st.builds(Contact, words, st.just("") | words, words)
parties = st.builds(RespondingParty, identifiers, words, st.none() | identifiers, st.none() | contacts)
responses = st.builds(
    InvoiceResponse,
    id=words,
    issued_on=st.dates(),
    sender=parties,
    receiver=st.builds(RespondingParty, identifiers, words, st.none() | identifiers),
    code=st.sampled_from(ResponseCode).map(str),
    invoice=st.builds(InvoiceReference, words, st.sampled_from(["380", "381"]), st.none() | st.dates()),
    clarifications=st.lists(reasons | actions, min_size=1, max_size=4).map(tuple),
    effective_on=st.none() | st.dates(),
    note=st.just("") | words,
    issuer=st.none() | st.builds(NamedParty, words, st.none() | identifiers),
    recipient=st.none() | st.builds(NamedParty, words),
)


def _coded(code: str, *clarifications: Clarification) -> InvoiceResponse:
    return replace(QUERY, code=code, clarifications=clarifications)


REASON = Clarification.reason(ReasonCode.OTHER, "because")
PARTLY = Clarification.reason(ReasonCode.PARTLY_PAID, "half of it")


@given(responses)
def test_reading_back_gives_the_same_response(response: InvoiceResponse) -> None:
    written = write(response)
    assert read(written) == response
    assert write(read(written)) == written
    assert [one for one in check(written) if one.severity is Severity.FATAL] == []


@pytest.mark.parametrize("response", [QUERY, FULL, _coded("AB"), _coded("RE", REASON), _coded("PD", PARTLY)])
def test_the_published_rules_and_the_schema_find_nothing(response: InvoiceResponse) -> None:
    document = etree.fromstring(write(response))
    assert official_rules("phive-rules-peppol", T111).check(document) == ()
    application_response_schema().assertValid(document)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<cac:Status>", "<!--"),
        ("invoice_response:3</cbc:Cust", "invoice_respons:3</cbc:Cust"),
        ("bis:invoice_response:3</cbc:Prof", "bis:other</cbc:Prof"),
        (">REF<", ">XXX<"),
        (">PIN<", ">REF<"),
        ("OPStatusAction", "OPStatusOther"),
        (">UQ<", ">XX<"),
        (">IMR-2026-17<", "><"),
        (' schemeID="0208"', ""),
        ("<cbc:DocumentTypeCode>380</cbc:DocumentTypeCode>", ""),
        ("<cbc:RegistrationName>Buyer AB</cbc:RegistrationName>", ""),
        ("<cbc:AttributeID>BT-13</cbc:AttributeID>", ""),
        ("<cbc:StatusReason>Purchase order number missing</cbc:StatusReason>", ""),
    ],
)
def test_we_find_what_the_published_rules_find(old: str, new: str) -> None:
    """The same fatal rules; R005 is not here, since as published it cannot fire."""
    text = write(QUERY).decode()
    assert old in text
    if new == "<!--":
        start, end = text.index("<cac:Status>"), text.rindex("</cac:Status>") + len("</cac:Status>")
        changed = text[:start] + text[end:]
    else:
        changed = text.replace(old, new, 1)
    ours = {one.rule for one in check(changed.encode()) if one.severity is Severity.FATAL}
    rules = official_rules("phive-rules-peppol", T111).check(etree.fromstring(changed.encode()))
    published = {rule.rule for rule in rules if rule.flag == "fatal"}
    assert ours == published


@pytest.mark.parametrize(
    ("response", "rule"),
    [
        (_coded("RE"), "R001"),
        (_coded("CA"), "R001"),
        (_coded("PD", Clarification.reason(ReasonCode.PARTLY_PAID)), "R004"),
        (_coded("AP", PARTLY), "R005"),
        (_coded("AB", Clarification("OPStatusAction", "REF", "x")), "R006"),
        (_coded("AB", Clarification("OPStatusReason", "PIN", "x")), "R007"),
        (replace(QUERY, profile="other"), "R008"),
        (replace(QUERY, customization="other"), "R003"),
        (replace(QUERY, code="XX"), "B03001"),
        (replace(QUERY, id=""), "PEPPOL-COMMON-R001"),
        (replace(QUERY, issuer=NamedParty("")), "PEPPOL-COMMON-R001"),
        (replace(QUERY, note="\x00"), "signs"),
    ],
)
def test_a_response_that_the_rules_forbid_is_not_written(response: InvoiceResponse, rule: str) -> None:
    with pytest.raises(MalformedDocument, match=rule):
        write(response)


@pytest.mark.parametrize(
    ("response", "state"),
    [
        (_coded("AB"), LifeCycle.DELIVERED),
        (_coded("IP"), LifeCycle.DELIVERED),
        (QUERY, LifeCycle.DISPUTED),
        (_coded("CA", REASON), LifeCycle.ACCEPTED),
        (_coded("RE", REASON), LifeCycle.REJECTED),
        (_coded("AP"), LifeCycle.ACCEPTED),
        (_coded("PD"), LifeCycle.PAID),
        (_coded("PD", PARTLY), LifeCycle.PARTLY_PAID),
        (_coded("XX"), None),
    ],
)
def test_each_code_is_a_state_of_the_invoice(response: InvoiceResponse, state: LifeCycle | None) -> None:
    assert response.life_cycle is state


def test_progress_never_goes_back_and_ends() -> None:
    order = [_coded(code, REASON) for code in ("AB", "IP", "UQ", "CA", "AP", "PD")]
    for place, earlier in enumerate(order[:-1]):
        assert all(may_follow(earlier, later) for later in order[place:])
        assert not any(may_follow(earlier, later) for later in order[:place])
    assert may_follow(_coded("CA", REASON), _coded("RE", REASON))
    assert not may_follow(_coded("RE", REASON), _coded("AP"))
    assert not may_follow(_coded("PD"), _coded("PD"))
    assert may_follow(_coded("PD", PARTLY), _coded("PD"))
    assert not may_follow(_coded("XX"), _coded("AP"))


def test_a_response_is_told_in_words() -> None:
    assert describe(QUERY) == (
        "The buyer has a question; processing waits for the answer. References are missing or wrong "
        "(Purchase order number missing; BT-13 PO-4711 expected). Asked for: provide information."
    )
    assert describe(_coded("PD", PARTLY), "de").startswith(
        "Der Käufer meldet die Rechnung als teilweise bezahlt."
    )
    assert describe(_coded("XX")) == "XX."


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_code_has_its_words(language: str) -> None:
    named = [f"response.code.{code}" for code in ResponseCode]
    named += [f"response.reason.{code}" for code in ReasonCode]
    named += [f"response.action.{code}" for code in ActionCode]
    assert set(named) <= set(phrases(language))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<cbc:ResponseCode>UQ</cbc:ResponseCode>", ""),
        ("2026-11-21", "yesterday"),
        ("<cbc:ID>INV-1001</cbc:ID>", ""),
        ("poacc:trns:invoice_response", "poacc:trns:other"),
        ("ApplicationResponse", "Invoice"),
        ("cac:DocumentResponse>", "cac:Other>"),
    ],
)
def test_what_is_no_response_is_refused(old: str, new: str) -> None:
    with pytest.raises(MalformedDocument):
        read(write(QUERY).replace(old.encode(), new.encode()))


@given(st.binary(max_size=40), st.integers(0, 2_500), st.integers(0, 30))
def test_whatever_comes_is_read_or_refused(noise: bytes, at: int, cut: int) -> None:
    """Nothing but MalformedDocument leaves the reader."""
    good = write(FULL)
    for damaged in (noise, good[:at] + noise + good[at + cut :], good[:at] + good[at + cut :]):
        for look in (read, check):
            with suppress(MalformedDocument):
                look(damaged)
