"""The trial of the kind odoo: the imitated Odoo, and the clerk who invoices there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from connectors.sandbox.odoo import DATABASE, USER, ImitatedOdoo
from connectors.sandbox.odoo_clerk import Item

__all__ = ["Trial"]

_PLACES: Final[Mapping[str, str]] = {
    "list": r"account\.move\.search_read",
    "read": r"account\.move\.read",
    "write": r"account\.move\.message_post",
}


class Trial:
    """One company with small pages, and a clock that can be late."""

    def __init__(self) -> None:
        self._late = timedelta()
        self.system = ImitatedOdoo(0)
        self._real = self.system.clock
        self.system.clock = self._now

    def settings(self) -> Mapping[str, object]:
        return {
            "base_url": self.system.addresses()["http"],
            "database": DATABASE,
            "user": USER,
            "api_key": "file:secrets/odoo_api_key",
            "company": self.system.clerk.company,
            "invoices_per_page": 4,
            "read_seconds": 0.5,
        }

    def place(self, action: str) -> str:
        return _PLACES[action]

    def add(self, count: int) -> tuple[str, ...]:
        return tuple(str(key) for key in self.system.clerk.sell(count))

    def change(self, key: str) -> None:
        self.system.clerk.note(int(key), "Please quote the number of this invoice")

    def break_one(self) -> str:
        """A line with two taxes at once cannot be said in an e-invoice."""
        items = [Item("Coffee machine", "1", "900", ("21%", "Recycling"))]
        return str(self.system.clerk.invoice("Kessel", items))

    def number(self, key: str) -> str:
        return str(self.system.database.row("account.move", int(key))["name"])

    def day(self, key: str) -> date:
        return date.fromisoformat(str(self.system.database.row("account.move", int(key))["invoice_date"]))

    def times_written(self, reference: str) -> int:
        return self.system.times_written(reference)

    def set_clock_back(self, seconds: float) -> bool:
        self._late = timedelta(seconds=seconds)
        return True

    def _now(self) -> datetime:
        return self._real() - self._late
