"""The trial of the kind netsuite-soap: the imitated NetSuite, and the clerk who invoices there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.conformance.netsuite_account import NetSuiteAccount
from connectors.sandbox.netsuite import LOG_TYPE_ID

__all__ = ["Trial"]

_PLACES: Final[Mapping[str, str]] = {
    "list": "^search$",
    "read": "^(get|getList)$",
    "write": "^(update|add)$",
}


class Trial(NetSuiteAccount):
    """The account with legacy tax over SOAP, with small batches."""

    def __init__(self) -> None:
        super().__init__(_PLACES)

    def settings(self) -> Mapping[str, object]:
        return {
            **self.common(),
            "base_url": self.system.addresses()["soap"],
            "consumer_key": "file:secrets/netsuite_consumer_key",
            "consumer_secret": "file:secrets/netsuite_consumer_secret",
            "token_id": "file:secrets/netsuite_token_id",
            "token_secret": "file:secrets/netsuite_token_secret",
            "page_size": 20,
            "log_record_type": LOG_TYPE_ID,
        }

    def break_one(self) -> str:
        (key,) = self.add(1)
        internal_id = key.partition("/")[2]
        self.system.fail_reading(internal_id, "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: x")
        return key
