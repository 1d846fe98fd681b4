"""GET /overview: is today a normal day? A few figures, each a sentence away from what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from statistics import median
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection, func, select

from gateway.access.rights import Right
from gateway.pipeline.submission import State, Verdict
from gateway.store import finding, receipts
from gateway.store.finding import Filter, Order
from gateway.store.listed import one_of
from gateway.store.tables import STANDS_FOR_ANOTHER, journal, submissions
from gateway.web.console.health import health
from gateway.web.console.shell import Shell
from gateway.web.guard import actor_of

__all__ = ["router"]

_DAYS: Final = 14
_SAMPLE: Final = 1_000
_ARRIVED: Final = (State.DELIVERED, State.ACCEPTED, State.DISPUTED, State.PAID)
_CAME_THROUGH: Final = (*_ARRIVED, State.CLOSED)
# What may have had its first answer or stop: not what is under way.
_ANSWERED: Final = (*_CAME_THROUGH, State.PARKED, State.REJECTED, State.SUPERSEDED)
_NOT_ARRIVED: Final = (
    State.RECEIVED,
    State.MAPPED,
    State.CHECKED,
    State.READY,
    State.SENDING,
    State.SENT,
    State.PARKED,
    State.REJECTED,
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of a chart, with its place in a drawing of 100 by 40."""

    day: date
    number: int
    x: float
    y: float
    width: float
    height: float


def router(shell: Shell) -> APIRouter:
    """The page."""
    routes = APIRouter()

    @routes.get("/overview")
    def page(request: Request) -> Response:
        actor = actor_of(request)
        sources = shell.sources(actor, Right.SEE_FIGURES)
        zone = ZoneInfo(shell.gateway.settings.web.time_zone)
        now = shell.gateway.clock()
        today = now.astimezone(zone).date()
        with shell.gateway.database.read() as connection:
            bars = _bars(_arrived_by_day(connection, sources, today, zone), today)
            seconds, first_time = _sample(connection, sources)
            causes = {
                verdict: finding.sums(
                    connection, Filter(sources=sources, states=_NOT_ARRIVED, verdicts=(verdict.value,))
                )
                for verdict in Verdict
            }
            not_arrived = finding.sums(connection, Filter(sources=sources, states=_NOT_ARRIVED))
            owed = receipts.owed(connection, sources, today)
        systems = health(shell, actor) if actor.may_somewhere(Right.SEE_SYSTEM) else None
        context: dict[str, Any] = {
            "bars": bars,
            "today": bars[-1].number,
            "usual": round(sum(bar.number for bar in bars[:-1]) / (len(bars) - 1)),
            "median": seconds,
            "first_time": first_time,
            "sample": _SAMPLE,
            "causes": causes,
            "most": max((one.count for one in causes.values()), default=0),
            "not_arrived": not_arrived,
            "owed": owed,
            "health": systems,
            "most_owed": max((one.count for one in owed.values()), default=0),
        }
        return shell.render(request, "overview.html", context, section="overview")

    return routes


def _arrived_by_day(
    connection: Connection, sources: tuple[str, ...] | None, today: date, zone: ZoneInfo
) -> Mapping[date, int]:
    """How many invoices arrived on each day of the reader's time zone."""
    found: dict[date, int] = {}
    for back in range(_DAYS):
        day = today - timedelta(days=back)
        start, end = _bounds(day, zone)
        query = (
            select(func.count())
            .select_from(submissions)
            .where(submissions.c.delivered_at >= start, submissions.c.delivered_at < end)
        )
        if sources is not None:
            query = query.where(submissions.c.source.in_(sources))
        found[day] = connection.scalar(query) or 0
    return found


def _bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time(), tzinfo=zone)
    return start, datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)


def _sample(connection: Connection, sources: tuple[str, ...] | None) -> tuple[int | None, Decimal | None]:
    """Of the invoices that came in last and have had their first answer or stop: the median seconds from the
    ERP to the other side of those that arrived, and how many of a hundred never stopped and stand for no
    earlier revision that did. None without any."""
    columns = submissions.c
    rows = finding.newest(
        connection,
        Filter(sources=sources, states=_ANSWERED),
        (columns.id, columns.state, columns.superseded_by, columns.received_at, columns.sent_at),
        order=Order.RECEIVED,
        size=_SAMPLE,
    )
    rows = [row for row in rows if not row.superseded_by]  # the revision that stands for it counts
    ids = [row.id for row in rows]
    stopped = select(journal.c.submission).where(
        one_of(connection, journal.c.submission, ids), journal.c.event.in_(("parked", "rejected"))
    )
    mended = select(columns.superseded_by).where(
        one_of(connection, columns.superseded_by, ids), STANDS_FOR_ANOTHER
    )
    later = {*connection.scalars(stopped), *connection.scalars(mended)}
    arrived = [row for row in rows if row.state in _CAME_THROUGH]
    spans = [(row.sent_at - row.received_at).total_seconds() for row in arrived if row.sent_at is not None]
    # What waits and is tried again by itself, or was set aside before it stopped, has had neither.
    answered = {*later, *(row.id for row in arrived)}
    first_time = Decimal(len(answered) - len(later)) * 100
    rate = (first_time / len(answered)).quantize(Decimal("0.1")) if answered else None
    return (round(median(spans)) if spans else None), rate


def _bars(numbers: Mapping[date, int], today: date) -> list[Bar]:
    most = max((*numbers.values(), 1))
    width = 100 / _DAYS
    bars = []
    for place in range(_DAYS):
        day = today - timedelta(days=_DAYS - 1 - place)
        height = round(36 * numbers[day] / most, 2)
        bars.append(
            Bar(
                day,
                numbers[day],
                round(place * width, 2),
                round(38 - height, 2),
                round(width * 0.7, 2),
                height,
            )
        )
    return bars
