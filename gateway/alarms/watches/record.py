"""The record: whether the journal's chain still holds. A part is checked at each look, and all of it again
and again, so that a look stays short however long the journal is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.alarms.model import Found
from gateway.store import journal
from gateway.wiring import Gateway

__all__ = ["watch"]

_ENTRIES: Final = 20_000
_BATCH: Final = 2_000
_AGAIN: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class _Place:
    """How far this pass has come: the last entry that holds, and the first break that was found."""

    seq: int = 0
    digest: str = journal.GENESIS
    began: str = ""
    broken: str = ""
    found: str = ""


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """The first break; it is over when a whole pass finds none."""
    with gateway.alone("record watch") as cell:
        place = _read(cell.value)
        if not place.began or (place.broken and now - datetime.fromisoformat(place.began) >= _AGAIN):
            place = _Place(began=now.isoformat(), broken=place.broken, found=place.found)
        place = _on(gateway, place, now)
        cell.save(json.dumps(asdict(place)))
    if place.broken:
        yield Found(
            subject="journal",
            since=datetime.fromisoformat(place.found),
            sentence=f"The record does not hold: {place.broken}",
            fix="keep the database as it is, run gateway audit verify, and restore from a backup",
        )


def _on(gateway: Gateway, place: _Place, now: datetime) -> _Place:
    seq, digest = place.seq, place.digest
    for _ in range(_ENTRIES // _BATCH):
        with gateway.database.read() as connection:
            # First the head: entries that are written meanwhile lie behind it.
            head = journal.head_of(connection)
            entries = journal.after(connection, seq, _BATCH)
        for entry in entries:
            broken = journal.follows(entry, seq, digest)
            if broken is not None:
                return _Place(seq, digest, place.began, broken.what, place.found or now.isoformat())
            seq, digest = entry.seq, entry.digest
        if len(entries) < _BATCH:
            if head is None or head[0] > seq or (head[0] == seq and head[1] != digest):
                what = f"the chain ends after entry {seq}, and its head says otherwise: entries were cut off"
                return _Place(seq, digest, place.began, what, place.found or now.isoformat())
            return _passed(place, seq, digest, now)
    return _Place(seq, digest, place.began, place.broken, place.found)


def _passed(place: _Place, seq: int, digest: str, now: datetime) -> _Place:
    """At the end: from here on, or from the beginning again once a day."""
    if now - datetime.fromisoformat(place.began) >= _AGAIN:
        return _Place(began=now.isoformat())
    return _Place(seq, digest, place.began)


def _read(text: str) -> _Place:
    return _Place(**json.loads(text)) if text else _Place()
