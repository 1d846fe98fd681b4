"""The OData V2 dialect of the imitated S/4HANA: what SAP Gateway makes of rows, and of questions about them.

Keys are shown without the zeros that SAP stores, decimals are texts, days and moments are `/Date(ms)/`,
partner functions and units depend on the language of the logon, and each mistake in a question is an error
400 or 404.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID

from connectors.sandbox.s4_filter import QueryError, Row, Test, compile_filter, stored
from connectors.sandbox.s4_model import EntityType, Service

__all__ = ["Dialect", "QueryError", "Row", "etag_of", "key_of", "shown_key"]

_UNITS: Final = {
    "ST": ("PC", "ST"), "STD": ("H", "STD"), "KAR": ("CAR", "KAR"), "TAG": ("DAY", "TAG"), "LE": ("AU", "LE"),
    "WCH": ("WK", "WCH"), "MON": ("MON", "MON"), "KI": ("CRT", "KI"), "FL": ("BT", "FL"),
    "PAK": ("PAC", "PAK"),
}  # fmt: skip
_PARTNERS: Final = {"AG": "SP", "RE": "BP", "RG": "PY", "WE": "SH", "AP": "CP"}
_OPTIONS: Final = frozenset(
    {"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$inlinecount", "$format", "$skiptoken"}
)
_LOGON: Final = frozenset({"sap-client", "sap-language"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """One service spoken in one language. `root` is the address of the service as it is shown in links,
    `page` how many rows the server gives at most (0: all), `nested` the same for expanded ones, `epoch` marks
    the tokens of further pages so that older ones can be refused."""

    service: Service
    root: str
    language: str = "EN"
    page: int = 0
    nested: int = 0
    epoch: int = 0

    def collection(
        self, entity: EntityType, rows: Sequence[Row], options: Mapping[str, str], *, path: str = ""
    ) -> dict[str, Any]:
        """What `d` holds for a list."""
        self._known(options)
        found = self.filtered(entity, rows, options)
        total = len(found)
        found = found[_count(options, "$skip") or 0 :]
        top = _count(options, "$top")
        found = found if top is None else found[:top]
        start = self._started(options.get("$skiptoken", ""))
        select, expand = self._selection(entity, options), self._expansion(entity, options)
        end = start + self.page if self.page else len(found)
        result: dict[str, Any] = {
            "results": [self.shown(entity, row, select, expand) for row in found[start:end]]
        }
        if options.get("$inlinecount") == "allpages":
            result["__count"] = str(total)
        if end < len(found):
            following = {name: value for name, value in options.items() if name != "$skiptoken"}
            following["$skiptoken"] = self._token(end)
            place = path or f"{self.root}{entity.entity_set}"
            result["__next"] = f"{place}?{urlencode(following, quote_via=quote, safe='$')}"
        return result

    def filtered(self, entity: EntityType, rows: Sequence[Row], options: Mapping[str, str]) -> list[Row]:
        """The rows that a `$filter` lets through, in the order of `$orderby` or of their keys."""
        test: Test | None = None
        if options.get("$filter"):
            test = compile_filter(options["$filter"], entity, self._inner)
        found = [row for row in rows if test is None or test(row)]
        for field, backwards in reversed(self._order(entity, options)):
            found.sort(key=_ranked(field), reverse=backwards)
        return found

    def single(self, entity: EntityType, row: Row, options: Mapping[str, str]) -> Row:
        """What `d` holds for one record."""
        self._known(options)
        return self.shown(entity, row, self._selection(entity, options), self._expansion(entity, options))

    def shown(self, entity: EntityType, row: Row, select: frozenset[str], expand: Mapping[str, Any]) -> Row:
        """One record as JSON has it."""
        place = f"{self.root}{entity.entity_set}({shown_key(entity, row, self)})"
        metadata = {"id": place, "uri": place, "type": f"{self.service.name}.{entity.name}"}
        if entity.etag:
            metadata["etag"] = etag_of(entity, row)
        result: Row = {"__metadata": metadata}
        for name, kind in entity.fields.items():
            if not select or name in select:
                result[name] = self.value(kind, row.get(name))
        for name, value in row.items():
            if name.startswith(("YY1_", "ZZ")) and not select:
                result[name] = value
        for name, target in entity.navigations.items():
            if name in expand:
                inner = self.service.sets[target]
                result[name] = self._expanded(entity, name, inner, row.get(name), expand[name], place)
            elif not select or name in select:
                result[name] = {"__deferred": {"uri": f"{place}/{name}"}}
        return result

    def value(self, kind: str, value: Any) -> Any:
        """One field as JSON has it."""
        match kind[0]:
            case "A":
                return str(value or "").lstrip("0") if str(value or "").isdigit() else value or ""
            case "N":
                return str(value or "").lstrip("0") or "0"
            case "P":
                return _PARTNERS.get(value, value) if self.language == "EN" else value or ""
            case "U":
                return _UNITS.get(value, (value, value))[self.language != "EN"] or ""
            case "S":
                return value or ""
        return _plain(kind, value)

    def key_predicate(self, entity: EntityType, text: str) -> Row:
        """The key that an address names, in stored form; padded or not is the same."""
        parts = [part.partition("=") for part in text.split(",")]
        if len(entity.keys) == 1 and not parts[0][1]:
            parts = [(entity.keys[0], "=", text)]
        found = {name.strip(): value for name, _, value in parts}
        if set(found) != set(entity.keys):
            raise QueryError(400, "005056A509B11EE1B9A8FEC11C21D78E", "Invalid key predicate")
        return {
            name: stored(entity.fields[name], _unquoted(value), self._inner) for name, value in found.items()
        }

    # The parts of a question.

    def _known(self, options: Mapping[str, str]) -> None:
        for name in options:
            if name not in _OPTIONS | _LOGON and name.startswith("$"):
                raise QueryError(
                    400, "005056A509B11ED19BEB8BF0D8F2FD71", f"Invalid system query option {name}"
                )

    def _selection(self, entity: EntityType, options: Mapping[str, str]) -> frozenset[str]:
        names = frozenset(filter(None, (name.strip() for name in options.get("$select", "").split(","))))
        for name in names:
            if name.split("/")[0] not in {*entity.fields, *entity.navigations, "*"}:
                raise QueryError(400, "005056A509B11EE1B9A8FEC11C21578E", f"Property {name} not found")
        return frozenset() if "*" in names else names

    def _expansion(self, entity: EntityType, options: Mapping[str, str]) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for path in filter(None, options.get("$expand", "").split(",")):
            place, owner = tree, entity
            for step in path.strip().split("/"):
                if step not in owner.navigations:
                    raise QueryError(400, "005056A509B11EE1B9A8FEC11C22178E", f"Invalid navigation {step}")
                place, owner = place.setdefault(step, {}), self.service.sets[owner.navigations[step]]
        return tree

    def _expanded(
        self,
        owner: EntityType,
        name: str,
        inner: EntityType,
        value: Any,
        expand: Mapping[str, Any],
        place: str,
    ) -> Any:
        if name in owner.to_one:
            return None if value is None else self.shown(inner, value, frozenset(), expand)
        rows = value or []
        end = self.nested or len(rows)
        result: Row = {"results": [self.shown(inner, row, frozenset(), expand) for row in rows[:end]]}
        if end < len(rows):
            further = {"$skiptoken": self._token(end)}
            if expand:
                further["$expand"] = ",".join(_paths(expand))
            result["__next"] = f"{place}/{name}?{urlencode(further, quote_via=quote, safe='$')}"
        return result

    def _order(self, entity: EntityType, options: Mapping[str, str]) -> list[tuple[str, bool]]:
        wanted = []
        for part in filter(None, options.get("$orderby", "").split(",")):
            name, _, direction = part.strip().partition(" ")
            if name not in entity.fields or name == "LongText":
                raise QueryError(400, "005056A509B11EE1B9A8FEC11C23378E", f"Property {name} cannot be sorted")
            wanted.append((name, direction.strip() == "desc"))
        return wanted or [(name, False) for name in entity.keys]

    def _token(self, start: int) -> str:
        return base64.urlsafe_b64encode(f"{self.epoch}:{start}".encode()).decode()

    def _started(self, token: str) -> int:
        if not token:
            return 0
        try:
            epoch, _, start = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
            if int(epoch) == self.epoch:
                return int(start)
        except ValueError:
            pass
        raise QueryError(410, "005056A509B11EE1B9A8FEC11C24578E", "The skip token is no longer valid")

    def _inner(self, kind: str, text: str) -> str:
        """Partner functions and units from the language of the logon to what is stored."""
        if kind[0] == "P" and self.language == "EN":
            return next((key for key, shown in _PARTNERS.items() if shown == text), text)
        if kind[0] == "U":
            return next((key for key, shown in _UNITS.items() if shown[self.language != "EN"] == text), text)
        return text


def etag_of(entity: EntityType, row: Row) -> str:
    """The entity tag of a record, by its change marker."""
    value = row.get(entity.etag)
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
        return f"W/\"datetimeoffset'{quote(moment, safe='')}'\""
    return f"W/\"'{value or ''}'\""


def key_of(entity: EntityType, row: Row) -> tuple[Any, ...]:
    """The stored key of a row."""
    return tuple(row.get(name) for name in entity.keys)


def shown_key(entity: EntityType, row: Row, dialect: Dialect) -> str:
    """The key as it stands between the brackets of an address."""
    parts = [(name, _literal(entity.fields[name], row.get(name), dialect)) for name in entity.keys]
    return parts[0][1] if len(parts) == 1 else ",".join(f"{name}={value}" for name, value in parts)


def _literal(kind: str, value: Any, dialect: Dialect) -> str:
    if kind == "Guid":
        return f"guid'{value}'"
    if isinstance(value, datetime):
        return f"datetimeoffset'{value:%Y-%m-%dT%H:%M:%S}Z'"
    text = str(dialect.value(kind, value)).replace("'", "''")
    return f"'{quote(text)}'"


def _unquoted(text: str) -> str:
    text = text.strip().removeprefix("guid").removeprefix("datetimeoffset")
    return text[1:-1].replace("''", "'") if text.startswith("'") else text


def _paths(expand: Mapping[str, Any]) -> Iterator[str]:
    for name, inner in expand.items():
        yield from (f"{name}/{path}" for path in _paths(inner)) if inner else (name,)


def _count(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise QueryError(400, "005056A509B11EE1B9A8FEC11C21578E", f"Invalid value {text} for {name}")
    return int(text)


def _ranked(field: str) -> Callable[[Row], tuple[bool, Any]]:
    def rank(row: Row) -> tuple[bool, Any]:
        value = row.get(field)
        return (value is not None, "" if value is None else value)

    return rank


def _plain(kind: str, value: Any) -> Any:
    if kind == "Flag":
        return bool(value)
    if value is None:
        return None if kind[0] != "D" or kind.startswith("Day") else "0"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return f"/Date({_milliseconds(value)}+0000)/"
    if isinstance(value, date):
        return f"/Date({_milliseconds(datetime(value.year, value.month, value.day, tzinfo=UTC))})/"
    if isinstance(value, time):
        return f"PT{value.hour:02}H{value.minute:02}M{value.second:02}S"
    if kind == "Double":
        return f"{value:.16E}"
    return str(value) if isinstance(value, UUID) else value


def _milliseconds(moment: datetime) -> int:
    passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (passed.days * 86_400 + passed.seconds) * 1000 + passed.microseconds // 1000
