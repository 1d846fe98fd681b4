"""What is sealed is unreadable without the key, and opens for its purpose only."""

from __future__ import annotations

import pytest

from formats.errors import ConfigError
from gateway.access.sealing import Seal

KEY = "a key of the tests, long enough for one"


def test_what_was_sealed_opens_again() -> None:
    sealed = Seal(KEY, "totp").sealed("JBSWY3DP")
    assert "JBSWY3DP" not in sealed
    assert Seal(KEY, "totp").opened(sealed) == "JBSWY3DP"


@pytest.mark.parametrize("other", [Seal(KEY, "portal link"), Seal(KEY + "!", "totp")], ids=["purpose", "key"])
def test_another_key_or_purpose_opens_nothing(other: Seal) -> None:
    with pytest.raises(ConfigError, match="does not open"):
        other.opened(Seal(KEY, "totp").sealed("JBSWY3DP"))
    assert not other.marked("invoice 1", Seal(KEY, "totp").mark("invoice 1"))


def test_a_mark_belongs_to_its_text() -> None:
    seal = Seal(KEY, "portal link")
    assert seal.marked("invoice 1", seal.mark("invoice 1"))
    assert not seal.marked("invoice 2", seal.mark("invoice 1"))
    assert not seal.marked("invoice 1", "\udcff")


def test_a_short_key_is_refused_without_being_told() -> None:
    with pytest.raises(ConfigError, match="key") as refused:
        Seal("too short", "totp")
    assert "too short" not in str(refused.value)
