"""The monthly reports of a service provider: how much was exchanged, and for how many end users.

Both are made from the exchanges of the month, checked, and queued for the network's receiver between the 1st
and the 15th of the month that follows; made again they replace what was sent. Source: Peppol reporting, TSR
1.0 and EUSR 1.1.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time

from sqlalchemy import Connection

from connectors.channels.peppol.channel import Peppol
from formats.finding import Finding, Severity
from formats.identifiers import DocumentTypeId, Identifier, ProcessId
from formats.statistics import end_users, transactions
from formats.statistics.exchange import Direction, Exchange, Month
from gateway.store import documents, exchanges, signals
from gateway.wiring import Gateway

__all__ = ["MonthlyReport", "make", "queue", "queue_when_due"]


@dataclass(frozen=True, slots=True)
class MonthlyReport:
    """One report of one month; `findings` is what its own rules say of it."""

    kind: signals.Kind
    month: Month
    content: bytes = field(repr=False)
    findings: tuple[Finding, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether it may be sent."""
        return not any(finding.severity is Severity.FATAL for finding in self.findings)


def make(connection: Connection, channel: Peppol, month: Month) -> tuple[MonthlyReport, ...]:
    """Both reports of one access point for one month, zeros included."""
    reporter = channel.seat
    counted = list(_of(connection, channel, month))
    traffic = transactions.write(transactions.make(counted, month=month, reporter=reporter))
    users = end_users.write(end_users.make(counted, month=month, reporter=reporter))
    return (
        MonthlyReport(signals.Kind.TRANSACTION_STATISTICS, month, traffic, transactions.check(traffic)),
        MonthlyReport(signals.Kind.END_USER_STATISTICS, month, users, end_users.check(users)),
    )


def queue(
    connection: Connection, gateway: Gateway, channel: Peppol, report: MonthlyReport, *, again: str = ""
) -> bool:
    """Queue one report for the network's receiver, once a month; `again` names a repetition with mended
    figures."""
    now = gateway.clock()
    return signals.queue(
        connection,
        message_id=str(uuid.uuid4()),
        kind=report.kind,
        channel=channel.name,
        sender=str(Identifier(channel.seat[-6:], "0242")),
        receiver=channel.settings.report_to,
        about=f"{channel.name} {report.month}{f' {again}' if again else ''}",
        document_digest=documents.put(connection, report.content, "application/xml", now=now),
        now=now,
    )


def queue_when_due(gateway: Gateway, channel: Peppol) -> int:
    """From the 1st to the 15th the reports of the month before are queued, if that was not done; returns how
    many.

    Only the production network is reported, and only where a receiver is set.
    """
    now = gateway.clock()
    month = Month.of(now).previous
    settings = channel.settings
    if settings.stage != "production" or not settings.report_to or now.date() > month.send_until:
        return 0
    with gateway.database.begin() as connection:
        return sum(
            queue(connection, gateway, channel, report)
            for report in make(connection, channel, month)
            if report.holds
        )


def _of(connection: Connection, channel: Peppol, month: Month) -> Iterator[Exchange]:
    start = datetime.combine(month.first, time(), UTC)
    end = datetime.combine(month.following.first, time(), UTC)
    for one in exchanges.between(connection, start, end):
        if one.channel != channel.name:
            continue
        incoming = one.direction is exchanges.Direction.IN
        scheme, _, value = one.document_type.partition("::")
        process_scheme, _, process = one.process.partition("::")
        yield Exchange(
            at=one.at,
            direction=Direction.INCOMING if incoming else Direction.OUTGOING,
            other=one.peer,
            document_type=DocumentTypeId(scheme, value),
            process=ProcessId(process_scheme, process),
            end_user=one.end_user,
            sender_country=one.country_c1,
            receiver_country=one.country_c4,
        )
