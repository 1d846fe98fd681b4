"""Whether a sentence is one of ours, by the English texts alone: that does not wait for translations."""

from __future__ import annotations

from functools import cache

from babel.messages.pofile import read_po

from formats.model.names import name_of
from formats.model.terms import CATALOGUE as TERMS
from formats.phrases import phrases
from gateway.reasons import CATALOGUES, TRANSLATED
from gateway.reasons.catalogue import Catalogue, gathered, numbered_phrases
from gateway.reasons.lookup import told

__all__ = ["is_known", "texts"]


@cache
def texts(language: str = TRANSLATED[0]) -> dict[str, str]:
    """Each template of a catalogue with its translation."""
    with (CATALOGUES / f"reasons.{language}.po").open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file, locale=language) if one.id}


@cache
def _english() -> Catalogue:
    own = [(text, text) for text in texts()]
    terms = {name_of(term): name_of(term) for term in TERMS} | dict.fromkeys(phrases("en").values(), "")
    return gathered("en", (*numbered_phrases("en"), *own), terms)


def is_known(text: str) -> bool:
    """Whether each part of it fits a template."""
    found = told(text, _english())
    return not text or (found is not None and found.whole)
