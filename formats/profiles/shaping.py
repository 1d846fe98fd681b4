"""The same invoice in the shape that a profile wants: identifiers and addresses changed wherever they
stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from formats.identifiers import Identifier
from formats.model.invoice import Invoice
from formats.model.party import Address

__all__ = ["compact_number", "with_addresses", "with_identifiers"]

_SEPARATORS: Final = re.compile(r"[\s. -]+")


def compact_number(text: str) -> str:
    """A number without the blanks, dots and hyphens that people group its digits by."""
    return _SEPARATORS.sub("", text)


def with_identifiers(invoice: Invoice, change: Callable[[Identifier], Identifier]) -> Invoice:
    """The invoice with each identifier of seller, buyer and payee that has a scheme changed."""

    def changed(identifier: Identifier | None) -> Identifier | None:
        return change(identifier) if identifier is not None and identifier.scheme else identifier

    seller, buyer, payee = invoice.seller, invoice.buyer, invoice.payee
    if seller is not None:
        seller = replace(
            seller,
            identifiers=tuple(change(one) if one.scheme else one for one in seller.identifiers),
            legal_registration=changed(seller.legal_registration),
            electronic_address=changed(seller.electronic_address),
        )
    if buyer is not None:
        buyer = replace(
            buyer,
            identifier=changed(buyer.identifier),
            legal_registration=changed(buyer.legal_registration),
            electronic_address=changed(buyer.electronic_address),
        )
    if payee is not None:
        payee = replace(
            payee,
            identifier=changed(payee.identifier),
            legal_registration=changed(payee.legal_registration),
        )
    return replace(invoice, seller=seller, buyer=buyer, payee=payee)


def with_addresses(invoice: Invoice, change: Callable[[Address], Address]) -> Invoice:
    """The invoice with each postal address changed: seller, buyer, tax representative, deliver-to."""

    def changed(address: Address | None) -> Address | None:
        return change(address) if address is not None else None

    seller, buyer = invoice.seller, invoice.buyer
    representative, delivery = invoice.tax_representative, invoice.delivery
    return replace(
        invoice,
        seller=seller and replace(seller, address=changed(seller.address)),
        buyer=buyer and replace(buyer, address=changed(buyer.address)),
        tax_representative=representative
        and replace(representative, address=changed(representative.address)),
        delivery=delivery and replace(delivery, address=changed(delivery.address)),
    )
