"""Our own sentences about findings, in the languages of the people who read them.

`phrases.csv` has one row for each message: its id and its text in each of LANGUAGES, with places for values
in braces. What publishers say in their rules stays as published.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

__all__ = ["LANGUAGES", "number", "phrases", "say"]

LANGUAGES: Final = ("en", "nl", "de", "fr")
# Between thousands, and before decimals.
_SIGNS: Final = MappingProxyType(
    {"en": (",", "."), "nl": (".", ","), "de": (".", ","), "fr": ("\u00a0", ",")}
)


def say(message: str, language: str = "en", /, **values: object) -> str:
    """A message in one of LANGUAGES, with its values. Raises KeyError for what there is not."""
    return phrases(language)[message].format_map(values)


@cache
def phrases(language: str) -> Mapping[str, str]:
    """All messages by id in one of LANGUAGES. Raises KeyError for any other."""
    if language not in LANGUAGES:
        raise KeyError(language)
    with Path(__file__).with_name("phrases.csv").open(encoding="utf-8", newline="") as file:
        return MappingProxyType({row["id"]: row[language] for row in csv.DictReader(file)})


def number(value: Decimal, language: str = "en") -> str:
    """A number as people of the language write it, with the digits that it has: 1,250.00 and 1.250,00."""
    whole, _, decimals = format(value, ",f").partition(".")
    thousands, point = _SIGNS[language]
    return whole.replace(",", thousands) + (point + decimals if decimals else "")
