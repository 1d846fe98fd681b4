"""What a connector makes of one invoice: a document in JSON, or the reason why a person has to look."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.base import (
    OpenInvoice,
    Page,
    PaymentState,
    PaymentStatus,
    RejectedDocument,
    SourceDocument,
)
from formats.errors import DocumentError

__all__ = [
    "cancelled",
    "document_or_reason",
    "facts",
    "for_people",
    "insist_on_sum",
    "json_document",
    "page_of",
    "settlement",
    "total_of",
    "without",
]


def json_document(
    content: Mapping[str, object], *, key: str, revision: str, origin: str, lasting: object
) -> SourceDocument:
    """A bundle as JSON, always written alike. `lasting` is what decides whether it came again unchanged:
    without change markers, and without what payments and our own notes move."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1)
    counted = json.dumps(lasting, ensure_ascii=False, sort_keys=True)
    return SourceDocument(
        key=key,
        revision=revision,
        media_type="application/json",
        content=text.encode(),
        origin=origin,
        fingerprint=hashlib.sha256(counted.encode()).hexdigest(),
    )


def for_people(system: str, key: str, number: object, what: str, *, fix: str) -> RejectedDocument:
    """An invoice that is not sent, and why."""
    origin = f"{system} invoice {number}"
    return RejectedDocument(key, origin, DocumentError(what, where=origin, fix=fix))


def cancelled(system: str, key: object, number: object) -> RejectedDocument:
    """An invoice that was cancelled after it had been posted: the buyer may have it already."""
    what = f"invoice {number} was cancelled in {system} after it was posted"
    fix = f"if the buyer has it, make a credit note in {system}; then dismiss this"
    return for_people(system, f"{key}:cancelled", number, what, fix=fix)


def document_or_reason(
    make: Callable[[], Mapping[str, Any]],
    *,
    key: str,
    revision: str,
    origin: str,
    lasting: Callable[[Mapping[str, Any]], object],
) -> SourceDocument | RejectedDocument:
    """The document of the bundle that `make` makes, or the DocumentError that it raises, for people."""
    try:
        content = make()
    except DocumentError as problem:
        return RejectedDocument(key, origin, problem)
    return json_document(content, key=key, revision=revision, origin=origin, lasting=lasting(content))


def without(content: Mapping[str, Any], *left_out: str) -> dict[str, Any]:
    """A record but for some of its fields."""
    return {name: value for name, value in content.items() if name not in left_out}


def page_of(found: Iterable[SourceDocument | RejectedDocument], cursor: str) -> Page:
    """A page of what came, documents and what people have to look at."""
    both = list(found)
    return Page(
        tuple(one for one in both if isinstance(one, SourceDocument)),
        cursor,
        tuple(one for one in both if isinstance(one, RejectedDocument)),
    )


def total_of(values: Iterable[str | None]) -> Decimal:
    """The sum of amounts in text; one that is not there counts nothing."""
    return sum((Decimal(value or "0") for value in values), Decimal(0))


def insist_on_sum(system: str, number: object, amounts: Iterable[str | None], said: str | None) -> None:
    """Raises DocumentError where the lines that could be read are not all there are: without a line, an
    invoice would go out that says less than it should."""
    made = total_of(amounts)
    if made != total_of([said]):
        raise DocumentError(
            f"the lines of invoice {number} make {made}, its untaxed amount is {said}",
            where=f"{system} invoice {number}",
            fix="look for lines that the gateway's user may not read, or for a discount booked on the "
            "invoice and not on its lines",
        )


def facts(**found: object) -> dict[str, str]:
    """A buyer's facts in plain words, empty ones left out."""
    return {name: str(value) for name, value in found.items() if value}


def settlement(
    asked: OpenInvoice,
    *,
    total: Decimal,
    left: Decimal,
    money: bool,
    settled: bool,
    currency: str = "",
    days: Iterable[str] = (),
    evidence: Iterable[str] = (),
) -> PaymentStatus:
    """How far an invoice is settled, by what of its total is left.

    `settled` is what the ERP itself says; `money` tells whether a payment had a part in it. `days` are the
    days of what settled it (2026-11-22), `evidence` how people find that.
    """
    paid = total if settled else max(total - left, Decimal(0))
    if settled:
        state = PaymentState.PAID if money else PaymentState.SETTLED
    else:
        state = PaymentState.PARTLY_PAID if paid else PaymentState.OPEN
    last = max(days, default="")
    return PaymentStatus(
        key=asked.key,
        number=asked.number,
        state=state,
        currency=currency or asked.currency,
        paid=paid,
        on=date.fromisoformat(last[:10]) if last else None,
        evidence=", ".join(one for one in evidence if one)[:200],
    )
