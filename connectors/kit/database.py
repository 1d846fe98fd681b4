"""A connector to one company in one database of an ERP, but for what only that ERP knows.

It pulls what changed, writes status as notes, and checks itself step by step. An ERP's own class says where
its invoices, its notes and its rights are, and speaks to its models (`connectors.kit.records`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar, Generic, TypeVar

from connectors.base import (
    CheckStep,
    OpenInvoice,
    Page,
    RejectedDocument,
    SourceDocument,
    StatusReport,
    WriteBack,
)
from connectors.checking import in_order
from connectors.http import HttpClient
from connectors.kit.documents import page_of
from connectors.kit.keyset import Feed, Place
from connectors.kit.notes import NoteBoard, post_news
from connectors.kit.records import Record, Records, at, record_id
from connectors.kit.server import DatabaseSettings
from formats.errors import RemoteRefused

__all__ = ["DatabaseConnector", "Found", "Reading"]

_Settings = TypeVar("_Settings", bound=DatabaseSettings)
_Models = TypeVar("_Models", bound=Records)

Found = SourceDocument | RejectedDocument
# For one visit: what becomes of these changed rows, so that what they share is read once.
Reading = Callable[[Sequence[Record]], Iterable[Found]]


class DatabaseConnector(ABC, Generic[_Settings, _Models]):
    """One company.

    Cursor: that of `connectors.kit.keyset`; a visit that was broken off goes on where it was, a new one looks
    back by the overlap.
    Raises: RemoteUnavailable (down, busy, a record that somebody is changing: retried), RemoteRefused
    (database, login, rights: parked for IT), RemoteBlocked (the ERP's own reasons, in its words),
    RemoteUnexpected (parked, with the answer).
    """

    erp: ClassVar[str]
    """What people call the ERP."""
    invoice_model: ClassVar[str]
    rights_fix: ClassVar[str]
    """What to do in the ERP where rights are missing."""
    company_words: ClassVar[tuple[str, ...]] = ("name", "currency")
    """What of a company is shown to people, by dotted names."""

    def __init__(self, name: str, settings: _Settings, http: HttpClient, models: _Models) -> None:
        self._name, self._settings, self._http, self._models = name, settings, http, models

    @abstractmethod
    def invoices(self) -> Feed[Record]:
        """The changes of customer invoices that were posted."""

    @abstractmethod
    def reading(self) -> Reading:
        """What makes documents of them, anew for each visit."""

    @abstractmethod
    def board(self) -> NoteBoard:
        """Where notes and files of invoices are."""

    @abstractmethod
    def login(self) -> str:
        """Who we are, by a call that needs a login."""

    @abstractmethod
    def company(self) -> Record:
        """The company of the settings; `seen` says so where it cannot be seen."""

    @abstractmethod
    def lacking(self) -> list[str]:
        """Rights that the user needs and lacks, as in `create ir.attachment`."""

    @abstractmethod
    def absent(self) -> list[str]:
        """Fields that are wanted and not there, as in `account.tax.code`; documents come without them."""

    @property
    def name(self) -> str:
        return self._name

    def pull(self, cursor: str) -> Iterator[Page]:
        """Posted invoices and credit notes by the time of their last writing; what people have to look at is
        shown to them."""
        documents = self.reading()
        for changes, reached in self.invoices().pages(self.place(cursor)):
            yield page_of(documents([change.row for change in changes]), reached.cursor)

    def acknowledge(self, page: Page) -> None:
        """Nothing is to be tidied up: reading uses nothing up."""

    def report_status(self, report: StatusReport) -> WriteBack:
        """A note on the invoice and the delivered XML beside it: a posted invoice cannot be written to."""
        return post_news(self.board(), record_id(report.key, self.erp, self.invoice_model), report)

    def check(self) -> Iterator[CheckStep]:
        return in_order(
            (
                (
                    "Connection",
                    lambda: f"{self.erp} {self._models.version()} answers at {self._http.base_url}",
                ),
                ("Login", lambda: f"logged in as {self.login()}"),
                ("Company", self._check_company),
                ("Rights", self._check_rights),
                ("Invoices", self._check_invoices),
            )
        )

    def close(self) -> None:
        self._http.close()

    def place(self, cursor: str) -> Place:
        """The stored place. RemoteUnexpected for that of another connector."""
        return Place.read(cursor, system=self.erp, where=f"source {self._name}")

    def changes(self, model: str, domain: Sequence[object], wanted: Sequence[str] = ()) -> Feed[Record]:
        """What was written, in pages and with a look back as the settings say."""
        settings = self._settings
        return self._models.changes(
            model, domain, wanted, page=settings.invoices_per_page, overlap=settings.overlap
        )

    def asked(self, invoices: Sequence[OpenInvoice]) -> dict[int, OpenInvoice]:
        """By the ids of their records."""
        return {record_id(one.key, self.erp, self.invoice_model): one for one in invoices}

    def seen(self, company: Record | None) -> Record:
        """The company; RemoteRefused where there is none."""
        if company:
            return company
        raise RemoteRefused(
            f"the gateway's user does not see company {self._settings.company}",
            where=self._models.system,
            fix=f"correct company in the settings, or allow the user this company in {self.erp}",
        )

    def _check_company(self) -> str:
        company = self.company()
        return ", ".join(str(at(company, name)) for name in self.company_words)

    def _check_rights(self) -> str:
        lacking = self.lacking()
        if lacking:
            what = f"the gateway's user lacks the right to {', '.join(lacking)}"
            raise RemoteRefused(what, where=self._models.system, fix=self.rights_fix)
        return "may read invoices and parties, and make notes and attachments"

    def _check_invoices(self) -> str:
        found, absent = self.invoices().any(), ", ".join(self.absent())
        words = "can be read" if found else "can be read, there is none yet"
        return words + (f"; this server does not have {absent}" if absent else "")
