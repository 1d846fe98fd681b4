"""Calls to a Tryton server over its JSON-RPC, with a session of one technical user.

One database of one server. A session is opened with the first call and again when the server has ended it.
Dates, decimals and binaries, which Tryton wraps into objects with a class name, come back as plain texts:
`2026-11-02`, `200.00`, base64; a relation read by a dotted name (`party.name`) as an object or list under its
name.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from connectors.http import HttpAnswer, HttpClient
from formats.errors import RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["Record", "TrytonRpc", "day", "moment"]

Record = Mapping[str, Any]
_REFUSED: Final = ("AccessError", "AccessButtonError", "LoginException")


def moment(value: datetime) -> dict[str, object]:
    """A moment as Tryton takes it: UTC, without saying so."""
    return {
        "__class__": "datetime",
        "year": value.year,
        "month": value.month,
        "day": value.day,
        "hour": value.hour,
        "minute": value.minute,
        "second": value.second,
        "microsecond": value.microsecond,
    }


def day(value: date) -> dict[str, object]:
    """A day as Tryton takes it."""
    return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}


class TrytonRpc:
    """The methods of the server's models. Safe to share between threads.

    Raises RemoteUnavailable (down, busy, too many logins, a record locked by somebody), RemoteRefused (login,
    rights), RemoteUnexpected (anything else that the server says, in its words).
    """

    def __init__(self, http: HttpClient, database: str, user: str, password: Callable[[], str]) -> None:
        self._http, self._database, self._user, self._password = http, database, user, password
        self._session = ""

    def version(self) -> str:
        """The series of the server, such as 8.2; asked without a login."""
        answer = self._http.request("POST", "/rpc/", json=_body("common.server.version", ()))
        return str(self._result(answer, "common.server.version"))

    def call(self, method: str, *arguments: object) -> Any:
        """One call, with the context as last argument; `method` is `model.<model>.<method>`."""
        answer = self._ask(method, arguments, self._session or self._log_in())
        if answer.status == 401:
            # The session has ended; a refused login raises there.
            answer = self._ask(method, arguments, self._log_in())
        if answer.status == 401:
            raise RemoteRefused(
                "Tryton ends each session at once",
                where=self._where(method),
                fix="check the time of the server and its setting session.timeout",
            )
        return _plain(self._result(answer, method))

    def search(
        self, model: str, domain: Sequence[object], fields: Sequence[str], *, limit: int, order: object = None
    ) -> list[Record]:
        """The records that fit, with these fields; `domain` is Tryton's own language."""
        found = self.call(f"model.{model}.search_read", domain, 0, limit, order, list(fields), {})
        if not isinstance(found, list):
            raise self._strange(f"model.{model}.search_read")
        return found

    def fields(self, model: str) -> frozenset[str]:
        """The fields that this server's modules give a model."""
        found = self.call(f"model.{model}.fields_get", [], 0, {})
        if not isinstance(found, dict):
            raise self._strange(f"model.{model}.fields_get")
        return frozenset(found)

    def create(self, model: str, values: Mapping[str, object]) -> int:
        """One new record; its id. Not repeated: look before it is called again."""
        found = self.call(f"model.{model}.create", [dict(values)], {})
        if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], int):
            raise self._strange(f"model.{model}.create")
        return found[0]

    def _log_in(self) -> str:
        arguments = (self._user, {"password": self._password()})
        answer = self._ask("common.db.login", arguments, "")
        if answer.status == 401:
            raise RemoteRefused(
                f"Tryton does not accept the login of {self._user}",
                where=self._where("common.db.login"),
                fix="check user and password of the gateway's user in Tryton, and that it is active",
            )
        found = self._result(answer, "common.db.login")
        if not isinstance(found, list) or len(found) < 2:
            raise self._strange("common.db.login")
        token = f"{self._user}:{found[0]}:{found[1]}".encode()
        self._session = f"Session {base64.b64encode(token).decode('ascii')}"
        return self._session

    def _ask(self, method: str, arguments: Sequence[object], session: str) -> HttpAnswer:
        answer = self._http.request(
            "POST",
            f"/{self._database}/rpc/",
            json=_body(method, arguments),
            headers={"Authorization": session} if session else {},
            allowed=(401, 404),
        )
        if answer.status == 404:
            raise RemoteRefused(
                f"there is no database {self._database} on this server",
                where=self._where(method),
                fix="correct database in the settings",
            )
        return answer

    def _result(self, answer: HttpAnswer, method: str) -> Any:
        data = answer.json()
        if not isinstance(data, dict) or not data.keys() & {"result", "error"}:
            raise self._strange(method, answer.content)
        if "error" not in data:
            return data["result"]
        said = data["error"] if isinstance(data["error"], list) and data["error"] else [str(data["error"])]
        kind, told = str(said[0]), said[1] if len(said) > 1 else ""
        text = str(told[0] if isinstance(told, list) and told else told or kind)[:300]
        if kind == "ConcurrencyException":
            raise RemoteUnavailable(
                "somebody else is changing this record in Tryton",
                where=self._where(method),
                fix="it is tried again by itself",
            )
        if kind in _REFUSED or "AccessError" in kind or "not allowed" in text:
            raise RemoteRefused(
                f"Tryton refuses: {text}",
                where=self._where(method),
                fix="give the gateway's user the right to do this in Tryton",
            )
        raise RemoteUnexpected(
            f"Tryton says: {text}",
            where=self._where(method),
            fix="look at the record in Tryton; if the server was upgraded, compare its modules",
            evidence=answer.content,
        )

    def _where(self, method: str) -> str:
        return f"Tryton {self._database}, {method}"

    def _strange(self, method: str, evidence: bytes = b"") -> RemoteUnexpected:
        return RemoteUnexpected(
            "Tryton answered in a form that this connector does not know",
            where=self._where(method),
            fix="compare the server's version with those in docs/connectors/tryton.md",
            evidence=evidence,
        )


def _body(method: str, arguments: Sequence[object]) -> dict[str, object]:
    return {"id": 1, "method": method, "params": list(arguments)}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    if kind == "Decimal":
        return str(value["decimal"])
    if kind == "date":
        return f"{value['year']:04}-{value['month']:02}-{value['day']:02}"
    if kind == "datetime":
        parts = (value[name] for name in ("year", "month", "day", "hour", "minute", "second", "microsecond"))
        year, month, day, hour, minute, second, micro = parts
        return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}+00:00"
    if kind == "bytes":
        return "".join(str(value["base64"]).split())
    # A relation read by dotted names stands under the name with a dot behind it.
    return {name.removesuffix("."): _plain(part) for name, part in value.items()}
