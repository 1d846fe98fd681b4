"""Whichever way invoices are looked for, the same ones are found: held against asking each of them."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import cycle
from typing import Any

import pytest
from sqlalchemy import insert

from gateway.pipeline.submission import State
from gateway.store import finding, words
from gateway.store.database import Database
from gateway.store.finding import Filter, Order
from gateway.store.tables import submissions

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
INVOICES = 150
PAGE = 7
# Few words that are often together, so that each question has answers of each kind.
SERIES = ("2025-", "2026-", "NL/26/", "DE-2026-", "")
NAMES = ("Müller", "Mulder", "Berlin", "Jan", "Jansen", "Ålands Energi", "2026 Festival", "d'Or")
FORMS = ("GmbH", "BV", "B.V.", "GmbH & Co. KG", "")
ASKED = (
    *("gmbh", "gm", "b", "bv", "2026", "20", "2", "nl", "de", "jan", "jansen", "mul", "berlin", "festival"),
    *("ålands", "or", "co", "1", "26", "zz", "de-2026", "n"),
)
STATES = (State.DELIVERED, State.PAID, State.PARKED, State.SUPERSEDED)


@dataclass(frozen=True)
class Limits:
    """From where on the one way is taken, and from where the other."""

    listed: int
    counted: int
    many: int
    with_words: int
    without_words: int
    reaches: tuple[int, int]
    small_page: int


LIMITS = (
    Limits(2_000, 20_000, 2_000, 20_000, 5_000, (40, 600), 50),
    Limits(1, 2, 2, 3, 3, (1, 2), 1),
    Limits(3, 6, 10, 20, 10, (1, 3), 1),
    Limits(1_000, 1_000, 5, 10, 5, (1, 4), 5),
    Limits(0, 1, 30, 1, 1, (2, 5), 7),
)


@pytest.fixture
def invoices(database: Database) -> list[dict[str, Any]]:
    """A database full of invoices that resemble each other, and what is in it."""
    chance = random.Random(6)  # noqa: S311  # the same invoices each time
    rows = [_invoice(chance, place) for place in range(INVOICES)]
    with database.begin() as connection:
        connection.execute(insert(submissions), rows)
        for row in rows:
            words.keep(connection, row["number"], row["buyer"])
    return rows


def _invoice(chance: random.Random, place: int) -> dict[str, Any]:
    # Many came at the same moment: then their ids decide.
    moment = NOW - timedelta(hours=place // 3)
    buyer = f"{chance.choice(NAMES)} {chance.choice(NAMES)} {chance.choice(FORMS)}".strip()
    known = chance.random() < 0.9
    return {
        "id": str(uuid.UUID(int=chance.getrandbits(128))),
        "version": 1,
        "state": chance.choice(STATES),
        "source": chance.choice(("sap", "exact")),
        "source_key": f"key-{place}",
        "arrival": place,
        "revision": "1",
        "content_digest": f"{place:064x}",
        "fingerprint": f"{place:064x}",
        "number": f"{chance.choice(SERIES)}{chance.randrange(60)}" if known else "",
        "buyer": buyer if known else "",
        "currency": chance.choice(("EUR", "EUR", "USD")),
        "amount": Decimal(chance.randrange(5_000)) / 100 if known else None,
        "issue_date": date(2026, 11, chance.randrange(1, 22)) if known else None,
        "channel": chance.choice(("email", "peppol")),
        "received_at": moment,
        "changed_at": moment + timedelta(minutes=chance.randrange(3)),
    }


def _questions() -> Iterator[tuple[Filter, Order, bool]]:
    chance = random.Random(7)  # noqa: S311  # the same questions each time
    orders = cycle((*Order, Order.RECEIVED, Order.RECEIVED))
    for _ in range(16):
        text = " ".join(chance.sample(ASKED, chance.randrange(4)))
        wanted = Filter(text=text, buyer=chance.choice(("", "", chance.choice(ASKED))))
        if chance.random() < 0.3:
            wanted = replace(wanted, states=tuple(chance.sample(STATES, chance.randrange(1, 4))))
        if chance.random() < 0.3:
            wanted = replace(wanted, currency=chance.choice(("USD", "CHF")))
        if chance.random() < 0.2:
            wanted = replace(wanted, sources=tuple(chance.sample(("sap", "exact", "none"), 2)))
        if chance.random() < 0.2:
            wanted = replace(wanted, least=Decimal(chance.randrange(40)))
        yield wanted, next(orders), chance.random() < 0.6


def _plainly(
    rows: list[dict[str, Any]], wanted: Filter, order: Order, descending: bool, column: str
) -> list[str]:
    """Each invoice is asked, and those that fit are sorted."""
    found = [row for row in rows if _fits(row, wanted)]
    valued = sorted(
        (row for row in found if row[column] is not None), key=lambda row: (row[column], row["id"])
    )
    rest = sorted(row["id"] for row in found if row[column] is None)
    return [row["id"] for row in (reversed(valued) if descending else valued)] + rest


def _fits(row: dict[str, Any], wanted: Filter) -> bool:
    states = wanted.states or tuple(state for state in State if state is not State.SUPERSEDED)
    has = (*words.words_of(row["number"]), *words.words_of(row["buyer"]))
    asked = [words.words_of(piece)[-1] for piece in f"{wanted.text} {wanted.buyer}".split()]
    return (
        row["state"] in states
        and all(any(word.startswith(piece) for word in has) for piece in asked)
        and wanted.currency in ("", row["currency"])
        and (wanted.sources is None or row["source"] in wanted.sources)
        and (wanted.least is None or (row["amount"] is not None and row["amount"] >= wanted.least))
    )


def _page_after_page(
    database: Database, wanted: Filter, order: Order, descending: bool, many: int, expected: int
) -> list[str]:
    found: list[str] = []
    after = ""
    with database.read() as connection:
        for page in range(INVOICES):
            answer = finding.find(
                connection, wanted, order=order, descending=descending, after=after, size=PAGE
            )
            assert len(answer.rows) <= PAGE
            assert len(answer.rows) == PAGE or not answer.after or not answer.counted
            # How many fit is the same on every page; where it was not counted, it is no more than there are.
            assert answer.number <= max(expected, many)
            if answer.counted and page == 0:
                assert min(answer.number, many) == min(expected, many)
            found += [row.id for row in answer.rows]
            after = answer.after
            if not after:
                return found
    raise AssertionError("the list has no end")


@pytest.mark.parametrize("limits", LIMITS, ids=["as it is", "one", "few", "in parts", "never listed"])
def test_every_way_finds_the_same_invoices_in_the_same_order(
    database: Database,
    invoices: list[dict[str, Any]],
    limits: Limits,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(words, "LISTED", limits.listed)
    monkeypatch.setattr(words, "_COUNTED", limits.counted)
    monkeypatch.setattr(finding, "MANY", limits.many)
    monkeypatch.setattr(finding, "_WITH_WORDS", limits.with_words)
    monkeypatch.setattr(finding, "_WITHOUT_WORDS", limits.without_words)
    monkeypatch.setattr(finding, "_REACHES", limits.reaches)
    monkeypatch.setattr(finding, "_SMALL_PAGE", limits.small_page)
    columns = {Order.RECEIVED: "received_at", Order.CHANGED: "changed_at", Order.ISSUED: "issue_date"}
    for wanted, order, descending in _questions():
        plain = _plainly(invoices, wanted, order, descending, columns.get(order, order.value))
        found = _page_after_page(database, wanted, order, descending, limits.many, len(plain))
        assert found == plain, (wanted, order, descending)


def test_a_page_that_ends_early_says_so_and_the_next_goes_on(
    database: Database, invoices: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two words that are everywhere, but hardly ever together."""
    for name, value in (("_WITH_WORDS", 1), ("_REACHES", (1, 2)), ("_SMALL_PAGE", 1)):
        monkeypatch.setattr(finding, name, value)
    monkeypatch.setattr(words, "LISTED", 1)
    with database.read() as connection:
        first = finding.find(connection, Filter(text="nl berlin"), size=2)
    assert not first.counted
    assert first.after
    assert len(first.rows) < 2


def test_the_words_of_a_buyer_are_kept_once(database: Database, invoices: list[dict[str, Any]]) -> None:
    with database.begin() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM buyer_words").scalar()
        words.keep(connection, "2026-1", invoices[0]["buyer"])
        assert connection.exec_driver_sql("SELECT count(*) FROM buyer_words").scalar() == before


def test_nothing_is_read_for_a_word_that_nobody_has(
    database: Database, invoices: list[dict[str, Any]]
) -> None:
    with database.read() as connection:
        assert finding.find(connection, Filter(text="gmbh zzz")) == finding.Found((), "", 0)
        assert finding.count_up_to(connection, Filter(text="zzz")) == 0
        assert finding.sums(connection, Filter(buyer="zzz")).count == 0


def test_a_sample_is_what_came_last(
    database: Database, invoices: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Filter(states=(State.PAID,))
    expected = _plainly(invoices, wanted, Order.CHANGED, True, "changed_at")
    for many, reaches in ((2_000, (40, 600)), (5, (1, 2)), (5, (1, 30))):
        monkeypatch.setattr(finding, "MANY", many)
        monkeypatch.setattr(finding, "_REACHES", reaches)
        monkeypatch.setattr(finding, "_SMALL_PAGE", 1)
        for size in (1, 5, INVOICES):
            with database.read() as connection:
                rows = finding.newest(connection, wanted, (submissions.c.id,), order=Order.CHANGED, size=size)
            assert [row.id for row in rows] == expected[:size]
