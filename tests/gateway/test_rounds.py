"""Rounds by hand: what failed is told, what cannot change is not done again, news keeps its order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import click
import pytest
import typer

from connectors.base import CheckStep, Page, PaymentStatus, StatusReport, WriteBack
from connectors.sandbox.faults import Fault
from formats.errors import EInvoicingError, RemoteBlocked, RemoteUnavailable
from gateway.cli.main import app
from gateway.cli.setup import _connection
from gateway.pipeline.submission import State, Verdict
from gateway.store import journal, reports, submissions
from gateway.store.submissions import Submission
from tests.gateway.stories import Story, billing


def process(story: Story, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any], str]:
    try:
        status = app(["-c", str(story.offline.config), "process", "--json"], standalone_mode=False)
    except (typer.Exit, click.exceptions.Exit) as ended:
        status = ended.exit_code
    shown = capsys.readouterr()
    return status or 0, json.loads(shown.out), shown.err


def test_a_round_in_which_an_erp_failed_ends_with_1(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    story.sap.faults.arm(Fault("unavailable", "connect", times=50))
    status, shown, errors = process(story, capsys)
    assert status == 1
    assert "sap-nordlicht: not collected" in errors
    assert shown["sources"][0]["verdict"] == "provider"
    story.sap.faults.clear()


def test_a_round_with_a_stopped_invoice_ends_with_0(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    """It is shown; everything that could be asked was asked."""
    story.put(billing("90000211"))
    status, shown, _ = process(story, capsys)
    assert (status, shown["invoices"][0]["state"]) == (0, "parked")


def count_entries(story: Story) -> int:
    with story.gateway.database.read() as connection:
        return sum(1 for _ in journal.entries(connection))


@pytest.mark.parametrize("seed", ["90000211", "90000212", "90000213"])
def test_what_stopped_for_its_content_is_not_done_again_until_something_changes(
    story: Story, seed: str
) -> None:
    story.put(billing(seed))
    story.rounds(2)
    (stopped,) = story.listed()
    assert stopped.state is State.PARKED
    before = count_entries(story)
    story.rounds(3)
    assert count_entries(story) == before
    assert story.listed() == [stopped], "not even looked at"
    story.clock.advance(days=1)
    story.round()
    assert story.listed()[0].state is State.PARKED
    assert story.listed()[0].version > stopped.version, "rules come into force with a new day"


def test_a_changed_configuration_tries_again(story: Story) -> None:
    story.put(billing("90000211"))
    story.rounds(1)
    (stopped,) = story.listed()
    companies = dict(story.gateway.settings.companies)
    companies["nordlicht"] = {**companies["nordlicht"], "bic": "EXMPDEM2XXX"}
    object.__setattr__(story.gateway.settings, "companies", companies)
    story.gateway._judged_under.clear()
    story.rounds(1)
    assert story.listed()[0].version > stopped.version


def test_a_person_may_always_ask_again_and_the_same_stop_is_journaled_once(story: Story) -> None:
    story.put(billing("90000213"))
    story.rounds(1)
    (stopped,) = story.listed()
    events = story.events(stopped)
    with story.gateway.database.begin() as connection:
        assert submissions.requeue(connection, [stopped.id], now=story.clock()) == 1
    story.runner.work()
    (again,) = story.listed()
    assert again.version > stopped.version
    assert (again.state, again.sentence) == (State.PARKED, stopped.sentence)
    assert story.events(again) in (events, [*events, *events[1:]])


@dataclass
class Notes:
    """An ERP that takes news, or says why not."""

    problems: list[EInvoicingError] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    def report_status(self, report: StatusReport) -> WriteBack:
        if self.problems:
            raise self.problems.pop(0)
        self.held.append(report.text)
        return WriteBack("a note", existed=False)

    def close(self) -> None:
        """Nothing is open."""


def two_news(story: Story) -> tuple[Submission, Submission]:
    """Two submissions with two pieces of news each, the later ones a minute later."""
    story.put(billing("90000214"), billing("90000214", number="0090000290"))
    story.runner.collect("sap-nordlicht")
    first, second = story.listed()
    for number in ("1", "2"):
        for one in (first, second):
            with story.gateway.database.begin() as connection:
                reports.queue(connection, one.id, "delivered", f"{one.id} {number}", now=story.clock())
            story.clock.advance(seconds=1)
        story.clock.advance(minutes=1)
    return first, second


def test_a_closed_period_holds_up_only_its_own_invoice(story: Story) -> None:
    first, second = two_news(story)
    closed = RemoteBlocked("period 10/2026 is closed", where="ERP", fix="open it in the ERP")
    notes = Notes([closed])
    story.gateway._sources["sap-nordlicht"] = notes  # type: ignore[assignment]  # only news is written
    assert story.runner.report() == 2
    assert notes.held == [f"{second.id} 1", f"{second.id} 2"]
    blocked = story.news(first)[0]
    assert (blocked.verdict, blocked.sentence) == (
        Verdict.PRECONDITION,
        "Period 10/2026 is closed. Open it in the ERP",
    )
    assert blocked.due_at == story.clock() + timedelta(hours=1)
    story.clock.advance(hours=1)
    assert story.runner.report() == 2
    assert notes.held[2:] == [f"{first.id} 1", f"{first.id} 2"]


def test_older_news_is_never_the_last_word(story: Story) -> None:
    """While the first piece waits for its next try, the second is not written before it."""
    first, second = two_news(story)
    notes = Notes([RemoteUnavailable("down", where="ERP", fix="wait")])
    story.gateway._sources["sap-nordlicht"] = notes  # type: ignore[assignment]  # only news is written
    assert story.runner.report() == 0
    story.clock.advance(minutes=5)
    assert story.runner.report() == 4
    assert notes.held.index(f"{first.id} 1") < notes.held.index(f"{first.id} 2")
    assert notes.held.index(f"{second.id} 1") < notes.held.index(f"{second.id} 2")


def test_news_that_waits_is_shown(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    two_news(story)
    closed = RemoteBlocked("period 10/2026 is closed", where="ERP", fix="open it in the ERP")
    story.gateway._sources["sap-nordlicht"] = Notes([closed])  # type: ignore[assignment]  # only news
    story.runner.report()
    app(["-c", str(story.offline.config), "status"], standalone_mode=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "News not in the ERP yet (precondition): Period 10/2026 is closed" in shown


class Broken:
    """A connector that was not put to the test."""

    def pull(self, cursor: str) -> Iterator[Page]:
        yield from self._rows()

    def _rows(self) -> Iterator[Page]:
        raise KeyError("rows")

    def report_status(self, report: StatusReport) -> WriteBack:
        raise ZeroDivisionError

    def pull_payments(self, invoices: object) -> Iterator[PaymentStatus]:
        raise AttributeError

    def check(self) -> Iterator[CheckStep]:
        yield CheckStep("name", True, "known")
        raise ValueError

    def close(self) -> None:
        """Nothing is open."""


def test_a_connector_with_faults_of_its_own_stops_only_itself(story: Story) -> None:
    two_news(story)
    story.gateway._sources["sap-nordlicht"] = Broken()  # type: ignore[assignment]  # breaks anyhow
    story.round()
    assert "fault of its own (KeyError)" in story.runner.troubles["collected", "sap-nordlicht"]
    with story.gateway.database.read() as connection:
        (waiting, *_) = [one for one in reports.waiting(connection) if one.verdict]
    assert "fault of its own (ZeroDivisionError)" in waiting.sentence
    assert all(item.state is not State.RECEIVED for item in story.listed()), "the invoices went on"


def test_check_goes_on_after_a_connector_that_breaks() -> None:
    steps = [step for _, step in _connection("ours", Broken)]  # type: ignore[arg-type]  # it lacks half of it
    assert [step.ok for step in steps] == [True, False]
    assert "fault of its own (ValueError)" in steps[1].seen
