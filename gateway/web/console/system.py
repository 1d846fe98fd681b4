"""GET /system: what is unwell, and what is the remedy. Sources, channels, call budgets, the network's service
levels, buyers that moved, certificates that end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request, Response

from formats.errors import EInvoicingError
from gateway.access.rights import Right
from gateway.peppol import access_points, statuses
from gateway.store import receivers, reports
from gateway.web.console.health import health
from gateway.web.console.shell import Shell
from gateway.web.guard import actor_of

__all__ = ["router"]

_BOARD_DAYS: Final = 30
_SOON: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Ending:
    """A certificate that signs for us; `ends_at` aware UTC."""

    name: str
    ends_at: datetime
    days: int


def router(shell: Shell) -> APIRouter:
    """The page."""
    routes = APIRouter()

    @routes.get("/system")
    def page(request: Request) -> Response:
        actor = actor_of(request)
        gateway = shell.gateway
        now = gateway.clock()
        whole = shell.sources(actor, Right.SEE_SYSTEM) is None
        with gateway.database.read() as connection:
            board = statuses.board(connection, since=now - timedelta(days=_BOARD_DAYS), now=now)
            drifted = receivers.listing(connection, only_drifted=True) if whole else ()
            unreported = reports.waiting(connection) if whole else []
        found = health(shell, actor)
        endings = _endings(shell, now) if whole else ()
        context = {
            "sources": found.sources,
            "unwell": found.unwell,
            "channels": found.channels,
            "budgets": found.budgets,
            "board": board if whole else None,
            "board_days": _BOARD_DAYS,
            "drifted": drifted,
            "unreported": unreported,
            "left_out": gateway.settings.left_out if whole else (),
            "not_taken_up": gateway.not_taken_up if whole else None,
            "endings": endings,
            "ending": sum(one.days < _SOON.days for one in endings),
            "soon": _SOON.days,
            "whole": whole,
        }
        return shell.render(request, "system.html", context, section="system")

    return routes


def _endings(shell: Shell, now: datetime) -> tuple[Ending, ...]:
    """The certificates of our access points, the first to end first."""
    try:
        channels = access_points.all_of(shell.gateway)
        ends = [(one.name, one.network.keys.active.certificate.not_valid_after_utc) for one in channels]
    except EInvoicingError:  # gateway check says what is wrong with its keys; the rest of the page is needed
        return ()
    found = [Ending(name, ends_at, (ends_at - now).days) for name, ends_at in ends]
    return tuple(sorted(found, key=lambda one: one.ends_at))
