"""Incoming payments on their way into an ERP: queued once for each reference, done when the ERP holds
them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from connectors.base import IncomingPayment
from formats.errors import ConflictError
from gateway.store.tables import postings

__all__ = ["Posting", "done", "due", "failed", "get", "queue"]


@dataclass(frozen=True, slots=True)
class Posting:
    """One payment and what became of it; `written_to` says where the ERP holds it, `done_at` since when."""

    reference: str
    source: str
    payment: IncomingPayment = field(repr=False)
    made_at: datetime
    due_at: datetime | None
    done_at: datetime | None
    failures: int
    verdict: str
    sentence: str
    written_to: str


def queue(connection: Connection, source: str, payment: IncomingPayment, *, now: datetime) -> bool:
    """Queue one payment, in the transaction that decides on it; False where its reference is known already.

    Raises ConflictError where the reference stands for another payment: one reference is one posting for
    ever.
    """
    known = get(connection, payment.reference)
    if known is not None:
        if (known.source, known.payment) != (source, payment):
            raise ConflictError(
                f"the reference {payment.reference} was used for another payment",
                where="incoming payments",
                fix="give each payment a reference of its own",
            )
        return False
    connection.execute(
        insert(postings).values(
            reference=payment.reference,
            source=source,
            payment=_written(payment),
            made_at=now,
            due_at=now,
            failures=0,
            verdict="",
            sentence="",
            written_to="",
        )
    )
    return True


def get(connection: Connection, reference: str) -> Posting | None:
    """One payment by its reference."""
    row = connection.execute(select(postings).where(postings.c.reference == reference)).one_or_none()
    return None if row is None else _read(row)


def due(connection: Connection, source: str, *, now: datetime, limit: int) -> list[Posting]:
    """Payments for one ERP whose time has come, oldest first."""
    query = select(postings).where(postings.c.done_at.is_(None), postings.c.due_at <= now)
    query = query.where(postings.c.source == source)
    query = query.order_by(postings.c.made_at, postings.c.reference).limit(limit)
    return [_read(row) for row in connection.execute(query)]


def done(connection: Connection, reference: str, written_to: str, *, now: datetime) -> None:
    """The ERP holds it."""
    connection.execute(
        update(postings)
        .where(postings.c.reference == reference)
        .values(done_at=now, due_at=None, verdict="", sentence="", written_to=written_to)
    )


def failed(
    connection: Connection, posting: Posting, *, verdict: str, sentence: str, due_at: datetime | None
) -> None:
    """Posting it failed; it is tried again at `due_at`, never where that is None."""
    connection.execute(
        update(postings)
        .where(postings.c.reference == posting.reference)
        .values(failures=posting.failures + 1, verdict=verdict, sentence=sentence, due_at=due_at)
    )


def _written(payment: IncomingPayment) -> str:
    data = {
        "on": payment.on.isoformat(),
        "currency": payment.currency,
        "amount": format(payment.amount, "f"),
        "invoices": [[key, number, format(amount, "f")] for key, number, amount in payment.invoices],
        "account": payment.account,
        "evidence": payment.evidence,
    }
    return json.dumps(data, ensure_ascii=False, sort_keys=True)


def _read(row: Row[Any]) -> Posting:
    data = json.loads(row.payment)
    payment = IncomingPayment(
        reference=row.reference,
        on=date.fromisoformat(data["on"]),
        currency=data["currency"],
        amount=Decimal(data["amount"]),
        invoices=tuple((key, number, Decimal(amount)) for key, number, amount in data["invoices"]),
        account=data["account"],
        evidence=data["evidence"],
    )
    return Posting(
        row.reference,
        row.source,
        payment,
        row.made_at,
        row.due_at,
        row.done_at,
        row.failures,
        row.verdict,
        row.sentence,
        row.written_to,
    )
