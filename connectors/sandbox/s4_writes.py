"""What can be written into the imitated S/4HANA by OData: a custom status object, and attachments.

Every effective write is counted by the reference it carries, so that a test sees what was written twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from connectors.sandbox.http_server import Reply, Request
from connectors.sandbox.s4_model import EntityType, Service, custom_object
from connectors.sandbox.s4_odata import QueryError, Row, etag_of

__all__ = ["CUSTOM_OBJECT", "Attachments", "StatusObject"]

CUSTOM_OBJECT: Final[Service] = custom_object(
    "YY1_EINVSTATUS",
    {
        "CompanyCode": "S4",
        "BillingDocument": "S10",
        "Status": "S20",
        "StatusText": "S255",
        "StatusDateTime": "Moment",
        "StatusReference": "S80",
        "MessageID": "S36",
        "Channel": "S30",
        "SAP_LastChangedDateTime": "Moment",
    },
)


class StatusObject:
    """The rows of the custom object; `locked` are billing documents that somebody has open in SAP GUI."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.entity: EntityType = CUSTOM_OBJECT.sets["YY1_EINVSTATUS"]
        self.rows: list[Row] = []
        self.written: Counter[str] = Counter()
        self.locked: set[str] = set()

    def create(self, body: Mapping[str, Any]) -> Row:
        """A new row; a second one for the same document is allowed, as key users' objects have no such
        rule."""
        values = self._values(body)
        number = len(self.rows) + 1
        row: Row = {name: None if kind == "Moment" else "" for name, kind in self.entity.fields.items()}
        row["SAP_UUID"] = str(UUID(bytes=hashlib.sha256(f"status row {number}".encode()).digest()[:16]))
        self.rows.append(self._saved(row, values))
        return row

    def change(self, row: Row, body: Mapping[str, Any], if_match: str) -> None:
        """Save fields of a row whose entity tag is known."""
        if not if_match:
            raise QueryError(428, "/IWBEP/CM_MGW_RT/109", "Data services request requires If-Match header")
        if if_match not in ("*", etag_of(self.entity, row)):
            raise QueryError(
                412, "/IWBEP/CM_MGW_RT/110", "Precondition failed: the record was changed meanwhile"
            )
        self._saved(row, self._values(body))

    def _saved(self, row: Row, values: Row) -> Row:
        number = str(values.get("BillingDocument") or row.get("BillingDocument"))
        if number in self.locked:
            raise QueryError(400, "VF/042", f"Document {number} is currently being processed by user MMUSTER")
        row.update(values)
        previous = row["SAP_LastChangedDateTime"]
        now = self._clock().astimezone(UTC)
        if previous is not None and now <= previous:
            now = previous + timedelta(microseconds=1)
        row["SAP_LastChangedDateTime"] = now
        self.written[str(row["StatusReference"])] += 1
        return row

    def _values(self, body: Mapping[str, Any]) -> Row:
        values: Row = {}
        for name, value in body.items():
            kind = self.entity.fields.get(name)
            if kind is None:
                raise QueryError(400, "/IWBEP/CM_MGW_RT/021", f"Property '{name}' is invalid")
            if kind == "Moment" and value is not None:
                found = re.fullmatch(r"/Date\((-?\d+)(?:\+0000)?\)/", str(value))
                if found is None:
                    raise QueryError(400, "/IWFND/CM_BEC/026", f"Invalid value for property '{name}'")
                value = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(found[1]))
            elif kind[0] == "S" and (not isinstance(value, str) or len(value) > int(kind[1:])):
                raise QueryError(
                    400, "/IWFND/CM_BEC/026", f"Property '{name}' has the maximum length {kind[1:]}"
                )
            values[name] = value
        return values


class Attachments:
    """Files attached to business objects; the object type VBRK knows the padded numbers of `documents`."""

    def __init__(self, clock: Callable[[], datetime], documents: Callable[[], set[str]]) -> None:
        self._clock, self._documents = clock, documents
        self.rows: list[Row] = []
        self.contents: dict[str, bytes] = {}

    def upload(self, request: Request) -> Row:
        """One file, its name and object in the headers."""
        headers = request.headers
        kind, key = headers.get("businessobjecttypename", ""), headers.get("linkedsapobjectkey", "")
        if kind != "VBRK" or key not in self._documents():
            raise QueryError(400, "CV_ATTACHMENT/007", f"Business object {kind} {key} does not exist")
        if not headers.get("slug"):
            raise QueryError(400, "CV_ATTACHMENT/003", "The header slug with the file name is missing")
        number = len(self.rows) + 1
        logical = f"{number:032}"
        row: Row = {
            "DocumentInfoRecordDocType": "SAT",
            "DocumentInfoRecordDocNumber": f"{10_000_000_000 + number}",
            "DocumentInfoRecordDocVersion": "00",
            "DocumentInfoRecordDocPart": "000",
            "LogicalDocument": logical,
            "ArchiveDocumentID": f"FA163E{number:034}",
            "LinkedSAPObjectKey": key,
            "BusinessObjectTypeName": kind,
            "FileName": headers["slug"],
            "FileSize": str(len(request.body)),
            "MimeType": headers.get("content-type", ""),
            "CreatedByUser": "CC0000000001",
            "CreationDateTime": self._clock().date(),
        }
        self.rows.append(row)
        self.contents[logical] = request.body
        return row

    def of(self, query: Mapping[str, str]) -> list[Row]:
        """What GetAllOriginals finds."""
        key = query.get("LinkedSAPObjectKey", "").strip("'")
        kind = query.get("BusinessObjectTypeName", "").strip("'")
        return [
            row
            for row in self.rows
            if (row["LinkedSAPObjectKey"], row["BusinessObjectTypeName"]) == (key, kind)
        ]


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a request."""
    try:
        body = request.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise QueryError(400, "/IWFND/CM_BEC/026", "The request body is not a JSON object")
    return body


def error_reply(status: int, code: str, text: str, service: str, *, as_json: bool) -> Reply:
    """An error as SAP Gateway says it, in JSON or in XML."""
    if not as_json:
        namespace = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
        body = (
            f'<error xmlns="{namespace}"><code>{code}</code><message xml:lang="en">{text}</message></error>'
        )
        return Reply(status, body.encode(), "application/xml;charset=utf-8")
    error = {
        "code": code,
        "message": {"lang": "en", "value": text},
        "innererror": {
            "application": {"component_id": "SD-BIL", "service_namespace": "/SAP/", "service_id": service},
            "transactionid": "5F2A0000",
            "errordetails": [{"code": code, "message": text, "propertyref": "", "severity": "error"}],
        },
    }
    return Reply(status, json.dumps({"error": error}).encode(), "application/json;charset=utf-8")
