"""Billing documents of the imitated S/4HANA as the rows of its billing document service.

The documents are those of the same imitated company that sends IDocs (`sap_documents`), seen through OData:
conditions instead of segments, partner numbers instead of addresses, discounts only at items, tax for each
item. Values are stored as SAP stores them; `s4_odata` shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from connectors.sandbox.sap_documents import RATES, Billing, Item

__all__ = ["CATEGORIES", "COMPANY_CODE", "Issued", "billing_row", "moment_of", "recalculate"]

Row = dict[str, Any]
COMPANY_CODE: Final = "1000"
# Billing type -> SD document category and billing category, as SAP delivers them.
CATEGORIES: Final[Mapping[str, tuple[str, str]]] = {
    "F2": ("M", "L"),
    "L2": ("P", "A"),
    "G2": ("O", "A"),
    "RE": ("O", "A"),
    "S1": ("N", "L"),
    "S2": ("S", "A"),
    "F5": ("U", "A"),
    "F8": ("U", "L"),
    "IV": ("5", "I"),
    "IG": ("6", "I"),
    "LR": ("3", "R"),
    "FAZ": ("M", "P"),
    "BV": ("M", "A"),
}
_INTERNAL_UNITS: Final = {"PCE": "ST", "MTR": "M", "HUR": "STD", "DAY": "TAG", "C62": "LE", "KGM": "KG"}
_DECIMALS: Final = {"JPY": 0, "HUF": 0, "KWD": 3, "BHD": 3}
_TAX_STEP, _COST_STEP = "915", "940"


@dataclass(frozen=True, slots=True)
class Issued:
    """One billing document: what was billed, as which billing type, and what became of it in SAP."""

    billing: Billing
    kind: str = "F2"
    company_code: str = COMPANY_CODE
    partner_company: str = ""
    cancels: str = ""
    cancelled: bool = False
    posted: bool = True


def billing_row(issued: Issued, changed: datetime) -> Row:
    """The header with all that can be expanded from it; `changed` is aware UTC."""
    billing, (category, billing_category) = issued.billing, CATEGORIES[issued.kind]
    buyer, departure = billing.customer, "DE"
    row: Row = {
        "BillingDocument": billing.number,
        "SDDocumentCategory": category,
        "BillingDocumentCategory": billing_category,
        "BillingDocumentType": issued.kind,
        "CreationDate": billing.on,
        "CreationTime": time(8, 15, 30),
        "LastChangeDate": None,
        "LastChangeDateTime": changed,
        "SalesOrganization": "1000",
        "DistributionChannel": "10",
        "Division": "00",
        "BillingDocumentDate": billing.on,
        "BillingDocumentIsCancelled": issued.cancelled,
        "CancelledBillingDocument": issued.cancels,
        "TransactionCurrency": billing.currency,
        "StatisticsCurrency": "EUR",
        "TaxDepartureCountry": departure,
        "VATRegistration": buyer.vat,
        "VATRegistrationOrigin": "A",
        "VATRegistrationCountry": buyer.country,
        "IsEUTriangularDeal": False,
        "SDPricingProcedure": "RVAA01",
        "IncotermsClassification": "DAP" if billing.ship_to else "",
        "IncotermsLocation1": billing.ship_to.city if billing.ship_to else "",
        "PayerParty": buyer.number,
        "CustomerPaymentTerms": f"NT{billing.net_days:02}",
        "CompanyCode": issued.company_code,
        "FiscalYear": "0000",
        "AccountingDocument": "",
        "AbsltAccountingExchangeRate": billing.rate.quantize(Decimal("0.00001")),
        "AcctgExchangeRateIsIndrctQtan": False,
        "ExchangeRateDate": billing.on,
        "ExchangeRateType": "M",
        "DocumentReferenceID": billing.number,
        "SoldToParty": buyer.number,
        "PartnerCompany": issued.partner_company,
        "PurchaseOrderByCustomer": billing.purchase_order,
        "Country": (billing.ship_to or buyer).country,
        "OverallSDProcessStatus": "C",
        "OverallBillingStatus": "",
        "AccountingPostingStatus": "C" if issued.posted else "A",
        "AccountingTransferStatus": "C" if issued.posted else "F",
        "InvoiceClearingStatus": "",
        "to_Item": [_item(issued, item, index * 10) for index, item in enumerate(billing.items, 1)],
        "to_Partner": [_partner(billing.number, function, buyer.number) for function in ("AG", "RE", "RG")],
        "to_PricingElement": [],
        "to_Text": [],
    }
    if buyer.reference:
        row["YY1_BuyerReference_BDH"] = buyer.reference
    texts = ([("0001", billing.note)] if billing.note else []) + [("Z099", "Internal: check the margin")]
    row["to_Text"] = [
        {"BillingDocument": billing.number, "Language": language, "LongTextID": kind, "LongText": text}
        for kind, text in texts
        for language in ("DE",)
    ]
    recalculate(row)
    return row


def recalculate(row: Row) -> None:
    """Header sums from the items; those that SAP does not count in (StatisticalValueControl) stay out."""
    counted = [item for item in row["to_Item"] if item["StatisticalValueControl"] not in ("X", "Y")]
    net = sum((item["NetAmount"] for item in counted), Decimal(0))
    tax = sum((item["TaxAmount"] for item in counted), Decimal(0))
    currency = row["TransactionCurrency"]
    row.update(
        TotalNetAmount=_money(net, currency),
        TaxAmount=_money(tax, currency),
        TotalGrossAmount=_money(net + tax, currency),
    )


def _item(issued: Issued, item: Item, position: int) -> Row:
    billing, number = issued.billing, f"{position:06}"
    unit = _INTERNAL_UNITS.get(item.unit, item.unit)
    rate = RATES[item.tax_code]
    key = {"BillingDocument": billing.number, "BillingDocumentItem": number}
    net, tax = item.net, _money(item.net * rate / 100, billing.currency)
    credit = CATEGORIES[issued.kind][0] in "ONS"
    reference = billing.refers_to[0] if billing.refers_to else billing.delivery or billing.order
    return {
        **key,
        "SalesDocumentItemCategory": "TAN",
        "SalesDocumentItemType": "",
        "ReturnItemProcessingType": "",
        "Material": item.material,
        "InternationalArticleNumber": item.gtin,
        "MaterialGroup": "L001",
        "Plant": "1000",
        "BillingDocumentItemText": item.text[:40],
        "ServicesRenderedDate": billing.delivered_on,
        "BillingQuantity": _short(item.quantity),
        "BillingQuantityUnit": unit,
        "BillingQuantityInBaseUnit": _short(item.quantity),
        "BaseUnit": unit,
        "BillingToBaseQuantityDnmntr": Decimal(1),
        "ItemGrossWeight": Decimal(0),
        "ItemNetWeight": Decimal(0),
        "ItemWeightUnit": "KG",
        "BillToPartyCountry": billing.customer.country,
        "NetAmount": _money(net, billing.currency),
        "TransactionCurrency": billing.currency,
        "GrossAmount": _money(Decimal(0), billing.currency),
        "PricingDate": billing.on,
        "TaxAmount": tax,
        "CostAmount": _money(net / 2, billing.currency),
        "StatisticalValueControl": "",
        "CashDiscountIsDeductible": True,
        "EligibleAmountForCashDiscount": _money(net + tax, billing.currency),
        "DepartureCountry": "DE",
        "ZeroVATRsn": "",
        "HigherLevelItem": "000000",
        "OriginSDDocument": billing.order,
        "OriginSDDocumentItem": number,
        "ReferenceSDDocument": reference,
        "ReferenceSDDocumentItem": number if reference else "000000",
        "ReferenceSDDocumentCategory": "M"
        if credit and billing.refers_to
        else "J"
        if billing.delivery
        else "C",
        "SalesDocument": billing.order,
        "SalesDocumentItem": number,
        "SalesSDDocumentCategory": "C",
        "to_PricingElement": _conditions(issued, item, key),
        "to_Partner": [
            {**_partner(billing.number, "WE", billing.ship_to.number), "BillingDocumentItem": number}
        ]
        if billing.ship_to
        else [],
        "to_ItemText": [
            {
                **key,
                "Language": "EN",
                "LongTextID": "0001",
                "LongText": f"Customer item {item.customer_material}",
            }
        ]
        if item.customer_material
        else [],
    }


def _conditions(issued: Issued, item: Item, key: Row) -> list[Row]:
    billing = issued.billing
    currency, unit = billing.currency, _INTERNAL_UNITS.get(item.unit, item.unit)

    def condition(step: str, kind: str, condition_class: str, calculation: str, **fields: Any) -> Row:
        return {
            **key,
            "PricingProcedureStep": step,
            "PricingProcedureCounter": "001",
            "ConditionType": kind,
            "PricingDateTime": f"{billing.on:%Y%m%d}000000",
            "ConditionCalculationType": calculation,
            "ConditionBaseValue": Decimal(0),
            "ConditionCurrency": "",
            "ConditionQuantity": Decimal(0),
            "ConditionQuantityUnit": "",
            "ConditionCategory": "",
            "ConditionIsForStatistics": False,
            "ConditionOrigin": "A",
            "ConditionRecord": "0000006848",
            "TaxCode": item.tax_code,
            "TransactionCurrency": currency,
            "ConditionInactiveReason": "",
            "ConditionClass": condition_class,
            "FactorForConditionBasisValue": 0.0,
            "PeriodFactorForCndnBasisValue": 0.0,
            **fields,
        }

    rows = [
        condition(
            "020", "PPR0", "B", "C",
            ConditionRateValue=_rate(item.price), ConditionCurrency=currency,
            ConditionQuantity=Decimal(item.per), ConditionQuantityUnit=unit,
            ConditionBaseValue=_rate(item.quantity), ConditionAmount=_money(item.gross, currency),
        )
    ]  # fmt: skip
    for index, discount in enumerate(item.discounts):
        sign = -1 if discount.sign == "-" else 1
        percent = discount.percent is not None
        rows.append(
            condition(
                f"{110 + index}", discount.kind, "A", "A" if percent else "B",
                ConditionRateValue=_rate(sign * (discount.percent or discount.amount)),
                ConditionCurrency="" if percent else currency,
                ConditionBaseValue=_rate(item.gross),
                ConditionAmount=_money(sign * discount.value(item.gross), currency),
            )
        )  # fmt: skip
    rate = RATES[item.tax_code]
    rows += [
        condition(
            _TAX_STEP, "TTX1", "D", "A", ConditionCategory="D", ConditionRateValue=_rate(rate),
            ConditionBaseValue=_rate(item.net), ConditionAmount=_money(item.net * rate / 100, currency),
        ),
        condition(
            "930", "DCD1", "A", "A", ConditionCategory="E", ConditionIsForStatistics=True,
            ConditionRateValue=_rate(Decimal(-2)), ConditionBaseValue=_rate(item.net),
            ConditionAmount=_money(item.net * -2 / 100, currency), TaxCode="",
        ),
        condition(
            _COST_STEP, "PCIP", "B", "C", ConditionCategory="G", ConditionIsForStatistics=True,
            ConditionRateValue=_rate(item.price / 2), ConditionCurrency=currency, TaxCode="",
            ConditionQuantity=Decimal(item.per), ConditionQuantityUnit=unit,
            ConditionAmount=_money(item.net / 2, currency),
        ),
    ]  # fmt: skip
    return rows


def _partner(number: str, function: str, customer: str) -> Row:
    return {
        "BillingDocument": number,
        "PartnerFunction": function,
        "Customer": customer,
        "Supplier": "",
        "Personnel": "00000000",
        "ContactPerson": "0000000000",
    }


def _money(amount: Decimal, currency: str) -> Decimal:
    places = Decimal(1).scaleb(-_DECIMALS.get(currency, 2))
    return amount.quantize(places, rounding=ROUND_HALF_UP)


def _rate(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.000000001"))


def _short(value: Decimal) -> Decimal:
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def moment_of(on: date, index: int) -> datetime:
    """When a seeded document was last changed: on its day, with fractions of a millisecond as SAP keeps
    them."""
    start = datetime(on.year, on.month, on.day, 15, 0, tzinfo=UTC)
    return start + timedelta(seconds=7 * index, microseconds=123_456)
