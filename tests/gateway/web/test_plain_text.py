"""Whatever is typed into an address or a form is answered, and never a fault of the gateway."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from gateway.access.rights import ALL_COMPANIES, Role
from gateway.web.app import create_app
from gateway.wiring import Gateway
from tests.gateway import prepared
from tests.gateway.conftest import ON_EACH
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_api import OURS, add

NUMBER = "9" * 25


@pytest.fixture(scope="module", params=ON_EACH)
def each(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, written: Path
) -> Iterator[Web]:
    """The application on each database, with people who may see everything."""
    config = shutil.copytree(written, tmp_path_factory.mktemp("plain") / "config")
    if request.param == "sqlite":
        prepared.sqlite_copy(config / "gateway.db")
        yield from _served(config)
        return
    if not os.environ.get("GATEWAY_TEST_POSTGRES"):
        pytest.skip("no PostgreSQL server: set GATEWAY_TEST_POSTGRES to postgresql://user@host:port/postgres")
    with prepared.postgres(migrated=True) as address:
        main = config / "gateway.yaml"
        main.write_text(main.read_text().replace("sqlite:///gateway.db", address))
        yield from _served(config)


def _served(config: Path) -> Iterator[Web]:
    gateway = Gateway.open(config)
    with TestClient(
        create_app(gateway),
        base_url="https://testserver",
        follow_redirects=False,
        raise_server_exceptions=False,
    ) as client:
        web = Web(gateway, client)
        web.add("finance", {ALL_COMPANIES: Role.FINANCE})
        web.add("compliance", {ALL_COMPANIES: Role.COMPLIANCE})
        add(web, OURS, "A-1")
        yield web
    gateway.close()


def _cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "place",
    [
        f"/api/v1/events?after={NUMBER}",
        f"/record?before={NUMBER}",
        "/api/v1/invoices?received_from=0001-01-01T00:00:00%2B14:00",
        "/api/v1/invoices?received_to=9999-12-31T23:59:59-14:00",
        f"/api/v1/invoices?after={_cursor('received', '2026-01-01T00:00:00', 'x')}",
        f"/api/v1/invoices?order=amount&after={_cursor('amount', 'NaN', 'x')}",
        f"/api/v1/invoices?order=number&after={_cursor('number', 'a' + chr(0), 'x')}",
        "/api/v1/invoices/%00",
        "/api/v1/invoices?number=%00",
        "/api/v1/invoices?source=%00",
        "/api/v1/inbox/%00",
        "/invoices?channel=%00",
        "/invoices?%00=a",
        "/p/%00",
    ],
)
def test_what_nothing_can_be_found_by_is_refused(each: Web, place: str) -> None:
    answer = each.client.get(place, headers={**each.headers("compliance"), "Accept": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_browser_is_told_so_on_a_page(each: Web) -> None:
    answer = each.client.get("/invoices?channel=%00", headers=each.headers("finance"))
    assert answer.status_code == 422
    assert "<h1" in answer.text


def test_a_place_in_the_list_that_is_none_leads_a_browser_to_the_first_page(each: Web) -> None:
    after = _cursor("amount", "NaN", "x")
    answer = each.client.get(f"/invoices?sort=amount&after={after}", headers=each.headers("finance"))
    assert answer.status_code == 303


def test_a_sign_in_with_a_zero_byte_is_refused(each: Web) -> None:
    answer = each.client.post("/sign-in", data={"login": "a\0", "password": "b\0"})
    assert answer.status_code == 422


def test_a_zero_byte_in_json_is_refused_by_what_would_keep_it(each: Web) -> None:
    """As are those that reach the database in any other way."""
    headers = {**each.headers("finance"), "X-Form-Token": each.form_token("finance")}
    wanted = {"name": "a\0b", "scopes": ["invoices:read"]}
    assert each.client.post("/api/v1/tokens", json=wanted, headers=headers).status_code == 422
