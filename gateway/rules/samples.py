"""Invented documents for comparing engines where the operator has given none: one for each kind of VAT."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from formats.identifiers import Identifier
from formats.model import Invoice, Item, Line, LineVat, Price
from formats.model.party import Address, Buyer, Contact, Seller
from formats.model.payment import CreditTransfer, PaymentInstructions
from formats.model.totals import calculate
from formats.model.vat import AllowanceCharge
from formats.profiles.profile import Profile
from formats.registry import PROFILES, SYNTAXES

__all__ = ["samples"]

_VAT: Final = (
    ("S", Decimal(21)),
    ("Z", Decimal(0)),
    ("E", Decimal(0)),
    ("AE", Decimal(0)),
    ("K", Decimal(0)),
    ("G", Decimal(0)),
    ("O", None),
)


def samples(pack_key: str, syntax: str) -> Iterator[tuple[str, bytes]]:
    """Invoices and a credit note in the syntax, under a profile that uses the pack, if there is one."""
    profile = next(
        (known for known in PROFILES.values() if pack_key in known.rule_packs and known.syntax == syntax),
        next(known for known in PROFILES.values() if known.syntax == syntax),
    )
    for category, rate in _VAT:
        invoice = _invoice(category, rate)
        yield f"sample {category}", _written(invoice, profile)
        if category == "S":
            yield "sample credit note", _written(replace(invoice, type_code="381"), profile)


def _written(invoice: Invoice, profile: Profile) -> bytes:
    return SYNTAXES[profile.syntax].write(profile.prepare(invoice))


def _invoice(category: str, rate: Decimal | None) -> Invoice:
    vat = LineVat(category=category, rate=rate)
    return calculate(
        Invoice(
            number=f"2026-{category}",
            issue_date=date(2026, 11, 2),
            due_date=date(2026, 12, 2),
            type_code="380",
            currency="EUR",
            buyer_reference="4711",
            purchase_order_reference="PO-1",
            payment_terms="30 days",
            seller=Seller(
                name="Tulip Instruments B.V.",
                legal_registration=Identifier("64218703", "0106"),
                vat_identifier="NL123456789B13",
                electronic_address=Identifier("64218703", "0106"),
                address=Address(
                    line_1="Keizersgracht 1", city="Amsterdam", post_code="1015 CJ", country="NL"
                ),
                contact=Contact(name="Billing", telephone="+31 20 555 0100", email="billing@tulip.example"),
            ),
            buyer=Buyer(
                name="Beispiel GmbH",
                vat_identifier="DE136695976",
                electronic_address=Identifier("DE136695976", "9930"),
                address=Address(line_1="Hauptstr. 12", city="Bonn", post_code="53111", country="DE"),
            ),
            payment=PaymentInstructions(
                means_code="30",
                remittance_information=f"2026-{category}",
                credit_transfers=(CreditTransfer(account="NL91ABNA0417164300", service_provider="ABNANL2A"),),
            ),
            allowances=(
                AllowanceCharge(
                    amount=Decimal("10.00"), vat_category=category, vat_rate=rate, reason="Discount"
                ),
            ),
            lines=tuple(
                Line(
                    identifier=str(number),
                    quantity=Decimal(number),
                    unit="C62",
                    net_amount=Decimal("12.50") * number,
                    item=Item(name=f"Part {number}", standard_identifier=Identifier("8711253001202", "0160")),
                    price=Price(net=Decimal("12.50")),
                    vat=vat,
                )
                for number in range(1, 4)
            ),
        )
    )
