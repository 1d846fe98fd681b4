"""The languages of the pages: gettext catalogues read as they are edited, and which one a reader gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from babel import Locale
from babel.core import negotiate_locale
from babel.messages.pofile import read_po

__all__ = ["LANGUAGES", "Words", "chosen", "words"]

LANGUAGES: Final[Mapping[str, str]] = {
    "en": "English",
    "nl": "Nederlands",
    "de": "Deutsch",
    "fr": "Français",
}
_CATALOGUES: Final = Path(__file__).parent / "locale"


@dataclass(frozen=True, slots=True)
class Words:
    """One language: `gettext` and `ngettext` give the text in it, or the English one where there is none."""

    language: str
    locale: Locale
    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]


@cache
def words(language: str) -> Words:
    """The catalogue of one language of LANGUAGES."""
    texts: dict[str, str | tuple[str, ...]] = {}
    file = _CATALOGUES / f"{language}.po"
    plural: Callable[[int], int] = lambda count: int(count != 1)  # noqa: E731
    if file.exists():
        with file.open("rb") as catalogue:
            for message in read_po(catalogue, locale=language):
                if message.id and message.string and not message.fuzzy:
                    name = message.id if isinstance(message.id, str) else message.id[0]
                    texts[name] = message.string if isinstance(message.string, str) else tuple(message.string)
        if language == "fr":
            plural = lambda count: int(count > 1)  # noqa: E731

    def gettext(text: str) -> str:
        found = texts.get(text, "")
        return found if isinstance(found, str) and found else text

    def ngettext(one: str, many: str, count: int) -> str:
        found = texts.get(one)
        if isinstance(found, tuple) and all(found):
            return found[plural(count)]
        return one if count == 1 else many

    return Words(language, Locale(language), gettext, ngettext)


def chosen(accept: str, own: str = "") -> str:
    """The reader's own language, or the best of what their browser accepts (an Accept-Language header);
    English without either."""
    if own in LANGUAGES:
        return own
    wanted = [part.partition(";")[0].strip() for part in accept[:500].split(",")]
    return (negotiate_locale(wanted, LANGUAGES, sep="-") or "en").partition("-")[0]
