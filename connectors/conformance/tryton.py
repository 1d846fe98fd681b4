"""The trial of the kind tryton: a real Tryton behind a door that plays faults, and the clerk there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connectors.sandbox.tryton import TrytonBehindFaults
from connectors.sandbox.tryton_server import DATABASE, PRODUCT, USER

__all__ = ["Trial"]

_PLACES: Final[Mapping[str, str]] = {
    "list": r"model\.account\.invoice\.search_read",
    "read": r"model\.company\.company\.search_read",
    "write": r"model\.ir\.note\.create",
}


class Trial:
    """One company with small pages."""

    def __init__(self) -> None:
        self.system = TrytonBehindFaults()
        self._model: dict[str, Any] = {}

    def settings(self) -> Mapping[str, object]:
        return {
            "base_url": self.system.addresses()["http"],
            "database": DATABASE,
            "user": USER,
            "password": "file:secrets/tryton_password",
            "company": self.system.company,
            "first_day": self.system.first_day,
            "invoices_per_page": 4,
            "read_seconds": 5.0,
        }

    def place(self, action: str) -> str:
        return _PLACES[action]

    def add(self, count: int) -> tuple[str, ...]:
        first = self._model or self.system.invoice(
            [PRODUCT, "2", "40", "21 %"], ["Montage", "1", "20", "9 %"]
        )
        made = [] if self._model else [first]
        self._model = first
        day = self.system.first_day.isoformat()
        if more := count - len(made):
            made += self.system.ask("copies", number=first["id"], count=more, day=day)
        return tuple(str(one["id"]) for one in made)

    def change(self, key: str) -> None:
        self.system.ask("comment", number=int(key), text="Please quote the number of this invoice")

    def break_one(self) -> str:
        """An invoice that was cancelled after it had been posted is for people to look at."""
        made = self.system.invoice([PRODUCT, "1", "40", "21 %"])
        self.system.ask("cancel", number=made["id"])
        return str(made["id"])

    def number(self, key: str) -> str:
        return str(self.system.ask("number", number=int(key)))

    def times_written(self, reference: str) -> int:
        return int(self.system.ask("times_noted", reference=reference))

    def set_clock_back(self, seconds: float) -> bool:
        """The place is kept in the server's own time, and the real server's clock is not ours to set."""
        return False
