"""Which sources and channels fail: noted at each failure and each success, so that pages and alarms need not
wait for the invoice that tells it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, select

from connectors.base import CheckStep
from formats.errors import (
    ConfigError,
    ConflictError,
    EInvoicingError,
    RemoteBlocked,
    RemoteRefused,
    RemoteUnavailable,
    StorageError,
)
from gateway.pipeline.foreign import contained
from gateway.pipeline.stops import of_one_invoice, verdict_of
from gateway.pipeline.submission import State
from gateway.store import sides
from gateway.store.sides import Errand, Failing
from gateway.store.tables import submissions
from gateway.wiring import Gateway

__all__ = ["look_again", "note", "over"]

_RESTING: Final = (State.READY, State.SENDING, State.SENT)


def note(gateway: Gateway, side: str, errand: Errand, error: EInvoicingError, *, whole: bool = False) -> None:
    """It failed. Of what one invoice met (without `whole`) only what says something of the side itself."""
    if isinstance(error, RemoteBlocked) or not (whole or _of_the_side(error)):
        return
    with gateway.database.begin() as connection:
        sides.failed(
            connection,
            side,
            errand,
            verdict=verdict_of(error),
            what=error.what,
            fix=error.fix,
            now=gateway.clock(),
        )


def over(gateway: Gateway, side: str, *errands: Errand) -> None:
    """It did these; writes only where it had failed."""
    with gateway.database.read() as connection:
        failed = any(one.errand in errands for one in sides.of(connection, side))
    if failed:
        with gateway.database.begin() as connection:
            sides.passed(connection, side, errands)


def look_again(gateway: Gateway, channel: str) -> bool:
    """Try the connections of a channel that failed and for which nothing waits that would find out; whether
    it works again. Rarely: knocking with a wrong password can lock an account."""
    side = sides.channel(channel)
    with gateway.database.read() as connection:
        found = next((one for one in sides.of(connection, side) if one.errand is Errand.SEND), None)
        if found is None or _somebody_knocks(connection, channel):
            return False
    if found.last_at + timedelta(seconds=gateway.settings.retry.cap) > gateway.clock():
        return False
    broken = _broken(gateway, channel)
    if broken is None:
        over(gateway, side, Errand.SEND)
        return True
    _still(gateway, found, broken)
    return False


def _of_the_side(error: EInvoicingError) -> bool:
    return isinstance(error, RemoteUnavailable | RemoteRefused | ConfigError) and not of_one_invoice(error)


def _somebody_knocks(connection: Connection, channel: str) -> bool:
    states = [state.value for state in _RESTING]
    query = select(submissions.c.id).where(
        submissions.c.channel == channel,
        submissions.c.due_at.is_not(None),
        submissions.c.state.in_(states) | submissions.c.resume_state.in_(states),
    )
    return connection.execute(query.limit(1)).first() is not None


def _broken(gateway: Gateway, channel: str) -> CheckStep | None:
    """The first step of the check that fails; None where all is well."""
    try:
        with contained(channel):
            return next((step for step in gateway.channel(channel).check() if not step.ok), None)
    except (StorageError, ConflictError):
        raise
    except EInvoicingError as error:
        return CheckStep("connection", False, error.what, error.fix)


def _still(gateway: Gateway, found: Failing, broken: CheckStep) -> None:
    with gateway.database.begin() as connection:
        sides.failed(
            connection,
            found.side,
            found.errand,
            verdict=found.verdict,
            what=broken.seen,
            fix=broken.fix,
            now=gateway.clock(),
        )
