"""OData V2 as SAP Gateway speaks it: envelopes, links, CSRF tokens, entity tags, and errors of three kinds.

Knows nothing about invoices. Sources: OData 2.0 and the SAP Gateway dialect of it (CSRF token bound to a
session, header sap-message on answers of 2xx, links that may show an internal host name).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from connectors.erp.sap_odata_access import SapHttp
from connectors.http import HttpAnswer
from formats.errors import (
    ConflictError,
    RemoteBlocked,
    RemoteError,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnexpected,
)

__all__ = ["ODataService", "Row", "key_segment", "text"]

Row = dict[str, Any]
_ROOT: Final = "/sap/opu/odata/sap/"
_MOST_PAGES: Final = 10_000
_LONGEST: Final = 300
_JSON: Final[Mapping[str, str]] = {
    "Accept": "application/json",
    "DataServiceVersion": "2.0",
    "MaxDataServiceVersion": "2.0",
}
_JSON_4: Final[Mapping[str, str]] = {
    "Accept": "application/json",
    "OData-Version": "4.0",
    "OData-MaxVersion": "4.0",
}
_ERRORS: Final = (400, 403, 404, 405, 409, 410, 412, 422, 423, 428, 500, 501)
# What SAP says of a record that a person has open, in two languages; newer releases answer 409 or 423.
_LOCKED: Final = re.compile(r"being processed by|is locked|bearbeite|gesperrt", re.IGNORECASE)
_SEGMENT: Final = re.compile(r"[A-Za-z_]\w*\([^()/?#]{1,300}\)\Z")


def text(value: str) -> str:
    """A text as a filter or a key wants it."""
    return "'" + value.replace("'", "''") + "'"


def key_segment(uri: str) -> str:
    """The last part of a record's address, set and key: `A_BillingDocument('90000123')`."""
    segment = unquote(urlsplit(uri).path.rsplit("/", 1)[-1])
    if not _SEGMENT.match(segment):
        raise RemoteUnexpected(
            "SAP named a record by an address that cannot be read",
            where=f"SAP OData, address {segment[:100]!r}",
            fix="compare the custom object with the settings of this source",
        )
    return segment


class ODataService:
    """One service of one host. `path` is its name, or its path where it lies elsewhere; `writing` counts its
    calls against the reserve for status reports. `version` 4 speaks OData 4.0, for custom objects; their
    records are the same rows without the envelope.

    Raises RemoteUnavailable (retried), RemoteBlocked (a person has the record open), RemoteRefused (rights),
    ConflictError (changed meanwhile) and RemoteUnexpected (with SAP's code and text).
    """

    def __init__(
        self,
        http: SapHttp,
        path: str,
        *,
        known_hosts: Sequence[str] = (),
        writing: bool = False,
        version: int = 2,
    ) -> None:
        self._http = http
        # With its last slash: some systems give no CSRF token without it.
        self._root = (path if path.startswith("/") else f"{_ROOT}{path}").rstrip("/") + "/"
        self._hosts = {_host(address) for address in (http.base_url, *known_hosts)}
        self._writing = writing
        self._enveloped = version != 4
        self._json = _JSON if self._enveloped else _JSON_4
        self._csrf = ""
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._root.rstrip("/").rsplit("/", 1)[-1]

    def page(self, entity: str, query: Mapping[str, str]) -> list[Row]:
        """One answer of a list as it came; what follows behind it is not asked for."""
        return self._listed(self._read(entity, query))[0]

    def rows(self, entity: str, query: Mapping[str, str]) -> list[Row]:
        """All records of a list, further pages by the service's own links."""
        return [row for page in self.pages(entity, query) for row in page]

    def pages(self, entity: str, query: Mapping[str, str]) -> Iterator[list[Row]]:
        """All pages of a list; the address may be a link that an earlier answer gave."""
        place, options, seen = entity, dict(query), set[str]()
        for _ in range(_MOST_PAGES):
            rows, following = self._listed(self._read(place, options))
            yield rows
            if not following:
                return
            place, options = self._path_of(following), {}
            if place in seen:
                break
            seen.add(place)
        raise RemoteUnexpected(
            "the pages of the list never end", where=f"{self.name}/{entity}", fix="tell SAP's support"
        )

    def one(self, segment: str, query: Mapping[str, str]) -> Row | None:
        """One record by its key; None where there is none."""
        answer = self._read(segment, query, missing=True)
        if answer.status == 404:
            return None
        found = self._inner(answer)
        if not isinstance(found, dict):
            raise self._shapeless(answer)
        return found

    def function(self, name: str, parameters: Mapping[str, str]) -> Any:
        """The result of a function that only reads; texts are quoted here."""
        answer = self._read(name, {key: text(value) for key, value in parameters.items()})
        found = self._inner(answer)
        return found.get(name, found) if isinstance(found, dict) else found

    def complete(self, value: Any) -> list[Row]:
        """The rows of an expanded list, with those that the service put on further pages."""
        rows, following = self._results(value)
        if following:
            for page in self.pages(self._path_of(following), {}):
                rows += page
        return rows

    def open_service(self) -> str:
        """Ask for the service itself, as a check: its sets, in words."""
        answer = self._call("GET", self._root, headers={**self._json, "X-CSRF-Token": "Fetch"})
        found = self._inner(answer)
        sets = found.get("EntitySets") or found.get("value") or [] if isinstance(found, dict) else []
        return f"{len(sets)} sets"

    def create(self, entity: str, record: Mapping[str, object]) -> Row:
        """Make one record. Not repeatable by itself: look it up first."""
        answer = self._write("POST", entity, json.dumps(record, ensure_ascii=False).encode(), {})
        return self._created(answer)

    def change(self, segment: str, record: Mapping[str, object], *, etag: str) -> None:
        """Save fields of one record if it is still the one we know. Raises ConflictError if it is not."""
        body = json.dumps(record, ensure_ascii=False).encode()
        self._write("PATCH", segment, body, {"If-Match": etag or "*"})

    def upload(self, entity: str, content: bytes, headers: Mapping[str, str]) -> Row:
        """Make one media record. Not repeatable by itself: look it up first."""
        return self._created(self._write("POST", entity, content, headers))

    # Asking.

    def _read(self, place: str, query: Mapping[str, str], *, missing: bool = False) -> HttpAnswer:
        path = place if place.startswith("/") else self._root + quote(place, safe="/()',=$?&%")
        answer = self._call("GET", path, query=query, headers=self._json)
        if answer.status == 404 and missing:
            return answer
        if answer.status in _ERRORS:
            raise self._error(answer, changes=False)
        return answer

    def _write(self, method: str, place: str, body: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        path = self._root + quote(place, safe="()',=")
        for attempt in (1, 2):
            token = self._csrf_token(fresh=attempt == 2)
            sent = {"Content-Type": "application/json", **self._json, **headers, "X-CSRF-Token": token}
            answer = self._call(method, path, headers=sent, body=body)
            # Refused before anything was done, so repeating once is safe.
            if not (answer.status == 403 and answer.headers.get("x-csrf-token", "").lower() == "required"):
                break
        if answer.status in _ERRORS:
            raise self._error(answer, changes=True)
        return answer

    def _call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        answer = self._http.request(
            method,
            path,
            query=query,
            headers=headers,
            body=body,
            allowed=_ERRORS,
            writing=self._writing or None,
        )
        if 200 <= answer.status < 300:
            self._heed_message(answer)
        return answer

    def _csrf_token(self, *, fresh: bool) -> str:
        with self._lock:
            # A token is worth nothing without the cookies of the session it was given in.
            if fresh:
                self._http.forget_session()
            if fresh or not self._csrf or not self._http.has_session:
                answer = self._call("GET", self._root, headers={**self._json, "X-CSRF-Token": "Fetch"})
                if answer.status in _ERRORS:
                    raise self._error(answer, changes=False)
                self._csrf = answer.headers.get("x-csrf-token", "")
                if not re.fullmatch(r"[\x21-\x7e]{1,200}", self._csrf):
                    raise RemoteUnexpected(
                        "SAP gave no CSRF token, so nothing can be written",
                        where=answer.where,
                        fix="check that the address leads to SAP itself and that a proxy keeps headers and "
                        "cookies",
                    )
            return self._csrf

    # Understanding.

    def _inner(self, answer: HttpAnswer) -> Any:
        data = answer.json()
        if not isinstance(data, dict) or (self._enveloped and "d" not in data):
            raise self._shapeless(answer)
        return data["d"] if self._enveloped else data

    def _listed(self, answer: HttpAnswer) -> tuple[list[Row], str]:
        try:
            return self._results(self._inner(answer))
        except ValueError:
            raise self._shapeless(answer) from None

    def _results(self, value: Any) -> tuple[list[Row], str]:
        """Rows and next link of a list, expanded or not. Very old services leave the object around it out."""
        following = ""
        if isinstance(value, dict):
            following = value.get("__next") or value.get("@odata.nextLink") or ""
            value = value.get("results", value.get("value"))
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise RemoteUnexpected(
                "a list in SAP's answer does not have the form that OData gives it",
                where=self.name,
                fix="compare the service's version with the documentation of this source",
            )
        return list(value), str(following)

    def _created(self, answer: HttpAnswer) -> Row:
        found = self._inner(answer)
        if not isinstance(found, dict):
            raise self._shapeless(answer)
        return found

    def _path_of(self, link: str) -> str:
        """Path and query of a link, for our own host. Only links below this service, on a host we know."""
        parts = urlsplit(link)
        if parts.netloc and _host(link) not in self._hosts:
            raise RemoteUnexpected(
                f"SAP named a further page on {parts.hostname}, which is not called",
                where=self.name,
                fix="if that is SAP's internal name, add its address to known_hosts of this source",
            )
        path = parts.path if parts.path.startswith("/") else self._root + parts.path
        if not path.startswith(self._root) or "/../" in path:
            raise RemoteUnexpected(
                "SAP named a further page outside of this service, which is not called",
                where=self.name,
                fix="check what stands between us and SAP",
            )
        return f"{path}?{parts.query}" if parts.query else path

    def _heed_message(self, answer: HttpAnswer) -> None:
        header = answer.headers.get("sap-message", "")
        if not header:
            return
        try:
            message = json.loads(header)
        except ValueError:
            return
        if isinstance(message, dict) and message.get("severity") == "error":
            raise RemoteUnexpected(
                f"SAP reports an error: {str(message.get('message', ''))[:_LONGEST]}",
                where=answer.where,
                fix=f"look in SAP what message {str(message.get('code', ''))[:40]} means",
            )

    def _error(self, answer: HttpAnswer, *, changes: bool) -> RemoteError | ConflictError:
        code, said = _said(answer)
        shown = f"{code} {said}".strip()[:_LONGEST] or f"HTTP {answer.status}"
        status, where = answer.status, answer.where
        if status in (409, 423) or (status == 400 and _LOCKED.search(said)):
            return RemoteBlocked(
                f"SAP cannot do it now: {shown}",
                where=where,
                fix="ask the person who has the record open in SAP to close it; it is tried again by itself",
            )
        if status == 412:
            return ConflictError(
                "the record in SAP was changed meanwhile", where=where, fix="it is read again by itself"
            )
        if status == 403:
            return RemoteRefused(
                f"SAP forbids this: {shown}",
                where=where,
                fix="check that the communication arrangement of our user has this service, and that the "
                "service "
                "is active (transaction /IWFND/MAINT_SERVICE)",
            )
        if status == 500 and not code:
            return RemoteUnavailable(
                "SAP answered 500, an error of its own",
                where=where,
                fix="it is tried again by itself; if it lasts, look into transaction ST22",
                uncertain=changes,
            )
        return RemoteUnexpected(
            f"SAP answered {status}: {shown}",
            where=where,
            fix="look in SAP what this message means (transaction /IWFND/ERROR_LOG)",
            evidence=answer.content,
        )

    def _shapeless(self, answer: HttpAnswer) -> RemoteUnexpected:
        return RemoteUnexpected(
            "the answer does not have the form of OData, an object with records",
            where=answer.where,
            fix="its answer is kept; check the address and the version of the service",
            evidence=answer.content,
        )


def _said(answer: HttpAnswer) -> tuple[str, str]:
    """Code and text of an error in JSON; empty where it is a page for people."""
    if answer.content.lstrip()[:1] != b"{":
        return "", ""
    try:
        error = answer.json().get("error", {})
        message = error.get("message", "")
        words = message.get("value", "") if isinstance(message, dict) else message
        return str(error.get("code", "")), str(words)
    except (RemoteUnexpected, AttributeError):
        return "", ""


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower()
