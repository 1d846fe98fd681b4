"""Everybody can use the pages: axe-core finds nothing wrong, in light and dark, on a desk and on a phone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.office import Office
from tests.gateway.portal.shared import share

_AXE = Path(os.environ.get("GATEWAY_TEST_AXE", ""), "axe.min.js")
_FIND = "only => axe.run(document, {resultTypes: ['violations'], ...(only ? {runOnly: only} : {})})"
# Width, scheme, and the rules to run (all without any): colours change with either, the rest with the width.
_SEEN: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (1280, "light", ()),
    (1280, "dark", ("color-contrast",)),
    (390, "dark", ()),
    (390, "light", ("color-contrast",)),
)
# Who looks, and where; {number} stands for the id of that invoice.
_PLACES = {
    "": ("/sign-in", "/sign-in?next=/invoices", "/p/unknown"),
    "marit": (
        *("/", "/invoices", "/invoices?q=none", "/invoices/{90000212}", "/invoices/{26700001}"),
        *("/invoices/{26700011}", "/invoices/{26700018}", "/invoices/{90000203}", "/inbox", "/inbox?every=1"),
        *(
            "/inbox/{26700018}",
            "/inbox/{F-2026-88}",
            "/overview",
            "/alarms",
            "/system",
            "/changes",
            "/tokens",
        ),
        *("/account", "/account/second-factor", "/nowhere", "/record"),
    ),
    "ingrid": (
        *("/", "/invoices/{90000212}", "/overview", "/alarms", "/system", "/changes", "/people"),
        *("/people/{marit}", "/sources/new", "/sources/new?kind=sap-odata", "/tokens", "/account"),
    ),
    "chantal": ("/invoices/{90000203}", "/record"),
}

needs_axe = pytest.mark.skipif(
    not _AXE.is_file(), reason="needs axe-core: run tests/fetch-axe (see the file)"
)


@needs_axe
@pytest.mark.parametrize("who", _PLACES, ids=lambda who: who or "nobody")
def test_axe_finds_nothing_wrong(browser: Any, demo: Office, who: str) -> None:
    # Colours that change at once are the colours that stand there.
    page = demo.page(browser, who, bypass_csp=True, reduced_motion="reduce")
    found = {}
    for place in (*_PLACES[who], *(() if who else (share(demo.gateway, demo.one("BW-2026-0102"))[1],))):
        page.goto(demo.address(place))
        page.evaluate(_AXE.read_text("utf-8"))
        for width, scheme, rules in _SEEN:
            page.set_viewport_size({"width": width, "height": 844})
            page.emulate_media(color_scheme=scheme)
            if told := violations(page, rules):
                found[place, width, scheme] = told
    page.context.close()
    assert found == {}


def violations(page: Any, rules: tuple[str, ...]) -> list[str]:
    """What is moderate or worse on the page, each with the first place where it is."""
    return [
        f"{one['id']}: {one['help']} ({one['nodes'][0]['html'][:200]})"
        for one in page.evaluate(_FIND, list(rules) or None)["violations"]
        if one["impact"] in ("serious", "critical", "moderate")
    ]
