"""Stops: what every failure means for the submission that met it, with a verdict, a sentence and a way on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from formats.errors import (
    ConfigError,
    DocumentError,
    EInvoicingError,
    MalformedDocument,
    MappingError,
    RemoteBlocked,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
    RouteError,
    StorageError,
)
from gateway.access.four_eyes import AccountNotAgreed
from gateway.pipeline import news
from gateway.pipeline.check import BrokenRules
from gateway.pipeline.convert import facts
from gateway.pipeline.revisions import ChangedAfterSending, NumberUsedTwice
from gateway.pipeline.routing import NoRoute
from gateway.pipeline.submission import HANDED_OVER, State, Verdict
from gateway.store import attempts, documents, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway
from mappings.provenance import IncompleteInvoice

__all__ = ["ONE_INVOICE", "of_one_invoice", "stop", "stop_for_own_fault", "verdict_of"]

# In the journal of a stop that says nothing of the channel: under `concerns`.
ONE_INVOICE: Final = "this invoice only"


def verdict_of(error: EInvoicingError) -> Verdict:
    """Who acts."""
    match error:
        case RouteError():
            return Verdict.ROUTE
        case DocumentError():
            return Verdict.DOCUMENT
        case RemoteRefused() | RemoteBlocked() | ConfigError() | StorageError():
            return Verdict.PRECONDITION
        case _:
            return Verdict.PROVIDER


def of_one_invoice(error: EInvoicingError) -> bool:
    """Whether it says nothing of the other side: one receiver's access point, one account, one locked
    record, one message of which nobody knows yet whether it arrived."""
    match error:
        case RemoteUnavailable():
            # A time of its own is for the one message of which nobody knows yet whether it arrived.
            return error.one_receiver or (error.uncertain and error.retry_at is not None)
        case AccountNotAgreed() | RemoteBlocked():
            return True
        case _:
            return False


def stop(gateway: Gateway, submission: Submission, error: EInvoicingError) -> Submission:
    """Keep, park or postpone a submission after `error`; it never stays without a next step.

    What heals by itself keeps its state and a time; after too many tries people see it, and it is still
    tried.
    """
    now = gateway.clock()
    verdict = verdict_of(error)
    due_at = _due(gateway, submission, error, now)
    waits = isinstance(error, RemoteUnavailable) and not gateway.settings.retry.exhausted(
        submission.failures + 1
    )
    state = submission.state if waits else State.PARKED
    changes: dict[str, Any] = {
        "resume_state": submission.resume_state if waits else submission.step,
        "verdict": verdict,
        "sentence": error.what,
        "fix": error.fix,
        "failures": submission.failures + 1,
        "due_at": due_at,
    }
    data: dict[str, object] = {
        "verdict": verdict,
        "what": error.what,
        "where": error.where,
        "fix": error.fix,
        "again_at": due_at.isoformat() if due_at else "",
    }
    if of_one_invoice(error):
        data["concerns"] = ONE_INVOICE
    # Nothing but content and configuration decides these, so that trying again needs a change of either.
    by_itself = isinstance(error, MappingError | MalformedDocument | BrokenRules | NoRoute)
    judged_under = gateway.judged_under() if by_itself else ""
    with gateway.database.begin() as connection:
        newer = None if waits else _overtaken(connection, submission, error)
        if newer is not None:
            told: dict[str, object] = {"by": newer.id, "revision": newer.revision, "what": error.what}
            return submissions.move(
                connection, submission, State.SUPERSEDED, "superseded", told, now=now, superseded_by=newer.id
            )
        if not waits and _same_stop(submission, verdict, error):
            return submissions.still_stopped(connection, submission, due_at, judged_under=judged_under)
        changes["judged_under"] = judged_under
        if isinstance(error, DocumentError) and submission.step is not State.SENT:
            # Nobody holds it. It starts over from what the ERP gave: mapping, company facts or routes may be
            # what is mended.
            changes |= {"resume_state": State.RECEIVED, "route": 0}
            attempts.close(connection, submission.id, "refused", "", now=now)
        if isinstance(error, BrokenRules):
            changes["report_digest"] = data["report"] = error.digest
            data["rules"] = sorted({finding.rule for finding in error.report.fatal})
        if (
            isinstance(error, IncompleteInvoice | ChangedAfterSending | NumberUsedTwice)
            and error.invoice is not None
        ):
            changes |= facts(error.invoice)
        if isinstance(error, RemoteUnexpected) and error.evidence:
            data["evidence"] = documents.put(connection, error.evidence, "application/octet-stream", now=now)
        if not waits:
            news.stopped(connection, submission, verdict, error, now=now)
        return submissions.move(
            connection, submission, state, "waiting" if waits else "parked", data, now=now, **changes
        )


def _overtaken(connection: Connection, submission: Submission, error: EInvoicingError) -> Submission | None:
    """The newer revision that went on while this one was tried once more: nobody need look at this one then.

    Usually the newer one retires what stopped before it; another worker may have had this one in hand.
    """
    if not isinstance(error, DocumentError) or submission.step in HANDED_OVER:
        return None
    newer = submissions.newest(connection, submission.source, submission.source_key)
    if newer is None or newer.arrival <= submission.arrival:
        return None
    return newer if newer.state not in (State.RECEIVED, State.SUPERSEDED) else None


def _same_stop(submission: Submission, verdict: Verdict, error: EInvoicingError) -> bool:
    """Whether a parked submission stopped at the same place, for a reason in the same words."""
    said = (submission.verdict, submission.sentence, submission.fix)
    return submission.state is State.PARKED and said == (verdict, error.what, error.fix)


def stop_for_own_fault(gateway: Gateway, submission: Submission, fault: BaseException) -> Submission:
    """A fault of the gateway itself: the invoice is parked where IT sees it, and the others go on."""
    return stop(
        gateway,
        submission,
        ConfigError(
            f"the gateway met a fault of its own ({type(fault).__name__}) after {submission.step}",
            where="gateway",
            fix="send the log to the maintainers; the invoice is safe and is tried again by itself",
        ),
    )


def _due(gateway: Gateway, submission: Submission, error: EInvoicingError, now: datetime) -> datetime | None:
    retry = gateway.settings.retry
    if isinstance(error, DocumentError):
        return None
    if isinstance(error, RemoteUnavailable):
        return retry.next_try(submission.failures + 1, now=now, retry_at=error.retry_at)
    return now + timedelta(seconds=retry.cap)
