"""Post payments: money that arrived for invoices, posted in the ERP once, with its journal entry.

Who decides on a payment queues it in the transaction that makes the decision true; the errand posts it.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from connectors.base import IncomingPayment, PostsPayments
from formats.errors import (
    ConfigError,
    ConflictError,
    DocumentError,
    EInvoicingError,
    RemoteBlocked,
    RemoteUnavailable,
    StorageError,
)
from gateway.pipeline.stops import verdict_of
from gateway.store import journal, postings
from gateway.store.postings import Posting
from gateway.wiring import Gateway

__all__ = ["can_post", "post_payments", "queue_payment"]


def can_post(gateway: Gateway, source: str) -> bool:
    """Whether payments can be posted through this source."""
    return isinstance(gateway.source(source), PostsPayments)


def queue_payment(
    connection: Connection, gateway: Gateway, source: str, payment: IncomingPayment, *, actor: str = "gateway"
) -> bool:
    """Decide that this payment is to be posted, in the caller's transaction; False where it was decided
    before.

    Raises ConfigError for a payment whose parts do not make its amount, ConflictError for a reference that
    stands for another payment.
    """
    parts = [amount for _, _, amount in payment.invoices]
    if payment.amount <= 0 or not parts or min(parts) <= 0 or sum(parts) != payment.amount:
        raise ConfigError(
            f"the parts of the payment {payment.reference} do not make its amount",
            where="incoming payments",
            fix="split the whole amount among invoices; each part is greater than zero",
        )
    now = gateway.clock()
    if not postings.queue(connection, source, payment, now=now):
        return False
    data = {
        "source": source,
        "reference": payment.reference,
        "amount": f"{payment.currency} {format(payment.amount, 'f')}",
        "on": payment.on.isoformat(),
        "invoices": [number or key for key, number, _ in payment.invoices],
        "evidence": payment.evidence,
    }
    journal.append(connection, "payment to post", data, now=now, actor=actor)
    return True


def post_payments(gateway: Gateway, source: str, limit: int = 100) -> int:
    """Post what is due in one ERP; how many it holds now. Running it twice posts once, for the connector
    looks by the reference first.

    A payment that fails is tried again, or waits for a person, and the others go on; only where the ERP is
    out of reach the error is raised.
    """
    with gateway.database.read() as connection:
        due = postings.due(connection, source, now=gateway.clock(), limit=limit)
    if not due:
        return 0
    connector = gateway.source(source)
    posted = 0
    for posting in due:
        try:
            if not isinstance(connector, PostsPayments):
                raise ConfigError(
                    f"the interface of {source} cannot post payments",
                    where=f"sources/{source}",
                    fix="post this payment in the ERP by hand, or connect an interface that can",
                )
            written = connector.post_payment(posting.payment)
        except (ConflictError, StorageError):
            raise
        except EInvoicingError as error:
            _failed(gateway, posting, error)
            if isinstance(error, RemoteUnavailable):
                raise
            continue
        with gateway.database.begin() as connection:
            now = gateway.clock()
            postings.done(connection, posting.reference, written.where, now=now)
            data = {"reference": posting.reference, "where": written.where, "was there": written.existed}
            journal.append(connection, "payment posted", {"source": source, **data}, now=now)
        posted += 1
    return posted


def _failed(gateway: Gateway, posting: Posting, error: EInvoicingError) -> None:
    now, retry = gateway.clock(), gateway.settings.retry
    retry_at = error.retry_at if isinstance(error, RemoteUnavailable) else None
    due_at = retry.next_try(posting.failures + 1, now=now, retry_at=retry_at)
    if isinstance(error, RemoteBlocked | ConfigError):
        due_at = now + timedelta(seconds=retry.cap)
    with gateway.database.begin() as connection:
        postings.failed(
            connection,
            posting,
            verdict=verdict_of(error),
            sentence=error.sentence,
            due_at=None if isinstance(error, DocumentError) else due_at,
        )
        if posting.sentence != error.sentence:
            data = {"source": posting.source, "reference": posting.reference, "what": error.what}
            journal.append(connection, "payment not posted", data, now=now)
