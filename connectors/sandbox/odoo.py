"""An imitated Odoo: its external API over JSON-RPC and, from version 19, over JSON-2, for one database.

It shows what makes Odoo different: errors with HTTP 200 and a traceback, a wrong login that is answered with
false, false for what is absent, moments told to the second and compared to the millionth, archived records
left out of searches, notes that count as writing to the invoice.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connectors.sandbox.faults import Fault, Faults
from connectors.sandbox.http_server import Reply, Request, SandboxHttpServer, json_reply
from connectors.sandbox.odoo_clerk import Clerk, Item
from connectors.sandbox.odoo_orm import SCHEMA, Database, OdooError

__all__ = ["API_KEY", "DATABASE", "USER", "ImitatedOdoo"]

DATABASE: Final = "lindehoeve"
USER: Final = "gateway@lindehoeve.example"
API_KEY: Final = "0d00c0ffee0d00c0ffee0d00c0ffee0d00c0ffee"
_USER_ID: Final = 7
_JSON2_SINCE: Final = 19
_TEXT_NOTES_SINCE: Final = 17
# Fields that came with a version.
_SINCE: Final = {
    ("res.company", "sale_discount_product_id"): 17,
    ("account.move.line", "extra_tax_data"): 19,
}
_WRITABLE: Final = ("ir.attachment", "mail.message")
_ACCESS_CHECKS: Final = {"check_access_rights": (14, 18), "has_access": (18, 99)}


class ImitatedOdoo:
    """The books of Lindehoeve. `version` is the main number of the server; `clock` gives its time."""

    name = "odoo"

    def __init__(
        self,
        port: int = 0,
        *,
        version: int = 17,
        clock: Callable[[], datetime] | None = None,
        empty: bool = False,
    ) -> None:
        self.faults = Faults()
        self.version = version
        self.clock = clock or _now
        self.key = API_KEY
        # Models that the gateway's user has no rights on, and fields whose module is not installed.
        self.forbidden: set[str] = set()
        self.absent = {field for field, since in _SINCE.items() if version < since}
        self.notes_touch_invoices = True
        self.database = Database(lambda: self.clock())
        self.clerk = Clerk(self.database)
        if not empty:
            self._seed()
        self._http = SandboxHttpServer(port, self.faults, on_fault=self._on_fault, place=_place)
        self._http.route("POST", "/jsonrpc", self._jsonrpc)
        self._http.route("POST", r"/json/2/([a-z_.]+)/([a-z_]+)", self._json2)
        self._http.route("GET", "/web/version", self._web_version)

    def start(self) -> None:
        self._http.start()

    def stop(self) -> None:
        self._http.stop()

    @property
    def failures(self) -> list[str]:
        """Tracebacks of what broke in the imitation itself."""
        return self._http.failures

    @property
    def calls(self) -> int:
        """How many requests came."""
        return len(self._http.calls)

    def addresses(self) -> Mapping[str, str]:
        return {"http": self._http.url}

    def secrets(self) -> Mapping[str, str]:
        return {"odoo_api_key": API_KEY}

    def mend(self) -> list[str]:
        """The clerk gives the tax of the faulty invoice its category."""
        if self.database.row("account.tax", self.clerk.taxes["0% margin"]).get("ubl_cii_tax_category_code"):
            return []
        self.database.set("account.tax", self.clerk.taxes["0% margin"], ubl_cii_tax_category_code="E")
        self.database.set("account.move", self._faulty, ref="PO-7104")
        return ["Odoo: the tax 0% margin has the category E now, and its invoice was saved again"]

    def holdings(self) -> Mapping[str, object]:
        notes = [row["body"] for row in self.database.rows("mail.message")]
        files = [row["name"] for row in self.database.rows("ir.attachment")]
        return {"notes": notes, "note_count": len(notes), "attachments": files}

    def times_written(self, reference: str) -> int:
        """How many notes hold this reference."""
        return sum(f"[{reference}]" in row["body"] for row in self.database.rows("mail.message"))

    def _seed(self) -> None:
        clerk = self.clerk
        first = clerk.invoice(
            "Kessel",
            [
                Item(
                    "Roasted coffee, Ethiopia",
                    "12",
                    "18.50",
                    unit="kg",
                    code="RC-ET",
                    barcode="5400000000010",
                ),
                Item("Barista training", "3", "65.00", unit="Hours"),
                Item("Delivered to the back door", kind="line_note"),
            ],
            ref="PO-7101",
            narration="<p>Thank you for your <b>order</b>.<br>Goods stay ours until paid.</p>",
            delivery_date="2026-11-04",
        )
        clerk.invoice(
            "Grachtzicht",
            [Item("Roasted coffee, Brazil", "20", "14.10", "0% EU G", unit="kg", code="RC-BR")],
            ref="PO-7102",
            delivery_date="2026-11-05",
        )
        clerk.invoice("Kessel", [Item("Roasted coffee, Ethiopia", "1", "18.50", unit="kg")], credits=first)
        self._faulty = clerk.invoice(
            "Rösterei",
            [Item("Used grinder", "1", "450.00", "0% margin")],
            ref="PO-7103",
        )

    # Protocols.

    def _jsonrpc(self, request: Request) -> Reply:
        body = request.json()
        parameters = body.get("params", {})
        try:
            result = self._service(parameters["service"], parameters["method"], list(parameters["args"]))
        except OdooError as error:
            data = {
                "name": error.name,
                "debug": _traceback(error, request.body.decode("utf-8", "replace")),
                "message": error.message,
                "arguments": [error.message],
                "context": {},
            }
            return json_reply(
                {
                    "jsonrpc": "2.0",
                    "id": body.get("id"),
                    "error": {"code": 200, "message": "Odoo Server Error", "data": data},
                }
            )
        return json_reply({"jsonrpc": "2.0", "id": body.get("id"), "result": result})

    def _service(self, service: str, method: str, arguments: list[Any]) -> Any:
        if (service, method) == ("common", "version"):
            return {
                "server_version": f"{self.version}.0",
                "server_version_info": [self.version, 0, 0, "final", 0, ""],
                "server_serie": f"{self.version}.0",
                "protocol_version": 1,
            }
        database, *rest = arguments
        if database != DATABASE:
            raise OdooError(
                "psycopg2.OperationalError",
                f'connection failed: FATAL:  database "{database}" does not exist',
            )
        if (service, method) in (("common", "authenticate"), ("common", "login")):
            user, secret = rest[0], rest[1]
            return _USER_ID if user == USER and self._known(secret, f"common.{method}") else False
        if (service, method) != ("object", "execute_kw"):
            raise OdooError("builtins.NameError", f"Method not available {service}.{method}")
        user_id, secret, model, called, positional = rest[:5]
        named = dict(rest[5]) if len(rest) > 5 else {}
        if user_id != _USER_ID or not self._known(secret, f"{model}.{called}"):
            raise OdooError("odoo.exceptions.AccessDenied", "Access Denied", 401)
        context = named.pop("context", {})
        return self._execute(model, called, list(positional), named, context)

    def _json2(self, request: Request) -> Reply:
        model, method = request.match[1], request.match[2]
        try:
            if self.version < _JSON2_SINCE:
                return Reply(404, b"<!doctype html><title>404 Not Found</title>", "text/html")
            kind, _, secret = request.headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not self._known(secret, f"{model}.{method}"):
                raise OdooError("werkzeug.exceptions.Unauthorized", "Invalid apikey", 401)
            if request.headers.get("x-odoo-database", DATABASE) != DATABASE:
                raise OdooError("werkzeug.exceptions.NotFound", "database does not exist", 404)
            named = dict(request.json())
            context, ids = named.pop("context", {}), named.pop("ids", None)
            return json_reply(self._execute(model, method, [] if ids is None else [ids], named, context))
        except OdooError as error:
            return json_reply(
                {
                    "name": error.name,
                    "message": error.message,
                    "arguments": [error.message],
                    "context": {},
                    "debug": _traceback(error, str(dict(request.headers))),
                },
                403 if error.name.endswith("AccessError") else error.status,
            )

    def _web_version(self, request: Request) -> Reply:
        return json_reply(
            {"version": f"{self.version}.0", "version_info": [self.version, 0, 0, "final", 0, ""]}
        )

    def _known(self, secret: object, place: str) -> bool:
        return secret == self.key and self.faults.take(place, "revoked-token") is None

    # Methods of models.

    def _execute(
        self,
        model: str,
        method: str,
        positional: list[Any],
        named: dict[str, Any],
        context: Mapping[str, Any],
    ) -> Any:
        place = f"{model}.{method}"
        if self.faults.take(place, "soap-fault"):
            raise OdooError(
                "psycopg2.errors.SerializationFailure",
                "could not serialize access due to concurrent update",
                409,
            )
        strange = set(context.get("allowed_company_ids", ())) - {self.clerk.company}
        if strange:
            raise OdooError(
                "odoo.exceptions.AccessError", "Access to unauthorized or invalid companies.", 403
            )
        if model not in SCHEMA:
            raise OdooError("odoo.exceptions.UserError", f"Object {model} doesn't exist", 404)
        if method in _ACCESS_CHECKS:
            return self._may(model, method, named)
        if model in self.forbidden:
            raise OdooError(
                "odoo.exceptions.AccessError", f"You are not allowed to access '{model}' records.", 403
            )
        database = self.database
        match method:
            case "fields_get":
                found = database.fields_get(model, named.get("attributes") or ())
                return {name: told for name, told in found.items() if (model, name) not in self.absent}
            case "search_read":
                ids = self._search(model, named, context)
                rows = database.read(model, ids, self._there(model, named.get("fields") or ()))
                return rows + rows[:1] if self.faults.take(place, "duplicate") else rows
            case "search":
                return self._search(
                    model, {**dict(zip(("domain",), positional, strict=False)), **named}, context
                )
            case "search_count":
                return len(self._search(model, named, context))
            case "read":
                return database.read(model, positional[0], self._there(model, named.get("fields") or ()))
            case "create":
                # Over JSON-RPC the values are looked for among the positional arguments only.
                values = positional[0] if positional else named["vals_list"]
                made = [
                    self._create(model, one) for one in (values if isinstance(values, list) else [values])
                ]
                return made if isinstance(values, list) else made[0]
            case "message_post":
                return self._message(model, positional[0], named)
        raise OdooError("builtins.AttributeError", f"The method '{model}.{method}' does not exist", 404)

    def _there(self, model: str, names: Any) -> list[str]:
        for name in names:
            if (model, name) in self.absent:
                raise OdooError("builtins.ValueError", f"Invalid field {name!r} on model {model!r}", 500)
        return [name for name in names or SCHEMA[model] if (model, name) not in self.absent]

    def _search(self, model: str, named: Mapping[str, Any], context: Mapping[str, Any]) -> list[int]:
        return self.database.search(
            model,
            named.get("domain") or [],
            offset=int(named.get("offset") or 0),
            limit=int(named.get("limit") or 0),
            order=str(named.get("order") or "id"),
            active_test=bool(context.get("active_test", True)),
        )

    def _may(self, model: str, method: str, named: Mapping[str, Any]) -> bool:
        first, last = _ACCESS_CHECKS[method]
        if not first <= self.version <= last:
            raise OdooError("builtins.AttributeError", f"The method '{model}.{method}' does not exist", 404)
        return model not in self.forbidden and (named["operation"] == "read" or model in _WRITABLE)

    def _create(self, model: str, values: Mapping[str, Any]) -> int:
        if model not in _WRITABLE:
            raise OdooError(
                "odoo.exceptions.AccessError", f"You are not allowed to create '{model}' records.", 403
            )
        unknown = values.keys() - SCHEMA[model].keys()
        if unknown:
            raise OdooError(
                "builtins.ValueError", f"Invalid field {sorted(unknown)[0]!r} on model {model!r}", 500
            )
        return self.database.make(model, **values)

    def _message(self, model: str, ids: list[int], named: Mapping[str, Any]) -> int | list[int]:
        if len(ids) != 1 or not self.database.rows(model, id=ids[0]):
            raise OdooError("odoo.exceptions.MissingError", "Record does not exist or has been deleted.", 404)
        body = str(named.get("body", ""))
        body = html.escape(body, quote=False) if self.version >= _TEXT_NOTES_SINCE else body
        made = self.database.make(
            "mail.message",
            model=model,
            res_id=ids[0],
            body=f"<p>{body}</p>",
            message_type=named.get("message_type", "notification"),
            subtype_xmlid=named.get("subtype_xmlid"),
        )
        if self.notes_touch_invoices:
            self.database.set(model, ids[0])
        return [made] if self.version >= _JSON2_SINCE else made

    def _on_fault(self, request: Request, fault: Fault) -> Reply | None:
        if fault.kind != "server-error":
            return None
        name, message = "psycopg2.errors.DiskFull", "could not extend file"
        data = {"name": name, "message": message, "debug": _traceback(OdooError(name, message), "")}
        rpc = {
            "jsonrpc": "2.0",
            "id": None,
            "error": {"code": 200, "message": "Odoo Server Error", "data": data},
        }
        return json_reply(rpc if request.path == "/jsonrpc" else data, 500)


def _place(request: Request) -> str:
    """`POST account.move.search_read`, whichever protocol it comes by."""
    found = re.fullmatch(r"/json/2/([^/]+)/([^/]+)", request.path)
    if found:
        return f"{request.method} {found[1]}.{found[2]}"
    try:
        parameters = json.loads(request.body)["params"]
        service, method, arguments = parameters["service"], parameters["method"], parameters["args"]
        what = f"{arguments[3]}.{arguments[4]}" if service == "object" else f"{service}.{method}"
    except (ValueError, KeyError, TypeError, IndexError):
        what = request.path
    return f"{request.method} {what}"


def _traceback(error: OdooError, received: str) -> str:
    """As Odoo tells it to everybody: with what it was called with."""
    lines = (
        "Traceback (most recent call last):",
        '  File "odoo/http.py", line 1',
        received,
        f"{error.name}: {error}",
    )
    return "\n".join(lines)


def _now() -> datetime:
    return datetime.now(UTC)
