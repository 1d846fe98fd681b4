"""Totals: only what is missing is filled, the sums agree whatever the lines, and they explain themselves."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import MalformedDocument
from formats.model import AllowanceCharge, Invoice, Line, LineVat, Price, Totals, VatBreakdown
from formats.model.sums import EXPLAINED, explain
from formats.model.totals import COMPLETIONS, complete
from formats.phrases import LANGUAGES
from tests.strategies import amounts, sample_invoice

ALL = tuple(COMPLETIONS)
RATES = st.sampled_from([Decimal(21), Decimal("21.00"), Decimal(9), Decimal("5.5"), Decimal(0)])
LINES = st.lists(
    st.builds(
        lambda amount, rate: Line(net_amount=amount, vat=LineVat(category="S", rate=rate)),
        amounts(-(10**6), 10**6),
        RATES,
    ),
    min_size=1,
    max_size=30,
)
CHANGES = st.lists(
    st.builds(
        lambda amount, rate: AllowanceCharge(amount=amount, vat_category="S", vat_rate=rate),
        amounts(0, 10**4),
        RATES,
    ),
    max_size=4,
)


def test_the_tax_that_is_said_stays_and_its_base_is_filled() -> None:
    """Rows of one category and rate become one; rates without a row are added behind."""
    lines = tuple(
        Line(net_amount=Decimal(amount), vat=LineVat(category=category, rate=Decimal(rate)))
        for amount, category, rate in (("100.00", "S", 21), ("50.00", "S", 9), ("10.00", "E", 0))
    )
    said = tuple(
        VatBreakdown(category="S", rate=Decimal(21), tax_amount=Decimal(tax)) for tax in ("20.00", "1.50")
    )
    reason = VatBreakdown(category="E", exemption_reason="Training")
    invoice, filled = complete(Invoice(lines=lines, vat_breakdown=(*said, reason)), ["vat_breakdown"])
    assert filled == ("vat_breakdown",)
    assert [
        (row.category, row.rate, row.taxable_amount, row.tax_amount) for row in invoice.vat_breakdown
    ] == [
        ("S", Decimal(21), Decimal("100.00"), Decimal("21.50")),
        ("S", Decimal(9), Decimal("50.00"), Decimal("4.50")),
        ("E", Decimal(0), Decimal("10.00"), Decimal("0.00")),
    ]
    assert invoice.vat_breakdown[2].exemption_reason == "Training"
    assert complete(invoice, ["vat_breakdown"]) == (invoice, ())


def test_said_tax_of_a_rate_that_no_line_has_gets_no_base() -> None:
    """The rules shall see that it belongs to nothing."""
    line = Line(net_amount=Decimal("100.00"), vat=LineVat(category="S", rate=Decimal(21)))
    said = VatBreakdown(category="S", rate=Decimal(9), tax_amount=Decimal("9.00"))
    invoice, _ = complete(Invoice(lines=(line,), vat_breakdown=(said,)), ["vat_breakdown"])
    assert [(row.rate, row.taxable_amount) for row in invoice.vat_breakdown] == [
        (Decimal(9), None),
        (Decimal(21), Decimal("100.00")),
    ]


@given(LINES, CHANGES, CHANGES, st.none() | amounts(0, 10**5), st.none() | amounts(-1, 1))
def test_completed_totals_agree_with_one_another(
    lines: list[Line],
    allowances: list[AllowanceCharge],
    charges: list[AllowanceCharge],
    paid: Decimal | None,
    rounding: Decimal | None,
) -> None:
    """BR-CO-10 to BR-CO-17, in the words of the standard."""
    said = Totals(paid=paid, rounding=rounding)
    invoice, _ = complete(
        Invoice(lines=tuple(lines), allowances=tuple(allowances), charges=tuple(charges), totals=said), ALL
    )
    totals = invoice.totals
    assert totals is not None
    assert totals.lines == sum(line.net_amount or 0 for line in lines)
    assert totals.allowances == (sum(part.amount or 0 for part in allowances) if allowances else None)
    assert totals.charges == (sum(part.amount or 0 for part in charges) if charges else None)
    assert totals.without_vat == totals.lines - (totals.allowances or 0) + (totals.charges or 0)
    assert sum(row.taxable_amount or 0 for row in invoice.vat_breakdown) == totals.without_vat
    for row in invoice.vat_breakdown:
        assert row.taxable_amount is not None
        assert row.rate is not None
        exact = row.taxable_amount * row.rate / 100
        assert row.tax_amount == exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    assert totals.vat == sum(row.tax_amount or 0 for row in invoice.vat_breakdown)
    assert totals.with_vat == totals.without_vat + totals.vat
    assert totals.due == totals.with_vat - (paid or 0) + (rounding or 0)


@given(LINES)
def test_completing_twice_changes_nothing(lines: list[Line]) -> None:
    once, _ = complete(Invoice(lines=tuple(lines)), ALL)
    assert complete(once, ALL) == (once, ())


@given(LINES, st.permutations(ALL))
def test_the_order_of_names_does_not_matter(lines: list[Line], names: list[str]) -> None:
    invoice = Invoice(lines=tuple(lines))
    assert complete(invoice, names) == complete(invoice, ALL)


def test_rates_written_differently_are_one_rate() -> None:
    lines = tuple(
        Line(net_amount=Decimal(10), vat=LineVat(category="S", rate=Decimal(r))) for r in ("21", "21.0")
    )
    assert len(complete(Invoice(lines=lines), ALL)[0].vat_breakdown) == 1


def test_vat_is_rounded_once_for_each_rate() -> None:
    """Three times 0.05 at 10 % are 0.015, so 0.02; line by line they would make 0.03."""
    line = Line(net_amount=Decimal("0.05"), vat=LineVat(category="S", rate=Decimal(10)))
    invoice, _ = complete(Invoice(lines=(line,) * 3), ALL)
    assert invoice.totals is not None
    assert invoice.totals.vat == Decimal("0.02")


def test_what_is_said_stays_and_is_built_upon() -> None:
    """A wrong total of the ERP is for the rules to find, not for us to mend."""
    line = Line(net_amount=Decimal(100), vat=LineVat(category="S", rate=Decimal(21)))
    invoice, filled = complete(Invoice(lines=(line,), totals=Totals(without_vat=Decimal(90))), ALL)
    assert invoice.totals is not None
    assert invoice.totals.without_vat == Decimal(90)
    assert invoice.totals.with_vat == Decimal(111)
    assert filled == ("totals.lines", "vat_breakdown", "totals.vat", "totals.with_vat", "totals.due")


@pytest.mark.parametrize(
    "invoice",
    [
        Invoice(),
        Invoice(lines=(Line(vat=LineVat(category="S", rate=Decimal(21))),)),
        Invoice(lines=(Line(net_amount=Decimal(1)), Line())),
    ],
)
def test_missing_is_never_zero(invoice: Invoice) -> None:
    """Without an operand nothing is filled."""
    assert complete(invoice, ALL) == (invoice, ())


def test_a_missing_total_of_given_allowances_is_not_taken_as_none() -> None:
    line = Line(net_amount=Decimal(100), vat=LineVat(category="S", rate=Decimal(21)))
    invoice = Invoice(lines=(line,), allowances=(AllowanceCharge(amount=Decimal(10)),))
    assert complete(invoice, ["line_total", "without_vat"])[1] == ("totals.lines",)


def test_rows_that_only_bring_reasons_keep_them() -> None:
    """An ERP may know why no VAT is due and leave the arithmetic to us."""
    line = Line(net_amount=Decimal(100), vat=LineVat(category="AE", rate=Decimal(0)))
    reason = VatBreakdown(category="AE", exemption_reason_code="VATEX-EU-AE")
    invoice, _ = complete(Invoice(lines=(line,), vat_breakdown=(reason,)), ["vat_breakdown"])
    (row,) = invoice.vat_breakdown
    assert (row.taxable_amount, row.tax_amount) == (Decimal(100), Decimal(0))
    assert row.exemption_reason_code == "VATEX-EU-AE"


def test_only_the_named_values_are_filled() -> None:
    line = Line(net_amount=Decimal(100), vat=LineVat(category="S", rate=Decimal(21)))
    assert complete(Invoice(lines=(line,)), ["vat_breakdown"])[1] == ("vat_breakdown",)


def test_a_zero_is_a_value() -> None:
    line = Line(net_amount=Decimal("0.00"), vat=LineVat(category="Z", rate=Decimal(0)))
    invoice, _ = complete(Invoice(lines=(line,)), ALL)
    assert invoice.totals is not None
    assert invoice.totals.due == 0


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError, match="grand_total"):
        complete(Invoice(), ["grand_total"])


def test_numbers_beyond_measure_are_refused_in_words() -> None:
    line = Line(net_amount=Decimal("1E+40"), vat=LineVat(category="S", rate=Decimal(21)))
    with pytest.raises(MalformedDocument, match="more digits"):
        complete(Invoice(lines=(line,)), ALL)


SAMPLE = sample_invoice()


def _totals(**changes: Decimal) -> Invoice:
    assert SAMPLE.totals is not None
    return replace(SAMPLE, totals=replace(SAMPLE.totals, **changes))


@pytest.mark.parametrize(
    ("rule", "invoice", "told"),
    [
        (
            "BR-CO-10",
            _totals(lines=Decimal("2114.00")),
            "Invoice line net amount: 897.00 + 1,057.50 + 160.00 = 2,114.50 EUR, "
            "but Sum of invoice line net amount (BT-106) says 2,114.00 EUR: 0.50 EUR too little.",
        ),
        (
            "BR-CO-13",
            _totals(without_vat=Decimal("2114.50")),
            "Sum of invoice line net amount 2,114.50 - Sum of allowances on document level 25.00 "
            "+ Sum of charges on document level 12.50 = 2,102.00 EUR, "
            "but Invoice total amount without VAT (BT-109) says 2,114.50 EUR: 12.50 EUR too much.",
        ),
        (
            "BR-CO-15",
            _totals(with_vat=Decimal("2524.23")),
            "Invoice total amount without VAT 2,102.00 + Invoice total VAT amount 422.22 = 2,524.22 EUR, "
            "but Invoice total amount with VAT (BT-112) says 2,524.23 EUR: 0.01 EUR too much.",
        ),
        (
            "BR-CO-16",
            _totals(paid=Decimal("100.00")),
            "Invoice total amount with VAT 2,524.22 - Paid amount 100.00 = 2,424.22 EUR, "
            "but Amount due for payment (BT-115) says 2,524.22 EUR: 100.00 EUR too much.",
        ),
        (
            "BR-CO-14",
            _totals(vat=Decimal("422.23")),
            "VAT category tax amount: 407.82 + 14.40 = 422.22 EUR, "
            "but Invoice total VAT amount (BT-110) says 422.23 EUR: 0.01 EUR too much.",
        ),
        (
            "BR-CO-11",
            _totals(allowances=Decimal("20.00")),
            "Document level allowance amount: 25.00 = 25.00 EUR, "
            "but Sum of allowances on document level (BT-107) says 20.00 EUR: 5.00 EUR too little.",
        ),
        (
            "BR-CO-17",
            replace(
                SAMPLE,
                vat_breakdown=(
                    VatBreakdown(
                        taxable_amount=Decimal(100), tax_amount=Decimal(20), category="S", rate=Decimal(21)
                    ),
                ),
            ),
            "VAT category S at 21 %: VAT category taxable amount 100 × 21 % = 21.00 EUR, "
            "but VAT category tax amount (BT-117) says 20 EUR: 1.00 EUR too little.",
        ),
        (
            "BR-S-08",
            replace(SAMPLE, vat_breakdown=SAMPLE.vat_breakdown[:1]),
            "VAT category S at 9 %: lines 160.00 = 160.00 EUR, "
            "but VAT category taxable amount (BT-116) is missing.",
        ),
    ],
)
def test_sums_are_shown_with_the_numbers_of_the_invoice(rule: str, invoice: Invoice, told: str) -> None:
    assert explain(rule, invoice) == told


def test_a_line_amount_is_shown_from_quantity_and_price() -> None:
    line = replace(
        SAMPLE.lines[1],
        net_amount=Decimal("1062.50"),
        price=Price(net=Decimal(850), base_quantity=Decimal(10)),
    )
    invoice = replace(SAMPLE, lines=(SAMPLE.lines[0], line))
    assert explain("PEPPOL-EN16931-R120", invoice, line=1) == (
        "Invoiced quantity 12.5 × Item net price 850 ÷ Item price base quantity 10 - allowances 5.00 "
        "= 1,057.50 EUR, but Invoice line net amount (BT-131) says 1,062.50 EUR: 5.00 EUR too much."
    )


@pytest.mark.parametrize("rule", [*EXPLAINED, "PEPPOL-EN16931-R120", "BR-01"])
def test_nothing_is_told_where_nothing_is_said(rule: str) -> None:
    """An empty invoice has no sums to show; the publisher's text has to do."""
    told = explain(rule, Invoice(lines=(Line(),)))
    assert told is None or "nothing = 0, but" in told


def test_sums_are_told_in_four_languages() -> None:
    """Names, sentences and the way to write numbers; the numbers stay."""
    wrong = _totals(with_vat=Decimal("2524.23"))
    told = {language: explain("BR-CO-15", wrong, language=language) or "" for language in LANGUAGES}
    assert told["de"] == (
        "Rechnungsgesamtbetrag ohne Umsatzsteuer 2.102,00 + Gesamtbetrag der Umsatzsteuer 422,22 "
        "= 2.524,22 EUR, aber Rechnungsgesamtbetrag mit Umsatzsteuer (BT-112) sagt 2.524,23 EUR: "
        "0,01 EUR zu viel."
    )
    assert "Totaalbedrag inclusief btw (BT-112) zegt 2.524,23 EUR" in told["nl"]
    assert "indique 2\u00a0524,23 EUR : 0,01 EUR de trop" in told["fr"]


def test_a_sum_that_comes_out_is_not_told() -> None:
    """The rule was broken by something else, and the publisher's text has to say what."""
    assert explain("BR-CO-15", SAMPLE) is None


def test_negative_parts_are_subtracted() -> None:
    lines = (
        replace(SAMPLE.lines[0], net_amount=Decimal(100)),
        replace(SAMPLE.lines[1], net_amount=Decimal(-30)),
    )
    told = explain("BR-CO-10", replace(_totals(lines=Decimal(60)), lines=lines))
    assert told is not None
    assert told.startswith("Invoice line net amount: 100 - 30 = 70 EUR")


def test_pint_shows_the_same_sums() -> None:
    """Its rules have names of their own."""
    wrong = _totals(with_vat=Decimal("2524.23"))
    assert explain("ibr-co-15", wrong) == explain("BR-CO-15", wrong)
    short = replace(SAMPLE, vat_breakdown=SAMPLE.vat_breakdown[:1])
    assert explain("aligned-ibrp-s-08", short) == explain("BR-S-08", short)


def _billed(currency: str, *amounts: str, rate: str = "10") -> Invoice:
    vat = LineVat(category="S", rate=Decimal(rate))
    return Invoice(currency=currency, lines=tuple(Line(net_amount=Decimal(one), vat=vat) for one in amounts))


def test_sums_have_the_decimals_of_the_currency() -> None:
    """VAT of a yen is rounded to yen; what a dinar has beyond its second decimal must be zero."""
    yen = complete(_billed("JPY", "1005", "50"), ALL)[0]
    assert yen.totals == Totals(
        lines=Decimal(1055),
        without_vat=Decimal(1055),
        vat=Decimal(106),
        with_vat=Decimal(1161),
        due=Decimal(1161),
    )
    assert {str(row.tax_amount) for row in yen.vat_breakdown} == {"106"}
    dinar = complete(_billed("BHD", "12.500", "1.250"), ("line_total",))[0]
    assert dinar.totals is not None
    assert str(dinar.totals.lines) == "13.75"


def test_a_sum_that_needs_a_third_decimal_is_named() -> None:
    with pytest.raises(
        MalformedDocument, match=r"BT-116, BT-117\): 1.005 BHD needs a third decimal"
    ) as caught:
        complete(_billed("BHD", "10.050"), ALL)
    assert "another currency" in caught.value.fix


def test_the_explained_vat_has_the_decimals_of_the_currency() -> None:
    """So that nobody is told that 106 yen of VAT are half a yen too much."""
    invoice = complete(_billed("JPY", "1055"), ALL)[0]
    assert explain("BR-CO-17", invoice) is None
    assert explain("BR-S-09", invoice) is None
