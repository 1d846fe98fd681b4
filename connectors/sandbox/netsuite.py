"""An imitated NetSuite: one account with its SuiteTalk SOAP service, version 2025_2, and its REST services.

It signs requests in by token, answers with status envelopes and faults, works out every page of a search
anew, limits requests at the same time, and refuses writes as the real one does. Faults (`Faults`) are looked
up by the SOAP operation ("search", "getList", ...), those of the web server also by "POST /services/...".
SOAP shows the taxes as an account with legacy tax does, REST as one with SuiteTax (unless `legacy_tax`), so
that both interfaces can be tried on the same books.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from lxml import etree

from connectors.sandbox.altered import altered
from connectors.sandbox.faults import KINDS, Fault, Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer, text_reply
from connectors.sandbox.netsuite_login import (
    CONSUMER_KEY,
    CONSUMER_SECRET,
    TOKEN,
    TOKEN_SECRET,
    LoginDesk,
)
from connectors.sandbox.netsuite_records import Custom, Record, Ref, moment_text, record_element
from connectors.sandbox.netsuite_replies import (
    FAULTS,
    Problem,
    Refused,
    envelope_reply,
    fault_reply,
    message,
    msgs,
    status_element,
)
from connectors.sandbox.netsuite_rest import RestService
from connectors.sandbox.netsuite_rest_login import CLIENT_ID, TOKEN_PATH, RestLoginDesk, demo_key_pem
from connectors.sandbox.netsuite_search import Search, read_search, search_result
from connectors.sandbox.netsuite_seeds import ordinary, seed
from connectors.sandbox.netsuite_suiteql import Payment, SuiteQl
from connectors.sandbox.netsuite_wsdl import NAMESPACES, VERSION, documents

__all__ = ["DEFAULT_PORT", "LOG_TYPE_ID", "STATUS_FIELDS", "NetSuiteSandbox"]

DEFAULT_PORT: Final = 47030
STATUS_FIELDS: Final = (
    "custbody_einv_status",
    "custbody_einv_message_id",
    "custbody_einv_sent_at",
    "custbody_einv_error",
)
# Internal id of the custom record type customrecord_einv_log.
LOG_TYPE_ID: Final = "118"
_XSI_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
_SEARCH_LIFE: Final = timedelta(minutes=15)
_LARGEST_REQUEST: Final = 5 * 1024 * 1024
_ALIASES: Final = {"too-many-requests-bare": "too-many-requests"}
# Tokens of token-based authentication do not expire.
_SOAP_FAULTS: Final = tuple(kind for kind in KINDS if kind != "expired-token")
_REFERENCE_FIELD: Final = "custbody_einv_reference"
_ENDED: Final = (2028, 2)


class NetSuiteSandbox:
    """The account on 127.0.0.1.

    `clock` gives aware UTC and is the computer's own unless a test says otherwise; `latency` is seconds that
    each operation takes, `concurrency` how many may run at once.
    """

    name = "netsuite"

    def __init__(
        self,
        port: int = DEFAULT_PORT,
        *,
        clock: Callable[[], datetime] | None = None,
        concurrency: int = 5,
        latency: float = 0.0,
    ) -> None:
        self.faults = Faults()
        self.clock = clock or _now
        self.latency = latency
        # The clock that logins are checked against, where it is not that of the records.
        self.login_clock: Callable[[], datetime] = lambda: self.clock()
        self.login = LoginDesk(lambda: self.login_clock())
        self.records = seed(self.clock())
        self.operations: list[str] = []
        self.updates: list[tuple[str, Mapping[str, str]]] = []
        self._news: Counter[str] = Counter()
        self.forbidden: set[str] = set()
        self.between_pages: list[Callable[[], None]] = []
        self._closed_until: date | None = None
        self._edited_by_others: dict[str, int] = defaultdict(int)
        self._failing: dict[str, tuple[str, str]] = {}
        self._answers: dict[str, list[bytes]] = defaultdict(list)
        self._searches: dict[str, Search] = {}
        self._numbers = 0
        self._running = threading.BoundedSemaphore(concurrency)
        self._lock = threading.RLock()
        self.legacy_tax = False
        self.release = (2026, 2)
        self.mandatory: str = ""
        self.hidden_columns: set[str] = set()
        self.row_cap = 100_000
        self.notes: dict[str, dict[str, Any]] = {}
        self.payments: list[Payment] = []
        self._next_id = 7000
        self._changes = 0
        self._http = SandboxHttpServer(port, self.faults, largest=_LARGEST_REQUEST, on_fault=self._http_fault)
        self._seed_payments()
        self.rest_login = RestLoginDesk(lambda: self.login_clock(), lambda: f"{self._http.url}{TOKEN_PATH}")
        self.query = SuiteQl(lambda: self.records, lambda: self.payments, lambda: self._changes)
        self._rest = RestService(self, self._http, self.query)
        self._http.route("GET", r"/(wsdl|xsd)/.*", self._description)
        self._http.route("POST", r"/services/NetSuitePort_(\d{4}_\d)", self._service)

    def start(self) -> None:
        self._http.start()

    def stop(self) -> None:
        self._http.stop()
        self.query.close()

    def addresses(self) -> Mapping[str, str]:
        return {"soap": self._http.url, "rest": self._http.url}

    def secrets(self) -> Mapping[str, str]:
        return {
            "netsuite_consumer_key": CONSUMER_KEY,
            "netsuite_consumer_secret": CONSUMER_SECRET,
            "netsuite_token_id": TOKEN,
            "netsuite_token_secret": TOKEN_SECRET,
            "netsuite_client_id": CLIENT_ID,
            "netsuite_private_key": demo_key_pem(),
        }

    def holdings(self) -> Mapping[str, object]:
        """`status_notes` by number, and `status_references`: how often each piece of news (number, state,
        message id) was written."""
        with self._lock:
            references = dict(self._news)
            noted = {
                str(record.fields["tranId"]): {
                    name: record.custom[name].value for name in STATUS_FIELDS if name in record.custom
                }
                for record in self._transactions()
            }
        return {
            "status_notes": {number: fields for number, fields in noted.items() if fields},
            "status_references": references,
            "log_notes": [dict(note) for note in self.notes.values()],
            "payments": [
                {"number": payment.number, "external_id": payment.external_id, "applied": payment.applied}
                for payment in self.payments
                if payment.external_id
            ],
            "updates": len(self.updates),
        }

    @property
    def failures(self) -> list[str]:
        """Tracebacks of requests that broke this imitation itself."""
        return self._http.failures

    def mend(self) -> list[str]:
        """As a clerk would: each correction is a saved record, so that it is found as changed."""
        with self._lock:
            wrong, old, unknown = (
                self.transaction(f"BW-2026-{number}") for number in ("0115", "0116", "0113")
            )
            total = _amount(wrong, "subTotal") + _amount(wrong, "taxTotal")
            wrong.fields |= {"total": total, "amountRemaining": total}
            row = old.sublists["item"][0]
            object.__setattr__(row, "fields", {**row.fields, "taxCode": Ref("11", "S-BE")})
            customer = self.records["customer", "810"]
            customer.fields["email"] = "garage@verhaegen.example"
            for record in (wrong, old, unknown):
                self._touch(record)
        return [
            "Recalculated invoice BW-2026-0115 in NetSuite: its total is again the sum of its parts.",
            "Replaced the old tax code BTW21-OLD on invoice BW-2026-0116 by S-BE.",
            "Entered an e-mail address for Garage Verhaegen and saved invoice BW-2026-0113 again.",
        ]

    # What a test does as a user or administrator of the account.

    def transaction(self, number: str) -> Record:
        """The invoice or credit memo with this number; KeyError without one."""
        for record in self._transactions():
            if record.fields["tranId"] == number:
                return record
        raise KeyError(number)

    def save(self, number: str, **fields: str | Decimal) -> None:
        """A user changes fields of a transaction and saves it."""
        with self._lock:
            record = self.transaction(number)
            record.fields |= fields
            self._touch(record)

    def sell(self, count: int = 1, *, lines: int = 1) -> list[str]:
        """A clerk posts ordinary invoices; their internal ids."""
        with self._lock:
            made = []
            for _ in range(count):
                internal_id = self.new_id()
                record = ordinary(f"BW-2026-{internal_id}", internal_id, self.clock(), lines)
                self.records["invoice", internal_id] = record
                made.append(internal_id)
            self._changes += 1
        return made

    def pay(self, number: str, amount: Decimal, kind: str = "CustPymt") -> None:
        """A payment is applied; like the real service this need not touch the date of the last change."""
        with self._lock:
            record = self.transaction(number)
            left = _amount(record, "amountRemaining") - amount
            record.fields |= {
                "amountRemaining": left,
                "amountPaid": _amount(record, "amountPaid") + amount,
                "status": "Open" if left else "Paid In Full",
            }
            record.status = "_invoiceOpen" if left else "_invoicePaidInFull"
            number = self.new_id()
            applied = {record.internal_id: amount}
            self._settled(Payment(number, f"PAY{number}", self.clock().date(), kind, applied, self.clock()))

    def void(self, number: str) -> None:
        """A user voids the transaction."""
        with self._lock:
            record = self.transaction(number)
            record.status = f"_{record.kind}Voided"
            record.fields["status"] = "Voided"
            self._touch(record)

    def lock_record(self, number: str, code: str = "RCRD_LOCKED_BY_WF") -> None:
        """A workflow keeps others from editing the transaction."""
        with self._lock:
            self.transaction(number).locked = code

    def close_period(self, until: date) -> None:
        """Transactions dated up to this day can no longer be edited."""
        self._closed_until = until

    def edit_meanwhile(self, number: str, times: int = 1) -> None:
        """Another user saves the transaction during each of the next `times` updates of it."""
        self._edited_by_others[self.transaction(number).internal_id] = times

    def fail_reading(self, internal_id: str, code: str, text: str) -> None:
        """Reading this record fails until it is mended with an empty code."""
        if code:
            self._failing[internal_id] = (code, text)
        else:
            self._failing.pop(internal_id, None)

    def answer_next(self, operation: str, content: bytes) -> None:
        """The next call of the operation gets these bytes with HTTP 200, whatever it asked."""
        self._answers[operation].append(content)

    # What the REST services need.

    def origin(self) -> str:
        return self._http.url

    def new_id(self) -> str:
        with self._lock:
            self._next_id += 1
            return str(self._next_id)

    def admit(self, work: Callable[[], Reply], busy: Reply) -> Reply:
        """Do the work where the limit of requests at the same time allows it."""
        if not self._running.acquire(blocking=False):
            return busy
        try:
            if self.latency:
                self._http.stopping.wait(self.latency)
            with self._lock:
                return work()
        finally:
            self._running.release()

    def change(self, record: Record | None, fields: Mapping[str, str]) -> tuple[str, ...]:
        """Set custom body fields of a transaction and save it, or say (code and text) why not."""
        refusal = self._refusal(record, record.internal_id if record is not None else "", fields)
        if record is None or refusal:
            return refusal
        for script_id, value in fields.items():
            if value:
                record.custom[script_id] = Custom("String", value)
            else:
                record.custom.pop(script_id, None)
        self._touch(record)
        self.updates.append((record.internal_id, dict(fields)))
        said = [record.custom[name].value for name in STATUS_FIELDS[:2] if name in record.custom]
        self._news[" ".join([str(record.fields["tranId"]), *said])] += 1
        return ()

    def noted(self, note: Mapping[str, Any]) -> None:
        """A log record about an invoice was made: the same news as in the fields."""
        invoice = note.get("custrecord_einv_invoice")
        internal_id = str(invoice.get("id")) if isinstance(invoice, Mapping) else str(invoice)
        for record in self._transactions():
            if record.internal_id == internal_id:
                said = [note.get(f"custrecord_einv_{name}") for name in ("state", "message_id")]
                self._news[
                    " ".join([str(record.fields["tranId"]), *(str(part) for part in said if part)])
                ] += 1

    def times_written(self, reference: str) -> int:
        """How often the news of this reference was written, into fields or as a log record."""
        noted = [note for note in self.notes.values() if note.get("custrecord_einv_reference") == reference]
        return len(noted) + sum(1 for _, fields in self.updates if fields.get(_REFERENCE_FIELD) == reference)

    def settle(self, payment: Payment) -> str:
        """Book a payment on its invoices, or say why not."""
        wanted = [(self._by_id(invoice), amount) for invoice, amount in payment.applied.items()]
        for record, amount in wanted:
            if record is None:
                return "Invalid doc reference."
            if amount > _amount(record, "amountRemaining"):
                return "You cannot apply more than the amount remaining."
        for record, amount in wanted:
            if record is not None:
                left = _amount(record, "amountRemaining") - amount
                record.fields |= {
                    "amountRemaining": left,
                    "amountPaid": _amount(record, "amountPaid") + amount,
                }
                if not left:
                    record.fields["status"], record.status = "Paid In Full", "_invoicePaidInFull"
        self._settled(payment)
        return ""

    def _settled(self, payment: Payment) -> None:
        self.payments.append(payment)
        self._changes += 1

    def _by_id(self, internal_id: str) -> Record | None:
        return self.records.get(("invoice", internal_id))

    # The SOAP service.

    def _description(self, request: Request) -> Reply:
        if self.release >= _ENDED:
            return text_reply("Not found", 404)
        texts = documents(self._http.url)
        content = texts.get(request.path)
        return text_reply("Not found", 404) if content is None else Reply(200, content, "text/xml")

    def _http_fault(self, request: Request, fault: Fault) -> Reply | None:
        if not request.path.startswith("/services/NetSuitePort"):
            return self._rest.on_fault(request, fault)
        problem = FAULTS.get(_ALIASES.get(fault.kind, fault.kind))
        return fault_reply(problem) if problem is not None and request.method == "POST" else None

    def _service(self, request: Request) -> Reply:
        if self.release >= _ENDED:
            text = "SOAP web services have been removed. Use REST web services with OAuth 2.0."
            return fault_reply(Problem("invalidVersionFault", "UNSUPPORTED_WS_VERSION", text))
        if request.match[1] != VERSION:
            text = f"The SOAP web services version {request.match[1]} is not supported."
            return fault_reply(Problem("invalidVersionFault", "UNSUPPORTED_WS_VERSION", text))
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        envelope = etree.fromstring(request.body, parser)
        body = envelope.find("{*}Body")
        operation = etree.QName(body[0]).localname if body is not None and len(body) else ""
        self.operations.append(operation)
        fault = self.faults.take(operation, *_SOAP_FAULTS)
        if fault is None:
            return self._answer(operation, envelope)
        problem = FAULTS.get(_ALIASES.get(fault.kind, fault.kind))
        if problem is not None:
            return fault_reply(problem)
        return self._play(fault, operation, envelope)

    def _play(self, fault: Fault, operation: str, envelope: etree._Element) -> Reply:
        match fault.kind:
            case "unavailable":
                return Reply(503, b"<html><body>We are down for maintenance.</body></html>", "text/html")
            case "html":
                return Reply(200, b"<!DOCTYPE html><html><body>Please log in</body></html>", "text/html")
            case "slow":
                self._http.stopping.wait(fault.seconds)
                return self._answer(operation, envelope)
            case "drop-before":
                raise ConnectionAbortedError("dropped before anything was done")
            case "drop-after":
                self._answer(operation, envelope)
                raise ConnectionAbortedError("dropped after the work was done")
            case "truncated":
                reply = self._answer(operation, envelope)
                return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.media_type)
            case "other-form":
                reply = self._answer(operation, envelope)
                body = altered(reply.body, reply.media_type, rows_only=False)
                return reply if body is None else replace(reply, body=body)
            case "duplicate":
                for index in envelope.iterfind("{*}Body/{*}searchMoreWithId/{*}pageIndex"):
                    index.text = str(max(1, int(index.text or "1") - 1))
        return self._answer(operation, envelope)

    def _answer(self, operation: str, envelope: etree._Element) -> Reply:
        if not self._running.acquire(blocking=False):
            return fault_reply(FAULTS["too-many-requests"])
        try:
            if self.latency:
                self._http.stopping.wait(self.latency)
            with self._lock:
                if not self.login.admits(envelope):
                    return fault_reply(FAULTS["revoked-token"])
                if self._answers[operation]:
                    return Reply(200, self._answers[operation].pop(0), "text/xml; charset=utf-8")
                return envelope_reply(self._perform(operation, envelope))
        except Refused as refused:
            return fault_reply(refused.problem)
        finally:
            self._running.release()

    def _perform(self, operation: str, envelope: etree._Element) -> etree._Element:
        match operation:
            case "search":
                return self._search(envelope)
            case "searchMoreWithId":
                return self._search_more(envelope)
            case "add":
                return self._add(envelope)
            case "get":
                (ref,) = envelope.iterfind("{*}Body/{*}get/{*}baseRef")
                response = message("getResponse")
                response.append(self._read(ref))
                return response
            case "getList":
                response = message("getListResponse")
                listed = etree.SubElement(response, msgs("readResponseList"))
                listed.append(status_element())
                listed.extend(map(self._read, envelope.iterfind("{*}Body/{*}getList/{*}baseRef")))
                return response
            case "update":
                return self._update(envelope)
            case "getServerTime":
                response = message("getServerTimeResponse")
                result = etree.SubElement(response, msgs("getServerTimeResult"))
                result.append(status_element())
                etree.SubElement(result, msgs("serverTime")).text = moment_text(self.clock())
                return response
        raise Refused(Problem("unexpectedErrorFault", "UNEXPECTED_ERROR", f"No operation {operation!r}"))

    def _search(self, envelope: etree._Element) -> etree._Element:
        self._numbers += 1
        identifier = f"WEBSERVICES_1234567_SB1_{self._numbers:012d}"
        search = read_search(envelope, identifier, self.clock())
        if isinstance(search, str):
            raise Refused(Problem("unexpectedErrorFault", "INVALID_SEARCH", search))
        self._searches[identifier] = search
        return self._page("searchResponse", search, 1)

    def _search_more(self, envelope: etree._Element) -> etree._Element:
        (asked,) = envelope.iterfind("{*}Body/{*}searchMoreWithId")
        search = self._searches.get(asked.findtext("{*}searchId") or "")
        if search is None or self.clock() - search.asked_at > _SEARCH_LIFE:
            raise Refused(Problem("unexpectedErrorFault", "INVALID_JOB_ID", "The search is no longer valid."))
        if self.between_pages:
            self.between_pages.pop(0)()
        return self._page("searchMoreWithIdResponse", search, int(asked.findtext("{*}pageIndex") or "0"))

    def _page(self, response: str, search: Search, number: int) -> etree._Element:
        found = [
            record for record in search.found(self.records.values()) if record.kind not in self.forbidden
        ]
        pages = max(1, -(-len(found) // search.page_size))
        if not 1 <= number <= pages:
            raise Refused(Problem("unexpectedErrorFault", "INVALID_PAGE_INDEX", "The page index is invalid."))
        part = found[(number - 1) * search.page_size : number * search.page_size]
        elements = [record_element(record, "record", body_only=search.body_only) for record in part]
        for element in elements:
            element.tag = f"{{{NAMESPACES['platformCore']}}}record"
        answer = message(response)
        answer.append(search_result(search, len(found), number, elements, status_element()))
        return answer

    def _add(self, envelope: etree._Element) -> etree._Element:
        """A custom record for the log; nothing else can be made here."""
        (sent,) = envelope.iterfind("{*}Body/{*}add/{*}record")
        response = message("addResponse")
        answer = etree.SubElement(response, msgs("writeResponse"))
        kind = sent.find("{*}recType")
        external = sent.get("externalId", "")
        if kind is None or kind.get("internalId") != LOG_TYPE_ID:
            answer.append(status_element("INVALID_KEY_OR_REF", "Invalid recType reference key."))
        elif any(note.get("externalId") == external for note in self.notes.values()):
            answer.append(status_element("DUP_RCRD", "This record already exists"))
        else:
            note: dict[str, Any] = {"id": self.new_id(), "externalId": external}
            for one in sent.iterfind("{*}customFieldList/{*}customField"):
                value = one.find("{*}value")
                linked = None if value is None else value.get("internalId")
                text = "" if value is None else (value.text or "").strip()
                note[one.get("scriptId", "")] = {"id": linked} if linked else text
            self.notes[note["id"]] = note
            self.noted(note)
            answer.append(status_element())
        return response

    def _read(self, ref: etree._Element) -> etree._Element:
        answer = etree.Element(msgs("readResponse"))
        if ref.get("typeId"):
            known = any(note.get("externalId") == ref.get("externalId") for note in self.notes.values())
            missing = () if known else ("RCRD_DSNT_EXIST", "That record does not exist.")
            answer.append(status_element(*missing))
            return answer
        kind, internal_id = ref.get("type", ""), ref.get("internalId", "")
        record = self.records.get((kind, internal_id))
        if kind in self.forbidden:
            answer.append(
                status_element("INSUFFICIENT_PERMISSION", "You do not have permissions to view this record.")
            )
        elif internal_id in self._failing and record is not None:
            answer.append(status_element(*self._failing[internal_id]))
        elif record is None:
            answer.append(status_element("RCRD_DSNT_EXIST", "That record does not exist."))
        else:
            answer.append(status_element())
            answer.append(record_element(record, "record", body_only=False))
        return answer

    def _update(self, envelope: etree._Element) -> etree._Element:
        (sent,) = envelope.iterfind("{*}Body/{*}update/{*}record")
        name = (sent.get(_XSI_TYPE) or "").rpartition(":")[2]
        kind, internal_id = name[:1].lower() + name[1:], sent.get("internalId", "")
        response = message("updateResponse")
        answer = etree.SubElement(response, msgs("writeResponse"))
        record = self.records.get((kind, internal_id))
        fields = {
            field.get("scriptId", ""): field.findtext("{*}value") or ""
            for field in sent.iterfind("{*}customFieldList/{*}customField")
        }
        answer.append(status_element(*self.change(record, fields)))
        base = etree.SubElement(answer, msgs("baseRef"))
        base.set("internalId", internal_id)
        base.set("type", kind)
        base.set(_XSI_TYPE, "platformCore:RecordRef")
        return response

    def _refusal(self, record: Record | None, internal_id: str, fields: Iterable[str]) -> tuple[str, ...]:
        if record is None:
            return ("RCRD_DSNT_EXIST", "That record does not exist.")
        if record.kind in self.forbidden or "update" in self.forbidden:
            return ("INSUFFICIENT_PERMISSION", "You do not have permissions to edit this record.")
        unknown = sorted(set(fields) - {*STATUS_FIELDS, _REFERENCE_FIELD})
        if unknown:
            return ("INVALID_KEY_OR_REF", f"The specified key is invalid: {unknown[0]}")
        if record.locked:
            return (record.locked, "This record has been locked by a user defined workflow.")
        if self.mandatory:
            return ("USER_ERROR", f"Please enter value(s) for: {self.mandatory}")
        day = record.fields["tranDate"]
        if self._closed_until and isinstance(day, date) and day <= self._closed_until:
            return ("USER_ERROR", "This transaction is in a closed period and cannot be edited.")
        if self._edited_by_others[internal_id]:
            self._edited_by_others[internal_id] -= 1
            self._touch(record)
            return ("RCRD_HAS_BEEN_CHANGED", "Record has been changed")
        return ()

    def _transactions(self) -> list[Record]:
        return [record for record in self.records.values() if "tranId" in record.fields]

    def _touch(self, record: Record) -> None:
        record.modified = self.clock()
        self._changes += 1

    def _seed_payments(self) -> None:
        """What the seeds call paid was paid by somebody."""
        for record in self._transactions():
            paid = record.fields.get("amountPaid")
            if record.kind == "invoice" and isinstance(paid, Decimal) and paid:
                number = self.new_id()
                day = record.fields["tranDate"]
                on = day + timedelta(days=14) if isinstance(day, date) else self.clock().date()
                applied = {record.internal_id: paid}
                self.payments.append(
                    Payment(number, f"PAY{number}", on, "CustPymt", applied, record.modified)
                )


def _now() -> datetime:
    return datetime.now(UTC)


def _amount(record: Record, name: str) -> Decimal:
    value = record.fields[name]
    if not isinstance(value, Decimal):
        raise TypeError(f"{name} is no amount")
    return value
