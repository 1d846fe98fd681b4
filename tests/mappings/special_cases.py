"""What the invoices of each ERP have to show in the finished UBL: one XPath for each special case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lxml import etree

__all__ = ["absent_cases", "absent_from_examples"]

_NAMES: Final = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}
_SUBTOTALS: Final = "/*/cac:TaxTotal/cac:TaxSubtotal"
_LINE: Final = "/*/cac:InvoiceLine"
_BUYER: Final = "/*/cac:AccountingCustomerParty/cac:Party"
_MAIL: Final = "cac:Contact/cbc:ElectronicMail"

_CASES: Final[Mapping[str, str]] = {
    "several VAT rates": f"{_SUBTOTALS}/cac:TaxCategory/cbc:Percent[. > 0][. != "
    f"{_SUBTOTALS}/cac:TaxCategory/cbc:Percent[. > 0]]",
    "BG-20": "/*/cac:AllowanceCharge[cbc:ChargeIndicator = 'false'][cbc:Amount > 0]",
    "BG-21": "/*/cac:AllowanceCharge[cbc:ChargeIndicator = 'true'][cbc:Amount > 0]",
    "BG-27": f"{_LINE}/cac:AllowanceCharge[cbc:ChargeIndicator = 'false'][cbc:Amount > 0]",
    "BG-28": f"{_LINE}/cac:AllowanceCharge[cbc:ChargeIndicator = 'true'][cbc:Amount > 0]",
    **{
        f"category {category}": f"{_SUBTOTALS}[cac:TaxCategory/cbc:ID = '{category}'][cbc:TaxableAmount > 0]"
        for category in ("AE", "K", "E")
    },
    "BT-6 with BT-111": "/*[cbc:TaxCurrencyCode != cbc:DocumentCurrencyCode]"
    "[cac:TaxTotal/cbc:TaxAmount/@currencyID = cbc:TaxCurrencyCode]",
    "BT-113": "/*/cac:LegalMonetaryTotal/cbc:PrepaidAmount[. > 0]",
    "BT-149 of 100": f"{_LINE}/cac:Price/cbc:BaseQuantity[. = 100]",
    "BT-125": "/*/cac:AdditionalDocumentReference/cac:Attachment/cbc:EmbeddedDocumentBinaryObject[text()]",
    "a buyer with BT-58 and without BT-49": f"{_BUYER}[not(cbc:EndpointID)][{_MAIL}]",
    "a buyer with neither": f"{_BUYER}[not(cbc:EndpointID)][not({_MAIL})]",
    "a credit note with BT-25": "/*[cac:BillingReference][cac:CreditNoteLine]",
}

# What examples have besides; the imitated ERPs need not.
_IN_EXAMPLES: Final[Mapping[str, str]] = {
    **_CASES,
    "category G": f"{_SUBTOTALS}[cac:TaxCategory/cbc:ID = 'G'][cbc:TaxableAmount > 0]",
    "JPY without decimals": "/*[cbc:DocumentCurrencyCode = 'JPY']"
    "[not(contains(cac:LegalMonetaryTotal/cbc:PayableAmount, '.'))]",
    "KWD with two decimals": "/*[cbc:DocumentCurrencyCode = 'KWD']"
    "[string-length(substring-after(cac:LegalMonetaryTotal/cbc:PayableAmount, '.')) = 2]",
    "an item free of charge": f"{_LINE}[cbc:LineExtensionAmount = 0][cbc:InvoicedQuantity > 0]",
    "cash discount terms": "/*/cac:PaymentTerms/cbc:Note[contains(., '%')]",
}


def absent_cases(documents: Mapping[str, bytes]) -> list[str]:
    """The special cases of seeds that none of these UBL documents shows."""
    return _absent(documents, _CASES)


def absent_from_examples(documents: Mapping[str, bytes]) -> set[str]:
    """The special cases of examples that none of these UBL documents shows."""
    return set(_absent(documents, _IN_EXAMPLES))


def _absent(documents: Mapping[str, bytes], cases: Mapping[str, str]) -> list[str]:
    roots = [etree.fromstring(document) for document in documents.values()]
    return [
        name for name, path in cases.items() if not any(root.xpath(path, namespaces=_NAMES) for root in roots)
    ]
