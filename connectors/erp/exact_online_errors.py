"""The brake on errors: Exact blocks an endpoint for an hour after ten errors on it within an hour.

The block hits every program of the same app, user and division, and grows when it happens again, so we stop
some errors before it. Times of errors are kept in a state cell that all processes share; it is read again
whenever an error is added, so that two processes together stay below the limit.
"""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from typing import Final

from connectors.base import StateCell, Surroundings
from formats.errors import RemoteUnavailable

__all__ = ["ErrorBrake"]

_HOUR: Final = timedelta(hours=1)


class ErrorBrake:
    """Counts errors by endpoint (400, 401, 403, 404); thread-safe."""

    def __init__(self, surroundings: Surroundings, most: int) -> None:
        """`most` errors within an hour are made on one endpoint, then it rests."""
        self._surroundings = surroundings
        self._most = most
        self._lock = threading.Lock()
        self._errors: dict[str, list[datetime]] | None = None

    def passes(self, endpoint: str) -> None:
        """Raises RemoteUnavailable until the oldest of too many errors is an hour old."""
        with self._lock:
            if self._errors is None:
                with self._surroundings.locked("errors") as cell:
                    self._errors = _read(cell)
            since = self._surroundings.clock() - _HOUR
            recent = [moment for moment in self._errors.get(endpoint, ()) if moment > since]
        if len(recent) >= self._most:
            raise RemoteUnavailable(
                f"{len(recent)} requests failed within an hour; Exact would block this for an hour",
                where=f"Exact Online {endpoint}",
                fix="look at the failed requests in the journal; it goes on by itself",
                retry_at=min(recent) + _HOUR,
            )

    def note(self, endpoint: str) -> None:
        """One more error."""
        self._add(endpoint, 1)

    def blocked(self, endpoint: str) -> RemoteUnavailable:
        """The service has blocked the endpoint: it rests for an hour, and the error to raise says so."""
        self._add(endpoint, self._most)
        return RemoteUnavailable(
            "Exact Online has blocked this for an hour, because of too many errors",
            where=f"Exact Online {endpoint}",
            fix="look at the failed requests in the journal, and whether another program uses the same app; "
            "it goes on by itself",
            retry_at=self._surroundings.clock() + _HOUR,
        )

    def _add(self, endpoint: str, count: int) -> None:
        now = self._surroundings.clock()
        with self._lock, self._surroundings.locked("errors") as cell:
            errors = _read(cell)
            errors[endpoint] = (errors.get(endpoint, []) + [now] * count)[-2 * self._most :]
            self._errors = {
                name: recent
                for name, moments in errors.items()
                if (recent := [moment for moment in moments if moment > now - _HOUR])
            }
            cell.save(
                json.dumps({name: [at.isoformat() for at in times] for name, times in self._errors.items()})
            )


def _read(cell: StateCell) -> dict[str, list[datetime]]:
    try:
        data = json.loads(cell.value or "{}")
        return {str(name): [datetime.fromisoformat(at) for at in times] for name, times in data.items()}
    except (ValueError, TypeError, AttributeError):
        return {}  # only a count of the last hour; it begins anew
