"""Counting: what each ERP posted, what came in, what was delivered, what the ERP knows of it, day by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from connectors.base import Counts, DeliveryState
from formats.errors import ConflictError, EInvoicingError, StorageError
from gateway.pipeline.submission import State
from gateway.store import alarms, sources
from gateway.store.alarms import Count
from gateway.store.tables import reports, submissions
from gateway.wiring import Gateway

__all__ = ["Tally", "days_of", "reconcile", "settled_before", "tallies"]

_ARRIVED = frozenset({State.DELIVERED, State.ACCEPTED, State.DISPUTED, State.PAID, State.CLOSED})
_ARRIVAL_TOLD = frozenset(state.value for state in DeliveryState if state.arrived)
_STOPPED = frozenset({State.PARKED, State.REJECTED})


@dataclass(slots=True)
class Tally:
    """Invoices of one source and day by their ERP keys: a corrected one counts once."""

    received: set[str] = field(default_factory=set)
    delivered: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    aside: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    # Delivered, and the ERP is still to be told.
    untold: set[str] = field(default_factory=set)

    @property
    def under_way(self) -> int:
        """Neither delivered nor stopped nor set aside."""
        return len(self.received - self.delivered - self.stopped - self.aside)


def days_of(gateway: Gateway, now: datetime) -> tuple[date, ...]:
    """The days that are counted, the latest first; today is not over."""
    today = now.astimezone(ZoneInfo(gateway.settings.web.time_zone)).date()
    return tuple(today - timedelta(days=back) for back in range(1, gateway.settings.alarms.counts.days + 1))


def settled_before(gateway: Gateway, now: datetime) -> date:
    """Days before this one have had their time to arrive."""
    zone = ZoneInfo(gateway.settings.web.time_zone)
    hours = gateway.settings.alarms.counts.settled_hours
    return (now - timedelta(hours=hours)).astimezone(zone).date()


def tallies(
    connection: Connection, names: Iterable[str], days: Iterable[date]
) -> dict[tuple[str, date], Tally]:
    """What is known of the invoices of these sources that are dated these days."""
    wanted = (submissions.c.issue_date.in_(tuple(days)), submissions.c.source.in_(tuple(names)))
    columns = (submissions.c.source, submissions.c.source_key, submissions.c.issue_date)
    found: dict[tuple[str, date], Tally] = defaultdict(Tally)
    for source, key, day, state in connection.execute(select(*columns, submissions.c.state).where(*wanted)):
        tally = found[source, day]
        tally.received.add(key)
        if State(state) in _ARRIVED:
            tally.delivered.add(key)
        elif State(state) in _STOPPED:
            tally.stopped.add(key)
        elif State(state) is State.SUPERSEDED:
            tally.aside.add(key)
    told = (
        select(*columns, reports.c.done_at)
        .join(reports, reports.c.submission == submissions.c.id)
        .where(*wanted, reports.c.state.in_(_ARRIVAL_TOLD))
    )
    for source, key, day, done_at in connection.execute(told):
        (found[source, day].untold if done_at is None else found[source, day].acknowledged).add(key)
    for tally in found.values():
        tally.stopped -= tally.delivered
        tally.aside -= tally.delivered | tally.stopped
    return found


def reconcile(gateway: Gateway, now: datetime) -> dict[tuple[str, date], Tally]:
    """Count each source and day anew, ask the ERPs that can count, and keep both. An ERP is asked again only
    while its count differs."""
    days = days_of(gateway, now)
    specs = gateway.settings.sources
    with gateway.database.read() as connection:
        found = tallies(connection, [one.name for one in specs], days)
        known = {(one.source, one.day): one for one in alarms.counts_of(
            connection, [one.name for one in specs], days[-1]
        )}  # fmt: skip
        unwell = {one.name for one in specs if sources.get(connection, one.name).verdict}
    for spec in specs:
        counted = []
        silent = "the source cannot be read at the moment" if spec.name in unwell else ""
        for day in days:
            tally = found.setdefault((spec.name, day), Tally())
            before = known.get((spec.name, day))
            posted, said, asked_at = _posted(
                gateway, spec.name, day, len(tally.received), before, now, silent
            )
            if asked_at == now and posted is None:
                silent = said  # one refusal is enough; the other days wait for the next time
            counted.append(
                Count(
                    spec.name,
                    day,
                    posted,
                    said,
                    asked_at,
                    len(tally.received),
                    len(tally.delivered),
                    len(tally.acknowledged),
                    len(tally.stopped),
                    now,
                )
            )
        with gateway.database.begin() as connection:
            alarms.counted(connection, counted)
    return found


def _posted(
    gateway: Gateway,
    source: str,
    day: date,
    received: int,
    before: Count | None,
    now: datetime,
    silent: str,
) -> tuple[int | None, str, datetime | None]:
    """What the ERP says, why it was not asked, and when it was."""
    posted = before.posted if before else None
    asked_at = before.asked_at if before else None
    hours = timedelta(hours=gateway.settings.alarms.counts.ask_hours)
    if asked_at is not None and (posted == received or now - asked_at < hours):
        return posted, before.said if before else "", asked_at
    if silent:
        return posted, silent, asked_at
    try:
        connector = gateway.source(source)
        if not isinstance(connector, Counts):
            return None, "this kind of source cannot be asked", None
        return connector.count_posted(day), "", now
    except (StorageError, ConflictError):
        raise
    except EInvoicingError as error:
        return posted, error.what, now


def end_of(gateway: Gateway, day: date) -> datetime:
    """The end of a day in the pages' time zone."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(gateway.settings.web.time_zone))
