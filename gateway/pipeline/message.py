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

__all__ = ["message_of"]


def message_of(connection: Connection, submission: Submission) -> OutboundMessage:
    """What goes to the channel, the same on every retry."""
    invoice = invoice_of(connection, submission)
    document = documents.get(connection, submission.document_digest)
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", submission.number)[:80] or submission.id
    profile = PROFILES.get(submission.profile)
    files = [Attachment(f"{stem}.xml", document.media_type, document.content)]
    digest = submission.document_digest
    if submission.pdf_digest:
        pdf = documents.get(connection, submission.pdf_digest)
        files.append(Attachment(f"{stem}.pdf", pdf.media_type, pdf.content))
    hybrid = profile is not None and profile.in_pdf
    if hybrid:
        # The PDF is the e-invoice; the XML goes inside it and not beside it.
        del files[0]
        digest = submission.pdf_digest
    signature = signatures.of(connection, submission.id, digest)
    if signature is not None:
        signed = documents.get(connection, signature.signed)
        name = stem + profiles.named(signature.profile).ending
        files[0] = Attachment(name, signed.media_type, signed.content)
        digest = signed.digest
    if profile is not None and profile.file_numbers is not None:
        name = _numbered_name(connection, submission, invoice, profile.file_numbers, signature)
        files[0] = replace(files[0], filename=name or files[0].filename)
    buyer, seller = invoice.buyer, invoice.seller
    kind = "Credit note" if invoice.is_credit_note else "Invoice"
    seller_name = (seller.name if seller else "") or ""
    return OutboundMessage(
        message_id=submission.message_id,
        number=submission.number,
        digest=digest,
        files=tuple(files),
        seller=seller_name,
        buyer=submission.buyer,
        sender=seller.electronic_address if seller else None,
        receiver=buyer.electronic_address if buyer else None,
        mailbox=(buyer.contact.email if buyer and buyer.contact else "") or "",
        subject=f"{kind} {submission.number} from {seller_name}",
        body=_body(kind, submission, invoice, seller_name, hybrid=hybrid),
        made_at=attempts.first_opened(connection, submission.id, submission.message_id),
        country=(seller.address.country if seller and seller.address else "") or "",
    )


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


def _body(kind: str, submission: Submission, invoice: Invoice, seller: str, *, hybrid: bool) -> str:
    due = f", due on {invoice.due_date.isoformat()}" if invoice.due_date else ""
    amount = f"{submission.currency} {submission.amount}" if submission.amount is not None else ""
    return f"{kind} {submission.number} from {seller}: {amount}{due}.\n\n" + (
        "The attached PDF is the invoice, for people and, by the XML inside it, for machines.\n"
        if hybrid
        else "The attached XML file is the invoice; the PDF is a readable copy of it.\n"
    )
