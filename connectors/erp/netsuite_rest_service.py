"""NetSuite's REST services in their own words: SuiteQL queries and records, one request at a time.

Follows Oracle's SuiteTalk REST web services 2026.1. Queries are read by keyset: each page asks for what lies
behind the last row, since every page of the service is a new query and rows shift between them. Columns that
an account does not expose are left out where a query can do without them. Links in answers are not followed.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from connectors.budget import CallBudget
from connectors.erp.netsuite_rest_login import Login
from connectors.erp.netsuite_slots import Busy, Patience, Slots
from connectors.http import HttpAnswer, HttpClient, retry_moment
from formats.errors import ConfigError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = [
    "Column",
    "Key",
    "NetSuiteRest",
    "NoSuchTable",
    "Outcome",
    "Query",
    "Row",
    "ids",
    "moment",
    "text",
]

_log = logging.getLogger(__name__)

Row = Mapping[str, Any]
_QUERY: Final = "/services/rest/query/v1/suiteql"
_RECORDS: Final = "/services/rest/record/v1"
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\Z")
_NUMBER: Final = re.compile(r"-?\d{1,15}\Z")
_ANSWERED: Final = (400, 401, 403, 404, 409, 429)
_LOGIN_FIX: Final = (
    "NetSuite does not say why: look into Setup > Users/Roles > View Login Audit Trail; usual causes are an "
    "account id in the wrong spelling, a clock that is minutes off, or a role without REST Web Services"
)
_RIGHTS_FIX: Final = "give the role of the integration the right to do this, and all subsidiaries concerned"
_PASSING: Final = frozenset({"UNEXPECTED_ERROR", "SSS_TIME_LIMIT_EXCEEDED"})
_BUSY: Final = frozenset({"CONCURRENCY_LIMIT_EXCEEDED", "SSS_REQUEST_LIMIT_EXCEEDED", "WS_REQUEST_BLOCKED"})
_RIGHTS: Final = frozenset({"INSUFFICIENT_PERMISSION", "PERMISSION_VIOLATION"})


class NoSuchTable(Exception):
    """A query asked for a record type that this account does not have."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a query: its expression, its name in the answer (small letters), and whether the query can
    do without it where the account does not expose it."""

    name: str
    expression: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """One part of a query's unique order; `name` is its column in the answer. `moment` is for dates with a
    time, others are whole numbers."""

    name: str
    expression: str
    moment: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A SuiteQL query whose rows have a unique order. The texts hold no value that was not checked by `ids`,
    `moment` or `text`."""

    columns: tuple[Column, ...]
    source: str
    where: tuple[str, ...]
    keys: tuple[Key, ...]
    group_by: str = ""

    def sql(self, after: Row | None, without: Collection[str]) -> str:
        """The query for what lies behind the row `after`."""
        shown = ", ".join(
            f"{one.expression} AS {one.name}" for one in self.columns if one.name not in without
        )
        where = [*self.where, *([] if after is None else [_behind(self.keys, after)])]
        group = f" GROUP BY {self.group_by}" if self.group_by else ""
        order = ", ".join(key.expression for key in self.keys)
        return f"SELECT {shown} FROM {self.source} WHERE {' AND '.join(where)}{group} ORDER BY {order}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a write: the id of what was made or changed, or code and words of the refusal."""

    internal_id: str = ""
    code: str = ""
    text: str = ""

    @property
    def ok(self) -> bool:
        return not self.code


@dataclass(frozen=True, slots=True)
class _Problem:
    status: int
    code: str
    text: str


def ids(values: Iterable[str]) -> str:
    """A list of internal ids for `IN (...)`; ConfigError for anything that is not a number."""
    return ", ".join(_whole(value) for value in values)


def moment(value: str) -> str:
    """A moment on the account's clock (YYYY-MM-DD HH:MM:SS) as a literal."""
    if not _MOMENT.match(value):
        raise ConfigError(
            f"{value[:40]!r} is not a moment of the account",
            where="cursor of the source",
            fix="reset the cursor of this source; invoices that went out already are recognised",
        )
    return f"TO_DATE('{value}', 'YYYY-MM-DD HH24:MI:SS')"


def text(value: str) -> str:
    """A text literal; quotes are doubled, so that nothing in it is read as SQL."""
    return "'" + value.replace("'", "''") + "'"


@dataclass(slots=True)
class NetSuiteRest:
    """The REST services of one account. Safe to share between threads.

    Raises RemoteUnavailable (down, full, calls used up), RemoteRefused (login, rights), RemoteUnexpected.
    """

    http: HttpClient
    login: Login
    slots: Slots
    patience: Patience
    budget: CallBudget | None
    page_size: int
    clock: Callable[[], datetime]
    # Columns that turned out not to be exposed here.
    hidden: set[str] = field(default_factory=set)

    def rows(self, query: Query) -> Iterator[Row]:
        """All rows, each once, in the order of the query's keys. Raises NoSuchTable."""
        last: Row | None = None
        while True:
            items, more = self._page(query, last)
            before = reached = None if last is None else _order(query.keys, last)
            for item in sorted(items, key=lambda row: _order(query.keys, row)):
                place = _order(query.keys, item)
                if reached is None or place > reached:
                    reached, last = place, item
                    yield item
            if not more or not items:
                return
            if reached == before:
                raise RemoteUnavailable(
                    "NetSuite gave a page of a result that it had given before",
                    where=_QUERY,
                    fix="it is tried again by itself",
                )

    def first(self, sql: str) -> Sequence[Row]:
        """The first page of a query as it stands. Raises NoSuchTable."""
        return self._ask(sql, 1000)[0]

    def count(self, query: Query) -> int:
        """How many rows the query has now."""
        return self._asked(query.sql(None, self.hidden), 1)[2]

    def read(self, kind: str, name: str, *, fields: str = "", whole: bool = False) -> Row | None:
        """One record by internal id or `eid:` and external id; None where there is none."""
        query = [("fields", fields)] if fields else []
        if whole:
            query.append(("expandSubResources", "true"))
        answer = self._request("GET", f"{_RECORDS}/{kind}/{name}", query=query)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._error(answer)
        return _mapping(answer)

    def collection(self, kind: str) -> Row:
        """The first entry of the list of a record type, as the service answers it."""
        answer = self._request("GET", f"{_RECORDS}/{kind}", query=[("limit", "1")])
        if answer.status != 200:
            raise self._error(answer)
        return _mapping(answer)

    def metadata(self, kind: str) -> Row:
        """The JSON schema of a record type as this account has it."""
        headers = {"Accept": "application/schema+json"}
        answer = self._request("GET", f"{_RECORDS}/metadata-catalog/{kind}", headers=headers)
        if answer.status != 200:
            raise self._error(answer)
        return _mapping(answer)

    def patch(self, kind: str, internal_id: str, body: Row) -> Outcome:
        """Change fields of one record; all others stay as they are. A field that does not exist is an error
        here, where the service would ignore it."""
        return self._write("PATCH", f"{_RECORDS}/{kind}/{internal_id}", body)

    def create(self, kind: str, body: Row) -> Outcome:
        """Make one record. RemoteUnavailable is `uncertain` where it may exist although no answer came."""
        return self._write("POST", f"{_RECORDS}/{kind}", body)

    def close(self) -> None:
        self.http.close()

    def _page(self, query: Query, after: Row | None) -> tuple[Sequence[Row], bool]:
        optional = {one.name for one in query.columns if one.optional}
        while True:
            try:
                return self._ask(query.sql(after, self.hidden), self.page_size)
            except _HiddenColumn as error:
                named = {name for name in optional - self.hidden if _mentions(str(error), query, name)}
                if not named:
                    raise RemoteUnexpected(
                        f"NetSuite refused a query: {str(error)[:300]}",
                        where=_QUERY,
                        fix="give the role the right to see this, or switch on the feature that has it",
                    ) from error
                _log.info("columns that this account does not show are left out: %s", sorted(named))
                self.hidden |= named

    def _ask(self, sql: str, limit: int) -> tuple[Sequence[Row], bool]:
        items, more, _ = self._asked(sql, limit)
        return items, more

    def _asked(self, sql: str, limit: int) -> tuple[Sequence[Row], bool, int]:
        try:
            answer = self._request(
                "POST",
                _QUERY,
                query=[("limit", str(limit)), ("offset", "0")],
                headers={"Prefer": "transient"},
                body={"q": sql},
            )
        except RemoteUnavailable as error:
            # A query changes nothing, whatever became of it.
            raise RemoteUnavailable(
                error.what, where=error.where, fix="it is tried again by itself", retry_at=error.retry_at
            ) from error
        if answer.status == 400:
            said = _problem(answer)
            if re.search(r"Record '\w+' was not found", said.text):
                raise NoSuchTable(said.text)
            if re.search(r"was not found|NOT_EXPOSED|FEATURE_DISABLED|REMOVED", said.text):
                raise _HiddenColumn(said.text)
        if answer.status != 200:
            raise self._error(answer)
        data = _mapping(answer)
        items, more = data.get("items"), data.get("hasMore")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise _strange("there are no rows in the answer to a query", answer)
        for item in items:
            item.pop("links", None)
        total = data.get("totalResults")
        return items, more is True, total if isinstance(total, int) else len(items)

    def _write(self, method: str, path: str, body: Row) -> Outcome:
        headers = {"X-NetSuite-PropertyNameValidation": "error"}
        answer = self._request(method, path, headers=headers, body=body, writing=True)
        if answer.status in (200, 204):
            return Outcome(internal_id=answer.headers.get("Location", "").rpartition("/")[2])
        if answer.status in (400, 404, 409):
            said = _problem(answer)
            return Outcome(code=said.code or str(answer.status), text=said.text)
        raise self._error(answer)

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: Row | None = None,
        writing: bool = False,
    ) -> HttpAnswer:
        sent = {"Accept": "application/json", **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        content = None if body is None else _written(body)

        def once() -> HttpAnswer:
            with self.slots.place():
                if self.budget is not None:
                    self.budget.spend(writing=writing)
                url = f"{self.http.base_url}{path}"
                authorised = {**sent, "Authorization": self.login.header(method, url, query)}
                answer = self.http.request(
                    method, path, query=list(query), headers=authorised, body=content, allowed=_ANSWERED
                )
            if answer.status == 429 or (answer.status == 400 and _problem(answer).code in _BUSY):
                self._insist_on_time(answer)
                raise Busy
            return answer

        where = f"{method} {self.http.base_url}{path}"
        answer = self.patience.make(once, where=where)
        # A token may end in the middle; a second refusal is meant.
        if answer.status == 401 and self.login.renew():
            answer = self.patience.make(once, where=where)
        if answer.status == 401:
            raise RemoteRefused(
                f"NetSuite does not accept the login: {_problem(answer).text[:200]}",
                where=where,
                fix=_LOGIN_FIX,
            )
        return answer

    def _insist_on_time(self, answer: HttpAnswer) -> None:
        """Usually no time is named; where one is, it counts."""
        at = retry_moment(answer.headers.get("Retry-After"), self.clock())
        if at is not None:
            raise RemoteUnavailable(
                "too many requests run at the same time in NetSuite",
                where=answer.where,
                fix="it is tried again by itself",
                retry_at=at,
            )

    def _error(self, answer: HttpAnswer) -> RemoteRefused | RemoteUnavailable | RemoteUnexpected:
        said = _problem(answer)
        what = f"NetSuite refused: {said.code or answer.status}, {said.text[:300]}"
        if answer.status == 403 or said.code in _RIGHTS:
            return RemoteRefused(what, where=answer.where, fix=_RIGHTS_FIX)
        if said.code in _PASSING:
            return RemoteUnavailable(what, where=answer.where, fix="it is tried again by itself")
        return _strange(what, answer)


class _HiddenColumn(Exception):
    """A query named a column that the account does not show."""


def _mentions(words: str, query: Query, name: str) -> bool:
    """Whether the refusal names the column, by its own name or the field in its expression."""
    expression = next(one.expression for one in query.columns if one.name == name)
    fields = {name, *(found.lower() for found in re.findall(r"\.(\w+)", expression))} - {"df"}
    return any(re.search(rf"\b{re.escape(one)}\b", words, re.IGNORECASE) for one in fields)


def _behind(keys: Sequence[Key], after: Row) -> str:
    """What comes later in the order: (a > x OR (a = x AND (b > y ...)))."""
    head, *rest = keys
    value = _literal(head, after)
    later = f"{head.expression} > {value}"
    return f"({later} OR ({head.expression} = {value} AND {_behind(rest, after)}))" if rest else f"({later})"


def _literal(key: Key, row: Row) -> str:
    value = _said(key, row)
    return moment(value) if key.moment else _whole(value)


def _order(keys: Sequence[Key], row: Row) -> tuple[tuple[str, int], ...]:
    """The row's place, as something that can be compared."""
    return tuple((_said(key, row), 0) if key.moment else ("", int(_whole(_said(key, row)))) for key in keys)


def _said(key: Key, row: Row) -> str:
    """What a row says of a part of its place; without it the list could not be read to its end."""
    value = str(row.get(key.name, ""))
    if not key.moment and not _NUMBER.match(value):
        raise RemoteUnexpected(
            f"a row of NetSuite has no {key.name} that can be read",
            where="NetSuite SuiteQL",
            fix="give the gateway's role the right to this field; if it has it, compare with NetSuite's "
            "release notes",
        )
    return value


def _whole(value: str) -> str:
    if not _NUMBER.match(value):
        raise ConfigError(
            f"{value[:40]!r} is not an internal id of NetSuite",
            where="NetSuite",
            fix="internal ids are whole numbers; check the settings, and that the submission belongs to this "
            "source",
        )
    return value


def _written(body: Row) -> bytes:
    """JSON with every Decimal as an exact number."""
    mark = f"number-{secrets.token_hex(8)}:"
    written = json.dumps(body, ensure_ascii=False, default=lambda value: _marked(value, mark))
    return re.sub(rf'"{mark}(-?[0-9.]+)"', r"\1", written).encode()


def _marked(value: object, mark: str) -> str:
    if isinstance(value, Decimal):
        return f"{mark}{value:f}"
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _mapping(answer: HttpAnswer) -> dict[str, Any]:
    data = answer.json()
    if not isinstance(data, dict):
        raise _strange("the answer is no object", answer)
    return data


def _problem(answer: HttpAnswer) -> _Problem:
    """The error as the service words it; empty where it does not speak JSON."""
    try:
        data = answer.json()
    except RemoteUnexpected:
        return _Problem(answer.status, "", "")
    details = data.get("o:errorDetails") if isinstance(data, dict) else None
    first = details[0] if isinstance(details, list) and details else {}
    if not isinstance(first, dict):
        return _Problem(answer.status, "", "")
    words = str(first.get("detail", ""))
    place = next((str(first[name]) for name in ("o:errorPath", "o:errorQueryParam") if name in first), "")
    return _Problem(
        answer.status, str(first.get("o:errorCode", "")), f"{words} ({place})" if place else words
    )


def _strange(what: str, answer: HttpAnswer) -> RemoteUnexpected:
    return RemoteUnexpected(
        what,
        where=answer.where,
        fix="compare the settings with the account; the answer is kept",
        evidence=answer.content,
    )
