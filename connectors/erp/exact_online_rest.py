"""Exact Online's REST interface: OData requests for one division, its envelopes, limits and errors.

Knows how the service speaks (absolute next-page links, three envelopes, headers that count calls, a block
after ten errors an hour on one endpoint) and nothing about invoices.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.erp.exact_online_login import Login
from connectors.http import HttpAnswer, HttpClient, retry_moment
from formats.errors import RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["ExactRest", "RecordUnreadable", "Row", "guid", "text"]

Row = dict[str, Any]
_MOST_PAGES: Final = 10_000
_MOST_ERRORS: Final = 8  # an hour on one endpoint; at ten the service blocks it
_HOUR: Final = timedelta(hours=1)
_LONGEST_WAIT: Final = timedelta(hours=25)
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
_REASONS: Final[Mapping[str, str]] = {
    "BlockedUser": "the user is blocked",
    "InactiveUser": "the user is inactive",
    "BlockedCustomer": "the licence holder is blocked",
    "LicenseExpired": "the licence has expired",
    "DivisionBlocked": "the division is blocked, for example by a backup",
    "NoDivisionAccess": "the user has no access to this division",
}


class RecordUnreadable(RemoteUnavailable):
    """One record cannot be read although the service is up: the others go on."""


def guid(value: str) -> str:
    """A GUID as a filter wants it. Raises RemoteUnexpected for anything else, so that nothing is smuggled
    into a filter."""
    if not _GUID.match(value):
        raise RemoteUnexpected(
            f"{value[:40]!r} is not a GUID", where="Exact Online", fix="compare with the record in Exact"
        )
    return f"guid'{value.lower()}'"


def text(value: str) -> str:
    """A text as a filter wants it."""
    return "'" + value.replace("'", "''") + "'"


class ExactRest:
    """Requests to one division. Safe to share between threads."""

    def __init__(
        self, http: HttpClient, login: Login, division: int, *, clock: Callable[[], datetime]
    ) -> None:
        self._http = http
        self._login = login
        self._root = f"/api/v1/{division}/"
        self._clock = clock
        self._lock = threading.Lock()
        self._errors: dict[str, deque[datetime]] = {}
        # Calls left and when they begin anew, for the minute and for the day, as the last answer said.
        self._left: dict[str, tuple[int, datetime]] = {}

    def read(self, entity: str, key: str, query: Mapping[str, str]) -> Row | None:
        """One record by its GUID; None where there is none (any more)."""
        answer = self._call(
            "GET", f"{self._root}{entity}({guid(key)})", entity, query=query, allowed=(404, 500)
        )
        if answer.status == 404:
            return None
        if answer.status == 500:
            raise RecordUnreadable(
                "Exact Online answered 500 to the reading of one record",
                where=answer.where,
                fix="it is tried again by itself; if it lasts, open the record in Exact and save it again",
            )
        rows, _ = self._rows(answer)
        return rows[0] if rows else None

    def pages(
        self, entity: str, query: Mapping[str, str], *, reserve: int = 0, start: str = ""
    ) -> Iterator[list[Row]]:
        """All pages of a list, each as it came; further pages by the service's own links.

        `reserve` is how many calls of this minute and day are left to others, `start` a link to begin with. A
        page may be empty.
        """
        place, options = start or f"{self._root}{entity}", dict(query)
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            answer = self._call("GET", place, entity, query=options, reserve=reserve)
            rows, following = self._rows(answer)
            yield rows
            if not following:
                return
            if following in seen:
                break
            seen.add(following)
            # Verbatim: the link is encoded already and carries the whole query.
            place, options = following, {}
        raise RemoteUnexpected(
            "the pages of the list never end", where=f"Exact Online {entity}", fix="tell Exact's support"
        )

    def rows(self, entity: str, query: Mapping[str, str], *, reserve: int = 0) -> list[Row]:
        """All records of a list."""
        return [row for page in self.pages(entity, query, reserve=reserve) for row in page]

    def create(self, entity: str, record: Mapping[str, object]) -> Row:
        """Make one record. Not repeatable by itself: look it up first."""
        answer = self._call("POST", f"{self._root}{entity}", entity, json=record)
        rows, _ = self._rows(answer)
        if not rows:
            raise RemoteUnexpected(
                "the new record is not in the answer",
                where=answer.where,
                fix="look in Exact whether it is there",
                evidence=answer.content,
            )
        return rows[0]

    def me(self) -> Row:
        """The user who is logged in, and the server's time."""
        query = {"$select": "CurrentDivision,UserID,FullName,ServerTime,ServerUtcOffset"}
        answer = self._call("GET", "/api/v1/current/Me", "current/Me", query=query)
        rows, _ = self._rows(answer)
        return rows[0] if rows else {}

    def download(self, url: str) -> HttpAnswer:
        """A file that a record points to; only from the service's own host."""
        joined = url + ("&" if "?" in url else "?") + "Download=1"
        return self._call("GET", joined, "docs/SysAttachment", accept="*/*")

    def _call(
        self,
        method: str,
        place: str,
        entity: str,
        *,
        query: Mapping[str, str] | None = None,
        json: object = None,
        allowed: tuple[int, ...] = (),
        reserve: int = 0,
        accept: str = "application/json",
    ) -> HttpAnswer:
        self._keep_limits(entity, reserve)
        token = self._login.access_token()
        answer = self._ask(method, place, query, json, token, accept)
        if answer.status == 401:
            # Refused before anything was done, so repeating is safe.
            self._note_error(entity)
            token = self._login.access_token(rejected=token)
            answer = self._ask(method, place, query, json, token, accept)
        if answer.status in (400, 401, 403, 404):
            self._note_error(entity)
        if 200 <= answer.status < 300 or answer.status in allowed:
            return answer
        raise self._refusal(answer, method)

    def _ask(
        self,
        method: str,
        place: str,
        query: Mapping[str, str] | None,
        json: object,
        token: str,
        accept: str,
    ) -> HttpAnswer:
        answer = self._http.request(
            method,
            place,
            query=query,
            json=json,
            headers={"Authorization": f"Bearer {token}", "Accept": accept},
            allowed=(400, 401, 403, 404, 405, 429, 500),
        )
        self._note_limits(answer.headers)
        return answer

    def _refusal(
        self, answer: HttpAnswer, method: str
    ) -> RemoteUnavailable | RemoteRefused | RemoteUnexpected:
        status = answer.status
        if status == 429:
            return RemoteUnavailable(
                "Exact Online has had enough calls for now",
                where=answer.where,
                fix="it goes on by itself; poll less often if it happens every day",
                retry_at=self._wait_until(answer.headers),
            )
        if status == 401:
            return RemoteRefused(
                "Exact Online does not accept a fresh access token",
                where=answer.where,
                fix="check that base_url is the country site where the app and the user are registered",
            )
        if status == 403:
            reason = answer.headers.get("Reason", "")
            why = _REASONS.get(reason, "a right, a licence module or the app's scope is missing")
            return RemoteRefused(
                f"Exact Online forbids this: {why}",
                where=answer.where,
                fix="check the rights of the gateway's user, the licence and the scope of the app",
            )
        # 500 is also how the service refuses the content of a request, then with a JSON error.
        if status == 500 and (method == "GET" or b'"error"' not in answer.content[:200]):
            return RemoteUnavailable(
                "Exact Online answered 500, an error of its own",
                where=answer.where,
                fix="it is tried again by itself; if it lasts, open the record in Exact",
                uncertain=method != "GET",
            )
        return RemoteUnexpected(
            f"Exact Online answered {status} to a request that it should understand",
            where=answer.where,
            fix="its answer is kept; compare it with the record in Exact and with Exact's release notes",
            evidence=answer.content,
        )

    def _rows(self, answer: HttpAnswer) -> tuple[list[Row], str]:
        """The records of an answer, whichever of the three envelopes it has, and the next page's address."""
        data = answer.json()
        inner = data.get("d") if isinstance(data, dict) else None
        following = ""
        if isinstance(inner, dict) and "results" in inner:
            following = inner.get("__next") or ""
            inner = inner["results"]
        rows = [inner] if isinstance(inner, dict) else inner
        if not isinstance(rows, list) or not isinstance(following, str):
            rows = [None]
        if not all(isinstance(row, dict) for row in rows):
            raise RemoteUnexpected(
                "the answer does not have Exact's form, an object d with records",
                where=answer.where,
                fix="its answer is kept; compare it with Exact's release notes",
                evidence=answer.content,
            )
        return rows, following

    def _keep_limits(self, entity: str, reserve: int) -> None:
        now = self._clock()
        with self._lock:
            for left, reset in self._left.values():
                if left <= reserve and now < reset:
                    raise RemoteUnavailable(
                        "the calls that Exact Online allows are spent"
                        if left == 0
                        else f"only {left} calls to Exact Online are left, kept for status reports",
                        where=f"Exact Online {entity}",
                        fix="it goes on by itself when the limit begins anew",
                        retry_at=min(reset + timedelta(seconds=1), now + _LONGEST_WAIT),
                    )
            errors = self._errors.get(entity, deque())
            while errors and errors[0] <= now - _HOUR:
                errors.popleft()
            if len(errors) >= _MOST_ERRORS:
                raise RemoteUnavailable(
                    f"{len(errors)} requests failed within an hour; Exact would block this for an hour",
                    where=f"Exact Online {entity}",
                    fix="look at the failed requests in the journal; it goes on by itself",
                    retry_at=errors[0] + _HOUR,
                )

    def _note_error(self, entity: str) -> None:
        with self._lock:
            self._errors.setdefault(entity, deque()).append(self._clock())

    def _note_limits(self, headers: Mapping[str, str]) -> None:
        with self._lock:
            for kind, prefix in (("minute", "X-RateLimit-Minutely-"), ("day", "X-RateLimit-")):
                left, reset = headers.get(f"{prefix}Remaining", ""), _moment(headers.get(f"{prefix}Reset"))
                if reset is not None and re.fullmatch(r"\d{1,9}", left):
                    self._left[kind] = int(left), reset

    def _wait_until(self, headers: Mapping[str, str]) -> datetime:
        """When calls are allowed again: the end of the spent limit, else Retry-After, else in a minute."""
        now = self._clock()
        for prefix in ("X-RateLimit-", "X-RateLimit-Minutely-"):
            reset = _moment(headers.get(f"{prefix}Reset"))
            if headers.get(f"{prefix}Remaining") == "0" and reset is not None and reset > now:
                return min(reset + timedelta(seconds=1), now + _LONGEST_WAIT)
        return retry_moment(headers.get("Retry-After"), now) or now + timedelta(seconds=60)


def _moment(milliseconds: str | None) -> datetime | None:
    """A moment from milliseconds since 1970, true UTC here, unlike the dates inside records."""
    if milliseconds is None or not re.fullmatch(r"\d{1,14}", milliseconds):
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(milliseconds))
