"""The REST API: only one's own companies, pages that end, problems in plain words, files never as pages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.base import SourceDocument
from gateway.access.rights import ALL_COMPANIES, RIGHTS, Role
from gateway.pipeline.submission import State, Verdict
from gateway.store import journal, submissions, tokens
from gateway.store.submissions import Submission
from tests.gateway.web.conftest import Web

OURS, THEIRS = "exact-vandael", "sap-nordlicht"


def add(web: Web, source: str, number: str, *, parked: bool = False) -> Submission:
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        document = SourceDocument(number, "1", "text/xml", f"<invoice>{number}</invoice>".encode())
        taken = submissions.receive(connection, source, document, now=now)
        assert taken is not None
        state = State.PARKED if parked else State.MAPPED
        more: dict[str, Any] = {"resume_state": State.RECEIVED, "verdict": Verdict.DOCUMENT, "due_at": None}
        return submissions.move(
            connection,
            taken,
            state,
            state.value,
            {},
            now=now,
            number=number,
            buyer=f"Buyer of {number}",
            currency="EUR",
            amount=Decimal("100.00"),
            **(more if parked else {}),
        )


def token(web: Web, company: str, role: Role) -> dict[str, str]:
    now = web.gateway.clock()
    with web.gateway.database.begin() as connection:
        _, shown = tokens.make(
            connection,
            "test",
            {company: RIGHTS[role]},
            made_by="it",
            ends_at=now + timedelta(days=1),
            now=now,
        )
    return {"Authorization": f"Bearer {shown}"}


def test_a_caller_sees_the_invoices_of_their_companies_only(web: Web) -> None:
    ours, theirs = add(web, OURS, "A-1"), add(web, THEIRS, "B-1")
    headers = token(web, "vandael", Role.VIEWER)
    listed = web.client.get("/api/v1/invoices", headers=headers).json()
    assert [one["number"] for one in listed["items"]] == ["A-1"]
    asked = web.client.get("/api/v1/invoices", params={"source": THEIRS}, headers=headers).json()
    assert asked["items"] == []
    assert web.client.get(f"/api/v1/invoices/{ours.id}", headers=headers).json()["amount"] == "100.00"
    for path in ("", "/events", "/terms", "/files/source", "/evidence"):
        answer = web.client.get(f"/api/v1/invoices/{theirs.id}{path}", headers=headers)
        assert answer.status_code in (403, 404), path
        assert "B-1" not in answer.text
    everything = web.client.get("/api/v1/invoices", headers=token(web, ALL_COMPANIES, Role.VIEWER)).json()
    assert {one["number"] for one in everything["items"]} == {"A-1", "B-1"}


def test_pages_follow_each_other_to_the_end(web: Web) -> None:
    for number in range(7):
        add(web, OURS, f"A-{number}")
    headers = token(web, ALL_COMPANIES, Role.VIEWER)
    seen: list[str] = []
    after = ""
    for _ in range(10):
        page = web.client.get("/api/v1/invoices", params={"size": 3, "after": after}, headers=headers).json()
        seen += [one["number"] for one in page["items"]]
        after = page["next"]
        if not after:
            break
    assert sorted(seen) == [f"A-{number}" for number in range(7)]


@pytest.mark.parametrize(
    "params",
    [
        {"after": "nonsense"},
        {"size": "0"},
        {"size": "100000"},
        {"state": "no-such"},
        {"least": "1.234"},
        {"issued_from": "yesterday"},
        {"received_from": "2026-11-22T09:00:00"},
        {"order": "secret"},
    ],
)
def test_a_wrong_question_is_answered_with_a_problem(web: Web, params: dict[str, str]) -> None:
    answer = web.client.get("/api/v1/invoices", params=params, headers=token(web, "*", Role.VIEWER))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_file_is_the_archived_bytes_and_never_a_page(web: Web) -> None:
    found = add(web, OURS, 'A/../"1')
    answer = web.client.get(
        f"/api/v1/invoices/{found.id}/files/source", headers=token(web, "vandael", Role.VIEWER)
    )
    assert answer.content == b'<invoice>A/../"1</invoice>'
    assert answer.headers["content-disposition"].startswith('attachment; filename="A_.._')
    assert '"1' not in answer.headers["content-disposition"]


def test_a_retry_is_journaled_with_who_asked(web: Web) -> None:
    parked, moving = add(web, OURS, "A-1", parked=True), add(web, OURS, "A-2")
    headers = token(web, "vandael", Role.FINANCE)
    assert web.client.post(f"/api/v1/invoices/{parked.id}/retry", headers=headers).status_code == 202
    assert web.client.post(f"/api/v1/invoices/{moving.id}/retry", headers=headers).status_code == 409
    with web.gateway.database.read() as connection:
        entries = list(journal.entries(connection, submission=parked.id))
        assert submissions.get(connection, parked.id).due_at is not None
    assert entries[-1].event == "asked to retry"
    assert entries[-1].actor.startswith("token test")


def test_evidence_is_for_those_who_may_export_and_its_export_is_journaled(web: Web) -> None:
    found = add(web, OURS, "A-1")
    path = f"/api/v1/invoices/{found.id}/evidence"
    assert web.client.get(path, headers=token(web, "vandael", Role.FINANCE)).status_code == 403
    answer = web.client.get(path, headers=token(web, "vandael", Role.COMPLIANCE))
    assert answer.content.startswith(b"PK")
    with web.gateway.database.read() as connection:
        assert [entry.event for entry in journal.entries(connection, submission=found.id)][-1] == "exported"


def test_the_journal_is_read_page_by_page(web: Web) -> None:
    for number in range(3):
        add(web, OURS, f"A-{number}")
    headers = token(web, ALL_COMPANIES, Role.COMPLIANCE)
    seen: list[int] = []
    after = 0
    for _ in range(10):
        page = web.client.get("/api/v1/events", params={"after": after, "size": 2}, headers=headers).json()
        seen += [one["seq"] for one in page["items"]]
        after = page["next"]
        if not after:
            break
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 6


def test_the_set_up_is_shown_and_figures_are_counted(web: Web) -> None:
    add(web, OURS, "A-1")
    headers = token(web, ALL_COMPANIES, Role.COMPLIANCE)
    for path in ("sources", "channels", "mappings", "rules", "budgets", "inbox"):
        assert web.client.get(f"/api/v1/{path}", headers=headers).status_code == 200, path
    one = token(web, "vandael", Role.COMPLIANCE)
    assert {source["company"] for source in web.client.get("/api/v1/sources", headers=one).json()} == {
        "vandael"
    }
    assert (
        'gateway_invoices{state="mapped",verdict=""} 1.0' in web.client.get("/metrics", headers=headers).text
    )
    assert web.client.get("/metrics").status_code == 401
    assert web.client.get("/ready").json() == {"ready": True, "waits_for": [], "failing": []}


def test_the_description_of_the_interface_is_complete(web: Web) -> None:
    described = web.client.get("/api/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert "/api/v1/invoices/{id}" in described["paths"]
    for path, methods in described["paths"].items():
        for method, about in methods.items():
            assert about.get("summary"), (method, path)
