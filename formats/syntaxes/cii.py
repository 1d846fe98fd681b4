"""UN/CEFACT Cross Industry Invoice D16B: invoices and credit notes under one root element.

Sources: EN 16931-3-3 (syntax binding), the CEN/TC 434 rules for CII, and the element order of the D16B
schema, which is also that of the Factur-X and ZUGFeRD schemas.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from formats.identifiers import Identifier
from formats.model.invoice import Invoice
from formats.syntaxes.binding import Binding
from formats.syntaxes.cii_kinds import DAY, OBJECT, OBJECT_SCHEME, TAX_POINT_CODE
from formats.syntaxes.kinds import (
    AMOUNT,
    BINARY,
    CLASSIFICATION,
    IDENTIFIER,
    NUMBER,
    TEXT,
    VAT_AMOUNT,
    Surrounding,
    UnderScheme,
)
from formats.syntaxes.table import Element, Entry, Filler, Fixed, Group, Match, Term

__all__ = ["BINDING", "KEY", "NAMESPACES", "explain", "losses", "read", "unread", "write"]

KEY: Final = "cii-d16b"
_STANDARD: Final = "urn:un:unece:uncefact:data:standard:"
NAMESPACES: Final = {
    "rsm": f"{_STANDARD}CrossIndustryInvoice:100",
    "ram": f"{_STANDARD}ReusableAggregateBusinessInformationEntity:100",
    "qdt": f"{_STANDARD}QualifiedDataType:100",
    "udt": f"{_STANDARD}UnqualifiedDataType:100",
}

VAT: Final = Fixed("ram:TypeCode", "VAT")
ALLOWANCE: Final = Fixed("ram:ChargeIndicator/udt:Indicator", "false", also=("0",))
CHARGE: Final = Fixed("ram:ChargeIndicator/udt:Indicator", "true", also=("1",))
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Za-z0-9 ]{11,38}\Z")


def _has_scheme(identifier: Identifier) -> bool:
    return bool(identifier.scheme)


def _has_no_scheme(identifier: Identifier) -> bool:
    return not identifier.scheme


def _is_iban(account: str) -> bool:
    """By its form alone: a mistyped IBAN should meet the rules for IBANs."""
    return _IBAN.match(account) is not None


def _is_no_iban(account: str) -> bool:
    return not _is_iban(account)


def _is_under(*schemes: str) -> Match:
    def matches(element: etree._Element, _: Surrounding) -> bool:
        return (element.get("schemeID") or "").strip().upper() in schemes

    return matches


def _is_in_vat_currency(total: etree._Element, surrounding: Surrounding) -> bool:
    """The second TaxTotalAmount: in BT-6, where that is another currency than BT-5."""
    currency = total.get("currencyID")
    return currency is not None and currency == surrounding.vat_currency != surrounding.currency


def _is_in_invoice_currency(total: etree._Element, surrounding: Surrounding) -> bool:
    return not _is_in_vat_currency(total, surrounding)


def _is_of_type(*codes: str) -> Match:
    """Reference documents by their type code; a missing one is "", as in some official examples."""

    def matches(reference: etree._Element, _: Surrounding) -> bool:
        return (reference.findtext("ram:TypeCode", namespaces=NAMESPACES) or "").strip() in codes

    return matches


def _identifier(name: str) -> tuple[Entry, ...]:
    """A party's identifier: GlobalID under a scheme, ID without one."""
    return (
        Term(name, "ram:ID", IDENTIFIER, when=_has_no_scheme),
        Term(name, "ram:GlobalID", IDENTIFIER, when=_has_scheme),
    )


def _address(group: str, lines: tuple[str, str, str], others: tuple[str, str, str, str]) -> Entry:
    """`others` are post code, city, country and subdivision, in the order of the schema."""
    post_code, city, country, subdivision = others
    return Group(
        group,
        "ram:PostalTradeAddress",
        (
            Term(post_code, "ram:PostcodeCode"),
            Term(lines[0], "ram:LineOne"),
            Term(lines[1], "ram:LineTwo"),
            Term(lines[2], "ram:LineThree"),
            Term(city, "ram:CityName"),
            Term(country, "ram:CountryID"),
            Term(subdivision, "ram:CountrySubDivisionName"),
        ),
    )


def _contact(group: str, name: str, telephone: str, email: str) -> Entry:
    return Group(
        group,
        "ram:DefinedTradeContact",
        (
            Term(name, "ram:PersonName"),
            Term(name, "ram:DepartmentName", read_only=True),
            Term(telephone, "ram:TelephoneUniversalCommunication/ram:CompleteNumber"),
            Term(email, "ram:EmailURIUniversalCommunication/ram:URIID"),
        ),
    )


def _registration(name: str, scheme: str) -> Entry:
    """VA is a VAT identifier, FC another tax number."""
    return Term(name, "ram:SpecifiedTaxRegistration/ram:ID", UnderScheme(scheme), matches=_is_under(scheme))


CONTEXT: Final[tuple[Entry, ...]] = (
    Term("BT-23", "ram:BusinessProcessSpecifiedDocumentContextParameter/ram:ID"),
    Term("BT-24", "ram:GuidelineSpecifiedDocumentContextParameter/ram:ID"),
)

DOCUMENT: Final[tuple[Entry, ...]] = (
    Term("BT-1", "ram:ID"),
    Term("BT-3", "ram:TypeCode"),
    Term("BT-2", "ram:IssueDateTime/udt:DateTimeString", DAY),
    Group(
        "BG-1",
        "ram:IncludedNote",
        (Term("BT-22", "ram:Content", TEXT), Term("BT-21", "ram:SubjectCode")),
    ),
)

PRODUCT: Final[tuple[Entry, ...]] = (
    Term("BT-157", "ram:GlobalID", IDENTIFIER),
    Term("BT-155", "ram:SellerAssignedID"),
    Term("BT-156", "ram:BuyerAssignedID"),
    Term("BT-153", "ram:Name"),
    Term("BT-154", "ram:Description", TEXT),
    Group(
        "BG-32",
        "ram:ApplicableProductCharacteristic",
        (Term("BT-160", "ram:Description"), Term("BT-161", "ram:Value")),
    ),
    Term("BT-158", "ram:DesignatedProductClassification/ram:ClassCode", CLASSIFICATION),
    Term("BT-159", "ram:OriginTradeCountry/ram:ID"),
)

LINE_AGREEMENT: Final[tuple[Entry, ...]] = (
    Term("BT-132", "ram:BuyerOrderReferencedDocument/ram:LineID"),
    Element(
        "ram:GrossPriceProductTradePrice",
        (
            Term("BT-148", "ram:ChargeAmount", NUMBER),
            # XRechnung wants the base quantity at both prices (BR-TMP-3); that of the net price counts.
            Term("BT-149", "ram:BasisQuantity", NUMBER, attributes={"unitCode": "BT-150"}, needs="BT-148"),
            Element(
                "ram:AppliedTradeAllowanceCharge", (ALLOWANCE, Term("BT-147", "ram:ActualAmount", NUMBER))
            ),
        ),
        read_last=True,
    ),
    Element(
        "ram:NetPriceProductTradePrice",
        (
            Term("BT-146", "ram:ChargeAmount", NUMBER),
            Term("BT-149", "ram:BasisQuantity", NUMBER, attributes={"unitCode": "BT-150"}),
        ),
    ),
)

LINE_SETTLEMENT: Final[tuple[Entry, ...]] = (
    Group(
        "BG-30",
        "ram:ApplicableTradeTax",
        (VAT, Term("BT-151", "ram:CategoryCode"), Term("BT-152", "ram:RateApplicablePercent", NUMBER)),
    ),
    Group(
        "BG-26",
        "ram:BillingSpecifiedPeriod",
        (
            Term("BT-134", "ram:StartDateTime/udt:DateTimeString", DAY),
            Term("BT-135", "ram:EndDateTime/udt:DateTimeString", DAY),
        ),
    ),
    Group(
        "BG-27",
        "ram:SpecifiedTradeAllowanceCharge",
        (
            ALLOWANCE,
            Term("BT-138", "ram:CalculationPercent", NUMBER),
            Term("BT-137", "ram:BasisAmount", NUMBER),
            Term("BT-136", "ram:ActualAmount", NUMBER),
            Term("BT-140", "ram:ReasonCode"),
            Term("BT-139", "ram:Reason"),
        ),
    ),
    Group(
        "BG-28",
        "ram:SpecifiedTradeAllowanceCharge",
        (
            CHARGE,
            Term("BT-143", "ram:CalculationPercent", NUMBER),
            Term("BT-142", "ram:BasisAmount", NUMBER),
            Term("BT-141", "ram:ActualAmount", NUMBER),
            Term("BT-145", "ram:ReasonCode"),
            Term("BT-144", "ram:Reason"),
        ),
    ),
    Term("BT-131", "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount", NUMBER),
    Element(
        "ram:AdditionalReferencedDocument",
        (
            Term("BT-128", "ram:IssuerAssignedID", OBJECT),
            Fixed("ram:TypeCode", "130"),
            Term("BT-128", "ram:ReferenceTypeCode", OBJECT_SCHEME, when=_has_scheme),
        ),
        matches=_is_of_type("130", ""),
    ),
    Term("BT-133", "ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID"),
)

LINE: Final[tuple[Entry, ...]] = (
    Element(
        "ram:AssociatedDocumentLineDocument",
        (Term("BT-126", "ram:LineID"), Term("BT-127", "ram:IncludedNote/ram:Content", TEXT)),
    ),
    Group("BG-31", "ram:SpecifiedTradeProduct", PRODUCT),
    Group("BG-29", "ram:SpecifiedLineTradeAgreement", LINE_AGREEMENT),
    Element(
        "ram:SpecifiedLineTradeDelivery",
        (Term("BT-129", "ram:BilledQuantity", NUMBER, attributes={"unitCode": "BT-130"}),),
    ),
    Element("ram:SpecifiedLineTradeSettlement", LINE_SETTLEMENT),
)

SELLER: Final[tuple[Entry, ...]] = (
    *_identifier("BT-29"),
    Term("BT-27", "ram:Name"),
    Term("BT-33", "ram:Description", TEXT),
    Element(
        "ram:SpecifiedLegalOrganization",
        (Term("BT-30", "ram:ID", IDENTIFIER), Term("BT-28", "ram:TradingBusinessName")),
    ),
    _contact("BG-6", "BT-41", "BT-42", "BT-43"),
    _address("BG-5", ("BT-35", "BT-36", "BT-162"), ("BT-38", "BT-37", "BT-40", "BT-39")),
    Term("BT-34", "ram:URIUniversalCommunication/ram:URIID", IDENTIFIER),
    _registration("BT-31", "VA"),
    _registration("BT-32", "FC"),
)

BUYER: Final[tuple[Entry, ...]] = (
    *_identifier("BT-46"),
    Term("BT-44", "ram:Name"),
    Element(
        "ram:SpecifiedLegalOrganization",
        (Term("BT-47", "ram:ID", IDENTIFIER), Term("BT-45", "ram:TradingBusinessName")),
    ),
    _contact("BG-9", "BT-56", "BT-57", "BT-58"),
    _address("BG-8", ("BT-50", "BT-51", "BT-163"), ("BT-53", "BT-52", "BT-55", "BT-54")),
    Term("BT-49", "ram:URIUniversalCommunication/ram:URIID", IDENTIFIER),
    _registration("BT-48", "VA"),
)

TAX_REPRESENTATIVE: Final[tuple[Entry, ...]] = (
    Term("BT-62", "ram:Name"),
    _address("BG-12", ("BT-64", "BT-65", "BT-164"), ("BT-67", "BT-66", "BT-69", "BT-68")),
    _registration("BT-63", "VA"),
)

# One element for tender (50), invoiced object (130) and supporting documents (916).
AGREEMENT: Final[tuple[Entry, ...]] = (
    Term("BT-10", "ram:BuyerReference"),
    Group("BG-4", "ram:SellerTradeParty", SELLER),
    Group("BG-7", "ram:BuyerTradeParty", BUYER),
    Group("BG-11", "ram:SellerTaxRepresentativeTradeParty", TAX_REPRESENTATIVE),
    Term("BT-14", "ram:SellerOrderReferencedDocument/ram:IssuerAssignedID"),
    Term("BT-13", "ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID"),
    Term("BT-12", "ram:ContractReferencedDocument/ram:IssuerAssignedID"),
    Element(
        "ram:AdditionalReferencedDocument",
        (Term("BT-17", "ram:IssuerAssignedID"), Fixed("ram:TypeCode", "50")),
    ),
    Element(
        "ram:AdditionalReferencedDocument",
        (
            Term("BT-18", "ram:IssuerAssignedID", OBJECT),
            Fixed("ram:TypeCode", "130"),
            Term("BT-18", "ram:ReferenceTypeCode", OBJECT_SCHEME, when=_has_scheme),
        ),
    ),
    Group(
        "BG-24",
        "ram:AdditionalReferencedDocument",
        (
            Term("BT-122", "ram:IssuerAssignedID"),
            Term("BT-124", "ram:URIID"),
            Fixed("ram:TypeCode", "916"),
            Term("BT-123", "ram:Name"),
            Term(
                "BT-125",
                "ram:AttachmentBinaryObject",
                BINARY,
                attributes={"mimeCode": "BT-125-1", "filename": "BT-125-2"},
            ),
        ),
        matches=_is_of_type("916", ""),
    ),
    # The schema wants a name, for which the standard has no term.
    Element(
        "ram:SpecifiedProcuringProject",
        (Term("BT-11", "ram:ID"), Filler("ram:Name", "Project reference", only_this=True)),
    ),
)

DELIVERY: Final[tuple[Entry, ...]] = (
    Element(
        "ram:ShipToTradeParty",
        (
            *_identifier("BT-71"),
            Term("BT-70", "ram:Name"),
            _address("BG-15", ("BT-75", "BT-76", "BT-165"), ("BT-78", "BT-77", "BT-80", "BT-79")),
        ),
    ),
    Term("BT-72", "ram:ActualDeliverySupplyChainEvent/ram:OccurrenceDateTime/udt:DateTimeString", DAY),
    Term("BT-16", "ram:DespatchAdviceReferencedDocument/ram:IssuerAssignedID"),
    Term("BT-15", "ram:ReceivingAdviceReferencedDocument/ram:IssuerAssignedID"),
)

PAYEE: Final[tuple[Entry, ...]] = (
    *_identifier("BT-60"),
    Term("BT-59", "ram:Name"),
    Element("ram:SpecifiedLegalOrganization", (Term("BT-61", "ram:ID", IDENTIFIER),)),
)

# One element for each account to pay to; what concerns the payment as a whole stands in the first, but for
# means code and text, which the rules want alike in all (CII-SR-467, CII-SR-468).
PAYMENT_MEANS: Final[tuple[Entry, ...]] = (
    Term("BT-81", "ram:TypeCode"),
    Term("BT-82", "ram:Information"),
    Group(
        "BG-18",
        "ram:ApplicableTradeSettlementFinancialCard",
        (Term("BT-87", "ram:ID"), Term("BT-88", "ram:CardholderName")),
        first=True,
    ),
    Term("BT-91", "ram:PayerPartyDebtorFinancialAccount/ram:IBANID", first=True),
    Element(
        "ram:PayeePartyCreditorFinancialAccount",
        (
            Term("BT-84", "ram:IBANID", when=_is_iban),
            Term("BT-85", "ram:AccountName"),
            Term("BT-84", "ram:ProprietaryID", when=_is_no_iban),
        ),
    ),
    Term("BT-86", "ram:PayeeSpecifiedCreditorFinancialInstitution/ram:BICID"),
)

# The tax point of the invoice stands in one row only (CII-SR-461).
VAT_BREAKDOWN: Final[tuple[Entry, ...]] = (
    Term("BT-117", "ram:CalculatedAmount", NUMBER),
    VAT,
    Term("BT-120", "ram:ExemptionReason"),
    Term("BT-116", "ram:BasisAmount", NUMBER),
    Term("BT-118", "ram:CategoryCode"),
    Term("BT-121", "ram:ExemptionReasonCode"),
    Term("BT-7", "ram:TaxPointDate/udt:DateString", DAY, first=True),
    Term("BT-8", "ram:DueDateTypeCode", TAX_POINT_CODE, first=True),
    Term("BT-119", "ram:RateApplicablePercent", NUMBER),
)

ALLOWANCES: Final[tuple[Entry, ...]] = (
    Group(
        "BG-20",
        "ram:SpecifiedTradeAllowanceCharge",
        (
            ALLOWANCE,
            Term("BT-94", "ram:CalculationPercent", NUMBER),
            Term("BT-93", "ram:BasisAmount", NUMBER),
            Term("BT-92", "ram:ActualAmount", NUMBER),
            Term("BT-98", "ram:ReasonCode"),
            Term("BT-97", "ram:Reason"),
            Element(
                "ram:CategoryTradeTax",
                (
                    VAT,
                    Term("BT-95", "ram:CategoryCode"),
                    Term("BT-96", "ram:RateApplicablePercent", NUMBER),
                ),
            ),
        ),
    ),
    Group(
        "BG-21",
        "ram:SpecifiedTradeAllowanceCharge",
        (
            CHARGE,
            Term("BT-101", "ram:CalculationPercent", NUMBER),
            Term("BT-100", "ram:BasisAmount", NUMBER),
            Term("BT-99", "ram:ActualAmount", NUMBER),
            Term("BT-105", "ram:ReasonCode"),
            Term("BT-104", "ram:Reason"),
            Element(
                "ram:CategoryTradeTax",
                (
                    VAT,
                    Term("BT-102", "ram:CategoryCode"),
                    Term("BT-103", "ram:RateApplicablePercent", NUMBER),
                ),
            ),
        ),
    ),
)

# Only the VAT totals carry a currency; two of them tell BT-110 and BT-111 apart by it.
TOTALS: Final[tuple[Entry, ...]] = (
    Term("BT-106", "ram:LineTotalAmount", NUMBER),
    Term("BT-108", "ram:ChargeTotalAmount", NUMBER),
    Term("BT-107", "ram:AllowanceTotalAmount", NUMBER),
    Term("BT-109", "ram:TaxBasisTotalAmount", NUMBER),
    Term("BT-110", "ram:TaxTotalAmount", AMOUNT, matches=_is_in_invoice_currency),
    Term("BT-111", "ram:TaxTotalAmount", VAT_AMOUNT, matches=_is_in_vat_currency),
    Term("BT-114", "ram:RoundingAmount", NUMBER),
    Term("BT-112", "ram:GrandTotalAmount", NUMBER),
    Term("BT-113", "ram:TotalPrepaidAmount", NUMBER),
    Term("BT-115", "ram:DuePayableAmount", NUMBER),
)

SETTLEMENT: Final[tuple[Entry, ...]] = (
    Term("BT-90", "ram:CreditorReferenceID"),
    Term("BT-83", "ram:PaymentReference"),
    Term("BT-6", "ram:TaxCurrencyCode"),
    Term("BT-5", "ram:InvoiceCurrencyCode"),
    Group("BG-10", "ram:PayeeTradeParty", PAYEE),
    Group("BG-17", "ram:SpecifiedTradeSettlementPaymentMeans", PAYMENT_MEANS, at_least_once=True),
    Group("BG-23", "ram:ApplicableTradeTax", VAT_BREAKDOWN, at_least_once=True),
    Group(
        "BG-14",
        "ram:BillingSpecifiedPeriod",
        (
            Term("BT-73", "ram:StartDateTime/udt:DateTimeString", DAY),
            Term("BT-74", "ram:EndDateTime/udt:DateTimeString", DAY),
        ),
    ),
    *ALLOWANCES,
    Element(
        "ram:SpecifiedTradePaymentTerms",
        (
            Term("BT-20", "ram:Description", TEXT),
            Term("BT-9", "ram:DueDateDateTime/udt:DateTimeString", DAY),
            Term("BT-89", "ram:DirectDebitMandateID"),
        ),
    ),
    Group("BG-22", "ram:SpecifiedTradeSettlementHeaderMonetarySummation", TOTALS),
    # The D16B schema has this element once, later ones any number of times.
    Group(
        "BG-3",
        "ram:InvoiceReferencedDocument",
        (
            Term("BT-25", "ram:IssuerAssignedID"),
            Term("BT-26", "ram:FormattedIssueDateTime/qdt:DateTimeString", DAY),
        ),
    ),
    Term("BT-19", "ram:ReceivableSpecifiedTradeAccountingAccount/ram:ID"),
)

ENTRIES: Final[tuple[Entry, ...]] = (
    Element("rsm:ExchangedDocumentContext", CONTEXT),
    Element("rsm:ExchangedDocument", DOCUMENT),
    Element(
        "rsm:SupplyChainTradeTransaction",
        (
            Group("BG-25", "ram:IncludedSupplyChainTradeLineItem", LINE),
            Element("ram:ApplicableHeaderTradeAgreement", AGREEMENT, always=True),
            Element("ram:ApplicableHeaderTradeDelivery", DELIVERY, always=True),
            Element("ram:ApplicableHeaderTradeSettlement", SETTLEMENT, always=True),
        ),
        always=True,
    ),
)

_ROOT: Final = f"{{{NAMESPACES['rsm']}}}CrossIndustryInvoice"

BINDING: Final = Binding(
    name="Cross Industry Invoice D16B",
    invoice_root=_ROOT,
    credit_note_root=_ROOT,
    namespaces=NAMESPACES,
    entries=ENTRIES,
)


def write(invoice: Invoice) -> bytes:
    """A Cross Industry Invoice; the type code (BT-3) alone makes it a credit note.

    The same invoice always gives the same bytes. Raises MalformedDocument for a number that is none.
    """
    return BINDING.write(invoice)


def read(content: bytes) -> Invoice:
    """What a Cross Industry Invoice says; MalformedDocument for anything else."""
    return BINDING.read(content)


def unread(content: bytes) -> tuple[str, ...]:
    """The places of a document whose content the canonical invoice has no field for."""
    return BINDING.unread(content)


def losses(invoice: Invoice) -> tuple[str, ...]:
    """The terms of this invoice that this vocabulary does not carry as they stand."""
    return BINDING.losses(invoice)


def explain(xpath: str) -> tuple[str, ...]:
    """The business terms at a location of a validation report."""
    return BINDING.explain(xpath)
