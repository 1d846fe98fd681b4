"""What the imitated S/4HANA's OData services know: entity sets, keys, navigations, and fields with their
types.

A part of each service only: what an invoice, its buyer and its payment need. A field here has the name, type
and length that the real service's $metadata gives it; a test compares the two.

Types: `S10` text of ten characters, `A10` one that SAP stores with leading zeros and shows without
(conversion ALPHA), `N6` digits that are shown without leading zeros, `P2` a partner function and `U3` a unit,
which are shown in the language of the logon; `D16,3` decimal, `Day` Edm.DateTime, `Moment`
Edm.DateTimeOffset (`Day7` and `Moment0` with another precision), `Time`, `Flag`, `Double`, `Guid`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["SERVICES", "EntityType", "Service", "custom_object"]


@dataclass(frozen=True, slots=True)
class EntityType:
    """One entity type and its set; `fields` maps names to the types above, `to_one` names navigations that
    lead to one record."""

    name: str
    entity_set: str
    keys: tuple[str, ...]
    fields: Mapping[str, str]
    navigations: Mapping[str, str] = field(default_factory=dict)
    to_one: frozenset[str] = frozenset()
    etag: str = ""
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """One service below /sap/opu/odata/sap/ with its sets by name."""

    name: str
    sets: Mapping[str, EntityType]


def _entity(
    name: str,
    keys: str,
    fields: str,
    *,
    entity_set: str = "",
    to: str = "",
    to_one: tuple[str, ...] = (),
    etag: str = "",
    writable: bool = False,
) -> EntityType:
    return EntityType(
        name,
        entity_set or name.removesuffix("Type"),
        tuple(keys.split()),
        dict(_pair(entry) for entry in fields.split()),
        dict(_pair(entry) for entry in to.split()),
        frozenset(to_one),
        etag,
        writable,
    )


def _pair(entry: str) -> tuple[str, str]:
    name, _, value = entry.partition(":")
    return name, value


def _service(name: str, *types: EntityType) -> tuple[str, Service]:
    return name, Service(name, {entity.entity_set: entity for entity in types})


def custom_object(name: str, fields: Mapping[str, str]) -> Service:
    """The service of a custom business object, as key users make them: YY1_<NAME>_CDS with one set."""
    entity = EntityType(
        f"{name}Type",
        name,
        ("SAP_UUID",),
        {"SAP_UUID": "Guid", **fields},
        etag="SAP_LastChangedDateTime",
        writable=True,
    )
    return Service(f"{name}_CDS", {name: entity})


SERVICES: Final[Mapping[str, Service]] = dict(
    (
        _service(
            "API_BILLING_DOCUMENT_SRV",
            _entity(
                "A_BillingDocumentType",
                "BillingDocument",
                """
            BillingDocument:A10 SDDocumentCategory:S4 BillingDocumentCategory:S1 BillingDocumentType:S4
            CreationDate:Day CreationTime:Time LastChangeDate:Day LastChangeDateTime:Moment
            LogicalSystem:S10 SalesOrganization:S4 DistributionChannel:S2 Division:S2
            BillingDocumentDate:Day BillingDocumentIsCancelled:Flag CancelledBillingDocument:A10
            ForeignTrade:S10 IsExportDelivery:S1 TotalNetAmount:D16,3 TransactionCurrency:S5
            StatisticsCurrency:S5 TaxAmount:D14,3 TotalGrossAmount:D17,3 CustomerPriceGroup:S2
            TaxDepartureCountry:S3 VATRegistration:S20 VATRegistrationOrigin:S1
            VATRegistrationCountry:S3 CustomerTaxClassification1:S1 IsEUTriangularDeal:Flag
            SDPricingProcedure:S6 IncotermsClassification:S3 IncotermsTransferLocation:S28
            IncotermsLocation1:S70 PayerParty:A10 ContractAccount:S12 CustomerPaymentTerms:S4
            PaymentMethod:S1 PaymentReference:S30 AdditionalValueDays:S2 SEPAMandate:S35 CompanyCode:S4
            FiscalYear:S4 AccountingDocument:A10 AbsltAccountingExchangeRate:D9,5
            AcctgExchangeRateIsIndrctQtan:Flag ExchangeRateDate:Day ExchangeRateType:S4
            DocumentReferenceID:S16 AssignmentReference:S18 SoldToParty:A10 PartnerCompany:S6
            PurchaseOrderByCustomer:S35 CustomerGroup:S2 Country:S3 Region:S3 OverallSDProcessStatus:S1
            OverallBillingStatus:S1 AccountingPostingStatus:S1 AccountingTransferStatus:S1
            BillingIssueType:S1 InvoiceListStatus:S1 OvrlItmGeneralIncompletionSts:S1
            OverallPricingIncompletionSts:S1 InvoiceClearingStatus:S1 BillingDocumentListType:S4
            BillingDocumentListDate:Day
            """,
                to="""
            to_Item:A_BillingDocumentItem to_Partner:A_BillingDocumentPartner
            to_PricingElement:A_BillingDocumentPrcgElmnt to_Text:A_BillingDocumentText
            """,
                etag="LastChangeDateTime",
            ),
            _entity(
                "A_BillingDocumentItemType",
                "BillingDocument BillingDocumentItem",
                """
            BillingDocument:A10 BillingDocumentItem:N6 SalesDocumentItemCategory:S4
            SalesDocumentItemType:S1 ReturnItemProcessingType:S1 Material:A40
            OriginallyRequestedMaterial:A40 InternationalArticleNumber:S18 MaterialGroup:S9 Plant:S4
            BillingDocumentItemText:S40 ServicesRenderedDate:Day BillingQuantity:D13,3
            BillingQuantityUnit:U3 BillingQuantityInBaseUnit:D13,3 BaseUnit:U3
            BillingToBaseQuantityDnmntr:D5,0 ItemGrossWeight:D15,3 ItemNetWeight:D15,3 ItemWeightUnit:U3
            BillToPartyCountry:S3 NetAmount:D16,3 TransactionCurrency:S5 GrossAmount:D16,3
            PricingDate:Day TaxAmount:D14,3 CostAmount:D14,3 StatisticalValueControl:S1
            CashDiscountIsDeductible:Flag DepartureCountry:S3 TaxJurisdiction:S15
            ProductTaxClassification1:S1 ZeroVATRsn:S1 EligibleAmountForCashDiscount:D14,3
            ProfitCenter:S10 OriginSDDocument:A10 OriginSDDocumentItem:N6 ReferenceSDDocument:A10
            ReferenceSDDocumentItem:N6 ReferenceSDDocumentCategory:S4 SalesDocument:A10
            SalesDocumentItem:N6 SalesSDDocumentCategory:S4 HigherLevelItem:N6 SDDocumentReason:S3
            HigherLevelItemUsage:S1
            """,
                to="""
            to_ItemText:A_BillingDocumentItemText to_Partner:A_BillingDocumentItemPartner
            to_PricingElement:A_BillingDocumentItemPrcgElmnt
            """,
            ),
            _entity(
                "A_BillingDocumentItemPartnerType",
                "BillingDocument BillingDocumentItem PartnerFunction",
                """
            BillingDocument:A10 BillingDocumentItem:N6 PartnerFunction:P2 Customer:A10 Supplier:A10
            Personnel:N8 ContactPerson:N10
            """,
            ),
            _entity(
                "A_BillingDocumentItemPrcgElmntType",
                "BillingDocument BillingDocumentItem PricingProcedureStep PricingProcedureCounter",
                """
            BillingDocument:A10 BillingDocumentItem:N6 PricingProcedureStep:N3
            PricingProcedureCounter:N3 ConditionType:S4 PricingDateTime:S14 ConditionCalculationType:S3
            ConditionBaseValue:D24,9 ConditionRateValue:D24,9 ConditionCurrency:S5
            ConditionQuantity:D5,0 ConditionQuantityUnit:U3 ConditionCategory:S1
            ConditionIsForStatistics:Flag CndnIsRelevantForInvoiceList:S1 ConditionOrigin:S1
            IsGroupCondition:S1 ConditionRecord:S10 TaxCode:S2 WithholdingTaxCode:S2
            CndnRoundingOffDiffAmount:D6,3 ConditionAmount:D16,3 TransactionCurrency:S5
            ConditionControl:S1 ConditionInactiveReason:S1 ConditionClass:S1
            FactorForConditionBasisValue:Double StructureCondition:S1
            PeriodFactorForCndnBasisValue:Double CndnIsRelevantForIntcoBilling:Flag
            ConditionIsManuallyChanged:Flag
            """,
            ),
            _entity(
                "A_BillingDocumentItemTextType",
                "BillingDocument BillingDocumentItem Language LongTextID",
                """
            BillingDocument:A10 BillingDocumentItem:N6 Language:S2 LongTextID:S4 LongText:S
            """,
            ),
            _entity(
                "A_BillingDocumentPartnerType",
                "BillingDocument PartnerFunction",
                """
            BillingDocument:A10 PartnerFunction:P2 Customer:A10 Supplier:A10 Personnel:N8
            ContactPerson:N10
            """,
            ),
            _entity(
                "A_BillingDocumentPrcgElmntType",
                "BillingDocument PricingProcedureStep PricingProcedureCounter",
                """
            BillingDocument:A10 PricingProcedureStep:N3 PricingProcedureCounter:N3 ConditionType:S4
            PricingDateTime:S14 ConditionCalculationType:S3 ConditionBaseValue:D24,9
            ConditionRateValue:D24,9 ConditionCurrency:S5 ConditionQuantity:D5,0
            ConditionQuantityUnit:U3 ConditionCategory:S1 ConditionIsForStatistics:Flag
            ConditionOrigin:S1 IsGroupCondition:S1 ConditionRecord:S10 TaxCode:S2 WithholdingTaxCode:S2
            CndnRoundingOffDiffAmount:D6,3 ConditionAmount:D16,3 TransactionCurrency:S5
            ConditionControl:S1 ConditionInactiveReason:S1 ConditionClass:S1
            FactorForConditionBasisValue:Double StructureCondition:S1
            PeriodFactorForCndnBasisValue:Double CndnIsRelevantForIntcoBilling:Flag
            ConditionIsManuallyChanged:Flag
            """,
            ),
            _entity(
                "A_BillingDocumentTextType",
                "BillingDocument Language LongTextID",
                """
            BillingDocument:A10 Language:S2 LongTextID:S4 LongText:S
            """,
            ),
        ),
        _service(
            "API_BUSINESS_PARTNER",
            _entity(
                "A_BusinessPartnerType",
                "BusinessPartner",
                """
            BusinessPartner:A10 Customer:A10 Supplier:A10 BusinessPartnerCategory:S1
            BusinessPartnerFullName:S81 BusinessPartnerName:S81 CorrespondenceLanguage:S2
            CreationDate:Day CreationTime:Time FirstName:S40 InternationalLocationNumber1:S7
            InternationalLocationNumber2:S5 LastChangeDate:Day LastChangeTime:Time LastName:S40
            LegalForm:S2 OrganizationBPName1:S40 OrganizationBPName2:S40 OrganizationBPName3:S40
            OrganizationBPName4:S40 SearchTerm1:S20 BusinessPartnerIsBlocked:Flag ETag:S26
            InternationalLocationNumber3:S1 IsMarkedForArchiving:Flag
            """,
                to="""
            to_BusinessPartnerAddress:A_BusinessPartnerAddress
            to_BusinessPartnerTax:A_BusinessPartnerTaxNumber to_BuPaIdentification:A_BuPaIdentification
            to_BusinessPartnerBank:A_BusinessPartnerBank to_Customer:A_Customer
            """,
                to_one=("to_Customer",),
                etag="ETag",
            ),
            _entity(
                "A_BusinessPartnerAddressType",
                "BusinessPartner AddressID",
                """
            BusinessPartner:A10 AddressID:A10 CityName:S40 Country:S3 District:S40 HouseNumber:S10
            HouseNumberSupplementText:S10 Language:S2 POBox:S10 POBoxPostalCode:S10 Person:A10
            PostalCode:S10 Region:S3 StreetName:S60 StreetPrefixName:S40 StreetSuffixName:S40
            ValidityStartDate:Moment0 ValidityEndDate:Moment0
            """,
                to="""
            to_EmailAddress:A_AddressEmailAddress to_AddressUsage:A_BuPaAddressUsage
            """,
            ),
            _entity(
                "A_AddressEmailAddressType",
                "AddressID Person OrdinalNumber",
                """
            AddressID:A10 Person:A10 OrdinalNumber:S3 IsDefaultEmailAddress:Flag EmailAddress:S241
            """,
            ),
            _entity(
                "A_BuPaAddressUsageType",
                "BusinessPartner ValidityEndDate AddressUsage AddressID",
                """
            BusinessPartner:A10 ValidityEndDate:Moment0 AddressUsage:S10 AddressID:A10
            """,
            ),
            _entity(
                "A_BuPaIdentificationType",
                "BusinessPartner BPIdentificationType BPIdentificationNumber",
                """
            BusinessPartner:A10 BPIdentificationType:S6 BPIdentificationNumber:S60 Country:S3
            """,
            ),
            _entity(
                "A_BusinessPartnerTaxNumberType",
                "BusinessPartner BPTaxType",
                """
            BusinessPartner:A10 BPTaxType:S4 BPTaxNumber:S20 BPTaxLongNumber:S60
            """,
            ),
            _entity(
                "A_BusinessPartnerBankType",
                "BusinessPartner BankIdentification",
                """
            BusinessPartner:A10 BankIdentification:S4 BankCountryKey:S3 BankNumber:S15 SWIFTCode:S11
            BankAccountHolderName:S60 IBAN:S34 BankAccount:S18
            """,
            ),
            _entity(
                "A_CustomerType",
                "Customer",
                """
            Customer:A10 CustomerFullName:S220 CustomerName:S80 TaxNumber1:S16 TaxNumber2:S11
            TaxNumber3:S18 TaxNumber4:S18 TaxNumber5:S60 VATRegistration:S20
            """,
                to="""
            to_CustomerCompany:A_CustomerCompany
            """,
            ),
            _entity(
                "A_CustomerCompanyType",
                "Customer CompanyCode",
                """
            Customer:A10 CompanyCode:S4 AccountByCustomer:S12 PaymentBlockingReason:S1 PaymentTerms:S4
            ReconciliationAccount:S10
            """,
            ),
        ),
        _service(
            "API_COMPANYCODE_SRV",
            _entity(
                "A_CompanyCodeType",
                "CompanyCode",
                """
            CompanyCode:S4 CompanyCodeName:S25 CityName:S25 Country:S3 Currency:S5 Language:S2
            ChartOfAccounts:S4 Company:S6 AddressID:A10 TaxableEntity:S4 VATRegistration:S20
            """,
            ),
        ),
        _service(
            "API_OPLACCTGDOCITEMCUBE_SRV",
            _entity(
                "A_OperationalAcctgDocItemCubeType",
                "CompanyCode FiscalYear AccountingDocument AccountingDocumentItem",
                """
            CompanyCode:S4 FiscalYear:S4 AccountingDocument:A10 AccountingDocumentItem:S3
            ChartOfAccounts:S4 ClearingDate:Day ClearingCreationDate:Day ClearingAccountingDocument:A10
            IsCleared:Flag PostingKey:S2 FinancialAccountType:S1 SpecialGLCode:S1 DebitCreditCode:S1
            TaxCode:S2 AssignmentReference:S18 DocumentItemText:S50 BillingDocument:A10
            SalesDocument:A10 GLAccount:A10 Customer:A10 CustomerName:S80 DueCalculationBaseDate:Day
            PaymentTerms:S4 CashDiscount1Days:D3,0 NetPaymentDays:D3,0 CashDiscount1Percent:D5,3
            PaymentMethod:S1 PaymentBlockingReason:S1 InvoiceReference:A10 InvoiceReferenceFiscalYear:S4
            InvoiceItemReference:S3 DunningLevel:S1 PaymentDifferenceReason:S3 ClearingIsReversed:Flag
            Reference1IDByBusinessPartner:S12 Reference2IDByBusinessPartner:S12
            Reference3IDByBusinessPartner:S20 HasPaymentOrder:Flag PaymentReference:S30
            ClearingItem:D5,0 ClearingDocFiscalYear:S4 SEPAMandate:S35 ReferenceDocumentType:S5
            OriginalReferenceDocument:S20 AccountingDocumentCategory:S1 PostingDate:Day DocumentDate:Day
            AccountingDocumentType:S2 NetDueDate:Day CashDiscount1DueDate:Day CashDiscount2DueDate:Day
            CompanyCodeCurrency:S5 AmountInCompanyCodeCurrency:D24,3 TransactionCurrency:S5
            AmountInTransactionCurrency:D24,3 TaxAmount:D24,3 CashDiscountAmount:D24,3
            NetPaymentAmount:D24,3 AccountingDocumentCreationDate:Day LastChangeDate:Day
            DocumentReferenceID:S16 ReverseDocument:A10 Ledger:S2 IsReversal:Flag IsReversed:Flag
            """,
            ),
        ),
        _service(
            "API_CV_ATTACHMENT_SRV",
            _entity(
                "AttachmentContent",
                "DocumentInfoRecordDocType DocumentInfoRecordDocNumber DocumentInfoRecordDocVersion "
                "DocumentInfoRecordDocPart LogicalDocument ArchiveDocumentID "
                "LinkedSAPObjectKey BusinessObjectTypeName",
                """
            DocumentInfoRecordDocType:S3 DocumentInfoRecordDocNumber:S25 DocumentInfoRecordDocVersion:S2
            DocumentInfoRecordDocPart:S3 LogicalDocument:S32 ArchiveDocumentID:S40
            LinkedSAPObjectKey:S90 BusinessObjectTypeName:S40 FileSize:S12 FileName:S255 MimeType:S128
            CreatedByUser:S12 CreationDateTime:Day7
            """,
                entity_set="AttachmentContentSet",
                writable=True,
            ),
        ),
    )
)
