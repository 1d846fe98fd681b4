"""Exact Online over REST: sales invoices out, delivery status and proof in, payments and buyers out.

For companies that invoice in Exact Online. Changes are read from the sync feed by row version, each invoice
afresh by its key, and handed on as one JSON bundle (`exact_online_bundle`). Processed invoices cannot be
written to, so status goes into a document on the buyer's account. Exact may call us when something changed
(`exact_online_calls`); that is only a reason to look.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from connectors.base import (
    CheckStep,
    DeliveryState,
    OpenInvoice,
    Page,
    PartyPage,
    PaymentStatus,
    Push,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.budget import CallLimit
from connectors.checking import Look, compared_clocks, in_order
from connectors.erp.exact_online_bundle import Bundler
from connectors.erp.exact_online_calls import Calls
from connectors.erp.exact_online_feed import INVOICES, PROCESSED, Place, Visit, calls_needed
from connectors.erp.exact_online_login import Login
from connectors.erp.exact_online_parties import pull_parties
from connectors.erp.exact_online_payments import pull_payments
from connectors.erp.exact_online_rest import ExactRest, Row, guid, text
from connectors.erp.exact_online_settings import ExactOnlineSettings
from connectors.kit.given import Given
from formats.errors import RemoteBlocked, RemoteRefused, RemoteUnexpected

__all__ = ["ExactOnline", "ExactOnlineSettings"]

_DOCUMENTS: Final = "documents/Documents"
_FILES: Final = "documents/DocumentAttachments"
_SUBSCRIPTIONS: Final = "webhooks/WebhookSubscriptions"
_DIVISION_FIELDS: Final = (
    "Code,Description,AddressLine1,AddressLine2,Postcode,City,Country,ChamberOfCommerceNumber,VATNumber,Email,"
    "Phone,Currency,Legislation,DivisionMoveDate"
)
_MOST_REMEMBERED: Final = 500
_ZONE: Final = ZoneInfo("Europe/Amsterdam")
_STATES: Final[Mapping[DeliveryState, str]] = {
    DeliveryState.ACCEPTED_FOR_TRANSPORT: "sent",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.REJECTED: "rejected",
    DeliveryState.PARKED: "on hold",
    DeliveryState.ACCEPTED: "accepted by the buyer",
    DeliveryState.DISPUTED: "questioned or disputed by the buyer",
    DeliveryState.CLOSED: "closed",
}


class ExactOnline:
    """Sales invoices of one division: those that are processed and have a number.

    The cursor is a row version of the sync feed; each visit looks back a little, because Exact can finish a
    change with an older row version later. A division that was moved is read from the start.
    Raises: RemoteUnavailable (limits, server errors), RemoteRefused (login, rights), RemoteUnexpected.
    """

    def __init__(self, name: str, settings: ExactOnlineSettings, surroundings: Surroundings) -> None:
        self._name = name
        self._settings = settings
        self._surroundings = surroundings
        self._clock = surroundings.clock
        self._http = settings.client(surroundings.clock)
        self._login = Login(
            self._http,
            surroundings,
            source=name,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            refresh_token=settings.refresh_token or "",
            calls_per_day=settings.logins_per_day,
        )
        # Exact counts by app and division, so all sources that share both share one ledger.
        self._tenant = f"Exact Online {settings.division} (app {settings.client_id[:8]})"
        self._day = CallLimit("day", settings.calls_per_day, 86_400, settings.calls_kept_daily)
        minute = CallLimit("minute", settings.calls_per_minute, 60, settings.calls_kept)
        self._rest = ExactRest(
            self._http,
            self._login,
            settings.division,
            surroundings=surroundings,
            budget=surroundings.budget(self._tenant, minute, self._day),
            most_errors=settings.errors_per_hour,
        )
        self._calls = Calls(settings.division, settings.client_id, settings.webhook_topics)
        self._invoiced: dict[str, str] = {}

    @property
    def name(self) -> str:
        return self._name

    def pull(self, cursor: str) -> Iterator[Page]:
        """As ErpConnector.pull; the revision of a document is its row version in the feed."""
        place = Place.read(cursor)
        division = self._division()
        moved = str(division.get("DivisionMoveDate") or "")
        if cursor and moved != place.moved:
            place = Place(pending=place.pending)  # row versions of deletions are new, too
        place.moved = moved
        given = Given(self._surroundings.locked, beyond=False)
        yield from Visit(self._rest, self._settings, place, division, given).pages()
        self._remember(place)

    def acknowledge(self, page: Page) -> None:
        """Nothing to tidy up: the feed is never used up."""

    def report_status(self, report: StatusReport) -> WriteBack:
        """File a document on the account that was invoiced, its subject naming invoice, state and reference.

        For a delivered invoice its XML is attached. Looked up by subject first, document and file each, so
        that repeating adds what is missing and nothing twice.
        """
        account = self._invoiced_account(report)
        subject = f"E-invoice {report.number} {_STATES[report.state]} [{report.reference}]"[:200]
        query = {
            "$select": "ID,HID,Subject,Account",
            "$filter": f"Subject eq {text(subject)} and Account eq {guid(account)}",
        }
        found = self._rest.rows(_DOCUMENTS, query, writing=True)
        document = found[0] if found else self._rest.create(_DOCUMENTS, self._note(report, subject, account))
        attached = self._attach(report, str(document["ID"]), look=bool(found))
        return WriteBack(
            f"document {document.get('HID')} with the account of invoice {report.number} in Exact Online",
            existed=bool(found) and not attached,
        )

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """As ErpConnector.pull_payments, from the receivables."""
        yield from pull_payments(self._rest, invoices)

    def count_posted(self, day: date) -> int:
        """One call for each sixty invoices of the day: those that are processed and have a number. Where
        those that Exact itself sends are held, their buyers are asked for as well."""
        first, last = (f"datetime'{one}T00:00:00'" for one in (day, day + timedelta(days=1)))
        dated = f"InvoiceDate ge {first} and InvoiceDate lt {last}"
        query = {
            "$select": "InvoiceID,InvoiceNumber,InvoiceTo",
            "$filter": f"{dated} and Status eq {PROCESSED}",
        }
        rows = [row for row in self._rest.rows(INVOICES, query) if row.get("InvoiceNumber")]
        if self._settings.when_exact_sends == "hold":
            bundler = Bundler(self._rest, with_files=False, largest_file=0)
            bundler.prepare_accounts(rows)
            rows = [row for row in rows if not self._settings.is_sent_by_exact(bundler.account(row))]
        return len(rows)

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        """As ReadsParties.pull_parties: the accounts that are customers."""
        moved = str(self._division().get("DivisionMoveDate") or "")
        yield from pull_parties(self._rest, self._settings, cursor, moved)

    def wake(self, call: Push) -> bool:
        """As WokenByCalls.wake. An empty call, with which Exact tries an address, is not worth a look."""
        if self._settings.webhook_secret is None:
            raise RemoteRefused(
                "this source takes no calls, for it has no webhook secret",
                where=f"source {self._name}",
                fix="set webhook_secret and callback_url of this source, or delete the subscription in Exact",
            )
        return self._calls.worth_a_look(
            call, self._surroundings.secret(self._settings.webhook_secret).strip()
        )

    def check(self) -> Iterator[CheckStep]:
        """Connection and clock, login, division, one read of each kind of record that is needed, webhooks,
        and whether the next pull fits into the calls of the day."""
        settings = self._settings
        reads = (
            ("Sales invoices", INVOICES, "InvoiceID", "Invoices: view"),
            ("Accounts", "crm/Accounts", "ID", "CRM accounts: view"),
            ("VAT codes", "vat/VATCodes", "ID", "VAT codes: view"),
            ("Receivables", "cashflow/Receivables", "ID", "Receivables: view"),
            ("Documents", _DOCUMENTS, "ID", "Documents: view and manage"),
        )
        steps: list[tuple[str, Look, str]] = [
            ("Connection", self._check_connection, ""),
            ("Login", self._check_login, ""),
            ("Division", self._check_division, ""),
            *((title, partial(self._check_read, path, key), right) for title, path, key, right in reads),
        ]
        if settings.callback_url:
            steps.append(("Webhooks", self._check_webhooks, "Webhooks"))
        named = [
            (title, look, f"right: {right}, division {settings.division}" if right else "")
            for title, look, right in steps
        ]
        return in_order([*named, ("Calls", self._forecast)])

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    # Connecting, for `gateway connect`.

    @property
    def redirect_url(self) -> str:
        """Where Exact sends the browser after the login; as registered."""
        return self._settings.redirect_url

    def authorize_url(self, state: str) -> str:
        """The page on which a person logs in; `state` comes back with the answer."""
        return self._login.authorize_url(self._settings.redirect_url, state)

    def take_code(self, code: str) -> None:
        """Exchange the code of the answer; both tokens are committed when this returns."""
        self._login.take_code(code, self._settings.redirect_url)

    def connected(self) -> Iterator[CheckStep]:
        """What `gateway connect` does with a fresh login: look at it, and subscribe to webhooks where they
        are configured. Ends at the first step that fails."""
        steps = [("Login", self._check_login), ("Division", self._check_division)]
        if self._settings.callback_url:
            steps.append(("Webhooks", self._subscribe))
        return in_order(steps)

    def _subscribe(self) -> str:
        """One subscription for each topic; what is there already stays."""
        wanted = set(self._settings.webhook_topics)
        for topic in sorted(wanted - self._subscribed()):
            record = {"Topic": topic, "CallbackURL": self._settings.callback_url}
            try:
                self._rest.create(_SUBSCRIPTIONS, record)
            except RemoteBlocked:
                # "Data already exists", in the user's language: somebody else was faster.
                if topic not in self._subscribed():
                    raise
        return f"Exact calls {self._settings.callback_url} about {', '.join(sorted(wanted))}"

    def _subscribed(self) -> set[str]:
        rows = self._rest.rows(_SUBSCRIPTIONS, {"$select": "ID,Topic,CallbackURL"})
        return {str(row["Topic"]) for row in rows if row.get("CallbackURL") == self._settings.callback_url}

    # Pulling.

    def _division(self) -> Row:
        query = {"$select": _DIVISION_FIELDS, "$filter": f"Code eq {self._settings.division}"}
        rows = self._rest.rows("system/Divisions", query)
        if not rows:
            raise RemoteUnexpected(
                f"the user does not see division {self._settings.division}",
                where="Exact Online system/Divisions",
                fix="correct division in the settings, or give the user access to it in Exact",
            )
        return rows[0]

    def _remember(self, place: Place) -> None:
        """Keep the place for the forecast of `check`, which is not given the cursor."""
        known = json.dumps({"version": place.version, "moved": place.moved})
        with self._surroundings.locked("place") as cell:
            if cell.value != known:
                cell.save(known)

    # Reporting.

    def _invoiced_account(self, report: StatusReport) -> str:
        """The account of the invoice; a processed invoice keeps it, so that it is asked for once."""
        known = self._invoiced.get(report.key)
        if known is not None:
            return known
        query = {"$select": "InvoiceID,InvoiceTo,InvoiceNumber"}
        invoice = self._rest.read(INVOICES, report.key, query, writing=True)
        if invoice is None or not invoice.get("InvoiceTo"):
            raise RemoteUnexpected(
                f"invoice {report.number} is not in Exact Online any more",
                where=f"Exact Online {INVOICES}",
                fix="look in Exact what became of it; its status cannot be filed",
            )
        if len(self._invoiced) >= _MOST_REMEMBERED:
            self._invoiced.clear()
        self._invoiced[report.key] = str(invoice["InvoiceTo"])
        return self._invoiced[report.key]

    def _note(self, report: StatusReport, subject: str, account: str) -> dict[str, object]:
        local = report.at.astimezone(_ZONE)
        facts = [
            report.text,
            f"Time: {local:%Y-%m-%d %H:%M} ({_ZONE.key})",
            f"Channel: {report.channel}" if report.channel else "",
            f"Message: {report.message_id}" if report.message_id else "",
        ]
        note: dict[str, object] = {
            "Subject": subject,
            "Type": self._settings.document_type,
            "Account": account,
            "DocumentDate": f"{local:%Y-%m-%d}",
            "Body": "\n".join(filter(None, facts)),
        }
        if self._settings.link_documents:
            note["FinancialTransactionEntryID"] = report.key
        return note

    def _attach(self, report: StatusReport, document: str, *, look: bool) -> bool:
        """Whether a file had to be added; `look` for a document that was there already."""
        if not report.state.arrived or not report.xml:
            return False
        name = re.sub(r"[^\w.-]", "_", report.filename or f"{report.number}.xml")
        query = {"$select": "ID,FileName", "$filter": f"Document eq {guid(document)}"}
        if look:
            there = self._rest.rows(_FILES, query, writing=True)
            if any(row.get("FileName") == name for row in there):
                return False
        content = base64.b64encode(report.xml).decode()
        self._rest.create(_FILES, {"Document": document, "FileName": name, "Attachment": content})
        return True

    # Checking.

    def _check_connection(self) -> str:
        answer = self._http.request("GET", "/", allowed=range(300, 500))
        where = self._http.base_url
        otherwise = "tokens would be used too long otherwise"
        return f"{where} answers{compared_clocks(answer, self._clock(), where=where, otherwise=otherwise)}"

    def _check_login(self) -> str:
        self._login.access_token()
        return f"logged in as {self._rest.me().get('FullName', 'unknown')}"

    def _check_division(self) -> str:
        division = self._division()
        return f"{division.get('Code')} {division.get('Description')}, {division.get('Currency')}"

    def _check_read(self, entity: str, key: str) -> str:
        rows = self._rest.rows(entity, {"$select": key, "$top": "1"})
        return "can be read" if rows else "can be read, there is none yet"

    def _check_webhooks(self) -> str:
        missing = sorted(set(self._settings.webhook_topics) - self._subscribed())
        if missing:
            raise RemoteUnexpected(
                f"there is no subscription to {', '.join(missing)} for this gateway",
                where=f"Exact Online {_SUBSCRIPTIONS}",
                fix=f"run gateway connect {self._name} again; until then changes are found by polling",
            )
        return f"Exact calls {self._settings.callback_url}"

    def _forecast(self) -> CheckStep:
        """Whether what is to be read now fits into what is left of the day's calls."""
        with self._surroundings.locked("place") as cell:
            known = cell.value
        place = json.loads(known) if known else {"version": 1}
        invoices, calls, whole = calls_needed(self._rest, self._settings, int(place["version"]))
        budget = self._surroundings.budget(self._tenant, self._day)
        self._rest.tell("day", budget)
        forecast = budget.forecast(calls)
        least = "" if whole else "at least "
        seen = f"the next pull reads {least}{invoices:,} invoices with {least}{calls:,} calls"
        if forecast.fits:
            return CheckStep("Calls", True, f"{seen}; {forecast.left:,} are free today")
        return CheckStep(
            "Calls",
            False,
            f"{seen}, but only {forecast.left:,} are free today",
            f"the rest is read from {forecast.resets_at:%Y-%m-%d %H:%M} UTC on, by itself; start earlier, or "
            f"raise invoices_per_call (now {self._settings.invoices_per_call}) or lower calls_kept_daily "
            f"(now {self._settings.calls_kept_daily}) of this source",
        )
