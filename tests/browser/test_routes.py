"""A clerk sends a buyer's invoices another way from now on, tries it out, and ends it, on a desk and on a
phone."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.pipeline.submission import Verdict
from tests.browser.test_accessibility import needs_axe, violations
from tests.browser.test_console import opened
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_console import state, stopped

_SHOTS = os.environ.get("GATEWAY_TEST_SCREENSHOTS", "")
_AXE = Path(os.environ.get("GATEWAY_TEST_AXE", ""), "axe.min.js")
_LONG = "Gesellschaft für Anlagenbau und Instandhaltung Ober-Niederrodenau mbH & Co. KG in Liquidation"


@pytest.mark.parametrize("width", [1280, 390])
def test_a_buyer_goes_another_way_from_now_on(browser: Any, served: tuple[Web, str], width: int) -> None:
    web, _ = served
    one = stopped(web, "2026-1", verdict=Verdict.ROUTE, sentence="not on the network", buyer=_LONG)
    page = opened(browser, served, width)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto("/")
    page.get_by_role("link", name=re.compile("Choose the route")).click()
    shoot(page, f"change-route-{width}")
    page.get_by_label("Route", exact=True).select_option("e-mail")
    page.get_by_label("For this buyer from now on").check()
    page.get_by_label("Why; kept in the record").fill("asked for it by telephone")
    page.get_by_role("button", name="Change the route").click()
    assert "from now on" in page.get_by_role("status").first.inner_text()
    assert state(web, one).due_at is not None
    page.goto("/routes")
    row = page.get_by_role("row").filter(has_text="asked for it by telephone")
    assert "without end" in row.inner_text()
    shoot(page, f"routes-{width}")
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over == 0
    row.get_by_label("Why it ends").fill("it is on the network")
    row.get_by_role("button", name=re.compile("End it")).click()
    assert "no route of its own" in page.get_by_role("status").first.inner_text()
    page.get_by_label("Country of the buyer").fill("NL")
    page.get_by_label("Electronic address, as").fill("0106:64218703")
    page.get_by_role("button", name="Show the way").click()
    assert page.get_by_role("heading", name=re.compile("^It goes over Peppol")).is_visible()
    page.context.close()
    assert told == []


@needs_axe
def test_everybody_can_use_the_pages_of_routes(browser: Any, served: tuple[Web, str]) -> None:
    web, url = served
    one = stopped(web, "2026-1", verdict=Verdict.ROUTE, sentence="not on the network")
    page = opened(browser, served, 1280)
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, base_url=url, bypass_csp=True, reduced_motion="reduce"
    )
    context.add_cookies(page.context.cookies())
    page.context.close()
    page = context.new_page()
    found = {}
    for place in (f"/invoices/{one.id}/route", "/routes?source=exact-vandael&country=NL"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.goto(place)
            page.evaluate(_AXE.read_text("utf-8"))
            if wrong := violations(page, ()):
                found[place, scheme] = wrong
    context.close()
    assert found == {}


def shoot(page: Any, name: str) -> None:
    if _SHOTS:
        page.screenshot(path=f"{_SHOTS}/{name}.png", full_page=True)
