"""Writing back: each piece of news is in the ERP once, whatever becomes of the answer."""

from __future__ import annotations

from typing import Final

from connectors.base import SourceDocument
from connectors.conformance.bench import Bench
from connectors.conformance.outcome import Behaviour, NotApplicable, insist
from connectors.conformance.trial import ClosesPeriods
from formats.errors import EInvoicingError, RemoteBlocked, RemoteUnavailable

__all__ = ["BEHAVIOURS"]


def once(bench: Bench) -> None:
    report = bench.news(_document(bench))
    first = bench.connector().report_status(report)
    insist(bool(first.where), "the proof does not say where the ERP holds the status")
    insist(not first.existed, "the first writing claims that it was there already")
    second = bench.connector().report_status(report)
    insist(second.existed, "the second writing does not notice the first")
    times = bench.trial.times_written(report.reference)
    insist(times == 1, f"written twice under one reference, the status is in the ERP {times} times")


def several(bench: Bench) -> None:
    document = _document(bench)
    reports = [bench.news(document) for _ in range(3)]
    for report in reports:
        bench.write(report)
    times = [bench.trial.times_written(report.reference) for report in reports]
    insist(times == [1, 1, 1], f"three pieces of news about one invoice are there {times} times")


def lost_answer(bench: Bench) -> None:
    document = _document(bench)
    for number in (1, 2):  # also where the second of several calls is the one whose answer is lost
        report = bench.news(document)
        fault = bench.arm("drop-after", "write", times=number)
        try:
            bench.connector().report_status(report)
        except EInvoicingError as error:
            bench.heard(error)
            insist(
                isinstance(error, RemoteUnavailable),
                f"a lost answer is {type(error).__name__} instead of RemoteUnavailable: {error}",
            )
        if number == 1:
            bench.insist_played(fault)
        bench.system.faults.clear()
        bench.write(report)
        times = bench.trial.times_written(report.reference)
        insist(times == 1, f"after a lost answer the status is in the ERP {times} times")


def refused_first(bench: Bench) -> None:
    report = bench.news(_document(bench))
    fault = bench.arm("server-error", "write")
    try:
        bench.connector().report_status(report)
    except EInvoicingError as error:
        bench.heard(error)
        insist(isinstance(error, RemoteUnavailable), f"{type(error).__name__} instead of RemoteUnavailable")
    bench.insist_played(fault)
    bench.write(report)
    times = bench.trial.times_written(report.reference)
    insist(times == 1, f"after a failed writing and another one the status is in the ERP {times} times")


def closed_period(bench: Bench) -> None:
    trial = bench.trial
    if not isinstance(trial, ClosesPeriods):
        raise NotApplicable("The imitated system has no closed periods and no locks.")
    document = _document(bench)
    trial.close_period(document.key)
    report = bench.news(document)
    try:
        written = bench.connector().report_status(report)
    except EInvoicingError as error:
        bench.heard(error)
        insist(
            isinstance(error, RemoteBlocked),
            f"a closed period is {type(error).__name__} instead of RemoteBlocked: {error}",
        )
        return
    insist(bool(written.where), "written elsewhere, but the proof does not say where")
    times = trial.times_written(report.reference)
    insist(times == 1, f"with the period closed the status is in the ERP {times} times")


def _document(bench: Bench) -> SourceDocument:
    (key,) = bench.trial.add(1)
    pulled = bench.read_on("", {key}, acknowledge=True)
    return next(one for one in pulled.documents if one.key == key)


BEHAVIOURS: Final = (
    Behaviour("write-back once", "written again under the same reference, it is found and left", once),
    Behaviour("several news", "an invoice can have several pieces of news", several),
    Behaviour("lost answer", "the answer to a writing is lost: it is there once all the same", lost_answer),
    Behaviour("failed writing", "a writing that failed is done later, once", refused_first),
    Behaviour("closed period", "written elsewhere, or parked with a clear sentence", closed_period),
)
