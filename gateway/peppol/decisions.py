"""What a person decides about a received document that waits: take it, or put it aside."""

from __future__ import annotations

from formats.errors import ConfigError
from gateway.store import inbox
from gateway.store.inbox import Item, Kind, State
from gateway.wiring import Gateway

__all__ = ["dismiss", "take"]


def take(gateway: Gateway, item: Item, *, by: str) -> None:
    """Have it handed over at the next round. ConfigError for what does not wait for that."""
    _require_waiting(item)
    if item.kind is not Kind.INVOICE:
        raise ConfigError(
            f"a {item.kind} is not handed over",
            where=f"inbox, {item.id}",
            fix="put it aside: gateway inbox dismiss",
        )
    with gateway.database.begin() as connection:
        now = gateway.clock()
        inbox.move(
            connection,
            item,
            State.CHECKED,
            "taken",
            {},
            now=now,
            actor=by,
            due_at=now,
            sentence=item.sentence,
        )


def dismiss(gateway: Gateway, item: Item, *, by: str, reason: str) -> None:
    """Put it aside, with the reason in the journal. ConfigError for what does not wait, or without a
    reason."""
    _require_waiting(item)
    if not reason.strip():
        raise ConfigError(
            "a reason is needed", where=f"inbox, {item.id}", fix="say why nothing is done with it"
        )
    with gateway.database.begin() as connection:
        now = gateway.clock()
        inbox.move(
            connection,
            item,
            State.REFUSED,
            "put aside",
            {"reason": reason},
            now=now,
            actor=by,
            sentence=reason,
        )


def _require_waiting(item: Item) -> None:
    if item.state is not State.PARKED:
        raise ConfigError(
            f"it is {item.state} and waits for nobody",
            where=f"inbox, {item.id}",
            fix="gateway inbox shows what waits",
        )
