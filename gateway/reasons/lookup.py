"""Finds the template of a sentence and gives the sentence in another language.

What fills a template's places may be a sentence itself and is translated in turn; sentences that were put
together ("A. B", "A; B", "A: B") are taken apart where that says more. All of it is bounded: a text costs at
most `_MOST_LOOKS` looks into the catalogue, each in proportion to its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel.core import Locale
from babel.dates import format_date, get_day_names

from formats.phrases import number
from gateway.reasons.catalogue import TRANSLATED, Catalogue, catalogue
from gateway.reasons.template import Template

__all__ = ["Told", "knows", "reason", "told"]

_LONGEST: Final = 5_000
_MOST_LOOKS: Final = 120
_LONGEST_SUM: Final = 1_000
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
_SIGN: Final = re.compile(r"( [+\u2212-] | × )")
_AMOUNT: Final = re.compile(
    r"(?P<name>(?:[^\d ][^ ]{0,40} ){0,12})"
    r"(?P<number>-?\d{1,15}(?:,\d{3}){0,5}\.\d{1,6})(?P<currency> [A-Z]{3})?"
)
# A profile, a business term, a field, a network: no name of a person or a company.
_CODE: Final = re.compile(r"(?=\S*[\d_-]|\S*[A-Z]\S*[A-Z])\S{2,60}")
# Words of a sentence in English, and hardly of a name.
_ENGLISH: Final = frozenset(
    {
        *("are", "was", "were", "be", "been", "has", "have", "had", "does", "do", "did", "no", "not"),
        *(
            "can",
            "cannot",
            "must",
            "may",
            "will",
            "would",
            "nothing",
            "Nothing",
            "there",
            "There",
            "it",
            "It",
        ),
        *("its", "they", "which", "That", "this", "This", "these", "where", "when", "while", "once"),
        *("whether", "if"),
    }
)
_DAYS_OF_WEEK: Final = re.compile(rf"(?:(?:{'|'.join(_DAYS)})s(?: to | and |, |$)){{1,7}}")


@dataclass(frozen=True, slots=True)
class Told:
    """A text in the other language: how many signs of it were known, whether no part was left over, and
    whether no place holds what may be the end of a sentence."""

    text: str
    weight: int
    whole: bool
    neat: bool = True

    @property
    def rank(self) -> tuple[int, bool]:
        """The higher, the more is said."""
        return self.weight, self.whole and self.neat


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
    known: dict[tuple[str, bool], Told | None] = field(default_factory=dict)

    def read(self, text: str, depth: int) -> Told | None:
        """The best of the text as one sentence and as several."""
        one = self._one(text, depth)
        if one is not None and one.weight >= len(text):
            return one
        several = self._several(text, depth)
        if several is None:
            return one
        if one is None:
            return several
        # What is known as one sentence is told apart only where it says more by that.
        return one if one.rank > several.rank else replace(several, whole=True)

    def _one(self, text: str, depth: int) -> Told | None:
        """The text as one sentence; what was asked for once is not looked up again."""
        key = (text, not depth)
        if key not in self.known:
            self.looks += 1
            self.known[key] = self._looked_up(text, depth) if self.looks <= _MOST_LOOKS else None
        return self.known[key]

    def _looked_up(self, text: str, depth: int) -> Told | None:
        plain = text.rstrip(".")
        stop = text[len(plain) :]
        exact = self.catalogue.exact.get(plain[:1].lower() + plain[1:])
        if exact is not None:
            return Told(_begun(str(exact.translation[0]), plain, exact) + stop, len(text), True)
        for template in self.catalogue.candidates(plain):
            values = template.fits(plain)
            found = None if values is None else self._filled(template, plain, stop, values, depth)
            if found is not None:
                return found
        return None

    def _filled(
        self, template: Template, text: str, stop: str, values: tuple[str, ...], depth: int
    ) -> Told | None:
        """None where a place would hold English words of ours amid the other language."""
        weight, neat = template.weight, True
        filled = []
        for before, value, after in zip(template.literals[:-1], values, template.literals[1:], strict=True):
            found = self._value(value, depth + 1)
            # What stands behind a colon or in a bracket, or is a sentence of its own, was said by somebody.
            apart = before.endswith((": ", "(", '"')) or after.startswith(". ")
            if found is None and not apart and _is_english(value):
                return None
            weight += found.weight if found else 0
            # A full stop in what is filled in may be the end of our sentence.
            neat = neat and (". " not in value or (found is not None and found.whole))
            filled.append(found.text if found else value)
        words = "".join(filled[part] if isinstance(part, int) else part for part in template.translation)
        if template.literals[0] or not depth:
            words = _begun(words, text, template)
        return Told(words + stop, weight + len(stop), True, neat)

    def _value(self, text: str, depth: int) -> Told | None:
        """What fills a place: a name, a day, or a sentence."""
        known = self.catalogue.terms.get(text) or self._day(text) or self._list(text)
        if not known and len(text) <= _LONGEST_SUM:
            known = self._sum(text)
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

    def _list(self, text: str) -> str:
        """Codes and names that we give, joined by "or"."""
        parts = text.split(" or ")
        if not 1 < len(parts) <= _MOST_PARTS:
            return ""
        known = [self.catalogue.exact.get(part[:1].lower() + part[1:]) for part in parts]
        ours = [
            exact is not None or bool(_CODE.fullmatch(part)) for exact, part in zip(known, parts, strict=True)
        ]
        if not any(ours) or any(" " in part and not own for own, part in zip(ours, parts, strict=True)):
            return ""
        names = [str(one.translation[0]) if one else part for one, part in zip(known, parts, strict=True)]
        form = self.catalogue.joints.get("{1} or {2}", "{1} or {2}")
        return form.removeprefix("{1}").removesuffix("{2}").join(names)

    def _sum(self, text: str) -> str:
        """An amount, or amounts with the names of their terms: "Invoice total VAT amount 157.27 + ..."."""
        words = []
        for part in _SIGN.split(text):
            found = _AMOUNT.fullmatch(part)
            name = found["name"].strip() if found else ""
            if found is not None and (name in self.catalogue.terms or (not name and found["currency"])):
                part = (
                    f"{self.catalogue.terms.get(name, '')} {_number(found, self.catalogue.language)}".strip()
                )
            elif not _SIGN.fullmatch(part) and part not in self.catalogue.terms:
                return ""
            words.append(part)
        return "".join(words)

    def _weekdays(self, text: str) -> str:
        exact = self.catalogue.exact
        known = exact.get(text[:1].lower() + text[1:])
        if known is not None:
            return str(known.translation[0])
        for joint, pattern in ((" to ", "{1} to {2}"), (" and ", "{1} and {2}")):
            first, there, last = text.partition(joint)
            if there:
                form = self.catalogue.joints.get(pattern, pattern)
                return form.replace("{1}", self._weekdays(first)).replace("{2}", self._weekdays(last))
        return ", ".join(self._weekdays(one) for one in text.split(", ")) if ", " in text else text

    def _several(self, text: str, depth: int) -> Told | None:
        """The text as the sentences that say most of it, one after the other."""
        parts = _JOINT.split(text, maxsplit=_MOST_PARTS - 1)
        if len(parts) == 1:
            return None
        # From the end: the best of what begins at each part.
        best: dict[int, Told] = {len(parts) + 1: Told("", 0, True)}
        for start in range(len(parts) - 1, -1, -2):
            best[start] = self._best(parts, start, best, depth)
        return best[0] if best[0].weight else None

    def _best(self, parts: list[str], start: int, best: dict[int, Told], depth: int) -> Told:
        first = depth if start and parts[start - 1] != ". " else 0
        found = self._then(Told(parts[start], 0, False), parts, start + 1, best)
        for end in range(start + 1, len(parts) + 1, 2):
            # All of it was tried before.
            if (start, end) == (0, len(parts)):
                break
            one = self._one("".join(parts[start:end]), first)
            if one is not None:
                told = self._then(one, parts, end, best)
                if told.rank > found.rank:
                    found = told
        return found

    def _then(self, one: Told, parts: list[str], end: int, best: dict[int, Told]) -> Told:
        """One, and the best of what comes behind it."""
        rest = best[end + 1]
        joint = self._joint(parts[end]) if end < len(parts) else ""
        more = 1 if joint and one.weight and rest.weight else 0
        return Told(
            one.text + joint + rest.text,
            one.weight + more + rest.weight,
            one.whole and rest.whole,
            one.neat and rest.neat,
        )

    def _joint(self, text: str) -> str:
        return f" {text}" if text in (": ", "; ") and self.catalogue.language == "fr" else text


def _begun(words: str, text: str, template: Template) -> str:
    """With a capital letter where the English has one that is not in its template."""
    capital = text[:1].isupper() and not template.literals[0][:1].isupper()
    return words[:1].upper() + words[1:] if capital else words


def _is_english(text: str) -> bool:
    return not _ENGLISH.isdisjoint(text.split())


def _number(found: re.Match[str], language: str) -> str:
    value = Decimal(found["number"].replace(",", ""))
    return number(value, language) + (found["currency"] or "")


def _date(found: re.Match[str], language: str) -> str:
    weekday, day, month, year, clock = found.groups()
    locale = Locale(language)
    try:
        moment = date(int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError:
        return found[0]
    told = format_date(moment, "long", locale=locale) + (clock or "")
    return f"{get_day_names(locale=locale)[_DAYS.index(weekday)]} {told}" if weekday else told
