"""What buyers owe: invoices that arrived and that the ERP calls unpaid, by when they are due (BT-9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, case, func, select

from connectors.base import PaymentState
from formats.model.invoice import CREDIT_NOTE_TYPES
from gateway.pipeline.submission import State
from gateway.store.finding import Sums
from gateway.store.tables import payments, submissions

__all__ = ["Due", "owed"]

_OWED: Final = (State.SENT, State.DELIVERED, State.ACCEPTED, State.DISPUTED)
_UNPAID: Final = (PaymentState.OPEN, PaymentState.PARTLY_PAID)


class Due(StrEnum):
    """When money is due, seen from a day."""

    LONG_OVERDUE = "long overdue"
    OVERDUE = "overdue"
    THIS_WEEK = "this week"
    THIS_MONTH = "this month"
    LATER = "later"
    UNKNOWN = "unknown"


def owed(connection: Connection, sources: tuple[str, ...] | None, today: date) -> Mapping[Due, Sums]:
    """Number and open worth of the invoices of these sources (None for all), for each time that has any.

    Long overdue is more than 30 days; this week and this month are the next 7 and 30 days, today among them.
    The worth is the amount with VAT (BT-112) less what the ERP says was paid; never added up across
    currencies. Credit notes are no receipts, and of sources whose ERP tells nothing of payments nothing is
    said here.
    """
    columns = submissions.c
    query = (
        select(
            _time(today),
            columns.currency,
            func.count(),
            func.sum(columns.amount),
            func.sum(payments.c.paid),
        )
        .join_from(payments, submissions, columns.id == payments.c.submission)
        .where(
            payments.c.state.in_(_UNPAID),
            # From the few that are unpaid to their invoices, never from all that were delivered.
            func.coalesce(columns.state, columns.state).in_(_OWED),
            columns.type_code.not_in(sorted(CREDIT_NOTE_TYPES)),
        )
        .group_by("due", columns.currency)
    )
    if sources is not None:
        query = query.where(func.coalesce(columns.source, columns.source).in_(sources))
    found: dict[Due, tuple[int, dict[str, Decimal]]] = {}
    for due, currency, number, amount, paid in connection.execute(query):
        count, amounts = found.get(Due(due), (0, {}))
        if currency and amount is not None:
            amounts[currency] = amount - paid
        found[Due(due)] = (count + number, amounts)
    return {due: Sums(found[due][0], dict(sorted(found[due][1].items()))) for due in Due if due in found}


def _time(today: date) -> Any:
    due = submissions.c.payment_due
    return case(
        (due.is_(None), Due.UNKNOWN.value),
        (due < today - timedelta(days=30), Due.LONG_OVERDUE.value),
        (due < today, Due.OVERDUE.value),
        (due < today + timedelta(days=7), Due.THIS_WEEK.value),
        (due < today + timedelta(days=30), Due.THIS_MONTH.value),
        else_=Due.LATER.value,
    ).label("due")
