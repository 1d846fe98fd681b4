"""NetSuite over SOAP with token-based authentication, for accounts with legacy tax.

Follows Oracle's SuiteTalk SOAP web services, endpoint 2025.2, the last one: Oracle switches SOAP off with
release 2028.2. Changed invoices and credit memos are found by the date of their last change in a closed
window, their ids collected first, and then read whole in batches with the records around them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from lxml import etree
from pydantic import Field

from connectors.base import (
    CheckStep,
    OpenInvoice,
    Page,
    PartyPage,
    PartyRecord,
    PaymentState,
    PaymentStatus,
    RejectedDocument,
    SecretReference,
    SourceDocument,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.checking import clock_skew, in_order, resolved
from connectors.erp.netsuite_bundle import Bundle, item_ids, related
from connectors.erp.netsuite_service import (
    CHANGED_MEANWHILE,
    GONE,
    RIGHTS,
    RULES,
    Credentials,
    Found,
    NetSuiteService,
    Read,
    RecordKey,
    failure,
)
from connectors.erp.netsuite_settings import InternalId, NetSuiteSettings, ScriptId, external_id
from connectors.erp.netsuite_slots import Patience, slots
from connectors.soap import SoapClient
from formats.errors import (
    ConfigError,
    RemoteBlocked,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
)

__all__ = ["NetSuiteSoap", "NetSuiteSoapSettings"]

_log = logging.getLogger(__name__)

_STATUSES: Final = {
    "_invoice": ("_invoiceOpen", "_invoicePaidInFull"),
    "_creditMemo": ("_creditMemoOpen", "_creditMemoFullyApplied"),
}
_APPROVED: Final = ("", "2")
_UNCHANGEABLE: Final = frozenset({"RCRD_LOCKED_BY_WF", "RCRD_UNEDITABLE", "USER_ERROR"})
_EXISTS: Final = frozenset({"DUP_RCRD", "DUP_ENTITY"})
_WRITE_ATTEMPTS: Final = 4
_LONGEST_NOTE: Final = 300
_MOST_SKEW: Final = timedelta(minutes=4)
_CHECK_WINDOW: Final = timedelta(days=31)
_MEBIBYTE: Final = 1024 * 1024


class NetSuiteSoapSettings(NetSuiteSettings):
    """Settings of one NetSuite account over SOAP. Secrets are references, `file:...` or `env:...`."""

    consumer_key: SecretReference = Field(description="Consumer key of the integration record")
    consumer_secret: SecretReference = Field(description="Consumer secret of the integration record")
    token_id: SecretReference = Field(description="Token id of the access token")
    token_secret: SecretReference = Field(description="Token secret of the access token")
    version: str = Field("2025_2", pattern=r"^20\d\d_[12]$", description="Endpoint version")
    schema_hosts: tuple[str, ...] = Field(
        ("https://webservices.netsuite.com",),
        description="Further addresses from which the service description may import its schemas",
    )
    overlap_minutes: int = Field(
        15,
        ge=0,
        le=1440,
        description="How far each pull reaches back before the end of the last one, for records that "
        "NetSuite shows late and for clocks that differ",
    )
    page_size: int = Field(1000, ge=5, le=1000, description="Hits for each page of a search")
    batch_size: int = Field(20, ge=1, le=50, description="Invoices that are read whole in one request")
    peppol_field: ScriptId = Field(
        "custentity_peppol_id",
        description="Customer field with the electronic address, scheme:value (the mapping names it, too)",
    )
    log_record_type: InternalId | Literal[""] = Field(
        "",
        description="Internal id of the custom record type for status that cannot be written on the invoice "
        "(locked, closed period); empty for none",
    )
    zone_hours: int = Field(
        -8,
        ge=-12,
        le=14,
        description="How many hours the time zone of the gateway's user in NetSuite is ahead of UTC (winter "
        "time), for counting the invoices of a day; Pacific time is -8",
    )
    attachment_field: ScriptId = Field(
        "custbody_einv_attachment",
        description="Transaction body field (Document) that names a file to go with the invoice",
    )


@dataclass(frozen=True, slots=True)
class _Batch:
    """What came of reading some transactions whole."""

    documents: tuple[SourceDocument, ...]
    rejected: tuple[RejectedDocument, ...]


class NetSuiteSoap:
    """Sales invoices and credit memos of one NetSuite account.

    The cursor is the end of the last window, in UTC. The key of a document is record type and internal id,
    since numbers can be edited and occur twice; its revision is the moment of the last change, which our own
    notes move too, so that an invoice comes again unchanged: then it has the same fingerprint.
    """

    def __init__(self, name: str, settings: NetSuiteSoapSettings, surroundings: Surroundings) -> None:
        self._name = name
        self._settings = settings
        self._surroundings = surroundings
        self._http = settings.client(surroundings.clock)
        version = settings.version
        self._soap = SoapClient(
            self._http,
            wsdl=self._wsdl_path,
            port=f"/services/NetSuitePort_{version}",
            binding=f"{{urn:platform_{version}.webservices.netsuite.com}}NetSuiteBinding",
            rules=RULES,
            schemas=[settings.client(surroundings.clock, address) for address in settings.schema_hosts],
        )
        self._service = NetSuiteService(
            self._soap,
            version=version,
            credentials=self._credentials,
            clock=surroundings.clock,
            page_size=settings.page_size,
            slots=slots(settings.address, settings.parallel),
            patience=Patience(settings.busy_attempts, settings.busy_seconds),
        )

    @property
    def name(self) -> str:
        return self._name

    def pull(self, cursor: str) -> Iterator[Page]:
        """Approved invoices and credit memos, open or settled, changed since the cursor; oldest change
        first.

        A record that is gone by the time it is read is left out; one that cannot be read stands in
        `rejected` and comes again when it is saved in NetSuite.
        """
        until = self._surroundings.clock().astimezone(UTC).replace(microsecond=0)
        since = self._cursor_moment(cursor) or until - timedelta(days=self._settings.first_pull_days)
        window_start = min(since, until) - timedelta(minutes=self._settings.overlap_minutes)
        found = self._service.search_changed(window_start, until, _STATUSES, self._settings.subsidiaries)
        keys = sorted(found, key=lambda key: (found[key], key))
        _log.info("%s: %d changed transactions until %s", self._name, len(keys), until.isoformat())
        size = self._settings.batch_size
        for start in range(0, len(keys), size):
            part = keys[start : start + size]
            batch = self._batch(part)
            # Everything after this batch changed no earlier than its last one.
            reached = until if start + size >= len(keys) else max(since, found[part[-1]])
            yield Page(batch.documents, reached.isoformat(), batch.rejected)
        if not keys:
            yield Page((), until.isoformat())

    def acknowledge(self, page: Page) -> None:
        """Nothing to tidy up: NetSuite keeps no list of what was read."""

    def report_status(self, report: StatusReport) -> WriteBack:
        """Write the news into the custom body fields of the transaction, unless they say it already; where
        the record is locked or its period closed, into a custom record, if there is a type for it.

        News that is older than what the fields say is not written. Raises RemoteBlocked where neither can be
        written, RemoteUnavailable where others keep changing the record.
        """
        key = _key_of(report.key)
        where = f"{self._name}, {key.kind} {report.number} (internal id {key.internal_id})"
        for _ in range(_WRITE_ATTEMPTS):
            read = self._service.read_one(key)
            if read.element is None:
                raise failure(read.status, where)
            differing = self._settings.differing(report, _custom_texts(read.element))
            if not differing:
                return WriteBack(where, existed=True)
            status = self._service.update_custom_fields(key, differing)
            if status.ok:
                return WriteBack(where, existed=False)
            if status.code in _UNCHANGEABLE and self._settings.log_record_type:
                _log.info("%s: %s cannot be changed (%s)", self._name, key, status.code)
                return self._write_log(report, key)
            if status.code in _UNCHANGEABLE:
                raise RemoteBlocked(
                    f"NetSuite does not let the record be changed: {status.code}, {status.text[:300]}",
                    where=where,
                    fix="open the period, switch on Allow Non-G/L Changes, or let the workflow pass the "
                    "fields of the e-invoice; then have it reported again",
                )
            if status.code not in CHANGED_MEANWHILE:
                raise failure(status, where)
        raise RemoteUnavailable(
            "someone else keeps changing the record in NetSuite",
            where=where,
            fix="it is tried again by itself",
        )

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """Settlement by the amounts on the records themselves, read anew: a payment need not touch the date
        of their last change. How an amount was settled is not said there."""
        size = self._settings.batch_size
        for start in range(0, len(invoices), size):
            part = invoices[start : start + size]
            reads = self._service.read([_key_of(invoice.key) for invoice in part])
            for invoice, read in zip(part, reads, strict=True):
                if read.status.code in RIGHTS:
                    raise failure(read.status, f"{self._name}, payments")
                if read.element is not None:
                    status = _payment(invoice, read.element)
                    if status is not None:
                        yield status

    def count_posted(self, day: date) -> int:
        """One call: the total of a search. What is not approved yet is in another state and not counted."""
        zone = timezone(timedelta(hours=self._settings.zone_hours))
        noon = datetime.combine(day, time(12), zone)
        return self._service.count_dated(noon, _STATUSES, self._settings.subsidiaries)

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        """Customers changed since the cursor, a moment in UTC; all of them the first time. The cursor goes on
        when all are given, for the search is not in the order of changes."""
        until = self._surroundings.clock().astimezone(UTC).replace(microsecond=0)
        since = self._cursor_moment(cursor) or datetime(1970, 1, 1, tzinfo=UTC)
        overlap = timedelta(minutes=self._settings.overlap_minutes) if cursor else timedelta()
        parties: list[PartyRecord] = []
        for found in self._service.search_customers(since - overlap):
            parties.append(self._party(found))
            if len(parties) >= self._settings.batch_size:
                yield PartyPage(tuple(parties), cursor)
                parties = []
        yield PartyPage(tuple(parties), until.isoformat())

    def _party(self, found: Found) -> PartyRecord:
        element = found.element
        texts = {
            name: (element.findtext(f"{{*}}{name}") or "").strip()
            for name in ("companyName", "firstName", "lastName", "isPerson", "vatRegNumber", "email")
        }
        person = f"{texts['firstName']} {texts['lastName']}".strip()
        facts = {
            "name": person if texts["isPerson"] == "true" else texts["companyName"],
            "vat_id": texts["vatRegNumber"],
            "electronic_address": _custom_texts(element).get(self._settings.peppol_field, ""),
            "email": texts["email"],
        }
        return PartyRecord(str(found.key), {name: text for name, text in facts.items() if text})

    def check(self) -> Iterator[CheckStep]:
        """Name, connection (and certificate), service description, login, clock, rights by one search and
        read."""
        return in_order(
            (
                ("name", self._check_name),
                ("connection", self._check_connection),
                ("description", self._check_description),
                ("login", self._check_login),
                ("rights", self._check_rights),
            ),
            go_on_after=("clock",),
        )

    def close(self) -> None:
        self._service.close()

    # Reading.

    def _batch(self, keys: Sequence[RecordKey]) -> _Batch:
        reads = self._service.read(keys)
        # One record that failed for a passing reason is asked for once more, by itself.
        reads = [self._again(read) for read in reads]
        whole = [(read.key, read.element) for read in reads if read.element is not None]
        whole = [(key, element) for key, element in whole if _approval(element) in _APPROVED]
        field = self._settings.attachment_field
        wanted = dict.fromkeys(other for key, element in whole for other in related(element, key.kind, field))
        around = {read.key: read for read in self._read_related(list(wanted))}
        ids = item_ids([element for _, element in whole])
        items = self._service.items(ids) if ids else {}
        documents = tuple(
            self._document(key, element, Bundle(key, element, around, items, field)) for key, element in whole
        )
        return _Batch(documents, tuple(self._rejection(read) for read in reads if _is_failed(read)))

    def _again(self, read: Read) -> Read:
        return self._service.read_one(read.key) if _is_failed(read) else read

    def _read_related(self, keys: Sequence[RecordKey]) -> Iterator[Read]:
        size = self._settings.batch_size * 2
        for start in range(0, len(keys), size):
            for read in self._service.read(keys[start : start + size]):
                if read.element is None and read.status.code not in GONE:
                    raise failure(read.status, f"{self._name}, reading {read.key}")
                yield read

    def _document(self, key: RecordKey, element: etree._Element, bundle: Bundle) -> SourceDocument:
        return SourceDocument(
            key=str(key),
            revision=(element.findtext("{*}lastModifiedDate") or "").strip(),
            media_type="application/xml",
            content=bundle.content(),
            fingerprint=bundle.fingerprint(frozenset(self._settings.status_fields)),
            origin=f"{self._settings.address} {key}",
        )

    def _rejection(self, read: Read) -> RejectedDocument:
        problem = RemoteUnexpected(
            f"NetSuite did not give this record: {read.status.code}, {read.status.text[:300]}",
            where=f"{self._name}, {read.key}",
            fix="open the record in NetSuite, mend what the message names, and save it: it is then pulled "
            "again",
        )
        return RejectedDocument(str(read.key), f"{self._settings.address} {read.key}", problem)

    # Writing.

    def _write_log(self, report: StatusReport, key: RecordKey) -> WriteBack:
        """The news as a record of its own, known by an external id that the reference makes."""
        kind, prefix = self._settings.log_record_type, self._settings.log_prefix
        external = external_id("einv", report.reference)
        where = f"{self._name}, custom record {external} for {report.number}"
        if self._service.log_record(kind, external).status.ok:
            return WriteBack(where, existed=True)
        links = {f"{prefix}invoice": key.internal_id}
        given = self._settings.log_fields(report)
        status = self._service.add_log_record(kind, external, given, links)
        if status.ok or status.code in _EXISTS:
            return WriteBack(where, existed=not status.ok)
        raise failure(status, where)

    # Checking.

    def _check_name(self) -> str:
        fix = "check the account id, the network and its name server"
        return resolved(self._settings.address, self._name, fix)

    def _check_connection(self) -> str:
        self._http.request("GET", self._wsdl_path)
        secure = self._settings.address.startswith("https://")
        seen = "encrypted, the certificate holds" if secure else "not encrypted"
        return f"{self._settings.address} answers; {seen}"

    def _check_description(self) -> str:
        self._service.load()
        return f"{self._wsdl_path} and its schemas were read"

    def _check_login(self) -> Iterator[CheckStep]:
        try:
            theirs = self._service.server_time()
        except RemoteRefused as error:
            # The web server tells the time without a login.
            skew = clock_skew(self._http.request("GET", self._wsdl_path), self._surroundings.clock())
            if skew is not None and skew > _MOST_SKEW:
                # Then the service refuses every signature, and does not say so.
                yield CheckStep(
                    "login",
                    False,
                    f"{error.what}; our clock and that of NetSuite's web server are "
                    f"{skew.total_seconds():.0f} seconds apart",
                    "set this machine's clock by NTP",
                )
                return
            raise
        yield CheckStep("login", True, f"account {self._settings.account} accepts the token")
        skew = abs(theirs - self._surroundings.clock())
        seen = f"{skew.total_seconds():.0f} seconds between our clock and NetSuite's"
        yield CheckStep(
            "clock", skew <= _MOST_SKEW, seen, "" if skew <= _MOST_SKEW else "set this machine's clock by NTP"
        )

    def _check_rights(self) -> Iterator[CheckStep]:
        now = self._surroundings.clock()
        found = self._service.search_changed(now - _CHECK_WINDOW, now, _STATUSES, self._settings.subsidiaries)
        yield CheckStep("search", True, f"{len(found)} invoices and credit memos changed in 31 days")
        if not found:
            fix = "if there should be some, give the role the right to view invoices and all subsidiaries"
            yield CheckStep("read", True, "nothing to read", fix)
            return
        batch = self._batch([max(found, key=lambda key: found[key])])
        if batch.rejected:
            problem = batch.rejected[0].problem
            yield CheckStep("read", False, problem.what, problem.fix)
            return
        yield CheckStep("read", True, f"{batch.documents[0].key if batch.documents else 'nothing'} was read")

    # Parts.

    @property
    def _wsdl_path(self) -> str:
        return f"/wsdl/v{self._settings.version}_0/netsuite.wsdl"

    def _credentials(self) -> Credentials:
        secret, settings = self._surroundings.secret, self._settings
        return Credentials(
            account=settings.account,
            consumer_key=secret(settings.consumer_key),
            consumer_secret=secret(settings.consumer_secret),
            token=secret(settings.token_id),
            token_secret=secret(settings.token_secret),
        )

    def _cursor_moment(self, cursor: str) -> datetime | None:
        if not cursor:
            return None
        try:
            moment = datetime.fromisoformat(cursor)
        except ValueError as error:
            raise ConfigError(
                f"the stored place {cursor[:40]!r} is not a moment",
                where=self._name,
                fix="reset the cursor of this source; the invoices are then read again and compared",
            ) from error
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _is_failed(read: Read) -> bool:
    return read.element is None and read.status.code not in GONE


def _approval(element: etree._Element) -> str:
    """Approval routing: "" where it is not used, "2" approved; others wait or were rejected."""
    reference = element.find("{*}approvalStatus")
    return "" if reference is None else reference.get("internalId") or ""


def _key_of(key: str) -> RecordKey:
    kind, _, internal_id = key.partition("/")
    if kind not in ("invoice", "creditMemo") or not internal_id.isdigit():
        raise ConfigError(
            f"{key[:60]!r} is not a key of a NetSuite invoice",
            where="NetSuite",
            fix="check that the submission belongs to this source",
        )
    return RecordKey(kind, internal_id)


def _custom_texts(element: etree._Element) -> dict[str, str]:
    return {
        entry.get("scriptId") or "": (entry.findtext("{*}value") or "").strip()
        for entry in element.iterfind("{*}customFieldList/{*}customField")
    }


def _payment(invoice: OpenInvoice, element: etree._Element) -> PaymentStatus | None:
    """None where the record does not say what is left."""
    total, left = _double(element, "total"), _double(element, "amountRemaining")
    if total is None or left is None:
        return None
    paid = max(total - left, Decimal(0))
    state = PaymentState.OPEN if paid == 0 and total > 0 else PaymentState.PARTLY_PAID
    if left <= 0:
        state = PaymentState.PAID
    text = (element.findtext("{*}status") or "").strip()
    return PaymentStatus(
        invoice.key,
        invoice.number,
        state,
        invoice.currency,
        paid,
        evidence=f"NetSuite {invoice.key}: {text}, {left} left",
    )


def _double(element: etree._Element, name: str) -> Decimal | None:
    """The service writes amounts as Java doubles, large ones with an exponent: 1.2345678E7."""
    text = (element.findtext(f"{{*}}{name}") or "").strip()
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value.quantize(Decimal("0.01")) if value.is_finite() else None
