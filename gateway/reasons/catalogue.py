"""The templates of one language, found by a word that a text must hold to fit."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

from formats.model.names import name_of
from formats.model.terms import CATALOGUE as TERMS
from formats.phrases import phrases
from gateway.reasons.template import Template, made

__all__ = ["CATALOGUES", "TRANSLATED", "Catalogue", "catalogue", "gathered", "numbered_phrases"]

CATALOGUES: Final = Path(__file__).parent
TRANSLATED: Final = ("nl", "de", "fr")
_FIELD: Final = re.compile(r"\{(\w+)\}")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`exact` by the text with a small first letter; `by_word` those with places; `joints` put words of a
    list together; `terms` are names that stand in places only."""

    language: str
    exact: Mapping[str, Template]
    by_word: Mapping[str, tuple[Template, ...]]
    joints: Mapping[str, str]
    terms: Mapping[str, str]

    def candidates(self, text: str) -> list[Template]:
        """Those whose word is in the text, the one with most fixed text first."""
        found = [*self.by_word.get("", ())]
        for word in set(text.lower().split(" ")):
            if word:
                found += self.by_word.get(word, ())
        return sorted(found, key=lambda one: -one.weight)


@cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of one language of TRANSLATED; read once."""
    terms = {name_of(term): name_of(term, language) for term in TERMS}
    own = phrases(language)
    terms |= {text: own[name] for name, text in phrases("en").items() if name.startswith("sum.")}
    return gathered(language, (*numbered_phrases(language), *_sentences(language)), terms)


def gathered(language: str, pairs: Iterable[tuple[str, str]], terms: Mapping[str, str]) -> Catalogue:
    """A catalogue from English texts and their translations, with {1}, {2}, ... in both."""
    exact: dict[str, Template] = {}
    by_word: dict[str, list[Template]] = defaultdict(list)
    joints: dict[str, str] = {}
    for text, translation in pairs:
        template = made(text, translation)
        if len(template.literals) == 1:
            first = template.literals[0]
            exact[first[:1].lower() + first[1:]] = template
        elif len(_WORD.findall(" ".join(template.literals))) < 2:
            joints[text] = translation
        else:
            by_word[template.key].append(template)
    return Catalogue(language, exact, {word: tuple(found) for word, found in by_word.items()}, joints, terms)


def _sentences(language: str) -> Iterator[tuple[str, str]]:
    with (CATALOGUES / f"reasons.{language}.po").open("rb") as file:
        for message in read_po(file, locale=language):
            if message.id and message.string and not message.fuzzy:
                yield str(message.id), str(message.string)


def numbered_phrases(language: str) -> Iterator[tuple[str, str]]:
    """What is said about findings has catalogues of its own, by names instead of numbers."""
    own = phrases(language)
    for name, text in phrases("en").items():
        fields = list(dict.fromkeys(_FIELD.findall(text)))
        if not name.startswith("label.") and len(_WORD.findall(_FIELD.sub("", text))) >= 2:
            yield _numbered(text, fields), _numbered(own[name], fields)
        if name.startswith(("response.reason.", "response.action.")):
            # With what the buyer says of it.
            yield f"{text} ({{1}})", f"{own[name]} ({{1}})"


def _numbered(text: str, fields: list[str]) -> str:
    return _FIELD.sub(lambda found: f"{{{fields.index(found[1]) + 1}}}", text)
