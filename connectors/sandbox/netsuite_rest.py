"""REST services of the imitated NetSuite: records, SuiteQL, tokens, metadata and asynchronous jobs.

They show the same books as the SOAP service. Answers, codes and quirks follow the REST records of 2026.1:
204 with a Location for writes, unknown fields ignored unless the request asks for an error, sublists only
with `expandSubResources`, 429 beyond the limit of requests at the same time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from connectors.sandbox.faults import Fault, Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer, json_reply
from connectors.sandbox.netsuite_lists import CUSTOMERS
from connectors.sandbox.netsuite_login import ACCOUNT
from connectors.sandbox.netsuite_records import COUNTRIES, Address, Custom, Record, Ref
from connectors.sandbox.netsuite_rest_login import TOKEN_PATH, RestLoginDesk
from connectors.sandbox.netsuite_suiteql import Payment, QueryRefused, SuiteQl

__all__ = ["LOG_RECORD", "RestService", "problem"]

LOG_RECORD: Final = "customrecord_einv_log"
_RECORDS: Final = "/services/rest/record/v1"
_QUERY: Final = "/services/rest/query/v1/suiteql"
_JOBS: Final = "/services/rest/async/v1/job"
_MOST_ROWS: Final = 1000
_TITLES: Final = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
_LOG_FIELDS: Final = frozenset(
    f"custrecord_einv_{name}" for name in ("invoice", "state", "message_id", "at", "text", "reference")
)
_STATUS_IDS: Final = {"_invoiceOpen": "A", "_invoicePaidInFull": "B", "_invoicePendingApproval": "D"}


class Account(Protocol):
    """What the REST services need of the imitated account."""

    faults: Faults
    rest_login: RestLoginDesk
    records: dict[tuple[str, str], Record]
    payments: list[Payment]
    notes: dict[str, dict[str, Any]]
    forbidden: set[str]
    hidden_columns: set[str]
    legacy_tax: bool
    row_cap: int

    def clock(self) -> datetime: ...

    def origin(self) -> str: ...

    def change(self, record: Record | None, fields: Mapping[str, str]) -> tuple[str, ...]: ...

    def settle(self, payment: Payment) -> str: ...

    def new_id(self) -> str: ...

    def admit(self, work: Callable[[], Reply], busy: Reply) -> Reply: ...

    def noted(self, note: Mapping[str, Any]) -> None: ...


class RestRefused(Exception):
    """A request that ends in an error of the service."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


def problem(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **where: str
) -> Reply:
    """An error in the service's shape; `where` is errorPath, errorQueryParam or the like."""
    entry = {"detail": detail, "o:errorCode": code, **{f"o:{name}": text for name, text in where.items()}}
    body = {
        "type": f"https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec10.4.{status - 399}",
        "title": _TITLES.get(status, "Bad Request"),
        "status": status,
        "o:errorDetails": [entry],
    }
    if status == 429:
        body["o:errorCode"] = "USER_ERROR"
    return json_reply(body, status, headers)


BUSY: Final = problem(
    429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded. Request blocked."
)
LOGIN: Final = problem(
    401, "INVALID_LOGIN", "Invalid login attempt. For more details, see the Login Audit Trail."
)


class RestService:
    """The routes of one account on its web server."""

    def __init__(self, account: Account, http: SandboxHttpServer, query: SuiteQl) -> None:
        self._account, self._query = account, query
        self._jobs: dict[str, Reply] = {}
        self._keys: dict[str, str] = {}
        http.route("POST", TOKEN_PATH, lambda request: self._account.rest_login.grant(request))
        http.route("POST", _QUERY, self._careful(self._suiteql))
        http.route("GET", "/rest/tokeninfo", self._careful(self._token_info))
        http.route("GET", rf"{_RECORDS}/metadata-catalog/(\w+)", self._careful(self._metadata))
        http.route("GET", rf"{_JOBS}/(\w+)", self._careful(self._job))
        http.route("GET", rf"{_RECORDS}/(\w+)", self._careful(self._collection))
        http.route(
            "POST", rf"{_RECORDS}/invoice/(\d+)/!transform/customerPayment", self._careful(self._pay_one)
        )
        http.route("GET", rf"{_RECORDS}/(\w+)/([^/]+)", self._careful(self._read))
        http.route("PATCH", rf"{_RECORDS}/(\w+)/([^/]+)", self._careful(self._patch))
        http.route("POST", rf"{_RECORDS}/(\w+)", self._careful(self._create))

    def on_fault(self, request: Request, fault: Fault) -> Reply | None:
        """The faults of a web server in the words of this service; None for the general ones."""
        if not request.path.startswith(("/services/rest", "/rest/")):
            return None
        match fault.kind:
            case "too-many-requests":
                return Reply(
                    BUSY.status, BUSY.body, BUSY.media_type, {"Retry-After": str(math.ceil(fault.seconds))}
                )
            case "too-many-requests-bare":
                return BUSY
            case "server-error":
                return problem(500, "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: m2x0demo")
        return None

    def _careful(self, answer: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        def work(request: Request) -> Reply:
            place = f"{request.method} {request.path}"
            if self._account.faults.take(place, "expired-token") is not None:
                self._account.rest_login.expire()
            if self._account.faults.take(place, "revoked-token") is not None:
                self._account.rest_login.revoked = True
                self._account.rest_login.expire()
            if not self._account.rest_login.admits(request, self._account.origin()):
                return LOGIN
            if self._account.faults.take(place, "soap-fault") is not None:
                return problem(500, "UNEXPECTED_ERROR", "java.lang.NullPointerException")
            try:
                return answer(request)
            except RestRefused as refused:
                return refused.reply

        return lambda request: self._account.admit(lambda: work(request), BUSY)

    # SuiteQL.

    def _suiteql(self, request: Request) -> Reply:
        if "transient" not in request.headers.get("prefer", ""):
            return problem(
                400, "INVALID_HEADER", "The Prefer header must be transient.", errorHeader="Prefer"
            )
        limit, offset = _page(request)
        try:
            asked = request.json()["q"]
            rows = self._query.rows(
                str(asked),
                hidden=self._account.hidden_columns,
                tables_off={"transactiontaxdetail"} if self._account.legacy_tax else set(),
                kinds_off=self._account.forbidden,
            )
        except (ValueError, KeyError, TypeError):
            return problem(400, "INVALID_CONTENT", "The body must be an object with the query in q.")
        except QueryRefused as refused:
            text = f"Invalid search query. Detailed unprocessed description follows. {refused}."
            return problem(400, "INVALID_PARAMETER", text, errorQueryParam="q")
        reachable = rows[: self._account.row_cap]
        part = reachable[offset : offset + limit]
        body = self._listing(f"{_QUERY}", limit, offset, len(reachable), len(part))
        body["items"] = [{"links": [], **row} for row in part]
        if self._account.faults.take(f"POST {_QUERY}", "duplicate") is not None:
            body["items"] *= 2
        return json_reply(body)

    def _listing(self, path: str, limit: int, offset: int, total: int, count: int) -> dict[str, Any]:
        base = f"{self._account.origin()}{path}"
        links = [{"rel": "self", "href": f"{base}?limit={limit}&offset={offset}"}]
        more = offset + count < total
        if more:
            links.append({"rel": "next", "href": f"{base}?limit={limit}&offset={offset + limit}"})
        return {"links": links, "count": count, "hasMore": more, "offset": offset, "totalResults": total}

    # Records.

    def _collection(self, request: Request) -> Reply:
        kind = request.match[1]
        limit, offset = _page(request)
        found = [key for key in self._account.records if key[0] == kind]
        self._insist_known(kind, bool(found))
        ids = sorted((internal_id for _, internal_id in found), key=int)
        part = ids[offset : offset + limit]
        body = self._listing(f"{_RECORDS}/{kind}", limit, offset, len(ids), len(part))
        body["items"] = [{"links": [self._self(kind, one)], "id": one} for one in part]
        return json_reply(body)

    def _read(self, request: Request) -> Reply:
        kind, name = request.match[1], request.match[2]
        if kind in self._account.forbidden:
            return problem(403, "INSUFFICIENT_PERMISSION", "You do not have permissions to view this record.")
        if kind == LOG_RECORD:
            return json_reply(self._note(name))
        if kind == "customerPayment":
            return json_reply(self._payment(name))
        record = self._record(kind, name)
        whole = request.query.get("expandSubResources") == "true"
        body = self._shown(record, whole=whole)
        wanted = request.query.get("fields")
        if wanted:
            names = {"id", "links", *wanted.split(",")}
            body = {name: value for name, value in body.items() if name in names}
        return json_reply(body)

    def _patch(self, request: Request) -> Reply:
        kind, name = request.match[1], request.match[2]
        record = self._record(kind, name)
        body = _object(request)
        self._validate(request, body, known=self._known(record))
        fields = {
            key: "" if value is None else str(value["id"] if isinstance(value, dict) else value)
            for key, value in body.items()
            if key.startswith("custbody_") and key in self._known(record)
        }
        refusal = self._account.change(record, fields)
        if refusal:
            status = 403 if refusal[0] == "INSUFFICIENT_PERMISSION" else 400
            return problem(status, refusal[0], refusal[1])
        return Reply(204, headers={"Location": self._self(kind, record.internal_id)["href"]})

    def _create(self, request: Request) -> Reply:
        if "respond-async" not in request.headers.get("prefer", ""):
            return self._created(request)
        # The key of an asynchronous request protects it from being carried out twice.
        key = request.headers.get("x-netsuite-idempotency-key", "")
        if key and key in self._keys:
            job = self._keys[key]
        else:
            job = self._account.new_id()
            self._jobs[job] = self._created(request)
            if key:
                self._keys[key] = job
        return Reply(202, headers={"Location": f"{self._account.origin()}{_JOBS}/{job}"})

    def _created(self, request: Request) -> Reply:
        kind, body = request.match[1], _object(request)
        if kind in self._account.forbidden:
            return problem(403, "INSUFFICIENT_PERMISSION", "You do not have permissions to create this.")
        if kind == "customerPayment":
            return self._pay(body)
        self._insist_known(kind, kind == LOG_RECORD)
        self._validate(request, body, known=_LOG_FIELDS | {"externalId", "name"})
        external = str(body.get("externalId", ""))
        if external and any(note.get("externalId") == external for note in self._account.notes.values()):
            return problem(400, "DUP_RCRD", "This record already exists")
        internal_id = self._account.new_id()
        self._account.notes[internal_id] = {"id": internal_id, **body}
        self._account.noted(body)
        return Reply(204, headers={"Location": self._self(kind, internal_id)["href"]})

    def _pay_one(self, request: Request) -> Reply:
        body = _object(request)
        doc = {"doc": {"id": request.match[1]}, "apply": True, "amount": body.get("payment")}
        return self._pay({**body, "apply": {"items": [doc]}})

    def _pay(self, body: Mapping[str, Any]) -> Reply:
        external = str(body.get("externalId", ""))
        if external and any(payment.external_id == external for payment in self._account.payments):
            return problem(400, "DUP_RCRD", "This record already exists")
        rows = (body.get("apply") or {}).get("items", [])
        applied = {
            str(row["doc"]["id"]): Decimal(str(row["amount"])) for row in rows if row.get("apply") is True
        }
        amount = Decimal(str(body.get("payment", 0)))
        if not applied or sum(applied.values(), Decimal(0)) > amount:
            return problem(400, "USER_ERROR", "The amount applied is more than the payment.")
        internal_id = self._account.new_id()
        now = self._account.clock()
        day = date.fromisoformat(str(body.get("tranDate") or now.date().isoformat()))
        facts = {name: value for name, value in body.items() if name not in ("apply", "externalId")}
        payment = Payment(internal_id, f"PAY{internal_id}", day, "CustPymt", applied, now, external, facts)
        wrong = self._account.settle(payment)
        if wrong:
            return problem(400, "USER_ERROR", wrong)
        return Reply(204, headers={"Location": self._self("customerPayment", internal_id)["href"]})

    def _validate(self, request: Request, body: Mapping[str, Any], *, known: Iterable[str]) -> None:
        unknown = sorted(set(body) - set(known))
        if unknown and request.headers.get("x-netsuite-propertynamevalidation", "warning") == "error":
            text = f"Unknown reference or missing field in the request body: {unknown[0]}."
            raise RestRefused(problem(400, "INVALID_CONTENT", text, errorPath=unknown[0]))

    def _known(self, record: Record) -> set[str]:
        return {*_CUSTOM_FIELDS, *record.custom, *record.fields}

    def _record(self, kind: str, name: str) -> Record:
        if name.startswith("eid:"):
            wanted = name.removeprefix("eid:")
            found = [
                one
                for (of, _), one in self._account.records.items()
                if of == kind and one.fields.get("externalId") == wanted
            ]
        else:
            one = self._account.records.get((kind, name))
            found = [] if one is None else [one]
        if not found:
            raise RestRefused(_nonexistent(name))
        return found[0]

    def _insist_known(self, kind: str, known: bool) -> None:
        if not known:
            text = f"Record type '{kind}' does not exist."
            raise RestRefused(problem(404, "INVALID_PARAMETER", text, errorUrlParam="recordType"))

    def _note(self, name: str) -> dict[str, Any]:
        wanted = name.removeprefix("eid:")
        for note in self._account.notes.values():
            if wanted == (note.get("externalId") if name.startswith("eid:") else note["id"]):
                return {"links": [self._self(LOG_RECORD, note["id"])], **note}
        raise RestRefused(_nonexistent(name))

    def _payment(self, name: str) -> dict[str, Any]:
        wanted = name.removeprefix("eid:")
        for payment in self._account.payments:
            if wanted == (payment.external_id if name.startswith("eid:") else payment.internal_id):
                rows = [
                    {"doc": {"id": invoice}, "apply": True, "amount": float(amount)}
                    for invoice, amount in payment.applied.items()
                ]
                return {
                    "links": [self._self("customerPayment", payment.internal_id)],
                    "id": payment.internal_id,
                    "tranId": payment.number,
                    "externalId": payment.external_id,
                    "tranDate": payment.day.isoformat(),
                    "payment": float(sum(payment.applied.values(), Decimal(0))),
                    "apply": {"items": rows, "totalResults": len(rows)},
                }
        raise RestRefused(_nonexistent(name))

    def _shown(self, record: Record, *, whole: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "links": [self._self(record.kind, record.internal_id)],
            "id": record.internal_id,
            "lastModifiedDate": record.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for name, value in record.fields.items():
            body[_REST_NAMES.get(name, name)] = self._value(name, value)
        if record.status in _STATUS_IDS:
            body["status"] = {"id": _STATUS_IDS[record.status], "refName": body.get("status")}
        body |= {name: _custom(entry) for name, entry in record.custom.items()}
        for name in ("isPerson",):
            if name in body:
                body[name] = body[name] == "true"
        sublists = self._sublists(record)
        for name, rows in sublists.items():
            link = {"rel": "self", "href": f"{self._self(record.kind, record.internal_id)['href']}/{name}"}
            body[name] = {"items": rows, "totalResults": len(rows)} if whole else {"links": [link]}
        if self._account.legacy_tax and record.kind in ("invoice", "creditMemo"):
            body["taxTotal"] = 0.0
        return body

    def _sublists(self, record: Record) -> dict[str, list[dict[str, Any]]]:
        fields = record.fields
        match record.kind:
            case "customer":
                vat = fields.get("vatRegNumber")
                country = str(vat)[:2] if vat else ""
                own = [{"nexusCountry": {"id": country}, "taxRegistrationNumber": vat}] if vat else []
                known = CUSTOMERS.get(str(fields.get("entityId")))
                home = {"id": COUNTRIES.get(known.country, "")} if known is not None else None
                book = [{"defaultBilling": True, "addressBookAddress": {"country": home}}] if home else []
                return {"taxRegistration": own, "addressBook": book}
            case "subsidiary":
                rows = record.sublists.get("registrations")
                if rows is None:
                    country = COUNTRIES.get(str(fields.get("country")), "")
                    number = fields.get("federalIdNumber")
                    main = {"nexusCountry": {"id": country}, "taxRegistrationNumber": number}
                    return {"taxRegistration": [main] if number else []}
                shown = [
                    {name: self._value(name, value) for name, value in row.fields.items()} for row in rows
                ]
                for row in shown:
                    row["nexusCountry"] = {"id": row["nexusCountry"]}
                return {"taxRegistration": shown}
            case "invoice" | "creditMemo":
                return {
                    "item": [
                        {name: self._value(name, value) for name, value in row.fields.items()}
                        for row in record.sublists.get("item", ())
                    ]
                }
        return {}

    def _value(self, name: str, value: object) -> Any:
        if isinstance(value, Ref):
            return {"id": value.internal_id, "refName": value.name}
        if isinstance(value, Address):
            texts = {
                part: getattr(value, part)
                for part in ("addressee", "attention", "addr1", "addr2", "zip", "city")
                if getattr(value, part)
            }
            return {
                **texts,
                "country": {"id": COUNTRIES.get(value.country, ""), "refName": value.country[1:]},
            }
        if isinstance(value, Decimal):
            return float(value)
        if isinstance(value, date):
            return value.isoformat()
        if name == "country":
            return {"id": COUNTRIES.get(str(value), ""), "refName": str(value)[1:]}
        return value

    def _metadata(self, request: Request) -> Reply:
        kind = request.match[1]
        if kind not in ("invoice", "creditMemo", "customer", LOG_RECORD):
            return problem(404, "INVALID_PARAMETER", f"Record type '{kind}' does not exist.")
        names = _LOG_FIELDS if kind == LOG_RECORD else {*_CUSTOM_FIELDS, "tranId", "total"}
        if kind in ("invoice", "creditMemo") and not self._account.legacy_tax:
            names = {*names, "taxDetails"}
        body = {"type": "object", "properties": {name: {"type": "string"} for name in sorted(names)}}
        return json_reply(body)

    def _job(self, request: Request) -> Reply:
        made = self._jobs.get(request.match[1])
        if made is None:
            return _nonexistent(request.match[1])
        location = made.headers.get("Location", "")
        return json_reply(
            {"id": request.match[1], "completed": True, "progress": "succeeded", "result": location}
        )

    def _token_info(self, request: Request) -> Reply:
        return json_reply({"companyId": ACCOUNT, "companyName": "Brightwater Instruments NV"})

    def _self(self, kind: str, internal_id: str) -> dict[str, str]:
        return {"rel": "self", "href": f"{self._account.origin()}{_RECORDS}/{kind}/{internal_id}"}


_CUSTOM_FIELDS: Final = (
    "custbody_einv_status",
    "custbody_einv_message_id",
    "custbody_einv_sent_at",
    "custbody_einv_error",
    "custbody_einv_reference",
)
_REST_NAMES: Final = {"subTotal": "subtotal"}


def _page(request: Request) -> tuple[int, int]:
    texts = request.query.get("limit", str(_MOST_ROWS)), request.query.get("offset", "0")
    if not all(re.fullmatch(r"\d{1,9}", text) for text in texts):
        raise RestRefused(problem(400, "INVALID_PARAMETER", "limit and offset must be numbers"))
    limit, offset = map(int, texts)
    if not 1 <= limit <= _MOST_ROWS:
        text = f"The limit must be between 1 and {_MOST_ROWS}."
        raise RestRefused(problem(400, "INVALID_PARAMETER", text, errorQueryParam="limit"))
    if offset % limit:
        text = "The offset must be divisible by the limit."
        raise RestRefused(problem(400, "INVALID_PARAMETER", text, errorQueryParam="offset"))
    return limit, offset


def _object(request: Request) -> dict[str, Any]:
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise RestRefused(problem(400, "INVALID_CONTENT", "The request body is not valid JSON."))
    return body


def _nonexistent(name: str) -> Reply:
    text = f"The record instance does not exist. Provide a valid record instance ID: {name}."
    return problem(404, "NONEXISTENT_ID", text)


def _custom(entry: Custom) -> Any:
    if entry.kind == "Select":
        return {"id": entry.value, "refName": entry.value}
    return float(entry.value) if entry.kind in ("Double", "Long") else entry.value
