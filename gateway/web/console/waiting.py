"""What waits for a person, and what goes on by itself: the one place that tells the two apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection

from gateway.pipeline.submission import State, Verdict
from gateway.store import finding, inbox, parties
from gateway.store.finding import Filter, Order, Sums
from gateway.store.submissions import Submission

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
    """What waits with one verdict: the oldest `rows`, and the number and worth of all."""

    verdict: Verdict
    rows: tuple[Submission, ...]
    all: Sums


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
        if verdict is Verdict.PROVIDER:
            rows = _given_up(connection, sources)
            total = Sums(len(rows), _worth(rows))
        else:
            wanted = Filter(sources=sources, states=_STOPPED, verdicts=(verdict.value,))
            rows = finding.find(connection, wanted, order=Order.RECEIVED, descending=False, size=SHOWN).rows
            total = finding.sums(connection, wanted) if rows else Sums(0, {})
        if rows:
            found.append(Group(verdict, rows[:SHOWN], total))
    return tuple(found)


def count(connection: Connection, sources: Sources, *, with_inbox: bool) -> int:
    """How many things wait for a person, counted no further than 1,000."""
    wanted = Filter(sources=sources, states=_STOPPED, verdicts=tuple(one.value for one in _PEOPLE))
    total = finding.count_up_to(connection, wanted, _MOST_COUNTED)
    total += len(_given_up(connection, sources)) + len(changes(connection, sources))
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
    wanted = Filter(sources=sources, states=(State.PARKED, *_UNDER_WAY), verdicts=(Verdict.PROVIDER.value,))
    total = finding.sums(connection, wanted)
    if not total.count:
        return Itself(total, (), None)
    rows = finding.find(connection, wanted, size=_MOST_LOOKED_AT).rows
    healing = [row for row in rows if not _is_given_up(row)]
    reasons: dict[str, int] = {}
    for row in healing:
        reasons[row.sentence] = reasons.get(row.sentence, 0) + 1
    frequent = sorted(reasons.items(), key=lambda entry: (-entry[1], entry[0]))[:3]
    soon = min(
        (row for row in healing if row.due_at), key=lambda row: row.due_at or row.received_at, default=None
    )
    given_up = [row for row in rows if _is_given_up(row)]
    worth = _worth(given_up)
    amounts = {name: value - worth.get(name, Decimal(0)) for name, value in total.amounts.items()}
    left = {name: value for name, value in amounts.items() if value}
    return Itself(Sums(total.count - len(given_up), left), tuple(frequent), soon)


def _given_up(connection: Connection, sources: Sources) -> tuple[Submission, ...]:
    """Other people's systems where trying again has no time any more: a person has to find out."""
    wanted = Filter(sources=sources, states=_STOPPED, verdicts=(Verdict.PROVIDER.value,))
    rows = finding.find(connection, wanted, order=Order.RECEIVED, descending=False, size=_MOST_LOOKED_AT).rows
    return tuple(row for row in rows if _is_given_up(row))


def _is_given_up(row: Submission) -> bool:
    return row.state in _STOPPED and row.due_at is None


def _worth(rows: tuple[Submission, ...] | list[Submission]) -> Mapping[str, Decimal]:
    amounts: dict[str, Decimal] = {}
    for row in rows:
        if row.currency and row.amount is not None:
            amounts[row.currency] = amounts.get(row.currency, Decimal(0)) + row.amount
    return dict(sorted(amounts.items()))
