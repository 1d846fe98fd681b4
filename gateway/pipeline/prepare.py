"""Prepare: everything that goes out is made and archived before the first attempt; checked -> ready."""

from __future__ import annotations

import uuid

from formats.registry import PROFILES
from formats.render.hybrid import render_hybrid
from formats.render.pdf import render_pdf
from gateway.appearance import appearance_of
from gateway.pipeline import routing, signing
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.signing import Seal
from gateway.pipeline.submission import State
from gateway.store import documents, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = ["prepare"]


def prepare(gateway: Gateway, submission: Submission) -> Submission:
    """Render the readable copy where the route wants one, or the PDF that carries the e-invoice where that is
    the profile; sign the e-invoice where it is to be; fix the message id that every retry will carry.

    Raises ConfigError where a signature is demanded and no key can make it.
    """
    with gateway.database.read() as connection:
        invoice = invoice_of(connection, submission)
        document = documents.get(connection, submission.document_digest).content
        taken = routing.taken(connection, gateway.settings, submission)
    route = taken or routing.choose(gateway.settings, invoice, submission, gateway.mapping(submission.source))
    language, profile = gateway.settings.pdf_language, PROFILES[submission.profile]
    look = appearance_of(gateway.company(submission.source), gateway.settings.folder)
    pdf: bytes | None
    if profile.in_pdf:
        pdf = render_hybrid(invoice, document, profile, language=language, appearance=look)
    else:
        pdf = render_pdf(invoice, language=language, appearance=look) if route.attach_pdf else None
    sealed = signing.seal(gateway, submission, profile, pdf if profile.in_pdf and pdf else document)
    message_id = submission.message_id or str(uuid.uuid4())
    with gateway.database.begin() as connection:
        now = gateway.clock()
        pdf_digest = documents.put(connection, pdf, "application/pdf", now=now) if pdf else ""
        told = signing.keep(connection, submission, sealed, now=now) if isinstance(sealed, Seal) else {}
        return submissions.move(
            connection,
            submission,
            State.READY,
            "ready",
            {"message_id": message_id, "channel": submission.channel, "pdf": pdf_digest, **told},
            now=now,
            message_id=message_id,
            pdf_digest=pdf_digest,
        )
