"""What an answer in the inbox says, for its page: an Invoice Response or a Message Level Status in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from formats.errors import EInvoicingError
from formats.responses import invoice_response, message_level_status
from formats.responses.invoice_response import Clarification, InvoiceResponse
from formats.responses.message_level_status import MessageLevelStatus
from gateway.store import documents
from gateway.store.inbox import Item, Kind

__all__ = ["Answer", "Point", "read"]

_MOST_POINTS = 50


@dataclass(frozen=True, slots=True)
class Point:
    """A reason, an action or a finding: what its code means, what was written, and about which terms."""

    code: str
    name: str
    text: str
    about: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `points` is why, or what was found; `wanted` what is asked for; `more` were left out."""

    code: str
    name: str
    text: str
    points: tuple[Point, ...]
    wanted: tuple[Point, ...] = ()
    more: int = 0
    on: date | None = None
    sender: str = ""
    contact: str = ""


def read(connection: Connection, item: Item, language: str) -> Answer | None:
    """The answer that an item is; None for other items, and for one that cannot be read."""
    if item.kind not in (Kind.INVOICE_RESPONSE, Kind.MESSAGE_LEVEL_STATUS):
        return None
    try:
        content = documents.get(connection, item.document_digest).content
        if item.kind is Kind.INVOICE_RESPONSE:
            return _response(invoice_response.read(content), language)
        return _status(message_level_status.read(content), language)
    except EInvoicingError:  # the page shows what else is known
        return None


def _response(response: InvoiceResponse, language: str) -> Answer:
    contact = response.sender.contact
    return Answer(
        code=response.code,
        name=invoice_response.name_of("response.code", response.code, language),
        text=response.note,
        points=tuple(_point("response.reason", one, language) for one in response.reasons[:_MOST_POINTS]),
        wanted=tuple(_point("response.action", one, language) for one in response.actions[:_MOST_POINTS]),
        more=max(0, len(response.reasons) - _MOST_POINTS) + max(0, len(response.actions) - _MOST_POINTS),
        on=response.effective_on or response.issued_on,
        sender=response.sender.name,
        contact=", ".join(filter(None, (contact.name, contact.telephone, contact.mail))) if contact else "",
    )


def _point(messages: str, one: Clarification, language: str) -> Point:
    about = tuple((condition.attribute, condition.description) for condition in one.conditions)
    return Point(one.code, invoice_response.name_of(messages, one.code, language), one.text, about)


def _status(status: MessageLevelStatus, language: str) -> Answer:
    shown = status.issues[:_MOST_POINTS]
    return Answer(
        code=status.code,
        name=message_level_status.name_of("mls.code", status.code, language),
        text=status.text,
        points=tuple(
            Point(
                one.code,
                message_level_status.name_of("mls.issue", one.code, language),
                one.text,
                ((one.location, ""),) if one.location != message_level_status.NOT_APPLICABLE else (),
            )
            for one in shown
        ),
        more=len(status.issues) - len(shown),
        on=status.issued_at.date(),
        sender=str(status.sender),
    )
