"""Codes of an authenticator app open once, and only in their time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from gateway.access import one_time_codes

# RFC 6238, appendix B: secret "12345678901234567890", SHA-1, time step 0x23523EC; the last six digits.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC_MOMENT = datetime(2005, 3, 18, 1, 58, 29, tzinfo=UTC)
RFC_CODE = "081804"
RFC_STEP = 0x23523EC


def test_the_vector_of_the_standard_fits() -> None:
    assert one_time_codes.matching_step(RFC_SECRET, RFC_CODE, now=RFC_MOMENT, last_step=0) == RFC_STEP
    assert one_time_codes.matching_step(RFC_SECRET, "081 804", now=RFC_MOMENT, last_step=0) == RFC_STEP


@pytest.mark.parametrize("seconds", [-30, 0, 30])
def test_clocks_may_differ_by_one_step(seconds: int) -> None:
    now = RFC_MOMENT + timedelta(seconds=seconds)
    assert one_time_codes.matching_step(RFC_SECRET, RFC_CODE, now=now, last_step=0) == RFC_STEP


@pytest.mark.parametrize("seconds", [-60, 61, 3600])
def test_a_code_of_another_time_fits_nowhere(seconds: int) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    code = pyotp.TOTP(RFC_SECRET).at(now)
    moved = now + timedelta(seconds=seconds)
    assert one_time_codes.matching_step(RFC_SECRET, code, now=moved, last_step=0) is None


def test_a_used_code_fits_no_more() -> None:
    assert one_time_codes.matching_step(RFC_SECRET, RFC_CODE, now=RFC_MOMENT, last_step=RFC_STEP) is None


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "٠٨١٨٠٤", "0818041"])
def test_what_is_no_code_fits_nowhere(code: str) -> None:
    assert one_time_codes.matching_step(RFC_SECRET, code, now=RFC_MOMENT, last_step=0) is None


def test_recovery_codes_are_different_and_forgive_how_they_are_typed() -> None:
    codes = one_time_codes.new_recovery_codes()
    assert len({one_time_codes.recovery_digest(code) for code in codes}) == len(codes) == 8
    typed = codes[0].upper().replace("-", " ")
    assert one_time_codes.recovery_digest(typed) == one_time_codes.recovery_digest(codes[0])
