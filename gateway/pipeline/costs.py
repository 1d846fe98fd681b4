"""Costs: which route each message went by and what that cost, as the journal has it.

The price is that of the moment when the message was handed over, so a later change in routing.yaml changes
nothing that was written down. A message counts once, however often its handing over was noted; one that came
back undelivered was handed over all the same, and counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from gateway.pipeline import routing
from gateway.settings import Settings
from gateway.store import journal
from gateway.store.submissions import Submission

__all__ = ["MonthlyCost", "by_month", "told"]


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """Messages by one route in one month (YYYY-MM, UTC); `amount` is None where no price was set."""

    month: str
    route: str
    channel: str
    messages: int
    amount: Decimal | None
    currency: str


def told(connection: Connection, settings: Settings, submission: Submission) -> dict[str, object]:
    """What the journal keeps of a message that is handed over: the route's name, and its price if it has
    one."""
    route = routing.taken(connection, settings, submission)
    if route is None:
        return {}
    cost = route.cost
    price = {"cost": {"amount": format(cost.amount, "f"), "currency": cost.currency}} if cost else {}
    return {"route": route.name, **price}


def by_month(connection: Connection) -> tuple[MonthlyCost, ...]:
    """All messages handed over, by month, route and currency, oldest month first."""
    found: dict[tuple[str, str, str, str], tuple[int, Decimal | None]] = {}
    seen: set[str] = set()
    for entry in journal.entries(connection, event="sent"):
        data = json.loads(entry.data)
        message_id = str(data.get("message_id", ""))
        if message_id in seen:
            continue
        seen.add(message_id)
        channel = str(data.get("channel", ""))
        cost = data.get("cost")
        key = entry.at[:7], str(data.get("route", channel)), channel, cost["currency"] if cost else ""
        messages, amount = found.get(key, (0, None))
        if cost:
            amount = (amount or Decimal(0)) + Decimal(cost["amount"])
        found[key] = messages + 1, amount
    return tuple(
        MonthlyCost(month, route, channel, messages, amount, currency)
        for (month, route, channel, currency), (messages, amount) in sorted(found.items())
    )
