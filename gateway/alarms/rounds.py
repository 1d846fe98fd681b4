"""The rounds of the alarms: look, tell what is new, tell again what nobody took, say when it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection

from formats.errors import ConflictError, EInvoicingError, StorageError
from gateway.alarms import mail
from gateway.alarms.model import Found, Kind
from gateway.alarms.watches import WATCHES
from gateway.store import alarms
from gateway.store.alarms import Alarm
from gateway.wiring import Gateway

__all__ = ["Rounds"]

_log = structlog.get_logger("alarms")
# What looks through much, or asks ERPs, need not be done at each look.
_PAUSES: Final = {
    Kind.SILENCE: timedelta(hours=1),
    Kind.COUNT: timedelta(hours=1),
    Kind.CERTIFICATE: timedelta(hours=6),
}


@dataclass(slots=True)
class Rounds:
    """The alarms of one gateway; one process at a time looks."""

    gateway: Gateway
    _looked: dict[Kind, datetime] = field(default_factory=dict)

    def look(self, *, everything: bool = False) -> int:
        """Look at what is due, or at everything; returns how many alarms are open. Safe to repeat."""
        gateway = self.gateway
        if not gateway.settings.alarms.enabled:
            return 0
        with gateway.alone("alarms"):
            for kind in WATCHES:
                now = gateway.clock()
                looked, pause = self._looked.get(kind), _PAUSES.get(kind)
                if everything or looked is None or pause is None or now - looked >= pause:
                    self._look_at(kind, now)
            with gateway.database.read() as connection:
                return len(alarms.open_ones(connection))

    def send(self) -> int:
        """Send the mails that are due; returns how many went out."""
        with self.gateway.alone("alarm mails"):
            return mail.send_due(self.gateway)

    def _look_at(self, kind: Kind, now: datetime) -> None:
        gateway = self.gateway
        try:
            found = {one.subject[:300]: one for one in WATCHES[kind](gateway, now)}
        except (StorageError, ConflictError):
            raise
        except EInvoicingError as error:
            # Who could not look does not say that all is well.
            _log.warning("not looked", kind=kind.value, what=error.what)
            return
        self._looked[kind] = now
        with gateway.database.read() as connection:
            before = {one.subject: one for one in alarms.open_ones(connection, kind=kind.value)}
        if not found and not before:
            return
        with gateway.database.begin() as connection:
            news = _News()
            for subject, one in found.items():
                if subject in before:
                    self._goes_on(connection, before[subject], one, now, news)
                else:
                    news.raised.append(_raised(connection, kind, subject, one, now))
            for subject, alarm in before.items():
                if subject not in found:
                    alarms.end(connection, alarm, now=now)
                    news.over.append(alarm)
            mail.queue(connection, gateway, raised=news.raised, again=news.again, over=news.over, now=now)
        for alarm in news.raised:
            _log.warning("alarm", kind=alarm.kind, subject=alarm.subject, what=alarm.sentence)

    def _goes_on(
        self, connection: Connection, alarm: Alarm, found: Found, now: datetime, news: _News
    ) -> None:
        alarms.changed(connection, alarm, level=found.level, sentence=found.sentence, fix=found.fix, now=now)
        repeat = timedelta(hours=self.gateway.settings.alarms.repeat_hours)
        worse = found.level > alarm.level
        if worse or (not alarm.taken_by and now - alarm.told_at >= repeat):
            fresh = alarms.get(connection, alarm.id)
            if fresh is not None:
                alarms.told(connection, fresh, now=now)
                news.again.append(fresh)


@dataclass(slots=True)
class _News:
    raised: list[Alarm] = field(default_factory=list)
    again: list[Alarm] = field(default_factory=list)
    over: list[Alarm] = field(default_factory=list)


def _raised(connection: Connection, kind: Kind, subject: str, found: Found, now: datetime) -> Alarm:
    return alarms.raise_one(
        connection,
        kind=kind.value,
        subject=subject,
        company=found.company,
        level=found.level,
        since=min(found.since, now),
        sentence=found.sentence,
        fix=found.fix,
        now=now,
    )
