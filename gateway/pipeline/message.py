"""The message of a submission, exactly as it was prepared: all of it comes from the archive."""

from __future__ import annotations

import re
from dataclasses import replace

from sqlalchemy import Connection

from connectors.base import Attachment, OutboundMessage
from formats.model import Invoice
from formats.profiles.profile import FileNumbers
from formats.registry import PROFILES
from formats.signatures import profiles
from gateway.pipeline.convert import invoice_of
from gateway.store import attempts, documents, file_numbers, signatures
from gateway.store.signatures import Signature
from gateway.store.submissions import Submission

__all__ = ["message_of", "signature_of", "signed_file"]


def message_of(connection: Connection, submission: Submission) -> OutboundMessage:
    """What goes to the channel, the same on every retry; without the words that an e-mail has around it."""
    invoice = invoice_of(connection, submission)
    document = documents.get(connection, submission.document_digest)
    stem = _stem(submission)
    profile = PROFILES.get(submission.profile)
    files = [Attachment(f"{stem}.xml", document.media_type, document.content)]
    if submission.pdf_digest:
        pdf = documents.get(connection, submission.pdf_digest)
        files.append(Attachment(f"{stem}.pdf", pdf.media_type, pdf.content))
    hybrid = profile is not None and profile.in_pdf
    if hybrid:
        # The PDF is the e-invoice; the XML goes inside it and not beside it.
        del files[0]
    digest, signature = _unsigned(submission), signature_of(connection, submission)
    if signature is not None:
        digest, files[0] = signature.signed, _signed(connection, submission, signature)
    if profile is not None and profile.file_numbers is not None:
        name = _numbered_name(connection, submission, invoice, profile.file_numbers, signature)
        files[0] = replace(files[0], filename=name or files[0].filename)
    buyer, seller = invoice.buyer, invoice.seller
    return OutboundMessage(
        message_id=submission.message_id,
        number=submission.number,
        digest=digest,
        files=tuple(files),
        seller=(seller.name if seller else "") or "",
        buyer=submission.buyer,
        sender=seller.electronic_address if seller else None,
        receiver=buyer.electronic_address if buyer else None,
        mailbox=(buyer.contact.email if buyer and buyer.contact else "") or "",
        made_at=attempts.first_opened(connection, submission.id, submission.message_id),
        country=(seller.address.country if seller and seller.address else "") or "",
    )


def signature_of(connection: Connection, submission: Submission) -> Signature | None:
    """How the e-invoice of this submission was signed, None where it was not."""
    digest = _unsigned(submission)
    return signatures.of(connection, submission.id, digest) if digest else None


def signed_file(connection: Connection, submission: Submission) -> Attachment | None:
    """The e-invoice as it was signed, under the name it goes out with; None for one that is not signed."""
    signature = signature_of(connection, submission)
    if signature is None:
        return None
    file, profile = _signed(connection, submission, signature), PROFILES.get(submission.profile)
    if profile is None or profile.file_numbers is None:
        return file
    invoice = invoice_of(connection, submission)
    name = _numbered_name(connection, submission, invoice, profile.file_numbers, signature)
    return replace(file, filename=name or file.filename)


def _stem(submission: Submission) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", submission.number)[:80] or submission.id


def _unsigned(submission: Submission) -> str:
    """The digest of what is signed: the e-invoice, which may be a PDF."""
    profile = PROFILES.get(submission.profile)
    in_pdf = profile is not None and profile.in_pdf
    return submission.pdf_digest if in_pdf else submission.document_digest


def _signed(connection: Connection, submission: Submission, signature: Signature) -> Attachment:
    stored = documents.get(connection, signature.signed)
    name = _stem(submission) + profiles.named(signature.profile).ending
    return Attachment(name, stored.media_type, stored.content)


def _numbered_name(
    connection: Connection,
    submission: Submission,
    invoice: Invoice,
    numbers: FileNumbers,
    signature: Signature | None,
) -> str:
    """The name by which the network knows the file, "" for one that was given no number."""
    number = file_numbers.current(connection, submission.id, numbers.transmitter(invoice))
    if number is None:
        return ""
    return numbers.file_name(invoice, numbers.text(number), signature.profile if signature else "")
