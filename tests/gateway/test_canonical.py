"""The canonical invoice in the archive: UBL, or JSON where a country says more than UBL holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from formats.errors import MalformedDocument, StorageError
from formats.model.italy import ItalianInvoice, Withholding
from formats.model.plain import from_plain
from formats.syntaxes import ubl
from gateway.pipeline import canonical
from tests.strategies import sample_credit_note, sample_invoice

EXAMPLES: Final = Path(__file__).parents[1] / "data" / "formats"


def test_what_en_16931_says_is_kept_as_ubl() -> None:
    for invoice in (sample_invoice(), sample_credit_note()):
        assert canonical.write(invoice) == (ubl.write(invoice), canonical.XML)
        assert canonical.read(ubl.write(invoice)) == invoice


def test_what_a_country_says_beyond_it_is_kept_too() -> None:
    """It would be lost on the way from the mapping to the e-invoice otherwise."""
    italy = ItalianInvoice(tax_regime="RF19", withholdings=(Withholding(kind="RT01"),))
    invoice = replace(sample_invoice(), italy=italy)
    content, media_type = canonical.write(invoice)
    assert media_type == canonical.JSON
    assert canonical.read(content) == invoice
    assert canonical.write(canonical.read(content)) == (content, media_type)


@pytest.mark.parametrize("file", sorted(EXAMPLES.rglob("*.json")), ids=lambda file: file.stem)
def test_every_national_example_comes_back_from_the_archive(file: Path) -> None:
    invoice = from_plain(json.loads(file.read_text("utf-8")))
    content, media_type = canonical.write(invoice)
    again = canonical.read(content)
    if media_type == canonical.JSON:
        assert again == invoice
    else:
        assert ubl.write(again) == content


@pytest.mark.parametrize(("content", "error"), [(b"{", StorageError), (b'{"BT-9999": 1}', MalformedDocument)])
def test_what_is_no_invoice_is_no_silence(content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        canonical.read(content)
