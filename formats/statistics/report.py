"""The shape that both reports share: a period, who reports, totals, and rows of keys and numbers.

Source: Peppol Reporting, Transaction Statistics 1.0.2 and End User Statistics 1.1.1, with their schemas.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from lxml import etree

from formats.errors import MalformedDocument
from formats.finding import Finding, Severity
from formats.statistics.exchange import Month
from formats.syntaxes import xml

__all__ = [
    "PROFILE",
    "RECEIVER",
    "SEAT_SCHEME",
    "Key",
    "Layout",
    "Report",
    "Row",
    "duplicates",
    "fatal",
    "head_findings",
    "is_seat",
    "key_findings",
    "made_report",
    "open_report",
    "read_report",
    "write_report",
]

PROFILE: Final = "urn:fdc:peppol.eu:edec:bis:reporting:1.0"
#: Who collects the reports of the production network.
RECEIVER: Final = "9925:be0848934496"
SEAT_SCHEME: Final = "CertSubjectCN"
_SEAT: Final = re.compile(r"P[A-Z]{2}[0-9]{6}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LARGEST: Final = 50 * 1024 * 1024
_LONGEST_NUMBER: Final = 18


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What a row is about: a meta scheme (TP, SP, DT, PR, CC), a scheme and a value."""

    meta: str
    scheme: str
    value: str


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """Numbers for some keys; what each number means is the layout's."""

    type: str
    keys: tuple[Key, ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """One report, from the first to the last day of its month (UTC), by the access point `reporter`."""

    start: date
    end: date
    reporter: str
    totals: tuple[int, ...]
    rows: tuple[Row, ...]
    customization: str
    profile: str = PROFILE
    reporter_scheme: str = SEAT_SCHEME


@dataclass(frozen=True, slots=True)
class Layout:
    """How one kind of report is called and what its numbers are. `keys` are the meta schemes of each type of
    row; `head` are the numbers of its rules on customization, profile, period, and scheme and name of the
    reporter."""

    rules: str
    head: tuple[int, int, int, int, int]
    namespace: str
    root: str
    customization: str
    totals: str
    row: str
    numbers: tuple[str, ...]
    keys: tuple[tuple[str, tuple[str, ...]], ...]

    def tag(self, name: str) -> str:
        return f"{{{self.namespace}}}{name}"


def made_report(
    month: Month, reporter: str, totals: tuple[int, ...], rows: Iterable[Row], layout: Layout
) -> Report:
    """The report of a month, its rows in the order of their types, then of their keys."""
    order = [name for name, _ in layout.keys]
    ordered = tuple(sorted(rows, key=lambda row: (order.index(row.type), row)))
    return Report(month.first, month.last, reporter, totals, ordered, layout.customization)


def write_report(report: Report, layout: Layout) -> bytes:
    """As XML; the same value always gives the same bytes."""
    spaces = {None: layout.namespace}
    root = etree.Element(layout.tag(layout.root), nsmap=spaces)  # type: ignore[arg-type]  # the stubs know no default
    _put(root, layout, "CustomizationID", report.customization)
    _put(root, layout, "ProfileID", report.profile)
    header = _put(root, layout, "Header")
    period = _put(header, layout, "ReportPeriod")
    _put(period, layout, "StartDate", report.start.isoformat())
    _put(period, layout, "EndDate", report.end.isoformat())
    _put(header, layout, "ReporterID", report.reporter).set("schemeID", report.reporter_scheme)
    _put_numbers(_put(root, layout, layout.totals), layout, report.totals)
    for row in report.rows:
        element = _put(root, layout, layout.row)
        element.set("type", row.type)
        for key in row.keys:
            inner = _put(element, layout, "Key", key.value)
            inner.set("metaSchemeID", key.meta)
            inner.set("schemeID", key.scheme)
        _put_numbers(element, layout, row.numbers)
    return xml.serialize(root)


def read_report(document: bytes, layout: Layout) -> Report:
    """Raises MalformedDocument where dates or numbers are missing or are none."""
    root = open_report(document, layout)
    header = root.find(layout.tag("Header"))
    period = None if header is None else header.find(layout.tag("ReportPeriod"))
    reporter = None if header is None else header.find(layout.tag("ReporterID"))
    start, end = (
        _day(None if period is None else period.find(layout.tag(name)), name)
        for name in ("StartDate", "EndDate")
    )
    return Report(
        start,
        end,
        _text(reporter),
        _numbers(root.find(layout.tag(layout.totals)), layout),
        tuple(_row(element, layout) for element in root.iterchildren(layout.tag(layout.row))),
        _text(root.find(layout.tag("CustomizationID"))),
        _text(root.find(layout.tag("ProfileID"))),
        "" if reporter is None else _blankless(reporter.get("schemeID")),
    )


def open_report(document: bytes, layout: Layout) -> etree._Element:
    """The root of a report of this kind, of 50 MB at most. Raises MalformedDocument."""
    root = xml.parse(document, largest=_LARGEST)
    if root.tag != layout.tag(layout.root):
        raise _malformed(f"the root element is {etree.QName(root).localname}, not {layout.root}")
    return root


def duplicates(rows: tuple[Row, ...]) -> frozenset[tuple[Key, ...]]:
    """Keys that more than one of the rows has."""
    counted = Counter(row.keys for row in rows)
    return frozenset(keys for keys, times in counted.items() if times > 1)


def is_seat(scheme: str, value: str) -> bool:
    """Whether this names an access point by its certificate."""
    return scheme == SEAT_SCHEME and _SEAT.fullmatch(value) is not None


def head_findings(report: Report, layout: Layout) -> Iterator[Finding]:
    """What is wrong with customization, profile, period and reporter."""
    customization, profile, period, scheme, reporter = (
        f"SCH-{layout.rules}-{number:02}" for number in layout.head
    )
    if report.customization != layout.customization:
        yield fatal(customization, "the customization is wrong")
    if report.profile != PROFILE:
        yield fatal(profile, "the profile is wrong")
    if report.end < report.start:
        yield fatal(period, "the period ends before it starts")
    if report.reporter_scheme != SEAT_SCHEME:
        yield fatal(scheme, f"the scheme of the reporter is not {SEAT_SCHEME}")
    elif not is_seat(report.reporter_scheme, report.reporter):
        yield fatal(reporter, "the reporter is no seat id")


def key_findings(report: Report, layout: Layout) -> Iterator[Finding]:
    """What is wrong with the keys of rows, whatever the report; the ids are ours."""
    wanted = dict(layout.keys)
    for row in report.rows:
        expected = wanted.get(row.type)
        if expected is None:
            yield fatal(f"{layout.rules}-TYPE", f"{row.type[:40]!r} is no type of row")
        elif tuple(key.meta for key in row.keys) != expected:
            text = f"a row of the type {row.type} has not the keys {', '.join(expected)}"
            yield fatal(f"{layout.rules}-KEYS", text)


def fatal(rule: str, text: str) -> Finding:
    return Finding(rule, Severity.FATAL, text)


def _row(element: etree._Element, layout: Layout) -> Row:
    keys = (
        Key(_blankless(key.get("metaSchemeID")), _blankless(key.get("schemeID")), _text(key))
        for key in element.iterchildren(layout.tag("Key"))
    )
    return Row(_blankless(element.get("type")), tuple(keys), _numbers(element, layout))


def _numbers(element: etree._Element | None, layout: Layout) -> tuple[int, ...]:
    return tuple(
        _number(None if element is None else element.find(layout.tag(name)), name) for name in layout.numbers
    )


def _number(element: etree._Element | None, name: str) -> int:
    text = _text(element)
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        raise _malformed(f"{name} is {text[:40]!r}, no number")
    return int(text)


def _day(element: etree._Element | None, name: str) -> date:
    text = _text(element)
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as error:
        raise _malformed(f"{name} is {text[:40]!r}, no date without a time zone") from error


def _put(parent: etree._Element, layout: Layout, name: str, value: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, layout.tag(name))
    element.text = value
    return element


def _put_numbers(parent: etree._Element, layout: Layout, numbers: tuple[int, ...]) -> None:
    for name, number in zip(layout.numbers, numbers, strict=True):
        _put(parent, layout, name, str(number))


def _text(element: etree._Element | None) -> str:
    return "" if element is None else _blankless(str(element.xpath("string()")))


def _blankless(text: str | None) -> str:
    return " ".join((text or "").split())


def _malformed(what: str) -> MalformedDocument:
    return MalformedDocument(what, where="statistics report", fix="have the report of the month made again")
