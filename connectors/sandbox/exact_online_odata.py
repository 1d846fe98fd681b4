"""The OData dialect of the imitated Exact Online: filters, selections, order, pages and value formats.

As the real service answers: unknown fields and broken filters are an error 400, `$select` is demanded, local
wall-clock time is written as if it were UTC, and the envelope changes with `$top`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, urlencode

__all__ = ["Answer", "EntitySet", "QueryError", "Row", "as_json", "children_behind", "query", "single"]

Row = dict[str, Any]
Test = Callable[[Row], bool]

_NO_SELECT: Final = "Please add a $select or a $top=1 statement to the query string."
_SYNTAX: Final = "Error in query syntax."
_LOOKED_AT: Final = 30
_KEY: Final = r"guid'[0-9A-Fa-f-]{36}'"


class QueryError(Exception):
    """The text of an error 400."""


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One collection: its rows, its key field, its type name, and what can be expanded from a row."""

    rows: list[Row]
    key: str
    type_name: str
    children: Mapping[str, Callable[[Row], list[Row]]]
    hidden: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()  # known also while there is no row

    def fields(self) -> frozenset[str]:
        """The names in the first and last rows: all rows of a collection have the same."""
        names = set(self.names)
        for row in (*self.rows[:_LOOKED_AT], *self.rows[-_LOOKED_AT:]):
            names |= row.keys()
        return frozenset(names - self.hidden)


@dataclass(frozen=True, slots=True)
class Answer:
    """The content of `d`."""

    d: Any


def query(
    entities: EntitySet,
    options: Mapping[str, str],
    *,
    url: str,
    page: int,
    needs_select: bool = True,
    only_filter: str = "",
    also_filter: str = "",
    lines: int = 60,
) -> Answer:
    """Answer a list read. `url` is the absolute address without a query; `only_filter` names the one field a
    sync endpoint may be filtered by, `also_filter` one that may stand beside it;
    `lines` is the page size of what is expanded."""
    names = entities.fields()
    select = _names(options.get("$select", ""), names, set(entities.children))
    top = int(options["$top"]) if options.get("$top", "").isdigit() else None
    if needs_select and not select and top != 1:
        raise QueryError(_NO_SELECT)
    rows = list(entities.rows)
    if options.get("$filter"):
        used = set(re.findall(r"([A-Z]\w+) (?:eq|ne|gt|ge|lt|le) ", options["$filter"]))
        if only_filter and used - {also_filter} != {only_filter}:
            raise QueryError(_SYNTAX)
        rows = _chosen(rows, options["$filter"], names)
    elif only_filter:
        raise QueryError(_SYNTAX)
    order = only_filter or options.get("$orderby", "") or entities.key
    rows = _ordered(rows, order, entities.key, names)
    skip = options.get("$skip", "")
    rows = rows[int(skip) if skip.isdigit() else 0 :]
    rows = _behind(rows, options.get("$skiptoken", ""), only_filter or entities.key)
    if only_filter:
        top = None
    if top is not None:
        rows = rows[:top]
    shown = [_shown(entities, row, select, options.get("$expand", ""), url, lines) for row in rows[:page]]
    if top is not None and top <= page:
        return Answer(shown)
    result: dict[str, Any] = {"results": shown}
    if len(rows) > page:
        last = rows[page - 1][only_filter or entities.key]
        following = {
            name: value for name, value in options.items() if name not in ("$skiptoken", "$skip", "$top")
        }
        following["$skiptoken"] = f"{last}L" if only_filter else f"guid'{last}'"
        if top is not None:
            following["$top"] = str(top - page)
        result["__next"] = f"{url}?{urlencode(following, quote_via=quote, safe='$')}"
    return Answer(result)


def single(entities: EntitySet, row: Row, options: Mapping[str, str], *, url: str, page: int) -> Answer:
    """Answer a read by key."""
    select = _names(options.get("$select", ""), entities.fields(), set(entities.children))
    return Answer(_shown(entities, row, select, options.get("$expand", ""), url, page))


def children_behind(entities: EntitySet, row: Row, name: str, token: str, *, url: str, page: int) -> Answer:
    """A further page of what was expanded; `url` is its address without a query."""
    found = entities.children[name](row)
    last = token.removeprefix("guid'").rstrip("'")
    place = next((index for index, child in enumerate(found) if child["ID"] == last), -1) + 1
    rows = [{key: as_json(value) for key, value in child.items()} for child in found[place : place + page]]
    result: dict[str, Any] = {"results": rows}
    if len(found) > place + page:
        token = quote(f"guid'{found[place + page - 1]['ID']}'")
        result["__next"] = f"{url}?$skiptoken={token}"
    return Answer(result)


def as_json(value: Any) -> Any:
    """A stored value as the service writes it."""
    if isinstance(value, Decimal):
        return float(value)  # the real service sends doubles
    if isinstance(value, datetime):
        # Local wall-clock time, written as if it were UTC.
        return f"/Date({int(value.replace(tzinfo=UTC).timestamp() * 1000)})/"
    return value


def _shown(entities: EntitySet, row: Row, select: set[str], expand: str, url: str, page: int = 60) -> Row:
    collection = re.sub(r"\(guid'[^']*'\)$", "", url)
    shown: Row = {
        "__metadata": {
            "uri": f"{collection}(guid'{row[entities.key]}')",
            "type": f"Exact.Web.Api.Models.{entities.type_name}",
        }
    }
    for name, value in row.items():
        if name not in entities.hidden and (not select or name in select):
            shown[name] = as_json(value)
    for name, children in entities.children.items():
        if name in expand.split(","):
            found = children(row)
            rows = [{key: as_json(value) for key, value in child.items()} for child in found[:page]]
            shown[name] = {"results": rows}
            if len(found) > page:
                token = quote(f"guid'{found[page - 1]['ID']}'")
                shown[name]["__next"] = f"{collection}(guid'{row[entities.key]}')/{name}?$skiptoken={token}"
        elif not select or name in select:
            shown[name] = {"__deferred": {"uri": f"{collection}(guid'{row[entities.key]}')/{name}"}}
    return shown


def _chosen(rows: list[Row], text: str, names: frozenset[str]) -> list[Row]:
    """The rows that a filter leaves. Many keys in a row (`ID eq guid'..' or ID eq ...`) are looked up
    together, for large books."""
    field = text.split(" ", 1)[0]
    if field in names and re.fullmatch(rf"{field} eq {_KEY}(?: or {field} eq {_KEY})*", text):
        keys = {key.lower() for key in re.findall(_KEY, text)}
        return [row for row in rows if f"guid'{str(row.get(field)).lower()}'" in keys]
    test = _Filter(text, names).parse()
    return [row for row in rows if test(row)]


def _names(text: str, known: Iterable[str], children: set[str]) -> set[str]:
    names = {name.strip() for name in text.split(",") if name.strip()}
    if names - set(known) - children:
        raise QueryError(_SYNTAX)
    return names


def _ordered(rows: list[Row], order: str, key: str, names: frozenset[str]) -> list[Row]:
    field, _, direction = order.strip().partition(" ")
    if rows and field not in names:
        raise QueryError(_SYNTAX)
    return sorted(
        rows,
        key=lambda row: (
            row.get(field) is not None,
            row.get(field) if row.get(field) is not None else 0,
            row[key],
        ),
        reverse=direction.strip() == "desc",
    )


def _behind(rows: list[Row], token: str, field: str) -> list[Row]:
    """The rows after the one that the token names, by value: the list may have changed in between."""
    if not token:
        return rows
    value: Any = int(token.rstrip("L")) if token.endswith("L") else token.removeprefix("guid'").rstrip("'")
    return [row for row in rows if row[field] > value]


_TOKEN: Final = re.compile(
    r"\s*(?:(?P<guid>guid'[0-9A-Fa-f-]{36}')|(?P<date>datetime'[0-9T:.-]+')|(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?[LMd]?)|(?P<word>[A-Za-z_]\w*)|(?P<sign>[(),]))"
)
_TESTS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
}


class _Filter:
    """A recursive-descent reader of `$filter`: or, and, brackets, comparisons, substringof, startswith."""

    def __init__(self, text: str, names: frozenset[str]) -> None:
        self._names = names
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise QueryError(_SYNTAX)
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()

    def parse(self) -> Test:
        test = self._either()
        if self._tokens:
            raise QueryError(_SYNTAX)
        return test

    def _either(self) -> Test:
        test = self._both()
        while self._word("or"):
            left, right = test, self._both()
            test = _or(left, right)
        return test

    def _both(self) -> Test:
        test = self._one()
        while self._word("and"):
            left, right = test, self._one()
            test = _and(left, right)
        return test

    def _one(self) -> Test:
        if self._sign("("):
            test = self._either()
            self._expect(")")
            return test
        name = self._next("word")
        if name in ("substringof", "startswith"):
            return self._function(name)
        field = self._field(name)
        operator = self._next("word")
        if operator not in _TESTS:
            raise QueryError(_SYNTAX)
        wanted, compare = self._literal(), _TESTS[operator]

        def test_field(row: Row) -> bool:
            value = row.get(field)
            if value is None or wanted is None:
                return (operator == "eq" and value is wanted) or (operator == "ne" and value is not wanted)
            # Guids are equal whatever their case.
            if (
                isinstance(value, str)
                and isinstance(wanted, str)
                and re.fullmatch(r"[0-9A-Fa-f-]{36}", wanted)
            ):
                return compare(value.lower(), wanted.lower())
            return (type(value) is type(wanted) and compare(value, wanted)) or _numbers(
                value, wanted, compare
            )

        return test_field

    def _function(self, name: str) -> Test:
        self._expect("(")
        if name == "substringof":
            wanted = self._literal()
            self._expect(",")
            field = self._field(self._next("word"))
        else:
            field = self._field(self._next("word"))
            self._expect(",")
            wanted = self._literal()
        self._expect(")")
        if name == "substringof":
            return lambda row: str(wanted) in str(row.get(field) or "")
        return lambda row: str(row.get(field) or "").startswith(str(wanted))

    def _field(self, name: str) -> str:
        if name not in self._names:
            raise QueryError(_SYNTAX)
        return name

    def _literal(self) -> Any:
        if not self._tokens:
            raise QueryError(_SYNTAX)
        kind, text = self._tokens.pop(0)
        match kind:
            case "guid":
                return text[5:-1]
            case "date":
                try:
                    return datetime.fromisoformat(text[9:-1])
                except ValueError as error:
                    raise QueryError(_SYNTAX) from error
            case "text":
                return text[1:-1].replace("''", "'")
            case "number":
                plain = text.rstrip("LMd")
                return Decimal(plain) if "." in plain else int(plain)
            case "word" if text in ("true", "false", "null"):
                return {"true": True, "false": False, "null": None}[text]
        raise QueryError(_SYNTAX)

    def _word(self, word: str) -> bool:
        if self._tokens and self._tokens[0] == ("word", word):
            self._tokens.pop(0)
            return True
        return False

    def _sign(self, sign: str) -> bool:
        if self._tokens and self._tokens[0] == ("sign", sign):
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            raise QueryError(_SYNTAX)

    def _next(self, kind: str) -> str:
        if not self._tokens or self._tokens[0][0] != kind:
            raise QueryError(_SYNTAX)
        return self._tokens.pop(0)[1]


def _or(left: Test, right: Test) -> Test:
    return lambda row: left(row) or right(row)


def _and(left: Test, right: Test) -> Test:
    return lambda row: left(row) and right(row)


def _numbers(value: Any, wanted: Any, compare: Callable[[Any, Any], bool]) -> bool:
    numbers = (int, Decimal)
    return isinstance(value, numbers) and isinstance(wanted, numbers) and compare(value, wanted)
