"""The stories of the people who use the console, with the demo's data, in a real browser."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.exact_online import ImitatedExactOnline
from gateway.pipeline.runner import Runner
from gateway.pipeline.submission import State, Verdict
from tests.browser.office import Office, copy_of
from tests.gateway.offline import Offline
from tests.gateway.web.conftest import PASSWORD

_ARRIVED = (State.DELIVERED, State.ACCEPTED, State.PAID)


@pytest.fixture
def busy(day: Offline, tmp_path: Path) -> Iterator[Office]:
    """A gateway after the bad day in which people change something."""
    with copy_of(day, tmp_path) as office:
        yield office


def row(page: Any, number: str) -> Any:
    """The row of an invoice on the work list."""
    return page.get_by_role("row").filter(has=page.get_by_text(re.compile(rf"\b{number}$")))


def of(office: Office, verdict: Verdict) -> list[str]:
    return [one.number for one in office.listed() if one.state is State.PARKED and one.verdict == verdict]


def test_a_clerk_clears_the_work_list_of_the_demo(browser: Any, busy: Office) -> None:
    """Each thing is decided in the console or mended in the ERP, until nothing is left."""
    page = busy.page(browser, "marit")
    page.goto("/")
    heading = page.locator(".head p")
    assert "need a person" in heading.inner_text()

    # Document: the arithmetic is told, and where to look in the ERP. One is set aside, the others are mended.
    wrong = row(page, "90000212")
    assert "6,568.80 EUR, but" in wrong.inner_text()
    assert "90.00 EUR too much" in wrong.inner_text()
    assert "Check in the ERP: Billed value" in wrong.inner_text()
    row(page, "26700014").get_by_role("link", name="See what to mend").click()
    page.get_by_text("It is no longer wanted").click()
    page.get_by_label("Why it is not sent").fill("billed twice")
    page.get_by_role("button", name="Set it aside").click()
    page.get_by_role("status").wait_for()
    assert busy.one("26700014").state is State.SUPERSEDED

    # Disputed: the buyer's question is answered, and the invoice is not tried again by mistake.
    (asked,) = [one for one in busy.listed() if one.state is State.DISPUTED]
    page.goto("/")
    assert "The purchase order number is missing" in row(page, asked.number).inner_text()

    # Provider: nobody knows whether the mail went out; the clerk asks the buyer.
    (doubtful,) = of(busy, Verdict.PROVIDER)
    row(page, doubtful).get_by_role("link").last.click()
    page.get_by_label("What you found out").fill("called them: they have it")
    page.get_by_role("button", name="The buyer has it").click()
    page.get_by_role("status").wait_for()
    assert busy.one(doubtful).state is State.DELIVERED

    # Precondition: the clerk reads what IT has to open, and tries again once that is done.
    closed = of(busy, Verdict.PRECONDITION)
    page.goto("/")
    assert "refuses the login" in row(page, closed[0]).inner_text()
    assert busy.world is not None
    busy.world.clear_faults()
    for number in closed:
        page.goto("/")
        row(page, number).get_by_role("link").last.click()
        page.get_by_role("button", name="Try again now").click()
        page.get_by_role("status").wait_for()

    # Route, and the rest of the documents: mended in the ERPs.
    page.goto("/")
    assert "Fill one of these in the ERP" in row(page, "26700012").inner_text()
    busy.world.mend()
    change_account(busy)
    busy.until(lambda: not of(busy, Verdict.DOCUMENT) and not of(busy, Verdict.ROUTE))
    busy.until(lambda: all(busy.one(number).state in _ARRIVED for number in closed))

    # Disputed: the clerk has found the order number, and says so.
    page.goto("/")
    row(page, asked.number).get_by_role("link").last.click()
    page.get_by_label("What came of it").fill("sent them the order number, they accept")
    page.get_by_role("button", name="The buyer accepts it").click()
    assert "the buyer accepts it" in page.get_by_role("status").inner_text()
    assert busy.one(asked.number).state is State.ACCEPTED

    # Received: the second invoice under one number is a mistake of the supplier.
    page.goto("/")
    row(page, "F-2026-88").get_by_role("link").last.click()
    page.get_by_text("Put it aside").first.click()
    page.get_by_label("Why nothing is done with it").fill("sent twice, says the supplier")
    page.get_by_role("button", name="Put it aside").click()
    page.get_by_role("status").wait_for()

    # Master data: a changed account, confirmed over a number that was known before.
    page.goto("/")
    changed = page.get_by_role("row").filter(has_text="Bank account: was NL…4300, is now NL…6300")
    changed.get_by_label("How it was confirmed").fill("called the number on the contract")
    changed.get_by_role("button", name="Clear").click()
    page.get_by_role("status").wait_for()

    # Nothing is left: no row, no group, no number beside the work list.
    page.goto("/")
    assert heading.inner_text() == "Nothing needs you. New invoices that stop appear here by themselves."
    assert page.locator(".work-part, .strip").count() == 0
    assert page.locator("main").get_by_role("link").all_inner_texts() == ["Invoices", "Overview"]
    assert page.get_by_role("link", name=re.compile("Work list")).first.inner_text() == "Work list"
    page.context.close()


def test_a_compliance_officer_takes_evidence_along_and_can_change_nothing(
    browser: Any, demo: Office, tmp_path: Path
) -> None:
    page = demo.page(browser, accept_downloads=True)
    page.goto("/invoices?q=90000201")
    page.get_by_label("E-mail").fill("chantal")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    # The only one that fits is shown at once.
    page.get_by_role("heading", name="90000201 to Stadtwerke Elbmarsch AöR").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Evidence file").click()
    kept = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(kept)
    assert faults_in(kept) == []

    stopped = demo.one("90000212")
    for place in (
        "/",
        "/invoices",
        f"/invoices/{stopped.id}",
        "/inbox",
        "/overview",
        "/alarms",
        "/record",
        "/system",
    ):
        assert page.goto(place).status == 200, place
        assert buttons(page) == [], place
    for place in ("/changes", "/people", "/tokens"):
        assert page.goto(place).status == 200, place
        assert buttons(page) == [], place
    assert page.goto("/sources/new").status == 403
    # A form that no page shows, sent with all that a form of hers carries.
    token = demo.web.form_token("chantal")
    for path in (f"/invoices/{stopped.id}/retry", "/invoices/act", "/sources/new", "/people"):
        answer = page.request.post(path, form={"form_token": token, "invoice": stopped.id, "act": "retry"})
        assert answer.status == 403, path
    assert demo.one("90000212") == stopped
    page.context.close()


def test_a_viewer_of_one_company_sees_nothing_of_another(browser: Any, demo: Office) -> None:
    page = demo.page(browser, "pieter")
    for place in ("/", "/invoices", "/overview"):
        page.goto(place)
        for name in ("90000212", "BW-2026", "Kranbau Wendt", "sap-nordlicht", "netsuite-brightwater"):
            assert name not in page.content(), (place, name)
    page.goto("/invoices?q=90000212")
    assert page.locator("tbody tr").count() == 0
    page.goto("/invoices?q=2670000")
    assert page.get_by_role("link", name="26700001").is_visible()
    exported = page.request.get("/invoices/export.csv").text()
    assert "26700001" in exported
    assert "90000212" not in exported
    other = demo.one("90000212")
    for path in (f"/invoices/{other.id}", f"/invoices/{other.id}/files/invoice.pdf"):
        assert page.request.get(path).status == 404, path
    for path in ("/inbox", "/record", "/system", "/alarms"):
        assert page.request.get(path).status == 403, path
    page.context.close()


def change_account(office: Office) -> None:
    """A buyer in Exact Online has another bank account than before, and the gateway reads it."""
    assert office.world is not None
    exact = office.world.systems["exact"]
    assert isinstance(exact, ImitatedExactOnline)
    exact.books.bank_accounts[0]["BankAccount"] = "NL55RABO0123456300"
    exact.change_account(2)
    assert Runner(office.gateway).pull_parties("exact-vandael")


def buttons(page: Any) -> list[str]:
    """What can be pressed on a page, but for searching and leaving."""
    shown = page.locator("main form[method=post] button, main button[formaction]").all()
    return [one.inner_text() for one in shown if one.is_visible()]


def faults_in(evidence: Path) -> list[str]:
    """What an auditor without the gateway finds wrong in an evidence file, after its own README."""
    wrong = []
    with zipfile.ZipFile(evidence) as archive:
        names = archive.namelist()
        for name in names:
            if name.startswith("documents/") and hashlib.sha256(archive.read(name)).hexdigest() not in name:
                wrong.append(name)
        entries = [json.loads(line) for line in archive.read("journal.jsonl").decode().splitlines()]
    for entry in entries:
        said = [entry[name] for name in ("seq", "at", "submission", "actor", "event", "data", "previous")]
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        if hashlib.sha256(text.encode()).hexdigest() != entry["digest"]:
            wrong.append(f"entry {entry['seq']}")
    if len(entries) < 5 or not any(name.startswith("documents/") for name in names):
        wrong.append("holds hardly anything")
    return wrong
