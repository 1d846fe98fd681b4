"""The code for banking apps: only where EPC069-12 allows one, and with what it says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from formats.model import DirectDebit, Invoice, PaymentInstructions
from formats.render.payment_code import payment_code, payment_text
from formats.syntaxes import xml
from tests.strategies import sample_credit_note, sample_invoice


def _paid(**changes: object) -> Invoice:
    invoice = sample_invoice()
    assert invoice.payment is not None
    return replace(invoice, payment=replace(invoice.payment, **changes))  # type: ignore[arg-type]


def _due(amount: str) -> Invoice:
    invoice = sample_invoice()
    assert invoice.totals is not None
    return replace(invoice, totals=replace(invoice.totals, due=Decimal(amount)))


def _account(**changes: object) -> Invoice:
    invoice = sample_invoice()
    assert invoice.payment is not None
    (transfer,) = invoice.payment.credit_transfers
    return _paid(credit_transfers=(replace(transfer, **changes),))  # type: ignore[arg-type]


def _said(invoice: Invoice) -> list[str]:
    return payment_text(invoice).split("\n")


def test_the_code_says_whom_how_much_and_what_for() -> None:
    """Version 002, SEPA credit transfer, BIC, name, IBAN, amount, purpose, reference, text."""
    assert _said(sample_invoice()) == [
        *("BCD", "002", "1", "SCT", "ABNANL2A", "Tulip Instruments B.V.", "NL91ABNA0417164300"),
        *("EUR2524.22", "", "", "2026-00417"),
    ]


def test_a_creditor_reference_has_a_place_of_its_own() -> None:
    """ISO 11649; it is not repeated as text."""
    assert _said(_paid(remittance_information="RF18 5390 0754 7034"))[9:] == ["RF18539007547034"]


def test_the_invoice_number_stands_in_for_a_missing_reference() -> None:
    assert _said(_paid(remittance_information=None))[-1] == "2026-00417"


def test_line_breaks_do_not_become_fields() -> None:
    lines = _said(_paid(remittance_information="a\nEUR1.00\nb"))
    assert lines[7:] == ["EUR2524.22", "", "", "a EUR1.00 b"]


def test_a_long_name_is_cut_and_a_false_bic_left_out() -> None:
    lines = _said(_account(account_name="N" * 90, service_provider="Our bank"))
    assert (lines[4], lines[5]) == ("", "N" * 70)


@pytest.mark.parametrize("amount", ["0.01", "999999999.99", "100.00"])
def test_amounts_within_the_bounds_have_a_code(amount: str) -> None:
    assert payment_code(_due(amount))


@pytest.mark.parametrize(
    "invoice",
    [
        _due("0.00"),
        _due("-5.00"),
        _due("1000000000.00"),
        _due("1.005"),
        replace(sample_invoice(), currency="USD"),
        replace(sample_invoice(), currency=None),
        replace(sample_invoice(), totals=None),
        replace(sample_invoice(), payment=None),
        sample_credit_note(),
        _paid(means_code="59"),
        _paid(means_code="48"),
        _paid(direct_debit=DirectDebit(mandate="M-1")),
        _paid(credit_transfers=()),
        _account(account="NL91ABNA0417164301"),
        _account(account="12-34-56 12345678"),
        _account(account=None),
        _paid(remittance_information="x" * 141),
        replace(_paid(remittance_information=None), number=None),
        _paid(remittance_information="漢" * 120),
    ],
)
def test_where_the_rules_do_not_allow_a_code_there_is_none(invoice: Invoice) -> None:
    assert payment_code(invoice) == ""


def test_the_code_is_a_picture_in_itself() -> None:
    """Error correction M, as the standard has it, and at most 69 modules each way (version 13)."""
    root = xml.parse(payment_code(sample_invoice()).encode())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    longest = payment_code(_paid(remittance_information="x" * 140))
    width = int(str(xml.parse(longest.encode()).get("viewBox")).split()[2])
    assert 40 < width <= 69


def test_no_payment_no_code() -> None:
    assert payment_code(replace(sample_invoice(), payment=PaymentInstructions())) == ""
