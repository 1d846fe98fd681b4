"""Convert: the ERP's document to the canonical invoice, with the origin of every term; received -> mapped."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from unicodedata import category

from sqlalchemy import Connection

from formats.errors import DocumentError
from formats.model import Invoice
from gateway.access import four_eyes
from gateway.pipeline import canonical as canonical_form
from gateway.pipeline import news, revisions
from gateway.pipeline.submission import State
from gateway.store import documents, submissions
from gateway.store.submissions import Submission
from gateway.wiring import Gateway
from mappings.provenance import Mapped

__all__ = ["convert", "facts", "invoice_of"]

# More cents than a whole number of the database holds.
_LARGEST_AMOUNT: Final = Decimal(10) ** 16


def convert(gateway: Gateway, submission: Submission) -> Submission:
    """Map one document and decide whether it is new, a repetition or a changed revision.

    Running it twice gives the same result. Raises DocumentError where the document cannot be mapped or must
    not replace one already sent; ConfigError while a second person has not agreed to the mapping.
    """
    four_eyes.require_mapping(gateway, submission.source)
    try:
        mapped = _map(gateway, submission)
    except DocumentError:
        with gateway.database.begin() as connection:
            revisions.supersede_older(connection, submission, clock=gateway.clock)
            revisions.retire_stopped(connection, submission, clock=gateway.clock)
        raise
    canonical = canonical_form.write(mapped.invoice)
    left_out = mapped.left_out
    rows = [origin._asdict() for origin in mapped.origins]
    origins = json.dumps(rows, ensure_ascii=False, indent=1).encode()
    try:
        with gateway.database.begin() as connection:
            return _settled(gateway, connection, submission, mapped.invoice, canonical, origins, left_out)
    except (revisions.ChangedAfterSending, revisions.NumberUsedTwice) as error:
        error.invoice = mapped.invoice
        with gateway.database.begin() as connection:
            revisions.retire_stopped(connection, submission, clock=gateway.clock)
        raise


def invoice_of(connection: Connection, submission: Submission) -> Invoice:
    """The canonical invoice of a mapped submission, from the archive."""
    return canonical_form.read(documents.get(connection, submission.invoice_digest).content)


def facts(invoice: Invoice) -> dict[str, Any]:
    """What lists show of an invoice: bounded, and without the control characters that an ERP may let
    through."""
    amount = invoice.totals.with_vat if invoice.totals else None
    return {
        "number": _listed(invoice.number, 200),
        "type_code": _listed(invoice.type_code, 3),
        "issue_date": invoice.issue_date,
        "buyer": _listed(invoice.buyer.name if invoice.buyer else None, 300),
        "currency": _listed(invoice.currency, 3),
        "amount": amount if amount is not None and abs(amount) < _LARGEST_AMOUNT else None,
        "payment_due": invoice.due_date,
    }


def _listed(text: str | None, longest: int) -> str:
    return "".join(sign for sign in text or "" if category(sign) not in ("Cc", "Cs"))[:longest]


def _settled(
    gateway: Gateway,
    connection: Connection,
    submission: Submission,
    invoice: Invoice,
    canonical: tuple[bytes, str],
    origins: bytes,
    left_out: tuple[str, ...],
) -> Submission:
    """Mapped, or set aside because another submission stands for it; in the caller's transaction."""
    business = revisions.business_key(invoice)
    keys = (revisions.erp_key(submission), *((business,) if business else ()))
    now = gateway.clock()
    digest = documents.digest_of(canonical[0])
    stands_for_it = revisions.settle(
        connection,
        submission,
        keys,
        digest,
        _same_today(gateway, connection, digest),
        clock=gateway.clock,
    )
    # A revision that was parked as changed after sending, say, has now been changed back.
    revisions.retire_stopped(connection, submission, clock=gateway.clock, keep=stands_for_it)
    if stands_for_it is not None:
        return _repeated(connection, gateway, submission, stands_for_it, invoice)
    return submissions.move(
        connection,
        submission,
        State.MAPPED,
        "mapped",
        {
            "mapping": _version(gateway, submission),
            "number": invoice.number,
            "invoice": digest,
            **({"left out": list(left_out)} if left_out else {}),
        },
        now=now,
        mapping=_version(gateway, submission),
        invoice_digest=documents.put(connection, *canonical, now=now),
        origins_digest=documents.put(connection, origins, "application/json", now=now),
        route=0,
        channel="",
        profile="",
        **facts(invoice),
    )


def _map(gateway: Gateway, submission: Submission) -> Mapped:
    with gateway.database.read() as connection:
        content = documents.get(connection, submission.content_digest).content
    mapping = gateway.mapping(submission.source)
    return mapping.map(content, submission.part, gateway.company(submission.source))


def _version(gateway: Gateway, submission: Submission) -> str:
    mapping = gateway.mapping(submission.source)
    return f"{mapping.name} {mapping.version}"


def _same_today(gateway: Gateway, connection: Connection, digest: str) -> Callable[[Submission], bool]:
    def same(owner: Submission) -> bool:
        content = documents.get(connection, owner.content_digest).content
        try:
            mapped = gateway.mapping(owner.source).map(content, owner.part, gateway.company(owner.source))
        except DocumentError:
            return False
        return documents.digest_of(canonical_form.write(mapped.invoice)[0]) == digest

    return same


def _repeated(
    connection: Connection, gateway: Gateway, submission: Submission, owner: Submission, invoice: Invoice
) -> Submission:
    now = gateway.clock()
    if owner.handed_over:
        news.queue(connection, submission, owner.step, f"the same invoice is already {owner.step}", now=now)
    return submissions.move(
        connection,
        submission,
        State.SUPERSEDED,
        "repeated",
        {"by": owner.id, "revision": submission.revision},
        now=now,
        superseded_by=owner.id,
        **facts(invoice),
    )
