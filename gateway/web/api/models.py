"""What the API answers, with examples. Amounts are decimal texts, moments ISO 8601 in UTC."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.store.inbox import Item
from gateway.store.journal import Entry
from gateway.store.submissions import Submission

__all__ = ["Event", "Events", "Invoice", "Invoices", "Received", "ReceivedPage", "Term", "amount_text"]


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


def amount_text(value: object) -> str:
    """An amount as text, "" for none."""
    return "" if value is None else str(value)


class Invoice(_Told):
    """One revision of one invoice on its way to one channel."""

    id: str = Field(examples=["3f0c1a52-6c1d-4f0e-9a51-0d1c1a2b3c4d"])
    number: str = Field(examples=["2026-104102"])
    source: str = Field(examples=["sap-nordlicht"])
    source_key: str = Field(examples=["0090000214"])
    buyer: str = Field(examples=["Chemiepark Rodenau GmbH & Co. KG"])
    issue_date: date | None = Field(examples=["2026-11-14"])
    currency: str = Field(examples=["EUR"])
    amount: str = Field(
        description="payable amount (BT-115), '' while it is not known", examples=["10238.76"]
    )
    state: str = Field(examples=["parked"])
    verdict: str = Field(description="document, route, provider, precondition, or ''", examples=["document"])
    sentence: str = Field(examples=["the lines add up to 8,640.00, but the invoice says 8,604.00"])
    fix: str = Field(examples=["correct the discount in SAP"])
    profile: str = Field(examples=["peppol-bis-3"])
    channel: str = Field(examples=["peppol-access-point"])
    message_id: str
    due_at: datetime | None = Field(description="when it is tried again by itself")
    received_at: datetime
    changed_at: datetime
    sent_at: datetime | None

    @classmethod
    def of(cls, one: Submission) -> Invoice:
        return cls(
            id=one.id,
            number=one.number,
            source=one.source,
            source_key=one.source_key,
            buyer=one.buyer,
            issue_date=one.issue_date,
            currency=one.currency,
            amount=amount_text(one.amount),
            state=one.state.value,
            verdict=one.verdict,
            sentence=one.sentence,
            fix=one.fix,
            profile=one.profile,
            channel=one.channel,
            message_id=one.message_id,
            due_at=one.due_at,
            received_at=one.received_at,
            changed_at=one.changed_at,
            sent_at=one.sent_at,
        )


class Invoices(_Told):
    """One page. `next` is the `after` of the next one, "" at the end."""

    items: list[Invoice]
    next: str = Field(examples=["WyJyZWNlaXZlZCIsIC4uLl0"])


class Event(_Told):
    """One entry of the journal."""

    seq: int = Field(examples=[1284377])
    at: datetime
    submission: str
    actor: str = Field(examples=["gateway"])
    event: str = Field(examples=["delivered"])
    data: dict[str, Any] = Field(examples=[{"channel": "peppol-access-point", "state": "delivered"}])
    digest: str = Field(description="SHA-256 of the entry and of the one before it")

    @classmethod
    def of(cls, entry: Entry) -> Event:
        return cls(
            seq=entry.seq,
            at=datetime.fromisoformat(entry.at),
            submission=entry.submission,
            actor=entry.actor,
            event=entry.event,
            data=json.loads(entry.data),
            digest=entry.digest,
        )


class Events(_Told):
    """Entries in order. `next` is the `after` of the next page, 0 at the end."""

    items: list[Event]
    next: int = Field(examples=[1284377])


class Term(_Told):
    """Where one business term came from."""

    term: str = Field(examples=["BT-115"])
    value: str = Field(examples=["10238.76"])
    path: str = Field(description="in the ERP's document", examples=["to_PricingElement[0].NetAmount"])
    field: str = Field(description="as the ERP calls it", examples=["Net value"])
    mapping: str = Field(examples=["sap_billing_document.yaml"])
    line: int = Field(examples=[112])


class Received(_Told):
    """One document that came over the network."""

    id: str
    kind: str = Field(examples=["invoice"])
    state: str = Field(examples=["handed over"])
    verdict: str
    sentence: str
    fix: str
    number: str
    seller: str
    buyer: str
    issue_date: date | None
    currency: str
    amount: str
    profile: str
    access_point: str = Field(description="the seat of the sending access point", examples=["POP000002"])
    handed_to: str
    received_at: datetime

    @classmethod
    def of(cls, item: Item) -> Received:
        return cls(
            id=item.id,
            kind=item.kind.value,
            state=item.state.value,
            verdict=item.verdict,
            sentence=item.sentence,
            fix=item.fix,
            number=item.number,
            seller=item.seller,
            buyer=item.buyer,
            issue_date=item.issue_date,
            currency=item.currency,
            amount=amount_text(item.amount),
            profile=item.profile,
            access_point=item.peer,
            handed_to=item.handed_to,
            received_at=item.received_at,
        )


class ReceivedPage(_Told):
    """Received documents, newest first. `next` is the `after` of the next page, "" at the end."""

    items: list[Received]
    next: str = Field(examples=["WyIyMDI2LTExLTIyVDA5OjAwOjAwIiwgLi4uXQ"])
