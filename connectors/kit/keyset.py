"""Changed records in order, by the time of their last write and their id: nothing left out, nothing endless.

For ERPs whose records carry the time of their last write and can be asked for in its order. All records that
one transaction writes carry the same time, and the ERP may tell it more coarsely than it keeps it. So the
place is one grain of time and, within a crowded one, an id. A visit goes up to the newest change that was
there when it began; the next one begins the overlap before that, because a transaction that ends late carries
the time of its beginning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, Literal, TypeVar

from connectors.kit.cursors import read_cursor

__all__ = ["Change", "Feed", "Place", "Span"]

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Change(Generic[_Row]):
    """One record as it was found: its id, the grain of time of its last write, and what was read of it."""

    id: int
    at: datetime
    row: _Row


@dataclass(frozen=True, slots=True)
class Span:
    """What one call asks for: the first `limit` records in an order.

    They were written at `since` or later and before `before` (None: any time later), and have an id above
    `last`. `order` is by time and id, by id, or by time and id backwards; there only the time is wanted.
    """

    since: datetime
    limit: int
    before: datetime | None = None
    last: int = 0
    order: Literal["time", "id", "newest"] = "time"


@dataclass(frozen=True, slots=True)
class Place:
    """Everything before `at` was given, and of that grain of time the ids up to `last`.

    `top` is where the visit goes up to; None where it has ended.
    """

    at: datetime = _FIRST
    last: int = 0
    top: datetime | None = None

    @classmethod
    def read(cls, cursor: str, *, system: str, where: str) -> Place:
        """Raises RemoteUnexpected for a cursor that is none of ours."""
        if not cursor:
            return cls()
        return read_cursor(cursor, cls._of, system=system, where=where)

    @classmethod
    def _of(cls, data: Any) -> Place:
        top = data.get("top")
        return cls(_moment(data["at"]), int(data["id"]), _moment(top) if top else None)

    @property
    def cursor(self) -> str:
        top = {"top": self.top.isoformat()} if self.top else {}
        return json.dumps({"at": self.at.isoformat(), "id": self.last, **top})


class Feed(Generic[_Row]):
    """The records that one question finds, oldest change first, a page at a time.

    `ask` puts a Span into the ERP's own words. `grain` is the smallest step of time that the ERP tells.
    """

    def __init__(
        self,
        ask: Callable[[Span], Sequence[Change[_Row]]],
        *,
        page: int,
        overlap: timedelta,
        grain: timedelta,
    ) -> None:
        self._ask, self._page, self._overlap, self._grain = ask, page, overlap, grain

    def pages(self, place: Place) -> Iterator[tuple[list[Change[_Row]], Place]]:
        """From this place to the newest change: first the rest of a visit that was broken off."""
        if place.top is not None:
            at = place.at
            for found, at_place in self._visit(place, place.top):
                yield found, at_place
                at = at_place.at
            place = Place(max(at, place.top))
        start = place.at - self._overlap if place.at > _FIRST else _FIRST
        newest = self._ask(Span(start, 1, order="newest"))
        if newest:
            yield from self._visit(Place(start), newest[0].at)

    def any(self) -> bool:
        """Whether there is one."""
        return bool(self._ask(Span(_FIRST, 1, order="newest")))

    def _visit(self, place: Place, top: datetime) -> Iterator[tuple[list[Change[_Row]], Place]]:
        at, last = place.at, place.last
        while at <= top:
            if last:
                found = self._crowd(at, last)
                at, last = (at + self._grain, 0) if len(found) < self._page else (at, found[-1].id)
            else:
                found = self._ask(Span(at, self._page, before=top + self._grain))
                if len(found) < self._page:
                    at = top + self._grain
                else:
                    # The last grain may go on behind the page, in another order than that of ids.
                    crowded = found[-1].at
                    found, at = [one for one in found if one.at < crowded], crowded
                    if not found:
                        found = self._crowd(at, 0)
                        last = found[-1].id if found else 0
            done = at > top
            if found or done:
                once = list({one.id: one for one in found}.values())
                yield once, Place(top) if done else Place(at, last, top)

    def _crowd(self, at: datetime, last: int) -> Sequence[Change[_Row]]:
        """Those of one grain of time, by id."""
        return self._ask(Span(at, self._page, before=at + self._grain, last=last, order="id"))


def _moment(text: object) -> datetime:
    found = datetime.fromisoformat(str(text))
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
