"""Transaction Statistics Report (TSR): how many documents a month brought, and between whom.

Source: Peppol Reporting, Transaction Statistics 1.0.2, with its rules SCH-TSR-01 to 43.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from formats.finding import Finding
from formats.identifiers import DocumentTypeId, ProcessId
from formats.statistics.exchange import UNKNOWN_COUNTRY, Direction, Exchange, Month, is_country, of_month
from formats.statistics.report import (
    PROFILE,
    SEAT_SCHEME,
    Key,
    Layout,
    Report,
    Row,
    duplicates,
    fatal,
    head_findings,
    is_seat,
    key_findings,
    made_report,
    read_report,
    write_report,
)

__all__ = ["DOCUMENT_TYPE", "PROCESS", "check", "make", "read", "write"]

_NAMESPACE: Final = "urn:fdc:peppol:transaction-statistics-report:1.0"
_CUSTOMIZATION: Final = "urn:fdc:peppol.eu:edec:trns:transaction-statistics-reporting:1.0"
DOCUMENT_TYPE: Final = DocumentTypeId.of(f"{_NAMESPACE}::TransactionStatisticsReport##{_CUSTOMIZATION}::1.0")
PROCESS: Final = ProcessId.of(PROFILE)

_PER_TRANSPORT: Final = "PerTP"
_PER_PROVIDER: Final = "PerSP-DT-PR"
_PER_COUNTRY: Final = "PerSP-DT-PR-CC"
_SENDER: Final = "SenderCountry"
_RECEIVER: Final = "ReceiverCountry"
_LAYOUT: Final = Layout(
    rules="TSR",
    head=(1, 2, 42, 17, 18),
    namespace=_NAMESPACE,
    root="TransactionStatisticsReport",
    customization=_CUSTOMIZATION,
    totals="Total",
    row="Subtotal",
    numbers=("Incoming", "Outgoing"),
    keys=(
        (_PER_TRANSPORT, ("TP",)),
        (_PER_PROVIDER, ("SP", "DT", "PR")),
        (_PER_COUNTRY, ("SP", "DT", "PR", "CC", "CC")),
    ),
)


def make(exchanges: Iterable[Exchange], *, month: Month, reporter: str) -> Report:
    """The report of a month by the access point with this certificate name; a month without exchanges gives
    zeros. Exchanges of other months, and reports, are left out. Countries that are not known are ZZ."""
    totals, counted = [0, 0], Counter[tuple[Row, int]]()
    for one in of_month(exchanges, month):
        position = 0 if one.direction is Direction.INCOMING else 1
        totals[position] += 1
        counted.update((row, position) for row in _rows(one))
    rows = {Row(row.type, row.keys, (counted[row, 0], counted[row, 1])) for row, _ in counted}
    return made_report(month, reporter, (totals[0], totals[1]), rows, _LAYOUT)


def write(report: Report) -> bytes:
    """As XML; the same report always gives the same bytes."""
    return write_report(report, _LAYOUT)


def read(document: bytes) -> Report:
    """Raises MalformedDocument."""
    return read_report(document, _LAYOUT)


def check(document: bytes) -> tuple[Finding, ...]:
    """The rules that a report breaks, ids as published where there is one. Raises MalformedDocument."""
    return tuple(_findings(read(document)))


def _rows(one: Exchange) -> Iterator[Row]:
    yield Row(_PER_TRANSPORT, (Key("TP", "Peppol", one.transport_profile),), ())
    keys = (
        Key("SP", SEAT_SCHEME, one.other),
        Key("DT", one.document_type.scheme, one.document_type.value),
        Key("PR", one.process.scheme, one.process.value),
    )
    yield Row(_PER_PROVIDER, keys, ())
    if one.direction is Direction.INCOMING:
        countries = (one.sender_country, one.receiver_country)
        sender, receiver = (code if is_country(code) else UNKNOWN_COUNTRY for code in countries)
        yield Row(_PER_COUNTRY, (*keys, Key("CC", _SENDER, sender), Key("CC", _RECEIVER, receiver)), ())


def _findings(report: Report) -> Iterator[Finding]:
    yield from head_findings(report, _LAYOUT)
    yield from _sums(report)
    yield from key_findings(report, _LAYOUT)
    for row in report.rows:
        yield from _row_findings(row)


def _sums(report: Report) -> Iterator[Finding]:
    incoming, outgoing = report.totals
    if not incoming and not outgoing:
        return
    for kind, first, twice in ((_PER_TRANSPORT, 3, 6), (_PER_PROVIDER, 7, 10), (_PER_COUNTRY, 11, 14)):
        rows = tuple(row for row in report.rows if row.type == kind)
        if kind == _PER_COUNTRY and not incoming:
            continue
        if not rows:
            yield fatal(f"SCH-TSR-{first:02}", f"there are no rows of the type {kind}")
        if sum(row.numbers[0] for row in rows) != incoming:
            yield fatal(f"SCH-TSR-{first + 1:02}", f"incoming of {kind} is not the total of {incoming}")
        if kind != _PER_COUNTRY and sum(row.numbers[1] for row in rows) != outgoing:
            yield fatal(f"SCH-TSR-{first + 2:02}", f"outgoing of {kind} is not the total of {outgoing}")
        if duplicates(rows):
            yield fatal(f"SCH-TSR-{twice:02}", f"rows of the type {kind} have the same keys")


def _row_findings(row: Row) -> Iterator[Finding]:
    if not any(row.numbers):
        yield fatal("TSR-EMPTY", f"a row of the type {row.type[:40]} counts nothing")
    if row.type == _PER_COUNTRY and row.numbers[1]:
        yield fatal("SCH-TSR-43", "rows by country count incoming documents only")
    countries = [key for key in row.keys if key.meta == "CC"]
    if row.type == _PER_COUNTRY and [key.scheme for key in countries] != [_SENDER, _RECEIVER]:
        yield fatal("SCH-TSR-35", "a row by country has not the keys of sender and receiver")
    for key in row.keys:
        if key.meta == "CC" and key.value != UNKNOWN_COUNTRY and not is_country(key.value):
            yield fatal("SCH-TSR-20", f"{key.value[:20]!r} is no country")
        if key.meta == "SP" and not is_seat(key.scheme, key.value):
            yield fatal("SCH-TSR-19", f"{key.value[:40]!r} is no seat id")
