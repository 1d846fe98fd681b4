"""The trial of the kind sap-odata: the imitated S/4HANA, and the clerk who bills there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

from connectors.sandbox.s4 import ImitatedS4
from connectors.sandbox.s4_login import CLIENT_ID

__all__ = ["Trial"]

_PLACES: Final[Mapping[str, str]] = {
    "list": "GET .*/A_BillingDocument$",
    "read": "GET .*/(A_BusinessPartner|A_OperationalAcctgDocItemCube)$",
    "write": "(POST|PATCH) .*/(YY1_EINVSTATUS|AttachmentContentSet)",
}


class Host:
    """One system with small pages, an OAuth client, and a clock that can be late."""

    def __init__(self) -> None:
        self.system = ImitatedS4(0)

    def settings(self) -> Mapping[str, object]:
        return {
            "base_url": self.system.addresses()["s4"],
            "client": "100",
            "login": "oauth",
            "client_id": CLIENT_ID,
            "client_secret": "file:secrets/s4-client-secret",
            "company_codes": ("1000",),
            # The seeded documents are older: only what is added counts.
            "first_day": datetime.now(UTC).date(),
            "documents_per_page": 4,
            "calls_per_minute": 1000,
            "read_seconds": 0.5,
            "overlap_minutes": 20,
        }

    def place(self, action: str) -> str:
        return _PLACES[action]

    def add(self, count: int) -> tuple[str, ...]:
        return tuple(self.system.bill(count))

    def change(self, key: str) -> None:
        item = self.system.document(key)["to_Item"][0]
        item["BillingDocumentItemText"] = f"{item['BillingDocumentItemText'][:30]}, corrected"
        self.system.touch(key)

    def break_one(self) -> str:
        (key,) = self.add(1)
        # A category of a release to come: nobody has decided whether it is an invoice.
        self.system.touch(key, SDDocumentCategory="9")
        return key

    def day(self, key: str) -> date:
        found = self.system.document(key)["BillingDocumentDate"]
        return date.fromisoformat(str(found)[:10])

    def times_written(self, reference: str) -> int:
        return self.system.status.written[reference]

    def set_clock_back(self, seconds: float) -> bool:
        self.system.set_clock_back(seconds)
        return True


class Trial(Host):
    """Status goes into the custom object, which refuses documents that somebody has open."""

    def close_period(self, key: str) -> None:
        self.system.status.locked.add(key)
