"""Faults that an imitated system plays: each is armed for a place and a number of times, then it is over."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Final

from formats.errors import ConfigError

__all__ = ["KINDS", "Fault", "Faults"]

KINDS: Final = {
    "too-many-requests": "429 with Retry-After (see `seconds`)",
    "too-many-requests-bare": "429 without Retry-After",
    "server-error": "500 or the protocol's like, nothing done",
    "unavailable": "503 with a maintenance page, nothing done",
    "html": "200 with an HTML page instead of an answer",
    "truncated": "the answer ends in the middle",
    "slow": "the answer takes `seconds`",
    "drop-before": "the connection ends before anything was done",
    "drop-after": "the work is done, then the connection ends without an answer",
    "expired-token": "the access token is treated as expired",
    "revoked-token": "the login no longer exists",
    "soap-fault": "HTTP 200 with a SOAP fault or a failed status inside",
    "lost-receipt": "the message is taken, its receipt never comes",
    "rejected": "the message is taken, its receipt is a refusal",
    "duplicate": "the same thing is given twice",
    "full": "no space left at the other side",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what (`kind`), where (a regular expression found in the place's name), how often, how
    long."""

    kind: str
    where: str = ""
    times: int = 1
    seconds: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read `kind[@where][*times][~seconds]`, as in `too-many-requests@SalesInvoices*2~3`."""
        match = re.fullmatch(r"([a-z-]+)(?:@([^*~]*))?(?:\*(\d{1,6}))?(?:~(\d+(?:\.\d+)?))?", text.strip())
        if match is None or match[1] not in KINDS:
            raise ConfigError(
                f"{text!r} is not a fault",
                where="--faults",
                fix="write kind[@where][*times][~seconds] with one of " + ", ".join(KINDS),
            )
        where = match[2] or ""
        try:
            re.compile(where)
        except re.error as error:
            raise ConfigError(
                f"{where!r} in the fault {text!r} is not a regular expression: {error}",
                where="--faults",
                fix="write a part of the place's name, and a backslash before each of . + ( ) [ ]",
            ) from error
        return cls(match[1], where, int(match[3] or 1), float(match[4] or 1))


@dataclass(slots=True, eq=False)
class _Armed:
    """A fault and how often it is still to be played."""

    fault: Fault
    left: int


class Faults:
    """The armed faults of one imitated system; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []

    def arm(self, fault: Fault) -> None:
        with self._lock:
            self._armed.append(_Armed(fault, fault.times))

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def take(self, place: str, *kinds: str) -> Fault | None:
        """The first armed fault for this place (of these kinds, if any are named), counted down; None without
        one."""
        with self._lock:
            for entry in self._armed:
                fault = entry.fault
                if (not kinds or fault.kind in kinds) and re.search(fault.where, place):
                    entry.left -= 1
                    if entry.left <= 0:
                        self._armed.remove(entry)
                    return fault
        return None
