"""Revisions: which submission carries an invoice when the ERP gives it again, unchanged or changed.

An invoice is known by its key in the ERP and by its business key (seller, number, kind, year). Each key is
carried by one submission, and the database's primary key on claims keeps two workers from both carrying it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection

from formats.errors import DocumentError
from formats.model import Invoice
from gateway.clock import Clock
from gateway.pipeline.submission import State
from gateway.store import submissions
from gateway.store.submissions import Submission

__all__ = [
    "ChangedAfterSending",
    "NumberUsedTwice",
    "business_key",
    "erp_key",
    "retire_stopped",
    "settle",
    "supersede_older",
]

_LONGEST_KEY: Final = 400


class ChangedAfterSending(DocumentError):
    """The ERP changed an invoice that the buyer may already hold; `invoice` is what it says now."""

    invoice: Invoice | None = None


class NumberUsedTwice(DocumentError):
    """Two documents of the ERP are one invoice to the tax office: same seller, kind, year and number;
    `invoice` is the later one."""

    invoice: Invoice | None = None


def erp_key(submission: Submission) -> str:
    """The ERP's own identity of the invoice."""
    return f"erp:{submission.source}:{submission.source_key}"


def business_key(invoice: Invoice) -> str | None:
    """Seller, number, invoice or credit note, year: what the tax office takes for one invoice. None if one
    lacks."""
    seller = invoice.seller
    if seller is None or not invoice.number or invoice.issue_date is None:
        return None
    legal = seller.legal_registration.value if seller.legal_registration else None
    identity = seller.vat_identifier or legal or seller.name
    kind = "credit note" if invoice.is_credit_note else "invoice"
    key = f"business:{identity}:{kind}:{invoice.issue_date.year}:{invoice.number}"
    return key if len(key) <= _LONGEST_KEY else f"business:{hashlib.sha256(key.encode()).hexdigest()}"


def settle(
    connection: Connection,
    submission: Submission,
    keys: Sequence[str],
    invoice_digest: str,
    same_today: Callable[[Submission], bool],
    *,
    clock: Clock,
) -> Submission | None:
    """Decide who carries this invoice, in the caller's transaction.

    None: this submission does, older ones step back. A submission: that one stands for this one, which is the
    same content come again or an older revision. `same_today` maps an older one afresh and compares, for its
    digest may be of an earlier release. Raises ChangedAfterSending where content differs and the older one is
    on its way, NumberUsedTwice where another document of an ERP has the same business key.
    """
    owners = submissions.owners(connection, keys)
    for owner in owners:
        if owner.id == submission.id or owner.state is State.SUPERSEDED:
            continue
        if owner.invoice_digest == invoice_digest or same_today(owner):
            return owner
        if erp_key(owner) != erp_key(submission):
            raise NumberUsedTwice(
                f"number {owner.number} is used twice: {owner.source} {owner.source_key} has it too, "
                "with other content",
                where=f"{submission.source}, {submission.source_key}",
                fix="give one of the two another number in the ERP, or set one aside: gateway resolve "
                f"{owner.id[:8]} dismissed",
            )
        if owner.arrival > submission.arrival:
            return owner
        if owner.handed_over and owner.step is not State.REJECTED:
            raise ChangedAfterSending(
                f"invoice {owner.number} was changed in the ERP after it had been sent (it is {owner.step})",
                where=f"{submission.source}, {submission.source_key}",
                fix="undo the change in the ERP, or correct the invoice by a credit note and a new invoice",
            )
        _step_back(connection, owner, submission, clock)
    submissions.take_over(connection, submission, keys, owners)
    return None


def supersede_older(connection: Connection, submission: Submission, *, clock: Clock) -> None:
    """This revision cannot be mapped; older ones of the same ERP key that were not sent step back for it."""
    keys = (erp_key(submission),)
    owners = submissions.owners(connection, keys)
    for owner in owners:
        if owner.id == submission.id or owner.state is State.SUPERSEDED:
            continue
        if owner.arrival > submission.arrival or owner.handed_over:
            return
        _step_back(connection, owner, submission, clock)
    submissions.take_over(connection, submission, keys, owners)


def retire_stopped(
    connection: Connection, submission: Submission, *, clock: Clock, keep: Submission | None = None
) -> None:
    """Older revisions that stopped have been overtaken by this one, whatever becomes of it: nobody need look
    at them any more. `keep` stays, for it stands for this one."""
    for older in submissions.stopped_before(connection, submission):
        if keep is None or older.id != keep.id:
            _step_back(connection, older, submission, clock)


def _step_back(connection: Connection, owner: Submission, by: Submission, clock: Clock) -> None:
    submissions.move(
        connection,
        owner,
        State.SUPERSEDED,
        "superseded",
        {"by": by.id, "revision": by.revision},
        now=clock(),
        superseded_by=by.id,
    )
