"""A fault of the gateway: a page for people, problem details for programs; neither is told what it was."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from gateway.access.rights import ALL_COMPANIES, Role
from tests.gateway.web.conftest import Web


@pytest.fixture
def broken(web: Web, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A browser of an application in which something nobody thought of goes wrong."""
    web.add("marit", {ALL_COMPANIES: Role.FINANCE})
    headers = web.headers("marit")

    def fault() -> None:
        raise ZeroDivisionError("bank details")

    monkeypatch.setattr(web.gateway, "clock", fault)
    client = TestClient(web.client.app, base_url="https://testserver", raise_server_exceptions=False)
    client.headers.update(headers)
    return client


def test_a_person_sees_a_page_with_a_way_back(broken: TestClient) -> None:
    answer = broken.get("/invoices")
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert 'href="/"' in answer.text
    assert "bank details" not in answer.text
    # Where it broke off is not known.
    assert "Nothing was changed" not in answer.text


@pytest.mark.parametrize(
    ("path", "accept"), [("/api/v1/invoices", "text/html"), ("/invoices", "application/json")]
)
def test_a_program_gets_a_problem(broken: TestClient, path: str, accept: str) -> None:
    answer = broken.get(path, headers={"Accept": accept})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "bank details" not in answer.text


@pytest.mark.parametrize("path", ["/invoices", "/api/v1/invoices"])
def test_a_fault_too_is_answered_with_the_headers_that_protect(broken: TestClient, path: str) -> None:
    headers = broken.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
