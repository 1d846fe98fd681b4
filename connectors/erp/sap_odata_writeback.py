"""Delivery status into SAP: a row of the customer's own status object, and the e-invoice as an attachment.

Billing documents themselves cannot be written to. There is one row for each document, which shows the newest
news; older news never takes the place of newer. Everything is looked up first, so that repeating adds what is
missing and nothing twice.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from connectors.base import StatusReport, WriteBack
from connectors.erp.sap_odata_canonical import key, padded
from connectors.erp.sap_odata_service import ODataService, Row, key_segment, text
from connectors.erp.sap_odata_settings import AttachmentSettings, SapODataSettings
from formats.errors import ConflictError, RemoteUnavailable

__all__ = ["Attachments", "StatusRows"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ATTEMPTS: Final = 2


@dataclass(frozen=True, slots=True)
class StatusRows:
    """The custom object of one source."""

    service: ODataService
    settings: SapODataSettings

    def write(self, report: StatusReport, company_code: str) -> WriteBack:
        """Make or change the row of this document. Raises RemoteUnavailable where somebody else changes it
        all the time, and what the service raises."""
        names = self.settings.status_object
        number = key(report.key)
        where = f"{names.entity} {company_code}/{number} in SAP"
        reference = shortened(report.reference, names.longest_reference)
        for _ in range(_ATTEMPTS):
            row = self._row(number, company_code)
            if row is None:
                self.service.create(names.entity, self._record(report, reference, number, company_code))
                return WriteBack(where, existed=False)
            if row.get(names.reference) == reference or self._is_newer(row, report):
                return WriteBack(where, existed=True)
            try:
                self.service.change(self._segment(row), self._news(report, reference), etag=_etag(row))
            except ConflictError:
                continue
            return WriteBack(where, existed=False)
        raise RemoteUnavailable(
            "the status row in SAP was changed by somebody else again and again",
            where=where,
            fix="it is tried again by itself; if it lasts, look who else writes to the status object",
        )

    def _row(self, number: str, company_code: str) -> Row | None:
        names = self.settings.status_object
        # A text field of the customer's own has no conversion: both forms are looked for.
        forms = " or ".join(
            f"{names.billing_document} eq {text(form)}" for form in dict.fromkeys((number, padded(number)))
        )
        query = {"$filter": f"{names.company_code} eq {text(company_code)} and ({forms})"}
        found = self.service.rows(names.entity, query)
        return max(found, key=lambda row: str(row.get(names.at) or ""), default=None) if found else None

    def _is_newer(self, row: Row, report: StatusReport) -> bool:
        shown = _moment(str(row.get(self.settings.status_object.at) or ""))
        return shown is not None and shown > report.at

    def _segment(self, row: Row) -> str:
        """How the row is addressed: by its own link, or in OData 4 by its key, a UUID that stands bare."""
        names = self.settings.status_object
        if names.odata == 2:
            return key_segment(str((row.get("__metadata") or {}).get("uri", "")))
        return key_segment(f"{names.entity}({row.get(names.key_field, '')})")

    def _record(
        self, report: StatusReport, reference: str, number: str, company_code: str
    ) -> dict[str, object]:
        names = self.settings.status_object
        own = {names.company_code: company_code, names.billing_document: number}
        return {**own, **self._news(report, reference)}

    def _news(self, report: StatusReport, reference: str) -> dict[str, object]:
        names = self.settings.status_object
        milliseconds = int((report.at - _EPOCH) / timedelta(milliseconds=1))
        news: dict[str, Any] = {
            names.reference: reference,
            names.state: self.settings.states[report.state],
            names.text: " ".join(report.text.split())[: names.longest_text],
            names.at: f"/Date({milliseconds}+0000)/"
            if names.odata == 2
            else report.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            names.message_id: report.message_id[:36],
            names.channel: report.channel[:30],
        }
        return {name: value for name, value in news.items() if name}


@dataclass(frozen=True, slots=True)
class Attachments:
    """Files at billing documents."""

    service: ODataService
    settings: AttachmentSettings

    def add(self, report: StatusReport) -> bool:
        """Attach the delivered e-invoice; whether it had to be. The service takes the same file twice, so
        that its list is read first."""
        if not report.state.arrived or not report.xml:
            return False
        settings, number = self.settings, padded(key(report.key))
        name = re.sub(r"[^\w.-]", "_", report.filename or f"{report.number}.xml", flags=re.ASCII)
        listed = self.service.function(
            "GetAllOriginals",
            {"LinkedSAPObjectKey": number, "BusinessObjectTypeName": settings.object_type},
        )
        if any(row.get("FileName") == name for row in self.service.complete(listed)):
            return False
        headers = {
            "Content-Type": "application/xml",
            "Slug": name,
            settings.object_type_header: settings.object_type,
            settings.object_key_header: number,
        }
        self.service.upload("AttachmentContentSet", report.xml, headers)
        return True


def _etag(row: Row) -> str:
    return str((row.get("__metadata") or {}).get("etag") or row.get("@odata.etag") or "")


def _moment(text: str) -> datetime | None:
    """A date and time of either version of OData, as aware UTC; None where there is none."""
    milliseconds = re.match(r"/Date\((-?\d{1,15})", text)
    if milliseconds is not None:
        return _EPOCH + timedelta(milliseconds=int(milliseconds[1]))
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text.endswith("Z") else None
    except ValueError:
        return None


def shortened(reference: str, longest: int) -> str:
    """The reference, or its digest where it does not fit; the same every time."""
    if len(reference) <= longest:
        return reference
    return hashlib.sha256(reference.encode()).hexdigest()[:longest]
