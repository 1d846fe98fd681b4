"""Finds the template of a sentence and gives the sentence in another language.

What fills a template's places may be a sentence itself and is translated in turn; sentences that were put
together ("A. B", "A; B", "A: B") are taken apart where that says more. All of it is bounded: a text costs at
most `_MOST_LOOKS` looks into the catalogue, each in proportion to its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from babel.core import Locale
from babel.dates import format_date, get_day_names

from gateway.reasons.catalogue import TRANSLATED, Catalogue, catalogue
from gateway.reasons.template import Template

__all__ = ["Told", "knows", "reason", "told"]

_LONGEST: Final = 5_000
_MOST_LOOKS: Final = 50
_MOST_PARTS: Final = 8
_DEEPEST: Final = 4
_JOINT: Final = re.compile(r"(\. |; |: )")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DATE: Final = re.compile(
    rf"(?:({'|'.join(_DAYS)}) )?(\d{{1,2}}) ({'|'.join(_MONTHS)}) (\d{{4}})(, \d\d:\d\d)?"
)
_DAYS_OF_WEEK: Final = re.compile(rf"(?:(?:{'|'.join(_DAYS)})s(?: to | and |, |$)){{1,7}}")


@dataclass(frozen=True, slots=True)
class Told:
    """A text in the other language, how many signs of it were known, and whether no part was left over."""

    text: str
    weight: int
    whole: bool


def reason(text: str, language: str) -> str:
    """The sentence in the language; as it is, where the language is English, unknown, or has no such
    sentence."""
    if language not in TRANSLATED or not text or len(text) > _LONGEST:
        return text
    found = _looked_up(text, language)
    return text if found is None else found.text


def knows(text: str) -> bool:
    """Whether each part of the text is one of our sentences in every language."""
    found = [_looked_up(text, language) for language in TRANSLATED]
    return all(one is not None and one.whole for one in found)


def told(text: str, words: Catalogue) -> Told | None:
    """The sentence by one catalogue; None where nothing of it is known."""
    return _Look(words).read(text.strip()[:_LONGEST], 0)


@lru_cache(maxsize=1024)
def _looked_up(text: str, language: str) -> Told | None:
    return told(text, catalogue(language))


@dataclass(slots=True)
class _Look:
    catalogue: Catalogue
    looks: int = 0

    def read(self, text: str, depth: int) -> Told | None:
        """The best of the text as one sentence and as several."""
        one = self._one(text, depth)
        if one is not None and one.weight >= len(text):
            return one
        several = self._several(text, depth)
        if several is None:
            return one
        # What leaves nothing over is told apart only where it says more by that.
        if one is not None and (one.weight, one.whole) > (several.weight, several.whole):
            return one
        return several

    def _one(self, text: str, depth: int) -> Told | None:
        self.looks += 1
        if self.looks > _MOST_LOOKS:
            return None
        plain = text.rstrip(".")
        stop = text[len(plain) :]
        exact = self.catalogue.exact.get(plain[:1].lower() + plain[1:])
        if exact is not None:
            return Told(_begun(str(exact.translation[0]), plain, exact) + stop, len(text), True)
        for template in self.catalogue.candidates(plain):
            values = template.fits(plain)
            if values is not None:
                return self._filled(template, plain, stop, values, depth)
        return None

    def _filled(
        self, template: Template, text: str, stop: str, values: tuple[str, ...], depth: int
    ) -> Told:
        weight = template.weight
        filled = []
        for value in values:
            found = self._value(value, depth + 1)
            weight += found.weight if found else 0
            filled.append(found.text if found else value)
        words = "".join(filled[part] if isinstance(part, int) else part for part in template.translation)
        if template.literals[0] or not depth:
            words = _begun(words, text, template)
        return Told(words + stop, weight + len(stop), True)

    def _value(self, text: str, depth: int) -> Told | None:
        """What fills a place: a name, a day, or a sentence."""
        known = self.catalogue.terms.get(text) or self._day(text)
        if known:
            return Told(known, len(text), True)
        if depth >= _DEEPEST or " " not in text:
            return None
        return self.read(text, depth)

    def _day(self, text: str) -> str:
        found = _DATE.fullmatch(text)
        if found is not None:
            return _date(found, self.catalogue.language)
        if _DAYS_OF_WEEK.fullmatch(text):
            return self._weekdays(text)
        return ""

    def _weekdays(self, text: str) -> str:
        for joint, pattern in ((" to ", "{1} to {2}"), (" and ", "{1} and {2}")):
            first, there, last = text.partition(joint)
            if there:
                form = self.catalogue.joints.get(pattern, pattern)
                return form.replace("{1}", self._weekdays(first)).replace("{2}", self._weekdays(last))
        exact = self.catalogue.exact
        days = ((one, exact.get(one[:1].lower() + one[1:])) for one in text.split(", "))
        return ", ".join(str(known.translation[0]) if known else one for one, known in days)

    def _several(self, text: str, depth: int) -> Told | None:
        """The longest known beginnings, one after the other."""
        parts = _JOINT.split(text, maxsplit=_MOST_PARTS - 1)
        if len(parts) == 1:
            return None
        words, weight, whole, known, at = "", 0, True, False, 0
        while at < len(parts):
            end = len(parts)
            found = None
            while end > at and found is None:
                # All of it was tried before.
                if (at, end) != (0, len(parts)):
                    found = self._one("".join(parts[at:end]), depth if at and parts[at - 1] != ". " else 0)
                if found is None:
                    end -= 2
            if found is not None and known:
                weight += len(parts[at - 1])
            known = found is not None
            if found is None:
                found, end, whole = Told(parts[at], 0, False), at + 1, False
            words += found.text
            weight += found.weight
            if end < len(parts):
                words += self._joint(parts[end])
            at = end + 1
        return Told(words, weight, whole) if weight else None

    def _joint(self, text: str) -> str:
        return " : " if text == ": " and self.catalogue.language == "fr" else text


def _begun(words: str, text: str, template: Template) -> str:
    """With a capital letter where the English has one that is not in its template."""
    capital = text[:1].isupper() and not template.literals[0][:1].isupper()
    return words[:1].upper() + words[1:] if capital else words


def _date(found: re.Match[str], language: str) -> str:
    weekday, day, month, year, clock = found.groups()
    locale = Locale(language)
    try:
        moment = date(int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError:
        return found[0]
    told = format_date(moment, "long", locale=locale) + (clock or "")
    return f"{get_day_names(locale=locale)[_DAYS.index(weekday)]} {told}" if weekday else told
