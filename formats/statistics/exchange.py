"""What is collected about each exchange, and the month that a report is about.

Source: Peppol Reporting, Transaction Statistics 1.0.2 and End User Statistics 1.1.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final

from formats.codelists.tables import rows
from formats.identifiers import DocumentTypeId, ProcessId

__all__ = ["TRANSPORT_PROFILE", "UNKNOWN_COUNTRY", "Direction", "Exchange", "Month", "is_country", "of_month"]

TRANSPORT_PROFILE: Final = "peppol-transport-as4-v2_0"
UNKNOWN_COUNTRY: Final = "ZZ"
_LAST_DAY: Final = 15
_REPORTS: Final = (
    "urn:fdc:peppol.eu:edec:trns:transaction-statistics-reporting:",
    "urn:fdc:peppol.eu:edec:trns:end-user-statistics-report:",
)


class Direction(StrEnum):
    """Seen from us: what we received is incoming, what we sent is outgoing."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One document that changed hands, with a positive receipt, in the production network.

    `at` is the time of the AS4 message, aware. `other` is the certificate name of the other access point
    (POP000002). `sender_country` is that of the end user who sent (COUNTRY_C1), `receiver_country` that of
    who received it, "" where it is not known; for what we sent it need not be. `end_user` is our key of our
    own customer: who sent what is outgoing, who receives what is incoming.
    """

    at: datetime
    direction: Direction
    other: str
    document_type: DocumentTypeId
    process: ProcessId
    end_user: str
    sender_country: str = ""
    receiver_country: str = ""
    transport_profile: str = TRANSPORT_PROFILE

    @property
    def end_user_country(self) -> str:
        """The country of our customer."""
        return self.receiver_country if self.direction is Direction.INCOMING else self.sender_country

    @property
    def counts(self) -> bool:
        """Reports themselves are not reported."""
        return not self.document_type.customization.startswith(_REPORTS)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month in UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, moment: datetime) -> Month:
        """The month of an aware moment."""
        utc = moment.astimezone(UTC)
        return cls(utc.year, utc.month)

    @property
    def first(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        return self.following.first - timedelta(days=1)

    @property
    def following(self) -> Month:
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def previous(self) -> Month:
        day_before = self.first - timedelta(days=1)
        return Month(day_before.year, day_before.month)

    @property
    def send_from(self) -> date:
        """The first day on which the report is taken."""
        return self.following.first

    @property
    def send_until(self) -> date:
        """The last one; what comes later is not processed and counts as missing."""
        return self.following.first.replace(day=_LAST_DAY)

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}"


def of_month(exchanges: Iterable[Exchange], month: Month) -> Iterator[Exchange]:
    """Those of a month that count."""
    return (one for one in exchanges if one.counts and Month.of(one.at) == month)


def is_country(code: str) -> bool:
    """Whether a report may name this country."""
    return code in _countries()


@cache
def _countries() -> frozenset[str]:
    return frozenset(row["code"] for row in rows("report_countries"))
