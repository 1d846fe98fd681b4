"""UBL 2.1 Invoice and CreditNote.

Sources: EN 16931-3-2 (syntax binding), Peppol BIS Billing 3.0, and the element order of the OASIS UBL 2.1
schemas.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from lxml import etree

from formats.model.invoice import Invoice
from formats.syntaxes.binding import Binding
from formats.syntaxes.kinds import (
    AMOUNT,
    BINARY,
    CLASSIFICATION,
    DATE,
    IDENTIFIER,
    NOTE,
    NUMBER,
    SEPA_CREDITOR,
    TEXT,
    VAT_AMOUNT,
    Surrounding,
)
from formats.syntaxes.table import Element, Entry, Filler, Fixed, Group, Term

__all__ = ["BINDING", "KEY", "NAMESPACES", "explain", "losses", "read", "unread", "write"]

KEY: Final = "ubl-2.1"
_SCHEMA: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
NAMESPACES: Final = {
    "cac": f"{_SCHEMA}CommonAggregateComponents-2",
    "cbc": f"{_SCHEMA}CommonBasicComponents-2",
}

VAT: Final = Fixed("cac:TaxScheme/cbc:ID", "VAT")
ALLOWANCE: Final = Fixed("cbc:ChargeIndicator", "false", also=("0",))
CHARGE: Final = Fixed("cbc:ChargeIndicator", "true", also=("1",))


def _text(element: etree._Element, path: str) -> str:
    return (element.findtext(path, namespaces=NAMESPACES) or "").strip()


def _is_sepa_creditor(identifier: etree._Element, _: Surrounding) -> bool:
    return (identifier.get("schemeID") or "").strip().upper() == "SEPA"


def _is_own_identifier(identifier: etree._Element, surrounding: Surrounding) -> bool:
    return not _is_sepa_creditor(identifier, surrounding)


def _is_other_tax(scheme: etree._Element, _: Surrounding) -> bool:
    return _text(scheme, "cac:TaxScheme/cbc:ID").upper() != "VAT"


def _is_supporting_document(reference: etree._Element, surrounding: Surrounding) -> bool:
    """Type 130 is BT-18, and 50 in credit notes BT-11; all others support the invoice."""
    others = ("130", "50") if surrounding.credit_note else ("130",)
    return _text(reference, "cbc:DocumentTypeCode") not in others


def _is_object_of_line(reference: etree._Element, _: Surrounding) -> bool:
    """Type 130 is BT-128, and the EN 16931 rules let the type be left out."""
    return _text(reference, "cbc:DocumentTypeCode") in ("130", "")


def _is_in_vat_currency(total: etree._Element, surrounding: Surrounding) -> bool:
    """The second TaxTotal: in BT-6, where that is another currency than BT-5."""
    amount = total.find("cbc:TaxAmount", namespaces=NAMESPACES)
    currency = None if amount is None else amount.get("currencyID")
    return currency is not None and currency == surrounding.vat_currency != surrounding.currency


def _is_in_invoice_currency(total: etree._Element, surrounding: Surrounding) -> bool:
    return not _is_in_vat_currency(total, surrounding)


SELLER_ADDRESS: Final[tuple[Entry, ...]] = (
    Term("BT-35", "cbc:StreetName"),
    Term("BT-36", "cbc:AdditionalStreetName"),
    Term("BT-37", "cbc:CityName"),
    Term("BT-38", "cbc:PostalZone"),
    Term("BT-39", "cbc:CountrySubentity"),
    Term("BT-162", "cac:AddressLine/cbc:Line"),
    Term("BT-40", "cac:Country/cbc:IdentificationCode"),
)

SELLER: Final[tuple[Entry, ...]] = (
    Term("BT-34", "cbc:EndpointID", IDENTIFIER),
    Term("BT-29", "cac:PartyIdentification/cbc:ID", IDENTIFIER, matches=_is_own_identifier),
    # EN 16931-3-2 has the creditor identifier on seller or payee; written on the seller, read from both.
    Term("BT-90", "cac:PartyIdentification/cbc:ID", SEPA_CREDITOR, matches=_is_sepa_creditor),
    Term("BT-28", "cac:PartyName/cbc:Name"),
    Group("BG-5", "cac:PostalAddress", SELLER_ADDRESS),
    Element("cac:PartyTaxScheme", (Term("BT-31", "cbc:CompanyID"), VAT)),
    Element(
        "cac:PartyTaxScheme",
        (Term("BT-32", "cbc:CompanyID"), Fixed("cac:TaxScheme/cbc:ID", "TAX")),
        matches=_is_other_tax,
    ),
    Element(
        "cac:PartyLegalEntity",
        (
            Term("BT-27", "cbc:RegistrationName"),
            Term("BT-30", "cbc:CompanyID", IDENTIFIER),
            Term("BT-33", "cbc:CompanyLegalForm"),
        ),
    ),
    Group(
        "BG-6",
        "cac:Contact",
        (
            Term("BT-41", "cbc:Name"),
            Term("BT-42", "cbc:Telephone"),
            Term("BT-43", "cbc:ElectronicMail"),
        ),
    ),
)

BUYER_ADDRESS: Final[tuple[Entry, ...]] = (
    Term("BT-50", "cbc:StreetName"),
    Term("BT-51", "cbc:AdditionalStreetName"),
    Term("BT-52", "cbc:CityName"),
    Term("BT-53", "cbc:PostalZone"),
    Term("BT-54", "cbc:CountrySubentity"),
    Term("BT-163", "cac:AddressLine/cbc:Line"),
    Term("BT-55", "cac:Country/cbc:IdentificationCode"),
)

BUYER: Final[tuple[Entry, ...]] = (
    Term("BT-49", "cbc:EndpointID", IDENTIFIER),
    Term("BT-46", "cac:PartyIdentification/cbc:ID", IDENTIFIER),
    Term("BT-45", "cac:PartyName/cbc:Name"),
    Group("BG-8", "cac:PostalAddress", BUYER_ADDRESS),
    Element("cac:PartyTaxScheme", (Term("BT-48", "cbc:CompanyID"), VAT)),
    Element(
        "cac:PartyLegalEntity",
        (
            Term("BT-44", "cbc:RegistrationName"),
            Term("BT-47", "cbc:CompanyID", IDENTIFIER),
        ),
    ),
    Group(
        "BG-9",
        "cac:Contact",
        (
            Term("BT-56", "cbc:Name"),
            Term("BT-57", "cbc:Telephone"),
            Term("BT-58", "cbc:ElectronicMail"),
        ),
    ),
)

PAYEE: Final[tuple[Entry, ...]] = (
    Term("BT-60", "cac:PartyIdentification/cbc:ID", IDENTIFIER, matches=_is_own_identifier),
    Term("BT-90", "cac:PartyIdentification/cbc:ID", SEPA_CREDITOR, matches=_is_sepa_creditor, read_only=True),
    Term("BT-59", "cac:PartyName/cbc:Name"),
    Element("cac:PartyLegalEntity", (Term("BT-61", "cbc:CompanyID", IDENTIFIER),)),
)

TAX_REPRESENTATIVE: Final[tuple[Entry, ...]] = (
    Term("BT-62", "cac:PartyName/cbc:Name"),
    Group(
        "BG-12",
        "cac:PostalAddress",
        (
            Term("BT-64", "cbc:StreetName"),
            Term("BT-65", "cbc:AdditionalStreetName"),
            Term("BT-66", "cbc:CityName"),
            Term("BT-67", "cbc:PostalZone"),
            Term("BT-68", "cbc:CountrySubentity"),
            Term("BT-164", "cac:AddressLine/cbc:Line"),
            Term("BT-69", "cac:Country/cbc:IdentificationCode"),
        ),
    ),
    Element("cac:PartyTaxScheme", (Term("BT-63", "cbc:CompanyID"), VAT)),
)

DELIVERY: Final[tuple[Entry, ...]] = (
    Term("BT-72", "cbc:ActualDeliveryDate", DATE),
    Element(
        "cac:DeliveryLocation",
        (
            Term("BT-71", "cbc:ID", IDENTIFIER),
            Group(
                "BG-15",
                "cac:Address",
                (
                    Term("BT-75", "cbc:StreetName"),
                    Term("BT-76", "cbc:AdditionalStreetName"),
                    Term("BT-77", "cbc:CityName"),
                    Term("BT-78", "cbc:PostalZone"),
                    Term("BT-79", "cbc:CountrySubentity"),
                    Term("BT-165", "cac:AddressLine/cbc:Line"),
                    Term("BT-80", "cac:Country/cbc:IdentificationCode"),
                ),
            ),
        ),
    ),
    Term("BT-70", "cac:DeliveryParty/cac:PartyName/cbc:Name"),
)

# One PaymentMeans for each account to pay to; what concerns the payment as a whole stands in the first.
PAYMENT_MEANS: Final[tuple[Entry, ...]] = (
    # UBL-SR-46: the text stands once, however many accounts there are.
    Term("BT-81", "cbc:PaymentMeansCode", attributes={"name": "BT-82"}, attributes_once=True),
    # The schema wants a means code (BT-81) in the same element, so a due date cannot stand there alone.
    Term("BT-9", "cbc:PaymentDueDate", DATE, first=True, needs="BT-81", only="credit note"),
    Term("BT-83", "cbc:PaymentID"),
    Group(
        "BG-18",
        "cac:CardAccount",
        (
            Term("BT-87", "cbc:PrimaryAccountNumberID"),
            Filler("cbc:NetworkID", "NA"),
            Term("BT-88", "cbc:HolderName"),
        ),
        first=True,
    ),
    Element(
        "cac:PayeeFinancialAccount",
        (
            Term("BT-84", "cbc:ID"),
            Term("BT-85", "cbc:Name"),
            Term("BT-86", "cac:FinancialInstitutionBranch/cbc:ID"),
        ),
    ),
    Element(
        "cac:PaymentMandate",
        (
            Term("BT-89", "cbc:ID"),
            Term("BT-91", "cac:PayerFinancialAccount/cbc:ID"),
        ),
        first=True,
    ),
)

TOTALS: Final[tuple[Entry, ...]] = (
    Term("BT-106", "cbc:LineExtensionAmount", AMOUNT),
    Term("BT-109", "cbc:TaxExclusiveAmount", AMOUNT),
    Term("BT-112", "cbc:TaxInclusiveAmount", AMOUNT),
    Term("BT-107", "cbc:AllowanceTotalAmount", AMOUNT),
    Term("BT-108", "cbc:ChargeTotalAmount", AMOUNT),
    Term("BT-113", "cbc:PrepaidAmount", AMOUNT),
    Term("BT-114", "cbc:PayableRoundingAmount", AMOUNT),
    Term("BT-115", "cbc:PayableAmount", AMOUNT),
)

VAT_BREAKDOWN: Final[tuple[Entry, ...]] = (
    Term("BT-116", "cbc:TaxableAmount", AMOUNT),
    Term("BT-117", "cbc:TaxAmount", AMOUNT),
    Element(
        "cac:TaxCategory",
        (
            Term("BT-118", "cbc:ID"),
            Term("BT-119", "cbc:Percent", NUMBER),
            Term("BT-121", "cbc:TaxExemptionReasonCode"),
            Term("BT-120", "cbc:TaxExemptionReason"),
            VAT,
        ),
    ),
)

ITEM: Final[tuple[Entry, ...]] = (
    Term("BT-154", "cbc:Description", TEXT),
    Term("BT-153", "cbc:Name"),
    Term("BT-156", "cac:BuyersItemIdentification/cbc:ID"),
    Term("BT-155", "cac:SellersItemIdentification/cbc:ID"),
    Term("BT-157", "cac:StandardItemIdentification/cbc:ID", IDENTIFIER),
    Term("BT-159", "cac:OriginCountry/cbc:IdentificationCode"),
    Term("BT-158", "cac:CommodityClassification/cbc:ItemClassificationCode", CLASSIFICATION),
    Group(
        "BG-30",
        "cac:ClassifiedTaxCategory",
        (
            Term("BT-151", "cbc:ID"),
            Term("BT-152", "cbc:Percent", NUMBER),
            VAT,
        ),
    ),
    Group(
        "BG-32",
        "cac:AdditionalItemProperty",
        (
            Term("BT-160", "cbc:Name"),
            Term("BT-161", "cbc:Value"),
        ),
    ),
)

LINE: Final[tuple[Entry, ...]] = (
    Term("BT-126", "cbc:ID"),
    Term("BT-127", "cbc:Note", TEXT),
    Term(
        "BT-129",
        "cbc:InvoicedQuantity",
        NUMBER,
        attributes={"unitCode": "BT-130"},
        credit_note="cbc:CreditedQuantity",
    ),
    Term("BT-131", "cbc:LineExtensionAmount", AMOUNT),
    Term("BT-133", "cbc:AccountingCost"),
    Group(
        "BG-26",
        "cac:InvoicePeriod",
        (
            Term("BT-134", "cbc:StartDate", DATE),
            Term("BT-135", "cbc:EndDate", DATE),
        ),
    ),
    Term("BT-132", "cac:OrderLineReference/cbc:LineID"),
    Element(
        "cac:DocumentReference",
        (Term("BT-128", "cbc:ID", IDENTIFIER), Fixed("cbc:DocumentTypeCode", "130")),
        matches=_is_object_of_line,
    ),
    Group(
        "BG-27",
        "cac:AllowanceCharge",
        (
            ALLOWANCE,
            Term("BT-140", "cbc:AllowanceChargeReasonCode"),
            Term("BT-139", "cbc:AllowanceChargeReason"),
            Term("BT-138", "cbc:MultiplierFactorNumeric", NUMBER),
            Term("BT-136", "cbc:Amount", AMOUNT),
            Term("BT-137", "cbc:BaseAmount", AMOUNT),
        ),
    ),
    Group(
        "BG-28",
        "cac:AllowanceCharge",
        (
            CHARGE,
            Term("BT-145", "cbc:AllowanceChargeReasonCode"),
            Term("BT-144", "cbc:AllowanceChargeReason"),
            Term("BT-143", "cbc:MultiplierFactorNumeric", NUMBER),
            Term("BT-141", "cbc:Amount", AMOUNT),
            Term("BT-142", "cbc:BaseAmount", AMOUNT),
        ),
    ),
    Group("BG-31", "cac:Item", ITEM),
    Group(
        "BG-29",
        "cac:Price",
        (
            Term("BT-146", "cbc:PriceAmount", AMOUNT),
            Term("BT-149", "cbc:BaseQuantity", NUMBER, attributes={"unitCode": "BT-150"}),
            Element(
                "cac:AllowanceCharge",
                (
                    ALLOWANCE,
                    # The schema wants a discount beside a gross price; written so, nobody else writes it.
                    Term("BT-147", "cbc:Amount", AMOUNT, absent=Decimal("0.0")),
                    Term("BT-148", "cbc:BaseAmount", AMOUNT),
                ),
            ),
        ),
    ),
)

DOCUMENT_ALLOWANCES: Final[tuple[Entry, ...]] = (
    Group(
        "BG-20",
        "cac:AllowanceCharge",
        (
            ALLOWANCE,
            Term("BT-98", "cbc:AllowanceChargeReasonCode"),
            Term("BT-97", "cbc:AllowanceChargeReason"),
            Term("BT-94", "cbc:MultiplierFactorNumeric", NUMBER),
            Term("BT-92", "cbc:Amount", AMOUNT),
            Term("BT-93", "cbc:BaseAmount", AMOUNT),
            Element("cac:TaxCategory", (Term("BT-95", "cbc:ID"), Term("BT-96", "cbc:Percent", NUMBER), VAT)),
        ),
    ),
    Group(
        "BG-21",
        "cac:AllowanceCharge",
        (
            CHARGE,
            Term("BT-105", "cbc:AllowanceChargeReasonCode"),
            Term("BT-104", "cbc:AllowanceChargeReason"),
            Term("BT-101", "cbc:MultiplierFactorNumeric", NUMBER),
            Term("BT-99", "cbc:Amount", AMOUNT),
            Term("BT-100", "cbc:BaseAmount", AMOUNT),
            Element(
                "cac:TaxCategory", (Term("BT-102", "cbc:ID"), Term("BT-103", "cbc:Percent", NUMBER), VAT)
            ),
        ),
    ),
)

SUPPORTING_DOCUMENT: Final[tuple[Entry, ...]] = (
    Term("BT-122", "cbc:ID"),
    Term("BT-123", "cbc:DocumentDescription"),
    Element(
        "cac:Attachment",
        (
            Term(
                "BT-125",
                "cbc:EmbeddedDocumentBinaryObject",
                BINARY,
                attributes={"mimeCode": "BT-125-1", "filename": "BT-125-2"},
            ),
            Term("BT-124", "cac:ExternalReference/cbc:URI"),
        ),
    ),
)

ENTRIES: Final[tuple[Entry, ...]] = (
    Term("BT-24", "cbc:CustomizationID"),
    Term("BT-23", "cbc:ProfileID"),
    Term("BT-1", "cbc:ID"),
    Term("BT-2", "cbc:IssueDate", DATE),
    Term("BT-9", "cbc:DueDate", DATE, only="invoice"),
    Term("BT-7", "cbc:TaxPointDate", DATE, only="credit note"),
    Term("BT-3", "cbc:InvoiceTypeCode", credit_note="cbc:CreditNoteTypeCode"),
    Term("BG-1", "cbc:Note", NOTE, parts=("BT-21", "BT-22")),
    Term("BT-7", "cbc:TaxPointDate", DATE, only="invoice"),
    Term("BT-5", "cbc:DocumentCurrencyCode"),
    Term("BT-6", "cbc:TaxCurrencyCode"),
    Term("BT-19", "cbc:AccountingCost"),
    Term("BT-10", "cbc:BuyerReference"),
    Group(
        "BG-14",
        "cac:InvoicePeriod",
        (
            Term("BT-73", "cbc:StartDate", DATE),
            Term("BT-74", "cbc:EndDate", DATE),
            Term("BT-8", "cbc:DescriptionCode"),
        ),
    ),
    Element(
        "cac:OrderReference",
        (Term("BT-13", "cbc:ID", absent="NA"), Term("BT-14", "cbc:SalesOrderID")),
    ),
    Group(
        "BG-3",
        "cac:BillingReference/cac:InvoiceDocumentReference",
        (Term("BT-25", "cbc:ID"), Term("BT-26", "cbc:IssueDate", DATE)),
    ),
    Term("BT-16", "cac:DespatchDocumentReference/cbc:ID"),
    Term("BT-15", "cac:ReceiptDocumentReference/cbc:ID"),
    Term("BT-17", "cac:OriginatorDocumentReference/cbc:ID", only="invoice"),
    Term("BT-12", "cac:ContractDocumentReference/cbc:ID"),
    Element(
        "cac:AdditionalDocumentReference",
        (Term("BT-18", "cbc:ID", IDENTIFIER), Fixed("cbc:DocumentTypeCode", "130")),
    ),
    Element(
        "cac:AdditionalDocumentReference",
        (Term("BT-11", "cbc:ID"), Fixed("cbc:DocumentTypeCode", "50")),
        only="credit note",
    ),
    Group("BG-24", "cac:AdditionalDocumentReference", SUPPORTING_DOCUMENT, matches=_is_supporting_document),
    Term("BT-17", "cac:OriginatorDocumentReference/cbc:ID", only="credit note"),
    Term("BT-11", "cac:ProjectReference/cbc:ID", only="invoice"),
    Group("BG-4", "cac:AccountingSupplierParty/cac:Party", SELLER),
    Group("BG-7", "cac:AccountingCustomerParty/cac:Party", BUYER),
    Group("BG-10", "cac:PayeeParty", PAYEE),
    Group("BG-11", "cac:TaxRepresentativeParty", TAX_REPRESENTATIVE),
    Group("BG-13", "cac:Delivery", DELIVERY),
    Group("BG-17", "cac:PaymentMeans", PAYMENT_MEANS, at_least_once=True),
    Term("BT-20", "cac:PaymentTerms/cbc:Note", TEXT),
    *DOCUMENT_ALLOWANCES,
    Element(
        "cac:TaxTotal",
        (Term("BT-110", "cbc:TaxAmount", AMOUNT), Group("BG-23", "cac:TaxSubtotal", VAT_BREAKDOWN)),
        matches=_is_in_invoice_currency,
    ),
    Element("cac:TaxTotal", (Term("BT-111", "cbc:TaxAmount", VAT_AMOUNT),), matches=_is_in_vat_currency),
    Group("BG-22", "cac:LegalMonetaryTotal", TOTALS),
    Group("BG-25", "cac:InvoiceLine", LINE, credit_note="cac:CreditNoteLine"),
)

BINDING: Final = Binding(
    name="UBL 2.1",
    invoice_root=f"{{{_SCHEMA}Invoice-2}}Invoice",
    credit_note_root=f"{{{_SCHEMA}CreditNote-2}}CreditNote",
    namespaces=NAMESPACES,
    entries=ENTRIES,
)


def write(invoice: Invoice) -> bytes:
    """An Invoice or a CreditNote, as the type code (BT-3) has it; the same bytes for the same invoice.

    Amounts carry BT-5 and BT-6 as currency. Raises MalformedDocument for a number that is none.
    """
    return BINDING.write(invoice)


def read(content: bytes) -> Invoice:
    """What a UBL 2.1 Invoice or CreditNote says; MalformedDocument for anything else."""
    return BINDING.read(content)


def unread(content: bytes) -> tuple[str, ...]:
    """The places of a document whose content the canonical invoice has no field for."""
    return BINDING.unread(content)


def losses(invoice: Invoice) -> tuple[str, ...]:
    """The terms of this invoice that UBL 2.1 does not carry as they stand."""
    return BINDING.losses(invoice)


def explain(xpath: str) -> tuple[str, ...]:
    """The business terms at a location of a validation report."""
    return BINDING.explain(xpath)
