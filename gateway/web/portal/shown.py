"""What the page of one invoice shows to its buyer: bounded, however long the invoice is, and nothing of
others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from markupsafe import Markup
from sqlalchemy import Connection, select
from stdnum import iban

from connectors.base import PaymentState
from formats.errors import EInvoicingError
from formats.model import Invoice
from formats.model.kept_back import payable
from formats.render.payment_code import payment_code
from formats.render.view import view
from formats.render.words import LANGUAGES
from gateway.appearance import appearance_of
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.message import signature_of
from gateway.pipeline.submission import State
from gateway.portal import answers
from gateway.store.submissions import Submission
from gateway.store.tables import documents, payments
from gateway.wiring import Gateway

__all__ = ["MOST_LINES", "File", "Shown", "Transfer", "read"]

MOST_LINES: Final = 100
_MOST_FILES: Final = 50
_MOST_SAID: Final = 10
_KINDS: Final = {
    "application/pdf": "PDF",
    "application/pkcs7-mime": "P7M",
    "application/xml": "XML",
    "text/xml": "XML",
    "text/csv": "CSV",
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "XLSX",
    "application/vnd.oasis.opendocument.spreadsheet": "ODS",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file to take along, or an address on somebody else's server (`url`). `size` in bytes, None where it
    is made when it is asked for."""

    name: str
    title: str
    kind: str
    size: int | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Where to pay to: texts as people type them."""

    to: str
    account: str
    bank: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the buyer said earlier on this page."""

    at: datetime
    kind: str
    text: str
    on: date | None


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything of one page. `standing` is one of open, paid, credit, nothing (nothing to pay), replaced,
    refused; `left` what is still to be paid where part of it is."""

    invoice: Invoice
    sheet: Mapping[str, Any]
    lines_left_out: int
    standing: str
    state: State
    today: date
    days: int | None
    left: Decimal | None
    transfers: tuple[Transfer, ...]
    reference: str
    collected: bool
    code: Markup
    logo: str
    files: tuple[File, ...]
    may_answer: bool
    may_promise: bool
    lines: tuple[tuple[str, str], ...]
    said: tuple[Told, ...]


def read(connection: Connection, gateway: Gateway, submission: Submission, language: str) -> Shown:
    """The page's content in the buyer's language. Raises what reading the archive raises."""
    invoice = invoice_of(connection, submission)
    sheet = view(replace(invoice, lines=invoice.lines[:MOST_LINES]), LANGUAGES[language])
    today = gateway.clock().astimezone(ZoneInfo(gateway.settings.web.time_zone)).date()
    standing, left = _standing(connection, submission, invoice)
    payment = invoice.payment
    may_answer = answers.may_answer(submission)
    return Shown(
        invoice=invoice,
        sheet=sheet,
        lines_left_out=max(0, len(invoice.lines) - MOST_LINES),
        standing=standing,
        state=submission.step,
        today=today,
        days=(invoice.due_date - today).days if invoice.due_date else None,
        left=left,
        transfers=_transfers(invoice),
        reference=((payment.remittance_information if payment else "") or invoice.number or "").strip(),
        collected=bool(payment and (payment.direct_debit or payment.card)),
        # Ours, made of numbers: no text of the invoice is in it as text.
        code=Markup(payment_code(invoice)) if standing == "open" and left is None else Markup(""),  # noqa: S704
        logo=_logo(gateway, submission),
        files=_files(connection, submission, invoice),
        may_answer=may_answer,
        may_promise=may_answer and standing == "open" and not (payment and payment.direct_debit),
        lines=_lines(invoice),
        said=_said(connection, submission),
    )


def _standing(connection: Connection, submission: Submission, invoice: Invoice) -> tuple[str, Decimal | None]:
    if submission.state is State.SUPERSEDED:
        return "replaced", None
    if submission.step is State.REJECTED:
        return "refused", None
    if invoice.is_credit_note:
        return "credit", None
    if submission.state is State.CLOSED:
        return "nothing", None
    row = connection.execute(select(payments).where(payments.c.submission == submission.id)).one_or_none()
    if submission.step is State.PAID or (
        row is not None and row.state in (PaymentState.PAID, PaymentState.SETTLED)
    ):
        return "paid", None
    due = payable(invoice)
    if due is not None and due <= 0:
        return "nothing", None
    if row is not None and due is not None and row.paid and 0 < row.paid < due:
        return "open", due - row.paid
    return "open", None


def _transfers(invoice: Invoice) -> tuple[Transfer, ...]:
    payment = invoice.payment
    if payment is None:
        return ()
    payee = (invoice.payee.name if invoice.payee else None) or (
        invoice.seller.name if invoice.seller else None
    )
    return tuple(
        Transfer(one.account_name or payee or "", _grouped(one.account or ""), one.service_provider or "")
        for one in payment.credit_transfers[:5]
        if one.account
    )


def _grouped(account: str) -> str:
    return iban.format(account) if iban.is_valid(account) else account


def _logo(gateway: Gateway, submission: Submission) -> str:
    try:
        look = appearance_of(gateway.company(submission.source), gateway.settings.folder)
    except EInvoicingError:
        # A source that is no longer configured: the invoice is shown without its looks.
        return ""
    return look.logo.address if look.logo else ""


def _files(connection: Connection, submission: Submission, invoice: Invoice) -> tuple[File, ...]:
    signature = signature_of(connection, submission)
    signed_digest = signature.signed if signature else ""
    digests = [one for one in (submission.document_digest, submission.pdf_digest, signed_digest) if one]
    kept = {
        row.digest: row
        for row in connection.execute(
            select(documents.c.digest, documents.c.media_type, documents.c.size).where(
                documents.c.digest.in_(digests)
            )
        )
    }
    pdf, xml = kept.get(submission.pdf_digest), kept.get(submission.document_digest)
    signed = kept.get(signed_digest)
    found = [File("invoice.pdf", "", "PDF", pdf.size if pdf else None)]
    if xml is not None:
        found.append(File("invoice.xml", "", _KINDS.get(xml.media_type.partition(";")[0], "XML"), xml.size))
    if signed is not None:
        found.append(File("signed", "", _KINDS.get(signed.media_type, ""), signed.size))
    for number, one in enumerate(invoice.documents[:_MOST_FILES]):
        title = one.description or one.filename or one.reference or ""
        if one.content:
            kind = _KINDS.get(one.media_type or "", "")
            found.append(File(f"attachment-{number}", title, kind, len(one.content)))
        elif urlsplit(one.url or "").scheme == "https":
            found.append(File("", title, "", None, one.url or ""))
    return tuple(found)


def _lines(invoice: Invoice) -> tuple[tuple[str, str], ...]:
    return tuple(
        (line.identifier or str(number), ((line.item.name if line.item else "") or "")[:60])
        for number, line in enumerate(invoice.lines[:MOST_LINES], start=1)
    )


def _said(connection: Connection, submission: Submission) -> tuple[Told, ...]:
    """Newest first, without the mail address: others at the buyer's have the link, too."""
    found = []
    for entry in answers.earlier(connection, submission)[-_MOST_SAID:]:
        data = json.loads(entry.data)
        on = date.fromisoformat(data["on"]) if data["on"] else None
        found.append(Told(datetime.fromisoformat(entry.at), data["kind"], data["said"], on))
    return tuple(reversed(found))
