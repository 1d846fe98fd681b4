"""SAP S/4HANA over OData: billing documents out, delivery status in, settlement and buyers out.

For companies that bill in SAP Sales. Changes are read from the billing document service by change moment and
number, completed with what the service does not say, and handed on as one JSON bundle (`sap_odata_bundle`).
The service is read-only, so status goes into an object of the customer's own (`sap_odata_writeback`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from connectors.base import (
    CheckStep,
    OpenInvoice,
    Page,
    PartyPage,
    PaymentStatus,
    RejectedDocument,
    SourceDocument,
    StatusReport,
    Surroundings,
    WriteBack,
)
from connectors.checking import Look, compared_clocks, in_order
from connectors.erp.sap_odata_access import SapHttp
from connectors.erp.sap_odata_bundle import EXPANDED, Bundler, any_of, chunks
from connectors.erp.sap_odata_canonical import changed_at, key
from connectors.erp.sap_odata_kinds import Sorted, sort_out
from connectors.erp.sap_odata_parties import pull_parties
from connectors.erp.sap_odata_payments import LEDGER, Settlements
from connectors.erp.sap_odata_place import Place
from connectors.erp.sap_odata_service import ODataService, Row, text
from connectors.erp.sap_odata_settings import SapODataSettings
from connectors.erp.sap_odata_writeback import Attachments, StatusRows
from connectors.kit.given import Given
from formats.errors import DocumentError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["SapOData"]

_BILLINGS: Final = "A_BillingDocument"
_CALLS_PER_PAGE: Final = 5
_MARKERS_PER_PAGE: Final = 1000
# What decides whether a billing document is an invoice.
_DECIDING: Final = (
    "BillingDocument,BillingDocumentType,BillingDocumentCategory,SDDocumentCategory,CompanyCode,"
    "PartnerCompany,AccountingTransferStatus,BillingDocumentIsCancelled,CancelledBillingDocument,"
    "LastChangeDateTime"
)


class SapOData:
    """Billing documents of some company codes of one SAP system: those that are posted invoices.

    The cursor is a change moment; each visit looks back a little. Documents that are no invoices are set
    aside with the reason; those that are not posted yet are waited for. A cancelled invoice that was never
    given is set aside together with its cancellation; one that was given is followed by its cancellation as a
    credit note. Raises: RemoteUnavailable (limits, server errors), RemoteRefused (login, rights),
    RemoteUnexpected.
    """

    def __init__(self, name: str, settings: SapODataSettings, surroundings: Surroundings) -> None:
        self._name = name
        self._settings = settings
        self._clock = surroundings.clock
        self._locked = surroundings.locked
        self._http = SapHttp(settings, surroundings, name=name)
        self._billing = self._service(settings.billing_service)
        self._partners = self._service(settings.partner_service)
        self._companies = self._service(settings.company_service)
        self._ledger = self._service(settings.ledger_service)
        own = settings.status_object
        self._status = StatusRows(self._service(own.service, writing=True, version=own.odata), settings)
        self._files = Attachments(
            self._service(settings.attachments.service, writing=True), settings.attachments
        )
        self._company_of: dict[str, str] = {}

    @property
    def name(self) -> str:
        return self._name

    def pull(self, cursor: str) -> Iterator[Page]:
        """As ErpConnector.pull; the revision of a document is its change moment."""
        visit = _Visit(self, Place.read(cursor))
        yield from visit.waiting()
        if visit.place.at:
            yield from visit.looked_back()
        for rows in self._feed(visit.place.at):
            yield from visit.page(rows)

    def acknowledge(self, page: Page) -> None:
        """Nothing to tidy up: the feed is never used up."""

    def report_status(self, report: StatusReport) -> WriteBack:
        """Show the news in the customer's status object, and attach a delivered e-invoice to its document."""
        if self._settings.write_back == "none":
            raise RemoteRefused(
                "this source writes no status into SAP",
                where=self._name,
                fix="set write_back in its settings, or switch off status reports for it",
            )
        written = self._status.write(report, self._company_code(report))
        return self._with_file(report, written)

    def pull_payments(self, invoices: Sequence[OpenInvoice]) -> Iterator[PaymentStatus]:
        """Settlement by the accounting document items: payments in full and part, credit memos,
        write-offs."""
        settings = self._settings
        return Settlements(self._ledger, settings.company_codes, settings.payment_document_types).of(invoices)

    def count_posted(self, day: date) -> int:
        """One call for each thousand documents of the day, and one more, which read what decides about them
        and nothing else: a plain $count would count pro forma, intercompany and unposted documents as
        well."""
        visit, first = _Visit(self, Place.read("")), self._settings.first_day
        dated = f"BillingDocumentDate eq datetime'{day.isoformat()}T00:00:00'"
        if first is not None:
            dated += f" and {_changed_since(first)}"
        pages = self._in_order(dated, {"$select": _DECIDING}, _MARKERS_PER_PAGE)
        return sum(visit.is_sent(row) for rows in pages for row in rows)

    def pull_parties(self, cursor: str) -> Iterator[PartyPage]:
        """Customers with names, numbers, electronic and bank addresses, by day of their last change."""
        return pull_parties(self._partners, self._settings, cursor, self._clock().astimezone(UTC).date())

    def check(self) -> Iterator[CheckStep]:
        """Connection and clock, login, then one read of each service that is needed."""
        steps = self._steps()
        needed = ("Connection", "Billing documents")
        return in_order(steps, go_on_after=[name for name, *_ in steps if name not in needed])

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    # What subclasses that write in another way share.

    def _steps(self) -> list[tuple[str, Look, str]]:
        settings = self._settings
        scenario = "communication scenario "
        steps: list[tuple[str, Look, str]] = [
            ("Connection", self._check_connection, ""),
            ("Billing documents", self._check_billing, scenario + "SAP_COM_0120"),
            (
                "Business partners",
                lambda: _seen(
                    self._partners.page("A_BusinessPartner", {"$top": "1", "$select": "BusinessPartner"})
                ),
                scenario + "SAP_COM_0008",
            ),
            ("Company codes", self._check_companies, scenario + "SAP_COM_0087"),
            (
                "Accounting items",
                lambda: _seen(self._ledger.page(LEDGER, {"$top": "1", "$select": "AccountingDocument"})),
                scenario + "SAP_COM_0002",
            ),
        ]
        if settings.write_back == "status-object":
            steps.append(("Status object", self._status.service.open_service, "the custom object's scenario"))
            if settings.attach_xml:
                steps.append(("Attachments", self._files.service.open_service, scenario + "of attachments"))
        steps.append(("Calls", lambda: self._http.forecast(_CALLS_PER_PAGE), ""))
        return steps

    def _with_file(self, report: StatusReport, written: WriteBack) -> WriteBack:
        attached = self._settings.attach_xml and self._files.add(report)
        return WriteBack(written.where, written.existed and not attached)

    def _company_code(self, report: StatusReport) -> str:
        """The company code of a document, asked for once where there are several."""
        if len(self._settings.company_codes) == 1:
            return self._settings.company_codes[0]
        number = key(report.key)
        if number not in self._company_of:
            found = self._billing.one(
                f"{_BILLINGS}({text(number)})", {"$select": "BillingDocument,CompanyCode"}
            )
            if found is None:
                raise RemoteUnexpected(
                    f"billing document {report.number} is not in SAP any more",
                    where=f"SAP {_BILLINGS}",
                    fix="look in SAP what became of it; its status cannot be shown",
                )
            if len(self._company_of) >= 1000:
                self._company_of.clear()
            self._company_of[number] = str(found.get("CompanyCode") or "")
        return self._company_of[number]

    def _service(self, path: str, *, writing: bool = False, version: int = 2) -> ODataService:
        hosts = self._settings.known_hosts
        return ODataService(self._http, path, known_hosts=hosts, writing=writing, version=version)

    # Pulling.

    def _feed(self, after: str) -> Iterator[list[Row]]:
        """Whole documents changed after a moment ("" for all), oldest change first."""
        settings = self._settings
        position = f"LastChangeDateTime gt datetimeoffset'{after}'" if after else ""
        if not after and settings.first_day is not None:
            position = _changed_since(settings.first_day)
        return self._in_order(position, {"$expand": EXPANDED}, settings.documents_per_page)

    def _in_order(self, position: str, shown: Mapping[str, str], size: int) -> Iterator[list[Row]]:
        """Documents by change moment and number, until an empty page comes.

        Neither $skip nor the service's own links are used: both count rows, and rows move while we read.
        """
        codes = any_of("CompanyCode", self._settings.company_codes)
        bound, last = "", ("", "")
        position = f" and {position}" if position else ""
        while True:
            query = {
                "$filter": f"({codes}){position}{bound}",
                "$orderby": "LastChangeDateTime,BillingDocument",
                "$top": str(size),
                **shown,
            }
            try:
                rows = self._billing.page(_BILLINGS, query)
            except RemoteUnavailable as error:
                # A large read that takes too long will do so again: split it rather than repeat it.
                if size == 1 or not any(word in error.what for word in ("no answer within", "silence for")):
                    raise
                size = max(1, size // 5)
                continue
            if not rows:
                return
            at, number = changed_at(rows[-1]), key(rows[-1].get("BillingDocument"))
            if (at, number.zfill(10)) <= last:
                raise RemoteUnexpected(
                    "SAP does not give billing documents in order of their changes",
                    where=f"SAP {_BILLINGS}",
                    fix="check what stands between us and SAP; the service sorts by LastChangeDateTime",
                )
            last = (at, number.zfill(10))
            yield rows
            moment = f"datetimeoffset'{at}'"
            bound = (
                f" and (LastChangeDateTime gt {moment} or (LastChangeDateTime eq {moment} "
                f"and BillingDocument gt {text(number)}))"
            )

    # Checking.

    def _check_connection(self) -> str:
        answer = self._http.request(
            "GET", f"/sap/opu/odata/sap/{self._billing.name}/", allowed=range(300, 500)
        )
        where = self._http.base_url
        otherwise = "changes would be overlooked otherwise"
        clocks = compared_clocks(answer, self._clock(), where=where, otherwise=otherwise)
        return f"{where} answers, the login works{clocks}" if clocks else f"{where} answers"

    def _check_billing(self) -> str:
        codes = any_of("CompanyCode", self._settings.company_codes)
        query = {"$filter": codes, "$top": "1", "$select": "BillingDocument,CompanyCode"}
        return _seen(self._billing.page(_BILLINGS, query))

    def _check_companies(self) -> str:
        found = []
        for code in self._settings.company_codes:
            row = self._companies.one(f"A_CompanyCode({text(code)})", {})
            if row is None:
                raise RemoteUnexpected(
                    f"there is no company code {code}", where="SAP A_CompanyCode", fix="correct company_codes"
                )
            found.append(f"{code} {row.get('CompanyCodeName', '')}")
        return ", ".join(found)


class _Visit:
    """One pull under way: turns rows into pages of documents and moves the place on."""

    def __init__(self, connector: SapOData, place: Place) -> None:
        settings = connector._settings
        self.place = place
        self._settings = settings
        self._billing = connector._billing
        self._in_order = connector._in_order
        self._now = connector._clock()
        self._given = Given(connector._locked)
        self._overlap = timedelta(minutes=settings.overlap_minutes)
        self._bundler = Bundler(
            settings, connector._billing, connector._partners, connector._companies, connector._ledger
        )
        self._origin = (
            f"{settings.base_url.rstrip('/')}/sap/opu/odata/sap/{connector._billing.name}/{_BILLINGS}"
        )

    def waiting(self) -> Iterator[Page]:
        """The documents that were not ready on earlier visits: posting need not move them on in the feed."""
        numbers = sorted(self.place.waiting)
        for part in chunks(numbers):
            query = {"$filter": any_of("BillingDocument", part), "$expand": EXPANDED}
            rows = self._billing.rows(_BILLINGS, query)
            for number in set(part) - {key(row.get("BillingDocument")) for row in rows}:
                self.place.waiting.pop(number)  # deleted in SAP
            yield from self.page(rows, again=True)

    def looked_back(self) -> Iterator[Page]:
        """What was changed within the overlap and not given in that state: markers first, then only those
        documents whole, so that a visit without news reads no document."""
        place, late = self.place, []
        span = (
            f"LastChangeDateTime ge datetimeoffset'{place.since(self._overlap)}' "
            f"and LastChangeDateTime le datetimeoffset'{place.at}'"
        )
        shown = {"$select": "BillingDocument,CompanyCode,LastChangeDateTime"}
        for rows in self._in_order(span, shown, _MARKERS_PER_PAGE):
            numbers = [(key(row.get("BillingDocument")), changed_at(row)) for row in rows]
            late += [number for number, moment in numbers if place.seen.get(number) != moment]
        for part in chunks(late):
            query = {"$filter": any_of("BillingDocument", part), "$expand": EXPANDED}
            yield from self.page(self._billing.rows(_BILLINGS, query), again=True)

    def page(self, rows: Sequence[Row], *, again: bool = False) -> Iterator[Page]:
        """The documents of some rows as one page; `again` for rows that lie behind the place."""
        rejected: list[RejectedDocument] = []
        wanted: list[tuple[Row, Sorted]] = []
        for row in rows:
            number, moment = key(row.get("BillingDocument")), changed_at(row)
            if str(row.get("CompanyCode")) not in self._settings.company_codes:
                continue
            if not again:
                if self.place.seen.get(number) == moment:
                    continue
                self.place.at = max(self.place.at, moment)
            decided = self._decided(row)
            if decided.kind:
                wanted.append((row, decided))
            elif decided.waits:
                rejected += self._wait(number, decided)
            else:
                rejected.append(self._aside(number, decided.reason, needs_person=decided.needs_person))
                self.place.give(number, moment)
        documents = self._documents(wanted, rejected)
        self._given.save()
        if documents or rejected or not again:
            yield Page(tuple(documents), self.place.written(self._overlap), tuple(rejected))

    def is_sent(self, row: Row) -> bool:
        """Whether this document is given as an invoice."""
        return bool(self._decided(row).kind)

    def _decided(self, row: Row) -> Sorted:
        settings = self._settings
        decided = sort_out(
            row,
            types=settings.types,
            down_payment_requests=settings.down_payment_requests,
            intercompany_pairs=settings.intercompany_pairs,
            sent_by_sap=settings.sent_by_sap,
            take_unposted=settings.take_unposted,
            posted=settings.posted_states,
        )
        number = key(row.get("BillingDocument"))
        if row.get("BillingDocumentIsCancelled") and number not in self._given:
            return Sorted(reason=f"{number} was cancelled in SAP before it was sent")
        cancelled = key(row.get("CancelledBillingDocument")) if row.get("CancelledBillingDocument") else ""
        if decided.kind and cancelled and cancelled not in self._given:
            return Sorted(reason=f"{number} cancels {cancelled}, which was never sent")
        return decided

    def _documents(
        self, wanted: Sequence[tuple[Row, Sorted]], rejected: list[RejectedDocument]
    ) -> list[SourceDocument]:
        for row, _ in wanted:
            self._bundler.complete(row)
        self._bundler.prepare([row for row, _ in wanted])
        documents = []
        for row, decided in wanted:
            number, moment = key(row.get("BillingDocument")), changed_at(row)
            fresh = number not in self._given
            if fresh and not self._bundler.due_dates(row) and self._may_wait(number, moment):
                self.place.waiting.setdefault(number, self._now.astimezone(UTC).isoformat())
                continue
            content, digest = self._bundler.bundle(row, decided.kind)
            documents.append(
                SourceDocument(
                    number, moment, "application/json", content, origin=self._link(number), fingerprint=digest
                )
            )
            self.place.give(number, moment)
            self._given.add(number)
        return documents

    def _may_wait(self, number: str, moment: str) -> bool:
        """Whether a document without a due date is to be waited for: accounting may lag behind billing."""
        patience = timedelta(minutes=self._settings.due_date_minutes)
        return bool(patience) and self._now - datetime.fromisoformat(moment[:19] + "+00:00") < patience

    def _wait(self, number: str, decided: Sorted) -> Iterator[RejectedDocument]:
        """Remember a document that is not ready; say so at once, and to a person when it takes too long."""
        since = self.place.waiting.get(number)
        if since is None:
            self.place.waiting[number] = self._now.astimezone(UTC).isoformat()
            yield self._aside(number, decided.reason)
        elif since and self._now - datetime.fromisoformat(since) >= timedelta(
            hours=self._settings.unposted_hours
        ):
            # Told once: from now on it waits without a date.
            self.place.waiting[number] = datetime.max.replace(tzinfo=UTC, microsecond=0).isoformat()
            yield self._aside(number, decided.reason, needs_person=True)

    def _aside(self, number: str, reason: str, *, needs_person: bool = False) -> RejectedDocument:
        fix = (
            "nothing to do if that is right; else correct the document in SAP or the settings of this source"
        )
        if needs_person:
            fix = "look at the document in SAP (transaction VF02); it is read again once it is released"
        problem = DocumentError(reason, where=f"SAP billing document {number}", fix=fix)
        return RejectedDocument(number, self._link(number), problem, needs_person=needs_person)

    def _link(self, number: str) -> str:
        return f"{self._origin}('{number}')"


def _changed_since(first: date) -> str:
    return f"LastChangeDateTime ge datetimeoffset'{first.isoformat()}T00:00:00.0000000Z'"


def _seen(rows: Sequence[Mapping[str, object]]) -> str:
    return "can be read" if rows else "can be read, there is none yet"
