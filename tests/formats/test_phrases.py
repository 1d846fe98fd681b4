"""Our own sentences: the same messages with the same values in every language."""

from __future__ import annotations

from decimal import Decimal
from string import Formatter

import pytest

from formats.phrases import LANGUAGES, number, phrases, say


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_message_has_its_text_and_its_values(language: str) -> None:
    """A value that a translation forgets would be a number that nobody sees."""
    english, ours = phrases("en"), phrases(language)
    assert set(ours) == set(english)
    assert [message for message, text in ours.items() if not text.strip()] == []
    assert [message for message in english if _places(english[message]) != _places(ours[message])] == []


def test_there_is_no_other_language_and_no_other_message() -> None:
    with pytest.raises(KeyError):
        phrases("xx")
    with pytest.raises(KeyError):
        say("nothing.of.the.kind")


def test_braces_in_values_stay() -> None:
    """What comes from a document is never taken for a place of its own."""
    assert say("line", line="{text}", text="{0}") == "Line {text}: {0}"


@pytest.mark.parametrize(
    ("value", "language", "written"),
    [
        ("1234567.80", "en", "1,234,567.80"),
        ("1234567.80", "nl", "1.234.567,80"),
        ("-1234.5", "de", "-1.234,5"),
        ("1234.50", "fr", "1\u00a0234,50"),
        ("0.007", "fr", "0,007"),
        ("1E+3", "en", "1,000"),
    ],
)
def test_numbers_keep_their_digits(value: str, language: str, written: str) -> None:
    assert number(Decimal(value), language) == written
