"""The trial of the kind netsuite-rest: the imitated NetSuite, and the clerk who invoices there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from connectors.base import IncomingPayment
from connectors.sandbox.netsuite import NetSuiteSandbox
from connectors.sandbox.netsuite_rest_login import CERTIFICATE_ID

__all__ = ["Trial"]

_PLACES: Final[Mapping[str, str]] = {
    "list": "POST .*/query/v1/suiteql",
    "read": "GET .*/record/v1/(customer|subsidiary)/",
    "write": "(POST|PATCH) .*/record/v1/",
}


class Trial:
    """One account with small pages, and a clock that can be late."""

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
            "base_url": self.system.addresses()["rest"],
            "client_id": "file:secrets/netsuite_client_id",
            "certificate_id": CERTIFICATE_ID,
            "private_key": "file:secrets/netsuite_private_key",
            "page_size": 4,
            "batch_size": 3,
            "busy_seconds": 0.01,
            "read_seconds": 0.5,
            "reference_field": "custbody_einv_reference",
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
        # The role does not see all of its lines any more: they do not make the total.
        self.system.save(self.number(key), total=Decimal("1.00"))
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

    def payment_for(self, key: str, reference: str) -> IncomingPayment:
        number = self.number(key)
        amount = self.system.transaction(number).fields["total"]
        if not isinstance(amount, Decimal):
            raise TypeError("the total is no amount")
        invoices = ((key, number, amount),)
        return IncomingPayment(reference, self._now().date(), "EUR", amount, invoices, evidence="STMT-1")

    def times_posted(self, reference: str) -> int:
        external = f"gw-pay-{hashlib.sha256(reference.encode()).hexdigest()[:40]}"
        return sum(payment.external_id == external for payment in self.system.payments)

    def _now(self) -> datetime:
        return self._real() - self._late
