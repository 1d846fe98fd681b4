"""How sources and channels are doing and what their call budgets leave: the same on every page that says
so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from gateway.access.rights import Actor, Right
from gateway.pipeline.submission import State, Verdict
from gateway.settings import SourceSettings
from gateway.store import finding, sources
from gateway.store.budgets import Standing
from gateway.store.finding import Filter
from gateway.store.sources import SourceRecord
from gateway.web.console.shell import Shell

__all__ = ["ChannelState", "Health", "health"]

_COUNTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One way out: how much of it waits for its other side, counted no further than 1,000."""

    name: str
    kind: str
    waiting: int
    delivered: int


@dataclass(frozen=True, slots=True)
class Health:
    """What of the systems around the gateway somebody may see. Budgets only for who sees all companies."""

    sources: tuple[tuple[SourceSettings, SourceRecord], ...]
    channels: tuple[ChannelState, ...]
    budgets: tuple[Standing, ...]

    @property
    def unwell(self) -> int:
        """How many sources cannot be read."""
        return sum(bool(record.verdict) for _, record in self.sources)


def health(shell: Shell, actor: Actor) -> Health:
    """The systems of the companies for which `actor` may see them."""
    settings = shell.gateway.settings
    allowed = shell.sources(actor, Right.SEE_SYSTEM)
    specs = [one for one in settings.sources if allowed is None or one.name in allowed]
    with shell.gateway.database.read() as connection:
        records = tuple((spec, sources.get(connection, spec.name)) for spec in specs)
        channels = tuple(_channel(connection, one.name, one.kind, allowed) for one in settings.channels)
    return Health(records, channels, shell.gateway.budgets.standing() if allowed is None else ())


def _channel(connection: Connection, name: str, kind: str, allowed: tuple[str, ...] | None) -> ChannelState:
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
    )
