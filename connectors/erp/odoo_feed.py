"""Changed records of Odoo in order, by the time of their last write and their id.

Odoo keeps that time to the millionth of a second and tells it to the second, and all records that one
transaction writes carry the same. So the place is a whole second and, within a crowded one, an id. A visit
goes up to the newest change that was there when it began; the next one begins the overlap before that,
because a transaction that ends late carries the time of its beginning.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.erp.odoo_rpc import OdooRpc
from connectors.erp.odoo_values import moment, placed
from formats.errors import RemoteUnexpected

__all__ = ["Feed", "Place"]

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_ONE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Everything before the second `at` was given, and of that second the ids up to `last`.

    `top` is the second that the visit goes up to; None where it has ended.
    """

    at: datetime = _FIRST
    last: int = 0
    top: datetime | None = None

    @classmethod
    def read(cls, cursor: str, where: str) -> Place:
        """Raises RemoteUnexpected for a cursor that is none of ours."""
        if not cursor:
            return cls()
        try:
            data = json.loads(cursor)
            top = data.get("top")
            return cls(placed(data["at"]), int(data["id"]), placed(top) if top else None)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RemoteUnexpected(
                "the stored place in Odoo cannot be read",
                where=where,
                fix="was the kind of this source changed? give the new one another name",
            ) from error

    @property
    def cursor(self) -> str:
        top = {"top": self.top.isoformat()} if self.top else {}
        return json.dumps({"at": self.at.isoformat(), "id": self.last, **top})


class Feed:
    """The ids of one model's records that fit a domain, oldest change first, a page at a time."""

    def __init__(
        self, rpc: OdooRpc, model: str, domain: Sequence[object], *, page: int, overlap: timedelta
    ) -> None:
        self._rpc, self._model, self._domain = rpc, model, list(domain)
        self._page, self._overlap = page, overlap

    def pages(self, place: Place) -> Iterator[tuple[list[int], Place]]:
        """From this place to the newest change: first the rest of a visit that was broken off."""
        if place.top is not None:
            at = place.at
            for ids, at_place in self._visit(place, place.top):
                yield ids, at_place
                at = at_place.at
            place = Place(max(at, place.top))
        start = place.at - self._overlap if place.at > _FIRST else _FIRST
        top = self._newest(start)
        if top is not None:
            yield from self._visit(Place(start), top)

    def any(self) -> bool:
        """Whether there is one."""
        return bool(self._rows([], "id", 1))

    def _newest(self, start: datetime) -> datetime | None:
        rows = self._rows([("write_date", ">=", moment(start))], "write_date desc, id desc", 1)
        return rows[0][1] if rows else None

    def _visit(self, place: Place, top: datetime) -> Iterator[tuple[list[int], Place]]:
        at, last = place.at, place.last
        while at <= top:
            if last:
                rows = self._second(at, last)
                whole = len(rows) < self._page
                ids = [key for key, _ in rows]
                at, last = (at + _ONE, 0) if whole else (at, ids[-1])
            else:
                span = [("write_date", ">=", moment(at)), ("write_date", "<", moment(top, later=1))]
                rows = self._rows(span, "write_date, id", self._page)
                whole = len(rows) < self._page
                if whole:
                    ids, at = [key for key, _ in rows], top + _ONE
                else:
                    # The last second may go on behind the page, in another order than that of ids.
                    second = rows[-1][1]
                    ids, at = [key for key, when in rows if when < second], second
                    if not ids:
                        ids = [key for key, _ in self._second(at, 0)]
                        last = ids[-1] if ids else 0
            done = at > top
            if ids or done:
                yield list(dict.fromkeys(ids)), Place(top) if done else Place(at, last, top)

    def _second(self, at: datetime, last: int) -> list[tuple[int, datetime]]:
        span = [("write_date", ">=", moment(at)), ("write_date", "<", moment(at, later=1)), ("id", ">", last)]
        return self._rows(span, "id", self._page)

    def _rows(self, span: Sequence[object], order: str, limit: int) -> list[tuple[int, datetime]]:
        domain = [*self._domain, *span]
        rows = self._rpc.search(self._model, domain, ["write_date"], limit=limit, order=order)
        try:
            return [(int(row["id"]), placed(row["write_date"])) for row in rows]
        except (ValueError, KeyError) as error:
            raise RemoteUnexpected(
                "a record of Odoo has no time of its last write",
                where=f"{self._rpc.where}, {self._model}",
                fix="compare the server's version with those in docs/connectors/odoo.md",
            ) from error
