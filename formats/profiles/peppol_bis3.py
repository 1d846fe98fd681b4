"""Peppol BIS Billing 3.0: invoices and credit notes over the Peppol network.

Prepared are Belgian numbers, which people group by dots: enterprise number (0208), VAT number (9925, BT-31,
BT-48). Source: OpenPeppol, BIS Billing 3.0.21 (May 2026, mandatory from 17 August 2026).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from formats.identifiers import Identifier
from formats.model.invoice import Invoice
from formats.profiles.profile import Profile
from formats.profiles.shaping import compact_number, with_identifiers

__all__ = ["PROFILE"]

_GROUPED: Final = frozenset({"0208", "9925"})


def _shape(invoice: Invoice) -> Invoice:
    invoice = with_identifiers(invoice, _compact)
    seller, buyer = invoice.seller, invoice.buyer
    return replace(
        invoice,
        seller=seller and replace(seller, vat_identifier=_vat(seller.vat_identifier)),
        buyer=buyer and replace(buyer, vat_identifier=_vat(buyer.vat_identifier)),
    )


def _compact(identifier: Identifier) -> Identifier:
    if identifier.scheme not in _GROUPED:
        return identifier
    return replace(identifier, value=compact_number(identifier.value))


def _vat(number: str | None) -> str | None:
    return compact_number(number) if number and number.upper().startswith("BE") else number


PROFILE: Final = Profile(
    key="peppol-bis-3",
    title="Peppol BIS Billing 3.0",
    specification_id="urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0",
    business_process="urn:fdc:peppol.eu:2017:poacc:billing:01:1.0",
    syntax="ubl-2.1",
    rule_packs=("en16931-ubl", "peppol-ubl"),
    valid_from=date(2026, 8, 17),
    sources=("https://docs.peppol.eu/poacc/billing/3.0/",),
    also=("urn:fdc:peppol.eu:2017:poacc:billing:3.0",),
    family="peppol",
    shape=_shape,
)
