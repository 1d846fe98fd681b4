"""The canonical invoice as plain data: nothing is lost, and differences are named by term."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from formats.errors import MalformedDocument
from formats.model import Invoice
from formats.model.plain import differences, from_plain, to_plain
from tests.strategies import every_term, invoices, sample_invoice


@given(invoices())
def test_reading_back_gives_the_same_invoice(invoice: Invoice) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(invoice)))) == invoice


@pytest.mark.parametrize("type_code", ["380", "381"])
def test_every_term_has_its_place(type_code: str) -> None:
    invoice = every_term(type_code)
    assert from_plain(to_plain(invoice)) == invoice


def test_a_difference_is_named_by_term_and_row() -> None:
    before = sample_invoice()
    line = replace(before.lines[0], net_amount=Decimal("999.00"))
    after = replace(before, number="other", buyer_reference=None, lines=(line, *before.lines[1:]))
    found = {place: (old, new) for place, old, new in differences(to_plain(before), to_plain(after))}
    assert found["BT-1"] == (before.number, "other")
    assert found["BG-25[0]/BT-131"] == (str(before.lines[0].net_amount), "999.00")
    assert set(found) - {"BT-10"} == {"BT-1", "BG-25[0]/BT-131"}


@pytest.mark.parametrize(
    "data",
    [
        {"BT-999": "x"},
        {"BT-2": "soon"},
        {"BT-9": 20},
        {"BG-25": {"BT-126": "1"}},
        {"BG-25": [{"BT-131": "1,0,0"}]},
        {"BG-4": "seller"},
        {"BT-34": {"value": "x", "more": "y"}},
    ],
)
def test_anything_else_is_refused_by_name(data: dict[str, Any]) -> None:
    with pytest.raises(MalformedDocument):
        from_plain(data)
