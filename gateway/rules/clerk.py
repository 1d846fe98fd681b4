"""A finding in the words of a finance clerk: what is wrong with this invoice, with its own numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from formats.finding import Finding
from formats.model.invoice import Invoice
from formats.model.names import name_of
from formats.model.sums import Sum, explain, sums
from formats.model.terms import CATALOGUE
from formats.model.values import values_of
from formats.phrases import number, say
from gateway.rules.findings import terms_in

__all__ = ["Explained", "TermValues", "explained", "sentence"]

_ID_IN_FRONT: Final = re.compile(r"\A\s*\[[^\]]*\]\s*[-–:]?\s*")
_NAME_SPACE: Final = re.compile(r"\{[^}]*\}")
_LINE: Final = re.compile(
    r"/(?:cac:(?:Invoice|CreditNote)Line|ram:IncludedSupplyChainTradeLineItem)(?:\[([0-9]+)\])?"
)
_DECIMALS: Final = re.compile(r"BR-DEC-[0-9]+\Z")
_ALLOWED_DECIMALS: Final = 2
_MOST_VALUES: Final = 5
_LONGEST_VALUE: Final = 80
# Account and card numbers: enough to recognise them, not enough to use them.
_SECRET: Final = frozenset({"BT-84", "BT-87", "BT-91"})
_SHOWN_OF_SECRETS: Final = 4


@dataclass(frozen=True, slots=True)
class TermValues:
    """A business term that the finding concerns: its name, and what the invoice says for it, () for
    nothing. Of long lists the first five values."""

    term: str
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """What a person needs to know of one finding.

    `shown` is what the invoice's own numbers show, "" where there is only the publisher's text to repeat.
    `line` is the number of the invoice line, "" for a finding outside of lines. `sums` are the sums that the
    rule is about, for machines; the sentence has them in words.
    """

    sentence: str
    shown: str
    line: str
    terms: tuple[TermValues, ...]
    sums: tuple[Sum, ...]


def sentence(finding: Finding, invoice: Invoice | None = None, language: str = "en") -> str:
    """One or two sentences for the work list.

    A broken sum is shown with the numbers of `invoice`, where that is given; every other finding is the
    publisher's text without the rule id. A finding inside a line says which line.
    """
    position = _position(finding)
    text = _shown_by_numbers(finding, invoice, position, language) or _plain(finding, language)
    if position is None:
        return text
    return say("line", language, line=_line_name(invoice, position), text=text)


def explained(finding: Finding, invoice: Invoice | None, language: str = "en") -> Explained:
    """All that can be said of a finding: the sentence, the terms concerned with their values, the sums."""
    position = _position(finding)
    found: tuple[Sum, ...] = ()
    if invoice is not None:
        try:
            found = sums(finding.rule, invoice, line=position or 0)
        except InvalidOperation:  # numbers of thirty digits; the rule's own text has to do
            found = ()
    # What the rule itself names and adds up; where it stands only helps where it names nothing.
    added = (name for one in found for name in (one.term, *(name for _, name, _ in one.parts)))
    named = dict.fromkeys((*terms_in(finding.text), *added)) or finding.terms
    terms = tuple(
        TermValues(term, name_of(term, language), _values(invoice, term, position, language))
        for term in named
        if term in CATALOGUE
    )
    line = "" if position is None else _line_name(invoice, position)
    numbers = _shown_by_numbers(finding, invoice, position, language)
    return Explained(sentence(finding, invoice, language), numbers, line, terms, found)


def _shown_by_numbers(finding: Finding, invoice: Invoice | None, position: int | None, language: str) -> str:
    if invoice is None:
        return ""
    told = explain(finding.rule, invoice, line=position or 0, language=language)
    return told or _decimals(finding, invoice, position, language)


def _values(invoice: Invoice | None, term: str, position: int | None, language: str) -> tuple[str, ...]:
    if invoice is None:
        return ()
    found = [_shown(term, value, language) for value in values_of(invoice, term, position)]
    if CATALOGUE[term].is_group:
        return tuple(dict.fromkeys(found))
    more = ["..."] if len(found) > _MOST_VALUES else []
    return (*found[:_MOST_VALUES], *more)


def _shown(term: str, value: Any, language: str) -> str:
    if CATALOGUE[term].is_group:
        return say("label.present", language)
    if isinstance(value, Decimal):
        return number(value, language)
    if isinstance(value, date):
        return value.isoformat()
    identifier = getattr(value, "value", value)
    if isinstance(identifier, bytes):
        return f"{len(identifier)} bytes"
    text = " ".join(str(identifier).split())
    if term in _SECRET:
        return f"...{text[-_SHOWN_OF_SECRETS:]}"
    scheme = getattr(value, "scheme", None)
    text = f"{text} ({scheme})" if scheme else text
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _decimals(finding: Finding, invoice: Invoice, position: int | None, language: str) -> str:
    """BR-DEC rules: which amount has how many decimals."""
    if not _DECIMALS.match(finding.rule):
        return ""
    return " ".join(_too_many(finding, invoice, position, language))


def _too_many(finding: Finding, invoice: Invoice, position: int | None, language: str) -> Iterator[str]:
    for term in finding.terms:
        for value in values_of(invoice, term, position) if term in CATALOGUE else ():
            exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
            if isinstance(exponent, int) and -exponent > _ALLOWED_DECIMALS:
                yield say(
                    "decimals",
                    language,
                    name=name_of(term, language),
                    term=term,
                    stated=number(value, language),
                    count=-exponent,
                    allowed=_ALLOWED_DECIMALS,
                )


def _plain(finding: Finding, language: str) -> str:
    text = " ".join(_NAME_SPACE.sub("", _ID_IN_FRONT.sub("", finding.text)).split())
    return say("schema", language, text=text) if finding.rule == "XSD" else text


def _position(finding: Finding) -> int | None:
    """Of the invoice line, from 0; None for a finding outside of lines."""
    found = _LINE.search(finding.location)
    return int(found[1] or 1) - 1 if found else None


def _line_name(invoice: Invoice | None, position: int) -> str:
    """The number that people see on the invoice, or else the position."""
    if invoice is not None and 0 <= position < len(invoice.lines):
        return invoice.lines[position].identifier or str(position + 1)
    return str(position + 1)
