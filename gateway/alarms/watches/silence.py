"""Sources and buyers from which nothing comes any more, although it should by their own past."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, func, select

from gateway.alarms.habits import Silence, silence
from gateway.alarms.model import Found
from gateway.store import sources
from gateway.store.tables import submissions
from gateway.wiring import Gateway

__all__ = ["watch"]

# A buyer may well leave out one order.
_PATIENCE_WITH_BUYERS: Final = 2


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """Sources first; the buyers of a source that is silent, or cannot be read, are not told one by one."""
    wanted = gateway.settings.alarms.silence
    if not wanted.enabled:
        return
    zone = ZoneInfo(gateway.settings.web.time_zone)
    today = now.astimezone(zone).date()
    with gateway.database.read() as connection:
        found = _days(connection, zone, now, wanted.history_days, sqlite=gateway.database.is_sqlite)
        unwell = {one.name for one in gateway.settings.sources if sources.get(connection, one.name).verdict}
    for spec in gateway.settings.sources:
        buyers = found.get(spec.name, {})
        if spec.name in unwell:
            continue
        every = sorted({day for days in buyers.values() for day in days})
        quiet = silence(every, today, least_days=wanted.least_days)
        if quiet is not None:
            yield _found(
                quiet, spec.name, spec.name, spec.company, zone, "look whether invoices are posted there"
            )
            continue
        if not wanted.buyers:
            continue
        for buyer, days in sorted(buyers.items()):
            late = silence(sorted(days), today, least_days=wanted.least_days, patience=_PATIENCE_WITH_BUYERS)
            if late is not None and buyer:
                subject = f"{spec.name}: {buyer}"[:300]
                name = f"{buyer[:200]} (from {spec.name})"
                fix = "ask sales whether this buyer still orders; if so, look where the invoices stay"
                yield _found(late, subject, name, spec.company, zone, fix, buyer=True)


def _found(
    late: Silence, subject: str, name: str, company: str, zone: ZoneInfo, fix: str, *, buyer: bool = False
) -> Found:
    since = datetime.combine(late.last + timedelta(days=1), time(), tzinfo=zone)
    return Found(subject, since, late.sentence(name, buyer=buyer), fix, company)


def _days(
    connection: Connection, zone: ZoneInfo, now: datetime, history: int, *, sqlite: bool
) -> dict[str, dict[str, set[date]]]:
    """By source and buyer the days (of the pages' time zone) on which something came."""
    column: ColumnElement[Any]
    if sqlite:
        # SQLite knows offsets only; an hour more or less at the change of the clocks changes nothing here.
        offset = int((now.astimezone(zone).utcoffset() or timedelta()).total_seconds() // 60)
        column = func.date(submissions.c.received_at, f"{offset:+d} minutes")
    else:
        column = func.date(func.timezone(str(zone), submissions.c.received_at))
    query = (
        select(submissions.c.source, submissions.c.buyer, column)
        .where(submissions.c.received_at >= now - timedelta(days=history))
        .distinct()
    )
    found: dict[str, dict[str, set[date]]] = defaultdict(lambda: defaultdict(set))
    for source, buyer, day in connection.execute(query):
        found[source][buyer].add(day if isinstance(day, date) else date.fromisoformat(str(day)))
    return found
