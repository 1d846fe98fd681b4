"""One pull from Exact Online's sync feed: which invoices changed, each read afresh, and the place in the
feed.

The feed has one row for each invoice line and can give a row twice; it says only that something changed. The
cursor never passes an invoice that was not given or remembered. What was deleted is in a feed of its own
(`sync/Deleted`), and is news where the invoice was given before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.base import Page, RejectedDocument, SourceDocument
from connectors.erp.exact_online_bundle import INVOICE, Bundler
from connectors.erp.exact_online_rest import ExactRest, RecordUnreadable, Row, guid
from connectors.erp.exact_online_settings import ExactOnlineSettings
from connectors.kit.cursors import read_cursor
from connectors.kit.given import Given
from formats.errors import DocumentError, EInvoicingError, RemoteUnavailable, RemoteUnexpected

__all__ = ["INVOICES", "PROCESSED", "Place", "Visit", "calls_needed"]

INVOICES: Final = "salesinvoice/SalesInvoices"
_FEED: Final = "sync/SalesInvoice/SalesInvoices"
_FEED_FIELDS: Final = "Timestamp,ID,InvoiceID,InvoiceNumber,Status"
_DELETED: Final = "sync/Deleted"
_SALES_INVOICE: Final = 13
PROCESSED: Final = 50
_MOST_UNREADABLE: Final = 3
_MOST_RETRIED: Final = 10
_MOST_REMEMBERED: Final = 500
_READ: Final = {"$select": INVOICE, "$expand": "SalesInvoiceLines"}
# For a forecast: master data that each pull reads once, and pages of the feed that are looked at.
_CALLS_OF_A_PULL: Final = 7
_MOST_PAGES_AHEAD: Final = 20


def calls_needed(rest: ExactRest, settings: ExactOnlineSettings, version: int) -> tuple[int, int, bool]:
    """How many invoices a pull from this row version on would read, with how many calls, and whether that is
    all: the look ahead ends after some pages. It costs one call for each thousand changed lines."""
    since = max(1, version - settings.overlap)
    query = {"$filter": f"Timestamp gt {since}L", "$select": _FEED_FIELDS}
    keys: set[str] = set()
    pages = 0
    for rows in rest.pages(_FEED, query):
        keys |= {
            str(row.get("InvoiceID"))
            for row in rows
            if row.get("Status") == PROCESSED and int(row.get("Timestamp") or 0) > version
        }
        pages += 1
        if pages == _MOST_PAGES_AHEAD:
            break
    per_page = 1 + 2  # accounts; addresses and contacts, where there are any
    calls = _CALLS_OF_A_PULL + pages - (-len(keys) // settings.invoices_per_call)
    calls += per_page * -(-len(keys) // settings.documents_per_page)
    return len(keys), calls, pages < _MOST_PAGES_AHEAD


@dataclass
class Place:
    """The cursor: the row version up to which everything is known, and what is not settled by it.

    `seen` remembers, within the overlap, which row version of an invoice was given already; `pending` are
    invoices that could not be read. `moved` tells when the division was moved, which renumbers all versions.
    `deleted` is the row version up to which deletions are known, 0 before the first look.
    """

    version: int = 1
    moved: str = ""
    seen: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    deleted: int = 0

    @classmethod
    def read(cls, cursor: str) -> Place:
        if not cursor:
            return cls()
        return read_cursor(cursor, cls._of, system="Exact's feed")

    @classmethod
    def _of(cls, data: Any) -> Place:
        return cls(
            int(data["version"]),
            str(data["moved"]),
            {str(key): int(value) for key, value in data["seen"].items()},
            {str(key): int(value) for key, value in data["pending"].items()},
            int(data.get("deleted", 0)),
        )

    def written(self, overlap: int) -> str:
        """As text, without what lies before the overlap; that is forgotten."""
        self.seen = {key: at for key, at in self.seen.items() if at > self.version - overlap}
        newest = dict(sorted(self.seen.items(), key=lambda item: item[1])[-_MOST_REMEMBERED:])
        data = {"version": self.version, "moved": self.moved, "seen": newest, "pending": self.pending}
        return json.dumps({**data, "deleted": self.deleted}, separators=(",", ":"))


class Visit:
    """One pull under way: turns rows of the feed into pages of documents and moves the cursor on."""

    def __init__(
        self, rest: ExactRest, settings: ExactOnlineSettings, place: Place, division: Row, given: Given
    ) -> None:
        self._handed_on = given
        self._rest = rest
        self._settings = settings
        self._place = place
        self._division = division
        self._bundler = Bundler(
            rest,
            with_files=settings.attachments,
            largest_file=settings.largest_attachment_mb * 1024 * 1024,
        )
        self._unreadable = 0
        self._origin = f"{settings.base_url.rstrip('/')}/api/v1/{settings.division}/{INVOICES}"

    def pages(self) -> Iterator[Page]:
        """Everything from the place on: what could not be read before, what changed since, what is gone."""
        if self._place.pending:
            yield from self._retry()
        since = max(1, self._place.version - self._settings.overlap)
        query = {"$filter": f"Timestamp gt {since}L", "$select": _FEED_FIELDS}
        for rows in self._rest.pages(_FEED, query):
            yield from self._page(rows)
        if self._settings.deletions:
            yield from self._gone()

    def _gone(self) -> Iterator[Page]:
        """The deletions of invoices that were given, once each; those before the first visit are old news."""
        place = self._place
        first = not place.deleted
        since = place.deleted or max(1, place.version - self._settings.overlap)
        query = {
            "$select": "Timestamp,EntityKey",
            "$filter": f"Timestamp gt {since}L and EntityType eq {_SALES_INVOICE}",
        }
        place.deleted = since
        for rows in self._rest.pages(_DELETED, query):
            try:
                found = [(int(row["Timestamp"]), str(row["EntityKey"]).lower()) for row in rows]
            except (KeyError, TypeError, ValueError) as error:
                raise RemoteUnexpected(
                    f"a row of the feed has no {error}",
                    where=f"Exact Online {_DELETED}",
                    fix="tell Exact's support; until then set deletions: false for this source",
                ) from error
            place.deleted = max([place.deleted, *(version for version, _ in found)])
            gone = dict.fromkeys(key for _, key in found if _short(key) in self._handed_on)
            for key in dict.fromkeys(key for _, key in found):
                place.pending.pop(key, None)
            if found or (first and place.version > 1):
                yield Page((), self._cursor(), tuple(self._deleted(key) for key in gone))

    def _deleted(self, key: str) -> RejectedDocument:
        number = self._handed_on.note(_short(key))
        problem = DocumentError(
            f"invoice {number} was deleted in Exact Online after it had been read",
            where=f"Exact Online invoice {number}",
            fix="if the buyer has it, make a credit note in Exact; then dismiss this",
        )
        return RejectedDocument(f"{key}:deleted", self._link(key), problem)

    def _retry(self) -> Iterator[Page]:
        """The invoices that could not be read on earlier visits, some of them, longest waiting first."""
        waiting = list(self._place.pending.items())[:_MOST_RETRIED]
        for key, _ in waiting:
            # To the end of the queue, so that each has its turn.
            self._place.pending[key] = self._place.pending.pop(key)
        yield from self._part(waiting, frozenset(), again=True)

    def _page(self, rows: Sequence[Row]) -> Iterator[Page]:
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
            if status == PROCESSED and not known:
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
                self._handed_on.save()
                yield Page(tuple(documents), self._cursor(), tuple(rejected))
            raise
        if wanted and not again:
            self._place.version = max(self._place.version, wanted[-1][1])
        self._handed_on.save()
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
        together = self._together([key for key, _ in wanted if key not in held])
        for key, version in wanted:
            if key in held:
                rejected.append(self._rejected(key, _no_number()))
                self._given(key, version)
                continue
            try:
                invoice = together.get(key) or self._rest.read(INVOICES, key, _READ)
            except RecordUnreadable as error:
                rejected.append(self._set_aside(key, version, error, again))
                continue
            # Taken back between the feed and this read: a later row tells. Or deleted: nobody has it.
            if invoice is not None and invoice.get("Status") == PROCESSED and invoice.get("InvoiceNumber"):
                self._bundler.complete_lines(invoice)
                found.append((key, version, invoice))
            else:
                self._given(key, version)
        self._bundler.prepare([invoice for _, _, invoice in found])
        return found

    def _together(self, keys: Sequence[str]) -> dict[str, Row]:
        """These invoices in few calls. What is missing in the result is to be read by its key, where it turns
        out whether it is gone or cannot be read."""
        size, found = self._settings.invoices_per_call, dict[str, Row]()
        for start in range(0, len(keys), size):
            part = keys[start : start + size]
            if len(part) > 1:
                query = {**_READ, "$filter": " or ".join(f"InvoiceID eq {guid(key)}" for key in part)}
                try:
                    rows = self._rest.rows(INVOICES, query)
                except RecordUnreadable:
                    continue
                found |= {str(row.get("InvoiceID")).lower(): row for row in rows}
        return found

    def _document(self, key: str, version: int, invoice: Row) -> SourceDocument | RejectedDocument:
        by_exact = self._settings.is_sent_by_exact(self._bundler.account(invoice))
        if self._settings.when_exact_sends == "hold" and by_exact:
            return self._rejected(key, _sent_by_exact(invoice))
        try:
            content = self._bundler.bundle(invoice, self._division)
        except DocumentError as error:
            return self._rejected(key, error)
        self._handed_on.add(_short(key), str(invoice["InvoiceNumber"]))
        return SourceDocument(key, str(version), "application/json", content, origin=self._link(key))

    def _rejected(self, key: str, problem: EInvoicingError) -> RejectedDocument:
        return RejectedDocument(key, self._link(key), problem)

    def _link(self, key: str) -> str:
        return f"{self._origin}(guid'{key}')"


def _short(key: str) -> str:
    """Enough of an invoice's key to know it again among some ten thousand."""
    return key.replace("-", "")[:16]


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
