"""The pages of the portal: what a buyer sees and takes along, what nobody else learns."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from sqlalchemy import event, insert

from connectors.base import PaymentState
from formats.model import PaymentInstructions, SupportingDocument
from formats.model.payment import DirectDebit
from gateway.pipeline.submission import State
from gateway.portal.links import Links
from gateway.store import journal, portal_links, submissions
from gateway.store.tables import payments
from gateway.web.portal import door
from tests.gateway.portal.conftest import Shared
from tests.gateway.portal.shared import at_buyer, invoice, line, share
from tests.gateway.web.conftest import Web


def events(web: Web, one: Any, event: str) -> list[dict[str, Any]]:
    with web.gateway.database.read() as connection:
        return [json.loads(e.data) for e in journal.entries(connection, submission=one.id, event=event)]


def shown(web: Web, state: State = State.DELIVERED, **changes: Any) -> str:
    """The page of an invoice as its buyer sees it."""
    one = at_buyer(web.gateway, invoice(today=web.gateway.clock().date(), **changes), state=state)
    answer = web.client.get(share(web.gateway, one)[1])
    assert answer.status_code == 200
    return unescape(answer.text)


def test_the_page_says_what_is_owed_by_when_and_how_to_pay(shared: Shared) -> None:
    page = unescape(shared.web.client.get(shared.path).text)
    assert "Invoice 2026-103977" in page
    assert "4,519.35" in page
    assert "in 14 days." in page
    assert "BE71 0961 2345 6769" in page
    assert "+++000/2103/97747+++" in page
    assert 'role="img" aria-label="Payment code for your banking app"' in page
    assert "Dompelpomp DP-210" in page


def test_every_view_and_every_file_is_in_the_record(shared: Shared) -> None:
    web = shared.web
    for path in ("", "/files/invoice.xml", "/files/attachment-0", "/invoice"):
        headers = {"Accept-Language": "nl-BE"}
        assert web.client.get(shared.path + path, headers=headers).status_code == 200
    told = events(web, shared.one, "portal opened")
    assert [one["what"] for one in told] == ["page", "invoice.xml", "attachment-0", "print view"]
    assert {one["language"] for one in told} == {"nl"}
    assert {one["link"] for one in told} == {shared.link.id}
    with web.gateway.database.read() as connection:
        link = portal_links.get(connection, shared.link.id)
        assert journal.verify(connection)[1] is None
    assert link is not None
    assert link.openings == 1


def test_the_files_are_the_original_bytes_and_always_downloads(shared: Shared) -> None:
    get = shared.web.client.get
    xml = get(f"{shared.path}/files/invoice.xml")
    assert xml.content.startswith(b"<?xml")
    assert hashlib.sha256(xml.content).hexdigest() == shared.one.document_digest
    assert xml.headers["content-disposition"] == 'attachment; filename="2026-103977.xml"'
    pdf = get(f"{shared.path}/files/invoice.pdf")
    assert pdf.content.startswith(b"%PDF-")
    assert pdf.headers["content-type"] == "application/pdf"
    note = get(f"{shared.path}/files/attachment-0")
    assert note.content == b"%PDF-1.4 a delivery note"
    assert note.headers["content-disposition"] == 'attachment; filename="levering_88120.pdf"'
    for answer in (xml, pdf, note):
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    for name in ("attachment-1", "source", "report.json", "evidence.zip", shared.one.invoice_digest):
        assert get(f"{shared.path}/files/{name}").status_code == 404


def test_what_is_attached_never_runs_in_the_browser(web: Web) -> None:
    evil = SupportingDocument(
        reference="1", content=b"<script>alert(1)</script>", media_type="text/html", filename="../a\r\nb.html"
    )
    away = SupportingDocument(reference="2", description="Terms", url="https://terms.example/general")
    script = SupportingDocument(reference="3", description="Bad", url="javascript:alert(1)")
    one = at_buyer(web.gateway, invoice(today=web.gateway.clock().date(), documents=(evil, away, script)))
    _, path = share(web.gateway, one)
    answer = web.client.get(f"{path}/files/attachment-0")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "\n" not in answer.headers["content-disposition"]
    assert ".." not in answer.headers["content-disposition"]
    page = web.client.get(path).text
    assert 'href="https://terms.example/general" rel="noopener noreferrer external"' in page
    assert "javascript:" not in page


def test_the_print_view_is_the_rendered_page_under_a_policy_without_holes(shared: Shared) -> None:
    answer = shared.web.client.get(f"{shared.path}/invoice")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "style=" not in answer.text.replace("<style", "")


@pytest.mark.parametrize("path", ["", "/invoice", "/files/invoice.xml", "/files/nothing"])
def test_no_answer_leaks_or_is_kept(shared: Shared, path: str) -> None:
    for place in (shared.path, "/p/nothing"):
        headers = shared.web.client.get(place + path).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex, nofollow, noarchive"
        assert headers["cache-control"] == "no-store"
        assert "set-cookie" not in headers
        assert "unsafe" not in headers["content-security-policy"]


def test_unknown_forged_expired_and_revoked_get_the_same_answer(shared: Shared, web: Web) -> None:
    gateway = web.gateway
    _, revoked = share(gateway, shared.one)
    with gateway.database.begin() as connection:
        newest = portal_links.of(connection, shared.one.id)
        link = next(one for one in newest if Links(gateway).shown(one) in revoked)
        Links(gateway).revoke(connection, link, by="marit", now=gateway.clock())
        over = portal_links.add(
            connection,
            shared.one.id,
            by="marit",
            ends_at=gateway.clock() - timedelta(seconds=5),
            now=gateway.clock(),
        )
    expired = f"/p/{Links(gateway).shown(over)}"
    forged = shared.path[:-1] + ("A" if shared.path[-1] != "A" else "B")
    seen = set()
    for path in ("/p/unknown", f"/p/{'a' * 65}", forged, expired, revoked):
        for more in ("", "/invoice", "/files/invoice.pdf"):
            answer = web.client.get(path + more)
            seen.add((answer.status_code, answer.text, tuple(sorted(answer.headers.items()))))
        answer = web.client.post(path, data={"kind": "dispute", "topic": "price"})
        seen.add((answer.status_code, answer.text, tuple(sorted(answer.headers.items()))))
    ((status, text, _),) = seen
    assert status == 404
    assert "2026-103977" not in text
    assert "Veldhoek" not in text


def test_what_opens_nothing_costs_the_same_queries(web: Web, shared: Shared) -> None:
    """Time follows from work: the database is asked the same for a forged link as for an unknown one."""
    with web.gateway.database.read() as connection:
        engine = connection.engine
    counts = []
    with web.gateway.database.begin() as connection:
        now = web.gateway.clock()
        Links(web.gateway).revoke(connection, shared.link, by="marit", now=now)
    for path in ("/p/unknown", shared.path[:-1] + "-", shared.path):
        asked: list[str] = []
        heard = lambda *told, asked=asked: asked.append(told[2])  # noqa: E731
        event.listen(engine, "before_cursor_execute", heard)
        assert web.client.get(path).status_code == 404
        event.remove(engine, "before_cursor_execute", heard)
        counts.append(asked)
    assert counts[0] == counts[1] == counts[2]


def test_one_link_shows_nothing_of_other_invoices(web: Web, shared: Shared) -> None:
    other = at_buyer(
        web.gateway,
        invoice(
            "2026-999",
            today=web.gateway.clock().date(),
            buyer="Somebody Else BV",
            lines=(line(1, "Secret thing", "1", "5.00"),),
        ),
    )
    page = web.client.get(shared.path).text
    assert "2026-999" not in page
    assert "Somebody Else" not in page
    assert web.client.get(f"{shared.path}/files/{other.document_digest}").status_code == 404
    for place in ("/invoices", f"/invoices/{shared.one.id}", "/api/v1/invoices"):
        assert web.client.get(place).status_code == 401


def test_who_calls_too_often_rests_whether_the_link_is_right_or_not(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "ADDRESS_LIMIT", 3)
    get = shared.web.client.get
    assert [get("/p/unknown").status_code for _ in range(3)] == [404] * 3
    for path in (shared.path, "/p/unknown"):
        answer = get(path)
        assert answer.status_code == 429
        assert 500 < int(answer.headers["retry-after"]) <= 600
        assert "A short pause, please" in answer.text
    assert events(shared.web, shared.one, "portal opened") == []


def test_one_link_is_not_opened_without_end(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "LINK_LIMIT", 2)
    _, other = share(shared.web.gateway, shared.one)
    get = shared.web.client.get
    assert [get(shared.path).status_code for _ in range(4)] == [200, 200, 429, 429]
    assert get(other).status_code == 200
    # The record grows no further than the limit.
    assert len(events(shared.web, shared.one, "portal opened")) == 3


def test_the_browser_decides_the_language_and_the_reader_may_change_it(shared: Shared) -> None:
    get = shared.web.client.get
    assert "Betaal alstublieft uiterlijk" in get(shared.path, headers={"Accept-Language": "nl"}).text
    chosen = get(f"{shared.path}?language=de", headers={"Accept-Language": "nl"}).text
    assert '<html lang="de">' in chosen
    assert "Bitte zahlen Sie bis" in chosen
    # The choice goes along with every way on.
    ways = re.findall(rf'(?:href|action)="({re.escape(shared.path)}[^"]*)"', chosen)
    assert len(ways) > 8
    assert all("?language=" in way for way in ways)
    assert '<html lang="en">' in get(f"{shared.path}?language=xx", headers={"Accept-Language": "zz"}).text


@pytest.mark.parametrize(
    ("due_in", "words"),
    [
        (0, "Please pay today"),
        (1, "Please pay by tomorrow"),
        (30, "in 30 days."),
        (-1, "1 day ago."),
        (-40, "40 days ago."),
        (None, "30 days net"),
    ],
)
def test_the_day_is_said_in_words(web: Web, due_in: int | None, words: str) -> None:
    assert words in shown(web, due_in=due_in)


def test_a_paid_invoice_asks_for_nothing(web: Web) -> None:
    page = shown(web, State.PAID)
    assert "Paid. Thank you." in page
    assert "Pay by bank transfer" not in page
    assert "<form" not in page
    # A question must still reach somebody.
    assert "+32 15 55 01 20" in page


def test_a_refused_or_replaced_invoice_is_not_to_be_paid(web: Web) -> None:
    for state, words in ((State.REJECTED, "was refused"), (State.SUPERSEDED, "has taken its place")):
        one = at_buyer(web.gateway, invoice(f"2026-{state}", today=web.gateway.clock().date()))
        _, path = share(web.gateway, one)
        with web.gateway.database.begin() as connection:
            now = web.gateway.clock()
            one = submissions.move(connection, one, State.REJECTED, "rejected", {}, now=now)
            if state is State.SUPERSEDED:
                submissions.move(connection, one, state, "superseded", {}, now=now)
        page = web.client.get(path).text
        assert words in page
        assert "BE71" not in page
        assert "<form" not in page


def test_a_credit_note_has_no_payment(web: Web) -> None:
    page = shown(web, type_code="381", payment=None, due_in=None)
    assert "a credit in your favour" in page
    assert "We will pay on a date" not in page


def test_a_part_paid_invoice_shows_the_rest_and_no_code_over_the_whole(web: Web) -> None:
    one = at_buyer(web.gateway, invoice(today=web.gateway.clock().date()))
    with web.gateway.database.begin() as connection:
        connection.execute(
            insert(payments).values(
                submission=one.id,
                state=PaymentState.PARTLY_PAID,
                currency="EUR",
                paid=Decimal("1000.00"),
                evidence="",
                seen_at=web.gateway.clock(),
            )
        )
    page = web.client.get(share(web.gateway, one)[1]).text
    assert "Still open: EUR 3,519.35" in page
    assert "Payment code" not in page


def test_a_direct_debit_needs_nothing_of_the_buyer(web: Web) -> None:
    debit = PaymentInstructions(
        means_code="59", direct_debit=DirectDebit(mandate="M-1", debited_account="BE71096123456769")
    )
    page = shown(web, payment=debit)
    assert "you need not do anything" in page
    assert "Pay by bank transfer" not in page
    assert "We will pay on a date" not in page


def test_what_an_invoice_says_is_never_markup(web: Web) -> None:
    evil = '<script>alert(1)</script>"onload="x'
    page_of = at_buyer(
        web.gateway,
        invoice(
            today=web.gateway.clock().date(),
            buyer=evil,
            lines=(line(1, evil, "1", "5.00"), line(2, evil, "1", "5.00")),
        ),
    )
    text = web.client.get(share(web.gateway, page_of)[1]).text
    assert "<script" not in text
    assert 'onload="x' not in text


def test_a_very_long_invoice_stays_a_small_page(web: Web) -> None:
    lines = tuple(line(number, f"Item {number}", "1", "5.00") for number in range(1, 701))
    one = at_buyer(web.gateway, invoice(today=web.gateway.clock().date(), lines=lines))
    text = web.client.get(share(web.gateway, one)[1]).text
    assert "600 more lines are in the file." in text
    assert len(text) < 90_000
