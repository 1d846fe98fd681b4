"""The books of the imitated S/4HANA when it starts: ordinary documents, and one of each kind that is not.

What a sound system would never have in one place stands here side by side: pro forma and intercompany
documents, cancelled pairs, currencies without and with three decimals, sub-items, text and return items,
foreign tax engines, documents that were not posted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from connectors.sandbox.s4_documents import Issued, billing_row, moment_of, recalculate
from connectors.sandbox.s4_partners import partner_of, ship_to_as_customer
from connectors.sandbox.sap_documents import Billing, Customer, Item
from connectors.sandbox.sap_seeds import BILLINGS

__all__ = ["ISSUED", "ORDINARY", "PLAIN", "SPECIAL", "Seed", "partner_rows", "rows"]

Row = dict[str, Any]
D = Decimal
_BY_NUMBER: Final = {billing.number[2:]: billing for billing in BILLINGS}
PLAIN: Final = _BY_NUMBER["90000214"]
STADTWERKE: Final = PLAIN.customer
_HARBOUR: Final = Customer(
    "0000100021", "Harbor Freight Supplies Inc.", "Pier Road 7", "Baltimore", "21226", "US", ""
)
_ONE_TIME: Final = Customer(
    "0000199999", "One-time customer", "Unknown 1", "Kiel", "24103", "DE", "", reference="CPD"
)
_QUOTED: Final = Customer(
    "0000100022", "O'Brien & Söhne „Kranservice“ OHG", "An der Brücke 5", "Lübeck", "23552", "DE", ""
)
_ROPE: Final = PLAIN.items[0]
_DAY: Final = date(2026, 11, 9)


@dataclass(frozen=True, slots=True)
class Seed:
    """One document, and what is changed in its row afterwards."""

    issued: Issued
    twist: Callable[[Row], None] | None = None


def _plain(number: int, kind: str = "F2", **fields: Any) -> Issued:
    own = {name: fields.pop(name) for name in tuple(fields) if name in Issued.__dataclass_fields__}
    billing = replace(PLAIN, number=f"00900004{number:02}", on=_DAY, delivered_on=date(2026, 11, 6), **fields)
    return Issued(billing, kind, **own)


def _wrong_total(row: Row) -> None:
    row["TotalGrossAmount"] += D("90.00")


def _foreign_taxes(row: Row) -> None:
    """Rows as a tax engine for the United States leaves them: a trigger of 100 %, then four levels."""
    item = row["to_Item"][0]
    conditions = item["to_PricingElement"]
    tax = next(condition for condition in conditions if condition["ConditionClass"] == "D")
    conditions.remove(tax)
    trigger = {**tax, "ConditionType": "UTXJ", "ConditionRateValue": D(100), "TaxCode": "O1"}
    conditions.append({**trigger, "ConditionAmount": item["NetAmount"]})
    total = D(0)
    for level, rate in enumerate((D(4), D(2), D(1), D(1)), 1):
        amount = (item["NetAmount"] * rate / 100).quantize(D("0.01"))
        total += amount
        conditions.append(
            {
                **trigger, "PricingProcedureCounter": f"{level + 1:03}", "ConditionType": f"XR{level}",
                "ConditionRateValue": rate, "ConditionAmount": amount, "ConditionCategory": str(level),
            }
        )  # fmt: skip
    item["TaxAmount"] = total
    recalculate(row)


def _assembled(row: Row) -> None:
    """A main item with a sub-item that costs nothing, a text item, an item taken back, a statistical one."""
    main, part, text, returned, statistical = row["to_Item"]
    part.update(HigherLevelItem=main["BillingDocumentItem"], SalesDocumentItemCategory="TANN")
    for name in ("NetAmount", "TaxAmount"):
        part[name] = D("0.00")
    for condition in part["to_PricingElement"]:
        condition["ConditionAmount"] = D("0.00")
    text.update(
        SalesDocumentItemType="B", BillingQuantity=D(0), BillingQuantityUnit="", NetAmount=D("0.00"),
        TaxAmount=D("0.00"), to_PricingElement=[],
    )  # fmt: skip
    returned.update(ReturnItemProcessingType="X", SalesDocumentItemCategory="REN")
    for name in ("NetAmount", "TaxAmount"):
        returned[name] = -returned[name]
    for condition in returned["to_PricingElement"]:
        condition["ConditionAmount"] = -condition["ConditionAmount"]
    statistical["StatisticalValueControl"] = "X"
    recalculate(row)


def _three_decimals(row: Row) -> None:
    item = row["to_Item"][0]
    item["NetAmount"] = D("1170.125")
    tax = next(row for row in item["to_PricingElement"] if row["ConditionClass"] == "D")
    item["TaxAmount"] = tax["ConditionAmount"] = D("222.324")
    recalculate(row)


def _unknown_unit(row: Row) -> None:
    for item in row["to_Item"]:
        item["BillingQuantityUnit"] = "TU"
        for condition in item["to_PricingElement"]:
            condition["ConditionQuantityUnit"] = "TU" if condition["ConditionQuantityUnit"] else ""


_PIECE: Final = Item("KT-0100", "Kettenzug 1 t", D(2), "PCE", D("410.00"))
_ASSEMBLY: Final = (
    _PIECE,
    Item("KT-0101", "Kettenspeicher zum Kettenzug", D(2), "PCE", D("0.00")),
    Item("TEXT", "Montage durch den Kunden", D(1), "PCE", D("0.00")),
    Item("KT-0001", "Rücknahme Altgerät", D(1), "PCE", D("60.00")),
    Item("KT-0200", "Nachrichtlich: Mietwert", D(1), "PCE", D("99.00")),
)
_LONG: Final = tuple(
    Item(f"SK-{index:04}", f"Schäkel Größe {index}", D(index % 7 + 1), "PCE", D("4.20"))
    for index in range(1, 301)
)

# Header conditions and down payments have no counterpart of their own in this service.
ORDINARY: Final = tuple(
    Seed(
        Issued(replace(billing, conditions=(), prepaid=D(0)), "G2" if billing.credit else "F2"),
        _wrong_total if billing.error_in_total else None,
    )
    for billing in BILLINGS
)
SPECIAL: Final = (
    Seed(_plain(1, cancelled=True)),
    Seed(_plain(2, "S1", cancels="0090000401")),
    Seed(_plain(3, "F8", posted=False)),
    Seed(_plain(4, "F5", posted=False)),
    Seed(_plain(5, "IV", partner_company="2000")),
    Seed(_plain(6, "FAZ")),
    Seed(_plain(7, "LR")),
    Seed(_plain(8, "BV")),
    Seed(_plain(9, "L2")),
    Seed(_plain(10, currency="JPY", rate=D("0.00610"), items=(replace(_PIECE, price=D(64_000)),))),
    Seed(_plain(11, currency="KWD", rate=D("2.81000"), items=(_PIECE,)), _three_decimals),
    Seed(_plain(12, customer=_HARBOUR), _foreign_taxes),
    Seed(_plain(13, items=_ASSEMBLY), _assembled),
    Seed(_plain(14, posted=False)),
    Seed(_plain(15, items=(_PIECE,)), _unknown_unit),
    Seed(_plain(16, customer=_HARBOUR, items=(replace(_PIECE, tax_code="AX"),))),
    Seed(_plain(17, customer=_ONE_TIME)),
    Seed(
        _plain(
            18, customer=_QUOTED, purchase_order="", order="", delivery="",
            note="Grüße an O'Brien & Co 🙂", items=(replace(_PIECE, text="Haken „S\" & Öse 'groß' 🙂"),),
        )
    ),
    Seed(_plain(19, items=_LONG)),
    Seed(_plain(20, company_code="2000")),
    Seed(_plain(21, "G2", credit=True, refers_to=None)),
    Seed(_plain(22, items=(Item("UN-0500", "Unterlegscheibe", D(2500), "PCE", D("12.80"), per=1000),))),
    Seed(_plain(23, "G2", credit=True, refers_to=("0090000214", date(2026, 11, 2)), cancelled=True)),
    Seed(_plain(24, "S2", cancels="0090000423")),
)  # fmt: skip
ISSUED: Final = (*ORDINARY, *SPECIAL)


def rows() -> list[Row]:
    """The rows of all seeded documents, oldest change first."""
    found = []
    for index, seed in enumerate(ISSUED):
        row = billing_row(seed.issued, moment_of(seed.issued.billing.on, index))
        if seed.twist is not None:
            seed.twist(row)
        found.append(row)
    return found


def partner_rows() -> list[Row]:
    """The business partners of all customers and ship-to parties; the one-time customer has none."""
    customers: dict[str, Customer] = {}
    for seed in ISSUED:
        billing: Billing = seed.issued.billing
        customers.setdefault(billing.customer.number, billing.customer)
        if billing.ship_to is not None:
            customers.setdefault(billing.ship_to.number, ship_to_as_customer(billing.ship_to))
    customers.pop(_ONE_TIME.number)
    return [
        partner_of(customer, index, date(2026, 9, 1 + index % 28))
        for index, customer in enumerate(customers.values(), 1)
    ]
