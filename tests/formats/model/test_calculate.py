"""Calculated totals: an invoice that we write passes its own arithmetic, by the official rules too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from formats.errors import MalformedDocument
from formats.finding import RunState
from formats.model import AllowanceCharge, Invoice, Line, LineVat, Totals, VatBreakdown
from formats.model.totals import calculate
from formats.registry import PROFILES, SYNTAXES
from formats.syntaxes import ubl
from gateway.rules.engine import RulesEngine
from tests.official import documents
from tests.strategies import amounts, sample_invoice

_RATES = {"S": ("21", "21.00", "9", "5.5"), "L": ("7", "3"), "Z": ("0",), "E": ("0.00",), "G": ("0",)}
_TAXES = st.sampled_from([(category, Decimal(rate)) for category, rates in _RATES.items() for rate in rates])
_REASONS = {"E": "Exempt, article 132", "G": "Export outside the EU"}


def _lines(parts: list[tuple[Decimal, tuple[str, Decimal]]]) -> tuple[Line, ...]:
    model = sample_invoice().lines[2]
    return tuple(
        replace(model, identifier=str(number), net_amount=amount, vat=LineVat(category=category, rate=rate))
        for number, (amount, (category, rate)) in enumerate(parts, 1)
    )


def _change(amount: Decimal, tax: tuple[str, Decimal]) -> AllowanceCharge:
    return AllowanceCharge(amount=amount, vat_category=tax[0], vat_rate=tax[1], reason="Agreed")


@st.composite
def calculable(draw: st.DrawFn) -> Invoice:
    """A complete invoice with any lines, allowances, charges and prepayment, and wrong totals."""
    parts = draw(st.lists(st.tuples(amounts(-(10**6), 10**7), _TAXES), min_size=1, max_size=8))
    changes = st.lists(st.builds(_change, amounts(0, 10**4), _TAXES), max_size=3)
    totals = Totals(
        lines=Decimal("1.23"),
        due=Decimal(-1),
        paid=draw(st.none() | amounts(0, 10**4)),
        rounding=draw(st.none() | amounts(-1, 1)),
    )
    reasons = (VatBreakdown(category=category, exemption_reason=text) for category, text in _REASONS.items())
    return replace(
        sample_invoice(),
        lines=_lines(parts),
        allowances=tuple(draw(changes)),
        charges=tuple(draw(changes)),
        totals=totals,
        vat_breakdown=tuple(reasons),
    )


@given(calculable())
def test_calculated_totals_are_those_of_the_lines(invoice: Invoice) -> None:
    """BR-CO-10, 13, 14, 15, 16: each total is the sum of its parts, exactly; what was paid stays."""
    assert invoice.totals is not None
    done = calculate(invoice)
    totals = done.totals
    assert totals is not None
    assert totals.lines == sum(line.net_amount or 0 for line in invoice.lines)
    assert totals.lines is not None
    assert totals.without_vat == totals.lines - (totals.allowances or 0) + (totals.charges or 0)
    assert totals.vat == sum(row.tax_amount or 0 for row in done.vat_breakdown)
    assert (totals.paid, totals.rounding) == (invoice.totals.paid, invoice.totals.rounding)
    assert totals.without_vat is not None
    assert totals.vat is not None
    assert totals.due == totals.without_vat + totals.vat - (totals.paid or 0) + (totals.rounding or 0)
    assert {row.category for row in done.vat_breakdown if row.exemption_reason} <= set(_REASONS)


@given(calculable())
def test_calculating_twice_changes_nothing(invoice: Invoice) -> None:
    assert calculate(calculate(invoice)) == calculate(invoice)


def test_one_row_for_each_category_and_rate() -> None:
    """21 and 21.00 are one rate, and VAT is rounded once a row, not once a line."""
    parts = [(Decimal("0.33"), ("S", Decimal(rate))) for rate in ("21", "21.00", "9")]
    done = calculate(replace(sample_invoice(), lines=_lines(parts), allowances=(), charges=()))
    assert [(row.taxable_amount, row.tax_amount) for row in done.vat_breakdown] == [
        (Decimal("0.66"), Decimal("0.14")),
        (Decimal("0.33"), Decimal("0.03")),
    ]
    assert done.totals is not None
    assert (done.totals.allowances, done.totals.charges) == (None, None)


def test_no_vat_on_a_negative_base_is_plain_zero() -> None:
    """The CII rules of CEN do not take -0.00 for zero (BR-Z-09)."""
    lines = _lines([(Decimal(-5), ("Z", Decimal(0)))])
    done = calculate(replace(sample_invoice(), lines=lines, allowances=(), charges=()))
    assert [str(row.tax_amount) for row in done.vat_breakdown] == ["0.00"]


def test_the_total_in_the_vat_currency_stays_as_it_was_said() -> None:
    """There is no exchange rate to calculate it from."""
    said = replace(sample_invoice(), totals=Totals(vat_in_vat_currency=Decimal("99.90")))
    done = calculate(said).totals
    assert done is not None
    assert done.vat_in_vat_currency == Decimal("99.90")


@pytest.mark.parametrize(
    ("invoice", "missing"),
    [
        (replace(sample_invoice(), lines=()), "no line"),
        (
            replace(sample_invoice(), lines=(Line(identifier="7", vat=LineVat(category="S")),)),
            "line 7 has no amount",
        ),
        (replace(sample_invoice(), lines=(Line(net_amount=Decimal(1)),)), "line 1 has no VAT category"),
        (replace(sample_invoice(), charges=(AllowanceCharge(vat_category="S"),)), "charge 1 has no amount"),
        (
            replace(sample_invoice(), allowances=(AllowanceCharge(amount=Decimal(1)),)),
            "allowance 1 has no VAT",
        ),
    ],
)
def test_what_is_missing_is_named(invoice: Invoice, missing: str) -> None:
    """Missing is never zero."""
    with pytest.raises(MalformedDocument, match=missing):
        calculate(invoice)


@pytest.fixture(scope="module")
def judge() -> Iterator[RulesEngine]:
    with RulesEngine() as engine:
        yield engine


@pytest.mark.parametrize("key", ["en16931-ubl", "facturx-en16931"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(invoice=calculable())
def test_the_official_rules_find_nothing_fatal(judge: RulesEngine, key: str, invoice: Invoice) -> None:
    """In both vocabularies, by the rules of CEN and of Factur-X."""
    profile = PROFILES[key]
    document = SYNTAXES[profile.syntax].write(profile.prepare(calculate(invoice)))
    report = judge.check(document, profile)
    assert [finding.rule for finding in report.fatal] == []
    assert {run.state for run in report.runs} == {RunState.PASSED}


@pytest.mark.parametrize("name", ["peppol-bis-3/examples", "en16931/ubl/examples", "peppol-bis-3/snippets"])
def test_the_totals_of_official_examples_come_out_as_published(name: str) -> None:
    """With allowances, charges, several categories, prepayment, rounding and a VAT currency."""
    for path in documents(name):
        said = ubl.read(path.read_bytes())
        done = calculate(said)
        assert said.totals is not None
        assert done.totals is not None
        for field in fields(said.totals):
            told, made = getattr(said.totals, field.name), getattr(done.totals, field.name)
            assert (told or 0) == (made or 0), f"{path.name}: {field.name}"
        rows = [
            sorted((row.category or "", row.rate or 0, row.taxable_amount, row.tax_amount) for row in rows)
            for rows in (said.vat_breakdown, done.vat_breakdown)
        ]
        assert rows[0] == rows[1], path.name
