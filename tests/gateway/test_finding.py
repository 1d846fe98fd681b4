"""Finding invoices: by word, by filter, page after page, in every order."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, product
from typing import Any

import pytest
from sqlalchemy import event

from connectors.base import SourceDocument
from formats.errors import ConfigError
from gateway.pipeline.submission import State
from gateway.store import finding, submissions, words
from gateway.store.database import Database
from gateway.store.finding import Filter, Order

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
INVOICES = (
    ("2026/104-A", "Société Générale d'Énergie", "EUR", "1200.00", "sap"),
    ("2026/105", "Chemiepark Rodenau GmbH & Co. KG", "EUR", "98.50", "sap"),
    ("2026/105", "Norrhamn kommun", "SEK", "131250.00", "netsuite"),
    ("INV-77", "Straßenbau Süd AG", "EUR", "98.50", "exact"),
    ("INV-78", "Ålands Energi", "EUR", "0.00", "exact"),
)


@pytest.fixture
def filled(database: Database) -> Database:
    for position, (number, buyer, currency, amount, source) in enumerate(INVOICES):
        now = NOW + timedelta(minutes=position)
        with database.begin() as connection:
            document = SourceDocument(f"k{position}", "1", "text/plain", str(position).encode())
            taken = submissions.receive(connection, source, document, now=now)
            assert taken is not None
            submissions.move(
                connection,
                taken,
                State.MAPPED,
                "mapped",
                {},
                now=now,
                number=number,
                buyer=buyer,
                currency=currency,
                amount=Decimal(amount),
                issue_date=date(2026, 11, 1 + position),
            )
    return database


def found(database: Database, wanted: Filter, **how: object) -> list[str]:
    with database.read() as connection:
        return [row.source_key for row in finding.find(connection, wanted, **how).rows]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("chem", ["k1"]),
        ("societe generale", ["k0"]),
        ("GENERALE Société", ["k0"]),
        ("strassenbau", ["k3"]),
        ("aland", ["k4"]),
        ("2026/105", ["k2", "k1"]),
        ("2026/105 norr", ["k2"]),
        ("2026104a", ["k0"]),
        ("104", ["k0"]),
        ("nerg", []),
        ("%", ["k4", "k3", "k2", "k1", "k0"]),
        ("", ["k4", "k3", "k2", "k1", "k0"]),
    ],
)
def test_each_word_finds_what_a_word_of_the_invoice_begins_with(
    filled: Database, text: str, keys: list[str]
) -> None:
    assert found(filled, Filter(text=text)) == keys


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (Filter(number="2026/105"), ["k2", "k1"]),
        (Filter(currency="EUR", least=Decimal(98), most=Decimal(100)), ["k3", "k1"]),
        (Filter(sources=("exact",)), ["k4", "k3"]),
        (Filter(sources=()), []),
        (Filter(states=(State.DELIVERED,)), []),
        (Filter(issued_from=date(2026, 11, 2), issued_to=date(2026, 11, 3)), ["k2", "k1"]),
        (Filter(received_from=NOW + timedelta(minutes=3)), ["k4", "k3"]),
        (Filter(text="inv", currency="EUR", most=Decimal(1)), ["k4"]),
    ],
)
def test_filters_narrow_together(filled: Database, wanted: Filter, keys: list[str]) -> None:
    assert found(filled, wanted) == keys


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("descending", [True, False])
def test_pages_give_every_invoice_once_in_order(filled: Database, order: Order, descending: bool) -> None:
    whole = found(filled, Filter(), order=order, descending=descending, size=10)
    pieces: list[str] = []
    after = ""
    with filled.read() as connection:
        for _ in range(10):
            page = finding.find(connection, Filter(), order=order, descending=descending, after=after, size=2)
            pieces += [row.source_key for row in page.rows]
            after = page.after
            if not after:
                break
    assert pieces == whole
    assert sorted(pieces) == ["k0", "k1", "k2", "k3", "k4"]


def test_an_invoice_that_comes_meanwhile_shifts_nothing(filled: Database) -> None:
    with filled.begin() as connection:
        first = finding.find(connection, Filter(), size=2)
        document = SourceDocument("k9", "1", "text/plain", b"9")
        submissions.receive(connection, "sap", document, now=NOW + timedelta(hours=1))
        second = finding.find(connection, Filter(), size=3, after=first.after)
    assert [row.source_key for row in (*first.rows, *second.rows)] == ["k4", "k3", "k2", "k1", "k0"]


def test_what_has_no_amount_or_date_comes_at_the_end_and_never_vanishes(filled: Database) -> None:
    """In every order and direction, wherever a page ends."""
    with filled.begin() as connection:
        for key in ("n0", "n1", "n2"):
            document = SourceDocument(key, "1", "text/plain", key.encode())
            submissions.receive(connection, "sap", document, now=NOW + timedelta(hours=1))
    for order, descending, size in product(Order, (True, False), (1, 2, 5, 7)):
        pieces = page_after_page(filled, order, descending, size)
        assert sorted(pieces) == ["k0", "k1", "k2", "k3", "k4", "n0", "n1", "n2"], (order, descending, size)
        if order in (Order.AMOUNT, Order.ISSUED):
            assert set(pieces[5:]) == {"n0", "n1", "n2"}, (order, descending, size)


def page_after_page(database: Database, order: Order, descending: bool, size: int) -> list[str]:
    pieces: list[str] = []
    after = ""
    with database.read() as connection:
        for _ in range(10):
            page = finding.find(
                connection, Filter(), order=order, descending=descending, after=after, size=size
            )
            assert len(page.rows) == size or not page.after
            pieces += [row.source_key for row in page.rows]
            after = page.after
            if not after:
                break
    return pieces


def test_a_bound_on_what_is_sorted_by_leaves_out_what_has_none(filled: Database) -> None:
    with filled.begin() as connection:
        document = SourceDocument("n0", "1", "text/plain", b"n0")
        submissions.receive(connection, "sap", document, now=NOW)
    assert found(filled, Filter(least=Decimal(1000)), order=Order.AMOUNT) == ["k2", "k0"]
    assert found(filled, Filter(issued_to=date(2026, 11, 2)), order=Order.ISSUED) == ["k1", "k0"]


@pytest.mark.parametrize("after", ["x", "e30", "WzEsMiwzXQ", "WyJudW1iZXIiLCJhIiwiYiJd", "é"])
def test_a_place_that_is_none_is_refused(filled: Database, after: str) -> None:
    with filled.read() as connection, pytest.raises(ConfigError, match="place in the list"):
        finding.find(connection, Filter(), after=after)


def test_a_place_with_a_value_that_no_invoice_has_is_refused(filled: Database) -> None:
    for order, value, identifier in (
        (Order.RECEIVED, "2026-01-01T00:00:00", "x"),
        (Order.RECEIVED, "0001-01-01T00:00:00+14:00", "x"),
        (Order.RECEIVED, None, "x"),
        (Order.AMOUNT, "NaN", "x"),
        (Order.AMOUNT, "Infinity", "x"),
        (Order.AMOUNT, "1E+999999", "x"),
        (Order.AMOUNT, 5, "x"),
        (Order.AMOUNT, None, None),
        (Order.NUMBER, "a\0", "x"),
        (Order.BUYER, "a", "\0"),
        (Order.BUYER, "\ud800", "x"),
    ):
        after = base64.urlsafe_b64encode(json.dumps([order.value, value, identifier]).encode()).decode()
        with filled.read() as connection, pytest.raises(ConfigError, match="place in the list"):
            finding.find(connection, Filter(), order=order, after=after)


@pytest.mark.parametrize("order", [Order.AMOUNT, Order.ISSUED])
def test_what_has_no_value_is_read_in_the_order_of_an_index(filled: Database, order: Order) -> None:
    """Held against what the database itself says it would do."""
    asked: list[tuple[str, Any]] = []
    with filled.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda *told: asked.append(told[2:4]))
        finding.find(connection, Filter(), order=order, size=50)
    text, values = next(one for one in asked if " IS NULL" in one[0])
    if not filled.is_sqlite:
        pytest.skip("with few rows PostgreSQL sorts, whatever indices there are")
    with filled.read() as connection:
        plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all())
    assert f"ix_submissions_{order.value if order is Order.AMOUNT else 'issue_date'}" in plan
    assert "TEMP B-TREE" not in plan


def test_sums_are_kept_apart_by_currency(filled: Database) -> None:
    with filled.read() as connection:
        found_sums = finding.sums(connection, Filter())
        assert finding.count_up_to(connection, Filter()) == 5
        assert finding.count_up_to(connection, Filter(), 3) == 3
    assert found_sums.count == 5
    assert found_sums.amounts == {"EUR": Decimal("1397.00"), "SEK": Decimal("131250.00")}


def test_words_are_bounded_and_plain() -> None:
    assert words.words_of("Ægir & Søn, 2026/104-A") == ("ægir", "søn", "2026", "104", "a", "2026104a")
    assert len(words.words_of("a b c d e f g h i j k l m n o p")) == 12
    assert all(len(word) <= 60 for word in words.words_of("x" * 500))
    assert [*pairwise(words.words_of(""))] == []
