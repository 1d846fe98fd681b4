"""Odoo over its external API: posted customer invoices out, status into the chatter, payments and buyers out.

For Odoo 14 to 18 over JSON-RPC, and from 19 over JSON-2, by a user with an API key. Status is an internal
note on the invoice, the delivered XML an attachment beside it; neither changes what the invoice says.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from typing import Any, Final

from connectors.base import (
    CheckStep,
    DeliveryState,
    OpenInvoice,
    Page,
    PartyPage,
    PartyRecord,
    PaymentStatus,
    RejectedDocument,
    SourceDocument,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.checking import in_order
from connectors.erp.odoo_bundle import INVOICE, PARTNER, Bundler
from connectors.erp.odoo_feed import Feed, Place
from connectors.erp.odoo_payments import settlements
from connectors.erp.odoo_rpc import Login, OdooRpc
from connectors.erp.odoo_settings import OdooSettings
from connectors.erp.odoo_values import Record
from connectors.http import HttpClient
from formats.errors import RemoteRefused, RemoteUnexpected

__all__ = ["Odoo", "OdooSettings"]

# Parameters and results of these change between versions; before 17 a note is HTML, since then text.
_NOTES_ARE_TEXT: Final = 17
_RIGHTS_BY_ACCESS: Final = 18


class Odoo:
    """One company of Odoo.

    Cursor: the second and id that were given last and, within a visit, where it ends, as JSON. A visit that
    was broken off goes on where it was; a new one looks back by the overlap.
    Raises: RemoteUnavailable (retried), RemoteRefused (parked for IT), RemoteBlocked (Odoo's own reasons),
    RemoteUnexpected (parked, with the answer but for its traceback).
    """

    def __init__(self, name: str, settings: OdooSettings, surroundings: Surroundings) -> None:
        self._name, self._settings = name, settings
        self._http = HttpClient(
            settings.base_url,
            clock=surroundings.clock,
            timeout=(settings.connect_seconds, settings.read_seconds),
            verify=settings.ca_file or True,
            proxy=settings.proxy,
        )
        login = Login(
            settings.database,
            settings.user,
            lambda: surroundings.secret(settings.api_key).strip(),
            settings.company,
            settings.language,
        )
        self._rpc = OdooRpc(self._http, login, settings.protocol, surroundings, settings.calls_per_minute)

    @property
    def name(self) -> str:
        return self._name

    def pull(self, cursor: str) -> Iterator[Page]:
        """Posted invoices and credit notes; those cancelled after posting, and those that Odoo itself sends,
        are shown to people."""
        bundler = Bundler(self._rpc, self._settings)
        for ids, place in self._invoices().pages(Place.read(cursor, f"source {self._name}")):
            found = bundler.bundle(ids)
            yield Page(
                tuple(one for one in found if isinstance(one, SourceDocument)),
                place.cursor,
                tuple(one for one in found if isinstance(one, RejectedDocument)),
            )

    def acknowledge(self, page: Page) -> None:
        """Nothing is to be tidied up in Odoo."""

    def report_status(self, report: StatusReport) -> WriteBack:
        """An internal note on the invoice, with the delivered XML as an attachment before it: the note is the
        proof that both are there."""
        key = _id(report.key)
        note = self._note(key, report.reference)
        if note:
            return WriteBack(f"note {note} on invoice {report.number}", existed=True)
        if report.state is DeliveryState.DELIVERED and report.xml:
            self._attach(key, report)
        parts = (
            f"E-invoice {report.number}: {report.state}",
            report.text,
            f"{report.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            f"channel {report.channel}" if report.channel else "",
            f"message {report.message_id}" if report.message_id else "",
            f"[{report.reference}]",
        )
        text = " · ".join(" ".join(part.split()) for part in parts if part)
        made = self._rpc.call(
            "account.move",
            "message_post",
            ids=[key],
            writing=True,
            body=text if self._rpc.series() >= _NOTES_ARE_TEXT else html.escape(text, quote=False),
            message_type="comment",
            subtype_xmlid="mail.mt_note",
        )
        note = self._rpc.made(made, "account.move.message_post")
        return WriteBack(f"note {note} on invoice {report.number}", existed=False)

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """What is still to pay, and what settled the rest: money, or a credit note."""
        asked = {_id(invoice.key): invoice for invoice in invoices}
        return settlements(self._rpc, asked, self._settings.company)

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        """Customers that are not archived, with numbers, address, mail and bank accounts."""
        domain = [("customer_rank", ">", 0), ("company_id", "in", [False, self._settings.company])]
        for ids, place in self._feed("res.partner", domain).pages(Place.read(cursor, f"source {self._name}")):
            bundler = Bundler(self._rpc, self._settings)
            bundler.partners(ids)
            accounts = self._accounts(ids)
            parties = tuple(
                PartyRecord(str(key), _facts(row, accounts.get(key, [])))
                for key in ids
                if (row := bundler.partner(key))
            )
            yield PartyPage(parties, place.cursor)

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

    def _invoices(self) -> Feed:
        return self._feed(
            "account.move",
            [
                ("move_type", "in", ["out_invoice", "out_refund"]),
                ("company_id", "=", self._settings.company),
                # Cancelled without ever having been posted is nobody's business.
                "|",
                ("state", "=", "posted"),
                "&",
                ("state", "=", "cancel"),
                ("posted_before", "=", True),
            ],
        )

    def _feed(self, model: str, domain: Sequence[object]) -> Feed:
        settings = self._settings
        overlap = timedelta(minutes=settings.overlap_minutes)
        return Feed(self._rpc, model, domain, page=settings.invoices_per_page, overlap=overlap)

    def _accounts(self, ids: Sequence[int]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        if self._settings.bank_accounts and ids:
            domain = [("partner_id", "in", list(ids))]
            for row in self._rpc.search_all("res.partner.bank", domain, ("partner_id", "acc_number")):
                found.setdefault(row["partner_id"], []).append(str(row["acc_number"] or ""))
        return found

    # Reporting.

    def _note(self, key: int, reference: str) -> int:
        """The note with this reference, 0 where there is none."""
        # The body is HTML, in which some signs have other names; % stands for anything. So what came back is
        # looked through.
        pattern = re.sub(r"[^A-Za-z0-9-]+", "%", reference)
        domain = [("model", "=", "account.move"), ("res_id", "=", key), ("body", "ilike", pattern)]
        rows = self._rpc.search_all("mail.message", domain, ("body",))
        mark = f"[{reference}]"
        return next((int(row["id"]) for row in rows if mark in html.unescape(str(row["body"]))), 0)

    def _attach(self, key: int, report: StatusReport) -> None:
        name = report.filename or f"{report.number.replace('/', '-')}.xml"
        domain = [("res_model", "=", "account.move"), ("res_id", "=", key), ("name", "=", name)]
        if not self._rpc.search("ir.attachment", domain, ("name",), limit=1):
            values = {
                "name": name,
                "res_model": "account.move",
                "res_id": key,
                "datas": base64.b64encode(report.xml).decode("ascii"),
                "mimetype": "application/xml",
            }
            self._rpc.create("ir.attachment", values)

    # Checking.

    def _check_connection(self) -> str:
        return f"Odoo {self._rpc.version()} answers at {self._http.base_url}"

    def _check_login(self) -> str:
        if self._settings.protocol == "jsonrpc":
            self._rpc.log_in()
        # A login is only proved by a call that needs it.
        self._rpc.fields("account.move")
        return f"logged in as {self._settings.user or 'the user of the API key'}"

    def _check_company(self) -> str:
        company = Bundler(self._rpc, self._settings).seller()
        return f"{company['name']}, {company['currency']}"

    def _check_rights(self) -> str:
        wanted = [("account.move", "read"), ("res.partner", "read"), ("ir.attachment", "create")]
        wanted += [("mail.message", "create")]
        missing = [f"{operation} {model}" for model, operation in wanted if not self._may(model, operation)]
        if missing:
            raise RemoteRefused(
                f"the gateway's user lacks the right to {', '.join(missing)}",
                where=self._rpc.where,
                fix="give it the role Billing (Invoicing) in Odoo",
            )
        return "may read invoices and partners, and make notes and attachments"

    def _may(self, model: str, operation: str) -> bool:
        if self._rpc.series() >= _RIGHTS_BY_ACCESS:
            return bool(self._rpc.call(model, "has_access", ids=[], operation=operation))
        return bool(self._rpc.call(model, "check_access_rights", operation=operation, raise_exception=False))

    def _check_invoices(self) -> str:
        found = "can be read" if self._invoices().any() else "can be read, there is none yet"
        settings = self._settings
        wanted: dict[str, Sequence[str]] = {
            "account.move": (*INVOICE, "peppol_move_state"),
            "res.partner": PARTNER,
            "account.tax": (settings.tax_category_field,),
            "uom.uom": (settings.unit_code_field,),
        }
        absent = [
            f"{model}.{name}"
            for model, names in wanted.items()
            for name in names
            if name and name not in self._rpc.fields(model)
        ]
        return found + (f"; this server does not have {', '.join(absent)}" if absent else "")


def _facts(row: Record, accounts: Sequence[str]) -> dict[str, str]:
    """The buyer's facts in plain words, empty ones left out."""
    scheme, value = row.get("peppol_eas"), row.get("peppol_endpoint")
    facts: dict[str, Any] = {
        "name": row.get("name"),
        "country": row.get("country"),
        "vat_id": row.get("vat"),
        "company_id": row.get("company_registry"),
        "electronic_address": f"{scheme}:{value}" if scheme and value else None,
        "email": row.get("email"),
        "iban": " ".join(sorted("".join(account.split()) for account in accounts if account)),
    }
    return {name: str(value) for name, value in facts.items() if value}


def _id(key: str) -> int:
    if not key.isascii() or not key.isdigit():
        raise RemoteUnexpected(
            f"{key[:40]!r} is not an invoice of Odoo",
            where="Odoo account.move",
            fix="was the kind of this source changed? its older invoices belong to another ERP",
        )
    return int(key)
