"""Odoo over its external API: posted customer invoices out, status into the chatter, payments and buyers out.

For Odoo 14 and later, by a user with an API key (`odoo_models`). An invoice is put together with what it
refers to, a page of them with a few calls, however many lines they have. Fields are named as Odoo names them;
references become objects, amounts texts with the decimals of the invoice's currency.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Self

from pydantic import Field, model_validator

from connectors.base import (
    CheckStep,
    OpenInvoice,
    Page,
    PartyPage,
    PartyRecord,
    PaymentStatus,
    RejectedDocument,
    SecretReference,
    SourceDocument,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.budget import CallLimit
from connectors.checking import in_order
from connectors.erp.odoo_bundle import CURRENCY, INVOICE, PARTNER, Bundler
from connectors.erp.odoo_models import Login, OdooModels, reference
from connectors.kit.documents import facts, settlement
from connectors.kit.keyset import Change, Feed, Place, Span
from connectors.kit.notes import post_news
from connectors.kit.plain import fraction, round_to
from connectors.kit.records import Lookup, Record, names, record_id
from connectors.kit.server import ServerSettings
from formats.errors import RemoteRefused

__all__ = ["Odoo", "OdooSettings"]

_PAYMENT: Final = names("name payment_state amount_total amount_residual currency_id invoice_payments_widget")
_SOLD: Final = ["out_invoice", "out_refund"]
# Parameters and results of these change between versions; before 17 a note is HTML, since then text.
_NOTES_ARE_TEXT: Final = 17
_RIGHTS_BY_ACCESS: Final = 18
# Odoo keeps times to the millionth of a second and tells them to the second.
_SECOND: Final = timedelta(seconds=1)
_FIELD: Final = r"^[a-z0-9_]{0,64}$"


class OdooSettings(ServerSettings):
    """One company in one database of an Odoo server."""

    database: str = Field(description="name of the database", pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    user: str = Field("", description="login of the gateway's user; JSON-2 knows it by its key alone")
    api_key: SecretReference = Field(description="env:NAME or file:PATH of its API key or password")
    company: int = Field(1, ge=1, description="id of the company, as in the address of its form in Odoo")
    protocol: str = Field(
        "jsonrpc",
        pattern="^(jsonrpc|json2)$",
        description="jsonrpc for Odoo 14 to 19, json2 for Odoo 19 and later",
    )
    language: str = Field(
        "en_US",
        pattern=r"^[a-z]{2,3}(_[A-Za-z]{2,10})?(@[a-z]+)?$",
        description="language that names of units and taxes are read in; the tables of the mapping are in "
        "English",
    )
    invoices_per_page: int = Field(
        50, ge=1, le=500, description="invoices read and stored at a time, 1 to 500"
    )
    overlap_minutes: float = Field(
        15.0, ge=0, description="minutes that are looked at again on each visit, for changes finished late"
    )
    when_odoo_sends: str = Field(
        "hold",
        pattern="^(hold|take)$",
        description="invoices that Odoo itself sends by Peppol: hold shows them to people, take sends them "
        "all the same",
    )
    sent_by_odoo: tuple[str, ...] = Field(
        ("to_send", "processing", "done"),
        description="the PEPPOL status of an invoice by which Odoo itself sends it or has sent it",
    )
    tax_category_field: str = Field(
        "ubl_cii_tax_category_code", pattern=_FIELD, description="field of a tax with its VAT category"
    )
    tax_exemption_field: str = Field(
        "ubl_cii_tax_exemption_reason_code",
        pattern=_FIELD,
        description="field of a tax with its exemption code; may be absent",
    )
    unit_code_field: str = Field(
        "unece_code", pattern=_FIELD, description="field of a unit with its UN/ECE code; may be absent"
    )
    bank_accounts: bool = Field(True, description="false where the user may not read bank accounts of buyers")
    calls_per_minute: int = Field(
        0,
        ge=0,
        le=6000,
        description="calls that the server allows in a minute, 0 for no limit; Odoo Online: 60",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.protocol == "jsonrpc" and not self.user:
            raise ValueError("user is needed with protocol jsonrpc")
        return self


class Odoo:
    """One company of Odoo.

    Cursor: that of `connectors.kit.keyset`; a visit that was broken off goes on where it was, a new one looks
    back by the overlap.
    Raises: RemoteUnavailable (retried), RemoteRefused (parked for IT), RemoteBlocked (Odoo's own reasons),
    RemoteUnexpected (parked, with the answer but for its traceback).
    """

    def __init__(self, name: str, settings: OdooSettings, surroundings: Surroundings) -> None:
        self._name, self._settings = name, settings
        self._http = settings.client(surroundings.clock)
        login = Login(
            settings.database,
            settings.user,
            lambda: surroundings.secret(settings.api_key).strip(),
            settings.company,
            settings.language,
        )
        calls = settings.calls_per_minute
        limits = [CallLimit("minute", calls, 60, reserve=min(5, calls // 4))] if calls else []
        budget = surroundings.budget(f"Odoo {settings.database} at {self._http.base_url}", *limits)
        self._models = OdooModels(self._http, login, settings.protocol, budget)

    @property
    def name(self) -> str:
        return self._name

    def pull(self, cursor: str) -> Iterator[Page]:
        """Posted invoices and credit notes; those cancelled after posting, and those that Odoo itself sends,
        are shown to people."""
        bundler = Bundler(self._models, self._settings)
        for changes, place in self._invoices().pages(self._place(cursor)):
            found = bundler.documents([change.id for change in changes])
            yield Page(
                tuple(one for one in found if isinstance(one, SourceDocument)),
                place.cursor,
                tuple(one for one in found if isinstance(one, RejectedDocument)),
            )

    def acknowledge(self, page: Page) -> None:
        """Nothing is to be tidied up in Odoo."""

    def report_status(self, report: StatusReport) -> WriteBack:
        """An internal note on the invoice and the delivered XML beside it."""
        return post_news(_Chatter(self._models), record_id(report.key, "Odoo", "account.move"), report)

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """What is still to pay, and what settled the rest: money, or a credit note."""
        asked = {record_id(invoice.key, "Odoo", "account.move"): invoice for invoice in invoices}
        if not asked:
            return
        models = self._models
        domain = [("company_id", "=", self._settings.company), ("state", "=", "posted")]
        rows = models.search_all("account.move", [("id", "in", sorted(asked)), *domain], _PAYMENT)
        entries = {int(row["id"]): _entries(row.get("invoice_payments_widget")) for row in rows}
        around = Lookup(models.read)
        behind = [reference(one.get("move_id")) for found in entries.values() for one in found]
        around.need("account.move", behind, ("name", "move_type"))
        around.need("res.currency", [row["currency_id"] for row in rows], CURRENCY)
        for row in rows:
            if row.get("payment_state") not in (None, "invoicing_legacy"):
                yield _payment(row, asked[int(row["id"])], entries[int(row["id"])], around)

    def count_posted(self, day: date) -> int:
        """One call. What was cancelled is not counted, nor what Odoo itself sends where that is held."""
        of_company = ("company_id", "=", self._settings.company)
        domain: list[object] = [("move_type", "in", _SOLD), of_company, ("state", "=", "posted")]
        domain.append(("invoice_date", "=", day.isoformat()))
        if self._settings.when_odoo_sends == "hold" and "peppol_move_state" in self._models.fields(
            "account.move"
        ):
            domain.append(("peppol_move_state", "not in", list(self._settings.sent_by_odoo)))
        found = self._models.call("account.move", "search_count", domain=domain)
        if not isinstance(found, int) or isinstance(found, bool):
            raise self._models.strange("account.move.search_count")
        return found

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        """Customers that are not archived, with numbers, address, mail and bank accounts."""
        domain = [("customer_rank", ">", 0), ("company_id", "in", [False, self._settings.company])]
        for changes, place in self._feed("res.partner", domain).pages(self._place(cursor)):
            ids = [change.id for change in changes]
            bundler = Bundler(self._models, self._settings)
            bundler.read_partners(ids)
            accounts = self._accounts(ids)
            found = ((key, bundler.partner(key)) for key in ids)
            parties = (PartyRecord(str(key), _facts(row, accounts.get(key, []))) for key, row in found if row)
            yield PartyPage(tuple(parties), place.cursor)

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

    def _place(self, cursor: str) -> Place:
        return Place.read(cursor, system="Odoo", where=f"source {self._name}")

    def _invoices(self) -> Feed[None]:
        # Cancelled without ever having been posted is nobody's business.
        posted = ["|", ("state", "=", "posted"), "&", ("state", "=", "cancel"), ("posted_before", "=", True)]
        of_company = ("company_id", "=", self._settings.company)
        domain = [("move_type", "in", _SOLD), of_company, *posted]
        return self._feed("account.move", domain)

    def _feed(self, model: str, domain: Sequence[object]) -> Feed[None]:
        orders = {"time": "write_date, id", "id": "id", "newest": "write_date desc, id desc"}

        def ask(span: Span) -> list[Change[None]]:
            where = [*domain, ("write_date", ">=", _moment(span.since)), ("id", ">", span.last)]
            where += [("write_date", "<", _moment(span.before))] if span.before else []
            rows = self._models.search(
                model, where, ["write_date"], limit=span.limit, order=orders[span.order]
            )
            try:
                return [Change(int(row["id"]), _second(row["write_date"]), None) for row in rows]
            except (ValueError, KeyError) as error:
                raise self._models.strange(f"{model}.write_date") from error

        overlap = timedelta(minutes=self._settings.overlap_minutes)
        return Feed(ask, page=self._settings.invoices_per_page, overlap=overlap, grain=_SECOND)

    def _accounts(self, ids: Sequence[int]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        if self._settings.bank_accounts and ids:
            domain = [("partner_id", "in", list(ids))]
            for row in self._models.search_all("res.partner.bank", domain, ("partner_id", "acc_number")):
                found.setdefault(row["partner_id"], []).append(str(row["acc_number"] or ""))
        return found

    # Checking.

    def _check_connection(self) -> str:
        return f"Odoo {self._models.version()} answers at {self._http.base_url}"

    def _check_login(self) -> str:
        self._models.log_in()
        # A login is only proved by a call that needs it.
        self._models.fields("account.move")
        return f"logged in as {self._settings.user or 'the user of the API key'}"

    def _check_company(self) -> str:
        company = Bundler(self._models, self._settings).company()
        return f"{company['name']}, {company['currency']}"

    def _check_rights(self) -> str:
        wanted = [("account.move", "read"), ("res.partner", "read"), ("ir.attachment", "create")]
        wanted += [("mail.message", "create")]
        missing = [f"{operation} {model}" for model, operation in wanted if not self._may(model, operation)]
        if missing:
            raise RemoteRefused(
                f"the gateway's user lacks the right to {', '.join(missing)}",
                where=self._models.where,
                fix="give it the role Billing (Invoicing) in Odoo",
            )
        return "may read invoices and partners, and make notes and attachments"

    def _may(self, model: str, operation: str) -> bool:
        call = self._models.call
        if self._models.series() >= _RIGHTS_BY_ACCESS:
            return bool(call(model, "has_access", ids=[], operation=operation))
        return bool(call(model, "check_access_rights", operation=operation, raise_exception=False))

    def _check_invoices(self) -> str:
        found = "can be read" if self._invoices().any() else "can be read, there is none yet"
        wanted: dict[str, Sequence[str]] = {
            "account.move": (*INVOICE, "peppol_move_state"),
            "res.partner": PARTNER,
            "account.tax": (self._settings.tax_category_field,),
            "uom.uom": (self._settings.unit_code_field,),
        }
        absent = [
            f"{model}.{name}"
            for model, asked in wanted.items()
            for name in asked
            if name and name not in self._models.fields(model)
        ]
        return found + (f"; this server does not have {', '.join(absent)}" if absent else "")


class _Chatter:
    """Internal notes and attachments of invoices."""

    def __init__(self, models: OdooModels) -> None:
        self._models = models

    def find_note(self, key: int, reference: str) -> int:
        # The body is HTML, in which some signs have other names; % stands for anything. So what came back is
        # looked through.
        pattern, mark = re.sub(r"[^A-Za-z0-9-]+", "%", reference), f"[{reference}]"
        domain = [("model", "=", "account.move"), ("res_id", "=", key), ("body", "ilike", pattern)]
        rows = self._models.search_all("mail.message", domain, ("body",))
        return next((int(row["id"]) for row in rows if mark in html.unescape(str(row["body"]))), 0)

    def has_file(self, key: int, name: str) -> bool:
        domain = [("res_model", "=", "account.move"), ("res_id", "=", key), ("name", "=", name)]
        return bool(self._models.search("ir.attachment", domain, ("name",), limit=1))

    def add_file(self, key: int, name: str, content: bytes) -> None:
        data = {"datas": base64.b64encode(content).decode("ascii"), "mimetype": "application/xml"}
        self._models.create(
            "ir.attachment", {"name": name, "res_model": "account.move", "res_id": key, **data}
        )

    def add_note(self, key: int, parts: tuple[str, ...]) -> int:
        text = " · ".join(" ".join(part.split()) for part in parts)
        made = self._models.call(
            "account.move",
            "message_post",
            ids=[key],
            writing=True,
            body=text if self._models.series() >= _NOTES_ARE_TEXT else html.escape(text, quote=False),
            message_type="comment",
            subtype_xmlid="mail.mt_note",
        )
        return self._models.made(made, "account.move.message_post")


def _payment(
    row: Record, asked: OpenInvoice, entries: Sequence[Mapping[str, Any]], around: Lookup
) -> PaymentStatus:
    """`in_payment` means that a payment was registered and the bank has not confirmed it: that is not
    paid."""
    moves = [around.get("account.move", reference(one.get("move_id"))) for one in entries]
    told = [
        str(one.get("ref") or move.get("name") or one.get("name") or "")
        for one, move in zip(entries, moves, strict=True)
    ]
    notes = ("out_refund", "out_invoice")
    money = any(
        (one.get("account_payment_id") or move.get("move_type") not in notes) and not one.get("is_exchange")
        for one, move in zip(entries, moves, strict=True)
    )
    said, waits = row["payment_state"], row["payment_state"] == "in_payment"
    currency = around.get("res.currency", row["currency_id"])
    decimals = int(currency.get("decimal_places") or 0)
    total, left = (
        round_to(Decimal(row[name] or "0"), decimals) for name in ("amount_total", "amount_residual")
    )
    return settlement(
        asked,
        total=total,
        left=total if waits else left,
        money=money and said == "paid",
        settled=said in ("paid", "reversed"),
        currency=str(currency.get("name") or ""),
        days=[] if waits else [str(one["date"]) for one in entries if one.get("date")],
        evidence=[f"{name}, not yet on a bank statement" for name in told] if waits else told,
    )


def _entries(widget: object) -> list[Mapping[str, Any]]:
    """What settled an invoice: the rows of its payments widget; older servers give it as text."""
    if isinstance(widget, str):
        try:
            widget = json.loads(widget)
        except ValueError:
            return []
    content = widget.get("content") if isinstance(widget, dict) else None
    rows = [one for one in content or () if isinstance(one, dict)]
    return [one for one in rows if fraction(one.get("amount")) not in (None, "0")]


def _facts(row: Record, accounts: Sequence[str]) -> dict[str, str]:
    scheme, value = row.get("peppol_eas"), row.get("peppol_endpoint")
    return facts(
        name=row.get("name"),
        country=row.get("country"),
        vat_id=row.get("vat"),
        company_id=row.get("company_registry"),
        electronic_address=f"{scheme}:{value}" if scheme and value else None,
        email=row.get("email"),
        iban=" ".join(sorted("".join(account.split()) for account in accounts if account)),
    )


def _second(value: object) -> datetime:
    """The second that a moment of Odoo lies in, as aware UTC. Raises ValueError for anything else."""
    found = datetime.fromisoformat(str(value))
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)


def _moment(at: datetime) -> str:
    """A moment as Odoo takes it in conditions: UTC, without saying so."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
