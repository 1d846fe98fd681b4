"""The SuiteQL queries of the NetSuite connector, each with a unique order.

Follows the record catalogue of NetSuite (Analytics Browser). On an invoice the main line is positive and all
detail rows are negative, on a credit memo the other way about; the queries turn both into what people see.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connectors.erp.netsuite_rest_service import Column, Key, Query, ids, moment, text

__all__ = ["KINDS", "Queries"]

# The type of a transaction in SuiteQL, and of its record.
KINDS: Final = {"CustInvc": "invoice", "CustCred": "creditMemo"}
_SIGN: Final = "CASE WHEN t.type = 'CustInvc' THEN -1 ELSE 1 END"
_ID: Final = Key("id", "t.id")


def _day(name: str, expression: str, *, optional: bool = True) -> Column:
    return Column(name, f"TO_CHAR({expression}, 'YYYY-MM-DD')", optional)


def _time(name: str, expression: str) -> Column:
    return Column(name, f"TO_CHAR({expression}, 'YYYY-MM-DD HH24:MI:SS')")


def _plain(prefix: str, names: str, *, optional: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name, f"{prefix}.{name}", optional) for name in names.split())


class Queries:
    """Queries with the columns that the settings ask for beyond the standard ones."""

    def __init__(
        self, body_columns: Sequence[str], line_columns: Sequence[str], tax_code: str, line_tax: str
    ) -> None:
        self._body = _plain("t", " ".join(body_columns), optional=True)
        self._line = _plain("tl", " ".join(line_columns), optional=True)
        self._tax_code, self._line_tax = tax_code, line_tax

    def changed(self, since: str, until: str, subsidiaries: Sequence[str]) -> Query:
        """Invoices and credit memos changed from `since` to before `until` ("" for no end), oldest first."""
        where = ["t.type IN ('CustInvc', 'CustCred')", f"t.lastmodifieddate >= {moment(since)}"]
        if until:
            where.append(f"t.lastmodifieddate < {moment(until)}")
        source = "transaction t"
        if subsidiaries:
            source += " JOIN transactionline m ON m.transaction = t.id AND m.mainline = 'T'"
            where.append(f"m.subsidiary IN ({ids(subsidiaries)})")
        return Query(
            (
                *_plain("t", "id tranid type status"),
                *_plain("t", "approvalstatus voided posting", optional=True),
                _time("lastmodified", "t.lastmodifieddate"),
            ),
            source,
            tuple(where),
            (Key("lastmodified", "t.lastmodifieddate", moment=True), _ID),
        )

    def dated(self, day: str, subsidiaries: Sequence[str]) -> Query:
        """What says whether the invoices and credit memos of one day (YYYY-MM-DD) are sent."""
        source = "transaction t"
        where = ["t.type IN ('CustInvc', 'CustCred')", f"t.trandate = {moment(f'{day} 00:00:00')}"]
        if subsidiaries:
            source += " JOIN transactionline m ON m.transaction = t.id AND m.mainline = 'T'"
            where.append(f"m.subsidiary IN ({ids(subsidiaries)})")
        optional = _plain("t", "approvalstatus voided posting", optional=True)
        return Query((*_plain("t", "id status"), *optional), source, tuple(where), (_ID,))

    def headers(self, numbers: Sequence[str]) -> Query:
        """The transactions themselves."""
        return Query(
            (
                *_plain("t", "id tranid type entity"),
                _day("trandate", "t.trandate", optional=False),
                *(_day(name, f"t.{name}") for name in ("duedate", "shipdate", "startdate", "enddate")),
                _day("taxpointdate", "t.taxpointdate"),
                *_plain("t", "foreigntotal"),
                *_plain("t", "otherrefnum memo message terms exchangerate", optional=True),
                *_plain("t", "billingaddress shippingaddress", optional=True),
                Column("currency", "cur.symbol", optional=True),
                Column("subsidiary", "m.subsidiary", optional=True),
                Column("createdfrom", "m.createdfrom", optional=True),
                *self._body,
            ),
            "transaction t JOIN transactionline m ON m.transaction = t.id AND m.mainline = 'T'"
            " LEFT JOIN currency cur ON cur.id = t.currency",
            (f"t.id IN ({ids(numbers)})",),
            (_ID,),
        )

    def lines(self, numbers: Sequence[str]) -> Query:
        """Their rows without the main line, taxes, and costs of goods sold."""
        own = (Column("taxcode", f"tl.{self._line_tax}"),) if self._line_tax else ()
        shown = (Column("taxname", f"BUILTIN.DF(tl.{self._line_tax})"),) if self._line_tax else ()
        return Query(
            (
                *_plain("tl", "transaction id linesequencenumber"),
                *_plain("tl", "item itemtype"),
                *_plain("tl", "transactiondiscount transactionlinetype kitmemberof", optional=True),
                Column("itemid", "i.itemid", optional=True),
                Column("displayname", "i.displayname", optional=True),
                Column("upccode", "i.upccode", optional=True),
                Column("description", "tl.memo"),
                Column("quantity", f"{_SIGN} * tl.quantity"),
                Column("unit", "BUILTIN.DF(tl.units)", optional=True),
                *_plain("tl", "rate"),
                *_plain("tl", "ratepercent", optional=True),
                Column("amount", f"{_SIGN} * tl.foreignamount"),
                *own,
                *shown,
                *self._line,
            ),
            "transactionline tl JOIN transaction t ON t.id = tl.transaction"
            " LEFT JOIN item i ON i.id = tl.item",
            (
                f"tl.transaction IN ({ids(numbers)})",
                "tl.mainline = 'F'",
                "tl.taxline = 'F'",
                "tl.iscogs = 'F'",
                "tl.donotdisplayline = 'F'",
            ),
            (Key("transaction", "tl.transaction"), Key("id", "tl.id")),
        )

    def tax_details(self, numbers: Sequence[str]) -> Query:
        """SuiteTax: what was taxed on each line, and how."""
        code = f"d.{self._tax_code}"
        return Query(
            (
                *_plain("d", "transaction line"),
                Column("code", code),
                Column("name", f"BUILTIN.DF({code})"),
                Column("rate", "d.taxrate"),
                Column("basis", f"{_SIGN} * d.taxbasis"),
                Column("amount", f"{_SIGN} * d.taxamount"),
            ),
            "transactiontaxdetail d JOIN transaction t ON t.id = d.transaction",
            (f"d.transaction IN ({ids(numbers)})",),
            (Key("transaction", "d.transaction"), Key("line", "d.line"), Key("code", code)),
        )

    def tax_lines(self, numbers: Sequence[str]) -> Query:
        """Legacy tax: what each tax code adds to a transaction; which lines it taxed is not told."""
        return Query(
            (
                *_plain("tl", "transaction"),
                Column("code", "tl.item"),
                Column("name", "BUILTIN.DF(tl.item)"),
                Column("amount", f"SUM({_SIGN} * tl.foreignamount)"),
            ),
            "transactionline tl JOIN transaction t ON t.id = tl.transaction",
            (f"tl.transaction IN ({ids(numbers)})", "tl.taxline = 'T'"),
            (Key("transaction", "tl.transaction"), Key("code", "tl.item")),
            group_by="tl.transaction, tl.item, BUILTIN.DF(tl.item)",
        )

    def tax_rates(self) -> Query:
        """Legacy tax: the rates of all tax codes."""
        return Query(_plain("x", "id itemid rate"), "salestaxitem x", ("x.id > 0",), (Key("id", "x.id"),))

    def addresses(self, kind: str, numbers: Sequence[str]) -> Query:
        """The addresses on the transactions; `kind` is billing or shipping."""
        return Query(
            (
                Column("id", "t.id"),
                *_plain("a", "addressee addr1 zip city country"),
                *_plain("a", "attention addr2 addr3 state", optional=True),
            ),
            f"transaction t JOIN transaction{kind}address a ON a.nkey = t.{kind}address",
            (f"t.id IN ({ids(numbers)})",),
            (_ID,),
        )

    def sources(self, numbers: Sequence[str]) -> Query:
        """What transactions were made from: the order, or the invoice that is credited."""
        return Query(
            (*_plain("t", "id tranid type"), _day("trandate", "t.trandate", optional=False)),
            "transaction t",
            (f"t.id IN ({ids(numbers)})",),
            (_ID,),
        )

    def terms(self) -> Query:
        """All terms of payment."""
        return Query(_plain("x", "id name daysuntilnetdue"), "term x", ("x.id > 0",), (Key("id", "x.id"),))

    def customer_versions(self, numbers: Sequence[str]) -> Query:
        """When these customers were changed last."""
        return Query(
            (Column("id", "c.id"), _time("lastmodified", "c.lastmodifieddate")),
            "customer c",
            (f"c.id IN ({ids(numbers)})",),
            (Key("id", "c.id"),),
        )

    def changed_customers(self, since: str) -> Query:
        """Customers changed since then, oldest first."""
        return Query(
            (
                *_plain("c", "id entityid"),
                *_plain("c", "isinactive", optional=True),
                _time("lastmodified", "c.lastmodifieddate"),
            ),
            "customer c",
            (f"c.lastmodifieddate >= {moment(since)}",),
            (Key("lastmodified", "c.lastmodifieddate", moment=True), Key("id", "c.id")),
        )

    def open_amounts(self, numbers: Sequence[str]) -> Query:
        """How far these transactions are settled."""
        return Query(
            (
                *_plain("t", "id status foreigntotal"),
                *_plain("t", "foreignamountpaid foreignamountunpaid", optional=True),
            ),
            "transaction t",
            (f"t.id IN ({ids(numbers)})",),
            (_ID,),
        )

    def settlements(self, numbers: Sequence[str]) -> Query:
        """What settled these transactions. The link table has one row for each pair of lines, so it is summed
        for each document."""
        return Query(
            (
                Column("invoice", "l.previousdoc"),
                Column("payment", "l.nextdoc"),
                Column("kind", "l.nexttype"),
                Column("number", "p.tranid"),
                Column("status", "p.status"),
                _day("paid_on", "p.trandate", optional=False),
                Column("amount", "SUM(l.foreignamount)"),
            ),
            "nexttransactionlinelink l JOIN transaction p ON p.id = l.nextdoc",
            (f"l.previousdoc IN ({ids(numbers)})", f"l.linktype = {text('Payment')}"),
            (Key("invoice", "l.previousdoc"), Key("payment", "l.nextdoc")),
            group_by="l.previousdoc, l.nextdoc, l.nexttype, p.tranid, p.status,"
            " TO_CHAR(p.trandate, 'YYYY-MM-DD')",
        )
