"""What both trials of NetSuite share: one imitated account, its clerk, and a clock that can be late."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from connectors.sandbox.netsuite import NetSuiteSandbox

__all__ = ["NetSuiteAccount"]


class NetSuiteAccount:
    """`place` and `settings` say by which interface the account is reached."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        self._late = timedelta()
        self.system = NetSuiteSandbox(0)
        self._real = self.system.clock
        self.system.clock = self._now
        # A late clock of the records: a login that is ten minutes off is refused, which is another matter.
        self.system.login_clock = self._real

    def common(self) -> dict[str, object]:
        """Settings that both interfaces have."""
        return {
            "account": "1234567_SB1",
            "batch_size": 3,
            "busy_seconds": 0.01,
            "read_seconds": 0.5,
            "reference_field": "custbody_einv_reference",
        }

    def place(self, action: str) -> str:
        return self._places[action]

    def add(self, count: int) -> tuple[str, ...]:
        return tuple(f"invoice/{number}" for number in self.system.sell(count, lines=3))

    def change(self, key: str) -> None:
        number = self.number(key)
        order = self.system.transaction(number).fields["otherRefNum"]
        self.system.save(number, otherRefNum=f"{order}-B")

    def number(self, key: str) -> str:
        return f"BW-2026-{key.partition('/')[2]}"

    def day(self, key: str) -> date:
        found = self.system.transaction(self.number(key)).fields["tranDate"]
        if isinstance(found, datetime):
            return found.date()
        if not isinstance(found, date):
            raise TypeError("the date of a transaction is none")
        return found

    def close_period(self, key: str) -> None:
        self.system.close_period(date(2099, 12, 31))

    def times_written(self, reference: str) -> int:
        return self.system.times_written(reference)

    def set_clock_back(self, seconds: float) -> bool:
        self._late = timedelta(seconds=seconds)
        return True

    def _now(self) -> datetime:
        return self._real() - self._late
