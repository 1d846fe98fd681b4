"""Small readings of what NetSuite's REST services say, shared by the parts of the connector."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from connectors.erp.netsuite_rest_bundle import plain
from connectors.erp.netsuite_rest_queries import KINDS
from connectors.erp.netsuite_rest_service import Row
from formats.errors import ConfigError

__all__ = ["MOMENT", "decimal_of", "earlier", "identifier", "key_of", "split_key", "text_of"]

# A moment on the account's clock, as the queries write it.
MOMENT: Final = "%Y-%m-%d %H:%M:%S"


def earlier(at: str, span: timedelta) -> str:
    return (datetime.strptime(at, MOMENT) - span).strftime(MOMENT)  # noqa: DTZ007  # the account's clock


def key_of(row: Row) -> str:
    return f"{KINDS.get(str(row.get('type')), 'invoice')}/{row['id']}"


def split_key(key: str) -> tuple[str, str]:
    kind, _, number = key.partition("/")
    if kind not in KINDS.values() or not number.isascii() or not number.isdigit():
        raise ConfigError(
            f"{key[:60]!r} is not a key of a NetSuite invoice",
            where="NetSuite",
            fix="check that the submission belongs to this source",
        )
    return kind, number


def identifier(value: Any) -> str:
    return text_of(value.get("id")) if isinstance(value, Mapping) else text_of(value)


def text_of(value: Any) -> str:
    return "" if value is None or isinstance(value, Mapping) else str(value).strip()


def decimal_of(value: Any) -> Decimal:
    return Decimal(plain(value) or 0)
