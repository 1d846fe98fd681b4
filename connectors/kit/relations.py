"""Records with what they refer to in its place, for ERPs that give of a relation only the id.

Names with dots say how far: `number party(name country(code))` (`names` in `connectors.kit.records`). Which
model a relation leads to, the ERP tells in the description of its fields (`relation`). All that is wanted of
one model is read together, however many records refer to it, and kept: a page takes a handful of calls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from connectors.kit.fields import Fields
from connectors.kit.records import Record, Records

__all__ = ["Relations", "steps"]


class Relations:
    """For one visit: what was read once is not read again."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._known: dict[str, dict[int, Record]] = {}
        self._names: dict[str, set[str]] = {}

    def read(self, model: str, ids: Collection[int], wanted: Sequence[str]) -> dict[int, Record]:
        """These records with what they refer to, by id. Those that are gone are left out."""
        rows = list(self._records.read(model, ids, steps(wanted)).values())
        return {int(row["id"]): row for row in self.fill(model, rows, wanted)}

    def children(
        self, model: str, way: str, parents: Collection[int], wanted: Sequence[str]
    ) -> dict[int, list[Record]]:
        """The records of a model that refer to these by the field `way`, for each of them, by sequence and
        id; with what they refer to in turn."""
        found: dict[int, list[Record]] = {}
        if parents:
            rows = self._records.search_all(model, [(way, "in", sorted(parents))], (way, *steps(wanted)))
            for row in self.fill(model, rows, wanted):
                found.setdefault(int(row[way]), []).append(row)
        for rows in found.values():
            rows.sort(key=lambda row: (row.get("sequence") or 0, row["id"]))
        return found

    def fill(self, model: str, found: Sequence[Record], wanted: Sequence[str]) -> list[Record]:
        """These records with objects in place of ids, lists of objects in place of lists of ids.

        What is gone is None, or left out of its list.
        """
        filled = [Fields(row, model) for row in found]
        level = [(model, filled, wanted)]
        while level:
            ways = [
                (rows, step, target, behind)
                for model, rows, wanted in level
                for step, behind in _behind(wanted).items()
                if (target := self._target(model, step))
            ]
            self._learn(ways)
            level = [
                (target, self._put(rows, step, target, behind), behind) for rows, step, target, behind in ways
            ]
        return list(filled)

    def _target(self, model: str, step: str) -> str:
        """The model behind a relation; "" where this database does not have the field."""
        field = self._records.fields(model).get(step)
        if field is None:
            return ""
        if not field.get("relation"):
            raise self._records.strange(f"{model}.{step}")
        return str(field["relation"])

    def _learn(self, ways: Iterable[tuple[Sequence[Record], str, str, Sequence[str]]]) -> None:
        """Read what the ways lead to and is not yet known, each model once."""
        needed: dict[str, tuple[set[int], set[str]]] = {}
        for rows, step, target, behind in ways:
            ids, names = needed.setdefault(target, (set(), set()))
            ids |= {key for row in rows for key in _ids(row.get(step))}
            names |= set(steps(behind))
        for target, (ids, names) in needed.items():
            known, asked = self._known.setdefault(target, {}), self._names.setdefault(target, set())
            if not names <= asked:
                asked |= names
                known.clear()
            missing = ids - known.keys()
            if missing:
                known |= self._records.read(target, missing, sorted(asked))

    def _put(
        self, rows: Sequence[dict[str, Any]], step: str, target: str, behind: Sequence[str]
    ) -> list[Fields]:
        """Put the records in the place of their ids; the records."""
        wanted, known, put = ("id", *steps(behind)), self._known[target], []
        for row in rows:
            found = [
                Fields({name: known[key][name] for name in wanted if name in known[key]}, target)
                for key in _ids(row.get(step))
                if key in known
            ]
            put += found
            if step in row:
                row[step] = found if isinstance(row[step], list) else next(iter(found), None)
        return put


def steps(wanted: Iterable[str]) -> tuple[str, ...]:
    """The first step of each name, each once."""
    return tuple(dict.fromkeys(name.partition(".")[0] for name in wanted))


def _behind(wanted: Iterable[str]) -> Mapping[str, list[str]]:
    """What is wanted behind each relation."""
    found: dict[str, list[str]] = {}
    for name in wanted:
        step, _, rest = name.partition(".")
        if rest:
            found.setdefault(step, []).append(rest)
    return found


def _ids(value: Any) -> list[int]:
    found = value if isinstance(value, list) else [value]
    return [key for key in found if isinstance(key, int) and not isinstance(key, bool)]
