"""One form for what SAP says in several: keys without zeros, one language, plain dates, nothing internal.

SAP shows keys padded here and unpadded there, partner functions and units in the language of the logon, days
and moments as `/Date(ms)/` with and without an offset. Records leave here in one form, so that the same
document gives the same bytes whoever logged on. Internal prices and costs never leave the house.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote

from formats.errors import RemoteUnexpected

__all__ = ["ConditionTypes", "canonical", "changed_at", "key", "listed", "padded"]

Row = dict[str, Any]
_DATE: Final = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{1,4})?\)/\Z")
_TIME: Final = re.compile(r"PT(?:(\d{1,2})H)?(?:(\d{1,2})M)?(?:(\d{1,2})S)?\Z")
_ETAG: Final = re.compile(r"datetimeoffset'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z'")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENTS: Final = frozenset(
    {"LastChangeDateTime", "CreationDateTime", "ValidityStartDate", "ValidityEndDate", "StatusDateTime"}
)
_KEYS: Final = frozenset(
    {
        *("BillingDocument", "BillingDocumentItem", "CancelledBillingDocument", "SoldToParty", "PayerParty"),
        *("Customer", "Supplier", "BusinessPartner", "ReferenceSDDocument", "ReferenceSDDocumentItem"),
        *(
            "SalesDocument",
            "SalesDocumentItem",
            "OriginSDDocument",
            "OriginSDDocumentItem",
            "HigherLevelItem",
        ),
        *("PricingProcedureStep", "PricingProcedureCounter", "AccountingDocument", "Material", "AddressID"),
        *("ClearingAccountingDocument", "InvoiceReference", "ContactPerson", "Personnel"),
    }
)
# German and internal names to the English ones that the mapping's tables know.
_PARTNERS: Final = {"AG": "SP", "RE": "BP", "RG": "PY", "WE": "SH", "AP": "CP"}
_UNITS: Final = {
    "ST": "PC", "STD": "H", "KAR": "CAR", "TAG": "DAY", "LE": "AU", "WCH": "WK", "KI": "CRT", "FL": "BT",
    "PAK": "PAC", "JHR": "YR",
}  # fmt: skip
_UNIT_FIELDS: Final = ("Unit", "UnitOfMeasure")
# Internal, or changing while the invoice does not: state of processing, cost, subtotals, statistics.
_LEFT_OUT: Final = re.compile(
    r"__metadata|LastChangeDate(Time)?|BillingDocumentIsCancelled|Overall\w+Status|Accounting\w+Status"
    r"|InvoiceClearingStatus|InvoiceListStatus|AccountingDocument|FiscalYear|CostAmount|Subtotal\dAmount"
    r"|StatisticsCurrency|ProfitCenter|CostCenter|WBSElement|ETag|CreatedByUser|ConditionRecord"
)
_INTERNAL_CATEGORIES: Final = frozenset({"G", "E"})


def key(value: object) -> str:
    """A key without the zeros that SAP stores: 0090000123 and 90000123 are one document."""
    plain = str(value or "").strip()
    return (plain.lstrip("0") or "0") if plain.isascii() and plain.isdigit() else plain


def padded(value: str, length: int = 10) -> str:
    """A key as SAP stores it, for the interfaces that want it so."""
    return value.zfill(length) if value.isdigit() else value


def listed(value: Any) -> list[Row]:
    """The rows of an expanded list; none where it was not expanded."""
    rows = value.get("results", []) if isinstance(value, dict) else value
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def changed_at(row: Mapping[str, Any]) -> str:
    """The change marker of a record with up to seven decimals of a second, as literals have it.

    JSON cuts a moment to milliseconds, the entity tag has the whole of it, and comparing with the cut one
    would read the last record again for ever.
    """
    shown = _moment(row.get("LastChangeDateTime"))
    tag = str(row.get("__metadata", {}).get("etag", "")) if isinstance(row.get("__metadata"), dict) else ""
    found = _ETAG.search(unquote(tag))
    if found and (shown is None or f"{shown:%Y-%m-%dT%H:%M:%S}" == found[1]):
        return f"{found[1]}.{(found[2] or '').ljust(7, '0')}Z"
    if shown is None:
        raise RemoteUnexpected(
            "a billing document has no LastChangeDateTime, by which changes are found",
            where=f"SAP billing document {key(row.get('BillingDocument'))}",
            fix="ask SAP's support which release fills it; documents cannot be read by change before",
        )
    return f"{shown:%Y-%m-%dT%H:%M:%S}.{shown.microsecond // 1000:03}0000Z"


@dataclass(frozen=True, slots=True)
class ConditionTypes:
    """Condition types that are told apart by their names: those of `internal` cost, which never leave the
    house, and those of `down_payments` settled, which stay although they are no part of the price."""

    internal: frozenset[str] = frozenset()
    down_payments: frozenset[str] = frozenset()


_ALL_THE_SAME: Final = ConditionTypes()


def canonical(row: Mapping[str, Any], types: ConditionTypes = _ALL_THE_SAME) -> Row:
    """A record and all that was expanded from it, in the one form; fields of the customer's own under
    `extensions`."""
    result: Row = {}
    extensions: Row = {}
    for name, value in row.items():
        if _LEFT_OUT.fullmatch(name) or (isinstance(value, dict) and "__deferred" in value):
            continue
        if name.startswith("to_"):
            result[name] = _expanded(value, types)
        elif name.startswith(("YY1_", "ZZ")):
            extensions[name] = _value(name, value)
        else:
            result[name] = _value(name, value)
    if extensions:
        result["extensions"] = extensions
    return result


def _expanded(value: Any, types: ConditionTypes) -> Any:
    if isinstance(value, dict) and "results" not in value:
        return canonical(value, types)
    return [canonical(row, types) for row in listed(value) if not _is_left_out(row, types)]


def _is_left_out(row: Row, types: ConditionTypes) -> bool:
    """Conditions that do not hold, and those that are not part of the price: statistical, internal cost, cash
    discount."""
    if "ConditionType" not in row:
        return False
    if str(row.get("ConditionInactiveReason") or "").strip():
        return True
    return row["ConditionType"] not in types.down_payments and (
        bool(row.get("ConditionIsForStatistics"))
        or row.get("ConditionCategory") in _INTERNAL_CATEGORIES
        or row["ConditionType"] in types.internal
    )


def _value(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in _KEYS:
        return key(value) if value.strip() else ""
    if name == "PartnerFunction":
        return _PARTNERS.get(value, value)
    if name.endswith(_UNIT_FIELDS):
        return _UNITS.get(value, value)
    moment = _moment(value)
    if moment is not None:
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if name in _MOMENTS else moment.date().isoformat()
    time = _TIME.match(value)
    return ":".join((part or "0").zfill(2) for part in time.groups()) if time and value != "PT" else value


def _moment(value: object) -> datetime | None:
    """A `/Date(ms)/` as UTC: a day has no zone at all, and a moment's offset is for display only."""
    found = _DATE.match(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=int(found[1]))
    except OverflowError:
        return None
