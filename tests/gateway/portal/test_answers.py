"""What a buyer says: the invoice moves, the clerk and the ERP know, nothing said over a link is final."""

from __future__ import annotations

import json
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from formats.responses import invoice_response
from gateway.pipeline.submission import State, Verdict
from gateway.portal.answers import Kind, Said, Topic
from gateway.store import documents, journal, reports
from gateway.web.portal import door
from gateway.web.portal.forms import judged
from tests.gateway.portal.conftest import Shared
from tests.gateway.portal.shared import again, at_buyer, invoice, share
from tests.gateway.web.conftest import Web


def say(shared: Shared, **form: str) -> Any:
    return shared.web.client.post(shared.path, data=form)


def entries(shared: Shared, event: str) -> list[tuple[str, dict[str, Any]]]:
    with shared.web.gateway.database.read() as connection:
        return [
            (e.actor, json.loads(e.data))
            for e in journal.entries(connection, submission=shared.one.id, event=event)
        ]


def news(shared: Shared) -> list[tuple[str, str]]:
    with shared.web.gateway.database.read() as connection:
        return [(one.state, one.text) for one in reports.of(connection, shared.one.id)]


def response(shared: Shared) -> invoice_response.InvoiceResponse:
    """The newest answer as the document that the network knows."""
    with shared.web.gateway.database.read() as connection:
        last = [
            json.loads(e.data)
            for e in journal.entries(connection, submission=shared.one.id)
            if "response" in e.data and "receipt" in e.data
        ][-1]
        return invoice_response.read(documents.get(connection, last["receipt"]).content)


def test_a_dispute_is_work_for_the_clerk_and_news_for_the_erp(shared: Shared) -> None:
    answer = say(shared, kind="dispute", topic="quantity", line="2", text="We ordered 4 rings, not 6")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{shared.path}?said=dispute"
    now = again(shared.web.gateway, shared.one)
    sentence = (
        "the buyer says that the quantity is not right, line 2 Slijtring SR-210: We ordered 4 rings, not 6"
    )
    assert (now.state, now.verdict, now.sentence) == (State.DISPUTED, Verdict.DOCUMENT, sentence)
    assert news(shared)[-1] == ("disputed", sentence)
    ((actor, told),) = entries(shared, "portal answer")
    assert actor == f"buyer (link {shared.link.id[:8]})"
    assert (told["kind"], told["topic"], told["said"]) == ("dispute", "quantity", "We ordered 4 rings, not 6")
    found = response(shared)
    assert (found.code, found.reasons[0].code, found.invoice.number) == ("UQ", "QTY", "2026-103977")
    work = unescape(shared.web.client.get("/", headers=shared.web.headers("marit")).text)
    assert "We ordered 4 rings, not 6" in work


def test_a_question_says_where_the_answer_goes(shared: Shared) -> None:
    assert say(shared, kind="question", text="Which order?", mail="an@klaproos.example").status_code == 303
    now = again(shared.web.gateway, shared.one)
    assert now.state is State.DISPUTED
    assert now.sentence == "the buyer asks: Which order?. Answer to an@klaproos.example"
    found = response(shared)
    assert (found.code, found.actions[0].code) == ("UQ", "PIN")
    # Others at the buyer's see that a question was asked, not whose mail address it was.
    page = shared.web.client.get(shared.path).text
    assert "Which order?" in page
    assert "an@klaproos.example" not in page


@pytest.mark.parametrize(("days", "code"), [(5, "AP"), (14, "AP"), (30, "CA")])
def test_a_day_of_payment_accepts_the_invoice(shared: Shared, days: int, code: str) -> None:
    """Later than agreed it is accepted on a condition."""
    day = shared.web.gateway.clock().date() + timedelta(days=days)
    assert say(shared, kind="payment", on=day.isoformat()).status_code == 303
    assert again(shared.web.gateway, shared.one).state is State.ACCEPTED
    assert response(shared).code == code
    assert news(shared)[-1][1] == f"the buyer will pay on {day:%-d %B %Y}"


def test_after_a_promise_something_may_still_turn_out_wrong_and_then_right(shared: Shared) -> None:
    day = (shared.web.gateway.clock().date() + timedelta(days=3)).isoformat()
    states = []
    for form in (
        {"kind": "payment", "on": day},
        {"kind": "dispute", "topic": "price"},
        {"kind": "dispute", "topic": "delivery"},
        {"kind": "payment", "on": day, "text": "found it"},
    ):
        assert shared.web.client.post(shared.path, data=form).status_code == 303
        states.append(again(shared.web.gateway, shared.one).state)
    # The last one repeats the first within ten minutes, and yet the invoice is no longer as it was then.
    assert states[:3] == [State.ACCEPTED, State.DISPUTED, State.DISPUTED]
    assert states[3] is State.ACCEPTED
    assert len(entries(shared, "portal answer")) == 4
    # The second dispute changed no state, and the ERP knows of it all the same.
    assert sum("not delivered" in text for _, text in news(shared)) == 1


def test_a_button_pressed_twice_says_it_once(shared: Shared) -> None:
    for _ in range(2):
        assert say(shared, kind="dispute", topic="price", text="too dear").status_code == 303
    assert len(entries(shared, "portal answer")) == 1
    assert len(news(shared)) == 1


def test_nothing_said_over_a_link_is_final(shared: Shared) -> None:
    for topic in (*Topic, "rejected", ""):
        say(shared, kind="dispute", topic=topic, text="no")
        assert again(shared.web.gateway, shared.one).state is State.DISPUTED
    for kind in ("reject", "paid", "RE", ""):
        assert say(shared, kind=kind, text="no").status_code == 422


def test_a_buyer_without_electronic_address_is_heard_too(web: Web) -> None:
    """The journal holds every word; only the network's document cannot be made."""
    one = at_buyer(web.gateway, invoice(today=web.gateway.clock().date(), addressed=False))
    link, path = share(web.gateway, one)
    web.client.post(path, data={"kind": "dispute", "topic": "not ours"})
    assert again(web.gateway, one).state is State.DISPUTED
    ((_, told),) = entries(Shared(web, one, link, path), "disputed")
    assert "receipt" not in told


def test_a_sent_invoice_that_the_buyer_answers_has_arrived(web: Web) -> None:
    one = at_buyer(web.gateway, invoice(today=web.gateway.clock().date()), state=State.SENT)
    link, path = share(web.gateway, one)
    web.client.post(path, data={"kind": "dispute", "topic": "price"})
    assert again(web.gateway, one).state is State.DISPUTED
    assert len(entries(Shared(web, one, link, path), "delivered")) == 1


@pytest.mark.parametrize("state", [State.SENDING, State.READY])
def test_what_is_not_sent_yet_cannot_be_proven_sent_by_an_answer(web: Web, state: State) -> None:
    """A page left open may still send a form; the words are kept, the state is the channel's business."""
    one = at_buyer(web.gateway, invoice(today=web.gateway.clock().date()), state=state)
    link, path = share(web.gateway, one)
    assert "<form" not in web.client.get(path).text
    web.client.post(path, data={"kind": "dispute", "topic": "price"})
    assert again(web.gateway, one).state is state
    assert len(entries(Shared(web, one, link, path), "portal answer")) == 1


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"kind": "question", "text": "", "mail": "an@klaproos.example"}, "question-text"),
        ({"kind": "question", "text": "Why?", "mail": ""}, "question-mail"),
        ({"kind": "question", "text": "Why?", "mail": "not an address"}, "question-mail"),
        ({"kind": "dispute", "topic": "other", "text": "  "}, "dispute-text"),
        ({"kind": "payment", "on": ""}, "payment-on"),
        ({"kind": "payment", "on": "2020-01-01"}, "payment-on"),
        ({"kind": "payment", "on": "31.12.2026"}, "payment-on"),
    ],
)
def test_what_is_missing_is_said_beside_its_field_and_what_was_typed_stays(
    shared: Shared, form: dict[str, str], field: str
) -> None:
    answer = say(shared, **form)
    assert answer.status_code == 422
    page = unescape(answer.text)
    assert f'id="{field}"' in page
    assert f'id="{field}-wrong"' in page
    assert f'aria-describedby="{field}-wrong"' in page
    assert f'href="#{field}"' in page
    assert "Nothing was sent yet." in page
    assert form.get("text", "") in page
    assert entries(shared, "portal answer") == []
    assert again(shared.web.gateway, shared.one).state is State.DELIVERED


@pytest.mark.parametrize(
    "content",
    [b"kind=dispute&text=" + b"x" * 30_000, b"&".join(b"a=1" for _ in range(50)), b"kind=\xff\xfe", b""],
    ids=["large", "many fields", "no text", "empty"],
)
def test_a_form_that_is_not_ours_does_nothing(shared: Shared, content: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert shared.web.client.post(shared.path, content=content, headers=headers).status_code == 422
    assert shared.web.client.post(shared.path, json={"kind": "dispute"}).status_code == 422
    assert entries(shared, "portal answer") == []


def test_answers_are_limited_more_narrowly_than_views(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "ANSWER_LIMIT", 2)
    answers = [say(shared, kind="dispute", topic="price", text=f"no {n}").status_code for n in range(3)]
    assert answers == [303, 303, 429]
    assert len(entries(shared, "portal answer")) == 2
    assert shared.web.client.get(shared.path).status_code == 200


def test_what_is_typed_is_one_bounded_line_without_hidden_signs(shared: Shared) -> None:
    today = shared.web.gateway.clock().date()
    form = {"kind": "dispute", "topic": "price", "text": "a\r\n\u202eb\0 " + "é" * 3000, "line": "77"}
    typed = judged(form, {"1": "Pump"}, today)
    assert typed.said is not None
    assert typed.said.text.startswith("a b é")
    assert len(typed.said.text) == 1000
    # A line that the invoice does not have is not repeated.
    assert typed.said.line == ""


def test_the_page_says_thanks_and_nothing_that_an_address_makes_up(shared: Shared) -> None:
    get = shared.web.client.get
    assert "when to expect the payment" in get(f"{shared.path}?said=payment").text
    assert 'role="status"' not in get(f"{shared.path}?said=<script>").text


def test_sentences_are_for_people() -> None:
    said = Said(Kind.DISPUTE, "Call me.", "an@klaproos.example", Topic.DELIVERY)
    assert said.sentence == (
        "the buyer says that it was not delivered, or damaged: Call me. Answer to an@klaproos.example"
    )
