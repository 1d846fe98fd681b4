"""The trial of the kind exact-online: the imitated Exact Online, and the clerk who invoices there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from connectors.sandbox.exact_online import ImitatedExactOnline
from connectors.sandbox.exact_online_login import CLIENT_ID
from connectors.sandbox.exact_online_seed import DIVISION

__all__ = ["Trial"]

# Far above Exact's own limits: the suite is about behaviours, and limits have tests of their own.
_CALLS: Final = 100_000
_PLACES: Final[Mapping[str, str]] = {
    "list": "GET .*/sync/SalesInvoice/SalesInvoices",
    "read": "GET .*/salesinvoice/SalesInvoices",
    "write": "POST .*/documents/Documents$",
}


class Trial:
    """One division with small pages, and a clock that can be late."""

    def __init__(self) -> None:
        self.system = ImitatedExactOnline(page=20, sync_page=7, lines_page=2, minutely=_CALLS, daily=_CALLS)

    def at_full_size(self) -> None:
        """From now on with pages as large as Exact's own; before the system is started."""
        self.system = ImitatedExactOnline(minutely=_CALLS, daily=_CALLS)

    def settings(self) -> Mapping[str, object]:
        return {
            "base_url": self.system.server.url,
            "division": DIVISION,
            "client_id": CLIENT_ID,
            "client_secret": "file:secrets/exact-client-secret",
            "refresh_token": "file:secrets/exact-refresh-token",
            "webhook_secret": "file:secrets/exact-webhook-secret",
            "documents_per_page": 3,
            "invoices_per_call": 2,
            "calls_per_minute": _CALLS,
            "calls_per_day": _CALLS,
        }

    def place(self, action: str) -> str:
        return _PLACES[action]

    def add(self, count: int) -> tuple[str, ...]:
        return tuple(self.system.add(count, lines=3))

    def change(self, key: str) -> None:
        invoice = self._invoice(key)
        self.system.change(invoice["InvoiceNumber"], YourRef=f"{invoice['YourRef']}-B")

    def break_one(self) -> str:
        (key,) = self.system.add(1)
        self.system.unreadable.add(key)
        return key

    def day(self, key: str) -> date:
        found = self._invoice(key)["InvoiceDate"]
        return found.date() if isinstance(found, datetime) else date.fromisoformat(str(found))

    def times_written(self, reference: str) -> int:
        counts = self.system.holdings()["status_references"]
        return int(counts.get(reference, 0)) if isinstance(counts, dict) else 0

    def number(self, key: str) -> str:
        return str(self._invoice(key)["InvoiceNumber"])

    def close_period(self, key: str) -> None:
        """Exact has no periods that matter here; a blocked account refuses documents alike."""
        account = self._invoice(key)["InvoiceTo"]
        for row in self.system.books.accounts:
            row["Blocked"] = row["Blocked"] or row["ID"] == account

    def set_clock_back(self, seconds: float) -> bool:
        self.system.late = timedelta(seconds=seconds)
        return True

    def _invoice(self, key: str) -> Mapping[str, Any]:
        return next(row for row in self.system.books.invoices if row["InvoiceID"] == key)
