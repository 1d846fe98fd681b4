"""Message Level Status, both ways: what we tell the sending access point of each document, and what we are
told.

The network measures two service levels: a status leaves within 20 minutes of the receipt of its document, and
is with the sender of the document within 25; 99.5 % must. Source: Peppol MLS 1.1.0, its operational guidance
1.0.0.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from formats.finding import Finding, Severity
from formats.identifiers import Identifier, ParticipantId
from formats.responses import message_level_status
from formats.responses.message_level_status import Issue, IssueCode, MessageLevelStatus, StatusCode
from gateway.peppol import access_points
from gateway.store import documents, exchanges, signals
from gateway.store.exchanges import Direction, Exchange
from gateway.wiring import Gateway

__all__ = ["LEVEL", "RECEIVED_WITHIN", "SENT_WITHIN", "Board", "board", "issues_of", "queue_status", "remind"]

SENT_WITHIN: Final = timedelta(minutes=20)
RECEIVED_WITHIN: Final = timedelta(minutes=25)
LEVEL: Final = 0.995
_MOST_ISSUES: Final = 200
_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class Board:
    """How the service levels stand since a moment. Each pair is (in time, all); `open` waits within its time,
    `late` is past it without a status."""

    since: datetime
    sent: tuple[int, int]
    received: tuple[int, int]
    open: int
    late: int

    @property
    def holds(self) -> bool:
        """Whether both levels are kept."""
        return all(good >= LEVEL * every for good, every in (self.sent, self.received))


def issues_of(findings: Iterable[Finding]) -> tuple[Issue, ...]:
    """What rules and schema found, as a status tells it."""
    kinds = {Severity.FATAL: IssueCode.RULE_BROKEN, Severity.WARNING: IssueCode.RULE_WARNING}
    return tuple(
        Issue(
            IssueCode.SYNTAX if not finding.rule or finding.rule == "XSD" else kinds[finding.severity],
            f"{finding.rule}: {finding.text}"[:_LONGEST],
            finding.location or message_level_status.NOT_APPLICABLE,
        )
        for finding in findings
    )[:_MOST_ISSUES]


def queue_status(
    connection: Connection,
    gateway: Gateway,
    exchange: Exchange,
    code: StatusCode,
    *,
    text: str = "",
    issues: Sequence[Issue] = (),
) -> bool:
    """Answer a received document, in the caller's transaction; False where it is not to be answered so, or
    was answered before."""
    wanted = exchange.status_wanted == "ALWAYS_SEND" or (
        exchange.status_wanted and code is StatusCode.REFUSED
    )
    channel = access_points.named(gateway, exchange.channel)
    if not wanted or channel is None:
        return False
    now = gateway.clock()
    if not exchanges.set_status(connection, exchange, code.value, at=now):
        return False
    sender = Identifier(channel.seat[-6:], "0242")
    receiver = ParticipantId.of(exchange.status_to)
    status = MessageLevelStatus(
        id=str(uuid.uuid4()),
        issued_at=now.replace(microsecond=0),
        sender=sender,
        receiver=Identifier(receiver.number, receiver.icd),
        code=code.value,
        refers_to=exchange.instance,
        text=text,
        issues=tuple(issues),
    )
    default = message_level_status.default_receiver(exchange.peer)
    return signals.queue(
        connection,
        message_id=status.id,
        kind=signals.Kind.MESSAGE_LEVEL_STATUS,
        channel=channel.name,
        sender=str(sender),
        receiver=receiver.value,
        other_receiver=default.value if default != receiver else "",
        about=f"{exchange.peer} {exchange.message_id}",
        document_digest=documents.put(
            connection, message_level_status.write(status), "application/xml", now=now
        ),
        now=now,
    )


def remind(gateway: Gateway) -> int:
    """The watchdog: documents that nobody has decided on in time are said to be passed on; returns how
    many."""
    with gateway.database.read() as connection:
        due = exchanges.status_due(connection, now=gateway.clock())
    done = 0
    for exchange in due:
        with gateway.database.begin() as connection:
            done += queue_status(connection, gateway, exchange, StatusCode.PASSED_ON)
    return done


def board(connection: Connection, *, since: datetime, now: datetime) -> Board:
    """Both service levels, over the documents since then whose status was wanted in any case or came."""
    sent_good = sent_all = received_good = received_all = still_open = late = 0
    for exchange in exchanges.status_standing(connection, since=since):
        if exchange.status_wanted != "ALWAYS_SEND" and not exchange.status:
            continue
        limit = SENT_WITHIN if exchange.direction is Direction.IN else RECEIVED_WITHIN
        in_time = exchange.status_at is not None and exchange.status_at - exchange.at <= limit
        if exchange.status_at is None:
            if now - exchange.at <= limit:
                still_open += 1
                continue
            late += 1
        if exchange.direction is Direction.IN:
            sent_good, sent_all = sent_good + in_time, sent_all + 1
        else:
            received_good, received_all = received_good + in_time, received_all + 1
    return Board(since, (sent_good, sent_all), (received_good, received_all), still_open, late)
