"""Facturae 3.2.2, the Spanish invoice: one invoice in one file, issued by the seller or for it.

The table says where each term stands; `facturae_shape` brings the invoice into the shape of the format,
`facturae_restore` back. A file with several invoices is taken apart by `formats.envelopes.facturae_file`.
Source: Facturaev3_2_2.xsd of www.facturae.gob.es.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from formats.model.invoice import PrecedingInvoice
from formats.syntaxes.binding import Binding
from formats.syntaxes.facturae_kinds import AMOUNT_2, AMOUNT_8, EVENT, LITERAL, WHOLE
from formats.syntaxes.facturae_parties import (
    BUYER_FIRST,
    BUYER_LAST,
    CENTRE_ADDRESS,
    SELLER_FIRST,
    SELLER_LAST,
)
from formats.syntaxes.facturae_parts import ALONE, METHOD_TEXT, REASON_TEXT, RELATED, SIGNATURE
from formats.syntaxes.facturae_restore import restore
from formats.syntaxes.facturae_shape import adapt, is_iban, is_legal, is_no_iban, is_no_legal
from formats.syntaxes.facturae_sums import BATCH, LINE_COST, LINE_TAX_SUMS, TOTALS
from formats.syntaxes.kinds import BINARY, DATE, NOTE, TEXT
from formats.syntaxes.place import Scope
from formats.syntaxes.reading import Reader
from formats.syntaxes.table import Element, Entry, Filler, Group, Part, Term, walk
from formats.syntaxes.writing import Writer

__all__ = ["BINDING", "KEY", "NAMESPACE"]

KEY: Final = "facturae-3.2.2"
NAMESPACE: Final = "http://www.facturae.gob.es/formato/Versiones/Facturaev3_2_2.xml"

HEADER: Final[tuple[Entry, ...]] = (
    Term("BT-24", "SchemaVersion"),
    Filler("Modality", "I"),
    Term("ES-4", "InvoiceIssuerType"),
    BATCH,
)

SELLER: Final[tuple[Entry, ...]] = (SELLER_FIRST, SELLER_LAST)

BUYER: Final[tuple[Entry, ...]] = (
    BUYER_FIRST,
    Element(
        "AdministrativeCentres",
        (
            Group(
                "ES-G5",
                "AdministrativeCentre",
                (
                    Term("ES-40", "CentreCode"),
                    Term("ES-41", "RoleTypeCode"),
                    CENTRE_ADDRESS,
                    Term("ES-42", "CentreDescription"),
                ),
            ),
        ),
    ),
    BUYER_LAST,
)

CORRECTIVE: Final[tuple[Entry, ...]] = (
    Term("BT-25", "InvoiceNumber"),
    Term("ES-12", "InvoiceSeriesCode"),
    Term("ES-10", "ReasonCode"),
    REASON_TEXT,
    Element("TaxPeriod", (Term("ES-13", "StartDate", DATE), Term("ES-14", "EndDate", DATE))),
    Term("ES-11", "CorrectionMethod"),
    METHOD_TEXT,
    Term("ES-15", "AdditionalReasonDescription"),
    Term("BT-26", "InvoiceIssueDate", DATE),
)

ISSUE: Final[tuple[Entry, ...]] = (
    Term("BT-2", "IssueDate", DATE),
    Term("BT-72", "OperationDate", DATE),
    Group("BG-14", "InvoicingPeriod", (Term("BT-73", "StartDate", DATE), Term("BT-74", "EndDate", DATE))),
    Term("BT-5", "InvoiceCurrencyCode"),
    Element(
        "ExchangeRateDetails",
        (Term("ES-7", "ExchangeRate", AMOUNT_8), Term("ES-8", "ExchangeRateDate", DATE)),
    ),
    Term("BT-6", "TaxCurrencyCode"),
    Term("ES-6", "LanguageName"),
    Term("BT-13", "ReceiverTransactionReference"),
    Term("BT-17", "FileReference"),
    Term("BT-12", "ReceiverContractReference"),
)

TAX: Final[tuple[Entry, ...]] = (
    Term("ES-60", "TaxTypeCode"),
    Term("BT-119", "TaxRate", AMOUNT_8),
    Term("BT-116", "TaxableBase/TotalAmount", AMOUNT_8),
    Term("BT-117", "TaxAmount/TotalAmount", AMOUNT_8),
    Term("ES-61", "EquivalenceSurcharge", AMOUNT_2),
    Term("ES-62", "EquivalenceSurchargeAmount/TotalAmount", AMOUNT_8),
)

WITHHELD: Final[tuple[Entry, ...]] = (
    Term("ES-50", "TaxTypeCode"),
    Term("ES-51", "TaxRate", AMOUNT_8),
    Term("ES-52", "TaxableBase/TotalAmount", AMOUNT_8),
    Term("ES-53", "TaxAmount/TotalAmount", AMOUNT_8),
)

TOTALS_OF_INVOICE: Final[tuple[Entry, ...]] = (
    Term("BT-106", "TotalGrossAmount", AMOUNT_8),
    Element(
        "GeneralDiscounts",
        (
            Group(
                "BG-20",
                "Discount",
                (
                    Term("BT-97", "DiscountReason"),
                    Term("BT-94", "DiscountRate", AMOUNT_8),
                    Term("BT-92", "DiscountAmount", AMOUNT_8),
                ),
            ),
        ),
    ),
    Element(
        "GeneralSurcharges",
        (
            Group(
                "BG-21",
                "Charge",
                (
                    Term("BT-104", "ChargeReason"),
                    Term("BT-101", "ChargeRate", AMOUNT_8),
                    Term("BT-99", "ChargeAmount", AMOUNT_8),
                ),
            ),
        ),
    ),
    Term("BT-107", "TotalGeneralDiscounts", AMOUNT_8),
    Term("BT-108", "TotalGeneralSurcharges", AMOUNT_8),
    Term("BT-109", "TotalGrossAmountBeforeTaxes", AMOUNT_8),
    Term("BT-110", "TotalTaxOutputs", AMOUNT_8),
    TOTALS,
)

LINE: Final[tuple[Entry, ...]] = (
    Term("BT-14", "IssuerTransactionReference"),
    Term("BT-132", "SequenceNumber", WHOLE),
    Term("BT-16", "DeliveryNotesReferences/DeliveryNote/DeliveryNoteNumber"),
    Term("BT-153", "ItemDescription", TEXT, parts=("BT-153", "BT-154")),
    Term("BT-129", "Quantity", AMOUNT_8),
    Term("BT-130", "UnitOfMeasure"),
    Term("BT-146", "UnitPriceWithoutTax", AMOUNT_8),
    LINE_COST,
    Element(
        "DiscountsAndRebates",
        (
            Group(
                "BG-27",
                "Discount",
                (
                    Term("BT-139", "DiscountReason"),
                    Term("BT-138", "DiscountRate", AMOUNT_8),
                    Term("BT-136", "DiscountAmount", AMOUNT_8),
                ),
            ),
        ),
    ),
    Element(
        "Charges",
        (
            Group(
                "BG-28",
                "Charge",
                (
                    Term("BT-144", "ChargeReason"),
                    Term("BT-143", "ChargeRate", AMOUNT_8),
                    Term("BT-141", "ChargeAmount", AMOUNT_8),
                ),
            ),
        ),
    ),
    Term("BT-131", "GrossAmount", AMOUNT_8),
    Element(
        "TaxesWithheld",
        (
            Group(
                "ES-G9",
                "Tax",
                (
                    Term("ES-70", "TaxTypeCode"),
                    Term("ES-71", "TaxRate", AMOUNT_8),
                    Term("ES-72", "TaxableBase/TotalAmount", AMOUNT_8),
                    Term("ES-73", "TaxAmount/TotalAmount", AMOUNT_8),
                ),
            ),
        ),
    ),
    Element(
        "TaxesOutputs/Tax",
        (
            Term("ES-65", "TaxTypeCode"),
            Term("BT-152", "TaxRate", AMOUNT_8),
            LINE_TAX_SUMS,
            Term("ES-66", "EquivalenceSurcharge", AMOUNT_2),
            Term("ES-67", "EquivalenceSurchargeAmount/TotalAmount", AMOUNT_8),
        ),
    ),
    Group("BG-26", "LineItemPeriod", (Term("BT-134", "StartDate", DATE), Term("BT-135", "EndDate", DATE))),
    Term("BT-127", "AdditionalLineItemInformation", TEXT),
    Term("BT-151", "SpecialTaxableEvent", EVENT, parts=("BT-151", "BT-118", "BT-120", "BT-121")),
    Term("BT-155", "ArticleCode"),
)

INSTALMENT: Final[tuple[Entry, ...]] = (
    Term("ES-80", "InstallmentDueDate", DATE, parts=("ES-80", "BT-9")),
    Term("ES-81", "InstallmentAmount", AMOUNT_2),
    Term("BT-81", "PaymentMeans"),
    Group(
        "BG-17",
        "AccountToBeCredited",
        (
            Term("BT-84", "IBAN", when=is_iban),
            Term("BT-84", "AccountNumber", when=is_no_iban),
            Term("BT-86", "BIC"),
        ),
    ),
    Term("BT-83", "PaymentReconciliationReference"),
    Element("AccountToBeDebited", (Term("BT-91", "IBAN"),)),
    Term("BT-20", "CollectionAdditionalInformation", TEXT),
)

ATTACHMENT: Final[tuple[Entry, ...]] = (
    Filler("AttachmentCompressionAlgorithm", "NONE", only_this=True),
    Term("BT-125-1", "AttachmentFormat"),
    Filler("AttachmentEncoding", "BASE64", only_this=True),
    Term("BT-122", "AttachmentDescription", parts=("BT-122", "BT-123")),
    Term("BT-125", "AttachmentData", BINARY),
)


def _write_corrective(parent: etree._Element, writer: Writer, scope: Scope) -> bool:
    invoice = writer.invoice
    if invoice.spain is None or invoice.spain.invoice_class != "OR":
        return False
    corrected = next(iter(invoice.preceding_invoices), PrecedingInvoice())
    inner = etree.SubElement(parent, "Corrective")
    return writer.fill(inner, CORRECTIVE, {**scope, "BG-3": corrected}, first=True)


def _read_corrective(parent: etree._Element, reader: Reader, scope: Scope) -> None:
    inner = parent.find("Corrective")
    if inner is not None:
        reader.take(inner, CORRECTIVE, reader.open("BG-3", scope))


_CORRECTIVE: Final = Part(
    {
        entry.name: f"Corrective/{'/'.join(steps)}"
        for steps, entry in walk(CORRECTIVE, False)
        if isinstance(entry, Term)
    },
    _write_corrective,
    _read_corrective,
)

INVOICE: Final[tuple[Entry, ...]] = (
    Element(
        "InvoiceHeader",
        (
            Term("BT-1", "InvoiceNumber"),
            Term("ES-1", "InvoiceSeriesCode"),
            Term("ES-2", "InvoiceDocumentType", parts=("ES-2", "BT-3")),
            Term("ES-3", "InvoiceClass", parts=("ES-3", "BT-3")),
            _CORRECTIVE,
        ),
    ),
    Element("InvoiceIssueData", ISSUE),
    Element("TaxesOutputs", (Group("BG-23", "Tax", TAX),)),
    Element("TaxesWithheld", (Group("ES-G6", "Tax", WITHHELD),)),
    Element("InvoiceTotals", TOTALS_OF_INVOICE),
    Element("Items", (Group("BG-25", "InvoiceLine", LINE),)),
    Element("PaymentDetails", (Group("ES-G10", "Installment", INSTALMENT),)),
    Element(
        "LegalLiterals",
        (Term("BG-1", "LegalReference", LITERAL, when=is_legal, parts=("BT-21", "BT-22")),),
    ),
    Element(
        "AdditionalData",
        (
            RELATED,
            Element("RelatedDocuments", (Group("BG-24", "Attachment", ATTACHMENT),)),
            Term("BG-1", "InvoiceAdditionalInformation", NOTE, when=is_no_legal, parts=("BT-21", "BT-22")),
        ),
    ),
)

ENTRIES: Final[tuple[Entry, ...]] = (
    Element("FileHeader", HEADER),
    Element("Parties", (Element("SellerParty", SELLER), Element("BuyerParty", BUYER))),
    Element("Invoices", (ALONE, Element("Invoice", INVOICE))),
    SIGNATURE,
)

_ROOT: Final = f"{{{NAMESPACE}}}Facturae"

BINDING: Final = Binding(
    name="Facturae 3.2.2",
    invoice_root=_ROOT,
    credit_note_root=_ROOT,
    namespaces={"fe": NAMESPACE, "ds": "http://www.w3.org/2000/09/xmldsig#"},
    entries=ENTRIES,
    adapt=adapt,
    restore=restore,
)
