"""Lists, figures and exports: nothing is left out of them, and numbers are read and written as people do."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal

import pytest

from connectors.base import SourceDocument
from gateway.access.rights import ALL_COMPANIES, Role
from gateway.pipeline.submission import State
from gateway.store import journal, submissions
from gateway.store.submissions import Submission
from gateway.web.console import asked
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_api import OURS, add


def received(web: Web, key: str) -> Submission:
    with web.gateway.database.begin() as connection:
        document = SourceDocument(key, "1", "text/xml", key.encode())
        taken = submissions.receive(connection, OURS, document, now=web.gateway.clock())
    assert taken is not None
    return taken


def moved(web: Web, one: Submission, *states: State, days: int = 0) -> Submission:
    now = web.gateway.clock() - timedelta(days=days)
    for state in states:
        with web.gateway.database.begin() as connection:
            one = submissions.move(connection, one, state, state.value, {}, now=now)
    return one


def rows(web: Web, who: str, query: str = "") -> list[dict[str, str]]:
    text = web.client.get(f"/invoices/export.csv?{query}", headers=web.headers(who)).text
    sign = text.removeprefix("\ufeff")[len("number")]
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=sign))


@pytest.mark.parametrize("sort", ["amount", "issued"])
def test_a_sorted_list_holds_what_has_nothing_to_sort_by(web: Web, sort: str) -> None:
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    add(web, OURS, "A-1")
    one = received(web, "unread")
    page = web.client.get(f"/invoices?sort={sort}", headers=web.headers("marit")).text
    assert one.id in page
    exported = [row["id"] for row in rows(web, "marit", f"sort={sort}")]
    assert len(exported) == 2
    assert one.id in exported


@pytest.mark.parametrize(("language", "shown"), [("en", "100.00"), ("nl", "100,00"), ("fr", "100,00")])
def test_amounts_of_an_export_are_written_as_in_the_language(web: Web, language: str, shown: str) -> None:
    web.add("marit", {ALL_COMPANIES: Role.FINANCE}, language=language)
    add(web, OURS, "A-1")
    assert [row["amount"] for row in rows(web, "marit")] == [shown]


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("en", "1,234", "1234"),
        ("en", "1.234", "1.23"),
        ("en", "1,5", "1.5"),
        ("nl", "1.234", "1234"),
        ("de", "-1.234", "-1234"),
        ("fr", "1\u202f234,5", "1234.5"),
        ("nl", "1,234", "1.23"),
        ("de", "1.23", "1.23"),
        ("de", "1234.567", "1234.57"),
        ("de", "1.234.567", "1234567"),
        ("en", "1.234.567", "1234567"),
        ("en", "1.234,50", "1234.5"),
        ("de", "1,234.50", "1234.5"),
        ("en", "1'234.50", "1234.5"),
    ],
)
def test_an_amount_is_read_as_it_is_written_in_the_language(language: str, typed: str, meant: str) -> None:
    found = asked.read({"least": typed}, None, language)
    assert found.wanted.least == Decimal(meant)
    assert not found.wrong


@pytest.mark.parametrize("typed", ["1,23,4", "a", "1..2", ".", "NaN", "1e30", ",,"])
def test_what_is_no_amount_is_told(typed: str) -> None:
    found = asked.read({"most": typed}, None, "de")
    assert found.wanted.most is None
    assert found.wrong == ("most",)


def test_the_overview_counts_an_invoice_on_the_day_it_arrived(web: Web) -> None:
    """Whatever becomes of it later: an acceptance or a payment is not an arrival."""
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    way = (State.CHECKED, State.READY, State.SENDING, State.SENT, State.DELIVERED)
    old = moved(web, add(web, OURS, "A-1"), *way, days=3)
    moved(web, old, State.PAID)
    moved(web, add(web, OURS, "A-2"), *way)
    text = web.client.get("/overview", headers=web.headers("marit")).text
    days = [int(number) for number in re.findall(r'<td class="num">(\d+)</td></tr>', text)[:14]]
    assert (days[-1], days[-4], sum(days)) == (1, 1, 2)
    # Nor does a payment that is taken back bring it a second time.
    with web.gateway.database.read() as connection:
        paid = submissions.get(connection, old.id)
    moved(web, paid, State.DELIVERED)
    assert (
        web.client.get("/overview", headers=web.headers("marit")).text.count("One invoice arrived today") == 1
    )


def test_what_stopped_and_did_not_arrive_was_not_taken_at_first_either(web: Web) -> None:
    """Counted is what arrived or stopped: neither what is under way, nor what only waits."""
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    way = (State.CHECKED, State.READY, State.SENDING, State.SENT)
    for number in range(3):
        moved(web, add(web, OURS, f"A-{number}"), *way, State.DELIVERED)
    moved(web, received(web, "B-1"), State.PARKED)
    moved(web, add(web, OURS, "B-2"), *way, State.REJECTED)
    moved(web, received(web, "B-3"), State.PARKED, State.SUPERSEDED)
    moved(web, add(web, OURS, "C-1"), *way)
    waits = received(web, "C-2")
    with web.gateway.database.begin() as connection:
        submissions.move(connection, waits, State.PARKED, "waiting", {}, now=web.gateway.clock())
    page = web.client.get("/overview", headers=web.headers("marit")).text
    assert "50.0" in page[page.index("Taken at first") :][:120]


def test_the_overview_tells_how_sources_channels_and_budgets_are(web: Web) -> None:
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    web.add("viewer", {ALL_COMPANIES: Role.VIEWER})
    page = web.client.get("/overview", headers=web.headers("marit")).text
    settings = web.gateway.settings
    for name in (*(one.name for one in settings.sources), *(one.name for one in settings.channels)):
        assert name in page
    shown = web.client.get("/overview", headers=web.headers("viewer")).text
    assert "Systems around the gateway" in page
    assert "Systems around the gateway" not in shown


def test_who_took_the_evidence_out_of_the_console_is_in_the_record(web: Web) -> None:
    web.add("carla", {ALL_COMPANIES: Role.COMPLIANCE})
    one = add(web, OURS, "A-1")
    answer = web.client.get(f"/invoices/{one.id}/files/evidence.zip", headers=web.headers("carla"))
    assert answer.content.startswith(b"PK")
    with web.gateway.database.read() as connection:
        (entry,) = journal.entries(connection, submission=one.id, event="exported")
    assert entry.actor.startswith("carla")
