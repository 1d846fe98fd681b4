"""The pictures of the documentation, made by the test run: `make docs` keeps them in docs/images."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.office import Office
from tests.gateway.portal.shared import share

_KEPT = os.environ.get("GATEWAY_SCREENSHOTS", "")
_LARGEST = 150_000
_STOPPED = "90000212"
# Name, who looks, the page ({number} stands for the id of that invoice), and how it is looked at.
_PICTURES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("work-list", "marit", "/", {}),
    ("work-list-dark", "marit", "/", {"color_scheme": "dark"}),
    ("work-list-phone", "marit", "/", {"width": 390, "height": 844}),
    ("invoices", "marit", "/invoices", {}),
    ("invoice", "marit", "/invoices/{90000212}", {}),
    ("overview", "marit", "/overview", {}),
    ("overview-dark", "marit", "/overview", {"color_scheme": "dark"}),
    ("inbox", "marit", "/inbox", {}),
    ("alarms", "marit", "/alarms", {}),
    ("system", "ingrid", "/system", {}),
    ("sign-in", "", "/sign-in", {}),
    ("portal", "", "portal", {"width": 390, "height": 844}),
)


@pytest.mark.parametrize(("name", "who", "place", "seen"), _PICTURES, ids=[one[0] for one in _PICTURES])
def test_the_page_is_shown_as_the_documentation_shows_it(
    browser: Any, demo: Office, tmp_path: Path, name: str, who: str, place: str, seen: dict[str, Any]
) -> None:
    """Nothing on it is refused, nothing scrolls sideways, and the picture is small enough to be kept."""
    page = demo.page(browser, who, **seen)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    if place == "portal":
        place = share(demo.gateway, demo.one("BW-2026-0102"))[1]
    answer = page.goto(place.replace(f"{{{_STOPPED}}}", demo.one(_STOPPED).id))
    assert answer.status == 200
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    file = Path(_KEPT or tmp_path, f"{name}.png")
    file.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        # Few colours are enough for flat pages, and halve the file.
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
    page.context.close()
    assert (over, told) == (0, [])
    assert 5_000 < file.stat().st_size < _LARGEST
