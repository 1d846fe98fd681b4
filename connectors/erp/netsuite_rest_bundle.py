"""One NetSuite transaction with the rows around it, as one JSON document.

    kind       CustInvc or CustCred
    record     the transaction, its total and taxtotal
    lines      what is sold: the row with its item, its `tax` rows, and `adjustments` (discount and markup
               items that apply to it, which stand directly below it in NetSuite)
    discounts, charges     discount and markup items of the document
    shipping, handling     their rows
    texts      description items
    taxes      the tax rows of all lines, summed by tax code and rate
    customer, billing, delivery, seller, term, source     what the transaction names

Values are what the service said; only signs are as people see them, numbers are written without an exponent,
and a tax rate of 21 percent is 0.21. What is left out: the moment of the last change, the status, what was
paid, and our own fields, so that neither a payment nor our own note changes a document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from connectors.erp.netsuite_rest_service import Row
from formats.errors import DocumentError

__all__ = ["Parts", "bundle", "plain", "registration"]

_CENT: Final = Decimal("0.01")
_NUMBERS: Final = frozenset(
    {
        "quantity",
        "rate",
        "ratepercent",
        "amount",
        "basis",
        "foreigntotal",
        "exchangerate",
        "custcol_price_per",
    }
)
_SILENT: Final = frozenset({"Subtotal", "Group", "EndGroup", "TaxItem", "TaxGroup"})
_ADJUSTMENTS: Final = {"Discount": "discounts", "Markup": "charges"}


@dataclass(frozen=True, slots=True)
class Parts:
    """What was read for one transaction. `rate_scale` turns a tax rate into a fraction; `uniform` is the one
    tax code of a legacy transaction whose lines do not tell theirs."""

    header: Row
    lines: Sequence[Row]
    taxes: Sequence[Row]
    customer: Row | None
    billing: Row | None
    delivery: Row | None
    seller: Row | None
    term: Row | None
    source: Row | None
    engine: str
    rates: Mapping[str, Row] = field(default_factory=dict)
    rate_scale: Decimal = Decimal(1)
    shipping_types: tuple[str, ...] = ()
    handling_types: tuple[str, ...] = ()


def bundle(parts: Parts) -> bytes:
    """The document in UTF-8; the same rows always give the same bytes.

    Raises DocumentError where the rows do not make the total, or a line's tax cannot be told: then rows are
    hidden from the role or the tax set-up needs a person.
    """
    document = _Sorter(parts).document()
    return json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1).encode()


def plain(value: Any) -> str | None:
    """A number of the service without its exponent: "1.0E-2" is 0.010; None for what is no number."""
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > 18:
        return None
    return format(number, "f")


def registration(seller: Row, country: str, day: str) -> str:
    """The seller's tax number for one country on one day, "" where it has none that is valid then."""
    listed = seller.get("taxRegistration")
    rows = listed.get("items", []) if isinstance(listed, Mapping) else []
    for row in rows:
        nexus = row.get("nexusCountry")
        found = nexus.get("id") if isinstance(nexus, Mapping) else nexus
        begins, ends = str(row.get("effectiveFrom") or "")[:10], str(row.get("validUntil") or "")[:10]
        if found == country and (not begins or begins <= day) and (not ends or day <= ends):
            return str(row.get("taxRegistrationNumber") or "")
    return ""


class _Sorter:
    """Puts the rows of one transaction in their places."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._number = str(parts.header.get("tranid") or parts.header["id"])
        self._places: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("lines", "discounts", "charges", "shipping", "handling", "texts")
        }
        self._uniform: dict[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        parts = self._parts
        header = _cleaned(parts.header)
        taxes = [self._tax(row) for row in parts.taxes]
        if parts.engine == "legacy":
            self._uniform = self._one_code(taxes)
        self._sort()
        total, tax = self._total(header), sum((_number(row, "amount") for row in taxes), Decimal(0))
        self._check(total, tax)
        header["taxtotal"] = format(tax.quantize(_CENT) if tax == tax.quantize(_CENT) else tax, "f")
        around = {
            "customer": parts.customer,
            "billing": parts.billing,
            "delivery": parts.delivery,
            "seller": parts.seller,
            "term": parts.term,
            "source": parts.source,
        }
        return {
            "kind": header.pop("type"),
            "record": header,
            **self._places,
            "taxes": _by_code(taxes),
            "engine": parts.engine,
            **{name: dict(row) for name, row in around.items() if row is not None},
        }

    def _sort(self) -> None:
        above: dict[str, Any] | None = None
        rows = sorted(self._parts.lines, key=lambda row: int(row.get("linesequencenumber") or row["id"]))
        for raw in rows:
            if raw.get("kitmemberof"):
                continue  # the kit's own row has the amount
            row, kind = self._row(raw), str(raw.get("itemtype") or "")
            place = self._place(raw, kind)
            if place in ("discounts", "charges") and raw.get("transactiondiscount") != "T":
                if above is not None and _codes(above) == _codes(row):
                    above["adjustments"].append(row)
                    continue
            elif place != "lines":
                if place:
                    self._places[place].append(row)
                above = None if kind in _SILENT or place == "texts" else above
                continue
            if place == "lines":
                row["adjustments"] = []
                above = row
            else:
                above = None
            self._places[place].append(row)

    def _place(self, row: Row, kind: str) -> str:
        """Where a row belongs; "" for one that says nothing."""
        line_type = str(row.get("transactionlinetype") or "")
        if line_type in self._parts.handling_types:
            return "handling" if row.get("amount") is not None else ""
        if kind == "ShipItem" or line_type in self._parts.shipping_types:
            return "shipping" if row.get("amount") is not None else ""
        if kind == "Description":
            return "texts"
        if kind in _SILENT or row.get("amount") is None:
            return ""
        return _ADJUSTMENTS.get(kind, "lines")

    def _row(self, raw: Row) -> dict[str, Any]:
        row = _cleaned(raw)
        row.pop("transaction", None)
        if self._parts.engine == "suitetax":
            row["tax"] = [
                self._tax(tax) for tax in self._parts.taxes if str(tax.get("line")) == str(raw["id"])
            ]
        elif raw.get("taxcode") is not None:
            code = str(raw["taxcode"])
            rate = self._rate(self._parts.rates.get(code, {}).get("rate"))
            row["tax"] = [{"code": code, "name": str(raw.get("taxname") or code), "rate": rate}]
        elif self._uniform is not None and raw.get("amount") is not None:
            row["tax"] = [self._uniform]
        if len(row.get("tax", ())) > 1:
            raise DocumentError(
                f"line {raw.get('linesequencenumber') or raw['id']} of {self._number} has several taxes",
                where="NetSuite, Tax Details",
                fix="one line of an e-invoice has one VAT rate: split the line, one for each tax",
            )
        return row

    def _one_code(self, taxes: Sequence[Row]) -> dict[str, Any] | None:
        """The only tax code of a legacy transaction. Raises DocumentError where there are several."""
        if any(row.get("taxcode") is not None for row in self._parts.lines):
            return None
        if len(taxes) == 1:
            code = str(taxes[0]["code"])
            rate = self._rate(self._parts.rates.get(code, {}).get("rate"))
            return {"code": code, "name": str(taxes[0].get("name") or code), "rate": rate}
        raise DocumentError(
            f"{self._number} has {len(taxes)} tax codes, and SuiteQL does not tell which line has which",
            where="NetSuite, legacy tax",
            fix="read this account with the source kind netsuite-soap, or name the column with the tax code "
            "in line_tax_column",
        )

    def _tax(self, raw: Row) -> dict[str, Any]:
        row = _cleaned(raw)
        row.pop("transaction", None)
        if "rate" in raw:
            row["rate"] = self._rate(raw["rate"])
        return row

    def _rate(self, value: Any) -> str | None:
        text = plain(str(value).rstrip("% ")) if value is not None else None
        if text is None:
            return None
        scale = Decimal("0.01") if str(value).strip().endswith("%") else self._parts.rate_scale
        return format((Decimal(text) * scale).normalize() + 0, "f")

    def _total(self, header: Row) -> Decimal:
        total = plain(header.get("foreigntotal"))
        if total is None:
            raise DocumentError(
                f"{self._number} has no total",
                where="NetSuite, transaction",
                fix="give the role the right to see amounts of invoices",
            )
        # A credit memo is negative in the books and positive on paper.
        return abs(Decimal(total)) if header.get("type") == "CustCred" else Decimal(total)

    def _check(self, total: Decimal, tax: Decimal) -> None:
        net = sum((_number(row, "amount") for row in self._amounts()), Decimal(0))
        if net + tax != total:
            raise DocumentError(
                f"the lines and taxes of {self._number} make {net + tax}, its total is {total}",
                where="NetSuite, lines of the transaction",
                fix="open and save the invoice in NetSuite; if that does not help, the role does not see all "
                "lines (subsidiaries, item types), or a line kind is not known here",
            )

    def _amounts(self) -> Iterator[Row]:
        for name, rows in self._places.items():
            if name != "texts":
                for row in rows:
                    yield row
                    yield from row.get("adjustments", ())


def _by_code(taxes: Sequence[Row]) -> list[dict[str, Any]]:
    """One row for each tax code and rate, with the sums of the stated bases and amounts."""
    sums: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in taxes:
        known = {name: row[name] for name in ("code", "name", "rate") if row.get(name) is not None}
        entry = sums.setdefault(tuple(str(row.get(name)) for name in ("code", "name", "rate")), known)
        for name in ("basis", "amount"):
            if row.get(name) is not None:
                entry[name] = format(_number(entry, name) + _number(row, name), "f")
    return list(sums.values())


def _cleaned(row: Row) -> dict[str, Any]:
    cleaned = {}
    for name, value in row.items():
        number = plain(value) if name in _NUMBERS else None
        cleaned[name] = value if number is None else number
    return cleaned


def _number(row: Row, name: str) -> Decimal:
    text = plain(row.get(name))
    return Decimal(0) if text is None else Decimal(text)


def _codes(row: Row) -> list[str]:
    return [str(tax.get("code")) for tax in row.get("tax", ())]
