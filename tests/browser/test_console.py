"""The console in a real browser: a clerk clears the work list by keyboard, on a desk and on a phone."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.pipeline.submission import State
from gateway.web.guard import COOKIE
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_console import state, stopped


def opened(browser: Any, served: tuple[Web, str], width: int) -> Any:
    web, url = served
    context = browser.new_context(viewport={"width": width, "height": 844}, base_url=url)
    context.add_cookies([{"name": COOKIE, "value": web.cookies["marit"], "url": url}])
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
