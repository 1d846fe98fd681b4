"""The trial of the kind netsuite-rest: the imitated NetSuite, and the clerk who invoices there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from connectors.base import IncomingPayment
from connectors.conformance.netsuite_account import NetSuiteAccount
from connectors.sandbox.netsuite_rest_login import CERTIFICATE_ID

__all__ = ["Trial"]

_PLACES: Final[Mapping[str, str]] = {
    "list": "POST .*/query/v1/suiteql",
    "read": "GET .*/record/v1/(customer|subsidiary)/",
    "write": "(POST|PATCH) .*/record/v1/",
}


class Trial(NetSuiteAccount):
    """The account over SuiteQL and REST records, with small pages."""

    def __init__(self) -> None:
        super().__init__(_PLACES)

    def settings(self) -> Mapping[str, object]:
        return {
            **self.common(),
            "base_url": self.system.addresses()["rest"],
            "client_id": "file:secrets/netsuite_client_id",
            "certificate_id": CERTIFICATE_ID,
            "private_key": "file:secrets/netsuite_private_key",
            "page_size": 4,
        }

    def break_one(self) -> str:
        (key,) = self.add(1)
        # The role does not see all of its lines any more: they do not make the total.
        self.system.save(self.number(key), total=Decimal("1.00"))
        return key

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
