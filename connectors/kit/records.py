"""Records of models, as ERPs keep them whose interface is their own object store: searched, read, created.

Which fields a model has depends on version and modules; what is not there is not asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.kit.fields import Fields
from connectors.kit.keyset import Change, Feed, Span
from formats.errors import RemoteUnexpected

__all__ = ["Record", "Records", "at", "names", "record_id"]

Record = Mapping[str, Any]

_ROWS_PER_CALL: Final = 2000
_IDS_PER_CALL: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


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


def at(record: Record | None, name: str) -> Any:
    """What stands behind a dotted name; None where it ends before."""
    for step in name.split("."):
        if record is None:
            return None
        record = record.get(step)
    return record


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
    """The models of one database; the ERP's own language is behind the abstract methods.

    `system` names it to people, as in `Acme books`. Rows raise RemoteUnexpected for a field that is counted
    on and absent. `grain` is the smallest step in which the ERP tells the time of a writing.
    """

    system = ""
    grain = timedelta(microseconds=1)

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

    @abstractmethod
    def moment(self, at: datetime) -> object:
        """A moment (aware) as the ERP takes it in conditions."""

    @abstractmethod
    def version(self) -> str:
        """The server's version, asked without a login."""

    def fields(self, model: str) -> Mapping[str, Any]:
        """The fields that this database has in a model. Asked once."""
        if model not in self._fields:
            found = self._fields_of(model)
            if not isinstance(found, dict) or not found:
                raise self.strange(f"{model}.fields_get")
            self._fields[model] = found
        return self._fields[model]

    def foretell(self, models: Mapping[str, str]) -> None:
        """Fields that all versions have and that need not be asked for: `name partner_id:res.partner`, with
        the model that a relation leads to."""
        for model, fields in models.items():
            parts = (field.partition(":") for field in fields.split())
            self._fields[model] = {
                name: {"type": "many2one", "relation": behind} if behind else {} for name, _, behind in parts
            }

    def has(self, model: str, name: str) -> bool:
        """Whether a model has a field; what stands behind a dot is looked for in the model referred to."""
        step, _, rest = name.partition(".")
        field = self.fields(model).get(step)
        return field is not None and (not rest or self.has(str(field.get("relation")), rest))

    def known(self, model: str, wanted: Iterable[str]) -> list[str]:
        """Those of the wanted fields that this database has."""
        return [name for name in wanted if self.has(model, name)]

    def absent(self, model: str, wanted: Iterable[str]) -> list[str]:
        """The others, as `model.field`, for people."""
        return [f"{model}.{name}" for name in wanted if name and not self.has(model, name)]

    def search(
        self, model: str, domain: Sequence[object], wanted: Sequence[str], *, limit: int, order: str = "id"
    ) -> list[Record]:
        """The first records that fit, with those of the wanted fields that there are."""
        rows = self._search(model, domain, self.known(model, wanted), limit, order)
        return self._records(model, rows, "search_read")

    def search_all(self, model: str, domain: Sequence[object], wanted: Sequence[str]) -> list[Record]:
        """All records that fit, by id, in calls of bounded size."""
        return [row for rows in self.by_id(model, domain, wanted, page=_ROWS_PER_CALL) for row in rows]

    def by_id(
        self, model: str, domain: Sequence[object], wanted: Sequence[str], *, page: int
    ) -> Iterator[list[Record]]:
        """All records that fit, by id, a page at a time; for those that are not told apart by time."""
        last = 0
        while True:
            rows = self.search(model, [*domain, ("id", ">", last)], wanted, limit=page)
            if rows:
                yield rows
                last = int(rows[-1]["id"])
            if len(rows) < page:
                return

    def read(self, model: str, ids: Iterable[int], wanted: Sequence[str]) -> dict[int, Record]:
        """These records by id, in calls of bounded size. Those that are gone are left out."""
        found: dict[int, Record] = {}
        unique, known = sorted(set(ids)), self.known(model, wanted) if ids else []
        for start in range(0, len(unique), _IDS_PER_CALL):
            rows = self._read(model, unique[start : start + _IDS_PER_CALL], known)
            found |= {int(row["id"]): row for row in self._records(model, rows, "read")}
        return found

    def changes(
        self,
        model: str,
        domain: Sequence[object],
        wanted: Sequence[str] = (),
        *,
        page: int,
        overlap: timedelta,
        stamp: str = "write_date",
    ) -> Feed[Record]:
        """What was written, by the time of the last writing, which stands in the field `stamp`."""
        orders = {"time": f"{stamp}, id", "id": "id", "newest": f"{stamp} desc, id desc"}

        def ask(span: Span) -> list[Change[Record]]:
            where = [*domain, (stamp, ">=", self.moment(span.since)), ("id", ">", span.last)]
            if span.before is not None:
                where.append((stamp, "<", self.moment(span.before)))
            names = (stamp,) if span.order == "newest" else (stamp, *wanted)
            rows = self.search(model, where, names, limit=span.limit, order=orders[span.order])
            try:
                return [Change(int(row["id"]), self._told(row[stamp]), row) for row in rows]
            except (TypeError, ValueError) as error:
                raise self.strange(f"{model}.{stamp}") from error

        return Feed(ask, page=page, overlap=overlap, grain=self.grain)

    def create(self, model: str, values: Mapping[str, object]) -> int:
        """One new record; its id. Not repeated: look before it is called again."""
        return self.made(self._create(model, values), f"{model}.create")

    def made(self, answer: object, what: str) -> int:
        """The one id in an answer, bare or in a list."""
        found = answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
        if not isinstance(found, int) or isinstance(found, bool):
            raise self.strange(what)
        return found

    def _read(self, model: str, ids: Sequence[int], wanted: Sequence[str]) -> object:
        """These records as the ERP gives them; some read by id in another way than they search."""
        return self._search(model, [("id", "in", list(ids))], wanted, len(ids), "id")

    def _told(self, stamp: object) -> datetime:
        """A time of writing as aware UTC, cut to the grain. ValueError for what is none."""
        found = datetime.fromisoformat(str(stamp))
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        return found - (found - _EPOCH) % self.grain

    def _plain(self, model: str, row: Record) -> Record:
        """One record as plain values; a ValueError or ArithmeticError says that it is none."""
        return row

    def _records(self, model: str, rows: object, what: str) -> list[Record]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
            raise self.strange(f"{model}.{what}")
        try:
            return [Fields(self._plain(model, row), f"{self.system}, {model}") for row in rows]
        except (ValueError, ArithmeticError) as error:
            raise self.strange(f"{model}.{what}") from error
