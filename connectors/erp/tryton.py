"""Tryton over its JSON-RPC: customer invoices, payments and buyers out, status and received invoices in.

For companies that invoice with the modules account_invoice and, where VAT categories and unit codes are to
come from Tryton, edocument_unece. One database of one server, as one technical user; changes are found by the
time of the last write, in the server's own time. Fields are named as Tryton names them, a dot follows a
relation; dates, decimals and binaries, which Tryton wraps into objects, come as plain texts.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from pydantic import Field

from connectors.base import (
    OpenInvoice,
    PartyPage,
    PartyRecord,
    PaymentStatus,
    PurchaseInvoice,
    SecretReference,
    Surroundings,
    WriteBack,
)
from connectors.http import HttpAnswer, HttpClient
from connectors.kit import complaints
from connectors.kit.complaints import Complaint, Complaints
from connectors.kit.database import DatabaseConnector, Found, Reading
from connectors.kit.documents import (
    cancelled,
    document_or_reason,
    facts,
    insist_on_sum,
    settlement,
    without,
)
from connectors.kit.json_rpc import JsonRpc, Session, strange
from connectors.kit.keyset import Feed
from connectors.kit.notes import FileRecords
from connectors.kit.purchases import Draft, Row, rows, take_once, the_one
from connectors.kit.records import Record, Records, names
from connectors.kit.server import DatabaseSettings
from formats.errors import RemoteError, RemoteRefused, RemoteUnexpected

__all__ = ["Tryton", "TrytonSettings"]

_ADDRESS: Final = "party_name street postal_code city country(code) subdivision(code)"
_WITH_CONTACTS: Final = "identifiers(type code) contact_mechanisms(type value)"
_INVOICE: Final = names(
    "number type state write_date reference description comment invoice_date payment_term_date "
    "customer_payment_reference currency(code) untaxed_amount tax_amount total_amount "
    f"party(name code {_WITH_CONTACTS}) party_tax_identifier(type code) tax_identifier(type code) "
    f"invoice_address({_ADDRESS}) payment_term(name) lines_to_pay(maturity_date) "
    "lines(type description note quantity unit(symbol name unece_code) unit_price amount product(code name) "
    "taxes(name rate unece_code unece_category_code legal_notice)) "
    "taxes(base amount legal_notice tax(name rate unece_category_code)) "
    "origin_invoices(number invoice_date)"
)
# Where the VAT of an invoice stands in the currency of the company: with the entry that posted it.
_POSTED_TAX: Final = names("move(lines(tax_lines(type amount)))")
_COMPANY: Final = names(f"currency(code) party(name {_WITH_CONTACTS} addresses({_ADDRESS}))")
_PARTY: Final = names(f"name {_WITH_CONTACTS} addresses(country(code))")
_PAYMENT: Final = names(
    "number state currency(code) total_amount amount_to_pay reconciled payment_lines(date rec_name)"
)
# Models whose fields depend on the modules of the server: `edocument_unece` brings the codes of taxes and
# units. Of all others every field is there.
_VARYING: Final = frozenset(
    {
        *("account.invoice", "account.invoice.line", "account.invoice.tax", "account.tax"),
        *("company.company", "party.party", "party.address", "product.product", "product.uom"),
    }
)
# Fields that say nothing about the content of an invoice: they change with payments and with the record.
_VOLATILE: Final = frozenset({"state", "write_date"})
_PARTS: Final = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_PRICE_DIGITS: Final = 4
_MEANINGS: Final = (
    complaints.no_login(
        "check user and password of the gateway's user in Tryton, and that it is active", statuses=(401,)
    ),
    complaints.no_database(statuses=(404,)),
    complaints.busy("ConcurrencyException"),
    complaints.no_right("AccessError", "AccessButtonError", "LoginException", words="not allowed"),
)
_OTHERWISE: Final = "look at the record in Tryton; if the server was upgraded, compare its modules"


class TrytonSettings(DatabaseSettings):
    """One company in one database of a Tryton server."""

    user: str = Field(description="login of the gateway's user; it needs the groups that read invoices")
    password: SecretReference = Field(description="env:NAME or file:PATH of its password")
    first_day: date | None = Field(
        None,
        description="invoices dated before this day are left alone: the day you begin; empty: all there are",
    )
    purchase_account: str = Field(
        "",
        description="expense account of received invoices, by code or name; empty where there is only one",
    )
    payable_account: str = Field(
        "",
        description="account of what is owed for them, by code or name; empty for the supplier's own or the "
        "only one",
    )


class Tryton(DatabaseConnector[TrytonSettings, "_Models"]):
    """One company of Tryton. Invoices that were cancelled after posting are shown to people."""

    erp = "Tryton"
    invoice_model = "account.invoice"
    company_words = ("party.name", "currency.code")
    rights_fix = "it must read invoices and parties, and make notes and attachments"

    def __init__(self, name: str, settings: TrytonSettings, surroundings: Surroundings) -> None:
        http = settings.client(surroundings.clock)
        super().__init__(name, settings, http, _Models(http, settings, surroundings))

    def invoices(self) -> Feed[Record]:
        domain: list[object] = [
            ("type", "=", "out"),
            ("state", "in", ["posted", "paid", "cancelled"]),
            ("number", "!=", None),
            ("company", "=", self._settings.company),
        ]
        if self._settings.first_day is not None:
            domain.append(("invoice_date", ">=", _day(self._settings.first_day)))
        return self.changes("account.invoice", domain, _INVOICE)

    def reading(self) -> Reading:
        company = cache(self.company)

        def documents(changed: Sequence[Record]) -> list[Found]:
            own = company()["currency"]["code"]
            foreign = [int(row["id"]) for row in changed if row["currency"]["code"] != own]
            posted = self._models.read("account.invoice", foreign, _POSTED_TAX)
            return [_document(row, company(), posted.get(int(row["id"]))) for row in changed]

        return documents

    def board(self) -> _Board:
        return _Board(self._models)

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """What is still to pay, and what settled the rest: payment lines, or a credit note against it."""
        asked = self.asked(invoices)
        for row in self._models.read("account.invoice", asked, (*_PAYMENT, "company")).values():
            if row["company"] == self._settings.company:
                yield _payment(row, asked[int(row["id"])])

    def count_posted(self, day: date) -> int:
        """One call. What was cancelled is not counted, nor a day before `first_day`."""
        first, models = self._settings.first_day, self._models
        if first is not None and day < first:
            return 0
        domain: list[object] = [("type", "=", "out"), ("state", "in", ["posted", "paid"])]
        domain += [("number", "!=", None), ("company", "=", self._settings.company)]
        domain.append(("invoice_date", "=", _day(day)))
        method = "model.account.invoice.search_count"
        return models.made(models.call(method, domain, {}), method)

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        """All parties on each visit, by id: what changes beside a party, an address or a number, does not
        show in its time of writing, and one that was never changed has none."""
        for found in self._models.by_id("party.party", [], _PARTY, page=self._settings.invoices_per_page):
            yield PartyPage(tuple(PartyRecord(str(row["id"]), _facts(row)) for row in found), "")

    def take_purchase(self, purchase: PurchaseInvoice) -> WriteBack:
        """A draft supplier invoice; supplier, accounts and taxes are those that are there."""
        return take_once(_Drafts(self._models, self._settings), purchase, system="Tryton")

    def login(self) -> str:
        preferences = self._models.call("model.res.user.get_preferences", True, {})
        company = preferences.get("company.rec_name", "no company") if isinstance(preferences, dict) else ""
        return f"{self._settings.user}, {company}"

    def company(self) -> Record:
        key = self._settings.company
        return self.seen(self._models.read("company.company", [key], _COMPANY).get(key))

    def lacking(self) -> list[str]:
        wanted = {"account.invoice": "read", "party.party": "read"}
        wanted |= {"ir.note": "read create", "ir.attachment": "read create"}
        rights = self._models.call("model.ir.model.access.get_access", list(wanted), {})
        return [
            f"{operation} {model}"
            for model, operations in wanted.items()
            for operation in operations.split()
            if not rights.get(model, {}).get(operation)
        ]

    def absent(self) -> list[str]:
        return sorted(self._models.absent("account.invoice", _INVOICE))


class _Board(FileRecords["_Models"]):
    """Notes and attachments of invoices."""

    def beside(self, key: int) -> Mapping[str, object]:
        return {"resource": _resource(key)}

    def held(self, content: bytes) -> Mapping[str, object]:
        return {"data": {"__class__": "bytes", "base64": base64.b64encode(content).decode("ascii")}}

    def find_note(self, key: int, reference: str) -> int:
        rows = self.models.search_all("ir.note", [["resource", "=", _resource(key)]], ("message",))
        return next((int(row["id"]) for row in rows if f"[{reference}]" in str(row["message"])), 0)

    def add_note(self, key: int, parts: tuple[str, ...]) -> int:
        return self.models.create("ir.note", {"resource": _resource(key), "message": "\n".join(parts)})


class _Drafts(_Board):
    """Received invoices as draft supplier invoices. Supplier, accounts and taxes are those that are there."""

    def __init__(self, models: _Models, settings: TrytonSettings) -> None:
        super().__init__(models)
        self._settings, self._company = settings, settings.company

    def find_draft(self, mark: str) -> Draft | None:
        domain = [("type", "=", "in"), ("company", "=", self._company), ("description", "ilike", f"%{mark}%")]
        found = self.models.search("account.invoice", domain, ("total_amount",), limit=1)
        if not found:
            return None
        key = int(found[0]["id"])
        return Draft(key, f"Tryton {_resource(key)}", found[0].get("total_amount"))

    def make_draft(self, purchase: PurchaseInvoice, mark: str) -> None:
        invoice, settings = purchase.invoice, self._settings
        supplier, number = self._supplier(purchase), invoice.number or "?"
        expense = self._account("expense", "purchase_account", settings.purchase_account)
        code = invoice.currency or ""
        currency = self._only("currency.currency", [("code", "=", code)], f"the currency {code}")
        owed = supplier.get("account_payable_used")
        lines = [
            {
                "type": "line",
                "company": self._company,
                "currency": currency,
                "description": row.text,
                "quantity": float(row.quantity),  # Tryton's quantities are floats
                "unit_price": _decimal(row.price),
                "account": expense,
                "taxes": [["add", self._taxes(row)]],
            }
            for row in rows(invoice, price_digits=_PRICE_DIGITS)
        ]
        values: dict[str, object] = {
            "type": "in",
            "company": self._company,
            "party": supplier["id"],
            "invoice_address": self._address(supplier),
            "account": owed or self._account("payable", "payable_account", settings.payable_account),
            "journal": self._only("account.journal", [("type", "=", "expense")], "a journal for expenses"),
            "currency": currency,
            "reference": number,
            "description": f"{number} {mark}",
            "comment": purchase.note,
            "lines": [["create", lines]],
        }
        for name, day in (("invoice_date", invoice.issue_date), ("payment_term_date", invoice.due_date)):
            if day is not None:
                values[name] = _day(day)
        self.models.create("account.invoice", values)

    def _supplier(self, purchase: PurchaseInvoice) -> Record:
        """The one party with the seller's VAT number or, where it says none, of its name."""
        seller = purchase.invoice.seller
        vat, name = (seller.vat_identifier, seller.name) if seller is not None else (None, None)
        domain = [("identifiers.code", "=", vat)] if vat else [("name", "=", name or "")]
        wanted = ("name", "addresses", "account_payable_used")
        said = f"{name or 'a seller without a name'} ({vat or 'no VAT number'})"
        return the_one(
            self.models.search("party.party", domain, wanted, limit=2),
            none=f"{said} is not among the parties of Tryton",
            many=f"{said} is more than once among the parties of Tryton",
            where=f"Tryton, invoice {purchase.invoice.number}",
            fix="make the supplier with its VAT number, or merge the two; it is tried again by itself",
        )

    def _address(self, supplier: Record) -> int:
        found = (supplier.get("addresses") or [])[:1]
        first = _arranged(found, f"an address of {supplier['name']}")
        return int(first["id"] if isinstance(first, dict) else first)

    def _account(self, kind: str, setting: str, wanted: str) -> int:
        """The account of this kind (expense, payable): the one that is named, or the only one there is."""
        domain: list[object] = [("company", "=", self._company), ("closed", "!=", True)]
        domain.append((f"type.{kind}", "=", True))
        if wanted:
            domain.append(["OR", [("code", "=", wanted)], [("name", "=", wanted)]])
        found = the_one(
            self.models.search("account.account", domain, ("code",), limit=2),
            none=f"no {kind} account of Tryton fits received invoices",
            many=f"more than one {kind} account of Tryton fits received invoices",
            where=f"Tryton, {setting}" + (f" {wanted!r}" if wanted else ""),
            fix=f"name one as {setting} in the settings of this source, by its code",
        )
        return int(found["id"])

    def _taxes(self, row: Row) -> list[int]:
        """The one purchase tax of that rate and category; none where several fit, for a person to choose."""
        if row.rate is None:
            return []
        domain = [
            ("company", "=", self._company),
            ("type", "=", "percentage"),
            ("rate", "=", _decimal(row.rate / 100)),
            ("parent", "=", None),
            ["OR", [("group", "=", None)], [("group.kind", "in", ["purchase", "both"])]],
        ]
        found = self.models.search("account.tax", domain, ("unece_category_code",), limit=20)
        fitting = [one for one in found if one.get("unece_category_code") in (None, "", row.category)]
        return [int(fitting[0]["id"])] if len(fitting) == 1 else []

    def _only(self, model: str, domain: list[object], what: str) -> int:
        return int(_arranged(self.models.search(model, domain, ("id",), limit=2), what)["id"])


class _Models(Records):
    """The models of the server. Safe to share between threads."""

    def __init__(self, http: HttpClient, settings: TrytonSettings, surroundings: Surroundings) -> None:
        super().__init__()
        self._settings, self._surroundings = settings, surroundings
        self.system, self._path = f"Tryton {settings.database}", f"/{settings.database}/rpc/"
        login, database = f"the login of {settings.user}", settings.database
        self._complaints = Complaints(
            "Tryton", _MEANINGS, otherwise=_OTHERWISE, database=database, login=login
        )
        self._rpc = JsonRpc(http, self._explained, budget=settings.budget("Tryton", http, surroundings))
        self._session = Session(self._log_in)

    def version(self) -> str:
        """The series of the server, such as 8.2; asked without a login."""
        answer = self._rpc.ask("/rpc/", "common.server.version", [])
        return str(self._rpc.result(answer, "common.server.version"))

    def call(self, method: str, *arguments: object) -> Any:
        """One call, with the context as last argument; `method` is `model.<model>.<method>`."""
        answer = self._session.use(
            lambda session: self._ask(method, arguments, session), lambda answer: answer.status == 401
        )
        if answer.status == 401:
            raise RemoteRefused(
                "Tryton ends each session at once",
                where=self._where(method),
                fix="check the time of the server and its setting session.timeout",
            )
        return _plain(self._rpc.result(answer, method))

    def has(self, model: str, name: str) -> bool:
        return model not in _VARYING or super().has(model, name)

    def moment(self, at: datetime) -> object:
        utc = at.astimezone(UTC)
        return {"__class__": "datetime", **{part: getattr(utc, part) for part in _PARTS}}

    def strange(self, what: str) -> RemoteUnexpected:
        return strange("Tryton", self._where(what), "tryton.md")

    def _search(
        self, model: str, domain: Sequence[object], wanted: Sequence[str], limit: int, order: str
    ) -> object:
        parts = (part.strip().partition(" ") for part in order.split(","))
        by = [[name, "DESC" if backwards else "ASC"] for name, _, backwards in parts]
        return self.call(f"model.{model}.search_read", list(domain), 0, limit, by, list(wanted), {})

    def _fields_of(self, model: str) -> object:
        return self.call(f"model.{model}.fields_get", [], 0, {})

    def _create(self, model: str, values: Mapping[str, object]) -> object:
        return self.call(f"model.{model}.create", [dict(values)], {})

    def _log_in(self) -> str:
        method, user = "common.db.login", self._settings.user
        password = self._surroundings.secret(self._settings.password)
        answer = self._ask(method, (user, {"password": password}), "")
        if answer.status == 401:
            raise self._complaints.error(Complaint("", "", 401), self._where(method))
        try:
            found = self._rpc.result(answer, method)
        except RemoteUnexpected as error:
            # Without the evidence: it may hold the session.
            raise RemoteUnexpected(error.what, where=error.where, fix=error.fix) from None
        if not isinstance(found, list) or len(found) < 2:
            raise self.strange(method)
        token = f"{user}:{found[0]}:{found[1]}".encode()
        return f"Session {base64.b64encode(token).decode('ascii')}"

    def _ask(self, method: str, arguments: Sequence[object], session: str) -> HttpAnswer:
        headers = {"Authorization": session} if session else {}
        writing = method.endswith(".create")
        answer = self._rpc.ask(
            self._path, method, list(arguments), headers=headers, allowed=(401, 404), writing=writing
        )
        if answer.status == 404:
            raise self._complaints.error(Complaint("", "", 404), self._where(method))
        return answer

    def _explained(self, method: str, error: Any, answer: HttpAnswer) -> RemoteError:
        where = self._where(method)
        if error is None:
            return strange("Tryton", where, "tryton.md", answer.content)
        kind, told = [*(error if isinstance(error, list) and error else [error]), ""][:2]
        text = (told[0] if told else "") if isinstance(told, list) else told
        return self._complaints.error(Complaint(str(kind), str(text or kind)), where, answer.content)

    def _where(self, method: str) -> str:
        return f"{self.system}, {method}"


def _document(row: Record, company: Record, posted: Record | None) -> Found:
    """`posted` holds the entry of an invoice in another currency than the company's."""
    key, number = str(row["id"]), row["number"]
    if row["state"] == "cancelled":
        return cancelled("Tryton", key, number)

    def made() -> dict[str, Any]:
        amounts = [line["amount"] for line in row["lines"] if line["type"] == "line"]
        insist_on_sum("Tryton", number, amounts, row["untaxed_amount"])
        found = {"invoice": row, "company": company}
        return found if posted is None else {**found, "company_tax": _tax_of(posted)}

    return document_or_reason(
        made,
        key=key,
        revision=str(row["write_date"]),
        origin=f"Tryton invoice {number}",
        lasting=lambda content: [
            without(content["invoice"], *_VOLATILE),
            *(part for name, part in content.items() if name != "invoice"),
        ],
    )


def _tax_of(posted: Record) -> str | None:
    """The VAT that was posted, in the currency of the company; None where there is no entry."""
    if posted.get("move") is None:
        return None
    lines = posted["move"].get("lines") or ()
    taxes = [one for line in lines for one in line.get("tax_lines") or () if one["type"] == "tax"]
    return format(sum((Decimal(str(one["amount"])) for one in taxes), Decimal(0)), "f")


def _payment(row: Record, asked: OpenInvoice) -> PaymentStatus:
    lines = [line for line in row.get("payment_lines") or [] if line.get("date")]
    return settlement(
        asked,
        total=abs(Decimal(str(row["total_amount"]))),
        left=abs(Decimal(str(row["amount_to_pay"] or "0"))),
        money=bool(lines),
        settled=row["state"] == "paid" or bool(row.get("reconciled")),
        currency=str(row["currency"]["code"]),
        days=[str(line["date"]) for line in lines] or [str(row.get("reconciled") or "")],
        evidence=[str(line.get("rec_name") or line["date"]) for line in lines],
    )


def _facts(row: Record) -> dict[str, str]:
    address: Any = next(iter(row.get("addresses") or ()), {})
    identifiers = [one for one in row.get("identifiers") or () if one.get("code")]
    codes = {str(one["type"]): str(one["code"]) for one in identifiers if one.get("type")}
    addresses = (str(one["code"]) for one in identifiers if not one.get("type") and ":" in one["code"])
    mails = (one.get("value") for one in row.get("contact_mechanisms") or () if one.get("type") == "email")
    return facts(
        name=row.get("name"),
        country=(address.get("country") or {}).get("code"),
        vat_id=codes.get("eu_vat"),
        company_id=next((code for kind, code in codes.items() if kind != "eu_vat"), None),
        electronic_address=next(addresses, None),
        email=next(mails, None),
    )


def _resource(key: int) -> str:
    return f"account.invoice,{key}"


def _arranged(found: Sequence[Any], what: str) -> Any:
    return the_one(
        found,
        none=f"{what} is missing in Tryton",
        many=f"{what} is there more than once in Tryton",
        where="Tryton, received invoices",
        fix="arrange it there; it is tried again by itself",
    )


def _decimal(value: Decimal) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": format(value, "f")}


def _day(value: date) -> dict[str, object]:
    return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    if kind == "Decimal":
        return str(value["decimal"])
    if kind == "date":
        return date(value["year"], value["month"], value["day"]).isoformat()
    if kind == "datetime":
        parts = {part: value[part] for part in _PARTS}
        return datetime(**parts, tzinfo=UTC).isoformat(timespec="microseconds")
    if kind == "bytes":
        return "".join(str(value["base64"]).split())
    # A relation read by dotted names stands under the name with a dot behind it.
    return {name.removesuffix("."): _plain(part) for name, part in value.items()}
