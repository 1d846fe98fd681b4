"""Administration in a real browser: second factor, token, four eyes, a source whose check fails."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyotp
import pytest

from connectors.sandbox.identity import ImitatedIdentityProvider
from gateway.access.rights import ALL_COMPANIES, Role
from gateway.cli.setup import write_config
from gateway.store import people
from gateway.web.app import create_app
from gateway.web.guard import COOKIE
from gateway.web.server import WebServer
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.web.conftest import PASSWORD, Web

_SHOTS = os.environ.get("GATEWAY_TEST_SCREENSHOTS", "")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Web, str]]:
    config = tmp_path_factory.mktemp("office") / "config"
    write_config(config, 21000)
    prepared.sqlite_copy(config / "gateway.db")
    provider = ImitatedIdentityProvider()
    provider.start()
    (config / "secrets" / "identity").write_text("demo-identity-secret\n")
    main = config / "gateway.yaml"
    main.write_text(
        main.read_text().replace("four_eyes: off", "four_eyes: on")
        + f"""
sign_in:
  providers:
    - name: demo
      title: Example identity
      issuer: {provider.url}
      client_id: e-invoicing-gateway
      client_secret: file:secrets/identity
      grants:
        - {{value: invoices-nl, role: finance, companies: [vandael]}}
"""
    )
    with closing(Gateway.open(config)) as gateway:
        app = create_app(gateway)
        server = WebServer(app, "127.0.0.1", 0)
        server.start()
        # The address is known only now: of the application it is a setting.
        app.state.doors.find("demo")._redirect = f"{server.url}/sign-in/demo/return"
        provider.redirects = (f"{server.url}/sign-in/demo/return",)
        web = Web(gateway, None)  # type: ignore[arg-type]  # the browser asks, not the test client
        web.add("ingrid", {ALL_COMPANIES: Role.ADMINISTRATOR})
        web.add("marit", {ALL_COMPANIES: Role.FINANCE})
        web.add("joris", {ALL_COMPANIES: Role.FINANCE})
        yield web, server.url
        server.stop()
    provider.stop()


class Desk:
    """One person's browser; whatever the policy of the pages refuses is an error."""

    def __init__(
        self, opened: Any, served: tuple[Web, str], who: str, width: int = 1280, dark: bool = False
    ) -> None:
        web, url = served
        scheme = "dark" if dark else "light"
        self.context = opened.new_context(
            viewport={"width": width, "height": 844}, base_url=url, color_scheme=scheme
        )
        if who:
            self.context.add_cookies([{"name": COOKIE, "value": web.cookies[who], "url": url}])
        self.page = self.context.new_page()
        self.told: list[str] = []
        self.page.on("console", lambda message: self.told.append(message.text))

    def shot(self, name: str) -> None:
        if _SHOTS:
            self.page.screenshot(path=str(Path(_SHOTS) / f"{name}.png"), full_page=True)

    def close(self) -> None:
        self.context.close()
        refusals = [one for one in self.told if "status of" not in one]
        assert refusals == []


def test_a_second_factor_is_set_up_with_the_picture_and_asked_for_at_the_door(
    browser: Any,
    served: tuple[Web, str],
) -> None:
    desk = Desk(browser, served, "joris")
    page = desk.page
    page.goto("/")
    page.get_by_role("link", name="Account").click()
    desk.shot("account")
    page.get_by_role("link", name="Set up a second factor").click()
    picture = page.get_by_role("img", name="QR code for the authenticator app")
    assert picture.locator("svg path").count() == 2
    assert picture.bounding_box()["width"] > 150
    desk.shot("second-factor")
    secret = page.locator("code.wrap").inner_text()
    page.get_by_label("Code that the app shows").fill(pyotp.TOTP(secret).at(served[0].gateway.clock()))
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    codes = page.locator(".codes code").all_inner_texts()
    assert len(codes) == 8
    desk.shot("recovery-codes")
    page.get_by_role("link", name="I have kept them").click()
    assert page.get_by_text("8 recovery codes are left").is_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_label("E-mail").fill("joris")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    assert page.get_by_text("needs the code of your authenticator").is_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Authenticator code").fill(codes[3])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Work list").wait_for()
    served[0].cookies["joris"] = next(one["value"] for one in desk.context.cookies() if one["name"] == COOKIE)
    desk.close()


def test_a_token_is_made_shown_once_and_revoked(browser: Any, served: tuple[Web, str]) -> None:
    desk = Desk(browser, served, "marit", 390)
    page = desk.page
    page.goto("/account")
    page.get_by_role("link", name="Tokens for programs").click()
    page.get_by_label("What uses it").fill("data warehouse")
    page.get_by_label("invoices:read").check()
    page.get_by_role("button", name="Make the token").click()
    token = page.locator("#token").inner_text()
    assert re.fullmatch(r"gw_[A-Za-z0-9_-]{43}", token)
    desk.shot("token-phone")
    answer = page.request.get("/api/v1/invoices", headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 200
    page.goto("/tokens")
    assert token not in page.content()
    page.get_by_role("button", name="Revoke data warehouse").click()
    assert page.get_by_text("The token opens nothing any more.").is_visible()
    after = page.request.get("/api/v1/invoices", headers={"Authorization": f"Bearer {token}"})
    assert after.status == 401
    desk.close()


def test_a_change_takes_a_second_person(browser: Any, served: tuple[Web, str]) -> None:
    first = Desk(browser, served, "marit")
    first.page.goto("/system")
    first.page.get_by_role("link", name="Changes").click()
    part = first.page.locator("section.change").filter(has_text="Routing: routing.yaml")
    part.get_by_label("Why it is needed").fill("e-mail for buyers without Peppol")
    part.get_by_role("button", name="Propose routing.yaml").click()
    assert first.page.get_by_text("You proposed it, so somebody else decides.").is_visible()
    assert first.page.get_by_role("button", name="Approve").count() == 0
    first.shot("changes-proposer")
    first.close()
    second = Desk(browser, served, "joris", dark=True)
    second.page.goto("/changes")
    mine = second.page.locator("section.change").filter(has_text="proposed by marit")
    assert mine.locator(".diff .new").count() > 3
    second.shot("changes-decider-dark")
    mine.get_by_label("How you know that it is right").fill("looked at it with Marit")
    mine.get_by_role("button", name="Approve routing.yaml").click()
    assert second.page.get_by_text("It is approved.").is_visible()
    assert second.page.get_by_role("cell", name="Approved looked at it with Marit").is_visible()
    second.close()


def test_an_administrator_adds_a_source_and_its_check_fails_with_a_sentence(
    browser: Any,
    served: tuple[Web, str],
) -> None:
    folder = served[0].gateway.settings.folder
    (folder / "secrets" / "odoo-new").write_text("a-key-of-nobody\n")
    desk = Desk(browser, served, "ingrid")
    page = desk.page
    page.goto("/system")
    desk.shot("system")
    page.get_by_role("link", name="Add a source").click()
    page.get_by_label("Kind").select_option("odoo")
    page.get_by_role("button", name="Show its settings").click()
    page.get_by_label("Name *").fill("odoo-new")
    page.get_by_label("Mapping *").select_option("odoo")
    page.get_by_label("base_url").fill("http://127.0.0.1:9")
    page.get_by_label("database").fill("books")
    page.get_by_label("api_key").fill("file:secrets/odoo-new")
    page.get_by_text("More settings", exact=True).click()
    page.get_by_label("user", exact=True).fill("gateway")
    page.get_by_role("button", name="Check and write the file").click()
    page.get_by_role("heading", name="The connection does not work yet").wait_for(timeout=60_000)
    desk.shot("source-check-fails")
    assert page.get_by_text("No connection").first.is_visible()
    assert page.get_by_label("base_url").input_value() == "http://127.0.0.1:9"
    assert not (folder / "sources" / "odoo-new.yaml").exists()
    desk.close()


def test_a_person_comes_in_through_the_provider(browser: Any, served: tuple[Web, str]) -> None:
    desk = Desk(browser, served, "")
    page = desk.page
    page.goto("/invoices")
    desk.shot("sign-in")
    page.get_by_role("link", name="Sign in with Example identity").click()
    page.get_by_role("link", name="Joris Buiten").click()
    assert page.get_by_text("you have no access here").is_visible()
    desk.shot("sign-in-refused")
    page.goto("/invoices")
    page.get_by_role("link", name="Sign in with Example identity").click()
    page.get_by_role("link", name="Marit Dekkers").click()
    page.get_by_role("heading", name="Invoices").wait_for()
    page.get_by_role("button", name="Sign out", exact=True).click()
    assert page.get_by_role("link", name="Sign out of Example identity too").is_visible()
    desk.context.close()


@pytest.mark.parametrize("width", [1280, 320])
def test_no_page_of_administration_scrolls_sideways(
    browser: Any,
    served: tuple[Web, str],
    width: int,
) -> None:
    with served[0].gateway.database.read() as connection:
        ids = [one.id for one in people.listing(connection)]
    desk = Desk(browser, served, "ingrid", width)
    places = (
        "/account",
        "/tokens",
        "/people",
        f"/people/{ids[0]}",
        "/changes",
        "/sources/new?kind=sap-odata",
    )
    for place in (*places, "/account/second-factor", "/system"):
        desk.page.goto(place)
        over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert desk.page.evaluate(over) == 0, (place, width)
        desk.shot(f"{place.strip('/').partition('?')[0].replace('/', '-')[:12]}-{width}")
    desk.close()
