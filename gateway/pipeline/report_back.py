"""Report back: write one piece of news into the ERP by its own means."""

from __future__ import annotations

import re

from connectors.base import DeliveryState, StatusReport
from gateway.store import documents, journal, reports, submissions
from gateway.store.reports import QueuedReport
from gateway.wiring import Gateway

__all__ = ["report_back"]


def report_back(gateway: Gateway, report: QueuedReport) -> None:
    """Write it, then note that the ERP holds it; running it twice writes once, for the connector looks first.

    Raises what the connector raises; the report then stays queued.
    """
    with gateway.database.read() as connection:
        submission = submissions.get(connection, report.submission)
        # The news may be about a repetition: message and document are those of the invoice that went out.
        sent = (
            submissions.get(connection, submission.superseded_by) if submission.superseded_by else submission
        )
        xml = documents.get(connection, sent.document_digest).content if sent.document_digest else b""
    state = DeliveryState(report.state)
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", sent.number)[:80] or sent.id
    written = gateway.source(submission.source).report_status(
        StatusReport(
            reference=report.reference,
            key=submission.source_key,
            number=submission.number,
            document_id=submission.revision,
            state=state,
            text=report.text,
            at=report.made_at,
            message_id=sent.message_id,
            channel=sent.channel,
            xml=xml if state.arrived else b"",
            filename=f"{stem}.xml",
        )
    )
    with gateway.database.begin() as connection:
        now = gateway.clock()
        reports.done(connection, report.reference, written.where, now=now)
        data = {"reference": report.reference, "told": report.state, "where": written.where}
        journal.append(
            connection, "reported", {**data, "was there": written.existed}, now=now, submission=submission.id
        )
