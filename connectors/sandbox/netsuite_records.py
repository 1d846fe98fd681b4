"""Records of the imitated NetSuite and the XML that SuiteTalk makes of them.

Legacy tax, as accounts that still need the SOAP service have it: a tax code and rate on each line. Business
dates and moments are written the way the service writes them, with the offset of the user's zone (here
Pacific).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Final

from lxml import etree

from connectors.sandbox.netsuite_wsdl import NAMESPACES

__all__ = [
    "COUNTRIES",
    "Address",
    "Custom",
    "Fields",
    "Record",
    "Ref",
    "Row",
    "account_time",
    "day_text",
    "moment_text",
    "record_element",
]

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_HOMES: Final[Mapping[str, str]] = {
    "invoice": "tranSales:Invoice",
    "creditMemo": "tranCust:CreditMemo",
    "customer": "listRel:Customer",
    "subsidiary": "listAcct:Subsidiary",
    "currency": "listAcct:Currency",
    "salesTaxItem": "listAcct:SalesTaxItem",
    "inventoryItem": "listAcct:InventoryItem",
    "serviceSaleItem": "listAcct:ServiceSaleItem",
    "discountItem": "listAcct:DiscountItem",
    "markupItem": "listAcct:MarkupItem",
    "subtotalItem": "listAcct:SubtotalItem",
    "descriptionItem": "listAcct:DescriptionItem",
    "file": "docFileCab:File",
    "term": "listAcct:Term",
    "itemGroup": "listAcct:ItemGroup",
}
# The SOAP service has words for countries, REST and SuiteQL have ISO codes.
COUNTRIES: Final[Mapping[str, str]] = {
    "_belgium": "BE",
    "_germany": "DE",
    "_netherlands": "NL",
    "_switzerland": "CH",
    "_japan": "JP",
    "_kuwait": "KW",
}


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to another record, with the name that the service shows beside it."""

    internal_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address as NetSuite has it; `country` is the service's own word, `_belgium`."""

    addressee: str
    addr1: str
    zip: str
    city: str
    country: str
    attention: str = ""
    addr2: str = ""


@dataclass(frozen=True, slots=True)
class Custom:
    """A custom field: its type without `CustomFieldRef` ("String", "Long", "Select") and its value."""

    kind: str
    value: str


Value = str | Decimal | date | Ref | Address
Fields = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a sublist."""

    fields: Mapping[str, Value]
    custom: Mapping[str, Custom] = field(default_factory=dict)


@dataclass(slots=True)
class Record:
    """One record. `kind` is the type of a RecordRef, `status` the search value ("_invoiceOpen"),
    `sublists` are left out of answers with bodyFieldsOnly; `created` and `modified` are aware UTC."""

    kind: str
    internal_id: str
    fields: Fields
    modified: datetime
    custom: dict[str, Custom] = field(default_factory=dict)
    sublists: dict[str, list[Row]] = field(default_factory=dict)
    status: str = ""
    locked: str = ""


def record_element(record: Record, tag: str, *, body_only: bool) -> etree._Element:
    """The record as an element with `xsi:type` and `internalId`, sublists only where wanted."""
    prefix, _, _ = _HOMES[record.kind].partition(":")
    home = NAMESPACES[prefix]
    known = {name: NAMESPACES[name] for name in (prefix, "platformCore", "platformCommon")}
    element = etree.Element(f"{{{NAMESPACES['platformMsgs']}}}{tag}", nsmap={**known, "xsi": XSI})
    element.set(f"{{{XSI}}}type", _HOMES[record.kind])
    element.set("internalId", record.internal_id)
    if record.kind in ("invoice", "creditMemo"):
        _child(element, home, "lastModifiedDate").text = moment_text(record.modified)
    _fields(element, home, record.fields)
    if not body_only:
        for name, rows in record.sublists.items():
            listed = _child(element, home, f"{name}List")
            for row in rows:
                entry = _child(listed, home, name)
                _fields(entry, home, row.fields)
                _custom(entry, home, row.custom)
    _custom(element, home, record.custom)
    return element


def day_text(day: date) -> str:
    """Midnight of a business date in the user's zone: 2026-10-14T00:00:00.000-07:00."""
    return _written(datetime.combine(day, time(0), _pacific(datetime.combine(day, time(12), UTC))))


def moment_text(moment: datetime) -> str:
    """A moment in the user's zone, to the millisecond."""
    return _written(moment.astimezone(_pacific(moment)))


def account_time(moment: datetime) -> datetime:
    """A moment on the clock of the account, without a zone, as SuiteQL has it."""
    return moment.astimezone(_pacific(moment)).replace(tzinfo=None, microsecond=0)


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _pacific(moment: datetime) -> timezone:
    """United States Pacific time by the rule in force since 2007; the zone database may be missing."""
    utc = moment.astimezone(UTC)
    start = _sunday(utc.year, 3, 2) + timedelta(hours=10)
    end = _sunday(utc.year, 11, 1) + timedelta(hours=9)
    return timezone(timedelta(hours=-7 if start <= utc < end else -8))


def _sunday(year: int, month: int, number: int) -> datetime:
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))


def _child(parent: etree._Element, home: str, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{home}}}{name}")


def _fields(parent: etree._Element, home: str, fields: Mapping[str, Value]) -> None:
    for name, value in fields.items():
        element = _child(parent, home, name)
        if isinstance(value, Ref):
            element.set("internalId", value.internal_id)
            _child(element, NAMESPACES["platformCore"], "name").text = value.name
        elif isinstance(value, Address):
            _address(element, value)
        elif isinstance(value, Decimal):
            element.text = _double(value)
        elif isinstance(value, date):
            element.text = day_text(value)
        else:
            element.text = value


def _address(element: etree._Element, address: Address) -> None:
    common = NAMESPACES["platformCommon"]
    for name in ("country", "attention", "addressee", "addr1", "addr2", "city", "zip"):
        text = getattr(address, name)
        if text:
            _child(element, common, name).text = text


def _custom(parent: etree._Element, home: str, custom: Mapping[str, Custom]) -> None:
    if not custom:
        return
    core = NAMESPACES["platformCore"]
    listed = _child(parent, home, "customFieldList")
    for number, (script_id, entry) in enumerate(custom.items(), 3601):
        element = _child(listed, core, "customField")
        element.set("scriptId", script_id)
        element.set("internalId", str(number))
        element.set(f"{{{XSI}}}type", f"platformCore:{entry.kind}CustomFieldRef")
        value = _child(element, core, "value")
        if entry.kind == "Select":
            value.set("internalId", entry.value)
            _child(value, core, "name").text = entry.value
        else:
            value.text = entry.value


def _double(value: Decimal) -> str:
    """As the service writes a double: 121 is 121.0, 121.50 is 121.5."""
    text = format(value.normalize() + 0, "f")
    return text if "." in text else f"{text}.0"
