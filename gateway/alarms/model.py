"""What a watch finds: one thing that is not as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.wiring import Gateway

__all__ = ["Found", "Kind", "Watch"]


class Kind(StrEnum):
    """The kinds of alarms, one for each watch."""

    SILENCE = "silence"
    COUNT = "count"
    CERTIFICATE = "certificate"
    STATUS = "status"
    SOURCE = "source"
    CHANNEL = "channel"
    WRITE_BACK = "write-back"
    WORK = "work"
    RECORD = "record"
    DISK = "disk"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Found:
    """One finding: `subject` names it stably within its kind, `since` (aware UTC) is when it began. `level`
    rises when it becomes more urgent; people are told again then."""

    subject: str
    since: datetime
    sentence: str
    fix: str
    company: str = ""
    level: int = 0


# Looks at one kind of thing. Raises EInvoicingError where it could not look: then nothing is said to be over.
Watch = Callable[[Gateway, datetime], Iterable[Found]]
