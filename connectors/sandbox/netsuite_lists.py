"""Lists of the invented Brightwater Instruments NV in NetSuite: tax codes, items, customers, and the like.

Companies, numbers and people do not exist; VAT, company and bank numbers have valid check digits.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from connectors.sandbox.netsuite_records import Address, Custom, Fields, Record, Ref

__all__ = [
    "CUSTOMERS",
    "DOLLAR",
    "EURO",
    "ITEMS",
    "SUBSIDIARY",
    "TAXES",
    "Customer",
    "Item",
    "Tax",
    "list_records",
]

EURO: Final = Ref("1", "Euro")
DOLLAR: Final = Ref("2", "US Dollar")
SUBSIDIARY: Final = Ref("3", "Brightwater Instruments NV")

_SHEET: Final = (
    "date,technician,hours\n2026-10-06,P. Maes,3.75\n2026-10-15,P. Maes,4.00\n2026-10-27,L. Dubois,3.50\n"
)


@dataclass(frozen=True, slots=True)
class Tax:
    """A tax code; `rate` is a percentage, `flags` are those of SalesTaxItem that are true."""

    internal_id: str
    rate: Decimal
    description: str
    flags: tuple[str, ...] = ()


TAXES: Final[Mapping[str, Tax]] = {
    "S-BE": Tax("11", Decimal(21), "VAT 21 % Belgium"),
    "R-BE": Tax("12", Decimal(6), "VAT 6 % Belgium, reduced"),
    "E-BE": Tax("13", Decimal(0), "Exempt, article 44 of the Belgian VAT Code", ("exempt",)),
    "RC-BE": Tax("14", Decimal(0), "Reverse charge, work on immovable property", ("reverseCharge",)),
    "ESS-BE": Tax("15", Decimal(0), "Intra-Community supply of goods", ("eccode",)),
    "O-BE": Tax("16", Decimal(0), "Export outside the European Union", ("export",)),
    # Left over from an old set-up: no mapping table knows it.
    "BTW21-OLD": Tax("17", Decimal(21), "Old code, do not use"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """An item; `kind` is its record type, `upc` its GTIN."""

    internal_id: str
    kind: str
    display: str
    unit: Ref | None = None
    upc: str = ""


_EACH, _HOUR, _DAY, _BOX = Ref("1", "Ea"), Ref("2", "Hour"), Ref("3", "Day"), Ref("4", "Box")
ITEMS: Final[Mapping[str, Item]] = {
    "BI-PH7": Item("501", "inventoryItem", "pH meter BI-7", _EACH, "5419990010015"),
    "BI-COND": Item("502", "inventoryItem", "Conductivity probe", _EACH, "5419990010022"),
    "BI-VIAL": Item("503", "inventoryItem", "Sample vial 20 ml", _EACH, "5419990010039"),
    "BI-BUF": Item("504", "inventoryItem", "Buffer solution pH 7, box of 12", _BOX, "5419990010046"),
    "BI-TURB": Item("505", "inventoryItem", "Turbidity sensor", _EACH, "5419990010053"),
    "SRV-CAL": Item("510", "serviceSaleItem", "Calibration on site", _HOUR),
    "SRV-INST": Item("511", "serviceSaleItem", "Installation in the building", _HOUR),
    "SRV-TRAIN": Item("512", "serviceSaleItem", "Vocational training, water analysis", _DAY),
    "BK-MANUAL": Item("513", "inventoryItem", "Handbook of water analysis (printed)", _EACH),
    "DISC-TRADE": Item("520", "discountItem", "Trade discount"),
    "MARK-COLD": Item("523", "markupItem", "Cold chain"),
    "SUBTOTAL": Item("521", "subtotalItem", "Subtotal"),
    "TEXT": Item("522", "descriptionItem", "Description"),
}


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer; what it does not have is empty."""

    internal_id: str
    name: str
    street: str
    zip: str
    city: str
    country: str
    vat: str = ""
    peppol: str = ""
    email: str = ""
    attention: str = ""


CUSTOMERS: Final[Mapping[str, Customer]] = {
    customer.name: customer
    for customer in (
        Customer(
            "801",
            "Noordzee Analytics NV",
            "Kaaistraat 14",
            "8400",
            "Oostende",
            "_belgium",
            "BE1999412696",
            "0208:1999412696",
            "invoices@noordzee-analytics.example",
            "Els Vermeiren",
        ),
        Customer(
            "802",
            "Kestrel Ziekenhuis VZW",
            "Parklaan 200",
            "9000",
            "Gent",
            "_belgium",
            "BE1999508708",
            "0088:5419990001235",
            "boekhouding@kestrel-ziekenhuis.example",
        ),
        Customer(
            "803",
            "Bouwwerken Claes BV",
            "Steenweg 77",
            "2800",
            "Mechelen",
            "_belgium",
            "BE1999624019",
            "0208:1999624019",
            "ap@bouwwerken-claes.example",
        ),
        Customer(
            "804",
            "Hafenlabor GmbH",
            "Speicherstrasse 9",
            "20457",
            "Hamburg",
            "_germany",
            "DE999812346",
            "9930:DE999812346",
            "rechnung@hafenlabor.example",
            "Jonas Petersen",
        ),
        Customer(
            "805",
            "Centrum voor Watertechniek VZW",
            "Leuvensesteenweg 310",
            "1932",
            "Zaventem",
            "_belgium",
            "BE1999736558",
            "0208:1999736558",
            "facturen@watertechniek.example",
        ),
        Customer(
            "806",
            "Atlas Maritime Supply NV",
            "Scheldekaai 5",
            "2000",
            "Antwerpen",
            "_belgium",
            "BE1999801389",
            "0208:1999801389",
            "payables@atlas-maritime.example",
        ),
        Customer(
            "807",
            "Meridian Laboratoria B.V.",
            "Wilhelminakade 31",
            "3072 AP",
            "Rotterdam",
            "_netherlands",
            "NL999123452B01",
            "0106:99812346",
            "facturen@meridian-lab.example",
        ),
        Customer(
            "808",
            "Lakeside Optics AG",
            "Seestrasse 120",
            "8002",
            "Zürich",
            "_switzerland",
            "",
            "0183:CHE999123455",
            "finance@lakeside-optics.example",
        ),
        Customer(
            "809",
            "Tuincentrum De Linde BV",
            "Lindestraat 3",
            "3500",
            "Hasselt",
            "_belgium",
            "BE1999115857",
            "",
            "info@tuincentrum-delinde.example",
        ),
        Customer("810", "Garage Verhaegen", "Molenstraat 18", "9300", "Aalst", "_belgium"),
    )
}


def list_records(start: datetime) -> list[Record]:
    """All list records, last changed at `start`."""
    records = [
        Record(
            "subsidiary",
            SUBSIDIARY.internal_id,
            {
                "name": SUBSIDIARY.name,
                "legalName": "Brightwater Instruments NV",
                "country": "_belgium",
                "email": "finance@brightwater.example",
                "url": "https://www.brightwater.example",
                "federalIdNumber": "BE1999307184",
                "currency": EURO,
                "mainAddress": Address(
                    "Brightwater Instruments NV",
                    "Havenlaan 86",
                    "1000",
                    "Brussel",
                    "_belgium",
                    addr2="bus 12",
                ),
            },
            start,
        ),
        Record("currency", "1", {"name": "Euro", "symbol": "EUR"}, start),
        Record("currency", "2", {"name": "US Dollar", "symbol": "USD"}, start),
        Record("term", "2", {"name": "Net 30", "daysUntilNetDue": "30"}, start),
        Record(
            "file",
            "9001",
            {
                "name": "calibration-hours-2026-10.csv",
                "fileType": "_CSV",
                "description": "Hours worked in October 2026",
                "content": base64.b64encode(_SHEET.encode()).decode(),
            },
            start,
        ),
    ]
    records += [_tax_record(name, tax, start) for name, tax in TAXES.items()]
    records += [_item_record(name, item, start) for name, item in ITEMS.items()]
    records += [_customer_record(customer, start) for customer in CUSTOMERS.values()]
    return records


def _tax_record(name: str, tax: Tax, start: datetime) -> Record:
    fields: Fields = {
        "itemId": name,
        "description": tax.description,
        "rate": f"{tax.rate}.00%",
    }
    fields |= {
        flag: "true" if flag in tax.flags else "false" for flag in ("exempt", "reverseCharge", "eccode")
    }
    fields |= {"service": "false", "export": "true" if "export" in tax.flags else "false"}
    return Record("salesTaxItem", tax.internal_id, fields, start)


def _item_record(name: str, item: Item, start: datetime) -> Record:
    fields: Fields = {"itemId": name, "displayName": item.display}
    if item.upc:
        fields["upcCode"] = item.upc
    return Record(item.kind, item.internal_id, fields, start)


def _customer_record(customer: Customer, start: datetime) -> Record:
    fields: Fields = {
        "entityId": customer.name,
        "isPerson": "false",
        "companyName": customer.name,
    }
    if customer.email:
        fields["email"] = customer.email
    if customer.vat:
        fields["vatRegNumber"] = customer.vat
    custom = {"custentity_peppol_id": Custom("String", customer.peppol)} if customer.peppol else {}
    return Record("customer", customer.internal_id, fields, start, custom)
