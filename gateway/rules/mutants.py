"""Damaged copies of documents, to compare two engines where real invoices never go.

The same document and seed always give the same copies. Each copy differs in one to three places: an element
taken out, doubled or emptied, a text or attribute replaced by one that rules look at.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Final

from lxml import etree

__all__ = ["mutants"]

_TEXTS: Final = (
    "", " ", "0", "1", "-1", "0.00", "1.005", "10.50", "999999999.99", "1e3", "n/a", "true", "false",
    "S", "Z", "E", "AE", "K", "G", "O", "L", "M", "VAT", "EUR", "SEK", "XYZ", "NL", "DE", "ES", "380", "381",
    "386", "30", "58", "2026-01-31", "2026-02-30", "31.01.2026", "0088", "9930", "EA", "C62",
    "NO123456785MVA", "DE123456789", "\u00a0",
)  # fmt: skip
_NAMES: Final = ("schemeID", "currencyID", "unitCode", "listID", "mimeCode", "format")


def mutants(root: etree._Element, count: int, *, seed: int = 1) -> Iterator[etree._Element]:
    """`count` damaged copies of one document; the document itself stays as it is."""
    chance = random.Random(seed)  # noqa: S311  nothing secret
    for _ in range(count):
        other = copy.deepcopy(root)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            elements = [element for element in other.iter(etree.Element) if element is not other]
            if elements:
                chance.choice(_CHANGES)(chance.choice(elements), chance)
        yield other


def _remove(element: etree._Element, chance: random.Random) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _double(element: etree._Element, chance: random.Random) -> None:
    element.addnext(copy.deepcopy(element))


def _empty(element: etree._Element, chance: random.Random) -> None:
    for child in list(element):
        element.remove(child)
    element.text = None


def _retext(element: etree._Element, chance: random.Random) -> None:
    if not len(element):
        element.text = chance.choice(_TEXTS)


def _attribute(element: etree._Element, chance: random.Random) -> None:
    names = [*element.attrib] or [chance.choice(_NAMES)]
    element.set(chance.choice(names), chance.choice(_TEXTS))


def _unattribute(element: etree._Element, chance: random.Random) -> None:
    for name in list(element.attrib):
        del element.attrib[name]


def _move(element: etree._Element, chance: random.Random) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.append(element)


_CHANGES: Final[tuple[Callable[[etree._Element, random.Random], None], ...]] = (
    _remove, _remove, _double, _empty, _retext, _retext, _retext, _attribute, _unattribute, _move,
)  # fmt: skip
