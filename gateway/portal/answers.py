"""What a buyer says about an invoice on its portal page: a question, a dispute, a day of payment.

It takes the way of an Invoice Response that came over the network: the same codes, the same changes of state,
the same news to the ERP, and where both parties have an electronic address the same document as evidence.
None is sent: only the buyer's own access point may speak for the buyer on the network. A link needs no
account, so what is said over it is never final: it cannot reject an invoice, nor say that it is paid.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final
from unicodedata import category, normalize

from sqlalchemy import Connection

from formats.errors import MalformedDocument
from formats.model import Invoice
from formats.responses import invoice_response
from formats.responses.invoice_response import (
    ActionCode,
    Clarification,
    Contact,
    InvoiceReference,
    InvoiceResponse,
    ReasonCode,
    RespondingParty,
    ResponseCode,
)
from gateway.pipeline import answers, news
from gateway.pipeline.convert import invoice_of
from gateway.pipeline.submission import State
from gateway.store import documents, journal
from gateway.store.portal_links import PortalLink
from gateway.store.submissions import Submission
from gateway.wiring import Gateway

__all__ = [
    "EVENT",
    "LONGEST_MAIL",
    "LONGEST_TEXT",
    "Kind",
    "Said",
    "Topic",
    "WholeInvoice",
    "actor",
    "earlier",
    "latest_day",
    "may_answer",
    "plain",
    "take_in",
]

EVENT: Final = "portal answer"
LONGEST_TEXT: Final = 1_000
LONGEST_MAIL: Final = 200
WholeInvoice: Final = ""
# The same words again within this time are a button pressed twice.
_SAME_WITHIN: Final = timedelta(minutes=10)
_FURTHEST_DAY: Final = timedelta(days=366)
_ANSWERABLE: Final = frozenset({State.SENT, State.DELIVERED, State.ACCEPTED, State.DISPUTED})


class Kind(StrEnum):
    """What the buyer wants to say."""

    QUESTION = "question"
    DISPUTE = "dispute"
    PAYMENT = "payment"


class Topic(StrEnum):
    """What a dispute is about."""

    QUANTITY = "quantity"
    PRICE = "price"
    DELIVERY = "delivery"
    REFERENCES = "references"
    NOT_OURS = "not ours"
    OTHER = "other"


_REASONS: Final[Mapping[Topic, ReasonCode]] = MappingProxyType(
    {
        Topic.QUANTITY: ReasonCode.QUANTITY,
        Topic.PRICE: ReasonCode.PRICES,
        Topic.DELIVERY: ReasonCode.DELIVERY,
        Topic.REFERENCES: ReasonCode.REFERENCES,
        Topic.NOT_OURS: ReasonCode.NOT_RECOGNISED,
        Topic.OTHER: ReasonCode.OTHER,
    }
)
# Whole, for other languages order their words by the sentence.
_DISPUTED: Final[Mapping[Topic, str]] = MappingProxyType(
    {
        Topic.QUANTITY: "the buyer says that the quantity is not right",
        Topic.PRICE: "the buyer says that the price is not right",
        Topic.DELIVERY: "the buyer says that it was not delivered, or damaged",
        Topic.REFERENCES: "the buyer says that order number or address is not right",
        Topic.NOT_OURS: "the buyer says that the invoice is not for them",
        Topic.OTHER: "the buyer says that something is not right",
    }
)


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that the buyer said. `line` is the line's own number (BT-126) with its name, "" for the whole
    invoice; `on` a day without time zone."""

    kind: Kind
    text: str = ""
    mail: str = ""
    topic: Topic = Topic.OTHER
    line: str = WholeInvoice
    on: date | None = None

    @property
    def sentence(self) -> str:
        """For the clerk and the ERP, in one or two sentences."""
        match self.kind:
            case Kind.PAYMENT:
                told = f"the buyer will pay on {self.on:%-d %B %Y}" if self.on else "the buyer will pay"
            case Kind.QUESTION:
                told = f"the buyer asks: {self.text}"
            case Kind.DISPUTE:
                where = f", line {self.line}" if self.line else ""
                about = f": {self.text}" if self.text else ""
                told = f"{_DISPUTED[self.topic]}{where}{about}"
        return f"{told.rstrip('.')}. Answer to {self.mail}" if self.mail else told


def may_answer(submission: Submission) -> bool:
    """Whether what the buyer says now would reach a person: the invoice is at the buyer, and not settled."""
    return submission.step in _ANSWERABLE


def latest_day(today: date) -> date:
    """The last day that can be named for a payment."""
    return today + _FURTHEST_DAY


def actor(link: PortalLink) -> str:
    """How the journal names whoever holds a link."""
    return f"buyer (link {link.id[:8]})"


def plain(text: str, longest: int) -> str:
    """What somebody typed as one bounded text: composed, without control signs, line breaks as blanks."""
    kept = "".join(" " if category(sign) in ("Cc", "Cs", "Cf") else sign for sign in text[: longest * 2])
    return " ".join(normalize("NFC", kept).split())[:longest]


def take_in(
    connection: Connection, gateway: Gateway, link: PortalLink, submission: Submission, said: Said
) -> Submission:
    """Take in what the buyer said, in the caller's transaction: journaled, the invoice moved as by an Invoice
    Response, the ERP told. The same words again within ten minutes change nothing.

    Raises ConflictError where the invoice was changed meanwhile.
    """
    now = gateway.clock()
    if _said_just_now(connection, submission, said, now):
        return submission
    invoice = invoice_of(connection, submission)
    meant = _meant(invoice, said)
    data = {"link": link.id, **_words(said)}
    journal.append(connection, EVENT, data, now=now, submission=submission.id, actor=actor(link))
    told: dict[str, Any] = {
        "channel": "portal",
        "response": meant.code,
        "reasons": [one.code for one in meant.clarifications if one.list_id == "OPStatusReason"],
        "actions": [one.code for one in meant.clarifications if one.list_id == "OPStatusAction"],
    }
    if content := _document(invoice, meant, said.mail, now):
        told["receipt"] = documents.put(connection, content, "application/xml", now=now)
    wanted = State.ACCEPTED if said.kind is Kind.PAYMENT else State.DISPUTED
    if not may_answer(submission):
        # An answer proves that an invoice was sent only where it came the way of the invoice.
        journal.append(
            connection, "answer", {**told, "text": said.sentence}, now=now, submission=submission.id
        )
        news.queue(connection, submission, submission.step, said.sentence, now=now)
        return submission
    moved = answers.take_in(connection, gateway, submission, wanted, said.sentence, told)
    if moved.version == submission.version:
        # Nothing new in its state, and still news for whoever has to answer it.
        news.queue(connection, submission, wanted, said.sentence, now=now)
    return moved


def earlier(connection: Connection, submission: Submission) -> tuple[journal.Entry, ...]:
    """What was said on the portal about this invoice, oldest first."""
    return tuple(journal.entries(connection, submission=submission.id, event=EVENT))


def _said_just_now(connection: Connection, submission: Submission, said: Said, now: datetime) -> bool:
    last = earlier(connection, submission)[-1:]
    if not last or datetime.fromisoformat(last[0].at) <= now - _SAME_WITHIN:
        return False
    told = json.loads(last[0].data)
    return all(told[name] == value for name, value in _words(said).items())


def _words(said: Said) -> dict[str, str]:
    """What was said, as the journal keeps it."""
    return {
        "kind": said.kind,
        "topic": said.topic if said.kind is Kind.DISPUTE else "",
        "line": said.line,
        "said": said.text,
        "mail": said.mail,
        "on": said.on.isoformat() if said.on else "",
    }


@dataclass(frozen=True, slots=True)
class _Meant:
    """What was said, in the words of an Invoice Response."""

    code: ResponseCode
    clarifications: tuple[Clarification, ...] = ()
    note: str = ""


def _meant(invoice: Invoice, said: Said) -> _Meant:
    """As the buyer's system would say it. Source: Peppol Invoice Response 3 (transaction T111)."""
    told = said.text or said.sentence
    if said.kind is Kind.QUESTION:
        asked = Clarification.action(ActionCode.PROVIDE_INFORMATION)
        return _Meant(ResponseCode.UNDER_QUERY, (Clarification.reason(ReasonCode.OTHER, told), asked))
    if said.kind is Kind.DISPUTE:
        where = f"line {said.line}: " if said.line else ""
        reason = Clarification.reason(_REASONS[said.topic], where + told)
        return _Meant(ResponseCode.UNDER_QUERY, (reason,))
    if said.on is not None and invoice.due_date is not None and said.on > invoice.due_date:
        # Later than agreed: accepted on the condition that it may be.
        reason = Clarification.reason(ReasonCode.PAYMENT_TERMS, said.sentence)
        return _Meant(ResponseCode.CONDITIONALLY_ACCEPTED, (reason,))
    return _Meant(ResponseCode.ACCEPTED, note=said.sentence)


def _document(invoice: Invoice, meant: _Meant, mail: str, now: datetime) -> bytes:
    """The Invoice Response as a document; b"" where the network could not carry one."""
    buyer, seller = invoice.buyer, invoice.seller
    if not buyer or not seller or not buyer.electronic_address or not seller.electronic_address:
        return b""
    contact = Contact(mail=mail) if mail else None
    response = InvoiceResponse(
        id=str(uuid.uuid4()),
        issued_on=now.date(),
        sender=RespondingParty(buyer.electronic_address, buyer.name or "buyer", contact=contact),
        receiver=RespondingParty(seller.electronic_address, seller.name or "seller"),
        code=meant.code.value,
        invoice=InvoiceReference(invoice.number or "", invoice.type_code or "380", invoice.issue_date),
        clarifications=meant.clarifications,
        effective_on=now.date(),
        note=meant.note,
    )
    try:
        return invoice_response.write(response)
    except MalformedDocument:
        # Evidence beside the journal, which holds every word; an unusual party must not silence the buyer.
        return b""
