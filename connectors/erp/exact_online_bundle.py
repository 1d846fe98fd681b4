"""One Exact Online invoice with all that belongs to it, as one JSON document.

Exact spreads an invoice over many records. The bundle puts them side by side under plain names, each record
as Exact gave it, amounts with the very digits of the answer. Fields that change although the invoice does not
(times of change, links of this server) are left out, so that an unchanged invoice gives the same bytes.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from json.encoder import encode_basestring as _quoted
from typing import Any, Final

from connectors.erp.exact_online_rest import ExactRest, Row, guid
from connectors.kit.fields import Fields
from formats.errors import DocumentError

__all__ = ["ACCOUNT", "INVOICE", "Bundler", "invoice_lines"]

_IDS_PER_CALL: Final = 20
_MOST_FILES: Final = 20
# What changes in Exact without a change of the invoice, and addresses of this server.
_FLEETING: Final = frozenset(
    {
        "__metadata",
        "Modified",
        "Modifier",
        "ModifierFullName",
        "StarterSalesInvoiceStatus",
        "StarterSalesInvoiceStatusDescription",
        "InvoiceStatusInformation",
        "Timestamp",
    }
)
ACCOUNT: Final = (
    "ID,Code,Name,TradeName,Status,Type,AddressLine1,AddressLine2,AddressLine3,Postcode,City,State,Country,"
    "Email,Phone,Language,VATNumber,ChamberOfCommerce,GlnNumber,OINNumber,RSIN,InvoicingMethod,"
    "PeppolIdentifierType,PeppolIdentifier"
)
# What an invoice is read with, alone or with others, so that both ways give the same bytes.
INVOICE: Final = (
    "InvoiceID,InvoiceNumber,InvoiceDate,DueDate,Type,Status,Journal,Currency,InvoiceTo,InvoiceToName,"
    "InvoiceToContactPerson,InvoiceToContactPersonFullName,OrderedBy,OrderedByName,"
    "OrderedByContactPersonFullName,DeliverTo,DeliverToName,DeliverToAddress,YourRef,OrderNumber,Description,"
    "Remarks,PaymentCondition,PaymentConditionDescription,PaymentReference,AmountFC,AmountFCExclVat,"
    "VATAmountFC,AmountDC,VATAmountDC,Discount,DiscountType,AmountDiscount,AmountDiscountExclVat,Document,"
    "GAccountAmountFC,WithholdingTaxAmountFC,ExtraDutyAmountFC,SalesInvoiceLines"
)
_LINE: Final = (
    "ID,InvoiceID,LineNumber,Item,ItemCode,ItemDescription,Description,Notes,CustomerItemCode,Quantity,"
    "UnitCode,UnitDescription,UnitPrice,NetPrice,Discount,AmountFC,AmountDC,VATCode,VATCodeDescription,"
    "VATPercentage,VATAmountFC,VATAmountDC,DeliveryDate,StartTime,EndTime,SalesOrderNumber"
)
_FULL_PAGE: Final = 60
_ADDRESS: Final = "ID,Account,Type,AddressLine1,AddressLine2,AddressLine3,Postcode,City,State,Country"
_CONTACT: Final = "ID,Account,FullName,Email,BusinessEmail,Phone"
_VAT: Final = (
    "ID,Code,Description,Percentage,Type,Charged,EUSalesListing,LegalText,VatMargin,OssCountry,Country"
)
_TERMS: Final = (
    "ID,Code,Description,PaymentDays,PaymentMethod,Percentage,DiscountPercentage,DiscountPaymentDays"
)
_JOURNAL: Final = "Code,Description,BankName,BankAccountIBAN,BankAccountBICCode,Currency,IsBlocked"
_CHARGE: Final = (
    "ID,InvoiceID,LineNumber,OrderChargeCode,OrderChargeDescription,OrderChargesLineDescription,"
    "IsShippingCost,AmountFCExclVAT,AmountFCInclVAT,AmountVATFC,VATCode,VATDescription,VATPercentage"
)
_RECEIVABLE: Final = (
    "ID,InvoiceNumber,InvoiceDate,DueDate,TransactionAmountFC,Currency,IsFullyPaid,LastPaymentDate,Journal"
)


@dataclass
class Bundler:
    """Builds bundles during one pull; master data is read once and kept for that pull only."""

    rest: ExactRest
    with_files: bool
    largest_file: int
    _accounts: dict[str, Row] = field(default_factory=dict)
    _addresses: dict[str, Row] = field(default_factory=dict)
    _contacts: dict[str, Row] = field(default_factory=dict)
    _vat: list[Row] | None = None
    _terms: list[Row] | None = None
    _journals: list[Row] | None = None

    def prepare(self, invoices: Sequence[Row]) -> None:
        """Read the accounts, addresses and contacts of these invoices in few calls."""

        def ids(*names: str) -> set[str]:
            return {str(row[name]).lower() for row in invoices for name in names if row.get(name)}

        self._add("crm/Accounts", ACCOUNT, ids("InvoiceTo", "OrderedBy", "DeliverTo"), self._accounts)
        self._add("crm/Addresses", _ADDRESS, ids("DeliverToAddress"), self._addresses)
        self._add("crm/Contacts", _CONTACT, ids("InvoiceToContactPerson"), self._contacts)

    def prepare_accounts(self, invoices: Sequence[Row]) -> None:
        """Read the accounts that are invoiced, and nothing else."""
        ids = {str(row["InvoiceTo"]).lower() for row in invoices if row.get("InvoiceTo")}
        self._add("crm/Accounts", ACCOUNT, ids, self._accounts)

    def account(self, invoice: Row) -> Row:
        """The account that is invoiced, after `prepare`; empty where Exact has none any more."""
        return self._accounts.get(str(invoice.get("InvoiceTo") or "").lower(), {})

    def complete_lines(self, invoice: Row) -> None:
        """Put all lines in, in their order: a long invoice gives the further ones on pages of their own.

        A full page of lines that names no next one is not believed to be all: the lines are read by
        themselves.
        """
        lines, expanded = invoice_lines(invoice), invoice.get("SalesInvoiceLines")
        following = expanded.get("__next") if isinstance(expanded, dict) else None
        entity = "salesinvoice/SalesInvoiceLines"
        if following:
            for page in self.rest.pages(entity, {}, start=str(following)):
                lines += page
        elif lines and len(lines) % _FULL_PAGE == 0:
            query = {"$select": _LINE, "$filter": f"InvoiceID eq {guid(str(invoice['InvoiceID']))}"}
            lines = self.rest.rows(entity, query)
        lines.sort(key=lambda line: (_decimal(line.get("LineNumber")), str(line.get("ID"))))
        invoice["SalesInvoiceLines"] = {"results": lines}

    def bundle(self, invoice: Row, division: Row) -> bytes:
        """The document. Raises DocumentError for a file that is too large, and what reading raises."""
        charges = self._charges(invoice)
        codes = {str(row.get("VATCode") or "").strip() for row in (*invoice_lines(invoice), *charges)}
        vat_codes = [row for row in self._vat_codes() if str(row.get("Code") or "").strip() in codes]
        terms = self._condition(invoice)
        parts: dict[str, Any] = {
            "invoice": invoice,
            "order_charges": charges,
            "account": self.account(invoice),
            "ordered_by": self._accounts.get(str(invoice.get("OrderedBy") or "").lower()),
            "deliver_to": self._accounts.get(str(invoice.get("DeliverTo") or "").lower()),
            "delivery_address": self._addresses.get(str(invoice.get("DeliverToAddress") or "").lower()),
            "contact": self._contacts.get(str(invoice.get("InvoiceToContactPerson") or "").lower()),
            "vat_codes": vat_codes,
            "vat": _by_code(vat_codes, (*invoice_lines(invoice), *charges)),
            "payment_conditions": terms,
            "prepaid": self._prepaid(invoice) if len(terms) > 1 else [],
            "journals": self._bank_journals(),
            "division": division,
            "attachments": self._attachments(invoice) if self.with_files else [],
        }
        return _written(parts).encode()

    def _add(self, entity: str, select: str, wanted: set[str], known: dict[str, Row]) -> None:
        missing = sorted(wanted - known.keys())
        for start in range(0, len(missing), _IDS_PER_CALL):
            part = missing[start : start + _IDS_PER_CALL]
            query = {"$select": select, "$filter": " or ".join(f"ID eq {guid(key)}" for key in part)}
            for row in self.rest.rows(entity, query):
                known[str(row["ID"]).lower()] = row

    def _vat_codes(self) -> list[Row]:
        if self._vat is None:
            self._vat = self.rest.rows("vat/VATCodes", {"$select": _VAT})
        return self._vat

    def _condition(self, invoice: Row) -> list[Row]:
        """The rows of the invoice's payment condition: several where it is paid in parts."""
        if self._terms is None:
            query = {"$select": _TERMS}
            self._terms = self.rest.rows("cashflow/PaymentConditions", query)
        code = str(invoice.get("PaymentCondition") or "").strip()
        return [row for row in self._terms if code and str(row.get("Code") or "").strip() == code]

    def _bank_journals(self) -> list[Row]:
        if self._journals is None:
            query = {"$select": _JOURNAL, "$filter": "Type eq 12"}
            found = self.rest.rows("financial/Journals", query)
            self._journals = [row for row in found if row.get("BankAccountIBAN") and not row.get("IsBlocked")]
        return self._journals

    def _charges(self, invoice: Row) -> list[Row]:
        """Order charges such as shipping stand beside the lines; read where the lines do not add up."""
        net = sum((_decimal(line.get("AmountFC")) for line in invoice_lines(invoice)), Decimal(0))
        if net == _decimal(invoice.get("AmountFCExclVat")):
            return []
        query = {"$select": _CHARGE, "$filter": f"InvoiceID eq {guid(str(invoice['InvoiceID']))}"}
        return self.rest.rows("salesinvoice/SalesInvoiceOrderChargeLines", query)

    def _prepaid(self, invoice: Row) -> list[Row]:
        """The terms that were paid by the day of the invoice: a deposit.

        Later payments do not belong to the invoice, and do not change its bundle.
        """
        query = {
            "$select": _RECEIVABLE,
            "$filter": f"InvoiceNumber eq {int(invoice['InvoiceNumber'])} "
            f"and Account eq {guid(str(invoice['InvoiceTo']))}",
        }
        day = _day(invoice.get("InvoiceDate"))
        return [
            row
            for row in self.rest.rows("cashflow/Receivables", query)
            if row.get("IsFullyPaid") and row.get("Journal") == invoice.get("Journal")
            if (paid := _day(row.get("LastPaymentDate"))) is not None and day is not None and paid <= day
        ]

    def _attachments(self, invoice: Row) -> list[Row]:
        """The files of the document that is linked to the invoice, embedded."""
        if not invoice.get("Document"):
            return []
        query = {
            "$select": "ID,FileName,FileSize,Url",
            "$filter": f"Document eq {guid(str(invoice['Document']))}",
        }
        files = self.rest.rows("documents/DocumentAttachments", query)
        if len(files) > _MOST_FILES:
            raise self._too_much(invoice, f"has {len(files)} attachments, {_MOST_FILES} are allowed")
        found = []
        for row in files:
            name = str(row.get("FileName") or "attachment")
            if _decimal(row.get("FileSize")) > self.largest_file:
                raise self._too_much(
                    invoice, f"has an attachment of {row['FileSize']} bytes, {self.largest_file} are allowed"
                )
            answer = self.rest.download(str(row.get("Url") or ""))
            if len(answer.content) > self.largest_file:
                raise self._too_much(invoice, f"has an attachment of more than {self.largest_file} bytes")
            media_type = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
            content = base64.b64encode(answer.content).decode()
            found.append({"ID": row["ID"], "FileName": name, "MediaType": media_type, "Content": content})
        return sorted(found, key=lambda file: str(file["ID"]))

    def _too_much(self, invoice: Row, what: str) -> DocumentError:
        return DocumentError(
            f"invoice {invoice.get('InvoiceNumber')} {what}",
            where="Exact Online, document linked to the invoice",
            fix="attach a smaller file in Exact, or raise largest_attachment_mb of this source",
        )


def invoice_lines(invoice: Row) -> list[Row]:
    """The expanded lines of an invoice."""
    lines = invoice.get("SalesInvoiceLines")
    if isinstance(lines, dict):
        lines = lines.get("results")
    return [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []


def _by_code(vat_codes: Sequence[Row], lines: Iterable[Row]) -> dict[str, Row]:
    """The VAT code of each line under the very text that the line has, for both are padded with blanks."""
    known = {str(row.get("Code") or "").strip(): row for row in vat_codes}
    found: dict[str, Row] = {}
    for line in lines:
        written = str(line.get("VATCode") or "")
        code = written.strip()
        if code in known:
            found[written] = {**known[code], "Code": code}
    return found


def _decimal(value: object) -> Decimal:
    return Decimal(value) if isinstance(value, int | Decimal) else Decimal(0)


def _day(value: object) -> int | None:
    """The number of the day of a `/Date(ms)/`, which is local time written as if it were UTC."""
    match = re.match(r"/Date\((-?\d{1,15})", str(value or ""))
    return int(match[1]) // 86_400_000 if match else None


def _written(value: Any) -> str:
    """JSON with every number as it was read (121.0 stays 121.0), without what changes by itself and what only
    points elsewhere."""
    kind = type(value)
    if kind is str:
        return _quoted(value)
    if kind is dict or kind is Fields:
        inner = [
            f"{_quoted(name)}:{_written(one)}"
            for name, one in value.items()
            if name not in _FLEETING and not (type(one) is dict and "__deferred" in one)
        ]
        return "{" + ",".join(inner) + "}"
    if kind is list:
        return "[" + ",".join([_written(one) for one in value]) + "]"
    return str(value) if kind is Decimal else json.dumps(value)
