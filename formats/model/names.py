"""Short English names of business terms, for people: messages, lists of losses, docs/coverage.md.

They are made of the model's own words, group before field, so that they cannot drift from it; only what would
read badly has words of its own here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from formats.model.terms import CATALOGUE

__all__ = ["name_of"]

_GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BG-1": "note",
        "BG-3": "preceding invoice",
        "BG-4": "seller",
        "BG-5": "seller address",
        "BG-6": "seller contact",
        "BG-7": "buyer",
        "BG-8": "buyer address",
        "BG-9": "buyer contact",
        "BG-10": "payee",
        "BG-11": "tax representative",
        "BG-12": "tax representative address",
        "BG-13": "delivery",
        "BG-14": "invoicing period",
        "BG-15": "delivery address",
        "BG-16": "payment",
        "BG-17": "credit transfer",
        "BG-18": "payment card",
        "BG-19": "direct debit",
        "BG-20": "document allowance",
        "BG-21": "document charge",
        "BG-22": "totals",
        "BG-23": "VAT breakdown",
        "BG-24": "supporting document",
        "BG-25": "line",
        "BG-26": "line period",
        "BG-27": "line allowance",
        "BG-28": "line charge",
        "BG-29": "price",
        "BG-30": "line VAT",
        "BG-31": "item",
        "BG-32": "item attribute",
    }
)

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BT-1": "invoice number",
        "BT-6": "VAT accounting currency",
        "BT-17": "tender or lot reference",
        "BT-24": "specification identifier",
        "BT-70": "delivered to, name",
        "BT-71": "delivery location identifier",
        "BT-72": "delivery date",
        "BT-82": "payment means, in words",
        "BT-86": "bank of the account paid to",
        "BT-89": "direct debit mandate reference",
        "BT-90": "direct debit creditor identifier",
        "BT-106": "total of the lines",
        "BT-107": "total of document allowances",
        "BT-108": "total of document charges",
        "BT-109": "total without VAT",
        "BT-110": "total VAT",
        "BT-111": "total VAT in the VAT accounting currency",
        "BT-112": "total with VAT",
        "BT-113": "amount already paid",
        "BT-114": "rounding of the amount due",
        "BT-115": "amount due",
        "BT-122": "supporting document reference",
        "BT-124": "supporting document address",
        "BT-125": "attached file",
        "BT-125-1": "attached file, media type",
        "BT-125-2": "attached file, file name",
        "BT-128": "line object identifier",
        "BT-129": "invoiced quantity",
        "BT-130": "unit of the quantity",
        "BT-146": "net price",
        "BT-147": "price discount",
        "BT-148": "gross price",
        "BT-150": "unit of the price base quantity",
        "BT-155": "seller's item number",
        "BT-156": "buyer's item number",
        "BT-157": "item number of a public scheme",
        "BT-158": "item classification",
        "BT-159": "item country of origin",
    }
)

_SPELLING: Final[Mapping[str, str]] = MappingProxyType(
    {"vat": "VAT", "email": "e-mail", "subdivision": "region", "1": "line 1", "2": "line 2", "3": "line 3"}
)


def name_of(term: str) -> str:
    """The name of a term or group, BT-49 "buyer electronic address"; KeyError for one that there is not."""
    if term in _GROUPS:
        return _GROUPS[term]
    entry = CATALOGUE[term]
    if term in _WORDS:
        return _WORDS[term]
    attribute = entry.attribute.removeprefix("line_") if "address" in _within(term) else entry.attribute
    words = " ".join(_SPELLING.get(word, word) for word in attribute.split("_"))
    return f"{_within(term)} {words}".strip()


def _within(term: str) -> str:
    within = CATALOGUE[term].within
    return _GROUPS[within] if within else ""
