"""Finding invoices among a million: filters that use an index, and pages that begin where the last one ended.

A page after another is found by the values of the last row, not by counting rows, so the thousandth is as
quick as the first and a new invoice shifts nothing. Where few invoices fit, they are found by what narrows
them and then sorted; where many fit, the list is read in its order until a page is full. Databases guess
badly which of the two it is, so it is counted first, no further than it takes to know.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, literal, not_, or_, select, tuple_

from formats.errors import ConfigError
from gateway.pipeline.submission import State
from gateway.store import submissions as store
from gateway.store import words
from gateway.store.attempts import NOT_TAKEN
from gateway.store.submissions import Submission
from gateway.store.tables import HAS_VERDICT, attempts, submissions
from gateway.store.words import Words

__all__ = ["MANY", "Filter", "Found", "Order", "Sums", "count_up_to", "find", "sums"]

_COUNTED: Final = 10_000
# Fewer than these are sorted in the time of a page.
MANY: Final = 2_000


class Order(StrEnum):
    """What the list is sorted by."""

    RECEIVED = "received"
    CHANGED = "changed"
    NUMBER = "number"
    BUYER = "buyer"
    AMOUNT = "amount"
    ISSUED = "issued"


_COLUMNS: Final[Mapping[Order, Any]] = {
    Order.RECEIVED: submissions.c.received_at,
    Order.CHANGED: submissions.c.changed_at,
    Order.NUMBER: submissions.c.number,
    Order.BUYER: submissions.c.buyer,
    Order.AMOUNT: submissions.c.amount,
    Order.ISSUED: submissions.c.issue_date,
}
# What some invoices have none of: these come last, whichever way the list is sorted.
_OPTIONAL: Final = frozenset({Order.AMOUNT, Order.ISSUED})
_LARGEST: Final = Decimal(10) ** 15


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return found.astimezone(UTC)


def _amount(text: str) -> Decimal:
    found = Decimal(text)
    if not found.is_finite() or abs(found) > _LARGEST:
        raise ValueError("not an amount")
    return found.quantize(Decimal("0.01"))


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("not a text")
    text.encode()  # half a sign is none
    return text


_READ: Final[Mapping[Order, Any]] = {
    Order.RECEIVED: _moment,
    Order.CHANGED: _moment,
    Order.NUMBER: _text,
    Order.BUYER: _text,
    Order.AMOUNT: _amount,
    Order.ISSUED: date.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for; empty fields do not narrow. `sources` None stands for all, () for none.

    `text` is words that number or buyer begin with. Amounts are in `currency`, dates inclusive. `idle` True
    is for what nothing is planned for, and for what stopped while it was handed over, where trying again may
    find out nothing; False is for what is tried again by itself.
    """

    sources: tuple[str, ...] | None = None
    text: str = ""
    number: str = ""
    buyer: str = ""
    states: tuple[State, ...] = ()
    verdicts: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    currency: str = ""
    least: Decimal | None = None
    most: Decimal | None = None
    issued_from: date | None = None
    issued_to: date | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None
    idle: bool | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One page. `after` is what asks for the next one, "" at the end; `number` is how many fit in all,
    counted no further than `MANY`."""

    rows: tuple[Submission, ...]
    after: str
    number: int


@dataclass(frozen=True, slots=True)
class _Place:
    """The last row of a page: `value` is None in the part of the list that has none."""

    value: Any
    id: str


@dataclass(frozen=True, slots=True)
class Sums:
    """How many there are, and what they are worth by currency; never added up across currencies."""

    count: int
    amounts: Mapping[str, Decimal]


def find(
    connection: Connection,
    wanted: Filter,
    *,
    order: Order = Order.RECEIVED,
    descending: bool = True,
    after: str = "",
    size: int = 50,
) -> Found:
    """One page of what fits. What has no value in the column that is sorted by comes at the end, in the order
    of its id. ConfigError for an `after` that is none of ours."""
    place = _place(order, after) if after else None
    sought = _sought(connection, wanted)
    number = _count(connection, wanted, sought, MANY)
    query = select(submissions).where(*_conditions(wanted, sought, order if number == MANY else None))
    rows: list[Row[Any]] = []
    if place is None or place.value is not None:
        rows += connection.execute(_with_value(query, order, descending, place).limit(size + 1))
    if len(rows) <= size and order in _OPTIONAL and not _asks_for_value(wanted, order):
        # Two questions, each in the order of an index, in place of one that would have to sort.
        rows += connection.execute(_without_value(query, order, place).limit(size + 1 - len(rows)))
    found = tuple(store.read_row(row) for row in rows[:size])
    return Found(found, _cursor(order, found[-1]) if len(rows) > size else "", number)


def count_up_to(connection: Connection, wanted: Filter, most: int = _COUNTED) -> int:
    """How many fit, counted no further than `most`."""
    return _count(connection, wanted, _sought(connection, wanted), most)


def sums(connection: Connection, wanted: Filter) -> Sums:
    """Number and worth of what fits; for filters that narrow, as the states of the work list do."""
    query = select(submissions.c.currency, func.count(), func.sum(submissions.c.amount)).where(
        *_conditions(wanted, _sought(connection, wanted), None)
    )
    count, amounts = 0, {}
    for currency, number, amount in connection.execute(query.group_by(submissions.c.currency)):
        count += number
        if currency and amount is not None:
            amounts[currency] = amount
    return Sums(count, dict(sorted(amounts.items())))


def _sought(connection: Connection, wanted: Filter) -> Words:
    return words.sought(connection, (wanted.text, wanted.buyer), MANY)


def _count(connection: Connection, wanted: Filter, sought: Words, most: int) -> int:
    if sought.common and most <= MANY and replace(wanted, text="", buyer="") == Filter():
        return most
    inner = select(submissions.c.id).where(*_conditions(wanted, sought, None)).limit(most).subquery()
    return connection.scalar(select(func.count()).select_from(inner)) or 0


def _conditions(wanted: Filter, sought: Words, read_in: Order | None) -> list[ColumnElement[bool]]:
    """What must hold. Where the list is read in an order, nothing else is offered to look it up by, but what
    an index holds in the very order."""
    columns = submissions.c

    def by(column: ColumnElement[Any], values: tuple[str, ...] = ()) -> ColumnElement[Any]:
        if read_in is None or (read_in is Order.RECEIVED and len(values) == 1):
            return column
        return func.coalesce(column, column)

    conditions: list[ColumnElement[bool]] = [
        by(columns.state, wanted.states).in_(wanted.states)
        if wanted.states
        else columns.state != State.SUPERSEDED
    ]
    if wanted.sources is not None:
        conditions.append(by(columns.source, wanted.sources).in_(wanted.sources))
    if wanted.verdicts:
        conditions += [columns.verdict.in_(wanted.verdicts), HAS_VERDICT]
    doubtful = _nobody_knows()
    simple: Sequence[tuple[Any, Any]] = (
        (wanted.number, lambda: columns.number == wanted.number),
        (wanted.channels, lambda: by(columns.channel, wanted.channels).in_(wanted.channels)),
        (wanted.currency, lambda: by(columns.currency) == wanted.currency),
        (wanted.least is not None, lambda: by(columns.amount) >= wanted.least),
        (wanted.most is not None, lambda: by(columns.amount) <= wanted.most),
        (wanted.issued_from, lambda: by(columns.issue_date) >= wanted.issued_from),
        (wanted.issued_to, lambda: by(columns.issue_date) <= wanted.issued_to),
        (wanted.received_from, lambda: columns.received_at >= wanted.received_from),
        (wanted.received_to, lambda: columns.received_at <= wanted.received_to),
        (wanted.idle is True, lambda: or_(columns.due_at.is_(None), doubtful)),
        (wanted.idle is False, lambda: and_(columns.due_at.is_not(None), not_(doubtful))),
    )
    conditions += [made() for given, made in simple if given]
    conditions += sought.conditions()
    return conditions


def _nobody_knows() -> ColumnElement[bool]:
    """Parked while it was handed over, and the last try may have arrived."""
    columns = submissions.c
    may_be_there = (
        select(attempts.c.number)
        .where(attempts.c.submission == columns.id, attempts.c.closed_at.is_(None))
        .where(attempts.c.outcome != NOT_TAKEN)
        .exists()
    )
    return and_(columns.state == State.PARKED, columns.resume_state == State.SENDING, may_be_there)


def _cursor(order: Order, row: Submission) -> str:
    names = {Order.RECEIVED: "received_at", Order.CHANGED: "changed_at", Order.ISSUED: "issue_date"}
    value = getattr(row, names.get(order, order.value))
    text = value.isoformat() if isinstance(value, date) else None if value is None else str(value)
    return base64.urlsafe_b64encode(json.dumps([order.value, text, row.id]).encode()).decode().rstrip("=")


def _with_value(query: Select[Any], order: Order, descending: bool, place: _Place | None) -> Select[Any]:
    column, identifier = _COLUMNS[order], submissions.c.id
    query = query.where(column.is_not(None))
    if place is not None:
        row, last = tuple_(column, identifier), tuple_(literal(place.value, column.type), literal(place.id))
        query = query.where(row < last if descending else row > last)
    return query.order_by(*((column.desc(), identifier.desc()) if descending else (column, identifier)))


def _without_value(query: Select[Any], order: Order, place: _Place | None) -> Select[Any]:
    query = query.where(_COLUMNS[order].is_(None))
    if place is not None and place.value is None:
        query = query.where(submissions.c.id > place.id)
    return query.order_by(submissions.c.id)


def _asks_for_value(wanted: Filter, order: Order) -> bool:
    """Whether the filter itself leaves out what has no value."""
    bounds = {
        Order.AMOUNT: (wanted.least, wanted.most),
        Order.ISSUED: (wanted.issued_from, wanted.issued_to),
    }
    return any(bound is not None for bound in bounds[order])


def _place(order: Order, after: str) -> _Place:
    try:
        padded = after + "=" * (-len(after) % 4)
        kind, text, identifier = json.loads(base64.urlsafe_b64decode(padded.encode()))
        if kind != order.value or not isinstance(identifier, str):
            raise ValueError(kind)
        if text is None and order in _OPTIONAL:
            return _Place(None, _text(identifier))
        if not isinstance(text, str):
            raise ValueError(kind)
        return _Place(_READ[order](text), _text(identifier))
    except (ValueError, TypeError, ArithmeticError, RecursionError, binascii.Error, UnicodeError) as error:
        raise ConfigError(
            "this place in the list is not known", where="after", fix="begin at the first page again"
        ) from error
