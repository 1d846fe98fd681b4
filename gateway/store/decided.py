"""How much one person has decided about lately, counted in the journal, which all processes share."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from gateway.store import journal
from gateway.store.tables import journal as entries
from gateway.store.tables import journal_head

__all__ = ["count_since", "note"]

_EVENT: Final = "decided for many"
# More entries than any minute has; found by their number, so that the size of the journal does not matter.
_LOOKED_AT: Final = 50_000


def count_since(connection: Connection, actor: str, since: datetime) -> int:
    """How many invoices this actor has decided about in bulk since then."""
    head = connection.scalar(select(journal_head.c.seq)) or 0
    query = select(entries.c.data).where(
        entries.c.seq > head - _LOOKED_AT,
        entries.c.event == _EVENT,
        entries.c.actor == actor,
        entries.c.at >= since.isoformat(timespec="microseconds"),
    )
    return sum(int(json.loads(data).get("number", 0)) for data in connection.scalars(query))


def note(connection: Connection, actor: str, action: str, number: int, *, now: datetime) -> None:
    """Write down one decision about many; what became of each invoice is in its own entries."""
    journal.append(connection, _EVENT, {"action": action, "number": number}, now=now, actor=actor)
