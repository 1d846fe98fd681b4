"""Official European examples under the national formats: whatever does not come back is named beforehand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Final

import pytest

from formats.detection import detect
from formats.errors import DocumentError
from formats.model import Invoice
from formats.model.plain import differences, to_plain
from formats.registry import PROFILES, SYNTAXES
from tests.formats.syntaxes.national import polish
from tests.official import folder

FOLDERS: Final = (
    "en16931/cii/examples",
    "en16931/ubl/examples",
    "en16931/ubl/testfiles",
    "fatturapa/official",
    "peppol-bis-3/examples",
    "peppol-bis-3/self-billing",
    "peppol-bis-3/snippets",
    "xrechnung/testsuite",
    "zugferd/xml/en16931",
    "zugferd/xml/extended",
    "cius-ro/examples",
)
# Why an example cannot be an invoice of that country: it is no such invoice, or says too little for one.
REASONS: Final = {
    "fatturapa-fpr12": (
        *("no counterpart in Italy", "nobody is named who transmits"),
        *("the seller has no VAT number", "there is no invoice line"),
    ),
    "facturae": ("no tax identification", "characters, Facturae wants", "there is no invoice line"),
    "ksef": ("no VAT category", "names no invoice that it corrects", "exempt from VAT, and the provision"),
}
_TERM: Final = re.compile(r"B[TG]-\d+(?:-\d)?|[A-Z]{2}-G?\d+")
_WIDEST: Final = (Decimal(15), Decimal(23)), (Decimal(7), Decimal(8)), (Decimal(0), Decimal(5))


@cache
def readable(name: str) -> tuple[tuple[str, Invoice], ...]:
    found = []
    for path in sorted(folder(name).rglob("*.xml")):
        seen = detect(path.read_bytes())
        if seen.tree is None or seen.syntax is None:
            continue
        try:
            found.append((path.name, SYNTAXES[seen.syntax].read_tree(seen.tree)))
        except DocumentError:
            continue  # a file with several invoices; the tests of its vocabulary have it
    return tuple(found)


def in_poland(invoice: Invoice) -> Invoice:
    """As from a Polish seller, with the Polish rate that is next below; the amounts stay."""

    def rate(given: Decimal | None) -> Decimal | None:
        if not given:
            return given
        return next(polish_rate for lowest, polish_rate in _WIDEST if given >= lowest)

    lines = tuple(
        replace(one, vat=replace(one.vat, rate=rate(one.vat.rate)) if one.vat else None)
        for one in invoice.lines
    )
    moved = replace(
        invoice,
        lines=tuple(one for one in lines if one.vat is not None),
        vat_breakdown=tuple(replace(one, rate=rate(one.rate)) for one in invoice.vat_breakdown),
        allowances=tuple(replace(one, vat_rate=rate(one.vat_rate)) for one in invoice.allowances),
        charges=tuple(replace(one, vat_rate=rate(one.vat_rate)) for one in invoice.charges),
    )
    totals = replace(invoice.totals, vat_in_vat_currency=None) if invoice.totals else None
    return polish(replace(moved, vat_currency=None, totals=totals)) if invoice.seller else moved


def gone(before: Invoice, after: Invoice) -> Iterator[list[str]]:
    """Each value that is no longer there, as the path of terms to it."""
    for place, old, new in differences(to_plain(before), to_plain(after)):
        if old and not _equal(old, new):
            yield _TERM.findall(place)


def _equal(one: str, other: str) -> bool:
    try:
        return Decimal(one) == Decimal(other)
    except ArithmeticError:
        return False


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("key", REASONS)
def test_no_loss_is_silent_and_what_was_written_stays(name: str, key: str) -> None:
    profile, written = PROFILES[key], 0
    refused: list[str] = []
    binding = SYNTAXES[profile.syntax]
    for file, read in readable(name):
        invoice = profile.prepare(in_poland(read) if key == "ksef" else read)
        try:
            document = binding.write(invoice)
        except DocumentError as error:
            refused.append(error.what)
            continue
        written += 1
        back, losses = binding.read(document), set(binding.losses(invoice))
        assert [path for path in gone(invoice, back) if not losses & set(path)] == [], file
        assert binding.write(back) == document, file
    assert [what for what in refused if not any(reason in what for reason in REASONS[key])] == []
    assert written or (key, name) in _NONE


# Examples none of which has the buyer's tax number that Spain demands.
_NONE: Final = {("facturae", "zugferd/xml/extended")}
