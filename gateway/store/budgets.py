"""Call budgets: one ledger of calls for each ERP tenant, shared by all processes on one database.

Each limit of a tenant is one row that is locked while it is counted, so that two processes never spend the
same call; a transaction is as short as that. A window that has passed is begun anew by whoever comes first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from connectors.budget import CallBudget, CallLimit, Forecast, exhausted, tightest, window_start
from gateway.store.database import Database
from gateway.store.tables import call_windows

__all__ = ["Budgets", "Standing"]

_LONGEST_TENANT = 200


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one limit of one tenant stands: `used` of `calls` in the window that ends at `resets_at` (aware
    UTC); `reserve` of them are kept for writing."""

    tenant: str
    name: str
    used: int
    calls: int
    reserve: int
    resets_at: datetime

    @property
    def left(self) -> int:
        """Calls that reading may still make in this window."""
        return max(0, self.calls - self.used - self.reserve)

    @property
    def sentence(self) -> str:
        """For people: what is used, what is left for reading, what is kept for writing, until when."""
        kept = f", {self.reserve} kept for writing" if self.reserve else ""
        return (
            f"{self.used:,} of {self.calls:,} calls of this {self.name} used, {self.left:,} left for reading"
            f"{kept}; whole again at {self.resets_at:%Y-%m-%d %H:%M} UTC"
        )


class Budgets:
    """Opens the budgets of all tenants of one database, and tells where each stands."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock
        self._lock = threading.Lock()
        self._opened: dict[str, CallBudget] = {}

    def ledger(self, tenant: str, limits: tuple[CallLimit, ...]) -> CallBudget:
        """The budget of one tenant; as `Surroundings.ledger` wants it."""
        name = tenant[:_LONGEST_TENANT]
        with self._lock:
            self._opened[name] = _Ledger(self._database, name, limits, self._clock)
            return self._opened[name]

    def standing(self) -> tuple[Standing, ...]:
        """Every limit that was ever counted, by tenant and name; windows that have passed count as unused."""
        now = self._clock()
        query = select(call_windows).order_by(call_windows.c.tenant, call_windows.c.name)
        with self._database.read() as connection:
            return tuple(_standing(row, now) for row in connection.execute(query))


def _standing(row: Row[Any], now: datetime) -> Standing:
    passed = now >= row.resets_at
    resets_at = row.resets_at
    if passed:
        length = row.resets_at - row.started_at
        resets_at += length * ((now - row.resets_at) // length + 1) if length else timedelta()
    used = 0 if passed else row.used
    return Standing(row.tenant, row.name, used, row.calls, row.reserve, resets_at)


class _Ledger:
    """One tenant's rows. As connectors.budget.CallBudget."""

    def __init__(
        self,
        database: Database,
        tenant: str,
        limits: tuple[CallLimit, ...],
        clock: Callable[[], datetime],
    ) -> None:
        self._database, self._tenant, self._clock = database, tenant, clock
        # Always locked in this order, so that two processes never wait for each other.
        self._limits = tuple(sorted(limits, key=lambda limit: limit.name))

    def spend(self, calls: int = 1, *, writing: bool = False) -> None:
        now = self._clock()
        with self._database.begin() as connection:
            rows = [self._locked(connection, limit, now) for limit in self._limits]
            for limit, row in zip(self._limits, rows, strict=True):
                if calls > row.calls - row.used - (0 if writing else limit.reserve):
                    raise exhausted(self._tenant, limit, row.used, row.calls, row.resets_at, writing=writing)
            for row in rows:
                self._set(connection, row.name, used=row.used + calls)

    def learn(self, limit: str, *, calls: int, remaining: int, resets_at: datetime | None = None) -> None:
        now = self._clock()
        known = next((one for one in self._limits if one.name == limit), None)
        if known is None:
            return
        with self._database.begin() as connection:
            row = self._locked(connection, known, now)
            changed: dict[str, object] = {"calls": calls, "used": max(row.used, calls - remaining)}
            if resets_at is not None and resets_at > now:
                changed["resets_at"] = resets_at.astimezone(UTC)
            if any(getattr(row, name) != value for name, value in changed.items()):
                self._set(connection, limit, **changed)

    def forecast(self, calls: int) -> Forecast:
        now = self._clock()
        query = select(call_windows).where(call_windows.c.tenant == self._tenant)
        with self._database.read() as connection:
            rows: Mapping[str, Row[Any]] = {row.name: row for row in connection.execute(query)}
        found = [self._left(limit, rows.get(limit.name), calls, now) for limit in self._limits]
        return tightest(found, calls, now)

    def _left(self, limit: CallLimit, row: Row[Any] | None, calls: int, now: datetime) -> Forecast:
        if row is None or now >= row.resets_at:
            resets_at = window_start(limit, now) + timedelta(seconds=limit.seconds)
            return Forecast(calls, limit.calls - limit.reserve, limit.name, resets_at, limit.calls)
        left = max(0, row.calls - row.used - limit.reserve)
        return Forecast(calls, left, limit.name, row.resets_at, row.calls)

    def _locked(self, connection: Connection, limit: CallLimit, now: datetime) -> Row[Any]:
        """The row of the window that runs, made or begun anew where needed, locked until the end of the
        transaction."""
        start = window_start(limit, now)
        fresh = {
            "started_at": start,
            "calls": limit.calls,
            "resets_at": start + timedelta(seconds=limit.seconds),
            "reserve": limit.reserve,
            "used": 0,
        }
        query = (
            select(call_windows)
            .where(call_windows.c.tenant == self._tenant, call_windows.c.name == limit.name)
            .with_for_update()
        )
        row = connection.execute(query).one_or_none()
        if row is None:
            # Another process may make it at this moment: then it is there, and is waited for.
            make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            connection.execute(
                make(call_windows)
                .values(tenant=self._tenant, name=limit.name, **fresh)
                .on_conflict_do_nothing()
            )
            row = connection.execute(query).one()
        if now >= row.resets_at or row.reserve != limit.reserve:
            self._set(
                connection, limit.name, **(fresh if now >= row.resets_at else {"reserve": limit.reserve})
            )
            row = connection.execute(query).one()
        return row

    def _set(self, connection: Connection, name: str, **values: object) -> None:
        connection.execute(
            update(call_windows)
            .where(call_windows.c.tenant == self._tenant, call_windows.c.name == name)
            .values(**values)
        )
