"""What waits for a person, and what goes on by itself: the one place that tells the two apart."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection

from gateway.pipeline.submission import State, Verdict
from gateway.store import finding, inbox, parties
from gateway.store.finding import Filter, Order, Sums
from gateway.store.submissions import Submission
from gateway.web.console import behind
from gateway.web.console.behind import Behind

__all__ = ["SHOWN", "Group", "Itself", "changes", "count", "groups", "items", "itself"]

SHOWN: Final = 50
_STOPPED: Final = (State.PARKED, State.REJECTED, State.DISPUTED)
_UNDER_WAY: Final = (State.RECEIVED, State.MAPPED, State.CHECKED, State.READY, State.SENDING, State.SENT)
_PEOPLE: Final = (Verdict.DOCUMENT, Verdict.ROUTE, Verdict.PRECONDITION)
_MOST_LOOKED_AT: Final = 500
_MOST_COUNTED: Final = 1_000

Sources = tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Group:
    """What waits with one verdict: the oldest `rows`, what waits `behind` them, number and worth of all."""

    verdict: Verdict
    rows: tuple[Submission, ...]
    all: Sums
    behind: tuple[Behind, ...] = ()

    @property
    def stopped(self) -> int:
        """How many stopped themselves."""
        return self.all.count - sum(one.all.count for one in self.behind)


@dataclass(frozen=True, slots=True)
class Itself:
    """What is tried again without anybody: how many, worth what, and why, most frequent reason first."""

    sums: Sums
    reasons: tuple[tuple[str, int], ...]
    next: Submission | None


def groups(connection: Connection, sources: Sources) -> tuple[Group, ...]:
    """Each verdict with something to do, in the order of Verdict; the oldest first in each."""
    found = []
    for verdict in Verdict:
        wanted = _for_people(sources, verdict)
        rows = finding.find(connection, wanted, order=Order.RECEIVED, descending=False, size=SHOWN).rows
        held = behind.groups(connection, sources) if verdict is Verdict.PRECONDITION else ()
        if rows or held:
            total = finding.sums(connection, wanted)
            for one in held:
                total = _both(total, one.all)
            found.append(Group(verdict, rows, total, held))
    return tuple(found)


def count(connection: Connection, sources: Sources, *, with_inbox: bool) -> int:
    """How many things wait for a person, counted no further than 1,000."""
    total = sum(
        finding.count_up_to(connection, _for_people(sources, *verdicts), _MOST_COUNTED)
        for verdicts in (_PEOPLE, (Verdict.PROVIDER,))
    )
    total += sum(one.all.count for one in behind.groups(connection, sources))
    total += len(changes(connection, sources))
    return total + (len(items(connection)) if with_inbox else 0)


def items(connection: Connection) -> tuple[inbox.Item, ...]:
    """Received documents that wait for a decision; what is tried again by itself is not among them."""
    parked = inbox.listing(connection, states=(inbox.State.PARKED,))
    return tuple(item for item in reversed(parked) if item.due_at is None)


def changes(connection: Connection, sources: Sources) -> tuple[parties.Change, ...]:
    """Changed bank accounts and addresses of buyers that nobody has checked, oldest first."""
    found = parties.changes(connection, waiting=True)
    return tuple(change for change in found if sources is None or change.source in sources)


def itself(connection: Connection, sources: Sources) -> Itself:
    """What waits for a system of somebody else and goes on as soon as that answers."""
    verdicts = (Verdict.PROVIDER.value,)
    under_way = Filter(sources=sources, states=_UNDER_WAY, verdicts=verdicts)
    again = Filter(sources=sources, states=(State.PARKED,), verdicts=verdicts, idle=False)
    total = _both(finding.sums(connection, under_way), finding.sums(connection, again))
    if not total.count:
        return Itself(total, (), None)
    rows = [
        row
        for wanted in (again, under_way)
        for row in finding.find(connection, wanted, size=_MOST_LOOKED_AT).rows
    ]
    reasons: dict[str, int] = {}
    for row in rows:
        reasons[row.sentence] = reasons.get(row.sentence, 0) + 1
    frequent = sorted(reasons.items(), key=lambda entry: (-entry[1], entry[0]))[:3]
    soon = min(
        (row for row in rows if row.due_at), key=lambda row: row.due_at or row.received_at, default=None
    )
    return Itself(total, tuple(frequent), soon)


def _for_people(sources: Sources, *verdicts: Verdict) -> Filter:
    """What has stopped with these verdicts. Other people's systems only where trying again has no time any
    more, or the message may be there already: then a person has to find out."""
    idle = True if verdicts == (Verdict.PROVIDER,) else None
    return Filter(sources=sources, states=_STOPPED, verdicts=tuple(one.value for one in verdicts), idle=idle)


def _both(one: Sums, other: Sums) -> Sums:
    amounts = {
        name: one.amounts.get(name, Decimal(0)) + other.amounts.get(name, Decimal(0))
        for name in sorted({*one.amounts, *other.amounts})
    }
    return Sums(one.count + other.count, amounts)
