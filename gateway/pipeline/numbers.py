"""Numbers: national numbers and payment references, judged beside the official rules before sending."""

from __future__ import annotations

from datetime import date

from formats.codelists.numbers import check_numbers
from formats.finding import CheckRun, Report, RunState, Severity
from formats.model import Invoice
from gateway import __version__

__all__ = ["with_numbers"]

_NAME = "numbers and payment references"


def with_numbers(report: Report, invoice: Invoice, *, on: date) -> Report:
    """The report of the rules with one check more, of the invoice as it is to be sent on a day."""
    found = check_numbers(invoice, on=on)
    is_broken = any(finding.severity is Severity.FATAL for finding in found)
    run = CheckRun(_NAME, __version__, RunState.FAILED if is_broken else RunState.PASSED)
    return Report((*report.runs, run), (*report.findings, *found))
