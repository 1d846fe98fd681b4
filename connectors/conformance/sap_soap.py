"""The trial of the kind sap-soap: the imitated S/4HANA with its journal entry services."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from connectors.base import IncomingPayment
from connectors.conformance import sap_odata
from connectors.sandbox.s4_wsdl import CHANGE, CREATE

__all__ = ["Trial"]


class Trial(sap_odata.Host):
    """As for sap-odata; what is written is seen in the ledger."""

    def settings(self) -> Mapping[str, object]:
        return {
            **super().settings(),
            "reference_field": "Reference2IDByBusinessPartner",
            "attach_xml": False,
            "default_bank_account": "0011001000",
        }

    def place(self, action: str) -> str:
        return f"POST ({CHANGE}|{CREATE})" if action == "write" else super().place(action)

    def times_written(self, reference: str) -> int:
        return self.system.journal.changed[_digest(f"bulk|{reference}")]

    def payment_for(self, key: str, reference: str) -> IncomingPayment:
        amount = self.system.document(key)["TotalGrossAmount"]
        if not isinstance(amount, Decimal):
            raise TypeError("the total is no amount")
        invoices = ((key, key, amount),)
        return IncomingPayment(
            reference, datetime.now(UTC).date(), "EUR", amount, invoices, evidence="STMT-1"
        )

    def times_posted(self, reference: str) -> int:
        return _digest(f"entry|{reference}") in self.system.journal.entries


def _digest(text: str) -> str:
    """How the connector makes ids of messages."""
    return hashlib.sha256(text.encode()).hexdigest()[:32].upper()
