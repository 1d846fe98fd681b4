"""Incoming payments: decided once, posted once, journaled, and never lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from connectors.base import IncomingPayment, WriteBack
from formats.errors import ConfigError, ConflictError, EInvoicingError, RemoteBlocked, RemoteUnavailable
from gateway.pipeline.post_payments import can_post, post_payments, queue_payment
from gateway.store import journal, postings
from gateway.store.postings import Posting
from tests.gateway.stories import Story

SOURCE = "sap-nordlicht"
ACCOUNT = "DE93700009990012345678"
PAYMENT = IncomingPayment(
    "CAMT-2026-11-20-7",
    date(2026, 11, 20),
    "EUR",
    Decimal("150.00"),
    (("k1", "90000214", Decimal("100.00")), ("k2", "90000215", Decimal("50.00"))),
    ACCOUNT,
    "statement 231, entry 7",
)


@dataclass
class Books:
    """An ERP that payments are posted to."""

    held: list[str] = field(default_factory=list)
    problem: EInvoicingError | None = None
    answer_lost: bool = False

    def post_payment(self, payment: IncomingPayment) -> WriteBack:
        if self.problem is not None:
            raise self.problem
        existed = payment.reference in self.held
        if not existed:
            self.held.append(payment.reference)
        if self.answer_lost:
            self.answer_lost = False
            raise RemoteUnavailable("no answer", where="ERP", fix="it is tried again", uncertain=True)
        return WriteBack(f"document of {payment.reference}", existed)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def books(story: Story) -> Iterator[Books]:
    books = Books()
    story.gateway._sources[SOURCE] = books  # type: ignore[assignment]  # only payments are posted
    yield books
    del story.gateway._sources[SOURCE]


def queue(story: Story, payment: IncomingPayment = PAYMENT) -> bool:
    with story.gateway.database.begin() as connection:
        return queue_payment(connection, story.gateway, SOURCE, payment, actor="matching")


def events(story: Story) -> list[str]:
    with story.gateway.database.read() as connection:
        return [one.event for one in journal.entries(connection) if "payment" in one.event]


def posting(story: Story, reference: str = PAYMENT.reference) -> Posting:
    with story.gateway.database.read() as connection:
        found = postings.get(connection, reference)
    assert found is not None
    return found


def test_a_payment_is_posted_once(story: Story, books: Books) -> None:
    assert can_post(story.gateway, SOURCE)
    assert queue(story)
    assert not queue(story), "decided twice is decided once"
    assert posting(story).payment == PAYMENT
    assert post_payments(story.gateway, SOURCE) == 1
    assert post_payments(story.gateway, SOURCE) == 0
    assert books.held == [PAYMENT.reference]
    assert posting(story).written_to == f"document of {PAYMENT.reference}"
    assert events(story) == ["payment to post", "payment posted"]


def test_the_journal_shows_no_account(story: Story, books: Books) -> None:
    queue(story)
    post_payments(story.gateway, SOURCE)
    with story.gateway.database.read() as connection:
        text = json.dumps([one.data for one in journal.entries(connection)])
    assert ACCOUNT not in text
    assert ACCOUNT not in repr(posting(story))
    assert "EUR 150.00" in text


def test_a_lost_answer_posts_nothing_twice(story: Story, books: Books) -> None:
    queue(story)
    books.answer_lost = True
    story.runner.post_payments(SOURCE)
    assert posting(story).verdict == "provider"
    story.clock.advance(minutes=10)
    story.runner.post_payments(SOURCE)
    assert books.held == [PAYMENT.reference]
    assert posting(story).done_at == story.clock()


def test_a_closed_period_is_told_and_tried_rarely(story: Story, books: Books) -> None:
    queue(story)
    queue(story, replace(PAYMENT, reference="B"))
    books.problem = RemoteBlocked("period 10/2026 is closed", where="ERP", fix="open it, or post by hand")
    assert post_payments(story.gateway, SOURCE) == 0
    found = posting(story)
    assert (found.verdict, found.sentence) == (
        "precondition",
        "Period 10/2026 is closed. Open it, or post by hand",
    )
    assert found.due_at == story.clock() + timedelta(hours=1)
    assert posting(story, "B").verdict == "precondition", "the next one is tried all the same"
    story.clock.advance(hours=1)
    post_payments(story.gateway, SOURCE)
    assert events(story).count("payment not posted") == 2, "the same reason is journaled once"
    books.problem = None
    story.clock.advance(hours=1)
    assert post_payments(story.gateway, SOURCE) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        replace(PAYMENT, amount=Decimal("150.01")),
        replace(PAYMENT, amount=Decimal("0"), invoices=()),
        replace(PAYMENT, invoices=(("k1", "1", Decimal("200.00")), ("k2", "2", Decimal("-50.00")))),
    ],
)
def test_parts_that_do_not_make_the_amount_are_refused(story: Story, wrong: IncomingPayment) -> None:
    with pytest.raises(ConfigError, match="do not make its amount"):
        queue(story, wrong)


def test_one_reference_is_one_payment(story: Story) -> None:
    queue(story)
    other = replace(PAYMENT, amount=Decimal("100.00"), invoices=PAYMENT.invoices[:1])
    with pytest.raises(ConflictError):
        queue(story, other)


def test_an_interface_that_cannot_post_says_so(story: Story) -> None:
    assert not can_post(story.gateway, SOURCE)
    queue(story)
    assert post_payments(story.gateway, SOURCE) == 0
    assert "cannot post payments" in posting(story).sentence
