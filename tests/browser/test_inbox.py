"""The inbox in a real browser, filled by the imitated network: invoices, answers, and what is decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.access.rights import ALL_COMPANIES, Role
from gateway.pipeline.submission import State
from gateway.store.inbox import Kind
from gateway.store.inbox import State as Stage
from gateway.web.guard import COOKIE
from tests.browser.office import in_a_thread
from tests.gateway.peppol.conftest import Site, opened
from tests.gateway.stories import SharedRules, billing
from tests.gateway.web.conftest import Web


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two invoices under one number came in, and a buyer has a question about one of ours."""
    rules = SharedRules()
    with in_a_thread(opened(tmp_path_factory.mktemp("inbox"), rules)) as made:
        made.network.behave("", "queries")
        made.put(billing("90000214"))
        made.until(lambda: made.state("90000214") is State.DISPUTED)
        for _ in range(2):
            assert made.invoice("IN-1").delivered
        made.until(lambda: len(_invoices(made)) == 2 and made.settled())
        yield made
    rules.end()


def _invoices(site: Site) -> list[Stage]:
    return [item.state for item in site.items() if item.kind is Kind.INVOICE]


@pytest.fixture(scope="module")
def address(browser: Any, site: Site) -> tuple[Any, str]:
    """A browser in which a clerk has signed in, as what makes its pages, and the clerk's cookie."""
    web = Web(site.gateway, None)  # type: ignore[arg-type]  # the browser asks, not the test client
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    return browser, web.cookies["marit"]


def page_of(address: tuple[Any, str], site: Site, width: int = 1280) -> Any:
    browser, cookie = address
    context = browser.new_context(viewport={"width": width, "height": 844}, base_url=site.server.url)
    context.add_cookies([{"name": COOKIE, "value": cookie, "url": site.server.url}])
    return context.new_page()


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_of_the_inbox_scrolls_sideways(address: tuple[Any, str], site: Site, width: int) -> None:
    page = page_of(address, site, width)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    for place in ("/inbox", "/inbox?every=1", *(f"/inbox/{item.id}" for item in site.items())):
        page.goto(place)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over == 0, place
    page.context.close()
    assert told == []


def test_an_answer_shows_why_and_what_is_asked_for(address: tuple[Any, str], site: Site) -> None:
    page = page_of(address, site)
    page.goto("/inbox?every=1")
    page.get_by_role("row").filter(has_text="has a question").get_by_role("link", name="90000214").click()
    answer = page.get_by_role("article")
    for words in (
        "The buyer has a question",
        "References are missing or wrong. The purchase order number is missing",
        "Provide information.",
    ):
        assert answer.get_by_text(words).is_visible(), words
    page.get_by_role("link", name="Go there").click()
    assert page.get_by_text("has a question").first.is_visible()
    page.context.close()


def test_a_clerk_decides_and_answers(address: tuple[Any, str], site: Site) -> None:
    """The second invoice under a number is handed over by a person, and the seller is asked about it."""
    page = page_of(address, site)
    page.goto("/inbox")
    page.get_by_role("row").filter(has_text="To be decided").get_by_role("link").click()
    page.get_by_role("button", name="Hand it to the ERP").click()
    page.get_by_label("What becomes of it").select_option("UQ")
    page.get_by_role("button", name="Send the answer").click()
    assert page.get_by_text("give a reason").is_visible()
    page.go_back()
    page.get_by_label("What becomes of it").select_option("UQ")
    page.get_by_label("Why; needed for").select_option("QTY")
    page.get_by_label("In your words").fill("Was this sent twice?")
    page.get_by_role("button", name="Send the answer").click()
    assert page.get_by_role("heading", name="Answered so far").is_visible()
    page.context.close()
    site.until(lambda: _invoices(site) == [Stage.HANDED_OVER] * 2)
    site.until(lambda: [one for one in site.network.arrivals() if b"Was this sent twice?" in one.document])
