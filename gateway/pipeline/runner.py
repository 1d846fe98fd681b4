"""The runner: takes due submissions through their steps in a worker pool, and runs the rounds around them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Final

import structlog

from formats.errors import (
    ConflictError,
    DocumentError,
    EInvoicingError,
    RemoteBlocked,
    RemoteError,
    RemoteUnavailable,
    StorageError,
)
from gateway import workers
from gateway.pipeline import failing
from gateway.pipeline.check import check
from gateway.pipeline.collect import collect
from gateway.pipeline.convert import convert
from gateway.pipeline.deliver import deliver
from gateway.pipeline.follow import NoOutcomeYet, follow, inquire, park_overdue
from gateway.pipeline.foreign import contained
from gateway.pipeline.gates import Gates
from gateway.pipeline.parties import pull_parties
from gateway.pipeline.payments import follow_payments
from gateway.pipeline.post_payments import post_payments
from gateway.pipeline.prepare import prepare
from gateway.pipeline.report_back import report_back
from gateway.pipeline.stops import stop, stop_for_own_fault, verdict_of
from gateway.pipeline.submission import WORKABLE, State, may_move
from gateway.store import journal, parties, reports, sources, submissions
from gateway.store.documents import DamagedDocument
from gateway.store.sides import Errand
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["Observer", "Runner"]

Step = Callable[[Gateway, Submission], Submission]
# Told after each piece of work: what was done ("collected", "worked", ...), on what, and how it ended.
Observer = Callable[[str, str, str], None]

_STEPS: Final[dict[State, Step]] = {
    State.RECEIVED: convert,
    State.MAPPED: check,
    State.CHECKED: prepare,
    State.READY: deliver,
    State.SENDING: deliver,
    State.SENT: inquire,
}
_NETWORK: Final = frozenset({State.READY, State.SENDING, State.SENT})
# What other sides are asked for in rounds, by what is said when it is done.
_ERRANDS: Final = {
    "collected": Errand.COLLECT,
    "parties": Errand.PARTIES,
    "payments": Errand.PAYMENTS,
    "posted": Errand.POST,
    "followed": Errand.FOLLOW,
}
# Longer than any step may take: every call to the network is bounded by its time-outs.
_LEASE: Final = timedelta(minutes=15)
_BATCH_PER_WORKER: Final = 4
_SOON: Final = timedelta(minutes=1)
# While work is under way, this often (in seconds) is looked for more that has become due.
_LOOK: Final = 1.0
_TRIES: Final = 3
_log = structlog.get_logger("runner")


class Runner:
    """Runs steps and rounds. One runner per process; several processes may work on one database.

    Every method is safe to repeat and to interrupt: what was committed is done, the rest is done again.
    """

    def __init__(self, gateway: Gateway, observer: Observer | None = None) -> None:
        self._gateway = gateway
        self._observe = observer or (lambda what, subject, result: None)
        self._gates = Gates(gateway.settings.retry)
        self._stopping = threading.Event()
        self._worker = f"{workers.THIS_WORKER}/{uuid.uuid4().hex[:4]}"
        self._working = threading.Lock()
        # Errands that failed, by what was done and on what, with the reason.
        self.troubles: dict[tuple[str, str], str] = {}

    def stop(self) -> None:
        """Finish the step at hand and begin no other."""
        self._stopping.set()

    def mended(self, source: str) -> None:
        """A source has other settings than before: that it was out of reach says nothing any more."""
        self._gates.passed(f"source {source}")

    # -- rounds
    # -----------------------------------------------------------------------------------------------

    def round(self) -> None:
        """One round by hand: read, work, follow, report, payments, for everything that is configured."""
        settings = self._gateway.settings
        self.requeue_parked()
        for source in settings.sources:
            self.collect(source.name)
            self.pull_parties(source.name, only_when_due=True)
        self.work()
        for channel in settings.channels:
            self.follow(channel.name)
        self.network()
        self.work()
        self.report()
        for source in settings.sources:
            self.post_payments(source.name)
            self.follow_payments(source.name)

    def requeue_parked(self) -> int:
        """People may have mended something: try again what is parked and certainly not sent yet."""
        gateway = self._gateway
        judged_under = gateway.judged_under()
        with gateway.database.begin() as connection:
            return submissions.requeue(connection, None, now=gateway.clock(), judged_under=judged_under)

    def collect(self, source: str) -> int:
        """Read one source; its failures are kept with it and shown, and the other sources go on."""
        return self._guarded(
            "collected", source, lambda: collect(self._gateway, source), f"source {source}", keep=True
        )

    def follow(self, channel: str) -> int:
        """Take in the receipts of one channel, and ask after those overdue."""
        new = self._if_open("followed", channel, lambda: follow(self._gateway, channel), f"channel {channel}")
        _repeated_on_conflict(lambda: park_overdue(self._gateway))
        if failing.look_again(self._gateway, channel):
            self._gates.passed(f"channel {channel}")
        return new

    def network(self) -> int:
        """What came in over networks of our own, and what is answered there."""
        if not any(channel.kind == "peppol" for channel in self._gateway.settings.channels):
            return 0
        # Loaded here: who has no access point need not wait for it.
        from gateway.peppol import rounds

        return self._guarded("answered", "network", lambda: rounds.work(self._gateway), "network")

    def follow_payments(self, source: str) -> int:
        """Ask one ERP what was paid."""
        return self._if_open(
            "payments", source, lambda: follow_payments(self._gateway, source), f"source {source}"
        )

    def post_payments(self, source: str) -> int:
        """Post incoming payments in one ERP."""
        return self._if_open(
            "posted", source, lambda: post_payments(self._gateway, source), f"source {source}"
        )

    def pull_parties(self, source: str, *, only_when_due: bool = False) -> int:
        """Read what changed in the buyers' master data of one ERP."""
        gateway = self._gateway
        if only_when_due:
            with gateway.database.read() as connection:
                read_at = parties.read_at(connection, source)
            pause = timedelta(seconds=gateway.source_settings(source).parties_poll_seconds)
            if read_at is not None and read_at + pause > gateway.clock():
                return 0
        return self._if_open("parties", source, lambda: pull_parties(gateway, source), f"source {source}")

    def report(self, limit: int = 500) -> int:
        """Write due news into the ERPs."""
        gateway = self._gateway
        # One at a time, also across processes: the look before the write must not be overtaken by another's.
        with gateway.alone("reports"):
            with gateway.database.read() as connection:
                due = reports.due(connection, now=gateway.clock(), limit=limit)
            done = 0
            silent: set[str] = set()
            held: set[str] = set()
            for report in due:
                if self._stopping.is_set():
                    break
                with gateway.database.read() as connection:
                    submission = submissions.get(connection, report.submission)
                gate = f"source {submission.source}"
                if report.submission in held:
                    continue  # older news of the same invoice was not written
                if submission.source in silent or self._gates.surely_closed(gate, gateway.clock()):
                    continue
                try:
                    with contained(submission.source):
                        report_back(gateway, report)
                except EInvoicingError as error:
                    if _stops_the_work(error):
                        raise
                    self._report_failed(report, submission, error)
                    self._gates.failed(gate, "report", error, gateway.clock())
                    failing.note(gateway, gate, Errand.REPORT, error)
                    if not isinstance(error, DocumentError):
                        held.add(report.submission)
                    if isinstance(error, RemoteError) and not isinstance(error, RemoteBlocked):
                        silent.add(submission.source)  # the ERP is out of reach, the rest would fail alike
                    continue
                done += 1
                failing.over(gateway, gate, Errand.REPORT)
                self._observe("reported", submission.number, report.state)
        return done

    def _report_failed(
        self, report: reports.QueuedReport, submission: Submission, error: EInvoicingError
    ) -> None:
        gateway = self._gateway
        now = gateway.clock()
        retry_at = error.retry_at if isinstance(error, RemoteUnavailable) else None
        due_at: datetime | None = (
            None  # of a DocumentError: the ERP has no place for it, nor will it tomorrow
        )
        if isinstance(error, RemoteBlocked):
            due_at = now + timedelta(seconds=gateway.settings.retry.cap)
        elif not isinstance(error, DocumentError):
            due_at = gateway.settings.retry.next_try(report.failures + 1, now=now, retry_at=retry_at)
        _log.warning(
            "status not written", source=submission.source, reference=report.reference, why=error.what
        )
        with gateway.database.begin() as connection:
            reports.failed(
                connection,
                report,
                verdict=verdict_of(error),
                sentence=error.sentence,
                due_at=due_at,
            )
            if report.sentence != error.sentence:
                again_at = due_at.isoformat() if due_at else "never"
                data = {"reference": report.reference, "what": error.what, "again_at": again_at}
                journal.append(connection, "report failed", data, now=now, submission=submission.id)
        self._observe("reported", submission.number, error.what)

    def _if_open(self, what: str, name: str, act: Callable[[], int], gate: str) -> int:
        """An errand to a side that is known to be out of reach waits for its next time."""
        if self._gates.surely_closed(gate, self._gateway.clock()):
            return 0
        return self._guarded(what, name, act, gate)

    def _guarded(self, what: str, name: str, act: Callable[[], int], gate: str, *, keep: bool = False) -> int:
        """Run one errand; a failure of the other side is logged, told, and (for sources) kept."""
        gateway = self._gateway
        try:
            # One process at a time: two that read the same pages would only get in each other's way.
            with gateway.alone(f"{what} {name}"), contained(name):
                result = _repeated_on_conflict(act)
            self._gates.passed(gate)
            self.troubles.pop((what, name), None)
            if what in _ERRANDS:
                failing.over(gateway, gate, _ERRANDS[what])
        except (ConflictError, StorageError):
            raise
        except EInvoicingError as error:
            self._gates.failed(gate, what, error, gateway.clock())
            _log.warning(f"not {what}", name=name, what=error.what, fix=error.fix)
            self._observe(what, name, error.sentence)
            self.troubles[what, name] = error.sentence
            if what in _ERRANDS:
                failing.note(gateway, gate, _ERRANDS[what], error, whole=True)
            if keep:
                now = gateway.clock()
                with gateway.database.begin() as connection:
                    failures = sources.get(connection, name).failures + 1
                    retry_at = error.retry_at if isinstance(error, RemoteUnavailable) else None
                    sources.failed(
                        connection,
                        name,
                        verdict=verdict_of(error),
                        sentence=error.sentence,
                        due_at=gateway.settings.retry.next_try(failures, now=now, retry_at=retry_at),
                    )
            return 0
        self._observe(what, name, str(result))
        return result

    # -- submissions
    # ------------------------------------------------------------------------------------------

    def work(self) -> int:
        """Take every due submission as far as it goes now; returns how many were worked on.

        Raises StorageError when the database can take no more; what was claimed is given free by the next
        call.
        """
        with self._working:
            return self._work()

    def _work(self) -> int:
        gateway, size = self._gateway, self._gateway.settings.workers
        with gateway.database.begin() as connection:
            # What this runner still holds is left from a call that a full disk ended.
            gone = workers.gone(submissions.workers(connection))
            submissions.release_workers(connection, [*gone, self._worker])
        worked = 0
        at_hand: dict[Future[None], Submission] = {}
        with ThreadPoolExecutor(size, thread_name_prefix="worker") as pool:
            while True:
                # One invoice that hangs holds one worker, not those that come after it.
                if len(at_hand) <= size:
                    batch = self._claim(size * _BATCH_PER_WORKER)
                    at_hand |= {pool.submit(self._advance, submission): submission for submission in batch}
                    worked += len(batch)
                if not at_hand:
                    return worked
                for future in wait(at_hand, _LOOK, FIRST_COMPLETED).done:
                    submission, fault = at_hand.pop(future), future.exception()
                    if fault is not None:
                        self._own_fault(submission, fault)

    def _claim(self, limit: int) -> list[Submission]:
        gateway = self._gateway
        if self._stopping.is_set():
            return []
        with gateway.database.begin() as connection:
            return submissions.claim_due(
                connection, worker=self._worker, now=gateway.clock(), limit=limit, lease=_LEASE
            )

    def _advance(self, submission: Submission) -> None:
        """Step after step until it waits, stops or is done."""
        gateway = self._gateway
        claimed = submission
        try:
            while not self._stopping.is_set() and self._is_due(submission):
                if submission.step in _NETWORK:
                    # What a person asks for again is tried, also while the others wait.
                    asked = submission.state is State.PARKED and submission.failures == 0
                    asked_at = submission.due_at if asked else None
                    until = self._gates.closed_until(
                        f"channel {submission.channel}", gateway.clock(), asked_at=asked_at
                    )
                    if until is not None:
                        with gateway.database.begin() as connection:
                            soon = gateway.clock() + _SOON
                            submissions.postpone(connection, submission, min(until, soon))
                        return
                submission = self._step(submission)
        except ConflictError:
            _log.info("changed by another worker", submission=submission.id)
        finally:
            with gateway.database.begin() as connection:
                submissions.release(connection, claimed)
        self._observe("worked", submission.number or submission.source_key, submission.state)

    def _step(self, submission: Submission) -> Submission:
        step = _STEPS[submission.step]
        started = self._gateway.clock()
        try:
            after = step(self._gateway, submission)
            if submission.step in _NETWORK:
                self._gates.passed(f"channel {submission.channel}")
                failing.over(self._gateway, f"channel {submission.channel}", Errand.SEND)
        except EInvoicingError as error:
            if _stops_the_work(error):
                raise
            with self._gateway.database.read() as connection:
                submission = submissions.get(connection, submission.id)  # the step may have moved it on
            if not may_move(submission.state, State.PARKED):
                return submission  # meanwhile a newer revision took its place
            after = stop(self._gateway, submission, error)
            others_too = not (isinstance(error, RemoteUnavailable) and error.one_receiver)
            if submission.step in _NETWORK and others_too and not isinstance(error, NoOutcomeYet):
                gate = f"channel {submission.channel}"
                now = self._gateway.clock()
                self._gates.failed(gate, submission.id, error, now, of_one_invoice=True)
                failing.note(self._gateway, gate, Errand.SEND, error)
        _log.info(
            "step",
            submission=after.id,
            step=submission.step,
            state=after.state,
            verdict=after.verdict,
            ms=round((self._gateway.clock() - started).total_seconds() * 1000),
        )
        return after

    def _is_due(self, submission: Submission) -> bool:
        return (
            submission.state in WORKABLE
            and submission.due_at is not None
            and submission.due_at <= self._gateway.clock()
            and submission.step in _STEPS
        )

    def _own_fault(self, submission: Submission, fault: BaseException) -> None:
        if isinstance(fault, StorageError) or not isinstance(fault, Exception):
            raise fault
        _log.error("fault of the gateway", submission=submission.id, exc_info=fault)
        with self._gateway.database.read() as connection:
            submission = submissions.get(connection, submission.id)
        if may_move(submission.state, State.PARKED):
            stop_for_own_fault(self._gateway, submission, fault)


def _stops_the_work(error: EInvoicingError) -> bool:
    """Nothing can be written at all, or another worker was faster."""
    return isinstance(error, ConflictError | StorageError) and not isinstance(error, DamagedDocument)


def _repeated_on_conflict(act: Callable[[], int]) -> int:
    """Another process did the same at the same moment: read again, as the error says."""
    for _ in range(_TRIES - 1):
        try:
            return act()
        except ConflictError:
            continue
    return act()
