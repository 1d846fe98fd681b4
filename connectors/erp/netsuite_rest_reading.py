"""Rows of NetSuite become documents: what changed is read in batches, with the records around it.

Lines, taxes and addresses come by SuiteQL, several invoices at a time; customers and subsidiaries as REST
records, for only these tell tax registrations.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from connectors.base import RejectedDocument, SourceDocument
from connectors.erp.netsuite_rest_bundle import Parts, bundle, registration
from connectors.erp.netsuite_rest_queries import Queries
from connectors.erp.netsuite_rest_service import NetSuiteRest, NoSuchTable, Row
from connectors.erp.netsuite_rest_settings import NetSuiteRestSettings
from connectors.erp.netsuite_rest_values import identifier, key_of, text_of
from formats.errors import DocumentError, EInvoicingError

__all__ = ["Around", "Reader", "is_sendable"]

_log = logging.getLogger(__name__)

_SENDABLE: Final = ("A", "B")
_APPROVED: Final = ("", "2")
_VOID: Final = "V"
_MOST_CUSTOMERS: Final = 5000
_CUSTOMER_FIELDS: Final = (
    "entityId",
    "isPerson",
    "companyName",
    "firstName",
    "lastName",
    "email",
    "phone",
    "vatRegNumber",
)
_SELLER_FIELDS: Final = ("name", "legalName", "email", "url", "federalIdNumber", "mainAddress", "country")


@dataclass(slots=True)
class Batch:
    """Rows of some transactions, by internal id."""

    headers: dict[str, Row]
    lines: dict[str, list[Row]] = field(default_factory=dict)
    taxes: dict[str, list[Row]] = field(default_factory=dict)
    addresses: dict[str, dict[str, Row]] = field(default_factory=dict)


@dataclass(slots=True)
class Around:
    """What several transactions of one pull name."""

    sources: dict[str, Row | None] = field(default_factory=dict)
    sellers: dict[str, Row | None] = field(default_factory=dict)
    terms: dict[str, Row] | None = None
    rates: dict[str, Row] | None = None


class Reader:
    """Documents of one account. Raises what NetSuiteRest raises."""

    def __init__(
        self, name: str, rest: NetSuiteRest, queries: Queries, settings: NetSuiteRestSettings
    ) -> None:
        self._name, self._rest, self._queries, self._settings = name, rest, queries, settings
        self._engine = "" if settings.tax == "auto" else settings.tax
        self._customers: dict[str, tuple[str, Row | None]] = {}

    def documents(
        self, rows: Sequence[Row], around: Around
    ) -> tuple[tuple[SourceDocument, ...], tuple[RejectedDocument, ...]]:
        documents: list[SourceDocument] = []
        rejected: list[RejectedDocument] = []
        wanted = {str(row["id"]): row for row in rows if is_sendable(row)}
        for row in rows:
            if row.get("status") == _VOID or row.get("voided") == "T":
                rejected.append(self._rejected(row, _voided(row), needs_person=False))
        if wanted:
            batch = self._read(list(wanted), around)
            # In the order of the changes; one that is gone by now is left out.
            for number, row in wanted.items():
                if number not in batch.headers:
                    continue
                try:
                    documents.append(self._document(row, bundle(self._parts(number, batch, around))))
                except DocumentError as error:
                    rejected.append(self._rejected(row, error))
        return tuple(documents), tuple(rejected)

    def tax_engine(self) -> str:
        """suitetax or legacy, asked once: only accounts with SuiteTax have tax details."""
        if not self._engine:
            try:
                self._rest.first("SELECT d.transaction FROM transactiontaxdetail d WHERE ROWNUM <= 1")
            except NoSuchTable:
                self._engine = "legacy"
            else:
                self._engine = "suitetax"
            _log.info("%s: the account has %s", self._name, self._engine)
        return self._engine

    def _read(self, numbers: Sequence[str], around: Around) -> Batch:
        engine, rest, queries = self.tax_engine(), self._rest, self._queries
        batch = Batch({str(row["id"]): row for row in rest.rows(queries.headers(numbers))})
        present = list(batch.headers)
        if not present:
            return batch
        for row in rest.rows(queries.lines(present)):
            batch.lines.setdefault(str(row["transaction"]), []).append(row)
        taxes = queries.tax_details if engine == "suitetax" else queries.tax_lines
        for row in rest.rows(taxes(present)):
            batch.taxes.setdefault(str(row["transaction"]), []).append(row)
        for kind in ("billing", "shipping"):
            batch.addresses[kind] = {
                str(row["id"]): {name: value for name, value in row.items() if name != "id"}
                for row in rest.rows(queries.addresses(kind, present))
            }
        self._read_around(batch, around)
        return batch

    def _read_around(self, batch: Batch, around: Around) -> None:
        rest, queries = self._rest, self._queries
        made_from = {str(row["createdfrom"]) for row in batch.headers.values() if row.get("createdfrom")}
        unknown = sorted(made_from - set(around.sources), key=int)
        if unknown:
            found = {str(row["id"]): row for row in rest.rows(queries.sources(unknown))}
            around.sources |= {number: found.get(number) for number in unknown}
        if around.terms is None:
            around.terms = {
                str(row["id"]): {name: value for name, value in row.items() if name != "id"}
                for row in self._list(queries.terms)
            }
        if self._engine == "legacy" and around.rates is None:
            around.rates = {str(row["id"]): row for row in self._list(queries.tax_rates)}
        for number in {str(row["subsidiary"]) for row in batch.headers.values() if row.get("subsidiary")}:
            if number not in around.sellers:
                around.sellers[number] = rest.read("subsidiary", number, whole=True)
        self._read_customers(
            sorted({str(row["entity"]) for row in batch.headers.values() if row.get("entity")}, key=int)
        )

    def _list(self, query: Callable[[], Any]) -> list[Row]:
        """A small list of the account; empty where it has none."""
        try:
            return list(self._rest.rows(query()))
        except NoSuchTable:
            return []

    def _read_customers(self, numbers: Sequence[str]) -> None:
        """Customers are read as records, each again only when it changed."""
        if not numbers:
            return
        if len(self._customers) > _MOST_CUSTOMERS:
            self._customers.clear()
        versions = {
            str(row["id"]): str(row["lastmodified"])
            for row in self._rest.rows(self._queries.customer_versions(numbers))
        }
        for number in numbers:
            version = versions.get(number, "")
            known = self._customers.get(number)
            if known is None or known[0] != version:
                self._customers[number] = (version, self._customer(number))

    def _customer(self, number: str) -> Row | None:
        record = self._rest.read("customer", number, whole=True)
        if record is None:
            return None
        names = (*_CUSTOMER_FIELDS, *self._settings.customer_fields)
        customer = {name: record[name] for name in names if record.get(name) not in (None, "")}
        listed = record.get("taxRegistration")
        rows = listed.get("items", []) if isinstance(listed, Mapping) else []
        customer["taxRegistration"] = [
            {"country": identifier(row.get("nexusCountry")), "number": row.get("taxRegistrationNumber")}
            for row in rows
            if row.get("taxRegistrationNumber")
        ]
        return customer

    def _parts(self, number: str, batch: Batch, around: Around) -> Parts:
        header = dict(batch.headers[number])
        header["id"] = number
        attachment = self._settings.attachment_field
        if attachment and header.get(attachment):
            raise DocumentError(
                f"{header.get('tranid')} names a file to go with it, and this interface brings no files",
                where=f"NetSuite, {attachment}",
                fix="empty the field and save the invoice; or read this account with netsuite-soap, or set "
                "attachment_field to nothing to send such invoices without their files",
            )
        customer = self._customers.get(str(header.get("entity")), ("", None))[1]
        if customer is None:
            raise DocumentError(
                f"the customer of {header.get('tranid')} is not visible to the integration",
                where="NetSuite, customer",
                fix="give the role the right to view customers, of all subsidiaries concerned",
            )
        seller = around.sellers.get(str(header.get("subsidiary")))
        settings = self._settings
        billing, delivery = (batch.addresses[kind].get(number) for kind in ("billing", "shipping"))
        made_from = around.sources.get(str(header.pop("createdfrom", "")))
        term = (around.terms or {}).get(str(header.pop("terms", "")))
        for name in ("billingaddress", "shippingaddress"):
            header.pop(name, None)
        # Of several registrations of the buyer the one for the country of the billing address comes first.
        country = (billing or {}).get("country")
        listed = sorted(customer["taxRegistration"], key=lambda row: row["country"] != country)
        customer = {**customer, "taxRegistration": listed}
        return Parts(
            header=header,
            lines=batch.lines.get(number, ()),
            taxes=batch.taxes.get(number, ()),
            customer=customer,
            billing=billing,
            delivery=delivery,
            seller=None if seller is None else _seller(seller, str(header.get("trandate") or "")),
            term=term,
            source=made_from,
            engine=self.tax_engine(),
            rates=around.rates or {},
            rate_scale=Decimal(1) if settings.tax_rate == "fraction" else Decimal("0.01"),
            shipping_types=settings.shipping_types,
            handling_types=settings.handling_types,
        )

    def _document(self, row: Row, content: bytes) -> SourceDocument:
        key = key_of(row)
        revision, origin = str(row["lastmodified"]), f"{self._settings.address} {key}"
        return SourceDocument(key, revision, "application/json", content, origin=origin)

    def _rejected(self, row: Row, problem: EInvoicingError, *, needs_person: bool = True) -> RejectedDocument:
        key = key_of(row)
        return RejectedDocument(key, f"{self._settings.address} {key}", problem, needs_person)

    # Reporting.


def is_sendable(row: Row) -> bool:
    return (
        row.get("status") in _SENDABLE
        and text_of(row.get("approvalstatus")) in _APPROVED
        and row.get("posting", "T") == "T"
        and row.get("voided", "F") != "T"
    )


def _voided(row: Row) -> DocumentError:
    return DocumentError(
        f"{row.get('tranid') or row['id']} is void in NetSuite",
        where="NetSuite, transaction",
        fix="if it went out before, send a credit memo to the buyer; else nothing is to be done",
    )


def _seller(record: Row, day: str) -> dict[str, Any]:
    seller = {name: record[name] for name in _SELLER_FIELDS if record.get(name) not in (None, "")}
    country = identifier(record.get("country"))
    address = seller.get("mainAddress")
    if isinstance(address, Mapping):
        seller["mainAddress"] = {**address, "country": identifier(address.get("country"))}
    seller["country"] = country
    # The registration that holds for this country on the day of the invoice.
    found = registration(record, country, day)
    if found:
        seller["registration"] = found
    elif record.get("taxRegistration"):
        seller.pop("federalIdNumber", None)
    return seller
