"""Service descriptions of the imitated S/4HANA's journal entry services, small ones of our own.

Names, order, types and lengths are those of SAP's services (a test compares them); of the hundreds of fields
only those are here that a payment or a changed reference needs. As with the real ones the top element alone
is qualified, and the address names a host that no client should call.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CHANGE", "CREATE", "NAMESPACE", "change_description", "create_description"]

NAMESPACE: Final = "http://sap.com/xi/SAPSCORE/SFIN"
CREATE: Final = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi"
CHANGE: Final = "/sap/bc/srt/scs_ext/sap/journalentrybulkchangerequest_"
_HOST: Final = "https://my300000-api.s4hana.example"

# Element, type, least number, and * where it may occur often.
_HEADER: Final = """
BusinessDocumentMessageHeader
  ID BusinessDocumentMessageID 0
  UUID UUID 0
  ReferenceID BusinessDocumentMessageID 0
  ReferenceUUID UUID 0
  CreationDateTime GLOBAL_DateTime 1
  TestDataIndicator Indicator 0
  SenderBusinessSystemID BusinessSystemID 0
"""
_CREATE_TYPES: Final = """
JournalEntryCreateRequestBulkMessage
  MessageHeader BusinessDocumentMessageHeader 1
  JournalEntryCreateRequest JournalEntryCreateRequestMessage 1 *
JournalEntryCreateRequestMessage
  MessageHeader BusinessDocumentMessageHeader 1
  JournalEntry JournalEntryCreateRequestJournalEntry 1
JournalEntryCreateRequestJournalEntry
  OriginalReferenceDocumentType BusinessTransactionDocumentTypeCode 1
  OriginalReferenceDocument ReferenceDocumentID 0
  OriginalReferenceDocumentLogicalSystem OriginalReferenceDocumentLogicalSystem 0
  BusinessTransactionType AccountingBusinessTransactionTypeCode 1
  AccountingDocumentType AccountingDocumentTypeCode 1
  DocumentReferenceID DocumentReferenceID 0
  DocumentHeaderText DocumentHeaderText 0
  CreatedByUser CreatedByUser 1
  CompanyCode CompanyCodeID 1
  DocumentDate Date 1
  PostingDate Date 1
  Item JournalEntryCreateRequestJournalEntryItem 0 *
  DebtorItem JournalEntryCreateRequestJournalEntryDebtorItem 0 *
JournalEntryCreateRequestJournalEntryItem
  ReferenceDocumentItem BusinessTransactionDocumentItemID 0
  GLAccount ChartOfAccountsItemCode 1
  AmountInTransactionCurrency Amount 1
  DebitCreditCode DebitCreditCode 0
  DocumentItemText DocumentItemText 0
  AssignmentReference AssignmentReference 0
JournalEntryCreateRequestJournalEntryDebtorItem
  ReferenceDocumentItem BusinessTransactionDocumentItemID 1
  Debtor BusinessPartnerInternalID 1
  AmountInTransactionCurrency Amount 1
  DebitCreditCode DebitCreditCode 0
  DocumentItemText DocumentItemText 0
  AssignmentReference AssignmentReference 0
  Reference3IDByBusinessPartner ReferenceKey_3 0
JournalEntryCreateConfirmationBulkMessage
  MessageHeader BusinessDocumentMessageHeader 1
  JournalEntryCreateConfirmation JournalEntryCreateConfirmationMessage 0 *
  Log Log 1
JournalEntryCreateConfirmationMessage
  MessageHeader BusinessDocumentMessageHeader 1
  JournalEntryCreateConfirmation JournalEntryCreateConfirmationJournalEntry 0
  Log Log 0
JournalEntryCreateConfirmationJournalEntry
  AccountingDocument AccountingDocument 1
  CompanyCode CompanyCodeID 1
  FiscalYear FiscalYearID 1
Log
  BusinessDocumentProcessingResultCode ProcessingResultCode 0
  MaximumLogItemSeverityCode LogItemSeverityCode 0
  Item LogItem 0 *
LogItem
  TypeID LogItemTypeID 0
  SeverityCode LogItemSeverityCode 0
  Note LogItemNote 1
"""
_CHANGE_TYPES: Final = """
JournalEntryBulkChangeRequestMsg
  MessageHeader BusinessDocumentMessageHeader 1
  JournalEntryDebtorCreditorItem JournalEntryDebtorCreditorItemChange 0 *
JournalEntryDebtorCreditorItemChange
  MessageHeader BusinessDocumentMessageHeader 1
  ItemKey ItemKey 1
  DocumentItemTextChange DocumentItemTextChange 0
  AssignmentReferenceChange AssignmentReferenceChange 0
  Reference1IDByBusinessPartnerChange Reference1IDByBusinessPartnerChange 0
  Reference2IDByBusinessPartnerChange Reference2IDByBusinessPartnerChange 0
  Reference3IDByBusinessPartnerChange Reference3IDByBusinessPartnerChange 0
ItemKey
  AccountingDocument AccountingDocument 1
  CompanyCode CompanyCodeID 1
  FiscalYear FiscalYearID 1
  AccountingDocumentItemID AccountingDocumentItemID 1
"""
_CHANGES: Final = {
    "DocumentItemText": "DocumentItemText",
    "AssignmentReference": "AssignmentReference",
    "Reference1IDByBusinessPartner": "ReferenceKey",
    "Reference2IDByBusinessPartner": "ReferenceKey",
    "Reference3IDByBusinessPartner": "ReferenceKey_3",
}
# Longest text of each simple type; 0 for those that have no length.
_LENGTHS: Final = {
    "BusinessTransactionDocumentTypeCode": 5, "ReferenceDocumentID": 20,
    "OriginalReferenceDocumentLogicalSystem": 10, "AccountingBusinessTransactionTypeCode": 4,
    "AccountingDocumentTypeCode": 5, "DocumentReferenceID": 16, "DocumentHeaderText": 25, "CreatedByUser": 12,
    "CompanyCodeID": 4, "BusinessTransactionDocumentItemID": 10, "ChartOfAccountsItemCode": 10,
    "DebitCreditCode": 1, "DocumentItemText": 50, "AssignmentReference": 18, "BusinessPartnerInternalID": 10,
    "ReferenceKey": 12, "ReferenceKey_3": 20, "AccountingDocument": 10, "FiscalYearID": 4,
    "BusinessSystemID": 60, "AccountingDocumentItemID": 6, "LogItemTypeID": 40, "LogItemNote": 200,
    "ProcessingResultCode": 2, "LogItemSeverityCode": 1,
}  # fmt: skip


def create_description() -> bytes:
    """Journal Entry - Post (synchronous)."""
    return _description(
        _HEADER + _CREATE_TYPES,
        {
            "JournalEntryBulkCreateRequest": "JournalEntryCreateRequestBulkMessage",
            "JournalEntryBulkCreateConfirmation": "JournalEntryCreateConfirmationBulkMessage",
        },
        "JournalEntryCreateRequestConfirmation_In",
        ("JournalEntryBulkCreateRequest", "JournalEntryBulkCreateConfirmation"),
        CREATE,
    )


def change_description() -> bytes:
    """Journal Entry - Change (asynchronous, one-way)."""
    changes = "".join(
        f"{name}Change\n  {name} {kind} 1\n  FieldValueChangeIsRequested Indicator 1\n"
        for name, kind in _CHANGES.items()
    )
    return _description(
        _HEADER + _CHANGE_TYPES + changes,
        {"JournalEntryBulkChangeRequestMessage": "JournalEntryBulkChangeRequestMsg"},
        "JournalEntryBulkChangeRequest_In",
        ("JournalEntryBulkChangeRequestMessage",),
        CHANGE,
    )


def _description(
    types: str, elements: dict[str, str], port: str, messages: tuple[str, ...], path: str
) -> bytes:
    top = "".join(f'<xsd:element name="{name}" type="tns:{kind}"/>' for name, kind in elements.items())
    parts = "".join(
        f'<wsdl:message name="{name}"><wsdl:part name="{name}" element="tns:{name}"/></wsdl:message>'
        for name in messages
    )
    ways = list(zip(("input", "output"), messages, strict=False))
    told = "".join(f'<wsdl:{way} message="tns:{name}"/>' for way, name in ways)
    bodies = "".join(f'<wsdl:{way}><soap:body use="literal"/></wsdl:{way}>' for way, _ in ways)
    return f"""<?xml version="1.0" encoding="utf-8"?>
<wsdl:definitions targetNamespace="{NAMESPACE}" xmlns:tns="{NAMESPACE}"
 xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
<wsdl:types><xsd:schema targetNamespace="{NAMESPACE}">{top}{_schema(types)}</xsd:schema></wsdl:types>
{parts}
<wsdl:portType name="{port}"><wsdl:operation name="{port}">{told}</wsdl:operation></wsdl:portType>
<wsdl:binding name="binding" type="tns:{port}">
<soap:binding transport="http://schemas.xmlsoap.org/soap/http" style="document"/>
<wsdl:operation name="{port}">
<soap:operation soapAction="{NAMESPACE}/{port}/{port}Request" style="document"/>{bodies}
</wsdl:operation></wsdl:binding>
<wsdl:service name="service"><wsdl:port name="binding" binding="tns:binding">
<soap:address location="{_HOST}{path}"/></wsdl:port></wsdl:service>
</wsdl:definitions>""".encode()


def _schema(types: str) -> str:
    texts, used = [], set[str]()
    for line in filter(None, types.splitlines()):
        if not line.startswith(" "):
            texts.append(f'</xsd:sequence></xsd:complexType><xsd:complexType name="{line}"><xsd:sequence>')
            continue
        name, kind, least, *often = line.split()
        used.add(kind)
        most = ' maxOccurs="unbounded"' if often else ""
        texts.append(f'<xsd:element name="{name}" type="tns:{kind}" minOccurs="{least}"{most}/>')
    complex_types = "".join(texts).removeprefix("</xsd:sequence></xsd:complexType>")
    return f"{complex_types}</xsd:sequence></xsd:complexType>{_FIXED}" + "".join(
        f'<xsd:simpleType name="{name}"><xsd:restriction base="xsd:token">'
        f'<xsd:maxLength value="{length}"/></xsd:restriction></xsd:simpleType>'
        for name, length in _LENGTHS.items()
        if name in used
    )


_FIXED: Final = """
<xsd:complexType name="Amount"><xsd:simpleContent><xsd:extension base="tns:Amount.Content">
<xsd:attribute name="currencyCode" type="xsd:token" use="required"/></xsd:extension></xsd:simpleContent>
</xsd:complexType>
<xsd:simpleType name="Amount.Content"><xsd:restriction base="xsd:decimal"><xsd:totalDigits value="28"/>
<xsd:fractionDigits value="6"/></xsd:restriction></xsd:simpleType>
<xsd:complexType name="BusinessDocumentMessageID"><xsd:simpleContent>
<xsd:extension base="tns:BusinessDocumentMessageID.Content"/></xsd:simpleContent></xsd:complexType>
<xsd:simpleType name="BusinessDocumentMessageID.Content"><xsd:restriction base="xsd:token">
<xsd:maxLength value="35"/></xsd:restriction></xsd:simpleType>
<xsd:complexType name="UUID"><xsd:simpleContent><xsd:extension base="tns:UUID.Content"/></xsd:simpleContent>
</xsd:complexType>
<xsd:simpleType name="UUID.Content"><xsd:restriction base="xsd:token"><xsd:length value="36"/>
</xsd:restriction>
</xsd:simpleType>
<xsd:simpleType name="GLOBAL_DateTime"><xsd:restriction base="xsd:dateTime"/></xsd:simpleType>
<xsd:simpleType name="Date"><xsd:restriction base="xsd:date"/></xsd:simpleType>
<xsd:simpleType name="Indicator"><xsd:restriction base="xsd:boolean"/></xsd:simpleType>
"""
