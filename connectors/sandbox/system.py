"""What every imitated system offers to the offline world, whatever protocol it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from connectors.sandbox.faults import Faults

__all__ = ["ImitatedSystem"]


class ImitatedSystem(Protocol):
    """One system of the other side, on loopback, started and stopped by the world or by a test.

    The constructor takes `port` (0 for any free one). All state is in memory or in a temporary folder, seeded
    the same way every time; demo logins and keys are fixed, for they open nothing but this imitation on
    loopback.
    """

    name: str
    faults: Faults

    def start(self) -> None:
        """Listen; returns when connections are taken."""
        ...

    def stop(self) -> None:
        """Stop listening and end all threads; safe to repeat."""
        ...

    def addresses(self) -> Mapping[str, str]:
        """Where it listens, by purpose: {"rest": "http://127.0.0.1:8081"}."""
        ...

    def secrets(self) -> Mapping[str, str]:
        """Login data that a client needs, by file name: `gateway init` writes them into the folder
        `secrets/`."""
        ...

    def mend(self) -> list[str]:
        """Put the seeded faulty invoices right as a clerk would, and say what was done, one sentence each."""
        ...

    def holdings(self) -> Mapping[str, object]:
        """What this side got from the gateway, as plain data: documents, status notes, messages, and their
        counts."""
        ...
