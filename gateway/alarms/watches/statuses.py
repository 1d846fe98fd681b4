"""The network's rule that a status leaves within 20 minutes of the receipt of its document."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from gateway.alarms.model import Found
from gateway.peppol.statuses import SENT_WITHIN
from gateway.store import signals
from gateway.store.exchanges import Direction
from gateway.store.tables import exchanges
from gateway.store.tables import signals as queued
from gateway.wiring import Gateway

__all__ = ["watch"]

# People hear while there is still time.
_WARNED: Final = timedelta(minutes=15)
_LOOK_BACK: Final = timedelta(days=7)


def watch(gateway: Gateway, now: datetime) -> Iterator[Found]:
    """Received documents whose status was not sent for 15 minutes; one level higher when the 20 are over."""
    if not any(one.kind == "peppol" for one in gateway.settings.channels):
        return
    undecided = select(exchanges.c.at).where(
        exchanges.c.direction == Direction.IN.value,
        exchanges.c.status_wanted == "ALWAYS_SEND",
        exchanges.c.status == "",
        exchanges.c.at <= now - _WARNED,
        exchanges.c.at >= now - _LOOK_BACK,
    )
    unsent = select(queued.c.made_at).where(
        queued.c.kind == signals.Kind.MESSAGE_LEVEL_STATUS.value,
        queued.c.sent_at.is_(None),
        queued.c.made_at <= now - _WARNED,
    )
    with gateway.database.read() as connection:
        waiting = [*connection.scalars(undecided), *connection.scalars(unsent)]
    if not waiting:
        return
    since = min(waiting)
    late = sum(now - at > SENT_WITHIN for at in waiting)
    number = "One status waits" if len(waiting) == 1 else f"{len(waiting)} statuses wait"
    yield Found(
        subject="message level status",
        since=since,
        sentence=f"{number} to be sent to other access points, the oldest for "
        f"{int((now - since).total_seconds() // 60)} minutes; {late} past the 20 minutes of the network",
        fix="gateway inbox shows what is not decided, gateway peppol signals what is not sent and why",
        level=int(late > 0),
    )
