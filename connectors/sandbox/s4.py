"""The imitated S/4HANA of the offline world: OData services, journal entry services, logon, custom object.

One host as SAP's application server answers: logon before routing, keys without zeros, texts in the language
of the logon, CSRF tokens bound to sessions, errors that are JSON, XML or a page for people. The books are
those of `s4_seeds`.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote

from connectors.sandbox.faults import Fault, Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer, json_reply
from connectors.sandbox.s4_documents import Issued, billing_row, recalculate
from connectors.sandbox.s4_finance import Ledger
from connectors.sandbox.s4_login import CLIENT_SECRET, CSRF_FAILED, PASSWORD, Logon, refused
from connectors.sandbox.s4_metadata import described, service_document
from connectors.sandbox.s4_model import SERVICES, EntityType, Service
from connectors.sandbox.s4_odata import Dialect, QueryError, Row, etag_of, key_of
from connectors.sandbox.s4_odata4 import PATH, StatusService4
from connectors.sandbox.s4_partners import COMPANY_CODES
from connectors.sandbox.s4_seeds import ORDINARY, PLAIN, partner_rows, rows
from connectors.sandbox.s4_soap import JournalServices
from connectors.sandbox.s4_tls import client_pem, host_context
from connectors.sandbox.s4_writes import CUSTOM_OBJECT, Attachments, StatusObject, body_of, error_reply
from connectors.sandbox.s4_wsdl import CHANGE, CREATE
from connectors.sandbox.sap_seeds import CLEARINGS

__all__ = ["ImitatedS4"]

_ROOT: Final = "/sap/opu/odata/sap/"
_INTERNAL: Final = "http://vhs4hci.internal.example:44300"
_ATOM: Final = b'<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">feed</title></feed>'
_BILLING: Final = "API_BILLING_DOCUMENT_SRV"
_CUBE: Final = "API_OPLACCTGDOCITEMCUBE_SRV"


class ImitatedS4:
    """S/4HANA of Nordlicht Maschinenbau GmbH, client 100, on loopback.

    `clock` gives aware UTC time (the real time by default). `tls` speaks https and takes client certificates.
    What a test or an operator may switch: `page` and `nested` (most rows of a list and of an expanded one, 0
    for all), `internal_links` (links show the host's internal name), `foreign_links` (they show another
    host), `epoch` (further pages begun before it changed are gone), `posting_delay` (accounting lags behind
    billing), `forbidden` (services that the user lacks the right for), `message` (header sap-message on every
    answer of 2xx), `bare_lists` (very old services: `d` is a bare list), `read_only_status` (501 or 405),
    `without_pdf` (documents that were never printed), `between_pages` (called after each list).
    """

    name = "s4"

    def __init__(
        self,
        port: int = 0,
        *,
        clock: Callable[[], datetime] | None = None,
        tls: bool = False,
        seeded: bool = True,
    ) -> None:
        self.faults = Faults()
        self._now = clock or (lambda: datetime.now(UTC))
        self._late = timedelta(0)
        self._lock = threading.RLock()
        self.logon = Logon(self.clock)
        self.ledger = Ledger()
        self.journal = JournalServices(self.ledger, self.clock)
        self.status = StatusObject(self.clock)
        self.documents: list[Row] = rows() if seeded else []
        self.partners: list[Row] = partner_rows()
        self.attachments = Attachments(self.clock, lambda: {row["BillingDocument"] for row in self.documents})
        self.services = {**SERVICES, CUSTOM_OBJECT.name: CUSTOM_OBJECT}
        self.page = self.nested = self.epoch = 0
        self.internal_links = self.bare_lists = False
        self.foreign_links = self.message = ""
        self.posting_delay = timedelta(0)
        self.forbidden: set[str] = set()
        self.without_pdf: set[str] = set()
        self.read_only_status = 501
        self.between_pages: Callable[[str], None] | None = None
        self._posted: dict[str, datetime] = {}
        self._next_number = 90_001_000
        self._seed_ledger()
        self.server = SandboxHttpServer(
            port, self.faults, on_fault=self._play, tls=host_context() if tls else None
        )
        route = self.server.route
        route("POST", "/sap/bc/sec/oauth2/token", self.logon.token)
        for path in (CREATE, CHANGE):
            route("GET", re.escape(path), self._guarded(self.journal.describe))
            route("POST", re.escape(path), self._guarded(self._soap))
        route("GET", "/sap/public/bc/icf/logoff", self._log_off)
        pattern = rf"{_ROOT}(?P<service>\w+)(?:;v=(?P<version>\d+))?(?P<rest>/.*)?"
        route("*", pattern, self._guarded(self._odata))
        four = StatusService4(self.status, self.logon)
        route("*", rf"{re.escape(PATH)}(?P<rest>/.*)?", self._guarded(four.answer))
        route("*", "/sap/.*", self._guarded(self._nothing))

    def clock(self) -> datetime:
        """The host's own time, aware UTC."""
        return self._now() - self._late

    # What every imitated system has.

    def start(self) -> None:
        """Listen; returns when connections are taken."""
        self.server.start()

    def stop(self) -> None:
        """Stop listening and end all threads; safe to repeat."""
        self.server.stop()

    def addresses(self) -> Mapping[str, str]:
        """The origin of the host; OData lies below /sap/opu/odata/sap/, SOAP below /sap/bc/srt/."""
        return {"s4": self.server.url}

    def secrets(self) -> Mapping[str, str]:
        """The password of the communication user, the secret of the OAuth client, the client certificate."""
        return {"s4-password": PASSWORD, "s4-client-secret": CLIENT_SECRET, "s4-client.pem": client_pem()}

    def mend(self) -> list[str]:
        """Three corrections by the clerk, each document saved again."""
        with self._lock:
            partner = self._partner("0000100007")
            partner["to_BuPaIdentification"] = [
                {
                    "BusinessPartner": partner["BusinessPartner"], "BPIdentificationType": "PEPPOL",
                    "BPIdentificationNumber": "9930:DE188302743", "Country": "DE",
                }
            ]  # fmt: skip
            partner["LastChangeDate"] = self.clock().date()
            recalculate(self.document("90000212"))
            for condition in self.document("90000213")["to_Item"][0]["to_PricingElement"]:
                condition["TaxCode"] = condition["TaxCode"] and "A1"
            for number in ("90000211", "90000212", "90000213"):
                self.touch(number)
        return [
            "The Peppol identification of customer 100007 Metallbau Grote KG was added in transaction BP, "
            "and "
            "invoice 90000211 was saved again.",
            "The pricing procedure that changed the billed value was corrected, and invoice 90000212 was "
            "saved "
            "again.",
            "The tax code A7 of item 10 of invoice 90000213 was changed to A1 in transaction VF02.",
        ]

    def holdings(self) -> Mapping[str, object]:
        """Status rows, files and journal entries that the gateway left, and how often each reference was
        written."""
        with self._lock:
            return {
                "status": [
                    {name: row[name] for name in self.status.entity.fields if name != "SAP_UUID"}
                    for row in self.status.rows
                ],
                "status_references": dict(self.status.written),
                "attachments": [
                    {"object": row["LinkedSAPObjectKey"], "file": row["FileName"], "size": row["FileSize"]}
                    for row in self.attachments.rows
                ],
                "journal_entries": {key: "/".join(entry) for key, entry in self.journal.entries.items()},
                "changed_items": dict(self.journal.changed),
            }

    # What a clerk or a test does.

    def document(self, number: str) -> Row:
        """The stored row of a billing document."""
        return next(row for row in self.documents if row["BillingDocument"] == number.zfill(10))

    def touch(self, number: str, **fields: object) -> None:
        """Save a document, with these header fields: it moves on in the feed."""
        with self._lock:
            row = self.document(number)
            now = self.clock().astimezone(UTC)
            if row["LastChangeDateTime"] >= now:
                now = row["LastChangeDateTime"] + timedelta(microseconds=1)
            row.update(fields)
            row["LastChangeDateTime"], row["LastChangeDate"] = now, now.date()

    def bill(
        self, count: int = 1, *, at: datetime | None = None, post: bool = True, **fields: Any
    ) -> list[str]:
        """Ordinary invoices made and posted now (or `at`); their numbers without zeros. `fields` change what
        was billed."""
        made = []
        with self._lock:
            for _ in range(count):
                self._next_number += 1
                number = f"{self._next_number:010}"
                billing = replace(PLAIN, number=number, on=self.clock().date(), **fields)
                row = billing_row(Issued(billing, posted=post), (at or self.clock()).astimezone(UTC))
                self.documents.append(row)
                if post:
                    self.post(number)
                made.append(number.lstrip("0"))
        return made

    def post(self, number: str, *, installments: int = 1) -> None:
        """Accounting takes the document over; the lines are seen after `posting_delay`."""
        row = self.document(number)
        row.update(AccountingTransferStatus="C", AccountingPostingStatus="C")
        self.ledger.post(row, installments=installments)
        self._posted[row["BillingDocument"]] = self.clock() + self.posting_delay

    def cancel(self, number: str) -> str:
        """Cancel an invoice: a new document of type S1, the original marked; the number of the new one."""
        with self._lock:
            original = self.document(number)
            new = self.bill(1, post=False)[0]
            row = self.document(new)
            keep = {name: row[name] for name in ("BillingDocument", "LastChangeDateTime", "CreationDate")}
            category = "S" if original["SDDocumentCategory"] == "O" else "N"
            row.update({name: value for name, value in original.items() if not name.startswith("to_")})
            for name in ("to_Item", "to_Partner", "to_Text"):
                row[name] = _renumbered(original[name], keep["BillingDocument"])
            row.update(
                keep, SDDocumentCategory=category, BillingDocumentType=f"S{1 if category == 'N' else 2}",
                CancelledBillingDocument=original["BillingDocument"], BillingDocumentIsCancelled=False,
                DocumentReferenceID=keep["BillingDocument"],
            )  # fmt: skip
            self.touch(number, BillingDocumentIsCancelled=True)
            self.ledger.reverse(original["BillingDocument"])
            return new

    def set_clock_back(self, seconds: float) -> None:
        """From now on this host's clock is late by so much."""
        self._late = timedelta(seconds=seconds)

    def _partner(self, customer: str) -> Row:
        return next(row for row in self.partners if row["Customer"] == customer)

    def _seed_ledger(self) -> None:
        for row in self.documents:
            if row["AccountingTransferStatus"] == "C" and row["BillingDocumentType"] not in ("LR", "FAZ"):
                self.ledger.post(row)
                self._posted[row["BillingDocument"]] = datetime.min.replace(tzinfo=UTC)
        known = {seed.issued.billing.number for seed in ORDINARY} if self.documents else set()
        for event in CLEARINGS:
            if event.number not in known:
                continue
            if event.credit:
                self.ledger.settle(event.number, event.credit, event.on)
            else:
                self.ledger.pay(event.number, event.on, event.amount, residual=event.residual)

    # Answers.

    def _guarded(self, handler: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        def answer(request: Request) -> Reply:
            place = f"{request.method} {request.path}"
            if self.faults.take(place, "expired-token"):
                self.logon.expire_sessions()
                self.logon.expire_tokens()
            if self.faults.take(place, "revoked-token"):
                self.logon.revoke()
            # Logon comes before routing: without it nobody learns which services there are.
            if not self.logon.accepts(request):
                return refused()
            token, cookies = self.logon.session(request)
            with self._lock:
                reply = handler(request)
            headers: dict[str, str] = {**cookies}
            if request.headers.get("x-csrf-token", "").lower() == "fetch" and request.method in (
                "GET",
                "HEAD",
            ):
                headers["x-csrf-token"] = token
            if self.message and 200 <= reply.status < 300:
                headers["sap-message"] = self.message
            return replace(reply, headers={**headers, **reply.headers})

        return answer

    def _nothing(self, request: Request) -> Reply:
        return Reply(404, b"<html><body>Service cannot be reached</body></html>", "text/html")

    def _log_off(self, request: Request) -> Reply:
        return Reply(200, b"<html><body>Logged off</body></html>", "text/html")

    def _soap(self, request: Request) -> Reply:
        broken = self.faults.take(f"{request.method} {request.path}", "soap-fault") is not None
        return self.journal.answer(request, broken=broken)

    def _odata(self, request: Request) -> Reply:
        name, rest = request.match["service"], unquote(request.match["rest"] or "")
        as_json = "json" in request.headers.get("accept", "") or request.query.get("$format") == "json"
        service = self.services.get(name)
        try:
            if service is None or request.match["version"] not in (None, "1"):
                text = f"No service found for namespace '', name '{name}', version '0001'"
                raise QueryError(403, "/IWFND/MED/170", text)
            if name in self.forbidden:
                raise QueryError(403, "/IWFND/MED/022", f"No authorization to access Service '{name}'")
            if request.method not in ("GET", "HEAD"):
                return self._write(service, rest, request)
            return self._read(service, rest, request, as_json=as_json)
        except QueryError as error:
            return error_reply(error.status, error.code, error.text, name, as_json=as_json)

    def _read(self, service: Service, rest: str, request: Request, *, as_json: bool) -> Reply:
        dialect = self._dialect(service, request)
        if rest == "/$metadata":
            return Reply(200, described(service), "application/xml;charset=utf-8")
        if rest in ("", "/"):
            return service_document(service, as_json=as_json)
        if service.name == "API_CV_ATTACHMENT_SRV" and rest in ("/GetAllOriginals", "/GetAttachmentCount"):
            return self._originals(dialect, rest, request)
        if rest == "/GetPDF":
            return self._pdf(request)
        if not as_json and not rest.endswith("/$count"):
            return Reply(200, _ATOM, "application/atom+xml;type=feed;charset=utf-8")
        found = re.fullmatch(r"/(\w+)(?:\(([^)]*)\))?(?:/(\w+|\$count))?", rest)
        entity = service.sets.get(found[1]) if found else None
        if found is None or entity is None:
            raise QueryError(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{rest[1:]}'")
        place, key, inner = found[1], found[2], found[3]
        listed = self._rows(service, entity)
        if key is None:
            if inner == "$count":
                count = len(dialect.filtered(entity, listed, request.query))
                return Reply(200, str(count).encode(), "text/plain;charset=utf-8")
            return self._list(dialect, entity, listed, request, place)
        wanted = dialect.key_predicate(entity, key)
        row = next((row for row in listed if all(row.get(n) == v for n, v in wanted.items())), None)
        if row is None:
            raise QueryError(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{entity.name}'")
        if inner is None:
            return json_reply({"d": dialect.single(entity, row, request.query)}, headers=_tagged(entity, row))
        if inner not in entity.navigations:
            raise QueryError(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{inner}'")
        target, path = service.sets[entity.navigations[inner]], f"{dialect.root}{rest[1:]}"
        if inner in entity.to_one:
            return json_reply({"d": dialect.single(target, row[inner], request.query)})
        nested = replace(dialect, page=self.nested or dialect.page)
        return json_reply({"d": nested.collection(target, row.get(inner) or [], request.query, path=path)})

    def _list(
        self, dialect: Dialect, entity: EntityType, listed: Sequence[Row], request: Request, place: str
    ) -> Reply:
        if entity.entity_set == "AttachmentContentSet":
            raise QueryError(405, "/IWBEP/CM_MGW_RT/022", "The set AttachmentContentSet is not addressable")
        result: Any = dialect.collection(entity, listed, request.query)
        if self.faults.take(f"GET {request.path}", "duplicate"):
            result["results"] = [row for row in result["results"] for _ in range(2)]
        if self.between_pages is not None:
            self.between_pages(place)
        return json_reply({"d": result["results"] if self.bare_lists else result})

    def _write(self, service: Service, rest: str, request: Request) -> Reply:
        if not self.logon.may_write(request):
            return Reply(403, CSRF_FAILED.encode(), "text/plain; charset=utf-8", {"x-csrf-token": "Required"})
        dialect = self._dialect(service, request)
        if service.name == _BILLING and rest == "/Cancel" and request.method == "POST":
            return self._cancel(request)
        if service.name == "API_CV_ATTACHMENT_SRV" and rest == "/AttachmentContentSet":
            entity = service.sets["AttachmentContentSet"]
            row = self.attachments.upload(request)
            return json_reply({"d": dialect.single(entity, row, {})}, 201)
        if service is not CUSTOM_OBJECT:
            text = "Method 'UPDATE_ENTITY' not implemented in data provider class"
            raise QueryError(self.read_only_status, "/IWBEP/CM_MGW_RT/021", text)
        entity, body = self.status.entity, body_of(request)
        if request.method == "POST" and rest == f"/{entity.entity_set}":
            row = self.status.create(body)
            return json_reply({"d": dialect.single(entity, row, {})}, 201, _tagged(entity, row))
        found = re.fullmatch(rf"/{entity.entity_set}\(([^)]*)\)", rest)
        if found is None or request.method not in ("PATCH", "PUT"):
            raise QueryError(405, "/IWFND/CM_CORE/044", "Method not allowed")
        wanted = dialect.key_predicate(entity, found[1])
        for row in self.status.rows:
            if row["SAP_UUID"] == wanted["SAP_UUID"]:
                self.status.change(row, body, request.headers.get("if-match", ""))
                return Reply(204, headers=_tagged(entity, row))
        raise QueryError(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{entity.name}'")

    def _cancel(self, request: Request) -> Reply:
        number = request.query.get("BillingDocument", "").strip("'")
        original = self.document(number)
        answer = {"BillingDocument": number, "CancellationBillingDocument": "", "SystemMessageType": "E"}
        if original["BillingDocumentIsCancelled"]:
            answer["SystemMessageText"] = f"Document {number} has already been cancelled"
        else:
            answer.update(CancellationBillingDocument=self.cancel(number), SystemMessageType="S")
        return json_reply({"d": {"results": [answer]}})

    def _pdf(self, request: Request) -> Reply:
        number = request.query.get("BillingDocument", "").strip("'").zfill(10)
        if number.lstrip("0") in self.without_pdf or all(
            row["BillingDocument"] != number for row in self.documents
        ):
            raise QueryError(400, "SD_BIL_API/010", f"No output item with a PDF for document {number}")
        content = f"%PDF-1.4\n% {number}\n%%EOF\n".encode() * 20
        lines = base64.encodebytes(content).decode().replace("\n", "\r\n")
        kind = f"{_BILLING}.GetPDFResult"
        return json_reply({"d": {"GetPDF": {"__metadata": {"type": kind}, "BillingDocumentBinary": lines}}})

    def _originals(self, dialect: Dialect, rest: str, request: Request) -> Reply:
        found = self.attachments.of(request.query)
        if rest == "/GetAttachmentCount":
            return json_reply({"d": {"GetAttachmentCount": {"AttachmentCount": str(len(found))}}})
        entity = dialect.service.sets["AttachmentContentSet"]
        return json_reply({"d": {"results": [dialect.single(entity, row, {}) for row in found]}})

    def _dialect(self, service: Service, request: Request) -> Dialect:
        origin = self.foreign_links or (_INTERNAL if self.internal_links else self.server.url)
        language = request.query.get("sap-language") or request.headers.get("sap-language") or "DE"
        return Dialect(
            service, f"{origin}{_ROOT}{service.name}/", language.upper(), self.page, self.nested, self.epoch
        )

    def _rows(self, service: Service, entity: EntityType) -> list[Row]:
        name = entity.entity_set
        if service is CUSTOM_OBJECT:
            return self.status.rows
        if service.name == _CUBE:
            self.journal.settle()
            now = self.clock()
            return [
                row
                for row in self.ledger.rows
                if self._posted.get(row["BillingDocument"], datetime.min.replace(tzinfo=UTC)) <= now
            ]
        if name == "A_CompanyCode":
            return [dict(row) for row in COMPANY_CODES]
        if name == "AttachmentContentSet":
            return self.attachments.rows
        if name == "A_BillingDocument":
            return self.documents
        if name == "A_BusinessPartner":
            return self.partners
        return _below(service, name, self.documents if service.name == _BILLING else self.partners)

    def _play(self, request: Request, fault: Fault) -> Reply | None:
        if fault.kind != "server-error":
            return None
        page = (
            "<html><head><title>Application Server Error</title></head><body>500 SAP ... dump</body></html>"
        )
        return Reply(500, page.encode(), "text/html;charset=utf-8")


def _below(service: Service, name: str, roots: Sequence[Row]) -> list[Row]:
    """All rows of a set that hangs below the documents or partners, wherever it is expanded from."""
    first = "A_BillingDocument" if service.name == _BILLING else "A_BusinessPartner"
    found: dict[tuple[Any, ...], Row] = {}

    def walk(entity: EntityType, row: Row) -> None:
        if entity.entity_set == name:
            found[key_of(entity, row)] = row
        for navigation, target in entity.navigations.items():
            value = row.get(navigation)
            for inner in [value] if isinstance(value, dict) else value or []:
                walk(service.sets[target], inner)

    for row in roots:
        walk(service.sets[first], row)
    return list(found.values())


def _tagged(entity: EntityType, row: Row) -> dict[str, str]:
    return {"ETag": etag_of(entity, row)} if entity.etag else {}


def _renumbered(value: Any, number: str) -> Any:
    """A copy of rows that belong to another document."""
    if isinstance(value, dict):
        return {
            name: number if name == "BillingDocument" else _renumbered(inner, number)
            for name, inner in value.items()
        }
    return [_renumbered(inner, number) for inner in value] if isinstance(value, list) else value
