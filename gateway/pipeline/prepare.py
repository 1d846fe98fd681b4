"""Prepare: everything that goes out is made and archived before the first attempt; checked -> ready."""

from __future__ import annotations

import uuid

from formats.render.pdf import render_pdf
from gateway.pipeline import routing
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.submission import State
from gateway.store import documents, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["prepare"]


def prepare(gateway: Gateway, submission: Submission) -> Submission:
    """Render the readable copy where the route wants one, and fix the message id that every retry will
    carry."""
    with gateway.database.read() as connection:
        invoice = invoice_of(connection, submission)
    route = routing.choose(gateway.settings, invoice, submission, gateway.mapping(submission.source))
    pdf = render_pdf(invoice, language=gateway.settings.pdf_language) if route.attach_pdf else None
    message_id = submission.message_id or str(uuid.uuid4())
    with gateway.database.begin() as connection:
        now = gateway.clock()
        pdf_digest = documents.put(connection, pdf, "application/pdf", now=now) if pdf else ""
        return submissions.move(
            connection,
            submission,
            State.READY,
            "ready",
            {"message_id": message_id, "channel": submission.channel, "pdf": pdf_digest},
            now=now,
            message_id=message_id,
            pdf_digest=pdf_digest,
        )
