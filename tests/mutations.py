"""Random changes to a document: what no published example shows, such as two of something, odd numbers,
comments."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

from lxml import etree

__all__ = ["mutants"]

_WORDS: Final = (
    "0", "1", "-1", "0.005", "1.00", "100", "99999999.99", "1e3", "+5.5", ".5", "5.", "abc", "S", "AE",
    "E", "K", "Z", "O",
    "VAT", "vat", "EUR", "USD", "DKK", "380", "381", "389", "true", "false", "2026-02-29", "2026-11-22",
    "NL", "DE",
    "XX", "0088", "30", "58", " ", "a b", "\u00a0", "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0",
    "C62", "mutually defined",
)  # fmt: skip


def mutants(
    seeds: list[bytes], count: int, *, seed: int, valid: Callable[[etree._Element], bool]
) -> Iterator[bytes]:
    """`count` changed documents, the same for the same seed; each still keeps to the schema that `valid`
    asks."""
    chance = random.Random(seed)  # noqa: S311  tests want to repeat
    made = tries = 0
    while made < count and tries < count * 60:
        tries += 1
        root = etree.fromstring(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
            chance.choice(_CHANGES)(root, chance)
        if valid(root):
            made += 1
            yield etree.tostring(root, encoding="UTF-8")
    assert made == count, f"only {made} of {count} mutants keep to the schema"


def _elements(root: etree._Element) -> list[etree._Element]:
    return [element for element in root.iter(etree.Element) if element is not root]


def _leaf(root: etree._Element, chance: random.Random) -> etree._Element | None:
    leaves = [element for element in _elements(root) if not len(element)]
    return chance.choice(leaves) if leaves else None


def _set_text(root: etree._Element, chance: random.Random) -> None:
    leaf = _leaf(root, chance)
    if leaf is not None:
        leaf.text = chance.choice(_WORDS)


def _shift_number(root: etree._Element, chance: random.Random) -> None:
    leaf = _leaf(root, chance)
    try:
        number = Decimal((leaf.text if leaf is not None else None) or "x")
    except InvalidOperation:
        return
    if leaf is not None:
        leaf.text = str(number + Decimal(chance.choice(("0.01", "-0.01", "1", "-1", "0.005", "1.01", "100"))))


def _swap_text(root: etree._Element, chance: random.Random) -> None:
    one, other = _leaf(root, chance), _leaf(root, chance)
    if one is not None and other is not None:
        one.text, other.text = other.text, one.text


def _remove(root: etree._Element, chance: random.Random) -> None:
    elements = _elements(root)
    if elements:
        chosen = chance.choice(elements)
        parent = chosen.getparent()
        if parent is not None:
            parent.remove(chosen)


def _repeat(root: etree._Element, chance: random.Random) -> None:
    elements = _elements(root)
    if elements:
        chosen = chance.choice(elements)
        chosen.addnext(copy.deepcopy(chosen))


def _change_attribute(root: etree._Element, chance: random.Random) -> None:
    owners = [element for element in _elements(root) if element.attrib]
    if owners:
        owner = chance.choice(owners)
        name = chance.choice(list(owner.attrib))
        if chance.random() < 0.3:
            del owner.attrib[name]
        else:
            owner.set(name, chance.choice(_WORDS))


def _put_comment(root: etree._Element, chance: random.Random) -> None:
    leaf = _leaf(root, chance)
    if leaf is not None and leaf.text:
        comment = etree.Comment("a remark")
        half = len(leaf.text) // 2
        comment.tail, leaf.text = leaf.text[half:], leaf.text[:half]
        leaf.insert(0, comment)


def _pad(root: etree._Element, chance: random.Random) -> None:
    leaf = _leaf(root, chance)
    if leaf is not None:
        leaf.text = chance.choice((" {} ", "\n{}\t", "{}\u00a0", "{} {}")).format(*(leaf.text or "",) * 2)


_CHANGES: Final = (
    _set_text, _set_text, _shift_number, _shift_number, _swap_text, _remove, _remove, _repeat, _repeat,
    _change_attribute, _put_comment, _pad,
)  # fmt: skip
