"""The buyers' master data as each ERP last gave it, what changed in it, and what a person must look at.

A changed IBAN or electronic address sends money or invoices elsewhere, which is how invoice fraud works: such
a change is flagged until somebody says who checked it and why it is right.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from connectors.base import PartyRecord
from gateway.store.tables import parties, party_changes, party_cursors

__all__ = [
    "FLAGGED",
    "Change",
    "Party",
    "changes",
    "clear",
    "cursor",
    "find",
    "listing",
    "masked",
    "plain",
    "read_at",
    "read_on",
    "store",
]

# Facts whose change moves money or invoices.
FLAGGED: Final = frozenset({"iban", "electronic_address"})
_LONGEST_KEY: Final = 300
_LONGEST_ID: Final = 50
_LONGEST_FACT: Final = 100
_LONGEST_VALUE: Final = 2_000
_MOST_FACTS: Final = 100
_IBAN: Final = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){10,30}\b")


@dataclass(frozen=True, slots=True)
class Party:
    """One buyer of one ERP; `facts` as in connectors.base.PartyRecord."""

    source: str
    key: str
    facts: Mapping[str, str] = field(repr=False)
    seen_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that changed: `old` or `new` is "" where there was or is none. Cleared by a person, with a
    reason."""

    id: str
    source: str
    key: str
    fact: str
    old: str = field(repr=False)
    new: str = field(repr=False)
    flagged: bool
    found_at: datetime
    cleared_at: datetime | None
    cleared_by: str
    reason: str

    @property
    def waits(self) -> bool:
        """Whether a person must still look at it."""
        return self.flagged and self.cleared_at is None


def masked(fact: str, value: str) -> str:
    """A value as logs, the journal and lists may show it: of bank accounts only country and last four
    signs."""
    if fact == "iban":
        return " ".join(_mask(one) for one in value.split(" ")) if value else ""
    return _IBAN.sub(lambda match: _mask(match.group()), value)


def _mask(value: str) -> str:
    text = value.replace(" ", "")
    return f"{text[:2]}…{text[-4:]}" if len(text) >= 8 else "…"


def cursor(connection: Connection, source: str) -> str:
    """How far the buyers of this source were read."""
    query = select(party_cursors.c.cursor).where(party_cursors.c.source == source)
    return connection.scalar(query) or ""


def read_at(connection: Connection, source: str) -> datetime | None:
    """When the buyers of this source were last read to the end; None for never."""
    return connection.scalar(select(party_cursors.c.read_at).where(party_cursors.c.source == source))


def plain(text: str | None) -> str:
    """An identifier in plain letters and digits, so that "BE 0123.456.789" is found as "BE0123456789"."""
    return "".join(sign for sign in (text or "").upper() if sign.isalnum())[:_LONGEST_ID]


def find(connection: Connection, source: str, *, vat_id: str, company_id: str, key: str) -> Party | None:
    """The one buyer with this VAT number, else with this company number, else with this key of the ERP; None
    where there is none, or more than one."""
    for column, wanted in (
        (parties.c.vat_id, plain(vat_id)),
        (parties.c.company_id, plain(company_id)),
        (parties.c.key, key),
    ):
        if wanted:
            query = select(parties).where(parties.c.source == source, column == wanted).limit(2)
            rows = connection.execute(query).all()
            if rows:
                return _party(rows[0]) if len(rows) == 1 else None
    return None


def read_on(connection: Connection, source: str, place: str, *, now: datetime) -> None:
    """The buyers up to `place` are stored in this same transaction."""
    done = connection.execute(
        update(party_cursors).where(party_cursors.c.source == source).values(cursor=place, read_at=now)
    )
    if done.rowcount == 0:
        connection.execute(insert(party_cursors).values(source=source, cursor=place, read_at=now))


def store(connection: Connection, source: str, record: PartyRecord, *, now: datetime) -> tuple[Change, ...]:
    """Keep what the ERP says about one buyer; what is different from before. Storing the same twice changes
    nothing.

    A buyer seen for the first time is no change.
    """
    key = record.key[:_LONGEST_KEY]
    facts = {
        name[:_LONGEST_FACT]: value[:_LONGEST_VALUE]
        for name, value in sorted(record.facts.items())[:_MOST_FACTS]
        if value
    }
    text = json.dumps(facts, ensure_ascii=False, sort_keys=True)
    ids = {"vat_id": plain(facts.get("vat_id")), "company_id": plain(facts.get("company_id"))}
    place = (parties.c.source == source) & (parties.c.key == key)
    row = connection.execute(select(parties.c.facts).where(place).with_for_update()).one_or_none()
    if row is None:
        connection.execute(
            insert(parties).values(source=source, key=key, facts=text, seen_at=now, changed_at=now, **ids)
        )
        return ()
    if row.facts == text:
        connection.execute(update(parties).where(place).values(seen_at=now))
        return ()
    connection.execute(update(parties).where(place).values(facts=text, seen_at=now, changed_at=now, **ids))
    before: Mapping[str, str] = json.loads(row.facts)
    found = tuple(
        _change(connection, source, key, fact, before.get(fact, ""), facts.get(fact, ""), now)
        for fact in sorted({*before, *facts})
        if before.get(fact, "") != facts.get(fact, "")
    )
    for change in found:
        connection.execute(
            insert(party_changes).values(
                id=change.id,
                source=source,
                key=key,
                fact=change.fact,
                old=change.old,
                new=change.new,
                flagged=change.flagged,
                found_at=now,
                cleared_by="",
                reason="",
            )
        )
    return found


def _change(
    connection: Connection, source: str, key: str, fact: str, old: str, new: str, now: datetime
) -> Change:
    # What was never there before is no change of it, and what is gone leads nowhere else.
    flagged = fact in FLAGGED and bool(new) and (old or _last(connection, source, key, fact)) not in ("", new)
    return Change(str(uuid.uuid4()), source, key, fact, old, new, flagged, now, None, "", "")


def _last(connection: Connection, source: str, key: str, fact: str) -> str:
    """What stood there before it was emptied: emptied and filled anew is a change, too."""
    query = select(party_changes.c.old).where(
        party_changes.c.source == source,
        party_changes.c.key == key,
        party_changes.c.fact == fact,
        party_changes.c.old != "",
    )
    return connection.scalar(query.order_by(party_changes.c.found_at.desc()).limit(1)) or ""


def listing(connection: Connection, source: str | None = None) -> list[Party]:
    """All buyers, or those of one source, by source and key."""
    query = select(parties).order_by(parties.c.source, parties.c.key)
    if source is not None:
        query = query.where(parties.c.source == source)
    return [_party(row) for row in connection.execute(query)]


def _party(row: Row[Any]) -> Party:
    return Party(row.source, row.key, json.loads(row.facts), row.seen_at, row.changed_at)


def changes(
    connection: Connection, *, source: str | None = None, key: str | None = None, waiting: bool = False
) -> list[Change]:
    """What changed, oldest first: of one source, of one buyer, or only what a person must still look at."""
    query = select(party_changes).order_by(party_changes.c.found_at, party_changes.c.fact)
    if source is not None:
        query = query.where(party_changes.c.source == source)
    if key is not None:
        query = query.where(party_changes.c.key == key)
    if waiting:
        query = query.where(party_changes.c.flagged, party_changes.c.cleared_at.is_(None))
    return [Change(*row) for row in connection.execute(query)]


def clear(connection: Connection, change: Change, *, by: str, reason: str, now: datetime) -> bool:
    """A person has checked this change; False when somebody was faster."""
    done = connection.execute(
        update(party_changes)
        .where(party_changes.c.id == change.id, party_changes.c.cleared_at.is_(None))
        .values(cleared_at=now, cleared_by=by[:200], reason=reason)
    )
    return done.rowcount == 1
