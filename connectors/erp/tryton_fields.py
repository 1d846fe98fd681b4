"""What is read of a Tryton invoice, its company and a party, by Tryton's own names; a dot follows a relation.

Which of them a server has depends on its modules: `edocument_unece` brings the codes of taxes and units,
`bank` the accounts of a party. What is not there is not asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

__all__ = ["COMPANY", "INVOICE", "PARTY", "VOLATILE", "known"]

# Fields that say nothing about the content of an invoice: they change with payments and with the record.
VOLATILE: Final = frozenset({"state", "write_date"})

_ADDRESS: Final = ("party_name", "street", "postal_code", "city", "country.code", "subdivision.code")

INVOICE: Final = (
    "number",
    "type",
    "state",
    "write_date",
    "reference",
    "description",
    "comment",
    "invoice_date",
    "payment_term_date",
    "customer_payment_reference",
    "currency.code",
    "untaxed_amount",
    "tax_amount",
    "total_amount",
    "party.name",
    "party.code",
    "party.identifiers.type",
    "party.identifiers.code",
    "party.contact_mechanisms.type",
    "party.contact_mechanisms.value",
    "party_tax_identifier.type",
    "party_tax_identifier.code",
    "tax_identifier.type",
    "tax_identifier.code",
    *(f"invoice_address.{name}" for name in _ADDRESS),
    "payment_term.name",
    "lines_to_pay.maturity_date",
    "lines.type",
    "lines.description",
    "lines.note",
    "lines.quantity",
    "lines.unit.symbol",
    "lines.unit.name",
    "lines.unit.unece_code",
    "lines.unit_price",
    "lines.amount",
    "lines.product.code",
    "lines.product.name",
    "lines.taxes.name",
    "lines.taxes.rate",
    "lines.taxes.unece_code",
    "lines.taxes.unece_category_code",
    "lines.taxes.legal_notice",
    "taxes.base",
    "taxes.amount",
    "taxes.legal_notice",
    "taxes.tax.name",
    "taxes.tax.rate",
    "taxes.tax.unece_category_code",
    "origin_invoices.number",
    "origin_invoices.invoice_date",
)

COMPANY: Final = (
    "currency.code",
    "party.name",
    "party.identifiers.type",
    "party.identifiers.code",
    "party.contact_mechanisms.type",
    "party.contact_mechanisms.value",
    *(f"party.addresses.{name}" for name in _ADDRESS),
)

PARTY: Final = (
    "name",
    "write_date",
    "identifiers.type",
    "identifiers.code",
    "addresses.country.code",
    "contact_mechanisms.type",
    "contact_mechanisms.value",
)


def known(there: Collection[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Of the wanted fields, those whose first step the model has."""
    return tuple(name for name in wanted if name.split(".")[0] in there)
