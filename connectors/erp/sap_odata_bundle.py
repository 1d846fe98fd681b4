"""One SAP billing document with all that belongs to it, as one JSON document.

The billing service knows numbers only. Names and addresses come from the business partners, the due date from
the accounting document, the date of a credited invoice from that invoice. The bundle puts them side by side
in the form of `sap_odata_canonical`; fields keep SAP's names, amounts SAP's digits.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from connectors.erp.sap_odata_canonical import ConditionTypes, canonical, key, listed
from connectors.erp.sap_odata_service import ODataService, Row, text
from connectors.erp.sap_odata_settings import SapODataSettings
from formats.errors import RemoteRefused, RemoteUnexpected

__all__ = ["EXPANDED", "PARTNER_EXPANDED", "Bundler", "any_of", "chunks", "in_order"]

_KEYS_PER_CALL: Final = 25
_MOST_KEPT: Final = 2_000
EXPANDED: Final = (
    "to_Partner,to_Text,to_PricingElement,to_Item/to_PricingElement,to_Item/to_Partner,to_Item/to_ItemText"
)
PARTNER_EXPANDED: Final = (
    "to_BusinessPartnerAddress/to_EmailAddress,to_BusinessPartnerAddress/to_AddressUsage,"
    "to_BusinessPartnerTax,to_BuPaIdentification,to_Customer"
)
_DUE_FIELDS: Final = (
    "CompanyCode,FiscalYear,AccountingDocument,AccountingDocumentItem,BillingDocument,NetDueDate,"
    "SpecialGLCode,IsReversal,IsReversed,AmountInTransactionCurrency,TransactionCurrency"
)


@dataclass
class Bundler:
    """Builds bundles during one pull; master data is read once and kept for that pull only."""

    settings: SapODataSettings
    billing: ODataService
    partners: ODataService
    companies: ODataService
    ledger: ODataService
    _partners: dict[str, Row] = field(default_factory=dict)
    _companies: dict[str, Row] = field(default_factory=dict)
    _due: dict[str, list[str]] = field(default_factory=dict)
    _dates: dict[str, Row] = field(default_factory=dict)

    def complete(self, row: Row) -> None:
        """Put all items and conditions in: the service may give the further ones on pages of their own."""
        for name, value in row.items():
            if name.startswith("to_") and isinstance(value, dict) and "results" in value:
                row[name] = {"results": self.billing.complete(value)}
                for inner in row[name]["results"]:
                    self.complete(inner)

    def prepare(self, documents: Sequence[Row]) -> None:
        """Read what these documents refer to in few calls."""
        # Of the documents only those at hand count; what many share is kept, up to a bound.
        self._due.clear()
        for shared in (self._partners, self._dates):
            if len(shared) > _MOST_KEPT:
                shared.clear()
        customers = {number for row in documents for number in _customers(row)}
        self._read_partners(sorted(customers - self._partners.keys()))
        self._read_due(documents)
        wanted = {number for row in documents for number in _preceding(row)} - self._dates.keys()
        for part in chunks(sorted(wanted)):
            query = {
                "$filter": any_of("BillingDocument", part),
                "$select": "BillingDocument,BillingDocumentDate,BillingDocumentType",
            }
            for found in self.billing.rows("A_BillingDocument", query):
                self._dates[key(found.get("BillingDocument"))] = canonical(found)

    def due_dates(self, row: Row) -> list[str]:
        """The due dates of a document's installments; none where accounting does not show it yet."""
        return self._due.get(key(row.get("BillingDocument")), [])

    def bundle(self, row: Row, kind: str) -> tuple[bytes, str]:
        """The document, and the digest of the part that makes it another invoice when it changes."""
        partners = listed(row.get("to_Partner"))
        functions = {
            canonical(partner).get("PartnerFunction"): key(partner.get("Customer")) for partner in partners
        }
        buyer = functions.get(self.settings.buyer_function) or key(row.get("SoldToParty"))
        goods_to = [
            key(partner.get("Customer"))
            for item in listed(row.get("to_Item"))
            for partner in listed(item.get("to_Partner"))
            if canonical(partner).get("PartnerFunction") == "SH"
        ]
        ship_to = functions.get("SH") or (goods_to[0] if goods_to and len(set(goods_to)) == 1 else "")
        parts: Row = {
            "kind": kind,
            "sign": _sign(row, kind),
            "billing": self._billed(row),
            "buyer": self._party(buyer),
            "ship_to": self._party(ship_to) if ship_to else None,
            "company_code": self._company(str(row.get("CompanyCode") or "")),
            "preceding": [
                self._dates.get(number, {"BillingDocument": number}) for number in sorted(_preceding(row))
            ],
        }
        if self.settings.pdf:
            parts["pdf"] = self._pdf(key(row.get("BillingDocument")))
        digest = hashlib.sha256(_written(parts)).hexdigest()
        # Accounting may tell the due date later than billing its document; that is no other invoice.
        return _written({**parts, "due_dates": self.due_dates(row)}), digest

    def _billed(self, row: Row) -> Row:
        """The header with its items, each item's conditions sorted into prices, adjustments and taxes, and,
        where there are any, the down payments that it settles."""
        down_payments = self.settings.down_payment_conditions
        billed = canonical(row, ConditionTypes(self.settings.internal_conditions, down_payments))
        for item in listed(billed.get("to_Item")):
            conditions = listed(item.pop("to_PricingElement", []))
            settled = [one for one in conditions if one.get("ConditionType") in down_payments]
            if settled:
                item["down_payments"] = [_plain_condition(one) for one in settled]
            by_class: dict[str, list[Row]] = {}
            for condition in (one for one in conditions if one not in settled):
                by_class.setdefault(str(condition.get("ConditionClass")), []).append(
                    _plain_condition(condition)
                )
            item["prices"] = by_class.get("B", [])
            item["adjustments"] = by_class.get("A", [])
            item["taxes"] = without_triggers(by_class.get("D", []), str(item.get("TaxAmount") or "0"))
        return billed

    def _party(self, customer: str) -> Row:
        found = self._partners.get(customer)
        return {"Customer": customer} if found is None else found

    def _company(self, code: str) -> Row:
        if code not in self._companies:
            found = self.companies.one(f"A_CompanyCode({text(code)})", {})
            self._companies[code] = canonical(found) if found else {"CompanyCode": code}
        return self._companies[code]

    def _read_partners(self, customers: Sequence[str]) -> None:
        """By customer number, which is not that of the business partner."""
        for part in chunks(customers):
            query = {"$filter": any_of("Customer", part), "$expand": PARTNER_EXPANDED}
            for found in self.partners.rows("A_BusinessPartner", query):
                self._partners[key(found.get("Customer"))] = in_order(canonical(found))

    def _read_due(self, documents: Sequence[Row]) -> None:
        if not self.settings.due_date_minutes:
            return
        for part in chunks(sorted({key(row.get("BillingDocument")) for row in documents} - self._due.keys())):
            query = {
                "$filter": f"({any_of('CompanyCode', self.settings.company_codes)}) and "
                f"FinancialAccountType eq 'D' and ({any_of('BillingDocument', part)})",
                "$select": _DUE_FIELDS,
            }
            for found in self.ledger.rows("A_OperationalAcctgDocItemCube", query):
                plain = canonical(found)
                reversal = found.get("IsReversal") or found.get("IsReversed")
                if plain.get("NetDueDate") and not reversal and not found.get("SpecialGLCode"):
                    days = self._due.setdefault(str(plain["BillingDocument"]), [])
                    days.append(str(plain["NetDueDate"]))
                    days.sort()

    def _pdf(self, number: str) -> Row | None:
        """SAP's own PDF; None for a document that was never put out."""
        try:
            answer = self.billing.function("GetPDF", {"BillingDocument": number})
        except (RemoteUnexpected, RemoteRefused):
            return None
        encoded = answer.get("BillingDocumentBinary") if isinstance(answer, dict) else None
        plain = "".join(str(encoded or "").split())
        try:
            content = base64.b64decode(plain, validate=True)
        except (binascii.Error, ValueError):
            return None
        return {"FileName": f"{number}.pdf", "Content": plain} if content.startswith(b"%PDF") else None


_CONDITION: Final = (
    "ConditionType",
    "ConditionClass",
    "ConditionCalculationType",
    "ConditionBaseValue",
    "ConditionRateValue",
    "ConditionCurrency",
    "ConditionQuantity",
    "ConditionQuantityUnit",
    "ConditionAmount",
    "TaxCode",
)


def _plain_condition(condition: Row) -> Row:
    return {name: condition[name] for name in _CONDITION if name in condition}


def without_triggers(taxes: list[Row], total: str) -> list[Row]:
    """The tax conditions of an item; where they do not make its tax, without the rows of 100 % by which a tax
    engine is called."""
    if _sum(taxes, "ConditionAmount") == _number(total):
        return taxes
    return [
        row
        for row in taxes
        if not (
            _number(row.get("ConditionRateValue")) == 100
            and _number(row.get("ConditionAmount")) == _number(row.get("ConditionBaseValue"))
        )
    ]


def _sum(rows: Sequence[Row], name: str) -> Decimal:
    return sum((_number(row.get(name)) for row in rows), Decimal(0))


def _number(value: object) -> Decimal:
    """0 for what is no number: such a condition is passed on as it is, and the mapping says what is wrong."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)


def in_order(partner: Row) -> Row:
    """A business partner with its standard address first, and each address with its default mailbox first."""
    addresses = listed(partner.get("to_BusinessPartnerAddress"))
    for address in addresses:
        if "to_EmailAddress" in address:
            address["to_EmailAddress"] = sorted(
                listed(address["to_EmailAddress"]), key=lambda one: not one.get("IsDefaultEmailAddress")
            )
    standard = {
        index
        for index, address in enumerate(addresses)
        if any(use.get("AddressUsage") == "XXDEFAULT" for use in listed(address.get("to_AddressUsage")))
    }
    order = sorted(range(len(addresses)), key=lambda index: index not in standard)
    return {**partner, "to_BusinessPartnerAddress": [addresses[index] for index in order]}


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Parts that fit into one address."""
    for start in range(0, len(values), _KEYS_PER_CALL):
        yield values[start : start + _KEYS_PER_CALL]


def any_of(name: str, values: Iterable[str]) -> str:
    """A filter for one field with several values; this dialect has no `in`."""
    return " or ".join(f"{name} eq {text(value)}" for value in values)


def _customers(row: Row) -> Iterator[str]:
    yield key(row.get("SoldToParty"))
    items = listed(row.get("to_Item"))
    for partner in (*listed(row.get("to_Partner")), *(p for i in items for p in listed(i.get("to_Partner")))):
        if partner.get("Customer"):
            yield key(partner["Customer"])


def _sign(row: Row, kind: str) -> str:
    """-1 where a credit or a cancellation has negative amounts: usually the category alone says what it is,
    but not in every system."""
    turned = kind.endswith(("credit-note", "cancellation")) and str(row.get("TotalGrossAmount")).startswith(
        "-"
    )
    return "-1" if turned else "1"


def _preceding(row: Row) -> set[str]:
    """The documents that this one corrects or cancels."""
    found = {key(row["CancelledBillingDocument"])} if row.get("CancelledBillingDocument") else set()
    if str(row.get("SDDocumentCategory")) in ("O", "P", "6"):
        for item in listed(row.get("to_Item")):
            if item.get("ReferenceSDDocumentCategory") == "M" and item.get("ReferenceSDDocument"):
                found.add(key(item["ReferenceSDDocument"]))
    return found - {"0", ""}


def _written(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode()
