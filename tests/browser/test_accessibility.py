"""Everybody can use the pages: axe-core finds nothing serious, in light and dark, on a desk and on a phone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gateway.web.guard import COOKIE
from tests.browser.test_console import browser, pytestmark, served
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_console import stopped

__all__ = ["browser", "pytestmark", "served"]

_AXE = Path(os.environ.get("GATEWAY_TEST_AXE", ""), "axe.min.js")
_FIND = "() => axe.run(document, {resultTypes: ['violations']})"
_PLACES = ("/", "/invoices", "/invoices?q=none", "/inbox", "/overview", "/record", "/system", "/nowhere")

needs_axe = pytest.mark.skipif(not _AXE.is_file(), reason="needs axe-core: run tests/fetch-axe (see the file)")


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(browser: Any, served: tuple[Web, str], scheme: str, width: int) -> None:
    web, url = served
    one = stopped(web, "2026-104102")
    context = browser.new_context(
        viewport={"width": width, "height": 844}, base_url=url, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    found = {"/sign-in": violations(page, "/sign-in")}
    context.add_cookies([{"name": COOKIE, "value": web.cookies["marit"], "url": url}])
    for place in (*_PLACES, f"/invoices/{one.id}"):
        found[place] = violations(page, place)
    context.close()
    assert {place: told for place, told in found.items() if told} == {}


def violations(page: Any, place: str) -> list[str]:
    """What is serious or worse on a page, each with the first place where it is."""
    page.goto(place)
    page.evaluate(_AXE.read_text("utf-8"))
    return [
        f"{one['id']}: {one['help']} ({one['nodes'][0]['html'][:200]})"
        for one in page.evaluate(_FIND)["violations"]
        if one["impact"] in ("serious", "critical", "moderate")
    ]
