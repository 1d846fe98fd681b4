"""The SuiteTalk SOAP service of NetSuite in its own words: signing, searching, reading, updating.

Follows Oracle's SuiteTalk SOAP web services, endpoint 2025.2. Failures inside an answer with HTTP 200
(`isSuccess="false"`) are failures here, one record at a time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from lxml import etree

from connectors.erp.netsuite_slots import Busy, Patience, Slots
from connectors.soap import FaultRules, SoapAnswer, SoapClient
from formats.errors import EInvoicingError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = [
    "CHANGED_MEANWHILE",
    "GONE",
    "RIGHTS",
    "RULES",
    "Credentials",
    "Found",
    "NetSuiteService",
    "Read",
    "RecordKey",
    "Status",
    "failure",
    "sign",
]

_NONCE_DIGITS: Final = 20
_ALGORITHM: Final = "HMAC-SHA256"
_XSI_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"

# Rows of `statusDetail/code` that say who has to act.
CHANGED_MEANWHILE: Final = frozenset({"RCRD_HAS_BEEN_CHANGED", "RCRD_EDITED_SINCE_RETRIEVED"})
GONE: Final = frozenset({"RCRD_DSNT_EXIST", "RCRD_PREVSLY_DELETED", "INVALID_KEY_OR_REF"})
RIGHTS: Final = frozenset({"INSUFFICIENT_PERMISSION", "PERMISSION_VIOLATION"})
_PASSING: Final = frozenset({"UNEXPECTED_ERROR", "SSS_TIME_LIMIT_EXCEEDED", "WS_REQUEST_BLOCKED"})

# The account is full; nothing was done, and no time to come back is named.
_FULL: Final = ("WS_REQUEST_BLOCKED", "WS_CONCUR_SESSION_DISALLWD", "concurrent request limit exceeded")

RULES: Final = FaultRules(
    refused=(
        "invalidCredentialsFault",
        "invalidAccountFault",
        "insufficientPermissionFault",
        "INVALID_LOGIN_CREDENTIALS",
        "INVALID_LOGIN_ATTEMPT",
        "INVALID_ACCT",
        "INVALID_ROLE",
        "WS_FEATURE_REQD",
        "WS_PERMISSION_REQD",
        "Invalid login attempt",
    ),
    busy=(
        "exceededConcurrentRequestLimitFault",
        "exceededRequestLimitFault",
        "WS_REQUEST_BLOCKED",
        "WS_CONCUR_SESSION_DISALLWD",
        "concurrent request limit exceeded",
        "Only one request may be made against a session at a time",
        "scheduled maintenance",
        "NLDatabaseOfflineException",
        # The service writes it so.
        "The Connection Pool is not intialized.",
    ),
    broken=(
        "An unexpected error occurred.",
        "java.lang.NullPointerException",
        "java.util.ConcurrentModificationException",
    ),
    refused_fix="NetSuite does not say why: look into Setup > Users/Roles > View Login Audit Trail; usual "
    "causes are a revoked token, a wrong account id, a clock that is minutes off, or a role without SOAP Web "
    "Services and Log in using Access Tokens",
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An integration and its access token, as NetSuite showed them once."""

    account: str
    consumer_key: str
    consumer_secret: str = field(repr=False)
    token: str = field(repr=False)
    token_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, order=True)
class RecordKey:
    """A record by the type of a RecordRef ("invoice", "customer") and its internal id."""

    kind: str
    internal_id: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.internal_id}"


@dataclass(frozen=True, slots=True)
class Status:
    """`status` of one record in an answer. A script that failed after the record was saved does not undo it,
    so that `ok` is true then."""

    ok: bool
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A search hit: the element as it came."""

    key: RecordKey
    element: etree._Element


@dataclass(frozen=True, slots=True)
class Read:
    """The answer for one record asked for; `element` is None unless the status is ok."""

    key: RecordKey
    status: Status
    element: etree._Element | None


def sign(credentials: Credentials, nonce: str, timestamp: int) -> str:
    """The signature of a token passport. The parts are joined as they are, nothing is percent-encoded."""
    parts = (credentials.account, credentials.consumer_key, credentials.token, nonce, str(timestamp))
    key = f"{credentials.consumer_secret}&{credentials.token_secret}".encode()
    return base64.b64encode(hmac.new(key, "&".join(parts).encode(), hashlib.sha256).digest()).decode()


class NetSuiteService:
    """One account. `credentials` is asked before each request, so that a renewed token is used at once.

    Each request takes one of the `slots`, and is made again with `patience` where the account is full."""

    def __init__(
        self,
        soap: SoapClient,
        *,
        version: str,
        credentials: Callable[[], Credentials],
        clock: Callable[[], datetime],
        page_size: int,
        slots: Slots,
        patience: Patience,
    ) -> None:
        self._soap = soap
        self._version = version
        self._credentials = credentials
        self._clock = clock
        self._page_size = page_size
        self._slots, self._patience = slots, patience

    def server_time(self) -> datetime:
        """The service's clock, aware UTC."""
        answer = self._call("getServerTime")
        self._insist(answer.body, answer)
        text = next((child.text or "" for child in answer.body.iter("{*}serverTime")), "")
        return _moment(text, answer)

    def search_changed(
        self,
        since: datetime,
        until: datetime,
        statuses: Mapping[str, Sequence[str]],
        subsidiaries: Sequence[str],
    ) -> dict[RecordKey, datetime]:
        """Keys of transactions last changed from `since` to `until`, with the moment of the change.

        `statuses` are the wanted states by transaction type ("_invoice"). The pages of one search are not of
        one moment: the service works each out anew. So a result of several pages is only taken once two
        readings in a row agree; RemoteUnavailable if that does not come about.
        """
        within = self._types("core.platform").SearchDateField(
            searchValue=since, searchValue2=until, operator="within"
        )
        record = self._transactions(statuses, subsidiaries, lastModifiedDate=within)
        before: set[RecordKey] | None = None
        for _ in range(_MOST_READINGS):
            reading = self._read_all_pages(record)
            if reading is None:
                before = None
                continue
            found, pages = reading
            if pages <= 1 or before == set(found):
                return found
            before = set(found)
        raise RemoteUnavailable(
            f"the invoices changed so quickly that {_MOST_READINGS} readings of the list did not agree",
            where="search of changed invoices",
            fix="it is tried again by itself; if it lasts, pull at a quieter hour",
        )

    def count_dated(
        self, noon: datetime, statuses: Mapping[str, Sequence[str]], subsidiaries: Sequence[str]
    ) -> int:
        """How many transactions in these states are dated the day of this moment; in one call, of which only
        the total is looked at."""
        day = self._types("core.platform").SearchDateField(searchValue=noon, operator="on")
        record = self._transactions(statuses, subsidiaries, tranDate=day)
        preferences = {"bodyFieldsOnly": True, "pageSize": _SMALLEST_PAGE}
        answer = self._call("search", searchPreferences=preferences, searchRecord=record)
        self._insist(answer.body, answer)
        total = _text(answer, "totalRecords")
        if not total.isdigit():
            raise _no("number of records", answer)
        return int(total)

    def search_customers(self, since: datetime) -> Iterator[Found]:
        """Customers last changed since then; each as it was when its page was worked out."""
        core, common = self._types("core.platform"), self._types("common.platform")
        record = common.CustomerSearchBasic(
            lastModifiedDate=core.SearchDateField(searchValue=since, operator="onOrAfter"),
            isInactive=core.SearchBooleanField(searchValue=False),
        )
        given: set[str] = set()
        try:
            for answer in self._pages(record):
                for found in _hits(answer):
                    if found.key.internal_id not in given:
                        given.add(found.key.internal_id)
                        yield found
        except _PageGone as error:
            raise RemoteUnavailable(
                "the list of customers became shorter while it was read",
                where="search of changed customers",
                fix="it is tried again by itself",
            ) from error

    def _read_all_pages(self, record: Any) -> tuple[dict[RecordKey, datetime], int] | None:
        """All hits of one search and the number of pages; None where the pages did not fit together."""
        hits: dict[RecordKey, datetime] = {}
        totals: set[str] = set()
        pages = 1
        try:
            for answer in self._pages(record):
                totals.add(_text(answer, "totalRecords"))
                pages = int(_text(answer, "totalPages") or "1")
                hits |= {found.key: _changed_at(found, answer) for found in _hits(answer)}
        except _PageGone:
            return None
        return (hits, pages) if len(totals) == 1 and len(hits) == int(totals.pop() or "0") else None

    def items(self, internal_ids: Sequence[str]) -> dict[str, Found]:
        """Item records by internal id, whatever kind of item they are; ids that nothing is found for are
        missing."""
        core, common = self._types("core.platform"), self._types("common.platform")
        found: dict[str, Found] = {}
        for start in range(0, len(internal_ids), self._page_size):
            part = internal_ids[start : start + self._page_size]
            record = common.ItemSearchBasic(
                internalId=core.SearchMultiSelectField(
                    searchValue=[core.RecordRef(internalId=number) for number in part], operator="anyOf"
                )
            )
            for answer in self._pages(record):
                found |= {hit.key.internal_id: hit for hit in _hits(answer)}
        return found

    def read(self, keys: Sequence[RecordKey]) -> list[Read]:
        """Whole records in the order asked for, each with its own status."""
        if not keys:
            return []
        core = self._types("core.platform")
        refs = [core.RecordRef(internalId=key.internal_id, type=key.kind) for key in keys]
        answer = self._call("getList", baseRef=refs)
        self._insist(answer.body, answer)
        responses = list(answer.body.iterfind("{*}readResponseList/{*}readResponse"))
        if len(responses) != len(keys):
            raise RemoteUnexpected(
                f"{len(keys)} records were asked for and {len(responses)} answered",
                where=answer.where,
                fix="compare the configured version with the service; its answer is kept",
                evidence=answer.content,
            )
        return [_read(key, response, answer) for key, response in zip(keys, responses, strict=True)]

    def read_one(self, key: RecordKey) -> Read:
        """One whole record with its status."""
        core = self._types("core.platform")
        ref = core.RecordRef(internalId=key.internal_id, type=key.kind)
        answer = self._call("get", baseRef=ref)
        response = answer.body.find("{*}readResponse")
        if response is None:
            raise _no("readResponse", answer)
        return _read(key, response, answer)

    def update_custom_fields(self, key: RecordKey, texts: Mapping[str, str]) -> Status:
        """Set text fields of a transaction body; all other fields stay as they are."""
        core = self._types("core.platform")
        fields = [core.StringCustomFieldRef(scriptId=name, value=text) for name, text in texts.items()]
        area, name = _TRANSACTIONS[key.kind]
        record = getattr(self._types(area), name)(
            internalId=key.internal_id, customFieldList=core.CustomFieldList(customField=fields)
        )
        answer = self._call("update", changes=True, preferences={"ignoreReadOnlyFields": True}, record=record)
        status = answer.body.find("{*}writeResponse/{*}status")
        if status is None:
            raise _no("writeResponse", answer)
        return _status(status)

    def log_record(self, type_id: str, external_id: str) -> Read:
        """A custom record of this type (internal id of the type), by its external id."""
        core = self._types("core.platform")
        ref = core.CustomRecordRef(typeId=type_id, externalId=external_id)
        answer = self._call("get", baseRef=ref)
        response = answer.body.find("{*}readResponse")
        status = None if response is None else response.find("{*}status")
        if response is None or status is None:
            raise _no("readResponse", answer)
        return Read(RecordKey("customRecord", ""), _status(status), response.find("{*}record"))

    def add_log_record(
        self, type_id: str, external_id: str, texts: Mapping[str, str], links: Mapping[str, str]
    ) -> Status:
        """Make a custom record with text fields, and fields that point at other records."""
        core = self._types("core.platform")
        fields = [core.StringCustomFieldRef(scriptId=name, value=text) for name, text in texts.items()]
        fields += [
            core.SelectCustomFieldRef(scriptId=name, value=core.ListOrRecordRef(internalId=number))
            for name, number in links.items()
        ]
        record = self._types("customization.setup").CustomRecord(
            externalId=external_id,
            recType=core.RecordRef(internalId=type_id),
            customFieldList=core.CustomFieldList(customField=fields),
        )
        answer = self._call("add", changes=True, record=record)
        status = answer.body.find("{*}writeResponse/{*}status")
        if status is None:
            raise _no("writeResponse", answer)
        return _status(status)

    def close(self) -> None:
        self._soap.close()

    def _transactions(
        self, statuses: Mapping[str, Sequence[str]], subsidiaries: Sequence[str], **more: Any
    ) -> Any:
        """The criteria of a search of transactions in these states, by type ("_invoice")."""
        core, common = self._types("core.platform"), self._types("common.platform")
        wanted = [status for group in statuses.values() for status in group]
        criteria: dict[str, Any] = {
            "type": core.SearchEnumMultiSelectField(searchValue=list(statuses), operator="anyOf"),
            "status": core.SearchEnumMultiSelectField(searchValue=wanted, operator="anyOf"),
            "mainLine": core.SearchBooleanField(searchValue=True),
            **more,
        }
        if subsidiaries:
            criteria["subsidiary"] = core.SearchMultiSelectField(
                searchValue=[core.RecordRef(internalId=number) for number in subsidiaries], operator="anyOf"
            )
        return common.TransactionSearchBasic(**criteria)

    def _pages(self, record: Any) -> Iterator[SoapAnswer]:
        """All pages of a search without sublists. Raises _PageGone where the result shrank under our
        feet."""
        preferences = {"bodyFieldsOnly": True, "pageSize": self._page_size}
        answer = self._call("search", searchPreferences=preferences, searchRecord=record)
        self._insist(answer.body, answer)
        yield answer
        number, search_id = 1, _text(answer, "searchId")
        while number < int(_text(answer, "totalPages") or "1"):
            number += 1
            try:
                answer = self._call(
                    "searchMoreWithId", searchPreferences=preferences, searchId=search_id, pageIndex=number
                )
            except RemoteUnexpected as error:
                if "INVALID_PAGE_INDEX" in error.what:
                    raise _PageGone from error
                raise
            self._insist(answer.body, answer)
            yield answer

    def _call(
        self,
        operation: str,
        *,
        changes: bool = False,
        searchPreferences: Mapping[str, Any] | None = None,  # noqa: N803  # the service's own name
        preferences: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> SoapAnswer:
        def once() -> SoapAnswer:
            with self._slots.place():
                headers: dict[str, Any] = {"tokenPassport": self._passport()}
                if searchPreferences is not None:
                    headers["searchPreferences"] = searchPreferences
                if preferences is not None:
                    headers["preferences"] = preferences
                try:
                    return self._soap.call(operation, headers=headers, changes=changes, **arguments)
                except RemoteUnavailable as error:
                    if any(text in error.what for text in _FULL):
                        raise Busy from error
                    raise
                except RemoteUnexpected as error:
                    if "UNSUPPORTED_WS_VERSION" in error.what:
                        raise self._ended(error) from error
                    raise

        return self._patience.make(once, where=f"{operation} of NetSuite")

    def _passport(self) -> Any:
        core = self._types("core.platform")
        credentials = self._credentials()
        nonce = "".join(secrets.choice("0123456789") for _ in range(_NONCE_DIGITS))
        timestamp = int(self._clock().timestamp())
        return core.TokenPassport(
            account=credentials.account,
            consumerKey=credentials.consumer_key,
            token=credentials.token,
            nonce=nonce,
            timestamp=timestamp,
            signature=core.TokenPassportSignature(sign(credentials, nonce, timestamp), algorithm=_ALGORITHM),
        )

    def load(self) -> None:
        """Fetch and read the service description now. Raises RemoteRefused where there is none any more."""
        try:
            self._soap.load()
        except RemoteUnexpected as error:
            if "answered 404" in error.what:
                raise self._ended(error) from error
            raise

    def _ended(self, error: RemoteUnexpected) -> RemoteRefused:
        """Endpoints end with the releases of NetSuite, the last one with 2028.2."""
        return RemoteRefused(
            f"NetSuite does not offer its SOAP service in version {self._version} (any more): {error.what}",
            where=error.where,
            fix="until release 2028.2 set version to 2025_2, the last one; after it change this source to "
            "the kind netsuite-rest, which is not concerned",
        )

    def _types(self, area: str) -> Any:
        self.load()
        name, _, family = area.partition(".")
        return self._soap.types(f"urn:{name}_{self._version}.{family}.webservices.netsuite.com")

    def _insist(self, element: etree._Element, answer: SoapAnswer) -> None:
        """The status of a whole answer, which counts although HTTP said 200."""
        status = element.find("*/{*}status")
        if status is None:
            raise _no("status", answer)
        found = _status(status)
        if not found.ok:
            raise failure(found, answer.where)


class _PageGone(Exception):
    """A page that the search had a moment ago is no longer there."""


_MOST_READINGS: Final = 5
_SMALLEST_PAGE: Final = 5
_TRANSACTIONS: Final = {
    "invoice": ("sales.transactions", "Invoice"),
    "creditMemo": ("customers.transactions", "CreditMemo"),
}


def failure(status: Status, where: str) -> EInvoicingError:
    """The error that a failed status is."""
    what = f"NetSuite refused: {status.code}, {status.text[:300]}"
    if status.code in RIGHTS:
        return RemoteRefused(what, where=where, fix="give the role of the integration the right to do this")
    if status.code in _PASSING:
        return RemoteUnavailable(what, where=where, fix="it is tried again by itself")
    return RemoteUnexpected(what, where=where, fix="look the code up in the SuiteTalk guide and tell IT")


def _read(key: RecordKey, response: etree._Element, answer: SoapAnswer) -> Read:
    element = response.find("{*}status")
    if element is None:
        raise _no("status", answer)
    status = _status(element)
    record = response.find("{*}record") if status.ok else None
    if status.ok and (record is None or record.get("internalId") != key.internal_id):
        raise _no(f"record {key}", answer)
    return Read(key, status, record)


def _status(element: etree._Element) -> Status:
    if element.get("isSuccess") == "true":
        return Status(True)
    details = list(element.iterfind("{*}statusDetail"))
    errors = [detail for detail in details if detail.get("type") != "WARN"] or details
    saved = any((detail.findtext("{*}afterSubmitFailed") or "").strip() == "true" for detail in details)
    first = errors[0] if errors else element
    return Status(
        saved, (first.findtext("{*}code") or "").strip(), (first.findtext("{*}message") or "").strip()
    )


def _hits(answer: SoapAnswer) -> Iterator[Found]:
    """The records of a search page; without hits there is no list at all."""
    for element in _result(answer).iterfind("{*}recordList/{*}record"):
        name = (element.get(_XSI_TYPE) or "").rpartition(":")[2]
        yield Found(RecordKey(name[:1].lower() + name[1:], element.get("internalId") or ""), element)


def _changed_at(found: Found, answer: SoapAnswer) -> datetime:
    return _moment(found.element.findtext("{*}lastModifiedDate") or "", answer)


def _result(answer: SoapAnswer) -> etree._Element:
    found = answer.body.find("{*}searchResult")
    if found is None:
        raise _no("search result", answer)
    return found


def _text(answer: SoapAnswer, name: str) -> str:
    return (_result(answer).findtext(f"{{*}}{name}") or "").strip()


def _moment(text: str, answer: SoapAnswer) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise _no("a moment that can be read", answer) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _no(what: str, answer: SoapAnswer) -> RemoteUnexpected:
    return RemoteUnexpected(
        f"there is no {what} in the answer",
        where=answer.where,
        fix="compare the configured version with the service; its answer is kept",
        evidence=answer.content,
    )
