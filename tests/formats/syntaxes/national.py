"""Spanish and Polish invoices for tests, made of the sample invoice; all of it is invented."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from formats.model import Address, Invoice, LineVat, PrecedingInvoice, Totals

__all__ = ["at_rates", "polish", "spanish"]

_RATES = {Decimal("21"): Decimal("23"), Decimal("9"): Decimal("8"), Decimal("19"): Decimal("23")}


def spanish(sample: Invoice, **changes: object) -> Invoice:
    """From a Spanish company to a public body in Madrid."""
    assert sample.seller is not None
    assert sample.buyer is not None
    home = Address(line_1="Calle Mayor 1", city="Madrid", post_code="28013", country="ES")
    invoice = replace(
        sample,
        seller=replace(sample.seller, name="Ejemplo S.A.", vat_identifier="ESA58818501", address=home),
        buyer=replace(sample.buyer, name="Ayuntamiento", vat_identifier="ESP2807900B", address=home),
    )
    return replace(invoice, **changes)  # type: ignore[arg-type]


def at_rates(invoice: Invoice) -> Invoice:
    """The same with Polish rates; the amounts stay."""

    def rate(given: Decimal | None) -> Decimal | None:
        return None if given is None else _RATES.get(given, given)

    return replace(
        invoice,
        lines=tuple(
            replace(line, vat=LineVat(category=line.vat.category, rate=rate(line.vat.rate)))
            for line in invoice.lines
            if line.vat is not None
        ),
        vat_breakdown=tuple(replace(row, rate=rate(row.rate)) for row in invoice.vat_breakdown),
        allowances=tuple(replace(one, vat_rate=rate(one.vat_rate)) for one in invoice.allowances),
        charges=tuple(replace(one, vat_rate=rate(one.vat_rate)) for one in invoice.charges),
    )


def polish(sample: Invoice, **changes: object) -> Invoice:
    """From a Polish company, in zloty; a credit note names the invoice that it corrects."""
    assert sample.seller is not None
    home = Address(line_1="ul. Prosta 1", city="Warszawa", post_code="00-838", country="PL")
    invoice = replace(
        at_rates(sample),
        currency="PLN",
        seller=replace(
            sample.seller, name="Przykład Sp. z o.o.", vat_identifier="PL5261040828", address=home
        ),
        totals=sample.totals or Totals(),
        preceding_invoices=(PrecedingInvoice(number="FV/1", issue_date=date(2026, 11, 2)),)
        if sample.is_credit_note
        else (),
    )
    return replace(invoice, **changes)  # type: ignore[arg-type]
