"""Statistics reports: sums, sets, months, and what the published rules say about them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from formats.errors import ConfigError, MalformedDocument
from formats.identifiers import DocumentTypeId, ProcessId
from formats.statistics import end_users, transactions
from formats.statistics.exchange import Direction, Exchange, Month, of_month
from formats.statistics.report import Report
from tests.formats.artefacts import official_rules, official_schema, style_sheet
from tests.formats.rules.oracle import Verdict, judge, our_verdict

REPORTING = "external/schematron/reporting"
PUBLISHED = {
    transactions: (
        f"{REPORTING}/tsr/1.0.5/xslt/peppol-transaction-statistics-reporting-1.0.5.xslt",
        "external/schemas/peppol-transaction-statistics-reporting-1.0.1.xsd",
    ),
    end_users: (
        f"{REPORTING}/eusr/1.1.5/xslt/peppol-end-user-statistics-reporting-1.1.5.xslt",
        "external/schemas/peppol-end-user-statistics-reporting-1.1.xsd",
    ),
}
BOTH = pytest.mark.parametrize("kind", [transactions, end_users], ids=["transactions", "end users"])
UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
INVOICE = DocumentTypeId.of(f"{UBL}Invoice-2::Invoice##urn:cen.eu:en16931:2017::2.1")
CREDIT_NOTE = DocumentTypeId.of(f"{UBL}CreditNote-2::CreditNote##urn:cen.eu:en16931:2017::2.1")
PROCESS = ProcessId.of("urn:fdc:peppol.eu:poacc:en16931:any")
OCTOBER = Month(2026, 10)
SENT = Exchange(
    at=datetime(2026, 10, 15, 12, tzinfo=UTC),
    direction=Direction.OUTGOING,
    other="POP000002",
    document_type=INVOICE,
    process=PROCESS,
    end_user="a",
    sender_country="BE",
)
RECEIVED = replace(SENT, direction=Direction.INCOMING, receiver_country="NL")

exchanges = st.lists(
    st.builds(
        Exchange,
        at=st.integers(0, 90).map(lambda days: datetime(2026, 9, 1, tzinfo=UTC) + timedelta(days=days)),
        direction=st.sampled_from(Direction),
        other=st.sampled_from(["POP000002", "PNO000003"]),
        document_type=st.sampled_from([INVOICE, CREDIT_NOTE, transactions.DOCUMENT_TYPE]),
        process=st.sampled_from([PROCESS, ProcessId.of("urn:peppol:bis:billing")]),
        end_user=st.sampled_from("abc"),
        sender_country=st.sampled_from(["BE", "NL", "EL"]),
        receiver_country=st.sampled_from(["BE", "XK"]),
    ),
    max_size=12,
)


def _rules(kind: ModuleType, report: Report) -> set[str]:
    return {finding.rule for finding in kind.check(kind.write(report))}


def _published(kind: ModuleType, document: bytes) -> Verdict | None:
    """What the published rules say; None where they stop."""
    return judge(style_sheet("phive-rules-peppol", PUBLISHED[kind][0]), document)


@BOTH
@given(collected=exchanges)
def test_a_report_adds_up_and_reads_back(kind: ModuleType, collected: list[Exchange]) -> None:
    report = kind.make(collected, month=OCTOBER, reporter="POP000001")
    written = kind.write(report)
    assert kind.read(written) == report
    assert kind.check(written) == ()
    assert kind.write(kind.make(reversed(collected), month=OCTOBER, reporter="POP000001")) == written


@BOTH
@pytest.mark.parametrize(
    "collected",
    [
        [],
        [SENT],
        [RECEIVED],
        [
            SENT,
            RECEIVED,
            replace(SENT, document_type=CREDIT_NOTE, end_user="b"),
            replace(RECEIVED, other="PNO000003"),
        ],
    ],
)
def test_the_published_rules_and_the_schema_find_nothing(kind: ModuleType, collected: list[Exchange]) -> None:
    written = kind.write(kind.make(collected, month=OCTOBER, reporter="POP000001"))
    assert _published(kind, written) == (frozenset(), frozenset())
    official_schema("phive-rules-peppol", PUBLISHED[kind][1]).assertValid(etree.fromstring(written))


def test_transactions_are_counted_by_direction_and_countries_of_what_came_in() -> None:
    report = transactions.make([SENT, SENT, RECEIVED], month=OCTOBER, reporter="POP000001")
    assert report.totals == (1, 2)
    assert [(row.type, row.numbers) for row in report.rows] == [
        ("PerTP", (1, 2)),
        ("PerSP-DT-PR", (1, 2)),
        ("PerSP-DT-PR-CC", (1, 0)),
    ]
    assert [key.value for key in report.rows[2].keys[3:]] == ["BE", "NL"]


@pytest.mark.parametrize("country", ["", "ZZ", "QQ", "be"])
def test_an_unknown_country_is_zz_in_transactions_and_stops_end_users(country: str) -> None:
    unknown = replace(RECEIVED, receiver_country=country)
    report = transactions.make([unknown], month=OCTOBER, reporter="POP000001")
    assert report.rows[2].keys[4].value == "ZZ"
    assert _rules(transactions, report) == set()
    with pytest.raises(ConfigError, match="'a'"):
        end_users.make([unknown], month=OCTOBER, reporter="POP000001")


def test_an_end_user_counts_once_in_each_set() -> None:
    report = end_users.make(
        [SENT, SENT, RECEIVED, replace(RECEIVED, end_user="b", document_type=CREDIT_NOTE)],
        month=OCTOBER,
        reporter="POP000001",
    )
    assert report.totals == (1, 2, 2)
    by_country = {row.keys[0].value: row.numbers for row in report.rows if row.type == "PerEUC"}
    assert by_country == {"BE": (1, 0, 1), "NL": (0, 2, 2)}
    by_type = [row.numbers for row in report.rows if row.type == "PerDT-PR"]
    assert sorted(by_type) == [(0, 1, 1), (1, 1, 1)]


@BOTH
def test_an_empty_month_is_reported_with_zeros(kind: ModuleType) -> None:
    report = kind.make(
        [replace(SENT, document_type=end_users.DOCUMENT_TYPE)], month=OCTOBER, reporter="POP000001"
    )
    assert set(report.totals) == {0}
    assert report.rows == ()
    assert (report.start, report.end) == (date(2026, 10, 1), date(2026, 10, 31))


def test_months_are_those_of_utc() -> None:
    east = timezone(timedelta(hours=2))
    late = replace(SENT, at=datetime(2026, 11, 1, 1, 59, tzinfo=east))
    early = replace(SENT, at=datetime(2026, 11, 1, 2, 0, tzinfo=east))
    assert list(of_month([late, early], OCTOBER)) == [late]
    assert Month.of(early.at) == Month(2026, 11)


@pytest.mark.parametrize(
    ("month", "last", "following", "previous", "until"),
    [
        (Month(2026, 10), date(2026, 10, 31), Month(2026, 11), Month(2026, 9), date(2026, 11, 15)),
        (Month(2026, 12), date(2026, 12, 31), Month(2027, 1), Month(2026, 11), date(2027, 1, 15)),
        (Month(2028, 2), date(2028, 2, 29), Month(2028, 3), Month(2028, 1), date(2028, 3, 15)),
        (Month(2027, 1), date(2027, 1, 31), Month(2027, 2), Month(2026, 12), date(2027, 2, 15)),
    ],
)
def test_a_month_and_when_its_report_is_sent(
    month: Month, last: date, following: Month, previous: Month, until: date
) -> None:
    assert (month.last, month.following, month.previous) == (last, following, previous)
    assert (month.send_from, month.send_until) == (following.first, until)


FAULTS = [
    (transactions, "<Incoming>1</Incoming>", "<Incoming>2</Incoming>"),
    (transactions, "TP\" schemeID=\"Peppol\"", "XX\" schemeID=\"Peppol\""),
    (transactions, ">NL<", ">QQ<"),
    (transactions, ">POP000001<", ">POP1<"),
    (transactions, ">POP000002<", ">POP2<"),
    (transactions, "reporting:1.0</CustomizationID>", "x</CustomizationID>"),
    (transactions, "2026-10-31", "2026-09-30"),
    (transactions, 'type="PerTP"', 'type="PerXX"'),
    (transactions, "<Outgoing>0<", "<Outgoing>1<"),
    (end_users, "<SendingOrReceivingEndUsers>1<", "<SendingOrReceivingEndUsers>3<"),
    (end_users, "<SendingEndUsers>1<", "<SendingEndUsers>0<"),
    (end_users, ">NL<", ">ZZ<"),
    (end_users, "EndUserCountry", "Other"),
    (end_users, ">POP000001<", ">POP1<"),
    (end_users, "CertSubjectCN", "Other"),
    (end_users, "reporting:1.0</ProfileID>", "x</ProfileID>"),
    (end_users, 'type="PerEUC"', 'type="PerDT-EUC"'),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "old", "new"), FAULTS)
def test_we_refuse_what_the_published_rules_refuse(kind: ModuleType, old: str, new: str) -> None:
    text = kind.write(kind.make([SENT, RECEIVED], month=OCTOBER, reporter="POP000001")).decode()
    assert old in text
    changed = text.replace(old, new, 1).encode()
    published = _published(kind, changed)
    assert published != (frozenset(), frozenset())
    rules = official_rules("phive-rules-peppol", PUBLISHED[kind][0])
    assert our_verdict(rules.check(etree.fromstring(changed))) == published
    assert kind.check(changed)


@BOTH
def test_rows_with_equal_keys_and_rows_of_nothing_are_found(kind: ModuleType) -> None:
    report = kind.make([SENT, RECEIVED], month=OCTOBER, reporter="POP000001")
    zeros = tuple(0 for _ in report.totals)
    for row in report.rows:
        assert _rules(kind, replace(report, rows=(*report.rows, row)))
        assert _rules(kind, replace(report, rows=(*report.rows, replace(row, numbers=zeros))))


@BOTH
@given(st.binary(max_size=40), st.integers(0, 3_000), st.integers(0, 30))
def test_whatever_comes_is_read_or_refused(kind: ModuleType, noise: bytes, at: int, cut: int) -> None:
    """Nothing but MalformedDocument leaves the reader."""
    good = kind.write(kind.make([SENT, RECEIVED], month=OCTOBER, reporter="POP000001"))
    for damaged in (noise, good[:at] + noise + good[at + cut :], good[:at] + good[at + cut :]):
        with suppress(MalformedDocument):
            kind.check(damaged)
