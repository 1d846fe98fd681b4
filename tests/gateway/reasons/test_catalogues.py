"""The catalogues hold the sentences of the source, each in every language."""

from __future__ import annotations

import re

import pytest

from gateway.reasons import TRANSLATED
from tests.gateway.reasons.known import texts
from tests.words import BESIDE, templates

_PLACE = re.compile(r"\{\d+\}")


def test_the_catalogues_hold_the_sentences_of_the_source() -> None:
    """Renewed by: make words."""
    wanted = {one.text for one in templates()}
    assert len(wanted) > 1_000
    assert wanted.issuperset(BESIDE)
    for language in TRANSLATED:
        held = set(texts(language))
        assert (language, held - wanted, wanted - held) == (language, set(), set())


@pytest.mark.parametrize("language", TRANSLATED)
def test_each_sentence_is_translated(language: str) -> None:
    missing = [text for text, translation in texts(language).items() if not translation.strip()]
    assert missing == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_holds_each_place_as_often_as_the_english(language: str) -> None:
    wrong = [
        (text, translation)
        for text, translation in texts(language).items()
        if translation and sorted(_PLACE.findall(text)) != sorted(_PLACE.findall(translation))
    ]
    assert wrong == []
