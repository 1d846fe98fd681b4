"""Records of models, as ERPs keep them whose interface is their own object store: searched, read, created.

Which fields a model has depends on version and modules; what is not there is not asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from formats.errors import RemoteUnexpected

__all__ = ["Lookup", "Record", "Records", "names", "record_id"]

Record = Mapping[str, Any]

_ROWS_PER_CALL: Final = 2000


def names(text: str) -> tuple[str, ...]:
    """Names of fields with blanks between them; those behind a relation stand in brackets and come dotted.

    `number party(name code)` is `number`, `party.name`, `party.code`.
    """
    found: list[str] = []
    way: list[str] = []
    for part in text.replace("(", " ( ").replace(")", " ) ").split():
        if part == "(":
            way.append(found.pop())
        elif part == ")":
            way.pop()
        else:
            found.append(f"{way[-1]}.{part}" if way else part)
    return tuple(found)


def record_id(key: str, system: str, model: str) -> int:
    """The id in the key of a document. RemoteUnexpected for the key of another ERP."""
    if key.isascii() and key.isdigit():
        return int(key)
    raise RemoteUnexpected(
        f"{key[:40]!r} is not an invoice of {system}",
        where=f"{system} {model}",
        fix="was the kind of this source changed? its older invoices belong to another ERP",
    )


class Records(ABC):
    """The models of one database; the ERP's own language is behind the abstract methods."""

    def __init__(self) -> None:
        self._fields: dict[str, Mapping[str, Any]] = {}

    @abstractmethod
    def _search(
        self, model: str, domain: Sequence[object], wanted: Sequence[str], limit: int, order: str
    ) -> object:
        """The first records that fit, as the ERP gives them; `order` as in `write_date, id`, or
        `write_date desc`."""

    @abstractmethod
    def _fields_of(self, model: str) -> object:
        """The fields of a model by name."""

    @abstractmethod
    def _create(self, model: str, values: Mapping[str, object]) -> object:
        """The id of a new record, or a list with it alone."""

    @abstractmethod
    def strange(self, what: str) -> RemoteUnexpected:
        """What to raise for an answer of an unknown form."""

    def fields(self, model: str) -> Mapping[str, Any]:
        """The fields that this database has in a model. Asked once."""
        if model not in self._fields:
            found = self._fields_of(model)
            if not isinstance(found, dict) or not found:
                raise self.strange(f"{model}.fields_get")
            self._fields[model] = found
        return self._fields[model]

    def known(self, model: str, wanted: Iterable[str]) -> list[str]:
        """Of the wanted fields, those whose first step the model has."""
        there = self.fields(model)
        return [name for name in wanted if name.partition(".")[0] in there]

    def search(
        self, model: str, domain: Sequence[object], wanted: Sequence[str], *, limit: int, order: str = "id"
    ) -> list[Record]:
        """The first records that fit, with those of the wanted fields that there are."""
        rows = self._search(model, domain, self.known(model, wanted), limit, order)
        return self._records(model, rows, "search_read")

    def search_all(self, model: str, domain: Sequence[object], wanted: Sequence[str]) -> list[Record]:
        """All records that fit, by id, in calls of bounded size."""
        found: list[Record] = []
        last = 0
        while True:
            rows = self.search(model, [*domain, ("id", ">", last)], wanted, limit=_ROWS_PER_CALL)
            found += rows
            if len(rows) < _ROWS_PER_CALL:
                return found
            last = int(rows[-1]["id"])

    def create(self, model: str, values: Mapping[str, object]) -> int:
        """One new record; its id. Not repeated: look before it is called again."""
        return self.made(self._create(model, values), f"{model}.create")

    def made(self, answer: object, what: str) -> int:
        """The one id in an answer, bare or in a list."""
        found = answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
        if not isinstance(found, int) or isinstance(found, bool):
            raise self.strange(what)
        return found

    def _plain(self, model: str, row: Record) -> Record:
        """One record as plain values; a ValueError or ArithmeticError says that it is none."""
        return row

    def _records(self, model: str, rows: object, what: str) -> list[Record]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
            raise self.strange(f"{model}.{what}")
        try:
            return [self._plain(model, row) for row in rows]
        except (ValueError, ArithmeticError) as error:
            raise self.strange(f"{model}.{what}") from error


class Lookup:
    """Records that others refer to: each read once, those of one model together."""

    def __init__(self, read: Callable[[str, Sequence[int], Sequence[str]], Mapping[int, Record]]) -> None:
        self._read = read
        self._known: dict[str, dict[int, Record]] = {}

    def need(self, model: str, ids: Iterable[int | None], wanted: Sequence[str]) -> None:
        """Read those of these records that are not yet known."""
        known = self._known.setdefault(model, {})
        missing = {key for key in ids if key} - known.keys()
        if missing:
            known |= self._read(model, sorted(missing), wanted)

    def get(self, model: str, key: int | None) -> Record:
        """A record that was read; an empty one where there is none."""
        return self._known.get(model, {}).get(key or 0, {})

    def all(self, model: str) -> Collection[Record]:
        """What is known of a model."""
        return self._known.get(model, {}).values()
