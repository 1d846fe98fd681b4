"""The canonical invoice: EN 16931-1:2017 as frozen values named by business term.

Every field that carries a business term says so in its metadata (`term("BT-1")`), so that the mapping engine,
the syntax bindings and the documentation all read the same catalogue, `formats.model.terms`. The model
records what was said: a missing value is `None`, a missing list is empty, and whether that is allowed is a
rule's business.
"""

from formats.model.invoice import Invoice, Note, PrecedingInvoice, SupportingDocument
from formats.model.line import Item, ItemAttribute, Line, Price
from formats.model.party import Address, Buyer, Contact, Delivery, Payee, Period, Seller, TaxRepresentative
from formats.model.payment import CreditTransfer, DirectDebit, PaymentCard, PaymentInstructions
from formats.model.vat import AllowanceCharge, LineVat, Totals, VatBreakdown

__all__ = [
    "Address",
    "AllowanceCharge",
    "Buyer",
    "Contact",
    "CreditTransfer",
    "Delivery",
    "DirectDebit",
    "Invoice",
    "Item",
    "ItemAttribute",
    "Line",
    "LineVat",
    "Note",
    "Payee",
    "PaymentCard",
    "PaymentInstructions",
    "Period",
    "PrecedingInvoice",
    "Price",
    "Seller",
    "SupportingDocument",
    "TaxRepresentative",
    "Totals",
    "VatBreakdown",
]
