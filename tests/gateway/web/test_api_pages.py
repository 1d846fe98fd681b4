"""Pages of the interface reach everything, documents are had under the invoice that names them, and the
description shows what answers look like."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jsonschema
import pytest

from gateway.access import granting
from gateway.access.rights import ALL_COMPANIES, Right, Role
from gateway.store import documents, inbox, journal, tokens
from gateway.store.inbox import Kind
from tests.gateway.web.conftest import Web
from tests.gateway.web.test_api import OURS, THEIRS, add, token


def pages(web: Web, place: str, headers: dict[str, str], size: int) -> list[str]:
    found: list[str] = []
    after: Any = ""
    for _ in range(10):
        asked = {"size": size, "after": after} if after else {"size": size}
        page = web.client.get(place, params=asked, headers=headers).json()
        assert len(page["items"]) <= size
        found += [one["id"] for one in page["items"]]
        after = page["next"]
        if not after:
            return found
    raise AssertionError("the list has no end")


def test_the_whole_inbox_is_reached_page_by_page(web: Web) -> None:
    """Also where several came at the same moment."""
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        made = [
            inbox.add(
                connection,
                peer="POP000002",
                message_id=f"m-{place}",
                channel="peppol",
                kind=Kind.INVOICE,
                document_digest="0" * 64,
                now=now + timedelta(seconds=place // 3),
            )
            for place in range(7)
        ]
    headers = token(web, ALL_COMPANIES, Role.VIEWER)
    for size in (2, 7):
        found = pages(web, "/api/v1/inbox", headers, size)
        assert sorted(found) == sorted(made)
        assert found[0] == made[-1]


def test_all_tokens_are_reached_page_by_page(web: Web) -> None:
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        for place in range(5):
            granting.new_token(
                connection,
                f"t{place}",
                {ALL_COMPANIES: frozenset({Right.SEE_INVOICES})},
                by=None,
                ends_at=now + timedelta(days=1),
                now=now,
            )
    headers = token(web, ALL_COMPANIES, Role.COMPLIANCE)
    with web.gateway.database.read() as connection:
        every = [one.id for one in tokens.listing(connection)]
    assert pages(web, "/api/v1/tokens", headers, 2) == every


@pytest.mark.parametrize(
    "place", ["inbox?after=x", "inbox?after=WyIyMDI2LTAxLTAxIiwieCJd", "tokens?after=x", "inbox?after=bnVsbA"]
)
def test_a_place_that_is_none_is_refused(web: Web, place: str) -> None:
    answer = web.client.get(f"/api/v1/{place}", headers=token(web, ALL_COMPANIES, Role.COMPLIANCE))
    assert answer.status_code == 422
    assert "place" in answer.json()["detail"]


def test_a_document_is_had_under_the_invoice_that_names_it(web: Web) -> None:
    ours, theirs = add(web, OURS, "A-1"), add(web, THEIRS, "B-1")
    with web.gateway.database.begin() as connection:
        digest = documents.put(connection, b"receipt", "text/plain", now=web.gateway.clock())
        journal.append(connection, "sent", {"receipt": digest}, now=web.gateway.clock(), submission=ours.id)
    headers = token(web, "vandael", Role.VIEWER)

    def ask(named: str, invoice: str) -> Any:
        return web.client.get(f"/api/v1/documents/{named}", params={"invoice": invoice}, headers=headers)

    answer = ask(digest, ours.id)
    assert answer.content == b"receipt"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert ask(digest, theirs.id).status_code == 404
    assert ask(theirs.content_digest, theirs.id).status_code == 404
    assert ask(theirs.content_digest, ours.id).status_code == 404
    assert ask("x" * 64, ours.id).status_code == 422


def test_each_answer_has_an_example_that_is_one(web: Web) -> None:
    described = web.client.get("/api/v1/openapi.json").json()
    seen = 0
    for path, operations in described["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                told = answer.get("content", {}).get("application/json")
                if int(status) < 400 and told and told.get("schema"):
                    schema = {**told["schema"], "components": described["components"]}
                    jsonschema.validate(told["example"], schema)
                    seen += 1
                    assert told["example"] not in ({}, None), path
    assert seen > 20


def test_that_it_may_not_be_ready_is_described(web: Web) -> None:
    described = web.client.get("/api/v1/openapi.json").json()
    assert "application/problem+json" in described["paths"]["/ready"]["get"]["responses"]["503"]["content"]
