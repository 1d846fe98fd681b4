"""The models of one Odoo database, over JSON-RPC (`/jsonrpc`) or JSON-2 (`/json/2`, from Odoo 19).

JSON-RPC answers HTTP 200 also for what went wrong, with the Python exception and its traceback in the body;
JSON-2 has statuses. The traceback (`debug`) holds values of records and is never kept. Odoo says `false` for
what is absent, `[7, "Name"]` for a reference, and calculates with binary fractions; here that is None, 7, and
a text without the dust.
Sources: Odoo documentation, External RPC API (14 to 18) and External JSON-2 API (19).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.budget import CallBudget
from connectors.http import HttpAnswer, HttpClient
from connectors.kit.json_rpc import JsonRpc, Session, strange
from connectors.kit.plain import fraction
from connectors.kit.records import Record, Records
from formats.errors import RemoteBlocked, RemoteError, RemoteRefused, RemoteUnavailable, RemoteUnexpected

__all__ = ["Login", "OdooModels", "plain", "reference"]

_IDS_PER_CALL: Final = 500
_ERROR_STATUSES: Final = (400, 401, 403, 404, 405, 409, 422, 500)
_LOGIN: Final = ("AccessDenied", "Unauthorized")
_RIGHTS: Final = ("AccessError", "Forbidden")
_HELD: Final = ("UserError", "ValidationError", "RedirectWarning")
# What PostgreSQL says when somebody else writes the same record, or is out of connections.
_BUSY: Final = (
    *("SerializationFailure", "LockNotAvailable", "DeadlockDetected", "QueryCanceled", "PoolError"),
    *("InterfaceError", "LockError", "ConcurrencyError", "OperationalError"),
)
# Fields that all versions have, with their types; they need not be asked for, and calls are dear.
_EVERYWHERE: Final[Mapping[str, Mapping[str, str]]] = {
    "res.company": {"name": "char", "partner_id": "many2one", "currency_id": "many2one"},
    "res.currency": {"name": "char", "decimal_places": "integer"},
    "res.country": {"code": "char"},
    "res.country.state": {"name": "char"},
    "account.payment.term": {"name": "char"},
    "product.product": {"name": "char", "default_code": "char", "barcode": "char"},
    "mail.message": {"body": "html"},
    "ir.attachment": {"name": "char"},
}


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


class OdooModels(Records):
    """Safe to share between threads.

    Raises RemoteUnavailable (down, busy, a record that somebody is changing), RemoteRefused (database, login,
    rights), RemoteBlocked (Odoo refuses for a reason of its own, in its words), RemoteUnexpected (the rest).
    """

    def __init__(self, http: HttpClient, login: Login, protocol: str, budget: CallBudget) -> None:
        super().__init__()
        self._http, self._login, self._json2, self._budget = http, login, protocol == "json2", budget
        self._rpc = JsonRpc(http, self._explained, marks={"jsonrpc": "2.0"})
        self._session = Session(self._log_in)
        self._version = ""
        self._fields |= {
            model: {name: {"type": kind} for name, kind in fields.items()}
            for model, fields in _EVERYWHERE.items()
        }

    @property
    def where(self) -> str:
        return f"Odoo {self._login.database}"

    def version(self) -> str:
        """The server's version, such as 17.0; asked without a login."""
        if not self._version:
            if self._json2:
                answer, name = self._http.get_json("/web/version"), "version"
            else:
                answer, name = self._ask("common", "version", [], "version"), "server_version"
            found = answer.get(name) if isinstance(answer, dict) else None
            if not found:
                raise self.strange("version")
            self._version = str(found)
        return self._version

    def series(self) -> int:
        """The main number of the version: 17 of 17.0 and of saas~17.4."""
        digits = self.version().rpartition("~")[2].partition(".")[0]
        return int(digits) if digits.isdigit() else 0

    def log_in(self) -> None:
        """Log in where the interface has a call for it; asked once."""
        if not self._json2:
            self._session.proof()

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
        login, what = self._login, f"{model}.{method}"
        context = {"lang": login.language, "allowed_company_ids": [login.company], "tz": "UTC"}
        if self._json2:
            body = {**named, "context": context, **({} if ids is None else {"ids": list(ids)})}
            return self._post(model, method, body, writing=writing)
        user = self._session.proof()
        # `create` looks for its values among the positional arguments only.
        positional: list[Any] = [named.pop("vals_list")] if "vals_list" in named else []
        positional = positional if ids is None else [list(ids), *positional]
        arguments = [login.database, user, login.secret(), model, method, positional]
        arguments.append({**named, "context": context})
        return self._ask("object", "execute_kw", arguments, what, writing=writing)

    def read(self, model: str, ids: Sequence[int], wanted: Sequence[str]) -> dict[int, Record]:
        """These records by id, archived ones too. Ids that are gone are left out."""
        found: dict[int, Record] = {}
        unique, wanted = sorted(set(ids)), self.known(model, wanted)
        for start in range(0, len(unique), _IDS_PER_CALL):
            rows = self.call(model, "read", ids=unique[start : start + _IDS_PER_CALL], fields=wanted)
            found |= {int(row["id"]): row for row in self._records(model, rows, "read")}
        return found

    def strange(self, what: str) -> RemoteUnexpected:
        return strange("Odoo", f"{self.where}, {what}", "odoo.md")

    def _search(
        self, model: str, domain: Sequence[object], wanted: Sequence[str], limit: int, order: str
    ) -> object:
        """Archived records are left out where the domain does not speak of `active`."""
        return self.call(
            model, "search_read", domain=list(domain), fields=list(wanted), limit=limit, order=order
        )

    def _fields_of(self, model: str) -> object:
        return self.call(model, "fields_get", attributes=["type"])

    def _create(self, model: str, values: Mapping[str, object]) -> object:
        return self.call(model, "create", vals_list=[dict(values)], writing=True)

    def _plain(self, model: str, row: Record) -> Record:
        return plain(row, self.fields(model))

    # Sending.

    def _log_in(self) -> int:
        login = self._login
        found = self._ask("common", "authenticate", [login.database, login.user, login.secret(), {}], "login")
        # A wrong login is no error to Odoo: the answer is false.
        if not isinstance(found, int) or isinstance(found, bool):
            raise self._not_logged_in()
        return found

    def _ask(
        self, service: str, method: str, arguments: list[Any], what: str, *, writing: bool = False
    ) -> Any:
        self._budget.spend(writing=writing)
        asked = {"service": service, "method": method, "args": arguments}
        answer = self._rpc.ask("/jsonrpc", "call", asked, allowed=(400, 404, 500))
        return self._rpc.result(answer, what)

    def _post(self, model: str, method: str, body: Mapping[str, Any], *, writing: bool) -> Any:
        self._budget.spend(writing=writing)
        headers = {"Authorization": f"bearer {self._login.secret()}", "X-Odoo-Database": self._login.database}
        answer = self._http.request(
            "POST", f"/json/2/{model}/{method}", json=dict(body), headers=headers, allowed=_ERROR_STATUSES
        )
        what = f"{model}.{method}"
        try:
            data = answer.json()
        except RemoteUnexpected:
            if answer.status == 200:
                raise
            raise self._explained(what, None, answer) from None
        if answer.status == 200:
            return data
        said = data if isinstance(data, dict) else {"message": str(data)}
        raise self._told(what, str(said.get("name", "")), str(said.get("message", "")), answer.status)

    def _explained(self, what: str, error: Any, answer: HttpAnswer) -> RemoteError:
        if isinstance(error, dict):
            data = error.get("data")
            said = data if isinstance(data, dict) else {}
            message = str(said.get("message") or error.get("message"))
            return self._told(what, str(said.get("name", "")), message, answer.status)
        where = f"{self.where}, {what}"
        if answer.status == 500:
            return _own_error(where)
        if answer.status in (400, 404):
            return RemoteRefused(
                f"no Odoo answers at this address (status {answer.status})",
                where=where,
                fix="check base_url and database; for JSON-2 the server must be Odoo 19 or later",
            )
        return self.strange(what)

    def _told(self, what: str, name: str, message: str, status: int) -> RemoteError:
        """Odoo's exception as one of ours. `message` is for people and is kept short."""
        where, kind, text = f"{self.where}, {what}", name.rpartition(".")[2], " ".join(message.split())[:300]
        if kind in _LOGIN or status == 401:
            self._session.end()
            return self._not_logged_in()
        if "does not exist" in text and "database" in text.lower():
            fix = "correct database in the settings; its name is shown at /web/database/selector"
            what = f"there is no database {self._login.database} on this server"
            return RemoteRefused(what, where=where, fix=fix)
        if kind in _RIGHTS or status == 403:
            fix = "give the gateway's user the right to do this in Odoo"
            return RemoteRefused(f"Odoo refuses: {text}", where=where, fix=fix)
        if kind in _BUSY:
            what = "Odoo's database is busy, or somebody is changing this record"
            return RemoteUnavailable(what, where=where, fix="it is tried again by itself")
        if kind in _HELD:
            fix = "put right in Odoo what it says"
            return RemoteBlocked(f"Odoo will not do this: {text}", where=where, fix=fix)
        if status == 500 and not name.startswith("builtins."):
            return _own_error(where)
        return RemoteUnexpected(
            f"Odoo says {kind or 'an error'}: {text}",
            where=where,
            fix="look at the record in Odoo; if the server was upgraded or a module removed, compare "
            "its fields",
            evidence=json.dumps({"name": name, "message": text, "status": status}).encode(),
        )

    def _not_logged_in(self) -> RemoteRefused:
        as_whom = "the API key" if self._json2 else f"the login of {self._login.user}"
        return RemoteRefused(
            f"Odoo does not accept {as_whom}",
            where=self.where,
            fix="check database and user, and make a new API key if the old one has ended: keys of Odoo "
            "19 last at most three months",
        )


def plain(row: Mapping[str, Any], fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One record with None for what is absent and ids for references; numbers without binary dust. Which
    `false` is a no and which one is nothing only the type of the field tells."""
    return {name: _value(value, str(fields.get(name, {}).get("type", ""))) for name, value in row.items()}


def _value(value: Any, kind: str) -> Any:
    if value is False and kind != "boolean":
        return None
    if kind == "many2one":
        return reference(value)
    if kind in ("float", "monetary"):
        return fraction(value)
    return value


def reference(value: Any) -> int | None:
    """The id in `[7, "Name"]`, a bare id as the newest interface gives it, or None."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _own_error(where: str) -> RemoteUnavailable:
    return RemoteUnavailable(
        "Odoo answered 500, an error of its own",
        where=where,
        fix="it is looked up, then tried again by itself; if it lasts, look into the server's log",
        uncertain=True,
    )
