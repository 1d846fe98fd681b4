"""The imitated Exact Online of the offline world: login, REST with OData, limits, documents, receivables.

It answers as start.exactonline.nl was seen to answer, quirks included: envelopes that change shape, dates in
local time that look like UTC, padded codes, percentages as fractions, single-use refresh tokens, a limit of
60 calls a minute. The books are those of `exact_online_seed`.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from connectors.sandbox.exact_online_login import (
    CLIENT_ID,
    CLIENT_SECRET,
    FIRST_REFRESH_TOKEN,
    Login,
    unauthorized,
)
from connectors.sandbox.exact_online_odata import (
    EntitySet,
    QueryError,
    Row,
    as_json,
    children_behind,
    query,
    single,
)
from connectors.sandbox.exact_online_seed import (
    DIVISION,
    LineSpec,
    book_invoice,
    issue,
    seed,
    seeded_id,
    settle,
)
from connectors.sandbox.exact_online_webhooks import WEBHOOK_SECRET, SubscriptionRefused, Webhooks
from connectors.sandbox.faults import Fault, Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer, json_reply, text_reply

__all__ = ["ImitatedExactOnline"]

_ZONE: Final = ZoneInfo("Europe/Amsterdam")
_ERRORS_ALLOWED: Final = 10
_OPEN: Final = 20
_CHANGEABLE: Final = frozenset(
    {"Description", "YourRef", "Remarks", "InvoiceDate", "DueDate", "OrderDate", "Document"}
)
_SUBSCRIPTION: Final = "ID,Topic,CallbackURL,Description,Created"
_DELETED: Final = "ID,Division,EntityKey,EntityType,DeletedBy,DeletedDate,Timestamp"
_SYNC: Final = "sync/SalesInvoice/SalesInvoices"
_HEADER_IN_SYNC: Final = (
    "InvoiceID", "InvoiceNumber", "InvoiceDate", "DueDate", "Status", "Type", "Journal", "Currency",
    "InvoiceTo", "OrderedBy", "DeliverTo", "YourRef", "Description", "PaymentCondition", "AmountFCExclVat",
    "AmountDiscount", "AmountDiscountExclVat", "Modified", "Created",
)  # fmt: skip
_LINE_IN_SYNC: Final = (
    "ID", "LineNumber", "ItemCode", "Quantity", "UnitCode", "NetPrice", "AmountFC", "VATCode",
    "VATPercentage", "Timestamp",
)  # fmt: skip


class ImitatedExactOnline:
    """Exact Online with one app, one user and the division 3210123, on loopback.

    `clock` gives aware UTC time (the real time by default), `page` and `sync_page` are the server's page
    sizes, `minutely` and `daily` its limits of calls. The real service allows 60 a minute; here it is ten
    times that, so that nobody waits for the demo. `between_pages` is called after each page of a list, with
    the list's name: a test changes the books there. `forbidden` is the reason with which every call is
    refused, or those to the services in `forbidden_services`; `links_to` another address that next-page links
    point to; `unreadable` holds the keys of invoices whose reading fails with 500; with `hides_next_lines`
    expanded lines end at a full page without a link to the next; `seen` is shown each request; its
    clock is `late` by so much.
    """

    name = "exact"

    def __init__(
        self,
        port: int = 0,
        *,
        clock: Callable[[], datetime] | None = None,
        page: int = 60,
        sync_page: int = 1000,
        lines_page: int = 60,
        minutely: int = 600,
        daily: int = 5000,
    ) -> None:
        self.faults = Faults()
        self.late = timedelta()
        self._true_clock = clock or (lambda: datetime.now(UTC))
        self._page, self._sync_page, self._lines_page = page, sync_page, lines_page
        self._minutely, self._daily = minutely, daily
        self.books = seed()
        self.login = Login(self._clock)
        self.webhooks = Webhooks(CLIENT_ID, self._clock)
        self.forbidden = ""
        self.forbidden_services: set[str] = set()
        self.unreadable: set[str] = set()
        self.hides_next_lines = False
        self.seen: Callable[[Request], object] = lambda request: None
        self.between_pages: Callable[[str], None] | None = None
        self.links_to = ""
        self._lock = threading.RLock()
        self._created: list[str] = []
        self._spent: dict[str, int] = {}
        self._errors: dict[str, list[datetime]] = {}
        self.server = SandboxHttpServer(port, self.faults, on_fault=self._limit_fault)
        self.server.route("GET", "/api/oauth2/auth", self.login.authorize)
        self.server.route("POST", "/api/oauth2/token", self._token)
        self.server.route("GET", r"/api/v1/current/Me", self._guarded(self._me))
        self.server.route("GET", r"/docs/SysAttachment\.aspx", self._guarded(self._download))
        key = r"(?:\(guid'(?P<key>[0-9A-Fa-f-]{36})'\)(?:/(?P<child>\w+))?)?"
        self.server.route(
            "*", rf"/api/v1/(?P<division>\d+)/(?P<entity>\w+(?:/\w+)+){key}", self._guarded(self._rest)
        )

    def start(self) -> None:
        """Listen; returns when connections are taken."""
        self.server.start()

    def stop(self) -> None:
        """Stop listening and end all threads; safe to repeat."""
        self.webhooks.stop()
        self.server.stop()

    def addresses(self) -> Mapping[str, str]:
        """The base address of the country site."""
        return {"rest": self.server.url}

    def secrets(self) -> Mapping[str, str]:
        """The app's secrets and the refresh token of the first login."""
        return {
            "exact-client-secret": CLIENT_SECRET,
            "exact-refresh-token": FIRST_REFRESH_TOKEN,
            "exact-webhook-secret": WEBHOOK_SECRET,
        }

    def mend(self) -> list[str]:
        """Three corrections by the clerk, each invoice saved again so that it is read anew."""
        with self._lock:
            books = self.books
            nowhere, wrong, used = (books.invoice(number) for number in (26700012, 26700013, 26700014))
            account = next(row for row in books.accounts if row["ID"] == nowhere["InvoiceTo"])
            account.update(ChamberOfCommerce="76120943", PeppolIdentifierType=2, PeppolIdentifier="76120943")
            books.touch_account(account)
            self._fire("Accounts", "crm/Accounts", account["ID"])
            wrong["VATAmountFC"] = wrong["AmountFC"] - wrong["AmountFCExclVat"]
            line = books.lines_of(used)[0]
            line["VATCode"], line["VATCodeDescription"] = "4  ", "BTW hoog 21%"
            for invoice in (nowhere, wrong, used):
                self._save(invoice)
        return [
            "KvK number and Peppol identifier 76120943 were entered on the account Timmerwerken Ruis in "
            "Exact Online, and invoice 26700012 was saved again.",
            "The VAT amount of invoice 26700013 was put right in Exact Online: 156.87 instead of 157.27.",
            "The VAT code of line 1 of invoice 26700014 was changed from 31 to 4 in Exact Online.",
        ]

    def holdings(self) -> Mapping[str, object]:
        """The documents that the gateway filed with the accounts, and `status_references`: how often each
        reference, which a subject has in brackets at its end, was filed."""
        with self._lock:
            books = self.books
            names = {row["ID"]: row["Name"] for row in books.accounts}
            documents = [
                {
                    "subject": row["Subject"],
                    "account": names.get(row["Account"]),
                    "body": row["Body"],
                    "files": [
                        file["FileName"] for file in books.attachments if file["Document"] == row["ID"]
                    ],
                }
                for row in books.documents
                if row["ID"] in self._created
            ]
            references = Counter(_reference(str(document["subject"])) for document in documents)
            return {
                "documents": documents,
                "document_count": len(documents),
                "status_references": dict(references),
            }

    def _clock(self) -> datetime:
        return self._true_clock() - self.late

    # What a test or an operator does to the books.

    def change(self, number: int, **fields: object) -> None:
        """Save fields of an invoice: its row versions move on."""
        with self._lock:
            invoice = self.books.invoice(number)
            invoice.update(fields)
            self._save(invoice)

    def change_account(self, code: int, **fields: object) -> None:
        """Save fields of an account."""
        with self._lock:
            account = next(row for row in self.books.accounts if int(row["Code"]) == code)
            account.update(fields)
            self.books.touch_account(account)
            self._fire("Accounts", "crm/Accounts", account["ID"])

    def add(self, count: int, lines: int = 2) -> list[str]:
        """A clerk enters and prints so many ordinary invoices; their keys."""
        with self._lock:
            return [self._add_one(lines) for _ in range(count)]

    def remove(self, number: int) -> None:
        """Delete an invoice and its lines."""
        with self._lock:
            self.books.delete(self.books.invoice(number), self._local())

    def pay(self, number: int, share: Decimal = Decimal(1), *, paid: bool = True) -> None:
        """A share of what is open was paid; with `paid` false it was settled without a payment."""
        with self._lock:
            settle(self.books, number, share, self._local().replace(hour=0, minute=0, second=0), paid=paid)
            entry = seeded_id(f"sales entry {number}")
            self._fire("FinancialTransactions", "financialtransaction/TransactionLines", entry)

    def spend(self, calls: int) -> None:
        """Another program of the same app makes so many calls."""
        with self._lock:
            for _ in range(calls):
                self._count_call()

    def move_division(self) -> None:
        """The division moved to another database: all row versions begin anew."""
        with self._lock:
            self.books.version = 100
            self.books.divisions[0]["DivisionMoveDate"] = self._local()
            for row in (*self.books.accounts, *self.books.lines):
                row["Timestamp"] = self.books.next_version()

    def _add_one(self, lines: int) -> str:
        books = self.books
        account = books.accounts[len(books.invoices) % 3]["ID"]
        specs = [
            LineSpec(f"AR-{index}", f"Artikel {index}", str(1 + index % 9), "st", f"{3 + index}.25")
            for index in range(lines)
        ]
        day = f"{self._local():%Y-%m-%d}"
        invoice = book_invoice(books, account, specs, ref=f"R-{len(books.invoices)}", day=day)
        issue(books, invoice)
        self._fire("SalesInvoices", "salesinvoice/SalesInvoices", invoice["InvoiceID"])
        return str(invoice["InvoiceID"]).lower()

    def _save(self, invoice: Row) -> None:
        self.books.touch(invoice)
        self._fire("SalesInvoices", "salesinvoice/SalesInvoices", invoice["InvoiceID"])

    def _fire(self, topic: str, entity: str, key: str, action: str = "Update") -> None:
        self.webhooks.fire(topic, entity, key, action, self.server.url, self._local())

    # Answers.

    def _token(self, request: Request) -> Reply:
        if self.faults.take(f"POST {request.path}", "revoked-token"):
            self.login.revoke()
        return self.login.token(request)

    def _guarded(self, handler: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        def answer(request: Request) -> Reply:
            place = f"{request.method} {request.path}"
            self.seen(request)
            if self.faults.take(place, "expired-token"):
                self.login.expire_access()
            if self.faults.take(place, "revoked-token"):
                self.login.revoke()
            with self._lock:
                limits, exhausted = self._count_call()
                if exhausted:
                    return Reply(429, headers=limits)
                endpoint = request.path.split("(", 1)[0]
                if self._blocked(endpoint):
                    return text_reply("Too many errors, try again later.", 429, limits)
                reply = self._checked(request, handler)
                if reply.status in (400, 401, 403, 404):
                    self._errors.setdefault(endpoint, []).append(self._clock())
                return Reply(reply.status, reply.body, reply.media_type, {**limits, **reply.headers})

        return answer

    def _checked(self, request: Request, handler: Callable[[Request], Reply]) -> Reply:
        if not self.login.accepts(request.headers.get("authorization", "")):
            return unauthorized()
        service = request.path.split("/")[4] if request.path.count("/") > 4 else ""
        if self.forbidden or service in self.forbidden_services:
            return _error(403, "Forbidden", {"Reason": self.forbidden} if self.forbidden else {})
        if "json" not in request.headers.get("accept", "") and request.path.startswith("/api/"):
            return Reply(200, b'<feed xmlns="http://www.w3.org/2005/Atom"/>', "application/atom+xml")
        try:
            return handler(request)
        except QueryError as error:
            return _error(400, str(error))

    def _rest(self, request: Request) -> Reply:
        if int(request.match["division"]) != DIVISION:
            return _error(403, "Forbidden", {"Reason": "NoDivisionAccess"})
        name, key = request.match["entity"], request.match["key"]
        made = self._entities(request).get(name)
        if made is None:
            return _error(404, "Resource not found.")
        entities = made()
        url = f"{self.server.url}{request.path}"
        if request.method == "POST" and name in ("documents/Documents", "documents/DocumentAttachments"):
            return self._create(name, request, entities, url)
        if request.method != "GET":
            return self._write(name, key, request, entities, url)
        if name == "salesinvoice/SalesInvoices" and self._fails(request):
            return _error(500, "Er is een fout opgetreden.")
        if request.match["child"] is not None:
            return self._child(entities, request, url)
        if key is not None:
            row = next((row for row in entities.rows if str(row[entities.key]).lower() == key.lower()), None)
            if row is None:
                return _error(404, "Resource not found.")
            return json_reply({"d": single(entities, row, request.query, url=url, page=self._lines_page).d})
        answer = query(
            entities,
            request.query,
            url=url.replace(self.server.url, self.links_to or self.server.url),
            page=self._sync_page if name.startswith(("sync/", "bulk/")) else self._page,
            needs_select=name not in ("system/Divisions", "webhooks/WebhookSubscriptions"),
            only_filter="Timestamp" if name.startswith("sync/") else "",
            also_filter="EntityType" if name == "sync/Deleted" else "",
            lines=self._lines_page,
        )
        if self.faults.take(f"GET {request.path}", "duplicate") and isinstance(answer.d, dict):
            answer.d["results"] = [row for row in answer.d["results"] for _ in range(2)]
        if name == "read/financial/ReceivablesList" and isinstance(answer.d, dict):
            answer.d.pop("__next", None)
        if self.between_pages is not None:
            self.between_pages(name)
        return json_reply({"d": answer.d})

    def _entities(self, request: Request) -> dict[str, Callable[[], EntitySet]]:
        """The collections, each made when it is asked for."""
        books = self.books

        def plain(
            rows: Callable[[], list[Row]], type_name: str, key: str = "ID", *hidden: str, names: str = ""
        ) -> Callable[[], EntitySet]:
            known = frozenset(filter(None, names.split(",")))
            return lambda: EntitySet(rows(), key, type_name, {}, frozenset(hidden), known)

        def invoices() -> EntitySet:
            lines = {"SalesInvoiceLines": self._expanded_lines}
            return EntitySet(books.invoices, "InvoiceID", "SalesInvoice", lines)

        return {
            "salesinvoice/SalesInvoices": invoices,
            "salesinvoice/PrintedSalesInvoices": invoices,
            "salesinvoice/SalesInvoiceLines": plain(
                lambda: books.lines, "SalesInvoiceLine", "ID", "Timestamp"
            ),
            "salesinvoice/SalesInvoiceOrderChargeLines": plain(
                lambda: books.charges, "SalesInvoiceOrderChargeLine"
            ),
            "crm/Accounts": plain(lambda: books.accounts, "Account", "ID", "Timestamp"),
            "crm/Addresses": plain(lambda: books.addresses, "Address"),
            "crm/Contacts": plain(lambda: books.contacts, "Contact"),
            "crm/BankAccounts": plain(lambda: books.bank_accounts, "BankAccount"),
            "vat/VATCodes": plain(lambda: books.vat_codes, "VATCode"),
            "cashflow/PaymentConditions": plain(lambda: books.payment_conditions, "PaymentCondition"),
            "cashflow/Receivables": plain(lambda: books.receivables, "Receivable"),
            "read/financial/ReceivablesList": plain(self._open_items, "ReceivableList", "HID"),
            "financial/Journals": plain(lambda: books.journals, "Journal"),
            "system/Divisions": plain(lambda: books.divisions, "Division", "Code"),
            "documents/Documents": plain(lambda: books.documents, "Document"),
            "documents/DocumentAttachments": plain(self._files, "DocumentAttachment", "ID", "Content"),
            "webhooks/WebhookSubscriptions": plain(
                lambda: self.webhooks.subscriptions, "WebhookSubscription", names=_SUBSCRIPTION
            ),
            "sync/CRM/Accounts": plain(lambda: books.accounts, "SyncAccount"),
            "sync/Deleted": plain(lambda: books.deleted, "SyncDeleted", names=_DELETED),
            _SYNC: plain(lambda: self._sync_rows(request), "SyncSalesInvoice"),
        }

    def _fails(self, request: Request) -> bool:
        """Whether an invoice that cannot be read is among those asked for."""
        asked = f"{request.path} {request.query.get('$filter', '')}".lower()
        return any(key.lower() in asked for key in self.unreadable)

    def _child(self, entities: EntitySet, request: Request, url: str) -> Reply:
        """A further page of lines that were expanded."""
        key, child = request.match["key"].lower(), request.match["child"]
        row = next((row for row in entities.rows if str(row[entities.key]).lower() == key), None)
        if row is None or child not in entities.children:
            return _error(404, "Resource not found.")
        token = request.query.get("$skiptoken", "")
        answer = children_behind(entities, row, child, token, url=url, page=self._lines_page)
        return json_reply({"d": answer.d})

    def _write(self, name: str, key: str | None, request: Request, entities: EntitySet, url: str) -> Reply:
        """What may be written besides documents: open invoices, printing them, and subscriptions."""
        sent: Any = {}
        if request.method != "DELETE":
            try:
                sent = request.json()
            except ValueError:
                sent = None
            if not isinstance(sent, dict):
                return _error(400, "Error in query syntax.")
        if name == "webhooks/WebhookSubscriptions" and request.method == "POST":
            try:
                row = self.webhooks.subscribe(str(sent.get("Topic")), str(sent.get("CallbackURL")))
            except SubscriptionRefused as refused:
                return _error(500, str(refused))
            return self._made(row, row["ID"], entities, url)
        if name == "webhooks/WebhookSubscriptions" and request.method == "DELETE" and key is not None:
            left = [row for row in self.webhooks.subscriptions if row["ID"] != key.lower()]
            gone = len(left) < len(self.webhooks.subscriptions)
            self.webhooks.subscriptions = left
            return Reply(204) if gone else _error(404, "Resource not found.")
        if name == "salesinvoice/PrintedSalesInvoices" and request.method == "POST":
            return self._print(str(sent.get("InvoiceID", "")), entities, url)
        if name == "salesinvoice/SalesInvoices":
            return self._write_invoice(key, request.method, sent, entities, url)
        return _error(405, "Method not allowed.")

    def _write_invoice(self, key: str | None, method: str, sent: Row, entities: EntitySet, url: str) -> Reply:
        books = self.books
        if key is None:
            account = str(sent.get("InvoiceTo") or sent.get("OrderedBy") or "")
            buyer = next((row for row in books.accounts if row["ID"].lower() == account.lower()), None)
            lines = sent.get("SalesInvoiceLines")
            if method != "POST" or buyer is None or not isinstance(lines, list) or not lines:
                return _error(500, "Ongeldig: Factuur aan")
            if buyer["Status"] != "C":
                return _error(500, "Ongeldig: Factuur aan (Type)")
            specs = [
                LineSpec(
                    str(line.get("ItemCode", "ART")),
                    str(line.get("Description", "")),
                    str(line.get("Quantity", 1)),
                    str(line.get("UnitCode", "st")),
                    str(line.get("NetPrice", 0)),
                    vat=str(line.get("VATCode", "4")).strip(),
                )
                for line in lines
            ]
            day, ref = f"{self._local():%Y-%m-%d}", str(sent.get("YourRef") or f"API-{len(books.invoices)}")
            # A number in the request is ignored: it comes from the journal, with the printing.
            row = book_invoice(books, account, specs, ref=ref, day=day, kind=int(sent.get("Type", 8020)))
            return self._made(row, row["InvoiceID"], entities, url)
        found = next((row for row in books.invoices if row["InvoiceID"] == key.lower()), None)
        if found is None:
            return _error(404, "Resource not found.")
        if found["Status"] != _OPEN:
            return _error(500, "Kan niet wijzigen: de factuur is verwerkt.")
        if method == "DELETE":
            books.delete(found, self._local())
            return Reply(204)
        if method != "PUT" or set(sent) - _CHANGEABLE:
            return _error(405 if method != "PUT" else 400, "Error in query syntax.")
        try:
            changes = {
                name: datetime.fromisoformat(value) if name.endswith("Date") else value
                for name, value in sent.items()
            }
        except (TypeError, ValueError):
            return _error(400, "Error in query syntax.")
        found.update(changes)
        self._save(found)
        return Reply(204)

    def _print(self, key: str, entities: EntitySet, url: str) -> Reply:
        found = next((row for row in self.books.invoices if row["InvoiceID"] == key.lower()), None)
        if found is None:
            return _error(404, "Resource not found.")
        if found["Status"] != _OPEN:
            return _error(500, "Kan niet afdrukken: de factuur is verwerkt.")
        issue(self.books, found)
        self._fire("SalesInvoices", "salesinvoice/SalesInvoices", found["InvoiceID"])
        return self._made(found, found["InvoiceID"], entities, url)

    def _made(self, row: Row, identity: str, entities: EntitySet, url: str) -> Reply:
        meta = {"uri": f"{url}(guid'{identity}')", "type": f"Exact.Web.Api.Models.{entities.type_name}"}
        shown = {name: as_json(value) for name, value in row.items() if name not in entities.hidden}
        return json_reply({"d": {"__metadata": meta, **shown}}, 201)

    def _expanded_lines(self, invoice: Row) -> list[Row]:
        rows = self.books.lines_of(invoice)
        return [
            {name: value for name, value in line.items() if name != "Timestamp"}
            for line in (rows[: self._lines_page] if self.hides_next_lines else rows)
        ]

    def _sync_rows(self, request: Request) -> list[Row]:
        """The rows of the feed, no more than one page needs of them."""
        headers = {row["InvoiceID"]: row for row in self.books.invoices}
        asked = f"{request.query.get('$filter', '')} {request.query.get('$skiptoken', '')}"
        after = max(map(int, re.findall(r"(\d{1,18})L", asked)), default=0)
        behind = sorted(
            (line for line in self.books.lines if line["Timestamp"] > after),
            key=lambda line: line["Timestamp"],
        )
        rows = []
        for line in behind[: self._sync_page + 1] or self.books.lines[:1]:
            header = headers[line["InvoiceID"]]
            rows.append(
                {name: header[name] for name in _HEADER_IN_SYNC}
                | {name: line[name] for name in _LINE_IN_SYNC}
            )
        return rows

    def _open_items(self) -> list[Row]:
        return [
            {
                "HID": index,
                "AccountId": row["Account"],
                "AccountName": row["AccountName"],
                "Amount": -row["AmountFC"],
                "AmountInTransit": Decimal(0),
                "CurrencyCode": row["Currency"],
                "InvoiceNumber": row["InvoiceNumber"],
                "EntryNumber": row["EntryNumber"],
                "InvoiceDate": row["InvoiceDate"],
                "DueDate": row["DueDate"],
                "JournalCode": row["Journal"],
                "YourRef": row["YourRef"],
                "Description": row["Description"],
            }
            for index, row in enumerate(self.books.receivables, 1)
            if not row["IsFullyPaid"]
        ]

    def _files(self) -> list[Row]:
        address = f"{self.server.url}/docs/SysAttachment.aspx?_Division_={DIVISION}&Stamp=1&ID="
        return [{**row, "Url": address + quote(row["ID"])} for row in self.books.attachments]

    def _create(self, name: str, request: Request, entities: EntitySet, url: str) -> Reply:
        try:
            sent = request.json()
        except ValueError:
            return _error(400, "Error in query syntax.")
        number = len(self.books.documents) + len(self.books.attachments)
        identity = seeded_id(f"created {number}")
        if name == "documents/Documents":
            accounts = {row["ID"].lower() for row in self.books.accounts}
            if not sent.get("Subject") or str(sent.get("Account", "")).lower() not in accounts:
                return _error(500, "Ongeldig: Relatie")
            if any(
                row["Blocked"] and row["ID"].lower() == str(sent["Account"]).lower()
                for row in self.books.accounts
            ):
                return _error(500, "Ongeldig: Relatie (Geblokkeerd)")
            row: Row = {
                "ID": identity,
                "HID": 6000 + number,
                "Subject": sent["Subject"],
                "Type": sent.get("Type", 55),
                "TypeDescription": "Miscellaneous",
                "Account": sent["Account"],
                "DocumentDate": datetime.fromisoformat(sent["DocumentDate"]),
                "Body": sent.get("Body"),
                "FinancialTransactionEntryID": sent.get("FinancialTransactionEntryID"),
                "SalesInvoiceNumber": sent.get("SalesInvoiceNumber"),
                "Created": self._local(),
            }
            self.books.documents.append(row)
            self._created.append(identity)
        else:
            known = {row["ID"].lower() for row in self.books.documents}
            try:
                content = base64.b64decode(sent.get("Attachment") or "", validate=True)
            except binascii.Error:
                return _error(500, "Ongeldig: Bijlage")
            if str(sent.get("Document", "")).lower() not in known or not sent.get("FileName"):
                return _error(500, "Ongeldig: Document")
            row = {
                "ID": identity,
                "Document": sent["Document"],
                "FileName": sent["FileName"],
                "FileSize": Decimal(len(content)),
                "Attachment": None,
                "Content": content,
            }
            self.books.attachments.append(row)
        return self._made(
            {key: value for key, value in row.items() if key != "Content"}, identity, entities, url
        )

    def _download(self, request: Request) -> Reply:
        wanted = request.query.get("ID", "").lower()
        for row in self.books.attachments:
            if row["ID"].lower() == wanted:
                media_type = (
                    "application/pdf" if row["FileName"].endswith(".pdf") else "application/octet-stream"
                )
                return Reply(200, row["Content"], media_type)
        return text_reply("Not found", 404)

    def _me(self, request: Request) -> Reply:
        me: dict[str, Any] = {
            "CurrentDivision": DIVISION,
            "AccountingDivision": DIVISION,
            "UserID": seeded_id("user"),
            "FullName": "Koppeling Van Dael",
            "Email": "koppeling@vandael.example",
            "ServerTime": self._local().isoformat(timespec="seconds"),
            "ServerUtcOffset": int(
                (self._clock().astimezone(_ZONE).utcoffset() or timedelta()).total_seconds()
            ),
            "Legislation": 1,
        }
        wanted = request.query.get("$select", "")
        if set(filter(None, wanted.split(","))) - me.keys():
            raise QueryError("Error in query syntax.")
        return json_reply(
            {"d": {"results": [{name: me[name] for name in me if not wanted or name in wanted}]}}
        )

    # Limits.

    def _local(self) -> datetime:
        return self._clock().astimezone(_ZONE).replace(tzinfo=None, microsecond=0)

    def _count_call(self) -> tuple[dict[str, str], bool]:
        now = self._clock().astimezone(UTC)
        minute, day = (
            now.replace(second=0, microsecond=0),
            now.replace(hour=0, minute=0, second=0, microsecond=0),
        )
        spent_minute = self._spent.get(f"minute {minute}", 0)
        spent_day = self._spent.get(f"day {day}", 0)
        minutely = {
            "X-RateLimit-Minutely-Limit": str(self._minutely),
            "X-RateLimit-Minutely-Remaining": str(max(0, self._minutely - spent_minute - 1)),
            "X-RateLimit-Minutely-Reset": _milliseconds(minute + timedelta(minutes=1)),
        }
        if spent_minute >= self._minutely:
            return minutely, True
        daily = {
            "X-RateLimit-Limit": str(self._daily),
            "X-RateLimit-Remaining": str(max(0, self._daily - spent_day - 1)),
            "X-RateLimit-Reset": _milliseconds(day + timedelta(days=1)),
        }
        if spent_day >= self._daily:
            return {**minutely, **daily}, True
        self._spent = {f"minute {minute}": spent_minute + 1, f"day {day}": spent_day + 1}
        return {**minutely, **daily}, False

    def _blocked(self, endpoint: str) -> bool:
        hour_ago = self._clock() - timedelta(hours=1)
        recent = [moment for moment in self._errors.get(endpoint, ()) if moment > hour_ago]
        self._errors[endpoint] = recent
        return len(recent) >= _ERRORS_ALLOWED

    def _limit_fault(self, request: Request, fault: Fault) -> Reply | None:
        if fault.kind != "too-many-requests":
            return None
        reset = self._clock() + timedelta(seconds=fault.seconds)
        return Reply(
            429,
            headers={
                "X-RateLimit-Minutely-Limit": str(self._minutely),
                "X-RateLimit-Minutely-Remaining": "0",
                "X-RateLimit-Minutely-Reset": _milliseconds(reset),
            },
        )


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))


def _reference(subject: str) -> str:
    found = re.search(r"\[([^\[\]]+)\]?\Z", subject)
    return found[1] if found else subject


def _error(status: int, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    return json_reply({"error": {"code": "", "message": {"lang": "", "value": text}}}, status, headers)
