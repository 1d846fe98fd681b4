"""The trial of the kind netsuite-soap: the imitated NetSuite, and the clerk who invoices there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from connectors.sandbox.netsuite import LOG_TYPE_ID, NetSuiteSandbox

__all__ = ["Trial"]

_PLACES: Final[Mapping[str, str]] = {
    "list": "^search$",
    "read": "^(get|getList)$",
    "write": "^(update|add)$",
}


class Trial:
    """One account with legacy tax and small batches, and a clock that can be late."""

    def __init__(self) -> None:
        self._late = timedelta()
        self.system = NetSuiteSandbox(0)
        self._real = self.system.clock
        self.system.clock = self._now
        # A late clock of the records: a login that is ten minutes off is refused, which is another matter.
        self.system.login_clock = self._real

    def settings(self) -> Mapping[str, object]:
        return {
            "account": "1234567_SB1",
            "base_url": self.system.addresses()["soap"],
            "consumer_key": "file:secrets/netsuite_consumer_key",
            "consumer_secret": "file:secrets/netsuite_consumer_secret",
            "token_id": "file:secrets/netsuite_token_id",
            "token_secret": "file:secrets/netsuite_token_secret",
            "page_size": 20,
            "batch_size": 3,
            "busy_seconds": 0.01,
            "read_seconds": 0.5,
            "reference_field": "custbody_einv_reference",
            "log_record_type": LOG_TYPE_ID,
        }

    def place(self, action: str) -> str:
        return _PLACES[action]

    def add(self, count: int) -> tuple[str, ...]:
        return tuple(f"invoice/{number}" for number in self.system.sell(count, lines=3))

    def change(self, key: str) -> None:
        number = self.number(key)
        order = self.system.transaction(number).fields["otherRefNum"]
        self.system.save(number, otherRefNum=f"{order}-B")

    def break_one(self) -> str:
        (key,) = self.add(1)
        internal_id = key.partition("/")[2]
        self.system.fail_reading(internal_id, "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: x")
        return key

    def number(self, key: str) -> str:
        return f"BW-2026-{key.partition('/')[2]}"

    def close_period(self, key: str) -> None:
        self.system.close_period(date(2099, 12, 31))

    def times_written(self, reference: str) -> int:
        return self.system.times_written(reference)

    def set_clock_back(self, seconds: float) -> bool:
        self._late = timedelta(seconds=seconds)
        return True

    def _now(self) -> datetime:
        return self._real() - self._late
