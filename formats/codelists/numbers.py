"""National numbers and payment references of an invoice: whether they can be what they say they are.

The official rules check some of them, and not all: a wrong check digit in a Leitweg-ID or in a structured
payment reference passes every rule set and fails at the receiving portal or at the buyer's bank. The ids of
the findings are ours.

Sources: KoSIT, format of the Leitweg-ID 2.0.2; Febelfin, structured communication (OGM-VCS); ISO 11649 (RF);
Betaalvereniging Nederland, specification of the betalingskenmerk; python-stdnum for VAT numbers;
participant_schemes.csv for identifiers with a scheme.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from stdnum import iso11649
from stdnum.be import ogm_vcs
from stdnum.eu import vat

from formats.codelists.leitweg import is_leitweg, looks_like_leitweg
from formats.codelists.participants import check_participant
from formats.errors import MalformedDocument
from formats.finding import Finding, Severity
from formats.identifiers import Identifier, ParticipantId
from formats.model.invoice import Invoice

__all__ = ["check_numbers", "dutch_check_digit", "is_dutch_reference"]

_BELGIAN: Final = re.compile(r"(\+{3}|\*{3})[0-9]{3}/?[0-9]{4}/?[0-9]{5}(\+{3}|\*{3})")
_CREDITOR: Final = re.compile(r"RF[0-9]{2}[0-9A-Z]{1,21}", re.IGNORECASE)
_DUTCH_WEIGHTS: Final = (2, 4, 8, 5, 10, 9, 7, 3, 6, 1)
# Digits -> the length code behind the check digit; with 16 there is none, with 7 neither of the two.
_DUTCH_LENGTHS: Final = {9: "7", 10: "8", 11: "9", 12: "0", 13: "1", 14: "2"}
_EU: Final = re.compile(
    "(AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK).*", re.IGNORECASE
)


def check_numbers(invoice: Invoice, *, on: date) -> tuple[Finding, ...]:
    """What is wrong with the numbers of an invoice on a day, in the order of the terms.

    Fatal where the receiving side cannot take it: LEITWEG-ID of a public buyer, OGM-VCS, RF-REFERENCE. A
    warning otherwise: VAT-NUMBER, BETALINGSKENMERK, LEITWEG-ID of others, and those of `check_participant`
    for identifiers with a scheme. What has no check digit and no known shape is not judged.
    """
    return (*_leitweg(invoice), *_identifiers(invoice, on), *_vat(invoice), *_payment(invoice))


def _leitweg(invoice: Invoice) -> Iterator[Finding]:
    """BT-10 of a German buyer."""
    buyer, reference = invoice.buyer, invoice.buyer_reference
    if buyer is None or reference is None or buyer.address is None or buyer.address.country != "DE":
        return
    if not looks_like_leitweg(reference) or is_leitweg(reference):
        return
    address = buyer.electronic_address
    is_public = address is not None and address.scheme == "0204"
    if not is_public and reference.count("-") != 2:
        return  # 4711-22 is an order number as well as anything
    yield Finding(
        "LEITWEG-ID",
        Severity.FATAL if is_public else Severity.WARNING,
        f"the check digits of the Leitweg-ID {reference[:60]} (BT-10) are wrong",
        terms=("BT-10",),
    )


def _identifiers(invoice: Invoice, on: date) -> Iterator[Finding]:
    """Addresses and identifiers whose scheme says how they look."""
    for term, identifier in _schemed(invoice):
        try:
            participant = ParticipantId.of_address(identifier)
        except MalformedDocument:
            continue  # EM and others that are no ICD: the rules know which may stand where
        for finding in check_participant(participant, on=on):
            # The rules decide which scheme may stand in which term; only the number is judged here.
            if finding.rule != "PARTICIPANT-SCHEME":
                yield Finding(finding.rule, Severity.WARNING, f"{finding.text} ({term})", terms=(term,))


def _schemed(invoice: Invoice) -> Iterator[tuple[str, Identifier]]:
    seller, buyer, payee = invoice.seller, invoice.buyer, invoice.payee
    if seller is not None:
        yield from (("BT-29", one) for one in seller.identifiers)
        yield from _present("BT-30", seller.legal_registration)
        yield from _present("BT-34", seller.electronic_address)
    if buyer is not None:
        yield from _present("BT-46", buyer.identifier)
        yield from _present("BT-47", buyer.legal_registration)
        yield from _present("BT-49", buyer.electronic_address)
    if payee is not None:
        yield from _present("BT-60", payee.identifier)
        yield from _present("BT-61", payee.legal_registration)


def _present(term: str, identifier: Identifier | None) -> Iterator[tuple[str, Identifier]]:
    if identifier is not None and identifier.scheme and identifier.value:
        yield term, identifier


def _vat(invoice: Invoice) -> Iterator[Finding]:
    """VAT numbers of member states."""
    numbers = (
        ("BT-31", invoice.seller.vat_identifier if invoice.seller else None),
        ("BT-48", invoice.buyer.vat_identifier if invoice.buyer else None),
        ("BT-63", invoice.tax_representative.vat_identifier if invoice.tax_representative else None),
    )
    for term, number in numbers:
        if number and _EU.fullmatch(number) and not vat.is_valid(number):
            text = f"the VAT number {number[:30]} ({term}) cannot be one of {number[:2].upper()}"
            yield Finding("VAT-NUMBER", Severity.WARNING, text, terms=(term,))


def _payment(invoice: Invoice) -> Iterator[Finding]:
    """BT-83, where it says itself which kind of reference it is, or is to be paid to a Dutch account."""
    payment = invoice.payment
    said = payment.remittance_information if payment is not None else None
    if payment is None or not said:
        return
    reference = said.replace(" ", "")
    if _BELGIAN.fullmatch(reference):
        if not ogm_vcs.is_valid(reference.replace("*", "+")):
            yield _reference("OGM-VCS", Severity.FATAL, "structured communication", said)
    elif _CREDITOR.fullmatch(reference):
        if not iso11649.is_valid(reference):
            yield _reference("RF-REFERENCE", Severity.FATAL, "creditor reference (ISO 11649)", said)
    elif (
        any((transfer.account or "").upper().startswith("NL") for transfer in payment.credit_transfers)
        and re.fullmatch("[0-9]{16}", reference)
        and not is_dutch_reference(reference)
    ):
        yield _reference("BETALINGSKENMERK", Severity.WARNING, "betalingskenmerk of 16 digits", said)


def _reference(rule: str, severity: Severity, kind: str, said: str) -> Finding:
    return Finding(
        rule, severity, f"the check digits of the {kind} {said[:60]} (BT-83) are wrong", terms=("BT-83",)
    )


def is_dutch_reference(digits: str) -> bool:
    """Whether these digits, without blanks, are a betalingskenmerk: 7, 9 to 14 or 16 of them, with length
    code and check digit where the length asks for them."""
    if not re.fullmatch("[0-9]+", digits):
        return False
    if len(digits) == 7:
        return True
    has_length_code = _DUTCH_LENGTHS.get(len(digits)) == digits[1:2]
    return (has_length_code or len(digits) == 16) and digits[0] == dutch_check_digit(digits[1:])


def dutch_check_digit(digits: str) -> str:
    """The check digit of a betalingskenmerk, of all that stands behind it."""
    total = sum(int(d) * _DUTCH_WEIGHTS[place % 10] for place, d in enumerate(reversed(digits)))
    return {10: "1", 11: "0"}.get(11 - total % 11, str(11 - total % 11))
