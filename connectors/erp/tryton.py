"""Tryton over its JSON-RPC: posted customer invoices out, status notes and proof in, payments and buyers out.

For companies that invoice with the modules account_invoice and, where VAT categories and unit codes are to
come from Tryton, edocument_unece. One database of one server, as one technical user; changes are found by the
time of the last write, in the server's own time. Fields are named as Tryton names them, a dot follows a
relation; dates, decimals and binaries, which Tryton wraps into objects, come as plain texts.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from pydantic import Field

from connectors.base import (
    CheckStep,
    OpenInvoice,
    Page,
    PartyPage,
    PartyRecord,
    PaymentStatus,
    PurchaseInvoice,
    SecretReference,
    SourceDocument,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.checking import in_order
from connectors.erp import tryton_purchases
from connectors.http import HttpAnswer, HttpClient
from connectors.kit.documents import cancelled, facts, json_document, settlement
from connectors.kit.json_rpc import JsonRpc, Session, strange
from connectors.kit.keyset import Change, Feed, Place, Span
from connectors.kit.notes import post_news
from connectors.kit.records import Record, Records, names, record_id
from connectors.kit.server import ServerSettings
from formats.errors import RemoteError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

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
_REFUSED: Final = ("AccessError", "AccessButtonError", "LoginException")
_PARTS: Final = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_MICROSECOND: Final = timedelta(microseconds=1)
_IDS_PER_CALL: Final = 200


class TrytonSettings(ServerSettings):
    """One company in one database of a Tryton server."""

    database: str = Field(description="name of the database", pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    user: str = Field(description="login of the gateway's user; it needs the groups that read invoices")
    password: SecretReference = Field(description="env:NAME or file:PATH of its password")
    company: int = Field(ge=1, description="id of the company, as in the address of its form in Tryton")
    first_day: date | None = Field(
        None,
        description="invoices dated before this day are left alone: the day you begin; empty: all there are",
    )
    invoices_per_page: int = Field(
        50, ge=1, le=500, description="invoices read and stored at a time, 1 to 500"
    )
    overlap_minutes: float = Field(
        10.0, ge=0, description="minutes that are looked at again on each visit, for changes finished late"
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


class Tryton:
    """One company of Tryton.

    Cursor: that of `connectors.kit.keyset`; a visit that was broken off goes on where it was, a new one looks
    back by the overlap.
    Raises: RemoteUnavailable (retried), RemoteRefused (parked for IT), RemoteUnexpected (parked, with the
    answer).
    """

    def __init__(self, name: str, settings: TrytonSettings, surroundings: Surroundings) -> None:
        self._name, self._settings = name, settings
        self._http = settings.client(surroundings.clock)
        self._records = _Models(self._http, settings, lambda: surroundings.secret(settings.password))

    @property
    def name(self) -> str:
        return self._name

    def pull(self, cursor: str) -> Iterator[Page]:
        """Posted and paid customer invoices by the time of their last write; those cancelled after posting
        are shown to people."""
        place = Place.read(cursor, system="Tryton", where=f"source {self._name}")
        company: Record | None = None
        for changes, reached in self._invoices().pages(place):
            company = company or self._company()
            rows = [change.row for change in changes]
            documents = tuple(_document(row, company) for row in rows if row["state"] != "cancelled")
            aside = tuple(
                cancelled("Tryton", row["id"], row["number"]) for row in rows if row["state"] == "cancelled"
            )
            yield Page(documents, reached.cursor, aside)

    def acknowledge(self, page: Page) -> None:
        """Nothing is to be tidied up in Tryton."""

    def report_status(self, report: StatusReport) -> WriteBack:
        """A note on the invoice and the delivered XML beside it: a posted invoice cannot be written to."""
        return post_news(_Board(self._records), record_id(report.key, "Tryton", "account.invoice"), report)

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """What is still to pay, and what settled the rest: payment lines, or a credit note against it."""
        asked = {record_id(invoice.key, "Tryton", "account.invoice"): invoice for invoice in invoices}
        ids = list(asked)
        for start in range(0, len(ids), _IDS_PER_CALL):
            domain = [["id", "in", ids[start : start + _IDS_PER_CALL]], self._of_company()]
            for row in self._records.search("account.invoice", domain, _PAYMENT, limit=_IDS_PER_CALL):
                yield _payment(row, asked[int(row["id"])])

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        """All parties on each visit, by id: what changes beside a party, an address or a number, does not
        show in its time of writing, and one that was never changed has none."""
        size, last = self._settings.invoices_per_page, 0
        while True:
            domain = [["id", ">", last]]
            rows = self._records.search("party.party", domain, _PARTY, limit=size, order="id")
            if rows:
                last = int(rows[-1]["id"])
                yield PartyPage(tuple(PartyRecord(str(row["id"]), _facts(row)) for row in rows), "")
            if len(rows) < size:
                return

    def take_purchase(self, purchase: PurchaseInvoice) -> WriteBack:
        """A draft supplier invoice; supplier, accounts and taxes are those that are there."""
        settings = self._settings
        ledger = tryton_purchases.Ledger(
            settings.company, settings.purchase_account, settings.payable_account
        )
        return tryton_purchases.take(self._records, purchase, ledger)

    def check(self) -> Iterator[CheckStep]:
        return in_order(
            (
                ("Connection", self._check_connection),
                ("Login", self._check_login),
                ("Company", self._check_company),
                ("Rights", self._check_rights),
                ("Invoices", self._check_invoices),
            )
        )

    def close(self) -> None:
        self._http.close()

    # Reading.

    def _invoices(self) -> Feed[Record]:
        settings = self._settings
        overlap = timedelta(minutes=settings.overlap_minutes)
        return Feed(self._changed, page=settings.invoices_per_page, overlap=overlap, grain=_MICROSECOND)

    def _changed(self, span: Span) -> list[Change[Record]]:
        domain: list[object] = [
            ["type", "=", "out"],
            ["state", "in", ["posted", "paid", "cancelled"]],
            ["number", "!=", None],
            self._of_company(),
            ["write_date", ">=", _moment(span.since)],
            ["id", ">", span.last],
        ]
        if span.before is not None:
            domain.append(["write_date", "<", _moment(span.before)])
        if self._settings.first_day is not None:
            first = self._settings.first_day
            day = {"__class__": "date", "year": first.year, "month": first.month, "day": first.day}
            domain.append(["invoice_date", ">=", day])
        wanted = ("write_date",) if span.order == "newest" else _INVOICE
        order = {"time": "write_date, id", "id": "id", "newest": "write_date desc, id desc"}[span.order]
        rows = self._records.search("account.invoice", domain, wanted, limit=span.limit, order=order)
        return [Change(int(row["id"]), datetime.fromisoformat(row["write_date"]), row) for row in rows]

    def _of_company(self) -> list[object]:
        return ["company", "=", self._settings.company]

    def _company(self) -> Record:
        domain = [["id", "=", self._settings.company]]
        rows = self._records.search("company.company", domain, _COMPANY, limit=1)
        if not rows:
            raise RemoteRefused(
                f"the gateway's user does not see company {self._settings.company}",
                where=f"Tryton {self._settings.database}",
                fix="correct company in the settings, or give the user access to it in Tryton",
            )
        return rows[0]

    # Checking.

    def _check_connection(self) -> str:
        return f"Tryton {self._records.version()} answers at {self._http.base_url}"

    def _check_login(self) -> str:
        preferences = self._records.call("model.res.user.get_preferences", True, {})
        company = preferences.get("company.rec_name", "no company") if isinstance(preferences, dict) else ""
        return f"logged in as {self._settings.user}, {company}"

    def _check_company(self) -> str:
        company = self._company()
        return f"{company['party']['name']}, {company['currency']['code']}"

    def _check_rights(self) -> str:
        models = ["account.invoice", "party.party", "ir.note", "ir.attachment"]
        rights = self._records.call("model.ir.model.access.get_access", models, {})
        missing = [name for name in models if not rights.get(name, {}).get("read")]
        missing += [name for name in models[2:] if not rights.get(name, {}).get("create")]
        if missing:
            raise RemoteRefused(
                f"the gateway's user lacks rights on {', '.join(sorted(set(missing)))}",
                where=f"Tryton {self._settings.database}",
                fix="it must read invoices and parties, and make notes and attachments",
            )
        return "may read invoices and parties, and make notes and attachments"

    def _check_invoices(self) -> str:
        missing = sorted({*_INVOICE} - {*self._records.known("account.invoice", _INVOICE)})
        found = "can be read" if self._invoices().any() else "can be read, there is none yet"
        return found + (f"; the server does not have {', '.join(missing)}" if missing else "")


class _Board:
    """Notes and attachments of invoices."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def find_note(self, key: int, reference: str) -> int:
        rows = self._records.search_all("ir.note", [["resource", "=", _resource(key)]], ("message",))
        return next((int(row["id"]) for row in rows if f"[{reference}]" in str(row["message"])), 0)

    def has_file(self, key: int, name: str) -> bool:
        domain = [["resource", "=", _resource(key)], ["name", "=", name]]
        return bool(self._records.search("ir.attachment", domain, ("name",), limit=1))

    def add_file(self, key: int, name: str, content: bytes) -> None:
        data = {"__class__": "bytes", "base64": base64.b64encode(content).decode("ascii")}
        self._records.create("ir.attachment", {"resource": _resource(key), "name": name, "data": data})

    def add_note(self, key: int, parts: tuple[str, ...]) -> int:
        return self._records.create("ir.note", {"resource": _resource(key), "message": "\n".join(parts)})


class _Models(Records):
    """The models of the server. Safe to share between threads.

    Raises RemoteUnavailable (down, busy, too many logins, a record locked by somebody), RemoteRefused (login,
    rights), RemoteUnexpected (anything else that the server says, in its words).
    """

    def __init__(self, http: HttpClient, settings: TrytonSettings, password: Callable[[], str]) -> None:
        super().__init__()
        self._user, self._password = settings.user, password
        self._system, self._path = f"Tryton {settings.database}", f"/{settings.database}/rpc/"
        self._rpc = JsonRpc(http, self._explained)
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

    def known(self, model: str, wanted: Iterable[str]) -> list[str]:
        return [name for name in wanted if self._has(model, name)]

    def strange(self, what: str) -> RemoteUnexpected:
        return strange("Tryton", self._where(what), "tryton.md")

    def _has(self, model: str, name: str) -> bool:
        step, _, rest = name.partition(".")
        if model not in _VARYING:
            return True
        field = self.fields(model).get(step)
        return field is not None and (not rest or self._has(str(field.get("relation")), rest))

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
        method = "common.db.login"
        answer = self._ask(method, (self._user, {"password": self._password()}), "")
        if answer.status == 401:
            raise RemoteRefused(
                f"Tryton does not accept the login of {self._user}",
                where=self._where(method),
                fix="check user and password of the gateway's user in Tryton, and that it is active",
            )
        try:
            found = self._rpc.result(answer, method)
        except RemoteUnexpected as error:
            # Without the evidence: it may hold the session.
            raise RemoteUnexpected(error.what, where=error.where, fix=error.fix) from None
        if not isinstance(found, list) or len(found) < 2:
            raise self.strange(method)
        token = f"{self._user}:{found[0]}:{found[1]}".encode()
        return f"Session {base64.b64encode(token).decode('ascii')}"

    def _ask(self, method: str, arguments: Sequence[object], session: str) -> HttpAnswer:
        headers = {"Authorization": session} if session else {}
        answer = self._rpc.ask(self._path, method, list(arguments), headers=headers, allowed=(401, 404))
        if answer.status == 404:
            raise RemoteRefused(
                f"there is no database {self._system.partition(' ')[2]} on this server",
                where=self._where(method),
                fix="correct database in the settings",
            )
        return answer

    def _explained(self, method: str, error: Any, answer: HttpAnswer) -> RemoteError:
        where = self._where(method)
        if error is None:
            return strange("Tryton", where, "tryton.md", answer.content)
        said = error if isinstance(error, list) and error else [str(error)]
        kind, told = str(said[0]), said[1] if len(said) > 1 else ""
        text = str(told[0] if isinstance(told, list) and told else told or kind)[:300]
        if kind == "ConcurrencyException":
            what = "somebody else is changing this record in Tryton"
            return RemoteUnavailable(what, where=where, fix="it is tried again by itself")
        if kind in _REFUSED or "AccessError" in kind or "not allowed" in text:
            fix = "give the gateway's user the right to do this in Tryton"
            return RemoteRefused(f"Tryton refuses: {text}", where=where, fix=fix)
        return RemoteUnexpected(
            f"Tryton says: {text}",
            where=where,
            fix="look at the record in Tryton; if the server was upgraded, compare its modules",
            evidence=answer.content,
        )

    def _where(self, method: str) -> str:
        return f"{self._system}, {method}"


def _document(row: Record, company: Record) -> SourceDocument:
    return json_document(
        {"invoice": row, "company": company},
        key=str(row["id"]),
        revision=str(row["write_date"]),
        origin=f"Tryton invoice {row['number']}",
        lasting=[{name: value for name, value in row.items() if name not in _VOLATILE}, company],
    )


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


def _moment(value: datetime) -> dict[str, object]:
    """A moment as Tryton takes it: UTC, without saying so."""
    utc = value.astimezone(UTC)
    return {"__class__": "datetime", **{part: getattr(utc, part) for part in _PARTS}}


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
