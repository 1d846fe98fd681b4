"""What the ERP last said about the settlement of each invoice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from connectors.base import PaymentState, PaymentStatus
from gateway.store.tables import payments

__all__ = ["all_of", "store"]


def all_of(connection: Connection) -> dict[str, PaymentStatus]:
    """The known settlements by submission id; `key` and `number` are left empty, the submission has them."""
    return {
        row.submission: PaymentStatus(
            "", "", PaymentState(row.state), row.currency, row.paid, row.paid_on, row.evidence
        )
        for row in connection.execute(select(payments))
    }


def store(connection: Connection, submission: str, status: PaymentStatus, *, now: datetime) -> bool:
    """Keep the newest word of the ERP; True when it says something new."""
    values = {
        "state": status.state,
        "currency": status.currency,
        "paid": status.paid,
        "paid_on": status.on,
        "evidence": status.evidence,
    }
    row = connection.execute(select(payments).where(payments.c.submission == submission)).one_or_none()
    if row is None:
        connection.execute(insert(payments).values(submission=submission, seen_at=now, **values))
        return True
    if all(getattr(row, name) == value for name, value in values.items()):
        return False
    connection.execute(
        update(payments).where(payments.c.submission == submission).values(seen_at=now, **values)
    )
    return True
