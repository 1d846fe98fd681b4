"""Delivery status notifications (RFC 3462, 3464): what became of a message that a mail server took from
us."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Final

from formats.errors import MalformedDocument

__all__ = ["DeliveryNotice", "read_notice"]

_ACTIONS: Final = ("delivered", "relayed", "expanded", "failed", "delayed")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MOST_PARTS: Final = 40


@dataclass(frozen=True, slots=True)
class DeliveryNotice:
    """One notification: our message id ("" if it is about somebody else's message), the action of RFC 3464
    and what the other side said; `at` is aware UTC, None where no part has a readable date."""

    message_id: str
    action: str
    status: str
    text: str
    at: datetime | None


def read_notice(content: bytes, *, domain: str) -> DeliveryNotice:
    """Read one notification about a message that was sent from `domain`.

    Our message is known by Original-Envelope-Id, which is our message id, or by the Message-ID of the
    returned original. Raises MalformedDocument if there is no delivery status in it.
    """
    # Nesting is bounded before the parser, which works recursively, sees it.
    if content.lower().count(b"content-type") > _MOST_PARTS:
        raise _damaged(f"it has more than {_MOST_PARTS} parts")
    report = email.message_from_bytes(content, policy=email.policy.compat32)
    groups: list[Message] = []
    original = ""
    for part in report.walk():
        kind = part.get_content_type()
        payload = part.get_payload()
        if kind in ("message/delivery-status", "message/global-delivery-status") and isinstance(
            payload, list
        ):
            groups = [group for group in payload if isinstance(group, Message)]
        elif kind == "message/rfc822" and isinstance(payload, list):
            heads = [head for head in payload if isinstance(head, Message)]
            original = original or next((_field(head, "Message-ID") for head in heads), "")
        elif kind in ("text/rfc822-headers", "message/rfc822-headers") and isinstance(payload, str):
            head = email.message_from_string(payload, policy=email.policy.compat32)
            original = original or _field(head, "Message-ID")
    receivers = [group for group in groups if _field(group, "Action")]
    if not receivers:
        raise _damaged("it names no receiver and no action")
    action, about = _outcome(receivers)
    envelope = next((value for group in groups if (value := _field(group, "Original-Envelope-Id"))), "")
    return DeliveryNotice(
        message_id=_ours(envelope, original, domain),
        action=action,
        status=_field(about, "Status")[:20],
        text=_words(about, action),
        at=next(_dates(about, report), None),
    )


def _outcome(receivers: list[Message]) -> tuple[str, Message]:
    """One message has one receiver, but a mail server may have passed it on to several: one arrival
    counts."""
    found = {_field(group, "Action").lower(): group for group in reversed(receivers)}
    for action in _ACTIONS:
        if action in found:
            return action, found[action]
    raise _damaged("its action is none that RFC 3464 knows")


def _ours(envelope: str, original: str, domain: str) -> str:
    if _UUID.fullmatch(envelope):
        return envelope.lower()
    local, _, host = original.strip("<> ").rpartition("@")
    return local.lower() if _UUID.fullmatch(local) and host.lower() == domain.lower() else ""


def _words(about: Message, action: str) -> str:
    receiver = _field(about, "Final-Recipient").rpartition(";")[2].strip()
    diagnostic = _field(about, "Diagnostic-Code").partition(";")[2].strip()
    status = _field(about, "Status")
    return " ".join(part for part in (f"{action} at {receiver},", status, diagnostic) if part)[:500]


def _dates(about: Message, report: Message) -> Iterator[datetime]:
    for text in (_field(about, "Last-Attempt-Date"), _field(report, "Date")):
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError, OverflowError):
            continue
        try:
            # A date without a zone ("-0000") is UTC by RFC 5322, 3.3.
            yield moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except OverflowError:
            continue


def _field(group: Message, name: str) -> str:
    """One header as plain text in one line, "" if it is not there."""
    value = group.get(name)
    return "" if value is None else re.sub(r"[\x00-\x20\x7f]+", " ", str(value)).strip()[:1_000]


def _damaged(what: str) -> MalformedDocument:
    return MalformedDocument(
        f"this is not a readable delivery notification: {what}",
        where="delivery notification",
        fix="read the message yourself and move it out of the folder",
    )
