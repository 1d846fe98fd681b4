"""Searches of the imitated NetSuite: criteria, pages that are worked out anew each time, and their answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from lxml import etree

from connectors.sandbox.netsuite_records import Record, account_time
from connectors.sandbox.netsuite_wsdl import NAMESPACES

__all__ = ["SMALLEST_PAGE", "Search", "read_search", "search_result"]

SMALLEST_PAGE: Final = 5
_LARGEST_PAGE: Final = 1000
_TYPES: Final = {"_invoice": "invoice", "_creditMemo": "creditMemo"}
_XSI_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"

Criterion = Callable[[Record], bool]


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was asked for; it has no result of its own, every page asks the books again."""

    identifier: str
    criteria: tuple[Criterion, ...]
    body_only: bool
    page_size: int
    asked_at: datetime

    def found(self, records: Iterable[Record]) -> list[Record]:
        """What matches now, by internal id."""
        hits = [record for record in records if all(holds(record) for holds in self.criteria)]
        return sorted(hits, key=lambda record: int(record.internal_id))


def read_search(envelope: etree._Element, identifier: str, now: datetime) -> Search | str:
    """The search of a request, or the words of a refusal."""
    preferences = envelope.find("{*}Header/{*}searchPreferences")
    size, body_only = _LARGEST_PAGE, False
    if preferences is not None:
        size = int(preferences.findtext("{*}pageSize") or size)
        body_only = (preferences.findtext("{*}bodyFieldsOnly") or "false") == "true"
    if not SMALLEST_PAGE <= size <= _LARGEST_PAGE:
        return f"The page size must be between {SMALLEST_PAGE} and {_LARGEST_PAGE}."
    asked = envelope.find("{*}Body/{*}search/{*}searchRecord")
    if asked is None:
        return "A search record is required."
    kind = (asked.get(_XSI_TYPE) or "").rpartition(":")[2]
    basic = asked.find("{*}basic") if kind in ("TransactionSearch", "ItemSearch") else asked
    fields = [] if basic is None else [field for field in basic if isinstance(field.tag, str)]
    if kind.startswith("TransactionSearch"):
        criteria: list[Criterion] = [lambda record: record.kind in _TYPES.values()]
    elif kind.startswith("CustomerSearch"):
        criteria = [lambda record: record.kind == "customer"]
    elif kind.startswith("ItemSearch"):
        criteria = [lambda record: record.kind.endswith("Item") and record.kind != "salesTaxItem"]
    else:
        return f"The search type {kind} is not supported."
    for field in fields:
        criterion = _criterion(field)
        if criterion is None:
            return f"The search field {etree.QName(field).localname} is not supported."
        criteria.append(criterion)
    return Search(identifier, tuple(criteria), body_only, size, now)


def _criterion(field: etree._Element) -> Criterion | None:
    name = etree.QName(field).localname
    operator = field.get("operator", "")
    values = [(value.text or "").strip() for value in field.iterfind("{*}searchValue")]
    if name == "type" and operator == "anyOf":
        kinds = {_TYPES.get(value, "") for value in values}
        return lambda record: record.kind in kinds
    if name == "status" and operator == "anyOf":
        return lambda record: record.status in values
    if name == "isInactive":
        return lambda record: record.fields.get("isInactive", "false") in values
    if name == "mainLine":
        return lambda _: values == ["true"]
    if name == "internalId" and operator == "anyOf":
        ids = {value.get("internalId") for value in field.iterfind("{*}searchValue")}
        return lambda record: record.internal_id in ids
    if name == "tranDate" and operator == "on":
        # Dates of a request are days of the user's time zone.
        day = account_time(datetime.fromisoformat(values[0].replace("Z", "+00:00"))).date()
        return lambda record: _day(record.fields.get("tranDate")) == day
    if name == "lastModifiedDate":
        return _moment_criterion(operator, values, field.findtext("{*}searchValue2"))
    return None


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None


def _moment_criterion(operator: str, values: list[str], until: str | None) -> Criterion | None:
    first = datetime.fromisoformat(values[0].replace("Z", "+00:00"))
    if operator == "onOrAfter":
        return lambda record: record.modified >= first
    if operator == "within" and until:
        last = datetime.fromisoformat(until.strip().replace("Z", "+00:00"))
        return lambda record: first <= record.modified <= last
    return None


def search_result(
    search: Search, total: int, page: int, elements: list[etree._Element], status: etree._Element
) -> etree._Element:
    """`searchResult` for one page; without hits there is no `recordList` at all."""
    core = NAMESPACES["platformCore"]
    result = etree.Element(f"{{{core}}}searchResult")
    result.append(status)
    pages = -(-total // search.page_size)
    for name, value in (
        ("totalRecords", total),
        ("pageSize", search.page_size),
        ("totalPages", pages),
        ("pageIndex", page),
        ("searchId", search.identifier),
    ):
        etree.SubElement(result, f"{{{core}}}{name}").text = str(value)
    if elements:
        etree.SubElement(result, f"{{{core}}}recordList").extend(elements)
    return result
