"""The custom status object of the imitated S/4HANA once more, as newer systems offer it: OData 4.0.

The rows are the same; the envelope, moments, keys and errors are those of version 4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from connectors.sandbox.http_server import Reply, Request, json_reply
from connectors.sandbox.s4_filter import QueryError, Row, compile_filter
from connectors.sandbox.s4_login import CSRF_FAILED, Logon
from connectors.sandbox.s4_odata import etag_of
from connectors.sandbox.s4_writes import StatusObject, body_of

__all__ = ["PATH", "StatusService4"]

PATH: Final = "/sap/opu/odata4/sap/yy1_einvstatus/srvd_a2x/sap/yy1_einvstatus/0001"
_SET: Final = "EInvStatus"


class StatusService4:
    """GET, POST and PATCH of one set."""

    def __init__(self, status: StatusObject, logon: Logon) -> None:
        self._status, self._logon = status, logon

    def answer(self, request: Request) -> Reply:
        """One request that is logged on."""
        try:
            return self._answer(request, unquote(request.match["rest"] or "/"))
        except QueryError as error:
            return json_reply({"error": {"code": error.code, "message": error.text}}, error.status)

    def _answer(self, request: Request, rest: str) -> Reply:
        if request.method in ("GET", "HEAD"):
            if rest == "/":
                return json_reply({"value": [{"name": _SET, "kind": "EntitySet", "url": _SET}]})
            if rest != f"/{_SET}":
                raise QueryError(404, "/IWBEP/CM_V4_COS/014", "The resource was not found")
            return json_reply({"@odata.context": "$metadata", "value": self._listed(request.query)})
        if not self._logon.may_write(request):
            refused = {"x-csrf-token": "Required"}
            return Reply(403, CSRF_FAILED.encode(), "text/plain; charset=utf-8", refused)
        body = self._body(request)
        if request.method == "POST" and rest == f"/{_SET}":
            return json_reply(self._shown(self._status.create(body)), 201)
        found = re.fullmatch(rf"/{_SET}\(([0-9a-f-]{{36}})\)", rest)
        row = next((row for row in self._status.rows if found and row["SAP_UUID"] == found[1]), None)
        if row is None or request.method != "PATCH":
            raise QueryError(404, "/IWBEP/CM_V4_COS/014", "The resource was not found")
        self._status.change(row, body, request.headers.get("if-match", ""))
        return Reply(204)

    def _listed(self, query: Mapping[str, str]) -> list[Row]:
        rows = self._status.rows
        if query.get("$filter"):
            test = compile_filter(query["$filter"], self._status.entity, lambda kind, text: text)
            rows = [row for row in rows if test(row)]
        return [self._shown(row) for row in rows]

    def _shown(self, row: Row) -> Row:
        shown: Row = {"@odata.etag": etag_of(self._status.entity, row)}
        for name, value in row.items():
            moment = isinstance(value, datetime)
            shown[name] = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else value
        return shown

    def _body(self, request: Request) -> dict[str, Any]:
        """Moments as the object stores them; the forms of version 2 are refused."""
        body = body_of(request)
        for name, kind in self._status.entity.fields.items():
            value = body.get(name)
            if kind != "Moment" or value is None:
                continue
            try:
                moment = datetime.fromisoformat(str(value))
            except ValueError as error:
                raise QueryError(
                    400, "/IWBEP/CM_V4_COS/001", f"Invalid value for property '{name}'"
                ) from error
            body[name] = f"/Date({int(moment.timestamp() * 1000)}+0000)/"
        return body
