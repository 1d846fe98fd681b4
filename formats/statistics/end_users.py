"""End User Statistics Report (EUSR): how many of our customers sent and received in a month.

Source: Peppol Reporting, End User Statistics 1.1.1, with its rules SCH-EUSR-01 to 47.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from formats.errors import ConfigError
from formats.finding import Finding
from formats.identifiers import DocumentTypeId, ProcessId
from formats.statistics.exchange import Direction, Exchange, Month, is_country, of_month
from formats.statistics.report import (
    PROFILE,
    Key,
    Layout,
    Report,
    Row,
    duplicates,
    fatal,
    head_findings,
    key_findings,
    made_report,
    read_report,
    write_report,
)

__all__ = ["DOCUMENT_TYPE", "PROCESS", "check", "make", "read", "write"]

_NAMESPACE: Final = "urn:fdc:peppol:end-user-statistics-report:1.1"
_CUSTOMIZATION: Final = "urn:fdc:peppol.eu:edec:trns:end-user-statistics-report:1.1"
DOCUMENT_TYPE: Final = DocumentTypeId.of(f"{_NAMESPACE}::EndUserStatisticsReport##{_CUSTOMIZATION}::1.1")
PROCESS: Final = ProcessId.of(PROFILE)

_COUNTRY: Final = "EndUserCountry"
_LAYOUT: Final = Layout(
    rules="EUSR",
    head=(1, 2, 18, 7, 8),
    namespace=_NAMESPACE,
    root="EndUserStatisticsReport",
    customization=_CUSTOMIZATION,
    totals="FullSet",
    row="Subset",
    numbers=("SendingEndUsers", "ReceivingEndUsers", "SendingOrReceivingEndUsers"),
    keys=(
        ("PerDT-PR-EUC", ("DT", "PR", "CC")),
        ("PerDT-PR", ("DT", "PR")),
        ("PerDT-EUC", ("DT", "CC")),
        ("PerEUC", ("CC",)),
    ),
)
# Which types a report with any end user must have, and the rules that say so; then those of equal keys.
_NEEDED: Final = (("PerDT-PR", 15), ("PerDT-EUC", 37), ("PerEUC", 39))
_ONCE: Final = (("PerDT-PR", 13), ("PerDT-PR-EUC", 29), ("PerDT-EUC", 38), ("PerEUC", 40))


@dataclass(slots=True)
class _Users:
    """Who sent and who received."""

    sending: set[str] = field(default_factory=set)
    receiving: set[str] = field(default_factory=set)

    def add(self, one: Exchange) -> None:
        (self.receiving if one.direction is Direction.INCOMING else self.sending).add(one.end_user)

    @property
    def numbers(self) -> tuple[int, int, int]:
        return len(self.sending), len(self.receiving), len(self.sending | self.receiving)


def make(exchanges: Iterable[Exchange], *, month: Month, reporter: str) -> Report:
    """The report of a month by the access point with this certificate name; a month without exchanges gives
    zeros. Exchanges of other months, and reports, are left out.

    Raises ConfigError where the country of a customer of ours is not known: this report has no word for it.
    """
    full, subsets = _Users(), defaultdict[Row, _Users](_Users)
    for one in of_month(exchanges, month):
        if not is_country(one.end_user_country):
            raise ConfigError(
                f"the country of the end user {one.end_user[:80]!r} is not known",
                where=f"end user statistics of {month}",
                fix="enter the country of this end user, then have the report made again",
            )
        full.add(one)
        for row in _rows(one):
            subsets[row].add(one)
    rows = (Row(row.type, row.keys, users.numbers) for row, users in subsets.items())
    return made_report(month, reporter, full.numbers, rows, _LAYOUT)


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
    kind = Key("DT", one.document_type.scheme, one.document_type.value)
    process = Key("PR", one.process.scheme, one.process.value)
    country = Key("CC", _COUNTRY, one.end_user_country)
    yield Row("PerDT-PR-EUC", (kind, process, country), ())
    yield Row("PerDT-PR", (kind, process), ())
    yield Row("PerDT-EUC", (kind, country), ())
    yield Row("PerEUC", (country,), ())


def _findings(report: Report) -> Iterator[Finding]:
    yield from head_findings(report, _LAYOUT)
    sending, receiving, _ = report.totals
    yield from _plausible(report.totals, (19, 20, 21), "the full set")
    if sending or receiving:
        for position, number in enumerate((3, 4, 22)):
            most = max((row.numbers[position] for row in report.rows), default=0)
            if most > report.totals[position]:
                yield fatal(f"SCH-EUSR-{number:02}", "a subset has more end users than the full set")
        for kind, number in _NEEDED:
            if not any(row.type == kind for row in report.rows):
                yield fatal(f"SCH-EUSR-{number}", f"there are no rows of the type {kind}")
    for kind, number in _ONCE:
        if duplicates(tuple(row for row in report.rows if row.type == kind)):
            yield fatal(f"SCH-EUSR-{number}", f"rows of the type {kind} have the same keys")
    yield from key_findings(report, _LAYOUT)
    for row in report.rows:
        yield from _row_findings(row)


def _row_findings(row: Row) -> Iterator[Finding]:
    yield from _plausible(row.numbers, (33, 34, 35), f"a row of the type {row.type[:40]}")
    if not row.numbers[2]:
        yield fatal("SCH-EUSR-36", f"a row of the type {row.type[:40]} counts nobody")
    for key in row.keys:
        if key.meta == "CC" and key.scheme != _COUNTRY:
            yield fatal("SCH-EUSR-47", f"the scheme of a country is not {_COUNTRY}")
        if key.meta == "CC" and not is_country(key.value):
            yield fatal("SCH-EUSR-30", f"{key.value[:20]!r} is no country")


def _plausible(numbers: tuple[int, ...], rules: tuple[int, int, int], where: str) -> Iterator[Finding]:
    """Who sends or receives is at most all who send and all who receive, and at least each of them."""
    sending, receiving, either = numbers
    for holds, rule in zip(
        (either <= sending + receiving, either >= sending, either >= receiving), rules, strict=True
    ):
        if not holds:
            yield fatal(f"SCH-EUSR-{rule}", f"the numbers of {where} do not go together")
