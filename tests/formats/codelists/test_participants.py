"""Participants' numbers: what fits its scheme, what has a wrong check digit, what is out of use."""

from __future__ import annotations

from datetime import date
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.codelists.participants import check_participant, participant_schemes
from formats.identifiers import ParticipantId

TODAY = date(2026, 11, 22)


def _rules(value: str, on: date = TODAY) -> set[str]:
    return {finding.rule for finding in check_participant(ParticipantId.of(value), on=on)}


@pytest.mark.parametrize(
    "value",
    [
        *("0208:0123456749", "0088:7300010000001", "0192:987654325", "0106:64218703", "0242:000001"),
        *(
            "0242:000001-ABC.x~1",
            "0204:991-33333TEST-33",
            "0184:DK13585628",
            "0184:13585628",
            "0158:31333532",
        ),
        *(
            "0007:5560360793",
            "9930:DE136695976",
            "9925:be0848934496",
            "9914:ATU13585627",
            "9934:HR33392005961",
        ),
        *("9944:NL004495445B01", "9945:PL8567346215", "0221:T7000012050002", "0188:7000012050002"),
        *(
            "0225:123_456-abc",
            "0246:DE123456789-00001.A",
            "0248:OM1234567890",
            "0235:1234567890",
            "9915:test",
        ),
    ],
)
def test_numbers_that_fit(value: str) -> None:
    assert _rules(value) == set()


@pytest.mark.parametrize(
    "value",
    [
        *("0208:0123456748", "0088:7300010000002", "0192:987654326", "0158:31333533", "0221:T7000012050003"),
        *("0204:991-33333TEST-34", "0007:5560360794", "9930:DE136695977", "9945:PL8567346216"),
    ],
)
def test_a_wrong_check_digit_is_a_warning(value: str) -> None:
    assert _rules(value) == {"PARTICIPANT-CHECK-DIGIT"}


@pytest.mark.parametrize(
    "value",
    ["0208:2123456749", "0088:123abc", "0242:1", "0235:2234567890", "0060:12345678", "0190:123", "0151:x"],
)
def test_a_number_that_cannot_be_of_its_scheme(value: str) -> None:
    assert _rules(value) == {"PARTICIPANT-FORMAT"}


def test_a_scheme_is_out_of_use_from_its_day_on_and_says_what_to_use() -> None:
    (finding,) = check_participant(ParticipantId.of("0193:x"), on=date(2026, 7, 7))
    assert finding.rule == "PARTICIPANT-SCHEME"
    assert "2026-07-07; use 0208" in finding.text
    assert _rules("0193:x", on=date(2026, 7, 6)) == set()
    assert _rules("9906:x", on=date(2020, 1, 1)) == {"PARTICIPANT-SCHEME"}


def test_a_scheme_that_is_not_listed_is_told() -> None:
    assert _rules("9999:1") == {"PARTICIPANT-SCHEME"}


def test_every_check_of_the_list_is_there() -> None:
    own = {"sirene", "uen", "iin", "ico", "leitweg"}
    for scheme in participant_schemes().values():
        if scheme.check and scheme.check not in own:
            assert import_module(f"stdnum.{scheme.check}").is_valid("x") is False


@given(
    st.sampled_from(sorted(participant_schemes())),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
)
def test_no_number_is_too_odd_to_be_judged(icd: str, number: str) -> None:
    assert all(finding.text for finding in check_participant(ParticipantId.of(f"{icd}:{number}"), on=TODAY))
