"""Exact Online over REST: sales invoices out, delivery status and proof in, payments out.

For companies that invoice in Exact Online. Changes are read from the sync feed by row version, each invoice
afresh by its key, and handed on as one JSON bundle (`exact_online_bundle`). Processed invoices cannot be
written to, so status goes into a document on the buyer's account.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from connectors.base import (
    CheckStep,
    ConnectorSettings,
    DeliveryState,
    OpenInvoice,
    Page,
    PaymentState,
    PaymentStatus,
    RejectedDocument,
    SecretReference,
    SourceDocument,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.erp.exact_online_bundle import Bundler
from connectors.erp.exact_online_login import Login
from connectors.erp.exact_online_rest import ExactRest, RecordUnreadable, Row, guid, text
from connectors.http import HttpClient
from formats.errors import DocumentError, EInvoicingError, RemoteUnavailable, RemoteUnexpected

__all__ = ["ExactOnline", "ExactOnlineSettings"]

_FEED: Final = "sync/SalesInvoice/SalesInvoices"
_INVOICES: Final = "salesinvoice/SalesInvoices"
_DOCUMENTS: Final = "documents/Documents"
_FILES: Final = "documents/DocumentAttachments"
_FEED_FIELDS: Final = "Timestamp,ID,InvoiceID,InvoiceNumber,Status"
_DIVISION_FIELDS: Final = (
    "Code,Description,AddressLine1,AddressLine2,Postcode,City,Country,ChamberOfCommerceNumber,VATNumber,Email,"
    "Phone,Currency,Legislation,DivisionMoveDate"
)
_PROCESSED: Final = 50
_MATCHED: Final = 50
_BY_PEPPOL: Final = 32
_MOST_UNREADABLE: Final = 3
_MOST_RETRIED: Final = 10
_MOST_REMEMBERED: Final = 500
_IDS_PER_CALL: Final = 15
_LARGEST_SKEW: Final = timedelta(minutes=2)
_ZONE: Final = ZoneInfo("Europe/Amsterdam")
_STATES: Final[Mapping[DeliveryState, str]] = {
    DeliveryState.ACCEPTED_FOR_TRANSPORT: "sent",
    DeliveryState.DELIVERED: "delivered",
    DeliveryState.REJECTED: "rejected",
    DeliveryState.PARKED: "on hold",
}


class ExactOnlineSettings(ConnectorSettings):
    """One division of Exact Online."""

    base_url: str = Field(
        description="the country site, for example https://start.exactonline.nl; app and user belong to it"
    )
    division: int = Field(
        description="number of the division (administration), as in the address bar of Exact", ge=1
    )
    client_id: str = Field(description="client id of the gateway's app in the Exact app centre")
    client_secret: SecretReference = Field(description="env:NAME or file:PATH of the app's client secret")
    refresh_token: SecretReference = Field(
        description="env:NAME or file:PATH of the refresh token of the first login; only read once, later "
        "ones are kept in the database"
    )
    documents_per_page: int = Field(20, ge=1, le=25, description="invoices stored at a time, 1 to 25")
    overlap: int = Field(
        2000,
        ge=0,
        description="row versions that are looked at again on each visit, for changes finished late",
    )
    calls_kept: int = Field(
        5,
        ge=0,
        le=50,
        description="calls of each minute that are kept for status reports and payments; Exact allows 60",
    )
    attachments: bool = Field(True, description="true to send files along that are linked to the invoice")
    largest_attachment_mb: int = Field(10, ge=1, le=50, description="largest single file, in megabytes")
    when_exact_sends: str = Field(
        "hold",
        pattern="^(hold|take)$",
        description="buyers with the invoicing method Peppol get their invoice from Exact itself: hold shows "
        "such invoices to people, take sends them all the same",
    )
    document_type: int = Field(55, ge=1, description="type of the status documents; 55 is Miscellaneous")
    link_documents: bool = Field(
        True, description="true to link status documents to the invoice; false if Exact refuses the link"
    )
    ca_file: str = Field("", description="PEM file of your own certificate authority, if a proxy needs it")
    proxy: str = Field("", description="address of a web proxy, if the way out needs one")
    connect_seconds: float = Field(5.0, gt=0, description="seconds to wait for a connection")
    read_seconds: float = Field(30.0, gt=0, description="seconds of silence before a call is given up")

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        local = r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/?"
        if not self.base_url.startswith("https://") and not re.fullmatch(local, self.base_url):
            raise ValueError("base_url must begin with https://, for tokens travel over it")
        return self


@dataclass
class _Place:
    """The cursor: the row version up to which everything is known, and what is not settled by it.

    `seen` remembers, within the overlap, which row version of an invoice was given already; `pending` are
    invoices that could not be read. `moved` tells when the division was moved, which renumbers all versions.
    """

    version: int = 1
    moved: str = ""
    seen: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str) -> _Place:
        if not cursor:
            return cls()
        try:
            data = json.loads(cursor)
            return cls(
                int(data["version"]),
                str(data["moved"]),
                {str(key): int(value) for key, value in data["seen"].items()},
                {str(key): int(value) for key, value in data["pending"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RemoteUnexpected(
                "the stored place in Exact's feed cannot be read",
                where="cursor of the source",
                fix="reset the cursor of this source; invoices that went out already are recognised",
            ) from error

    def written(self, overlap: int) -> str:
        recent = {key: at for key, at in self.seen.items() if at > self.version - overlap}
        newest = dict(sorted(recent.items(), key=lambda item: item[1])[-_MOST_REMEMBERED:])
        data = {"version": self.version, "moved": self.moved, "seen": newest, "pending": self.pending}
        return json.dumps(data, separators=(",", ":"))


class ExactOnline:
    """Sales invoices of one division: those that are processed and have a number.

    The cursor is a row version of the sync feed; each visit looks back a little, because Exact can finish a
    change with an older row version later. A division that was moved is read from the start.
    Raises: RemoteUnavailable (limits, server errors), RemoteRefused (login, rights), RemoteUnexpected.
    """

    def __init__(self, name: str, settings: ExactOnlineSettings, surroundings: Surroundings) -> None:
        self._name = name
        self._settings = settings
        self._clock = surroundings.clock
        self._http = HttpClient(
            settings.base_url,
            clock=surroundings.clock,
            timeout=(settings.connect_seconds, settings.read_seconds),
            verify=settings.ca_file or True,
            proxy=settings.proxy,
        )
        self._login = Login(
            self._http,
            surroundings,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            refresh_token=settings.refresh_token,
        )
        self._rest = ExactRest(self._http, self._login, settings.division, clock=surroundings.clock)
        self._invoiced: dict[str, str] = {}

    @property
    def name(self) -> str:
        return self._name

    def pull(self, cursor: str) -> Iterator[Page]:
        """As ErpConnector.pull; the revision of a document is its row version in the feed."""
        place = _Place.read(cursor)
        division = self._division()
        moved = str(division.get("DivisionMoveDate") or "")
        if cursor and moved != place.moved:
            place = _Place(pending=place.pending)
        place.moved = moved
        visit = _Visit(self, place, division)
        if place.pending:
            yield from visit.retry()
        since = max(1, place.version - self._settings.overlap)
        query = {"$filter": f"Timestamp gt {since}L", "$select": _FEED_FIELDS}
        for rows in self._rest.pages(_FEED, query, reserve=self._settings.calls_kept):
            yield from visit.page(rows)

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
        found = self._rest.rows(_DOCUMENTS, query)
        document = found[0] if found else self._rest.create(_DOCUMENTS, self._note(report, subject, account))
        attached = self._attach(report, str(document["ID"]), look=bool(found))
        return WriteBack(
            f"document {document.get('HID')} with the account of invoice {report.number} in Exact Online",
            existed=bool(found) and not attached,
        )

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """Settlement from the receivables: one row for each payment term, split where it was paid in part.

        A row that was settled without a payment date (written off, set against a credit note) counts as
        settled otherwise.
        """
        for start in range(0, len(invoices), _IDS_PER_CALL):
            part = invoices[start : start + _IDS_PER_CALL]
            heads = self._heads([invoice.key for invoice in part])
            numbers = sorted({int(head["InvoiceNumber"]) for head in heads.values() if head["InvoiceNumber"]})
            if not numbers:
                continue
            query = {
                "$select": "ID,Account,InvoiceNumber,Journal,Currency,AmountFC,TransactionAmountFC,"
                "IsFullyPaid,Status,EndDate,LastPaymentDate,EntryNumber",
                "$filter": " or ".join(f"InvoiceNumber eq {number}" for number in numbers),
            }
            rows = self._rest.rows("cashflow/Receivables", query)
            for invoice in part:
                head = heads.get(invoice.key.lower())
                own = [row for row in rows if head is not None and _same_invoice(row, head)]
                if own:
                    yield _settlement(invoice, own)

    def check(self) -> Iterator[CheckStep]:
        """Connection and clock, login, division, then one read of each kind of record that is needed."""
        settings = self._settings
        steps: list[tuple[str, Callable[[], str], str]] = [
            ("Connection", self._check_connection, ""),
            ("Login", self._check_login, ""),
            ("Division", self._check_division, ""),
            ("Sales invoices", lambda: self._check_read(_INVOICES, "InvoiceID"), "Invoices: view"),
            ("Accounts", lambda: self._check_read("crm/Accounts", "ID"), "CRM accounts: view"),
            ("VAT codes", lambda: self._check_read("vat/VATCodes", "ID"), "VAT codes: view"),
            ("Receivables", lambda: self._check_read("cashflow/Receivables", "ID"), "Receivables: view"),
            ("Documents", lambda: self._check_read(_DOCUMENTS, "ID"), "Documents: view and manage"),
        ]
        for name, step, right in steps:
            try:
                yield CheckStep(name, True, step())
            except EInvoicingError as error:
                fix = f"{error.fix} (right: {right}, division {settings.division})" if right else error.fix
                yield CheckStep(name, False, error.what, fix)
                return

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    # Pulling.

    def _division(self) -> Row:
        query = {"$select": _DIVISION_FIELDS, "$filter": f"Code eq {self._settings.division}"}
        rows = self._rest.rows("system/Divisions", query, reserve=self._settings.calls_kept)
        if not rows:
            raise RemoteUnexpected(
                f"the user does not see division {self._settings.division}",
                where="Exact Online system/Divisions",
                fix="correct division in the settings, or give the user access to it in Exact",
            )
        return rows[0]

    # Reporting.

    def _invoiced_account(self, report: StatusReport) -> str:
        """The account of the invoice; a processed invoice keeps it, so that it is asked for once."""
        known = self._invoiced.get(report.key)
        if known is not None:
            return known
        invoice = self._rest.read(_INVOICES, report.key, {"$select": "InvoiceID,InvoiceTo,InvoiceNumber"})
        if invoice is None or not invoice.get("InvoiceTo"):
            raise RemoteUnexpected(
                f"invoice {report.number} is not in Exact Online any more",
                where=f"Exact Online {_INVOICES}",
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
        if report.state is not DeliveryState.DELIVERED or not report.xml:
            return False
        name = re.sub(r"[^\w.-]", "_", report.filename or f"{report.number}.xml")
        query = {
            "$select": "ID,FileName",
            "$filter": f"Document eq {guid(document)}",
        }
        if look and any(row.get("FileName") == name for row in self._rest.rows(_FILES, query)):
            return False
        content = base64.b64encode(report.xml).decode()
        self._rest.create(_FILES, {"Document": document, "FileName": name, "Attachment": content})
        return True

    # Payments.

    def _heads(self, keys: Sequence[str]) -> dict[str, Row]:
        query = {
            "$select": "InvoiceID,InvoiceNumber,Journal,InvoiceTo",
            "$filter": " or ".join(f"InvoiceID eq {guid(key)}" for key in keys),
        }
        return {str(row["InvoiceID"]).lower(): row for row in self._rest.rows(_INVOICES, query)}

    # Checking.

    def _check_connection(self) -> str:
        answer = self._http.request("GET", "/", allowed=range(300, 500))
        now = self._clock()
        try:
            skew = abs(parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC) - now)
        except ValueError:
            return f"{self._http.base_url} answers"
        if skew > _LARGEST_SKEW:
            raise RemoteUnexpected(
                f"the clocks differ by {int(skew.total_seconds())} seconds",
                where=self._http.base_url,
                fix="set this machine's clock by NTP; tokens would be used too long otherwise",
            )
        return f"{self._http.base_url} answers, clocks agree"

    def _check_login(self) -> str:
        self._login.access_token()
        return f"logged in as {self._rest.me().get('FullName', 'unknown')}"

    def _check_division(self) -> str:
        division = self._division()
        return f"{division.get('Code')} {division.get('Description')}, {division.get('Currency')}"

    def _check_read(self, entity: str, key: str) -> str:
        rows = self._rest.rows(entity, {"$select": key, "$top": "1"})
        return "can be read" if rows else "can be read, there is none yet"


class _Visit:
    """One pull under way: turns rows of the feed into pages of documents and moves the cursor on."""

    def __init__(self, connector: ExactOnline, place: _Place, division: Row) -> None:
        settings = connector._settings
        self._rest = connector._rest
        self._settings = settings
        self._place = place
        self._division = division
        self._bundler = Bundler(
            connector._rest,
            with_files=settings.attachments,
            largest_file=settings.largest_attachment_mb * 1024 * 1024,
            reserve=settings.calls_kept,
        )
        self._unreadable = 0
        self._origin = f"{settings.base_url.rstrip('/')}/api/v1/{settings.division}/{_INVOICES}"

    def retry(self) -> Iterator[Page]:
        """The invoices that could not be read on earlier visits, some of them, longest waiting first."""
        waiting = list(self._place.pending.items())[:_MOST_RETRIED]
        for key, _ in waiting:
            # To the end of the queue, so that each has its turn.
            self._place.pending[key] = self._place.pending.pop(key)
        yield from self._part(waiting, frozenset(), again=True)

    def page(self, rows: Sequence[Row]) -> Iterator[Page]:
        """The documents behind one page of the feed, in parts, oldest change first."""
        latest, held, newest = self._changed(rows)
        wanted, size = list(latest.items()), self._settings.documents_per_page
        for start in range(0, len(wanted), size):
            yield from self._part(wanted[start : start + size], held)
        if newest:
            self._place.version = max(self._place.version, newest)
            yield Page((), self._cursor())

    def _changed(self, rows: Sequence[Row]) -> tuple[dict[str, int], set[str], int]:
        """The processed invoices with something new in order of their last change, those of them without a
        number, and the last row version."""
        try:
            changes = sorted(
                (
                    int(row["Timestamp"]),
                    str(row["InvoiceID"]).lower(),
                    row.get("Status"),
                    row["InvoiceNumber"] is None,
                )
                for row in rows
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RemoteUnexpected(
                f"a row of the feed has no {error}", where=f"Exact Online {_FEED}", fix="tell Exact's support"
            ) from error
        latest: dict[str, int] = {}
        held: set[str] = set()
        for version, key, status, unnumbered in changes:
            latest.pop(key, None)
            held.discard(key)
            known = key in self._place.pending or self._place.seen.get(key, 0) >= version
            if status == _PROCESSED and not known:
                latest[key] = version
                if unnumbered:
                    held.add(key)
        return latest, held, changes[-1][0] if changes else 0

    def _part(
        self, wanted: Sequence[tuple[str, int]], held: Set[str], *, again: bool = False
    ) -> Iterator[Page]:
        """These invoices as one page; the cursor never passes one that was not given or remembered.

        `again` is for invoices that lie behind the cursor.
        """
        documents: list[SourceDocument] = []
        rejected: list[RejectedDocument] = []
        try:
            for key, version, invoice in self._read(wanted, rejected, held, again):
                try:
                    found = self._document(key, version, invoice)
                except RemoteUnexpected as error:
                    found = self._set_aside(key, version, error, again)
                else:
                    self._given(key, version)
                if isinstance(found, SourceDocument):
                    documents.append(found)
                else:
                    rejected.append(found)
                if not again:
                    self._place.version = max(self._place.version, version)
        except (RemoteUnavailable, RemoteUnexpected):
            # What is complete counts: a limit of calls must not make the same start over and over.
            if documents or rejected:
                yield Page(tuple(documents), self._cursor(), tuple(rejected))
            raise
        if wanted and not again:
            self._place.version = max(self._place.version, wanted[-1][1])
        yield Page(tuple(documents), self._cursor(), tuple(rejected))

    def _cursor(self) -> str:
        return self._place.written(self._settings.overlap)

    def _given(self, key: str, version: int) -> None:
        self._place.seen[key] = version
        self._place.pending.pop(key, None)

    def _set_aside(
        self, key: str, version: int, problem: RecordUnreadable | RemoteUnexpected, again: bool
    ) -> RejectedDocument:
        """Remember an invoice that cannot be read, so that the others go on and this one is asked for again.

        Raises the problem itself where so many fail that the service must be the reason.
        """
        if not again:
            self._unreadable += 1
            if self._unreadable >= _MOST_UNREADABLE:
                raise problem
        self._place.pending[key] = version
        return self._rejected(key, problem)

    def _read(
        self,
        wanted: Sequence[tuple[str, int]],
        rejected: list[RejectedDocument],
        held: Set[str],
        again: bool,
    ) -> list[tuple[str, int, Row]]:
        """The invoices with their lines, and the accounts of all of them."""
        found: list[tuple[str, int, Row]] = []
        for key, version in wanted:
            if key in held:
                rejected.append(self._rejected(key, _no_number()))
                self._given(key, version)
                continue
            try:
                invoice = self._rest.read(_INVOICES, key, {"$expand": "SalesInvoiceLines"})
            except RecordUnreadable as error:
                rejected.append(self._set_aside(key, version, error, again))
                continue
            # Deleted, or taken back, between the feed and this read: a later row of the feed tells.
            if invoice is not None and invoice.get("Status") == _PROCESSED and invoice.get("InvoiceNumber"):
                self._bundler.complete_lines(invoice)
                found.append((key, version, invoice))
            else:
                self._given(key, version)
        self._bundler.prepare([invoice for _, _, invoice in found])
        return found

    def _document(self, key: str, version: int, invoice: Row) -> SourceDocument | RejectedDocument:
        method = self._bundler.account(invoice).get("InvoicingMethod") or 0
        if self._settings.when_exact_sends == "hold" and int(method) & _BY_PEPPOL:
            return self._rejected(key, _sent_by_exact(invoice))
        try:
            content = self._bundler.bundle(invoice, self._division)
        except DocumentError as error:
            return self._rejected(key, error)
        return SourceDocument(key, str(version), "application/json", content, origin=self._link(key))

    def _rejected(self, key: str, problem: EInvoicingError) -> RejectedDocument:
        return RejectedDocument(key, self._link(key), problem)

    def _link(self, key: str) -> str:
        return f"{self._origin}(guid'{key}')"


def _no_number() -> DocumentError:
    return DocumentError(
        "the invoice is processed but has no number yet",
        where="Exact Online, Sales invoice > Invoice number",
        fix="print the invoice in Exact, so that it gets its number; it is read again then",
    )


def _sent_by_exact(invoice: Row) -> DocumentError:
    return DocumentError(
        f"Exact Online itself sends invoice {invoice.get('InvoiceNumber')} by Peppol; the buyer would get it "
        "twice",
        where="Exact Online, Account > Invoicing method",
        fix="change the buyer's invoicing method in Exact and save the invoice again, or set "
        "when_exact_sends: take for this source",
    )


def _same_invoice(row: Row, head: Row) -> bool:
    return (
        row.get("InvoiceNumber") == head.get("InvoiceNumber")
        and str(row.get("Journal") or "").strip() == str(head.get("Journal") or "").strip()
        and str(row.get("Account")).lower() == str(head.get("InvoiceTo")).lower()
    )


def _settlement(invoice: OpenInvoice, rows: Sequence[Row]) -> PaymentStatus:
    """Amounts are compared without sign: open debts of customers are negative, credit notes the other way."""
    total = paid = Decimal(0)
    settled: list[tuple[date, Row]] = []
    by_payment = False
    for row in rows:
        amount, left = abs(_decimal(row.get("TransactionAmountFC"))), abs(_decimal(row.get("AmountFC")))
        done = bool(row.get("IsFullyPaid")) or (row.get("Status") == _MATCHED and bool(row.get("EndDate")))
        total += amount
        part = amount if done else max(Decimal(0), amount - left)
        paid += part
        on = _local_date(row.get("LastPaymentDate"))
        if part:
            by_payment = by_payment or on is not None
            settled.append((on or _local_date(row.get("EndDate")) or date.min, row))
    if not paid and not (settled and total == 0):
        state = PaymentState.OPEN
    elif paid < total:
        state = PaymentState.PARTLY_PAID
    else:
        state = PaymentState.PAID if by_payment else PaymentState.SETTLED
    newest, last = max(settled, key=lambda item: item[0], default=(None, None))
    evidence = f"receivable {last['ID']}, entry {last.get('EntryNumber')}" if last else ""
    return PaymentStatus(
        invoice.key,
        invoice.number,
        state,
        str(rows[0].get("Currency") or invoice.currency).strip(),
        paid,
        None if newest in (None, date.min) else newest,
        evidence,
    )


def _decimal(value: Any) -> Decimal:
    return Decimal(value) if isinstance(value, int | Decimal) else Decimal(0)


def _local_date(value: object) -> date | None:
    """The day of a `/Date(ms)/`, whose number is local time written as if it were UTC."""
    match = re.match(r"/Date\((-?\d{1,15})", str(value or ""))
    if match is None:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(match[1]))).date()
