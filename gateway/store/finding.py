"""Finding invoices among a million: filters that use an index, and pages that begin where the last one ended.

A page after another is found by the values of the last row, not by counting rows, so the thousandth is as
quick as the first and a new invoice shifts nothing. Where few invoices fit, they are found by what narrows
them and then sorted; where many fit, the list is read in its order until a page is full, but no further than
some thousand rows. Databases guess badly which of the two it is, so it is counted first, no further than it
takes to know.

Where only words narrow that very many have, and hardly one invoice has them all, a page ends where the
reading ended and may be short; the next one goes on from there.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    func,
    literal,
    not_,
    or_,
    select,
    tuple_,
)

from formats.errors import ConfigError
from gateway.pipeline.submission import State
from gateway.store import submissions as store
from gateway.store import words
from gateway.store.attempts import NOT_TAKEN
from gateway.store.submissions import Submission
from gateway.store.tables import HAS_VERDICT, attempts, submissions
from gateway.store.words import Words

__all__ = ["MANY", "Filter", "Found", "Order", "Sums", "count_up_to", "find", "newest", "sums"]

_COUNTED: Final = 10_000
# Fewer than these are sorted in the time of a page.
MANY: Final = 2_000
# How far a list is read in its order, in rows for each row of a page: first where the page is full soon, then
# as far as is quick.
_REACHES: Final = (40, 600)
_SMALL_PAGE: Final = 50
# Fewer than these are looked at one by one: what has the words, and what fits but for the words.
_WITH_WORDS: Final = 20_000
_WITHOUT_WORDS: Final = 5_000


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
# Parked while it was handed over, and the last try may have arrived.
_NOBODY_KNOWS: Final = and_(
    submissions.c.state == State.PARKED,
    submissions.c.resume_state == State.SENDING,
    select(attempts.c.number)
    .where(attempts.c.submission == submissions.c.id, attempts.c.closed_at.is_(None))
    .where(attempts.c.outcome != NOT_TAKEN)
    .exists(),
)
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
    """One page. `after` is what asks for the next one, "" at the end; only then may a full list be short of
    rows, or where so little of what was read fits that the page ended before (`counted` False).

    `number` is how many fit in all, counted no further than `MANY`; where `counted` is False, at least so
    many do.
    """

    rows: tuple[Submission, ...]
    after: str
    number: int
    counted: bool = True


@dataclass(frozen=True, slots=True)
class _Place:
    """The last row of a page: `value` is None in the part of the list that has none."""

    value: Any
    id: str

    def of(self, column: ColumnElement[Any]) -> Any:
        return tuple_(literal(self.value, column.type), literal(self.id))


@dataclass(frozen=True, slots=True)
class _Page:
    """Which page of which order; None for the first."""

    order: Order
    descending: bool
    place: _Place | None
    size: int
    columns: tuple[Any, ...] = (submissions,)

    def with_value(self, query: Select[Any], end: _Place | None) -> Select[Any]:
        """What follows the place, up to and with the row at `end`, of what has a value."""
        column, identifier = _COLUMNS[self.order], submissions.c.id
        row = tuple_(column, identifier)
        query = query.where(column.is_not(None))
        if self.place is not None:
            last = self.place.of(column)
            query = query.where(row < last if self.descending else row > last)
        if end is not None:
            query = query.where(row >= end.of(column) if self.descending else row <= end.of(column))
        both = (column.desc(), identifier.desc()) if self.descending else (column, identifier)
        return query.order_by(*both)

    def without_value(self, query: Select[Any]) -> Select[Any]:
        query = query.where(_COLUMNS[self.order].is_(None))
        if self.place is not None and self.place.value is None:
            query = query.where(submissions.c.id > self.place.id)
        return query.order_by(submissions.c.id)

    def found(self, rows: Sequence[Row[Any]], number: int) -> Found:
        """The page of these rows, of which one more was asked for than it holds."""
        kept = tuple(store.read_row(row) for row in rows[: self.size])
        return Found(kept, self._after(kept[-1]) if len(rows) > self.size else "", number)

    def _after(self, row: Submission) -> str:
        return _cursor(self.order, _Place(getattr(row, _COLUMNS[self.order].name), row.id))


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
    page = _Page(order, descending, _place(order, after) if after else None, size)
    sought = words.sought(connection, (wanted.text, wanted.buyer))
    if not sought.known:
        return Found((), "", 0)
    leading = _leading(connection, wanted, sought)
    if leading is None:
        return _among_many(connection, wanted, sought, page)
    sought = leading
    number = _count(connection, wanted, sought, MANY)
    if not number:
        return Found((), "", 0)
    if number == MANY:
        for end in _ends(connection, page) if wanted != Filter() else (None,):
            rows = _rows(connection, wanted, sought, page, end)
            if len(rows) > size or end is None:
                return page.found(rows, number)
    return page.found(_rows(connection, wanted, sought, page, None, in_order=False), number)


def newest(
    connection: Connection, wanted: Filter, columns: Sequence[Column[Any]], *, order: Order, size: int
) -> list[Row[Any]]:
    """These columns of the first rows of what fits, latest or largest first; for samples."""
    page = _Page(order, True, None, size - 1, tuple(columns))
    if _count(connection, wanted, Words(), MANY) < MANY:
        return _rows(connection, wanted, Words(), page, None, in_order=False)
    for end in _ends(connection, page):
        rows = _rows(connection, wanted, Words(), page, end)
        if len(rows) == size:
            return rows
    return _rows(connection, wanted, Words(), page, None, in_order=False)


def count_up_to(connection: Connection, wanted: Filter, most: int = _COUNTED) -> int:
    """How many fit, counted no further than `most`."""
    sought = words.sought(connection, (wanted.text, wanted.buyer))
    return _count(connection, wanted, sought, most) if sought.known else 0


def sums(connection: Connection, wanted: Filter) -> Sums:
    """Number and worth of what fits; for filters that narrow, as the states of the work list do."""
    sought = words.sought(connection, (wanted.text, wanted.buyer))
    if not sought.known:
        return Sums(0, {})
    query = select(submissions.c.currency, func.count(), func.sum(submissions.c.amount)).where(
        *_conditions(connection, wanted, sought, None)
    )
    count, amounts = 0, {}
    for currency, number, amount in connection.execute(query.group_by(submissions.c.currency)):
        count += number
        if currency and amount is not None:
            amounts[currency] = amount
    return Sums(count, dict(sorted(amounts.items())))


def _leading(connection: Connection, wanted: Filter, sought: Words) -> Words | None:
    """The words as they are to be looked for: by themselves where few invoices have them, or nothing else
    narrows; among what else fits where that is little; None where both are many."""
    others, listed = replace(wanted, text="", buyer=""), sought.listed
    if not sought.tests or (listed.tests == sought.tests and others == Filter()):
        return sought
    if listed.tests:
        query = select(submissions.c.id).where(*listed.conditions(connection, read_in_order=False))
        looked_up = query.limit(_WITH_WORDS).subquery()
        if (connection.scalar(select(func.count()).select_from(looked_up)) or 0) < _WITH_WORDS:
            return sought
    if others != Filter() and _count(connection, others, Words(), _WITHOUT_WORDS) < _WITHOUT_WORDS:
        return replace(sought, leads=False)
    return None


def _among_many(connection: Connection, wanted: Filter, sought: Words, page: _Page) -> Found:
    """Where very many have each word, nothing tells whether any has them all but reading the list, and that
    is done a part at a time."""
    for end in _ends(connection, page):
        rows = _rows(connection, wanted, sought, page, end)
        if len(rows) > page.size or end is None:
            break
    number, whole = len(rows), end is None and page.place is None and len(rows) <= page.size
    if replace(wanted, text="", buyer="") == Filter():
        number = max(number, min(sought.least, MANY))
    counted = whole or number >= MANY
    if end is None or len(rows) > page.size:
        return replace(page.found(rows, number), counted=counted)
    return Found(tuple(store.read_row(row) for row in rows), _cursor(page.order, end), number, counted=False)


def _count(connection: Connection, wanted: Filter, sought: Words, most: int) -> int:
    inner = (
        select(submissions.c.id).where(*_conditions(connection, wanted, sought, None)).limit(most).subquery()
    )
    return connection.scalar(select(func.count()).select_from(inner)) or 0


def _rows(
    connection: Connection,
    wanted: Filter,
    sought: Words,
    page: _Page,
    end: _Place | None,
    *,
    in_order: bool = True,
) -> list[Row[Any]]:
    """The rows of the page and one more, up to and with the row at `end`."""
    read_in = page.order if in_order else None
    query = select(*page.columns).where(*_conditions(connection, wanted, sought, read_in))
    rows: list[Row[Any]] = []
    if page.place is None or page.place.value is not None:
        rows += connection.execute(page.with_value(query, end).limit(page.size + 1))
    optional = page.order in _OPTIONAL and not _asks_for_value(wanted, page.order)
    if optional and end is None and len(rows) <= page.size:
        # Two questions, each in the order of an index, in place of one that would have to sort.
        rows += connection.execute(page.without_value(query).limit(page.size + 1 - len(rows)))
    return rows


def _ends(connection: Connection, page: _Page) -> Iterator[_Place | None]:
    """Where reading stops, and where at the latest; None where the list ends before, or the part of it that
    has a value."""
    if page.place is not None and page.place.value is None:
        yield None
        return
    query = page.with_value(select(_COLUMNS[page.order], submissions.c.id), None)
    for reach in _REACHES:
        far = query.offset(reach * max(page.size, _SMALL_PAGE) - 1).limit(1)
        row = connection.execute(far).first()
        yield None if row is None else _Place(row[0], row[1])


def _conditions(
    connection: Connection, wanted: Filter, sought: Words, read_in: Order | None
) -> list[ColumnElement[bool]]:
    """What must hold. Where the list is read in an order, nothing else is offered to look it up by, but what
    an index holds in the very order."""
    columns = submissions.c

    def by(column: ColumnElement[Any], values: tuple[str, ...] = ()) -> ColumnElement[Any]:
        if read_in is None or (read_in is Order.RECEIVED and len(values) == 1):
            return column
        return func.coalesce(column, column)

    def among(column: ColumnElement[Any], values: tuple[str, ...]) -> ColumnElement[bool]:
        found = by(column, values).in_(values)
        if read_in is None and len(values) > 1 and connection.dialect.name == "sqlite":
            # It knows how often a value occurs on average, and takes three rare states for most of the table.
            return func.unlikely(found)
        return found

    conditions = [among(columns.state, wanted.states) if wanted.states else columns.state != State.SUPERSEDED]
    if wanted.sources is not None:
        conditions.append(among(columns.source, wanted.sources))
    if wanted.verdicts:
        conditions += [columns.verdict.in_(wanted.verdicts), HAS_VERDICT]
    simple: Sequence[tuple[Any, Any]] = (
        (wanted.number, lambda: columns.number == wanted.number),
        (wanted.channels, lambda: among(columns.channel, wanted.channels)),
        (wanted.currency, lambda: by(columns.currency, (wanted.currency,)) == wanted.currency),
        (wanted.least is not None, lambda: by(columns.amount) >= wanted.least),
        (wanted.most is not None, lambda: by(columns.amount) <= wanted.most),
        (wanted.issued_from, lambda: by(columns.issue_date) >= wanted.issued_from),
        (wanted.issued_to, lambda: by(columns.issue_date) <= wanted.issued_to),
        (wanted.received_from, lambda: columns.received_at >= wanted.received_from),
        (wanted.received_to, lambda: columns.received_at <= wanted.received_to),
        (wanted.idle is True, lambda: or_(columns.due_at.is_(None), _NOBODY_KNOWS)),
        (wanted.idle is False, lambda: and_(columns.due_at.is_not(None), not_(_NOBODY_KNOWS))),
    )
    conditions += [made() for given, made in simple if given]
    conditions += sought.conditions(connection, read_in_order=read_in is not None)
    return conditions


def _cursor(order: Order, place: _Place) -> str:
    value = place.value
    text = value.isoformat() if isinstance(value, date) else None if value is None else str(value)
    return base64.urlsafe_b64encode(json.dumps([order.value, text, place.id]).encode()).decode().rstrip("=")


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
