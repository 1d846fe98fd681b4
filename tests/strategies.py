"""Hypothesis strategies and sample values for invoices, shared by all tests. All of it is invented."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from formats.identifiers import Identifier
from formats.model import (
    Address,
    AllowanceCharge,
    Buyer,
    Contact,
    CreditTransfer,
    Delivery,
    Invoice,
    Item,
    Line,
    LineVat,
    Note,
    PaymentInstructions,
    PrecedingInvoice,
    Price,
    Seller,
    Totals,
)
from formats.model.line import Classification
from formats.model.terms import TermField, fields_of
from formats.model.totals import COMPLETIONS, complete
from formats.profiles import peppol_bis3

__all__ = ["amounts", "every_term", "invoices", "sample_credit_note", "sample_invoice"]

_PRINTABLE = st.characters(exclude_categories=("Cs", "Cc", "Cn"))
_MULTILINE = {"BT-20", "BT-22", "BT-127", "BT-154"}

words = st.text(_PRINTABLE, min_size=1, max_size=20).map(lambda text: text.strip(" \t\r\n")).filter(bool)
paragraphs = st.text(st.one_of(_PRINTABLE, st.just("\n")), min_size=1, max_size=60).filter(
    lambda text: bool(text.strip(" \t\r\n"))
)
identifiers = st.builds(Identifier, words, st.sampled_from([None, "0088", "0106", "0208"]))
currencies = st.sampled_from(["EUR", "SEK", "USD"])
quantities = st.decimals(min_value=-(10**9), max_value=10**9, places=4)


def amounts(low: int = -(10**9), high: int = 10**9) -> st.SearchStrategy[Decimal]:
    """Amounts with two decimals."""
    return st.decimals(min_value=low, max_value=high, places=2)


def _value(entry: TermField) -> st.SearchStrategy[Any]:
    if entry.name == "BT-3":
        return st.sampled_from(["380", "381", "384", "389", "261"])
    if entry.name in ("BT-5", "BT-6"):
        return currencies
    if entry.name == "BT-21":
        return st.sampled_from(["AAI", "ADU", "SUR"])
    if entry.name in _MULTILINE:
        return paragraphs.filter(lambda text: not text.lstrip().startswith("#"))
    kinds: dict[type, st.SearchStrategy[Any]] = {
        str: words.filter(lambda text: text != "NA"),  # the filler of BT-13
        date: st.dates(),
        Decimal: quantities,
        bytes: st.binary(min_size=1, max_size=50),
        Identifier: identifiers,
        Classification: st.builds(Classification, code=words, scheme=words, scheme_version=st.none() | words),
    }
    return kinds[entry.value]


def _core(owner: type, within: str) -> tuple[TermField, ...]:
    """The terms of EN 16931; what single countries add has tests with their vocabularies."""
    return tuple(entry for entry in fields_of(owner, within) if not entry.is_national)


def _group(owner: type, within: str) -> st.SearchStrategy[Any]:
    """Values of a model class; None where not one field is set, because then nothing was said."""
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for entry in _core(owner, within):
        inner = _group(entry.value, entry.name) if entry.is_group else _value(entry)
        if entry.repeated:
            kept = inner.filter(lambda value: value is not None)
            fields[entry.attribute] = st.lists(kept, max_size=2).map(tuple)
        else:
            fields[entry.attribute] = st.none() | inner
    return st.fixed_dictionaries(fields).map(
        lambda values: owner(**values) if any(value not in (None, ()) for value in values.values()) else None
    )


def _plausible(invoice: Invoice | None) -> Invoice:
    """Leave out the few combinations that UBL cannot carry; `losses` names them and has a test of its own."""
    invoice = invoice or Invoice()
    totals = invoice.totals
    if totals and (invoice.vat_currency is None or invoice.vat_currency == invoice.currency):
        totals = replace(totals, vat_in_vat_currency=None)
        invoice = replace(invoice, totals=None if totals == Totals() else totals)
    if invoice.is_credit_note and (invoice.payment is None or invoice.payment.means_code is None):
        invoice = replace(invoice, due_date=None)
    return invoice


def invoices() -> st.SearchStrategy[Invoice]:
    """Invoices and credit notes with any of the terms of EN 16931, each with any value."""
    return _group(Invoice, "").map(_plausible)


def every_term(type_code: str) -> Invoice:
    """An invoice in which every term of EN 16931 says something and every list holds two entries."""
    invoice: Invoice = _filled(Invoice, "", "")
    return replace(invoice, type_code=type_code, currency="EUR", vat_currency="SEK")


def _filled(owner: type, within: str, mark: str) -> Any:
    values: dict[str, Any] = {}
    for entry in _core(owner, within):
        marks = (f"{mark}1", f"{mark}2") if entry.repeated else (mark,)
        made = tuple(
            _filled(entry.value, entry.name, one) if entry.is_group else _filling(entry, one) for one in marks
        )
        values[entry.attribute] = made if entry.repeated else made[0]
    return owner(**values)


def _filling(entry: TermField, mark: str) -> Any:
    number = int("".join(filter(str.isdigit, entry.name + mark)))
    if entry.name == "BT-21":
        return "AAI"
    kinds: dict[type, Any] = {
        str: f"{entry.name} {mark}".strip(),
        date: date.fromordinal(date(2026, 1, 1).toordinal() + number % 300),
        Decimal: Decimal(number) / 100,
        bytes: f"{entry.name} {mark}".encode(),
        Identifier: Identifier(f"{entry.name} {mark}".strip(), "0088"),
        Classification: Classification(code=f"{mark}", scheme="STI", scheme_version="20"),
    }
    return kinds[entry.value]


def sample_invoice() -> Invoice:
    """A complete and correct invoice under Peppol BIS 3, with an allowance, a charge and two VAT rates."""
    invoice = Invoice(
        number="2026-00417",
        issue_date=date(2026, 11, 20),
        type_code="380",
        currency="EUR",
        due_date=date(2026, 12, 20),
        buyer_reference="Kostenstelle 4711",
        purchase_order_reference="PO-88213",
        payment_terms="30 days net",
        notes=(Note(text="Thank you for your order."),),
        seller=Seller(
            name="Tulip Instruments B.V.",
            trading_name="Tulip Instruments",
            legal_registration=Identifier("64218703", "0106"),
            vat_identifier="NL123456789B13",
            electronic_address=Identifier("64218703", "0106"),
            address=Address(line_1="Keizersgracht 1", city="Amsterdam", post_code="1015 CJ", country="NL"),
            contact=Contact(name="Billing desk", telephone="+31 20 555 0100", email="billing@tulip.example"),
        ),
        buyer=Buyer(
            name="Müller & Söhne GmbH",
            vat_identifier="DE136695976",
            electronic_address=Identifier("DE136695976", "9930"),
            address=Address(line_1="Hauptstraße 12", city="Köln", post_code="50667", country="DE"),
        ),
        delivery=Delivery(
            delivered_on=date(2026, 11, 18),
            address=Address(line_1="Lagerweg 3", city="Köln", post_code="50667", country="DE"),
        ),
        payment=PaymentInstructions(
            means_code="30",
            means_text="Credit transfer",
            remittance_information="2026-00417",
            credit_transfers=(
                CreditTransfer(
                    account="NL91ABNA0417164300",
                    account_name="Tulip Instruments B.V.",
                    service_provider="ABNANL2A",
                ),
            ),
        ),
        allowances=(
            AllowanceCharge(
                amount=Decimal("25.00"), vat_category="S", vat_rate=Decimal(21), reason="Loyalty discount"
            ),
        ),
        charges=(
            AllowanceCharge(
                amount=Decimal("12.50"), vat_category="S", vat_rate=Decimal(21), reason="Freight"
            ),
        ),
        lines=(
            Line(
                identifier="1",
                quantity=Decimal(3),
                unit="C62",
                net_amount=Decimal("897.00"),
                item=Item(name="Pressure gauge PG-200", seller_identifier="PG-200"),
                price=Price(net=Decimal("299.00")),
                vat=LineVat(category="S", rate=Decimal(21)),
            ),
            Line(
                identifier="2",
                quantity=Decimal("12.5"),
                unit="HUR",
                net_amount=Decimal("1057.50"),
                allowances=(AllowanceCharge(amount=Decimal("5.00"), reason="Rounded down"),),
                item=Item(name="Calibration on site", description="Per hour, travel included"),
                price=Price(net=Decimal("85.00")),
                vat=LineVat(category="S", rate=Decimal(21)),
            ),
            Line(
                identifier="3",
                quantity=Decimal(40),
                unit="C62",
                net_amount=Decimal("160.00"),
                item=Item(name="Handbook", standard_identifier=Identifier("8711253001202", "0160")),
                price=Price(net=Decimal("4.00")),
                vat=LineVat(category="S", rate=Decimal(9)),
            ),
        ),
    )
    return complete(peppol_bis3.PROFILE.prepare(invoice), tuple(COMPLETIONS))[0]


def sample_credit_note() -> Invoice:
    """A credit note for the whole of `sample_invoice`."""
    return replace(
        sample_invoice(),
        number="2026-00418",
        type_code="381",
        preceding_invoices=(PrecedingInvoice(number="2026-00417", issue_date=date(2026, 11, 20)),),
    )
