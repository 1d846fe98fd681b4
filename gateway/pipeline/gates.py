"""Gates: which other sides are known to be out of reach, so that not every piece of work knocks there."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from formats.errors import EInvoicingError, RemoteRefused, RemoteUnavailable
from gateway.retry import RetryPolicy

__all__ = ["Gates"]


@dataclass(frozen=True, slots=True)
class _Gate:
    failed: frozenset[str]
    is_sure: bool
    closed_at: datetime
    until: datetime


class Gates:
    """One gate for each name ("channel email", "source sap"): one errand finds out, the others wait.

    A gate is closed the longer, the more different errands failed there in a row: one mailbox that is full,
    however often it is tried, does not hold up the mail to everybody else for longer than the first delay.
    Gates are only known in this process.
    """

    def __init__(self, retry: RetryPolicy) -> None:
        self._retry = retry
        self._lock = threading.Lock()
        self._gates: dict[str, _Gate] = {}

    def closed_until(self, name: str, now: datetime, *, asked_at: datetime | None = None) -> datetime | None:
        """The end of the pause, None when there is none; nor is there one for what a person asked for
        (`asked_at`) after the gate was closed."""
        with self._lock:
            gate = self._gates.get(name)
        if gate is None or gate.until <= now or (asked_at is not None and asked_at > gate.closed_at):
            return None
        return gate.until

    def surely_closed(self, name: str, now: datetime) -> bool:
        """Whether the other side as a whole is out of reach: not just for what one invoice wanted of it."""
        with self._lock:
            gate = self._gates.get(name)
        return gate is not None and gate.until > now and gate.is_sure

    def failed(
        self, name: str, errand: str, error: EInvoicingError, now: datetime, *, of_one_invoice: bool = False
    ) -> None:
        """Close the gate if `error`, which `errand` met, says that the other side is out of reach."""
        if not isinstance(error, RemoteUnavailable | RemoteRefused):
            return
        with self._lock:
            before = self._gates.get(name)
            if before is not None and before.until > now:
                return  # another worker was on its way at the same time; it says nothing more
            failed = (before.failed if before is not None else frozenset()) | {errand}
            is_sure = isinstance(error, RemoteRefused) or not of_one_invoice or len(failed) > 1
            if isinstance(error, RemoteRefused):
                # Knocking with a wrong password can lock the account.
                until = now + timedelta(seconds=self._retry.cap)
            else:
                # Where it is unknown whether one message was taken, the other side's time is for that
                # message.
                retry_at = None if error.uncertain else error.retry_at
                until = self._retry.next_try(len(failed), now=now, retry_at=retry_at)
            self._gates[name] = _Gate(failed, is_sure, now, until)

    def passed(self, name: str) -> None:
        """The other side answered."""
        with self._lock:
            self._gates.pop(name, None)
