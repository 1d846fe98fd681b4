"""The test bench: one system of the other side that runs, connectors made for it, and what they said."""

from __future__ import annotations

import logging
import threading
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.base import (
    DeliveryState,
    ErpConnector,
    Page,
    RejectedDocument,
    SourceDocument,
    StateCell,
    StatusReport,
    Surroundings,
)
from connectors.budget import CallBudget, CallLimit, InProcess
from connectors.conformance.outcome import NotApplicable, insist
from connectors.conformance.trial import KnowsNumbers, Trial
from connectors.registry import ErpClass, settings_of
from connectors.sandbox.faults import Fault
from formats.errors import ConfigError, EInvoicingError, RemoteUnavailable, RemoteUnexpected

__all__ = ["Bench", "Pulled"]

_LOOKS = 6
_TRIES = 8
_PAUSE = timedelta(seconds=61)
_ACTIONS = {"list": "lists invoices", "read": "reads one invoice", "write": "writes the status"}
# Faults in words, for the reason why one could not be played.
_FAULTS = {
    "too-many-requests": "an answer that asks for patience",
    "too-many-requests-bare": "an answer that asks for patience",
    "server-error": "an error of its own",
    "unavailable": "maintenance",
    "html": "a page of HTML instead of an answer",
    "truncated": "an answer that ends in the middle",
    "other-form": "an answer in another form",
    "slow": "a slow answer",
    "drop-before": "a connection that is cut",
    "drop-after": "a lost answer",
    "expired-token": "a login that has expired",
    "revoked-token": "a login that was taken away",
    "duplicate": "the same invoice given twice",
}


@dataclass(slots=True)
class Pulled:
    """What one visit gave, and `error` where it ended in the middle."""

    cursor: str
    pages: list[Page] = field(default_factory=list)
    error: EInvoicingError | None = None

    @property
    def documents(self) -> list[SourceDocument]:
        return [document for page in self.pages for document in page.documents]

    @property
    def rejected(self) -> list[RejectedDocument]:
        return [rejected for page in self.pages for rejected in page.rejected]

    @property
    def keys(self) -> set[str]:
        return {document.key for document in self.documents}

    @property
    def contents(self) -> dict[str, str | bytes]:
        """By what each document is recognised when it comes again; the last one of each key counts."""
        return {one.key: one.fingerprint or one.content for one in self.documents}


class Bench:
    """One trial under way. `clock` is the time of day; the bench can move the connectors' clock forward.

    Connectors made here share state cells and call budgets, as those of several processes do. `said` is
    every text that an error or a log line held.
    """

    def __init__(self, trial: Trial, made_by: ErpClass, clock: Callable[[], datetime]) -> None:
        self.trial = trial
        self.said: list[str] = []
        self._made_by = made_by
        self._clock = clock
        self._ahead = timedelta()
        self._cells: dict[str, str] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self._budgets: dict[str, CallBudget] = {}
        self._connectors: list[ErpConnector] = []
        self._reports = 0
        self._actions: dict[Fault, str] = {}
        self.system = trial.system
        self.system.start()

    # -- the connector

    def now(self) -> datetime:
        """The time as the connectors see it, aware UTC."""
        return self._clock() + self._ahead

    def wait_until(self, moment: datetime) -> None:
        """Let the connectors' clock be there; nobody really waits."""
        self._ahead += max(timedelta(), moment - self.now())

    def connector(self, secret: Callable[[str], str] | None = None) -> ErpConnector:
        """A connector as another process would make it: with nothing in memory."""
        model = settings_of(self._made_by)
        settings = model.model_validate(dict(self.trial.settings()))
        surroundings = Surroundings(secret or self._secret, self.now, self._locked, self._ledger)
        connector = self._made_by("on-trial", settings, surroundings)
        self._connectors.append(connector)
        return connector

    def close(self) -> None:
        """Let go of everything."""
        try:
            for connector in self._connectors:
                connector.close()
        finally:
            self.system.stop()

    def _secret(self, reference: str) -> str:
        name = reference.removeprefix("file:secrets/")
        secrets: Mapping[str, str] = self.system.secrets()
        if name not in secrets:
            raise ConfigError(
                "there is no such secret", where=reference, fix="compare settings() with system.secrets()"
            )
        return secrets[name]

    @contextmanager
    def _locked(self, name: str) -> Iterator[StateCell]:
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            yield _Cell(self._cells, name)

    def _ledger(self, tenant: str, limits: tuple[CallLimit, ...]) -> CallBudget:
        with self._guard:
            return self._budgets.setdefault(tenant, InProcess(tenant, limits, self.now))

    # -- faults

    def arm(self, kind: str, action: str, *, times: int = 1, seconds: float = 1.0) -> Fault:
        """Let the next call of this action ("list", "read", "write", or "" for any) go wrong."""
        where = self.trial.place(action) if action else ""
        if action and not where:
            raise NotApplicable(f"There is no call that {_ACTIONS[action]}, so none can go wrong.")
        fault = Fault(kind, where, times, seconds)
        self._actions[fault] = action
        self.system.faults.arm(fault)
        return fault

    def insist_played(self, fault: Fault) -> None:
        """NotApplicable where nothing came by that could play it; it is forgotten either way."""
        played = fault not in self.system.faults.waiting()
        self.system.faults.clear()
        if not played:
            action = self._actions.get(fault, "")
            place = f" in a call that {_ACTIONS[action]}" if action else ""
            known = _FAULTS.get(fault.kind, f"the fault {fault.kind}")
            raise NotApplicable(f"The imitated system cannot play {known}{place}.")

    def insist_any_played(self, armed: Sequence[Fault], waiting: Sequence[Fault]) -> None:
        """NotApplicable where none of the armed faults was played."""
        if all(fault in waiting for fault in armed):
            raise NotApplicable("Nothing is asked of the other side between two pages.")

    # -- reading

    def pull(
        self, cursor: str = "", connector: ErpConnector | None = None, *, acknowledge: bool = False
    ) -> Pulled:
        """Pull as far as it goes; an error ends it and is kept."""
        connector = connector or self.connector()
        pulled = Pulled(cursor)
        try:
            for page in connector.pull(cursor):
                pulled.pages.append(page)
                pulled.cursor = page.cursor
                if acknowledge:
                    connector.acknowledge(page)
        except EInvoicingError as error:
            self.heard(error)
            pulled.error = error
        return pulled

    def read_on(self, cursor: str, wanted: set[str], *, acknowledge: bool = False) -> Pulled:
        """Visit after visit, as the gateway does, until all wanted keys came or it does not go on."""
        whole = Pulled(cursor)
        for _ in range(_LOOKS):
            pulled = self.pull(whole.cursor, acknowledge=acknowledge)
            whole.pages += pulled.pages
            whole.cursor = pulled.cursor
            whole.error = pulled.error
            if pulled.error is None and wanted <= whole.keys:
                return whole
            if pulled.error is not None and not isinstance(pulled.error, RemoteUnavailable):
                raise pulled.error
            retry_at = pulled.error.retry_at if isinstance(pulled.error, RemoteUnavailable) else None
            self.wait_until(retry_at or self.now() + _PAUSE)
        insist(whole.error is None, f"reading does not go on: {whole.error}")
        missing = wanted - whole.keys
        insist(not missing, f"{len(missing)} of {len(wanted)} invoices did not come: {sorted(missing)[:3]}")
        return whole

    # -- writing

    def news(self, document: SourceDocument, state: DeliveryState = DeliveryState.DELIVERED) -> StatusReport:
        """A piece of news about one invoice, with a reference of its own."""
        self._reports += 1
        trial = self.trial
        return StatusReport(
            reference=f"GW-{uuid.uuid4().hex[:13]}-{self._reports}",
            key=document.key,
            number=trial.number(document.key) if isinstance(trial, KnowsNumbers) else document.key,
            document_id=document.revision,
            state=state,
            text="delivered by the network",
            at=self.now(),
            message_id=str(uuid.uuid4()),
            channel="network",
            xml=b"<Invoice/>",
            filename="invoice.xml",
        )

    def write(self, report: StatusReport) -> None:
        """Write one piece of news as the gateway does: again after each RemoteUnavailable, from afresh."""
        for _ in range(_TRIES):
            try:
                self.connector().report_status(report)
            except RemoteUnavailable as error:
                self.heard(error)
                self.wait_until(error.retry_at or self.now() + _PAUSE)
            else:
                return
        insist(False, "status cannot be written, however often it is tried")

    # -- what was said

    def heard(self, error: EInvoicingError) -> None:
        """Keep every text of an error."""
        self.said.append("".join(traceback.format_exception(error)))
        self.said += [error.what, error.where, error.fix, repr(error)]
        if isinstance(error, RemoteUnexpected):
            self.said.append(error.evidence.decode("utf-8", "replace"))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Keep every line that goes into the log: everything the connector says, warnings of libraries."""
        root = logging.getLogger()
        module = str(getattr(self._made_by, "__module__", "connectors"))
        own = logging.getLogger(module.partition(".")[0])
        handler = _Keeper(self.said)
        before = root.level, own.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        own.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.removeHandler(handler)
            root.setLevel(before[0])
            own.setLevel(before[1])


class _Cell:
    def __init__(self, cells: dict[str, str], name: str) -> None:
        self._cells, self._name = cells, name

    @property
    def value(self) -> str:
        return self._cells.get(self._name, "")

    def save(self, value: str) -> None:
        self._cells[self._name] = value


class _Keeper(logging.Handler):
    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._kept = kept
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append(self.format(record))
