"""The names of business terms and groups, for people: messages, lists of losses, docs/coverage.md.

English as in EN 16931-1; Dutch, German and French in the words of the national versions where they are known,
else in ours. `names.csv` has one row for each term: a message whose id is the term.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

__all__ = ["LANGUAGES", "name_of"]

LANGUAGES: Final = ("en", "nl", "de", "fr")


def name_of(term: str, language: str = "en") -> str:
    """The name of a term or group in one of LANGUAGES, BT-49 "Buyer electronic address".

    Raises KeyError for a term or a language that there is not.
    """
    return _names()[term][language]


@cache
def _names() -> Mapping[str, Mapping[str, str]]:
    with Path(__file__).with_name("names.csv").open(encoding="utf-8", newline="") as file:
        return MappingProxyType({row["term"]: MappingProxyType(row) for row in csv.DictReader(file)})
