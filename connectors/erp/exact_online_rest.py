"""Exact Online's REST interface: OData requests for one division, its envelopes, limits and errors.

Knows how the service speaks (absolute next-page links, three envelopes, headers that count calls, a block
after ten errors an hour on one endpoint) and nothing about invoices. Calls are counted in the budget that all
processes share, for Exact counts them by app and division, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.base import Surroundings
from connectors.budget import CallBudget
from connectors.erp.exact_online_errors import ErrorBrake
from connectors.erp.exact_online_login import Login
from connectors.http import HttpAnswer, HttpClient, retry_moment
from connectors.kit.fields import Fields
from formats.errors import RemoteBlocked, RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["ExactRest", "RecordUnreadable", "Row", "guid", "text"]

Row = dict[str, Any]
_MOST_PAGES: Final = 10_000
_LONGEST_WAIT: Final = timedelta(hours=25)
_LIMITS: Final = (("minute", "X-RateLimit-Minutely-"), ("day", "X-RateLimit-"))
_COUNT: Final = re.compile(r"\d{1,9}")
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
_REASONS: Final[Mapping[str, str]] = {
    "BlockedUser": "the user is blocked",
    "InactiveUser": "the user is inactive",
    "BlockedCustomer": "the licence holder is blocked",
    "LicenseExpired": "the licence has expired",
    "NoDivisionAccess": "the user has no access to this division",
}


class RecordUnreadable(RemoteUnavailable):
    """What was asked for cannot be read although the service answers: other records may be."""


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
        self,
        http: HttpClient,
        login: Login,
        division: int,
        *,
        surroundings: Surroundings,
        budget: CallBudget,
        most_errors: int,
    ) -> None:
        """`budget` has the limits "minute" and "day"; `most_errors` an hour are made on one endpoint."""
        self._http = http
        self._login = login
        self._root = f"/api/v1/{division}/"
        self._clock = surroundings.clock
        self._budget = budget
        self._brake = ErrorBrake(surroundings, most_errors)
        # Calls allowed, calls left and when they begin anew, as the last answer said.
        self._said: dict[str, tuple[int, int, datetime]] = {}

    def read(self, entity: str, key: str, query: Mapping[str, str], *, writing: bool = False) -> Row | None:
        """One record by its GUID; None where there is none (any more)."""
        place = f"{self._root}{entity}({guid(key)})"
        answer = self._call("GET", place, entity, query=query, allowed=(404, 500), writing=writing)
        if answer.status == 404:
            return None
        if answer.status == 500:
            raise _unreadable(answer)
        rows, _ = self._rows(answer)
        return rows[0] if rows else None

    def pages(
        self, entity: str, query: Mapping[str, str], *, start: str = "", writing: bool = False
    ) -> Iterator[list[Row]]:
        """All pages of a list, each as it came; further pages by the service's own links.

        `start` is a link to begin with; `writing` says that the read belongs to a status report, which may
        use the calls that are kept for it. A page may be empty.
        """
        place, options = start or f"{self._root}{entity}", dict(query)
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            answer = self._call("GET", place, entity, query=options, writing=writing)
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

    def rows(self, entity: str, query: Mapping[str, str], *, writing: bool = False) -> list[Row]:
        """All records of a list."""
        return [row for page in self.pages(entity, query, writing=writing) for row in page]

    def create(self, entity: str, record: Mapping[str, object]) -> Row:
        """Make one record. Not repeatable by itself: look it up first."""
        answer = self._call("POST", f"{self._root}{entity}", entity, json=record, writing=True)
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
        writing: bool = False,
        accept: str = "application/json",
    ) -> HttpAnswer:
        self._brake.passes(entity)
        token = self._login.access_token()
        answer = self._ask(method, place, query, json, token, accept, writing)
        if answer.status == 401:
            # Refused before anything was done, so repeating is safe.
            self._brake.note(entity)
            token = self._login.access_token(rejected=token)
            answer = self._ask(method, place, query, json, token, accept, writing)
        if answer.status in (400, 401, 403, 404):
            self._brake.note(entity)
        if 200 <= answer.status < 300 or answer.status in allowed:
            return answer
        raise self._refusal(answer, method, entity)

    def _ask(
        self,
        method: str,
        place: str,
        query: Mapping[str, str] | None,
        json: object,
        token: str,
        accept: str,
        writing: bool,
    ) -> HttpAnswer:
        self._budget.spend(writing=writing)
        answer = self._http.request(
            method,
            place,
            query=query,
            json=json,
            headers={"Authorization": f"Bearer {token}", "Accept": accept},
            allowed=(400, 401, 403, 404, 405, 429, 500),
        )
        self._learn(answer.headers)
        return answer

    def _refusal(
        self, answer: HttpAnswer, method: str, entity: str
    ) -> RemoteUnavailable | RemoteRefused | RemoteBlocked | RemoteUnexpected:
        status = answer.status
        if status == 429 and _spent(answer.headers) is False:
            # Calls are left, so it is not their number: the service blocks this endpoint for its errors.
            return self._brake.blocked(entity)
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
            if reason == "DivisionBlocked":
                return RemoteUnavailable(
                    "the division is blocked for now, by a backup or a conversion",
                    where=answer.where,
                    fix="it goes on by itself when Exact has finished; look in Exact if it lasts",
                )
            why = _REASONS.get(reason, "a right, a licence module or the app's scope is missing")
            return RemoteRefused(
                f"Exact Online forbids this: {why}",
                where=answer.where,
                fix="check the rights of the gateway's user, the licence and the scope of the app",
            )
        if status == 500 and method == "GET":
            return _unreadable(answer)
        # 500 is also how the service refuses the content of a request, then with a JSON error.
        if status == 500 and b'"error"' not in answer.content[:200]:
            return RemoteUnavailable(
                "Exact Online answered 500, an error of its own",
                where=answer.where,
                fix="it is looked up in Exact before it is tried again",
                uncertain=True,
            )
        if status == 500:
            # The words are in the user's language and only for people.
            return RemoteBlocked(
                f"Exact Online does not take this: {_message(answer)}",
                where=answer.where,
                fix="put it right in Exact, for example a blocked account; it is tried again by itself",
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
        return [Fields(row, answer.where) for row in rows], following

    def tell(self, limit: str, budget: CallBudget) -> None:
        """Teach another budget of this tenant what the last answer said about a limit."""
        if limit in self._said:
            calls, remaining, resets_at = self._said[limit]
            budget.learn(limit, calls=calls, remaining=remaining, resets_at=resets_at)

    def _learn(self, headers: Mapping[str, str]) -> None:
        """What the service says about its limits: it counts the calls of all programs of this app."""
        for limit, prefix in _LIMITS:
            allowed, left = headers.get(f"{prefix}Limit", ""), headers.get(f"{prefix}Remaining", "")
            reset = _moment(headers.get(f"{prefix}Reset"))
            if reset is not None and _COUNT.fullmatch(allowed) and _COUNT.fullmatch(left):
                resets_at = min(reset + timedelta(seconds=1), self._clock() + _LONGEST_WAIT)
                before, self._said[limit] = self._said.get(limit), (int(allowed), int(left), resets_at)
                # One less than before is our own call, which is counted already.
                if before != (int(allowed), int(left) + 1, resets_at):
                    self.tell(limit, self._budget)

    def _wait_until(self, headers: Mapping[str, str]) -> datetime:
        """When calls are allowed again: the end of the spent limit, else Retry-After, else in a minute."""
        now = self._clock()
        for prefix in ("X-RateLimit-", "X-RateLimit-Minutely-"):
            reset = _moment(headers.get(f"{prefix}Reset"))
            if headers.get(f"{prefix}Remaining") == "0" and reset is not None and reset > now:
                return min(reset + timedelta(seconds=1), now + _LONGEST_WAIT)
        return retry_moment(headers.get("Retry-After"), now) or now + timedelta(seconds=60)


def _message(answer: HttpAnswer) -> str:
    data = answer.json()
    for name in ("error", "message", "value"):
        data = data.get(name) if isinstance(data, dict) else None
    return data.strip().rstrip(".")[:200] if isinstance(data, str) and data.strip() else "no reason is given"


def _unreadable(answer: HttpAnswer) -> RecordUnreadable:
    return RecordUnreadable(
        "Exact Online answered 500, an error of its own",
        where=answer.where,
        fix="it is tried again by itself; if it lasts, open the record in Exact and save it again",
    )


def _spent(headers: Mapping[str, str]) -> bool | None:
    """Whether a limit is said to be spent; None where the answer says nothing about limits."""
    left = [headers[f"{prefix}Remaining"] for _, prefix in _LIMITS if f"{prefix}Remaining" in headers]
    return any(count.strip() == "0" for count in left) if left else None


def _moment(milliseconds: str | None) -> datetime | None:
    """A moment from milliseconds since 1970, true UTC here, unlike the dates inside records."""
    if milliseconds is None or not re.fullmatch(r"\d{1,14}", milliseconds):
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(milliseconds))
