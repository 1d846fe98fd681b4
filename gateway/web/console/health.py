"""How sources and channels are doing and what their call budgets leave: the same on every page that says
so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from gateway.access.rights import Actor, Right
from gateway.pipeline.submission import State, Verdict
from gateway.settings import SourceSettings
from gateway.store import finding, sides, sources
from gateway.store.budgets import Standing
from gateway.store.finding import Filter
from gateway.store.sides import Failing
from gateway.store.sources import SourceRecord
from gateway.web.console.shell import Shell

__all__ = ["ChannelState", "Health", "SourceState", "health"]

_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class SourceState:
    """One ERP interface, and what it fails at since when."""

    spec: SourceSettings
    record: SourceRecord
    failing: tuple[Failing, ...]


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One way out: how much of it waits for its other side, counted no further than 1,000, and what it fails
    at since when."""

    name: str
    kind: str
    waiting: int
    delivered: int
    failing: tuple[Failing, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """What of the systems around the gateway somebody may see. Budgets only for who sees all companies."""

    sources: tuple[SourceState, ...]
    channels: tuple[ChannelState, ...]
    budgets: tuple[Standing, ...]

    @property
    def unwell(self) -> int:
        """How many sources and channels fail at something."""
        failing = [*(one.failing for one in self.sources), *(one.failing for one in self.channels)]
        return sum(map(bool, failing))


def health(shell: Shell, actor: Actor) -> Health:
    """The systems of the companies for which `actor` may see them."""
    settings = shell.gateway.settings
    allowed = shell.sources(actor, Right.SEE_SYSTEM)
    specs = [one for one in settings.sources if allowed is None or one.name in allowed]
    with shell.gateway.database.read() as connection:
        failing = sides.failing(connection)
        erps = tuple(
            SourceState(spec, sources.get(connection, spec.name), failing.get(sides.source(spec.name), ()))
            for spec in specs
        )
        channels = tuple(
            _channel(connection, one.name, one.kind, allowed, failing.get(sides.channel(one.name), ()))
            for one in settings.channels
        )
    return Health(erps, channels, shell.gateway.budgets.standing() if allowed is None else ())


def _channel(
    connection: Connection,
    name: str,
    kind: str,
    allowed: tuple[str, ...] | None,
    failing: tuple[Failing, ...],
) -> ChannelState:
    stuck = Filter(
        sources=allowed,
        channels=(name,),
        states=(State.PARKED, State.READY, State.SENDING, State.SENT),
        verdicts=(Verdict.PROVIDER.value, Verdict.ROUTE.value, Verdict.PRECONDITION.value),
    )
    arrived = Filter(sources=allowed, channels=(name,), states=(State.DELIVERED, State.ACCEPTED, State.PAID))
    return ChannelState(
        name,
        kind,
        finding.count_up_to(connection, stuck, _COUNTED),
        finding.count_up_to(connection, arrived, _COUNTED),
        failing,
    )
