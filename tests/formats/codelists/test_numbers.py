"""National numbers and payment references: what is wrong is told, what is right or unknown is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.codelists.leitweg import is_leitweg, looks_like_leitweg
from formats.codelists.numbers import check_numbers, dutch_check_digit, is_dutch_reference
from formats.finding import Severity
from formats.identifiers import Identifier
from formats.model import Invoice
from formats.model.party import Address, Buyer, Payee, Seller, TaxRepresentative
from formats.model.payment import CreditTransfer, PaymentInstructions

TODAY: Final = date(2026, 11, 22)
FATAL, WARNING = Severity.FATAL, Severity.WARNING


def found(invoice: Invoice) -> list[tuple[str, Severity, tuple[str, ...]]]:
    return [(one.rule, one.severity, one.terms) for one in check_numbers(invoice, on=TODAY)]


# -- Leitweg-ID --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["04011000-1234512345-06", "01062-80412-93", "90000000-03083-72"])
def test_a_leitweg_id_is_told_by_its_check_digits(text: str) -> None:
    assert is_leitweg(text)
    wrong = text[:-1] + str((int(text[-1]) + 1) % 10)
    assert looks_like_leitweg(wrong)
    assert not is_leitweg(wrong)


@pytest.mark.parametrize("text", ["", "4711", "KST-4410", "04011000-1234512345-06 ", "0-1-0", "04011000--06"])
def test_other_references_are_none(text: str) -> None:
    assert not looks_like_leitweg(text)
    assert not is_leitweg(text)


def german(reference: str, address: Identifier | None = None, country: str = "DE") -> Invoice:
    buyer = Buyer(address=Address(country=country), electronic_address=address)
    return Invoice(buyer_reference=reference, buyer=buyer)


PUBLIC: Final = Identifier("04011000-1234512345-06", "0204")


@pytest.mark.parametrize(
    ("invoice", "severity"),
    [
        (german("04011000-1234512345-07", PUBLIC), FATAL),
        (german("04011000-07", PUBLIC), FATAL),
        (german("04011000-1234512345-07"), WARNING),
        (german("4711-22"), None),
        (german("Frau Petersen", PUBLIC), None),
        (german("04011000-1234512345-06", PUBLIC), None),
        (german("04011000-1234512345-07", country="AT"), None),
    ],
)
def test_a_wrong_leitweg_id_stops_what_goes_to_a_public_buyer(
    invoice: Invoice, severity: Severity | None
) -> None:
    """Elsewhere it may be an order number that looks alike."""
    assert found(invoice) == ([("LEITWEG-ID", severity, ("BT-10",))] if severity else [])


# -- payment references ------------------------------------------------------------------------------------


def paid_by(reference: str, account: str = "BE80979012345677") -> Invoice:
    transfers = (CreditTransfer(account=account),)
    return Invoice(payment=PaymentInstructions(remittance_information=reference, credit_transfers=transfers))


DUTCH: Final = "NL60INGB0004671236"


@pytest.mark.parametrize(
    ("invoice", "rule", "severity"),
    [
        (paid_by("+++202/6004/17090+++"), "", FATAL),
        (paid_by("+++202/6004/17091+++"), "OGM-VCS", FATAL),
        (paid_by("***202/6004/17091***"), "OGM-VCS", FATAL),
        (paid_by("+++202600417091+++"), "OGM-VCS", FATAL),
        (paid_by("RF67 BW20 2601 02"), "", FATAL),
        (paid_by("RF68 BW20 2601 02"), "RF-REFERENCE", FATAL),
        (paid_by("RFQ-2026-11"), "", FATAL),
        (paid_by("5000 0567 8901 2345", DUTCH), "", WARNING),
        (paid_by("5000 0567 8901 2346", DUTCH), "BETALINGSKENMERK", WARNING),
        (paid_by("5000 0567 8901 2346"), "", WARNING),
        (paid_by("26700001", DUTCH), "", WARNING),
        (paid_by("2026-00417"), "", WARNING),
        (Invoice(payment=PaymentInstructions()), "", WARNING),
    ],
)
def test_a_reference_that_says_what_it_is_must_be_right(
    invoice: Invoice, rule: str, severity: Severity
) -> None:
    assert found(invoice) == ([(rule, severity, ("BT-83",))] if rule else [])


@pytest.mark.parametrize(
    ("digits", "right"),
    [
        ("1234567", True),
        ("12234534622567", True),  # length code 2: twelve digits follow
        ("5000056789012345", True),
        ("12334534622567", False),
        ("5000056789012346", False),
        ("12345678", False),
        ("500005678901234", False),
        ("", False),
    ],
)
def test_a_betalingskenmerk_has_length_code_and_check_digit(digits: str, right: bool) -> None:
    assert is_dutch_reference(digits) is right


@given(st.text("0123456789", min_size=15, max_size=15), st.integers(0, 14), st.integers(1, 9))
def test_a_changed_digit_of_a_betalingskenmerk_is_noticed(digits: str, place: int, more: int) -> None:
    """Modulo 11 with two remainders in one digit: all but the changes between those two."""
    reference = dutch_check_digit(digits) + digits
    assert is_dutch_reference(reference)
    changed = digits[:place] + str((int(digits[place]) + more) % 10) + digits[place + 1 :]
    if dutch_check_digit(changed) not in "01":
        assert not is_dutch_reference(reference[0] + changed) or dutch_check_digit(changed) == reference[0]


# -- identifiers and VAT numbers ---------------------------------------------------------------------------


def test_numbers_with_a_scheme_are_judged_wherever_they_stand() -> None:
    wrong_kvk, wrong_cbe = Identifier("1234567", "0106"), Identifier("0123456748", "0208")
    invoice = Invoice(
        seller=Seller(
            identifiers=(wrong_cbe, Identifier("any")),
            legal_registration=wrong_kvk,
            electronic_address=Identifier("billing@example.com", "EM"),
            vat_identifier="BE0123456748",
        ),
        buyer=Buyer(
            identifier=Identifier("0123456749", "0208"),
            legal_registration=Identifier("00000001004321765000", "0190"),
            electronic_address=wrong_cbe,
            vat_identifier="ATU55234106",
        ),
        payee=Payee(identifier=wrong_cbe, legal_registration=Identifier("0106")),
        tax_representative=TaxRepresentative(vat_identifier="NL123456789B99"),
    )
    assert found(invoice) == [
        ("PARTICIPANT-CHECK-DIGIT", WARNING, ("BT-29",)),
        ("PARTICIPANT-FORMAT", WARNING, ("BT-30",)),
        ("PARTICIPANT-CHECK-DIGIT", WARNING, ("BT-49",)),
        ("PARTICIPANT-CHECK-DIGIT", WARNING, ("BT-60",)),
        ("VAT-NUMBER", WARNING, ("BT-31",)),
        ("VAT-NUMBER", WARNING, ("BT-63",)),
    ]


def test_a_number_of_no_known_country_or_scheme_is_left_alone() -> None:
    seller = Seller(vat_identifier="CHE123", legal_registration=Identifier("HRB 1", "9999"))
    assert found(Invoice(seller=seller)) == []


def test_an_empty_invoice_has_no_wrong_numbers() -> None:
    assert found(Invoice()) == []
    assert found(replace(german("x"), buyer=Buyer())) == []
