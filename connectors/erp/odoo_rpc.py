"""Calls to the models of one Odoo database, over JSON-RPC (`/jsonrpc`) or JSON-2 (`/json/2`, from Odoo 19).

JSON-RPC answers HTTP 200 also for what went wrong, with the Python exception and its traceback in the body;
JSON-2 has statuses. The traceback (`debug`) holds values of records and is never kept.
Sources: Odoo documentation, External RPC API (14 to 18) and External JSON-2 API (19).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import InvalidOperation
from typing import Any, Final

from connectors.base import Surroundings
from connectors.budget import CallBudget, CallLimit
from connectors.erp.odoo_values import Fields, Record, plain
from connectors.http import HttpAnswer, HttpClient
from formats.errors import RemoteBlocked, RemoteError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["Login", "OdooRpc"]

_IDS_PER_CALL: Final = 500
_ROWS_PER_CALL: Final = 2000
_JSON2_ERRORS: Final = (400, 401, 403, 404, 405, 409, 422, 500)
_LOGIN: Final = ("AccessDenied", "Unauthorized")
_RIGHTS: Final = ("AccessError", "Forbidden")
# What PostgreSQL says when somebody else writes the same record, or is out of connections.
_BUSY: Final = (
    "SerializationFailure",
    "LockNotAvailable",
    "DeadlockDetected",
    "QueryCanceled",
    "PoolError",
    "InterfaceError",
    "LockError",
    "ConcurrencyError",
)
_LATER: Final = "it is looked up, then tried again by itself; if it lasts, look into the server's log"
_HELD: Final = ("UserError", "ValidationError", "RedirectWarning")


@dataclass(frozen=True, slots=True)
class Login:
    """Which database, as whom, in which company, and in whose language names are read.

    `secret` gives the API key or password anew at each use, so that a renewed key is taken without a restart.
    """

    database: str
    user: str
    secret: Callable[[], str]
    company: int
    language: str


# Fields that all versions have, which then need not be asked for: calls are dear.
_EVERYWHERE: Final[Mapping[str, Fields]] = {
    "res.company": {
        "name": {"type": "char"},
        "partner_id": {"type": "many2one"},
        "currency_id": {"type": "many2one"},
    },
    "res.currency": {"name": {"type": "char"}, "decimal_places": {"type": "integer"}},
    "res.country": {"code": {"type": "char"}},
    "res.country.state": {"name": {"type": "char"}},
    "account.payment.term": {"name": {"type": "char"}},
    "product.product": {
        "name": {"type": "char"},
        "default_code": {"type": "char"},
        "barcode": {"type": "char"},
    },
    "mail.message": {"body": {"type": "html"}},
    "ir.attachment": {"name": {"type": "char"}},
}


class OdooRpc:
    """The models of one database. Safe to share between threads.

    Raises RemoteUnavailable (down, busy, a record that somebody is changing), RemoteRefused (database, login,
    rights), RemoteBlocked (Odoo refuses for a reason of its own, in its words), RemoteUnexpected (the rest).
    """

    def __init__(
        self, http: HttpClient, login: Login, protocol: str, surroundings: Surroundings, calls_per_minute: int
    ) -> None:
        self._http, self._login, self._json2 = http, login, protocol == "json2"
        limits = [CallLimit("minute", calls_per_minute, 60, reserve=min(5, calls_per_minute // 4))]
        self._budget: CallBudget = surroundings.budget(
            f"Odoo {login.database} at {http.base_url}", *(limits if calls_per_minute else [])
        )
        self._guard = threading.Lock()
        self._user_id = 0
        self._fields: dict[str, Fields] = dict(_EVERYWHERE)
        self._version = ""

    @property
    def where(self) -> str:
        return f"Odoo {self._login.database}"

    def version(self) -> str:
        """The server's version, such as 17.0; asked without a login."""
        if not self._version:
            if self._json2:
                answer = self._http.get_json("/web/version")
                found = answer.get("version") if isinstance(answer, dict) else None
            else:
                answer = self._rpc("common", "version", [])
                found = answer.get("server_version") if isinstance(answer, dict) else None
            if not found:
                raise self._strange("version")
            self._version = str(found)
        return self._version

    def series(self) -> int:
        """The main number of the version: 17 of 17.0 and of saas~17.4."""
        digits = self.version().rpartition("~")[2].partition(".")[0]
        return int(digits) if digits.isdigit() else 0

    def log_in(self) -> int:
        """The id of the gateway's user; 0 where the interface does not tell. Asked once."""
        if self._json2:
            return 0
        with self._guard:
            if not self._user_id:
                login = self._login
                found = self._rpc("common", "authenticate", [login.database, login.user, login.secret(), {}])
                # A wrong login is no error to Odoo: the answer is false.
                if not isinstance(found, int) or isinstance(found, bool):
                    raise self._not_logged_in()
                self._user_id = found
            return self._user_id

    def call(
        self,
        model: str,
        method: str,
        *,
        ids: Sequence[int] | None = None,
        writing: bool = False,
        **named: Any,
    ) -> Any:
        """One method of a model, in one transaction there; `ids` are the records that it is called on."""
        context = {"lang": self._login.language, "allowed_company_ids": [self._login.company], "tz": "UTC"}
        if self._json2:
            body = {**named, "context": context, **({} if ids is None else {"ids": list(ids)})}
            return self._send_json2(model, method, body, writing)
        user = self.log_in()
        # `create` looks for its values among the positional arguments only.
        positional: list[Any] = [named.pop("vals_list")] if "vals_list" in named else []
        positional = positional if ids is None else [list(ids), *positional]
        arguments = [
            self._login.database,
            user,
            self._login.secret(),
            model,
            method,
            positional,
            {**named, "context": context},
        ]
        return self._rpc("object", "execute_kw", arguments, writing=writing, what=f"{model}.{method}")

    def fields(self, model: str) -> Fields:
        """The fields that this database has in a model, with their types; of some models those that are read.
        Asked once."""
        if model not in self._fields:
            found = self.call(model, "fields_get", attributes=["type"])
            if not isinstance(found, dict) or not found:
                raise self._strange(f"{model}.fields_get")
            self._fields[model] = found
        return self._fields[model]

    def search(
        self,
        model: str,
        domain: Sequence[object],
        wanted: Sequence[str],
        *,
        limit: int,
        order: str = "id",
    ) -> list[Record]:
        """The first records that fit, with those of the wanted fields that there are. Archived ones are left
        out where the domain does not speak of `active`."""
        fields = self.fields(model)
        rows = self.call(
            model,
            "search_read",
            domain=list(domain),
            fields=[name for name in wanted if name in fields],
            limit=limit,
            order=order,
        )
        return self._records(rows, fields, f"{model}.search_read")

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

    def read(self, model: str, ids: Sequence[int], wanted: Sequence[str]) -> dict[int, Record]:
        """These records by id, archived ones too. Ids that are gone are left out."""
        fields = self.fields(model)
        names = [name for name in wanted if name in fields]
        found: dict[int, Record] = {}
        unique = sorted(set(ids))
        for start in range(0, len(unique), _IDS_PER_CALL):
            part = unique[start : start + _IDS_PER_CALL]
            rows = self.call(model, "read", ids=part, fields=names)
            found |= {int(row["id"]): row for row in self._records(rows, fields, f"{model}.read")}
        return found

    def create(self, model: str, values: Mapping[str, object]) -> int:
        """One record; its id."""
        return self.made(
            self.call(model, "create", vals_list=[dict(values)], writing=True), f"{model}.create"
        )

    def made(self, answer: object, what: str) -> int:
        """The one id in an answer; older servers say it bare, newer ones in a list."""
        found = answer[0] if isinstance(answer, list) and answer else answer
        if not isinstance(found, int) or isinstance(found, bool):
            raise self._strange(what)
        return found

    # Sending.

    def _rpc(
        self, service: str, method: str, arguments: list[Any], *, writing: bool = False, what: str = ""
    ) -> Any:
        self._budget.spend(writing=writing)
        body = {
            "jsonrpc": "2.0",
            "method": "call",
            "id": 1,
            "params": {"service": service, "method": method, "args": arguments},
        }
        answer = self._http.request("POST", "/jsonrpc", json=body, allowed=(400, 404, 500))
        data = self._data(answer, what or method)
        if isinstance(data, dict) and isinstance(data.get("error"), dict):
            error = data["error"]
            said = error.get("data") if isinstance(error.get("data"), dict) else {}
            raise self._told(
                what or method,
                str(said.get("name", "")),
                str(said.get("message") or error.get("message")),
                answer.status,
            )
        if answer.status != 200 or not isinstance(data, dict) or "result" not in data:
            # A method that returns nothing has no result beside the id.
            if answer.status == 200 and isinstance(data, dict) and data.get("jsonrpc"):
                return None
            raise self._strange(what or method)
        return data["result"]

    def _send_json2(self, model: str, method: str, body: Mapping[str, Any], writing: bool) -> Any:
        self._budget.spend(writing=writing)
        headers = {"Authorization": f"bearer {self._login.secret()}", "X-Odoo-Database": self._login.database}
        answer = self._http.request(
            "POST", f"/json/2/{model}/{method}", json=dict(body), headers=headers, allowed=_JSON2_ERRORS
        )
        what = f"{model}.{method}"
        data = self._data(answer, what)
        if answer.status == 200:
            return data
        said = data if isinstance(data, dict) else {"message": str(data)}
        raise self._told(what, str(said.get("name", "")), str(said.get("message", "")), answer.status)

    def _data(self, answer: HttpAnswer, what: str) -> Any:
        try:
            return answer.json()
        except RemoteUnexpected:
            if answer.status == 500:
                raise RemoteUnavailable(
                    "Odoo answered 500, an error of its own",
                    where=f"{self.where}, {what}",
                    fix=_LATER,
                    uncertain=True,
                ) from None
            if answer.status in (400, 404):
                raise RemoteRefused(
                    f"no Odoo answers at this address (status {answer.status})",
                    where=f"{self.where}, {what}",
                    fix="check base_url and database; for JSON-2 the server must be Odoo 19 or later",
                ) from None
            raise

    def _told(self, what: str, name: str, message: str, status: int = 200) -> RemoteError:
        """Odoo's exception as one of ours. `message` is for people and is kept short."""
        where = f"{self.where}, {what}"
        kind = name.rpartition(".")[2]
        text = " ".join(message.split())[:300]
        if kind in _LOGIN or status == 401:
            self._user_id = 0  # the next call logs in anew
            return self._not_logged_in()
        if "does not exist" in text and "database" in text.lower():
            return RemoteRefused(
                f"there is no database {self._login.database} on this server",
                where=where,
                fix="correct database in the settings; its name is shown at /web/database/selector",
            )
        if kind in _RIGHTS or status == 403:
            return RemoteRefused(
                f"Odoo refuses: {text}",
                where=where,
                fix="give the gateway's user the right to do this in Odoo",
            )
        if kind in _BUSY or kind == "OperationalError":
            return RemoteUnavailable(
                "Odoo's database is busy, or somebody is changing this record",
                where=where,
                fix="it is tried again by itself",
            )
        if kind in _HELD:
            return RemoteBlocked(
                f"Odoo will not do this: {text}", where=where, fix="put right in Odoo what it says"
            )
        evidence = json.dumps({"name": name, "message": text, "status": status}).encode()
        if status == 500 and not name.startswith("builtins."):
            return RemoteUnavailable(
                "Odoo answered 500, an error of its own",
                where=where,
                fix=_LATER,
                uncertain=True,
            )
        return RemoteUnexpected(
            f"Odoo says {kind or 'an error'}: {text}",
            where=where,
            fix="look at the record in Odoo; if the server was upgraded or a module removed, compare "
            "its fields",
            evidence=evidence,
        )

    def _not_logged_in(self) -> RemoteRefused:
        as_whom = "the API key" if self._json2 else f"the login of {self._login.user}"
        return RemoteRefused(
            f"Odoo does not accept {as_whom}",
            where=self.where,
            fix="check database and user, and make a new API key if the old one has ended: keys of Odoo "
            "19 last at most three months",
        )

    def _records(self, rows: object, fields: Fields, what: str) -> list[Record]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
            raise self._strange(what)
        try:
            return [plain(row, fields) for row in rows]
        except InvalidOperation as error:
            raise self._strange(what) from error

    def _strange(self, what: str) -> RemoteUnexpected:
        return RemoteUnexpected(
            "Odoo answered in a form that this connector does not know",
            where=f"{self.where}, {what}",
            fix="compare the server's version with those in docs/connectors/odoo.md",
        )
