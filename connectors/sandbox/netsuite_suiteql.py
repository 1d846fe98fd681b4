"""SuiteQL of the imitated NetSuite: queries run on an embedded SQL engine over tables made from its records.

Only what a client sees is imitated: lower-case column keys, numbers as texts, nulls left out, dates in the
user's format unless `TO_CHAR` says otherwise, negative detail rows on invoices, cost rows among them, one
link row for each pair of lines, and columns that an account does not expose.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from connectors.sandbox.netsuite_records import COUNTRIES, Address, Custom, Record, Ref, Row, account_time

__all__ = ["Payment", "QueryRefused", "SuiteQl"]

_MARK: Final = "\x02"  # in front of a stored date, so that one read raw is known for one
_TYPES: Final = {"invoice": "CustInvc", "creditMemo": "CustCred"}
_LETTERS: Final = {
    "_invoiceOpen": "A",
    "_invoicePaidInFull": "B",
    "_invoicePendingApproval": "D",
    "_invoiceRejected": "E",
    "_invoiceVoided": "V",
    "_creditMemoOpen": "A",
    "_creditMemoFullyApplied": "B",
    "_creditMemoVoided": "V",
}
_ITEM_TYPES: Final = {
    "inventoryItem": "InvtPart",
    "serviceSaleItem": "Service",
    "discountItem": "Discount",
    "markupItem": "Markup",
    "subtotalItem": "Subtotal",
    "descriptionItem": "Description",
    "itemGroup": "Group",
}
_SILENT: Final = ("subtotalItem", "descriptionItem", "itemGroup")
_CUSTOM_BODY: Final = (
    "custbody_einv_status",
    "custbody_einv_message_id",
    "custbody_einv_sent_at",
    "custbody_einv_error",
    "custbody_einv_buyer_reference",
    "custbody_einv_prepaid",
    "custbody_einv_attachment",
)
_COLUMNS: Final[Mapping[str, str]] = {
    "transaction": "id tranid type status approvalstatus voided posting trandate duedate lastmodifieddate"
    " createddate entity otherrefnum memo message terms currency exchangerate foreigntotal foreignamountpaid"
    " foreignamountunpaid billingaddress shippingaddress externalid shipdate startdate enddate taxpointdate "
    + " ".join(_CUSTOM_BODY),
    "transactionline": "transaction id uniquekey linesequencenumber mainline taxline iscogs donotdisplayline"
    " item itemtype memo quantity units rate ratepercent foreignamount netamount transactiondiscount"
    " transactionlinetype kitmemberof subsidiary createdfrom custcol_price_per",
    "transactiontaxdetail": "transaction line linename taxtype taxcode taxrate taxbasis taxamount",
    "nexttransactionlinelink": "previousdoc previousline previoustype nextdoc nextline nexttype linktype"
    " foreignamount lastmodifieddate",
    "currency": "id symbol name",
    "item": "id itemid displayname upccode itemtype",
    "salestaxitem": "id itemid rate",
    "customer": "id entityid companyname altname isperson firstname lastname email phone language terms"
    " externalid lastmodifieddate isinactive custentity_peppol_id",
    "subsidiary": "id name legalname country currency federalidnumber email url mainaddress isinactive"
    " iselimination",
    "entityaddress": "nkey addressee attention addr1 addr2 addr3 zip city state country",
    "transactionbillingaddress": "nkey addressee attention addr1 addr2 addr3 zip city state country",
    "transactionshippingaddress": "nkey addressee attention addr1 addr2 addr3 zip city state country",
    "term": "id name daysuntilnetdue isinactive",
}
_TOKENS: Final = re.compile(r"'(?:[^']|'')*'|[A-Za-z_][A-Za-z_0-9.]*|\s+|.", re.DOTALL)


class QueryRefused(Exception):
    """A query that the service answers with 400; the words are its own."""


@dataclass(slots=True)
class Payment:
    """A payment, or a credit memo or journal that settles: `applied` by internal id of the invoice."""

    internal_id: str
    number: str
    day: date
    kind: str
    applied: dict[str, Decimal]
    modified: datetime
    external_id: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class _Books:
    key: tuple[object, ...]
    base: sqlite3.Connection


class SuiteQl:
    """Queries over what `records` and `payments` hold at the moment of each query."""

    def __init__(
        self,
        records: Callable[[], Mapping[tuple[str, str], Record]],
        payments: Callable[[], Iterable[Payment]],
        changes: Callable[[], int],
    ) -> None:
        self._records, self._payments, self._changes = records, payments, changes
        self._books: _Books | None = None

    def rows(
        self,
        query: str,
        *,
        hidden: AbstractSet[str],
        tables_off: AbstractSet[str],
        kinds_off: AbstractSet[str],
    ) -> list[dict[str, str]]:
        """All rows as items of the service. Raises QueryRefused."""
        if ";" in _without_texts(query) or not query.lstrip().lower().startswith("select"):
            raise QueryRefused("Search error occurred: Invalid or unsupported search")
        for name in sorted(hidden):
            if re.search(rf"\b{re.escape(name)}\b", _without_texts(query), re.IGNORECASE):
                raise QueryRefused(
                    f"Search error occurred: Field '{name}' for record 'transaction' was not found. "
                    "Reason: NOT_EXPOSED - Field is not exposed to this channel."
                )
        for name in sorted(tables_off):
            if re.search(rf"\b{re.escape(name)}\b", _without_texts(query), re.IGNORECASE):
                raise QueryRefused(f"Search error occurred: Record '{name}' was not found.")
        statement = _rewritten(query)
        try:
            cursor = self._opened(kinds_off).execute(statement)
            names = [column[0].lower() for column in cursor.description]
            return [_item(names, row) for row in cursor]
        except sqlite3.Error as error:
            raise QueryRefused(_words(str(error))) from error

    def _opened(self, kinds_off: AbstractSet[str]) -> sqlite3.Connection:
        records = self._records()
        key = (
            self._changes(),
            len(records),
            hash(tuple(record.modified for record in records.values())),
            frozenset(kinds_off),
        )
        if self._books is None or self._books.key != key:
            if self._books is not None:
                self._books.base.close()
            self._books = _Books(key, self._made(kinds_off))
        return self._books.base

    def close(self) -> None:
        if self._books is not None:
            self._books.base.close()
            self._books = None

    def _made(self, kinds_off: AbstractSet[str]) -> sqlite3.Connection:
        base = sqlite3.connect(":memory:", check_same_thread=False)
        base.create_function("TO_CHAR", 2, _to_char, deterministic=True)
        base.create_function("TO_DATE", 2, _to_date, deterministic=True)
        base.create_function("NVL", 2, lambda a, b: b if a is None else a, deterministic=True)
        records = {key: one for key, one in self._records().items() if key[0] not in kinds_off}
        names = {
            "item": {
                key[1]: _text(one.fields.get("itemId"))
                for key, one in records.items()
                if "itemId" in one.fields
            },
            "entity": {
                key[1]: _text(one.fields.get("entityId"))
                for key, one in records.items()
                if key[0] == "customer"
            },
        }
        names["taxcode"] = names["item"]
        units = {
            reference.internal_id: reference.name
            for one in records.values()
            for row in one.sublists.get("item", ())
            if isinstance(reference := row.fields.get("units"), Ref)
        }
        names["units"] = units

        def shown(column: str, value: Any) -> str | None:
            return None if value is None else names.get(column, {}).get(str(value), str(value))

        base.create_function("BUILTIN_DF", 2, shown)
        for table, columns in _COLUMNS.items():
            listed = ", ".join(f'"{column}"' for column in columns.split())
            base.execute(f'CREATE TABLE "{table}" ({listed})')
        items = {key[1]: one for key, one in records.items() if key[0] in _ITEM_TYPES}
        listed_rows: dict[tuple[str, tuple[str, ...]], list[tuple[Any, ...]]] = {}
        for table, values in self._all_rows(records, items):
            listed_rows.setdefault((table, tuple(values)), []).append(tuple(values.values()))
        for (table, names_), rows in listed_rows.items():
            columns = ", ".join(f'"{name}"' for name in names_)
            marks = ", ".join("?" * len(names_))
            base.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', rows)  # noqa: S608
        for column in ("transaction", "id"):
            base.execute(f'CREATE INDEX "line_{column}" ON transactionline ("{column}")')
        base.execute('CREATE INDEX header ON "transaction" (id)')
        base.execute('CREATE INDEX moved ON "transaction" (lastmodifieddate, id)')
        base.execute('CREATE INDEX tax_of ON transactiontaxdetail ("transaction")')
        base.execute("CREATE INDEX billing ON transactionbillingaddress (nkey)")
        base.execute("CREATE INDEX shipping ON transactionshippingaddress (nkey)")
        base.execute("CREATE VIEW previoustransactionlinelink AS SELECT * FROM nexttransactionlinelink")
        base.execute("PRAGMA query_only = ON")
        return base

    def _all_rows(
        self, records: Mapping[tuple[str, str], Record], items: Mapping[str, Record]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for (kind, internal_id), record in records.items():
            fields = record.fields
            match kind:
                case "invoice" | "creditMemo":
                    yield from _transaction(record, items)
                case "customer":
                    yield "customer", _customer(record)
                case "subsidiary":
                    yield from _subsidiary(record)
                case "currency":
                    yield (
                        "currency",
                        {"id": int(internal_id), "symbol": fields.get("symbol"), "name": fields["name"]},
                    )
                case "salesTaxItem":
                    rate = Decimal(_text(fields["rate"]).rstrip("%")) / 100
                    values = {"id": int(internal_id), "itemid": fields["itemId"], "rate": float(rate)}
                    yield "salestaxitem", values
                case "term":
                    yield (
                        "term",
                        {
                            "id": int(internal_id),
                            "name": fields["name"],
                            "daysuntilnetdue": int(_text(fields["daysUntilNetDue"])),
                            "isinactive": "F",
                        },
                    )
                case _ if kind in _ITEM_TYPES:
                    yield (
                        "item",
                        {
                            "id": int(internal_id),
                            "itemid": fields["itemId"],
                            "displayname": fields.get("displayName"),
                            "upccode": fields.get("upcCode"),
                            "itemtype": _ITEM_TYPES[kind],
                        },
                    )
        for payment in self._payments():
            yield from _payment(payment, records)


def _transaction(record: Record, items: Mapping[str, Record]) -> Iterator[tuple[str, dict[str, Any]]]:
    fields, number = record.fields, int(record.internal_id)
    sign = 1 if record.kind == "invoice" else -1
    addresses: dict[str, int | None] = {"billing": None, "shipping": None}
    for place, name in enumerate(addresses):
        address = fields.get(f"{name}Address")
        if isinstance(address, Address):
            addresses[name] = number * 10 + place
            yield f"transaction{name}address", _address(number * 10 + place, address)
    header: dict[str, Any] = {
        "id": number,
        "tranid": fields["tranId"],
        "type": _TYPES[record.kind],
        "status": _LETTERS[record.status],
        "approvalstatus": _reference(fields.get("approvalStatus")),
        "voided": "T" if record.status.endswith("Voided") else "F",
        "posting": "F" if record.status in ("_invoicePendingApproval", "_invoiceRejected") else "T",
        "lastmodifieddate": _stored(account_time(record.modified)),
        "createddate": _stored(account_time(record.modified)),
        "entity": _reference(fields.get("entity")),
        "terms": _reference(fields.get("terms")),
        "currency": _reference(fields.get("currency")),
        "exchangerate": _float(fields.get("exchangeRate")),
        "foreigntotal": _float(fields.get("total")),
        "foreignamountpaid": _float(fields.get("amountPaid")),
        "foreignamountunpaid": _float(fields.get("amountRemaining")),
        "billingaddress": addresses["billing"],
        "shippingaddress": addresses["shipping"],
        "externalid": fields.get("externalId"),
        **{name.lower(): fields.get(name) for name in ("otherRefNum", "memo", "message")},
        **{name: record.custom[name].value for name in _CUSTOM_BODY if name in record.custom},
    }
    for name in ("tranDate", "dueDate", "shipDate", "startDate", "endDate", "taxPointDate"):
        day = fields.get(name)
        header[name.lower()] = _stored(day) if isinstance(day, date) else None
    yield "transaction", header
    for line in _lines(record, items):
        values = dict(line)
        detail = values.pop("tax", None)
        amount = values.pop("amount", Decimal(0))
        main = values.get("mainline") == "T"
        flip = sign if main else -sign
        if "quantity" in values:
            values["quantity"] = float(-sign * values["quantity"])
        own = {
            "transaction": number,
            "uniquekey": number * 1000 + values["id"],
            "linesequencenumber": values["id"],
            "mainline": "F",
            "taxline": "F",
            "iscogs": "F",
            "donotdisplayline": "F",
            "transactiondiscount": "F",
            "foreignamount": None if amount is None else float(flip * amount),
            "subsidiary": _reference(fields.get("subsidiary")),
        }
        yield "transactionline", {**own, **values}
        if detail is not None:
            code, rate, basis, tax = detail
            yield (
                "transactiontaxdetail",
                {
                    "transaction": number,
                    "line": values["id"],
                    "linename": values.get("memo") or "",
                    "taxtype": 2,
                    "taxcode": int(code),
                    "taxrate": float(rate / 100),
                    "taxbasis": float(-sign * basis),
                    "taxamount": float(-sign * tax),
                },
            )


def _lines(record: Record, items: Mapping[str, Record]) -> Iterator[dict[str, Any]]:
    """The rows of one transaction, amounts still with the sign that people see."""
    fields = record.fields
    yield {
        "id": 0,
        "mainline": "T",
        "amount": _number(fields.get("total")),
        "createdfrom": _reference(fields.get("createdFrom")),
        "transactionlinetype": None,
    }
    place, taxes, first = 0, dict[str, Decimal](), ("", Decimal(0))
    for row in record.sublists.get("item", ()):
        place += 1
        line, detail = _item_line(place, row, items)
        if detail is not None:
            first = first if first[0] else (detail[0], detail[1])
            taxes[detail[0]] = taxes.get(detail[0], Decimal(0)) + detail[3]
        yield {**line, "tax": detail}
        if line["itemtype"] == "InvtPart":
            # Cost of goods sold and the stock it comes from: the item twice more, in sum nothing.
            for part in (Decimal("7.77"), Decimal("-7.77")):
                place += 1
                cost = {"id": place, "item": line["item"], "itemtype": "InvtPart", "iscogs": "T"}
                yield {**cost, "amount": part}
    total_tax = _number(fields.get("taxTotal"))
    discount, shipping = _number(fields.get("discountTotal")), _number(fields.get("shippingCost"))
    if shipping:
        place += 1
        code, rate = _reference(fields.get("shippingTaxCode")), _number(fields.get("shippingTax1Rate"))
        tax = (shipping * rate / 100).quantize(Decimal("0.01"))
        taxes[str(code)] = taxes.get(str(code), Decimal(0)) + tax
        line = {"id": place, "itemtype": "ShipItem", "transactionlinetype": "SHIPPING", "memo": "Shipping"}
        yield {**line, "amount": shipping, "tax": (str(code), rate, shipping, tax)}
    if discount:
        place += 1
        tax = total_tax - sum(taxes.values(), Decimal(0))
        taxes[first[0]] = taxes.get(first[0], Decimal(0)) + tax
        item = fields.get("discountItem")
        line = {
            "id": place,
            "itemtype": "Discount",
            "transactiondiscount": "T",
            "memo": item.name if isinstance(item, Ref) else "Discount",
            "ratepercent": _float_text(fields.get("discountRate")),
        }
        yield {**line, "amount": discount, "tax": (first[0], first[1], discount, tax)}
    for tax_code, owed in taxes.items():
        place += 1
        yield {"id": place, "taxline": "T", "item": int(tax_code), "itemtype": "TaxItem", "amount": owed}


def _item_line(
    place: int, row: Row, items: Mapping[str, Record]
) -> tuple[dict[str, Any], tuple[str, Decimal, Decimal, Decimal] | None]:
    fields = row.fields
    item = fields.get("item")
    internal_id = item.internal_id if isinstance(item, Ref) else ""
    kind = items[internal_id].kind if internal_id in items else ""
    if internal_id == "0":
        return {
            "id": place,
            "itemtype": "EndGroup",
            "memo": "End of Group",
            "amount": None,
            "item": None,
        }, None
    rate = _text(fields.get("rate"))
    line: dict[str, Any] = {
        "id": place,
        "item": int(internal_id) if internal_id else None,
        "itemtype": _ITEM_TYPES.get(kind, "Service" if not internal_id else "OthCharge"),
        "memo": fields.get("description"),
        "units": _reference(fields.get("units")),
        "rate": float(rate) if rate and "%" not in rate else None,
        "ratepercent": _float_text(rate) if "%" in rate else None,
        "kitmemberof": _reference(fields.get("kitMemberOf")),
        # A subtotal shows a sum and has no amount of its own in the books.
        "amount": None if kind in _SILENT else _number(fields.get("amount")),
    }
    if isinstance(fields.get("quantity"), Decimal):
        line["quantity"] = fields["quantity"]
    if "custcol_price_per" in row.custom:
        line["custcol_price_per"] = float(row.custom["custcol_price_per"].value)
    code = fields.get("taxCode")
    if not isinstance(code, Ref):
        return line, None
    amount = _number(fields.get("amount"))
    return line, (code.internal_id, _number(fields.get("taxRate1")), amount, _number(fields.get("tax1Amt")))


def _payment(
    payment: Payment, records: Mapping[tuple[str, str], Record]
) -> Iterator[tuple[str, dict[str, Any]]]:
    number = int(payment.internal_id)
    if ("creditMemo", payment.internal_id) not in records:
        yield (
            "transaction",
            {
                "id": number,
                "tranid": payment.number,
                "type": payment.kind,
                "status": "C",
                "voided": "F",
                "posting": "T",
                "trandate": _stored(payment.day),
                "lastmodifieddate": _stored(account_time(payment.modified)),
            },
        )
    for invoice, amount in payment.applied.items():
        # One row for each pair of lines: the amount comes in two parts.
        half = (amount / 2).quantize(Decimal("0.01"))
        for line, part in enumerate((half, amount - half)):
            yield (
                "nexttransactionlinelink",
                {
                    "previousdoc": int(invoice),
                    "previousline": 0,
                    "previoustype": "CustInvc",
                    "nextdoc": number,
                    "nextline": line,
                    "nexttype": payment.kind,
                    "linktype": "Payment",
                    "foreignamount": float(part),
                    "lastmodifieddate": _stored(account_time(payment.modified)),
                },
            )


def _customer(record: Record) -> dict[str, Any]:
    fields = record.fields
    return {
        "id": int(record.internal_id),
        "lastmodifieddate": _stored(account_time(record.modified)),
        "isperson": "T" if fields.get("isPerson") == "true" else "F",
        "isinactive": "F",
        "terms": _reference(fields.get("terms")),
        "custentity_peppol_id": _custom(record.custom, "custentity_peppol_id"),
        **{
            name.lower(): fields.get(name)
            for name in ("entityId", "companyName", "altName", "firstName", "lastName", "email", "phone")
        },
    }


def _subsidiary(record: Record) -> Iterator[tuple[str, dict[str, Any]]]:
    fields, number = record.fields, int(record.internal_id)
    address = fields.get("mainAddress")
    if isinstance(address, Address):
        yield "entityaddress", _address(number * 10 + 9, address)
    yield (
        "subsidiary",
        {
            "id": number,
            "country": COUNTRIES.get(_text(fields.get("country"))),
            "currency": _reference(fields.get("currency")),
            "mainaddress": number * 10 + 9 if isinstance(address, Address) else None,
            "isinactive": "F",
            "iselimination": "F",
            **{
                name.lower(): fields.get(name)
                for name in ("name", "legalName", "federalIdNumber", "email", "url")
            },
        },
    )


def _address(key: int, address: Address) -> dict[str, Any]:
    values = {name: getattr(address, name) or None for name in ("addressee", "attention", "addr1", "addr2")}
    place = {"zip": address.zip, "city": address.city, "country": COUNTRIES.get(address.country)}
    return {"nkey": key, **values, **place}


# What goes in and comes out.


def _item(names: list[str], row: Iterable[Any]) -> dict[str, str]:
    shown = ((name, _shown(value)) for name, value in zip(names, row, strict=True))
    return {name: text for name, text in shown if text is not None}


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, float):
        value = round(value, 8)
        if value == int(value):
            return str(int(value))
        # The service writes small fractions with an exponent.
        return _scientific(value) if abs(value) < 0.1 else repr(value)
    if isinstance(value, str) and value.startswith(_MARK):
        moment = datetime.fromisoformat(value[1:])
        return f"{moment.month}/{moment.day}/{moment.year}"
    return str(value)


def _scientific(value: float) -> str:
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits))
    power = len(text) - 1 + int(exponent)
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


def _to_char(value: Any, pattern: str) -> str | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(str(value).lstrip(_MARK))
    return moment.strftime(_format(pattern))


def _to_date(text: Any, pattern: str) -> str | None:
    if text is None:
        return None
    # The account's local time has no zone of its own.
    return _stored(datetime.strptime(str(text), _format(pattern)))  # noqa: DTZ007


def _format(pattern: str) -> str:
    for theirs, ours in (
        ("YYYY", "%Y"),
        ("MM", "%m"),
        ("DD", "%d"),
        ("HH24", "%H"),
        ("MI", "%M"),
        ("SS", "%S"),
    ):
        pattern = pattern.replace(theirs, ours)
    return pattern


def _stored(moment: date) -> str:
    if not isinstance(moment, datetime):
        return f"{_MARK}{moment.isoformat()} 00:00:00"
    return f"{_MARK}{moment:%Y-%m-%d %H:%M:%S}"


def _rewritten(query: str) -> str:
    """The query in the words of the embedded engine; texts in quotes stay as they are."""
    parts = []
    for token in _TOKENS.findall(query):
        lower = token.lower()
        if token.startswith("'"):
            parts.append(token)
        elif lower == "transaction":
            parts.append('"transaction"')
        elif lower.endswith(".transaction"):
            parts.append(f'{token[: -len("transaction")]}"transaction"')
        elif lower == "builtin.df":
            parts.append("BUILTIN_DF")
        else:
            parts.append(token)
    text = "".join(parts)
    text = re.sub(r"BUILTIN_DF\s*\(\s*((?:\w+\.)?(\w+))\s*\)", r"BUILTIN_DF('\2', \1)", text)
    limit = re.search(r"\bWHERE\s+ROWNUM\s*<=\s*(\d+)", text, re.IGNORECASE)
    if limit is not None:
        text = f"{text.replace(limit.group(), '')} LIMIT {limit[1]}"
    return text


def _without_texts(query: str) -> str:
    return re.sub(r"'(?:[^']|'')*'", "''", query)


def _words(problem: str) -> str:
    column = re.fullmatch(r"no such column: (?:\w+\.)?\"?(\w+)\"?", problem)
    if column is not None:
        return (
            f"Search error occurred: Field '{column[1]}' for record 'transaction' was not found. "
            "Reason: REMOVED - Field is removed"
        )
    table = re.fullmatch(r"no such table: (\w+)", problem)
    if table is not None:
        return f"Search error occurred: Record '{table[1]}' was not found."
    return "Search error occurred: Invalid or unsupported search"


def _reference(value: object) -> int | None:
    return int(value.internal_id) if isinstance(value, Ref) else None


def _number(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(0)


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, Decimal) else None


def _float_text(value: object) -> float | None:
    text = _text(value).rstrip("%")
    return float(text) if text else None


def _custom(custom: Mapping[str, Custom], name: str) -> str | None:
    return custom[name].value if name in custom else None


def _text(value: object) -> str:
    return "" if value is None else str(value)
