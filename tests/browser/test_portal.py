"""The buyer portal in a real browser: a buyer on a phone reads, takes the files along and disputes; the clerk
sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.access.rights import ALL_COMPANIES, Role
from gateway.cli.setup import write_config
from gateway.pipeline.submission import State
from gateway.store.submissions import Submission
from gateway.web.app import create_app
from gateway.web.guard import COOKIE
from gateway.web.server import WebServer
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.portal.shared import again, at_buyer, invoice, line, share
from tests.gateway.web.conftest import Web

LONG = "Gesellschaft für Anlagenbau und Instandhaltung Ober-Niederrodenau mbH & Co. KG in Liquidation"


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway that answers on a port of this machine, and a browser."""

    gateway: Gateway
    url: str
    clerk: str
    browser: Any

    def shared(self, number: str, **changes: Any) -> tuple[Submission, str]:
        today = self.gateway.clock().date()
        one = at_buyer(self.gateway, invoice(number, today=today, **changes))
        return one, share(self.gateway, one)[1]

    def page(self, width: int = 390, **more: Any) -> Any:
        """A page of a buyer, who has no account; closed with its context."""
        wanted = {"locale": "en-GB", **more}
        context = self.browser.new_context(
            viewport={"width": width, "height": 844}, base_url=self.url, accept_downloads=True, **wanted
        )
        return context.new_page()


@pytest.fixture(scope="module")
def served(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    config: Path = tmp_path_factory.mktemp("portal") / "config"
    write_config(config, 21000)
    prepared.sqlite_copy(config / "gateway.db")
    gateway = Gateway.open(config)
    server = WebServer(create_app(gateway), "127.0.0.1", 0)
    server.start()
    web = Web(gateway, None)  # type: ignore[arg-type]  # the browser asks, not the test client
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    yield Served(gateway, server.url, web.cookies["marit"], browser)
    server.stop()
    gateway.close()


def test_a_buyer_reads_takes_the_files_and_disputes_and_the_clerk_sees_it(served: Served) -> None:
    one, path = served.shared("2026-103977")
    page = served.page(has_touch=True, is_mobile=True)
    page.goto(path)
    assert "2026-103977" in page.get_by_role("heading", level=1).inner_text()
    assert page.get_by_role("img", name="Payment code for your banking app").is_visible()
    taken = {}
    for name in ("Invoice PDF", "Original data", "Delivery note 88120"):
        with page.expect_download() as waiting:
            page.get_by_role("link", name=name).tap()
        taken[waiting.value.suggested_filename] = Path(waiting.value.path()).read_bytes()
    assert sorted(taken) == ["2026-103977.pdf", "2026-103977.xml", "levering_88120.pdf"]
    assert taken["2026-103977.pdf"].startswith(b"%PDF-")
    assert taken["2026-103977.xml"].startswith(b"<?xml")

    page.get_by_text("Something is not right", exact=True).tap()
    page.get_by_label("Which line?").select_option(label="2 Slijtring SR-210")
    page.get_by_label("What should it be?").fill("We ordered 4 rings, not 6")
    page.get_by_role("button", name="Dispute this invoice").tap()
    page.get_by_role("status").wait_for()
    assert "knows that something is not right" in page.get_by_role("status").inner_text()
    assert again(served.gateway, one).state is State.DISPUTED
    page.context.close()

    clerk = served.page(1280)
    clerk.context.add_cookies([{"name": COOKIE, "value": served.clerk, "url": served.url}])
    clerk.goto("/")
    row = clerk.get_by_role("row").filter(has_text="2026-103977")
    assert "We ordered 4 rings, not 6" in row.inner_text()
    row.get_by_role("link").first.click()
    assert clerk.get_by_text("Disputed over the portal: We ordered 4 rings, not 6").is_visible()
    assert clerk.get_by_text("The portal page was opened").is_visible()
    clerk.context.close()


def test_a_clerk_shares_and_revokes_and_the_buyer_is_let_in_and_out(served: Served) -> None:
    one, _ = served.shared("2026-200")
    clerk = served.page(1280)
    clerk.context.add_cookies([{"name": COOKIE, "value": served.clerk, "url": served.url}])
    clerk.goto(f"/invoices/{one.id}")
    clerk.get_by_role("button", name="Make another link").click()
    clerk.get_by_role("status").wait_for()
    path = re.sub(r"https?://[^/]+", "", clerk.get_by_label("Link, holds until").first.input_value())
    page = served.page()
    assert page.goto(path).status == 200
    clerk.get_by_role("button", name="Revoke this link").first.click()
    clerk.get_by_text("opens nothing any more").wait_for()
    for gone in (path, path[:-1] + "-", "/p/unknown"):
        assert page.goto(gone).status == 404
        assert page.get_by_role("heading", level=1).inner_text() == "This link opens nothing"
    clerk.context.close()
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 390, 320])
def test_nothing_scrolls_sideways_and_all_is_readable(served: Served, width: int, scheme: str) -> None:
    lines = tuple(
        line(n, f"Instandhaltungsdienstleistungsvertrag {n}", "3.5", "412345.67") for n in (1, 2, 3)
    )
    _, path = served.shared("2026-104102-A/0000000000000017", buyer=LONG, lines=lines)
    page = served.page(width, color_scheme=scheme, locale="de-DE")
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(path)
    for summary in page.locator("summary").all():
        summary.click()
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over == 0, width
        assert page.evaluate(_CONTRAST) == []
    assert page.evaluate(_SMALL) == []
    assert page.get_by_role("heading", level=1).count() == 1
    page.context.close()
    assert told == []


def test_everything_is_reached_by_keyboard_and_every_field_has_a_name(served: Served) -> None:
    one, path = served.shared("2026-300")
    page = served.page(1280)
    page.goto(path)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    summary = page.locator("#question summary")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Which order is this?")
    page.keyboard.press("Tab")
    page.keyboard.type("nobody")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    assert page.get_by_label("Your question").input_value() == "Which order is this?"
    mail = page.get_by_label("Your e-mail, for the answer")
    assert mail.get_attribute("aria-invalid") == "true"
    page.get_by_role("alert").get_by_role("link").press("Enter")
    mail.fill("an@klaproos.example")
    mail.press("Enter")
    page.get_by_role("status").wait_for()
    assert again(served.gateway, one).sentence.endswith("Answer to an@klaproos.example")
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
        ".filter(field => !field.labels.length).map(field => field.id)"
    )
    assert unnamed == []
    page.context.close()


def test_the_reader_changes_the_language_and_keeps_it(served: Served) -> None:
    _, path = served.shared("2026-400")
    page = served.page(locale="nl-BE")
    page.goto(path)
    assert page.locator("html").get_attribute("lang") == "nl"
    page.get_by_role("link", name="Français").click()
    assert page.get_by_role("heading", level=2).first.inner_text() == "Payer par virement"
    page.get_by_text("Nous paierons à une date").click()
    page.get_by_role("button", name="Envoyer la date").click()
    page.get_by_role("status").wait_for()
    assert page.locator("html").get_attribute("lang") == "fr"
    page.context.close()


def test_following_a_link_out_tells_nobody_where_one_came_from(served: Served) -> None:
    """The address of the page is the key to the invoice."""
    _, path = served.shared("2026-500")
    page = served.page()
    page.goto(path)
    seen: list[dict[str, str]] = []
    page.on("request", lambda request: seen.append(request.headers))
    page.get_by_role("link", name="Print view").click()
    page.wait_for_url("**/invoice")
    assert (
        page.locator("main").evaluate("node => getComputedStyle(node).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    page.goto("/health", referer=None)
    assert seen
    assert all("referer" not in headers for headers in seen)
    page.context.close()


# Every text against the ground that it stands on: WCAG 2.2, 1.4.3, 4.5 to 1.
_CONTRAST = """() => {
  const parts = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const found = parts(getComputedStyle(node).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const node of document.querySelectorAll('main *')) {
    const own = [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.getClientRects().length || node.closest('.hidden, .qr')) continue;
    const [one, two] = [light(parts(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(one, two) + .05) / (Math.min(one, two) + .05);
    if (ratio < 4.5) low.push(node.className + ' ' + node.textContent.slice(0, 30) + ' ' + ratio.toFixed(2));
  }
  return low;
}"""
# What is tapped: WCAG 2.2, 2.5.8 asks for 24, we for 40 where it is a button or a fold.
_SMALL = """() => [...document.querySelectorAll('.btn, summary, .tongues a, .input, .select')]
  .filter(node => node.getClientRects().length && node.getBoundingClientRect().height < 40)
  .map(node => node.textContent.trim().slice(0, 30))"""
