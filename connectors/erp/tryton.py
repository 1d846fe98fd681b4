"""Tryton over its JSON-RPC: posted customer invoices out, status notes and proof in, payments out.

For companies that invoice with the modules account_invoice and, where VAT categories and unit codes are to
come from Tryton, edocument_unece. Changes are found by the time of the last write, in the server's own time,
with an overlap for transactions that end late. A posted invoice cannot be written to, so status goes into a
note on it, and the delivered XML beside it as an attachment; neither changes the invoice.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Self

from pydantic import Field, model_validator

from connectors.base import (
    CheckStep,
    ConnectorSettings,
    DeliveryState,
    OpenInvoice,
    Page,
    PartyPage,
    PartyRecord,
    PaymentState,
    PaymentStatus,
    RejectedDocument,
    SecretReference,
    SourceDocument,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.checking import in_order
from connectors.erp.tryton_fields import COMPANY, INVOICE, PARTY, VOLATILE, known
from connectors.erp.tryton_rpc import Record, TrytonRpc, day, moment
from connectors.http import HttpClient, is_safe_address
from formats.errors import DocumentError, RemoteRefused, RemoteUnexpected

__all__ = ["Tryton", "TrytonSettings"]

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_IDS_PER_CALL: Final = 200


class TrytonSettings(ConnectorSettings):
    """One company in one database of a Tryton server."""

    base_url: str = Field(description="address of the server, for example https://tryton.example.com")
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
    ca_file: str = Field("", description="PEM file of your own certificate authority, if the server needs it")
    proxy: str = Field("", description="address of a web proxy, if the way out needs one")
    connect_seconds: float = Field(5.0, gt=0, description="seconds to wait for a connection")
    read_seconds: float = Field(60.0, gt=0, description="seconds of silence before a call is given up")

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if not is_safe_address(self.base_url):
            raise ValueError("base_url must begin with https://, for the password travels over it")
        return self


class Tryton:
    """One company of Tryton.

    Cursor: the time of the last write and the id of the last invoice given, as JSON; reading starts the
    overlap earlier and gives what was given before again, never less.
    Raises: RemoteUnavailable (retried), RemoteRefused (parked for IT), RemoteUnexpected (parked, with the
    answer).
    """

    def __init__(self, name: str, settings: TrytonSettings, surroundings: Surroundings) -> None:
        self._name, self._settings = name, settings
        self._http = HttpClient(
            settings.base_url,
            clock=surroundings.clock,
            timeout=(settings.connect_seconds, settings.read_seconds),
            verify=settings.ca_file or True,
            proxy=settings.proxy,
        )
        self._rpc = TrytonRpc(
            self._http, settings.database, settings.user, lambda: surroundings.secret(settings.password)
        )
        self._fields: dict[str, tuple[str, ...]] = {}

    @property
    def name(self) -> str:
        return self._name

    def pull(self, cursor: str) -> Iterator[Page]:
        """Posted and paid customer invoices by the time of their last write; those cancelled after posting
        are shown to people."""
        at, last = self._place(cursor)
        at, last = (at - timedelta(minutes=self._settings.overlap_minutes), 0) if cursor else (_FIRST, 0)
        # No further than what is there now: what is written during a long visit may overtake a transaction
        # that
        # ends late, and the next visit looks back from here.
        newest = self._changed(at, last, backwards=True)
        company = None
        while newest:
            rows = self._changed(at, last, until=str(newest[0]["write_date"]))
            if not rows:
                return
            company = company or self._company()
            at, last = datetime.fromisoformat(str(rows[-1]["write_date"])), int(rows[-1]["id"])
            documents, rejected = [], []
            for row in rows:
                if row["state"] == "cancelled":
                    rejected.append(_cancelled(row))
                else:
                    documents.append(_document(row, company))
            yield Page(tuple(documents), json.dumps({"at": at.isoformat(), "id": last}), tuple(rejected))
            if len(rows) < self._settings.invoices_per_page:
                return

    def acknowledge(self, page: Page) -> None:
        """Nothing is to be tidied up in Tryton."""

    def report_status(self, report: StatusReport) -> WriteBack:
        """A note on the invoice, with the delivered XML as an attachment before it: the note is the proof
        that both are there."""
        resource = f"account.invoice,{_id(report.key)}"
        note = self._note(resource, report.reference)
        if note is not None:
            return WriteBack(f"note {note} on invoice {report.number}", existed=True)
        if report.state is DeliveryState.DELIVERED and report.xml:
            self._attach(resource, report)
        text = "\n".join(
            part
            for part in (
                f"E-invoice {report.number}: {report.state}",
                report.text,
                f"{report.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
                f"channel {report.channel}" if report.channel else "",
                f"message {report.message_id}" if report.message_id else "",
                f"[{report.reference}]",
            )
            if part
        )
        made = self._rpc.create("ir.note", {"resource": resource, "message": text})
        return WriteBack(f"note {made} on invoice {report.number}", existed=False)

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """What is still to pay, and what settled the rest: payment lines, or a credit note against it."""
        asked = {_id(invoice.key): invoice for invoice in invoices}
        ids = list(asked)
        fields = known(self._rpc.fields("account.invoice"), _PAYMENT)
        for start in range(0, len(ids), _IDS_PER_CALL):
            domain = [["id", "in", ids[start : start + _IDS_PER_CALL]], self._of_company()]
            for row in self._rpc.search("account.invoice", domain, fields, limit=_IDS_PER_CALL):
                yield _payment(row, asked[int(row["id"])])

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        """Parties by the time of their last write, with tax numbers, addresses, mail and bank accounts."""
        at, last = self._place(cursor)
        at, last = (at - timedelta(minutes=self._settings.overlap_minutes), 0) if cursor else (_FIRST, 0)
        while True:
            rows = self._rpc.search(
                "party.party",
                _after(at, last),
                self._known("party.party", PARTY),
                limit=self._settings.invoices_per_page,
                order=_ORDER,
            )
            if not rows:
                return
            at, last = datetime.fromisoformat(str(rows[-1]["write_date"])), int(rows[-1]["id"])
            parties = tuple(PartyRecord(str(row["id"]), _facts(row)) for row in rows)
            yield PartyPage(parties, json.dumps({"at": at.isoformat(), "id": last}))
            if len(rows) < self._settings.invoices_per_page:
                return

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

    # Pulling.

    def _place(self, cursor: str) -> tuple[datetime, int]:
        if not cursor:
            return _FIRST, 0
        try:
            data = json.loads(cursor)
            return datetime.fromisoformat(data["at"]).astimezone(UTC), int(data["id"])
        except (ValueError, KeyError, TypeError) as error:
            raise RemoteUnexpected(
                "the stored place in Tryton cannot be read",
                where=f"source {self._name}",
                fix="was the kind of this source changed? give the new one another name",
            ) from error

    def _changed(self, at: datetime, last: int, *, until: str = "", backwards: bool = False) -> list[Record]:
        """A page of invoices behind this place, or only the newest one of all."""
        domain: list[object] = [
            ["type", "=", "out"],
            ["state", "in", ["posted", "paid", "cancelled"]],
            ["number", "!=", None],
            self._of_company(),
            _after(at, last),
        ]
        if self._settings.first_day is not None:
            domain.append(["invoice_date", ">=", day(self._settings.first_day)])
        if until:
            domain.append(["write_date", "<=", moment(datetime.fromisoformat(until))])
        if backwards:
            order = [["write_date", "DESC"], ["id", "DESC"]]
            return self._rpc.search("account.invoice", domain, ["write_date"], limit=1, order=order)
        return self._rpc.search(
            "account.invoice",
            domain,
            self._known("account.invoice", INVOICE),
            limit=self._settings.invoices_per_page,
            order=_ORDER,
        )

    def _of_company(self) -> list[object]:
        return ["company", "=", self._settings.company]

    def _known(self, model: str, wanted: Sequence[str]) -> tuple[str, ...]:
        """The wanted fields that this server has: its modules decide."""
        if model not in self._fields:
            relations = {name.split(".")[0] for name in wanted}
            there = self._rpc.fields(model)
            direct = known(there & relations, wanted)
            self._fields[model] = self._readable(model, direct)
        return self._fields[model]

    def _readable(self, model: str, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Of the fields reached through relations, those that the related models have."""
        models = {name: self._rpc.fields(name) for name in sorted(set(_RELATED[model].values()))}
        found = []
        for name in wanted:
            *way, last = name.split(".")
            there = models.get(_RELATED[model].get(".".join(way), ""))
            if not way or there is None or last in there:
                found.append(name)
        return tuple(found)

    def _company(self) -> Record:
        rows = self._rpc.search(
            "company.company",
            [["id", "=", self._settings.company]],
            self._known("company.company", COMPANY),
            limit=1,
        )
        if not rows:
            raise RemoteRefused(
                f"the gateway's user does not see company {self._settings.company}",
                where=f"Tryton {self._settings.database}",
                fix="correct company in the settings, or give the user access to it in Tryton",
            )
        return rows[0]

    # Reporting.

    def _note(self, resource: str, reference: str) -> int | None:
        domain = [["resource", "=", resource]]
        rows = self._rpc.search("ir.note", domain, ["message"], limit=1000)
        return next((int(row["id"]) for row in rows if f"[{reference}]" in str(row["message"])), None)

    def _attach(self, resource: str, report: StatusReport) -> None:
        name = report.filename or f"{report.number}.xml"
        there = self._rpc.search(
            "ir.attachment", [["resource", "=", resource], ["name", "=", name]], ["name"], limit=1
        )
        if not there:
            data = {"__class__": "bytes", "base64": base64.b64encode(report.xml).decode("ascii")}
            self._rpc.create("ir.attachment", {"resource": resource, "name": name, "data": data})

    # Checking.

    def _check_connection(self) -> str:
        return f"Tryton {self._rpc.version()} answers at {self._http.base_url}"

    def _check_login(self) -> str:
        preferences = self._rpc.call("model.res.user.get_preferences", True, {})
        company = preferences.get("company.rec_name", "no company") if isinstance(preferences, dict) else ""
        return f"logged in as {self._settings.user}, {company}"

    def _check_company(self) -> str:
        company = self._company()
        return f"{company['party']['name']}, {company['currency']['code']}"

    def _check_rights(self) -> str:
        models = ["account.invoice", "party.party", "ir.note", "ir.attachment"]
        rights = self._rpc.call("model.ir.model.access.get_access", models, {})
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
        missing = set(INVOICE) - set(self._known("account.invoice", INVOICE))
        found = self._changed(_FIRST, 0)
        note = f"; the server does not have {', '.join(sorted(missing))}" if missing else ""
        return f"{'can be read' if found else 'can be read, there is none yet'}{note}"


_ORDER: Final = [["write_date", "ASC"], ["id", "ASC"]]
_PAYMENT: Final = (
    "number",
    "state",
    "currency.code",
    "total_amount",
    "amount_to_pay",
    "reconciled",
    "payment_lines.date",
    "payment_lines.rec_name",
)
# Which model a relation leads to, for the fields that only some modules bring.
_RELATED: Final = {
    "account.invoice": {
        "lines.taxes": "account.tax",
        "taxes.tax": "account.tax",
        "lines.unit": "product.uom",
        "lines.product": "product.product",
        "lines": "account.invoice.line",
        "party": "party.party",
        "invoice_address": "party.address",
        "taxes": "account.invoice.tax",
    },
    "company.company": {"party": "party.party", "party.addresses": "party.address"},
    "party.party": {"addresses": "party.address"},
}


def _after(at: datetime, last: int) -> list[object]:
    """Behind this place in the order of time and id."""
    place = moment(at)
    return ["OR", ["write_date", ">", place], [["write_date", "=", place], ["id", ">", last]]]


def _document(row: Record, company: Record) -> SourceDocument:
    content = json.dumps({"invoice": row, "company": company}, ensure_ascii=False, sort_keys=True, indent=1)
    lasting = {name: value for name, value in row.items() if name not in VOLATILE}
    counted = json.dumps([lasting, company], ensure_ascii=False, sort_keys=True)
    return SourceDocument(
        key=str(row["id"]),
        revision=str(row["write_date"]),
        media_type="application/json",
        content=content.encode(),
        origin=f"Tryton invoice {row['number']}",
        fingerprint=hashlib.sha256(counted.encode()).hexdigest(),
    )


def _cancelled(row: Record) -> RejectedDocument:
    return RejectedDocument(
        f"{row['id']}:cancelled",
        f"Tryton invoice {row['number']}",
        DocumentError(
            f"invoice {row['number']} was cancelled in Tryton after it was posted",
            where=f"Tryton invoice {row['number']}",
            fix="if the buyer has it, make a credit note in Tryton; then dismiss this",
        ),
    )


def _payment(row: Record, asked: OpenInvoice) -> PaymentStatus:
    total, left = abs(Decimal(str(row["total_amount"]))), abs(Decimal(str(row["amount_to_pay"] or "0")))
    lines = [line for line in row.get("payment_lines") or [] if line.get("date")]
    days = sorted(str(line["date"]) for line in lines)
    if row["state"] == "paid" or row.get("reconciled"):
        state = PaymentState.PAID if lines else PaymentState.SETTLED
        paid, days = total, days or [str(row["reconciled"])] if row.get("reconciled") else days
    else:
        state = PaymentState.PARTLY_PAID if left < total else PaymentState.OPEN
        paid = total - left
    return PaymentStatus(
        key=asked.key,
        number=asked.number,
        state=state,
        currency=str(row["currency"]["code"]),
        paid=paid,
        on=date.fromisoformat(days[-1]) if days else None,
        evidence=", ".join(str(line.get("rec_name") or line["date"]) for line in lines)[:200],
    )


def _facts(row: Record) -> dict[str, str]:
    """The buyer's facts in plain words, empty ones left out."""
    address: Any = next(iter(row.get("addresses") or ()), {})
    identifiers = [one for one in row.get("identifiers") or () if one.get("code")]
    codes = {str(one["type"]): str(one["code"]) for one in identifiers if one.get("type")}
    addresses = [str(one["code"]) for one in identifiers if not one.get("type") and ":" in one["code"]]
    mails = [one for one in row.get("contact_mechanisms") or () if one.get("type") == "email"]
    facts = {
        "name": row.get("name"),
        "country": (address.get("country") or {}).get("code"),
        "vat_id": codes.get("eu_vat"),
        "company_id": next((code for kind, code in codes.items() if kind != "eu_vat"), None),
        "electronic_address": addresses[0] if addresses else None,
        "email": mails[0].get("value") if mails else None,
    }
    return {name: str(value) for name, value in facts.items() if value}


def _id(key: str) -> int:
    if not key.isascii() or not key.isdigit():
        raise RemoteUnexpected(
            f"{key[:40]!r} is not an invoice of Tryton",
            where="Tryton account.invoice",
            fix="was the kind of this source changed? its older invoices belong to another ERP",
        )
    return int(key)
