"""An imitated NetSuite: the SuiteTalk SOAP service of one account with legacy tax, version 2025_2.

It signs requests in by token, answers with status envelopes and faults, works out every page of a search
anew, limits requests at the same time, and refuses writes as the real one does. Faults (`Faults`) are looked
up by the operation ("search", "getList", ...), those of the web server also by "POST /services/...".
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from lxml import etree

from connectors.sandbox.faults import Fault, Faults
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
from connectors.sandbox.netsuite_search import Search, read_search, search_result
from connectors.sandbox.netsuite_seeds import seed
from connectors.sandbox.netsuite_wsdl import NAMESPACES, VERSION, documents

__all__ = ["DEFAULT_PORT", "STATUS_FIELDS", "NetSuiteSandbox"]

DEFAULT_PORT: Final = 47030
STATUS_FIELDS: Final = (
    "custbody_einv_status",
    "custbody_einv_message_id",
    "custbody_einv_sent_at",
    "custbody_einv_error",
)
_XSI_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
_SEARCH_LIFE: Final = timedelta(minutes=15)
_LARGEST_REQUEST: Final = 5 * 1024 * 1024
_ALIASES: Final = {"too-many-requests-bare": "too-many-requests", "expired-token": "revoked-token"}


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
        self.login = LoginDesk(lambda: self.clock())
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
        self._http = SandboxHttpServer(port, self.faults, largest=_LARGEST_REQUEST, on_fault=self._http_fault)
        self._http.route("GET", r"/(wsdl|xsd)/.*", self._description)
        self._http.route("POST", r"/services/NetSuitePort_(\d{4}_\d)", self._service)

    def start(self) -> None:
        self._http.start()

    def stop(self) -> None:
        self._http.stop()

    def addresses(self) -> Mapping[str, str]:
        return {"soap": self._http.url}

    def secrets(self) -> Mapping[str, str]:
        return {
            "netsuite_consumer_key": CONSUMER_KEY,
            "netsuite_consumer_secret": CONSUMER_SECRET,
            "netsuite_token_id": TOKEN,
            "netsuite_token_secret": TOKEN_SECRET,
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
            "updates": len(self.updates),
            "operations": len(self.operations),
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

    def pay(self, number: str, amount: Decimal) -> None:
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

    # The service.

    def _description(self, request: Request) -> Reply:
        texts = documents(self._http.url)
        content = texts.get(request.path)
        return text_reply("Not found", 404) if content is None else Reply(200, content, "text/xml")

    def _http_fault(self, request: Request, fault: Fault) -> Reply | None:
        problem = FAULTS.get(_ALIASES.get(fault.kind, fault.kind))
        return fault_reply(problem) if problem is not None and request.method == "POST" else None

    def _service(self, request: Request) -> Reply:
        if request.match[1] != VERSION:
            text = f"The SOAP web services version {request.match[1]} is not supported."
            return fault_reply(Problem("invalidVersionFault", "UNSUPPORTED_WS_VERSION", text))
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        envelope = etree.fromstring(request.body, parser)
        body = envelope.find("{*}Body")
        operation = etree.QName(body[0]).localname if body is not None and len(body) else ""
        self.operations.append(operation)
        fault = self.faults.take(operation)
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

    def _read(self, ref: etree._Element) -> etree._Element:
        answer = etree.Element(msgs("readResponse"))
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
        refusal = self._refusal(record, internal_id, fields)
        answer.append(status_element(*refusal))
        if record is not None and not refusal:
            for script_id, value in fields.items():
                if value:
                    record.custom[script_id] = Custom("String", value)
                else:
                    record.custom.pop(script_id, None)
            self._touch(record)
            self.updates.append((internal_id, fields))
            said = [record.custom[name].value for name in STATUS_FIELDS[:2] if name in record.custom]
            self._news[" ".join([str(record.fields["tranId"]), *said])] += 1
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
        unknown = sorted(set(fields) - set(STATUS_FIELDS))
        if unknown:
            return ("INVALID_KEY_OR_REF", f"The specified key is invalid: {unknown[0]}")
        if record.locked:
            return (record.locked, "This record has been locked by a user defined workflow.")
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


def _now() -> datetime:
    return datetime.now(UTC)


def _amount(record: Record, name: str) -> Decimal:
    value = record.fields[name]
    if not isinstance(value, Decimal):
        raise TypeError(f"{name} is no amount")
    return value
