"""The console in a real browser: a clerk clears the work list by keyboard, on a desk and on a phone."""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from connectors.base import PaymentState, PaymentStatus
from gateway.access.rights import ALL_COMPANIES, Role
from gateway.pipeline.submission import State
from gateway.store import payments
from gateway.store.tables import submissions
from gateway.web.guard import COOKIE
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_console import state, stopped

_A_LAW_PASSED_OVER = (
    "/routes?source=sap-nordlicht&country=DE&address=0204:991-12345-06&reference=x&email=a@example.com"
)
_SHOTS = os.environ.get("GATEWAY_TEST_SCREENSHOTS", "")
# The words of the bar of pages that stand in the words next to them.
_OVERLAPS = """() => {
  const words = [...document.querySelectorAll(".nav a > span:not(.count)")].map(word => {
    const line = document.createRange();
    line.selectNodeContents(word);
    return [word.textContent, line.getBoundingClientRect()];
  });
  return words.filter(([, box], place) => box.left < 0 || box.right > innerWidth
    || (place && words[place - 1][1].right > box.left)).map(([text]) => text);
}"""


def opened(browser: Any, served: tuple[Web, str], width: int, who: str = "marit") -> Any:
    web, url = served
    context = browser.new_context(viewport={"width": width, "height": 844}, base_url=url)
    context.add_cookies([{"name": COOKIE, "value": web.cookies[who], "url": url}])
    return context.new_page()


@pytest.mark.parametrize("width", [1280, 1000, 390, 320])
def test_nothing_scrolls_sideways_and_nothing_is_refused_by_the_policy(
    browser: Any, served: tuple[Web, str], width: int
) -> None:
    name = "Gesellschaft für Anlagenbau und Instandhaltung Ober-Niederrodenau mbH & Co. KG in Liquidation"
    one = stopped(served[0], "2026-104102-A/0000000000000017", buyer=name, amount="12345678.90")
    page = opened(browser, served, width)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    for place in ("/", "/invoices", f"/invoices/{one.id}", "/inbox", "/overview", "/system"):
        page.goto(place)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over == 0, (place, width)
    page.context.close()
    assert told == []


@pytest.mark.parametrize("language", ["nl", "de", "fr"])
def test_longer_words_fit_on_a_phone(browser: Any, served: tuple[Web, str], language: str) -> None:
    web, _ = served
    web.add("chantal", {ALL_COMPANIES: Role.COMPLIANCE}, language=language)
    for currency in ("EUR", "USD"):
        owed(web, currency)
    for width in (390, 360):
        page = opened(browser, served, width, "chantal")
        for place in ("/overview", _A_LAW_PASSED_OVER):
            page.goto(place)
            if _SHOTS:
                page.screenshot(path=f"{_SHOTS}/{place[1:7]}-{language}-{width}.png", full_page=True)
            assert page.locator(".nav a").count() == 7
            assert place == "/overview" or page.locator(".notice .is-disputed").count() == 1
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (place, width)
            assert page.evaluate(_OVERLAPS) == [], width
        page.context.close()


def owed(web: Web, currency: str) -> None:
    """An invoice that arrived and that its ERP calls unpaid."""
    now, one = web.gateway.clock(), stopped(web, f"2026-{currency}", amount="12345678.90")
    with web.gateway.database.begin() as connection:
        due = now.date() - timedelta(days=45)
        connection.execute(
            update(submissions)
            .where(submissions.c.id == one.id)
            .values(state=State.DELIVERED, payment_due=due, type_code="380", currency=currency)
        )
        status = PaymentStatus("", "", PaymentState.OPEN, currency, Decimal("0.00"), None)
        payments.store(connection, one.id, status, now=now)


def test_a_clerk_clears_the_work_list_by_keyboard(browser: Any, served: tuple[Web, str]) -> None:
    one = stopped(served[0], "2026-104102")
    page = opened(browser, served, 1280)
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.get_by_role("link", name="See what to mend 2026-104102").press("Enter")
    page.get_by_text("It is no longer wanted").press("Enter")
    page.get_by_label("Why it is not sent").fill("billed twice")
    page.get_by_role("button", name="Set it aside").press("Enter")
    page.get_by_role("status").wait_for()
    assert state(served[0], one).state is State.SUPERSEDED
    page.goto("/")
    assert page.get_by_text("Nothing needs you.").is_visible()
    page.context.close()


def test_many_are_decided_on_after_their_effect_was_shown(browser: Any, served: tuple[Web, str]) -> None:
    first, second = stopped(served[0], "2026-1"), stopped(served[0], "2026-2")
    page = opened(browser, served, 390)
    page.goto("/invoices")
    assert not page.get_by_role("button", name="Try again now").is_visible()
    page.get_by_label("Select 2026-1").check()
    page.get_by_label("Select 2026-2").check()
    page.get_by_role("button", name="Try again now").click()
    assert page.get_by_role("heading", level=1).inner_text() == "2 invoices would be tried again now"
    page.get_by_role("button", name="Try 2 invoices again").click()
    page.get_by_text("Your name is with each of them").wait_for()
    assert all(state(served[0], one).due_at is not None for one in (first, second))
    page.context.close()
