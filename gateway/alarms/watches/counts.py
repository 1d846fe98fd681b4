"""Days on which the numbers do not agree: posted in the ERP, received, delivered, told to the ERP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gateway.alarms.model import Found, Kind
from gateway.alarms.reconciling import Tally, end_of, reconcile, settled_before
from gateway.store import alarms
from gateway.wiring import Gateway

__all__ = ["watch"]


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """One finding for each source and day that had its time and does not come out even."""
    if not gateway.settings.alarms.counts.enabled:
        return
    found = reconcile(gateway, now)
    settled = settled_before(gateway, now)
    companies = {one.name: one.company for one in gateway.settings.sources}
    with gateway.database.read() as connection:
        # Where an ERP takes no news at all, that is told once and not for each day.
        refusing = {one.subject for one in alarms.open_ones(connection, kind=Kind.WRITE_BACK)}
    for (source, day), tally in sorted(found.items()):
        if day >= settled:
            continue
        with gateway.database.read() as connection:
            count = alarms.count_of(connection, source, day)
        posted = count.posted if count is not None else None
        differences = _differences(tally, posted, takes_news=source not in refusing)
        if differences:
            came = f"{posted} posted, " if posted is not None else ""
            yield Found(
                subject=f"{source} {day.isoformat()}",
                since=end_of(gateway, day),
                sentence=f"{source}, {day:%d %B %Y}: {came}{len(tally.received)} received, "
                f"{len(tally.delivered)} delivered. {'; '.join(differences)}",
                fix="the invoices of this day are listed under Invoices, by date; what is missing there is "
                "in the ERP only",
                company=companies[source],
            )


def _differences(tally: Tally, posted: int | None, *, takes_news: bool) -> list[str]:
    found = []
    if posted is not None and posted > len(tally.received):
        found.append(f"{posted - len(tally.received)} never came in")
    if posted is not None and posted < len(tally.received):
        found.append(f"{len(tally.received) - posted} are no longer posted in the ERP")
    if tally.under_way:
        found.append(f"{tally.under_way} on the way for too long")
    if tally.stopped:
        found.append(f"{len(tally.stopped)} stopped and waiting for a person")
    if tally.untold and takes_news:
        found.append(f"{len(tally.untold)} delivered without the ERP knowing")
    return found
