"""The invented books of Brightwater Instruments NV, a Belgian maker of laboratory instruments, in NetSuite.

Companies, numbers and people do not exist; VAT, company and bank numbers have valid check digits. Every
amount is worked out here with Decimal, and an invoice whose line taxes and document tax would differ by
rounding does not get into the seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from connectors.sandbox.netsuite_lists import CUSTOMERS, DOLLAR, EURO, ITEMS, SUBSIDIARY, TAXES, list_records
from connectors.sandbox.netsuite_records import Address, Custom, Fields, Record, Ref, Row, Value

__all__ = ["SEEDED_CREDIT_MEMOS", "SEEDED_INVOICES", "ordinary", "seed"]

_CENT: Final = Decimal("0.01")
_NET_30: Final = Ref("2", "Net 30")


@dataclass(frozen=True, slots=True)
class _Sale:
    """A line that sells something. `per` is the number of pieces that the price list names a price for; as in
    NetSuite, `rate` is for one piece all the same."""

    item: str
    quantity: Decimal
    rate: Decimal
    tax: str
    text: str = ""
    per: int = 0


@dataclass(frozen=True, slots=True)
class _Discount:
    """A discount item: so many percent of the line above, with that line's tax code."""

    percent: Decimal
    text: str


@dataclass(frozen=True, slots=True)
class _Markup:
    """A markup item: so many percent on top of the line above, with that line's tax code."""

    percent: Decimal
    text: str


@dataclass(frozen=True, slots=True)
class _Subtotal:
    """A subtotal item: shows a sum, sells nothing."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A description item: words without an amount."""

    text: str


_Line = _Sale | _Discount | _Markup | _Subtotal | _Text


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one transaction is made of; the amounts follow."""

    number: str
    internal_id: str
    customer: str
    day: date
    lines: Sequence[_Line]
    kind: str = "invoice"
    order: str = ""
    currency: Ref = EURO
    exchange_rate: Decimal = Decimal(1)
    discount_percent: Decimal = Decimal(0)
    shipping: Decimal = Decimal(0)
    shipping_tax: str = "S-BE"
    shipped: date | None = None
    period: tuple[date, date] | None = None
    paid: str = ""
    status: str = "_invoiceOpen"
    memo: str = ""
    created_from: Ref | None = None
    wrong_total: Decimal = Decimal(0)
    custom: Mapping[str, Custom] = field(default_factory=dict)


def _d(text: str) -> Decimal:
    return Decimal(text)


_PLANS: Final = (
    _Plan(
        "BW-2026-0101",
        "1001",
        "Noordzee Analytics NV",
        date(2026, 10, 5),
        (
            _Sale("BI-PH7", _d("4"), _d("385.00"), "S-BE", "Bench pH meter with probe and case"),
            _Sale("SRV-CAL", _d("3.5"), _d("92.00"), "S-BE"),
        ),
        order="NZ-4471",
        paid="all",
        status="_invoicePaidInFull",
        shipped=date(2026, 10, 2),
    ),
    _Plan(
        "BW-2026-0102",
        "1002",
        "Kestrel Ziekenhuis VZW",
        date(2026, 10, 7),
        (
            _Text("Delivered to the water laboratory, building C"),
            _Sale("BI-COND", _d("2"), _d("214.50"), "S-BE"),
            _Sale("BK-MANUAL", _d("6"), _d("48.50"), "R-BE"),
            _Sale("BI-BUF", _d("10"), _d("31.20"), "S-BE"),
        ),
        order="KZ/2026/0912",
        shipped=date(2026, 10, 6),
        custom={"custbody_einv_buyer_reference": Custom("String", "LAB-C-204")},
    ),
    _Plan(
        "BW-2026-0103",
        "1003",
        "Noordzee Analytics NV",
        date(2026, 10, 9),
        (
            _Sale("BI-TURB", _d("5"), _d("612.00"), "S-BE"),
            _Discount(_d("10"), "Trade discount 10 % on turbidity sensors"),
            _Sale("BI-BUF", _d("4"), _d("31.20"), "S-BE"),
            _Markup(_d("5"), "Cold chain, 5 %"),
            _Subtotal(),
        ),
        order="NZ-4488",
        shipping=_d("35.00"),
        shipped=date(2026, 10, 8),
        paid="1000.00",
    ),
    _Plan(
        "BW-2026-0104",
        "1004",
        "Centrum voor Watertechniek VZW",
        date(2026, 10, 12),
        (
            _Sale("BI-PH7", _d("10"), _d("385.00"), "S-BE"),
            _Sale("BI-COND", _d("10"), _d("214.50"), "S-BE"),
        ),
        order="CWT-118",
        discount_percent=_d("5"),
        shipped=date(2026, 10, 12),
        memo="Framework agreement 2026",
    ),
    _Plan(
        "BW-2026-0105",
        "1005",
        "Bouwwerken Claes BV",
        date(2026, 10, 14),
        (_Sale("SRV-INST", _d("26"), _d("78.00"), "RC-BE", "Fitting of measuring pipes, site Mechelen"),),
        order="CL-77812",
        shipped=date(2026, 10, 13),
    ),
    _Plan(
        "BW-2026-0106",
        "1006",
        "Hafenlabor GmbH",
        date(2026, 10, 16),
        (
            _Sale("BI-TURB", _d("12"), _d("598.00"), "ESS-BE"),
            _Sale("BI-BUF", _d("24"), _d("29.90"), "ESS-BE"),
        ),
        order="4500918827",
        shipping=_d("120.00"),
        shipping_tax="ESS-BE",
        shipped=date(2026, 10, 15),
        paid="all",
        status="_invoicePaidInFull",
    ),
    _Plan(
        "BW-2026-0107",
        "1007",
        "Centrum voor Watertechniek VZW",
        date(2026, 10, 20),
        (
            _Sale("SRV-TRAIN", _d("2"), _d("950.00"), "E-BE", "Group of eight, two days"),
            _Sale("BK-MANUAL", _d("8"), _d("48.50"), "R-BE"),
        ),
        order="CWT-131",
        period=(date(2026, 10, 13), date(2026, 10, 14)),
    ),
    _Plan(
        "BW-2026-0108",
        "1008",
        "Atlas Maritime Supply NV",
        date(2026, 10, 22),
        (
            _Sale("BI-TURB", _d("3"), _d("689.00"), "S-BE"),
            _Sale("BI-COND", _d("8"), _d("242.75"), "S-BE"),
        ),
        order="AMS-PO-30021",
        currency=DOLLAR,
        exchange_rate=_d("0.9254"),
        shipped=date(2026, 10, 21),
    ),
    _Plan(
        "BW-2026-0109",
        "1009",
        "Kestrel Ziekenhuis VZW",
        date(2026, 10, 28),
        (_Sale("BI-TURB", _d("2"), _d("612.00"), "S-BE"), _Sale("SRV-CAL", _d("6"), _d("92.00"), "S-BE")),
        order="KZ/2026/0977",
        shipped=date(2026, 10, 27),
        paid="500.00",
        custom={"custbody_einv_prepaid": Custom("Double", "500.0")},
    ),
    _Plan(
        "BW-2026-0110",
        "1010",
        "Meridian Laboratoria B.V.",
        date(2026, 11, 2),
        (
            _Sale("BI-VIAL", _d("2500"), _d("0.0875"), "ESS-BE", "Price per 100", per=100),
            _Sale("BI-PH7", _d("1"), _d("385.00"), "ESS-BE"),
        ),
        order="MER-20661",
        shipped=date(2026, 10, 30),
    ),
    _Plan(
        "BW-2026-0111",
        "1011",
        "Noordzee Analytics NV",
        date(2026, 11, 4),
        (_Sale("SRV-CAL", _d("11.25"), _d("92.00"), "S-BE", "Calibration round, October"),),
        order="NZ-4519",
        period=(date(2026, 10, 1), date(2026, 10, 31)),
        custom={"custbody_einv_attachment": Custom("Select", "9001")},
    ),
    _Plan(
        "BW-2026-0112",
        "1012",
        "Tuincentrum De Linde BV",
        date(2026, 11, 5),
        (_Sale("BI-PH7", _d("1"), _d("385.00"), "S-BE"),),
        order="mail of 3 November",
        shipped=date(2026, 11, 4),
    ),
    _Plan(
        "BW-2026-0113",
        "1013",
        "Garage Verhaegen",
        date(2026, 11, 6),
        (_Sale("BI-COND", _d("1"), _d("214.50"), "S-BE"),),
        order="counter sale",
        shipped=date(2026, 11, 6),
    ),
    _Plan(
        "BW-2026-0114",
        "1014",
        "Lakeside Optics AG",
        date(2026, 11, 9),
        (_Sale("BI-TURB", _d("4"), _d("605.00"), "O-BE"),),
        order="LO-5512",
        shipping=_d("85.00"),
        shipping_tax="O-BE",
        shipped=date(2026, 11, 9),
    ),
    _Plan(
        "BW-2026-0115",
        "1015",
        "Kestrel Ziekenhuis VZW",
        date(2026, 11, 11),
        (_Sale("BI-COND", _d("3"), _d("214.50"), "S-BE"),),
        order="KZ/2026/1003",
        shipped=date(2026, 11, 10),
        wrong_total=_d("10.00"),
    ),
    _Plan(
        "BW-2026-0116",
        "1016",
        "Noordzee Analytics NV",
        date(2026, 11, 12),
        (_Sale("BI-PH7", _d("2"), _d("385.00"), "BTW21-OLD"),),
        order="NZ-4533",
        shipped=date(2026, 11, 11),
    ),
    _Plan(
        "BW-2026-0117",
        "1017",
        "Kestrel Ziekenhuis VZW",
        date(2026, 11, 16),
        (_Sale("SRV-CAL", _d("2"), _d("92.00"), "S-BE"),),
        order="KZ/2026/1010",
        status="_invoicePendingApproval",
    ),
    _Plan(
        "BW-2026-0118",
        "1018",
        "Noordzee Analytics NV",
        date(2026, 11, 17),
        (_Sale("BI-BUF", _d("1"), _d("31.20"), "S-BE"),),
        order="NZ-4540",
        status="_invoiceVoided",
    ),
    _Plan(
        "BW-CN-2026-0011",
        "1201",
        "Noordzee Analytics NV",
        date(2026, 10, 19),
        (_Sale("BI-PH7", _d("1"), _d("385.00"), "S-BE", "Returned, damaged in transport"),),
        kind="creditMemo",
        order="NZ-4471",
        created_from=Ref("1001", "Invoice #BW-2026-0101"),
        status="_creditMemoFullyApplied",
        shipped=date(2026, 10, 2),
    ),
    _Plan(
        "BW-CN-2026-0012",
        "1202",
        "Hafenlabor GmbH",
        date(2026, 11, 13),
        (_Sale("BI-BUF", _d("4"), _d("29.90"), "ESS-BE", "Short delivery"),),
        kind="creditMemo",
        order="4500918827",
        created_from=Ref("1006", "Invoice #BW-2026-0106"),
        status="_creditMemoOpen",
        shipped=date(2026, 10, 15),
    ),
)
# What a pull gives: two of the seeded invoices are not approved or are void.
SEEDED_INVOICES: Final = tuple(
    p.number for p in _PLANS if p.kind == "invoice" and "Open" in p.status
) + tuple(p.number for p in _PLANS if p.kind == "invoice" and "Paid" in p.status)
SEEDED_CREDIT_MEMOS: Final = tuple(p.number for p in _PLANS if p.kind == "creditMemo")

_STATUS_TEXTS: Final = {
    "_invoiceOpen": "Open",
    "_invoicePaidInFull": "Paid In Full",
    "_invoicePendingApproval": "Pending Approval",
    "_invoiceVoided": "Voided",
    "_creditMemoOpen": "Open",
    "_creditMemoFullyApplied": "Fully Applied",
}


def seed(now: datetime) -> dict[tuple[str, str], Record]:
    """All records by (type, internal id), last changed in the days before `now` (aware UTC), oldest first."""
    start = now.replace(microsecond=0) - timedelta(hours=3 * len(_PLANS) + 2)
    records = [*list_records(start)]
    records += [_transaction(plan, start + timedelta(hours=3 * place)) for place, plan in enumerate(_PLANS)]
    return {(record.kind, record.internal_id): record for record in records}


def ordinary(number: str, internal_id: str, modified: datetime, lines: int = 1) -> Record:
    """One more open invoice with so many lines, last changed at `modified`."""
    sold = ("BI-PH7", "385.00"), ("BI-COND", "214.50"), ("BI-BUF", "31.20")
    rows = [
        _Sale(item, Decimal(1 + place % 7), Decimal(rate), "S-BE")
        for place, (item, rate) in ((place, sold[place % len(sold)]) for place in range(lines))
    ]
    plan = _Plan(
        number, internal_id, "Noordzee Analytics NV", modified.date(), rows, order=f"NZ-{internal_id}"
    )
    return _transaction(plan, modified, by_line=False)


def _transaction(plan: _Plan, modified: datetime, *, by_line: bool = True) -> Record:
    customer = CUSTOMERS[plan.customer]
    rows, bases = _rows(plan)
    subtotal = sum((base for base in bases.values()), Decimal(0))
    discount = _round(-subtotal * plan.discount_percent / 100)
    if discount:
        # The service spreads a document discount over the lines; the seeds have it with one tax code only.
        (only,) = bases
        bases[only] += discount
    if plan.shipping:
        bases[plan.shipping_tax] = bases.get(plan.shipping_tax, Decimal(0)) + plan.shipping
    tax = sum((_tax_of(name, base) for name, base in bases.items()), Decimal(0))
    of_lines = sum(
        (_number(row.fields.get("tax1Amt")) for row in rows), _tax_of(plan.shipping_tax, plan.shipping)
    )
    if not by_line:
        # The service adds the taxes of the lines, each rounded.
        tax = of_lines
    elif not discount and of_lines != tax:
        raise ValueError(f"the line taxes of {plan.number} do not make its tax: {of_lines}, {tax}")
    total = subtotal + discount + plan.shipping + tax + plan.wrong_total
    paid = total if plan.paid == "all" else Decimal(plan.paid or 0)
    address = Address(
        customer.name, customer.street, customer.zip, customer.city, customer.country, customer.attention
    )
    fields: Fields = {
        "tranId": plan.number,
        "tranDate": plan.day,
        "entity": Ref(customer.internal_id, customer.name),
        "subsidiary": SUBSIDIARY,
        "currency": plan.currency,
        "currencyName": plan.currency.name,
        "exchangeRate": plan.exchange_rate,
        "otherRefNum": plan.order,
        "billingAddress": address,
        "status": _STATUS_TEXTS[plan.status],
        "subTotal": subtotal,
        "taxTotal": tax,
        "total": total,
        "amountPaid": paid,
        "amountRemaining": total - paid,
    }
    if plan.kind == "invoice":
        fields |= {"dueDate": plan.day + timedelta(days=30), "terms": _NET_30}
    if discount:
        fields |= {
            "discountItem": Ref("530", "Framework discount"),
            "discountRate": f"-{plan.discount_percent}%",
            "discountTotal": discount,
        }
    if plan.shipping:
        code = TAXES[plan.shipping_tax]
        fields |= {
            "shippingCost": plan.shipping,
            "shippingTaxCode": Ref(code.internal_id, plan.shipping_tax),
            "shippingTax1Rate": code.rate,
        }
    if plan.shipped:
        fields |= {"shipDate": plan.shipped, "shippingAddress": address}
    if plan.period:
        fields |= {"startDate": plan.period[0], "endDate": plan.period[1]}
    if plan.memo:
        fields["memo"] = plan.memo
    if plan.created_from:
        fields["createdFrom"] = plan.created_from
    if customer.vat:
        fields["vatRegNum"] = customer.vat
    if plan.status == "_invoicePendingApproval":
        fields["approvalStatus"] = Ref("1", "Pending Approval")
    return Record(
        plan.kind,
        plan.internal_id,
        fields,
        modified,
        dict(plan.custom),
        {"item": rows},
        plan.status,
    )


def _rows(plan: _Plan) -> tuple[list[Row], dict[str, Decimal]]:
    """The sublist rows and the taxable sum of each tax code."""
    rows: list[Row] = []
    bases: dict[str, Decimal] = {}
    above, code = Decimal(0), ""
    for number, line in enumerate(plan.lines, 1):
        match line:
            case _Sale():
                above, code = _round(line.quantity * line.rate), line.tax
                bases[code] = bases.get(code, Decimal(0)) + above
                rows.append(_sale_row(number, line, above))
            case _Discount() | _Markup():
                item, sign = ("DISC-TRADE", "-") if isinstance(line, _Discount) else ("MARK-COLD", "")
                amount = _round(Decimal(f"{sign}1") * above * line.percent / 100)
                bases[code] += amount
                fields = _line_fields(number, item, line.text) | _tax_fields(code, amount)
                rows.append(Row(fields | {"rate": f"{sign}{line.percent}.0%"}))
            case _Subtotal():
                shown = sum(bases.values(), Decimal(0))
                rows.append(Row(_line_fields(number, "SUBTOTAL", "Subtotal") | {"amount": shown}))
            case _Text():
                rows.append(Row(_line_fields(number, "TEXT", line.text)))
    return rows, bases


def _line_fields(number: int, item: str, text: str) -> Fields:
    fields: Fields = {
        "item": Ref(ITEMS[item].internal_id, item),
        "line": str(number),
    }
    if text:
        fields["description"] = text
    return fields


def _tax_fields(name: str, amount: Decimal) -> Fields:
    tax, due = TAXES[name], _tax_of(name, amount)
    return {
        "amount": amount,
        "taxCode": Ref(tax.internal_id, name),
        "taxRate1": tax.rate,
        "tax1Amt": due,
        "grossAmt": amount + due,
    }


def _sale_row(number: int, line: _Sale, amount: Decimal) -> Row:
    item = ITEMS[line.item]
    fields = _line_fields(number, line.item, line.text)
    fields |= {"quantity": line.quantity, "rate": str(line.rate)}
    fields |= _tax_fields(line.tax, amount)
    if item.unit:
        fields["units"] = item.unit
    custom = {"custcol_price_per": Custom("Long", str(line.per))} if line.per else {}
    return Row(fields, custom)


def _tax_of(name: str, base: Decimal) -> Decimal:
    return _round(base * TAXES[name].rate / 100)


def _number(value: Value | None) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(0)


def _round(value: Decimal) -> Decimal:
    return value.quantize(_CENT, rounding=ROUND_HALF_UP)
